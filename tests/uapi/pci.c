// SPDX-License-Identifier: GPL-2.0-only
/*
 * Config space, through VFIO and through sysfs
 */
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "pci.h"
#include "test.h"

#define MAX_CAPS	48
#define MAX_EXT_CAPS	((4096 - 256) / 8)

typedef uint32_t (*reader)(const void *from, unsigned int off, unsigned int len);

uint32_t cfg_read(struct vfio *d, unsigned int off, unsigned int len)
{
	uint32_t val = 0;

	ASSERT_EQ(vfio_read(d, VFIO_PCI_CONFIG_REGION_INDEX, off, &val, len), len);
	return val;
}

void cfg_write(struct vfio *d, unsigned int off, unsigned int len, uint32_t val)
{
	ASSERT_EQ(vfio_write(d, VFIO_PCI_CONFIG_REGION_INDEX, off, &val, len), len);
}

unsigned int cfg_size(struct vfio *d)
{
	return d->region[VFIO_PCI_CONFIG_REGION_INDEX].size;
}

static int host_config(const char *bdf, int flags)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", bdf);
	fd = open(path, flags | O_CLOEXEC);
	ASSERT(fd >= 0);
	return fd;
}

uint32_t host_read(const char *bdf, unsigned int off, unsigned int len)
{
	int fd = host_config(bdf, O_RDONLY);
	uint32_t val = 0;

	ASSERT_EQ(pread(fd, &val, len, off), len);
	close(fd);
	return val;
}

void host_write(const char *bdf, unsigned int off, uint32_t val, unsigned int len)
{
	int fd = host_config(bdf, O_WRONLY);

	ASSERT_EQ(pwrite(fd, &val, len, off), len);
	close(fd);
}

static uint32_t read_user(const void *from, unsigned int off, unsigned int len)
{
	return cfg_read((struct vfio *)from, off, len);
}

static uint32_t read_host(const void *from, unsigned int off, unsigned int len)
{
	return host_read(from, off, len);
}

static unsigned int find_cap(reader rd, const void *from, unsigned int id)
{
	unsigned int pos;

	if (!(rd(from, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST))
		return 0;
	pos = rd(from, PCI_CAPABILITY_LIST, 1) & ~3u;
	for (int i = 0; pos >= PCI_STD_HEADER_SIZEOF && i < MAX_CAPS; i++) {
		if (rd(from, pos, 1) == id)
			return pos;
		pos = rd(from, pos + 1, 1) & ~3u;
	}
	return 0;
}

static unsigned int find_ext_cap(reader rd, const void *from, unsigned int id)
{
	unsigned int pos = PCI_CFG_SPACE_SIZE;

	for (int i = 0; pos >= PCI_CFG_SPACE_SIZE && i < MAX_EXT_CAPS; i++) {
		uint32_t head = rd(from, pos, 4);

		if (!head || head == 0xffffffff)
			return 0;
		if (PCI_EXT_CAP_ID(head) == id)
			return pos;
		pos = PCI_EXT_CAP_NEXT(head);
	}
	return 0;
}

unsigned int cfg_cap(struct vfio *d, unsigned int id)
{
	return find_cap(read_user, d, id);
}

unsigned int cfg_ext_cap(struct vfio *d, unsigned int id)
{
	return cfg_size(d) > PCI_CFG_SPACE_SIZE ? find_ext_cap(read_user, d, id) : 0;
}

unsigned int host_cap(const char *bdf, unsigned int id)
{
	return find_cap(read_host, bdf, id);
}

unsigned int host_ext_cap(const char *bdf, unsigned int id)
{
	char path[96];
	struct stat st;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", bdf);
	if (stat(path, &st) || st.st_size <= PCI_CFG_SPACE_SIZE)
		return 0;
	return find_ext_cap(read_host, bdf, id);
}

void cfg_command(struct vfio *d, uint16_t set, uint16_t clear)
{
	uint16_t cmd = cfg_read(d, PCI_COMMAND, 2);

	cfg_write(d, PCI_COMMAND, 2, (cmd & ~clear) | set);
}

/* The bridge above the bus of @bdf: its config space, or -1 */
static int open_bridge(const char *bdf)
{
	char path[PATH_MAX], real[PATH_MAX];
	char *end;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", bdf);
	if (!realpath(path, real))
		return -1;
	end = strrchr(real, '/');
	snprintf(path, sizeof(path), "%.*s/config", (int)(end - real), real);
	return open(path, O_RDWR | O_CLOEXEC);
}

#define NOWHERE	0xffff	/* secondary and subordinate bus */

static uint16_t bus_numbers;

static bool give_bus_numbers(const char *bdf, uint16_t numbers, uint16_t *old)
{
	int fd = open_bridge(bdf);

	if (fd < 0)
		return false;
	ASSERT_EQ(pread(fd, old, 2, PCI_SECONDARY_BUS), 2);
	ASSERT_EQ(pwrite(fd, &numbers, 2, PCI_SECONDARY_BUS), 2);
	close(fd);
	return true;
}

bool host_hide(const char *bdf)
{
	return give_bus_numbers(bdf, NOWHERE, &bus_numbers);
}

void host_show(const char *bdf)
{
	uint16_t old;

	ASSERT(give_bus_numbers(bdf, bus_numbers, &old));
	ASSERT_EQ(old, NOWHERE);
}

bool host_is_vf(const char *bdf)
{
	char name[64];

	return !sysfs_link(bdf, "physfn", name, sizeof(name));
}

int host_resource(const char *bdf, unsigned int n, struct host_resource *res)
{
	char text[4096] = "", *line = text;
	unsigned long long v[3];
	int ret = sysfs_read(bdf, "resource", text, sizeof(text) - 1);

	if (ret < 0)
		return ret;
	while (n-- && line) {
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	if (!line || sscanf(line, "%llx %llx %llx", &v[0], &v[1], &v[2]) != 3)
		return -ENOENT;
	*res = (struct host_resource){ v[0], v[1], v[2] };
	return 0;
}

bool msix_table(struct vfio *d, unsigned int *bar, uint32_t *start, uint32_t *len)
{
	unsigned int cap = cfg_cap(d, PCI_CAP_ID_MSIX);
	uint32_t table;

	if (!cap)
		return false;
	table = cfg_read(d, cap + PCI_MSIX_TABLE, 4);
	*bar = table & PCI_MSIX_TABLE_BIR;
	*start = table & PCI_MSIX_TABLE_OFFSET;
	*len = ((cfg_read(d, cap + PCI_MSIX_FLAGS, 2) & PCI_MSIX_FLAGS_QSIZE) + 1) *
	       PCI_MSIX_ENTRY_SIZE;
	return true;
}

unsigned int mappable_bar(struct vfio *d)
{
	unsigned int best = VFIO_PCI_NUM_REGIONS, table = VFIO_PCI_NUM_REGIONS;
	uint32_t start, len;

	msix_table(d, &table, &start, &len);
	for (unsigned int i = 0; i <= VFIO_PCI_BAR5_REGION_INDEX; i++)
		if (d->region[i].flags & VFIO_REGION_INFO_FLAG_MMAP &&
		    (best == VFIO_PCI_NUM_REGIONS || best == table))
			best = i;
	if (best == VFIO_PCI_NUM_REGIONS)
		SKIP("no BAR may be mapped");
	return best;
}

uint64_t mappable_page(struct vfio *d)
{
	struct vfio_region_info *r = vfio_get_region_caps(d, mappable_bar(d));
	struct vfio_region_info_cap_sparse_mmap *s;
	uint64_t off;

	s = vfio_cap(r, r->cap_offset, VFIO_REGION_INFO_CAP_SPARSE_MMAP);
	off = s && s->nr_areas ? s->areas[0].offset : 0;
	free(r);
	return off;
}

int probe_bar(struct vfio *d)
{
	unsigned int bar = mappable_bar(d);
	uint32_t val;

	return vfio_read(d, bar, d->region[bar].size - 4, &val, 4);
}

bool memory_gate(struct vfio *d)
{
	int ret;

	cfg_command(d, 0, PCI_COMMAND_MEMORY);
	ret = probe_bar(d);
	cfg_command(d, PCI_COMMAND_MEMORY, 0);
	if (!host_is_vf(d->bdf))
		EXPECT_EQ(ret, -EIO);
	return ret == -EIO;
}
