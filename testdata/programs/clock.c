/*
 * clock.c - a million clock readings and nothing else: what a host call costs
 * while it is recorded. It needs no libc.
 */
#include <stdint.h>

#define READINGS 1000000

__attribute__((import_module("wasi_snapshot_preview1"), import_name("clock_time_get")))
int clock_time_get(int clock, int64_t precision, uint64_t *now);

uint64_t last, backwards;

void _start(void);
void _start(void)
{
	uint64_t now;

	for (int i = 0; i < READINGS; i++) {
		clock_time_get(1, 0, &now);
		if (now < last)
			backwards++;
		last = now;
	}
}
