/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How config space is described: registers, capabilities, and the map that is
 * drawn of one function from both
 */
#ifndef VPC_CONFIG_H
#define VPC_CONFIG_H

#include <linux/bits.h>
#include <linux/types.h>

/**
 * DOC: the view of config space
 *
 * A register is a dword. For each of its bits &struct vpc_reg says who answers a
 * read (the hardware, or the shadow, in which case the bit is virtual) and what a
 * write does (nothing, change it, or clear it). The registers of the header and
 * of each capability form a block.
 *
 * At open the capability chains of the function are walked once. Each dword of
 * config space gets the number of the register that it holds, and the shadow gets
 * its first contents. From then on an access looks the register up by offset.
 *
 * What is not a known register falls into three groups. The body of an unknown
 * capability, whose length cannot be told, is read-only up to the next one, and
 * the capability is taken out of its chain. Capabilities that let their owner
 * change the host (links, translation, power of the platform) are hidden in the
 * same way or read-only. Dwords that belong to no capability are the function's
 * own device-specific registers, which its drivers use: the user reads and writes
 * them as they are.
 */

/* Blocks of registers. Some overlay another that is painted before. */
enum vpc_block {
	VPC_BLOCK_NONE,
	VPC_BLOCK_HEADER,
	VPC_BLOCK_HEADER_NO_MEM,	/* COMMAND has no memory enable of its own */
	VPC_BLOCK_PM,
	VPC_BLOCK_VPD,
	VPC_BLOCK_MSI,
	VPC_BLOCK_MSI_32,
	VPC_BLOCK_MSI_64,
	VPC_BLOCK_MSI_MASK_32,
	VPC_BLOCK_MSI_MASK_64,
	VPC_BLOCK_VNDR,
	VPC_BLOCK_PCIX,
	VPC_BLOCK_EXP,
	VPC_BLOCK_EXP_VF,
	VPC_BLOCK_MSIX,
	VPC_BLOCK_AF,
	VPC_BLOCK_AER,
	VPC_BLOCK_PWR,
	VPC_BLOCK_VSEC,
	VPC_BLOCK_DVSEC,
};

/* Side effects of a write, in config_effects.c */
enum vpc_effect {
	VPC_EFFECT_NONE,
	VPC_EFFECT_COMMAND,
	VPC_EFFECT_BAR,
	VPC_EFFECT_ROM,
	VPC_EFFECT_PMCSR,
	VPC_EFFECT_VPD,
	VPC_EFFECT_MSI,
	VPC_EFFECT_DEVCTL,
	VPC_EFFECT_AF,
	VPC_NUM_EFFECTS
};

/**
 * struct vpc_reg - one dword of config space
 * @block: the &enum vpc_block that it belongs to
 * @effect: what a write does beyond storing, &enum vpc_effect
 * @offset: in the block
 * @virt: bits that the user reads from the shadow
 * @zero: bits of @virt that are 0 at open, whatever the hardware says
 * @write: bits that the user can change; in the shadow where they are in @virt,
 *	else in the hardware
 * @clear: bits that the hardware clears when a 1 is written to them, which the
 *	user may do but for those in @virt
 */
struct vpc_reg {
	u8 block;
	u8 effect;
	u16 offset;
	u32 virt;
	u32 zero;
	u32 write;
	u32 clear;
};

/* The first rows of vpc_regs belong to no block: what a dword is by itself. */
enum vpc_reg_generic {
	VPC_REG_NONE,		/* not painted yet */
	VPC_REG_HIDDEN,		/* header of a hidden capability: reads 0 */
	VPC_REG_CONST,
	VPC_REG_LIVE,
	VPC_REG_LIVE_HEAD,	/* the same behind a capability's id and link */
	VPC_REG_RAW,
	VPC_NUM_GENERIC
};

extern const struct vpc_reg vpc_regs[];
extern const unsigned int vpc_num_regs;

struct vpc_config_source;

/**
 * struct vpc_cap - a capability that the user may see
 * @id: PCI_CAP_ID_ or PCI_EXT_CAP_ID_
 * @block: its registers
 * @body: register of dwords that the block does not name
 * @len: its length, or as much of it as @length has to read
 * @length: find out the length of this one; 0 if it makes no sense
 * @refine: further blocks to be laid over @block, by what the capability says;
 *	called with @n from 0 until it returns VPC_BLOCK_NONE
 */
struct vpc_cap {
	u16 id;
	u8 block;
	u8 body;
	u16 len;
	unsigned int (*length)(const struct vpc_config_source *src,
			       unsigned int pos);
	enum vpc_block (*refine)(const struct vpc_config_source *src,
				 unsigned int pos, unsigned int n);
};

/**
 * struct vpc_config_source - a function, as far as the walk needs it
 * @read: read the dword at @offset of the hardware
 * @data: for @read
 * @size: bytes of config space
 * @is_vf: a virtual function: ids and BARs are not in its config space
 * @no_mem_enable: COMMAND has no memory enable
 * @no_msi: the PCI core does not use MSI of this function
 * @no_msix: nor MSI-X
 */
struct vpc_config_source {
	u32 (*read)(const struct vpc_config_source *src, unsigned int offset);
	void *data;
	unsigned int size;
	bool is_vf;
	bool no_mem_enable;
	bool no_msi;
	bool no_msix;
};

static inline u32 vpc_source_read(const struct vpc_config_source *src,
				  unsigned int offset)
{
	return src->read(src, offset);
}

const struct vpc_cap *vpc_cap_find(const struct vpc_config_source *src,
				   unsigned int pos);

struct vpc_config_map;

void vpc_config_walk(struct vpc_config_map *map,
		     const struct vpc_config_source *src);

/* What the user reads, given what hardware and shadow hold. */
static inline u32 vpc_reg_view(const struct vpc_reg *reg, u32 hw, u32 shadow)
{
	return (hw & ~reg->virt) | (shadow & reg->virt);
}

/*
 * What shadow and hardware hold after a write of @val to the bits of @mask. The
 * shadow follows bits of the hardware, too, which nobody reads there, so that
 * they can be given back to a function that lost them.
 */
static inline u32 vpc_reg_store(const struct vpc_reg *reg, u32 shadow, u32 val,
				u32 mask)
{
	mask &= reg->write;
	return (shadow & ~mask) | (val & mask);
}

static inline u32 vpc_reg_merge(const struct vpc_reg *reg, u32 hw, u32 val,
				u32 mask)
{
	u32 change = mask & reg->write & ~reg->virt;
	u32 clear = mask & reg->clear & ~reg->virt;

	/* Writing back a 1 would clear what the user did not mean to clear. */
	hw &= ~reg->clear;
	return (hw & ~change) | (val & (change | clear));
}

/* Bits of a dword that an access of @width bytes at @offset covers. */
static inline u32 vpc_reg_mask(unsigned int offset, unsigned int width)
{
	return GENMASK(width * 8 - 1, 0) << (offset & 3) * 8;
}

/**
 * struct vpc_config_write - a write of the user to one register
 * @offset: of the access
 * @width: 1, 2 or 4; the access is aligned and within one dword
 * @val: shifted to its place in the dword
 * @mask: bits of the dword that are written, which an effect may narrow
 * @reg: the register
 * @shadow: its shadow
 * @reset: set by an effect: the function is to be reset when no lock is held
 */
struct vpc_config_write {
	unsigned int offset;
	unsigned int width;
	u32 val;
	u32 mask;
	const struct vpc_reg *reg;
	u32 *shadow;
	bool reset;
};

/* Does it change all that it covers, so that nothing has to be kept? */
static inline bool vpc_write_is_whole(const struct vpc_config_write *w)
{
	u32 change = w->mask & w->reg->write & ~w->reg->virt;

	return change == vpc_reg_mask(w->offset, w->width);
}

struct vfio_pci_core_state;

typedef int (*vpc_effect_fn)(struct vfio_pci_core_state *st,
			     struct vpc_config_write *w);
extern const vpc_effect_fn vpc_effects[VPC_NUM_EFFECTS];

/* config.c */
int vpc_config_store(struct vfio_pci_core_state *st,
		     struct vpc_config_write *w);

/* config_effects.c */
void vpc_config_seed_bars(struct vfio_pci_core_state *st, u32 *shadow);
u32 vpc_bar_writable(resource_size_t size, unsigned long flags, bool upper);
void vpc_config_decode(struct vfio_pci_core_state *st);

#endif /* VPC_CONFIG_H */
