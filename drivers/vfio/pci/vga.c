// SPDX-License-Identifier: GPL-2.0-only
/*
 * Legacy VGA memory and ports
 *
 * They are the same addresses for every VGA function of the host. The arbiter
 * routes them to one function at a time, and who uses them has to tell it so.
 */
#include <linux/aperture.h>
#include <linux/io.h>
#include <linux/uaccess.h>
#include <linux/vgaarb.h>

#include "region.h"
#include "vpc.h"

#define NORMAL_DECODES	(VGA_RSRC_NORMAL_IO | VGA_RSRC_NORMAL_MEM)
#define LEGACY_DECODES	(VGA_RSRC_LEGACY_IO | VGA_RSRC_LEGACY_MEM)
#define VGA_WIDTH	4
#define VGA_CHUNK	64

/* What the uAPI offers of the region, at identical offsets; end is exclusive. */
static const struct vga_range {
	u32 start;
	u32 end;
	unsigned int rsrc;
} vga_ranges[] = {
	{ 0x3b0,	0x3bc,		VGA_RSRC_LEGACY_IO },
	{ 0x3c0,	0x3e0,		VGA_RSRC_LEGACY_IO },
	{ 0xa0000,	0xc0000,	VGA_RSRC_LEGACY_MEM },
};

static bool offers_vga(struct pci_dev *pdev)
{
	return IS_ENABLED(CONFIG_VPC_VGA) && pci_is_vga(pdev) &&
	       !vpc_policy.disable_vga;
}

/*
 * Cycles on their way to a VGA function on @pdev's bus, or below it, pass @pdev,
 * which would answer them too.
 */
static bool shares_route(struct pci_dev *pdev)
{
	struct pci_dev *other = NULL;
	struct pci_bus *bus;

	while ((other = pci_get_class(PCI_CLASS_DISPLAY_VGA << 8, other))) {
		if (other == pdev)
			continue;
		for (bus = other->bus; bus; bus = bus->parent) {
			if (bus == pdev->bus) {
				pci_dev_put(other);
				return true;
			}
		}
	}
	return false;
}

/*
 * The arbiter asks what the function decodes, @alone if it is the only VGA
 * function. One whose user is given no legacy access stays out of arbitration,
 * so that others need not wait for it, where cycles of others cannot reach it.
 */
static unsigned int decodes(struct pci_dev *pdev, bool alone)
{
	if (alone || offers_vga(pdev) || shares_route(pdev))
		return NORMAL_DECODES | LEGACY_DECODES;
	return NORMAL_DECODES;
}

/* Take a VGA function away from the host's console and join the arbitration. */
int vpc_vga_register(struct vfio_pci_core_state *st)
{
	struct pci_dev *pdev = st->pdev;
	int ret;

	if (!pci_is_vga(pdev))
		return 0;

	ret = aperture_remove_conflicting_pci_devices(pdev, "vfio-pci-core");
	if (!ret)
		ret = vga_client_register(pdev, decodes);
	if (ret) {
		pci_err(pdev, "%s: cannot take VGA from the host: %pe\n",
			__func__, ERR_PTR(ret));
		return ret;
	}
	vga_set_legacy_decoding(pdev, decodes(pdev, false));
	return 0;
}

void vpc_vga_unregister(struct vfio_pci_core_state *st)
{
	if (!pci_is_vga(st->pdev))
		return;

	vga_client_unregister(st->pdev);
	vga_set_legacy_decoding(st->pdev, NORMAL_DECODES | LEGACY_DECODES);
}

void vpc_vga_open(struct vfio_pci_core_state *st)
{
	st->has_vga = offers_vga(st->pdev);
}

static const struct vga_range *find_range(u64 offset)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(vga_ranges); i++)
		if (offset >= vga_ranges[i].start && offset < vga_ranges[i].end)
			return &vga_ranges[i];
	return NULL;
}

static void __iomem *map_range(const struct vga_range *range)
{
	unsigned int len = range->end - range->start;

	return range->rsrc == VGA_RSRC_LEGACY_IO ?
		ioport_map(range->start, len) : ioremap(range->start, len);
}

static void unmap_range(const struct vga_range *range, void __iomem *io)
{
	if (range->rsrc == VGA_RSRC_LEGACY_IO)
		ioport_unmap(io);
	else
		iounmap(io);
}

static void move_bytes(void __iomem *io, u8 *buf, size_t count, u64 offset,
		       bool port, bool write)
{
	unsigned int width;

	for (; count; io += width, buf += width, offset += width, count -= width) {
		width = vpc_access_width(offset, count, VGA_WIDTH);
		if (write)
			vpc_hw_write(io, width, vpc_get_le(buf, width), port);
		else
			vpc_put_le(buf, width, vpc_hw_read(io, width, port));
	}
}

/*
 * The arbiter may let this wait for another user of VGA, so it is asked before
 * the gate: somebody who waits there would make a reset wait as well.
 */
static int vga_chunk(struct vfio_pci_core_state *st,
		     const struct vga_range *range, void __iomem *io, u8 *buf,
		     size_t len, u64 offset, bool write)
{
	bool port = range->rsrc == VGA_RSRC_LEGACY_IO;
	int ret;

	ret = vga_get_interruptible(st->pdev, range->rsrc);
	if (ret)
		return ret;

	ret = port ? vpc_gate_enter(st) : vpc_region_enter_memory(st);
	if (!ret) {
		move_bytes(io + (offset - range->start), buf, len, offset, port,
			   write);
		vpc_gate_exit(st);
	}
	vga_put(st->pdev, range->rsrc);
	return ret;
}

static ssize_t vga_chunks(struct vfio_pci_core_state *st,
			  const struct vga_range *range, void __iomem *io,
			  char __user *ubuf, size_t count, u64 offset,
			  bool write)
{
	u8 buf[VGA_CHUNK] __aligned(sizeof(u64));
	size_t done, len;
	int ret = 0;

	for (done = 0; done < count; done += len) {
		len = min_t(size_t, count - done,
			    VGA_CHUNK - ((offset + done) & (VGA_CHUNK - 1)));
		if (write && copy_from_user(buf, ubuf + done, len))
			ret = -EFAULT;
		if (!ret)
			ret = vga_chunk(st, range, io, buf, len, offset + done,
					write);
		if (!ret && !write && copy_to_user(ubuf + done, buf, len))
			ret = -EFAULT;
		if (ret)
			break;
	}
	return done ?: ret;
}

/*
 * Return: bytes moved; -EINVAL outside of the ranges or if there is no VGA
 * region; -EIO if the function cannot be reached now; -EFAULT; -ENOMEM; what the
 * arbiter returns.
 */
ssize_t vpc_vga_rw(struct vfio_pci_core_state *st, char __user *buf,
		   size_t count, u64 offset, bool write)
{
	const struct vga_range *range;
	void __iomem *io;
	ssize_t ret;

	if (!st->has_vga)
		return -EINVAL;
	range = find_range(offset);
	if (!range)
		return -EINVAL;

	io = map_range(range);
	if (!io)
		return -ENOMEM;
	ret = vga_chunks(st, range, io, buf,
			 min_t(u64, count, range->end - offset), offset, write);
	unmap_range(range, io);
	return ret;
}
