/*
 * print.h - the little output that the test programs need. printf would do,
 * but it brings more code and debug info than all of the program.
 */
#ifndef PRINT_H
#define PRINT_H

#include <string.h>
#include <unistd.h>

static inline void print(const char *text)
{
	size_t size = strlen(text);

	while (size > 0) {
		ssize_t n = write(1, text, size);
		if (n <= 0)
			return;
		text += n;
		size -= (size_t)n;
	}
}

static inline void print_number(unsigned long long n)
{
	char digits[24], *p = digits + sizeof digits;

	*--p = 0;
	do
		*--p = (char)('0' + n % 10);
	while (n /= 10);
	print(p);
}

#endif
