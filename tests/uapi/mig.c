// SPDX-License-Identifier: GPL-2.0-only
#include <time.h>

#include "mig.h"
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

int get_state(struct vfio *d)
{
	struct vfio_device_feature_mig_state s = { .data_fd = 77 };
	int ret = vfio_feature(d, VFIO_DEVICE_FEATURE_GET |
			       VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE, &s, sizeof(s));

	ASSERT_EQ(ret, 0);
	EXPECT_EQ(s.data_fd, -1);
	return s.device_state;
}

int set_state(struct vfio *d, int state)
{
	struct vfio_device_feature_mig_state s = { .device_state = state };
	int ret = vfio_feature(d, VFIO_DEVICE_FEATURE_SET |
			       VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE, &s, sizeof(s));

	return ret ? ret - 1 : s.data_fd;
}

unsigned int mig_flags(struct vfio *d)
{
	struct vfio_device_feature_migration f = {};

	if (vfio_feature(d, VFIO_DEVICE_FEATURE_GET |
			 VFIO_DEVICE_FEATURE_MIGRATION, &f, sizeof(f)))
		return 0;
	return f.flags;
}

void mig_reset(struct vfio *d)
{
	ASSERT_EQ(vfio_ioctl(d->fd, VFIO_DEVICE_RESET, NULL), 0);
	ASSERT_EQ(get_state(d), RUNNING);
}

struct vfio *mig_fresh(void)
{
	struct vfio *d = dut();

	if (!mig_flags(d))
		SKIP("the device does not migrate");
	mig_reset(d);
	return d;
}

ssize_t read_fd(int fd, void *buf, size_t len)
{
	ssize_t n = read(fd, buf, len);

	return n < 0 ? -errno : n;
}

ssize_t write_fd(int fd, const void *buf, size_t len)
{
	ssize_t n = write(fd, buf, len);

	return n < 0 ? -errno : n;
}

void drain(int fd, struct stream *s)
{
	ssize_t n;

	do {
		n = read_fd(fd, s->data + s->len, MAX_STREAM - s->len);
		if (n > 0)
			s->len += n;
	} while (n > 0);
	EXPECT_EQ(n, 0);
}

void save(struct vfio *d, struct stream *s)
{
	int fd = set_state(d, STOP_COPY);

	ASSERT(fd >= 0);
	s->len = 0;
	drain(fd, s);
	close(fd);
}

bool write_stream(int fd, const void *data, size_t len)
{
	ssize_t n;

	for (size_t done = 0; done < len; done += n) {
		n = write_fd(fd, data + done, len - done);
		if (n <= 0)
			return false;
	}
	return true;
}

bool load(struct vfio *d, const void *data, size_t len)
{
	int fd = set_state(d, RESUMING), ret;

	ASSERT(fd >= 0);
	write_stream(fd, data, len);
	ret = set_state(d, STOP);
	EXPECT_EQ(write_fd(fd, data, 1), -ENODEV);
	close(fd);
	EXPECT_EQ(get_state(d), ret == NO_FD ? STOP : ERROR);
	return ret == NO_FD;
}

void break_off(struct vfio *d, int fd)
{
	static const int way[] = { RUNNING, RUNNING_P2P, STOP, RUNNING, STOP, RUNNING };
	time_t begun = time(NULL);
	char byte;

	EXPECT_EQ(set_state(d, STOP_COPY), NO_FD);
	EXPECT_EQ(read_fd(fd, &byte, 1), -ENODEV);
	for (unsigned int i = 0; i < ARRAY_SIZE(way); i++) {
		EXPECT_EQ(set_state(d, way[i]), NO_FD);
		EXPECT_EQ(get_state(d), way[i]);
	}
	EXPECT_EQ(set_state(d, STOP_COPY), REFUSED(EIO));
	EXPECT_EQ(set_state(d, RUNNING), NO_FD);
	EXPECT(time(NULL) - begun < 10 * test_slow());
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

void program(struct vfio *d)
{
	for (const struct reg *r = regs_of(d); r->off; r++)
		bar_write32(d, BAR, r->off, r->val);
}

/* Of edu, no reset clears these. */
void wipe(struct vfio *d)
{
	mig_reset(d);
	for (const struct reg *r = regs_of(d); is_edu(d) && r->off; r++)
		bar_write32(d, BAR, r->off, 0);
}

static bool has(struct vfio *d, const struct reg *r, uint32_t val)
{
	if (r->off == EDU_LIVENESS && is_edu(d))
		val = ~val;
	return bar_read32(d, BAR, r->off) == val;
}

bool is_programmed(struct vfio *d)
{
	for (const struct reg *r = regs_of(d); r->off; r++)
		if (!has(d, r, r->val))
			return false;
	return true;
}

bool is_wiped(struct vfio *d)
{
	for (const struct reg *r = regs_of(d); r->off; r++)
		if (!has(d, r, 0))
			return false;
	return true;
}
