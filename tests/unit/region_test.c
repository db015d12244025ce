// SPDX-License-Identifier: GPL-2.0-only
/*
 * Regions of memory: how accesses are cut, and what traps leave for mmap()
 */
#include <compat/kunit.h>
#include <kunit/test.h>
#include <linux/cleanup.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/prandom.h>
#include <linux/slab.h>

#include "../../drivers/vfio/pci/region.h"
#include "../../drivers/vfio/pci/vpc.h"

#define PAGES		8
#define BYTES		(PAGES * PAGE_SIZE)
#define MAX_TRAPS	12

/**
 * struct traps - traps of a device without hardware
 * @list: as in &struct vfio_pci_core_state.traps
 * @trap: room for them
 * @nr: how many have been tried
 */
struct traps {
	struct list_head list;
	struct vpc_trap trap[MAX_TRAPS];
	unsigned int nr;
};

static void start(struct traps *all)
{
	INIT_LIST_HEAD(&all->list);
	all->nr = 0;
}

static int add(struct traps *all, int bar, u64 from, u64 to)
{
	struct vpc_trap *trap = &all->trap[all->nr++];

	*trap = (struct vpc_trap) { .bar = bar, .start = from, .end = to };
	return vpc_trap_insert(&all->list, trap);
}

static void cuts_accesses_at_alignment(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, vpc_access_width(0, 8, 8), 8U);
	KUNIT_EXPECT_EQ(test, vpc_access_width(0, 8, 4), 4U);
	KUNIT_EXPECT_EQ(test, vpc_access_width(0, 7, 8), 4U);
	KUNIT_EXPECT_EQ(test, vpc_access_width(4, 64, 8), 4U);
	KUNIT_EXPECT_EQ(test, vpc_access_width(6, 64, 8), 2U);
	KUNIT_EXPECT_EQ(test, vpc_access_width(7, 64, 8), 1U);
	KUNIT_EXPECT_EQ(test, vpc_access_width(BIT_ULL(39) + 8, 64, 8), 8U);

	/* 13 bytes from 3 on: 1, 4, 8 */
	KUNIT_EXPECT_EQ(test, vpc_access_width(3, 13, 8), 1U);
	KUNIT_EXPECT_EQ(test, vpc_access_width(4, 12, 8), 4U);
	KUNIT_EXPECT_EQ(test, vpc_access_width(8, 8, 8), 8U);
}

static void every_access_is_aligned_and_inside(struct kunit *test)
{
	unsigned int offset, count, width;

	for (offset = 0; offset < 32; offset++) {
		for (count = 1; count < 32; count++) {
			width = vpc_access_width(offset, count, 8);
			KUNIT_EXPECT_TRUE(test, is_power_of_2(width));
			KUNIT_EXPECT_LE(test, width, count);
			KUNIT_EXPECT_LE(test, width, 8U);
			KUNIT_EXPECT_EQ(test, offset % width, 0U);
		}
	}
}

static void cuts_accesses_at_the_end(struct kunit *test)
{
	size_t count = 16;

	KUNIT_EXPECT_EQ(test, vpc_region_clamp(16, 0, &count), 0);
	KUNIT_EXPECT_EQ(test, count, 16);
	KUNIT_EXPECT_EQ(test, vpc_region_clamp(16, 15, &count), 0);
	KUNIT_EXPECT_EQ(test, count, 1);
	KUNIT_EXPECT_EQ(test, vpc_region_clamp(16, 16, &count), -EINVAL);
	KUNIT_EXPECT_EQ(test, vpc_region_clamp(0, 0, &count), -EINVAL);
	count = SIZE_MAX;
	KUNIT_EXPECT_EQ(test, vpc_region_clamp(U64_MAX, 1, &count), 0);
	KUNIT_EXPECT_EQ(test, count, (size_t)(U64_MAX - 1));
}

static void bytes_are_little_endian(struct kunit *test)
{
	u8 buf[8] = { 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88 };

	KUNIT_EXPECT_EQ(test, vpc_get_le(buf, 1), 0x11ULL);
	KUNIT_EXPECT_EQ(test, vpc_get_le(buf + 1, 2), 0x3322ULL);
	KUNIT_EXPECT_EQ(test, vpc_get_le(buf, 4), 0x44332211ULL);
	KUNIT_EXPECT_EQ(test, vpc_get_le(buf, 8), 0x8877665544332211ULL);

	vpc_put_le(buf, 2, 0xabcd1234);
	KUNIT_EXPECT_EQ(test, buf[0], 0x34);
	KUNIT_EXPECT_EQ(test, buf[1], 0x12);
	KUNIT_EXPECT_EQ(test, buf[2], 0x33);
}

static void keeps_traps_in_order(struct kunit *test)
{
	struct vpc_trap *trap, *last = NULL;
	struct traps all;

	start(&all);
	KUNIT_EXPECT_EQ(test, add(&all, 2, 0, 8), 0);
	KUNIT_EXPECT_EQ(test, add(&all, 0, 100, 200), 0);
	KUNIT_EXPECT_EQ(test, add(&all, 0, 0, 100), 0);
	KUNIT_EXPECT_EQ(test, add(&all, 1, 50, 60), 0);
	KUNIT_EXPECT_EQ(test, add(&all, 0, 200, 201), 0);
	KUNIT_EXPECT_EQ(test, list_count_nodes(&all.list), 5);

	list_for_each_entry(trap, &all.list, node) {
		if (last)
			KUNIT_EXPECT_TRUE(test, last->bar < trap->bar ||
					  (last->bar == trap->bar &&
					   last->end <= trap->start));
		last = trap;
	}
}

static void refuses_traps_that_overlap(struct kunit *test)
{
	struct traps all;

	start(&all);
	KUNIT_EXPECT_EQ(test, add(&all, 1, 100, 200), 0);
	KUNIT_EXPECT_EQ(test, add(&all, 1, 100, 200), -EEXIST);
	KUNIT_EXPECT_EQ(test, add(&all, 1, 199, 300), -EEXIST);
	KUNIT_EXPECT_EQ(test, add(&all, 1, 0, 101), -EEXIST);
	KUNIT_EXPECT_EQ(test, add(&all, 1, 150, 151), -EEXIST);
	KUNIT_EXPECT_EQ(test, add(&all, 1, 0, 1000), -EEXIST);
	KUNIT_EXPECT_EQ(test, add(&all, 0, 100, 200), 0);
	KUNIT_EXPECT_EQ(test, add(&all, 2, 100, 200), 0);
	KUNIT_EXPECT_EQ(test, add(&all, 1, 0, 100), 0);
	KUNIT_EXPECT_EQ(test, add(&all, 1, 200, U64_MAX), 0);
	KUNIT_EXPECT_EQ(test, list_count_nodes(&all.list), 5);
}

static void finds_traps_and_their_edges(struct kunit *test)
{
	struct traps all;
	u64 end = 0;

	start(&all);
	KUNIT_EXPECT_NULL(test, vpc_trap_lookup(&all.list, 0, 0, &end));
	KUNIT_EXPECT_EQ(test, end, U64_MAX);

	add(&all, 0, 10, 20);
	add(&all, 0, 20, 30);
	add(&all, 1, 0, 4);
	KUNIT_EXPECT_NULL(test, vpc_trap_lookup(&all.list, 0, 9, &end));
	KUNIT_EXPECT_EQ(test, end, 10);
	KUNIT_EXPECT_PTR_EQ(test, vpc_trap_lookup(&all.list, 0, 19, &end),
			    (const struct vpc_trap *)&all.trap[0]);
	KUNIT_EXPECT_EQ(test, end, 20);
	KUNIT_EXPECT_PTR_EQ(test, vpc_trap_lookup(&all.list, 0, 20, &end),
			    (const struct vpc_trap *)&all.trap[1]);
	KUNIT_EXPECT_EQ(test, end, 30);
	KUNIT_EXPECT_NULL(test, vpc_trap_lookup(&all.list, 0, 30, &end));
	KUNIT_EXPECT_EQ(test, end, U64_MAX);
	KUNIT_EXPECT_NULL(test, vpc_trap_lookup(&all.list, 1, 4, &end));
	KUNIT_EXPECT_EQ(test, end, U64_MAX);
}

static void leaves_whole_pages(struct kunit *test)
{
	struct vfio_region_sparse_mmap_area area[MAX_TRAPS + 1];
	struct traps all;

	start(&all);
	KUNIT_ASSERT_EQ(test, vpc_trap_areas(&all.list, 0, BYTES, area), 1);
	KUNIT_EXPECT_EQ(test, area[0].offset, 0);
	KUNIT_EXPECT_EQ(test, area[0].size, BYTES);

	/* A byte on each side of a page boundary, and one of another BAR. */
	add(&all, 0, 2 * PAGE_SIZE - 1, 2 * PAGE_SIZE + 1);
	add(&all, 1, 5 * PAGE_SIZE, 6 * PAGE_SIZE);
	KUNIT_ASSERT_EQ(test, vpc_trap_areas(&all.list, 0, BYTES, NULL), 2);
	KUNIT_ASSERT_EQ(test, vpc_trap_areas(&all.list, 0, BYTES, area), 2);
	KUNIT_EXPECT_EQ(test, area[0].size, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, area[1].offset, 3 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, area[1].size, BYTES - 3 * PAGE_SIZE);

	/* The last page, and a BAR that is shorter than one. */
	add(&all, 0, BYTES - 1, BYTES);
	KUNIT_ASSERT_EQ(test, vpc_trap_areas(&all.list, 0, BYTES, area), 2);
	KUNIT_EXPECT_EQ(test, area[1].size, BYTES - 4 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, vpc_trap_areas(&all.list, 1, 256, area), 1);
	add(&all, 2, 8, 12);
	KUNIT_EXPECT_EQ(test, vpc_trap_areas(&all.list, 2, 256, area), 0);
}

static void leaves_mappable_traps_in(struct kunit *test)
{
	struct vfio_region_sparse_mmap_area area[MAX_TRAPS + 1];
	struct traps all;

	start(&all);
	add(&all, 3, 0, 64);
	all.trap[0].mappable = true;
	KUNIT_ASSERT_EQ(test, vpc_trap_areas(&all.list, 3, BYTES, area), 1);
	KUNIT_EXPECT_EQ(test, area[0].size, BYTES);
}

static void check_against_pages(struct kunit *test, struct traps *all)
{
	struct vfio_region_sparse_mmap_area area[MAX_TRAPS + 1];
	bool trapped[PAGES] = { }, listed[PAGES] = { };
	unsigned int nr = vpc_trap_areas(&all->list, 0, BYTES, area);
	struct vpc_trap *trap;
	unsigned int i;
	u64 pos, end = 0;

	KUNIT_ASSERT_LE(test, nr, MAX_TRAPS + 1U);
	for (i = 0; i < nr; i++) {
		KUNIT_EXPECT_TRUE(test, PAGE_ALIGNED(area[i].offset));
		KUNIT_EXPECT_TRUE(test, PAGE_ALIGNED(area[i].size));
		KUNIT_EXPECT_TRUE(test, !i || area[i].offset > end);
		end = area[i].offset + area[i].size;
		KUNIT_ASSERT_LE(test, end, BYTES);
		for (pos = area[i].offset; pos < end; pos += PAGE_SIZE)
			listed[pos / PAGE_SIZE] = true;
	}

	list_for_each_entry(trap, &all->list, node)
		for (pos = trap->start; pos < trap->end; pos++)
			trapped[pos / PAGE_SIZE] = true;
	for (i = 0; i < PAGES; i++)
		KUNIT_EXPECT_NE(test, trapped[i], listed[i]);
}

static void areas_are_what_traps_leave(struct kunit *test)
{
	struct rnd_state rnd;
	struct traps all;
	unsigned int round, i;
	u64 from;

	prandom_seed_state(&rnd, 82576);
	for (round = 0; round < 200; round++) {
		start(&all);
		for (i = 0; i < round % MAX_TRAPS; i++) {
			from = prandom_u32_state(&rnd) % (BYTES - 600);
			add(&all, 0, from,
			    from + 1 + prandom_u32_state(&rnd) % 600);
		}
		check_against_pages(test, &all);
	}
}

/**
 * struct fake_device - an open device without hardware
 * @core: what the library knows of it
 * @state: its private part
 * @set: whose lock a driver holds while it opens the device
 */
struct fake_device {
	struct vfio_pci_core_device core;
	struct vfio_pci_core_state state;
	struct vfio_device_set set;
};

static struct fake_device *make_device(struct kunit *test)
{
	struct fake_device *d = kunit_kzalloc(test, sizeof(*d), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, d);
	d->core.state = &d->state;
	d->state.core = &d->core;
	d->core.vdev.dev_set = &d->set;
	d->state.bars[2].size = BYTES;
	INIT_LIST_HEAD(&d->state.traps);
	mutex_init(&d->set.lock);
	return d;
}

static ssize_t no_rw(struct vfio_pci_core_device *core, void *data,
		     char __user *buf, size_t count, u64 offset, bool write)
{
	return 0;
}

static int no_mmap(struct vfio_pci_core_device *core, void *data,
		   struct vm_area_struct *vma, u64 offset)
{
	return 0;
}

static void added_regions_are_complete(struct kunit *test)
{
	static const struct vfio_pci_core_region_ops none, plain = { .rw = no_rw },
		mapped = { .rw = no_rw, .mmap = no_mmap };
	const u32 read = VFIO_REGION_INFO_FLAG_READ, map = VFIO_REGION_INFO_FLAG_MMAP;
	const struct {
		const struct vfio_pci_core_region_ops *ops;
		size_t size;
		u32 flags;
		int ret;
	} cases[] = {
		{ NULL, 1, read, -EINVAL },
		{ &none, 1, read, -EINVAL },
		{ &plain, 0, read, -EINVAL },
		{ &plain, VPC_OFFSET_MASK + 1, read, -EINVAL },
		{ &plain, 1, read | VFIO_REGION_INFO_FLAG_CAPS, -EINVAL },
		{ &plain, PAGE_SIZE, read | map, -EINVAL },
		{ &plain, VPC_OFFSET_MASK, read, 0 },
		{ &mapped, PAGE_SIZE, read | map, 0 },
	};
	struct fake_device *d = make_device(test);
	unsigned int added = 0;
	int ret;

	guard(mutex)(&d->set.lock);
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		ret = vfio_pci_core_add_region(&d->core, 1, 2, cases[i].ops,
					       cases[i].size, cases[i].flags, d);
		KUNIT_EXPECT_EQ_MSG(test, ret, cases[i].ret, "case %u", i);
		added += !cases[i].ret;
		KUNIT_EXPECT_EQ(test, d->state.num_regions, added);
	}
	KUNIT_EXPECT_EQ(test, d->state.regions[1].size, PAGE_SIZE);
	kfree(d->state.regions);
}

static void traps_lie_in_a_bar(struct kunit *test)
{
	static const struct vfio_pci_core_trap_ops ops;
	static const struct {
		int bar;
		u64 start, len;
		bool no_ops;
	} bad[] = {
		{ -1, 0, 4 },
		{ PCI_STD_NUM_BARS, 0, 4 },
		{ 2, 0, 4, true },
		{ 2, 0, 0 },
		{ 1, 0, 4 },
		{ 2, BYTES, 1 },
		{ 2, BYTES - 4, 5 },
		{ 2, 4, U64_MAX },
	};
	struct fake_device *d = make_device(test);
	struct vpc_trap *trap;
	int ret;

	guard(mutex)(&d->set.lock);
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		ret = vfio_pci_core_trap(&d->core, bad[i].bar, bad[i].start, bad[i].len,
					 bad[i].no_ops ? NULL : &ops);
		KUNIT_EXPECT_EQ_MSG(test, ret, -EINVAL, "case %u", i);
	}
	KUNIT_EXPECT_TRUE(test, list_empty(&d->state.traps));
	KUNIT_EXPECT_EQ(test, vfio_pci_core_trap(&d->core, 2, BYTES - 4, 4, &ops), 0);
	/* Two in one place would not know whose it is. */
	KUNIT_EXPECT_EQ(test, vfio_pci_core_trap(&d->core, 2, BYTES - 1, 1, &ops), -EEXIST);
	trap = list_first_entry_or_null(&d->state.traps, struct vpc_trap, node);
	KUNIT_ASSERT_NOT_NULL(test, trap);
	KUNIT_EXPECT_EQ(test, trap->end, (u64)BYTES);
	kfree(trap);
}

static struct kunit_case region_cases[] = {
	KUNIT_CASE(cuts_accesses_at_alignment),
	KUNIT_CASE(every_access_is_aligned_and_inside),
	KUNIT_CASE(cuts_accesses_at_the_end),
	KUNIT_CASE(bytes_are_little_endian),
	KUNIT_CASE(keeps_traps_in_order),
	KUNIT_CASE(refuses_traps_that_overlap),
	KUNIT_CASE(finds_traps_and_their_edges),
	KUNIT_CASE(leaves_whole_pages),
	KUNIT_CASE(leaves_mappable_traps_in),
	KUNIT_CASE(areas_are_what_traps_leave),
	KUNIT_CASE(added_regions_are_complete),
	KUNIT_CASE(traps_lie_in_a_bar),
	{ }
};

static struct kunit_suite region_suite = {
	.name = "vpc_region",
	.test_cases = region_cases,
};

kunit_test_suite(region_suite);

MODULE_IMPORT_NS(COMPAT_KUNIT_NS);
MODULE_IMPORT_NS(VFIO_PCI_CORE_NS);
MODULE_DESCRIPTION("Unit tests of vfio-pci-core: regions of memory");
MODULE_LICENSE("GPL");
