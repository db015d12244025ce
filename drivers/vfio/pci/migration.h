/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Migration and dirty tracking: shared by migration.c, migration_file.c, dirty.c,
 * dirty_pages.c, dirty_log.c and dirty_unmap.c
 */
#ifndef VPC_MIGRATION_H
#define VPC_MIGRATION_H

#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/vfio_pci_migration.h>
#include <linux/wait.h>
#include <linux/xarray.h>

#include "stream.h"
#include "vpc.h"

struct iova_bitmap;
struct vpc_mig_file;

/**
 * struct vpc_dirty_ring - buffers that a device may write to
 * @slot: of each slot, the buffer whose pages are held, or length 0
 * @count: number of slots
 */
struct vpc_dirty_ring {
	struct vfio_pci_core_dirty_span *slot;
	unsigned int count;
};

/**
 * struct vpc_dirty - where a device may write
 * @lock: protects the members; nests in everything of the library, and outside
 *	the locks of the IOMMU container, which therefore cannot take it when it asks
 * @active: the driver declares places; also read without the lock
 * @failed: a place could not be tracked: what is known is not all there is
 * @blind: somebody logs, but the driver cannot look: all is dirty
 * @barred: no page is pinned until the device is closed: where memory is being
 *	unmapped could not be remembered
 * @was_reset: nothing is declared any more, whatever the others say; without lock
 * @unmap_work: unpins what is unmapped
 * @unmapped: number of the last call that unmaps of which it took note (dirty_unmap.c);
 *	also read without the lock
 * @pages: page number to use count and whether it is pinned (see dirty_pages.c)
 * @num_pages: entries in @pages
 * @region: places declared for good
 * @ring: places declared as buffers
 */
struct vpc_dirty {
	struct mutex lock; /* see above */
	bool active;
	bool failed;
	bool blind;
	bool barred; /* set without the lock, by whoever unmaps */
	atomic_t was_reset;
	struct work_struct unmap_work;
	u64 unmapped;
	struct xarray pages;
	unsigned long num_pages;
	struct vfio_pci_core_dirty_span region[VFIO_PCI_CORE_DIRTY_REGIONS];
	struct vpc_dirty_ring ring[VFIO_PCI_CORE_DIRTY_RINGS];
};

/**
 * struct vpc_migration - migration of one device
 * @core: the device
 * @ops: its driver's
 * @lock: protects the members up to @behind, and calls of @ops one at a time. Nests
 *	in nothing of the library; driver's locks, &vpc_mig_file.lock and
 *	&vpc_dirty.lock nest in it. To be released by vpc_mig_unlock() only.
 * @state: as the user sees it
 * @rest: how far the device is at rest
 * @file: data session under way, or NULL
 * @behind: the state was changed while the device was out of reach, and its driver not
 *	asked. Set with the lock of the gate read-held, too, so that it is seen by whoever
 *	opens the gate.
 * @was_reset: the device was reset: state becomes RUNNING when @lock is free
 * @dirty: where the device may write
 */
struct vpc_migration {
	struct vfio_pci_core_device *core;
	const struct vfio_pci_core_mig_ops *ops;
	struct mutex lock; /* see above */
	enum vfio_device_mig_state state;
	enum vfio_pci_core_rest rest;
	struct vpc_mig_file *file;
	bool behind;
	atomic_t was_reset;
	struct vpc_dirty dirty;
};

/* NULL of a device that does not migrate */
static inline struct vpc_migration *to_migration(struct vfio_device *vdev)
{
	return vpc_state(vdev)->migration;
}

/* What a data session is for now */
enum vpc_mig_phase {
	VPC_PHASE_EARLY,	/* reading; more will come */
	VPC_PHASE_FULL,		/* reading; complete */
	VPC_PHASE_LOAD,		/* writing */
	VPC_PHASE_OVER,		/* neither */
};

/**
 * struct vpc_mig_file - a data session
 * @ref: held by the open file and by vpc_migration.file
 * @lock: protects the members below; nests in vpc_migration.lock
 * @wait: whoever polls
 * @mig: the device, which is there while @phase is not VPC_PHASE_OVER
 * @phase: what the session is for now
 * @buf: the stream
 * @size: bytes allocated at @buf
 * @len: of those, valid
 * @pos: of those, given to the user
 * @writer: makes the stream
 * @reader: checks the stream
 * @error: the stream was refused with this
 */
struct vpc_mig_file {
	struct kref ref;
	struct mutex lock; /* see above */
	wait_queue_head_t wait;
	struct vpc_migration *mig;
	enum vpc_mig_phase phase;
	u8 *buf;
	size_t size;
	size_t len;
	size_t pos;
	struct vpc_stream_writer writer;
	struct vpc_stream_reader reader;
	int error;
};

/* migration.c */
void vpc_mig_lock(struct vpc_migration *mig);
void vpc_mig_unlock(struct vpc_migration *mig);
int vpc_mig_rest(struct vpc_migration *mig, enum vfio_pci_core_rest level);

/* migration_file.c */
struct file *vpc_mig_file_save(struct vpc_migration *mig, bool early);
int vpc_mig_file_complete(struct vpc_migration *mig);
struct file *vpc_mig_file_load(struct vpc_migration *mig);
int vpc_mig_file_apply(struct vpc_migration *mig);
void vpc_mig_file_end(struct vpc_migration *mig);
size_t vpc_mig_stream_size(struct vpc_migration *mig);

/* dirty.c */
void vpc_dirty_init(struct vpc_dirty *dirty);
void vpc_dirty_destroy(struct vpc_dirty *dirty);
int vpc_dirty_session_begin(struct vpc_migration *mig);
int vpc_dirty_session_stop(struct vpc_migration *mig);
void vpc_dirty_was_reset(struct vpc_migration *mig);
int vpc_dirty_begin(struct vpc_migration *mig);
void vpc_dirty_refresh(struct vpc_migration *mig);
void vpc_dirty_close(struct vpc_migration *mig);

/* dirty_pages.c; with vpc_dirty.lock held, but for the two that take it */
#define VPC_CANNOT_PIN	"a place in memory cannot be held"
/* For whoever polls a data session of any device: tracking of one has failed */
extern wait_queue_head_t vpc_dirty_failures;
void vpc_dirty_set_failed(struct vpc_migration *mig, const char *why, int error);
int vpc_dirty_page_get(struct vpc_migration *mig, unsigned long pfn);
void vpc_dirty_page_put(struct vpc_migration *mig, unsigned long pfn);
void vpc_dirty_let_go(struct vpc_migration *mig, unsigned long first,
		      unsigned long last);
void vpc_dirty_claim_scope(struct vpc_migration *mig);		/* takes it */
void vpc_dirty_pin_all_late(struct vpc_migration *mig);		/* takes it */
void vpc_dirty_report(struct vpc_dirty *dirty, unsigned long iova,
		      unsigned long length, struct iova_bitmap *bitmap);
void vpc_dirty_forget_pages(struct vpc_dirty *dirty);

static inline bool vpc_dirty_by_log(struct vpc_migration *mig)
{
	return mig->core->vdev.log_ops;
}

/* dirty_unmap.c */
void vpc_dirty_unmap(struct vpc_migration *mig, unsigned long first,
		     unsigned long last);
bool vpc_dirty_unmap_next(struct vpc_migration *mig, u64 *nr,
			  unsigned long *first, unsigned long *last);
void vpc_dirty_unmap_done(struct vpc_migration *mig, u64 nr);
bool vpc_dirty_unmapping(struct vpc_migration *mig, unsigned long pfn);

/* dirty_log.c */
extern const struct vfio_log_ops vpc_log_ops;

#endif /* VPC_MIGRATION_H */
