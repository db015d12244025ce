// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty pages of a VF of the 82576 as a type 1 container reports them
 *
 * Where the kernel has no DMA logging, the pages that the VF may write are pinned, and
 * the container reports those. A second VF, if its address is given, sends.
 */
#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>

#include <linux/vfio.h>

#include "i82576.h"
#include "mig.h"
#include "pci.h"
#include "test.h"

#define PAGE		4096UL
#define IOVA		0x100000UL
#define PAGES		64UL
/* A mapping of its own, of as many pages */
#define OTHER		0x800000UL
#define FRAME		1000
#define RING		0UL		/* page numbers in the mapping */
#define BUFFER(n)	(16UL + (n))

static char *mem;
static uint64_t bitmap;

static int dirty_pages(struct vfio *d, uint32_t flags,
		       const struct vfio_iommu_type1_dirty_bitmap_get *get)
{
	char buf[sizeof(struct vfio_iommu_type1_dirty_bitmap) + sizeof(*get)] = {};
	struct vfio_iommu_type1_dirty_bitmap *b = (void *)buf;

	b->argsz = sizeof(buf);
	b->flags = flags;
	if (get)
		memcpy(b->data, get, sizeof(*get));
	return vfio_ioctl(d->container, VFIO_IOMMU_DIRTY_PAGES, b);
}

/* Which pages of the mapping at @iova are dirty? */
static void look_at(struct vfio *d, uint64_t iova)
{
	struct vfio_iommu_type1_dirty_bitmap_get get = {
		.iova = iova, .size = PAGES * PAGE,
		.bitmap = {
			.pgsize = PAGE, .size = sizeof(bitmap),
			.data = (void *)&bitmap,
		},
	};

	bitmap = 0;
	ASSERT_EQ(dirty_pages(d, VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP, &get), 0);
}

static void look(struct vfio *d)
{
	look_at(d, IOVA);
}

static bool dirty(unsigned long page)
{
	return bitmap >> page & 1;
}

/* A VF that was just opened, in a container that tracks. */
static struct vfio *fresh(void)
{
	struct vfio *d;

	dut_close();
	d = mig_fresh();
	if (!vfio_feature(d, VFIO_DEVICE_FEATURE_PROBE | VFIO_DEVICE_FEATURE_SET |
			  VFIO_DEVICE_FEATURE_DMA_LOGGING_START, NULL, 0))
		SKIP("the kernel has DMA logging: no page is pinned");
	mem = vfio_dma_map(d, IOVA, PAGES * PAGE);
	ASSERT(mem);
	ASSERT_EQ(dirty_pages(d, VFIO_IOMMU_DIRTY_PAGES_FLAG_START, NULL), 0);
	return d;
}

static void receive_here(struct vfio *d, unsigned int count)
{
	vf_receive(d, mem + RING * PAGE, IOVA + RING * PAGE, IOVA + BUFFER(0) * PAGE, count);
}

static void expect_buffers(unsigned int count)
{
	EXPECT_EQ(bitmap, 1 << RING | ((1UL << count) - 1) << BUFFER(0));
}

/* Begin to save; all that there is yet has been read. */
static int begin(struct vfio *d)
{
	static char data[MAX_STREAM];
	int fd = set_state(d, PRE_COPY);

	ASSERT(fd >= 0);
	ASSERT(read_fd(fd, data, sizeof(data)) > 0);
	EXPECT_EQ(read_fd(fd, data, sizeof(data)), -ENOMSG);
	return fd;
}

/* Tracking has failed: who saves hears of it, and the device goes on. */
static void expect_failed(struct vfio *d, int fd)
{
	char c;

	EXPECT_EQ(read_fd(fd, &c, 1), -EIO);
	EXPECT_EQ(set_state(d, STOP_COPY), NO_FD);
	EXPECT_EQ(read_fd(fd, &c, 1), -ENODEV);
	EXPECT_EQ(set_state(d, RUNNING), NO_FD);
	close(fd);
}

/* A migration that begins now comes to its end. */
static void expect_saved(struct vfio *d)
{
	int fd = begin(d);

	look(d);
	expect_buffers(4);
	EXPECT_EQ(set_state(d, STOP_COPY), NO_FD);
	EXPECT_EQ(set_state(d, RUNNING), NO_FD);
	close(fd);
}

TEST(narrow, "with the beginning of a migration all pages become those of rings and buffers")
{
	struct vfio *d = fresh();
	int fd;

	receive_here(d, 4);
	look(d);
	EXPECT_EQ(bitmap, ~0UL);
	fd = begin(d);
	for (int i = 0; i < 3; i++) {
		look(d);
		expect_buffers(4);
	}
	/* Handed over while it runs */
	bar_write32(d, BAR, RX(TAIL), 6);
	EXPECT(WITHIN(1000, (look(d), dirty(BUFFER(5)))));
	expect_buffers(6);
	EXPECT_EQ(set_state(d, STOP_COPY), NO_FD);
	look(d);
	expect_buffers(6);
	/* And when it goes on, until the VF is closed */
	EXPECT_EQ(set_state(d, RUNNING), NO_FD);
	close(fd);
	EXPECT(WITHIN(1000, (look(d), dirty(BUFFER(5)))));
	expect_buffers(6);
}

TEST(idle, "a device that writes nowhere has no page dirty")
{
	struct vfio *d = fresh();
	int fd;

	look(d);
	EXPECT_EQ(bitmap, ~0UL);
	fd = begin(d);
	/* The container reports once what it was told of. */
	look(d);
	EXPECT(__builtin_popcountl(bitmap) <= 1);
	look(d);
	EXPECT_EQ(bitmap, 0);
	receive_here(d, 4);
	EXPECT(WITHIN(1000, (look(d), dirty(BUFFER(3)))));
	EXPECT_EQ(set_state(d, STOP_COPY), NO_FD);
	look(d);
	expect_buffers(4);
	EXPECT_EQ(set_state(d, RUNNING), NO_FD);
	close(fd);
}

TEST(unmapped, "memory that is unmapped with buffers in it ends the migration, the next one works")
{
	struct vfio *d = fresh();
	char *other;
	int fd;

	for (int round = 0; round < 3; round++) {
		other = vfio_dma_map(d, OTHER, PAGES * PAGE);
		ASSERT(other);
		vf_receive(d, mem, IOVA, OTHER, 4);
		fd = begin(d);
		look_at(d, OTHER);
		EXPECT_EQ(bitmap, 0xf);
		EXPECT_EQ(vfio_dma_unmap(d, OTHER, PAGES * PAGE, other), 0);
		expect_failed(d, fd);
	}
	receive_here(d, 4);
	expect_saved(d);
}

TEST(buffers, "memory that is unmapped with nothing but old buffers in it is no failure")
{
	struct vfio *d = fresh();
	char *other = vfio_dma_map(d, OTHER, PAGES * PAGE);
	int fd;

	ASSERT(other);
	vf_receive(d, mem, IOVA, OTHER, 4);
	fd = begin(d);
	/* Used and replaced */
	bar_write32(d, BAR, RX(HEAD), 4);
	for (unsigned int i = 0; i < VF_SLOTS; i++)
		vf_buffer(mem, i, IOVA + BUFFER(i) * PAGE);
	bar_write32(d, BAR, RX(TAIL), 3);
	EXPECT(WITHIN(1000, (look(d), dirty(BUFFER(2)))));
	bar_write32(d, BAR, RX(HEAD), 2);
	bar_write32(d, BAR, RX(TAIL), 4);
	EXPECT(WITHIN(1000, (look(d), dirty(BUFFER(3)))));
	look_at(d, OTHER);
	EXPECT_EQ(bitmap, 0xf);
	look_at(d, OTHER);
	EXPECT_EQ(bitmap, 0);
	EXPECT_EQ(vfio_dma_unmap(d, OTHER, PAGES * PAGE, other), 0);
	EXPECT_EQ(set_state(d, STOP_COPY), NO_FD);
	EXPECT_EQ(set_state(d, RUNNING), NO_FD);
	close(fd);
}

TEST(mapped_later, "a buffer whose memory is mapped after it was handed over is reported")
{
	struct vfio *d = fresh();
	char *other;
	int fd;

	vf_receive(d, mem, IOVA, OTHER, 4);
	fd = begin(d);
	other = vfio_dma_map(d, OTHER, PAGES * PAGE);
	ASSERT(other);
	look_at(d, OTHER);
	EXPECT_EQ(bitmap, 0);
	/* The first two are used and replaced, the others still there at the end. */
	bar_write32(d, BAR, RX(HEAD), 2);
	for (unsigned int i = 0; i < 2; i++)
		vf_buffer(mem, i, IOVA + BUFFER(i) * PAGE);
	for (unsigned int i = 4; i < VF_SLOTS; i++)
		vf_buffer(mem, i, IOVA + BUFFER(i) * PAGE);
	bar_write32(d, BAR, RX(TAIL), 2);
	EXPECT(WITHIN(1000, (look(d), dirty(BUFFER(1)))));
	look_at(d, OTHER);
	EXPECT_EQ(bitmap, 0x3);
	EXPECT_EQ(set_state(d, STOP_COPY), NO_FD);
	look_at(d, OTHER);
	EXPECT_EQ(bitmap, 0xc);
	EXPECT_EQ(set_state(d, RUNNING), NO_FD);
	close(fd);
	EXPECT_EQ(vfio_dma_unmap(d, OTHER, PAGES * PAGE, other), 0);
}

TEST(unpinnable, "a buffer whose page cannot be pinned ends the migration, the next one works")
{
	struct vfio *d = fresh();
	char *other = vfio_dma_map(d, OTHER, PAGES * PAGE);
	int fd;
	char c;

	ASSERT(other);
	/* Still mapped for the device, but not in the process any more */
	munmap(other, PAGES * PAGE);
	vf_receive(d, mem, IOVA, OTHER, 4);
	EXPECT_EQ(set_state(d, PRE_COPY), REFUSED(EIO));
	EXPECT_EQ(get_state(d), RUNNING);
	receive_here(d, 4);
	expect_saved(d);

	/* The same while a migration is under way */
	fd = begin(d);
	vf_buffer(mem, 4, OTHER);
	bar_write32(d, BAR, RX(TAIL), 5);
	EXPECT(WITHIN(1000, read_fd(fd, &c, 1) == -EIO));
	expect_failed(d, fd);
	receive_here(d, 4);
	expect_saved(d);
}

/* Works if tracking, which goes on after a migration, has not failed. */
static void save_stopped(struct vfio *d)
{
	static struct stream s;

	save(d, &s);
	EXPECT_EQ(set_state(d, RUNNING), NO_FD);
}

TEST(restarted, "memory that is unmapped after a reset is no failure")
{
	struct vfio *d = fresh();
	char *other = vfio_dma_map(d, OTHER, PAGES * PAGE);
	int fd;

	ASSERT(other);
	vf_receive(d, mem, IOVA, OTHER, 4);
	fd = begin(d);
	mig_reset(d);
	close(fd);
	EXPECT_EQ(vfio_dma_unmap(d, OTHER, PAGES * PAGE, other), 0);
	save_stopped(d);
}

/* Tracking goes on after a migration that was cancelled, and can fail there. */
TEST(stopped, "after a failure a guest that is stopped is saved when a live migration has begun")
{
	struct vfio *d = fresh();
	char *other = vfio_dma_map(d, OTHER, PAGES * PAGE);
	int fd;

	ASSERT(other);
	vf_receive(d, mem, IOVA, OTHER, 4);
	fd = begin(d);
	EXPECT_EQ(set_state(d, RUNNING), NO_FD);
	close(fd);
	EXPECT_EQ(vfio_dma_unmap(d, OTHER, PAGES * PAGE, other), 0);
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(set_state(d, STOP), NO_FD);
		EXPECT_EQ(set_state(d, STOP_COPY), REFUSED(EIO));
		EXPECT_EQ(get_state(d), STOP);
		EXPECT_EQ(set_state(d, RUNNING), NO_FD);
	}
	receive_here(d, 4);
	expect_saved(d);
	save_stopped(d);
}

TEST(went_on, "a guest that was stopped goes on, and what it writes is known as before")
{
	struct vfio *d = fresh();
	int fd;

	receive_here(d, 4);
	/* It has used the first. */
	bar_write32(d, BAR, RX(HEAD), 1);
	fd = begin(d);
	for (unsigned int i = 0; i < 3; i++) {
		EXPECT_EQ(set_state(d, STOP_COPY), NO_FD);
		usleep(20000 * test_slow());
		EXPECT_EQ(set_state(d, RUNNING), NO_FD);
		close(fd);
		usleep(20000 * test_slow());
		bar_write32(d, BAR, RX(TAIL), 5 + i);
		EXPECT(WITHIN(1000, (look(d), dirty(BUFFER(4 + i)))));
		save_stopped(d);
		fd = begin(d);
	}
	close(fd);
}

static void *poll_it(void *fd)
{
	struct pollfd p = { .fd = *(int *)fd, .events = POLLIN };
	uint64_t from = test_now_us();

	poll(&p, 1, 10000 * test_slow());
	/* Who sleeps to the end finds it, too. */
	return (void *)(long)(p.revents == POLLIN &&
			      test_now_us() - from < 8000000ULL * test_slow());
}

TEST(woken, "who waits for more data is woken by a failure")
{
	struct vfio *d = fresh();
	pthread_t thread;
	void *woken;
	int fd;

	receive_here(d, 4);
	fd = begin(d);
	ASSERT_EQ(pthread_create(&thread, NULL, poll_it, &fd), 0);
	/* Until it sleeps; if it does not yet, it will find what it waits for. */
	usleep(200000);
	bar_write32(d, BAR, RX(TAIL), VF_SLOTS + 1);
	pthread_join(thread, &woken);
	EXPECT(woken);
	bar_write32(d, BAR, RX(TAIL), 4);
	expect_failed(d, fd);
}

/*
 * Four buffers are known. Eight are handed over, used, and the queue switched off,
 * before anybody looks: if he does not come in between, which is said.
 */
static bool outran(struct vf_sender *sender, struct vfio *d)
{
	unsigned int sent = 0;
	int fd, ret;
	char c;

	receive_here(d, 0);
	bar_write32(d, BAR, RX(HEAD), 0);
	bar_write32(d, BAR, RX(TAIL), 4);
	fd = begin(d);
	vf_put(sender, 8, FRAME);
	sent = bar_read32(d, BAR, GOOD_PACKETS);
	bar_write32(d, BAR, RX(TAIL), 8);
	bar_write32(sender->d, BAR, TX(TAIL), sender->tail);
	bar_write32(d, BAR, RX(CTL), 0);
	EXPECT_EQ(bar_read32(d, BAR, GOOD_PACKETS) - sent, 8);
	usleep(20000 * test_slow());
	ret = read_fd(fd, &c, 1);
	EXPECT(ret == -EIO || ret == -ENOMSG);
	EXPECT_EQ(set_state(d, RUNNING), NO_FD);
	close(fd);
	return ret == -EIO;
}

/* A VF that receives, and another one that sends */
static struct vfio *receiving(struct vf_sender *sender, struct vfio *other)
{
	struct vfio *d;

	if (args.nbdf < 2)
		SKIP("no second address given");
	d = fresh();
	ASSERT_EQ(vfio_open(other, args.bdf[1]), 0);
	ASSERT(vf_sender_start(sender, other, IOVA));
	ASSERT(vf_reset(d, NULL));
	cfg_command(d, PCI_COMMAND_MASTER, 0);
	return d;
}

TEST(outrun, "buffers that were used before they were seen are missed, though the ring is gone")
{
	unsigned int seen = 0, rounds = 20;
	struct vf_sender sender;
	struct vfio *d, other;

	d = receiving(&sender, &other);
	for (unsigned int i = 0; i < rounds; i++)
		seen += outran(&sender, d);
	test_note("%u of %u", seen, rounds);
	EXPECT(seen >= rounds / 2);
	vfio_close(&other);
	dut_close();
}

/* The last look before the queue is switched off tells exactly what it used. */
TEST(used_up, "a VF that is stopped when it has just used all buffers that were seen is saved")
{
	static struct stream s;
	struct vf_sender sender;
	struct vfio *d, other;
	/* So few that it cannot have gone around */
	const unsigned int used = 6;
	unsigned int got;
	int fd;

	d = receiving(&sender, &other);
	for (int i = 0; i < 10; i++) {
		/* Off, so that nobody sees the head of the last round with the tail of this. */
		bar_write32(d, BAR, RX(CTL), 0);
		bar_write32(d, BAR, RX(HEAD), 0);
		bar_write32(d, BAR, RX(TAIL), 0);
		receive_here(d, used);
		fd = begin(d);
		/* Tracking goes on after a migration: known by now, if not from the beginning */
		usleep(100000 * test_slow());
		got = bar_read32(d, BAR, GOOD_PACKETS);
		ASSERT(vf_send(&sender, used, FRAME));
		EXPECT_EQ(set_state(d, STOP_COPY), NO_FD);
		look(d);
		expect_buffers(used);
		EXPECT_EQ(bar_read32(d, BAR, GOOD_PACKETS) - got, used);
		s.len = 0;
		drain(fd, &s);
		EXPECT(s.len > 0);
		close(fd);
		EXPECT_EQ(set_state(d, RUNNING), NO_FD);
	}
	vfio_close(&other);
	dut_close();
}

/* What is seen of a ring that is gone rests on that. */
TEST(counted, "packets for a queue that is off are not counted, and a reset changes no counter")
{
	struct vf_sender sender;
	struct vfio *d, other;

	d = receiving(&sender, &other);
	receive_here(d, 8);
	ASSERT(vf_send(&sender, 3, FRAME));
	EXPECT_EQ(bar_read32(d, BAR, GOOD_PACKETS), 3);
	bar_write32(d, BAR, RX(CTL), 0);
	ASSERT(vf_send(&sender, 3, FRAME));
	EXPECT_EQ(bar_read32(d, BAR, GOOD_PACKETS), 3);
	mig_reset(d);
	EXPECT_EQ(bar_read32(d, BAR, GOOD_PACKETS), 3);
	ASSERT(vf_reset(d, NULL));
	EXPECT_EQ(bar_read32(d, BAR, GOOD_PACKETS), 3);
	vfio_close(&other);
	dut_close();
}

TEST(kept_up, "a ring that goes when few of its buffers are used is no failure")
{
	struct vf_sender sender;
	struct vfio *d, other;
	int fd;
	char c;

	d = receiving(&sender, &other);
	for (int i = 0; i < 6; i++) {
		bool reset = i % 2;

		bar_write32(d, BAR, RX(HEAD), 0);
		receive_here(d, VF_SLOTS - 1);
		fd = begin(d);
		/* Known by now, if it was not from the beginning */
		usleep(100000 * test_slow());
		ASSERT(vf_send(&sender, 5, FRAME));
		if (reset)
			mig_reset(d);
		else
			bar_write32(d, BAR, RX(CTL), 0);
		usleep(20000 * test_slow());
		EXPECT_EQ(read_fd(fd, &c, 1), reset ? -ENODEV : -ENOMSG);
		close(fd);
		EXPECT_EQ(set_state(d, RUNNING), NO_FD);
		save_stopped(d);
		ASSERT(!reset || vf_reset(d, NULL));
	}
	vfio_close(&other);
	dut_close();
}
