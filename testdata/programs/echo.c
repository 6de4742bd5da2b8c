/*
 * echo.c - a server: accepts connections on the socket it is given (file
 * descriptor 3, or the one its argument names) and sends back what it reads,
 * in upper case, until a client says "quit".
 */
#include <ctype.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "print.h"

static int connections;

static int serve(int fd)
{
	char line[64];
	ssize_t n;
	int quit = 0;

	connections++;
	while (!quit && (n = recv(fd, line, sizeof line, 0)) > 0) {
		quit = n >= 4 && memcmp(line, "quit", 4) == 0;
		for (ssize_t i = 0; i < n; i++)
			line[i] = (char)toupper((unsigned char)line[i]); /* at: upper */
		if (send(fd, line, (size_t)n, 0) != n)
			break;
	}
	shutdown(fd, SHUT_RDWR);
	close(fd);
	return quit;
}

int main(int argc, char **argv)
{
	int listener = argc > 1 ? atoi(argv[1]) : 3;
	struct pollfd ready = {listener, POLLIN, 0};
	int fd;

	print("serving\n");
	for (;;) {
		poll(&ready, 1, 1000);
		fd = accept(listener, NULL, NULL);
		if (fd >= 0 && serve(fd))
			break;
	}
	print_number((unsigned)connections);
	print(" connections\n"); /* at: end */
	return 0;
}
