// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty tracking: memory that is being unmapped
 *
 * A type 1 container which is to unmap memory that has pinned pages asks for their end,
 * and looks again. It holds no lock in between, and at the eleventh look ends the host
 * (BUG). Somebody who makes rings and begins migrations meanwhile could bring that about.
 * So a device that was asked pins nothing there until the container is through.
 *
 * Nobody says when that is, but it is before the task that unmaps returns to user space,
 * and then a file is released of which it has put the last reference.
 *
 * The container asks with the list of its devices locked, and to unpin takes a lock of
 * its own in which that of the list nests. So whoever is asked lets a worker unpin, and
 * waits for it for a while only. If the worker needs the lock of somebody who waits for
 * the list, the container asks again, and in between both come to their turn.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "vpc.h"
#include "migration.h"

/* The first wait, and how often it is doubled when the container asks again */
#define WAIT_FIRST	msecs_to_jiffies(100)
#define WAIT_DOUBLED	10

/**
 * struct unmap - a call of the user that unmaps memory, and is not back yet
 * @link: in unmaps
 * @nr: as they came
 * @task: who unmaps; for comparison
 * @mig: the device that was asked; for comparison, may be gone
 * @first: page number of the first page
 * @last: and of the last one
 */
struct unmap {
	struct list_head link;
	u64 nr;
	struct task_struct *task;
	struct vpc_migration *mig;
	unsigned long first;
	unsigned long last;
};

static LIST_HEAD(unmaps);		/* by nr */
static u64 last_nr;
static DEFINE_SPINLOCK(unmaps_lock);	/* protects both; nothing nests in it */
static DECLARE_WAIT_QUEUE_HEAD(noted);

static int unmap_release(struct inode *inode, struct file *filp)
{
	struct unmap *unmap = filp->private_data;

	scoped_guard(spinlock, &unmaps_lock)
		list_del(&unmap->link);
	kfree(unmap);
	return 0;
}

static const struct file_operations unmap_fops = {
	.owner		= THIS_MODULE,
	.release	= unmap_release,
};

/* The number of @unmap, and how often the same task has asked the same device before */
static u64 note(struct unmap *unmap, unsigned int *before)
{
	struct unmap *other;
	unsigned int count = 0;
	u64 nr;

	spin_lock(&unmaps_lock);
	list_for_each_entry(other, &unmaps, link)
		count += other->mig == unmap->mig && other->task == unmap->task;
	nr = ++last_nr;
	unmap->nr = nr;
	list_add_tail(&unmap->link, &unmaps);
	spin_unlock(&unmaps_lock);
	*before = count;
	return nr;
}

/**
 * vpc_dirty_unmap - the task that calls is unmapping pages
 * @mig: a device that may have pinned some
 * @first: page number of the first
 * @last: and of the last one
 *
 * From here on, until that task returns to user space, vpc_dirty_unmapping() knows.
 * Waits until vpc_dirty.unmap_work has taken note of it, but not for ever.
 */
void vpc_dirty_unmap(struct vpc_migration *mig, unsigned long first,
		     unsigned long last)
{
	struct vpc_dirty *dirty = &mig->dirty;
	unsigned int before = WAIT_DOUBLED;
	struct unmap *unmap;
	struct file *filp = NULL;
	u64 nr = U64_MAX;

	unmap = kmalloc(sizeof(*unmap), GFP_KERNEL_ACCOUNT);
	if (unmap) {
		*unmap = (struct unmap) {
			.task = current, .mig = mig,
			.first = first, .last = last,
		};
		filp = anon_inode_getfile("[vfio-pci-unmap]", &unmap_fops,
					  unmap, O_RDONLY);
	}
	if (IS_ERR_OR_NULL(filp)) {
		kfree(unmap);
		WRITE_ONCE(dirty->barred, true);
	} else {
		nr = note(unmap, &before);
		fput(filp);
	}
	queue_work(system_unbound_wq, &dirty->unmap_work);
	wait_event_timeout(noted, READ_ONCE(dirty->unmapped) >= nr,
			   WAIT_FIRST << min(before, WAIT_DOUBLED));
}

/* The next one of @mig behind *@nr, or false */
bool vpc_dirty_unmap_next(struct vpc_migration *mig, u64 *nr,
			  unsigned long *first, unsigned long *last)
{
	struct unmap *unmap;
	bool found = false;

	spin_lock(&unmaps_lock);
	list_for_each_entry(unmap, &unmaps, link) {
		found = unmap->mig == mig && unmap->nr > *nr;
		if (found) {
			*nr = unmap->nr;
			*first = unmap->first;
			*last = unmap->last;
			break;
		}
	}
	spin_unlock(&unmaps_lock);
	return found;
}

/* No page of @mig is pinned any more in what was unmapped up to number @nr. */
void vpc_dirty_unmap_done(struct vpc_migration *mig, u64 nr)
{
	WRITE_ONCE(mig->dirty.unmapped, nr);
	wake_up_all(&noted);
}

/* May page @pfn be in memory that is being unmapped? */
bool vpc_dirty_unmapping(struct vpc_migration *mig, unsigned long pfn)
{
	struct unmap *unmap;
	bool found = false;

	spin_lock(&unmaps_lock);
	list_for_each_entry(unmap, &unmaps, link)
		found |= unmap->mig == mig && unmap->first <= pfn &&
			 pfn <= unmap->last;
	spin_unlock(&unmaps_lock);
	return found;
}
