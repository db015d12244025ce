// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the kernel allocates on behalf of this task, from the tracepoints of its
 * allocators: exact, where the sums in /proc also show what everybody else does.
 * Pages that are allocated as such do not count: they are page tables.
 */
#include <fcntl.h>

#include "memory.h"
#include "test.h"

#define TRACING		"/sys/kernel/tracing/"
#define MAX_LIVE	20000

static const char *const events[] = {
	"kmem/kmalloc", "kmem/kmem_cache_alloc", "kmem/kfree", "kmem/kmem_cache_free",
};

static struct { unsigned long ptr, bytes; } live[MAX_LIVE];
static unsigned int nlive;

static void put(const char *file, const char *text)
{
	char path[200];
	int fd;

	snprintf(path, sizeof(path), TRACING "%s", file);
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	ASSERT(fd >= 0);
	ASSERT_EQ(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void trace(bool on)
{
	char name[200];

	for (unsigned int i = 0; i < ARRAY_SIZE(events); i++) {
		snprintf(name, sizeof(name), "events/%s/enable", events[i]);
		put(name, on ? "1" : "0");
	}
}

static unsigned long field(const char *line, const char *name, int base)
{
	const char *at = strstr(line, name);

	return at ? strtoul(at + strlen(name), NULL, base) : 0;
}

static void forget(unsigned long ptr)
{
	for (unsigned int i = 0; i < nlive; i++)
		if (live[i].ptr == ptr)
			live[i] = live[--nlive];
}

static long sum_of_trace(void)
{
	FILE *f = fopen(TRACING "trace", "re");
	unsigned long ptr, bytes;
	char line[500];
	long sum = 0;

	ASSERT(f);
	nlive = 0;
	while (fgets(line, sizeof(line), f)) {
		ptr = field(line, " ptr=", 16);
		bytes = field(line, " bytes_alloc=", 10);
		if (!ptr)
			continue;
		forget(ptr);
		if (!bytes)
			continue;
		ASSERT(nlive < MAX_LIVE);
		live[nlive].ptr = ptr;
		live[nlive++].bytes = bytes;
	}
	fclose(f);
	for (unsigned int i = 0; i < nlive; i++)
		sum += live[i].bytes;
	return sum;
}

long memory_kept(void (*run)(void))
{
	char pid[20];

	snprintf(pid, sizeof(pid), "%d", getpid());
	put("options/hash-ptr", "0");
	put("buffer_size_kb", "16384");
	put("set_event_pid", pid);
	put("tracing_on", "1");
	put("trace", "");
	trace(true);
	run();
	trace(false);
	return sum_of_trace();
}
