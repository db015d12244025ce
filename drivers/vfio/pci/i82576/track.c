// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty tracking: where a VF may write
 *
 * Into receive buffers, receive rings (the write-back overwrites the addresses of
 * the buffers), and transmit rings or the word to which the head of one is written.
 *
 * A guest hands over buffers by writing RDT, thousands of times a second. To trap that
 * would cost it as long as it runs, since a user asks only once what he may map, and
 * takes most of its throughput where an exit is dear. So its registers are mapped, and
 * while somebody wants to know what is written, a thread looks at them. A buffer that
 * is handed over is used when those before it have been, which are a whole ring
 * usually: the thread comes back well before, and so finds each buffer in its
 * descriptor before the VF writes to either.
 *
 * Data sheet: 7.1.4 to 7.1.6 (descriptors, header split), 7.2.3 (head write-back),
 * 8.10, 8.12 and 8.26 (registers of a VF).
 */

/**
 * DOC: what shows that a look came too late
 *
 * - The head has passed what was handed over at the last look.
 * - So much was received since (VFGPRC, VFGORC) that the head can have gone around.
 * - The ring has gone (the queue is off, the VF was stopped, reset or asleep), and so
 *   much was received since that the VF may have used more than was handed over then.
 * - The ring is another one, or its next buffers are not those that were handed over,
 *   and the VF has used some of it already.
 *
 * Tracking has failed then: the attempt to migrate ends, and the guest goes on. Rings
 * that came and went between two looks without a packet are of no interest, nor are
 * transmit rings that are gone when the VF has come to rest.
 *
 * A VF that is stopped has its queues off, and writes nothing. Nobody looks then: it goes
 * on with the rings of before.
 */
#include <linux/bitfield.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/time64.h>

#include "i82576_vfio.h"

static bool track_buffers = true;
module_param_unsafe(track_buffers, bool, 0644);
MODULE_PARM_DESC(track_buffers, "For tests: without this, migration loses what the VF received meanwhile");

/* VFGPRC and VFGORC: good packets and octets received */
#define PACKETS		0xf10
#define OCTETS		0xf18

/* Registers of receive queue q, in the page of the receive registers */
#define QUEUE_STRIDE	0x100
#define VF_RX(q)	(0x2800 + QUEUE_STRIDE * (q))
#define   RX_BAL	0x00
#define   RX_BAH	0x04
#define   RX_LEN	0x08
#define   RX_SRRCTL	0x0c
#define     SRRCTL_PACKET	GENMASK(6, 0)
#define     SRRCTL_HEADER	GENMASK(13, 8)
#define     SRRCTL_TYPE		GENMASK(27, 25)
#define       TYPE_SPLIT	2
#define   RX_HEAD	0x10
#define   RX_TAIL	0x18
#define   RX_CTL	0x28
#define VF_TX(q)	(0x3800 + QUEUE_STRIDE * (q))
#define   TX_BAL	0x00
#define   TX_BAH	0x04
#define   TX_LEN	0x08
#define   TX_CTL	0x28
#define   TX_WBAL	0x38
#define     WBAL_ENABLE	BIT(0)
#define   TX_WBAH	0x3c
#define CTL_ENABLE	BIT(25)
#define LEN_MASK	GENMASK(19, 7)
#define BAL_MASK	GENMASK(31, 7)
#define DEFAULT_PACKET	2048

/* The shortest frame on the wire, with what is between two of them, at 1 Gb/s */
#define SHORTEST_NS	672ULL
#define SHORTEST_PAUSE_US	50
#define LONGEST_PAUSE_US	1000
/*
 * How many times as long as a look takes of a processor the pause behind it is at least.
 * Where registers are slow, or a guest makes much work, a migration that fails is better
 * than others that do not come to their turn.
 */
#define PAUSES			3

/* Regions and rings, as the library numbers them */
#define REGION_RX(q)	(q)
#define REGION_TX(q)	(I82576_QUEUES + (q))
#define REGION_HEAD(q)	(2 * I82576_QUEUES + (q))
#define RING_PACKET(q)	(q)
#define RING_HEADER(q)	(I82576_QUEUES + (q))

struct rx_descriptor {
	__le64 packet;
	__le64 header;
};

/* Descriptors that are looked at in one go */
#define BATCH		32

static int read_reg(struct i82576_vfio *vf, u32 reg, u32 *value)
{
	return vfio_pci_core_bar_read(&vf->core, I82576_BAR, reg, value);
}

static int read_regs(struct i82576_vfio *vf, u32 base, const u8 *regs,
		     unsigned int count, u32 *values)
{
	int ret = 0;

	for (unsigned int i = 0; !ret && i < count; i++)
		ret = read_reg(vf, base + regs[i], &values[i]);
	return ret;
}

/* What the VF may write of transmit queue @q */
static int declare_tx(struct i82576_vfio *vf, unsigned int q)
{
	static const u8 regs[] = { TX_BAL, TX_BAH, TX_LEN, TX_WBAL, TX_WBAH };
	u32 ctl, v[ARRAY_SIZE(regs)] = {};
	u64 base, head;
	int ret;

	ret = read_reg(vf, VF_TX(q) + TX_CTL, &ctl);
	if (!ret && (ctl & CTL_ENABLE))
		ret = read_regs(vf, VF_TX(q), regs, ARRAY_SIZE(regs), v);
	if (ret)
		return ret;

	base = (u64)v[1] << 32 | (v[0] & BAL_MASK);
	head = (u64)v[4] << 32 | (v[3] & ~GENMASK(1, 0));
	vfio_pci_core_dirty_region(&vf->core, REGION_TX(q), base,
				   v[2] & LEN_MASK);
	vfio_pci_core_dirty_region(&vf->core, REGION_HEAD(q), head,
				   v[3] & WBAL_ENABLE ? sizeof(u32) : 0);
	return 0;
}

static void span_of(struct vfio_pci_core_dirty_span *span, __le64 address,
		    u32 length)
{
	span->iova = le64_to_cpu(address) & ~1ULL;
	span->length = length;
}

static u32 distance(const struct i82576_rx_ring *rx, u32 from, u32 to)
{
	return (to + rx->count - from) % rx->count;
}

/*
 * Declare the buffers of @count descriptors from @first, without going around, that
 * are before @rx->head no more: those that the VF uses meanwhile are not read for
 * sure. Returns how many it used, or a negative errno; @changed is set if a slot has
 * another buffer than before.
 */
static int declare_run(struct i82576_vfio *vf, unsigned int q, u32 first,
		       u32 count, bool *changed)
{
	struct i82576_rx_ring *rx = &vf->rx[q];
	struct vfio_pci_core_dirty_span packet[BATCH], header[BATCH];
	struct rx_descriptor desc[BATCH];
	u32 before, used, head;
	int ret;

	if (vfio_pci_core_dma_read(&vf->core, rx->base + first * sizeof(*desc),
				   desc, count * sizeof(*desc)))
		return -EFAULT;
	ret = read_reg(vf, VF_RX(q) + RX_HEAD, &head);
	if (ret)
		return ret;
	if (head >= rx->count)
		return -EINVAL;
	before = distance(rx, rx->head, first);
	used = distance(rx, rx->head, head);
	used = used > before ? min(used - before, count) : 0;

	for (u32 i = used; i < count; i++) {
		span_of(&packet[i], desc[i].packet, rx->packet_size);
		span_of(&header[i], desc[i].header, rx->header_size);
	}
	ret = vfio_pci_core_dirty_slots(&vf->core, RING_PACKET(q), first + used,
					count - used, packet + used);
	*changed |= ret > 0;
	if (rx->header_size)
		ret = vfio_pci_core_dirty_slots(&vf->core, RING_HEADER(q),
						first + used, count - used,
						header + used);
	*changed |= ret > 0;
	return used;
}

/* Declare the buffers from @from up to @to, of which the VF has not used any yet. */
static int declare_buffers(struct i82576_vfio *vf, unsigned int q, u32 from,
			   u32 to)
{
	struct i82576_rx_ring *rx = &vf->rx[q];
	bool changed = false;
	u32 count;
	int ret;

	while (from != to) {
		count = (to > from ? to : rx->count) - from;
		count = min_t(u32, count, BATCH);
		ret = declare_run(vf, q, from, count, &changed);
		if (ret)
			return ret < 0 ? ret : -ESTALE;
		from = (from + count) % rx->count;
	}
	return 0;
}

static void rx_sizes(struct i82576_rx_ring *rx, u32 srrctl)
{
	rx->packet_size = FIELD_GET(SRRCTL_PACKET, srrctl) * SZ_1K ?:
			  DEFAULT_PACKET;
	rx->header_size = FIELD_GET(SRRCTL_TYPE, srrctl) < TYPE_SPLIT ?
			  0 : FIELD_GET(SRRCTL_HEADER, srrctl) * 64;
}

/* A receive queue as it is now */
static int read_rx(struct i82576_vfio *vf, unsigned int q,
		   struct i82576_rx_ring *rx)
{
	static const u8 regs[] = {
		RX_BAL, RX_BAH, RX_LEN, RX_SRRCTL, RX_HEAD, RX_TAIL,
	};
	u32 ctl, v[ARRAY_SIZE(regs)];
	int ret;

	memset(rx, 0, sizeof(*rx));
	rx->known = true;
	ret = read_reg(vf, VF_RX(q) + RX_CTL, &ctl);
	if (ret || !(ctl & CTL_ENABLE))
		return ret;
	ret = read_regs(vf, VF_RX(q), regs, ARRAY_SIZE(regs), v);
	if (ret)
		return ret;
	rx->base = (u64)v[1] << 32 | (v[0] & BAL_MASK);
	rx->count = (v[2] & LEN_MASK) / sizeof(struct rx_descriptor);
	rx_sizes(rx, v[3]);
	rx->head = v[4];
	rx->tail = v[5];
	/* Nothing is known of what the hardware makes of that. */
	return rx->count && max(rx->head, rx->tail) >= rx->count ? -EINVAL : 0;
}

static bool same_ring(const struct i82576_rx_ring *a,
		      const struct i82576_rx_ring *b)
{
	return a->known && b->known && a->base == b->base &&
	       a->count == b->count && a->packet_size == b->packet_size &&
	       a->header_size == b->header_size;
}

/* A queue that was not known: its ring, and all buffers that the VF has */
static int declare_rx(struct i82576_vfio *vf, unsigned int q,
		      const struct i82576_rx_ring *now)
{
	struct i82576_rx_ring *rx = &vf->rx[q];

	*rx = *now;
	vfio_pci_core_dirty_region(&vf->core, REGION_RX(q), rx->base,
				   rx->count * sizeof(struct rx_descriptor));
	vfio_pci_core_dirty_ring(&vf->core, RING_PACKET(q), rx->count);
	vfio_pci_core_dirty_ring(&vf->core, RING_HEADER(q),
				 rx->header_size ? rx->count : 0);
	if (!rx->count || !track_buffers)
		return 0;
	return declare_buffers(vf, q, rx->head, rx->tail);
}

/*
 * The ring of the last look, as far as can be seen. True if that holds; else the guest
 * has made a new one in the same place.
 */
static bool goes_on(struct i82576_vfio *vf, unsigned int q,
		    const struct i82576_rx_ring *now)
{
	struct i82576_rx_ring *rx = &vf->rx[q];
	u32 known = distance(rx, rx->head, rx->tail), used, count;
	bool changed = false;

	used = distance(rx, rx->head, now->head);
	if (used > known)
		return false;
	rx->head = now->head;
	count = min3(known - used, rx->count - rx->head, (u32)BATCH);
	if (count && track_buffers &&
	    declare_run(vf, q, rx->head, count, &changed) < 0)
		return false;
	return !changed;
}

/* What was received between two looks */
struct traffic {
	u32 packets;
	u32 octets;
};

static int read_traffic(struct i82576_vfio *vf, struct traffic *since)
{
	u32 packets, octets;
	int ret;

	ret = read_reg(vf, PACKETS, &packets);
	if (!ret)
		ret = read_reg(vf, OCTETS, &octets);
	if (ret)
		return ret;
	since->packets = packets - vf->packets;
	since->octets = octets - vf->octets;
	vf->packets = packets;
	vf->octets = octets;
	return 0;
}

/*
 * Can that have used more than @have buffers? A quarter of them is for what was received
 * while registers were read.
 */
static bool used_more(const struct i82576_rx_ring *rx,
		      const struct traffic *since, u32 have)
{
	u64 buffers = (u64)since->packets + since->octets / rx->packet_size;

	return buffers > have - have / 4;
}

static int look_at_rx(struct i82576_vfio *vf, unsigned int q,
		      const struct i82576_rx_ring *now,
		      const struct traffic *since)
{
	struct i82576_rx_ring *rx = &vf->rx[q];
	bool missed;
	int ret = 0;

	if (same_ring(rx, now) && !now->count)
		return 0;
	missed = rx->count && used_more(rx, since,
					distance(rx, rx->head, rx->tail));
	if (!same_ring(rx, now) || !goes_on(vf, q, now)) {
		missed |= now->count && (now->head || since->packets);
		ret = declare_rx(vf, q, now);
		return !ret && missed ? -ESTALE : ret;
	}
	if (track_buffers)
		ret = declare_buffers(vf, q, rx->tail, now->tail);
	rx->tail = now->tail;
	/* The VF may have gone around. */
	return !ret && used_more(rx, since, rx->count) ? -ESTALE : ret;
}

/* No ring that comes is one of these, but what they had is of interest still. */
static void forget_rings(struct i82576_vfio *vf)
{
	for (unsigned int q = 0; q < I82576_QUEUES; q++)
		vf->rx[q].known = false;
}

/*
 * Look at what the VF receives; @first when tracking begins, with the VF at rest.
 * Returns -EIO if it does not answer: it is asleep or gone, and writes nothing.
 */
static int look(struct i82576_vfio *vf, bool first)
{
	struct i82576_rx_ring now[I82576_QUEUES];
	struct traffic since;
	int ret = 0, error;

	lockdep_assert_held(&vf->track_lock);
	if (atomic_xchg(&vf->was_reset, 0))
		forget_rings(vf);
	if (first)
		memset(vf->rx, 0, sizeof(vf->rx));
	for (unsigned int q = 0; !ret && q < I82576_QUEUES; q++)
		ret = read_rx(vf, q, &now[q]);
	/* After the heads, so that all is counted that moved them. */
	if (!ret)
		ret = read_traffic(vf, &since);
	if (ret == -EIO)
		forget_rings(vf);
	if (ret)
		return ret;
	for (unsigned int q = 0; q < I82576_QUEUES; q++) {
		error = first ? declare_rx(vf, q, &now[q]) :
				look_at_rx(vf, q, &now[q], &since);
		ret = ret ?: error;
	}
	return ret;
}

/* And at what the VF writes when it sends. */
static int look_at_all(struct i82576_vfio *vf, bool first)
{
	int ret = look(vf, first), error;

	for (unsigned int q = 0; q < I82576_QUEUES; q++) {
		error = declare_tx(vf, q);
		ret = ret ?: error;
	}
	return ret == -EIO ? 0 : ret;
}

/*
 * How long the VF can be left alone: at the speed of the wire it does not use up
 * what it has.
 */
static unsigned long pause_us(struct i82576_vfio *vf)
{
	u64 us = LONGEST_PAUSE_US;

	for (unsigned int q = 0; q < I82576_QUEUES; q++) {
		struct i82576_rx_ring *rx = &vf->rx[q];

		if (rx->known && rx->count)
			us = min_t(u64, us, SHORTEST_NS * 3 / 4 *
				   distance(rx, rx->head, rx->tail) /
				   NSEC_PER_USEC);
	}
	return max_t(u64, us, SHORTEST_PAUSE_US);
}

/* Returns how long to wait until the next time, in microseconds. */
static unsigned long watch_once(struct i82576_vfio *vf)
{
	int ret;

	guard(mutex)(&vf->track_lock);
	/* The log was stopped, or begins anew: what @rx says is old. */
	if (!vfio_pci_core_dirty_active(&vf->core))
		WRITE_ONCE(vf->declared, false);
	if (!vf->declared)
		return 0;
	if (READ_ONCE(vf->stopped))
		return LONGEST_PAUSE_US;

	ret = look(vf, false);
	if (ret && ret != -EIO) {
		/* Until it begins anew, nobody wants to know. */
		vfio_pci_core_dirty_failed(&vf->core);
		WRITE_ONCE(vf->declared, false);
	}
	return pause_us(vf);
}

static void wait_for_work(struct i82576_vfio *vf)
{
	set_current_state(TASK_INTERRUPTIBLE);
	if (!READ_ONCE(vf->declared) && !kthread_should_stop())
		schedule();
	__set_current_state(TASK_RUNNING);
}

static int watch(void *data)
{
	unsigned long us, spent;
	u64 before;

	/* Before the guest, which it serves; for some microseconds each time */
	sched_set_fifo_low(current);
	while (!kthread_should_stop()) {
		wait_for_work(data);
		before = current->se.sum_exec_runtime;
		us = watch_once(data);
		usleep_range(us, us + us / 4);
		/* It has been counted since this slept, and is without what it waited for. */
		spent = (current->se.sum_exec_runtime - before) / NSEC_PER_USEC;
		if (PAUSES * spent > us)
			usleep_range(PAUSES * spent - us, PAUSES * spent);
	}
	return 0;
}

/**
 * i82576_track_declare - tell all places where the VF may write, and go on doing so
 * @core: the VF, at rest
 *
 * Return: 0 or a negative errno.
 */
int i82576_track_declare(struct vfio_pci_core_device *core)
{
	struct i82576_vfio *vf = to_i82576_vfio(&core->vdev);
	struct task_struct *watcher;
	int ret;

	scoped_guard(mutex, &vf->track_lock) {
		ret = look_at_all(vf, true);
		WRITE_ONCE(vf->declared, !ret);
	}
	if (ret)
		return ret;
	if (vf->watcher) {
		wake_up_process(vf->watcher);
		return 0;
	}
	watcher = kthread_run(watch, vf, "i82576-%s", pci_name(core->pdev));
	if (IS_ERR(watcher))
		return PTR_ERR(watcher);
	vf->watcher = watcher;
	return 0;
}

/**
 * i82576_track_refresh - look now
 * @core: the VF
 *
 * Return: 0 or a negative errno; -ESTALE if it came too late.
 */
int i82576_track_refresh(struct vfio_pci_core_device *core)
{
	struct i82576_vfio *vf = to_i82576_vfio(&core->vdev);

	guard(mutex)(&vf->track_lock);
	return vf->stopped ? 0 : look_at_all(vf, false);
}

/**
 * i82576_track_stop - the queues of a VF at rest are about to be switched off
 * @vf: virtual function; i82576_track_refresh() was called since it came to rest
 */
void i82576_track_stop(struct i82576_vfio *vf)
{
	guard(mutex)(&vf->track_lock);
	WRITE_ONCE(vf->stopped, true);
}

/**
 * i82576_track_go_on - its queues are on again
 * @vf: virtual function
 *
 * Without the lock: called from within a reset, too, for whose end its holder may wait.
 */
void i82576_track_go_on(struct i82576_vfio *vf)
{
	WRITE_ONCE(vf->stopped, false);
}

/**
 * i82576_track_close - nobody wants to know any more
 * @vf: virtual function being closed; no other op runs
 */
void i82576_track_close(struct i82576_vfio *vf)
{
	if (vf->watcher)
		kthread_stop(vf->watcher);
	vf->watcher = NULL;
	WRITE_ONCE(vf->declared, false);
	vf->stopped = false;
}

/**
 * i82576_track_reset - the VF was reset: what is known of its rings is void
 * @vf: virtual function
 *
 * Takes a note only: who holds the lock may be waiting for the end of the reset.
 */
void i82576_track_reset(struct i82576_vfio *vf)
{
	atomic_set(&vf->was_reset, 1);
}
