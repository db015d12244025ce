/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Regions of memory: what bar.c, trap.c, mmap.c and region.c share
 */
#ifndef VPC_REGION_H
#define VPC_REGION_H

#include <linux/uaccess.h>
#include <linux/io.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/list.h>
#include <linux/string.h>
#include <linux/types.h>
#include <linux/unaligned.h>

struct vfio_pci_core_state;
struct vfio_pci_core_trap_ops;
struct vfio_pci_core_region_ops;
struct vfio_region_sparse_mmap_area;

/**
 * struct vpc_trap - a range of a BAR that software answers
 * @node: in &struct vfio_pci_core_state.traps, ordered by @bar, then @start
 * @bar: which BAR
 * @mappable: mmap() reaches the hardware all the same: the MSI-X table, which
 *	shares its page with registers, and where remapped interrupts make what
 *	a user may write harmless
 * @start: first byte
 * @end: byte behind the last
 * @ops: what answers
 */
struct vpc_trap {
	struct list_head node;
	int bar;
	bool mappable;
	u64 start;
	u64 end;
	const struct vfio_pci_core_trap_ops *ops;
};

/**
 * struct vpc_region - a region that a driver has added
 * @type: VFIO_REGION_TYPE_ number
 * @subtype: number within @type
 * @ops: what carries out accesses
 * @size: bytes
 * @flags: VFIO_REGION_INFO_FLAG_
 * @data: the driver's
 */
struct vpc_region {
	u32 type;
	u32 subtype;
	const struct vfio_pci_core_region_ops *ops;
	size_t size;
	u32 flags;
	void *data;
};

/*
 * Longest access of at most @max bytes (a power of two) at @offset that is
 * naturally aligned and does not go beyond @count bytes, which is not 0.
 */
static inline unsigned int vpc_access_width(u64 offset, size_t count,
					    unsigned int max)
{
	unsigned int width = max;

	while (width > count || offset & (width - 1))
		width >>= 1;
	return width;
}

/*
 * One access of the hardware. The function is little endian, and so is what the
 * user sees. For memory, readl() and the like save the check for ports.
 */
static __always_inline u64 vpc_hw_read(void __iomem *io, unsigned int width,
				       bool port)
{
	switch (width) {
	case 1:
		return port ? ioread8(io) : readb(io);
	case 2:
		return port ? ioread16(io) : readw(io);
	case 4:
		return port ? ioread32(io) : readl(io);
	default:
		return readq(io);
	}
}

static __always_inline void vpc_hw_write(void __iomem *io, unsigned int width,
					 u64 val, bool port)
{
	switch (width) {
	case 1:
		port ? iowrite8(val, io) : writeb(val, io);
		break;
	case 2:
		port ? iowrite16(val, io) : writew(val, io);
		break;
	case 4:
		port ? iowrite32(val, io) : writel(val, io);
		break;
	default:
		writeq(val, io);
	}
}

static inline u64 vpc_get_le(const u8 *buf, unsigned int width)
{
	u8 all[sizeof(u64)] = { };

	memcpy(all, buf, width);
	return get_unaligned_le64(all);
}

static inline void vpc_put_le(u8 *buf, unsigned int width, u64 val)
{
	u8 all[sizeof(u64)];

	put_unaligned_le64(val, all);
	memcpy(buf, all, width);
}

/*
 * Cut an access of *@count bytes at @offset to a region of @size bytes. -EINVAL
 * if none of it is inside.
 */
static inline int vpc_region_clamp(u64 size, u64 offset, size_t *count)
{
	if (offset >= size)
		return -EINVAL;
	if (*count > size - offset)
		*count = size - offset;
	return 0;
}

/* trap.c */
int vpc_trap_insert(struct list_head *traps, struct vpc_trap *trap);
const struct vpc_trap *vpc_trap_lookup(const struct list_head *traps, int bar,
				       u64 offset, u64 *end);
unsigned int vpc_trap_areas(const struct list_head *traps, int bar, u64 size,
			    struct vfio_region_sparse_mmap_area *areas);
int vpc_trap_msix_table(struct vfio_pci_core_state *st);
bool vpc_trap_has_msix_table(struct vfio_pci_core_state *st, int bar);
bool vpc_trap_holes(struct vfio_pci_core_state *st, int bar);

/* rom.c */
u64 vpc_rom_region_size(struct vfio_pci_core_state *st);

/* region.c */
int vpc_region_enter_memory(struct vfio_pci_core_state *st);

/* Fetch @width (1, 2, 4 or 8) little-endian bytes from the user: 0 or -EFAULT. */
static __always_inline int vpc_fetch_le(const char __user *ubuf,
					unsigned int width, u64 *val)
{
	__le64 val8 = 0;
	__le32 val4 = 0;
	__le16 val2 = 0;
	u8 val1 = 0;
	int ret;

	switch (width) {
	case 1:
		ret = get_user(val1, (u8 __user *)ubuf);
		*val = val1;
		return ret;
	case 2:
		ret = get_user(val2, (__le16 __user *)ubuf);
		*val = le16_to_cpu(val2);
		return ret;
	case 4:
		ret = get_user(val4, (__le32 __user *)ubuf);
		*val = le32_to_cpu(val4);
		return ret;
	default:
		ret = get_user(val8, (__le64 __user *)ubuf);
		*val = le64_to_cpu(val8);
		return ret;
	}
}

#endif /* VPC_REGION_H */
