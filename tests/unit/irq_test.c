// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts: what an index is said to be capable of, what a request selects, and
 * what an ioeventfd is asked to write
 */
#include <compat/kunit.h>
#include <kunit/test.h>

#include "../../drivers/vfio/pci/irq.h"

static void irq_flags_of_each_index(struct kunit *test)
{
	const u32 fixed = VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE;
	const u32 level = VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE |
			  VFIO_IRQ_INFO_AUTOMASKED;

	for (int dynamic = 0; dynamic < 2; dynamic++) {
		KUNIT_EXPECT_EQ(test, level,
				vpc_irq_flags(VFIO_PCI_INTX_IRQ_INDEX, dynamic));
		KUNIT_EXPECT_EQ(test, fixed,
				vpc_irq_flags(VFIO_PCI_MSI_IRQ_INDEX, dynamic));
		KUNIT_EXPECT_EQ(test, fixed,
				vpc_irq_flags(VFIO_PCI_ERR_IRQ_INDEX, dynamic));
		KUNIT_EXPECT_EQ(test, fixed,
				vpc_irq_flags(VFIO_PCI_REQ_IRQ_INDEX, dynamic));
	}
	KUNIT_EXPECT_EQ(test, fixed,
			vpc_irq_flags(VFIO_PCI_MSIX_IRQ_INDEX, false));
	KUNIT_EXPECT_EQ(test, (u32)VFIO_IRQ_INFO_EVENTFD,
			vpc_irq_flags(VFIO_PCI_MSIX_IRQ_INDEX, true));
}

static void irq_set_selects(struct kunit *test)
{
	static const u8 bools[] = { 1, 0, 0xff };
	struct vpc_irq_set set = { .count = 3 };

	set.data_type = VFIO_IRQ_SET_DATA_NONE;
	KUNIT_EXPECT_FALSE(test, vpc_irq_set_is_off(&set));
	KUNIT_EXPECT_TRUE(test, vpc_irq_set_selects(&set, 2));
	set.count = 0;
	KUNIT_EXPECT_TRUE(test, vpc_irq_set_is_off(&set));

	set.data_type = VFIO_IRQ_SET_DATA_BOOL;
	KUNIT_EXPECT_FALSE(test, vpc_irq_set_is_off(&set));
	set.count = 3;
	set.bools = bools;
	KUNIT_EXPECT_TRUE(test, vpc_irq_set_selects(&set, 0));
	KUNIT_EXPECT_FALSE(test, vpc_irq_set_selects(&set, 1));
	KUNIT_EXPECT_TRUE(test, vpc_irq_set_selects(&set, 2));
}

#define HDR	offsetofend(struct vfio_irq_set, count)
#define OFF	(VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER)
#define BOOL	(VFIO_IRQ_SET_DATA_BOOL | VFIO_IRQ_SET_ACTION_TRIGGER)
#define FDS	(VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER)

static int check(u32 argsz, u32 flags, u32 start, u32 count, unsigned int num,
		 size_t *size)
{
	struct vfio_irq_set hdr = {
		.argsz = argsz, .flags = flags, .start = start, .count = count,
		.index = VFIO_PCI_MSIX_IRQ_INDEX,
	};

	*size = 12345;
	return vpc_irq_set_check(&hdr, num, size);
}

static void irq_set_ranges(struct kunit *test)
{
	static const struct {
		u32 start, count;
		unsigned int num;
		int ret;
	} cases[] = {
		{ 0, 1, 1, 0 },
		{ 0, 0, 1, 0 },
		{ 0, 8, 8, 0 },
		{ 7, 1, 8, 0 },
		{ 7, 0, 8, 0 },
		{ 0, 2048, 2048, 0 },
		{ 0, 2, 1, -EINVAL },
		{ 0, 9, 8, -EINVAL },
		{ 7, 2, 8, -EINVAL },
		{ 8, 0, 8, -EINVAL },
		{ 8, 1, 8, -EINVAL },
		{ 0, 0, 0, -EINVAL },
		{ 0, 1, 0, -EINVAL },
		{ 1, U32_MAX, 8, -EINVAL },
		{ U32_MAX, 1, 8, -EINVAL },
		{ U32_MAX, U32_MAX, 8, -EINVAL },
		{ 4, U32_MAX - 3, 8, -EINVAL },
	};
	size_t size;

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		KUNIT_EXPECT_EQ_MSG(test, cases[i].ret,
				    check(1U << 20, FDS, cases[i].start,
					  cases[i].count, cases[i].num, &size),
				    "case %u", i);
		if (!cases[i].ret)
			KUNIT_EXPECT_EQ(test, size, 4 * cases[i].count);
		KUNIT_EXPECT_EQ_MSG(test, cases[i].ret,
				    check(HDR, OFF, cases[i].start,
					  cases[i].count, cases[i].num, &size),
				    "case %u without data", i);
		if (!cases[i].ret)
			KUNIT_EXPECT_EQ(test, size, 0);
	}
}

static void irq_set_has_room_for_its_data(struct kunit *test)
{
	size_t size;

	for (u32 count = 1; count < 8; count++) {
		KUNIT_EXPECT_EQ(test, 0, check(HDR + 4 * count, FDS, 0, count, 8,
					       &size));
		KUNIT_EXPECT_EQ(test, size, 4 * count);
		KUNIT_EXPECT_EQ(test, -EINVAL, check(HDR + 4 * count - 1, FDS, 0,
						     count, 8, &size));
		KUNIT_EXPECT_EQ(test, 0, check(HDR + count, BOOL, 0, count, 8,
					       &size));
		KUNIT_EXPECT_EQ(test, size, count);
		KUNIT_EXPECT_EQ(test, -EINVAL, check(HDR + count - 1, BOOL, 0,
						     count, 8, &size));
	}
	for (u32 argsz = 0; argsz < HDR; argsz++)
		KUNIT_EXPECT_EQ(test, -EINVAL, check(argsz, OFF, 0, 0, 8, &size));
	KUNIT_EXPECT_EQ(test, 0, check(HDR, OFF, 0, 0, 8, &size));
}

static void irq_set_flags(struct kunit *test)
{
	size_t size;

	for (u32 data = 0; data <= VFIO_IRQ_SET_DATA_TYPE_MASK; data++)
		KUNIT_EXPECT_EQ_MSG(test, is_power_of_2(data) ? 0 : -EINVAL,
				    check(HDR + 4, data | VFIO_IRQ_SET_ACTION_TRIGGER,
					  0, 1, 8, &size), "data type %#x", data);
	for (u32 bit = 6; bit < 32; bit++)
		KUNIT_EXPECT_EQ_MSG(test, -EINVAL,
				    check(HDR, OFF | BIT(bit), 0, 0, 8, &size),
				    "flag %u", bit);
}

static void irq_set_actions_of_each_index(struct kunit *test)
{
	const u32 actions = VFIO_IRQ_SET_ACTION_TYPE_MASK;
	size_t size;

	for (u32 index = 0; index < VFIO_PCI_NUM_IRQS; index++) {
		for (u32 action = 0; action <= actions; action += 1 << 3) {
			struct vfio_irq_set hdr = {
				.argsz = HDR, .index = index,
				.flags = VFIO_IRQ_SET_DATA_NONE | action,
				.count = 1,
			};
			bool has = action == VFIO_IRQ_SET_ACTION_TRIGGER ||
				   (index == VFIO_PCI_INTX_IRQ_INDEX &&
				    (action == VFIO_IRQ_SET_ACTION_MASK ||
				     action == VFIO_IRQ_SET_ACTION_UNMASK));

			KUNIT_EXPECT_EQ_MSG(test, has ? 0 : -ENOTTY,
					    vpc_irq_set_check(&hdr, 1, &size),
					    "index %u, action %#x", index, action);
		}
	}
}

static void irq_set_indexes_that_are_not(struct kunit *test)
{
	static const u32 indexes[] = { VFIO_PCI_NUM_IRQS, 100, 1U << 31, U32_MAX };
	size_t size;

	for (unsigned int i = 0; i < ARRAY_SIZE(indexes); i++) {
		struct vfio_irq_set hdr = {
			.argsz = HDR, .index = indexes[i], .flags = OFF,
		};

		KUNIT_EXPECT_EQ(test, -EINVAL, vpc_irq_set_check(&hdr, 8, &size));
	}
}

static void irq_eventfd_of_nobody(struct kunit *test)
{
	KUNIT_EXPECT_NULL(test, vpc_irq_eventfd(-1));
	KUNIT_EXPECT_TRUE(test, IS_ERR(vpc_irq_eventfd(-2)));
}

static int parse(u32 flags, u64 offset, s32 fd, struct vpc_ioeventfd_write *want)
{
	const struct vfio_device_ioeventfd arg = {
		.argsz = sizeof(arg), .flags = flags, .offset = offset,
		.data = ~0ULL, .fd = fd,
	};

	return vpc_ioeventfd_parse(&arg, want);
}

static void ioeventfd_widths(struct kunit *test)
{
	static const struct {
		u32 flag;
		unsigned int len;
		u64 data;
	} widths[] = {
		{ VFIO_DEVICE_IOEVENTFD_8, 1, U8_MAX },
		{ VFIO_DEVICE_IOEVENTFD_16, 2, U16_MAX },
		{ VFIO_DEVICE_IOEVENTFD_32, 4, U32_MAX },
		{ VFIO_DEVICE_IOEVENTFD_64, 8, U64_MAX },
	};
	const u64 base = VPC_INDEX_TO_OFFSET(VFIO_PCI_BAR3_REGION_INDEX);
	struct vpc_ioeventfd_write want;
	unsigned int len;

	for (unsigned int i = 0; i < ARRAY_SIZE(widths); i++) {
		len = widths[i].len;
		KUNIT_EXPECT_EQ(test, 0, parse(widths[i].flag, base + 3 * len, 0,
					       &want));
		KUNIT_EXPECT_EQ(test, len, want.len);
		KUNIT_EXPECT_EQ(test, 3U, want.bar);
		KUNIT_EXPECT_EQ(test, (u64)3 * len, want.offset);
		KUNIT_EXPECT_EQ(test, widths[i].data, want.data);
		if (len > 1)
			KUNIT_EXPECT_EQ(test, -EINVAL,
					parse(widths[i].flag, base + len / 2, 0,
					      &want));
	}
}

static void ioeventfd_refusals(struct kunit *test)
{
	const u32 flag = VFIO_DEVICE_IOEVENTFD_32;
	struct vpc_ioeventfd_write want;

	/* None, two, and a width that nobody has heard of */
	KUNIT_EXPECT_EQ(test, -EINVAL, parse(0, 0, 0, &want));
	KUNIT_EXPECT_EQ(test, -EINVAL, parse(flag | flag << 1, 0, 0, &want));
	KUNIT_EXPECT_EQ(test, -EINVAL, parse(flag | BIT(4), 0, 0, &want));
	KUNIT_EXPECT_EQ(test, -EINVAL, parse(BIT(4), 0, 0, &want));
	/* -1 removes, anything below is nobody's */
	KUNIT_EXPECT_EQ(test, 0, parse(flag, 0, -1, &want));
	KUNIT_EXPECT_EQ(test, -EINVAL, parse(flag, 0, -2, &want));
	/* Regions other than BARs, and offsets of no region at all */
	KUNIT_EXPECT_EQ(test, -EINVAL,
			parse(flag, VPC_INDEX_TO_OFFSET(VFIO_PCI_ROM_REGION_INDEX),
			      0, &want));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			parse(flag, VPC_INDEX_TO_OFFSET(VFIO_PCI_CONFIG_REGION_INDEX),
			      0, &want));
	KUNIT_EXPECT_EQ(test, -EINVAL, parse(flag, ~3ULL, 0, &want));
}

static struct kunit_case irq_cases[] = {
	KUNIT_CASE(irq_flags_of_each_index),
	KUNIT_CASE(irq_set_selects),
	KUNIT_CASE(irq_set_ranges),
	KUNIT_CASE(irq_set_has_room_for_its_data),
	KUNIT_CASE(irq_set_flags),
	KUNIT_CASE(irq_set_actions_of_each_index),
	KUNIT_CASE(irq_set_indexes_that_are_not),
	KUNIT_CASE(irq_eventfd_of_nobody),
	KUNIT_CASE(ioeventfd_widths),
	KUNIT_CASE(ioeventfd_refusals),
	{ }
};

static struct kunit_suite irq_suite = {
	.name = "vpc_irq",
	.test_cases = irq_cases,
};

kunit_test_suite(irq_suite);

MODULE_IMPORT_NS(COMPAT_KUNIT_NS);
MODULE_DESCRIPTION("Unit tests of vfio-pci-core: interrupts");
MODULE_LICENSE("GPL");
