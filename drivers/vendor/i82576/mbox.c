// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mailbox: registers
 *
 * Data sheet 7.8.2.9 and 8.14. Each VF shares sixteen words with the PF. Either
 * side owns them while it has its bit set (VFU, PFU); a VF says that it left a
 * message by REQ, the PF by STS, and each that it read one by ACK. All of it is
 * in the hands of a guest, so nothing here waits for a VF without bound.
 */
#include <kunit/visibility.h>
#include <linux/delay.h>

#include "i82576.h"

/* A VF owns its mailbox for the time of seventeen register writes. */
#define OWN_TRIES	20
#define OWN_DELAY_US	10

/* Messages and resets: more than a driver needs, too little to keep the host busy */
#define FLOOD_BURST	32
#define FLOOD_PERIOD	msecs_to_jiffies(10)

static bool mbox_try(struct i82576_vf *vf)
{
	u32 reg = REG_P2VMAILBOX(vf->index);

	preempt_disable();
	i82576_write(vf->pf, reg, P2V_PFU);
	if (i82576_read(vf->pf, reg) & P2V_PFU)
		return true;
	preempt_enable();
	return false;
}

/*
 * Own the mailbox, taking it away from a VF that does not let go. A driver that wants
 * to look into it tries for some milliseconds and then believes that the link is down:
 * so on success preemption is off until the mailbox is given back, or its driver is
 * known to wait.
 */
static int mbox_own(struct i82576_vf *vf)
{
	unsigned int i;

	for (i = 0; i < OWN_TRIES; i++) {
		if (mbox_try(vf))
			return 0;
		usleep_range(OWN_DELAY_US, 2 * OWN_DELAY_US);
	}
	i82576_write(vf->pf, REG_P2VMAILBOX(vf->index), P2V_RVFU);
	if (mbox_try(vf))
		return 0;

	vf->stats.stuck++;
	i82576_vf_complain(vf, "does not let go of its mailbox\n");
	return -EBUSY;
}

/* Leave a message in the mailbox, which is owned, and give it back. */
static void mbox_leave(struct i82576_vf *vf, const u32 *words,
		       unsigned int count, u32 how)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		i82576_write(vf->pf, REG_VMBMEM(vf->index) + 4 * i, words[i]);
	/* Writing without PFU gives the mailbox back. */
	i82576_write(vf->pf, REG_P2VMAILBOX(vf->index), how);
	vf->unacked = true;
}

/* A message that is no answer */
static void mbox_tell(struct i82576_vf *vf, u32 word)
{
	if (mbox_own(vf))
		return;
	mbox_leave(vf, &word, 1, P2V_STS);
	preempt_enable();
}

static bool mbox_flooded(struct i82576_vf *vf)
{
	if (time_after_eq(jiffies, vf->refilled + FLOOD_PERIOD)) {
		vf->tokens = FLOOD_BURST;
		vf->refilled = jiffies;
	}
	if (vf->tokens) {
		vf->tokens--;
		return false;
	}
	vf->stats.throttled++;
	return true;
}

/* The mailbox, which is owned, goes back with the answer. */
static void mbox_answer(struct i82576_vf *vf, u32 request, bool granted)
{
	u32 answer[3];
	unsigned int count = 1;

	answer[0] = i82576_msg_outcome(request, granted, vf->policy.ready);
	if (granted && FIELD_GET(MBOX_OPCODE, request) == MBOX_OP_RESET) {
		i82576_msg_put_mac(&answer[1], vf->policy.mac);
		count = 3;
	}
	/* At once: between them a driver would take its own message for the answer. */
	mbox_leave(vf, answer, count, P2V_ACK | P2V_STS);
}

/**
 * i82576_mbox_serve - take one message of a VF and answer it
 * @vf: virtual function with a message pending; the lock of its PF is held
 *
 * A VF at rest is left alone until it runs again, and one that sends without end is
 * left waiting, and its interrupts masked, until its next period begins; others are
 * served meanwhile.
 */
void i82576_mbox_serve(struct i82576_vf *vf)
{
	struct i82576_pf *pf = vf->pf;
	struct i82576_request req;
	u32 words[MBOX_WORDS];
	unsigned int i;
	int ret;

	lockdep_assert_held(&pf->lock);
	if (vf->rest != I82576_RUNNING)
		return;
	if (mbox_flooded(vf)) {
		pf->throttled |= BIT(vf->index);
		return;
	}
	pf->pending &= ~BIT(vf->index);
	if (mbox_own(vf))
		return;
	/* Its driver waits for the answer, and longer than it would for the mailbox. */
	preempt_enable();
	for (i = 0; i < MBOX_WORDS; i++)
		words[i] = i82576_read(pf, REG_VMBMEM(vf->index) + 4 * i);

	vf->stats.requests++;
	ret = i82576_msg_parse(words, &req);
	if (ret) {
		vf->stats.malformed++;
		i82576_vf_complain(vf, "refused malformed message %#010x %#010x\n",
				   words[0], words[1]);
	} else {
		ret = i82576_vf_request(vf, &req);
	}
	if (ret)
		vf->stats.refused++;
	mbox_answer(vf, words[0], !ret);
}
EXPORT_SYMBOL_IF_KUNIT(i82576_mbox_serve);

/**
 * i82576_mbox_collect - find out which VFs were reset or left a message
 * @pf: physical function; its lock is held
 *
 * A driver resets its VF and then sends VF_RESET. Messages are read before resets
 * and resets handled before messages, so that a reset is never seen after the
 * message that followed it. A message from before a reset finds the VF not ready.
 *
 * A reset costs the host as much as a message and more, and a guest can have as many as
 * it likes. Each that is seen is handled; who has too many is not looked at so soon.
 */
void i82576_mbox_collect(struct i82576_pf *pf)
{
	u32 events, resets;
	unsigned int n;

	lockdep_assert_held(&pf->lock);
	events = i82576_read(pf, REG_MBVFICR);
	i82576_write(pf, REG_MBVFICR, events);
	resets = i82576_read(pf, REG_VFLRE);
	i82576_write(pf, REG_VFLRE, resets);

	for (n = 0; n < pf->num_vfs; n++) {
		if (resets & BIT(n)) {
			i82576_vf_was_reset(&pf->vf[n]);
			if (mbox_flooded(&pf->vf[n])) {
				pf->throttled |= BIT(n);
				pf->reset_flood = true;
			}
		}
		if (events & MBVFICR_ACK(n))
			pf->vf[n].unacked = false;
		if (events & MBVFICR_REQ(n))
			pf->pending |= BIT(n);
	}
}
EXPORT_SYMBOL_IF_KUNIT(i82576_mbox_collect);

/**
 * i82576_mbox_drain - empty a VF's mailbox and forget its events
 * @vf: virtual function that nobody uses; the lock of its PF is held
 */
void i82576_mbox_drain(struct i82576_vf *vf)
{
	struct i82576_pf *pf = vf->pf;
	unsigned int i, n = vf->index;

	lockdep_assert_held(&pf->lock);
	i82576_write(pf, REG_P2VMAILBOX(n), P2V_RVFU);
	for (i = 0; i < MBOX_WORDS; i++)
		i82576_write(pf, REG_VMBMEM(n) + 4 * i, 0);
	i82576_write(pf, REG_MBVFICR, MBVFICR_REQ(n) | MBVFICR_ACK(n));
	i82576_write(pf, REG_VFLRE, BIT(n));
	pf->pending &= ~BIT(n);
	pf->throttled &= ~BIT(n);
	vf->unacked = false;
}

/**
 * i82576_mbox_notify_link - make a VF look at its link
 * @vf: virtual function; the lock of its PF is held
 *
 * Skipped when it would overwrite a message that either side has not read yet:
 * VF drivers look at the link by themselves too.
 */
void i82576_mbox_notify_link(struct i82576_vf *vf)
{
	u32 word = MBOX_OP_PF_CONTROL | MBOX_CTS;

	lockdep_assert_held(&vf->pf->lock);
	if (!vf->policy.ready || vf->unacked || vf->rest != I82576_RUNNING ||
	    (vf->pf->pending & BIT(vf->index)))
		return;
	mbox_tell(vf, word);
}
EXPORT_SYMBOL_IF_KUNIT(i82576_mbox_notify_link);

/**
 * i82576_mbox_notify_reset - tell the driver of a VF that it has to start anew
 * @vf: virtual function that was reset and scrubbed; the lock of its PF is held
 * @vtivar_misc: where the driver listened to its mailbox before
 *
 * A message without CTS and with NACK is what a driver takes for the loss of its
 * settings, whatever became of its request. The reset took away the interrupt by
 * which it would hear of the message, so that is given back.
 */
void i82576_mbox_notify_reset(struct i82576_vf *vf, u32 vtivar_misc)
{
	u32 word = MBOX_OP_PF_CONTROL | MBOX_NACK;
	struct i82576_pf *pf = vf->pf;

	lockdep_assert_held(&pf->lock);
	if (vtivar_misc & VTIVAR_VALID) {
		i82576_write(pf, REG_VTIVAR_MISC(vf->index), vtivar_misc);
		/* Nothing else is routed; QEMU takes another vector for this. */
		i82576_write(pf, REG_PVTEIMS(vf->index), PVT_VECTORS);
	}
	mbox_tell(vf, word);
	/* A cause that was there before the reset would keep a new one quiet. */
	i82576_write(pf, REG_PVTEICS(vf->index), PVT_VECTORS);
}

/**
 * i82576_mbox_signal_all - make all VFs look into their mailboxes
 * @pf: physical function; its lock is held
 *
 * By RSTD, which VF drivers poll: a driver whose VF was reset may not hear the
 * interrupt of a message (and QEMU raises another vector than it listens to). There is
 * no RSTD for one VF only, so the others get a message that says that all is well.
 */
void i82576_mbox_signal_all(struct i82576_pf *pf)
{
	unsigned int n;

	lockdep_assert_held(&pf->lock);
	for (n = 0; n < pf->num_vfs; n++)
		i82576_mbox_notify_link(&pf->vf[n]);
	i82576_modify(pf, REG_CTRL_EXT, 0, CTRL_EXT_PFRSTD);
}
