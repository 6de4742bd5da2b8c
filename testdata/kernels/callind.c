/* Calls through a table of functions: call_indirect in a tight loop. */
#include "kernel.h"

#define CALLS 6000000

typedef uint32_t (*operation)(uint32_t value, uint32_t round);

static uint32_t add(uint32_t value, uint32_t round) { return value + round; }
static uint32_t subtract(uint32_t value, uint32_t round) { return value - 3 * round; }
static uint32_t rotate(uint32_t value, uint32_t round) { return value << (round & 31) | value >> (-round & 31); }
static uint32_t scramble(uint32_t value, uint32_t round) { return (value ^ round) * 2654435761u; }
static uint32_t invert(uint32_t value, uint32_t round) { return ~value + (round >> 2); }

static operation volatile operations[] = {add, subtract, rotate, scramble, invert, scramble, add, rotate};

static uint64_t kernel(void)
{
	uint32_t value = 1;

	for (uint32_t round = 0; round < CALLS; round++)
		value = operations[(value ^ round) & 7](value, round);
	return mix(0, value);
}

KERNEL("callind")
