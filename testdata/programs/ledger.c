/*
 * ledger.c [MB] - ten thousand million instructions over 64 MB of memory, all
 * of which is written again and again: accounts of one branch, so many MB of
 * them (2 unless told), are booked on in random order, then those of another
 * one, and now and then all of them are gone through in turn. With 64 no page
 * of memory stays as it is for long.
 */
#include <stdint.h>
#include <stdlib.h>

#include "print.h"

#define ACCOUNTS (1u << 22)
#define ROUNDS 110
#define BOOKINGS 1700000u
#define REPORT 10

struct account {
	uint32_t balance, bookings;
	uint64_t last; /* time of the last booking */
};

static struct account accounts[ACCOUNTS];
static uint32_t state = 1;
static uint64_t now;

static uint32_t next_random(void)
{
	state ^= state << 13;
	state ^= state >> 17;
	return state ^= state << 5;
}

/* book makes n bookings on the accounts [first, first+size). */
static void book(uint32_t n, uint32_t first, uint32_t size)
{
	while (n-- > 0) {
		uint32_t r = next_random();
		struct account *a = &accounts[first + r % size];
		a->balance += r >> 24;
		a->bookings++;
		a->last = ++now;
	}
}

static uint32_t settle(void)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < ACCOUNTS; i++) {
		accounts[i].balance -= accounts[i].balance >> 6;
		sum = sum * 31 + accounts[i].balance;
	}
	return sum;
}

int main(int argc, char **argv)
{
	uint32_t sum = settle();
	uint32_t size = (argc > 1 ? (uint32_t)atoi(argv[1]) : 2) * (ACCOUNTS / 64);

	if (size == 0 || size > ACCOUNTS)
		return 2;
	for (int round = 1; round <= ROUNDS; round++) {
		book(BOOKINGS, next_random() % (ACCOUNTS - size + 1), size);
		if (round % REPORT == 0) {
			sum += settle();
			print_number((unsigned)round);
			print(" ");
			print_number(sum);
			print("\n");
		}
	}
	return 0;
}
