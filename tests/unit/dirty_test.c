// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty tracking: which pages are known to be written, without a device that does
 *
 * On a kernel with DMA logging, where no page is pinned.
 */
#include <compat/kunit.h>
#include <kunit/test.h>
#include <linux/sizes.h>

#include "fake_dev.h"

/* Where the device may write from the beginning */
static int declare(struct vfio_pci_core_device *core)
{
	vfio_pci_core_dirty_region(core, 0, 0, PAGE_SIZE);
	return to_fake(core)->declared;
}

static const struct vfio_pci_core_mig_ops ops = {
	FAKE_MIG_OPS,
	.dirty_declare	= declare,
};

static struct fake_dev *make(struct kunit *test)
{
	struct fake_dev *dev = fake_dev(test, &ops, VFIO_MIGRATION_STOP_COPY);

	if (!dev->core.vdev.log_ops)
		kunit_skip(test, "no DMA logging");
	return dev;
}

static int start(struct fake_dev *dev)
{
	u64 page_size;

	return dev->core.vdev.log_ops->log_start(&dev->core.vdev, NULL, 0, &page_size);
}

static struct fake_dev *make_active(struct kunit *test)
{
	struct fake_dev *dev = make(test);

	KUNIT_ASSERT_EQ(test, start(dev), 0);
	return dev;
}

static struct vpc_dirty *dirty(struct fake_dev *dev)
{
	return &dev->state.migration->dirty;
}

/* How many places hold page @pfn, or -1 if nothing is known of it */
static int uses(struct fake_dev *dev, unsigned long pfn)
{
	void *entry = xa_load(&dirty(dev)->pages, pfn);

	return entry ? (int)(xa_to_value(entry) >> 1) : -1;
}

static void nothing_while_nobody_asks(struct kunit *test)
{
	static const struct vfio_pci_core_dirty_span span = { SZ_1M, 1 };
	struct fake_dev *dev = make(test);

	KUNIT_EXPECT_FALSE(test, vfio_pci_core_dirty_active(&dev->core));
	KUNIT_EXPECT_EQ(test, vfio_pci_core_dirty_region(&dev->core, 1, 0, 1), 0);
	KUNIT_EXPECT_EQ(test, vfio_pci_core_dirty_ring(&dev->core, 0, 4), 0);
	KUNIT_EXPECT_EQ(test, vfio_pci_core_dirty_slots(&dev->core, 0, 0, 1, &span), 0);
	vfio_pci_core_dirty_failed(&dev->core);
	KUNIT_EXPECT_FALSE(test, dirty(dev)->failed);
	KUNIT_EXPECT_EQ(test, dirty(dev)->num_pages, 0UL);
	KUNIT_EXPECT_EQ(test, dirty(dev)->ring[0].count, 0U);
}

static void it_begins_and_ends(struct kunit *test)
{
	struct fake_dev *dev = make(test);

	KUNIT_EXPECT_EQ(test, start(dev), 0);
	KUNIT_EXPECT_TRUE(test, vfio_pci_core_dirty_active(&dev->core));
	KUNIT_EXPECT_EQ(test, uses(dev, 0), 1);
	/* at rest while it was declared, and no longer */
	KUNIT_EXPECT_EQ(test, dev->rest, VFIO_PCI_CORE_ACTIVE);
	KUNIT_EXPECT_EQ(test, start(dev), -EINVAL);
	KUNIT_EXPECT_EQ(test, dev->core.vdev.log_ops->log_stop(&dev->core.vdev), 0);
	KUNIT_EXPECT_FALSE(test, vfio_pci_core_dirty_active(&dev->core));
	KUNIT_EXPECT_EQ(test, dirty(dev)->num_pages, 0UL);
}

static void a_driver_that_cannot(struct kunit *test)
{
	struct fake_dev *dev = make(test);

	dev->quiesced = -ETIMEDOUT;
	KUNIT_EXPECT_EQ(test, start(dev), -ETIMEDOUT);
	dev->quiesced = 0;
	dev->declared = -EIO;
	KUNIT_EXPECT_EQ(test, start(dev), -EIO);
	KUNIT_EXPECT_FALSE(test, vfio_pci_core_dirty_active(&dev->core));
	KUNIT_EXPECT_EQ(test, dev->rest, VFIO_PCI_CORE_ACTIVE);
	/* An attempt that failed is forgotten. */
	dev->declared = 0;
	KUNIT_EXPECT_EQ(test, start(dev), 0);
	KUNIT_EXPECT_FALSE(test, dirty(dev)->failed);
	vfio_pci_core_dirty_failed(&dev->core);
	KUNIT_EXPECT_TRUE(test, dirty(dev)->failed);
}

static void regions_are_pages(struct kunit *test)
{
	struct fake_dev *dev = make_active(test);

	KUNIT_EXPECT_EQ(test, vfio_pci_core_dirty_region(&dev->core, 1, 0x1800,
							 PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, uses(dev, 1), 1);
	KUNIT_EXPECT_EQ(test, uses(dev, 2), 1);
	KUNIT_EXPECT_EQ(test, uses(dev, 3), -1);
	KUNIT_EXPECT_EQ(test, vfio_pci_core_dirty_region(&dev->core, 2, 0x2fff, 1), 0);
	KUNIT_EXPECT_EQ(test, uses(dev, 2), 2);
	/* The same again is no change. */
	KUNIT_EXPECT_EQ(test, vfio_pci_core_dirty_region(&dev->core, 2, 0x2fff, 1), 0);
	KUNIT_EXPECT_EQ(test, uses(dev, 2), 2);
	/* Elsewhere: what was written before stays in the log. */
	KUNIT_EXPECT_EQ(test, vfio_pci_core_dirty_region(&dev->core, 1, 0x5000, 1), 0);
	KUNIT_EXPECT_EQ(test, uses(dev, 1), 0);
	KUNIT_EXPECT_EQ(test, uses(dev, 2), 1);
	KUNIT_EXPECT_EQ(test, uses(dev, 5), 1);
	/* Nowhere */
	KUNIT_EXPECT_EQ(test, vfio_pci_core_dirty_region(&dev->core, 1, 0x9000, 0), 0);
	KUNIT_EXPECT_EQ(test, uses(dev, 5), 0);
	KUNIT_EXPECT_EQ(test, vfio_pci_core_dirty_region(&dev->core, 1, U64_MAX, 2), 0);
	KUNIT_EXPECT_EQ(test, uses(dev, 9), -1);
	KUNIT_EXPECT_EQ(test, dirty(dev)->num_pages, 4UL);
}

static void rings_go_around(struct kunit *test)
{
	static const struct vfio_pci_core_dirty_span a[] = {
		{ 0x10000, 1 }, { 0x11000, 1 }, { 0x12000, 0 },
	}, b[] = { { 0x20000, 1 } };
	struct fake_dev *dev = make_active(test);

	KUNIT_EXPECT_EQ(test, vfio_pci_core_dirty_slots(&dev->core, 3, 0, 1, a),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, vfio_pci_core_dirty_ring(&dev->core, 3, 4), 0);
	KUNIT_EXPECT_EQ(test, vfio_pci_core_dirty_slots(&dev->core, 3, 0, 5, a),
			-EINVAL);
	/* How many slots have another buffer than before */
	KUNIT_EXPECT_EQ(test, vfio_pci_core_dirty_slots(&dev->core, 3, 3, 3, a), 2);
	KUNIT_EXPECT_EQ(test, vfio_pci_core_dirty_slots(&dev->core, 3, 3, 3, a), 0);
	KUNIT_EXPECT_EQ(test, dirty(dev)->ring[3].slot[3].iova, 0x10000ULL);
	KUNIT_EXPECT_EQ(test, dirty(dev)->ring[3].slot[0].iova, 0x11000ULL);
	KUNIT_EXPECT_EQ(test, uses(dev, 0x10), 1);
	KUNIT_EXPECT_EQ(test, uses(dev, 0x11), 1);
	KUNIT_EXPECT_EQ(test, uses(dev, 0x12), -1);
	KUNIT_EXPECT_EQ(test, vfio_pci_core_dirty_slots(&dev->core, 3, 7, 1, b), 1);
	KUNIT_EXPECT_EQ(test, uses(dev, 0x10), 0);
	KUNIT_EXPECT_EQ(test, uses(dev, 0x20), 1);
	/* A ring of another size, and none */
	KUNIT_EXPECT_EQ(test, vfio_pci_core_dirty_ring(&dev->core, 3, 2), 0);
	KUNIT_EXPECT_EQ(test, uses(dev, 0x20), 0);
	KUNIT_EXPECT_EQ(test, vfio_pci_core_dirty_ring(&dev->core, 3, 0), 0);
	KUNIT_EXPECT_NULL(test, dirty(dev)->ring[3].slot);
}

static void a_reset_ends_all_places(struct kunit *test)
{
	static const struct vfio_pci_core_dirty_span a[] = { { 0x10000, 1 } };
	struct fake_dev *dev = make_active(test);

	vfio_pci_core_dirty_ring(&dev->core, 0, 1);
	vfio_pci_core_dirty_slots(&dev->core, 0, 0, 1, a);
	atomic_set(&dirty(dev)->was_reset, 1);
	KUNIT_EXPECT_EQ(test, uses(dev, 0x10), 1);
	KUNIT_EXPECT_EQ(test, vfio_pci_core_dirty_region(&dev->core, 5, 0x30000, 1), 0);
	KUNIT_EXPECT_EQ(test, uses(dev, 0x30), 1);
	KUNIT_EXPECT_EQ(test, uses(dev, 0x10), 0);
	KUNIT_EXPECT_EQ(test, uses(dev, 0), 0);
	KUNIT_EXPECT_EQ(test, dirty(dev)->ring[0].count, 0U);
}

static void there_is_an_end_to_it(struct kunit *test)
{
	struct fake_dev *dev = make_active(test);

	/* One page was declared at the beginning. */
	KUNIT_EXPECT_EQ(test, vfio_pci_core_dirty_region(&dev->core, 1, SZ_2G, SZ_1G),
			-ENOSPC);
	KUNIT_EXPECT_TRUE(test, dirty(dev)->failed);
	KUNIT_EXPECT_EQ(test, dirty(dev)->region[1].length, 0U);
	KUNIT_EXPECT_EQ(test, uses(dev, SZ_2G >> PAGE_SHIFT), 0);
	KUNIT_EXPECT_EQ(test, uses(dev, 0), 1);
}

static void what_was_not_pinned_is_left_alone(struct kunit *test)
{
	struct fake_dev *dev = make_active(test);

	vfio_pci_core_dirty_unmap(&dev->core.vdev, 0, SZ_1M);
	vfio_pci_core_dirty_unmap(&dev->core.vdev, 0, 0);
	KUNIT_EXPECT_EQ(test, uses(dev, 0), 1);
}

static int offer(struct fake_dev *dev, const struct vfio_pci_core_mig_ops *some)
{
	return vfio_pci_core_migration_init(&dev->core, some, VFIO_MIGRATION_STOP_COPY);
}

static void a_driver_has_to_have_all_operations(struct kunit *test)
{
	static const struct vfio_device_ops none = {};
	struct fake_dev *dev = kunit_kzalloc(test, sizeof(*dev), GFP_KERNEL);
	struct vfio_pci_core_mig_ops some;

	KUNIT_ASSERT_NOT_NULL(test, dev);
	dev->core.state = &dev->state;
	dev->core.vdev.ops = &none;
	KUNIT_EXPECT_EQ(test, offer(dev, &ops), -EINVAL);
	dev->core.vdev.ops = &fake_vdev_ops;
	KUNIT_EXPECT_EQ(test, vfio_pci_core_migration_init(&dev->core, &ops, 0), -EINVAL);
#define WITHOUT(op)							\
do {									\
	some = ops;							\
	some.op = NULL;							\
	KUNIT_EXPECT_EQ(test, offer(dev, &some), -EINVAL);		\
} while (0)
	WITHOUT(quiesce);
	WITHOUT(unquiesce);
	WITHOUT(size);
	WITHOUT(save);
	WITHOUT(check);
	WITHOUT(load);
	/* An early part is saved and checked, or is not there. */
	some = ops;
	some.early_size = fake_size;
	KUNIT_EXPECT_EQ(test, offer(dev, &some), -EINVAL);
	some.save_early = fake_save;
	KUNIT_EXPECT_EQ(test, offer(dev, &some), -EINVAL);
	KUNIT_EXPECT_NULL(test, dev->state.migration);
	/* Once */
	dev = make(test);
	KUNIT_EXPECT_EQ(test, offer(dev, &ops), -EINVAL);
}

static struct kunit_case dirty_cases[] = {
	KUNIT_CASE(nothing_while_nobody_asks),
	KUNIT_CASE(it_begins_and_ends),
	KUNIT_CASE(a_driver_that_cannot),
	KUNIT_CASE(regions_are_pages),
	KUNIT_CASE(rings_go_around),
	KUNIT_CASE(a_reset_ends_all_places),
	KUNIT_CASE_SLOW(there_is_an_end_to_it),
	KUNIT_CASE(what_was_not_pinned_is_left_alone),
	KUNIT_CASE(a_driver_has_to_have_all_operations),
	{ }
};

static struct kunit_suite dirty_suite = {
	.name = "vpc_dirty",
	.test_cases = dirty_cases,
};

kunit_test_suite(dirty_suite);

MODULE_IMPORT_NS(COMPAT_KUNIT_NS);
MODULE_IMPORT_NS(VFIO_PCI_CORE_NS);
MODULE_DESCRIPTION("Unit tests of vfio-pci-core: dirty tracking");
MODULE_LICENSE("GPL");
