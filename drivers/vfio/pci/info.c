// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO_DEVICE_GET_INFO
 */
#include <linux/uaccess.h>

#include "vpc.h"

static const struct {
	u32 devcap2;
	u32 flag;
} vpc_atomics[] = {
	{ PCI_EXP_DEVCAP2_ATOMIC_COMP32, VFIO_PCI_ATOMIC_COMP32 },
	{ PCI_EXP_DEVCAP2_ATOMIC_COMP64, VFIO_PCI_ATOMIC_COMP64 },
	{ PCI_EXP_DEVCAP2_ATOMIC_COMP128, VFIO_PCI_ATOMIC_COMP128 },
};

/*
 * Find out at open which AtomicOps the root port completes (PCIe 6.15): trying to
 * enable the path is how the PCI core tells. A VF has no AtomicOp requester
 * control of its own.
 */
void vpc_info_open(struct vfio_pci_core_state *st)
{
	st->atomics = 0;
	if (st->pdev->is_virtfn)
		return;

	for (int i = 0; i < ARRAY_SIZE(vpc_atomics); i++)
		if (!pci_enable_atomic_ops_to_root(st->pdev,
						   vpc_atomics[i].devcap2))
			st->atomics |= vpc_atomics[i].flag;
}

static int add_atomic_cap(struct vfio_pci_core_state *st,
			  struct vfio_info_cap *caps)
{
	struct vfio_device_info_cap_pci_atomic_comp cap = {
		.header.id = VFIO_DEVICE_INFO_CAP_PCI_ATOMIC_COMP,
		.header.version = 1,
		.flags = st->atomics,
	};

	return vfio_info_add_capability(caps, &cap.header, sizeof(cap));
}

/* Give the user the capability chain behind a structure of @size bytes. */
static int copy_caps(struct vfio_device_info *info, struct vfio_info_cap *caps,
		     u8 __user *arg)
{
	size_t size = sizeof(*info);

	info->flags |= VFIO_DEVICE_FLAGS_CAPS;
	if (info->argsz < size + caps->size) {
		info->argsz = size + caps->size;
		info->cap_offset = 0;
		return 0;
	}

	vfio_info_cap_shift(caps, size);
	if (copy_to_user(arg + size, caps->buf, caps->size))
		return -EFAULT;
	info->cap_offset = size;
	return 0;
}

/* A program older than the capability chain gets no more than it knows. */
static __always_inline int store_answer(struct vfio_device_info __user *arg,
					const struct vfio_device_info *info,
					size_t size)
{
	if (!user_write_access_begin(arg, min(size, sizeof(*arg))))
		return -EFAULT;
	unsafe_put_user(info->argsz, &arg->argsz, fault);
	unsafe_put_user(info->flags, &arg->flags, fault);
	unsafe_put_user(info->num_regions, &arg->num_regions, fault);
	unsafe_put_user(info->num_irqs, &arg->num_irqs, fault);
	if (size >= offsetofend(struct vfio_device_info, cap_offset))
		unsafe_put_user(info->cap_offset, &arg->cap_offset, fault);
	if (size >= sizeof(*info))
		unsafe_put_user(info->pad, &arg->pad, fault);
	user_write_access_end();
	return 0;

fault:
	user_write_access_end();
	return -EFAULT;
}

static noinline int hand_out_caps(struct vfio_pci_core_state *st,
				  struct vfio_device_info *info,
				  struct vfio_device_info __user *arg)
{
	struct vfio_info_cap caps = {};
	int ret;

	ret = add_atomic_cap(st, &caps);
	if (!ret)
		ret = copy_caps(info, &caps, (u8 __user *)arg);
	kfree(caps.buf);
	return ret;
}

long vpc_ioctl_get_info(struct vfio_pci_core_state *st, void __user *arg)
{
	struct vfio_device_info __user *uinfo = arg;
	struct vfio_device_info info = {};
	u32 argsz;
	int ret;

	if (get_user(argsz, &uinfo->argsz))
		return -EFAULT;
	if (argsz < offsetofend(struct vfio_device_info, num_irqs))
		return -EINVAL;

	info.argsz = argsz;
	info.flags = VFIO_DEVICE_FLAGS_PCI;
	if (st->reset_works)
		info.flags |= VFIO_DEVICE_FLAGS_RESET;
	info.num_regions = VFIO_PCI_NUM_REGIONS + st->num_regions;
	info.num_irqs = VFIO_PCI_NUM_IRQS;

	if (unlikely(st->atomics)) {
		ret = hand_out_caps(st, &info, uinfo);
		if (ret)
			return ret;
	}
	return store_answer(uinfo, &info, argsz);
}
