// SPDX-License-Identifier: GPL-2.0-only
/*
 * Resets against migration: against data sessions whose memory is the device's own, and
 * against changes of the state
 *
 * A page fault in a mapping of a BAR waits for the end of a reset. The reset in turn
 * ends the session, so neither may wait for the other.
 */
#include <pthread.h>
#include <sys/mman.h>

#include "i82576.h"
#include "pci.h"
#include "test.h"

#define ROUNDS	20

static struct vfio *d;
static char *bar;
static volatile bool stop;
static unsigned long sessions;

static int set_state(int state)
{
	struct vfio_device_feature_mig_state s = { .device_state = state };
	int ret = vfio_feature(d, VFIO_DEVICE_FEATURE_SET |
			       VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE, &s, sizeof(s));

	return ret ? ret : s.data_fd;
}

/* The resets end what is begun here, so any of it may fail, but not wait. */
static void *use_sessions(void *state)
{
	while (!stop) {
		int fd = set_state((long)state);

		if (fd < 0) {
			usleep(100);
			continue;
		}
		for (int i = 0; i < 20; i++)
			if ((long)state == VFIO_DEVICE_STATE_RESUMING ?
			    write(fd, bar, 16) < 0 && errno == ENODEV :
			    read(fd, bar, 16) < 0 && errno == ENODEV)
				break;
		close(fd);
		__atomic_fetch_add(&sessions, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void open_migratable(void)
{
	struct vfio_device_feature_migration f = {};

	d = dut();
	if (vfio_feature(d, VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_MIGRATION,
			 &f, sizeof(f)))
		SKIP("the device does not migrate");
}

static void against_resets(int state)
{
	unsigned int resets = 0;
	pthread_t thread;

	open_migratable();
	bar = vfio_mmap(d, mappable_bar(d), mappable_page(d), 4096);
	ASSERT(bar != MAP_FAILED);
	stop = false;
	sessions = 0;
	ASSERT_EQ(pthread_create(&thread, NULL, use_sessions, (void *)(long)state), 0);
	/* Some more, until there has been something to end. None begins in a reset. */
	for (; resets < 2000 && (resets < 20 || sessions < 20); resets++) {
		EXPECT_EQ(vfio_ioctl(d->fd, VFIO_DEVICE_RESET, NULL), 0);
		usleep(500);
	}
	stop = true;
	pthread_join(thread, NULL);
	test_note("%u resets, %lu sessions", resets, sessions);
	EXPECT(sessions >= 20);
	munmap(bar, 4096);
	ASSERT_EQ(vfio_ioctl(d->fd, VFIO_DEVICE_RESET, NULL), 0);
}

TEST(load, "a stream that is written from the device's memory")
{
	against_resets(VFIO_DEVICE_STATE_RESUMING);
}

TEST(save, "a stream that is read into the device's memory")
{
	against_resets(VFIO_DEVICE_STATE_STOP_COPY);
}

static void *reset_from_outside(void *bdf)
{
	EXPECT_EQ(sysfs_write(bdf, "reset", "1"), 0);
	return NULL;
}

/*
 * Whichever comes last, the reset or the stop: when both are over the VF is what its
 * state says. No other arc is taken before that is looked at, it could make good what
 * the reset has not.
 */
static void stop_against_reset(const char *bdf)
{
	struct vfio_device_feature_mig_state s = {};
	unsigned int running = 0;
	pthread_t thread;

	open_migratable();
	for (unsigned int i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(pthread_create(&thread, NULL, reset_from_outside, (void *)bdf), 0);
		usleep(i * 10000);
		EXPECT(WITHIN(2000, set_state(VFIO_DEVICE_STATE_STOP) == -1));
		pthread_join(thread, NULL);
		ASSERT_EQ(vfio_feature(d, VFIO_DEVICE_FEATURE_GET |
				       VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE, &s,
				       sizeof(s)), 0);
		running += s.device_state == VFIO_DEVICE_STATE_RUNNING;
		if (s.device_state != VFIO_DEVICE_STATE_RUNNING)
			ASSERT_EQ(set_state(VFIO_DEVICE_STATE_RUNNING), -1);
		ASSERT(vf_reset(d, NULL));
	}
	/* Else they have not met. */
	test_note("%u of %u times the reset came last", running, ROUNDS);
	EXPECT(running);
}

TEST(vf, "a VF that is reset from outside while it is stopped is what its state says")
{
	stop_against_reset(args.bdf[0]);
}

TEST(pf, "the same with a reset of its PF")
{
	char bdf[64];

	if (sysfs_link(args.bdf[0], "physfn", bdf, sizeof(bdf)))
		SKIP("not a VF");
	stop_against_reset(bdf);
}
