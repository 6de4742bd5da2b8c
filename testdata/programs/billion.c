/*
 * billion.c - more than a thousand million instructions with host calls and
 * memory writes all along: a cellular automaton on a ring of cells, reporting
 * a checksum every few generations.
 */
#include <stdint.h>
#include <time.h>

#include "print.h"

#define CELLS 16384
#define GENERATIONS 7200
#define REPORT 400

static uint8_t cells[2][CELLS];
static uint32_t checksum;
int generation;

static void evolve(const uint8_t *from, uint8_t *to, unsigned rule)
{
	unsigned window = (unsigned)from[CELLS - 1] << 1 | from[0];

	for (int i = 0; i < CELLS; i++) {
		window = (window << 1 | from[(i + 1) % CELLS]) & 7;
		to[i] = rule >> window & 1;
	}
}

int main(void)
{
	struct timespec start, now;

	clock_gettime(CLOCK_MONOTONIC, &start);
	cells[0][CELLS / 2] = 1;
	for (generation = 0; generation < GENERATIONS; generation++) {
		const uint8_t *from = cells[generation & 1];
		uint8_t *to = cells[~generation & 1];
		evolve(from, to, 110);
		checksum = checksum * 31 + to[generation % CELLS]; /* at: checksum */
		if (generation % REPORT == REPORT - 1) {
			clock_gettime(CLOCK_MONOTONIC, &now);
			print_number((unsigned)generation + 1);
			print(" ");
			print_number(checksum);
			print("\n");
		}
	}
	return 0;
}
