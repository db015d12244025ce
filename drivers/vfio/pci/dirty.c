// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty tracking: where a device may write, told by its driver
 *
 * Places come and go in bytes, pages are what is reported (dirty_pages.c).
 */
#include <linux/slab.h>

#include "vpc.h"
#include "migration.h"

#define MAX_SLOTS	SZ_128K

/* First and last page of a place, which has a length */
static unsigned long first_pfn(const struct vfio_pci_core_dirty_span *span)
{
	return span->iova >> PAGE_SHIFT;
}

static unsigned long last_pfn(const struct vfio_pci_core_dirty_span *span)
{
	return (span->iova + span->length - 1) >> PAGE_SHIFT;
}

static void span_put(struct vpc_migration *mig,
		     struct vfio_pci_core_dirty_span *span)
{
	if (span->length)
		for (unsigned long pfn = first_pfn(span); pfn <= last_pfn(span);
		     pfn++)
			vpc_dirty_page_put(mig, pfn);
	span->length = 0;
}

static int span_get(struct vpc_migration *mig,
		    const struct vfio_pci_core_dirty_span *span)
{
	unsigned long pfn;
	int ret;

	for (pfn = first_pfn(span); pfn <= last_pfn(span); pfn++) {
		ret = vpc_dirty_page_get(mig, pfn);
		if (ret)
			goto undo;
	}
	return 0;

undo:
	while (pfn-- > first_pfn(span))
		vpc_dirty_page_put(mig, pfn);
	return ret;
}

/*
 * Declare @new in place of @old; 1 if that is another place, 0 if it is the same. Held
 * first, so that pages of both stay held.
 */
static int span_replace(struct vpc_migration *mig,
			struct vfio_pci_core_dirty_span *old,
			const struct vfio_pci_core_dirty_span *new)
{
	u64 end;
	int ret = 0;

	/* What wraps around the address space is nowhere in memory. */
	if (!new->length || check_add_overflow(new->iova, new->length, &end)) {
		ret = !!old->length;
		span_put(mig, old);
		return ret;
	}
	if (old->iova == new->iova && old->length == new->length)
		return 0;
	ret = span_get(mig, new);
	span_put(mig, old);
	if (ret) {
		vpc_dirty_set_failed(mig, VPC_CANNOT_PIN, ret);
		return ret;
	}
	*old = *new;
	return 1;
}

static void ring_free(struct vpc_migration *mig, struct vpc_dirty_ring *ring)
{
	for (unsigned int i = 0; i < ring->count; i++)
		span_put(mig, &ring->slot[i]);
	kvfree(ring->slot);
	ring->slot = NULL;
	ring->count = 0;
}

/* Nothing is declared any more. In the log it stays until it has been read. */
static void drop_all(struct vpc_migration *mig)
{
	struct vpc_dirty *dirty = &mig->dirty;

	lockdep_assert_held(&dirty->lock);
	for (int i = 0; i < ARRAY_SIZE(dirty->region); i++)
		span_put(mig, &dirty->region[i]);
	for (int i = 0; i < ARRAY_SIZE(dirty->ring); i++)
		ring_free(mig, &dirty->ring[i]);
}

/* The device was reset since the lock was held last: it writes nowhere. */
static void settle(struct vpc_migration *mig)
{
	if (atomic_xchg(&mig->dirty.was_reset, 0))
		drop_all(mig);
}

/**
 * vfio_pci_core_dirty_active - is anybody interested in what the device writes?
 * @core: device with &vfio_pci_core_mig_ops.dirty_declare
 *
 * Context: any. Becomes true before the driver is asked to declare everything, and
 * while the device is at rest, so that a driver which looks before it lets the
 * device write misses nothing.
 *
 * Return: whether places have to be declared.
 */
bool vfio_pci_core_dirty_active(struct vfio_pci_core_device *core)
{
	return READ_ONCE(to_migration(&core->vdev)->dirty.active);
}
EXPORT_SYMBOL_VPC(vfio_pci_core_dirty_active);

/**
 * vfio_pci_core_dirty_region - the device may write here from now on
 * @core: the device
 * @region: number of the region, below %VFIO_PCI_CORE_DIRTY_REGIONS
 * @iova: its first byte
 * @length: bytes, 0 if the device writes there no more
 *
 * Takes the place of what was declared for @region before. Does nothing while
 * tracking is not active.
 *
 * Context: process context; may sleep and may take the mmap_lock of the user.
 * Return: 0, or the negative errno with which tracking has failed; a driver can
 * leave it at that, since whoever reads what is dirty will hear of it.
 */
int vfio_pci_core_dirty_region(struct vfio_pci_core_device *core,
			       unsigned int region, u64 iova, u32 length)
{
	const struct vfio_pci_core_dirty_span span = { iova, length };
	struct vpc_migration *mig = to_migration(&core->vdev);

	if (WARN_ON(region >= VFIO_PCI_CORE_DIRTY_REGIONS))
		return -EINVAL;

	guard(mutex)(&mig->dirty.lock);
	if (!mig->dirty.active)
		return 0;
	settle(mig);
	return min(span_replace(mig, &mig->dirty.region[region], &span), 0);
}
EXPORT_SYMBOL_VPC(vfio_pci_core_dirty_region);

/**
 * vfio_pci_core_dirty_ring - make a ring of empty slots
 * @core: the device
 * @ring: number of the ring, below %VFIO_PCI_CORE_DIRTY_RINGS
 * @slots: how many it has, 0 for no ring
 *
 * What the ring had before is declared no more. Does nothing while tracking is not
 * active.
 *
 * Context: as vfio_pci_core_dirty_region().
 * Return: the same.
 */
int vfio_pci_core_dirty_ring(struct vfio_pci_core_device *core,
			     unsigned int ring, unsigned int slots)
{
	struct vpc_migration *mig = to_migration(&core->vdev);
	struct vpc_dirty_ring *r;

	if (WARN_ON(ring >= VFIO_PCI_CORE_DIRTY_RINGS || slots > MAX_SLOTS))
		return -EINVAL;

	guard(mutex)(&mig->dirty.lock);
	if (!mig->dirty.active)
		return 0;
	settle(mig);
	r = &mig->dirty.ring[ring];
	ring_free(mig, r);
	if (!slots)
		return 0;
	r->slot = kvcalloc(slots, sizeof(*r->slot), GFP_KERNEL_ACCOUNT);
	if (!r->slot) {
		vpc_dirty_set_failed(mig, "no memory for a ring", -ENOMEM);
		return -ENOMEM;
	}
	r->count = slots;
	return 0;
}
EXPORT_SYMBOL_VPC(vfio_pci_core_dirty_ring);

/**
 * vfio_pci_core_dirty_slots - put buffers into slots of a ring
 * @core: the device
 * @ring: number of a ring that vfio_pci_core_dirty_ring() made
 * @first: number of the first slot; behind the last of the ring comes slot 0
 * @count: how many, not more than the ring has
 * @spans: the buffers
 *
 * To be called before the device learns of the buffers. The device is done with
 * those that were in the slots before. Does nothing while tracking is not active.
 *
 * Context: as vfio_pci_core_dirty_region().
 * Return: the same on failure; how many slots have another buffer than before.
 */
int vfio_pci_core_dirty_slots(struct vfio_pci_core_device *core,
			      unsigned int ring, unsigned int first,
			      unsigned int count,
			      const struct vfio_pci_core_dirty_span *spans)
{
	struct vpc_migration *mig = to_migration(&core->vdev);
	struct vpc_dirty_ring *r;
	int changed, ret = 0;

	if (WARN_ON(ring >= VFIO_PCI_CORE_DIRTY_RINGS))
		return -EINVAL;

	guard(mutex)(&mig->dirty.lock);
	if (!mig->dirty.active)
		return 0;
	settle(mig);
	r = &mig->dirty.ring[ring];
	/* A ring that could not be made has failed tracking already. */
	if (count > r->count)
		return -EINVAL;
	for (unsigned int i = 0; i < count; i++) {
		changed = span_replace(mig, &r->slot[(first + i) % r->count],
				       &spans[i]);
		if (changed < 0 || ret >= 0)
			ret = changed < 0 ? changed : ret + changed;
	}
	return ret;
}
EXPORT_SYMBOL_VPC(vfio_pci_core_dirty_slots);

/**
 * vfio_pci_core_dirty_failed - the driver cannot tell where the device may write
 * @core: the device
 *
 * The migration under way, if there is one, ends with an error for whoever asked
 * for it; the device goes on.
 *
 * Context: as vfio_pci_core_dirty_region().
 */
void vfio_pci_core_dirty_failed(struct vfio_pci_core_device *core)
{
	struct vpc_migration *mig = to_migration(&core->vdev);

	guard(mutex)(&mig->dirty.lock);
	if (mig->dirty.active)
		vpc_dirty_set_failed(mig, "the driver cannot tell", -EIO);
}
EXPORT_SYMBOL_VPC(vfio_pci_core_dirty_failed);

/**
 * vfio_pci_core_dirty_unmap - &vfio_device_ops.dma_unmap for a driver that tracks
 * @vdev: the device
 * @iova: first byte that the user takes away from his devices
 * @length: how many
 *
 * A driver without that op is not allowed to pin pages. Where the device may write,
 * tracking fails: what is mapped there next is not what was pinned.
 *
 * Context: called by the IOMMU container, whose list of devices is locked; sleeps, and
 * may return before all is unpinned: the container asks again then.
 */
void vfio_pci_core_dirty_unmap(struct vfio_device *vdev, u64 iova, u64 length)
{
	struct vpc_migration *mig = to_migration(vdev);

	if (mig && length && !vpc_dirty_by_log(mig))
		vpc_dirty_unmap(mig, iova >> PAGE_SHIFT,
				(iova + length - 1) >> PAGE_SHIFT);
}
EXPORT_SYMBOL_VPC(vfio_pci_core_dirty_unmap);

static void unmap_work(struct work_struct *work)
{
	struct vpc_migration *mig = container_of(work, struct vpc_migration,
						 dirty.unmap_work);
	unsigned long first, last;
	u64 nr;

	guard(mutex)(&mig->dirty.lock);
	settle(mig);
	nr = mig->dirty.unmapped;
	if (READ_ONCE(mig->dirty.barred)) {
		vpc_dirty_let_go(mig, 0, ULONG_MAX);
		nr = U64_MAX;
	}
	while (vpc_dirty_unmap_next(mig, &nr, &first, &last))
		vpc_dirty_let_go(mig, first, last);
	vpc_dirty_unmap_done(mig, nr);
}

/**
 * vfio_pci_core_dma_read - read memory as the device would
 * @core: the device
 * @iova: address that the device would use
 * @buf: where to
 * @size: bytes
 *
 * Context: process context; may sleep and may take the mmap_lock of the user.
 * Return: 0, or a negative errno if the device could not read there, or the kernel
 * cannot in its place.
 */
int vfio_pci_core_dma_read(struct vfio_pci_core_device *core, u64 iova,
			   void *buf, size_t size)
{
	return vfio_dma_rw(&core->vdev, iova, buf, size, false);
}
EXPORT_SYMBOL_VPC(vfio_pci_core_dma_read);

/* Begin, or begin anew after a failure. The device is at rest while it happens. */
int vpc_dirty_begin(struct vpc_migration *mig)
{
	enum vfio_pci_core_rest before = mig->rest;
	int ret, error;

	lockdep_assert_held(&mig->lock);
	ret = vpc_mig_rest(mig, max(before, VFIO_PCI_CORE_REST_P2P));
	if (ret)
		return ret;
	scoped_guard(mutex, &mig->dirty.lock) {
		atomic_set(&mig->dirty.was_reset, 0);
		drop_all(mig);
		mig->dirty.failed = false;
		WRITE_ONCE(mig->dirty.active, true);
	}
	ret = mig->ops->dirty_declare(mig->core);
	if (ret)
		vfio_pci_core_dirty_failed(mig->core);
	else if (mig->dirty.failed)
		ret = -EIO;
	else
		vpc_dirty_claim_scope(mig);
	error = vpc_mig_rest(mig, before);
	return ret ?: error;
}

/* A device that may run begins to be saved: what it writes must be known. */
int vpc_dirty_session_begin(struct vpc_migration *mig)
{
	struct vfio_device *vdev = &mig->core->vdev;

	/* Pages can be pinned in a container only. iommufd looks by itself. */
	if (!mig->ops->dirty_declare || vpc_dirty_by_log(mig) ||
	    vfio_iommufd_device_ictx(vdev))
		return 0;
	if (mig->dirty.active && !mig->dirty.failed)
		return 0;
	return vpc_dirty_begin(mig);
}

/* Before anybody is told what is dirty. A driver that cannot look has failed. */
void vpc_dirty_refresh(struct vpc_migration *mig)
{
	lockdep_assert_held(&mig->lock);
	if (mig->dirty.active && mig->ops->dirty_refresh &&
	    mig->ops->dirty_refresh(mig->core))
		vfio_pci_core_dirty_failed(mig->core);
	vpc_dirty_pin_all_late(mig);
}

/* The device is stopped: is all known that it wrote? */
int vpc_dirty_session_stop(struct vpc_migration *mig)
{
	if (!mig->dirty.active)
		return 0;
	vpc_dirty_refresh(mig);
	/* A reader of the log hears of a failure there. */
	return mig->dirty.failed && !vpc_dirty_by_log(mig) ? -EIO : 0;
}

/*
 * The lock may be held by somebody who waits for memory of the user, and that for
 * a page fault which waits for the end of the reset. So this takes a note only, and
 * until somebody reads it, too much is reported.
 */
void vpc_dirty_was_reset(struct vpc_migration *mig)
{
	atomic_set(&mig->dirty.was_reset, 1);
}

void vpc_dirty_close(struct vpc_migration *mig)
{
	guard(mutex)(&mig->dirty.lock);
	WRITE_ONCE(mig->dirty.active, false);
	drop_all(mig);
	vpc_dirty_forget_pages(&mig->dirty);
	mig->dirty.failed = false;
	mig->dirty.blind = false;
	if (mig->dirty.barred)
		mig->dirty.unmapped = 0;
	mig->dirty.barred = false;
}

void vpc_dirty_init(struct vpc_dirty *dirty)
{
	mutex_init(&dirty->lock);
	INIT_WORK(&dirty->unmap_work, unmap_work);
	xa_init(&dirty->pages);
}

void vpc_dirty_destroy(struct vpc_dirty *dirty)
{
	cancel_work_sync(&dirty->unmap_work);
	xa_destroy(&dirty->pages);
	mutex_destroy(&dirty->lock);
}
