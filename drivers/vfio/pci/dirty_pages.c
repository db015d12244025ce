// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty tracking: the pages of what a driver declares
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

#include "vpc.h"
#include "migration.h"

/* 1 GiB in pages of 4 KiB, far more than rings have, and an end to a mad guest */
#define MAX_PAGES	(SZ_1G >> PAGE_SHIFT)

/* Entry of vpc_dirty.pages: is it pinned, and how many places does it serve? */
#define PAGE_PINNED	BIT(0)
#define PAGE_USE	BIT(1)

DECLARE_WAIT_QUEUE_HEAD(vpc_dirty_failures);

void vpc_dirty_set_failed(struct vpc_migration *mig, const char *why, int error)
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
	return mig->dirty.active && !mig->dirty.failed && !vpc_dirty_by_log(mig);
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
		vpc_dirty_set_failed(mig, VPC_CANNOT_PIN, ret);
}

int vpc_dirty_page_get(struct vpc_migration *mig, unsigned long pfn)
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

void vpc_dirty_page_put(struct vpc_migration *mig, unsigned long pfn)
{
	struct vpc_dirty *dirty = &mig->dirty;
	unsigned long entry = xa_to_value(xa_load(&dirty->pages, pfn));

	entry -= PAGE_USE;
	if (entry >= PAGE_USE || vpc_dirty_by_log(mig)) {
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

/* Pages @first to @last are being unmapped. */
void vpc_dirty_let_go(struct vpc_migration *mig, unsigned long first,
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
		vpc_dirty_set_failed(mig, "memory that it may write was unmapped",
				     -EFAULT);
}

/*
 * A type 1 container believes of a group that it writes only what is pinned from the
 * first page on that was. A device that writes nowhere now has pinned none, so a page
 * of the user's is held for a moment: he has memory at one of these addresses.
 */
void vpc_dirty_claim_scope(struct vpc_migration *mig)
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

/* Places that were not mapped when they were declared */
void vpc_dirty_pin_all_late(struct vpc_migration *mig)
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

void vpc_dirty_forget_pages(struct vpc_dirty *dirty)
{
	lockdep_assert_held(&dirty->lock);
	xa_destroy(&dirty->pages);
	dirty->num_pages = 0;
}
