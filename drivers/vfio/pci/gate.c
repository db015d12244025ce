// SPDX-License-Identifier: GPL-2.0-only
/*
 * The gate between a user and the memory of a function
 *
 * Whoever lets a user reach the hardware passes the gate first. Whoever needs
 * the user kept away (a reset, memory decoding off, sleep, removal) changes the
 * answer that the gate gives and revokes the mappings made so far; a page fault
 * passes the gate again.
 *
 * A reset can last seconds and calls into drivers, so no lock is held across it:
 * the gate remembers that it is blocked, and users wait.
 */
#include <kunit/visibility.h>

#include "trace.h"
#include "vpc.h"

void vpc_gate_init(struct vfio_pci_core_state *st)
{
	init_rwsem(&st->gate.lock);
	init_waitqueue_head(&st->gate.unblocked);
}

/* The caller has changed something and still holds the lock. */
static void gate_changed(struct vfio_pci_core_state *st)
{
	lockdep_assert_held_write(&st->gate.lock);
	trace_vpc_gate(st->pdev, st->config.memory_on, st->gate.resets,
		       st->gate.asleep, st->gate.inert);
}

void vpc_gate_destroy(struct vfio_pci_core_state *st)
{
	if (st->gate.dummy)
		__free_page(st->gate.dummy);
}

static bool memory_reachable(struct vfio_pci_core_state *st)
{
	return st->config.memory_on && !st->gate.asleep && !st->gate.inert;
}

/* Hold the gate open, unless a reset is under way. */
static bool pass(struct vfio_pci_core_state *st)
{
	down_read(&st->gate.lock);
	if (likely(!vpc_gate_blocks(st)))
		return true;
	up_read(&st->gate.lock);
	return false;
}

/* Through it is nothing to be had of a function that has left: -EIO. */
static int leave_if_inert(struct vfio_pci_core_state *st)
{
	if (likely(!st->gate.inert))
		return 0;
	up_read(&st->gate.lock);
	return -EIO;
}

/*
 * Pass the gate, whether or not memory can be reached, and hold it open until
 * vpc_gate_exit(). Waits for resets. -EIO if the function has left, -EINTR if
 * the caller was killed while waiting.
 */
int vpc_gate_enter(struct vfio_pci_core_state *st)
{
	while (unlikely(!pass(st)))
		if (wait_event_killable(st->gate.unblocked, !vpc_gate_blocks(st)))
			return -EINTR;
	return leave_if_inert(st);
}

/*
 * The same for what is taken back from the function, which is done in any case, also by
 * somebody who was killed: so he waits too, and only -EIO is left.
 */
int vpc_gate_enter_to_undo(struct vfio_pci_core_state *st)
{
	while (unlikely(!pass(st)))
		wait_event_idle(st->gate.unblocked, !vpc_gate_blocks(st));
	return leave_if_inert(st);
}

/* The same for an access to memory: -EIO also if there is none to be reached. */
int vpc_gate_enter_memory(struct vfio_pci_core_state *st)
{
	int ret = vpc_gate_enter(st);

	if (ret || likely(memory_reachable(st)))
		return ret;

	up_read(&st->gate.lock);
	return -EIO;
}

/* The same from atomic context: false if it would wait or there is no memory. */
bool vpc_gate_try_enter_memory(struct vfio_pci_core_state *st)
{
	if (!down_read_trylock(&st->gate.lock))
		return false;
	if (!st->gate.blocked && memory_reachable(st))
		return true;

	up_read(&st->gate.lock);
	return false;
}

void vpc_gate_exit(struct vfio_pci_core_state *st)
{
	up_read(&st->gate.lock);
}

#ifdef CONFIG_VPC_DMABUF
/* May the user reach memory at this moment? The answer is old when it is given. */
bool vpc_gate_is_open(struct vfio_pci_core_state *st)
{
	guard(rwsem_read)(&st->gate.lock);
	return !st->gate.blocked && memory_reachable(st);
}
#endif

/* The gate has closed: take back what gives others a way to memory. */
static void revoke(struct vfio_pci_core_state *st)
{
	vpc_mmap_zap(st);
	vpc_dmabufs_follow(st);
}

/* It has opened. Pages are mapped again when touched, dma-bufs at once. */
static void give_back(struct vfio_pci_core_state *st)
{
	vpc_dmabufs_follow(st);
}

/*
 * The user has switched memory decoding. The caller switches the hardware, after
 * this on the way off and before it on the way on.
 */
void vpc_gate_set_memory(struct vfio_pci_core_state *st, bool on)
{
	lockdep_assert_held(&st->config.lock);

	down_write(&st->gate.lock);
	st->config.memory_on = on;
	gate_changed(st);
	up_write(&st->gate.lock);
	if (on)
		give_back(st);
	else
		revoke(st);
}

/* What &struct vpc_power says of the function at this moment */
static unsigned int asleep_now(const struct vpc_power *power)
{
	return (READ_ONCE(power->engaged) ? VPC_ASLEEP_LOW_POWER : 0) |
	       (READ_ONCE(power->d3) ? VPC_ASLEEP_PMCSR : 0);
}

/* The function is put to sleep or has been woken: &struct vpc_power has changed. */
void vpc_gate_follow_power(struct vfio_pci_core_state *st)
{
	unsigned int was, asleep;

	down_write(&st->gate.lock);
	was = st->gate.asleep;
	asleep = asleep_now(&st->power);
	st->gate.asleep = asleep;
	if (asleep != was)
		gate_changed(st);
	up_write(&st->gate.lock);
	/* Again, if somebody else is about it: on return it is done. */
	if (asleep)
		revoke(st);
	else if (was)
		give_back(st);
}

/**
 * vfio_pci_core_reset_begin - keep the user away from a function about to reset
 * @core: the device
 *
 * On return no access of the user is under way, his mappings are revoked, and
 * further accesses wait for vfio_pci_core_reset_end(). Calls nest; each is
 * balanced by one vfio_pci_core_reset_end(), of any task. To be called from the
 * reset_prepare handler of the function's PCI driver, or from
 * &vfio_pci_aux_events.reset_begin. A function that its user has put into D3hot is
 * brought to D0, with the config space that it had, unless its link is down.
 *
 * Context: may sleep. No lock of the library is held, during or after.
 */
void vfio_pci_core_reset_begin(struct vfio_pci_core_device *core)
{
	struct vpc_gate *gate = &core->state->gate;
	bool revoked;

	/* Nobody tells whether it will succeed. */
	WRITE_ONCE(core->state->clean, false);
	down_write(&gate->lock);
	gate->resets++;
	gate->begun++;
	/*
	 * A function in reset answers a handler that asks whether it interrupts
	 * with ones, and its DisINTx is saved and restored meanwhile.
	 */
	if (!gate->blocked)
		vpc_intx_suspend(core->state);
	gate->blocked = true;
	/* Pairs with the store below, of whoever has revoked them. */
	revoked = smp_load_acquire(&gate->revoked);
	gate_changed(core->state);
	up_write(&gate->lock);

	/* Once is enough for resets that nest, as those of the PCI core do. */
	if (revoked)
		return;
	revoke(core->state);
	vpc_power_wake(core->state);
	/* Pairs with the load above. */
	smp_store_release(&gate->revoked, true);
}
EXPORT_SYMBOL_VPC(vfio_pci_core_reset_begin);

/* What follows a reset, before users go on. */
static void after_reset(struct vfio_pci_core_state *st)
{
	struct vfio_pci_core_device *core = st->core;

	/* With its link down it could not be brought to D0 before. */
	vpc_power_wake(st);
	vpc_config_reset_done(st);
	vpc_migration_reset_done(st);
	if (core->hooks && core->hooks->reset_done)
		core->hooks->reset_done(core);
}

/* The caller holds the lock, and no reset is under way. */
static void unblock(struct vfio_pci_core_state *st)
{
	struct vpc_gate *gate = &st->gate;

	lockdep_assert_held_write(&gate->lock);
	gate->blocked = false;
	gate->revoked = false;
	gate->asleep = asleep_now(&st->power);
	vpc_intx_resume(st);
	wake_up_all(&gate->unblocked);
}

/*
 * A reset is over, or with @happened false did not come about. The last of those that
 * overlap does what follows, again if another has begun and ended meanwhile.
 *
 * What did not come about may have brought the function to D0 all the same, and users
 * have been kept away, who could change the state of migration: both is made good.
 */
void vpc_gate_reset_over(struct vfio_pci_core_state *st, bool happened)
{
	struct vpc_gate *gate = &st->gate;
	bool opens = false;
	unsigned int begun;

	if (!happened)
		vpc_config_reset_done(st);
	down_write(&gate->lock);
	if (!happened)
		gate->begun--;
	while (gate->resets == 1 && gate->followed != gate->begun) {
		begun = gate->begun;
		up_write(&gate->lock);
		after_reset(st);
		down_write(&gate->lock);
		gate->followed = begun;
	}
	if (!WARN_ON(!gate->resets) && !--gate->resets) {
		vpc_migration_gate_opens(st);
		unblock(st);
		opens = true;
	}
	gate_changed(st);
	up_write(&gate->lock);
	if (!opens)
		return;
	give_back(st);
	vpc_migration_follow(st);
}
EXPORT_SYMBOL_IF_KUNIT(vpc_gate_reset_over);

/**
 * vfio_pci_core_reset_end - let the user go on after a reset
 * @core: the device
 *
 * Balances vfio_pci_core_reset_begin(). After the last of nested resets the
 * user's view of config space is brought up to date and
 * &vfio_pci_core_hooks.reset_done is called before accesses go on.
 *
 * Context: may sleep. No lock of the library may be held.
 */
void vfio_pci_core_reset_end(struct vfio_pci_core_device *core)
{
	vpc_gate_reset_over(core->state, true);
}
EXPORT_SYMBOL_VPC(vfio_pci_core_reset_end);

/**
 * vfio_pci_core_make_inert - take the function away from its user, for good
 * @core: the device
 *
 * For a function that is leaving while somebody has it open. On return the
 * user's mappings are revoked, the function masters the bus no more, and every
 * access by read(), write() or ioctl() that would reach it fails with -EIO. A
 * mapping that is touched again shows a page of ones, as a removed device would;
 * what is written there stays in that page, which stands in for all of the function.
 * The device cannot be opened again. Who wants the user to close calls
 * vfio_pci_core_signal_request() or unregisters the device.
 *
 * Context: may sleep. No lock of the library may be held.
 */
void vfio_pci_core_make_inert(struct vfio_pci_core_device *core)
{
	struct vfio_pci_core_state *st = core->state;
	struct vpc_gate *gate = &st->gate;
	struct page *dummy = alloc_page(GFP_KERNEL);

	if (dummy)
		memset(page_address(dummy), 0xff, PAGE_SIZE);

	down_write(&gate->lock);
	if (!gate->inert) {
		gate->dummy = dummy;
		dummy = NULL;
	}
	WRITE_ONCE(gate->inert, true);
	gate_changed(st);
	wake_up_all(&gate->unblocked);
	up_write(&gate->lock);

	revoke(st);
	pci_clear_master(st->pdev);
	if (dummy)
		__free_page(dummy);
}
EXPORT_SYMBOL_VPC(vfio_pci_core_make_inert);
