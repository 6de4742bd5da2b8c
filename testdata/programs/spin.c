/*
 * spin.c - runs for a very long time, to be interrupted. With an argument N
 * it makes N rounds of 1000 steps and ends; without, it makes 40 million.
 */
#include <stdlib.h>

#include "print.h"

unsigned long rounds;
unsigned value = 1;

static void round_of(int steps)
{
	for (int i = 0; i < steps; i++)
		value = value * 1664525u + 1013904223u; /* at: spin */
	rounds++;
}

int main(int argc, char **argv)
{
	unsigned long limit = argc > 1 ? strtoul(argv[1], NULL, 10) : 40000000;

	while (rounds < limit)
		round_of(1000);
	print_number(value); /* at: spin end */
	print("\n");
	return 0;
}
