// SPDX-License-Identifier: GPL-2.0-only
/*
 * Migration: states and the arcs between them
 */
#include <linux/file.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "trace.h"
#include "vpc.h"
#include "migration.h"

static bool dma_log = true;
module_param_unsafe(dma_log, bool, 0444);
MODULE_PARM_DESC(dma_log, "For tests: without this, pages are pinned as on kernels without DMA logging");

/**
 * DOC: states of migration
 *
 * Columns are the sessions, rows say how far the device is at rest::
 *
 *	            no session          saving            loading
 *
 *	ACTIVE      RUNNING <---------> PRE_COPY
 *	               ^                   ^
 *	               |                   |
 *	               v                   v
 *	P2P         RUNNING_P2P <-----> PRE_COPY_P2P
 *	               ^                   |
 *	               |                   |
 *	               v                   v
 *	STOP         STOP <-----------> STOP_COPY
 *	               ^
 *	               +-------------------------------> RESUMING
 *
 * A vertical arc quiesces or unquiesces the device, a horizontal one begins or ends
 * a session. Each path between two states is made of these arcs; which one, says
 * vfio_mig_get_next_state(). Where a device does not have the P2P row, the arcs go
 * through it without stopping, and where it does not pre-copy, the upper two
 * states of the middle column are not there.
 *
 * ERROR is where a device goes that could be brought neither into the new state nor
 * back into the old one, or to which a stream was given that it did not take. A
 * reset leads from any state to RUNNING. One that comes while an arc is being
 * taken is not waited for and does not wait: the state follows when the arc is
 * done.
 */

static const enum vfio_pci_core_rest rest_of[VFIO_DEVICE_STATE_NR] = {
	[VFIO_DEVICE_STATE_RUNNING]	 = VFIO_PCI_CORE_ACTIVE,
	[VFIO_DEVICE_STATE_PRE_COPY]	 = VFIO_PCI_CORE_ACTIVE,
	[VFIO_DEVICE_STATE_RUNNING_P2P]	 = VFIO_PCI_CORE_REST_P2P,
	[VFIO_DEVICE_STATE_PRE_COPY_P2P] = VFIO_PCI_CORE_REST_P2P,
	[VFIO_DEVICE_STATE_STOP]	 = VFIO_PCI_CORE_REST_STOP,
	[VFIO_DEVICE_STATE_STOP_COPY]	 = VFIO_PCI_CORE_REST_STOP,
	[VFIO_DEVICE_STATE_RESUMING]	 = VFIO_PCI_CORE_REST_STOP,
};

/* What an arc does beyond changing how far the device is at rest */
typedef struct file *(*vpc_session_fn)(struct vpc_migration *mig);

static struct file *session_stays(struct vpc_migration *mig)
{
	return NULL;
}

static struct file *session_saves_early(struct vpc_migration *mig)
{
	int ret = vpc_dirty_session_begin(mig);

	return ret ? ERR_PTR(ret) : vpc_mig_file_save(mig, true);
}

/*
 * A session that cannot be completed breaks off, of which its reader hears, and comes
 * back to a device that goes on. Where the arc is refused instead, a VMM resets the
 * device, and has to end the guest if that fails too (seen with QEMU).
 */
static struct file *session_completes(struct vpc_migration *mig)
{
	int ret = vpc_dirty_session_stop(mig);

	ret = ret ?: vpc_mig_file_complete(mig);
	if (ret) {
		pci_notice_ratelimited(mig->core->pdev, "migration breaks off: the state cannot be saved (%pe)\n",
				       ERR_PTR(ret));
		vpc_mig_file_end(mig);
	}
	return NULL;
}

static struct file *session_saves(struct vpc_migration *mig)
{
	int ret = vpc_dirty_session_stop(mig);
	struct file *filp;

	if (ret)
		return ERR_PTR(ret);
	filp = vpc_mig_file_save(mig, false);
	if (IS_ERR(filp))
		return filp;
	ret = vpc_mig_file_complete(mig);
	if (!ret)
		return filp;
	vpc_mig_file_end(mig);
	fput(filp);
	return ERR_PTR(ret);
}

static struct file *session_loads(struct vpc_migration *mig)
{
	return vpc_mig_file_load(mig);
}

static struct file *session_applies(struct vpc_migration *mig)
{
	int ret = vpc_mig_file_apply(mig);

	vpc_mig_file_end(mig);
	/* The device is what it was, or half of each: only a reset is sure. */
	if (ret)
		mig->state = VFIO_DEVICE_STATE_ERROR;
	return ERR_PTR(ret);
}

static struct file *session_ends(struct vpc_migration *mig)
{
	vpc_mig_file_end(mig);
	return NULL;
}

#define ARC(from, to, session)						\
	{ VFIO_DEVICE_STATE_##from, VFIO_DEVICE_STATE_##to, session }

static const struct vpc_arc {
	enum vfio_device_mig_state from;
	enum vfio_device_mig_state to;
	vpc_session_fn session;
} vpc_arcs[] = {
	ARC(RUNNING,		RUNNING_P2P,	session_stays),
	ARC(RUNNING_P2P,	RUNNING,	session_stays),
	ARC(RUNNING_P2P,	STOP,		session_stays),
	ARC(STOP,		RUNNING_P2P,	session_stays),
	ARC(RUNNING,		PRE_COPY,	session_saves_early),
	ARC(RUNNING_P2P,	PRE_COPY_P2P,	session_saves_early),
	ARC(PRE_COPY,		PRE_COPY_P2P,	session_stays),
	ARC(PRE_COPY_P2P,	PRE_COPY,	session_stays),
	ARC(PRE_COPY,		RUNNING,	session_ends),
	ARC(PRE_COPY_P2P,	RUNNING_P2P,	session_ends),
	ARC(PRE_COPY_P2P,	STOP_COPY,	session_completes),
	ARC(STOP,		STOP_COPY,	session_saves),
	ARC(STOP_COPY,		STOP,		session_ends),
	ARC(STOP,		RESUMING,	session_loads),
	ARC(RESUMING,		STOP,		session_applies),
	/* Where there is no P2P row */
	ARC(RUNNING,		STOP,		session_stays),
	ARC(STOP,		RUNNING,	session_stays),
	ARC(PRE_COPY,		STOP_COPY,	session_completes),
};

/*
 * Bring the device to rest or let it go on, one level after the other. On failure
 * mig->rest says how far that went.
 */
int vpc_mig_rest(struct vpc_migration *mig, enum vfio_pci_core_rest level)
{
	int ret = 0;

	lockdep_assert_held(&mig->lock);
	while (!ret && mig->rest < level) {
		ret = mig->ops->quiesce(mig->core, mig->rest + 1);
		if (ret)
			break;
		mig->rest++;
		/* It writes no more, and where it did is easier to tell than when it is off. */
		if (mig->rest == VFIO_PCI_CORE_REST_P2P)
			vpc_dirty_refresh(mig);
	}
	while (!ret && mig->rest > level) {
		ret = mig->ops->unquiesce(mig->core, mig->rest - 1);
		if (!ret)
			mig->rest--;
	}
	return ret;
}

/* An arc cannot be taken to its end: be again where it began. */
static void step_back(struct vpc_migration *mig)
{
	if (mig->state == VFIO_DEVICE_STATE_ERROR ||
	    !vpc_mig_rest(mig, rest_of[mig->state]))
		return;
	pci_err(mig->core->pdev, "cannot go on after a failed change of the migration state: has to be reset\n");
	mig->state = VFIO_DEVICE_STATE_ERROR;
}

/* A session begins with the device at rest and ends before it goes on. */
static struct file *take_arc(struct vpc_migration *mig,
			     const struct vpc_arc *arc)
{
	enum vfio_pci_core_rest rest = rest_of[arc->to];
	struct file *filp;
	int ret;

	ret = vpc_mig_rest(mig, max(mig->rest, rest));
	filp = ret ? ERR_PTR(ret) : arc->session(mig);
	if (!IS_ERR(filp)) {
		ret = vpc_mig_rest(mig, rest);
		if (ret && filp)
			fput(filp);
		if (ret)
			filp = ERR_PTR(ret);
	}
	trace_vpc_mig_state(mig->core->pdev, arc->from, arc->to,
			    PTR_ERR_OR_ZERO(filp));
	if (IS_ERR(filp))
		step_back(mig);
	else
		mig->state = arc->to;
	return filp;
}

static const struct vpc_arc *next_arc(struct vpc_migration *mig,
				      enum vfio_device_mig_state goal)
{
	enum vfio_device_mig_state next;
	int ret;

	ret = vfio_mig_get_next_state(&mig->core->vdev, mig->state, goal,
				      &next);
	if (ret)
		return ERR_PTR(ret);
	for (int i = 0; i < ARRAY_SIZE(vpc_arcs); i++)
		if (vpc_arcs[i].from == mig->state && vpc_arcs[i].to == next)
			return &vpc_arcs[i];
	return ERR_PTR(-EINVAL);
}

static bool is_saving(enum vfio_device_mig_state state)
{
	return state == VFIO_DEVICE_STATE_PRE_COPY ||
	       state == VFIO_DEVICE_STATE_PRE_COPY_P2P ||
	       state == VFIO_DEVICE_STATE_STOP_COPY;
}

/* Gone from under its user for good, or for as long as it is being reset */
static bool out_of_reach(struct vpc_migration *mig)
{
	struct vfio_pci_core_state *st = mig->core->state;

	return vpc_gate_inert(st) || vpc_gate_blocks(st);
}

/*
 * The device is out of reach. Nothing of it moves, so it is at rest as far as anybody
 * likes; its state is lost, so a stream that has begun breaks off, and none begins. A
 * VMM whose migration fails by that comes back to a guest that runs; one that is
 * refused the way back has to end the guest (seen with QEMU).
 *
 * The driver is not asked, so mig->rest stays what it was told last, and the state
 * becomes RUNNING when the gate opens, whether or not there has been a reset.
 *
 * Return: 0, or a negative errno.
 */
static int set_state_gone(struct vpc_migration *mig,
			  enum vfio_device_mig_state goal)
{
	enum vfio_device_mig_state next;
	int ret;

	lockdep_assert_held(&mig->lock);
	lockdep_assert_held_read(&mig->core->state->gate.lock);
	if (mig->state == goal)
		return 0;
	/* Says whether there is such a state, and a way from the one that is. */
	ret = vfio_mig_get_next_state(&mig->core->vdev, mig->state, goal, &next);
	if (ret)
		return ret;
	if (mig->state == VFIO_DEVICE_STATE_RESUMING ||
	    goal == VFIO_DEVICE_STATE_RESUMING ||
	    (is_saving(goal) && !is_saving(mig->state)))
		ret = -EIO;
	trace_vpc_mig_state(mig->core->pdev, mig->state, goal, ret);
	if (ret)
		return ret;
	mig->state = goal;
	WRITE_ONCE(mig->behind, true);
	return 0;
}

/* If the device is out of reach: true, and what became of it is in @ret. */
static bool changed_gone(struct vpc_migration *mig, enum vfio_device_mig_state goal,
			 int *ret)
{
	if (likely(!out_of_reach(mig)))
		return false;
	/* The gate does not open between the look and the note. */
	scoped_guard(rwsem_read, &mig->core->state->gate.lock) {
		if (!out_of_reach(mig))
			return false;
		*ret = set_state_gone(mig, goal);
	}
	if (mig->behind)
		vpc_mig_file_end(mig);
	return true;
}

/*
 * The device is fresh from a reset: what it was before is void. An arc that was being
 * taken meanwhile may have brought it to rest after the reset, so its driver is told
 * to let it go on, which most often it does already.
 */
static void back_to_running(struct vpc_migration *mig)
{
	enum vfio_device_mig_state from = mig->state;
	int ret;

	lockdep_assert_held(&mig->lock);
	vpc_mig_file_end(mig);
	WRITE_ONCE(mig->behind, false);
	mig->state = VFIO_DEVICE_STATE_RUNNING;
	ret = vpc_mig_rest(mig, VFIO_PCI_CORE_ACTIVE);
	if (ret || from != mig->state)
		trace_vpc_mig_state(mig->core->pdev, from, mig->state, ret);
	if (!ret)
		return;
	pci_err(mig->core->pdev, "does not go on after a reset: has to be reset again\n");
	mig->state = VFIO_DEVICE_STATE_ERROR;
}

/* Do what a reset has left a note of. */
static void follow_reset(struct vpc_migration *mig)
{
	if (atomic_xchg(&mig->was_reset, 0))
		back_to_running(mig);
}

static struct file *mig_set_state(struct vfio_device *vdev,
				  enum vfio_device_mig_state goal)
{
	struct vpc_migration *mig = to_migration(vdev);
	const struct vpc_arc *arc;
	struct file *filp = NULL;
	int ret;

	vpc_mig_lock(mig);
	if (changed_gone(mig, goal, &ret)) {
		filp = ERR_PTR(ret);
		goto out;
	}
	/* It may just have come back. */
	follow_reset(mig);
	/* Only the last arc of a path returns a file: sessions are no way stations. */
	while (!filp && mig->state != goal) {
		arc = next_arc(mig, goal);
		filp = IS_ERR(arc) ? ERR_CAST(arc) : take_arc(mig, arc);
	}
out:
	vpc_mig_unlock(mig);
	return filp;
}

static int mig_get_state(struct vfio_device *vdev,
			 enum vfio_device_mig_state *state)
{
	struct vpc_migration *mig = to_migration(vdev);

	vpc_mig_lock(mig);
	*state = mig->state;
	vpc_mig_unlock(mig);
	return 0;
}

static int mig_get_data_size(struct vfio_device *vdev, unsigned long *length)
{
	struct vpc_migration *mig = to_migration(vdev);

	vpc_mig_lock(mig);
	*length = vpc_mig_stream_size(mig);
	vpc_mig_unlock(mig);
	return 0;
}

static const struct vfio_migration_ops vpc_mig_ops = {
	.migration_set_state	 = mig_set_state,
	.migration_get_state	 = mig_get_state,
	.migration_get_data_size = mig_get_data_size,
};

void vpc_mig_lock(struct vpc_migration *mig)
{
	mutex_lock(&mig->lock);
	follow_reset(mig);
}

/*
 * A reset may come from within one of the ops, or on a path that holds locks which
 * the ops take, so it does not wait for the lock: it leaves a note, and whoever has
 * the lock does what is due. Either the owner sees the note behind its unlock, or
 * the reset finds the lock free.
 */
void vpc_mig_unlock(struct vpc_migration *mig)
{
	do {
		follow_reset(mig);
		mutex_unlock(&mig->lock);
		/* Unlock before read; pairs with that in vpc_migration_follow() */
		smp_mb();
	} while (atomic_read(&mig->was_reset) && mutex_trylock(&mig->lock));
}

/* The device was reset; its user is still kept away. */
void vpc_migration_reset_done(struct vfio_pci_core_state *st)
{
	struct vpc_migration *mig = st->migration;

	if (!mig)
		return;
	vpc_dirty_was_reset(mig);
	atomic_set(&mig->was_reset, 1);
	vpc_migration_follow(st);
}

/* The gate is about to open to a state that was changed behind it. */
void vpc_migration_gate_opens(struct vfio_pci_core_state *st)
{
	struct vpc_migration *mig = st->migration;

	lockdep_assert_held_write(&st->gate.lock);
	if (mig && READ_ONCE(mig->behind))
		atomic_set(&mig->was_reset, 1);
}

/* If there is a note of a reset and nobody has the lock, do what is due. */
void vpc_migration_follow(struct vfio_pci_core_state *st)
{
	struct vpc_migration *mig = st->migration;

	if (!mig)
		return;
	/* Note before lock; pairs with that in vpc_mig_unlock() */
	smp_mb();
	if (atomic_read(&mig->was_reset) && mutex_trylock(&mig->lock))
		vpc_mig_unlock(mig);
}

/* Last close: sessions end, pages are let go. The function is reset after this. */
void vpc_migration_close(struct vfio_pci_core_state *st)
{
	struct vpc_migration *mig = st->migration;

	if (!mig)
		return;
	vpc_mig_lock(mig);
	vpc_mig_file_end(mig);
	mig->rest = VFIO_PCI_CORE_ACTIVE;
	mig->behind = false;
	mig->state = VFIO_DEVICE_STATE_RUNNING;
	vpc_dirty_close(mig);
	vpc_mig_unlock(mig);
}

void vpc_migration_free(struct vfio_pci_core_state *st)
{
	struct vpc_migration *mig = st->migration;

	if (!mig)
		return;
	vpc_dirty_destroy(&mig->dirty);
	mutex_destroy(&mig->lock);
	kfree(mig);
	st->migration = NULL;
}

/**
 * vfio_pci_core_migration_init - offer the migration of a device
 * @core: from vfio_pci_core_alloc_device(), not yet registered
 * @ops: what the driver knows about it, with static lifetime
 * @flags: %VFIO_MIGRATION_STOP_COPY, and %VFIO_MIGRATION_P2P and
 *	%VFIO_MIGRATION_PRE_COPY if the device shall offer them
 *
 * A driver whose ops have @dirty_declare also sets
 * vfio_pci_core_dirty_unmap() as &vfio_device_ops.dma_unmap.
 *
 * Context: probe of the driver; may sleep.
 * Return: 0; -EINVAL if @flags, @ops or &vfio_device.ops lack something; -ENOMEM.
 */
int vfio_pci_core_migration_init(struct vfio_pci_core_device *core,
				 const struct vfio_pci_core_mig_ops *ops,
				 unsigned int flags)
{
	struct vfio_pci_core_state *st = core->state;
	struct vpc_migration *mig;

	if (!(flags & VFIO_MIGRATION_STOP_COPY) || !ops->quiesce ||
	    !ops->unquiesce || !ops->size || !ops->save || !ops->check ||
	    !ops->load || !ops->early_size != !ops->save_early ||
	    !ops->early_size != !ops->check_early || st->migration ||
	    (ops->dirty_declare && !core->vdev.ops->dma_unmap))
		return -EINVAL;

	mig = kzalloc(sizeof(*mig), GFP_KERNEL_ACCOUNT);
	if (!mig)
		return -ENOMEM;
	mig->core = core;
	mig->ops = ops;
	mig->state = VFIO_DEVICE_STATE_RUNNING;
	mutex_init(&mig->lock);
	vpc_dirty_init(&mig->dirty);
	st->migration = mig;

	core->vdev.mig_ops = &vpc_mig_ops;
	core->vdev.migration_flags = flags;
	/* Without this, the kernel's side of DMA logging is an empty shell. */
	if (IS_ENABLED(CONFIG_IOMMUFD_DRIVER) && dma_log && ops->dirty_declare)
		core->vdev.log_ops = &vpc_log_ops;
	return 0;
}
EXPORT_SYMBOL_VPC(vfio_pci_core_migration_init);
