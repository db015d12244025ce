// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO_DEVICE_GET_REGION_INFO
 */
#include <sys/stat.h>

#include "pci.h"
#include "test.h"

#define RW	(VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE)

TEST(bars, "each BAR has the size of its resource and may be read and written")
{
	struct vfio *d = dut();

	for (unsigned int i = 0; i < 6; i++) {
		struct vfio_region_info *r = &d->region[i];
		struct host_resource res;
		uint64_t size;

		ASSERT_EQ(host_resource(d->bdf, i, &res), 0);
		size = res.end ? res.end - res.start + 1 : 0;
		EXPECT_EQ(r->size, size);
		EXPECT_EQ(r->index, i);
		EXPECT_EQ(r->flags & RW, size ? RW : 0);
		if (!size || res.flags & RES_IO)
			EXPECT(!(r->flags & VFIO_REGION_INFO_FLAG_MMAP));
		else if (size >= 4096)
			EXPECT(r->flags & VFIO_REGION_INFO_FLAG_MMAP);
	}
}

TEST(config, "the config region has the function's config size")
{
	struct vfio *d = dut();
	struct vfio_region_info *r = &d->region[VFIO_PCI_CONFIG_REGION_INDEX];
	char path[96];
	struct stat st;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", d->bdf);
	ASSERT_EQ(stat(path, &st), 0);
	EXPECT_EQ(r->size, st.st_size);
	EXPECT_EQ(r->flags, RW);
}

TEST(rom, "the ROM region is read-only and as large as the ROM")
{
	struct vfio *d = dut();
	struct vfio_region_info *r = &d->region[VFIO_PCI_ROM_REGION_INDEX];
	struct host_resource res;
	uint64_t size;

	ASSERT_EQ(host_resource(d->bdf, 6, &res), 0);
	size = res.end ? res.end - res.start + 1 : 0;
	EXPECT_EQ(r->size, size);
	EXPECT_EQ(r->flags, size ? VFIO_REGION_INFO_FLAG_READ : 0);
}

TEST(vga, "a function without VGA has no VGA region")
{
	struct vfio *d = dut();
	struct vfio_region_info r = { .index = VFIO_PCI_VGA_REGION_INDEX };
	uint32_t class = cfg_read(d, PCI_CLASS_REVISION, 4) >> 16;

	if (class == 0x0300)
		SKIP("this is a VGA device");
	/* Size 0 is the general rule, EINVAL is what PCI has always said here. */
	EXPECT_EQ(vfio_get_region(d, &r), -EINVAL);
}

TEST(disjoint, "no two regions overlap in the file")
{
	struct vfio *d = dut();

	for (unsigned int i = 0; i < VFIO_PCI_NUM_REGIONS; i++)
		for (unsigned int j = 0; j < i; j++) {
			struct vfio_region_info *a = &d->region[i], *b = &d->region[j];

			if (!a->size || !b->size)
				continue;
			EXPECT(a->offset + a->size <= b->offset ||
			       b->offset + b->size <= a->offset);
		}
}

TEST(msix, "the BAR of the MSI-X table is all mappable, and says so")
{
	struct vfio *d = dut();
	struct vfio_region_info *r;
	unsigned int bar;
	uint32_t start, len;

	if (!msix_table(d, &bar, &start, &len))
		SKIP("no MSI-X");
	r = vfio_get_region_caps(d, bar);
	if (!(r->flags & VFIO_REGION_INFO_FLAG_MMAP))
		SKIP("the BAR with the table may not be mapped");
	EXPECT(r->flags & VFIO_REGION_INFO_FLAG_CAPS);
	EXPECT(vfio_cap(r, r->cap_offset, VFIO_REGION_INFO_CAP_MSIX_MAPPABLE));
	free(r);
}

TEST(caps, "capabilities are a sane chain, sparse areas are pages inside the region")
{
	struct vfio *d = dut();

	for (unsigned int i = 0; i < VFIO_PCI_VGA_REGION_INDEX; i++) {
		struct vfio_region_info *r = vfio_get_region_caps(d, i);
		struct vfio_region_info_cap_sparse_mmap *s;
		unsigned int n = 0;

		if (!(r->flags & VFIO_REGION_INFO_FLAG_CAPS)) {
			EXPECT_EQ(r->cap_offset, 0);
			free(r);
			continue;
		}
		for (uint32_t off = r->cap_offset; off; n++) {
			ASSERT(off >= sizeof(*r) && off < r->argsz && n < 16);
			off = ((struct vfio_info_cap_header *)((char *)r + off))->next;
		}
		EXPECT(n);
		s = vfio_cap(r, r->cap_offset, VFIO_REGION_INFO_CAP_SPARSE_MMAP);
		for (unsigned int a = 0; s && a < s->nr_areas; a++) {
			EXPECT_EQ(s->areas[a].offset % 4096, 0);
			EXPECT_EQ(s->areas[a].size % 4096, 0);
			EXPECT(s->areas[a].offset + s->areas[a].size <= r->size);
		}
		free(r);
	}
}

TEST(caps_short, "without room for capabilities, argsz says how much is needed")
{
	struct vfio *d = dut();
	unsigned int seen = 0;

	for (unsigned int i = 0; i < VFIO_PCI_VGA_REGION_INDEX; i++) {
		struct vfio_region_info r = { .index = i };

		ASSERT_EQ(vfio_get_region(d, &r), 0);
		if (!(r.flags & VFIO_REGION_INFO_FLAG_CAPS))
			continue;
		seen++;
		EXPECT_EQ(r.cap_offset, 0);
		EXPECT(r.argsz > sizeof(r));
	}
	if (!seen)
		SKIP("no region has capabilities");
}

TEST(device_specific, "regions beyond the fixed ones carry a type")
{
	struct vfio *d = dut();

	if (d->info.num_regions == VFIO_PCI_NUM_REGIONS)
		SKIP("there are none");
	for (unsigned int i = VFIO_PCI_NUM_REGIONS; i < d->info.num_regions; i++) {
		struct vfio_region_info *r = vfio_get_region_caps(d, i);

		EXPECT(r->size);
		EXPECT(vfio_cap(r, r->cap_offset, VFIO_REGION_INFO_CAP_TYPE));
		free(r);
	}
}

TEST(beyond, "an index that is not there is refused with EINVAL")
{
	struct vfio *d = dut();
	const uint32_t bad[] = { d->info.num_regions, 100, 0x7fffffff, 0xffffffff };

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		struct vfio_region_info r = { .index = bad[i] };

		EXPECT_EQ(vfio_get_region(d, &r), -EINVAL);
	}
}

TEST(argsz, "a short argsz is refused with EINVAL")
{
	struct vfio *d = dut();
	struct vfio_region_info r = {};

	for (r.argsz = 0; r.argsz < sizeof(r); r.argsz++)
		if (!EXPECT_EQ(vfio_ioctl(d->fd, VFIO_DEVICE_GET_REGION_INFO, &r), -EINVAL))
			break;
}
