// SPDX-License-Identifier: GPL-2.0-only
/*
 * A PF that does not answer any more, as seen by the user of its VF; and what a reset
 * makes good
 *
 * In the environment: LOSE and FIND, shell commands after which the PF is found not to
 * answer, and would answer again.
 */
#include "i82576.h"
#include "mig.h"
#include "pci.h"
#include "test.h"

#define ERR	VFIO_PCI_ERR_IRQ_INDEX

static char pf[64];
static int err;

static void shell(const char *name)
{
	const char *line = getenv(name);

	ASSERT(line);
	fflush(stdout);
	ASSERT_EQ(system(line), 0);
}

/* A VF in use by a driver, whose PF is found to be lost by and by */
static struct vfio *driven_vf(void)
{
	struct vfio *d = mig_fresh();

	if (sysfs_link(d->bdf, "physfn", pf, sizeof(pf)))
		SKIP("not a VF");
	err = efd_new();
	ASSERT_EQ(vfio_irq_fd(d, ERR, 0, err), 0);
	ASSERT(vf_reset(d, NULL));
	return d;
}

static void lose(void)
{
	shell("LOSE");
	EXPECT(WITHIN(10000, efd_count(err)));
	/* Its configuration is gone as well. */
	host_write(pf, PCI_COMMAND, 0, 2);
}

static void find(struct vfio *d)
{
	/* As long as it does not answer, no reset helps. */
	sysfs_write(pf, "reset", "1");
	EXPECT_EQ(vfio_ioctl(d->fd, VFIO_DEVICE_RESET, NULL), -EIO);
	EXPECT(efd_count(err));
	host_write(pf, PCI_COMMAND, 0, 2);
	shell("FIND");
	EXPECT_EQ(sysfs_write(pf, "reset", "1"), 0);
	EXPECT(host_read(pf, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY);
	EXPECT_EQ(get_state(d), RUNNING);
	EXPECT(vf_reset(d, NULL));
}

TEST(lost, "a lost PF ends migrations, not the user of its VF; a reset brings both back")
{
	struct vfio *d = driven_vf();
	static struct stream s;

	/* Twice, for what the first time may leave behind */
	for (int i = 0; i < 2; i++) {
		int fd = set_state(d, PRE_COPY);

		ASSERT(fd >= 0);
		lose();
		break_off(d, fd);
		close(fd);
		EXPECT_EQ(vfio_ioctl(d->fd, VFIO_DEVICE_RESET, NULL), -EIO);
		EXPECT_EQ(get_state(d), RUNNING);
		find(d);
	}
	mig_reset(d);
	program(d);
	save(d, &s);
	mig_reset(d);
	EXPECT(load(d, s.data, s.len));
	EXPECT(is_programmed(d));
	mig_reset(d);
	close(err);
}

TEST(stopped, "a VF that was stopped when its PF was lost runs after the reset, as its state says")
{
	struct vfio *d = driven_vf();

	ASSERT_EQ(set_state(d, STOP), NO_FD);
	lose();
	EXPECT_EQ(set_state(d, RUNNING), NO_FD);
	find(d);
	close(err);
}
