/*
 * kernel.h - what every kernel in this folder needs: its entry point and one
 * line of output.
 *
 * A kernel is a small CPU-bound program used to measure and to check the
 * virtual machine. It has no main: its _start calls kernel(), and prints one
 * line, the kernel's name and a 64-bit checksum in hexadecimal. That line is
 * the same at every optimisation level and on every engine. libc is linked
 * for memcpy and the like only.
 */
#ifndef KERNEL_H
#define KERNEL_H

#include <stdint.h>

typedef struct {
	const char *data;
	uint32_t size;
} kernel_iovec;

__attribute__((import_module("wasi_snapshot_preview1"), import_name("fd_write")))
int kernel_fd_write(int fd, const kernel_iovec *iov, int count, uint32_t *written);

/* The kernel's work, returns its checksum. */
static uint64_t kernel(void);

/* One step of a checksum: order matters, every bit counts. */
static inline uint64_t mix(uint64_t sum, uint64_t value)
{
	sum ^= value;
	sum *= 0x9e3779b97f4a7c15u;
	return sum ^ (sum >> 29);
}

/* A small deterministic pseudo-random generator (xorshift). */
static inline uint32_t next_random(uint32_t *state)
{
	uint32_t x = *state;
	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	*state = x;
	return x;
}

#define KERNEL(name) \
	void _start(void); \
	void _start(void) \
	{ \
		static char line[sizeof name + 17] = name " "; \
		uint64_t sum = kernel(); \
		for (int i = 0; i < 16; i++) \
			line[sizeof name + i] = "0123456789abcdef"[sum >> (60 - 4 * i) & 15]; \
		line[sizeof name + 16] = '\n'; \
		kernel_iovec iov = {line, sizeof line}; \
		uint32_t written; \
		kernel_fd_write(1, &iov, 1, &written); \
	}

#endif
