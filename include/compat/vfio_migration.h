/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between kernels in migration and dirty tracking
 */
#ifndef COMPAT_VFIO_MIGRATION_H
#define COMPAT_VFIO_MIGRATION_H

#include <linux/module.h>
#include <linux/version.h>
#include <linux/vfio.h>

/* A namespace is a string literal since 6.13, a bare token before. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
#define IOMMUFD_NS "IOMMUFD"
#else
#define IOMMUFD_NS IOMMUFD
#endif

/*
 * Version 2 of the pre-copy information has flags as an output. On kernels without
 * it, and for a user who did not ask for it, they are left alone.
 */
static inline bool compat_precopy_info_v2(struct vfio_device *vdev)
{
#ifdef VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOv2
	return vdev->precopy_info_v2;
#else
	return false;
#endif
}

#endif /* COMPAT_VFIO_MIGRATION_H */
