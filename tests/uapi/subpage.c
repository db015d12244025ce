// SPDX-License-Identifier: GPL-2.0-only
/*
 * BARs of memory that are shorter than a page: whose page it is
 */
#include <dirent.h>
#include <sys/mman.h>

#include "pci.h"
#include "test.h"

#define PAGE	4096ull

/* The first such BAR of the device under test */
static unsigned int short_bar(struct vfio *d, struct host_resource *res)
{
	for (unsigned int i = 0; i < 6; i++) {
		ASSERT_EQ(host_resource(d->bdf, i, res), 0);
		if (res->flags & RES_MEM && res->end && d->region[i].size < PAGE)
			return i;
	}
	SKIP("no BAR of memory is shorter than a page");
}

/* Is a BAR or ROM of another function in the page of @mine? */
static bool has_neighbour(const struct vfio *d, const struct host_resource *mine)
{
	DIR *dir = opendir("/sys/bus/pci/devices");
	struct host_resource res;
	struct dirent *e;
	bool found = false;

	ASSERT(dir);
	while ((e = readdir(dir))) {
		if (e->d_name[0] == '.' || !strcmp(e->d_name, d->bdf))
			continue;
		for (unsigned int i = 0; i < 7 && !found; i++)
			found = !host_resource(e->d_name, i, &res) && res.end &&
				res.flags & RES_MEM &&
				res.start / PAGE <= mine->end / PAGE &&
				res.end / PAGE >= mine->start / PAGE;
	}
	closedir(dir);
	return found;
}

/* A line of /proc/iomem for the rest of the page behind the BAR */
static bool rest_is_taken(const struct host_resource *res)
{
	FILE *f = fopen("/proc/iomem", "r");
	char line[200], want[64];
	bool found = false;

	ASSERT(f);
	snprintf(want, sizeof(want), "%08llx-%08llx :",
		 (unsigned long long)res->end + 1,
		 (unsigned long long)(res->start | (PAGE - 1)));
	while (!found && fgets(line, sizeof(line), f))
		found = strstr(line, want);
	fclose(f);
	return found;
}

TEST(alone, "alone in its page, it is mappable, and nobody else gets the rest")
{
	struct vfio *d = dut();
	struct host_resource res;
	unsigned int bar = short_bar(d, &res);
	struct vfio_region_info *r = &d->region[bar];
	uint32_t val;
	char *p;

	if (has_neighbour(d, &res))
		SKIP("it is not alone");
	EXPECT_EQ(res.start % PAGE, 0);
	EXPECT_EQ(r->size, res.end - res.start + 1);
	ASSERT(r->flags & VFIO_REGION_INFO_FLAG_MMAP);
	EXPECT(rest_is_taken(&res));
	p = vfio_mmap(d, bar, 0, PAGE);
	ASSERT(p != MAP_FAILED);
	for (uint64_t off = 0; off < r->size; off += 4) {
		EXPECT(peek32(p + off, &val));
		if (!off)
			EXPECT_EQ(val, bar_read32(d, bar, 0));
	}
	munmap(p, PAGE);
	EXPECT(vfio_mmap(d, bar, 0, 2 * PAGE) == MAP_FAILED && errno == EINVAL);
	EXPECT(vfio_mmap(d, bar, PAGE, PAGE) == MAP_FAILED && errno == EINVAL);

	dut_close();
	EXPECT(!rest_is_taken(&res));
	dut();
}

TEST(revoked, "memory off revokes the page of a short BAR")
{
	struct vfio *d = dut();
	struct host_resource res;
	unsigned int bar = short_bar(d, &res);
	uint32_t val;
	char *p;

	if (!(d->region[bar].flags & VFIO_REGION_INFO_FLAG_MMAP))
		SKIP("it is not alone");
	p = vfio_mmap(d, bar, 0, PAGE);
	ASSERT(p != MAP_FAILED);
	EXPECT(peek32(p, &val));
	cfg_command(d, 0, PCI_COMMAND_MEMORY);
	EXPECT(!peek32(p, &val));
	EXPECT_EQ(vfio_read(d, bar, 0, &val, 4), -EIO);
	cfg_command(d, PCI_COMMAND_MEMORY, 0);
	EXPECT(peek32(p, &val));
	munmap(p, PAGE);
}

TEST(neighbour, "in a page with another's BAR, it is not mappable, but read()able")
{
	struct vfio *d = dut();
	struct host_resource res;
	unsigned int bar = short_bar(d, &res);
	struct vfio_region_info *r = &d->region[bar];

	if (!has_neighbour(d, &res))
		SKIP("it is alone in its page");
	EXPECT_EQ(r->size, res.end - res.start + 1);
	EXPECT_EQ(r->flags, VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE);
	EXPECT(!rest_is_taken(&res));
	EXPECT(vfio_mmap(d, bar, 0, PAGE) == MAP_FAILED && errno == EINVAL);
	for (uint64_t off = 0; off < r->size; off += 4)
		bar_read32(d, bar, off);
}

TEST(end, "no access reaches beyond its end, where a neighbour may be")
{
	struct vfio *d = dut();
	struct host_resource res;
	unsigned int bar = short_bar(d, &res);
	uint64_t size = d->region[bar].size;
	uint8_t buf[64];

	EXPECT_EQ(vfio_read(d, bar, size - 4, buf, sizeof(buf)), 4);
	EXPECT_EQ(vfio_read(d, bar, size, buf, 4), -EINVAL);
	EXPECT_EQ(vfio_write(d, bar, size, buf, 4), -EINVAL);
	EXPECT_EQ(vfio_read(d, bar, PAGE - 4, buf, 4), -EINVAL);
}
