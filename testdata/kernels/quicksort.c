/* Quicksort of 32-bit keys with an insertion sort for short ranges. */
#include "kernel.h"

#define KEYS 120000
#define ROUNDS 4

static int32_t keys[KEYS];

static void insertion(int32_t *a, int n)
{
	for (int i = 1; i < n; i++) {
		int32_t key = a[i];
		int j = i;
		for (; j > 0 && a[j - 1] > key; j--)
			a[j] = a[j - 1];
		a[j] = key;
	}
}

static void sort(int32_t *a, int n)
{
	while (n > 12) {
		int32_t pivot = a[n / 2];
		int i = 0, j = n - 1;
		while (i <= j) {
			while (a[i] < pivot)
				i++;
			while (a[j] > pivot)
				j--;
			if (i <= j) {
				int32_t t = a[i];
				a[i++] = a[j];
				a[j--] = t;
			}
		}
		if (j + 1 < n - i) {
			sort(a, j + 1);
			a += i;
			n -= i;
		} else {
			sort(a + i, n - i);
			n = j + 1;
		}
	}
	insertion(a, n);
}

static uint64_t kernel(void)
{
	uint32_t seed = 362436069;
	uint64_t sum = 0;

	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < KEYS; i++)
			keys[i] = (int32_t)next_random(&seed);
		sort(keys, KEYS);
		for (int i = 1; i < KEYS; i++)
			if (keys[i - 1] > keys[i])
				return 0;
		for (int i = 0; i < KEYS; i += 997)
			sum = mix(sum, (uint32_t)keys[i]);
	}
	return sum;
}

KERNEL("quicksort")
