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
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "vpc.h"
#include "migration.h"

/**
 * struct unmap - a call of the user that unmaps memory, and is not back yet
 * @link: in unmaps
 * @mig: the device that was asked; for comparison, may be gone
 * @first: page number of the first page
 * @last: and of the last one
 */
struct unmap {
	struct list_head link;
	struct vpc_migration *mig;
	unsigned long first;
	unsigned long last;
};

static LIST_HEAD(unmaps);
static DEFINE_SPINLOCK(unmaps_lock); /* protects unmaps; nothing nests in it */

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

/* The task that calls is unmapping pages @first to @last. Fails if that is not noted. */
int vpc_dirty_unmap_begins(struct vpc_migration *mig, unsigned long first,
			   unsigned long last)
{
	struct unmap *unmap = kmalloc(sizeof(*unmap), GFP_KERNEL_ACCOUNT);
	struct file *filp;

	if (!unmap)
		return -ENOMEM;
	*unmap = (struct unmap) { .mig = mig, .first = first, .last = last };
	filp = anon_inode_getfile("[vfio-pci-unmap]", &unmap_fops, unmap,
				  O_RDONLY);
	if (IS_ERR(filp)) {
		kfree(unmap);
		return PTR_ERR(filp);
	}
	scoped_guard(spinlock, &unmaps_lock)
		list_add(&unmap->link, &unmaps);
	fput(filp);
	return 0;
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
