/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Migration and dirty tracking for drivers that use vfio_pci_core
 */
#ifndef LINUX_VFIO_PCI_MIGRATION_H
#define LINUX_VFIO_PCI_MIGRATION_H

#include <linux/vfio_pci_core.h>

/**
 * DOC: migration for a driver
 *
 * A driver describes, in a &struct vfio_pci_core_mig_ops, how its device is
 * brought to rest, saved and loaded, and calls vfio_pci_core_migration_init()
 * between vfio_pci_core_alloc_device() and vfio_pci_core_register_device(). The
 * library does the rest: states, data files, the format of the stream, resets
 * that come at a bad moment.
 *
 * Ops of one device are called one at a time, with the device open and under a lock
 * of the library, so an op may call nothing of the library but
 * vfio_pci_core_bar_map(), vfio_pci_core_bar_read(), vfio_pci_core_dma_read() and what
 * is said for it here. The user may have switched memory off or put the device to sleep:
 * vfio_pci_core_bar_read() says so with -EIO, a read of the mapping gives ones.
 * None of them is called after the device is closed. There are two exceptions to
 * "one at a time", @check and @check_early: they are called while the user writes, under
 * a lock of the data session only, and therefore beside any other op.
 *
 * A VMM that cannot change the state of a device resets it, and ends the guest if that
 * fails too. While a reset is announced (vfio_pci_core_reset_begin()) the library
 * changes the state without asking the driver. A reset can begin while an op runs, and
 * a device can fail without any: then it is right to say that the device is at rest, or
 * goes on, since nothing of it moves. What can no longer be saved or loaded, @save and
 * @load refuse.
 */

/**
 * enum vfio_pci_core_rest - how far a device is brought to rest
 * @VFIO_PCI_CORE_ACTIVE: it runs
 * @VFIO_PCI_CORE_REST_P2P: it starts no DMA and no interrupt of its own, but its
 *	registers take accesses (VFIO_DEVICE_STATE_RUNNING_P2P, _PRE_COPY_P2P)
 * @VFIO_PCI_CORE_REST_STOP: in addition its state does not change
 *	(VFIO_DEVICE_STATE_STOP, _STOP_COPY, _RESUMING)
 */
enum vfio_pci_core_rest {
	VFIO_PCI_CORE_ACTIVE,
	VFIO_PCI_CORE_REST_P2P,
	VFIO_PCI_CORE_REST_STOP,
};

/**
 * struct vfio_pci_core_mig_ops - what a driver knows about migrating its device
 *
 * May sleep. Members are mandatory unless said otherwise. An op returns 0 or a
 * negative errno, which the user gets, unless said otherwise.
 */
struct vfio_pci_core_mig_ops {
	/**
	 * @quiesce: bring the device to rest, from the level before @level to
	 * @level. On failure it is as before.
	 */
	int (*quiesce)(struct vfio_pci_core_device *core,
		       enum vfio_pci_core_rest level);

	/**
	 * @unquiesce: let the device go on, from the level behind @level up to
	 * @level. On failure it is as before.
	 *
	 * Also called after a reset if the device was brought to rest before it,
	 * or between it and vfio_pci_core_reset_end(): so a device that goes on
	 * already is left alone, and no lock is taken that is held around
	 * vfio_pci_core_reset_end().
	 */
	int (*unquiesce)(struct vfio_pci_core_device *core,
			 enum vfio_pci_core_rest level);

	/** @size: upper bound in bytes of what @save writes, never 0. */
	size_t (*size)(struct vfio_pci_core_device *core);

	/**
	 * @save: write the state of the device, which is at
	 * %VFIO_PCI_CORE_REST_STOP, to @buf of @size bytes. Return: the number of
	 * bytes written, or a negative errno.
	 */
	ssize_t (*save)(struct vfio_pci_core_device *core, void *buf,
			size_t size);

	/**
	 * @check: would @load take these bytes? Applies nothing. They are not
	 * trusted: complete and unchanged since somebody wrote them, but by whom
	 * is unknown. Says in the log why not. May be called beside other ops.
	 */
	int (*check)(struct vfio_pci_core_device *core, const void *buf,
		     size_t size);

	/**
	 * @load: apply what @check accepted to the device, which is at
	 * %VFIO_PCI_CORE_REST_STOP.
	 */
	int (*load)(struct vfio_pci_core_device *core, const void *buf,
		    size_t size);

	/**
	 * @early_size: upper bound in bytes of what @save_early writes, 0 if
	 * nothing. Optional, with @save_early and @check_early.
	 */
	size_t (*early_size)(struct vfio_pci_core_device *core);

	/**
	 * @save_early: write what the destination should see while the device
	 * still runs, so that it refuses early what it cannot take. Return: as
	 * @save.
	 */
	ssize_t (*save_early)(struct vfio_pci_core_device *core, void *buf,
			      size_t size);

	/** @check_early: can the device take it? As @check, beside other ops too. */
	int (*check_early)(struct vfio_pci_core_device *core, const void *buf,
			   size_t size);

	/**
	 * @dirty_declare: tell, by vfio_pci_core_dirty_region() and
	 * vfio_pci_core_dirty_ring() with vfio_pci_core_dirty_slots(), every
	 * place in memory that the device may write to. Tracking has just begun,
	 * nothing is declared yet and the device is at rest. From here on until
	 * vfio_pci_core_dirty_active() is false, the driver declares each place
	 * before the device can write to it. Optional; without it a user has to
	 * take all memory for dirty.
	 */
	int (*dirty_declare)(struct vfio_pci_core_device *core);

	/**
	 * @dirty_refresh: declare what the user may have changed without the
	 * driver's seeing it. Called when the device has come to
	 * %VFIO_PCI_CORE_REST_P2P, again when it is stopped, and before a report.
	 * Optional.
	 */
	int (*dirty_refresh)(struct vfio_pci_core_device *core);
};

int vfio_pci_core_migration_init(struct vfio_pci_core_device *core,
				 const struct vfio_pci_core_mig_ops *ops,
				 unsigned int flags);

/**
 * DOC: dirty tracking for a driver
 *
 * A device without a log of its own DMA writes only where it was told to. A driver
 * that sees how its device is programmed declares those places, and the library
 * reports them as dirty: by DMA logging where the kernel can do that, else by
 * pinning their pages, which makes the type 1 container report pinned pages in
 * place of all pages. Which of the two makes no difference to the driver.
 *
 * A region is a place that the device may write to again and again (a ring of
 * descriptors, a word for a head pointer). A ring is a number of slots, each of
 * them a buffer that the device may write to until the driver puts another one
 * into the slot. Replacing a buffer says that the device is done with it.
 *
 * A place is reported at least once after it was declared last, and for as long
 * as it stays declared.
 */

/* Regions and rings of a device are numbered from 0 to these */
#define VFIO_PCI_CORE_DIRTY_REGIONS	32
#define VFIO_PCI_CORE_DIRTY_RINGS	32

/**
 * struct vfio_pci_core_dirty_span - a place in memory that a device may write to
 * @iova: its first byte, as the device sees it
 * @length: bytes, 0 for none
 */
struct vfio_pci_core_dirty_span {
	u64 iova;
	u32 length;
};

bool vfio_pci_core_dirty_active(struct vfio_pci_core_device *core);
int vfio_pci_core_dirty_region(struct vfio_pci_core_device *core,
			       unsigned int region, u64 iova, u32 length);
int vfio_pci_core_dirty_ring(struct vfio_pci_core_device *core,
			     unsigned int ring, unsigned int slots);
int vfio_pci_core_dirty_slots(struct vfio_pci_core_device *core,
			      unsigned int ring, unsigned int first,
			      unsigned int count,
			      const struct vfio_pci_core_dirty_span *spans);
void vfio_pci_core_dirty_failed(struct vfio_pci_core_device *core);
void vfio_pci_core_dirty_unmap(struct vfio_device *vdev, u64 iova, u64 length);

int vfio_pci_core_dma_read(struct vfio_pci_core_device *core, u64 iova,
			   void *buf, size_t size);

#endif /* LINUX_VFIO_PCI_MIGRATION_H */
