// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device goes while it migrates: the driver of its PF is unbound. A migration
 * breaks off and the way back to RUNNING stays open, so that a VMM keeps its guest. What
 * the guest has mapped reads as ones and takes writes.
 *
 * Arguments: a VF, its PF. In the environment: PHASE, what goes on meanwhile.
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

/* What a VMM does then: on the source before and after the guest has stopped, ... */
static void in_pre_copy(struct vfio *d, int fd)
{
	EXPECT_EQ(set_state(d, ERROR), REFUSED(EINVAL));
	EXPECT_EQ(set_state(d, 1000), REFUSED(EINVAL));
	EXPECT_EQ(set_state(d, RESUMING), REFUSED(EIO));
	break_off(d, fd);
	EXPECT_EQ(set_state(d, PRE_COPY), REFUSED(EIO));
	EXPECT_EQ(get_state(d), RUNNING);
}

static void in_stop_copy(struct vfio *d, int fd)
{
	static struct stream s;

	/* What was saved in time is good. */
	drain(fd, &s);
	EXPECT(s.len > 0);
	EXPECT_EQ(set_state(d, STOP), NO_FD);
	EXPECT_EQ(set_state(d, STOP_COPY), REFUSED(EIO));
	EXPECT_EQ(set_state(d, RUNNING), NO_FD);
}

/* ... and on the destination */
static void in_resuming(struct vfio *d, int fd)
{
	write_fd(fd, "x", 1);
	EXPECT_EQ(set_state(d, RUNNING), REFUSED(EIO));
	EXPECT_EQ(get_state(d), RESUMING);
}

static const struct phase {
	const char *name;
	int state;
	void (*then)(struct vfio *d, int fd);
} phases[] = {
	{ "pre-copy", PRE_COPY, in_pre_copy },
	{ "stop-copy", STOP_COPY, in_stop_copy },
	{ "resuming", RESUMING, in_resuming },
};

static const struct phase *phase(void)
{
	const char *name = getenv("PHASE");

	ASSERT(name);
	for (unsigned int i = 0; i < ARRAY_SIZE(phases); i++)
		if (!strcmp(phases[i].name, name))
			return &phases[i];
	SKIP("there is no phase %s", name);
}

TEST(gone, "PF unbound in a migration: nothing new begins, and what has to go on can")
{
	struct vfio *d = mig_fresh();
	const struct phase *p = phase();
	volatile uint32_t *page;
	int status = -1, fd;
	uint32_t val;
	pid_t pid;

	test_note("in %s", p->name);
	page = vfio_mmap(d, mappable_bar(d), mappable_page(d), PAGE);
	ASSERT(page != MAP_FAILED);
	EXPECT(peek32(page, &val));
	fd = set_state(d, p->state);
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
	expect_ones(page);
	p->then(d, fd);

	EXPECT_EQ(waitpid(pid, &status, WNOHANG), 0);
	munmap((void *)page, PAGE);
	close(fd);
	dut_close();
	EXPECT(WITHIN(20000, waitpid(pid, &status, WNOHANG) == pid));
	EXPECT_EQ(status, 0);
}
