/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * i82576-vfio-pci: shared by its files
 */
#ifndef I82576_VFIO_H
#define I82576_VFIO_H

#include <linux/mutex.h>
#include <linux/vfio_pci_aux.h>
#include <linux/vfio_pci_core.h>
#include <linux/vfio_pci_migration.h>

struct task_struct;

/* BAR 0 has the registers, one page for each kind of them. */
#define I82576_BAR		0
#define I82576_QUEUES		2
#define I82576_NUM_STATS	9

/**
 * struct i82576_rx_ring - a receive ring as it was at the last look
 * @known: there was one
 * @base: IOVA of descriptor 0
 * @count: descriptors, 0 if the queue is not enabled
 * @head: the VF has used the buffers before this one
 * @tail: the buffers from @head up to this one are declared
 * @packet_size: bytes of a packet buffer
 * @header_size: bytes of a header buffer, 0 if there are none
 */
struct i82576_rx_ring {
	bool known;
	u64 base;
	u32 count;
	u32 head;
	u32 tail;
	u32 packet_size;
	u32 header_size;
};

/**
 * struct i82576_vfio - a VF given to user space
 * @core: the library's part
 * @aux: the VF as the vendor driver publishes it; valid between probe and remove
 * @track_lock: protects @rx to @octets; nests in the library's lock of migration
 * @rx: receive rings, as far as dirty tracking needs them
 * @declared: @rx is what has been declared; also read without the lock
 * @stopped: the queues are off, for a user who stopped the VF; set under @track_lock
 * @packets: those received, as counted at the last look
 * @octets: the same
 * @watcher: looks at the rings while somebody wants to know what is written, or NULL;
 *	set under the library's lock of migration, cleared by the last close
 * @was_reset: @rx is void; without lock
 * @stats_lock: protects what follows against a load or a reset while the guest reads
 * @stats_base: what the guest's counters have beyond the hardware's
 * @stats_seen: what the guest saw of them last
 * @stats_reset: a bit for each that it has not looked at since a reset
 */
struct i82576_vfio {
	struct vfio_pci_core_device core;
	struct vfio_pci_aux_device *aux;
	struct mutex track_lock; /* see above */
	struct i82576_rx_ring rx[I82576_QUEUES];
	bool declared;
	bool stopped;
	u32 packets;
	u32 octets;
	struct task_struct *watcher;
	atomic_t was_reset;
	spinlock_t stats_lock; /* see above */
	u32 stats_base[I82576_NUM_STATS];
	u32 stats_seen[I82576_NUM_STATS];
	u32 stats_reset;
};

static inline struct i82576_vfio *to_i82576_vfio(struct vfio_device *vdev)
{
	return container_of(vdev, struct i82576_vfio, core.vdev);
}

/* migration.c */
int i82576_migration_init(struct i82576_vfio *vf);

/* stats.c */
int i82576_stats_open(struct i82576_vfio *vf);
void i82576_stats_was_reset(struct i82576_vfio *vf);
int i82576_stats_save(struct i82576_vfio *vf, __le32 *stats);
int i82576_stats_load(struct i82576_vfio *vf, const __le32 *stats);

/* track.c */
void i82576_track_close(struct i82576_vfio *vf);
void i82576_track_reset(struct i82576_vfio *vf);
int i82576_track_declare(struct vfio_pci_core_device *core);
int i82576_track_refresh(struct vfio_pci_core_device *core);
void i82576_track_stop(struct i82576_vfio *vf);
void i82576_track_go_on(struct i82576_vfio *vf);

#endif /* I82576_VFIO_H */
