// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reset of a slot or bus, with everything on it
 *
 * The functions that such a reset hits form a device set (vfio.ko's term). A
 * user may reset them when he owns them all, which he proves by handing in their
 * groups, or, for devices opened as character devices, by their common iommufd.
 */
#include <linux/file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "trace.h"
#include "vpc.h"

/* Functions that a hot reset hits, as far as nothing is allocated for them */
#define FEW	8

/* Whether a slot reset, which is the smaller one, or a bus reset is possible. */
static bool slot_resets(struct pci_dev *pdev)
{
	return !pci_probe_reset_slot(pdev->slot);
}

/**
 * struct reset_reach - what a hot reset asked of a function would hit
 * @works: a hot reset is possible
 * @slot: only functions in this slot (and behind it), or NULL for the bus
 */
struct reset_reach {
	bool works;
	struct pci_slot *slot;
};

static struct reset_reach reset_reach(struct pci_dev *pdev)
{
	struct reset_reach reach = {};

	if (pci_is_root_bus(pdev->bus))
		return reach;
	if (slot_resets(pdev))
		reach.slot = pdev->slot;
	reach.works = reach.slot || !pci_probe_reset_bus(pdev->bus);
	return reach;
}

/* Devices that a reset hits together share a set: slot, bus, or alone. */
int vpc_assign_device_set(struct vfio_pci_core_state *st)
{
	struct reset_reach reach = reset_reach(st->pdev);
	void *id = st->core;

	if (reach.works)
		id = reach.slot ? (void *)reach.slot : (void *)st->pdev->bus;

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

static bool in_slot(struct pci_dev *pdev, const struct affected_walk *walk)
{
	/* Functions behind a bridge in the slot are hit as well. */
	while (pdev && pdev->bus != walk->bus)
		pdev = pdev->bus->self;
	return pdev && pdev->slot == walk->slot;
}

static int affected_step(struct pci_dev *pdev, void *data)
{
	struct affected_walk *walk = data;

	if (walk->slot && !in_slot(pdev, walk))
		return 0;
	walk->ret = walk->visit(pdev, walk->data);
	return walk->ret;
}

static int walk_affected(struct pci_dev *pdev, const struct reset_reach *reach,
			 affected_fn visit, void *data)
{
	struct affected_walk walk = {
		.slot = reach->slot,
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

static unsigned int count_affected(struct pci_dev *pdev,
				   const struct reset_reach *reach)
{
	unsigned int count = 0;

	walk_affected(pdev, reach, count_one, &count);
	return count;
}

/**
 * struct reset_info - VFIO_DEVICE_GET_PCI_HOT_RESET_INFO being filled
 * @vdev: the asking device
 * @ictx: its iommufd if it was opened as a character device, or NULL
 * @devices: what the user gets
 * @max: entries that there is room for
 * @count: entries found, which may be more
 * @owned: the user of @ictx owns everything found so far
 */
struct reset_info {
	struct vfio_device *vdev;
	struct iommufd_ctx *ictx;
	struct vfio_pci_dependent_device *devices;
	unsigned int max;
	unsigned int count;
	bool owned;
};

static int describe(struct pci_dev *pdev, struct reset_info *info,
		    struct vfio_pci_dependent_device *dep)
{
	struct vfio_device *other;
	struct iommu_group *group;

	dep->segment = pci_domain_nr(pdev->bus);
	dep->bus = pdev->bus->number;
	dep->devfn = pdev->devfn;

	if (vfio_device_cdev_opened(info->vdev)) {
		other = vfio_find_device_in_devset(info->vdev->dev_set,
						   &pdev->dev);
		dep->devid = VFIO_PCI_DEVID_NOT_OWNED;
		if (other)
			dep->devid = vfio_iommufd_get_dev_id(other, info->ictx);
		else if (!pdev->dev.driver)
			/* Nobody drives it, so nobody is hurt. */
			dep->devid = VFIO_PCI_DEVID_OWNED;
		if ((int)dep->devid == VFIO_PCI_DEVID_NOT_OWNED)
			info->owned = false;
		return 0;
	}

	group = iommu_group_get(&pdev->dev);
	if (!group)
		return -EPERM;
	dep->group_id = iommu_group_id(group);
	iommu_group_put(group);
	return 0;
}

static int fill_one(struct pci_dev *pdev, void *data)
{
	struct reset_info *info = data;

	if (info->count++ >= info->max)
		return 0;
	return describe(pdev, info, &info->devices[info->count - 1]);
}

/* Collect what a reset hits; the set's lock keeps ownership from changing. */
static int collect_info(struct vfio_pci_core_state *st,
			const struct reset_reach *reach, struct reset_info *info)
{
	struct vfio_device *vdev = &st->core->vdev;
	int ret;

	mutex_lock(&vdev->dev_set->lock);
	if (vfio_device_cdev_opened(vdev))
		info->ictx = vfio_iommufd_device_ictx(vdev);
	info->count = 0;
	ret = walk_affected(st->pdev, reach, fill_one, info);
	mutex_unlock(&vdev->dev_set->lock);
	return ret;
}

/* Give the user what was found, or how much room it needs. */
static long hand_out_info(struct vfio_pci_core_state *st,
			  const struct reset_info *info,
			  struct vfio_pci_hot_reset_info *hdr,
			  struct vfio_pci_hot_reset_info __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_pci_hot_reset_info, count);
	long ret = 0;

	hdr->flags = 0;
	if (vfio_device_cdev_opened(&st->core->vdev)) {
		hdr->flags = VFIO_PCI_HOT_RESET_FLAG_DEV_ID;
		if (info->owned)
			hdr->flags |= VFIO_PCI_HOT_RESET_FLAG_DEV_ID_OWNED;
	}
	hdr->count = info->count;
	if (hdr->argsz < struct_size(arg, devices, info->count))
		ret = -ENOSPC;
	else if (copy_to_user(arg->devices, info->devices,
			      info->count * sizeof(*info->devices)))
		return -EFAULT;
	return copy_to_user(arg, hdr, minsz) ? -EFAULT : ret;
}

long vpc_ioctl_hot_reset_info(struct vfio_pci_core_state *st, void __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_pci_hot_reset_info, count);
	struct reset_reach reach = reset_reach(st->pdev);
	struct vfio_pci_dependent_device few[FEW];
	struct reset_info info = {
		.vdev = &st->core->vdev, .devices = few, .max = FEW,
		.owned = true,
	};
	struct vfio_pci_hot_reset_info hdr;
	long ret;

	if (copy_from_user(&hdr, arg, minsz))
		return -EFAULT;
	if (hdr.argsz < minsz)
		return -EINVAL;
	if (!reach.works)
		return -ENODEV;

	ret = collect_info(st, &reach, &info);
	if (!ret && info.count > info.max) {
		info.max = info.count;
		info.devices = kcalloc(info.max, sizeof(*info.devices),
				       GFP_KERNEL_ACCOUNT);
		if (!info.devices)
			return -ENOMEM;
		ret = collect_info(st, &reach, &info);
		/* Devices were added meanwhile. */
		if (!ret && info.count > info.max)
			ret = -EAGAIN;
	}
	if (!ret)
		ret = hand_out_info(st, &info, &hdr, arg);
	if (info.devices != few)
		kfree(info.devices);
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
	return id > 0 || id == VFIO_PCI_DEVID_OWNED;
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
		vfio_pci_core_reset_end(to_vfio_pci_core(vdev));
	let_set_sleep(set, NULL);
	return ret;
}

static int try_hot_reset(struct vfio_pci_core_state *st,
			 struct reset_proof *proof)
{
	struct vfio_device_set *set = st->core->vdev.dev_set;
	struct reset_reach reach = reset_reach(st->pdev);
	int ret;

	proof->vdev = &st->core->vdev;
	mutex_lock(&set->lock);
	if (!proof->num)
		proof->ictx = vfio_iommufd_device_ictx(proof->vdev);
	ret = walk_affected(st->pdev, &reach, check_owned, proof);
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
			       const struct reset_reach *reach,
			       const s32 __user *ufds, unsigned int count)
{
	struct reset_proof proof = {};
	s32 *fds;
	int ret;

	/* No set needs more groups than it has functions. */
	if (count > count_affected(st->pdev, reach))
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
	struct reset_reach reach = reset_reach(st->pdev);
	struct reset_proof proof = {};
	struct vfio_pci_hot_reset hdr;

	if (copy_from_user(&hdr, arg, minsz))
		return -EFAULT;
	if (hdr.argsz < minsz || hdr.flags)
		return -EINVAL;
	if (!reach.works)
		return -ENODEV;
	if (vpc_gate_inert(st))
		return -EIO;

	/* Groups prove ownership of group devices, an iommufd that of cdevs. */
	if (!!hdr.count == vfio_device_cdev_opened(&st->core->vdev))
		return -EINVAL;
	if (hdr.count)
		return hot_reset_by_groups(st, &reach, ureset->group_fds,
					   hdr.count);
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
	struct reset_reach reach;

	lockdep_assert_held(&set->lock);
	if (!st->needs_reset)
		return;
	reach = reset_reach(st->pdev);
	if (!reach.works)
		return;
	/* The device that is just being closed still counts. */
	if (vfio_device_set_open_count(set) > 1 ||
	    walk_affected(st->pdev, &reach, check_in_set, set))
		return;
	if (reset_set(set, st->pdev))
		return;

	list_for_each_entry(vdev, &set->device_list, dev_set_list)
		vpc_state(vdev)->needs_reset = false;
}
