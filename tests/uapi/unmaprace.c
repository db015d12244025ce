// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory is unmapped while a VF's rings with buffers in it come and go, and migrations
 * begin
 *
 * Before a type 1 container unmaps memory, it asks for the end of pins there; it looks,
 * and asks again, ten times. What is pinned at the eleventh look ends the host. It looks
 * at once, and so rarely gets that far: sleep in vfio_pci_core_dirty_unmap() to see it.
 * It asks with a lock held for which a second thread that unmaps waits, while that holds
 * the one which it takes to unpin.
 */
#include <pthread.h>

#include "i82576.h"
#include "mig.h"
#include "pci.h"
#include "test.h"

#define PAGE		4096UL
/* Two rings, in memory that stays, with all buffers in two pages that come and go */
#define RINGS		0x100000UL
#define SLOTS		4096UL
#define RING_BYTES	(16 * SLOTS)
#define BUFFER(n)	(0x800000UL + 0x100000UL * (n))

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

static void *map_and_unmap(void *iova)
{
	unsigned long n;

	for (n = 0; !stop; n++) {
		char *mem = vfio_dma_map(d, (unsigned long)iova, PAGE);

		ASSERT(mem);
		usleep(n % 20 * 1000);
		ASSERT_EQ(vfio_dma_unmap(d, (unsigned long)iova, PAGE, mem), 0);
	}
	return (void *)n;
}

static void set_up(void)
{
	uint64_t *rings;

	d = mig_fresh();
	rings = vfio_dma_map(d, RINGS, 2 * RING_BYTES);
	ASSERT(rings);
	for (unsigned int i = 0; i < 2 * SLOTS; i++)
		rings[2 * i] = BUFFER(i % 2);
	vf_ring(d, RX(0), RINGS, SLOTS);
	bar_write32(d, BAR, RX(TAIL), SLOTS - 1);
}

TEST(race, "memory is unmapped whatever rings and migrations do meanwhile")
{
	const struct {
		void *(*fn)(void *);
		void *arg;
	} work[] = {
		{ map_and_unmap, (void *)BUFFER(0) },
		{ map_and_unmap, (void *)BUFFER(1) },
		{ renew_rings, NULL },
		{ begin_migrations, NULL },
	};
	pthread_t threads[ARRAY_SIZE(work)];
	void *unmaps[ARRAY_SIZE(work)];
	const char *want = getenv("MIGRATIONS");

	set_up();
	for (size_t i = 0; i < ARRAY_SIZE(work); i++)
		ASSERT_EQ(pthread_create(&threads[i], NULL, work[i].fn, work[i].arg), 0);
	sleep(args.seconds);
	stop = true;
	for (size_t i = 0; i < ARRAY_SIZE(work); i++)
		pthread_join(threads[i], &unmaps[i]);
	test_note("unmapped %lu and %lu times, %lu migrations began, %lu were refused",
		  (unsigned long)unmaps[0], (unsigned long)unmaps[1], migrations, refused);
	EXPECT((unsigned long)unmaps[0] > 10 && (unsigned long)unmaps[1] > 10);
	EXPECT(migrations + refused > 10);
	EXPECT(migrations >= (want ? strtoul(want, NULL, 0) : 0));
	/* A migration that nobody disturbs works. */
	EXPECT(set_state(d, PRE_COPY) >= 0);
	EXPECT_EQ(set_state(d, RUNNING), NO_FD);
}
