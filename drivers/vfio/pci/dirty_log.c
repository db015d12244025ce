// SPDX-License-Identifier: GPL-2.0-only
/*
 * DMA logging: vfio.ko asks what the device wrote
 *
 * Of what dirty.c knows. A user of iommufd gets a log in which all is dirty, since
 * nobody lets a driver read through it what the device would.
 */
#include <linux/iova_bitmap.h>
#include <compat/vfio_migration.h>

#include "vpc.h"
#include "migration.h"

#if IS_ENABLED(CONFIG_IOMMUFD_DRIVER)
MODULE_IMPORT_NS(IOMMUFD_NS);
#endif

static int log_start(struct vfio_device *vdev, struct rb_root_cached *ranges,
		     u32 nnodes, u64 *page_size)
{
	struct vpc_migration *mig = to_migration(vdev);
	int ret = 0;

	vpc_mig_lock(mig);
	if (mig->dirty.active || mig->dirty.blind) {
		ret = -EINVAL;
	} else if (vfio_iommufd_device_ictx(vdev)) {
		mig->dirty.blind = true;
	} else {
		ret = vpc_dirty_begin(mig);
		if (ret)
			vpc_dirty_close(mig);
	}
	vpc_mig_unlock(mig);
	/* A log that covers more than the ranges asked for is allowed. */
	*page_size = PAGE_SIZE;
	return ret;
}

static int log_stop(struct vfio_device *vdev)
{
	struct vpc_migration *mig = to_migration(vdev);

	vpc_mig_lock(mig);
	vpc_dirty_close(mig);
	vpc_mig_unlock(mig);
	return 0;
}

static int log_read_and_clear(struct vfio_device *vdev, unsigned long iova,
			      unsigned long length, struct iova_bitmap *bitmap)
{
	struct vpc_migration *mig = to_migration(vdev);
	struct vpc_dirty *dirty = &mig->dirty;
	int ret = 0;

	if (!length)
		return 0;
	vpc_mig_lock(mig);
	if (!dirty->active && !dirty->blind)
		ret = -EINVAL;
	else
		vpc_dirty_refresh(mig);
	mutex_lock(&dirty->lock);
	if (!ret && dirty->failed)
		ret = -EIO;
	if (!ret && dirty->blind)
		iova_bitmap_set(bitmap, iova, length);
	else if (!ret)
		vpc_dirty_report(dirty, iova, length, bitmap);
	mutex_unlock(&dirty->lock);
	vpc_mig_unlock(mig);
	return ret;
}

const struct vfio_log_ops vpc_log_ops = {
	.log_start		= log_start,
	.log_stop		= log_stop,
	.log_read_and_clear	= log_read_and_clear,
};
