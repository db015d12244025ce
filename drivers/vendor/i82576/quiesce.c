// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bringing a VF to rest and starting it again where it was
 *
 *	running  --P2P-->  gate closed  --STOP-->  queues and vectors off
 *	         <-full--               <--------
 *
 * With the gate closed (VFRE, VFTE) the VF neither receives nor sends, its mailbox
 * is not served, and so it has no cause to write to memory or to interrupt; its
 * registers work. When it is stopped its queues are disabled too, which makes
 * hardware write back what it has finished. What that takes out of the registers
 * is kept in &struct i82576_stopped until the VF starts again.
 *
 * Bus mastering is left alone: QEMU's model goes on through the ring without it
 * and loses what it would have written.
 */
#include <kunit/visibility.h>

#include "i82576.h"

#define PROBE_HEAD		5
#define PROBE_RING_BYTES	1024

/**
 * i82576_can_restore_heads - can a queue start in the middle of its ring?
 * @vf: virtual function that was just reset and does no DMA; the lock of its PF
 *	is held
 *
 * A migration has to. The data sheet leaves it open whether a head that was
 * written stays when the queue is enabled (4.5.9), and manuals of relatives say
 * that it starts at 0: so it is tried out on an empty ring.
 *
 * Return: whether.
 */
bool i82576_can_restore_heads(struct i82576_vf *vf)
{
	struct i82576_pf *pf = vf->pf;
	unsigned int q = vf->index;
	bool sticks;

	lockdep_assert_held(&pf->lock);
	i82576_write(pf, REG_RDLEN(q), PROBE_RING_BYTES);
	i82576_write(pf, REG_RDH(q), PROBE_HEAD);
	i82576_write(pf, REG_RDT(q), PROBE_HEAD);
	i82576_write(pf, REG_TDLEN(q), PROBE_RING_BYTES);
	i82576_write(pf, REG_TDH(q), PROBE_HEAD);
	i82576_write(pf, REG_TDT(q), PROBE_HEAD);
	sticks = i82576_queue_enable(pf, REG_RXDCTL(q), XDCTL_ENABLE) &&
		 i82576_queue_enable(pf, REG_TXDCTL(q), XDCTL_ENABLE) &&
		 i82576_read(pf, REG_RDH(q)) == PROBE_HEAD &&
		 i82576_read(pf, REG_TDH(q)) == PROBE_HEAD;
	i82576_vf_scrub(vf);
	return sticks;
}
EXPORT_SYMBOL_IF_KUNIT(i82576_can_restore_heads);

/* False if a queue does not come to its end. */
static bool vf_stop(struct i82576_vf *vf)
{
	struct i82576_stopped *stopped = &vf->stopped;
	struct i82576_pf *pf = vf->pf;
	unsigned int i;

	for (i = 0; i < QUEUES_PER_VF; i++) {
		unsigned int q = QUEUE_OF(vf->index, i);

		stopped->rxdctl[i] = i82576_read(pf, REG_RXDCTL(q));
		stopped->txdctl[i] = i82576_read(pf, REG_TXDCTL(q));
		stopped->rdt[i] = i82576_read(pf, REG_RDT(q));
		stopped->tdt[i] = i82576_read(pf, REG_TDT(q));
	}
	/* QEMU: PVTEIMS reads what was written to it, not what is enabled. */
	stopped->eims = (i82576_read(pf, REG_EIMS) >>
			 VF_FIRST_VECTOR(vf->index)) & PVT_VECTORS;
	/* Reading takes them away, so they are given back when the VF starts. */
	stopped->owed |= i82576_read(pf, REG_V2PMAILBOX(vf->index)) &
			 (V2P_PFSTS | V2P_PFACK);
	return i82576_vf_halt(vf);
}

static int vf_unstop(struct i82576_vf *vf)
{
	struct i82576_stopped *stopped = &vf->stopped;
	struct i82576_pf *pf = vf->pf;
	unsigned int i;

	for (i = 0; i < QUEUES_PER_VF; i++) {
		unsigned int q = QUEUE_OF(vf->index, i);

		if (!i82576_queue_enable(pf, REG_RXDCTL(q), stopped->rxdctl[i]) ||
		    !i82576_queue_enable(pf, REG_TXDCTL(q), stopped->txdctl[i])) {
			i82576_vf_msg(err, vf, "queue %u does not start again\n", i);
			return -EIO;
		}
		/* Hardware takes no notice of the tail of a disabled queue. */
		i82576_write(pf, REG_RDT(q), stopped->rdt[i]);
		i82576_write(pf, REG_TDT(q), stopped->tdt[i]);
	}
	i82576_write(pf, REG_PVTEIMS(vf->index), stopped->eims);
	return 0;
}

static u32 vectors_of(u32 ivar)
{
	u32 vectors = 0;

	for (unsigned int i = 0; i < VTIVAR_ENTRIES; i++) {
		if (ivar & VTIVAR_VALID)
			vectors |= BIT(ivar & VTIVAR_VECTOR);
		ivar >>= VTIVAR_ENTRY_BITS;
	}
	return vectors & PVT_VECTORS;
}

/*
 * Causes that came up at rest are not known: the driver has to look for work in its
 * queues. It looks at its link when the mailbox interrupts, which igbvf takes for down
 * if that happens while it looks: so the mailbox does only with reason. It may not have
 * heard that there is no link: a VF at rest is not told, and its last one had one.
 */
static void vf_interrupt(struct i82576_vf *vf, bool mailbox)
{
	struct i82576_pf *pf = vf->pf;
	u32 vectors;

	vectors = vectors_of(i82576_read(pf, REG_VTIVAR(vf->index)));
	if (mailbox)
		vectors |= vectors_of(i82576_read(pf, REG_VTIVAR_MISC(vf->index)));
	i82576_write(pf, REG_PVTEICS(vf->index), vectors);
}

static void vf_resume(struct i82576_vf *vf)
{
	struct i82576_pf *pf = vf->pf;
	unsigned int i, n = vf->index;

	i82576_vf_open_gate(vf, vf->policy.ready);
	/* Transmission begins with a write to the tail, and only then. */
	for (i = 0; i < QUEUES_PER_VF; i++) {
		u32 tail = REG_TDT(QUEUE_OF(n, i));

		if (i82576_read(pf, REG_TXDCTL(QUEUE_OF(n, i))) & XDCTL_ENABLE)
			i82576_write(pf, tail, i82576_read(pf, tail));
	}
	if (vf->stopped.owed & V2P_PFSTS) {
		/* Nor is it written over before the VF has read it. */
		vf->unacked = true;
		i82576_write(pf, REG_P2VMAILBOX(n), P2V_STS);
	}
	if (vf->stopped.owed & V2P_PFACK)
		i82576_write(pf, REG_P2VMAILBOX(n), P2V_ACK);
	vf_interrupt(vf, vf->stopped.owed || !i82576_link_up(pf));
	memset(&vf->stopped, 0, sizeof(vf->stopped));
	i82576_flush(pf);
}

/**
 * i82576_vf_quiesce - bring a VF to rest
 * @vf: virtual function; the lock of its PF is held
 * @level: how far
 *
 * While the device is down nothing of it moves, which is rest enough. If it comes
 * back, it does so by a reset, after which each VF runs.
 *
 * Return: 0, -ETIMEDOUT if the VF does not come to rest; it is as before then.
 */
int i82576_vf_quiesce(struct i82576_vf *vf, enum vfio_pci_aux_quiesce level)
{
	struct i82576_pf *pf = vf->pf;
	bool ran = vf->rest == I82576_RUNNING;
	bool stops = level == VFIO_PCI_AUX_QUIESCE_STOP &&
		     vf->rest != I82576_STOPPED;

	lockdep_assert_held(&pf->lock);
	if (pf->down)
		return 0;

	if (ran)
		i82576_vf_open_gate(vf, false);
	if (vf->pdev && !pci_wait_for_pending_transaction(vf->pdev))
		goto restless;
	if (stops && !vf_stop(vf)) {
		vf_unstop(vf);
		goto restless;
	}
	if (ran)
		vf->rest = I82576_GATE_CLOSED;
	if (stops) {
		vf->rest = I82576_STOPPED;
		/* Its address may be on its way to another VF of this device. */
		i82576_filter_mac(vf);
	}
	return 0;

restless:
	i82576_vf_msg(err, vf, "does not come to rest\n");
	if (ran)
		vf_resume(vf);
	return -ETIMEDOUT;
}
EXPORT_SYMBOL_IF_KUNIT(i82576_vf_quiesce);

/**
 * i82576_vf_unquiesce - start a VF again
 * @vf: virtual function; the lock of its PF is held
 * @full: run, else only leave %I82576_STOPPED
 *
 * A VF that runs, as each does after a reset, is left alone, and so is one of a device
 * that is down (see i82576_vf_quiesce()).
 *
 * Return: 0, -EIO if a queue does not start, -EADDRINUSE if another VF runs with the
 * address of this one, as after a migration inside one device.
 */
int i82576_vf_unquiesce(struct i82576_vf *vf, bool full)
{
	struct i82576_pf *pf = vf->pf;
	const u8 *mac;
	int ret;

	lockdep_assert_held(&pf->lock);
	if (pf->down)
		return 0;

	if (vf->rest == I82576_STOPPED) {
		mac = vf->policy.ready ? i82576_vf_clash(vf) : NULL;
		if (mac) {
			i82576_vf_msg(err, vf, "cannot start: another VF runs with its address %pM\n",
				      mac);
			return -EADDRINUSE;
		}
		ret = vf_unstop(vf);
		if (ret)
			return ret;
		vf->rest = I82576_GATE_CLOSED;
		i82576_filter_mac(vf);
	}
	if (full && vf->rest == I82576_GATE_CLOSED) {
		vf_resume(vf);
		vf->rest = I82576_RUNNING;
		mod_delayed_work(i82576_wq, &pf->service, 0);
	}
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(i82576_vf_unquiesce);
