/* Byte loops: length, copy, compare, search and case folding of strings. */
#include "kernel.h"

#define TEXT 4096
#define ROUNDS 700

static char text[TEXT + 1], copy[TEXT + 1];

static __attribute__((noinline)) uint32_t length(const char *s)
{
	const char *p = s;
	while (*p)
		p++;
	return (uint32_t)(p - s);
}

static __attribute__((noinline)) void duplicate(char *to, const char *from)
{
	while ((*to++ = *from++))
		;
}

static __attribute__((noinline)) int compare(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return (unsigned char)*a - (unsigned char)*b;
}

static __attribute__((noinline)) void upper(char *s)
{
	for (; *s; s++)
		if (*s >= 'a' && *s <= 'z')
			*s -= 'a' - 'A';
}

static __attribute__((noinline)) uint32_t count(const char *s, const char *word)
{
	uint32_t n = 0;

	for (; *s; s++) {
		int i = 0;
		while (word[i] && s[i] == word[i])
			i++;
		n += !word[i];
	}
	return n;
}

static uint64_t kernel(void)
{
	uint32_t seed = 521288629;
	uint64_t sum = 0;

	for (int i = 0; i < TEXT; i++)
		text[i] = "etaoin shrdlu"[next_random(&seed) % 13];
	for (int round = 0; round < ROUNDS; round++) {
		duplicate(copy, text);
		sum = mix(sum, length(copy));
		sum = mix(sum, (uint64_t)(compare(copy, text) == 0));
		sum = mix(sum, count(copy, "tea"));
		upper(copy);
		sum = mix(sum, (uint64_t)copy[round]);
		text[round]++;
		if (text[round] > 'z')
			text[round] = 'a';
	}
	return sum;
}

KERNEL("strings")
