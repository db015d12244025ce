// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty tracking: where a device may write, told by its driver
 *
 * Places come and go in bytes, pages are what is reported. Each page that a place
 * touches is in an array with a count of the places that do. There are two ways to
 * report a page:
 *
 * DMA logging	vfio.ko asks for all pages that were written since it asked last:
 *		those with a count, and those whose count has fallen to 0 since.
 *
 * Pinned pages	While a page has a count it is pinned. A type 1 container whose
 *		groups pin pages reports those, once more after each is unpinned.
 *		From the first page pinned until the group leaves the container it
 *		believes that no other page is written, so tracking does not end
 *		with the session for which it began, but with the last close.
 *
 * Which it is, depends on the kernel: DMA logging works where CONFIG_IOMMUFD_DRIVER
 * is set, and the device offers it there (dirty_log.c).
 */
#include <linux/iova_bitmap.h>
#include <linux/poll.h>
#include <linux/slab.h>

#include "vpc.h"
#include "migration.h"

/* 1 GiB in pages of 4 KiB, far more than rings have, and an end to a mad guest */
#define MAX_PAGES	(SZ_1G >> PAGE_SHIFT)
#define MAX_SLOTS	SZ_128K

/* Entry of vpc_dirty.pages: is it pinned, and how many places does it serve? */
#define PAGE_PINNED	BIT(0)
#define PAGE_USE	BIT(1)

#define CANNOT_PIN	"a place in memory cannot be held"

DECLARE_WAIT_QUEUE_HEAD(vpc_dirty_failures);

static bool by_log(struct vpc_migration *mig)
{
	return mig->core->vdev.log_ops;
}

static void set_failed(struct vpc_migration *mig, const char *why, int error)
{
	lockdep_assert_held(&mig->dirty.lock);
	if (mig->dirty.failed)
		return;
	/* A user can make that happen as often as he likes. */
	dev_warn_ratelimited(&mig->core->pdev->dev, "dirty tracking lost sight of what the device writes: %s (%pe). To migrate, start the migration again while the guest runs\n",
			     why, ERR_PTR(error));
	mig->dirty.failed = true;
	wake_up_interruptible_poll(&vpc_dirty_failures, EPOLLIN | EPOLLRDNORM);
}

/* What has failed is of no use to anybody until it begins anew: nor are more pins. */
static bool pins(struct vpc_migration *mig)
{
	return mig->dirty.active && !mig->dirty.failed && !by_log(mig);
}

/* A page that is not memory, or not mapped, cannot be written: nothing to pin. */
static int pin(struct vpc_migration *mig, unsigned long pfn, unsigned long *entry)
{
	struct page *page;
	int ret;

	if (READ_ONCE(mig->dirty.barred) || vpc_dirty_unmapping(mig, pfn))
		return -EBUSY;
	ret = vfio_pin_pages(&mig->core->vdev, (dma_addr_t)pfn << PAGE_SHIFT, 1,
			     IOMMU_READ | IOMMU_WRITE, &page);
	if (ret == 1)
		*entry |= PAGE_PINNED;
	return ret == 1 || ret == -EINVAL ? 0 : ret ?: -EFAULT;
}

static void unpin(struct vpc_migration *mig, unsigned long pfn)
{
	vfio_unpin_pages(&mig->core->vdev, (dma_addr_t)pfn << PAGE_SHIFT, 1);
}

static void pin_late(struct vpc_migration *mig, unsigned long pfn,
		     unsigned long *entry)
{
	int ret = pins(mig) ? pin(mig, pfn, entry) : 0;

	if (ret)
		set_failed(mig, CANNOT_PIN, ret);
}

static int page_get(struct vpc_migration *mig, unsigned long pfn)
{
	struct vpc_dirty *dirty = &mig->dirty;
	void *old = xa_load(&dirty->pages, pfn);
	unsigned long entry = old ? xa_to_value(old) : 0;
	bool pinned = entry & PAGE_PINNED;
	int ret = 0;

	if (!old && dirty->num_pages >= MAX_PAGES)
		return -ENOSPC;
	if (pins(mig) && !pinned)
		ret = pin(mig, pfn, &entry);
	if (ret)
		return ret;
	ret = xa_err(xa_store(&dirty->pages, pfn,
			      xa_mk_value(entry + PAGE_USE),
			      GFP_KERNEL_ACCOUNT));
	if (!ret)
		dirty->num_pages += !old;
	else if (!pinned && (entry & PAGE_PINNED))
		unpin(mig, pfn);
	return ret;
}

static void page_put(struct vpc_migration *mig, unsigned long pfn)
{
	struct vpc_dirty *dirty = &mig->dirty;
	unsigned long entry = xa_to_value(xa_load(&dirty->pages, pfn));

	entry -= PAGE_USE;
	if (entry >= PAGE_USE || by_log(mig)) {
		/* Takes the place of a value: needs no memory. */
		xa_store(&dirty->pages, pfn, xa_mk_value(entry), GFP_NOWAIT);
		return;
	}
	/* Not mapped when it was declared; if it is by now, it may have been written. */
	if (!(entry & PAGE_PINNED))
		pin_late(mig, pfn, &entry);
	if (entry & PAGE_PINNED)
		unpin(mig, pfn);
	xa_erase(&dirty->pages, pfn);
	dirty->num_pages--;
}

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
			page_put(mig, pfn);
	span->length = 0;
}

static int span_get(struct vpc_migration *mig,
		    const struct vfio_pci_core_dirty_span *span)
{
	unsigned long pfn;
	int ret;

	for (pfn = first_pfn(span); pfn <= last_pfn(span); pfn++) {
		ret = page_get(mig, pfn);
		if (ret)
			goto undo;
	}
	return 0;

undo:
	while (pfn-- > first_pfn(span))
		page_put(mig, pfn);
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
		set_failed(mig, CANNOT_PIN, ret);
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

static void forget_log(struct vpc_dirty *dirty)
{
	lockdep_assert_held(&dirty->lock);
	xa_destroy(&dirty->pages);
	dirty->num_pages = 0;
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
		set_failed(mig, "no memory for a ring", -ENOMEM);
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
		set_failed(mig, "the driver cannot tell", -EIO);
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

	if (mig && length && !by_log(mig))
		vpc_dirty_unmap(mig, iova >> PAGE_SHIFT,
				(iova + length - 1) >> PAGE_SHIFT);
}
EXPORT_SYMBOL_VPC(vfio_pci_core_dirty_unmap);

/* Pages @first to @last are being unmapped. */
static void let_go(struct vpc_migration *mig, unsigned long first,
		   unsigned long last)
{
	unsigned long pfn, entry;
	bool in_use = false;
	void *value;

	xa_for_each_range(&mig->dirty.pages, pfn, value, first, last) {
		entry = xa_to_value(value);
		in_use = true;
		if (!(entry & PAGE_PINNED))
			continue;
		unpin(mig, pfn);
		xa_store(&mig->dirty.pages, pfn,
			 xa_mk_value(entry & ~PAGE_PINNED), GFP_NOWAIT);
	}
	if (in_use)
		set_failed(mig, "memory that it may write was unmapped",
			   -EFAULT);
}

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
		let_go(mig, 0, ULONG_MAX);
		nr = U64_MAX;
	}
	while (vpc_dirty_unmap_next(mig, &nr, &first, &last))
		let_go(mig, first, last);
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

/*
 * A type 1 container believes of a group that it writes only what is pinned from the
 * first page on that was. A device that writes nowhere now has pinned none, so a page
 * of the user's is held for a moment: he has memory at one of these addresses.
 */
static void claim_scope(struct vpc_migration *mig)
{
	unsigned long pfn, entry = 0;
	void *value;

	guard(mutex)(&mig->dirty.lock);
	if (!pins(mig))
		return;
	xa_for_each(&mig->dirty.pages, pfn, value)
		if (xa_to_value(value) & PAGE_PINNED)
			return;
	for (unsigned int bit = PAGE_SHIFT; bit < BITS_PER_LONG; bit++) {
		pfn = bit == PAGE_SHIFT ? 0 : BIT(bit - PAGE_SHIFT);
		if (!pin(mig, pfn, &entry) && (entry & PAGE_PINNED)) {
			unpin(mig, pfn);
			return;
		}
	}
	pci_dbg(mig->core->pdev, "%s: no memory to be tracked\n", __func__);
}

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
		claim_scope(mig);
	error = vpc_mig_rest(mig, before);
	return ret ?: error;
}

/* A device that may run begins to be saved: what it writes must be known. */
int vpc_dirty_session_begin(struct vpc_migration *mig)
{
	struct vfio_device *vdev = &mig->core->vdev;

	/* Pages can be pinned in a container only. iommufd looks by itself. */
	if (!mig->ops->dirty_declare || by_log(mig) ||
	    vfio_iommufd_device_ictx(vdev))
		return 0;
	if (mig->dirty.active && !mig->dirty.failed)
		return 0;
	return vpc_dirty_begin(mig);
}

/* Places that were not mapped when they were declared */
static void pin_all_late(struct vpc_migration *mig)
{
	unsigned long pfn, entry;
	void *value;

	guard(mutex)(&mig->dirty.lock);
	if (!pins(mig))
		return;
	xa_for_each(&mig->dirty.pages, pfn, value) {
		entry = xa_to_value(value);
		if (entry & PAGE_PINNED)
			continue;
		pin_late(mig, pfn, &entry);
		/* Takes the place of a value: needs no memory. */
		xa_store(&mig->dirty.pages, pfn, xa_mk_value(entry), GFP_NOWAIT);
	}
}

/* Before anybody is told what is dirty. A driver that cannot look has failed. */
void vpc_dirty_refresh(struct vpc_migration *mig)
{
	lockdep_assert_held(&mig->lock);
	if (mig->dirty.active && mig->ops->dirty_refresh &&
	    mig->ops->dirty_refresh(mig->core))
		vfio_pci_core_dirty_failed(mig->core);
	pin_all_late(mig);
}

/* The device is stopped: is all known that it wrote? */
int vpc_dirty_session_stop(struct vpc_migration *mig)
{
	if (!mig->dirty.active)
		return 0;
	vpc_dirty_refresh(mig);
	/* A reader of the log hears of a failure there. */
	return mig->dirty.failed && !by_log(mig) ? -EIO : 0;
}

/* Which pages of a range the device may have written since they were last reported */
void vpc_dirty_report(struct vpc_dirty *dirty, unsigned long iova,
		      unsigned long length, struct iova_bitmap *bitmap)
{
	unsigned long pfn;
	void *value;

	lockdep_assert_held(&dirty->lock);
	xa_for_each_range(&dirty->pages, pfn, value, iova >> PAGE_SHIFT,
			  (iova + length - 1) >> PAGE_SHIFT) {
		iova_bitmap_set(bitmap, pfn << PAGE_SHIFT, PAGE_SIZE);
		if (xa_to_value(value) < PAGE_USE) {
			xa_erase(&dirty->pages, pfn);
			dirty->num_pages--;
		}
	}
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
	forget_log(&mig->dirty);
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
