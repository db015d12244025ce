// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO_DEVICE_GET_IRQ_INFO and VFIO_DEVICE_SET_IRQS with bad arguments
 */
#include "pci.h"
#include "test.h"

#define NONE	VFIO_IRQ_SET_DATA_NONE
#define BOOL	VFIO_IRQ_SET_DATA_BOOL
#define EVENTFD	VFIO_IRQ_SET_DATA_EVENTFD
#define TRIGGER	VFIO_IRQ_SET_ACTION_TRIGGER
#define MASK	VFIO_IRQ_SET_ACTION_MASK
#define UNMASK	VFIO_IRQ_SET_ACTION_UNMASK

#define REQ	VFIO_PCI_REQ_IRQ_INDEX

TEST(info_argsz, "GET_IRQ_INFO refuses a short argsz with EINVAL")
{
	struct vfio *d = dut();
	struct vfio_irq_info info = {};

	for (info.argsz = 0; info.argsz < sizeof(info); info.argsz++)
		if (!EXPECT_EQ(vfio_ioctl(d->fd, VFIO_DEVICE_GET_IRQ_INFO, &info), -EINVAL))
			break;
}

TEST(info_index, "GET_IRQ_INFO refuses an index that is not there with EINVAL")
{
	struct vfio *d = dut();
	struct vfio_irq_info info;

	EXPECT_EQ(vfio_irq_info(d, VFIO_PCI_NUM_IRQS, &info), -EINVAL);
	EXPECT_EQ(vfio_irq_info(d, 0x80000000, &info), -EINVAL);
	EXPECT_EQ(vfio_irq_info(d, 0xffffffff, &info), -EINVAL);
}

TEST(ones, "GET_IRQ_INFO is not misled by a function that reads as ones for a while")
{
	unsigned int want[VFIO_PCI_NUM_IRQS];
	struct vfio *d = dut();

	for (unsigned int i = 0; i < VFIO_PCI_NUM_IRQS; i++)
		want[i] = vfio_irq_count(d, i);

	/* A new user, whose first question comes at the wrong moment */
	dut_close();
	d = dut();
	if (!host_hide(d->bdf))
		SKIP("no bridge to hide it behind");
	EXPECT_EQ(host_read(d->bdf, PCI_COMMAND, 4), 0xffffffff);
	for (unsigned int i = 0; i < VFIO_PCI_NUM_IRQS; i++)
		vfio_irq_count(d, i);
	host_show(d->bdf);
	for (unsigned int i = 0; i < VFIO_PCI_NUM_IRQS; i++)
		EXPECT_EQ(vfio_irq_count(d, i), want[i]);
}

TEST(argsz, "SET_IRQS refuses an argsz shorter than its header with EINVAL")
{
	struct vfio *d = dut();
	struct vfio_irq_set s = { .flags = NONE | TRIGGER, .index = REQ };

	for (s.argsz = 0; s.argsz < sizeof(s); s.argsz++)
		if (!EXPECT_EQ(vfio_ioctl(d->fd, VFIO_DEVICE_SET_IRQS, &s), -EINVAL))
			break;
}

TEST(data_argsz, "SET_IRQS refuses an argsz without room for its data with EINVAL")
{
	struct vfio *d = dut();
	int fd = -1;
	uint8_t yes = 1;

	EXPECT_EQ(vfio_set_irqs(d, EVENTFD | TRIGGER, REQ, 0, 1, &fd, 3), -EINVAL);
	EXPECT_EQ(vfio_set_irqs(d, EVENTFD | TRIGGER, REQ, 0, 1, NULL, 0), -EINVAL);
	EXPECT_EQ(vfio_set_irqs(d, BOOL | TRIGGER, REQ, 0, 1, NULL, 0), -EINVAL);
	EXPECT_EQ(vfio_set_irqs(d, BOOL | TRIGGER, REQ, 0, 0x40000000, &yes, 1), -EINVAL);
	/* count * sizeof(int) would wrap to 0 */
	EXPECT_EQ(vfio_set_irqs(d, EVENTFD | TRIGGER, REQ, 0, 0x40000000, &fd, 4), -EINVAL);
	EXPECT_EQ(vfio_set_irqs(d, EVENTFD | TRIGGER, REQ, 0, 0x80000001, &fd, 4), -EINVAL);
}

TEST(index, "SET_IRQS refuses an index that is not there with EINVAL")
{
	struct vfio *d = dut();

	EXPECT_EQ(vfio_irq_off(d, VFIO_PCI_NUM_IRQS), -EINVAL);
	EXPECT_EQ(vfio_irq_off(d, 0x7fffffff), -EINVAL);
	EXPECT_EQ(vfio_irq_off(d, 0xffffffff), -EINVAL);
}

TEST(flags, "SET_IRQS wants one kind of data, one action, and no other flag")
{
	struct vfio *d = dut();
	static const uint32_t bad[] = {
		NONE | BOOL | TRIGGER, NONE | EVENTFD | TRIGGER, 1u << 6 | NONE | TRIGGER,
		1u << 31 | NONE | TRIGGER,
	};
	int fd = -1;

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_EQ(vfio_set_irqs(d, bad[i], REQ, 0, 1, &fd, 4), -EINVAL);
	EXPECT(vfio_set_irqs(d, TRIGGER, REQ, 0, 1, &fd, 4) < 0);
	EXPECT(vfio_set_irqs(d, EVENTFD, REQ, 0, 1, &fd, 4) < 0);
	EXPECT(vfio_set_irqs(d, EVENTFD | TRIGGER | MASK, REQ, 0, 1, &fd, 4) < 0);
	EXPECT(vfio_set_irqs(d, 0, REQ, 0, 1, &fd, 4) < 0);
}

TEST(ranges, "for each index, start and count beyond its end are refused with EINVAL")
{
	struct vfio *d = dut();
	int fds[3] = { -1, -1, -1 };

	for (unsigned int i = 0; i < VFIO_PCI_NUM_IRQS; i++) {
		unsigned int n = vfio_irq_count(d, i);

		EXPECT_EQ(vfio_irq_fds(d, i, n, 1, fds), -EINVAL);
		EXPECT_EQ(vfio_irq_fds(d, i, n + 1, 1, fds), -EINVAL);
		EXPECT_EQ(vfio_irq_fds(d, i, 0xfffffffe, 3, fds), -EINVAL);
		if (n)
			EXPECT_EQ(vfio_irq_fds(d, i, n - 1, 2, fds), -EINVAL);
		EXPECT_EQ(vfio_set_irqs(d, NONE | TRIGGER, i, 0, n + 1, NULL, 0), -EINVAL);
		EXPECT_EQ(vfio_set_irqs(d, NONE | TRIGGER, i, 0, 0xffffffff, NULL, 0),
			  -EINVAL);
	}
}

TEST(files, "what is not an eventfd is refused, and enables nothing")
{
	struct vfio *d = dut();

	for (unsigned int i = 0; i <= VFIO_PCI_MSIX_IRQ_INDEX; i++) {
		int efd;

		if (!vfio_irq_count(d, i))
			continue;
		EXPECT_EQ(vfio_irq_fd(d, i, 0, 9999), -EBADF);
		EXPECT_EQ(vfio_irq_fd(d, i, 0, d->fd), -EINVAL);
		EXPECT_EQ(vfio_irq_fd(d, i, 0, 1), -EINVAL);
		/* nothing is enabled: whether turning it off is an error is open */
		vfio_irq_off(d, i);
		/* the index is free for others */
		efd = efd_new();
		EXPECT_EQ(vfio_irq_fd(d, i, 0, efd), 0);
		EXPECT_EQ(vfio_irq_off(d, i), 0);
		close(efd);
	}
}

TEST(not_enabled, "masking, unmasking and triggering what is not enabled is EINVAL")
{
	struct vfio *d = dut();

	for (unsigned int i = 0; i <= VFIO_PCI_MSIX_IRQ_INDEX; i++) {
		if (!vfio_irq_count(d, i))
			continue;
		EXPECT_EQ(vfio_set_irqs(d, NONE | TRIGGER, i, 0, 1, NULL, 0), -EINVAL);
	}
	if (vfio_irq_count(d, VFIO_PCI_INTX_IRQ_INDEX)) {
		EXPECT_EQ(vfio_irq_do(d, VFIO_PCI_INTX_IRQ_INDEX, 0, MASK), -EINVAL);
		EXPECT_EQ(vfio_irq_do(d, VFIO_PCI_INTX_IRQ_INDEX, 0, UNMASK), -EINVAL);
	}
}
