// SPDX-License-Identifier: GPL-2.0-only
/*
 * DMA logging of a VF of the 82576: what the device may write is reported
 *
 * The tests program rings as a guest's driver does. What is received, if anything, a
 * second VF sends: that is the second address.
 *
 * A device that is bound to an iommufd is not looked at (see dirty.c), and its log
 * says that everything may have been written.
 */
#include <linux/vfio.h>

#include "i82576.h"
#include "pci.h"
#include "test.h"

#define PAGE		4096UL
#define IOVA		0x100000UL
#define PAGES		256UL
#define SLOTS		16
#define FRAME		1000
/* Buffers of 1 KiB, and of 256 bytes for headers, which are always split off */
#define SRRCTL_SPLIT	0x04000401
#define RX_RING		0UL		/* page numbers in the mapping */
#define TX_RING		1UL
#define BUFFER(n)	(16UL + 4 * (n))
#define UNUSED		8UL

static char *mem;
static uint64_t bitmap[PAGES / 64];

static int start(struct vfio *d, uint64_t page_size, uint32_t count,
		 const struct vfio_device_feature_dma_logging_range *ranges)
{
	struct vfio_device_feature_dma_logging_control c = {
		.page_size = page_size, .num_ranges = count,
		.ranges = (uintptr_t)ranges,
	};

	return vfio_feature(d, VFIO_DEVICE_FEATURE_SET |
			    VFIO_DEVICE_FEATURE_DMA_LOGGING_START, &c, sizeof(c));
}

static const struct vfio_device_feature_dma_logging_range all = {
	IOVA, PAGES * PAGE
};

static int stop(struct vfio *d)
{
	return vfio_feature(d, VFIO_DEVICE_FEATURE_SET |
			    VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP, NULL, 0);
}

static int report_range(struct vfio *d, uint64_t iova, uint64_t length,
			uint64_t page_size)
{
	struct vfio_device_feature_dma_logging_report r = {
		.iova = iova, .length = length, .page_size = page_size,
		.bitmap = (uintptr_t)bitmap,
	};

	memset(bitmap, 0, sizeof(bitmap));
	return vfio_feature(d, VFIO_DEVICE_FEATURE_GET |
			    VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT, &r, sizeof(r));
}

static void report(struct vfio *d)
{
	ASSERT_EQ(report_range(d, IOVA, PAGES * PAGE, PAGE), 0);
}

static bool dirty(unsigned long page)
{
	return bitmap[page / 64] >> page % 64 & 1;
}

static unsigned int count_dirty(void)
{
	unsigned int n = 0;

	for (unsigned long i = 0; i < PAGES; i++)
		n += dirty(i);
	return n;
}

static struct vfio *logging_vf(void)
{
	struct vfio *d = dut();
	int ret = vfio_feature(d, VFIO_DEVICE_FEATURE_PROBE |
			       VFIO_DEVICE_FEATURE_SET |
			       VFIO_DEVICE_FEATURE_DMA_LOGGING_START, NULL, 0);

	if (ret == -ENOTTY)
		SKIP("no DMA logging");
	ASSERT_EQ(ret, 0);
	stop(d);
	ASSERT_EQ(vfio_ioctl(d->fd, VFIO_DEVICE_RESET, NULL), 0);
	if (!mem)
		mem = vfio_dma_map(d, IOVA, PAGES * PAGE);
	ASSERT(mem);
	memset(mem, 0, PAGES * PAGE);
	return d;
}

/* The same, of a VF whose rings are looked at */
static struct vfio *tracked_vf(void)
{
	struct vfio *d = logging_vf();

	if (d->cdev)
		SKIP("a device of an iommufd is not looked at");
	return d;
}

static void descriptor(unsigned int slot, unsigned long page)
{
	uint64_t address = IOVA + page * PAGE;

	memcpy(mem + RX_RING * PAGE + 16 * slot, &address, 8);
}

/* A receive ring with buffers in slots 0 to @count - 1 */
static void receive(struct vfio *d, unsigned int count)
{
	for (unsigned int i = 0; i < SLOTS; i++)
		descriptor(i, BUFFER(i));
	vf_ring(d, RX(0), IOVA + RX_RING * PAGE, SLOTS);
	bar_write32(d, BAR, RX(TAIL), count);
}

/* A VF that has such a ring and whose log has been read once */
static struct vfio *logged_ring(unsigned int count)
{
	struct vfio *d = logging_vf();

	receive(d, count);
	ASSERT_EQ(start(d, PAGE, 1, &all), 0);
	report(d);
	return d;
}

/* Nothing but the ring and its buffers, all of them; or everything by iommufd */
static void expect_buffers(struct vfio *d, unsigned int first, unsigned int end)
{
	if (d->cdev) {
		EXPECT_EQ(count_dirty(), PAGES);
		return;
	}
	EXPECT(dirty(RX_RING));
	for (unsigned int i = 0; i < SLOTS; i++)
		if (!EXPECT_EQ(dirty(BUFFER(i)), i >= first && i < end))
			test_note("buffer %u", i);
	EXPECT(!dirty(UNUSED));
}

/* The log says that page @old is no more: once, beside @now. */
static void expect_said_once(struct vfio *d, unsigned long old, unsigned long now)
{
	EXPECT(dirty(old));
	EXPECT(dirty(now));
	report(d);
	EXPECT(!dirty(old));
	EXPECT(dirty(now));
}

TEST(control, "bad ranges, page sizes and orders of start, report and stop are refused")
{
	struct vfio_device_feature_dma_logging_range overlap[] = {
		{ IOVA, 8 * PAGE }, { IOVA + 4 * PAGE, 8 * PAGE },
	}, odd = { IOVA, PAGE + 1 }, wraps = { -PAGE, 2 * PAGE };
	struct vfio *d = logging_vf();

	EXPECT(report_range(d, IOVA, PAGE, PAGE) < 0);
	EXPECT(start(d, 0, 1, &all) < 0);
	EXPECT(start(d, PAGE, 0, NULL) < 0);
	EXPECT(start(d, PAGE, 1, NULL) < 0);
	EXPECT(start(d, PAGE, 2, overlap) < 0);
	EXPECT(start(d, PAGE, 1, &odd) < 0);
	EXPECT(start(d, PAGE, 1, &wraps) < 0);
	EXPECT(start(d, PAGE, 0x7fffffff, &all) < 0);
	ASSERT_EQ(start(d, PAGE, 1, &all), 0);
	EXPECT(start(d, PAGE, 1, &all) < 0);
	EXPECT(report_range(d, IOVA, 0, PAGE) <= 0);
	EXPECT(report_range(d, IOVA, PAGE, 3000) < 0);
	EXPECT_EQ(report_range(d, IOVA, PAGE, PAGE), 0);
	EXPECT_EQ(stop(d), 0);
	EXPECT(report_range(d, IOVA, PAGE, PAGE) < 0);
}

TEST(declared, "what was programmed before the start is in the log, and stays")
{
	struct vfio *d = logging_vf();

	receive(d, 7);
	ASSERT_EQ(start(d, PAGE, 1, &all), 0);
	for (int i = 0; i < 3; i++) {
		report(d);
		expect_buffers(d, 0, 7);
	}
	/* A part of it, and pages that are larger than ours */
	ASSERT_EQ(report_range(d, IOVA + BUFFER(2) * PAGE, PAGE, PAGE), 0);
	EXPECT(dirty(0));
	ASSERT_EQ(report_range(d, IOVA, PAGES * PAGE, 16 * PAGE), 0);
	EXPECT(dirty(BUFFER(0) / 16));
	EXPECT_EQ(stop(d), 0);
}

TEST(handed, "a buffer is in the log from when it is handed over until it is replaced")
{
	struct vfio *d = logged_ring(4);

	expect_buffers(d, 0, 4);
	bar_write32(d, BAR, RX(TAIL), 6);
	report(d);
	expect_buffers(d, 0, 6);
	/*
	 * All are used. Then once around: slots 0 to 2 get other buffers, the old ones
	 * are said once.
	 */
	bar_write32(d, BAR, RX(HEAD), 6);
	for (unsigned int i = 6; i < SLOTS; i++)
		descriptor(i, BUFFER(i));
	for (unsigned int i = 0; i < 3; i++)
		descriptor(i, BUFFER(SLOTS + i));
	bar_write32(d, BAR, RX(TAIL), 3);
	report(d);
	if (d->cdev)
		goto out;
	expect_said_once(d, BUFFER(0), BUFFER(SLOTS));
	EXPECT(!dirty(BUFFER(2)));
	EXPECT(dirty(BUFFER(3)));
	EXPECT(dirty(BUFFER(SLOTS + 2)));
out:
	EXPECT_EQ(stop(d), 0);
}

TEST(transmit, "a transmit ring is found though nobody traps it")
{
	struct vfio *d = logging_vf();

	ASSERT_EQ(start(d, PAGE, 1, &all), 0);
	report(d);
	EXPECT_EQ(count_dirty(), d->cdev ? PAGES : 0);
	vf_ring(d, TX(0), IOVA + TX_RING * PAGE, SLOTS);
	report(d);
	EXPECT(dirty(TX_RING));
	bar_write32(d, BAR, TX(CTL), 0);
	report(d);
	report(d);
	EXPECT_EQ(dirty(TX_RING), d->cdev);
	EXPECT_EQ(stop(d), 0);
}

TEST(reset, "after a reset the log says once what was, then nothing")
{
	struct vfio *d = logged_ring(5);

	expect_buffers(d, 0, 5);
	ASSERT_EQ(vfio_ioctl(d->fd, VFIO_DEVICE_RESET, NULL), 0);
	report(d);
	expect_buffers(d, 0, 5);
	/* Somebody looks: the reset is noticed. */
	receive(d, 0);
	report(d);
	report(d);
	expect_buffers(d, 0, 0);
	EXPECT_EQ(stop(d), 0);
}

TEST(blind_ring, "a ring that cannot be read makes the log fail, and a new one works")
{
	struct vfio *d = tracked_vf();

	receive(d, 2);
	/* Where nothing is mapped */
	bar_write32(d, BAR, RX(BAL), IOVA + 2 * PAGES * PAGE);
	EXPECT(start(d, PAGE, 1, &all) < 0);
	receive(d, 2);
	ASSERT_EQ(start(d, PAGE, 1, &all), 0);
	report(d);
	/* A tail behind the end of the ring */
	bar_write32(d, BAR, RX(TAIL), SLOTS + 1);
	EXPECT(report_range(d, IOVA, PAGE, PAGE) < 0);
	EXPECT_EQ(stop(d), 0);
	receive(d, 2);
	ASSERT_EQ(start(d, PAGE, 1, &all), 0);
	report(d);
	EXPECT_EQ(stop(d), 0);
}

/* As the device has it when it was faster than whoever looks */
TEST(too_late, "a buffer that is used before it was seen makes the log fail")
{
	struct vfio *d = tracked_vf();

	receive(d, 4);
	ASSERT_EQ(start(d, PAGE, 1, &all), 0);
	report(d);
	/* 4 were seen, 8 are used. */
	bar_write32(d, BAR, RX(HEAD), 8);
	bar_write32(d, BAR, RX(TAIL), 10);
	EXPECT_EQ(report_range(d, IOVA, PAGE, PAGE), -EIO);
	EXPECT_EQ(stop(d), 0);

	/* Another ring in the same place, one of its buffers used */
	ASSERT_EQ(vfio_ioctl(d->fd, VFIO_DEVICE_RESET, NULL), 0);
	receive(d, 4);
	ASSERT_EQ(start(d, PAGE, 1, &all), 0);
	report(d);
	bar_write32(d, BAR, RX(HEAD), 1);
	for (unsigned int i = 0; i < SLOTS; i++)
		descriptor(i, BUFFER(SLOTS + i));
	EXPECT_EQ(report_range(d, IOVA, PAGE, PAGE), -EIO);
	EXPECT_EQ(stop(d), 0);
}

TEST(renewed, "a ring that is set up anew is in the log, and what it was is said once")
{
	struct vfio *d = logged_ring(4);

	/* In the same place, unused: with its buffers it is another one. */
	for (unsigned int i = 0; i < SLOTS; i++)
		descriptor(i, BUFFER(SLOTS + i));
	report(d);
	if (d->cdev)
		goto out;
	expect_said_once(d, BUFFER(0), BUFFER(SLOTS));
	EXPECT(!dirty(BUFFER(SLOTS + 4)));

	/* And in another place */
	bar_write32(d, BAR, RX(CTL), 0);
	memcpy(mem + UNUSED * PAGE, mem + RX_RING * PAGE, 16 * SLOTS);
	vf_ring(d, RX(0), IOVA + UNUSED * PAGE, SLOTS);
	report(d);
	expect_said_once(d, RX_RING, UNUSED);
	EXPECT(dirty(BUFFER(SLOTS)));
out:
	EXPECT_EQ(stop(d), 0);
}

TEST(split, "buffers for headers are in the log, while headers are split off")
{
	struct vfio *d = tracked_vf();

	bar_write32(d, BAR, RX(SRRCTL), SRRCTL_SPLIT);
	receive(d, 4);
	for (unsigned int i = 0; i < SLOTS; i++) {
		uint64_t header = IOVA + (BUFFER(i) + 2) * PAGE;

		memcpy(mem + RX_RING * PAGE + 16 * i + 8, &header, 8);
	}
	ASSERT_EQ(start(d, PAGE, 1, &all), 0);
	report(d);
	for (unsigned int i = 0; i < SLOTS; i++)
		if (!EXPECT_EQ(dirty(BUFFER(i) + 2), i < 4))
			test_note("buffer %u", i);
	expect_buffers(d, 0, 4);
	/* What is set up otherwise is another ring. */
	bar_write32(d, BAR, RX(SRRCTL), 0);
	report(d);
	EXPECT(dirty(BUFFER(0) + 2));
	report(d);
	EXPECT(!dirty(BUFFER(0) + 2));
	expect_buffers(d, 0, 4);
	EXPECT_EQ(stop(d), 0);
}

static int low_power(struct vfio *d, uint32_t feature)
{
	return vfio_feature(d, VFIO_DEVICE_FEATURE_SET | feature, NULL, 0);
}

TEST(asleep, "a VF that is asleep writes nothing, and its log goes on")
{
	struct vfio *d = logged_ring(4);

	ASSERT_EQ(low_power(d, VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY), 0);
	usleep(10000);
	report(d);
	EXPECT_EQ(stop(d), 0);
	ASSERT_EQ(start(d, PAGE, 1, &all), 0);
	report(d);
	EXPECT_EQ(count_dirty(), d->cdev ? PAGES : 0);
	ASSERT_EQ(low_power(d, VFIO_DEVICE_FEATURE_LOW_POWER_EXIT), 0);
	report(d);
	expect_buffers(d, 0, 4);
	EXPECT_EQ(stop(d), 0);
}

/* The VF has been started, so that it receives; a second one sends. */
static struct vfio *receiving_vf(struct vf_sender *sender)
{
	static struct vfio other;
	static bool open;
	struct vfio *d = tracked_vf();

	if (args.nbdf < 2)
		SKIP("no second address given");
	if (open)
		vfio_close(&other);
	open = !vfio_open(&other, args.bdf[1]);
	ASSERT(open);
	ASSERT(vf_sender_start(sender, &other, IOVA));
	ASSERT(vf_reset(d, NULL));
	cfg_command(d, PCI_COMMAND_MASTER, 0);
	receive(d, 0);
	return d;
}

/* Pages that are not as they were, and that the log knows nothing of */
static unsigned int missed(const char *before)
{
	unsigned int n = 0;

	for (unsigned long i = 0; i < PAGES; i++)
		if (memcmp(before + i * PAGE, mem + i * PAGE, PAGE))
			n += !dirty(i);
	return n;
}

/* Frames through buffers that are each a page of their own; true if all was seen. */
static bool round_trip(struct vf_sender *sender, struct vfio *d, char *before,
		       unsigned int frames)
{
	static unsigned int next;
	unsigned int tail = bar_read32(d, BAR, RX(TAIL));
	int ret;

	memcpy(before, mem, PAGES * PAGE);
	for (unsigned int i = 0; i < frames; i++) {
		descriptor(tail, BUFFER(next++ % 60));
		tail = (tail + 1) % SLOTS;
	}
	memcpy(before + RX_RING * PAGE, mem + RX_RING * PAGE, PAGE);
	bar_write32(d, BAR, RX(TAIL), tail);
	/* Far longer than who looks is away */
	usleep(20000 * test_slow());
	ASSERT(vf_send(sender, frames, FRAME));
	ASSERT(WITHIN(1000, bar_read32(d, BAR, RX(HEAD)) == tail));
	ret = report_range(d, IOVA, PAGES * PAGE, PAGE);
	if (!ret)
		EXPECT_EQ(missed(before), 0);
	else
		EXPECT_EQ(ret, -EIO);
	return !ret;
}

TEST(received, "all that is received is in the log, buffer after buffer")
{
	static char before[PAGES * PAGE];
	unsigned int late = 0, sent = 0, rounds = 40;
	struct vf_sender sender;
	struct vfio *d;

	d = receiving_vf(&sender);
	ASSERT_EQ(start(d, PAGE, 1, &all), 0);
	for (unsigned int round = 0; round < rounds; round++) {
		unsigned int frames = 1 + round % 8;

		sent += frames;
		if (round_trip(&sender, d, before, frames))
			continue;
		/* A machine that stood still: said, and the log begins anew. */
		late++;
		ASSERT_EQ(stop(d), 0);
		ASSERT_EQ(start(d, PAGE, 1, &all), 0);
	}
	/* Else little would have been shown. */
	EXPECT(late <= rounds / 4);
	EXPECT_EQ(bar_read32(d, BAR, GOOD_PACKETS), sent);
	EXPECT_EQ(stop(d), 0);
}

TEST(too_much, "a ring that was filled between two looks makes the log fail")
{
	struct vf_sender sender;
	struct vfio *d;

	d = receiving_vf(&sender);
	ASSERT_EQ(start(d, PAGE, 1, &all), 0);
	bar_write32(d, BAR, RX(TAIL), SLOTS - 1);
	report(d);
	/* At once, and without a look: the VF may have gone around. */
	ASSERT(vf_send(&sender, SLOTS - 1, FRAME));
	EXPECT_EQ(report_range(d, IOVA, PAGE, PAGE), -EIO);
	EXPECT_EQ(stop(d), 0);
	/* And again, on a ring that is full */
	receive(d, 0);
	ASSERT_EQ(start(d, PAGE, 1, &all), 0);
	report(d);
	EXPECT_EQ(stop(d), 0);
}

TEST(migration, "logging goes on through a session that saves")
{
	struct vfio_device_feature_mig_state s = {
		.device_state = VFIO_DEVICE_STATE_PRE_COPY,
	};
	struct vfio *d = logging_vf();

	receive(d, 3);
	ASSERT_EQ(start(d, PAGE, 1, &all), 0);
	ASSERT_EQ(vfio_feature(d, VFIO_DEVICE_FEATURE_SET |
			       VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE, &s, sizeof(s)), 0);
	close(s.data_fd);
	bar_write32(d, BAR, RX(TAIL), 4);
	report(d);
	expect_buffers(d, 0, 4);
	s.device_state = VFIO_DEVICE_STATE_STOP_COPY;
	ASSERT_EQ(vfio_feature(d, VFIO_DEVICE_FEATURE_SET |
			       VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE, &s, sizeof(s)), 0);
	report(d);
	expect_buffers(d, 0, 4);
	EXPECT_EQ(stop(d), 0);
	ASSERT_EQ(vfio_ioctl(d->fd, VFIO_DEVICE_RESET, NULL), 0);
}

TEST(closed, "a device closed while it logs is as new when opened")
{
	struct vfio *d = logging_vf();

	receive(d, 3);
	ASSERT_EQ(start(d, PAGE, 1, &all), 0);
	dut_close();
	mem = NULL;
	d = logging_vf();
	EXPECT(report_range(d, IOVA, PAGE, PAGE) < 0);
	EXPECT_EQ(start(d, PAGE, 1, &all), 0);
	EXPECT_EQ(stop(d), 0);
}
