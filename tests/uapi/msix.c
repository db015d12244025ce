// SPDX-License-Identifier: GPL-2.0-only
/*
 * MSI-X, with vectors added and taken away while it is on
 */
#include "model.h"
#include "pci.h"
#include "test.h"

#define MSIX	VFIO_PCI_MSIX_IRQ_INDEX
#define TRIGGER	VFIO_IRQ_SET_ACTION_TRIGGER
#define MAX	64

static struct vfio *with_msix(unsigned int *n)
{
	struct vfio *d = dut();

	*n = vfio_irq_count(d, MSIX);
	if (!*n)
		SKIP("no MSI-X");
	if (*n > MAX)
		*n = MAX;
	return d;
}

static bool is_dynamic(struct vfio *d)
{
	struct vfio_irq_info info;

	ASSERT_EQ(vfio_irq_info(d, MSIX, &info), 0);
	return !(info.flags & VFIO_IRQ_INFO_NORESIZE);
}

static void fds_new(int *fds, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		fds[i] = efd_new();
}

static void fds_close(int *fds, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		close(fds[i]);
}

static bool host_enabled(struct vfio *d)
{
	unsigned int pos = host_cap(d->bdf, PCI_CAP_ID_MSIX);

	return host_read(d->bdf, pos + PCI_MSIX_FLAGS, 2) & PCI_MSIX_FLAGS_ENABLE;
}

/* Some devices send another one before, and a while after, they are lowered. */
static void settle(struct vfio *d, const struct model *m, int *fds, unsigned int n)
{
	if (m->lower)
		m->lower(d);
	usleep(10000);
	for (unsigned int i = 0; i < n; i++)
		efd_count(fds[i]);
}

TEST(info, "the count is the capability's; vectors can be added where the host can")
{
	unsigned int n, pos;
	struct vfio *d = with_msix(&n);
	struct vfio_irq_info info;

	pos = cfg_cap(d, PCI_CAP_ID_MSIX);
	ASSERT_EQ(vfio_irq_info(d, MSIX, &info), 0);
	EXPECT_EQ(info.count, (cfg_read(d, pos + PCI_MSIX_FLAGS, 2) &
			       PCI_MSIX_FLAGS_QSIZE) + 1);
	EXPECT_EQ(info.flags & ~VFIO_IRQ_INFO_NORESIZE, VFIO_IRQ_INFO_EVENTFD);
	/* x86 can, since 6.5 */
	EXPECT_EQ(info.flags & VFIO_IRQ_INFO_NORESIZE, 0);
}

TEST(absent, "a function without MSI-X refuses it with EINVAL")
{
	struct vfio *d = dut();
	int efd = efd_new();

	if (vfio_irq_count(d, MSIX))
		SKIP("has MSI-X");
	EXPECT_EQ(vfio_irq_fd(d, MSIX, 0, efd), -EINVAL);
	close(efd);
}

TEST(all, "all vectors at once; each triggers its own eventfd")
{
	unsigned int n;
	struct vfio *d = with_msix(&n);
	int fds[MAX];

	fds_new(fds, n);
	ASSERT_EQ(vfio_irq_fds(d, MSIX, 0, n, fds), 0);
	EXPECT(host_enabled(d));
	for (unsigned int i = 0; i < n; i++) {
		ASSERT_EQ(vfio_irq_do(d, MSIX, i, TRIGGER), 0);
		for (unsigned int j = 0; j < n; j++)
			EXPECT_EQ(efd_count(fds[j]), i == j);
	}
	ASSERT_EQ(vfio_irq_off(d, MSIX), 0);
	EXPECT(!host_enabled(d));
	fds_close(fds, n);
}

TEST(some, "DATA_BOOL triggers those that are named")
{
	unsigned int n;
	struct vfio *d = with_msix(&n);
	uint8_t which[MAX];
	int fds[MAX];

	fds_new(fds, n);
	ASSERT_EQ(vfio_irq_fds(d, MSIX, 0, n, fds), 0);
	for (unsigned int i = 0; i < n; i++)
		which[i] = i & 1;
	ASSERT_EQ(vfio_set_irqs(d, VFIO_IRQ_SET_DATA_BOOL | TRIGGER, MSIX, 0, n,
				which, n), 0);
	for (unsigned int i = 0; i < n; i++)
		EXPECT_EQ(efd_count(fds[i]), i & 1);
	vfio_irq_off(d, MSIX);
	fds_close(fds, n);
}

TEST(hardware, "the device raises each vector that the test knows how to raise")
{
	unsigned int n;
	struct vfio *d = with_msix(&n);
	const struct model *m = model_needed(d);
	int fds[MAX];

	if (!m->vectors)
		SKIP("the test cannot make the device raise MSI-X");
	if (m->lower)
		m->lower(d);
	fds_new(fds, n);
	ASSERT_EQ(vfio_irq_fds(d, MSIX, 0, n, fds), 0);
	cfg_command(d, PCI_COMMAND_MASTER, 0);
	for (unsigned int i = 0; i < n && i < m->vectors; i++) {
		m->raise(d, i);
		if (!EXPECT(efd_fires(fds[i])))
			test_note("vector %u", i);
		for (unsigned int j = 0; j < n; j++)
			if (j != i)
				EXPECT_EQ(efd_count(fds[j]), 0);
		settle(d, m, fds, n);
	}
	vfio_irq_off(d, MSIX);
	fds_close(fds, n);
}

TEST(dynamic, "vectors can be added one by one, the first ones undisturbed")
{
	unsigned int n;
	struct vfio *d = with_msix(&n);
	const struct model *m = model_of(d);
	int fds[MAX];

	if (!is_dynamic(d))
		SKIP("the host cannot add vectors");
	fds_new(fds, n);
	cfg_command(d, PCI_COMMAND_MASTER, 0);
	for (unsigned int i = 0; i < n; i++) {
		ASSERT_EQ(vfio_irq_fd(d, MSIX, i, fds[i]), 0);
		for (unsigned int j = 0; j <= i; j++)
			ASSERT_EQ(vfio_irq_do(d, MSIX, j, TRIGGER), 0);
		for (unsigned int j = 0; j <= i; j++)
			EXPECT_EQ(efd_count(fds[j]), 1);
		if (m && i < m->vectors) {
			m->raise(d, i);
			EXPECT(efd_fires(fds[i]));
			settle(d, m, fds, n);
		}
	}
	vfio_irq_off(d, MSIX);
	fds_close(fds, n);
}

TEST(backwards, "the last vector first, then one below it")
{
	unsigned int n;
	struct vfio *d = with_msix(&n);
	int fds[2];

	if (!is_dynamic(d) || n < 2)
		SKIP("the host cannot add vectors");
	fds_new(fds, 2);
	ASSERT_EQ(vfio_irq_fd(d, MSIX, n - 1, fds[0]), 0);
	ASSERT_EQ(vfio_irq_fd(d, MSIX, n - 2, fds[1]), 0);
	ASSERT_EQ(vfio_irq_do(d, MSIX, n - 1, TRIGGER), 0);
	EXPECT(efd_fires(fds[0]));
	ASSERT_EQ(vfio_irq_do(d, MSIX, n - 2, TRIGGER), 0);
	EXPECT(efd_fires(fds[1]));
	vfio_irq_off(d, MSIX);
	fds_close(fds, 2);
}

TEST(holes, "-1 leaves a vector out, and takes one away")
{
	unsigned int n;
	struct vfio *d = with_msix(&n);
	int efd = efd_new(), fds[3] = { efd, -1, efd };

	if (n < 3)
		SKIP("fewer than 3 vectors");
	ASSERT_EQ(vfio_irq_fds(d, MSIX, 0, 3, fds), 0);
	ASSERT_EQ(vfio_irq_do(d, MSIX, 2, TRIGGER), 0);
	EXPECT_EQ(efd_count(efd), 1);
	/* a vector without eventfd may be triggered and does nothing */
	EXPECT_EQ(vfio_set_irqs(d, VFIO_IRQ_SET_DATA_NONE | TRIGGER, MSIX, 0, 3,
				NULL, 0), 0);
	EXPECT_EQ(efd_count(efd), 2);
	ASSERT_EQ(vfio_irq_fd(d, MSIX, 2, -1), 0);
	EXPECT_EQ(vfio_set_irqs(d, VFIO_IRQ_SET_DATA_NONE | TRIGGER, MSIX, 0, 3,
				NULL, 0), 0);
	EXPECT_EQ(efd_count(efd), 1);
	ASSERT_EQ(vfio_irq_fd(d, MSIX, 2, efd), 0);
	ASSERT_EQ(vfio_irq_do(d, MSIX, 2, TRIGGER), 0);
	EXPECT_EQ(efd_count(efd), 1);
	vfio_irq_off(d, MSIX);
	close(efd);
}

TEST(rollback, "a range with one bad eventfd is refused and leaves the rest as it was")
{
	unsigned int n;
	struct vfio *d = with_msix(&n);
	int efd = efd_new(), fds[3] = { efd, efd, 9999 };

	if (n < 3)
		SKIP("fewer than 3 vectors");
	EXPECT_EQ(vfio_irq_fds(d, MSIX, 0, 3, fds), -EBADF);
	fds[2] = efd;
	ASSERT_EQ(vfio_irq_fds(d, MSIX, 0, 3, fds), 0);
	ASSERT_EQ(vfio_irq_do(d, MSIX, 2, TRIGGER), 0);
	EXPECT_EQ(efd_count(efd), 1);
	vfio_irq_off(d, MSIX);
	close(efd);
}

TEST(range, "vectors that are not there are refused with EINVAL")
{
	unsigned int n;
	struct vfio *d = with_msix(&n);
	unsigned int count = vfio_irq_count(d, MSIX);
	int efd = efd_new(), fds[2] = { efd, efd };

	EXPECT_EQ(vfio_irq_fd(d, MSIX, count, efd), -EINVAL);
	EXPECT_EQ(vfio_irq_fds(d, MSIX, count - 1, 2, fds), -EINVAL);
	EXPECT_EQ(vfio_irq_fd(d, MSIX, 2048, efd), -EINVAL);
	EXPECT_EQ(vfio_irq_fd(d, MSIX, 0xffffffff, efd), -EINVAL);
	EXPECT_EQ(vfio_irq_fds(d, MSIX, 0xffffffff, 2, fds), -EINVAL);
	EXPECT(!host_enabled(d));
	EXPECT_EQ(vfio_irq_do(d, MSIX, 0, TRIGGER), -EINVAL);
	close(efd);
}

TEST(exclusive, "while MSI-X is in use, INTx and MSI are refused with EINVAL")
{
	unsigned int n;
	struct vfio *d = with_msix(&n);
	int efd = efd_new();

	ASSERT_EQ(vfio_irq_fd(d, MSIX, 0, efd), 0);
	if (vfio_irq_count(d, VFIO_PCI_INTX_IRQ_INDEX))
		EXPECT_EQ(vfio_irq_fd(d, VFIO_PCI_INTX_IRQ_INDEX, 0, efd), -EINVAL);
	if (vfio_irq_count(d, VFIO_PCI_MSI_IRQ_INDEX))
		EXPECT_EQ(vfio_irq_fd(d, VFIO_PCI_MSI_IRQ_INDEX, 0, efd), -EINVAL);
	vfio_irq_off(d, MSIX);
	close(efd);
}

TEST(memory_off, "enabling works with memory off, and leaves it off")
{
	unsigned int n;
	struct vfio *d = with_msix(&n);
	int efd = efd_new();

	cfg_command(d, 0, PCI_COMMAND_MEMORY);
	ASSERT_EQ(vfio_irq_fd(d, MSIX, 0, efd), 0);
	EXPECT(!(cfg_read(d, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY));
	if (!host_is_vf(d->bdf))
		EXPECT(!(host_read(d->bdf, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY));
	EXPECT_EQ(vfio_irq_do(d, MSIX, 0, TRIGGER), 0);
	EXPECT(efd_fires(efd));
	EXPECT_EQ(vfio_irq_off(d, MSIX), 0);
	cfg_command(d, PCI_COMMAND_MEMORY, 0);
	close(efd);
}

TEST(after_reset, "MSI-X still works after DEVICE_RESET")
{
	unsigned int n;
	struct vfio *d = with_msix(&n);
	const struct model *m = model_needed(d);
	int efd = efd_new();

	if (!(d->info.flags & VFIO_DEVICE_FLAGS_RESET) || !m->vectors)
		SKIP("no reset, or no way to raise MSI-X");
	ASSERT_EQ(vfio_irq_fd(d, MSIX, 0, efd), 0);
	ASSERT_EQ(vfio_ioctl(d->fd, VFIO_DEVICE_RESET, NULL), 0);
	EXPECT(host_enabled(d));
	cfg_command(d, PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY, 0);
	m->raise(d, 0);
	EXPECT(efd_fires(efd));
	if (m->lower)
		m->lower(d);
	vfio_irq_off(d, MSIX);
	close(efd);
}
