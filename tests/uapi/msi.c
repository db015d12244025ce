// SPDX-License-Identifier: GPL-2.0-only
/*
 * MSI
 */
#include "model.h"
#include "pci.h"
#include "test.h"

#define MSI	VFIO_PCI_MSI_IRQ_INDEX
#define TRIGGER	VFIO_IRQ_SET_ACTION_TRIGGER

static struct vfio *enabled(int *efd)
{
	struct vfio *d = dut();

	if (!vfio_irq_count(d, MSI))
		SKIP("no MSI");
	*efd = efd_new();
	ASSERT_EQ(vfio_irq_fd(d, MSI, 0, *efd), 0);
	return d;
}

static struct vfio *raisable(int *efd, const struct model **m)
{
	struct vfio *d = dut();

	*m = model_needed(d);
	if (!(*m)->raises_msi)
		SKIP("the test cannot make the device raise MSI");
	(*m)->lower(d);
	return enabled(efd);
}

static void done(struct vfio *d, int efd)
{
	vfio_irq_off(d, MSI);
	close(efd);
}

static bool host_enabled(struct vfio *d)
{
	unsigned int pos = host_cap(d->bdf, PCI_CAP_ID_MSI);

	return host_read(d->bdf, pos + PCI_MSI_FLAGS, 2) & PCI_MSI_FLAGS_ENABLE;
}

TEST(info, "the count is the capability's; MSI cannot be resized and is not masked")
{
	struct vfio *d = dut();
	struct vfio_irq_info info;
	unsigned int pos = cfg_cap(d, PCI_CAP_ID_MSI);
	unsigned int want = 0;

	if (pos)
		want = 1 << ((cfg_read(d, pos + PCI_MSI_FLAGS, 2) &
			      PCI_MSI_FLAGS_QMASK) >> 1);
	ASSERT_EQ(vfio_irq_info(d, MSI, &info), 0);
	EXPECT_EQ(info.count, want);
	EXPECT_EQ(info.flags, VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE);
}

TEST(absent, "a function without MSI refuses it with EINVAL")
{
	struct vfio *d = dut();
	int efd = efd_new();

	if (vfio_irq_count(d, MSI))
		SKIP("has MSI");
	EXPECT_EQ(vfio_irq_fd(d, MSI, 0, efd), -EINVAL);
	close(efd);
}

TEST(on_off, "the first eventfd turns MSI on in the hardware, disabling turns it off")
{
	int efd;
	struct vfio *d = enabled(&efd);

	EXPECT(host_enabled(d));
	ASSERT_EQ(vfio_irq_off(d, MSI), 0);
	EXPECT(!host_enabled(d));
	EXPECT_EQ(vfio_irq_do(d, MSI, 0, TRIGGER), -EINVAL);
	close(efd);
}

TEST(loopback, "the user triggers it with DATA_NONE and DATA_BOOL")
{
	int efd;
	struct vfio *d = enabled(&efd);
	uint8_t yes = 1, no = 0;

	EXPECT_EQ(vfio_irq_do(d, MSI, 0, TRIGGER), 0);
	EXPECT(efd_fires(efd));
	EXPECT_EQ(vfio_set_irqs(d, VFIO_IRQ_SET_DATA_BOOL | TRIGGER, MSI, 0, 1, &yes, 1), 0);
	EXPECT(efd_fires(efd));
	EXPECT_EQ(vfio_set_irqs(d, VFIO_IRQ_SET_DATA_BOOL | TRIGGER, MSI, 0, 1, &no, 1), 0);
	EXPECT(efd_silent(efd));
	done(d, efd);
}

TEST(hardware, "the device raises it, a hundred times")
{
	const struct model *m;
	int efd;
	struct vfio *d = raisable(&efd, &m);

	cfg_command(d, PCI_COMMAND_MASTER, 0);
	for (int i = 0; i < 100; i++) {
		m->raise(d, 0);
		ASSERT(efd_fires(efd));
		m->lower(d);
		/* some devices send another one until they are lowered */
		efd_count(efd);
	}
	EXPECT(efd_silent(efd));
	done(d, efd);
}

TEST(swap, "the eventfd can be exchanged and taken away while MSI is on")
{
	const struct model *m;
	int efd, other = efd_new();
	struct vfio *d = raisable(&efd, &m);

	cfg_command(d, PCI_COMMAND_MASTER, 0);
	ASSERT_EQ(vfio_irq_fd(d, MSI, 0, other), 0);
	m->raise(d, 0);
	EXPECT(efd_fires(other));
	EXPECT(efd_silent(efd));
	m->lower(d);
	usleep(10000);
	efd_count(other);
	ASSERT_EQ(vfio_irq_fd(d, MSI, 0, -1), 0);
	m->raise(d, 0);
	EXPECT(efd_silent(other));
	m->lower(d);
	ASSERT_EQ(vfio_irq_fd(d, MSI, 0, efd), 0);
	m->raise(d, 0);
	EXPECT(efd_fires(efd));
	m->lower(d);
	done(d, efd);
	close(other);
}

/*
 * Whether MSI is off in the hardware while the user's bit is 0 is open: mainline
 * passes the bit on, here the eventfds alone decide.
 */
TEST(config_enable, "the user's MSI enable bit reads as written; off and on again, MSI works")
{
	const struct model *m;
	int efd;
	struct vfio *d = raisable(&efd, &m);
	unsigned int pos = cfg_cap(d, PCI_CAP_ID_MSI);
	uint16_t flags = cfg_read(d, pos + PCI_MSI_FLAGS, 2);

	cfg_write(d, pos + PCI_MSI_FLAGS, 2, flags | PCI_MSI_FLAGS_ENABLE);
	EXPECT(host_enabled(d));
	EXPECT(cfg_read(d, pos + PCI_MSI_FLAGS, 2) & PCI_MSI_FLAGS_ENABLE);
	cfg_write(d, pos + PCI_MSI_FLAGS, 2, flags & ~PCI_MSI_FLAGS_ENABLE);
	EXPECT(!(cfg_read(d, pos + PCI_MSI_FLAGS, 2) & PCI_MSI_FLAGS_ENABLE));
	cfg_write(d, pos + PCI_MSI_FLAGS, 2, flags | PCI_MSI_FLAGS_ENABLE);
	EXPECT(host_enabled(d));
	cfg_command(d, PCI_COMMAND_MASTER, 0);
	m->raise(d, 0);
	EXPECT(efd_fires(efd));
	m->lower(d);
	cfg_write(d, pos + PCI_MSI_FLAGS, 2, flags & ~PCI_MSI_FLAGS_ENABLE);
	done(d, efd);
}

TEST(masking, "masking MSI is not offered: ENOTTY")
{
	int efd;
	struct vfio *d = enabled(&efd);

	EXPECT_EQ(vfio_irq_do(d, MSI, 0, VFIO_IRQ_SET_ACTION_MASK), -ENOTTY);
	EXPECT_EQ(vfio_irq_do(d, MSI, 0, VFIO_IRQ_SET_ACTION_UNMASK), -ENOTTY);
	done(d, efd);
}

TEST(range, "vectors that are not there are refused with EINVAL")
{
	int efd;
	struct vfio *d = enabled(&efd);
	unsigned int n = vfio_irq_count(d, MSI);
	int fds[64];

	for (unsigned int i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = efd;
	EXPECT_EQ(vfio_irq_fd(d, MSI, n, efd), -EINVAL);
	EXPECT_EQ(vfio_irq_fds(d, MSI, 0, n + 1, fds), -EINVAL);
	EXPECT_EQ(vfio_irq_fds(d, MSI, 0xffffffff, 1, fds), -EINVAL);
	EXPECT_EQ(vfio_irq_fds(d, MSI, 0xffffffff, 2, fds), -EINVAL);
	EXPECT_EQ(vfio_irq_do(d, MSI, n, TRIGGER), -EINVAL);
	/* and the one that was there still is */
	EXPECT_EQ(vfio_irq_do(d, MSI, 0, TRIGGER), 0);
	EXPECT(efd_fires(efd));
	done(d, efd);
}

TEST(exclusive, "while MSI is in use, INTx and MSI-X are refused with EINVAL")
{
	int efd;
	struct vfio *d = enabled(&efd);

	if (vfio_irq_count(d, VFIO_PCI_INTX_IRQ_INDEX))
		EXPECT_EQ(vfio_irq_fd(d, VFIO_PCI_INTX_IRQ_INDEX, 0, efd), -EINVAL);
	if (vfio_irq_count(d, VFIO_PCI_MSIX_IRQ_INDEX))
		EXPECT_EQ(vfio_irq_fd(d, VFIO_PCI_MSIX_IRQ_INDEX, 0, efd), -EINVAL);
	done(d, efd);
}

TEST(after_reset, "MSI still works after DEVICE_RESET")
{
	const struct model *m;
	int efd;
	struct vfio *d = raisable(&efd, &m);

	if (!(d->info.flags & VFIO_DEVICE_FLAGS_RESET))
		SKIP("the device cannot be reset");
	ASSERT_EQ(vfio_ioctl(d->fd, VFIO_DEVICE_RESET, NULL), 0);
	EXPECT(host_enabled(d));
	cfg_command(d, PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY, 0);
	m->raise(d, 0);
	EXPECT(efd_fires(efd));
	m->lower(d);
	done(d, efd);
}

TEST(cycles, "MSI can be turned on and off fifty times")
{
	struct vfio *d = dut();
	int efd = efd_new();

	if (!vfio_irq_count(d, MSI))
		SKIP("no MSI");
	for (int i = 0; i < 50; i++) {
		ASSERT_EQ(vfio_irq_fd(d, MSI, 0, efd), 0);
		ASSERT_EQ(vfio_irq_off(d, MSI), 0);
	}
	EXPECT(!host_enabled(d));
	close(efd);
}
