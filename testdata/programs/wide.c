/*
 * wide.c - what is hard to show of a program in wasm: results that are wider
 * than a register, structures that travel as scalars, variables that live in
 * locals of high numbers or on the operand stack, and data that the linker
 * removed. The tests find their lines by the comments that start with "at:".
 */
#include <stdint.h>

#include "print.h"

typedef long double real;
typedef __int128 const wide;

struct one {
	int x;
};

struct two {
	int x, y;
};

union number {
	float f;
	int i;
};

real scale = 1.25L;
int removed[10]; /* nothing uses it, so it has no address */

__attribute__((noinline)) real half(real v)
{
	return v / 2; /* at: half */
}

__attribute__((noinline)) wide multiply(wide a, int64_t b)
{
	return a * b; /* at: multiply */
}

__attribute__((noinline)) struct one make_one(int x)
{
	struct one o = {x + 40};
	return o; /* at: make_one */
}

__attribute__((noinline)) struct two make_two(int x)
{
	struct two o = {x, x + 1};
	return o; /* at: make_two */
}

__attribute__((noinline)) union number make_number(float f)
{
	union number o = {f};
	return o; /* at: make_number */
}

__attribute__((noinline)) double _Complex make_complex(double d)
{
	return d + 2.0i; /* at: make_complex */
}

real (*functions[])(real) = {half};

/* Many values that are alive at once: more locals than a short location reaches. */
__attribute__((noinline)) int many(const volatile int *p)
{
	int a0 = p[0], a1 = p[1], a2 = p[2], a3 = p[3], a4 = p[4], a5 = p[5], a6 = p[6], a7 = p[7];
	int b0 = p[0] * 3, b1 = p[1] * 3, b2 = p[2] * 3, b3 = p[3] * 3, b4 = p[4] * 3, b5 = p[5] * 3, b6 = p[6] * 3;
	int c0 = p[0] * 5, c1 = p[1] * 5, c2 = p[2] * 5, c3 = p[3] * 5, c4 = p[4] * 5, c5 = p[5] * 5, c6 = p[6] * 5;
	int d0 = p[0] * 7, d1 = p[1] * 7, d2 = p[2] * 7, d3 = p[3] * 7, d4 = p[4] * 7, d5 = p[5] * 7, d6 = p[6] * 7;
	int e0 = p[0] * 9, e1 = p[1] * 9, e2 = p[2] * 9, e3 = p[3] * 9, e4 = p[4] * 9, e5 = p[5] * 9, e6 = p[6] * 9;
	int sum = p[7]; /* at: many */

	for (int i = 0; i < p[1]; i++)
		sum += (a0 ^ i) + (a1 ^ b0 ^ i) + (a2 ^ b1) + (a3 ^ b2 ^ i) + (a4 ^ b3) + (a5 ^ b4) + (a6 ^ b5) + (a7 ^ b6) +
		       (c0 ^ d0 ^ e0 ^ i) + (c1 ^ d1 ^ e1) + (c2 ^ d2 ^ e2 ^ i) + (c3 ^ d3 ^ e3) + (c4 ^ d4 ^ e4 ^ i) +
		       (c5 ^ d5 ^ e5) + (c6 ^ d6 ^ e6 ^ sum); /* at: many values */
	return sum;
}

int main(void)
{
	volatile int n = 1;
	int numbers[8] = {1, 2, 3, 4, 5, 6, 7, 8};
	real h = functions[n - 1](scale * n);
	wide m = multiply(n, 1LL << 40);
	struct one o = make_one(n);
	struct two t = make_two(n);
	union number u = make_number((float)n);
	double _Complex c = make_complex(n);
	int sum = many(numbers);

	print_number((unsigned)(int)(h * 1000)); /* at: all made */
	print(" ");
	print_number((unsigned)(int)(m >> 40));
	print(" ");
	print_number((unsigned)o.x + (unsigned)t.y + (unsigned)u.f + (unsigned)__real__ c);
	print(" ");
	print_number((unsigned)sum);
	print("\n");
	return 0;
}
