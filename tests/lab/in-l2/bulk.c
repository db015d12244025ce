// SPDX-License-Identifier: GPL-2.0-only
/*
 * bulk ADDRESS PORT send|receive MB: in a guest, move megabytes by TCP in large pieces
 *
 * busybox's nc moves a kilobyte at a time, which measures it and not the interface.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char buf[256 * 1024];

static int die(const char *what)
{
	perror(what);
	return 1;
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	size_t left, size;
	ssize_t n = 1;
	int s, send_it;

	if (argc != 5 || !inet_aton(argv[1], &to.sin_addr)) {
		fprintf(stderr, "usage: bulk ADDRESS PORT send|receive MB\n");
		return 2;
	}
	to.sin_port = htons(atoi(argv[2]));
	send_it = !strcmp(argv[3], "send");
	left = strtoul(argv[4], NULL, 0) << 20;
	s = socket(AF_INET, SOCK_STREAM, 0);
	if (s < 0 || connect(s, (struct sockaddr *)&to, sizeof(to)))
		return die("bulk: connect");

	for (; left && n > 0; left -= n) {
		size = left < sizeof(buf) ? left : sizeof(buf);
		n = send_it ? write(s, buf, size) : read(s, buf, size);
		if (n < 0)
			return die("bulk");
	}
	return left ? 1 : 0;
}
