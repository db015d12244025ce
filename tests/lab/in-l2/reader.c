// SPDX-License-Identifier: GPL-2.0-only
/*
 * reader ADDRESS PORT KBYTES: in a guest, receive numbered lines by TCP, slowly, and
 * check each byte of them.
 *
 * At most KBYTES kilobytes are taken a second while there is no /tmp/hurry, so that the
 * rest waits in the memory of the socket. /tmp/read says how far it is ("WRONG READ", in
 * bytes) and becomes
 * /tmp/done at the end of the stream.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIRST		"10000000\n"	/* as in peer.py */
#define LINE		9
/* Less than a ring has room for, so that nothing is lost */
#define SOCKET_MEMORY	(512 << 10)
#define STEPS		16		/* reads a second */

/* The next line of the stream. Not by snprintf(): the guest's processor is slow. */
static void advance(char *line)
{
	int i = LINE - 2;

	while (line[i] == '9')
		line[i--] = '0';
	line[i]++;
}

/* How many of @len bytes at @pos of the stream are not what they should be. */
static unsigned long compare(const char *buf, size_t len, unsigned long pos)
{
	static char line[LINE + 1] = FIRST;
	unsigned long wrong = 0;
	size_t i;

	for (i = 0; i < len; i++) {
		wrong += buf[i] != line[(pos + i) % LINE];
		if ((pos + i) % LINE == LINE - 1)
			advance(line);
	}
	return wrong;
}

static void say(unsigned long wrong, unsigned long pos)
{
	FILE *f = fopen("/tmp/read.new", "w");

	if (!f)
		return;
	fprintf(f, "%lu %lu\n", wrong, pos);
	fclose(f);
	rename("/tmp/read.new", "/tmp/read");
}

static int die(const char *what)
{
	perror(what);
	return 1;
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	unsigned long wrong = 0, pos = 0, step;
	int memory = SOCKET_MEMORY, s;
	ssize_t got;
	char *buf;

	if (argc != 4 || !inet_aton(argv[1], &to.sin_addr)) {
		fprintf(stderr, "usage: reader ADDRESS PORT KBYTES\n");
		return 2;
	}
	to.sin_port = htons(atoi(argv[2]));
	step = strtoul(argv[3], NULL, 0) * 1024 / STEPS;
	buf = malloc(step);
	s = socket(AF_INET, SOCK_STREAM, 0);
	if (!buf || s < 0)
		return die("reader");
	/* Before it connects, since the window's scale is agreed on there. */
	if (setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &memory, sizeof(memory)))
		return die("reader: memory of the socket");
	if (connect(s, (struct sockaddr *)&to, sizeof(to)))
		return die("reader: connect");

	while ((got = recv(s, buf, step, 0)) > 0) {
		wrong += compare(buf, got, pos);
		pos += got;
		say(wrong, pos);
		if (access("/tmp/hurry", F_OK))
			usleep(1000000 / STEPS);
	}
	if (got < 0)
		return die("reader: receive");
	rename("/tmp/read", "/tmp/done");
	return 0;
}
