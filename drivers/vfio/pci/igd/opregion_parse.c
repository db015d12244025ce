// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading an OpRegion (Intel, "IGD OpRegion/Software SCI for Broadwell
 * Processors", sections 3.1 and 3.1.5, and later public revisions)
 *
 * The contents come from firmware, so nothing in them is trusted.
 */
#include <kunit/visibility.h>
#include <linux/errno.h>
#include <linux/overflow.h>
#include <linux/string.h>
#include <linux/unaligned.h>

#include "igd.h"

static const char igd_signature[16] = "IntelGraphicsMem";

/* Offsets from the start of the OpRegion; all values are little-endian. */
#define OP_SIZE_KB	0x10
#define OP_MINOR	0x16
#define OP_MAJOR	0x17
#define OP_RVDA		0x3ba
#define OP_RVDS		0x3c2

/**
 * igd_opregion_parse - check an OpRegion and read what matters of it
 * @data: first bytes of the OpRegion
 * @size: how many there are
 * @op: filled in on success
 *
 * Return: 0; -EINVAL if this is not an OpRegion, or one that says of itself what
 * cannot be.
 */
int igd_opregion_parse(const void *data, size_t size, struct igd_opregion *op)
{
	const u8 *p = data;

	if (size < IGD_OPREGION_SIZE ||
	    memcmp(p, igd_signature, sizeof(igd_signature)))
		return -EINVAL;
	if (get_unaligned_le32(p + OP_SIZE_KB) != IGD_OPREGION_SIZE / SZ_1K)
		return -EINVAL;

	memset(op, 0, sizeof(*op));
	op->major = p[OP_MAJOR];
	op->minor = p[OP_MINOR];

	/* Before 2.0 these bytes mean something else. */
	if (op->major < 2)
		return 0;
	op->vbt_size = get_unaligned_le32(p + OP_RVDS);
	op->vbt_addr = get_unaligned_le64(p + OP_RVDA);
	if (!op->vbt_size || !op->vbt_addr) {
		op->vbt_size = 0;
		return 0;
	}
	if (op->vbt_size > IGD_VBT_MAX)
		return -EINVAL;

	/* A relative address that points into the OpRegion itself is no VBT. */
	if ((op->major > 2 || op->minor) && op->vbt_addr < IGD_OPREGION_SIZE)
		return -EINVAL;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(igd_opregion_parse);

/**
 * igd_opregion_vbt_phys - where the VBT outside of an OpRegion is
 * @op: with a vbt_size that is not 0
 * @base: physical address of the OpRegion
 *
 * Return: physical address, or 0 if it would lie beyond the end of the address
 * space.
 */
u64 igd_opregion_vbt_phys(const struct igd_opregion *op, u64 base)
{
	u64 addr = op->vbt_addr, end;

	if ((op->major > 2 || op->minor) && check_add_overflow(base, addr, &addr))
		return 0;
	return check_add_overflow(addr, (u64)op->vbt_size, &end) ? 0 : addr;
}
EXPORT_SYMBOL_IF_KUNIT(igd_opregion_vbt_phys);

/**
 * igd_opregion_set_vbt - say in an OpRegion where its VBT is
 * @data: copy of the OpRegion of a version not before 2.0
 * @offset: of the VBT from the start of the OpRegion
 *
 * The copy becomes version 2.1 if it was 2.0, since the address in a 2.0 one is
 * physical and means nothing to a guest.
 */
void igd_opregion_set_vbt(void *data, u64 offset)
{
	u8 *p = data;

	put_unaligned_le64(offset, p + OP_RVDA);
	if (p[OP_MAJOR] == 2 && !p[OP_MINOR])
		p[OP_MINOR] = 1;
}
EXPORT_SYMBOL_IF_KUNIT(igd_opregion_set_vbt);
