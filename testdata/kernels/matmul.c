/* Dense f64 matrix multiplication, the textbook triple loop. */
#include "kernel.h"

#define N 160
#define ROUNDS 4

static double a[N][N], b[N][N], c[N][N];

static void fill(void)
{
	for (int i = 0; i < N; i++)
		for (int j = 0; j < N; j++) {
			a[i][j] = (double)(i * 3 - j) / 7.0;
			b[i][j] = (double)(i + j * 5) / 11.0;
		}
}

static __attribute__((noinline)) void multiply(void)
{
	for (int i = 0; i < N; i++)
		for (int j = 0; j < N; j++) {
			double sum = 0;
			for (int k = 0; k < N; k++)
				sum += a[i][k] * b[k][j];
			c[i][j] = sum;
		}
}

static uint64_t kernel(void)
{
	uint64_t sum = 0;

	fill();
	for (int round = 0; round < ROUNDS; round++) {
		multiply();
		for (int i = 0; i < N; i++)
			for (int j = 0; j < N; j++)
				a[i][j] = c[j][i] / 1000.0;
	}
	for (int i = 0; i < N; i++)
		sum = mix(sum, (uint64_t)(int64_t)c[i][N - 1 - i]);
	return sum;
}

KERNEL("matmul")
