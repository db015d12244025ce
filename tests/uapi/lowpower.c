// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY, _ENTRY_WITH_WAKEUP and _EXIT
 */
#include <sys/mman.h>

#include "model.h"
#include "pci.h"
#include "test.h"

#define SET	VFIO_DEVICE_FEATURE_SET

static int enter(struct vfio *d)
{
	return vfio_feature(d, SET | VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY, NULL, 0);
}

static int enter_wakeup(struct vfio *d, int efd)
{
	struct vfio_device_low_power_entry_with_wakeup w = { .wakeup_eventfd = efd };

	return vfio_feature(d, SET | VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP,
			    &w, sizeof(w));
}

static int leave(struct vfio *d)
{
	return vfio_feature(d, SET | VFIO_DEVICE_FEATURE_LOW_POWER_EXIT, NULL, 0);
}

/* The device, awake */
static struct vfio *awake(void)
{
	struct vfio *d = dut();

	ASSERT_EQ(leave(d), 0);
	return d;
}

static bool has_power_state(struct vfio *d, const char *state)
{
	char text[16] = "";

	sysfs_read(d->bdf, "power/runtime_status", text, sizeof(text) - 1);
	return !strncmp(text, state, strlen(state));
}

TEST(cycle, "entry and exit; a second entry is EINVAL, a second exit no error")
{
	struct vfio *d = awake();

	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(enter(d), 0);
		EXPECT_EQ(enter(d), -EINVAL);
		EXPECT_EQ(leave(d), 0);
		EXPECT_EQ(leave(d), 0);
	}
	EXPECT_EQ(probe_bar(d), 4);
}

TEST(sleeps, "the function is runtime-suspended while it may be")
{
	struct vfio *d = awake();

	EXPECT_EQ(enter(d), 0);
	if (host_cap(d->bdf, PCI_CAP_ID_PM))
		EXPECT(WITHIN(2000, has_power_state(d, "suspended")));
	EXPECT_EQ(leave(d), 0);
	EXPECT(has_power_state(d, "active"));
}

TEST(mapping, "mappings give SIGBUS until exit")
{
	struct vfio *d = awake();
	const struct model *m = model_needed(d);
	uint32_t val;
	char *p = vfio_mmap(d, 0, m->scratch & ~4095u, 4096);

	ASSERT(p != MAP_FAILED);
	EXPECT(peek32(p + m->scratch % 4096, &val));
	EXPECT_EQ(enter(d), 0);
	EXPECT(!peek32(p + m->scratch % 4096, &val));
	EXPECT_EQ(leave(d), 0);
	EXPECT(peek32(p + m->scratch % 4096, &val));
	munmap(p, 4096);
}

TEST(config, "config space can be read while asleep")
{
	struct vfio *d = awake();
	uint16_t vendor = cfg_read(d, PCI_VENDOR_ID, 2);

	EXPECT_EQ(enter(d), 0);
	usleep(100000);
	EXPECT_EQ(cfg_read(d, PCI_VENDOR_ID, 2), vendor);
	EXPECT_EQ(cfg_read(d, cfg_cap(d, PCI_CAP_ID_EXP) ?: PCI_STATUS, 1),
		  host_read(d->bdf, host_cap(d->bdf, PCI_CAP_ID_EXP) ?: PCI_STATUS, 1));
	EXPECT_EQ(leave(d), 0);
}

TEST(reset, "a reset while asleep works")
{
	struct vfio *d = awake();

	if (!(d->info.flags & VFIO_DEVICE_FLAGS_RESET))
		SKIP("the device cannot be reset");
	EXPECT_EQ(enter(d), 0);
	EXPECT_EQ(vfio_ioctl(d->fd, VFIO_DEVICE_RESET, NULL), 0);
	EXPECT_EQ(leave(d), 0);
	EXPECT_EQ(probe_bar(d), 4);
}

TEST(wakeup, "with wakeup, an access wakes it, signals, and ends the low power")
{
	struct vfio *d = awake();
	int efd = efd_new();

	if (!host_cap(d->bdf, PCI_CAP_ID_PM))
		SKIP("no power management capability");
	EXPECT_EQ(enter_wakeup(d, efd), 0);
	EXPECT(WITHIN(2000, has_power_state(d, "suspended")));
	EXPECT(efd_silent(efd));
	cfg_read(d, PCI_STATUS, 2);
	EXPECT(efd_fires(efd));
	/* exit is optional now, and a new entry is allowed */
	EXPECT_EQ(enter_wakeup(d, efd), 0);
	EXPECT_EQ(leave(d), 0);
	close(efd);
}

TEST(d3hot, "from D3hot it sleeps as from D0, is woken, and comes back in D0")
{
	struct vfio *d = awake();
	unsigned int pm = cfg_cap(d, PCI_CAP_ID_PM);
	int efd = efd_new();
	uint32_t bar;

	if (!pm)
		SKIP("no power management capability");
	cfg_command(d, PCI_COMMAND_MEMORY, 0);
	bar = host_read(d->bdf, PCI_BASE_ADDRESS_0, 4);
	cfg_write(d, pm + PCI_PM_CTRL, 2, cfg_read(d, pm + PCI_PM_CTRL, 2) | 3);
	EXPECT_EQ(probe_bar(d), -EIO);
	EXPECT_EQ(enter_wakeup(d, efd), 0);
	EXPECT(WITHIN(2000, has_power_state(d, "suspended")));
	EXPECT_EQ(cfg_read(d, pm + PCI_PM_CTRL, 2) & PCI_PM_CTRL_STATE_MASK, 0);
	EXPECT(efd_fires(efd));
	EXPECT_EQ(host_read(d->bdf, PCI_BASE_ADDRESS_0, 4), bar);
	EXPECT_EQ(probe_bar(d), 4);
	EXPECT_EQ(leave(d), 0);
	close(efd);
}

TEST(d3hot_closed, "closed in D3hot and asleep, it opens in D0 and works")
{
	struct vfio *d = awake();
	unsigned int pm = cfg_cap(d, PCI_CAP_ID_PM);

	if (!pm)
		SKIP("no power management capability");
	cfg_write(d, pm + PCI_PM_CTRL, 2, cfg_read(d, pm + PCI_PM_CTRL, 2) | 3);
	EXPECT_EQ(enter(d), 0);
	EXPECT(WITHIN(2000, has_power_state(d, "suspended")));
	dut_close();
	d = dut();
	EXPECT_EQ(cfg_read(d, pm + PCI_PM_CTRL, 2) & PCI_PM_CTRL_STATE_MASK, 0);
	EXPECT_EQ(probe_bar(d), 4);
}

TEST(wakeup_bad, "a wakeup eventfd that is none is refused and changes nothing")
{
	struct vfio *d = awake();

	EXPECT_EQ(enter_wakeup(d, 9999), -EBADF);
	EXPECT_EQ(enter_wakeup(d, d->fd), -EINVAL);
	EXPECT_EQ(enter(d), 0);
	EXPECT_EQ(leave(d), 0);
}

TEST(close_asleep, "a device closed while asleep opens awake")
{
	struct vfio *d = awake();

	EXPECT_EQ(enter(d), 0);
	dut_close();
	d = dut();
	EXPECT_EQ(probe_bar(d), 4);
	EXPECT_EQ(enter(d), 0);
	EXPECT_EQ(leave(d), 0);
}
