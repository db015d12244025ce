// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reset of a slot or bus, with everything on it
 *
 * The functions that such a reset hits form a device set (vfio.ko's term). A
 * user may reset them when he owns them all, which he proves by handing in their
 * groups, or, for devices opened as character devices, by their common iommufd.
 */
#include <kunit/visibility.h>
#include <linux/file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "hot_reset.h"
#include "trace.h"
#include "vpc.h"

/* Whether a slot reset, which is the smaller one, or a bus reset is possible. */
static bool slot_resets(struct pci_dev *pdev)
{
	return !pci_probe_reset_slot(pdev->slot);
}

static bool hot_reset_works(struct pci_dev *pdev)
{
	return !pci_is_root_bus(pdev->bus) &&
	       (slot_resets(pdev) || !pci_probe_reset_bus(pdev->bus));
}

/* Devices that a reset hits together share a set: slot, bus, or alone. */
int vpc_assign_device_set(struct vfio_pci_core_state *st)
{
	struct pci_dev *pdev = st->pdev;
	void *id = st->core;

	if (hot_reset_works(pdev))
		id = slot_resets(pdev) ? (void *)pdev->slot : (void *)pdev->bus;

	return vfio_assign_device_set(&st->core->vdev, id);
}

typedef int (*affected_fn)(struct pci_dev *pdev, void *data);

/**
 * struct affected_walk - walk over the functions that a hot reset hits
 * @slot: only functions in this slot (and behind it), or NULL for the bus
 * @bus: where @slot is
 * @visit: called for each; non-zero ends the walk
 * @data: for @visit
 * @ret: what the last @visit returned
 */
struct affected_walk {
	struct pci_slot *slot;
	struct pci_bus *bus;
	affected_fn visit;
	void *data;
	int ret;
};

/*
 * Does a reset of @slot on @bus hit @pdev, which is there or behind a bridge that
 * is? Without a slot all of the bus is reset.
 */
bool vpc_reset_hits(const struct pci_dev *pdev, const struct pci_bus *bus,
		    const struct pci_slot *slot)
{
	while (pdev && pdev->bus != bus)
		pdev = pdev->bus->self;
	return pdev && (!slot || pdev->slot == slot);
}
EXPORT_SYMBOL_IF_KUNIT(vpc_reset_hits);

static int affected_step(struct pci_dev *pdev, void *data)
{
	struct affected_walk *walk = data;

	if (!vpc_reset_hits(pdev, walk->bus, walk->slot))
		return 0;
	walk->ret = walk->visit(pdev, walk->data);
	return walk->ret;
}

static int walk_affected(struct pci_dev *pdev, affected_fn visit,
			 void *data)
{
	struct affected_walk walk = {
		.slot = slot_resets(pdev) ? pdev->slot : NULL,
		.bus = pdev->bus,
		.visit = visit,
		.data = data,
	};

	pci_walk_bus(pdev->bus, affected_step, &walk);
	return walk.ret;
}

static int count_one(struct pci_dev *pdev, void *data)
{
	++*(unsigned int *)data;
	return 0;
}

static unsigned int count_affected(struct pci_dev *pdev)
{
	unsigned int count = 0;

	walk_affected(pdev, count_one, &count);
	return count;
}

/*
 * What a user of an iommufd is told of a function: its ID there, or whether he owns
 * it without one. @id is what vfio.ko says of a function in the device set: -ENOENT of
 * one that shares a group with a device of his. One that is not in the set is nobody's
 * to reset.
 */
u32 vpc_reset_devid(bool in_set, int id)
{
	if (in_set && id > 0)
		return id;
	return in_set && id == -ENOENT ? VFIO_PCI_DEVID_OWNED :
					 VFIO_PCI_DEVID_NOT_OWNED;
}
EXPORT_SYMBOL_IF_KUNIT(vpc_reset_devid);

/* @id: group or device ID, as @list has it. */
void vpc_reset_list_add(struct vpc_reset_list *list, u16 segment, u8 bus,
			u8 devfn, u32 id)
{
	unsigned int nr = list->count++;

	if (list->by_devid && id == (u32)VFIO_PCI_DEVID_NOT_OWNED)
		list->owned = false;
	if (nr >= list->max)
		return;

	list->devices[nr] = (struct vfio_pci_dependent_device) {
		.segment	= segment,
		.bus		= bus,
		.devfn		= devfn,
	};
	if (list->by_devid)
		list->devices[nr].devid = id;
	else
		list->devices[nr].group_id = id;
}
EXPORT_SYMBOL_IF_KUNIT(vpc_reset_list_add);

/*
 * Fill in @hdr, of which argsz is the user's. 0 if the devices are to follow;
 * -ENOSPC if there is no room for them; -EAGAIN if they changed meanwhile.
 */
int vpc_reset_list_answer(const struct vpc_reset_list *list,
			  struct vfio_pci_hot_reset_info *hdr)
{
	if (list->count > list->max)
		return -EAGAIN;

	hdr->flags = 0;
	if (list->by_devid)
		hdr->flags |= VFIO_PCI_HOT_RESET_FLAG_DEV_ID;
	if (list->by_devid && list->owned)
		hdr->flags |= VFIO_PCI_HOT_RESET_FLAG_DEV_ID_OWNED;
	hdr->count = list->count;
	return hdr->argsz < struct_size(hdr, devices, list->count) ? -ENOSPC : 0;
}
EXPORT_SYMBOL_IF_KUNIT(vpc_reset_list_answer);

/**
 * struct reset_info - VFIO_DEVICE_GET_PCI_HOT_RESET_INFO being answered
 * @vdev: the asking device
 * @ictx: its iommufd if it was opened as a character device, or NULL
 * @list: what the user gets
 */
struct reset_info {
	struct vfio_device *vdev;
	struct iommufd_ctx *ictx;
	struct vpc_reset_list list;
};

static u32 devid_of(struct pci_dev *pdev, const struct reset_info *info)
{
	struct vfio_device *other;

	other = vfio_find_device_in_devset(info->vdev->dev_set, &pdev->dev);
	return vpc_reset_devid(other, other ?
			       vfio_iommufd_get_dev_id(other, info->ictx) : 0);
}

static int list_one(struct pci_dev *pdev, void *data)
{
	struct reset_info *info = data;
	struct iommu_group *group;
	u32 id;

	if (info->list.by_devid) {
		id = devid_of(pdev, info);
	} else {
		group = iommu_group_get(&pdev->dev);
		if (!group)
			return -EPERM;
		id = iommu_group_id(group);
		iommu_group_put(group);
	}
	vpc_reset_list_add(&info->list, pci_domain_nr(pdev->bus),
			   pdev->bus->number, pdev->devfn, id);
	return 0;
}

/* Collect what a reset hits; the set's lock keeps ownership from changing. */
static int collect_info(struct vfio_pci_core_state *st, struct reset_info *info)
{
	struct vfio_device *vdev = &st->core->vdev;
	int ret;

	mutex_lock(&vdev->dev_set->lock);
	if (vfio_device_cdev_opened(vdev))
		info->ictx = vfio_iommufd_device_ictx(vdev);
	info->list.count = 0;
	info->list.owned = true;
	ret = walk_affected(st->pdev, list_one, info);
	mutex_unlock(&vdev->dev_set->lock);
	return ret;
}

/* Functions that a reset hits, as far as nothing is allocated for them */
#define FEW	8

/* Collect them all, in @few or in memory that the caller frees. */
static int collect_all(struct vfio_pci_core_state *st, struct reset_info *info,
		       struct vfio_pci_dependent_device *few)
{
	struct vpc_reset_list *list = &info->list;
	int ret;

	list->devices = few;
	list->max = FEW;
	ret = collect_info(st, info);
	if (ret || list->count <= FEW)
		return ret;

	list->max = list->count;
	list->devices = kcalloc(list->max, sizeof(*few), GFP_KERNEL_ACCOUNT);
	return list->devices ? collect_info(st, info) : -ENOMEM;
}

/* Give the user what was found, or how much room it needs. */
static int hand_out(const struct vpc_reset_list *list,
		    struct vfio_pci_hot_reset_info *hdr,
		    struct vfio_pci_hot_reset_info __user *uinfo)
{
	int ret = vpc_reset_list_answer(list, hdr);

	if (ret && ret != -ENOSPC)
		return ret;
	if (!ret && copy_to_user(uinfo->devices, list->devices,
				 list->count * sizeof(*list->devices)))
		return -EFAULT;
	return copy_to_user(uinfo, hdr, offsetofend(typeof(*hdr), count)) ?
	       -EFAULT : ret;
}

long vpc_ioctl_hot_reset_info(struct vfio_pci_core_state *st, void __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_pci_hot_reset_info, count);
	struct vfio_pci_dependent_device few[FEW];
	struct reset_info info = {
		.vdev = &st->core->vdev,
		.list.by_devid = vfio_device_cdev_opened(&st->core->vdev),
	};
	struct vfio_pci_hot_reset_info hdr;
	long ret;

	if (copy_from_user(&hdr, arg, minsz))
		return -EFAULT;
	if (hdr.argsz < minsz)
		return -EINVAL;
	if (!hot_reset_works(st->pdev))
		return -ENODEV;

	ret = collect_all(st, &info, few);
	if (!ret)
		ret = hand_out(&info.list, &hdr, arg);
	if (info.list.devices != few)
		kfree(info.list.devices);
	return ret;
}

/**
 * struct reset_proof - what a user shows to be allowed a hot reset
 * @vdev: the device he asks through
 * @groups: group files, @num of them, or none
 * @num: number of @groups
 * @ictx: or his iommufd
 */
struct reset_proof {
	struct vfio_device *vdev;
	struct file **groups;
	unsigned int num;
	struct iommufd_ctx *ictx;
};

static bool owns(const struct reset_proof *proof, struct vfio_device *vdev)
{
	int id;

	for (unsigned int i = 0; i < proof->num; i++)
		if (vfio_file_has_dev(proof->groups[i], vdev))
			return true;

	if (!proof->ictx)
		return false;
	id = vfio_iommufd_get_dev_id(vdev, proof->ictx);
	return vpc_reset_devid(true, id) != (u32)VFIO_PCI_DEVID_NOT_OWNED;
}

static int check_owned(struct pci_dev *pdev, void *data)
{
	const struct reset_proof *proof = data;
	struct vfio_device *vdev;

	vdev = vfio_find_device_in_devset(proof->vdev->dev_set, &pdev->dev);
	if (!vdev) {
		pci_dbg(pdev, "%s: in the way of a hot reset: not bound to a VFIO driver\n",
			__func__);
		return -EBUSY;
	}
	if (!owns(proof, vdev)) {
		pci_dbg(pdev, "%s: in the way of a hot reset: not owned by who asks\n",
			__func__);
		return -EINVAL;
	}
	return 0;
}

/* Let the devices of a set before @end sleep again. */
static void let_set_sleep(struct vfio_device_set *set, struct vfio_device *end)
{
	struct vfio_device *vdev;

	list_for_each_entry(vdev, &set->device_list, dev_set_list) {
		if (vdev == end)
			break;
		vpc_power_put(vpc_state(vdev));
	}
}

/*
 * Keep all devices of a set awake. One that is being suspended during a reset, as
 * happens just after its last close, would save what the reset left of its config
 * space, and have that for good.
 */
static int keep_set_awake(struct vfio_device_set *set)
{
	struct vfio_device *vdev;
	int ret;

	list_for_each_entry(vdev, &set->device_list, dev_set_list) {
		ret = vpc_power_get(vpc_state(vdev));
		if (ret) {
			let_set_sleep(set, vdev);
			return ret;
		}
	}
	return 0;
}

/*
 * Reset a whole set. Its lock is held, so none of its devices opens or closes.
 * Users are kept away from all of them before the first is reset.
 */
static int reset_set(struct vfio_device_set *set, struct pci_dev *pdev)
{
	struct vfio_device *vdev;
	int ret;

	lockdep_assert_held(&set->lock);
	ret = keep_set_awake(set);
	if (ret)
		return ret;
	list_for_each_entry(vdev, &set->device_list, dev_set_list)
		vfio_pci_core_reset_begin(to_vfio_pci_core(vdev));
	ret = pci_reset_bus(pdev);
	trace_vpc_hot_reset(pdev, ret);
	list_for_each_entry(vdev, &set->device_list, dev_set_list)
		vpc_gate_reset_over(vpc_state(vdev), ret != -EAGAIN);
	let_set_sleep(set, NULL);
	return ret;
}

static int try_hot_reset(struct vfio_pci_core_state *st,
			 struct reset_proof *proof)
{
	struct vfio_device_set *set = st->core->vdev.dev_set;
	int ret;

	proof->vdev = &st->core->vdev;
	mutex_lock(&set->lock);
	if (!proof->num)
		proof->ictx = vfio_iommufd_device_ictx(proof->vdev);
	ret = walk_affected(st->pdev, check_owned, proof);
	if (!ret)
		ret = reset_set(set, st->pdev);
	mutex_unlock(&set->lock);
	return ret;
}

/* Turn the user's group descriptors into files; the caller puts proof->groups. */
static int get_groups(struct reset_proof *proof, const s32 *fds,
		      unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		struct file *file = fget(fds[i]);

		if (!file)
			return -EBADF;
		proof->groups[proof->num++] = file;
		if (!vfio_file_is_group(file))
			return -EINVAL;
	}
	return 0;
}

static int hot_reset_by_groups(struct vfio_pci_core_state *st,
			       const s32 __user *ufds, unsigned int count)
{
	struct reset_proof proof = {};
	s32 *fds;
	int ret;

	/* No set needs more groups than it has functions. */
	if (count > count_affected(st->pdev))
		return -EINVAL;

	fds = memdup_array_user(ufds, count, sizeof(*fds));
	if (IS_ERR(fds))
		return PTR_ERR(fds);
	proof.groups = kcalloc(count, sizeof(*proof.groups), GFP_KERNEL_ACCOUNT);
	ret = proof.groups ? get_groups(&proof, fds, count) : -ENOMEM;
	if (!ret)
		ret = try_hot_reset(st, &proof);

	while (proof.num)
		fput(proof.groups[--proof.num]);
	kfree(proof.groups);
	kfree(fds);
	return ret;
}

long vpc_ioctl_hot_reset(struct vfio_pci_core_state *st, void __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_pci_hot_reset, count);
	struct vfio_pci_hot_reset __user *ureset = arg;
	struct reset_proof proof = {};
	struct vfio_pci_hot_reset hdr;

	if (copy_from_user(&hdr, arg, minsz))
		return -EFAULT;
	if (hdr.argsz < minsz || hdr.flags)
		return -EINVAL;
	if (!hot_reset_works(st->pdev))
		return -ENODEV;
	if (vpc_gate_inert(st))
		return -EIO;

	/* Groups prove ownership of group devices, an iommufd that of cdevs. */
	if (!!hdr.count == vfio_device_cdev_opened(&st->core->vdev))
		return -EINVAL;
	if (hdr.count)
		return hot_reset_by_groups(st, ureset->group_fds, hdr.count);
	return try_hot_reset(st, &proof);
}

static int check_in_set(struct pci_dev *pdev, void *data)
{
	return vfio_find_device_in_devset(data, &pdev->dev) ? 0 : -EBUSY;
}

/*
 * The last close could not reset a function by itself: reset its slot or bus if
 * everything there is ours and closed.
 */
void vpc_device_set_try_reset(struct vfio_pci_core_state *st)
{
	struct vfio_device_set *set = st->core->vdev.dev_set;
	struct vfio_device *vdev;

	lockdep_assert_held(&set->lock);
	if (!st->needs_reset || !hot_reset_works(st->pdev))
		return;
	/* The device that is just being closed still counts. */
	if (vfio_device_set_open_count(set) > 1 ||
	    walk_affected(st->pdev, check_in_set, set))
		return;
	if (reset_set(set, st->pdev))
		return;

	list_for_each_entry(vdev, &set->device_list, dev_set_list)
		vpc_state(vdev)->needs_reset = false;
}
