/* The sieve of Eratosthenes over bytes: strided stores, simple loops. */
#include "kernel.h"

#define LIMIT (1 << 20)
#define ROUNDS 6

static uint8_t composite[LIMIT];

static __attribute__((noinline)) uint32_t sieve(uint32_t limit)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < limit; i++)
		composite[i] = 0;
	for (uint32_t i = 2; i < limit; i++) {
		if (composite[i])
			continue;
		count++;
		for (uint32_t j = i + i; j < limit; j += i)
			composite[j] = 1;
	}
	return count;
}

static uint64_t kernel(void)
{
	uint64_t sum = 0;

	for (uint32_t round = 0; round < ROUNDS; round++)
		sum = mix(sum, sieve(LIMIT - round * 1000));
	return sum;
}

KERNEL("sieve")
