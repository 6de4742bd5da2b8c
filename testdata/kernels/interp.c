/* A bytecode interpreter: one big switch, which becomes br_table. */
#include "kernel.h"

enum op { PUSH, LOAD, STORE, ADD, SUB, MUL, XOR, SHR, DUP, SWAP, LESS, JUMP, JUMPZ, DROP, HALT };

struct instruction {
	uint8_t op;
	int32_t arg;
};

/*
 * i = 0; x = 1
 * while i < limit: x = (x * 1103515245 + 12345) ^ (x >> 3); i = i + 1
 */
static const struct instruction program[] = {
	{PUSH, 0}, {STORE, 0}, {PUSH, 1}, {STORE, 1},
	{LOAD, 0}, {LOAD, 2}, {LESS, 0}, {JUMPZ, 23},
	{LOAD, 1}, {DUP, 0}, {PUSH, 1103515245}, {MUL, 0}, {PUSH, 12345}, {ADD, 0},
	{SWAP, 0}, {PUSH, 3}, {SHR, 0}, {XOR, 0}, {STORE, 1},
	{LOAD, 0}, {PUSH, -1}, {SUB, 0}, {JUMP, 25},
	{LOAD, 1}, {HALT, 0},
	{STORE, 0}, {PUSH, 0}, {DROP, 0}, {JUMP, 4},
};

static uint32_t variables[8], stack[64];

static __attribute__((noinline)) uint32_t run(const struct instruction *code)
{
	uint32_t *sp = stack, t;

	for (const struct instruction *pc = code;; pc++) {
		switch ((enum op)pc->op) {
		case PUSH: *sp++ = (uint32_t)pc->arg; break;
		case LOAD: *sp++ = variables[pc->arg]; break;
		case STORE: variables[pc->arg] = *--sp; break;
		case ADD: sp--; sp[-1] += sp[0]; break;
		case SUB: sp--; sp[-1] -= sp[0]; break;
		case MUL: sp--; sp[-1] *= sp[0]; break;
		case XOR: sp--; sp[-1] ^= sp[0]; break;
		case SHR: sp--; sp[-1] >>= sp[0] & 31; break;
		case DUP: sp[0] = sp[-1]; sp++; break;
		case SWAP: t = sp[-1]; sp[-1] = sp[-2]; sp[-2] = t; break;
		case LESS: sp--; sp[-1] = sp[-1] < sp[0]; break;
		case JUMP: pc = code + pc->arg - 1; break;
		case JUMPZ: if (!*--sp) pc = code + pc->arg - 1; break;
		case DROP: sp--; break;
		case HALT: return *--sp;
		}
	}
}

static uint64_t kernel(void)
{
	variables[2] = 450000;
	return mix(0, run(program));
}

KERNEL("interp")
