/* The Mandelbrot set in f32: float compares and data-dependent loops. */
#include "kernel.h"

#define SIZE 220
#define DEPTH 400

static __attribute__((noinline)) uint32_t depth(float cx, float cy)
{
	float x = 0, y = 0;
	uint32_t n = 0;

	while (n < DEPTH && x * x + y * y <= 4.0f) {
		float t = x * x - y * y + cx;
		y = 2.0f * x * y + cy;
		x = t;
		n++;
	}
	return n;
}

static uint64_t kernel(void)
{
	uint64_t sum = 0;

	for (int row = 0; row < SIZE; row++) {
		uint32_t line = 0;
		for (int column = 0; column < SIZE; column++)
			line += depth((float)column * (3.0f / SIZE) - 2.25f, (float)row * (3.0f / SIZE) - 1.5f);
		sum = mix(sum, line);
	}
	return sum;
}

KERNEL("mandelbrot")
