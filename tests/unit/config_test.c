// SPDX-License-Identifier: GPL-2.0-only
/*
 * Config space: the table of registers, and the walk over what functions claim
 */
#include <compat/kunit.h>
#include <kunit/test-bug.h>
#include <kunit/test.h>
#include <linux/ioport.h>
#include <linux/pci_regs.h>
#include <linux/prandom.h>

#include "../../drivers/vfio/pci/config.h"
#include "../../drivers/vfio/pci/vpc.h"

#define ALL	0xffffffffU

/**
 * struct fake - a function without hardware, and the map drawn of it
 * @hw: its config space
 * @shadow: of @map
 * @rule: of @map
 * @map: what vpc_config_walk() draws
 * @src: how it reads @hw
 */
struct fake {
	u32 hw[PCI_CFG_SPACE_EXP_SIZE / 4];
	u32 shadow[PCI_CFG_SPACE_EXP_SIZE / 4];
	u8 rule[PCI_CFG_SPACE_EXP_SIZE / 4];
	struct vpc_config_map map;
	struct vpc_config_source src;
};

static u32 fake_read(const struct vpc_config_source *src, unsigned int offset)
{
	struct fake *fake = src->data;

	/* The walk reads within the space, whatever the function says. */
	KUNIT_EXPECT_LT(kunit_get_current_test(), offset, src->size);
	KUNIT_EXPECT_EQ(kunit_get_current_test(), offset % 4, 0U);
	return offset < src->size ? fake->hw[offset / 4] : ALL;
}

static struct fake *fake_new(struct kunit *test, unsigned int size)
{
	struct fake *fake = kunit_kzalloc(test, sizeof(*fake), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, fake);
	fake->map = (struct vpc_config_map) {
		.size = size, .shadow = fake->shadow, .rule = fake->rule,
	};
	fake->src = (struct vpc_config_source) {
		.read = fake_read, .data = fake, .size = size,
	};
	fake->hw[0] = 0x12348086;
	fake->hw[1] = PCI_STATUS_CAP_LIST << 16;
	return fake;
}

static void walk(struct fake *fake)
{
	memset(fake->shadow, 0, sizeof(fake->shadow));
	memset(fake->rule, 0, sizeof(fake->rule));
	vpc_config_walk(&fake->map, &fake->src);
}

static const struct vpc_reg *reg_at(const struct fake *fake, unsigned int pos)
{
	return &vpc_regs[fake->rule[pos / 4]];
}

/* What the user reads. */
static u32 view(const struct fake *fake, unsigned int pos)
{
	return vpc_reg_view(reg_at(fake, pos), fake->hw[pos / 4],
			    fake->shadow[pos / 4]);
}

/* Chain the capabilities at @pos (0 at the end) together, in this order. */
static void chain(struct fake *fake, const u8 *pos)
{
	fake->hw[PCI_CAPABILITY_LIST / 4] = pos[0];
	for (; *pos; pos++)
		fake->hw[*pos / 4] |= pos[1] << 8;
}

/* Does the user, following the chain, come by exactly these? */
static void expect_chain(struct kunit *test, struct fake *fake, const u8 *want)
{
	unsigned int pos = view(fake, PCI_CAPABILITY_LIST) & 0xff;

	for (; *want; want++) {
		KUNIT_ASSERT_EQ(test, pos, *want);
		pos = view(fake, pos) >> 8 & 0xff;
	}
	KUNIT_EXPECT_EQ(test, pos, 0U);
}

static void ext_cap(struct fake *fake, unsigned int pos, u16 id,
		    unsigned int next)
{
	fake->hw[pos / 4] = id | 1 << 16 | next << 20;
}

static bool is_read_only(const struct fake *fake, unsigned int pos)
{
	return !reg_at(fake, pos)->write && !reg_at(fake, pos)->clear;
}

static bool is_raw(const struct fake *fake, unsigned int pos)
{
	return fake->rule[pos / 4] == VPC_REG_RAW;
}

/* --- the table ------------------------------------------------------------- */

/* What each register is to be, in plain figures from the specifications. */
static const struct vpc_reg wanted[] = {
	{ VPC_BLOCK_HEADER, 0, 0x00, ALL, 0, 0, 0 },
	{ VPC_BLOCK_HEADER, 1, 0x04, 0x00100400, 0x400, 0x75f, 0xf9000000 },
	{ VPC_BLOCK_HEADER, 0, 0x08, ALL, 0, 0, 0 },
	{ VPC_BLOCK_HEADER, 0, 0x0c, 0xffff0000, 0xff000000, 0xffff, 0 },
	{ VPC_BLOCK_HEADER, 2, 0x10, ALL, 0, ALL, 0 },
	{ VPC_BLOCK_HEADER, 2, 0x14, ALL, 0, ALL, 0 },
	{ VPC_BLOCK_HEADER, 2, 0x18, ALL, 0, ALL, 0 },
	{ VPC_BLOCK_HEADER, 2, 0x1c, ALL, 0, ALL, 0 },
	{ VPC_BLOCK_HEADER, 2, 0x20, ALL, 0, ALL, 0 },
	{ VPC_BLOCK_HEADER, 2, 0x24, ALL, 0, ALL, 0 },
	{ VPC_BLOCK_HEADER, 0, 0x28, ALL, 0, 0, 0 },
	{ VPC_BLOCK_HEADER, 0, 0x2c, ALL, 0, 0, 0 },
	{ VPC_BLOCK_HEADER, 3, 0x30, ALL, 0, ALL, 0 },
	{ VPC_BLOCK_HEADER, 0, 0x34, ALL, ALL, 0, 0 },
	{ VPC_BLOCK_HEADER, 0, 0x38, ALL, ALL, 0, 0 },
	{ VPC_BLOCK_HEADER, 0, 0x3c, ALL, 0, 0xff, 0 },
	{ VPC_BLOCK_HEADER_NO_MEM, 1, 0x04, 0x00100402, 0x400, 0x75f, 0xf9000000 },
	{ VPC_BLOCK_PM, 0, 0x00, ALL, 0xf8000000, 0, 0 },
	{ VPC_BLOCK_PM, 4, 0x04, 0x8100, 0x8100, 0x1e03, 0x8000 },
	{ VPC_BLOCK_VPD, 5, 0x00, ALL, 0xffff0000, 0xffff0000, 0 },
	{ VPC_BLOCK_VPD, 0, 0x04, ALL, ALL, ALL, 0 },
	{ VPC_BLOCK_MSI, 6, 0x00, ALL, 0xfe710000, 0x00710000, 0 },
	{ VPC_BLOCK_MSI, 0, 0x04, ALL, ALL, 0xfffffffc, 0 },
	{ VPC_BLOCK_MSI_32, 0, 0x08, ALL, ALL, 0xffff, 0 },
	{ VPC_BLOCK_MSI_64, 0, 0x08, ALL, ALL, ALL, 0 },
	{ VPC_BLOCK_MSI_64, 0, 0x0c, ALL, ALL, 0xffff, 0 },
	{ VPC_BLOCK_MSI_MASK_32, 0, 0x0c, 0, 0, ALL, 0 },
	{ VPC_BLOCK_MSI_MASK_64, 0, 0x10, 0, 0, ALL, 0 },
	{ VPC_BLOCK_VNDR, 0, 0x00, 0x00ffffff, 0, 0xff000000, 0 },
	{ VPC_BLOCK_PCIX, 0, 0x00, 0xffff, 0, 0x007f0000, 0 },
	{ VPC_BLOCK_PCIX, 0, 0x04, 0, 0, 0, 0x200c0000 },
	{ VPC_BLOCK_EXP, 0, 0x00, ALL, 0, 0, 0 },
	{ VPC_BLOCK_EXP, 0, 0x04, ALL, 0, 0, 0 },
	{ VPC_BLOCK_EXP, 7, 0x08, 0xf0e0, 0x8000, 0xf8ff, 0x000f0000 },
	{ VPC_BLOCK_EXP, 0, 0x0c, ALL, 0, 0, 0 },
	{ VPC_BLOCK_EXP, 0, 0x24, ALL, 0, 0, 0 },
	{ VPC_BLOCK_EXP, 0, 0x28, 0, 0, 0x035f, 0 },
	{ VPC_BLOCK_EXP, 0, 0x2c, ALL, 0, 0, 0 },
	{ VPC_BLOCK_EXP_VF, 7, 0x08, 0x8000, 0x8000, 0x8000, 0x000f0000 },
	{ VPC_BLOCK_MSIX, 0, 0x00, ALL, 0xc0000000, 0xc0000000, 0 },
	{ VPC_BLOCK_MSIX, 0, 0x04, ALL, 0, 0, 0 },
	{ VPC_BLOCK_MSIX, 0, 0x08, ALL, 0, 0, 0 },
	{ VPC_BLOCK_AF, 0, 0x00, ALL, 0, 0, 0 },
	{ VPC_BLOCK_AF, 8, 0x04, 0xff, 0xff, 0x01, 0 },
	{ VPC_BLOCK_AER, 0, 0x04, 0, 0, 0, 0x0ffff030 },
	{ VPC_BLOCK_AER, 0, 0x08, 0, 0, 0x0ffff030, 0 },
	{ VPC_BLOCK_AER, 0, 0x0c, 0, 0, 0x0ffff030, 0 },
	{ VPC_BLOCK_AER, 0, 0x10, 0, 0, 0, 0xf1c1 },
	{ VPC_BLOCK_AER, 0, 0x14, 0, 0, 0xf1c1, 0 },
	{ VPC_BLOCK_AER, 0, 0x18, 0, 0, 0x140, 0 },
	{ VPC_BLOCK_PWR, 0, 0x04, 0, 0, 0xff, 0 },
	{ VPC_BLOCK_VSEC, 0, 0x04, ALL, 0, 0, 0 },
	{ VPC_BLOCK_DVSEC, 0, 0x04, ALL, 0, 0, 0 },
	{ VPC_BLOCK_DVSEC, 0, 0x08, 0xffff, 0, 0xffff0000, 0 },
};

static const struct vpc_reg *find_reg(unsigned int block, unsigned int offset)
{
	for (unsigned int i = VPC_NUM_GENERIC; i < vpc_num_regs; i++)
		if (vpc_regs[i].block == block && vpc_regs[i].offset == offset)
			return &vpc_regs[i];
	return NULL;
}

static void table_is_as_wanted(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, vpc_num_regs - VPC_NUM_GENERIC, ARRAY_SIZE(wanted));
	for (unsigned int i = 0; i < ARRAY_SIZE(wanted); i++) {
		const struct vpc_reg *want = &wanted[i];
		const struct vpc_reg *reg = find_reg(want->block, want->offset);

		KUNIT_ASSERT_NOT_NULL_MSG(test, reg, "block %u, offset %#x",
					  want->block, want->offset);
		KUNIT_EXPECT_EQ_MSG(test, memcmp(reg, want, sizeof(*reg)), 0,
				    "block %u, offset %#x", want->block,
				    want->offset);
	}
}

static void table_is_consistent(struct kunit *test)
{
	for (unsigned int i = 0; i < vpc_num_regs; i++) {
		const struct vpc_reg *reg = &vpc_regs[i];

		KUNIT_EXPECT_EQ_MSG(test, reg->zero & ~reg->virt, 0U, "row %u", i);
		KUNIT_EXPECT_EQ_MSG(test, reg->clear & reg->write, 0U, "row %u", i);
		KUNIT_EXPECT_EQ_MSG(test, reg->offset % 4, 0, "row %u", i);
		KUNIT_EXPECT_LT_MSG(test, reg->effect, VPC_NUM_EFFECTS, "row %u", i);
		if (i >= VPC_NUM_GENERIC)
			KUNIT_EXPECT_PTR_EQ_MSG(test, reg,
						find_reg(reg->block, reg->offset),
						"row %u is there twice", i);
	}
}

static void writes_reach_their_bits(struct kunit *test)
{
	const struct vpc_reg reg = {
		.virt = 0x00ff, .write = 0x0ff0, .clear = 0xf0000000,
	};

	KUNIT_EXPECT_EQ(test, vpc_reg_view(&reg, 0x11111111, 0x22222222),
			0x11111122U);
	/* the shadow takes all that can be written */
	KUNIT_EXPECT_EQ(test, vpc_reg_store(&reg, 0x22222222, ALL, ALL),
			0x22222ff2U);
	KUNIT_EXPECT_EQ(test, vpc_reg_store(&reg, 0x22222222, ALL, 0xff),
			0x222222f2U);
	/* the hardware what is its own, and clears only what is asked for */
	KUNIT_EXPECT_EQ(test, vpc_reg_merge(&reg, 0xf1111111, 0, ALL),
			0x01111011U);
	KUNIT_EXPECT_EQ(test, vpc_reg_merge(&reg, 0xf1111111, 0x50000a00, ALL),
			0x51111a11U);
	KUNIT_EXPECT_EQ(test, vpc_reg_merge(&reg, 0xf1111111, ALL, 0xff),
			0x01111111U);
}

static void hidden_bits_are_not_cleared(struct kunit *test)
{
	const struct vpc_reg reg = { .virt = 0x8000, .clear = 0x8001 };

	KUNIT_EXPECT_EQ(test, vpc_reg_merge(&reg, 0x8101, 0x8001, ALL), 0x0101U);
	KUNIT_EXPECT_EQ(test, vpc_reg_merge(&reg, 0x8101, 0, ALL), 0x0100U);
}

static void only_whole_writes_need_no_read(struct kunit *test)
{
	const struct vpc_reg raw = { .write = ALL };
	const struct vpc_reg mixed = { .write = 0xffff, .virt = 0xff };
	struct vpc_config_write w = {
		.offset = 0x12, .width = 2, .mask = 0xffff0000, .reg = &raw,
	};

	KUNIT_EXPECT_TRUE(test, vpc_write_is_whole(&w));
	/* an effect has taken bits out */
	w.mask = 0xff0000;
	KUNIT_EXPECT_FALSE(test, vpc_write_is_whole(&w));

	w = (struct vpc_config_write) {
		.offset = 0x10, .width = 2, .mask = 0xffff, .reg = &mixed,
	};
	KUNIT_EXPECT_FALSE(test, vpc_write_is_whole(&w));
	w = (struct vpc_config_write) {
		.offset = 0x11, .width = 1, .mask = 0xff00, .reg = &mixed,
	};
	KUNIT_EXPECT_TRUE(test, vpc_write_is_whole(&w));
}

static void masks_follow_width(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, vpc_reg_mask(0x10, 4), ALL);
	KUNIT_EXPECT_EQ(test, vpc_reg_mask(0x10, 2), 0xffffU);
	KUNIT_EXPECT_EQ(test, vpc_reg_mask(0x12, 2), 0xffff0000U);
	KUNIT_EXPECT_EQ(test, vpc_reg_mask(0x13, 1), 0xff000000U);
}

static void bars_tell_their_size(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, vpc_bar_writable(0, IORESOURCE_MEM, false), 0U);
	KUNIT_EXPECT_EQ(test, vpc_bar_writable(0x4000, IORESOURCE_MEM, false),
			0xffffc000U);
	KUNIT_EXPECT_EQ(test, vpc_bar_writable(16, IORESOURCE_MEM, false),
			0xfffffff0U);
	KUNIT_EXPECT_EQ(test, vpc_bar_writable(4, IORESOURCE_IO, false),
			0xfffffffcU);
	KUNIT_EXPECT_EQ(test, vpc_bar_writable(0x4000, IORESOURCE_MEM, true), ALL);
	KUNIT_EXPECT_EQ(test, vpc_bar_writable(1ULL << 34, IORESOURCE_MEM, false),
			0U);
	KUNIT_EXPECT_EQ(test, vpc_bar_writable(1ULL << 34, IORESOURCE_MEM, true),
			0xfffffffcU);
}

/* --- the standard chain ---------------------------------------------------- */

static void shows_a_usual_chain(struct kunit *test)
{
	struct fake *fake = fake_new(test, 256);
	static const u8 caps[] = { 0x40, 0x60, 0x80, 0xa0, 0 };

	fake->hw[0x40 / 4] = PCI_CAP_ID_PM | 0xc823U << 16;
	fake->hw[0x60 / 4] = PCI_CAP_ID_MSI | 0x0180 << 16;
	fake->hw[0x64 / 4] = 0xfee00000;
	fake->hw[0x80 / 4] = PCI_CAP_ID_MSIX | 0x8009U << 16;
	fake->hw[0x84 / 4] = 3;
	fake->hw[0xa0 / 4] = PCI_CAP_ID_EXP | 2 << 16;
	fake->hw[0xa4 / 4] = PCI_EXP_DEVCAP_FLR;
	chain(fake, caps);
	walk(fake);

	expect_chain(test, fake, caps);
	KUNIT_EXPECT_EQ(test, view(fake, 0), 0x12348086U);
	KUNIT_EXPECT_EQ(test, view(fake, 4), (u32)PCI_STATUS_CAP_LIST << 16);
	/* PME, addresses and enables are not the host's */
	KUNIT_EXPECT_EQ(test, view(fake, 0x40) >> 16, 0x23U);
	KUNIT_EXPECT_EQ(test, view(fake, 0x60) >> 16, 0x180U);
	KUNIT_EXPECT_EQ(test, view(fake, 0x64), 0U);
	KUNIT_EXPECT_EQ(test, view(fake, 0x80) >> 16, 9U);
	KUNIT_EXPECT_EQ(test, view(fake, 0x84), 3U);
	KUNIT_EXPECT_EQ(test, view(fake, 0xa4), (u32)PCI_EXP_DEVCAP_FLR);
	/* behind each the function's own registers go on */
	KUNIT_EXPECT_TRUE(test, is_raw(fake, 0x48));
	KUNIT_EXPECT_TRUE(test, is_raw(fake, 0x78));
	KUNIT_EXPECT_TRUE(test, is_raw(fake, 0x8c));
	KUNIT_EXPECT_FALSE(test, is_raw(fake, 0xd0));
	KUNIT_EXPECT_TRUE(test, is_raw(fake, 0xd4));
}

static void lays_out_msi_by_its_flags(struct kunit *test)
{
	static const struct {
		u16 flags;
		unsigned int data, mask, end;
	} cases[] = {
		{ 0x0000, 0x08, 0, 0x0c },
		{ 0x0080, 0x0c, 0, 0x10 },
		{ 0x0100, 0x08, 0x0c, 0x14 },
		{ 0x0180, 0x0c, 0x10, 0x18 },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fake *fake = fake_new(test, 256);

		fake->hw[0x40 / 4] = PCI_CAP_ID_MSI | cases[i].flags << 16;
		chain(fake, (const u8[]) { 0x40, 0 });
		walk(fake);
		KUNIT_EXPECT_EQ(test, reg_at(fake, 0x40 + cases[i].data)->write,
				0xffffU);
		if (cases[i].mask) {
			KUNIT_EXPECT_EQ(test,
					reg_at(fake, 0x40 + cases[i].mask)->write,
					ALL);
			/* pending bits */
			KUNIT_EXPECT_TRUE(test, is_read_only(fake,
							     0x44 + cases[i].mask));
		}
		KUNIT_EXPECT_FALSE(test, is_raw(fake, 0x3c + cases[i].end));
		KUNIT_EXPECT_TRUE(test, is_raw(fake, 0x40 + cases[i].end));
	}
}

static void ends_pcie_by_version_and_type(struct kunit *test)
{
	static const struct {
		u16 flags;
		unsigned int end;
	} cases[] = {
		{ 0x01, 0x14 }, { 0x02, 0x34 }, { 0x91, 0x0c }, { 0x92, 0x2c },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fake *fake = fake_new(test, 256);

		fake->hw[0x40 / 4] = PCI_CAP_ID_EXP | cases[i].flags << 16;
		chain(fake, (const u8[]) { 0x40, 0 });
		walk(fake);
		KUNIT_EXPECT_FALSE(test, is_raw(fake, 0x3c + cases[i].end));
		KUNIT_EXPECT_TRUE(test, is_raw(fake, 0x40 + cases[i].end));
	}
}

static void hides_the_unknown(struct kunit *test)
{
	struct fake *fake = fake_new(test, 256);

	fake->hw[0x40 / 4] = 0x77 | 0xabcdU << 16;
	fake->hw[0x44 / 4] = 0x55667788;
	fake->hw[0x50 / 4] = PCI_CAP_ID_PM;
	fake->hw[0x60 / 4] = PCI_CAP_ID_SHPC;
	chain(fake, (const u8[]) { 0x40, 0x50, 0x60, 0 });
	walk(fake);

	expect_chain(test, fake, (const u8[]) { 0x50, 0 });
	KUNIT_EXPECT_EQ(test, view(fake, 0x40), 0U);
	/* its body, as long as it may be, is read-only */
	KUNIT_EXPECT_EQ(test, view(fake, 0x44), 0x55667788U);
	KUNIT_EXPECT_TRUE(test, is_read_only(fake, 0x44));
	KUNIT_EXPECT_TRUE(test, is_read_only(fake, 0x4c));
	KUNIT_EXPECT_TRUE(test, is_raw(fake, 0x58));
	KUNIT_EXPECT_TRUE(test, is_read_only(fake, 0xfc));
}

static void hides_interrupts_the_host_cannot_use(struct kunit *test)
{
	struct fake *fake = fake_new(test, 256);

	fake->hw[0x40 / 4] = PCI_CAP_ID_MSI;
	fake->hw[0x60 / 4] = PCI_CAP_ID_MSIX;
	chain(fake, (const u8[]) { 0x40, 0x60, 0 });
	fake->src.no_msi = true;
	walk(fake);
	expect_chain(test, fake, (const u8[]) { 0x60, 0 });

	fake->src.no_msix = true;
	walk(fake);
	expect_chain(test, fake, (const u8[]) { 0 });
	/* and then there is no list */
	KUNIT_EXPECT_EQ(test, view(fake, 4), 0U);
}

static void ends_in_a_loop(struct kunit *test)
{
	struct fake *fake = fake_new(test, 256);

	fake->hw[0x40 / 4] = PCI_CAP_ID_PM;
	fake->hw[0x50 / 4] = PCI_CAP_ID_MSIX;
	chain(fake, (const u8[]) { 0x40, 0x50, 0 });
	fake->hw[0x50 / 4] |= 0x40 << 8;
	walk(fake);
	expect_chain(test, fake, (const u8[]) { 0x40, 0x50, 0 });

	/* to itself, hidden or not */
	fake->hw[0x40 / 4] = PCI_CAP_ID_PM | 0x40 << 8;
	walk(fake);
	expect_chain(test, fake, (const u8[]) { 0x40, 0 });
	fake->hw[0x40 / 4] = 0x77 | 0x40 << 8;
	walk(fake);
	expect_chain(test, fake, (const u8[]) { 0 });
}

static void ignores_bad_pointers(struct kunit *test)
{
	struct fake *fake = fake_new(test, 256);

	/* into the header */
	fake->hw[PCI_CAPABILITY_LIST / 4] = 0x10;
	walk(fake);
	expect_chain(test, fake, (const u8[]) { 0 });

	/* the low bits are reserved */
	fake->hw[0x40 / 4] = PCI_CAP_ID_PM | 0x53 << 8;
	fake->hw[0x50 / 4] = PCI_CAP_ID_MSIX | 0x04 << 8;
	fake->hw[PCI_CAPABILITY_LIST / 4] = 0x42;
	walk(fake);
	expect_chain(test, fake, (const u8[]) { 0x40, 0x50, 0 });

	/* no list, whatever the pointer says */
	fake->hw[1] = 0;
	walk(fake);
	expect_chain(test, fake, (const u8[]) { 0 });
	KUNIT_EXPECT_TRUE(test, is_raw(fake, 0x40));
}

static void hides_what_does_not_fit(struct kunit *test)
{
	struct fake *fake = fake_new(test, 256);

	/* beyond the end */
	fake->hw[0xfc / 4] = PCI_CAP_ID_PM;
	/* over the next one */
	fake->hw[0x40 / 4] = PCI_CAP_ID_EXP | 2 << 16;
	fake->hw[0x50 / 4] = PCI_CAP_ID_MSIX;
	chain(fake, (const u8[]) { 0xfc, 0x40, 0x50, 0 });
	walk(fake);

	expect_chain(test, fake, (const u8[]) { 0x50, 0 });
	KUNIT_EXPECT_TRUE(test, is_read_only(fake, 0x48));
}

static void cuts_long_vendor_capabilities(struct kunit *test)
{
	struct fake *fake = fake_new(test, 256);

	fake->hw[0x40 / 4] = PCI_CAP_ID_VNDR | 0xff << 16;
	fake->hw[0x50 / 4] = PCI_CAP_ID_MSIX;
	fake->hw[0x60 / 4] = PCI_CAP_ID_VNDR | 0xff << 16;
	fake->hw[0xf0 / 4] = PCI_CAP_ID_VNDR | 2 << 16;
	chain(fake, (const u8[]) { 0x40, 0x50, 0x60, 0xf0, 0 });
	walk(fake);

	expect_chain(test, fake, (const u8[]) { 0x40, 0x50, 0x60, 0 });
	KUNIT_EXPECT_TRUE(test, is_raw(fake, 0x4c));
	KUNIT_EXPECT_TRUE(test, is_read_only(fake, 0x54));
	KUNIT_EXPECT_TRUE(test, is_raw(fake, 0xec));
	/* shorter than its own header */
	KUNIT_EXPECT_TRUE(test, is_read_only(fake, 0xf0));
}

static void bounds_enhanced_allocation(struct kunit *test)
{
	struct fake *fake = fake_new(test, 256);

	fake->hw[0x40 / 4] = PCI_CAP_ID_EA | 2 << 16;
	fake->hw[0x44 / 4] = 2;
	fake->hw[0x50 / 4] = 4;
	chain(fake, (const u8[]) { 0x40, 0 });
	walk(fake);
	expect_chain(test, fake, (const u8[]) { 0x40, 0 });
	KUNIT_EXPECT_TRUE(test, is_read_only(fake, 0x60));
	KUNIT_EXPECT_TRUE(test, is_raw(fake, 0x64));

	/* 63 entries of 32 bytes do not fit */
	fake->hw[0x40 / 4] = PCI_CAP_ID_EA | 0x3f << 16;
	for (unsigned int i = 0x44; i < 0x100; i += 4)
		fake->hw[i / 4] = 7;
	walk(fake);
	expect_chain(test, fake, (const u8[]) { 0 });
}

static void knows_functions_without_memory_enable(struct kunit *test)
{
	struct fake *fake = fake_new(test, 256);

	walk(fake);
	KUNIT_EXPECT_FALSE(test, reg_at(fake, 4)->virt & PCI_COMMAND_MEMORY);
	fake->src.no_mem_enable = true;
	walk(fake);
	KUNIT_EXPECT_TRUE(test, reg_at(fake, 4)->virt & PCI_COMMAND_MEMORY);
}

static void knows_vfs(struct kunit *test)
{
	struct fake *fake = fake_new(test, 256);

	fake->src.is_vf = true;
	fake->hw[0x40 / 4] = PCI_CAP_ID_EXP | 2 << 16;
	chain(fake, (const u8[]) { 0x40, 0 });
	walk(fake);
	KUNIT_EXPECT_EQ(test, reg_at(fake, 0x48)->write,
			(u32)PCI_EXP_DEVCTL_BCR_FLR);
}

/* --- the extended chain ---------------------------------------------------- */

static void shows_an_extended_chain(struct kunit *test)
{
	struct fake *fake = fake_new(test, 4096);

	ext_cap(fake, 0x100, PCI_EXT_CAP_ID_ERR, 0x140);
	ext_cap(fake, 0x140, PCI_EXT_CAP_ID_DSN, 0x200);
	fake->hw[0x144 / 4] = 0x11223344;
	ext_cap(fake, 0x200, PCI_EXT_CAP_ID_SRIOV, 0xff8);
	ext_cap(fake, 0xff8, PCI_EXT_CAP_ID_ARI, 0);
	walk(fake);

	KUNIT_EXPECT_EQ(test, view(fake, 0x100), 0x14010001U);
	KUNIT_EXPECT_EQ(test, view(fake, 0x140), 0x20010003U);
	KUNIT_EXPECT_EQ(test, view(fake, 0x144), 0x11223344U);
	KUNIT_EXPECT_EQ(test, view(fake, 0x200), 0xff810010U);
	KUNIT_EXPECT_EQ(test, view(fake, 0xff8), 0x0001000eU);
	KUNIT_EXPECT_TRUE(test, is_raw(fake, 0x12c));
	/* nobody but the host makes VFs */
	for (unsigned int i = 0x200; i < 0x240; i += 4)
		KUNIT_EXPECT_TRUE(test, is_read_only(fake, i));
}

static void keeps_a_place_for_the_first(struct kunit *test)
{
	struct fake *fake = fake_new(test, 4096);

	ext_cap(fake, 0x100, PCI_EXT_CAP_ID_PASID, 0x110);
	ext_cap(fake, 0x110, PCI_EXT_CAP_ID_PRI, 0x140);
	ext_cap(fake, 0x140, PCI_EXT_CAP_ID_DSN, 0x150);
	ext_cap(fake, 0x150, PCI_EXT_CAP_ID_L1SS, 0x160);
	ext_cap(fake, 0x160, PCI_EXT_CAP_ID_ARI, 0);
	walk(fake);

	KUNIT_EXPECT_EQ(test, view(fake, 0x100), 0x14000000U);
	KUNIT_EXPECT_EQ(test, view(fake, 0x110), 0U);
	KUNIT_EXPECT_EQ(test, view(fake, 0x140), 0x16010003U);
	KUNIT_EXPECT_TRUE(test, is_read_only(fake, 0x104));
	KUNIT_EXPECT_TRUE(test, is_read_only(fake, 0x114));
	KUNIT_EXPECT_TRUE(test, is_read_only(fake, 0x15c));
}

static void hides_a_chain_of_nothing(struct kunit *test)
{
	struct fake *fake = fake_new(test, 4096);

	ext_cap(fake, 0x100, PCI_EXT_CAP_ID_PASID, 0);
	walk(fake);
	KUNIT_EXPECT_EQ(test, view(fake, 0x100), 0U);
	KUNIT_EXPECT_TRUE(test, is_read_only(fake, 0x100));
}

static void ends_in_an_extended_loop(struct kunit *test)
{
	struct fake *fake = fake_new(test, 4096);

	ext_cap(fake, 0x100, PCI_EXT_CAP_ID_ERR, 0x140);
	ext_cap(fake, 0x140, PCI_EXT_CAP_ID_DSN, 0x100);
	walk(fake);
	KUNIT_EXPECT_EQ(test, view(fake, 0x140) >> 20, 0U);

	/* into the standard space, and into the void */
	ext_cap(fake, 0x140, PCI_EXT_CAP_ID_DSN, 0x040);
	walk(fake);
	KUNIT_EXPECT_EQ(test, view(fake, 0x140) >> 20, 0U);
	ext_cap(fake, 0x140, PCI_EXT_CAP_ID_DSN, 0x800);
	fake->hw[0x800 / 4] = ALL;
	walk(fake);
	KUNIT_EXPECT_EQ(test, view(fake, 0x140) >> 20, 0U);
}

/* A capability whose length is computed ends where it should. */
static void expect_end(struct kunit *test, struct fake *fake, unsigned int end)
{
	walk(fake);
	KUNIT_EXPECT_EQ(test, view(fake, 0x100) & 0xffff,
			fake->hw[0x100 / 4] & 0xffff);
	KUNIT_EXPECT_FALSE(test, is_raw(fake, end - 4));
	KUNIT_EXPECT_TRUE(test, is_raw(fake, end));
}

static void computes_lengths(struct kunit *test)
{
	static const struct {
		u16 id;
		u32 dword[4];	/* from offset 4 on */
		unsigned int len;
	} cases[] = {
		{ PCI_EXT_CAP_ID_VC, { 0 }, 0x1c },
		{ PCI_EXT_CAP_ID_VC, { 7 }, 0x70 },
		/* the port's table: 128 phases of 4 bits at 0x20 */
		{ PCI_EXT_CAP_ID_VC, { 0, 0x02000008 }, 0x60 },
		/* the channel's: 32 phases of 1 << 2 bits at 0x30 */
		{ PCI_EXT_CAP_ID_VC9, { 0x800, 0, 0, 0x03000002 }, 0x40 },
		{ PCI_EXT_CAP_ID_MFVC, { 0x800, 0, 0, 0x03000020 }, 0xb0 },
		{ PCI_EXT_CAP_ID_ACS, { 0x1f }, 0x08 },
		{ PCI_EXT_CAP_ID_ACS, { 0x2120 }, 0x10 },
		{ PCI_EXT_CAP_ID_ACS, { 0x20 }, 0x28 },
		{ PCI_EXT_CAP_ID_REBAR, { 0, 2 << 5 }, 0x14 },
		{ PCI_EXT_CAP_ID_DPA, { 0x1f }, 0x30 },
		{ PCI_EXT_CAP_ID_TPH, { 0x00030400 }, 0x0c },
		{ PCI_EXT_CAP_ID_TPH, { 0x00030200 }, 0x14 },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fake *fake = fake_new(test, 4096);

		ext_cap(fake, 0x100, cases[i].id, 0);
		memcpy(&fake->hw[0x104 / 4], cases[i].dword,
		       sizeof(cases[i].dword));
		expect_end(test, fake, 0x100 + cases[i].len);
	}
}

static void hides_senseless_lengths(struct kunit *test)
{
	static const struct {
		u16 id;
		unsigned int pos;
		u32 dword[4];
	} cases[] = {
		{ PCI_EXT_CAP_ID_VNDR, 0x200, { 0 } },
		{ PCI_EXT_CAP_ID_VNDR, 0x200, { 4 << 20 } },
		{ PCI_EXT_CAP_ID_VNDR, 0xffc, { } },
		{ PCI_EXT_CAP_ID_DVSEC, 0x200, { 8 << 20 } },
		{ PCI_EXT_CAP_ID_REBAR, 0x200, { 0, 7 << 5 } },
		{ PCI_EXT_CAP_ID_REBAR, 0x200, { 0, 0 } },
		{ PCI_EXT_CAP_ID_VC, 0xff0, { 7 } },
		{ PCI_EXT_CAP_ID_VC, 0x200, { 0, 0xff000008, } },
		{ PCI_EXT_CAP_ID_SRIOV, 0xfe0, { } },
		{ 0, 0x200, { } },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fake *fake = fake_new(test, 4096);
		unsigned int pos = cases[i].pos;

		ext_cap(fake, 0x100, PCI_EXT_CAP_ID_DSN, pos);
		ext_cap(fake, pos, cases[i].id, 0);
		memcpy(&fake->hw[pos / 4 + 1], cases[i].dword,
		       min_t(size_t, 4096 - pos - 4, sizeof(cases[i].dword)));
		if (pos == 0x200 && cases[i].id == PCI_EXT_CAP_ID_VC)
			ext_cap(fake, pos, cases[i].id, 0x240);
		walk(fake);
		KUNIT_EXPECT_EQ_MSG(test, view(fake, 0x100) >> 20, 0U, "case %u", i);
		KUNIT_EXPECT_TRUE_MSG(test, is_read_only(fake, pos), "case %u", i);
	}
}

static void passes_vendor_registers_but_cxl(struct kunit *test)
{
	struct fake *fake = fake_new(test, 4096);

	ext_cap(fake, 0x100, PCI_EXT_CAP_ID_VNDR, 0x140);
	fake->hw[0x104 / 4] = 0x01000001;
	ext_cap(fake, 0x140, PCI_EXT_CAP_ID_DVSEC, 0x180);
	fake->hw[0x144 / 4] = 0x01008086;
	ext_cap(fake, 0x180, PCI_EXT_CAP_ID_DVSEC, 0);
	fake->hw[0x184 / 4] = 0x03c01e98;
	walk(fake);

	KUNIT_EXPECT_TRUE(test, is_read_only(fake, 0x104));
	KUNIT_EXPECT_TRUE(test, is_raw(fake, 0x108));
	KUNIT_EXPECT_TRUE(test, is_read_only(fake, 0x144));
	KUNIT_EXPECT_EQ(test, reg_at(fake, 0x148)->write, 0xffff0000U);
	KUNIT_EXPECT_TRUE(test, is_raw(fake, 0x14c));
	KUNIT_EXPECT_EQ(test, view(fake, 0x140) >> 20, 0x180U);
	for (unsigned int i = 0x180; i < 0x1bc; i += 4)
		KUNIT_EXPECT_TRUE(test, is_read_only(fake, i));
}

/* --- garbage --------------------------------------------------------------- */

/* Whatever was drawn, the user finds chains that end. */
static void expect_sane(struct kunit *test, struct fake *fake)
{
	unsigned int n = 0, pos = view(fake, PCI_CAPABILITY_LIST);

	for (unsigned int i = 0; i < fake->map.size / 4; i++) {
		KUNIT_ASSERT_NE(test, fake->rule[i], VPC_REG_NONE);
		KUNIT_ASSERT_LT(test, fake->rule[i], vpc_num_regs);
	}

	for (; pos; pos = view(fake, pos) >> 8 & 0xff, n++) {
		KUNIT_ASSERT_EQ(test, pos % 4, 0U);
		KUNIT_ASSERT_GE(test, pos, (unsigned int)PCI_STD_HEADER_SIZEOF);
		KUNIT_ASSERT_LT(test, n, 48U);
	}
	if (fake->map.size <= PCI_CFG_SPACE_SIZE || is_raw(fake, 0x100))
		return;
	for (n = 0, pos = 0x100; pos; pos = view(fake, pos) >> 20, n++) {
		KUNIT_ASSERT_EQ(test, pos % 4, 0U);
		KUNIT_ASSERT_GE(test, pos, (unsigned int)PCI_CFG_SPACE_SIZE);
		KUNIT_ASSERT_LT(test, n, 960U);
	}
}

static void survives_garbage(struct kunit *test)
{
	struct fake *fake = fake_new(test, 4096);
	struct rnd_state rnd;

	prandom_seed_state(&rnd, 82576);
	for (unsigned int round = 0; round < 2000; round++) {
		prandom_bytes_state(&rnd, fake->hw, sizeof(fake->hw));
		fake->hw[1] |= PCI_STATUS_CAP_LIST << 16;
		/* ids that are known, or most of it would be hidden */
		for (unsigned int i = 0x10; i < 0x400; i++) {
			u32 mask = i < 0x40 ? 0xe0 : 0xffe0;

			fake->hw[i] &= ~mask;
		}
		fake->src.is_vf = round & 1;
		walk(fake);
		expect_sane(test, fake);
	}
}

static void survives_death(struct kunit *test)
{
	struct fake *fake = fake_new(test, 4096);

	memset(fake->hw, 0xff, sizeof(fake->hw));
	walk(fake);
	expect_sane(test, fake);
	memset(fake->hw, 0, sizeof(fake->hw));
	walk(fake);
	expect_sane(test, fake);
	KUNIT_EXPECT_TRUE(test, is_raw(fake, 0x100));
}

static struct kunit_case config_cases[] = {
	KUNIT_CASE(table_is_as_wanted),
	KUNIT_CASE(table_is_consistent),
	KUNIT_CASE(writes_reach_their_bits),
	KUNIT_CASE(hidden_bits_are_not_cleared),
	KUNIT_CASE(only_whole_writes_need_no_read),
	KUNIT_CASE(masks_follow_width),
	KUNIT_CASE(bars_tell_their_size),
	KUNIT_CASE(shows_a_usual_chain),
	KUNIT_CASE(lays_out_msi_by_its_flags),
	KUNIT_CASE(ends_pcie_by_version_and_type),
	KUNIT_CASE(hides_the_unknown),
	KUNIT_CASE(hides_interrupts_the_host_cannot_use),
	KUNIT_CASE(ends_in_a_loop),
	KUNIT_CASE(ignores_bad_pointers),
	KUNIT_CASE(hides_what_does_not_fit),
	KUNIT_CASE(cuts_long_vendor_capabilities),
	KUNIT_CASE(bounds_enhanced_allocation),
	KUNIT_CASE(knows_functions_without_memory_enable),
	KUNIT_CASE(knows_vfs),
	KUNIT_CASE(shows_an_extended_chain),
	KUNIT_CASE(keeps_a_place_for_the_first),
	KUNIT_CASE(hides_a_chain_of_nothing),
	KUNIT_CASE(ends_in_an_extended_loop),
	KUNIT_CASE(computes_lengths),
	KUNIT_CASE(hides_senseless_lengths),
	KUNIT_CASE(passes_vendor_registers_but_cxl),
	KUNIT_CASE(survives_garbage),
	KUNIT_CASE(survives_death),
	{ }
};

static struct kunit_suite config_suite = {
	.name = "vpc_config",
	.test_cases = config_cases,
};

kunit_test_suite(config_suite);

MODULE_IMPORT_NS(COMPAT_KUNIT_NS);
MODULE_DESCRIPTION("Unit tests of vfio-pci-core: config space");
MODULE_LICENSE("GPL");
