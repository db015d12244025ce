// SPDX-License-Identifier: GPL-2.0-only
/*
 * Changes of the migration state while the device is out of its user's reach
 */
#include <compat/kunit.h>
#include <kunit/test.h>

#include "fake_dev.h"

static const struct vfio_pci_core_mig_ops ops = { FAKE_MIG_OPS };

static struct fake_dev *make(struct kunit *test)
{
	return fake_dev(test, &ops, VFIO_MIGRATION_STOP_COPY | VFIO_MIGRATION_P2P);
}

static void set_state(struct kunit *test, struct fake_dev *dev, enum vfio_device_mig_state state)
{
	struct file *filp;

	filp = dev->core.vdev.mig_ops->migration_set_state(&dev->core.vdev, state);
	KUNIT_EXPECT_PTR_EQ(test, filp, NULL);
}

static void expect(struct kunit *test, struct fake_dev *dev, enum vfio_device_mig_state state,
		   enum vfio_pci_core_rest rest)
{
	enum vfio_device_mig_state is;

	dev->core.vdev.mig_ops->migration_get_state(&dev->core.vdev, &is);
	KUNIT_EXPECT_EQ(test, is, state);
	KUNIT_EXPECT_EQ(test, dev->rest, rest);
}

/* As vfio_pci_core_reset_begin(), of a device that nobody has mapped */
static void reset_begins(struct fake_dev *dev)
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
		struct fake_dev *dev = make(test);

		set_state(test, dev, change[i / 2].from);
		reset_begins(dev);
		set_state(test, dev, change[i / 2].to);
		vpc_gate_reset_over(&dev->state, happened);
		KUNIT_EXPECT_FALSE(test, dev->state.gate.blocked);
		expect(test, dev, VFIO_DEVICE_STATE_RUNNING, VFIO_PCI_CORE_ACTIVE);
		set_state(test, dev, VFIO_DEVICE_STATE_STOP);
		expect(test, dev, VFIO_DEVICE_STATE_STOP, VFIO_PCI_CORE_REST_STOP);
	}
}

/* A reset that did not come about leaves a state that nobody has changed. */
static void stays(struct kunit *test)
{
	struct fake_dev *dev = make(test);

	set_state(test, dev, VFIO_DEVICE_STATE_STOP);
	reset_begins(dev);
	vpc_gate_reset_over(&dev->state, false);
	expect(test, dev, VFIO_DEVICE_STATE_STOP, VFIO_PCI_CORE_REST_STOP);
	reset_begins(dev);
	vpc_gate_reset_over(&dev->state, true);
	expect(test, dev, VFIO_DEVICE_STATE_RUNNING, VFIO_PCI_CORE_ACTIVE);
}

/*
 * The state is changed when what follows the reset has been done already, but the gate
 * is not open yet.
 */
static void just_before_it_opens(struct kunit *test)
{
	struct fake_dev *dev = make(test);

	reset_begins(dev);
	dev->state.gate.followed = dev->state.gate.begun;
	set_state(test, dev, VFIO_DEVICE_STATE_STOP);
	vpc_gate_reset_over(&dev->state, true);
	expect(test, dev, VFIO_DEVICE_STATE_RUNNING, VFIO_PCI_CORE_ACTIVE);
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
