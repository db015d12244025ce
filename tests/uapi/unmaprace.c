// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory is unmapped while a VF's rings with buffers in it come and go, and migrations
 * begin
 *
 * Before a type 1 container unmaps memory, it asks for the end of pins there; it looks,
 * and asks again, ten times. What is pinned at the eleventh look ends the host. It looks
 * at once, and so rarely gets that far: sleep in vfio_pci_core_dirty_unmap() to see it.
 */
#include <pthread.h>

#include "i82576.h"
#include "mig.h"
#include "pci.h"
#include "test.h"

#define PAGE		4096UL
/* Two rings, in memory that stays, with all buffers in a page that comes and goes */
#define RINGS		0x100000UL
#define SLOTS		4096UL
#define RING_BYTES	(16 * SLOTS)
#define BUFFER		0x800000UL

static struct vfio *d;
static volatile bool stop;
static unsigned long migrations, refused;

static void *renew_rings(void *unused)
{
	for (unsigned int n = 0; !stop; n = !n) {
		bar_write32(d, BAR, RX(BAL), RINGS + n * RING_BYTES);
		usleep(5000);
	}
	return unused;
}

static void *begin_migrations(void *unused)
{
	while (!stop) {
		int fd = set_state(d, PRE_COPY);

		if (fd >= 0) {
			set_state(d, RUNNING);
			close(fd);
			migrations++;
		} else {
			refused++;
		}
		usleep(1000);
	}
	return unused;
}

static unsigned int map_and_unmap(unsigned int seconds)
{
	time_t end = time(NULL) + seconds;
	unsigned int n;

	for (n = 0; time(NULL) < end; n++) {
		char *mem = vfio_dma_map(d, BUFFER, PAGE);

		ASSERT(mem);
		usleep(n % 20 * 1000);
		ASSERT_EQ(vfio_dma_unmap(d, BUFFER, PAGE, mem), 0);
	}
	return n;
}

static void set_up(void)
{
	uint64_t *rings;

	d = mig_fresh();
	rings = vfio_dma_map(d, RINGS, 2 * RING_BYTES);
	ASSERT(rings);
	for (unsigned int i = 0; i < 2 * SLOTS; i++)
		rings[2 * i] = BUFFER;
	vf_ring(d, RX(0), RINGS, SLOTS);
	bar_write32(d, BAR, RX(TAIL), SLOTS - 1);
}

TEST(race, "memory is unmapped whatever rings and migrations do meanwhile")
{
	void *(*work[])(void *) = { renew_rings, begin_migrations };
	pthread_t threads[ARRAY_SIZE(work)];
	unsigned int unmaps;

	set_up();
	for (size_t i = 0; i < ARRAY_SIZE(work); i++)
		ASSERT_EQ(pthread_create(&threads[i], NULL, work[i], NULL), 0);
	unmaps = map_and_unmap(args.seconds);
	stop = true;
	for (size_t i = 0; i < ARRAY_SIZE(work); i++)
		pthread_join(threads[i], NULL);
	test_note("unmapped %u times, %lu migrations began, %lu were refused", unmaps,
		  migrations, refused);
	EXPECT(unmaps > 10 && migrations > 10);
	/* A migration that nobody disturbs works. */
	EXPECT(set_state(d, PRE_COPY) >= 0);
	EXPECT_EQ(set_state(d, RUNNING), NO_FD);
}
