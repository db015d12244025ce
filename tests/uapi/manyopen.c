// SPDX-License-Identifier: GPL-2.0-only
/*
 * Several devices open at once: each address on the command line is one
 */
#include <sched.h>

#include "model.h"
#include "pci.h"
#include "test.h"

static struct vfio devs[MAX_ARGS];

static void open_all(bool shared)
{
	for (unsigned int i = 0; i < args.nbdf; i++) {
		struct vfio *first = shared && i ? &devs[0] : NULL;

		/* devices of one group share its file in any case */
		for (unsigned int j = 0; j < i; j++)
			if (vfio_group_of(args.bdf[j]) == vfio_group_of(args.bdf[i]))
				first = &devs[j];
		ASSERT_EQ(vfio_open_with(&devs[i], args.bdf[i], first, args.token), 0);
		cfg_command(&devs[i], PCI_COMMAND_MEMORY, 0);
	}
}

static void close_all(bool backwards)
{
	for (unsigned int i = 0; i < args.nbdf; i++)
		vfio_close(&devs[backwards ? args.nbdf - 1 - i : i]);
}

static void each_its_own(void)
{
	for (unsigned int i = 0; i < args.nbdf; i++) {
		const struct model *m = model_with_scratch(&devs[i]);

		if (m)
			scratch_write(&devs[i], m, 0x00010001 * (i + 1));
	}
	for (unsigned int i = 0; i < args.nbdf; i++) {
		const struct model *m = model_with_scratch(&devs[i]);

		if (m)
			EXPECT_EQ(bar_read32(&devs[i], 0, m->scratch),
				  scratch_value(m, 0x00010001 * (i + 1)));
	}
}

TEST(own, "all open, each with a container of its own")
{
	open_all(false);
	each_its_own();
	close_all(false);
}

TEST(one, "all open in one container, closed in the other order")
{
	open_all(true);
	each_its_own();
	close_all(true);
}

TEST(irqs, "all with interrupts at once; each arrives where it belongs")
{
	int fds[MAX_ARGS];

	open_all(true);
	for (unsigned int i = 0; i < args.nbdf; i++) {
		unsigned int index = vfio_irq_count(&devs[i], VFIO_PCI_MSIX_IRQ_INDEX) ?
			VFIO_PCI_MSIX_IRQ_INDEX : VFIO_PCI_MSI_IRQ_INDEX;

		fds[i] = efd_new();
		ASSERT_EQ(vfio_irq_fd(&devs[i], index, 0, fds[i]), 0);
	}
	for (unsigned int i = 0; i < args.nbdf; i++) {
		const struct model *m = model_of(&devs[i]);

		if (!m || !m->raise)
			continue;
		cfg_command(&devs[i], PCI_COMMAND_MASTER, 0);
		if (m->lower)
			m->lower(&devs[i]);
		/*
		 * QEMU: an e1000e signals its cause once more by itself, so what
		 * an earlier device still sent is taken first, and one that is
		 * raised may repeat itself. Nobody else may be heard.
		 */
		usleep(10000);
		for (unsigned int j = 0; j < args.nbdf; j++)
			efd_count(fds[j]);
		m->raise(&devs[i], 0);
		EXPECT(efd_fires(fds[i]));
		for (unsigned int j = 0; j < args.nbdf; j++)
			if (j != i && !EXPECT_EQ(efd_count(fds[j]), 0))
				test_note("raised by %s, came from %s",
					  args.bdf[i], args.bdf[j]);
		if (m->lower)
			m->lower(&devs[i]);
	}
	close_all(false);
	for (unsigned int i = 0; i < args.nbdf; i++)
		close(fds[i]);
}

TEST(again, "and all once more")
{
	open_all(true);
	each_its_own();
	close_all(false);
}

/*
 * What is closed goes to sleep a little later, by a worker. On one processor that
 * worker does not run before a real-time task waits for something, which is in the
 * reset of the bus for the last one that is closed.
 */
static void close_all_at_once(bool backwards)
{
	struct sched_param realtime = { .sched_priority = 1 }, usual = {};

	ASSERT_EQ(sched_setscheduler(0, SCHED_FIFO, &realtime), 0);
	close_all(backwards);
	ASSERT_EQ(sched_setscheduler(0, SCHED_OTHER, &usual), 0);
}

TEST(at_once, "closed with no time to fall asleep in between, each is good at its next open")
{
	for (unsigned int n = 0; n < 3; n++) {
		open_all(true);
		each_its_own();
		close_all_at_once(n % 2);
	}
}
