// SPDX-License-Identifier: GPL-2.0-only
/*
 * BARs by mmap(): fault in, revocation, limits
 */
#include <sys/mman.h>

#include "model.h"
#include "pci.h"
#include "test.h"

#define PAGE	4096

/* The page with the scratch register; *reg is the register in it */
static void *map_scratch(struct vfio *d, const struct model *m, void **reg)
{
	void *p = vfio_mmap(d, 0, m->scratch & ~(PAGE - 1u), PAGE);

	ASSERT(p != MAP_FAILED);
	*reg = p + m->scratch % PAGE;
	return p;
}

TEST(same, "a register reads the same through the mapping and through read()")
{
	struct vfio *d = dut();
	const struct model *m = model_needed(d);
	uint32_t val = 0;
	void *reg, *p = map_scratch(d, m, &reg);

	EXPECT(poke32(reg, 0x01230123 & m->scratch_bits));
	EXPECT_EQ(bar_read32(d, 0, m->scratch), scratch_value(m, 0x01230123));
	scratch_write(d, m, 0x04560456);
	EXPECT(peek32(reg, &val));
	EXPECT_EQ(val, scratch_value(m, 0x04560456));
	munmap(p, PAGE);
}

TEST(whole, "each mappable BAR can be mapped as a whole and every page touched")
{
	struct vfio *d = dut();

	mappable_bar(d);
	for (unsigned int i = 0; i < 6; i++) {
		struct vfio_region_info *r = vfio_get_region_caps(d, i);
		uint32_t val;
		void *p;

		if (!(r->flags & VFIO_REGION_INFO_FLAG_MMAP) ||
		    vfio_cap(r, r->cap_offset, VFIO_REGION_INFO_CAP_SPARSE_MMAP)) {
			free(r);
			continue;
		}
		p = vfio_mmap(d, i, 0, r->size);
		if (EXPECT(p != MAP_FAILED)) {
			for (uint64_t off = 0; off < r->size; off += PAGE)
				ASSERT(peek32(p + off + PAGE - 4, &val));
			munmap(p, r->size);
		}
		free(r);
	}
}

TEST(sparse, "what a sparse map leaves out cannot be mapped, what it names can")
{
	struct vfio *d = dut();
	bool seen = false;

	for (unsigned int i = 0; i < 6; i++) {
		struct vfio_region_info *r = vfio_get_region_caps(d, i);
		struct vfio_region_info_cap_sparse_mmap *s;
		uint64_t end = 0;
		void *p;

		s = vfio_cap(r, r->cap_offset, VFIO_REGION_INFO_CAP_SPARSE_MMAP);
		for (unsigned int a = 0; s && a < s->nr_areas; a++) {
			seen = true;
			p = vfio_mmap(d, i, s->areas[a].offset, s->areas[a].size);
			EXPECT(p != MAP_FAILED);
			munmap(p, s->areas[a].size);
			if (s->areas[a].offset > end)
				EXPECT(vfio_mmap(d, i, end, PAGE) == MAP_FAILED);
			end = s->areas[a].offset + s->areas[a].size;
		}
		if (s && end < r->size)
			EXPECT(vfio_mmap(d, i, end, PAGE) == MAP_FAILED);
		free(r);
	}
	if (!seen)
		SKIP("no region has a sparse map");
}

TEST(memory_off, "memory off: the mapping gives SIGBUS; on again: it works again")
{
	struct vfio *d = dut();
	const struct model *m = model_needed(d);
	uint32_t val = 0;
	void *reg, *p;

	if (!memory_gate(d))
		SKIP("a VF's memory is always on here");
	p = map_scratch(d, m, &reg);
	scratch_write(d, m, 0x01010101);
	ASSERT(peek32(reg, &val));
	for (int i = 0; i < 3; i++) {
		cfg_command(d, 0, PCI_COMMAND_MEMORY);
		EXPECT(!peek32(reg, &val));
		EXPECT(!poke32(reg, 1));
		cfg_command(d, PCI_COMMAND_MEMORY, 0);
		EXPECT(peek32(reg, &val));
		EXPECT_EQ(val, scratch_value(m, 0x01010101));
	}
	munmap(p, PAGE);
}

TEST(map_while_off, "a mapping made while memory is off works once it is on")
{
	struct vfio *d = dut();
	const struct model *m = model_needed(d);
	uint32_t val;
	void *reg, *p;

	if (!memory_gate(d))
		SKIP("a VF's memory is always on here");
	cfg_command(d, 0, PCI_COMMAND_MEMORY);
	p = map_scratch(d, m, &reg);
	EXPECT(!peek32(reg, &val));
	cfg_command(d, PCI_COMMAND_MEMORY, 0);
	EXPECT(peek32(reg, &val));
	munmap(p, PAGE);
}

TEST(over_reset, "a mapping outlives DEVICE_RESET")
{
	struct vfio *d = dut();
	const struct model *m = model_needed(d);
	uint32_t val;
	void *reg, *p;

	if (!(d->info.flags & VFIO_DEVICE_FLAGS_RESET))
		SKIP("the device cannot be reset");
	p = map_scratch(d, m, &reg);
	ASSERT(peek32(reg, &val));
	ASSERT_EQ(vfio_ioctl(d->fd, VFIO_DEVICE_RESET, NULL), 0);
	EXPECT(poke32(reg, 0x03210321 & m->scratch_bits));
	EXPECT_EQ(bar_read32(d, 0, m->scratch), scratch_value(m, 0x03210321));
	munmap(p, PAGE);
}

TEST(asleep, "D3hot revokes the mapping, D0 gives it back")
{
	struct vfio *d = dut();
	const struct model *m = model_needed(d);
	unsigned int pm = cfg_cap(d, PCI_CAP_ID_PM);
	uint16_t ctrl;
	uint32_t val;
	void *reg, *p;

	if (!pm)
		SKIP("no power management capability");
	p = map_scratch(d, m, &reg);
	ASSERT(peek32(reg, &val));
	ctrl = cfg_read(d, pm + PCI_PM_CTRL, 2) & ~PCI_PM_CTRL_STATE_MASK;
	cfg_write(d, pm + PCI_PM_CTRL, 2, ctrl | 3);
	EXPECT(!peek32(reg, &val));
	cfg_write(d, pm + PCI_PM_CTRL, 2, ctrl);
	cfg_command(d, PCI_COMMAND_MEMORY, 0);
	EXPECT(peek32(reg, &val));
	munmap(p, PAGE);
}

TEST(beyond, "what reaches beyond the BAR cannot be mapped")
{
	struct vfio *d = dut();
	unsigned int bar = mappable_bar(d);
	uint64_t size = d->region[bar].size;

	EXPECT(vfio_mmap(d, bar, 0, size + PAGE) == MAP_FAILED && errno == EINVAL);
	EXPECT(vfio_mmap(d, bar, size, PAGE) == MAP_FAILED && errno == EINVAL);
	EXPECT(vfio_mmap(d, bar, size - PAGE, 2 * PAGE) == MAP_FAILED &&
	       errno == EINVAL);
	EXPECT(vfio_mmap(d, bar, 1ull << 39, PAGE) == MAP_FAILED && errno == EINVAL);
}

TEST(private, "a private mapping is refused with EINVAL")
{
	struct vfio *d = dut();
	unsigned int bar = mappable_bar(d);

	EXPECT(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, d->fd,
		    d->region[bar].offset) == MAP_FAILED && errno == EINVAL);
}

TEST(not_mappable, "config space, the ROM and I/O BARs cannot be mapped")
{
	struct vfio *d = dut();

	for (unsigned int i = 0; i < VFIO_PCI_NUM_REGIONS; i++) {
		if (d->region[i].flags & VFIO_REGION_INFO_FLAG_MMAP)
			continue;
		EXPECT(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, d->fd,
			    (off_t)d->region[i].index << 40) == MAP_FAILED &&
		       errno == EINVAL);
	}
}

TEST(twice, "two mappings of one BAR see one device; parts can be unmapped")
{
	struct vfio *d = dut();
	const struct model *m = model_needed(d);
	uint64_t size = d->region[0].size;
	uint32_t val = 0;
	void *r1, *r2, *p1 = map_scratch(d, m, &r1), *p2 = map_scratch(d, m, &r2);
	char *whole;

	EXPECT(poke32(r1, 0x00770077));
	EXPECT(peek32(r2, &val));
	EXPECT_EQ(val, scratch_value(m, 0x00770077));
	munmap(p1, PAGE);
	EXPECT(peek32(r2, &val));
	munmap(p2, PAGE);
	if (size < 2 * PAGE || size > 1 << 24)
		return;
	whole = vfio_mmap(d, 0, 0, size);
	if (whole == MAP_FAILED)
		return;
	munmap(whole + PAGE, PAGE);
	EXPECT(peek32(whole + (m->scratch < PAGE ? m->scratch : 0), &val));
	if (memory_gate(d)) {
		cfg_command(d, 0, PCI_COMMAND_MEMORY);
		EXPECT(!peek32(whole, &val));
		cfg_command(d, PCI_COMMAND_MEMORY, 0);
	}
	EXPECT(peek32(whole, &val));
	munmap(whole, size);
}

TEST(last_reference, "a mapping keeps the device alive after its files are closed")
{
	struct vfio *d = dut();
	const struct model *m = model_needed(d);
	uint32_t val = 0;
	void *reg, *p = map_scratch(d, m, &reg);

	scratch_write(d, m, 0x00420042);
	ASSERT(peek32(reg, &val));
	dut_close();
	EXPECT(peek32(reg, &val));
	EXPECT_EQ(val, scratch_value(m, 0x00420042));
	munmap(p, PAGE);
	dut();
}
