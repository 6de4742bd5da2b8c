/*
 * vectors.c - values of 128 bits: in locals, in memory, as arguments and
 * results, and in tail calls. It needs no C library. The tests find their
 * lines by the comments that start with "at:".
 */
#include <stdint.h>

typedef int32_t ints __attribute__((vector_size(16)));
typedef float floats __attribute__((vector_size(16)));
typedef double doubles __attribute__((vector_size(16)));
typedef uint8_t bytes __attribute__((vector_size(16)));

ints total;
bytes text = {'r', 'e', 'v', 'e', 'r', 's', 'e', ' ', 'd', 'e', 'b', 'u', 'g', 'g', 'e', 'r'};
volatile int sink;

__attribute__((noinline)) ints step(ints v, int by)
{
	ints next = v * 3 + by;
	next[3] -= 7; /* at: step */
	return next;  /* at: step result */
}

__attribute__((noinline)) floats halve(floats v)
{
	return v / 2; /* at: halve */
}

__attribute__((noinline)) ints accumulate(ints start, int n)
{
	ints sum = start;
	for (int i = 0; i < n; i++) {
		sum = step(sum, i); /* at: loop */
		sink = sum[0];
	}
	return sum; /* at: accumulate result */
}

/* Counts down by tail calls: one frame, however large n is. */
__attribute__((noinline)) int even(int n);

__attribute__((noinline)) int odd(int n)
{
	sink = n; /* at: odd */
	if (n == 0)
		return 0;
	__attribute__((musttail)) return even(n - 1);
}

__attribute__((noinline)) int even(int n)
{
	sink = n; /* at: even */
	if (n == 0)
		return 1;
	__attribute__((musttail)) return odd(n - 1); /* at: even calls */
}

void _start(void)
{
	ints start = {1, -2, 3, 2000000000};
	floats f = {1.5f, -2.25f, 0, 1e10f};
	doubles d = {0.5, -1e100};

	f = halve(f); /* at: call halve */
	total = accumulate(start, 4); /* at: call accumulate */
	sink = (int)f[0] + (int)d[0] + text[0]; /* at: after */
	sink = even(5); /* at: call even */
	sink = 0; /* at: after even */
}
