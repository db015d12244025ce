// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device goes while it migrates: the driver of its PF is unbound. A migration
 * breaks off and the way back to RUNNING stays open, so that a VMM keeps its guest.
 *
 * Arguments: a VF, its PF.
 */
#include <sys/wait.h>

#include "mig.h"
#include "pci.h"
#include "test.h"
#include "vfio.h"

static bool answers(struct vfio *d)
{
	uint16_t id;

	return pread(d->fd, &id, sizeof(id), d->region[VFIO_PCI_CONFIG_REGION_INDEX].offset) ==
	       sizeof(id);
}

TEST(gone, "PF unbound in pre-copy: the stream ends, RUNNING is reached, nothing new begins")
{
	struct vfio *d = mig_fresh();
	int status = -1, fd;
	char byte;
	pid_t pid;

	fd = set_state(d, PRE_COPY);
	ASSERT(fd >= 0);
	pid = fork();
	if (!pid) {
		close(fd);
		dut_close();
		_exit(!!sysfs_write(args.bdf[1], "driver/unbind", args.bdf[1]));
	}
	ASSERT(WITHIN(10000, !answers(d)));
	EXPECT_EQ(set_state(d, ERROR), REFUSED(EINVAL));
	EXPECT_EQ(set_state(d, 1000), REFUSED(EINVAL));
	EXPECT_EQ(set_state(d, RESUMING), REFUSED(EIO));

	/* What a VMM asks for that stops its guest, finds the stream broken, goes on */
	EXPECT_EQ(set_state(d, STOP_COPY), NO_FD);
	EXPECT_EQ(read_fd(fd, &byte, 1), -ENODEV);
	EXPECT_EQ(set_state(d, RUNNING), NO_FD);
	EXPECT_EQ(get_state(d), RUNNING);
	EXPECT_EQ(set_state(d, PRE_COPY), REFUSED(EIO));
	EXPECT_EQ(set_state(d, STOP_COPY), REFUSED(EIO));
	EXPECT_EQ(get_state(d), RUNNING);

	EXPECT_EQ(waitpid(pid, &status, WNOHANG), 0);
	close(fd);
	dut_close();
	EXPECT(WITHIN(20000, waitpid(pid, &status, WNOHANG) == pid));
	EXPECT_EQ(status, 0);
}
