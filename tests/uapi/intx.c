// SPDX-License-Identifier: GPL-2.0-only
/*
 * INTx: trigger, automask, mask and unmask by ioctl and by eventfd
 */
#include "model.h"
#include "pci.h"
#include "test.h"

#define INTX	VFIO_PCI_INTX_IRQ_INDEX
#define NONE	VFIO_IRQ_SET_DATA_NONE
#define BOOL	VFIO_IRQ_SET_DATA_BOOL
#define EVENTFD	VFIO_IRQ_SET_DATA_EVENTFD
#define TRIGGER	VFIO_IRQ_SET_ACTION_TRIGGER
#define MASK	VFIO_IRQ_SET_ACTION_MASK
#define UNMASK	VFIO_IRQ_SET_ACTION_UNMASK

/* The device with INTx enabled to *efd */
static struct vfio *enabled(int *efd)
{
	struct vfio *d = dut();

	if (!vfio_irq_count(d, INTX))
		SKIP("no INTx");
	*efd = efd_new();
	ASSERT_EQ(vfio_irq_fd(d, INTX, 0, *efd), 0);
	return d;
}

/* The same, and the device can raise it */
static struct vfio *raisable(int *efd, const struct model **m)
{
	struct vfio *d = dut();

	*m = model_needed(d);
	if (!(*m)->raises_intx || !vfio_irq_count(d, INTX))
		SKIP("the test cannot make the device raise INTx");
	(*m)->lower(d);
	return enabled(efd);
}

static void done(struct vfio *d, int efd)
{
	vfio_irq_off(d, INTX);
	close(efd);
}

TEST(info, "INTx is maskable and masks itself; a VF has none")
{
	struct vfio *d = dut();
	struct vfio_irq_info info;

	ASSERT_EQ(vfio_irq_info(d, INTX, &info), 0);
	if (host_is_vf(d->bdf))
		EXPECT_EQ(info.count, 0);
	if (!info.count)
		SKIP("no INTx");
	EXPECT_EQ(info.count, 1);
	EXPECT_EQ(info.flags, VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE |
		  VFIO_IRQ_INFO_AUTOMASKED);
}

TEST(absent, "a function without INTx refuses it with EINVAL")
{
	struct vfio *d = dut();
	int efd = efd_new();

	if (vfio_irq_count(d, INTX))
		SKIP("has INTx");
	EXPECT_EQ(vfio_irq_fd(d, INTX, 0, efd), -EINVAL);
	close(efd);
}

TEST(loopback, "the user triggers it with DATA_NONE and DATA_BOOL")
{
	int efd;
	struct vfio *d = enabled(&efd);
	uint8_t yes = 1, no = 0;

	EXPECT_EQ(vfio_irq_do(d, INTX, 0, TRIGGER), 0);
	EXPECT(efd_fires(efd));
	EXPECT_EQ(vfio_set_irqs(d, BOOL | TRIGGER, INTX, 0, 1, &yes, 1), 0);
	EXPECT(efd_fires(efd));
	EXPECT_EQ(vfio_set_irqs(d, BOOL | TRIGGER, INTX, 0, 1, &no, 1), 0);
	EXPECT(efd_silent(efd));
	done(d, efd);
}

TEST(hardware, "the device raises it once, and again after it was unmasked")
{
	const struct model *m;
	int efd;
	struct vfio *d = raisable(&efd, &m);

	m->raise(d, 0);
	EXPECT(efd_fires(efd));
	/* masked by itself: no storm, no second event */
	EXPECT(efd_silent(efd));
	m->lower(d);
	ASSERT_EQ(vfio_irq_do(d, INTX, 0, UNMASK), 0);
	EXPECT(efd_silent(efd));
	m->raise(d, 0);
	EXPECT(efd_fires(efd));
	m->lower(d);
	done(d, efd);
}

TEST(level, "unmasked while the line is still up, it comes again at once")
{
	const struct model *m;
	int efd;
	struct vfio *d = raisable(&efd, &m);

	m->raise(d, 0);
	EXPECT(efd_fires(efd));
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(vfio_irq_do(d, INTX, 0, UNMASK), 0);
		EXPECT(efd_fires(efd));
	}
	m->lower(d);
	done(d, efd);
}

TEST(mask, "masked, it waits; unmasked, it comes")
{
	const struct model *m;
	int efd;
	struct vfio *d = raisable(&efd, &m);
	uint8_t yes = 1;

	ASSERT_EQ(vfio_irq_do(d, INTX, 0, MASK), 0);
	m->raise(d, 0);
	EXPECT(efd_silent(efd));
	ASSERT_EQ(vfio_irq_do(d, INTX, 0, UNMASK), 0);
	EXPECT(efd_fires(efd));
	m->lower(d);
	ASSERT_EQ(vfio_irq_do(d, INTX, 0, UNMASK), 0);

	ASSERT_EQ(vfio_set_irqs(d, BOOL | MASK, INTX, 0, 1, &yes, 1), 0);
	m->raise(d, 0);
	EXPECT(efd_silent(efd));
	ASSERT_EQ(vfio_set_irqs(d, BOOL | UNMASK, INTX, 0, 1, &yes, 1), 0);
	EXPECT(efd_fires(efd));
	m->lower(d);
	done(d, efd);
}

TEST(mask_twice, "masking and unmasking do not count")
{
	const struct model *m;
	int efd;
	struct vfio *d = raisable(&efd, &m);

	ASSERT_EQ(vfio_irq_do(d, INTX, 0, MASK), 0);
	ASSERT_EQ(vfio_irq_do(d, INTX, 0, MASK), 0);
	ASSERT_EQ(vfio_irq_do(d, INTX, 0, UNMASK), 0);
	ASSERT_EQ(vfio_irq_do(d, INTX, 0, UNMASK), 0);
	m->raise(d, 0);
	EXPECT(efd_fires(efd));
	m->lower(d);
	done(d, efd);
}

TEST(unmask_eventfd, "an eventfd unmasks it, until it is taken away")
{
	const struct model *m;
	int efd, unmask = efd_new(), none = -1;
	struct vfio *d = raisable(&efd, &m);
	uint64_t one = 1;

	ASSERT_EQ(vfio_set_irqs(d, EVENTFD | UNMASK, INTX, 0, 1, &unmask, 4), 0);
	m->raise(d, 0);
	EXPECT(efd_fires(efd));
	EXPECT(efd_silent(efd));
	ASSERT_EQ(write(unmask, &one, 8), 8);
	EXPECT(efd_fires(efd));
	m->lower(d);
	ASSERT_EQ(write(unmask, &one, 8), 8);
	EXPECT(efd_silent(efd));
	m->raise(d, 0);
	EXPECT(efd_fires(efd));
	ASSERT_EQ(vfio_set_irqs(d, EVENTFD | UNMASK, INTX, 0, 1, &none, 4), 0);
	ASSERT_EQ(write(unmask, &one, 8), 8);
	EXPECT(efd_silent(efd));
	m->lower(d);
	done(d, efd);
	close(unmask);
}

/* ENOTTY of the kernel's own */
TEST(mask_eventfd, "an eventfd masks it, until it is taken away")
{
	const struct model *m;
	int efd, mask = efd_new(), none = -1, ret;
	struct vfio *d = raisable(&efd, &m);
	uint64_t one = 1;

	ret = vfio_set_irqs(d, EVENTFD | MASK, INTX, 0, 1, &mask, 4);
	if (ret == -ENOTTY)
		SKIP("masking by eventfd is not offered");
	ASSERT_EQ(ret, 0);
	ASSERT_EQ(write(mask, &one, 8), 8);
	m->raise(d, 0);
	EXPECT(efd_silent(efd));
	ASSERT_EQ(vfio_set_irqs(d, NONE | UNMASK, INTX, 0, 1, NULL, 0), 0);
	EXPECT(efd_fires(efd));
	m->lower(d);
	ASSERT_EQ(vfio_set_irqs(d, NONE | UNMASK, INTX, 0, 1, NULL, 0), 0);
	ASSERT_EQ(vfio_set_irqs(d, EVENTFD | MASK, INTX, 0, 1, &none, 4), 0);
	ASSERT_EQ(write(mask, &one, 8), 8);
	m->raise(d, 0);
	EXPECT(efd_fires(efd));
	m->lower(d);
	done(d, efd);
	close(mask);
}

TEST(unmask_pending, "an eventfd that is already signalled unmasks when it is set")
{
	const struct model *m;
	int efd, unmask = efd_new();
	struct vfio *d = raisable(&efd, &m);
	uint64_t one = 1;

	m->raise(d, 0);
	EXPECT(efd_fires(efd));
	ASSERT_EQ(write(unmask, &one, 8), 8);
	ASSERT_EQ(vfio_set_irqs(d, EVENTFD | UNMASK, INTX, 0, 1, &unmask, 4), 0);
	EXPECT(efd_fires(efd));
	m->lower(d);
	done(d, efd);
	close(unmask);
}

TEST(command, "INTx disable in COMMAND holds it back like a mask")
{
	const struct model *m;
	int efd;
	struct vfio *d = raisable(&efd, &m);

	cfg_command(d, PCI_COMMAND_INTX_DISABLE, 0);
	m->raise(d, 0);
	EXPECT(efd_silent(efd));
	cfg_command(d, 0, PCI_COMMAND_INTX_DISABLE);
	EXPECT(efd_fires(efd));
	m->lower(d);
	done(d, efd);
}

/* nointxmask of the library or, which comes to the same, of vfio-pci */
static bool policy_nointxmask(void)
{
	static const char *const files[] = {
		"/sys/module/vfio_pci_core/parameters/nointxmask",
		"/sys/module/vfio_pci/parameters/nointxmask",
	};
	bool set = false;

	for (unsigned int i = 0; i < ARRAY_SIZE(files); i++) {
		FILE *f = fopen(files[i], "r");

		if (!f)
			continue;
		set = set || fgetc(f) == 'Y';
		fclose(f);
	}
	return set;
}

TEST(masked_where, "it is masked in the function, but with nointxmask at the controller")
{
	const struct model *m;
	int efd;
	struct vfio *d = raisable(&efd, &m);
	uint16_t want = policy_nointxmask() ? 0 : PCI_COMMAND_INTX_DISABLE;

	EXPECT_EQ(host_read(d->bdf, PCI_COMMAND, 2) & PCI_COMMAND_INTX_DISABLE, 0);
	m->raise(d, 0);
	EXPECT(efd_fires(efd));
	EXPECT_EQ(host_read(d->bdf, PCI_COMMAND, 2) & PCI_COMMAND_INTX_DISABLE, want);
	EXPECT(!(cfg_read(d, PCI_COMMAND, 2) & PCI_COMMAND_INTX_DISABLE));
	m->lower(d);
	done(d, efd);
}

TEST(nobody, "while nobody handles it, the function cannot pull the line, whatever the user does")
{
	struct vfio *d = dut();
	int efd = efd_new();

	if (host_is_vf(d->bdf))
		SKIP("a VF has no INTx");
	EXPECT(host_read(d->bdf, PCI_COMMAND, 2) & PCI_COMMAND_INTX_DISABLE);
	cfg_command(d, 0, PCI_COMMAND_INTX_DISABLE);
	EXPECT(host_read(d->bdf, PCI_COMMAND, 2) & PCI_COMMAND_INTX_DISABLE);
	for (unsigned int index = INTX; index <= VFIO_PCI_MSIX_IRQ_INDEX; index++) {
		if (!vfio_irq_count(d, index))
			continue;
		ASSERT_EQ(vfio_irq_fd(d, index, 0, efd), 0);
		ASSERT_EQ(vfio_irq_off(d, index), 0);
		EXPECT(host_read(d->bdf, PCI_COMMAND, 2) & PCI_COMMAND_INTX_DISABLE);
	}
	close(efd);
}

TEST(nobody_awake, "switched off in D3hot, it cannot pull the line when it wakes")
{
	struct vfio *d = dut();
	unsigned int pm = cfg_cap(d, PCI_CAP_ID_PM);
	int efd = efd_new();

	if (!pm || !vfio_irq_count(d, INTX))
		SKIP("no power states or no INTx");
	ASSERT_EQ(vfio_irq_fd(d, INTX, 0, efd), 0);
	EXPECT(!(host_read(d->bdf, PCI_COMMAND, 2) & PCI_COMMAND_INTX_DISABLE));
	cfg_write(d, pm + PCI_PM_CTRL, 2, cfg_read(d, pm + PCI_PM_CTRL, 2) | 3);
	ASSERT_EQ(vfio_irq_off(d, INTX), 0);
	cfg_write(d, pm + PCI_PM_CTRL, 2,
		  cfg_read(d, pm + PCI_PM_CTRL, 2) & ~PCI_PM_CTRL_STATE_MASK);
	EXPECT(host_read(d->bdf, PCI_COMMAND, 2) & PCI_COMMAND_INTX_DISABLE);
	close(efd);
}

TEST(swap, "the eventfd can be exchanged while it is enabled")
{
	const struct model *m;
	int efd, other = efd_new();
	struct vfio *d = raisable(&efd, &m);

	ASSERT_EQ(vfio_irq_fd(d, INTX, 0, other), 0);
	m->raise(d, 0);
	EXPECT(efd_fires(other));
	EXPECT(efd_silent(efd));
	m->lower(d);
	done(d, efd);
	close(other);
}

TEST(no_target, "with the eventfd taken away the line does no harm")
{
	const struct model *m;
	int efd;
	struct vfio *d = raisable(&efd, &m);

	ASSERT_EQ(vfio_irq_fd(d, INTX, 0, -1), 0);
	m->raise(d, 0);
	EXPECT(efd_silent(efd));
	m->lower(d);
	done(d, efd);
}

TEST(off, "disabled, it can be enabled again; disabled twice does no harm")
{
	const struct model *m;
	int efd;
	struct vfio *d = raisable(&efd, &m);

	EXPECT_EQ(vfio_irq_off(d, INTX), 0);
	/* whether this is an error is open */
	vfio_irq_off(d, INTX);
	EXPECT_EQ(vfio_irq_do(d, INTX, 0, MASK), -EINVAL);
	m->raise(d, 0);
	EXPECT(efd_silent(efd));
	/* still up when it is enabled */
	ASSERT_EQ(vfio_irq_fd(d, INTX, 0, efd), 0);
	/*
	 * QEMU: its I/O APIC forgets a line that rose while nobody listened, so
	 * it may take a mask and unmask to notice, by which the line falls and
	 * rises. Masking at the I/O APIC itself does not help it.
	 */
	if (efd_silent(efd)) {
		if (policy_nointxmask())
			m->lower(d);
		ASSERT_EQ(vfio_irq_do(d, INTX, 0, MASK), 0);
		ASSERT_EQ(vfio_irq_do(d, INTX, 0, UNMASK), 0);
		if (policy_nointxmask())
			m->raise(d, 0);
		EXPECT(efd_fires(efd));
	}
	m->lower(d);
	done(d, efd);
}

TEST(range, "anything but one interrupt at 0 is refused with EINVAL")
{
	int efd;
	struct vfio *d = enabled(&efd);
	int fds[2] = { efd, efd };
	uint8_t yes[2] = { 1, 1 };

	EXPECT_EQ(vfio_irq_fds(d, INTX, 0, 2, fds), -EINVAL);
	EXPECT_EQ(vfio_irq_fds(d, INTX, 1, 1, fds), -EINVAL);
	EXPECT_EQ(vfio_set_irqs(d, NONE | MASK, INTX, 1, 1, NULL, 0), -EINVAL);
	EXPECT_EQ(vfio_set_irqs(d, BOOL | MASK, INTX, 0, 2, yes, 2), -EINVAL);
	EXPECT_EQ(vfio_set_irqs(d, BOOL | UNMASK, INTX, 0xffffffff, 1, yes, 1), -EINVAL);
	done(d, efd);
}

TEST(exclusive, "while INTx is in use, MSI and MSI-X are refused with EINVAL")
{
	int efd;
	struct vfio *d = enabled(&efd);

	for (unsigned int i = VFIO_PCI_MSI_IRQ_INDEX; i <= VFIO_PCI_MSIX_IRQ_INDEX; i++)
		if (vfio_irq_count(d, i))
			EXPECT_EQ(vfio_irq_fd(d, i, 0, efd), -EINVAL);
	/* and INTx still works */
	EXPECT_EQ(vfio_irq_do(d, INTX, 0, TRIGGER), 0);
	EXPECT(efd_fires(efd));
	done(d, efd);
}

TEST(many, "a thousand interrupts, none lost")
{
	const struct model *m;
	int efd;
	struct vfio *d = raisable(&efd, &m);

	for (int i = 0; i < 1000; i++) {
		m->raise(d, 0);
		ASSERT(efd_fires(efd));
		m->lower(d);
		ASSERT_EQ(vfio_irq_do(d, INTX, 0, UNMASK), 0);
	}
	EXPECT(efd_silent(efd));
	done(d, efd);
}
