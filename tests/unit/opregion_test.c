// SPDX-License-Identifier: GPL-2.0-only
/*
 * OpRegions of Intel graphics, as firmware leaves them and as it should not
 */
#include <compat/kunit.h>
#include <kunit/test.h>
#include <linux/prandom.h>
#include <linux/unaligned.h>

#include "../../drivers/vfio/pci/igd/igd.h"

/* In plain figures, as the specification has them. */
#define SIGNATURE	"IntelGraphicsMem"
#define SIZE_KB		0x10
#define VERSION_MINOR	0x16
#define VERSION_MAJOR	0x17
#define VBT_ADDR	0x3ba
#define VBT_SIZE	0x3c2

#define LOW_VBT		0x20000
#define BASE		0x7abc1000

/* An OpRegion that is as it should be. */
static u8 *make(struct kunit *test, u8 major, u8 minor, u64 addr, u32 size)
{
	u8 *p = kunit_kzalloc(test, IGD_OPREGION_SIZE, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	memcpy(p, SIGNATURE, 16);
	put_unaligned_le32(8, p + SIZE_KB);
	p[VERSION_MAJOR] = major;
	p[VERSION_MINOR] = minor;
	put_unaligned_le64(addr, p + VBT_ADDR);
	put_unaligned_le32(size, p + VBT_SIZE);
	return p;
}

static int parse(const u8 *p, struct igd_opregion *op)
{
	memset(op, 0xa5, sizeof(*op));
	return igd_opregion_parse(p, IGD_OPREGION_SIZE, op);
}

static void takes_each_version(struct kunit *test)
{
	static const struct {
		u8 major, minor;
		u32 vbt_size;
		u64 phys;
	} cases[] = {
		/* these bytes mean something else before 2.0 */
		{ 0, 0, 0, 0 },
		{ 1, 0, 0, 0 },
		{ 1, 0xff, 0, 0 },
		/* a physical address */
		{ 2, 0, 0x3000, LOW_VBT },
		/* an offset from the OpRegion */
		{ 2, 1, 0x3000, BASE + LOW_VBT },
		{ 2, 2, 0x3000, BASE + LOW_VBT },
		{ 3, 0, 0x3000, BASE + LOW_VBT },
	};
	struct igd_opregion op;

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		u8 *p = make(test, cases[i].major, cases[i].minor, LOW_VBT, 0x3000);

		KUNIT_ASSERT_EQ_MSG(test, parse(p, &op), 0, "case %u", i);
		KUNIT_EXPECT_EQ(test, op.major, cases[i].major);
		KUNIT_EXPECT_EQ(test, op.minor, cases[i].minor);
		KUNIT_EXPECT_EQ(test, op.vbt_size, cases[i].vbt_size);
		if (op.vbt_size)
			KUNIT_EXPECT_EQ_MSG(test, cases[i].phys,
					    igd_opregion_vbt_phys(&op, BASE),
					    "case %u", i);
	}
}

static void needs_all_of_the_header(struct kunit *test)
{
	u8 *p = make(test, 2, 1, 0, 0);
	struct igd_opregion op;

	KUNIT_EXPECT_EQ(test, igd_opregion_parse(p, 0, &op), -EINVAL);
	KUNIT_EXPECT_EQ(test, igd_opregion_parse(p, 16, &op), -EINVAL);
	KUNIT_EXPECT_EQ(test, -EINVAL,
			igd_opregion_parse(p, IGD_OPREGION_SIZE - 1, &op));
	KUNIT_EXPECT_EQ(test, igd_opregion_parse(p, IGD_OPREGION_SIZE, &op), 0);
}

static void knows_the_signature(struct kunit *test)
{
	u8 *p = make(test, 2, 1, 0, 0);
	struct igd_opregion op;

	for (unsigned int i = 0; i < 16; i++) {
		p[i] ^= 0x20;
		KUNIT_EXPECT_EQ_MSG(test, parse(p, &op), -EINVAL, "byte %u", i);
		p[i] ^= 0x20;
	}
	KUNIT_EXPECT_EQ(test, parse(p, &op), 0);
}

static void knows_one_size(struct kunit *test)
{
	static const u32 sizes[] = {
		0, 1, 7, 9, 0x2000, 0x800, 0x80000000, 0x80000008, U32_MAX,
	};
	u8 *p = make(test, 2, 1, 0, 0);
	struct igd_opregion op;

	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		put_unaligned_le32(sizes[i], p + SIZE_KB);
		KUNIT_EXPECT_EQ_MSG(test, parse(p, &op), -EINVAL, "%#x KB", sizes[i]);
	}
}

static void half_a_vbt_is_none(struct kunit *test)
{
	struct igd_opregion op;

	KUNIT_ASSERT_EQ(test, parse(make(test, 2, 1, 0, 0), &op), 0);
	KUNIT_EXPECT_EQ(test, op.vbt_size, 0U);
	KUNIT_ASSERT_EQ(test, parse(make(test, 2, 1, LOW_VBT, 0), &op), 0);
	KUNIT_EXPECT_EQ(test, op.vbt_size, 0U);
	KUNIT_ASSERT_EQ(test, parse(make(test, 2, 1, 0, 0x1000), &op), 0);
	KUNIT_EXPECT_EQ(test, op.vbt_size, 0U);
	KUNIT_ASSERT_EQ(test, parse(make(test, 2, 0, 0, U32_MAX), &op), 0);
	KUNIT_EXPECT_EQ(test, op.vbt_size, 0U);
}

static void bounds_the_vbt(struct kunit *test)
{
	static const struct {
		u32 size;
		int ret;
	} cases[] = {
		{ 1, 0 },
		{ IGD_VBT_MAX, 0 },
		{ IGD_VBT_MAX + 1, -EINVAL },
		{ 0x80000000, -EINVAL },
		{ U32_MAX, -EINVAL },
	};
	struct igd_opregion op;

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		for (unsigned int minor = 0; minor < 2; minor++)
			KUNIT_EXPECT_EQ_MSG(test, cases[i].ret,
					    parse(make(test, 2, minor, LOW_VBT,
						       cases[i].size), &op),
					    "size %#x in 2.%u", cases[i].size,
					    minor);
	}
}

static void vbt_is_outside(struct kunit *test)
{
	struct igd_opregion op;

	/* relative: behind the OpRegion at the earliest */
	KUNIT_EXPECT_EQ(test, -EINVAL, parse(make(test, 2, 1, 1, 0x100), &op));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			parse(make(test, 2, 1, IGD_OPREGION_SIZE - 1, 0x100), &op));
	KUNIT_EXPECT_EQ(test, -EINVAL, parse(make(test, 3, 0, 1, 0x100), &op));
	KUNIT_EXPECT_EQ(test, 0,
			parse(make(test, 2, 1, IGD_OPREGION_SIZE, 0x100), &op));
	KUNIT_EXPECT_EQ(test, igd_opregion_vbt_phys(&op, BASE),
			(u64)BASE + IGD_OPREGION_SIZE);

	/* physical: wherever there is memory */
	KUNIT_EXPECT_EQ(test, 0, parse(make(test, 2, 0, 0x1000, 0x100), &op));
	KUNIT_EXPECT_EQ(test, igd_opregion_vbt_phys(&op, BASE), 0x1000ULL);
}

static void vbt_ends_where_addresses_do(struct kunit *test)
{
	static const struct {
		u8 minor;
		u64 addr, phys;
	} cases[] = {
		{ 0, U64_MAX, 0 },
		{ 0, U64_MAX - 0xfff, 0 },
		{ 0, U64_MAX - 0x1000, U64_MAX - 0x1000 },
		/* the sum wraps */
		{ 1, U64_MAX, 0 },
		{ 1, U64_MAX - BASE + 1, 0 },
		/* only the end does */
		{ 1, U64_MAX - BASE, 0 },
		{ 1, U64_MAX - BASE - 0x1000, U64_MAX - 0x1000 },
	};
	struct igd_opregion op;

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		u8 *p = make(test, 2, cases[i].minor, cases[i].addr, 0x1000);

		KUNIT_ASSERT_EQ(test, parse(p, &op), 0);
		KUNIT_EXPECT_EQ_MSG(test, igd_opregion_vbt_phys(&op, BASE),
				    cases[i].phys, "case %u", i);
	}
}

static void users_find_the_vbt(struct kunit *test)
{
	static const struct {
		u8 major, minor, shown;
	} cases[] = {
		/* an address that means something to nobody but the host */
		{ 2, 0, 1 },
		{ 2, 1, 1 },
		{ 2, 4, 4 },
		{ 3, 0, 0 },
	};
	struct igd_opregion op;

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		u8 *p = make(test, cases[i].major, cases[i].minor, LOW_VBT, 0x1234);

		igd_opregion_set_vbt(p, IGD_OPREGION_SIZE);
		KUNIT_ASSERT_EQ(test, parse(p, &op), 0);
		KUNIT_EXPECT_EQ(test, op.major, cases[i].major);
		KUNIT_EXPECT_EQ(test, op.minor, cases[i].shown);
		KUNIT_EXPECT_EQ(test, op.vbt_size, 0x1234U);
		KUNIT_EXPECT_EQ(test, igd_opregion_vbt_phys(&op, BASE),
				(u64)BASE + IGD_OPREGION_SIZE);
		/* and nothing else has changed */
		KUNIT_EXPECT_EQ(test, p[VBT_ADDR - 1], 0);
		KUNIT_EXPECT_MEMEQ(test, p, SIGNATURE, 16);
	}
}

static void survives_garbage(struct kunit *test)
{
	u8 *p = make(test, 2, 0, 0, 0);
	unsigned int taken = 0;
	struct igd_opregion op;
	struct rnd_state rnd;

	prandom_seed_state(&rnd, 82576);
	for (unsigned int round = 0; round < 5000; round++) {
		u64 phys;

		prandom_bytes_state(&rnd, p + VBT_ADDR, 12);
		p[VERSION_MAJOR] = prandom_u32_state(&rnd) % 4;
		p[VERSION_MINOR] = prandom_u32_state(&rnd) % 4;
		/* sizes of all magnitudes */
		put_unaligned_le32(get_unaligned_le32(p + VBT_SIZE) >> round % 32,
				   p + VBT_SIZE);
		if (parse(p, &op))
			continue;
		taken++;
		KUNIT_ASSERT_LE(test, op.vbt_size, (u32)IGD_VBT_MAX);
		if (!op.vbt_size)
			continue;
		phys = igd_opregion_vbt_phys(&op, BASE);
		KUNIT_ASSERT_GE(test, phys + op.vbt_size, phys);
	}
	KUNIT_EXPECT_GT(test, taken, 100U);

	memset(p, 0xff, IGD_OPREGION_SIZE);
	KUNIT_EXPECT_EQ(test, parse(p, &op), -EINVAL);
	memset(p, 0, IGD_OPREGION_SIZE);
	KUNIT_EXPECT_EQ(test, parse(p, &op), -EINVAL);
}

static struct kunit_case opregion_cases[] = {
	KUNIT_CASE(takes_each_version),
	KUNIT_CASE(needs_all_of_the_header),
	KUNIT_CASE(knows_the_signature),
	KUNIT_CASE(knows_one_size),
	KUNIT_CASE(half_a_vbt_is_none),
	KUNIT_CASE(bounds_the_vbt),
	KUNIT_CASE(vbt_is_outside),
	KUNIT_CASE(vbt_ends_where_addresses_do),
	KUNIT_CASE(users_find_the_vbt),
	KUNIT_CASE(survives_garbage),
	{ }
};

static struct kunit_suite opregion_suite = {
	.name = "igd_opregion",
	.test_cases = opregion_cases,
};

kunit_test_suite(opregion_suite);

MODULE_IMPORT_NS(COMPAT_KUNIT_NS);
MODULE_DESCRIPTION("Unit tests of igd-vfio-pci: OpRegion");
MODULE_LICENSE("GPL");
