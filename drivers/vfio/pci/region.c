// SPDX-License-Identifier: GPL-2.0-only
/*
 * Regions: what there is, and who carries out an access to it
 *
 * A region is an index in the upper bits of an offset of the device file. The
 * uAPI knows the first VFIO_PCI_NUM_REGIONS; drivers add more behind them.
 */
#include <linux/cleanup.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "region.h"
#include "vpc.h"

#define VGA_REGION_SIZE	0xc0000

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
 * Pass the gate for an access to memory by read() or write(), for which the
 * caller holds a runtime PM reference: low power that the user entered takes his
 * mappings only. -EIO if memory cannot be reached.
 */
int vpc_region_enter_memory(struct vfio_pci_core_state *st)
{
	int ret = vpc_gate_enter(st);

	if (ret || (st->config.memory_on &&
		    !(st->gate.asleep & ~VPC_ASLEEP_LOW_POWER)))
		return ret;

	vpc_gate_exit(st);
	return -EIO;
}

/* The region that a driver added as @index of the device, or NULL. */
static struct vpc_region *added_region(struct vfio_pci_core_state *st,
				       u64 index)
{
	u64 nr = index - VFIO_PCI_NUM_REGIONS;

	if (index < VFIO_PCI_NUM_REGIONS || nr >= st->num_regions)
		return NULL;
	return &st->regions[array_index_nospec(nr, st->num_regions)];
}

/**
 * vfio_pci_core_add_region - add a region to an open device
 * @core: the device
 * @type: VFIO_REGION_TYPE_ number that the user looks for
 * @subtype: number within @type
 * @ops: what carries out accesses; to remain valid until close
 * @size: length in bytes
 * @flags: VFIO_REGION_INFO_FLAG_READ, _WRITE and _MMAP, as offered to the user
 * @data: handed to @ops
 *
 * To be called between vfio_pci_core_open_device() and the return of the
 * driver's own open_device operation. The region is gone, and its @ops->release
 * has been called, when vfio_pci_core_close_device() returns; on failure here,
 * @data remains the caller's.
 *
 * Context: &vfio_device_set.lock is held by vfio.ko; may sleep.
 * Return: 0, -EINVAL or -ENOMEM.
 */
int vfio_pci_core_add_region(struct vfio_pci_core_device *core, u32 type,
			     u32 subtype, const struct vfio_pci_core_region_ops *ops,
			     size_t size, u32 flags, void *data)
{
	const u32 known = VFIO_REGION_INFO_FLAG_READ |
			  VFIO_REGION_INFO_FLAG_WRITE |
			  VFIO_REGION_INFO_FLAG_MMAP;
	struct vfio_pci_core_state *st = core->state;
	struct vpc_region *more;

	lockdep_assert_held(&core->vdev.dev_set->lock);
	if (!ops || !ops->rw || !size || size > VPC_OFFSET_MASK || flags & ~known)
		return -EINVAL;
	if (flags & VFIO_REGION_INFO_FLAG_MMAP && !ops->mmap)
		return -EINVAL;

	more = krealloc_array(st->regions, st->num_regions + 1, sizeof(*more),
			      GFP_KERNEL_ACCOUNT);
	if (!more)
		return -ENOMEM;

	st->regions = more;
	st->regions[st->num_regions++] = (struct vpc_region) {
		.type		= type,
		.subtype	= subtype,
		.ops		= ops,
		.size		= size,
		.flags		= flags,
		.data		= data,
	};
	return 0;
}
EXPORT_SYMBOL_VPC(vfio_pci_core_add_region);

void vpc_regions_close(struct vfio_pci_core_state *st)
{
	struct vpc_region *region;

	while (st->num_regions) {
		region = &st->regions[--st->num_regions];
		if (region->ops->release)
			region->ops->release(st->core, region->data);
	}
	kfree(st->regions);
	st->regions = NULL;
}

static int add_sparse_cap(struct vfio_pci_core_state *st, int bar,
			  unsigned int nr, struct vfio_info_cap *caps)
{
	size_t size = struct_size_t(struct vfio_region_info_cap_sparse_mmap,
				    areas, nr);

	struct vfio_region_info_cap_sparse_mmap *cap __free(kfree) =
		kzalloc(size, GFP_KERNEL);
	if (!cap)
		return -ENOMEM;

	cap->header.id = VFIO_REGION_INFO_CAP_SPARSE_MMAP;
	cap->header.version = 1;
	cap->nr_areas = nr;
	vpc_trap_areas(&st->traps, bar, st->bars[bar].size, cap->areas);
	return vfio_info_add_capability(caps, &cap->header, size);
}

/*
 * What mmap() reaches of a BAR that may hold traps: nothing, all but the pages of
 * traps, or all.
 */
static int limit_mmap(struct vfio_pci_core_state *st, int bar,
		      struct vfio_region_info *info, struct vfio_info_cap *caps)
{
	struct vfio_info_cap_header msix = {
		.id		= VFIO_REGION_INFO_CAP_MSIX_MAPPABLE,
		.version	= 1,
	};
	unsigned int areas;
	int ret;

	if (!(info->flags & VFIO_REGION_INFO_FLAG_MMAP))
		return 0;
	if (vpc_trap_holes(st, bar)) {
		areas = vpc_trap_areas(&st->traps, bar, info->size, NULL);
		if (!areas) {
			info->flags &= ~VFIO_REGION_INFO_FLAG_MMAP;
			return 0;
		}
		ret = add_sparse_cap(st, bar, areas, caps);
		if (ret)
			return ret;
	}
	if (!vpc_trap_has_msix_table(st, bar))
		return 0;
	return vfio_info_add_capability(caps, &msix, sizeof(msix));
}

static void fill_bar(struct vfio_pci_core_state *st, int bar,
		     struct vfio_region_info *info)
{
	info->size = st->bars[bar].size;
	if (!info->size)
		return;
	info->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	if (st->bars[bar].mappable)
		info->flags |= VFIO_REGION_INFO_FLAG_MMAP;
}

static int fill_added(struct vfio_pci_core_state *st,
		      struct vfio_region_info *info, struct vfio_info_cap *caps)
{
	struct vpc_region *region = added_region(st, info->index);
	struct vfio_region_info_cap_type cap = {
		.header.id	= VFIO_REGION_INFO_CAP_TYPE,
		.header.version	= 1,
	};
	int ret;

	if (!region)
		return -EINVAL;

	info->size = region->size;
	info->flags = region->flags;
	cap.type = region->type;
	cap.subtype = region->subtype;
	ret = vfio_info_add_capability(caps, &cap.header, sizeof(cap));
	if (ret || !region->ops->add_caps)
		return ret;
	return region->ops->add_caps(st->core, region->data, caps);
}

/* Describe the region info->index. Returns false if that is not all of it. */
static __always_inline bool fill_plain(struct vfio_pci_core_state *st,
				       struct vfio_region_info *info)
{
	unsigned int bar;

	info->flags = 0;
	info->size = 0;
	info->cap_offset = 0;
	info->offset = VPC_INDEX_TO_OFFSET(info->index);

	if (info->index <= VFIO_PCI_BAR5_REGION_INDEX) {
		bar = array_index_nospec(info->index, PCI_STD_NUM_BARS);
		fill_bar(st, bar, info);
		return !st->bars[bar].trapped;
	}
	if (info->index != VFIO_PCI_CONFIG_REGION_INDEX)
		return false;

	info->size = st->config.map.size;
	info->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	return true;
}

/*
 * Go on where fill_plain() returned false. Capabilities are added to @caps, whose
 * buffer is the caller's to free, on failure too.
 */
static int fill_rest(struct vfio_pci_core_state *st,
		     struct vfio_region_info *info, struct vfio_info_cap *caps)
{
	switch (info->index) {
	case VFIO_PCI_BAR0_REGION_INDEX ... VFIO_PCI_BAR5_REGION_INDEX:
		return limit_mmap(st, array_index_nospec(info->index,
							 PCI_STD_NUM_BARS),
				  info, caps);
	case VFIO_PCI_ROM_REGION_INDEX:
		info->size = vpc_rom_region_size(st);
		if (info->size)
			info->flags = VFIO_REGION_INFO_FLAG_READ;
		return 0;
	case VFIO_PCI_VGA_REGION_INDEX:
		if (!st->has_vga)
			return -EINVAL;
		info->size = VGA_REGION_SIZE;
		info->flags = VFIO_REGION_INFO_FLAG_READ |
			      VFIO_REGION_INFO_FLAG_WRITE;
		return 0;
	default:
		return fill_added(st, info, caps);
	}
}

#ifdef VFIO_HAS_REGION_INFO_CAPS
/**
 * vfio_pci_core_get_region_info_caps - &vfio_device_ops.get_region_info_caps
 * @vdev: the device, open
 * @info: on entry the index of the region; filled in
 * @caps: where capabilities are added; vfio.ko hands them to the user
 *
 * Context: process context of the user, no lock held; may sleep.
 * Return: 0; -EINVAL if there is no such region; -ENOMEM.
 */
int vfio_pci_core_get_region_info_caps(struct vfio_device *vdev,
				       struct vfio_region_info *info,
				       struct vfio_info_cap *caps)
{
	struct vfio_pci_core_state *st = vpc_state(vdev);

	return fill_plain(st, info) ? 0 : fill_rest(st, info, caps);
}
EXPORT_SYMBOL_VPC(vfio_pci_core_get_region_info_caps);
#endif

/* Put @caps behind @info if the user has left room for them, or say how much. */
static int hand_out_caps(struct vfio_region_info __user *arg,
			 struct vfio_region_info *info,
			 struct vfio_info_cap *caps)
{
	if (!caps->size)
		return 0;

	info->flags |= VFIO_REGION_INFO_FLAG_CAPS;
	if (info->argsz < sizeof(*info) + caps->size) {
		info->argsz = sizeof(*info) + caps->size;
		return 0;
	}

	vfio_info_cap_shift(caps, sizeof(*info));
	if (copy_to_user(arg + 1, caps->buf, caps->size))
		return -EFAULT;
	info->cap_offset = sizeof(*info);
	return 0;
}

/* The two members that matter are faster to fetch than the structure. */
static __always_inline int
fetch_query(const struct vfio_region_info __user *arg,
	    struct vfio_region_info *info)
{
	if (!user_read_access_begin(arg, sizeof(*arg)))
		return -EFAULT;
	unsafe_get_user(info->argsz, &arg->argsz, fault);
	unsafe_get_user(info->index, &arg->index, fault);
	user_read_access_end();
	return 0;

fault:
	user_read_access_end();
	return -EFAULT;
}

static __always_inline int
store_answer(struct vfio_region_info __user *arg,
	     const struct vfio_region_info *info)
{
	if (!user_write_access_begin(arg, sizeof(*arg)))
		return -EFAULT;
	unsafe_put_user(info->argsz, &arg->argsz, fault);
	unsafe_put_user(info->flags, &arg->flags, fault);
	unsafe_put_user(info->cap_offset, &arg->cap_offset, fault);
	unsafe_put_user(info->size, &arg->size, fault);
	unsafe_put_user(info->offset, &arg->offset, fault);
	user_write_access_end();
	return 0;

fault:
	user_write_access_end();
	return -EFAULT;
}

static noinline int answer_rest(struct vfio_pci_core_state *st,
				struct vfio_region_info info,
				struct vfio_region_info __user *arg)
{
	struct vfio_info_cap caps = { };
	int ret;

	ret = fill_rest(st, &info, &caps);
	if (!ret)
		ret = hand_out_caps(arg, &info, &caps);
	kfree(caps.buf);
	return ret ?: store_answer(arg, &info);
}

/* VFIO_DEVICE_GET_REGION_INFO where vfio.ko leaves all of it to the driver. */
long vpc_ioctl_get_region_info(struct vfio_pci_core_state *st, void __user *arg)
{
	struct vfio_region_info info;
	int ret;

	ret = fetch_query(arg, &info);
	if (ret)
		return ret;
	if (info.argsz < offsetofend(struct vfio_region_info, offset))
		return -EINVAL;

	if (likely(fill_plain(st, &info)))
		return store_answer(arg, &info);
	return answer_rest(st, info, arg);
}

static ssize_t rw_added(struct vfio_pci_core_state *st, unsigned int index,
			char __user *buf, size_t count, u64 offset, bool write)
{
	struct vpc_region *region = added_region(st, index);
	u32 need = write ? VFIO_REGION_INFO_FLAG_WRITE :
			   VFIO_REGION_INFO_FLAG_READ;
	int ret;

	if (!region || !(region->flags & need))
		return -EINVAL;
	ret = vpc_region_clamp(region->size, offset, &count);
	if (ret)
		return ret;
	return region->ops->rw(st->core, region->data, buf, count, offset, write);
}

/*
 * Read or write at @offset of region @index, which is not a BAR's. The caller
 * holds a runtime PM reference.
 *
 * Return: bytes moved or a negative errno: -EINVAL if there is no such region or
 * offset, or it cannot be accessed that way.
 */
static ssize_t region_rw(struct vfio_pci_core_state *st, unsigned int index,
			 char __user *buf, size_t count, u64 offset, bool write)
{
	switch (index) {
	case VFIO_PCI_ROM_REGION_INDEX:
		return write ? -EINVAL : vpc_rom_read(st, buf, count, offset);
	case VFIO_PCI_VGA_REGION_INDEX:
		return vpc_vga_rw(st, buf, count, offset, write);
	default:
		return rw_added(st, index, buf, count, offset, write);
	}
}

static ssize_t device_rw(struct vfio_pci_core_state *st, char __user *buf,
			 size_t count, loff_t *ppos, bool write)
{
	unsigned int index = VPC_OFFSET_TO_INDEX(*ppos);
	u64 offset = *ppos & VPC_OFFSET_MASK;
	ssize_t ret;

	if (!count)
		return 0;

	if (index <= VFIO_PCI_BAR5_REGION_INDEX) {
		index = array_index_nospec(index, PCI_STD_NUM_BARS);
		ret = vpc_bar_rw(st, index, buf, count, offset, write);
	} else if (index == VFIO_PCI_CONFIG_REGION_INDEX) {
		ret = write ? vpc_config_write(st, buf, count, offset) :
			      vpc_config_read(st, buf, count, offset);
	} else {
		ret = vpc_power_get(st);
		if (ret)
			return ret;
		ret = region_rw(st, index, buf, count, offset, write);
		vpc_power_put(st);
	}
	if (ret > 0)
		*ppos += ret;
	return ret;
}

/**
 * vfio_pci_core_read - &vfio_device_ops.read of the library
 * @vdev: the device, open
 * @buf: where to
 * @count: bytes wanted; cut at the end of the region
 * @ppos: region and offset in it; advanced by what was read
 *
 * Context: process context of the user, no lock held; may sleep.
 * Return: bytes read; -EINVAL if there is no such region or offset; -EIO if the
 * function cannot be reached now; -EFAULT; -EBUSY if somebody else claims the
 * BAR; what a trap or an added region returns.
 */
ssize_t vfio_pci_core_read(struct vfio_device *vdev, char __user *buf,
			   size_t count, loff_t *ppos)
{
	return device_rw(vpc_state(vdev), buf, count, ppos, false);
}
EXPORT_SYMBOL_VPC(vfio_pci_core_read);

/**
 * vfio_pci_core_write - &vfio_device_ops.write of the library
 * @vdev: the device, open
 * @buf: where from
 * @count: bytes to write; cut at the end of the region
 * @ppos: region and offset in it; advanced by what was written
 *
 * Context: process context of the user, no lock held; may sleep.
 * Return: bytes written, or as vfio_pci_core_read().
 */
ssize_t vfio_pci_core_write(struct vfio_device *vdev, const char __user *buf,
			    size_t count, loff_t *ppos)
{
	return device_rw(vpc_state(vdev), (char __user *)buf, count, ppos, true);
}
EXPORT_SYMBOL_VPC(vfio_pci_core_write);

/* Map region @index from @offset on. -EINVAL if it cannot be mapped there. */
static int region_mmap(struct vfio_pci_core_state *st, unsigned int index,
		       struct vm_area_struct *vma, u64 offset)
{
	struct vpc_region *region;
	u64 len = vma->vm_end - vma->vm_start;

	if (index <= VFIO_PCI_BAR5_REGION_INDEX)
		return vpc_mmap_bar(st, array_index_nospec(index,
							   PCI_STD_NUM_BARS),
				    vma, offset);

	region = added_region(st, index);
	if (!region || !(region->flags & VFIO_REGION_INFO_FLAG_MMAP))
		return -EINVAL;
	if (offset >= region->size || len > PAGE_ALIGN(region->size) - offset)
		return -EINVAL;
	return region->ops->mmap(st->core, region->data, vma, offset);
}

/**
 * vfio_pci_core_mmap - &vfio_device_ops.mmap of the library
 * @vdev: the device, open
 * @vma: its offset tells the region and where in it; shared mappings only
 *
 * Pages are mapped when touched, unmapped by resets, by sleep and while memory
 * decoding is off, where a touch raises SIGBUS; a touch during a reset waits for
 * its end.
 *
 * Context: process context of the user, mmap_lock held for writing.
 * Return: 0; -EINVAL if there is nothing that can be mapped in all of the range;
 * -EBUSY if somebody else claims the BAR; what an added region returns.
 */
int vfio_pci_core_mmap(struct vfio_device *vdev, struct vm_area_struct *vma)
{
	u64 pos = (u64)vma->vm_pgoff << PAGE_SHIFT;

	return region_mmap(vpc_state(vdev), VPC_OFFSET_TO_INDEX(pos), vma,
			       pos & VPC_OFFSET_MASK);
}
EXPORT_SYMBOL_VPC(vfio_pci_core_mmap);
