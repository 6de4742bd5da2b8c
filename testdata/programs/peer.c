/*
 * peer.c - serves one TCP connection on the socket it is given (file descriptor
 * 3): reads it to its end, `chunk` bytes at a time, and says what came. A
 * debugger changes `chunk`, or what the reads are answered.
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "print.h"

static volatile unsigned chunk = 16; /* 64 at most */

static void report(unsigned reads, unsigned bytes)
{
	print_number(bytes);
	print(" bytes in ");
	print_number(reads);
	print(" reads\n");
}

int main(void)
{
	char buffer[65];
	unsigned reads = 0, bytes = 0;
	ssize_t n;
	int fd;

	print("waiting\n");
	while ((fd = accept(3, NULL, NULL)) < 0) /* at: accept */
		if (errno != EAGAIN) {
			print("cannot accept\n");
			return 2;
		}
	while ((n = read(fd, buffer, chunk)) > 0) { /* at: read */
		reads++;
		bytes += (unsigned)n;
		print("got ");
		buffer[n] = 0;
		print(buffer);
		print("\n");
		if (send(fd, "ok\n", 3, 0) != 3)
			print("cannot send\n"); /* at: sent */
	}
	if (n < 0)
		print(errno == ECONNRESET ? "reset\n" : "cannot read\n");
	report(reads, bytes); /* at: end */
	return n < 0;
}
