/* Recursive Fibonacci: nothing but calls and returns. */
#include "kernel.h"

static __attribute__((noinline)) uint32_t fib(uint32_t n)
{
	if (n < 2)
		return n;
	return fib(n - 1) + fib(n - 2);
}

static uint64_t kernel(void)
{
	return mix(0, fib(33));
}

KERNEL("fib")
