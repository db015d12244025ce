// SPDX-License-Identifier: GPL-2.0-only
/*
 * Migration of a device by its uAPI: states, data sessions, streams good and bad
 *
 * For a VF of the 82576 and for edu, of which the test knows some registers. Nothing
 * is connected, so this shows what is saved and refused, not what goes over a wire.
 */
#include <poll.h>

#include "pci.h"
#include "test.h"
#include "vfio.h"

#define BAR	VFIO_PCI_BAR0_REGION_INDEX
#define RDBAL	0x2800
#define RDLEN	0x2808
#define TDBAL	0x3800
#define TDLEN	0x3808
#define VMBMEM	0x800

#define EDU_LIVENESS	0x04
#define EDU_DMA_SOURCE	0x80

#define MAX_STREAM	65536

enum {
	ERROR = VFIO_DEVICE_STATE_ERROR,
	STOP = VFIO_DEVICE_STATE_STOP,
	RUNNING = VFIO_DEVICE_STATE_RUNNING,
	STOP_COPY = VFIO_DEVICE_STATE_STOP_COPY,
	RESUMING = VFIO_DEVICE_STATE_RESUMING,
	RUNNING_P2P = VFIO_DEVICE_STATE_RUNNING_P2P,
	PRE_COPY = VFIO_DEVICE_STATE_PRE_COPY,
	PRE_COPY_P2P = VFIO_DEVICE_STATE_PRE_COPY_P2P,
	STATES,
};

struct stream {
	uint8_t data[MAX_STREAM];
	size_t len;
};

static int get_state(struct vfio *d)
{
	struct vfio_device_feature_mig_state s = { .data_fd = 77 };
	int ret = vfio_feature(d, VFIO_DEVICE_FEATURE_GET |
			       VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE, &s, sizeof(s));

	ASSERT_EQ(ret, 0);
	EXPECT_EQ(s.data_fd, -1);
	return s.device_state;
}

/* A data fd, -1 if there is none to the state, or below that an errno - 1 */
static int set_state(struct vfio *d, int state)
{
	struct vfio_device_feature_mig_state s = { .device_state = state };
	int ret = vfio_feature(d, VFIO_DEVICE_FEATURE_SET |
			       VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE, &s, sizeof(s));

	return ret ? ret - 1 : s.data_fd;
}

#define REFUSED(err)	(-(err) - 1)
#define NO_FD		(-1)

static unsigned int mig_flags(struct vfio *d)
{
	struct vfio_device_feature_migration f = {};

	if (vfio_feature(d, VFIO_DEVICE_FEATURE_GET |
			 VFIO_DEVICE_FEATURE_MIGRATION, &f, sizeof(f)))
		return 0;
	return f.flags;
}

static void reset(struct vfio *d)
{
	ASSERT_EQ(vfio_ioctl(d->fd, VFIO_DEVICE_RESET, NULL), 0);
	ASSERT_EQ(get_state(d), RUNNING);
}

static struct vfio *fresh(void)
{
	struct vfio *d = dut();

	if (!mig_flags(d))
		SKIP("the device does not migrate");
	reset(d);
	return d;
}

static ssize_t read_fd(int fd, void *buf, size_t len)
{
	ssize_t n = read(fd, buf, len);

	return n < 0 ? -errno : n;
}

static ssize_t write_fd(int fd, const void *buf, size_t len)
{
	ssize_t n = write(fd, buf, len);

	return n < 0 ? -errno : n;
}

static void drain(int fd, struct stream *s)
{
	ssize_t n;

	do {
		n = read_fd(fd, s->data + s->len, MAX_STREAM - s->len);
		if (n > 0)
			s->len += n;
	} while (n > 0);
	EXPECT_EQ(n, 0);
}

/* The state of the device as a stream; it stays in STOP_COPY. */
static void save(struct vfio *d, struct stream *s)
{
	int fd = set_state(d, STOP_COPY);

	ASSERT(fd >= 0);
	s->len = 0;
	drain(fd, s);
	close(fd);
}

/* True if the device took it; in STOP then, else in ERROR. */
static bool load(struct vfio *d, const void *data, size_t len)
{
	int fd = set_state(d, RESUMING), ret;
	ssize_t n;

	ASSERT(fd >= 0);
	for (size_t done = 0; done < len; done += n) {
		n = write_fd(fd, data + done, len - done);
		if (n <= 0)
			break;
	}
	ret = set_state(d, STOP);
	EXPECT_EQ(write_fd(fd, data, 1), -ENODEV);
	close(fd);
	EXPECT_EQ(get_state(d), ret == NO_FD ? STOP : ERROR);
	return ret == NO_FD;
}

TEST(offered, "migration is offered with STOP_COPY, and a size above 0")
{
	struct vfio_device_feature_mig_data_size size = {};
	struct vfio *d = fresh();
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
	reset(d);
}

TEST(paths, "every path between two states leads there or is refused")
{
	struct vfio *d = fresh();

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
	struct vfio *d = fresh();
	uint8_t byte;

	for (int s = STOP; s < STATES; s++) {
		int fd = s == RUNNING ? NO_FD : set_state(d, s);

		if (!has_state(d, s)) {
			EXPECT_EQ(fd, REFUSED(EINVAL));
			continue;
		}
		ASSERT_EQ(get_state(d), s);
		reset(d);
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
	struct vfio *d = fresh();
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

TEST(cancel, "a session that is given up in any state leaves the device running")
{
	static const int from[] = { PRE_COPY, PRE_COPY_P2P, STOP_COPY };
	struct vfio *d = fresh();
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

/* Registers that make up a state; those of edu's read as the complement. */
static const struct reg {
	unsigned int off;
	uint32_t val;
} vf_regs[] = {
	{ RDBAL, 0x12345680 }, { RDLEN, 0x1000 }, { TDBAL, 0x23456780 },
	{ TDLEN, 0x2000 }, { VMBMEM + 8, 0xcafe }, { }
}, edu_regs[] = {
	{ EDU_LIVENESS, 0x13572468 }, { EDU_DMA_SOURCE, 0x8000 }, { }
};

static bool is_edu(struct vfio *d)
{
	return cfg_read(d, PCI_VENDOR_ID, 2) == 0x1234;
}

static const struct reg *regs_of(struct vfio *d)
{
	return is_edu(d) ? edu_regs : vf_regs;
}

static void program(struct vfio *d)
{
	for (const struct reg *r = regs_of(d); r->off; r++)
		bar_write32(d, BAR, r->off, r->val);
}

/* As after power on; of edu, no reset clears these. */
static void wipe(struct vfio *d)
{
	reset(d);
	for (const struct reg *r = regs_of(d); is_edu(d) && r->off; r++)
		bar_write32(d, BAR, r->off, 0);
}

static bool has(struct vfio *d, const struct reg *r, uint32_t val)
{
	if (r->off == EDU_LIVENESS && is_edu(d))
		val = ~val;
	return bar_read32(d, BAR, r->off) == val;
}

static bool is_programmed(struct vfio *d)
{
	for (const struct reg *r = regs_of(d); r->off; r++)
		if (!has(d, r, r->val))
			return false;
	return true;
}

static bool is_wiped(struct vfio *d)
{
	for (const struct reg *r = regs_of(d); r->off; r++)
		if (!has(d, r, 0))
			return false;
	return true;
}

TEST(snapshot, "what was saved is there after reset and load, again and again")
{
	struct vfio *d = fresh();
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
	struct vfio *d = fresh();
	static struct stream s;
	int fd;

	program(d);
	save(d, &s);
	reset(d);
	fd = set_state(d, RESUMING);
	ASSERT(fd >= 0);
	for (size_t i = 0; i < s.len; i++)
		ASSERT_EQ(write_fd(fd, s.data + i, 1), 1);
	EXPECT_EQ(set_state(d, RUNNING), NO_FD);
	close(fd);
	EXPECT(is_programmed(d));
}

static void refuses(struct vfio *d, const void *data, size_t len,
		    const char *what, size_t at)
{
	wipe(d);
	if (EXPECT(!load(d, data, len)))
		EXPECT(is_wiped(d));
	else
		test_note("%s at %zu was taken", what, at);
}

/* How many of all places are tried: all of them is for the long run. */
static size_t step(size_t len)
{
	return args.seconds >= 600 ? 1 : len / 24;
}

TEST(truncated, "a stream that ends too early is refused and nothing of it applied")
{
	struct vfio *d = fresh();
	static struct stream s;

	program(d);
	save(d, &s);
	for (size_t len = 0; len < s.len; len += step(s.len))
		refuses(d, s.data, len, "truncation", len);
	refuses(d, s.data, s.len - 1, "truncation", s.len - 1);
	reset(d);
	EXPECT(load(d, s.data, s.len));
}

TEST(corrupted, "a stream with a wrong byte is refused and nothing of it applied")
{
	struct vfio *d = fresh();
	static struct stream s;

	program(d);
	save(d, &s);
	for (size_t at = 0; at < s.len; at += step(s.len)) {
		s.data[at] ^= 1 << at % 8;
		refuses(d, s.data, s.len, "corruption", at);
		s.data[at] ^= 1 << at % 8;
	}
	reset(d);
	EXPECT(load(d, s.data, s.len));
	EXPECT(is_programmed(d));
}

/* Sections begin behind the header of 16 bytes and have a head of 16 bytes. */
#define HEADER		16
#define HEAD		16
#define LENGTH_AT	8

static size_t section_end(const struct stream *s, size_t at)
{
	uint32_t len;

	memcpy(&len, s->data + at + LENGTH_AT, 4);
	return at + HEAD + len;
}

TEST(shuffled, "sections missing, twice, swapped or from another stream are refused")
{
	struct vfio *d = fresh();
	static struct stream s, other, mix;
	size_t state, end;

	program(d);
	save(d, &s);
	reset(d);
	save(d, &other);
	state = section_end(&s, HEADER);
	end = section_end(&s, state);

	/* The same state twice */
	memcpy(mix.data, s.data, end);
	memcpy(mix.data + end, s.data + state, s.len - state);
	refuses(d, mix.data, s.len + end - state, "section twice", state);
	/* No identity */
	memcpy(mix.data, s.data, HEADER);
	memcpy(mix.data + HEADER, s.data + state, s.len - state);
	refuses(d, mix.data, s.len - (state - HEADER), "no identity", HEADER);
	/* State in front of identity */
	memcpy(mix.data + HEADER, s.data + state, end - state);
	memcpy(mix.data + HEADER + end - state, s.data + HEADER, state - HEADER);
	memcpy(mix.data + end, s.data + end, s.len - end);
	refuses(d, mix.data, s.len, "swapped", HEADER);
	/* The state of one stream in another */
	memcpy(mix.data, s.data, s.len);
	memcpy(mix.data + state, other.data + state, end - state);
	refuses(d, mix.data, s.len, "foreign state", state);
	/* More behind the end, and far too much */
	memcpy(mix.data, s.data, s.len);
	refuses(d, mix.data, s.len + 1, "goes on", s.len);
	memset(mix.data, 0xa5, MAX_STREAM);
	refuses(d, mix.data, MAX_STREAM, "rubbish", 0);
	reset(d);
	EXPECT(load(d, s.data, s.len));
}

TEST(moved, "the state of one device goes into another, which is as new for its next user")
{
	struct vfio *d, other;
	static struct stream s;

	if (args.nbdf < 2)
		SKIP("no second address given");
	d = fresh();
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
	reset(d);
}

TEST(close_open, "a device closed in the middle of a session is as new when opened")
{
	struct vfio *d = fresh();
	int fd = set_state(d, STOP_COPY);
	uint8_t byte;

	ASSERT(fd >= 0);
	dut_close();
	EXPECT_EQ(read_fd(fd, &byte, 1), -ENODEV);
	close(fd);
	d = dut();
	EXPECT_EQ(get_state(d), RUNNING);
	reset(d);
}
