// SPDX-License-Identifier: GPL-2.0-only
/*
 * Resets against data sessions whose memory is the device's own
 *
 * A page fault in a mapping of a BAR waits for the end of a reset. The reset in turn
 * ends the session, so neither may wait for the other.
 */
#include <pthread.h>
#include <sys/mman.h>

#include "pci.h"
#include "test.h"

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

		if (fd < 0)
			continue;
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

static void against_resets(int state)
{
	struct vfio_device_feature_migration f = {};
	unsigned int resets = 0;
	pthread_t thread;

	d = dut();
	if (vfio_feature(d, VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_MIGRATION,
			 &f, sizeof(f)))
		SKIP("the device does not migrate");
	bar = vfio_mmap(d, mappable_bar(d), mappable_page(d), 4096);
	ASSERT(bar != MAP_FAILED);
	stop = false;
	sessions = 0;
	ASSERT_EQ(pthread_create(&thread, NULL, use_sessions, (void *)(long)state), 0);
	/* Some more, until there has been something to end */
	for (; resets < 2000 && (resets < 20 || sessions < 20); resets++)
		EXPECT_EQ(vfio_ioctl(d->fd, VFIO_DEVICE_RESET, NULL), 0);
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
