/*
 * traps.c - dies in the way its argument names: divide, overflow, convert,
 * read, write, null, unreachable, abort, table, signature, recursion, exit.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "print.h"

static volatile int zero;
static volatile int minimum = INT32_MIN;
static volatile float huge = 1e30f;
static int progress;
static char *end = (char *)0x7ffffff0;

static int one(int x)
{
	return x + 1;
}

typedef int (*unary)(int);
typedef double (*other)(double, double);

static volatile unary functions[] = {one};

static int divide(int a)
{
	return a / zero; /* at: divide */
}

static int overflow(void)
{
	return minimum / (zero - 1); /* at: overflow */
}

static int convert(void)
{
	return __builtin_wasm_trunc_s_i32_f32(huge); /* at: convert */
}

static int read_far(void)
{
	return end[zero]; /* at: read */
}

static void write_far(void)
{
	end[zero] = 1; /* at: write */
}

static int bad_table(void)
{
	unary f = (unary)(uintptr_t)(4000 + zero);
	return f(1); /* at: table */
}

static double bad_signature(void)
{
	other f = (other)(uintptr_t)functions[0];
	return f(1, 2); /* at: signature */
}

static __attribute__((noinline)) int recurse(int n)
{
	int below = recurse(n + 1); /* at: recursion */
	return below + (n ^ zero);
}

int main(int argc, char **argv)
{
	const char *kind = argc > 1 ? argv[1] : "";

	print("trap: ");
	print(kind);
	print("\n");
	progress = 1;
	if (strcmp(kind, "divide") == 0)
		return divide(17);
	if (strcmp(kind, "overflow") == 0)
		return overflow();
	if (strcmp(kind, "convert") == 0)
		return convert();
	if (strcmp(kind, "read") == 0)
		return read_far();
	if (strcmp(kind, "write") == 0)
		write_far();
	if (strcmp(kind, "unreachable") == 0)
		__builtin_trap(); /* at: unreachable */
	if (strcmp(kind, "abort") == 0)
		abort(); /* at: abort */
	if (strcmp(kind, "table") == 0)
		return bad_table();
	if (strcmp(kind, "signature") == 0)
		return (int)bad_signature();
	if (strcmp(kind, "recursion") == 0)
		return recurse(0);
	if (strcmp(kind, "exit") == 0)
		exit(42); /* at: exit */
	print("unknown kind\n");
	return 2;
}
