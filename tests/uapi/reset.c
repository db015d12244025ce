// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO_DEVICE_RESET and function level reset through config space
 */
#include "model.h"
#include "pci.h"
#include "test.h"

static int reset(struct vfio *d)
{
	return vfio_ioctl(d->fd, VFIO_DEVICE_RESET, NULL);
}

static struct vfio *resettable(void)
{
	struct vfio *d = dut();

	if (!(d->info.flags & VFIO_DEVICE_FLAGS_RESET))
		SKIP("the device cannot be reset");
	return d;
}

/* Do FLR by the user's config space; the test is skipped where there is none. */
static void flr(struct vfio *d)
{
	unsigned int pos = cfg_cap(d, PCI_CAP_ID_EXP);

	if (pos && cfg_read(d, pos + PCI_EXP_DEVCAP, 4) & PCI_EXP_DEVCAP_FLR) {
		uint16_t ctl = cfg_read(d, pos + PCI_EXP_DEVCTL, 2);

		cfg_write(d, pos + PCI_EXP_DEVCTL, 2, ctl | PCI_EXP_DEVCTL_BCR_FLR);
		EXPECT_EQ(cfg_read(d, pos + PCI_EXP_DEVCTL, 2) &
			  PCI_EXP_DEVCTL_BCR_FLR, 0);
		return;
	}
	pos = cfg_cap(d, PCI_CAP_ID_AF);
	if (!pos || !(cfg_read(d, pos + PCI_AF_CAP, 1) & PCI_AF_CAP_FLR))
		SKIP("no function level reset");
	cfg_write(d, pos + PCI_AF_CTRL, 1, PCI_AF_CTRL_FLR);
	EXPECT_EQ(cfg_read(d, pos + PCI_AF_CTRL, 1) & PCI_AF_CTRL_FLR, 0);
}

struct view {
	uint32_t user[16], host[16];
};

static void look(struct vfio *d, struct view *v)
{
	for (unsigned int i = 0; i < 16; i++) {
		v->user[i] = cfg_read(d, 4 * i, 4);
		v->host[i] = host_read(d->bdf, 4 * i, 4);
	}
	/* STATUS is the hardware's */
	v->user[1] &= 0xffff;
	v->host[1] &= 0xffff;
}

static void kept(struct vfio *d, struct view *before, void (*how)(struct vfio *))
{
	struct view after;

	cfg_command(d, PCI_COMMAND_MASTER, 0);
	cfg_write(d, PCI_INTERRUPT_LINE, 1, 0x11);
	look(d, before);
	how(d);
	look(d, &after);
	for (unsigned int i = 0; i < 16; i++) {
		EXPECT_EQ(after.user[i], before->user[i]);
		EXPECT_EQ(after.host[i], before->host[i]);
	}
}

static void by_ioctl(struct vfio *d)
{
	ASSERT_EQ(reset(d), 0);
}

TEST(ioctl_keeps, "DEVICE_RESET keeps the header, as the user and the host see it")
{
	struct vfio *d = resettable();
	struct view v;

	kept(d, &v, by_ioctl);
}

TEST(flr_keeps, "FLR keeps the header, as the user and the host see it")
{
	struct vfio *d = dut();
	struct view v;

	kept(d, &v, flr);
}

TEST(ioctl_clears, "DEVICE_RESET clears the device's registers")
{
	struct vfio *d = resettable();
	const struct model *m = model_of(d);

	if (!m || !m->reset_val)
		SKIP("no register is known that a reset clears");
	reset_mark(d, m);
	by_ioctl(d);
	EXPECT(reset_done(d, m));
}

TEST(flr_clears, "FLR clears the device's registers")
{
	struct vfio *d = dut();
	const struct model *m = model_of(d);

	if (!m || !m->reset_val)
		SKIP("no register is known that a reset clears");
	reset_mark(d, m);
	flr(d);
	EXPECT(reset_done(d, m));
}

TEST(memory_off, "with memory off, a reset works and leaves memory off")
{
	struct vfio *d = resettable();
	bool gate = memory_gate(d);

	cfg_command(d, 0, PCI_COMMAND_MEMORY);
	EXPECT_EQ(reset(d), 0);
	EXPECT(!(cfg_read(d, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY));
	if (gate)
		EXPECT_EQ(probe_bar(d), -EIO);
	cfg_command(d, PCI_COMMAND_MEMORY, 0);
	EXPECT_EQ(probe_bar(d), 4);
}

static void put_into_d3hot(struct vfio *d)
{
	unsigned int pm = cfg_cap(d, PCI_CAP_ID_PM);

	if (!pm)
		SKIP("no power management capability");
	cfg_write(d, pm + PCI_PM_CTRL, 2, cfg_read(d, pm + PCI_PM_CTRL, 2) | 3);
	ASSERT_EQ(probe_bar(d), -EIO);
}

static struct vfio *in_d3hot(void)
{
	struct vfio *d = resettable();

	cfg_command(d, PCI_COMMAND_MEMORY, 0);
	put_into_d3hot(d);
	return d;
}

/* As a guest looks at it: what reads D0 is not written. */
static void is_in_d0(struct vfio *d)
{
	unsigned int pm = cfg_cap(d, PCI_CAP_ID_PM);

	EXPECT_EQ(cfg_read(d, pm + PCI_PM_CTRL, 2) & PCI_PM_CTRL_STATE_MASK, 0);
	EXPECT_EQ(host_read(d->bdf, pm + PCI_PM_CTRL, 2) & PCI_PM_CTRL_STATE_MASK, 0);
	EXPECT_EQ(probe_bar(d), 4);
}

TEST(asleep, "a reset brings the device from D3hot to D0, where it works")
{
	struct vfio *d = in_d3hot();

	EXPECT_EQ(reset(d), 0);
	is_in_d0(d);
}

TEST(asleep_by_sysfs, "so does the administrator's")
{
	struct vfio *d = in_d3hot();

	ASSERT(!sysfs_write(d->bdf, "reset", "1"));
	is_in_d0(d);
}

TEST(asleep_keeps, "and gives back the config space that it had")
{
	struct vfio *d = resettable();
	unsigned int exp = cfg_cap(d, PCI_CAP_ID_EXP);
	struct view before, after;
	uint16_t ctl = 0;

	cfg_command(d, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 0);
	look(d, &before);
	if (exp)
		ctl = host_read(d->bdf, exp + PCI_EXP_DEVCTL, 2);
	put_into_d3hot(d);
	EXPECT_EQ(reset(d), 0);
	look(d, &after);
	for (unsigned int i = 0; i < 16; i++) {
		EXPECT_EQ(after.user[i], before.user[i]);
		EXPECT_EQ(after.host[i], before.host[i]);
	}
	if (exp)
		EXPECT_EQ(host_read(d->bdf, exp + PCI_EXP_DEVCTL, 2), ctl);
}

TEST(asleep_closed, "put into D3hot, reset and closed, it works for who opens it next")
{
	struct vfio *d = in_d3hot();

	EXPECT_EQ(reset(d), 0);
	dut_close();
	is_in_d0(dut());
}

TEST(intx, "INTx works after a reset, and a line that was up is down")
{
	struct vfio *d = resettable();
	const struct model *m = model_needed(d);
	int efd = efd_new();

	if (!m->raises_intx || !vfio_irq_count(d, VFIO_PCI_INTX_IRQ_INDEX))
		SKIP("the test cannot make the device raise INTx");
	ASSERT_EQ(vfio_irq_fd(d, VFIO_PCI_INTX_IRQ_INDEX, 0, efd), 0);
	m->raise(d, 0);
	EXPECT(efd_fires(efd));
	ASSERT_EQ(reset(d), 0);
	m->lower(d);
	efd_count(efd);
	ASSERT_EQ(vfio_irq_do(d, VFIO_PCI_INTX_IRQ_INDEX, 0,
			      VFIO_IRQ_SET_ACTION_UNMASK), 0);
	EXPECT(efd_silent(efd));
	m->raise(d, 0);
	EXPECT(efd_fires(efd));
	m->lower(d);
	vfio_irq_off(d, VFIO_PCI_INTX_IRQ_INDEX);
	close(efd);
}

TEST(many, "five resets in a row")
{
	struct vfio *d = resettable();

	for (int i = 0; i < 5; i++)
		ASSERT_EQ(reset(d), 0);
	EXPECT_EQ(probe_bar(d), 4);
}

TEST(refused, "where a reset would reach others, DEVICE_RESET is refused with EINVAL")
{
	struct vfio *d = dut();

	if (d->info.flags & VFIO_DEVICE_FLAGS_RESET)
		SKIP("the device can be reset");
	EXPECT_EQ(reset(d), -EINVAL);
}
