/*
 * io.c - asks the host for everything a WASI program can ask for: standard
 * input, arguments, environment, files, directories, clocks, random numbers,
 * polling, and an exit code. "io DIR" works in the mounted directory DIR.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "print.h"

static unsigned checksum;

static void add(const void *data, size_t size)
{
	const unsigned char *p = data;

	while (size--)
		checksum = checksum * 31 + *p++;
}

static void fail(const char *what)
{
	print("failed: ");
	print(what);
	print("\n");
	exit(1);
}

static void environment(int argc, char **argv)
{
	const char *value = getenv("WREV_TEST");

	for (int i = 0; i < argc; i++) {
		print("argument ");
		print_number((unsigned)i);
		print(": ");
		print(argv[i]);
		print("\n");
	}
	print("WREV_TEST=");
	print(value ? value : "(unset)");
	print("\n");
}

static void input(void)
{
	char buffer[16];
	unsigned bytes = 0;
	ssize_t n;

	while ((n = read(0, buffer, sizeof buffer)) > 0) {
		bytes += (unsigned)n;
		add(buffer, (size_t)n); /* at: stdin */
	}
	print_number(bytes);
	print(" bytes on standard input\n");
}

static const char *join(const char *dir, const char *name)
{
	static char path[2][256];
	static int which;

	which = !which;
	strcpy(path[which], dir);
	strcat(path[which], "/");
	strcat(path[which], name);
	return path[which];
}

static void files(const char *dir)
{
	static const char text[] = "written by io.c\n";
	char back[32] = "";
	struct stat st;
	int fd = open(join(dir, "written.txt"), O_RDWR | O_CREAT | O_TRUNC, 0666);

	if (fd < 0)
		fail("open");
	if (write(fd, text, sizeof text - 1) != sizeof text - 1 || lseek(fd, 3, SEEK_SET) != 3)
		fail("write");
	if (read(fd, back, sizeof back) < 0)
		fail("read"); /* at: read back */
	close(fd);
	if (stat(join(dir, "written.txt"), &st))
		fail("stat");
	print_number((unsigned long long)st.st_size);
	print(" bytes, read back: ");
	print(back);
	if (rename(join(dir, "written.txt"), join(dir, "renamed.txt")) || unlink(join(dir, "renamed.txt")))
		fail("rename or unlink");
	if (mkdir(join(dir, "new"), 0777) || rmdir(join(dir, "new")))
		fail("mkdir or rmdir");
	if (open(join(dir, "missing"), O_RDONLY) < 0 && errno == ENOENT)
		print("missing is missing\n");
}

static void directory(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	unsigned entries = 0;

	if (!d)
		fail("opendir");
	while ((e = readdir(d)))
		if (e->d_name[0] != '.') {
			entries++;
			add(e->d_name, strlen(e->d_name));
		}
	closedir(d);
	print_number(entries);
	print(" entries\n");
}

static void host(void)
{
	struct timespec now, pause = {0, 1000000};
	unsigned char noise[16];

	clock_gettime(CLOCK_REALTIME, &now);
	add(&now, sizeof now);
	clock_gettime(CLOCK_MONOTONIC, &now);
	add(&now, sizeof now);
	if (getentropy(noise, sizeof noise))
		fail("getentropy");
	add(noise, sizeof noise); /* at: random */
	nanosleep(&pause, NULL);
	print("checksum ");
	print_number(checksum); /* differs from run to run */
	print("\n");
}

int main(int argc, char **argv)
{
	environment(argc, argv);
	input();
	if (argc > 1) {
		files(argv[1]);
		directory(argv[1]);
	}
	host();
	if (write(2, "done\n", 5) != 5)
		fail("stderr");
	return 7; /* at: end */
}
