// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the kernel has allocated for itself: objects in slabs, vmalloc, per-CPU
 * memory, page tables. Free objects that the allocator keeps are given back
 * first, so that two looks differ by what was allocated between them.
 */
#include <dirent.h>
#include <fcntl.h>

#include "memory.h"
#include "test.h"

static void shrink_slabs(void)
{
	DIR *dir = opendir("/sys/kernel/slab");
	struct dirent *e;
	char path[300];
	int fd;

	ASSERT(dir);
	while ((e = readdir(dir))) {
		snprintf(path, sizeof(path), "/sys/kernel/slab/%s/shrink", e->d_name);
		fd = open(path, O_WRONLY);
		if (fd < 0)
			continue;
		EXPECT_EQ(write(fd, "1", 1), 1);
		close(fd);
	}
	closedir(dir);
}

static long slab_bytes(void)
{
	FILE *f = fopen("/proc/slabinfo", "r");
	long used, size, sum = 0;
	char line[300];

	ASSERT(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%*s %ld %*d %ld", &used, &size) == 2)
			sum += used * size;
	fclose(f);
	return sum;
}

static long meminfo_bytes(void)
{
	static const char *const names[] = {
		"VmallocUsed:", "Percpu:", "PageTables:", "SecPageTables:",
	};
	FILE *f = fopen("/proc/meminfo", "r");
	char line[200], name[64];
	long kb, sum = 0;

	ASSERT(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%63s %ld", name, &kb) != 2)
			continue;
		for (unsigned int i = 0; i < ARRAY_SIZE(names); i++)
			if (!strcmp(name, names[i]))
				sum += kb * 1024;
	}
	fclose(f);
	return sum;
}

long kernel_memory(void)
{
	/* What is freed after a grace period is freed by then. */
	sleep(2);
	shrink_slabs();
	return slab_bytes() + meminfo_bytes();
}
