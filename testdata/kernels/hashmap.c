/* An open-addressing hash map from 64-bit keys to counters, with deletions. */
#include "kernel.h"

#define SLOTS (1 << 15)
#define OPERATIONS 2500000

enum state { EMPTY, USED, DELETED };

struct slot {
	uint64_t key;
	uint32_t count;
	uint8_t state;
};

static struct slot slots[SLOTS];

static inline uint32_t hash(uint64_t key)
{
	key *= 0xff51afd7ed558ccdu;
	return (uint32_t)(key >> 40) & (SLOTS - 1);
}

static __attribute__((noinline)) struct slot *find(uint64_t key, int create)
{
	struct slot *free = 0;

	for (uint32_t i = hash(key);; i = (i + 1) & (SLOTS - 1)) {
		struct slot *s = &slots[i];
		if (s->state == USED && s->key == key)
			return s;
		if (s->state != USED && !free)
			free = s;
		if (s->state != EMPTY)
			continue;
		if (!create)
			return 0;
		free->key = key;
		free->count = 0;
		free->state = USED;
		return free;
	}
}

static uint64_t kernel(void)
{
	uint32_t seed = 123456789;
	uint64_t sum = 0;

	for (int i = 0; i < OPERATIONS; i++) {
		uint64_t key = (uint64_t)(next_random(&seed) % 12000) * 0x100000001u;
		if (i % 16 == 15) {
			struct slot *s = find(key, 0);
			if (s) {
				sum = mix(sum, s->count);
				s->state = DELETED;
			}
			continue;
		}
		find(key, 1)->count++;
	}
	for (int i = 0; i < SLOTS; i++)
		if (slots[i].state == USED)
			sum = mix(sum, slots[i].key + slots[i].count);
	return sum;
}

KERNEL("hashmap")
