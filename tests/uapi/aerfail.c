// SPDX-License-Identifier: GPL-2.0-only
/*
 * A fatal error of a PF from which the kernel does not recover, as seen by the user of
 * its VF: he waits, until an administrator has reset the PF, or the driver gives up. A
 * VMM does not wait: it stops its guest.
 */
#include <pthread.h>

#include "i82576.h"
#include "inject.h"
#include "mig.h"
#include "pci.h"
#include "test.h"

static volatile bool back;

/* An access that has to wait, by somebody who can afford it */
static void *visitor(void *arg)
{
	probe_bar(arg);
	back = true;
	return NULL;
}

static struct vfio *failed_vf(pthread_t *thread)
{
	struct vfio *d = dut();
	char pf[64];
	int efd = efd_new(), fd;

	if (sysfs_link(d->bdf, "physfn", pf, sizeof(pf)))
		SKIP("not a VF");
	ASSERT_EQ(vfio_irq_fd(d, VFIO_PCI_ERR_IRQ_INDEX, 0, efd), 0);
	ASSERT_EQ(probe_bar(d), 4);
	fd = set_state(d, PRE_COPY);
	ASSERT(fd >= 0);
	inject_fatal();
	EXPECT(WITHIN(10000, efd_count(efd)));
	close(efd);
	break_off(d, fd);
	close(fd);
	/* By then the kernel has given up. */
	sleep(4);
	back = false;
	ASSERT(!pthread_create(thread, NULL, visitor, d));
	EXPECT(!WITHIN(1000, back));
	/* No change of the state waits, and none fails. */
	EXPECT_EQ(set_state(d, STOP), NO_FD);
	EXPECT_EQ(vfio_ioctl(d->fd, VFIO_DEVICE_RESET, NULL), -EAGAIN);
	EXPECT_EQ(get_state(d), STOP);
	EXPECT(!back);
	return d;
}

static void reset_pf(struct vfio *d)
{
	char pf[64];

	ASSERT_EQ(sysfs_link(d->bdf, "physfn", pf, sizeof(pf)), 0);
	EXPECT_EQ(sysfs_write(pf, "reset", "1"), 0);
}

static void by_admin(void)
{
	pthread_t thread;
	struct vfio *d = failed_vf(&thread);

	reset_pf(d);
	EXPECT(WITHIN(10000, back));
	pthread_join(thread, NULL);
	EXPECT_EQ(probe_bar(d), 4);
	EXPECT_EQ(get_state(d), RUNNING);
	EXPECT(vf_reset(d, NULL));
	EXPECT_EQ(vfio_ioctl(d->fd, VFIO_DEVICE_RESET, NULL), 0);
	EXPECT_EQ(probe_bar(d), 4);
}

TEST(admin, "what the kernel could not, an administrator can: reset, and the VF works")
{
	by_admin();
}

TEST(again, "that leaves nothing behind that the next error would meet")
{
	by_admin();
}

TEST(limit, "where nobody does, the driver gives up, and nobody waits; a reset still helps")
{
	pthread_t thread;
	struct vfio *d;

	if (args.seconds < 90)
		SKIP("takes more than a minute: give --seconds 90");
	d = failed_vf(&thread);
	EXPECT(WITHIN(85000, back));
	pthread_join(thread, NULL);
	EXPECT_EQ(vfio_ioctl(d->fd, VFIO_DEVICE_RESET, NULL), -EIO);
	EXPECT_EQ(set_state(d, STOP), NO_FD);
	EXPECT_EQ(set_state(d, RUNNING), NO_FD);
	reset_pf(d);
	EXPECT(vf_reset(d, NULL));
}
