// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device goes while it migrates: the driver of its PF is unbound. A migration
 * breaks off and the way back to RUNNING stays open, so that a VMM keeps its guest. What
 * the guest has mapped reads as ones and takes writes.
 *
 * Arguments: a VF, its PF.
 */
#include <sys/mman.h>
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

#define PAGE	4096

/* A mapping of a function that has left, which was in use before */
static void expect_ones(volatile uint32_t *page)
{
	uint32_t val;

	for (unsigned int i = 0; i < PAGE / 4; i++) {
		if (!EXPECT(peek32(page + i, &val)) || !EXPECT_EQ(val, 0xffffffff))
			break;
	}
	/* A guest that writes goes on. What the page keeps of it is left open. */
	EXPECT(poke32(page + 1, 0));
	EXPECT(poke32(page + PAGE / 4 - 1, 0x12345678));
	EXPECT(peek32(page, &val));
	EXPECT_EQ(val, 0xffffffff);
}

TEST(gone, "PF unbound in pre-copy: the stream ends, RUNNING is reached, nothing new begins")
{
	struct vfio *d = mig_fresh();
	volatile uint32_t *page;
	int status = -1, fd;
	uint32_t val;
	char byte;
	pid_t pid;

	page = vfio_mmap(d, mappable_bar(d), mappable_page(d), PAGE);
	ASSERT(page != MAP_FAILED);
	EXPECT(peek32(page, &val));
	fd = set_state(d, PRE_COPY);
	ASSERT(fd >= 0);
	pid = fork();
	if (!pid) {
		/* no file or mapping of the parent may keep the device open here */
		munmap((void *)page, PAGE);
		close(fd);
		dut_close();
		_exit(!!sysfs_write(args.bdf[1], "driver/unbind", args.bdf[1]));
	}
	ASSERT(WITHIN(10000, !answers(d)));
	EXPECT_EQ(set_state(d, ERROR), REFUSED(EINVAL));
	EXPECT_EQ(set_state(d, 1000), REFUSED(EINVAL));
	EXPECT_EQ(set_state(d, RESUMING), REFUSED(EIO));

	expect_ones(page);

	/* What a VMM asks for that stops its guest, finds the stream broken, goes on */
	EXPECT_EQ(set_state(d, STOP_COPY), NO_FD);
	EXPECT_EQ(read_fd(fd, &byte, 1), -ENODEV);
	EXPECT_EQ(set_state(d, RUNNING), NO_FD);
	EXPECT_EQ(get_state(d), RUNNING);
	EXPECT_EQ(set_state(d, PRE_COPY), REFUSED(EIO));
	EXPECT_EQ(set_state(d, STOP_COPY), REFUSED(EIO));
	EXPECT_EQ(get_state(d), RUNNING);

	EXPECT_EQ(waitpid(pid, &status, WNOHANG), 0);
	munmap((void *)page, PAGE);
	close(fd);
	dut_close();
	EXPECT(WITHIN(20000, waitpid(pid, &status, WNOHANG) == pid));
	EXPECT_EQ(status, 0);
}
