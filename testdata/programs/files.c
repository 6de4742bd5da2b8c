/*
 * files.c - "files DIR" reads DIR/input, writes what it found to DIR/output in
 * upper case, keeps a journal of it, and removes DIR/old. A debugger changes
 * `result` to make it write another file.
 */
#include <ctype.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "print.h"

static char result[16] = "output";
static char path[256];

static const char *in(const char *dir, const char *name)
{
	strcpy(path, dir);
	strcat(path, "/");
	return strcat(path, name);
}

static int copy(int from, int to)
{
	char part[8];
	ssize_t n;

	while ((n = read(from, part, sizeof part)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			part[i] = (char)toupper((unsigned char)part[i]);
		if (write(to, part, (size_t)n) != n) /* at: write */
			return -1;
	}
	return n < 0 ? -1 : 0;
}

int main(int argc, char **argv)
{
	const char *dir = argc > 1 ? argv[1] : "/data";
	int from = open(in(dir, "input"), O_RDONLY), to, journal;

	if (from < 0) {
		print("no input\n");
		return 1;
	}
	journal = open(in(dir, "journal"), O_WRONLY | O_CREAT | O_APPEND, 0666);
	to = open(in(dir, result), O_WRONLY | O_CREAT | O_TRUNC, 0666); /* at: open */
	if (to < 0 || journal < 0 || copy(from, to)) {
		print("cannot write\n");
		return 1;
	}
	if (write(journal, result, strlen(result)) < 0 || write(journal, "\n", 1) < 0) /* at: journal */
		print("no journal\n");
	close(to);
	to = open(in(dir, result), O_RDONLY);
	if (to >= 0 && copy(to, 1)) /* at: show */
		print("cannot show\n");
	if (unlink(in(dir, "old")))
		print("nothing old\n");
	print("wrote "); /* at: end */
	print(result);
	print("\n");
	return 0;
}
