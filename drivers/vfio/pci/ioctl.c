// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dispatch of the VFIO_DEVICE_ ioctls
 */
#include <linux/nospec.h>

#include "vpc.h"

struct vpc_ioctl {
	unsigned int cmd;
	long (*run)(struct vfio_pci_core_state *st, void __user *arg);
};

#define VPC_IOCTL_FIRST		_IOC_NR(VFIO_DEVICE_GET_INFO)
#define VPC_IOCTL(_cmd, _run)						\
	[_IOC_NR(_cmd) - VPC_IOCTL_FIRST] = { .cmd = (_cmd), .run = (_run) }

/*
 * Each handler copies its argument, checks argsz against the smallest structure
 * that the uAPI defines, and refuses flags that it does not know.
 */
static const struct vpc_ioctl vpc_ioctls[] = {
	VPC_IOCTL(VFIO_DEVICE_GET_INFO, vpc_ioctl_get_info),
	VPC_IOCTL(VFIO_DEVICE_GET_REGION_INFO, vpc_ioctl_get_region_info),
	VPC_IOCTL(VFIO_DEVICE_GET_IRQ_INFO, vpc_ioctl_get_irq_info),
	VPC_IOCTL(VFIO_DEVICE_SET_IRQS, vpc_ioctl_set_irqs),
	VPC_IOCTL(VFIO_DEVICE_RESET, vpc_ioctl_reset),
	VPC_IOCTL(VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, vpc_ioctl_hot_reset_info),
	VPC_IOCTL(VFIO_DEVICE_PCI_HOT_RESET, vpc_ioctl_hot_reset),
	VPC_IOCTL(VFIO_DEVICE_IOEVENTFD, vpc_ioctl_ioeventfd),
};

/**
 * vfio_pci_core_ioctl - &vfio_device_ops.ioctl of the library
 * @vdev: the device, open
 * @cmd: a VFIO_DEVICE_ ioctl (linux/vfio.h)
 * @arg: user address of its structure
 *
 * Context: process context of the user, no lock held.
 * Return: what the uAPI says for @cmd; -ENOTTY for a command that PCI devices do
 * not have.
 */
long vfio_pci_core_ioctl(struct vfio_device *vdev, unsigned int cmd,
			 unsigned long arg)
{
	unsigned int nr = _IOC_NR(cmd) - VPC_IOCTL_FIRST;

	if (nr >= ARRAY_SIZE(vpc_ioctls))
		return -ENOTTY;
	nr = array_index_nospec(nr, ARRAY_SIZE(vpc_ioctls));
	if (vpc_ioctls[nr].cmd != cmd)
		return -ENOTTY;

	return vpc_ioctls[nr].run(vpc_state(vdev), (void __user *)arg);
}
EXPORT_SYMBOL_VPC(vfio_pci_core_ioctl);
