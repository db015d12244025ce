// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dispatch of VFIO_DEVICE_FEATURE
 *
 * Migration and DMA logging features are answered by vfio.ko from the device's
 * mig_ops and log_ops before it asks here.
 */
#include "vpc.h"

static const struct vpc_feature {
	u32 feature;
	int (*run)(struct vfio_pci_core_state *st, u32 flags, void __user *arg,
		   size_t argsz);
} vpc_features[] = {
	{ VFIO_DEVICE_FEATURE_PCI_VF_TOKEN, vpc_sriov_feature_token },
	{ VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY, vpc_power_feature_entry },
	{ VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP,
	  vpc_power_feature_entry_wakeup },
	{ VFIO_DEVICE_FEATURE_LOW_POWER_EXIT, vpc_power_feature_exit },
#ifdef CONFIG_VPC_DMABUF
	{ VFIO_DEVICE_FEATURE_DMA_BUF, vpc_dmabuf_feature },
#endif
};

/**
 * vfio_pci_core_device_feature - &vfio_device_ops.device_feature of the library
 * @vdev: the device, open
 * @flags: of struct vfio_device_feature: feature number, PROBE, GET, SET
 * @arg: user address of the feature's data
 * @argsz: bytes there
 *
 * Context: process context of the user, no lock held.
 * Return: 0 or what the uAPI says for the feature; -ENOTTY for a feature that
 * the device does not have.
 */
int vfio_pci_core_device_feature(struct vfio_device *vdev, u32 flags,
				 void __user *arg, size_t argsz)
{
	u32 feature = flags & VFIO_DEVICE_FEATURE_MASK;

	for (int i = 0; i < ARRAY_SIZE(vpc_features); i++)
		if (vpc_features[i].feature == feature)
			return vpc_features[i].run(vpc_state(vdev), flags, arg,
						   argsz);

	return -ENOTTY;
}
EXPORT_SYMBOL_VPC(vfio_pci_core_device_feature);
