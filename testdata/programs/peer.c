/*
 * peer.c - serves one TCP connection on the socket it is given (file descriptor
 * 3): reads limits.wanted bytes from it, at most limits.chunk at a time, and says
 * what came. A debugger changes the limits, and what the reads are answered.
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "print.h"

static volatile struct {
	unsigned chunk, wanted;
} limits = {16, 28}; /* chunk is 64 at most */

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
	ssize_t n = 0;
	int fd;

	print("waiting\n");
	while ((fd = accept(3, NULL, NULL)) < 0) /* at: accept */
		if (errno != EAGAIN) {
			print("cannot accept\n");
			return 2;
		}
	while (bytes < limits.wanted && (n = read(fd, buffer, limits.chunk)) > 0) { /* at: read */
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
	shutdown(fd, SHUT_RDWR);
	close(fd);
	report(reads, bytes); /* at: end */
	return n < 0;
}
