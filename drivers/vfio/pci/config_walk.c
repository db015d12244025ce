// SPDX-License-Identifier: GPL-2.0-only
/*
 * Drawing the map of a function's config space, once at open
 *
 * The function is not trusted: its chains may loop, point anywhere, or end in
 * ones because it has died, and a capability may claim more room than there is.
 * Whatever it says, each dword gets a register and the walk ends.
 */
#include <kunit/visibility.h>
#include <linux/bitmap.h>
#include <linux/pci_regs.h>

#include "config.h"
#include "vpc.h"

/**
 * struct walk - one of the two chains being walked
 * @map: the map
 * @src: the function
 * @ext: the chain of extended capabilities
 * @start: first byte that a capability may occupy
 * @end: end of the space
 * @heads: dwords in which a capability of this chain begins
 * @last: where the last visible capability is, or 0
 */
struct walk {
	struct vpc_config_map *map;
	const struct vpc_config_source *src;
	bool ext;
	unsigned int start;
	unsigned int end;
	DECLARE_BITMAP(heads, PCI_CFG_SPACE_EXP_SIZE / 4);
	unsigned int last;
};

static void paint(struct vpc_config_map *map, const struct vpc_config_source *src,
		  unsigned int pos, unsigned int rule)
{
	const struct vpc_reg *reg = &vpc_regs[rule];
	u32 keep = reg->virt & ~reg->zero;

	map->rule[pos / 4] = rule;
	map->shadow[pos / 4] = keep ? vpc_source_read(src, pos) & keep : 0;
}

static void paint_block(struct vpc_config_map *map,
			const struct vpc_config_source *src,
			enum vpc_block block, unsigned int pos, unsigned int end)
{
	for (unsigned int i = VPC_NUM_GENERIC; i < vpc_num_regs; i++)
		if (vpc_regs[i].block == block && pos + vpc_regs[i].offset < end)
			paint(map, src, pos + vpc_regs[i].offset, i);
}

/* Where the chain goes on after @pos, or 0 at its end. */
static unsigned int next_head(const struct walk *walk, unsigned int pos)
{
	u32 head = vpc_source_read(walk->src, pos);
	unsigned int next;

	if (head == ~(u32)0)
		return 0;
	next = walk->ext ? (head >> 20) & 0xffc : (head >> 8) & 0xfc;
	return next >= walk->start && next < walk->end ? next : 0;
}

static unsigned int first_head(const struct walk *walk)
{
	const struct vpc_config_source *src = walk->src;
	unsigned int pos;
	u32 head;

	if (walk->ext) {
		if (walk->end <= walk->start)
			return 0;
		head = vpc_source_read(src, walk->start);
		return head && head != ~(u32)0 ? walk->start : 0;
	}

	if (!(vpc_source_read(src, PCI_COMMAND) >> 16 & PCI_STATUS_CAP_LIST))
		return 0;
	pos = vpc_source_read(src, PCI_CAPABILITY_LIST) & 0xfc;
	return pos >= walk->start && pos < walk->end ? pos : 0;
}

/* How far a capability at @pos can reach: to the next one in space. */
static unsigned int room_end(const struct walk *walk, unsigned int pos)
{
	return 4 * find_next_bit(walk->heads, walk->end / 4, pos / 4 + 1);
}

/* End of the capability at @pos, or 0 if it does not fit where it is. */
static unsigned int cap_end(const struct walk *walk, const struct vpc_cap *cap,
			    unsigned int pos)
{
	unsigned int room = room_end(walk, pos);
	unsigned int end;

	if (pos + max(cap->len, PCI_CAP_SIZEOF) > room)
		return 0;
	end = cap->len;
	if (cap->length)
		end = cap->length(walk->src, pos);
	if (!end)
		return 0;

	end = round_up(pos + end, 4);
	/* Vendors are free in what they count as theirs. */
	if (cap->body == VPC_REG_RAW)
		end = min(end, room);
	return end <= room ? end : 0;
}

static void link_to(struct walk *walk, unsigned int pos)
{
	u32 *shadow = walk->map->shadow;

	if (walk->ext) {
		/* The first header is where it is, even when it is hidden. */
		if (pos != walk->start)
			shadow[(walk->last ?: walk->start) / 4] |= pos << 20;
	} else if (walk->last) {
		shadow[walk->last / 4] |= pos << 8;
	} else {
		shadow[PCI_CAPABILITY_LIST / 4] = pos;
	}
	walk->last = pos;
}

static void show_cap(struct walk *walk, const struct vpc_cap *cap,
		     unsigned int pos, unsigned int end)
{
	struct vpc_config_map *map = walk->map;
	enum vpc_block block;

	paint(map, walk->src, pos, walk->ext || cap->body == VPC_REG_CONST ?
				   VPC_REG_CONST : VPC_REG_LIVE_HEAD);
	for (unsigned int i = pos + 4; i < end; i += 4)
		paint(map, walk->src, i, cap->body);

	if (cap->block)
		paint_block(map, walk->src, cap->block, pos, end);
	for (unsigned int n = 0; cap->refine; n++) {
		block = cap->refine(walk->src, pos, n);
		if (block == VPC_BLOCK_NONE)
			break;
		paint_block(map, walk->src, block, pos, end);
	}

	/* The link is the next visible one's to make. */
	map->shadow[pos / 4] &= walk->ext ? GENMASK(19, 0) : ~0xff00U;
	link_to(walk, pos);
}

static void walk_chain(struct walk *walk)
{
	unsigned int pos, end, first = first_head(walk);
	const struct vpc_cap *cap;

	for (pos = first; pos; pos = next_head(walk, pos))
		if (__test_and_set_bit(pos / 4, walk->heads))
			break;

	/* Each once: a head that has a register has been here. */
	for (pos = first; pos && !walk->map->rule[pos / 4];
	     pos = next_head(walk, pos)) {
		cap = vpc_cap_find(walk->src, pos);
		end = cap ? cap_end(walk, cap, pos) : 0;
		if (end)
			show_cap(walk, cap, pos, end);
		else
			paint(walk->map, walk->src, pos, VPC_REG_HIDDEN);
	}
}

/* What no capability claims. */
static void paint_rest(struct vpc_config_map *map,
		       const struct vpc_config_source *src, unsigned int pos,
		       unsigned int end)
{
	bool hidden = false;

	for (; pos < end; pos += 4) {
		switch (map->rule[pos / 4]) {
		case VPC_REG_NONE:
			paint(map, src, pos,
			      hidden ? VPC_REG_LIVE : VPC_REG_RAW);
			break;
		case VPC_REG_HIDDEN:
			hidden = true;
			break;
		default:
			hidden = false;
		}
	}
}

/*
 * Give each dword of config space its register, and the shadow its contents.
 * @map has its size and zeroed arrays; nothing else of it is used.
 */
void vpc_config_walk(struct vpc_config_map *map, const struct vpc_config_source *src)
{
	struct walk std = {
		.map = map, .src = src, .start = PCI_STD_HEADER_SIZEOF,
		.end = PCI_CFG_SPACE_SIZE,
	};
	struct walk ext = {
		.map = map, .src = src, .start = PCI_CFG_SPACE_SIZE,
		.end = map->size, .ext = true,
	};

	paint_block(map, src, VPC_BLOCK_HEADER, 0, PCI_STD_HEADER_SIZEOF);
	if (src->no_mem_enable)
		paint_block(map, src, VPC_BLOCK_HEADER_NO_MEM, 0,
			    PCI_STD_HEADER_SIZEOF);

	walk_chain(&std);
	if (!std.last)
		map->shadow[PCI_COMMAND / 4] &= ~((u32)PCI_STATUS_CAP_LIST << 16);
	walk_chain(&ext);

	paint_rest(map, src, std.start, std.end);
	paint_rest(map, src, ext.start, ext.end);
}
EXPORT_SYMBOL_IF_KUNIT(vpc_config_walk);
