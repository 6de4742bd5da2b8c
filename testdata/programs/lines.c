/*
 * lines.c - adds up the numbers that standard input brings, one at a time, and
 * says the sum after each. In between it waits in read().
 */
#include <stdlib.h>
#include <unistd.h>

#include "print.h"

static unsigned sum;

static void add(const char *line)
{
	sum += (unsigned)atoi(line);
	print("sum "); /* at: added */
	print_number(sum);
	print("\n");
}

int main(void)
{
	char line[64];
	ssize_t n;

	print("numbers, please\n");
	while ((n = read(0, line, sizeof line - 1)) > 0) { /* at: read */
		line[n] = 0;
		add(line);
	}
	return (int)sum; /* at: end */
}
