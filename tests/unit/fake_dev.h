/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A device that migrates, without hardware: it does not answer
 */
#ifndef FAKE_DEV_H
#define FAKE_DEV_H

#include <kunit/test.h>
#include <linux/pci.h>

#include "../../drivers/vfio/pci/vpc.h"
#include "../../drivers/vfio/pci/migration.h"

/**
 * struct fake_dev - a device
 * @core: what the library knows of it
 * @state: its private part
 * @pdev: the function
 * @quiesced: what its driver answers when it is to come to rest
 * @declared: what its driver answers when it is to declare all places
 * @rest: how far it is at rest
 */
struct fake_dev {
	struct vfio_pci_core_device core;
	struct vfio_pci_core_state state;
	struct pci_dev pdev;
	int quiesced;
	int declared;
	enum vfio_pci_core_rest rest;
};

static inline struct fake_dev *to_fake(struct vfio_pci_core_device *core)
{
	return container_of(core, struct fake_dev, core);
}

static inline int fake_quiesce(struct vfio_pci_core_device *core,
			       enum vfio_pci_core_rest level)
{
	if (!to_fake(core)->quiesced)
		to_fake(core)->rest = level;
	return to_fake(core)->quiesced;
}

static inline int fake_unquiesce(struct vfio_pci_core_device *core,
				 enum vfio_pci_core_rest level)
{
	to_fake(core)->rest = level;
	return 0;
}

static inline size_t fake_size(struct vfio_pci_core_device *core)
{
	return 16;
}

static inline ssize_t fake_save(struct vfio_pci_core_device *core, void *buf, size_t room)
{
	return room;
}

static inline int fake_take(struct vfio_pci_core_device *core, const void *buf, size_t len)
{
	return 0;
}

/* What such a driver knows about it, but for dirty tracking */
#define FAKE_MIG_OPS			\
	.quiesce	= fake_quiesce,	\
	.unquiesce	= fake_unquiesce, \
	.size		= fake_size,	\
	.save		= fake_save,	\
	.check		= fake_take,	\
	.load		= fake_take

static const struct vfio_device_ops fake_vdev_ops = {
	.dma_unmap	= vfio_pci_core_dirty_unmap,
};

static inline void fake_dev_free(void *data)
{
	struct fake_dev *dev = data;

	if (!dev->state.migration)
		return;
	if (dev->core.vdev.log_ops)
		dev->core.vdev.log_ops->log_stop(&dev->core.vdev);
	kfree(dev->state.migration);
}

/* One that is gone with the test */
static inline struct fake_dev *fake_dev(struct kunit *test,
					const struct vfio_pci_core_mig_ops *ops,
					unsigned int flags)
{
	struct fake_dev *dev = kunit_kzalloc(test, sizeof(*dev), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, dev);
	dev->core.vdev.ops = &fake_vdev_ops;
	dev->core.state = &dev->state;
	dev->core.pdev = &dev->pdev;
	dev->state.core = &dev->core;
	dev->state.pdev = &dev->pdev;
	dev->pdev.dev.init_name = "no device";
	dev->pdev.error_state = pci_channel_io_perm_failure;
	mutex_init(&dev->state.config.lock);
	spin_lock_init(&dev->state.irqs.slock);
	init_rwsem(&dev->state.gate.lock);
	init_waitqueue_head(&dev->state.gate.unblocked);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, fake_dev_free, dev), 0);
	KUNIT_ASSERT_EQ(test, vfio_pci_core_migration_init(&dev->core, ops, flags), 0);
	return dev;
}

#endif
