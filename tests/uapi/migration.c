// SPDX-License-Identifier: GPL-2.0-only
/*
 * Migration of a device by its uAPI: states and data sessions
 *
 * Nothing is connected, so this shows what is saved and loaded, not what goes over
 * a wire. What streams are refused, is in streams.c.
 */
#include <poll.h>

#include "mig.h"
#include "pci.h"
#include "test.h"
#include "vfio.h"

#define EDU_VENDOR	0x1234
#define EDU_FACTORIAL	0x08
#define EDU_IRQ_STATUS	0x24
#define EDU_RAISE	0x60
#define EDU_ACK		0x64

/* VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOv2, which older headers do not have */
#define FEATURE_PRECOPY_INFO_V2	12

TEST(offered, "migration is offered with STOP_COPY, and a size above 0")
{
	struct vfio_device_feature_mig_data_size size = {};
	struct vfio *d = mig_fresh();
	unsigned int flags = mig_flags(d);

	EXPECT(flags & VFIO_MIGRATION_STOP_COPY);
	EXPECT_EQ(vfio_feature(d, VFIO_DEVICE_FEATURE_GET |
			       VFIO_DEVICE_FEATURE_MIG_DATA_SIZE, &size,
			       sizeof(size)), 0);
	EXPECT(size.stop_copy_length > 0);
	test_note("a stream of at most %llu bytes",
		  (unsigned long long)size.stop_copy_length);
}

/* Where a device can go from a state, one bit a state; not to RESUMING and back */
static const unsigned int reachable[STATES] = {
#define B(s)	(1U << (s))
	[RUNNING] = B(STOP) | B(STOP_COPY) | B(RESUMING) | B(RUNNING_P2P) |
		    B(PRE_COPY) | B(PRE_COPY_P2P),
	[RUNNING_P2P] = B(RUNNING) | B(STOP) | B(STOP_COPY) | B(RESUMING) |
			B(PRE_COPY) | B(PRE_COPY_P2P),
	[STOP] = B(RUNNING) | B(STOP_COPY) | B(RESUMING) | B(RUNNING_P2P) |
		 B(PRE_COPY) | B(PRE_COPY_P2P),
	[STOP_COPY] = B(STOP) | B(RUNNING) | B(RUNNING_P2P) | B(RESUMING),
	[PRE_COPY] = B(RUNNING) | B(PRE_COPY_P2P) | B(STOP_COPY) | B(STOP) |
		     B(RUNNING_P2P) | B(RESUMING),
	[PRE_COPY_P2P] = B(PRE_COPY) | B(RUNNING_P2P) | B(STOP_COPY) |
			 B(RUNNING) | B(STOP) | B(RESUMING),
};

static bool saves(int s)
{
	return s == STOP_COPY || s == PRE_COPY || s == PRE_COPY_P2P;
}

static bool begins_session(int from, int to)
{
	return to == RESUMING || (saves(to) && !saves(from));
}

static void one_path(struct vfio *d, int from, int to)
{
	int first = from == RUNNING ? NO_FD : set_state(d, from), fd;

	ASSERT_EQ(get_state(d), from);
	EXPECT_EQ(first >= 0, begins_session(RUNNING, from));
	fd = set_state(d, to);
	if (reachable[from] & B(to)) {
		if (!EXPECT_EQ(get_state(d), to) ||
		    !EXPECT_EQ(fd >= 0, begins_session(from, to)))
			test_note("from %d to %d", from, to);
	} else {
		EXPECT_EQ(fd, REFUSED(EINVAL));
		EXPECT_EQ(get_state(d), from);
	}
	if (fd >= 0)
		close(fd);
	if (first >= 0)
		close(first);
	mig_reset(d);
}

TEST(paths, "every path between two states leads there or is refused")
{
	struct vfio *d = mig_fresh();

	if (!(mig_flags(d) & VFIO_MIGRATION_PRE_COPY))
		SKIP("no pre-copy");
	for (int from = STOP; from < STATES; from++)
		for (int to = STOP; to < STATES; to++)
			if (from != to && from != RESUMING)
				one_path(d, from, to);
	EXPECT_EQ(set_state(d, ERROR), REFUSED(EINVAL));
	EXPECT_EQ(set_state(d, STATES), REFUSED(EINVAL));
	EXPECT_EQ(get_state(d), RUNNING);
}

static bool has_state(struct vfio *d, int s)
{
	if (s == PRE_COPY || s == PRE_COPY_P2P)
		return mig_flags(d) & VFIO_MIGRATION_PRE_COPY;
	return s != RUNNING_P2P || (mig_flags(d) & VFIO_MIGRATION_P2P);
}

TEST(resets, "a reset leads from every state to RUNNING and ends its session")
{
	struct vfio *d = mig_fresh();
	uint8_t byte;

	for (int s = STOP; s < STATES; s++) {
		int fd = s == RUNNING ? NO_FD : set_state(d, s);

		if (!has_state(d, s)) {
			EXPECT_EQ(fd, REFUSED(EINVAL));
			continue;
		}
		ASSERT_EQ(get_state(d), s);
		mig_reset(d);
		if (fd < 0)
			continue;
		if (s == RESUMING)
			EXPECT_EQ(write_fd(fd, "x", 1), -ENODEV);
		else
			EXPECT_EQ(read_fd(fd, &byte, 1), -ENODEV);
		close(fd);
	}
}

static int precopy_info(int fd, struct vfio_precopy_info *info)
{
	*info = (struct vfio_precopy_info){ .argsz = sizeof(*info) };
	return vfio_ioctl(fd, VFIO_MIG_GET_PRECOPY_INFO, info);
}

static bool readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1 && (p.revents & POLLIN);
}

TEST(precopy, "pre-copy: initial data, then ENOMSG, then the rest; its info; poll")
{
	struct vfio_precopy_info info;
	struct vfio *d = mig_fresh();
	static struct stream s;
	uint8_t byte;
	ssize_t n;
	int fd;

	if (!(mig_flags(d) & VFIO_MIGRATION_PRE_COPY))
		SKIP("no pre-copy");
	fd = set_state(d, PRE_COPY);
	ASSERT(fd >= 0);
	ASSERT_EQ(precopy_info(fd, &info), 0);
	EXPECT(info.initial_bytes > 0);
	EXPECT_EQ(info.dirty_bytes, 0);
	info.argsz = 8;
	EXPECT_EQ(vfio_ioctl(fd, VFIO_MIG_GET_PRECOPY_INFO, &info), -EINVAL);
	EXPECT_EQ(vfio_ioctl(fd, VFIO_DEVICE_RESET, NULL), -ENOTTY);
	EXPECT_EQ(pread(fd, &byte, 1, 0), -1);
	EXPECT_EQ(write_fd(fd, "x", 1), -EBADF);
	EXPECT(readable(fd));

	ASSERT_EQ(precopy_info(fd, &info), 0);
	n = read_fd(fd, s.data, info.initial_bytes - 1);
	EXPECT_EQ(n, info.initial_bytes - 1);
	ASSERT_EQ(precopy_info(fd, &info), 0);
	EXPECT_EQ(info.initial_bytes, 1);
	EXPECT_EQ(read_fd(fd, s.data + n, 100), 1);
	s.len = n + 1;
	EXPECT_EQ(read_fd(fd, &byte, 1), -ENOMSG);
	EXPECT(!readable(fd));
	EXPECT_EQ(set_state(d, PRE_COPY_P2P), NO_FD);
	EXPECT_EQ(precopy_info(fd, &info), 0);
	EXPECT_EQ(info.initial_bytes, 0);
	EXPECT_EQ(set_state(d, STOP_COPY), NO_FD);
	EXPECT_EQ(precopy_info(fd, &info), -EINVAL);
	EXPECT(readable(fd));
	drain(fd, &s);
	EXPECT(readable(fd));
	EXPECT_EQ(set_state(d, STOP), NO_FD);
	EXPECT_EQ(read_fd(fd, &byte, 1), -ENODEV);
	close(fd);
	EXPECT(load(d, s.data, s.len));
}

TEST(precopy_v2, "flags of the pre-copy info: an output for who asks, else left alone")
{
	struct vfio_precopy_info info = { .argsz = sizeof(info), .flags = 0xa5a5a5a5 };
	struct vfio *d;
	int fd;

	/* Not asked for by those who had it before */
	dut_close();
	d = mig_fresh();
	if (!(mig_flags(d) & VFIO_MIGRATION_PRE_COPY))
		SKIP("no pre-copy");
	fd = set_state(d, PRE_COPY);
	ASSERT(fd >= 0);
	ASSERT_EQ(vfio_ioctl(fd, VFIO_MIG_GET_PRECOPY_INFO, &info), 0);
	EXPECT_EQ(info.flags, 0xa5a5a5a5);
	close(fd);
	mig_reset(d);
	if (vfio_feature(d, VFIO_DEVICE_FEATURE_SET | FEATURE_PRECOPY_INFO_V2,
			 NULL, 0) == -ENOTTY)
		SKIP("the kernel has no version 2");

	fd = set_state(d, PRE_COPY);
	ASSERT(fd >= 0);
	ASSERT_EQ(vfio_ioctl(fd, VFIO_MIG_GET_PRECOPY_INFO, &info), 0);
	EXPECT_EQ(info.flags, 0);
	EXPECT(info.initial_bytes > 0);
	close(fd);
	mig_reset(d);
	dut_close();
}

TEST(cancel, "a session that is given up in any state leaves the device running")
{
	static const int from[] = { PRE_COPY, PRE_COPY_P2P, STOP_COPY };
	struct vfio *d = mig_fresh();
	uint8_t byte;

	if (!(mig_flags(d) & VFIO_MIGRATION_PRE_COPY))
		SKIP("no pre-copy");
	for (unsigned int i = 0; i < 2 * ARRAY_SIZE(from); i++) {
		int fd = set_state(d, from[i / 2]);

		ASSERT(fd >= 0);
		/* The fd may be closed before the session ends. */
		if (i % 2)
			close(fd);
		EXPECT_EQ(set_state(d, RUNNING), NO_FD);
		EXPECT_EQ(get_state(d), RUNNING);
		if (i % 2)
			continue;
		EXPECT_EQ(read_fd(fd, &byte, 1), -ENODEV);
		close(fd);
	}
}

TEST(snapshot, "what was saved is there after reset and load, again and again")
{
	struct vfio *d = mig_fresh();
	static struct stream s;

	program(d);
	save(d, &s);
	test_note("%zu bytes", s.len);
	for (int i = 0; i < 3; i++) {
		wipe(d);
		EXPECT(is_wiped(d));
		ASSERT(load(d, s.data, s.len));
		EXPECT(is_programmed(d));
		EXPECT_EQ(set_state(d, RUNNING), NO_FD);
		EXPECT(is_programmed(d));
	}
}

TEST(pieces, "a stream may be written byte by byte")
{
	struct vfio *d = mig_fresh();
	static struct stream s;
	int fd;

	program(d);
	save(d, &s);
	mig_reset(d);
	fd = set_state(d, RESUMING);
	ASSERT(fd >= 0);
	for (size_t i = 0; i < s.len; i++)
		ASSERT_EQ(write_fd(fd, s.data + i, 1), 1);
	EXPECT_EQ(set_state(d, RUNNING), NO_FD);
	close(fd);
	EXPECT(is_programmed(d));
}

TEST(moved, "the state of one device goes into another, which is as new for its next user")
{
	struct vfio *d, other;
	static struct stream s;

	if (args.nbdf < 2)
		SKIP("no second address given");
	d = mig_fresh();
	program(d);
	save(d, &s);
	ASSERT_EQ(vfio_open_with(&other, args.bdf[1], NULL, args.token), 0);
	cfg_command(&other, PCI_COMMAND_MEMORY, 0);
	EXPECT(load(&other, s.data, s.len));
	EXPECT(is_programmed(&other));
	vfio_close(&other);
	ASSERT_EQ(vfio_open_with(&other, args.bdf[1], NULL, args.token), 0);
	cfg_command(&other, PCI_COMMAND_MEMORY, 0);
	EXPECT(is_wiped(&other));
	vfio_close(&other);
	mig_reset(d);
}

TEST(interrupt, "an interrupt that waits for its driver is raised where its state is loaded")
{
	struct vfio *d = mig_fresh();
	static struct stream s;
	int efd;

	if (cfg_read(d, PCI_VENDOR_ID, 2) != EDU_VENDOR)
		SKIP("not edu");
	efd = efd_new();
	bar_write32(d, 0, EDU_ACK, UINT32_MAX);
	ASSERT_EQ(vfio_irq_fd(d, VFIO_PCI_INTX_IRQ_INDEX, 0, efd), 0);
	bar_write32(d, 0, EDU_RAISE, 0x12);
	EXPECT(WITHIN(1000, efd_count(efd)));
	save(d, &s);
	mig_reset(d);
	bar_write32(d, 0, EDU_ACK, UINT32_MAX);
	ASSERT_EQ(vfio_irq_do(d, VFIO_PCI_INTX_IRQ_INDEX, 0,
			      VFIO_IRQ_SET_ACTION_UNMASK), 0);
	bar_write32(d, 0, EDU_RAISE, 0x100);
	efd_count(efd);

	ASSERT(load(d, s.data, s.len));
	EXPECT_EQ(bar_read32(d, 0, EDU_IRQ_STATUS), 0);
	vfio_irq_do(d, VFIO_PCI_INTX_IRQ_INDEX, 0, VFIO_IRQ_SET_ACTION_UNMASK);
	efd_count(efd);
	EXPECT(efd_silent(efd));
	ASSERT_EQ(set_state(d, RUNNING), NO_FD);
	EXPECT(WITHIN(1000, efd_count(efd)));
	EXPECT_EQ(bar_read32(d, 0, EDU_IRQ_STATUS), 0x12);

	/* Loaded and reset before it has run, it has nothing to raise. */
	bar_write32(d, 0, EDU_ACK, UINT32_MAX);
	ASSERT(load(d, s.data, s.len));
	mig_reset(d);
	EXPECT_EQ(bar_read32(d, 0, EDU_IRQ_STATUS), 0);
	EXPECT_EQ(set_state(d, STOP), NO_FD);
	EXPECT_EQ(set_state(d, RUNNING), NO_FD);
	EXPECT_EQ(bar_read32(d, 0, EDU_IRQ_STATUS), 0);
	vfio_irq_off(d, VFIO_PCI_INTX_IRQ_INDEX);
	close(efd);
}

TEST(part, "a register that the driver traps takes no access to a part of it")
{
	struct vfio *d = mig_fresh();
	uint8_t byte = 3;

	if (cfg_read(d, PCI_VENDOR_ID, 2) != EDU_VENDOR)
		SKIP("not edu");
	bar_write32(d, 0, EDU_FACTORIAL, 5);
	ASSERT(WITHIN(1000, bar_read32(d, 0, EDU_FACTORIAL) == 120));
	EXPECT_EQ(vfio_write(d, 0, EDU_FACTORIAL, &byte, 1), 1);
	EXPECT_EQ(vfio_write(d, 0, EDU_FACTORIAL + 1, &byte, 1), 1);
	usleep(10000);
	EXPECT_EQ(bar_read32(d, 0, EDU_FACTORIAL), 120);
	EXPECT_EQ(vfio_read(d, 0, EDU_FACTORIAL, &byte, 1), 1);
	EXPECT_EQ(byte, 0xff);
}

TEST(close_open, "a device closed in the middle of a session is as new when opened")
{
	struct vfio *d = mig_fresh();
	int fd = set_state(d, STOP_COPY);
	uint8_t byte;

	ASSERT(fd >= 0);
	dut_close();
	EXPECT_EQ(read_fd(fd, &byte, 1), -ENODEV);
	close(fd);
	d = dut();
	EXPECT_EQ(get_state(d), RUNNING);
	mig_reset(d);
}
