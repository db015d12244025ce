// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty tracking: where a VF may write
 *
 * Into receive buffers, receive rings (the write-back overwrites the addresses of
 * the buffers), and transmit rings or the word to which the head of one is written.
 * Receive buffers are found in the descriptors when the guest hands them over by
 * writing RDT, so the page with the receive registers is trapped, all the time, as
 * a user asks only once what he may map. Transmit registers are not trapped: what
 * they say is read again at each RDT and when the VF is at rest. A ring that came
 * and went between two looks is of no interest to anybody any more.
 *
 * Data sheet: 7.1.4 to 7.1.6 (descriptors, header split), 7.2.3 (head write-back),
 * 8.10, 8.12 and 8.26 (registers of a VF).
 */
#include <linux/bitfield.h>
#include <linux/io.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "i82576_vfio.h"

static bool track_buffers = true;
module_param_unsafe(track_buffers, bool, 0644);
MODULE_PARM_DESC(track_buffers, "For tests: without this, migration loses what the VF received meanwhile");

#define RX_PAGE_START	0x2000
#define RX_PAGE_LENGTH	0x1000

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

/* Declare the buffers of @count descriptors from @first, without going around. */
static int declare_run(struct i82576_vfio *vf, unsigned int q, u32 first,
		       u32 count)
{
	struct i82576_rx_ring *rx = &vf->rx[q];
	struct vfio_pci_core_dirty_span packet[BATCH], header[BATCH];
	struct rx_descriptor desc[BATCH];
	int ret;

	ret = vfio_pci_core_dma_read(&vf->core, rx->base + first * sizeof(*desc),
				     desc, count * sizeof(*desc));
	if (ret)
		return ret;
	for (u32 i = 0; i < count; i++) {
		span_of(&packet[i], desc[i].packet, rx->packet_size);
		span_of(&header[i], desc[i].header, rx->header_size);
	}
	vfio_pci_core_dirty_slots(&vf->core, RING_PACKET(q), first, count, packet);
	if (rx->header_size)
		vfio_pci_core_dirty_slots(&vf->core, RING_HEADER(q), first,
					  count, header);
	return 0;
}

/* Declare the buffers from rx->tail up to @tail. */
static int declare_buffers(struct i82576_vfio *vf, unsigned int q, u32 tail)
{
	struct i82576_rx_ring *rx = &vf->rx[q];
	u32 count;
	int ret;

	lockdep_assert_held(&vf->track_lock);
	if (!track_buffers)
		rx->tail = tail;
	/* A tail beyond the ring: nothing is known of what the hardware makes of it. */
	if (tail >= rx->count)
		return -EINVAL;
	while (rx->tail != tail) {
		count = (tail > rx->tail ? tail : rx->count) - rx->tail;
		count = min_t(u32, count, BATCH);
		ret = declare_run(vf, q, rx->tail, count);
		if (ret)
			return ret;
		rx->tail = (rx->tail + count) % rx->count;
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

/* Look at a receive queue anew: its ring, and all buffers that the VF has. */
static int declare_rx(struct i82576_vfio *vf, unsigned int q, u32 ctl)
{
	static const u8 regs[] = {
		RX_BAL, RX_BAH, RX_LEN, RX_SRRCTL, RX_HEAD, RX_TAIL,
	};
	struct i82576_rx_ring *rx = &vf->rx[q];
	u32 v[ARRAY_SIZE(regs)] = {};
	int ret = 0;

	lockdep_assert_held(&vf->track_lock);
	if (ctl & CTL_ENABLE)
		ret = read_regs(vf, VF_RX(q), regs, ARRAY_SIZE(regs), v);
	if (ret)
		return ret;

	rx->base = (u64)v[1] << 32 | (v[0] & BAL_MASK);
	rx->count = (v[2] & LEN_MASK) / sizeof(struct rx_descriptor);
	rx_sizes(rx, v[3]);
	rx->known = true;
	vfio_pci_core_dirty_region(&vf->core, REGION_RX(q), rx->base,
				   v[2] & LEN_MASK);
	vfio_pci_core_dirty_ring(&vf->core, RING_PACKET(q), rx->count);
	vfio_pci_core_dirty_ring(&vf->core, RING_HEADER(q),
				 rx->header_size ? rx->count : 0);
	if (!rx->count)
		return 0;
	if (v[4] >= rx->count)
		return -EINVAL;
	rx->tail = v[4];
	return declare_buffers(vf, q, v[5]);
}

/**
 * i82576_track_declare - tell all places where the VF may write
 * @core: the VF, at rest
 *
 * Return: 0 or a negative errno.
 */
int i82576_track_declare(struct vfio_pci_core_device *core)
{
	struct i82576_vfio *vf = to_i82576_vfio(&core->vdev);
	u32 ctl;
	int ret = 0;

	guard(mutex)(&vf->track_lock);
	for (unsigned int q = 0; !ret && q < I82576_QUEUES; q++) {
		ret = read_reg(vf, VF_RX(q) + RX_CTL, &ctl);
		if (!ret)
			ret = declare_rx(vf, q, ctl);
		if (!ret)
			ret = declare_tx(vf, q);
	}
	return ret;
}

/**
 * i82576_track_refresh - look again at what can change unseen
 * @core: the VF
 *
 * Return: 0 or a negative errno.
 */
int i82576_track_refresh(struct vfio_pci_core_device *core)
{
	struct i82576_vfio *vf = to_i82576_vfio(&core->vdev);
	int ret = 0;

	guard(mutex)(&vf->track_lock);
	for (unsigned int q = 0; !ret && q < I82576_QUEUES; q++)
		ret = declare_tx(vf, q);
	return ret;
}

/* Buffers are handed over: find them before the VF can overwrite the descriptors. */
static int before_tail(struct i82576_vfio *vf, unsigned int q, u32 tail)
{
	u32 ctl;
	int ret;

	if (!vf->rx[q].known) {
		ret = read_reg(vf, VF_RX(q) + RX_CTL, &ctl);
		if (!ret)
			ret = declare_rx(vf, q, ctl);
		if (ret)
			return ret;
	}
	/* Of a queue that is not enabled, what counts is its tail when it is. */
	if (vf->rx[q].count) {
		ret = declare_buffers(vf, q, tail);
		if (ret)
			return ret;
	}
	ret = declare_tx(vf, 0);
	return ret ?: declare_tx(vf, 1);
}

static void rx_before_write(struct vfio_pci_core_device *core, u64 offset,
			    unsigned int len, u64 val)
{
	struct i82576_vfio *vf = to_i82576_vfio(&core->vdev);
	unsigned int q = (offset - VF_RX(0)) / QUEUE_STRIDE;
	int ret = 0;

	if (!vfio_pci_core_dirty_active(core) || offset < VF_RX(0) ||
	    q >= I82576_QUEUES || len != sizeof(u32))
		return;

	guard(mutex)(&vf->track_lock);
	if (atomic_xchg(&vf->was_reset, 0))
		memset(vf->rx, 0, sizeof(vf->rx));
	switch (offset - VF_RX(q)) {
	case RX_TAIL:
		ret = before_tail(vf, q, val);
		break;
	case RX_CTL:
		/* Enabled with a tail that is set already */
		ret = declare_rx(vf, q, val);
		vf->rx[q].known = false;
		break;
	default:
		vf->rx[q].known = false;
		break;
	}
	if (ret)
		vfio_pci_core_dirty_failed(core);
}

static int rx_read(struct vfio_pci_core_device *core, u64 offset,
		   unsigned int len, u64 *val)
{
	void __iomem *io = vfio_pci_core_bar_map(core, I82576_BAR);

	if (IS_ERR(io))
		return PTR_ERR(io);
	*val = ioread32(io + ALIGN_DOWN(offset, sizeof(u32))) >>
	       (8 * (offset % sizeof(u32)));
	if (len == sizeof(u64))
		*val |= (u64)ioread32(io + offset + sizeof(u32)) << 32;
	return 0;
}

/* Only whole registers, since only these are looked at before. */
static int rx_write(struct vfio_pci_core_device *core, u64 offset,
		    unsigned int len, u64 val)
{
	void __iomem *io = vfio_pci_core_bar_map(core, I82576_BAR);

	if (IS_ERR(io))
		return PTR_ERR(io);
	if (len == sizeof(u32))
		iowrite32(val, io + offset);
	return 0;
}

static const struct vfio_pci_core_trap_ops rx_trap = {
	.read		= rx_read,
	.write		= rx_write,
	.before_write	= rx_before_write,
};

/**
 * i82576_track_open - see how the guest programs receive queues
 * @vf: virtual function being opened
 *
 * Return: 0 or a negative errno.
 */
int i82576_track_open(struct i82576_vfio *vf)
{
	memset(vf->rx, 0, sizeof(vf->rx));
	return vfio_pci_core_trap(&vf->core, I82576_BAR, RX_PAGE_START,
				  RX_PAGE_LENGTH, &rx_trap);
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
