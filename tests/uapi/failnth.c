// SPDX-License-Identifier: GPL-2.0-only
/*
 * For LD_PRELOAD: let an allocation of a program's system calls fail
 *
 * FAIL_NTH says which, FAIL_LEFT names the file that gets what is left of it when
 * the program ends: 0 if the allocation was reached and has failed.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void __attribute__((constructor)) begin(void)
{
	const char *nth = getenv("FAIL_NTH");
	int fd = open("/proc/self/fail-nth", O_WRONLY);

	if (fd < 0 || !nth || write(fd, nth, strlen(nth)) < 0)
		_exit(99);
	close(fd);
}

static void __attribute__((destructor)) end(void)
{
	const char *file = getenv("FAIL_LEFT");
	char left[16];
	ssize_t n = -1;
	int fd = open("/proc/self/fail-nth", O_RDONLY);

	if (fd >= 0)
		n = read(fd, left, sizeof(left));
	close(fd);
	fd = file ? open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600) : -1;
	if (n < 0 || fd < 0 || write(fd, left, n) != n)
		_exit(99);
	close(fd);
}
