// SPDX-License-Identifier: GPL-2.0-only
/*
 * The error and the request interrupt
 */
#include "pci.h"
#include "test.h"

#define TRIGGER	VFIO_IRQ_SET_ACTION_TRIGGER

TEST(info, "REQ is always there, ERR on PCIe functions")
{
	struct vfio *d = dut();
	struct vfio_irq_info info;

	ASSERT_EQ(vfio_irq_info(d, VFIO_PCI_REQ_IRQ_INDEX, &info), 0);
	EXPECT_EQ(info.count, 1);
	EXPECT_EQ(info.flags & VFIO_IRQ_INFO_EVENTFD, VFIO_IRQ_INFO_EVENTFD);
	if (host_cap(d->bdf, PCI_CAP_ID_EXP)) {
		ASSERT_EQ(vfio_irq_info(d, VFIO_PCI_ERR_IRQ_INDEX, &info), 0);
		EXPECT_EQ(info.count, 1);
		EXPECT_EQ(info.flags & VFIO_IRQ_INFO_EVENTFD, VFIO_IRQ_INFO_EVENTFD);
	} else {
		EXPECT_EQ(vfio_irq_info(d, VFIO_PCI_ERR_IRQ_INDEX, &info), -EINVAL);
	}
}

static void set_trigger_clear(struct vfio *d, unsigned int index)
{
	int a = efd_new(), b = efd_new();
	uint8_t yes = 1, no = 0;

	ASSERT_EQ(vfio_irq_fd(d, index, 0, a), 0);
	EXPECT_EQ(vfio_irq_do(d, index, 0, TRIGGER), 0);
	EXPECT_EQ(efd_count(a), 1);
	EXPECT_EQ(vfio_set_irqs(d, VFIO_IRQ_SET_DATA_BOOL | TRIGGER, index, 0, 1, &yes, 1), 0);
	EXPECT_EQ(efd_count(a), 1);
	EXPECT_EQ(vfio_set_irqs(d, VFIO_IRQ_SET_DATA_BOOL | TRIGGER, index, 0, 1, &no, 1), 0);
	EXPECT_EQ(efd_count(a), 0);
	/* exchange */
	ASSERT_EQ(vfio_irq_fd(d, index, 0, b), 0);
	EXPECT_EQ(vfio_irq_do(d, index, 0, TRIGGER), 0);
	EXPECT_EQ(efd_count(a), 0);
	EXPECT_EQ(efd_count(b), 1);
	/* away by -1; once more is no error */
	EXPECT_EQ(vfio_irq_fd(d, index, 0, -1), 0);
	EXPECT_EQ(vfio_irq_fd(d, index, 0, -1), 0);
	/* away by count 0 */
	ASSERT_EQ(vfio_irq_fd(d, index, 0, a), 0);
	EXPECT_EQ(vfio_irq_off(d, index), 0);
	vfio_irq_do(d, index, 0, TRIGGER);
	EXPECT_EQ(efd_count(a), 0);
	EXPECT_EQ(efd_count(b), 0);
	close(a);
	close(b);
}

TEST(req, "REQ: set, trigger, exchange, take away")
{
	set_trigger_clear(dut(), VFIO_PCI_REQ_IRQ_INDEX);
}

TEST(err, "ERR: set, trigger, exchange, take away")
{
	struct vfio *d = dut();

	if (!host_cap(d->bdf, PCI_CAP_ID_EXP))
		SKIP("not a PCIe function");
	set_trigger_clear(d, VFIO_PCI_ERR_IRQ_INDEX);
}

TEST(bad, "a bad eventfd, range or action is refused")
{
	struct vfio *d = dut();
	int efd = efd_new(), fds[2] = { efd, efd };

	EXPECT_EQ(vfio_irq_fd(d, VFIO_PCI_REQ_IRQ_INDEX, 0, 9999), -EBADF);
	EXPECT_EQ(vfio_irq_fd(d, VFIO_PCI_REQ_IRQ_INDEX, 0, d->fd), -EINVAL);
	EXPECT_EQ(vfio_irq_fds(d, VFIO_PCI_REQ_IRQ_INDEX, 0, 2, fds), -EINVAL);
	EXPECT_EQ(vfio_irq_fd(d, VFIO_PCI_REQ_IRQ_INDEX, 1, efd), -EINVAL);
	EXPECT_EQ(vfio_irq_do(d, VFIO_PCI_REQ_IRQ_INDEX, 0,
			      VFIO_IRQ_SET_ACTION_MASK), -ENOTTY);
	close(efd);
}

TEST(beside, "ERR and REQ do not get in the way of the others")
{
	struct vfio *d = dut();
	int efd = efd_new(), req = efd_new();
	unsigned int i;

	ASSERT_EQ(vfio_irq_fd(d, VFIO_PCI_REQ_IRQ_INDEX, 0, req), 0);
	for (i = 0; i <= VFIO_PCI_MSIX_IRQ_INDEX; i++) {
		if (!vfio_irq_count(d, i))
			continue;
		EXPECT_EQ(vfio_irq_fd(d, i, 0, efd), 0);
		EXPECT_EQ(vfio_irq_do(d, i, 0, TRIGGER), 0);
		EXPECT(efd_fires(efd));
		EXPECT_EQ(vfio_irq_off(d, i), 0);
	}
	EXPECT_EQ(vfio_irq_do(d, VFIO_PCI_REQ_IRQ_INDEX, 0, TRIGGER), 0);
	EXPECT_EQ(efd_count(req), 1);
	close(efd);
	close(req);
}
