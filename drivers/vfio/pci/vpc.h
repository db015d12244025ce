/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Private header of vfio_pci_core
 *
 * One section a file of the library. Names that start with vpc_ never leave the
 * module.
 */
#ifndef VPC_H
#define VPC_H

#include <linux/eventfd.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/uuid.h>
#include <linux/vfio_pci_core.h>
#include <linux/wait.h>
#include <linux/xarray.h>

/**
 * DOC: locks of vfio_pci_core
 *
 * In the order in which they nest, outermost first:
 *
 * 1. vfio_device_set.lock (vfio.ko): held around open and close, and by hot
 *    reset so that no device of the set opens or closes meanwhile.
 * 2. &struct vpc_irqs.lock: interrupt setup of one device.
 * 3. &struct vpc_config.lock: the user's view of config space. Held while vectors are
 *    set up, so the locks of the interrupt core and of an interrupt bypass nest in it.
 * 4. &struct vpc_ioeventfds.lock: list of ioeventfds.
 * 5. &struct vpc_dmabufs.lock: list of dma-bufs. Held while importers are waited
 *    for. The reservation lock of a dma-buf nests in it, and nothing of the library
 *    in that; importers' locks do.
 * 6. &struct vpc_gate.lock: whether the user may reach the function. Read-held
 *    across each access to the hardware, write-held to change the answer, never
 *    held across a reset.
 * 7. &struct vpc_power.d3_lock: the user's D3hot. pci_bus_sem nests in it, so it is
 *    not taken where that may be held: in a resume, or by AER for a function in D0.
 * 8. &struct vfio_pci_core_state.rom_lock: one reader of the ROM.
 * 9. vpc_sriov_lock (sriov.c): tokens and the list of physical functions.
 * 10. &struct vpc_power.lock: low power bookkeeping, taken in runtime PM callbacks.
 * 11. &struct vpc_irqs.slock: INTx masking, taken in hard interrupts.
 *
 * bar_map_lock (bar.c), for the first use of a BAR, nests in 1 to 6, and nothing in it.
 *
 * mmap_lock of a user may be held when 6 is taken (page fault), so nothing that
 * may fault (copy_to_user, copy_from_user) runs under 6.
 */

/**
 * DOC: locks of migration
 *
 * Between 1 and 6 of the locks of vfio_pci_core, and in no relation to 2 to 5:
 *
 * a. &struct vpc_migration.lock (migration.h): the state of migration, and every
 *    call of a driver's &struct vfio_pci_core_mig_ops. A reset never waits for it.
 * b. &struct vpc_mig_file.lock: data of a session.
 * c. locks of the driver, if it has any.
 * d. &struct vpc_dirty.lock: where the device may write. The lock of the IOMMU
 *    container nests in it; that of its list of devices, which it holds when it calls
 *    vfio_pci_core_dirty_unmap(), is outside.
 *
 * Memory of the user is touched under all of them but b, so none is taken where 6 or
 * an mmap_lock is held. A reset waits for b, since whoever holds it without a is soon
 * done: it must not be held across a page fault, which may wait for the reset.
 */

#define VPC_OFFSET_SHIFT	40
#define VPC_OFFSET_TO_INDEX(off)	((off) >> VPC_OFFSET_SHIFT)
#define VPC_INDEX_TO_OFFSET(index)	((u64)(index) << VPC_OFFSET_SHIFT)
#define VPC_OFFSET_MASK		(((u64)1 << VPC_OFFSET_SHIFT) - 1)

struct vpc_migration;

#define EXPORT_SYMBOL_VPC(sym)	EXPORT_SYMBOL_NS_GPL(sym, VFIO_PCI_CORE_NS)

/* Who keeps the function asleep, see &struct vpc_gate.asleep */
#define VPC_ASLEEP_LOW_POWER	BIT(0)	/* LOW_POWER_ENTRY */
#define VPC_ASLEEP_PMCSR	BIT(1)	/* power state register */

/**
 * struct vpc_gate - may the user reach the function now?
 * @lock: protects the members below; see DOC: locks of vfio_pci_core
 * @resets: number of resets under way
 * @begun: count of the resets that have begun
 * @followed: what @begun was when that which follows resets was last done
 * @revoked: mappings have been revoked since @blocked was set
 * @blocked: users wait, unless @inert; set while @resets is not 0 and until what
 *	follows the last of them is done
 * @unblocked: woken when @blocked is cleared or @inert set
 * @inert: the function has left for good: accesses fail, mappings show @dummy
 * @asleep: VPC_ASLEEP_ flags, which follow &struct vpc_power; memory accesses fail
 *	while there is one
 * @dummy: page of ones that takes the place of an inert function's memory, so
 *	that a virtual CPU which still looks at it sees a removed device instead
 *	of a bus error; NULL if there was no memory for it
 */
struct vpc_gate {
	struct rw_semaphore lock;
	unsigned int resets;
	unsigned int begun;
	unsigned int followed;
	bool revoked;
	bool blocked;
	wait_queue_head_t unblocked;
	bool inert;
	unsigned int asleep;
	struct page *dummy;
};

/**
 * struct vpc_config_map - what each dword of config space is and holds
 * @size: bytes of config space, 256 or 4096
 * @shadow: dwords; what the user reads where a bit is virtual
 * @rule: for each dword, its register's index in vpc_regs (config.h)
 */
struct vpc_config_map {
	unsigned int size;
	u32 *shadow;
	u8 *rule;
};

/**
 * struct vpc_config - the user's view of config space
 * @lock: orders writes and their effects. Reads take no lock. Held while waiting
 *	for a reset, so never taken on the way of one
 * @map: constant while the device is open but for what is in the shadow, and
 *	empty while it is closed, which changes under vpc_gate.lock
 * @rom_writable: bits of the ROM BAR that can be written, found out at open
 * @memory_on: COMMAND as the user wrote it has memory enabled (for a VF: its
 *	virtual memory enable); written under both @lock and vpc_gate.lock
 */
struct vpc_config {
	struct mutex lock;	/* order of writes */
	struct vpc_config_map map;
	u32 rom_writable;
	bool memory_on;
};

/**
 * struct vpc_bar - one BAR as the user sees it
 * @io: mapping for read() and write(), made at first use, or NULL
 * @size: length of the resource, 0 if there is none
 * @mappable: may be given to mmap()
 * @trapped: there are traps in it
 * @pad: memory below page size: the rest of the page, held so that nobody else
 *	gets it
 * @next_fault: page of the device file that the next fault is about if the user
 *	touches page after page; a guess without lock, see mmap.c
 * @last_batch: number of pages that the last fault mapped
 */
struct vpc_bar {
	void __iomem *io;
	resource_size_t size;
	bool mappable;
	bool trapped;
	struct resource *pad;
	unsigned long next_fault;
	unsigned int last_batch;
};

struct vpc_intx;
struct vpc_dmabufs;
struct dentry;
struct seq_file;

/**
 * struct vpc_irqs - interrupts of one device
 * @lock: protects the setup: @type, @ctx, and who changes @intx, @err and @req
 * @slock: protects @intx, @intx_masks, @intx_sleeps, @intx_open and DisINTx of the
 *	function; shared with the hard interrupt handler. No eventfd is signalled under it:
 *	the user's unmask eventfd calls into intx.c with the eventfd's lock held.
 * @event_lock: protects @err and @req against signalling, nests in nothing of
 *	the library
 * @type: VFIO_PCI_INTX_IRQ_INDEX, _MSI_, _MSIX_ or VPC_IRQ_NONE
 * @count: number of interrupts of each index, found out at open
 * @ctx: MSI and MSI-X vector number to struct vpc_vector (msi.c)
 * @intx: INTx while it is set up, or NULL
 * @intx_masks: why INTx is masked, VPC_INTX_ flags (irq.h)
 * @intx_sleeps: calls of vpc_intx_suspend() without vpc_intx_resume()
 * @intx_open: between vpc_intx_open() and vpc_intx_close()
 * @err: signalled on an error of the function, or NULL
 * @req: signalled when the function is wanted back, or NULL
 */
struct vpc_irqs {
	struct mutex lock;		/* setup */
	spinlock_t slock;		/* INTx masking */
	spinlock_t event_lock;		/* @err, @req */
	int type;
	u16 count[VFIO_PCI_NUM_IRQS];
	struct xarray ctx;
	struct vpc_intx *intx;
	unsigned int intx_masks;
	unsigned int intx_sleeps;
	bool intx_open;
	struct eventfd_ctx *err;
	struct eventfd_ctx *req;
};

#define VPC_IRQ_NONE	(-1)

/**
 * struct vpc_ioeventfds - ioeventfds of one device
 * @lock: protects the list and its count
 * @list: of struct vpc_ioeventfd (ioeventfd.c)
 * @count: number of entries, limited
 */
struct vpc_ioeventfds {
	struct mutex lock;	/* the list */
	struct list_head list;
	unsigned int count;
};

/**
 * struct vpc_power - low power as the user asked for it
 * @lock: protects @engaged and @wake; taken in runtime PM callbacks, so nothing that
 *	resumes the function runs under it
 * @d3_lock: protects @d3, @lost and @vfs, and orders changes of the power state
 * @engaged: the user gave up the runtime PM reference of the open device
 * @opening: the function is resumed in order to be opened; no lock needed, as
 *	resuming is ordered by runtime PM
 * @wake: signalled when something else than the user wakes the function, or NULL
 * @d3: the user has put the function into D3hot, or is about to
 * @vfs: the function has VFs, or soon has: it stays in D0
 * @lost: config space to give back on the way out of D3hot, which resets the
 *	function, or NULL
 */
struct vpc_power {
	struct mutex lock;	/* @engaged, @wake */
	struct mutex d3_lock;	/* @d3, @vfs, @lost */
	bool engaged;
	bool opening;
	struct eventfd_ctx *wake;
	bool d3;
	bool vfs;
	struct pci_saved_state *lost;
};

/**
 * struct vpc_sriov - relation of a physical function to its VFs
 * @node: a physical function in the list of those that the library knows
 * @token: of a physical function: what the users of its VFs have to know
 * @vf_users: of a physical function: VFs that are open
 * @pf: of an open VF: the physical function that counts it, or NULL
 *
 * Protected by vpc_sriov_lock (sriov.c), which nests inside every other mutex.
 */
struct vpc_sriov {
	struct list_head node;
	uuid_t token;
	unsigned int vf_users;
	struct vfio_pci_core_state *pf;
};

/**
 * struct vfio_pci_core_state - everything the library knows of one device
 * @core: back pointer
 * @pdev: the PCI function
 * @gate: see gate.c
 * @config: see config.c
 * @bars: see bar.c
 * @irqs: see irq.c
 * @ioeventfds: see ioeventfd.c
 * @power: see power.c
 * @traps: list of struct vpc_trap (trap.c); constant while the device is open
 * @regions: array of struct vpc_region (region.c); constant while open but for
 *	additions during open_device
 * @num_regions: entries in @regions
 * @rom_lock: one reader of the ROM at a time, for whom it is decoded
 * @saved: config space as found at open, given back at close
 * @atomics: VFIO_PCI_ATOMIC_ flags of what the root port completes
 * @enabled: pci_enable_device() was called; stays from the first open until
 *	the device is unregistered
 * @reset_works: the function can be reset, found out when that was tried last
 * @clean: reset at last close, and nobody has reached the function since: see
 *	reset_for_user()
 * @needs_reset: the function could not be reset at last close
 * @unregistering: the driver's remove() waits for the last close, device lock
 *	held
 * @may_sleep: see idle.c; written with the device lock held
 * @has_vga: the function decodes legacy VGA and the policy allows it
 * @sriov: see sriov.c
 * @migration: see migration.c; NULL for a device that does not migrate
 * @dmabufs: see dmabuf.c; NULL until the first is exported, then there for good
 * @has_p2p: the kernel can lend BARs of the function to other devices
 * @debugfs: see debugfs.c; while the device is registered
 */
struct vfio_pci_core_state {
	struct vfio_pci_core_device *core;
	struct pci_dev *pdev;
	struct vpc_gate gate;
	struct vpc_config config;
	struct vpc_bar bars[PCI_STD_NUM_BARS];
	struct vpc_irqs irqs;
	struct vpc_ioeventfds ioeventfds;
	struct vpc_power power;
	struct list_head traps;
	struct vpc_region *regions;
	unsigned int num_regions;
	struct mutex rom_lock;		/* decoding of the ROM */
	struct pci_saved_state *saved;
	u32 atomics;
	bool enabled;
	bool reset_works;
	bool clean;
	bool needs_reset;
	bool unregistering;
	bool may_sleep;
	bool has_vga;
	struct vpc_sriov sriov;
	struct vpc_migration *migration;
	struct vpc_dmabufs *dmabufs;
	bool has_p2p;
	struct dentry *debugfs;
};

static inline struct vfio_pci_core_state *vpc_state(struct vfio_device *vdev)
{
	return to_vfio_pci_core(vdev)->state;
}

extern struct vfio_pci_core_policy vpc_policy;

/* gate.c */

/*
 * Do users wait? May be asked without the lock. A function that has left during a
 * reset does not come back from it.
 */
static inline bool vpc_gate_blocks(struct vfio_pci_core_state *st)
{
	return READ_ONCE(st->gate.blocked) && !READ_ONCE(st->gate.inert);
}

void vpc_gate_init(struct vfio_pci_core_state *st);
void vpc_gate_destroy(struct vfio_pci_core_state *st);
int vpc_gate_enter(struct vfio_pci_core_state *st);
int vpc_gate_enter_to_undo(struct vfio_pci_core_state *st);
int vpc_gate_enter_memory(struct vfio_pci_core_state *st);
bool vpc_gate_try_enter_memory(struct vfio_pci_core_state *st);
void vpc_gate_exit(struct vfio_pci_core_state *st);
void vpc_gate_set_memory(struct vfio_pci_core_state *st, bool on);
void vpc_gate_follow_power(struct vfio_pci_core_state *st);
void vpc_gate_reset_over(struct vfio_pci_core_state *st, bool happened);
bool vpc_gate_is_open(struct vfio_pci_core_state *st);

/* Once true, true until the device is gone: may be read without the lock. */
static inline bool vpc_gate_inert(struct vfio_pci_core_state *st)
{
	return READ_ONCE(st->gate.inert);
}

/* Pass the gate without holding it open, for what does no harm if it is late. */
static inline int vpc_gate_pass(struct vfio_pci_core_state *st)
{
	int ret;

	if (likely(!READ_ONCE(st->gate.blocked) && !READ_ONCE(st->gate.inert)))
		return 0;

	ret = vpc_gate_enter(st);
	if (!ret)
		vpc_gate_exit(st);
	return ret;
}

/* config.c */
int vpc_config_open(struct vfio_pci_core_state *st);
void vpc_config_close(struct vfio_pci_core_state *st);
ssize_t vpc_config_read(struct vfio_pci_core_state *st, char __user *buf,
			size_t count, u64 offset);
ssize_t vpc_config_write(struct vfio_pci_core_state *st,
			 const char __user *buf, size_t count, u64 offset);
void vpc_config_reset_done(struct vfio_pci_core_state *st);
void vpc_config_restore_bars(struct pci_dev *pdev);

/* bar.c */
int vpc_bars_open(struct vfio_pci_core_state *st);
void vpc_bars_close(struct vfio_pci_core_state *st);
ssize_t vpc_bar_rw(struct vfio_pci_core_state *st, int bar, char __user *buf,
		   size_t count, u64 offset, bool write);

/* rom.c, vga.c */
size_t vpc_rom_size(struct vfio_pci_core_state *st);
ssize_t vpc_rom_read(struct vfio_pci_core_state *st, char __user *buf,
		     size_t count, u64 offset);
void vpc_vga_open(struct vfio_pci_core_state *st);
int vpc_vga_register(struct vfio_pci_core_state *st);
void vpc_vga_unregister(struct vfio_pci_core_state *st);
ssize_t vpc_vga_rw(struct vfio_pci_core_state *st, char __user *buf,
		   size_t count, u64 offset, bool write);

/* trap.c */
bool vpc_trap_overlaps(struct vfio_pci_core_state *st, int bar, u64 start,
		       u64 end);
const struct vfio_pci_core_trap_ops *
vpc_trap_find(struct vfio_pci_core_state *st, int bar, u64 offset, u64 *end);
void vpc_traps_free(struct vfio_pci_core_state *st);

/* mmap.c */
int vpc_mmap_bar(struct vfio_pci_core_state *st, int bar,
		 struct vm_area_struct *vma, u64 offset);
bool vpc_mmap_allowed(struct vfio_pci_core_state *st, int bar, u64 offset,
		      u64 len);
void vpc_mmap_zap(struct vfio_pci_core_state *st);

/* dmabuf.c, where the kernel has what it takes */
#ifdef CONFIG_VPC_DMABUF
int vpc_dmabufs_init(struct vfio_pci_core_state *st);
void vpc_dmabufs_follow(struct vfio_pci_core_state *st);
void vpc_dmabufs_close(struct vfio_pci_core_state *st);
void vpc_dmabufs_free(struct vfio_pci_core_state *st);
void vpc_dmabufs_show(struct vfio_pci_core_state *st, struct seq_file *m);
int vpc_dmabuf_feature(struct vfio_pci_core_state *st, u32 flags,
		       void __user *arg, size_t argsz);
#else
static inline int vpc_dmabufs_init(struct vfio_pci_core_state *st)
{
	return 0;
}

static inline void vpc_dmabufs_follow(struct vfio_pci_core_state *st) { }
static inline void vpc_dmabufs_close(struct vfio_pci_core_state *st) { }
static inline void vpc_dmabufs_free(struct vfio_pci_core_state *st) { }
static inline void vpc_dmabufs_show(struct vfio_pci_core_state *st,
				    struct seq_file *m) { }
#endif

/* region.c */
long vpc_ioctl_get_region_info(struct vfio_pci_core_state *st,
			       void __user *arg);
void vpc_regions_close(struct vfio_pci_core_state *st);

/* irq.c */
void vpc_irqs_init(struct vfio_pci_core_state *st);
void vpc_irqs_destroy(struct vfio_pci_core_state *st);
void vpc_irqs_open(struct vfio_pci_core_state *st);
void vpc_irqs_close(struct vfio_pci_core_state *st);
long vpc_ioctl_get_irq_info(struct vfio_pci_core_state *st, void __user *arg);
long vpc_ioctl_set_irqs(struct vfio_pci_core_state *st, void __user *arg);
unsigned int vpc_irq_count(struct vfio_pci_core_state *st, unsigned int index);

/* intx.c: the device has a user; he changed COMMAND.INTX_DISABLE; the function slept or
 * woke; nobody handles its line
 */
void vpc_intx_open(struct vfio_pci_core_state *st);
void vpc_intx_close(struct vfio_pci_core_state *st);
void vpc_intx_set_command_disable(struct vfio_pci_core_state *st, bool disable);
void vpc_intx_suspend(struct vfio_pci_core_state *st);
void vpc_intx_resume(struct vfio_pci_core_state *st);
void vpc_intx_park(struct vfio_pci_core_state *st);

/* ioeventfd.c */
void vpc_ioeventfds_init(struct vfio_pci_core_state *st);
long vpc_ioctl_ioeventfd(struct vfio_pci_core_state *st, void __user *arg);
void vpc_ioeventfds_close(struct vfio_pci_core_state *st);

/* info.c */
void vpc_info_open(struct vfio_pci_core_state *st);
long vpc_ioctl_get_info(struct vfio_pci_core_state *st, void __user *arg);

/* reset.c */
int vpc_reset_function(struct vfio_pci_core_state *st);
long vpc_ioctl_reset(struct vfio_pci_core_state *st, void __user *arg);

/* hot_reset.c */
int vpc_assign_device_set(struct vfio_pci_core_state *st);
void vpc_device_set_try_reset(struct vfio_pci_core_state *st);
long vpc_ioctl_hot_reset_info(struct vfio_pci_core_state *st, void __user *arg);
long vpc_ioctl_hot_reset(struct vfio_pci_core_state *st, void __user *arg);

/* power.c */
int vpc_power_get(struct vfio_pci_core_state *st);
int vpc_power_open(struct vfio_pci_core_state *st);
void vpc_power_put(struct vfio_pci_core_state *st);
void vpc_power_close(struct vfio_pci_core_state *st);
int vpc_power_set_state(struct vfio_pci_core_state *st, pci_power_t state);
void vpc_power_wake(struct vfio_pci_core_state *st);
int vpc_power_hold_d0(struct vfio_pci_core_state *st);
void vpc_power_unhold_d0(struct vfio_pci_core_state *st);
int vpc_power_feature_entry(struct vfio_pci_core_state *st, u32 flags,
			    void __user *arg, size_t argsz);
int vpc_power_feature_entry_wakeup(struct vfio_pci_core_state *st, u32 flags,
				   void __user *arg, size_t argsz);
int vpc_power_feature_exit(struct vfio_pci_core_state *st, u32 flags,
			   void __user *arg, size_t argsz);

/* sriov.c */
int vpc_sriov_init(void);
void vpc_sriov_exit(void);
void vpc_sriov_register(struct vfio_pci_core_state *st);
void vpc_sriov_unregister(struct vfio_pci_core_state *st);
void vpc_sriov_open(struct vfio_pci_core_state *st);
void vpc_sriov_close(struct vfio_pci_core_state *st);
int vpc_sriov_feature_token(struct vfio_pci_core_state *st, u32 flags,
			    void __user *arg, size_t argsz);

/* migration.c */
void vpc_migration_reset_done(struct vfio_pci_core_state *st);
void vpc_migration_gate_opens(struct vfio_pci_core_state *st);
void vpc_migration_follow(struct vfio_pci_core_state *st);
void vpc_migration_close(struct vfio_pci_core_state *st);
void vpc_migration_free(struct vfio_pci_core_state *st);

/* debugfs.c */
#ifdef CONFIG_VPC_DEBUGFS
void vpc_debugfs_init(void);
void vpc_debugfs_exit(void);
void vpc_debugfs_add(struct vfio_pci_core_state *st);
void vpc_debugfs_remove(struct vfio_pci_core_state *st);
#else
static inline void vpc_debugfs_init(void) { }
static inline void vpc_debugfs_exit(void) { }
static inline void vpc_debugfs_add(struct vfio_pci_core_state *st) { }
static inline void vpc_debugfs_remove(struct vfio_pci_core_state *st) { }
#endif

#endif /* VPC_H */
