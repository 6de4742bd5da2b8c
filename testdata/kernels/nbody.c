/* Planets around a sun: f64 arithmetic, square roots and divisions. */
#include "kernel.h"

#define BODIES 5
#define STEPS 150000

struct body {
	double x[3], v[3], mass;
};

static struct body bodies[BODIES] = {
	{{0, 0, 0}, {0, 0, 0}, 39.4},
	{{4.8, -1.1, -0.1}, {0.6, 2.8, -0.02}, 0.037},
	{{8.3, 4.1, -0.4}, {-1.01, 1.8, 0.008}, 0.011},
	{{12.8, -15.1, -0.2}, {1.08, 0.86, -0.01}, 0.0017},
	{{15.3, -25.9, 0.1}, {0.97, 0.59, -0.03}, 0.002},
};

static __attribute__((noinline)) void advance(double dt)
{
	for (int i = 0; i < BODIES; i++) {
		struct body *a = &bodies[i];
		for (int j = i + 1; j < BODIES; j++) {
			struct body *b = &bodies[j];
			double d[3], square = 0;
			for (int k = 0; k < 3; k++) {
				d[k] = a->x[k] - b->x[k];
				square += d[k] * d[k];
			}
			double magnitude = dt / (square * __builtin_sqrt(square));
			for (int k = 0; k < 3; k++) {
				a->v[k] -= d[k] * b->mass * magnitude;
				b->v[k] += d[k] * a->mass * magnitude;
			}
		}
	}
	for (int i = 0; i < BODIES; i++)
		for (int k = 0; k < 3; k++)
			bodies[i].x[k] += dt * bodies[i].v[k];
}

static uint64_t kernel(void)
{
	uint64_t sum = 0;

	for (int step = 0; step < STEPS; step++)
		advance(0.001);
	for (int i = 0; i < BODIES; i++)
		for (int k = 0; k < 3; k++)
			sum = mix(sum, (uint64_t)(int64_t)(bodies[i].x[k] * 1e9));
	return sum;
}

KERNEL("nbody")
