// SPDX-License-Identifier: GPL-2.0-only
/*
 * Changes of the migration state while the device is out of its user's reach
 */
#include <compat/kunit.h>
#include <kunit/test.h>
#include <linux/pci.h>

#include "../../drivers/vfio/pci/vpc.h"
#include "../../drivers/vfio/pci/migration.h"

/**
 * struct dev - a device without hardware: it does not answer
 * @core: what the library knows of it
 * @state: its private part
 * @pdev: the function
 * @rest: how far its driver has brought it to rest
 */
struct dev {
	struct vfio_pci_core_device core;
	struct vfio_pci_core_state state;
	struct pci_dev pdev;
	enum vfio_pci_core_rest rest;
};

static int set_rest(struct vfio_pci_core_device *core, enum vfio_pci_core_rest level)
{
	container_of(core, struct dev, core)->rest = level;
	return 0;
}

static size_t size(struct vfio_pci_core_device *core)
{
	return 16;
}

static ssize_t save(struct vfio_pci_core_device *core, void *buf, size_t room)
{
	memset(buf, 0, room);
	return room;
}

static int take(struct vfio_pci_core_device *core, const void *buf, size_t len)
{
	return 0;
}

static const struct vfio_pci_core_mig_ops ops = {
	.quiesce	= set_rest,
	.unquiesce	= set_rest,
	.size		= size,
	.save		= save,
	.check		= take,
	.load		= take,
};

static struct dev *make(struct kunit *test)
{
	struct dev *dev = kunit_kzalloc(test, sizeof(*dev), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, dev);
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
	KUNIT_ASSERT_EQ(test, vfio_pci_core_migration_init(&dev->core, &ops,
							   VFIO_MIGRATION_STOP_COPY |
							   VFIO_MIGRATION_P2P), 0);
	return dev;
}

static void set_state(struct kunit *test, struct dev *dev, enum vfio_device_mig_state state)
{
	struct file *filp;

	filp = dev->core.vdev.mig_ops->migration_set_state(&dev->core.vdev, state);
	KUNIT_EXPECT_PTR_EQ(test, filp, NULL);
}

static void expect(struct kunit *test, struct dev *dev, enum vfio_device_mig_state state,
		   enum vfio_pci_core_rest rest)
{
	enum vfio_device_mig_state is;

	dev->core.vdev.mig_ops->migration_get_state(&dev->core.vdev, &is);
	KUNIT_EXPECT_EQ(test, is, state);
	KUNIT_EXPECT_EQ(test, dev->rest, rest);
}

/* As vfio_pci_core_reset_begin(), of a device that nobody has mapped */
static void reset_begins(struct dev *dev)
{
	dev->state.gate.resets = 1;
	dev->state.gate.begun++;
	dev->state.gate.blocked = true;
	dev->state.irqs.intx_sleeps = 1;
}

/* Whatever state is left and taken while users are kept away, with or without a reset */
static void is_what_its_state_says(struct kunit *test)
{
	static const struct {
		enum vfio_device_mig_state from;
		enum vfio_device_mig_state to;
	} change[] = {
		{ VFIO_DEVICE_STATE_STOP, VFIO_DEVICE_STATE_RUNNING },
		{ VFIO_DEVICE_STATE_RUNNING, VFIO_DEVICE_STATE_STOP },
		{ VFIO_DEVICE_STATE_RUNNING_P2P, VFIO_DEVICE_STATE_RUNNING },
	};

	for (unsigned int i = 0; i < 2 * ARRAY_SIZE(change); i++) {
		bool happened = i % 2;
		struct dev *dev = make(test);

		set_state(test, dev, change[i / 2].from);
		reset_begins(dev);
		set_state(test, dev, change[i / 2].to);
		vpc_gate_reset_over(&dev->state, happened);
		KUNIT_EXPECT_FALSE(test, dev->state.gate.blocked);
		expect(test, dev, VFIO_DEVICE_STATE_RUNNING, VFIO_PCI_CORE_ACTIVE);
		set_state(test, dev, VFIO_DEVICE_STATE_STOP);
		expect(test, dev, VFIO_DEVICE_STATE_STOP, VFIO_PCI_CORE_REST_STOP);
		kfree(dev->state.migration);
	}
}

/* A reset that did not come about leaves a state that nobody has changed. */
static void stays(struct kunit *test)
{
	struct dev *dev = make(test);

	set_state(test, dev, VFIO_DEVICE_STATE_STOP);
	reset_begins(dev);
	vpc_gate_reset_over(&dev->state, false);
	expect(test, dev, VFIO_DEVICE_STATE_STOP, VFIO_PCI_CORE_REST_STOP);
	reset_begins(dev);
	vpc_gate_reset_over(&dev->state, true);
	expect(test, dev, VFIO_DEVICE_STATE_RUNNING, VFIO_PCI_CORE_ACTIVE);
	kfree(dev->state.migration);
}

/*
 * The state is changed when what follows the reset has been done already, but the gate
 * is not open yet.
 */
static void just_before_it_opens(struct kunit *test)
{
	struct dev *dev = make(test);

	reset_begins(dev);
	dev->state.gate.followed = dev->state.gate.begun;
	set_state(test, dev, VFIO_DEVICE_STATE_STOP);
	vpc_gate_reset_over(&dev->state, true);
	expect(test, dev, VFIO_DEVICE_STATE_RUNNING, VFIO_PCI_CORE_ACTIVE);
	kfree(dev->state.migration);
}

static struct kunit_case mig_cases[] = {
	KUNIT_CASE(is_what_its_state_says),
	KUNIT_CASE(stays),
	KUNIT_CASE(just_before_it_opens),
	{ }
};

static struct kunit_suite mig_suite = {
	.name = "vpc_mig",
	.test_cases = mig_cases,
};

kunit_test_suite(mig_suite);

MODULE_IMPORT_NS(VFIO_PCI_CORE_NS);
MODULE_IMPORT_NS(COMPAT_KUNIT_NS);
MODULE_DESCRIPTION("Unit tests of migration and resets");
MODULE_LICENSE("GPL");
