/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Intel 82576 as a manager of virtual functions: private header
 */
#ifndef I82576_H
#define I82576_H

#include <linux/bitfield.h>
#include <linux/completion.h>
#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/io.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/ratelimit.h>
#include <linux/sched.h>
#include <linux/vfio_pci_aux.h>
#include <linux/workqueue.h>
#include <net/devlink.h>

#include "mbox_msg.h"
#include "regs.h"

/**
 * DOC: locks of the i82576 driver
 *
 * From the outermost to the innermost::
 *
 *	device lock of the PF		held by the driver core around probe, remove,
 *					sriov_configure and the error handlers
 *	  device lock of a VF		the same, for the VF
 *	    devlink instance lock	administrator's commands; coming and going of
 *					ports and auxiliary devices
 *	      vfio_pci_aux_device.lock	around the delivery of an event
 *	        (locks of the VFIO driver)
 *	          i82576_vf.reset_lock	around a function level reset of the VF
 *	            i82576_pf.lock	registers and records of the PF and its VFs
 *
 * An op of the contract arrives with locks of the VFIO driver held, so ops take
 * the two below those and nothing above them, and events are delivered without
 * i82576_pf.lock.
 * The error handlers are called with pci_bus_sem held, which a VFIO driver takes under
 * locks of its own, and under the devlink instance lock a VFIO driver is probed: so
 * the error handlers do not take that, nor does what they call.
 * Waiting for a user to let go of a VF may last for ever: it is done with neither
 * the devlink instance lock nor i82576_pf.lock held.
 */

#define I82576_MAX_VFS		8
#define QUEUES_PER_VF		2
#define QUEUE_OF(n, i)		((n) + I82576_MAX_VFS * (i))
#define I82576_EXTRA_MACS	3
#define I82576_NAME		"i82576"
#define I82576_VF_NAME		"i82576-vf"
#define I82576_AUX_NAME		"vf"
#define I82576_VF_DEVICE_ID	0x10ca

/* Frames of a VF that has not asked for larger ones, without a VLAN tag */
#define I82576_DEFAULT_FRAME	(ETH_FRAME_LEN + ETH_FCS_LEN)
#define I82576_MAX_FRAME	9234

struct i82576_pf;
struct i82576_vf;

/**
 * struct i82576_policy - what a VF may send and receive
 * @mac: station address; the one source and destination of @extra_count == 0
 * @home: station address after a reset: the administrator's, else what the guest
 *	brought along when it came by migration, else the VF's own default
 * @extra: further unicast addresses that the VF asked for
 * @vlans: VLANs that the VF asked for
 * @hashes: multicast hashes that the VF asked for
 * @max_frame: longest frame without VLAN tag, including the checksum
 * @extra_count: used entries of @extra
 * @vlan_count: used entries of @vlans
 * @hash_count: used entries of @hashes
 * @admin_mac: @mac was set by the administrator, the VF may not change it
 * @carried: @home was brought along; forgotten when the VF changes owner
 * @carried_mac: of @carried, it was set by the administrator of the host that the
 *	guest came from; the same for the guest
 * @all_multicast: every multicast frame is for the VF
 * @ready: the VF has been through VF_RESET: it is clear to send (CTS) requests
 *
 * The registers are made from this record and never read back into it.
 * Protected by i82576_pf.lock.
 */
struct i82576_policy {
	u8 mac[ETH_ALEN];
	u8 home[ETH_ALEN];
	u8 extra[I82576_EXTRA_MACS][ETH_ALEN];
	u16 vlans[VLVF_COUNT];
	u16 hashes[I82576_MAX_HASHES];
	u16 max_frame;
	u8 extra_count;
	u8 vlan_count;
	u8 hash_count;
	bool admin_mac;
	bool carried;
	bool carried_mac;
	bool all_multicast;
	bool ready;
};

/**
 * struct i82576_vf_stats - what a VF did to its mailbox
 * @requests: messages taken
 * @refused: of those, answered with NACK
 * @malformed: of @refused, those that no driver would send
 * @throttled: times the VF was made to wait because it flooded the mailbox, or was
 *	reset without end
 * @stuck: times an answer was lost because the VF did not let go of the mailbox
 * @spoofed: times the hardware dropped a frame with a foreign source address
 */
struct i82576_vf_stats {
	u64 requests;
	u64 refused;
	u64 malformed;
	u64 throttled;
	u64 stuck;
	u64 spoofed;
};

/**
 * struct i82576_assign - the right to assign a VF, as an auxiliary device
 * @aux: contract with the VFIO driver
 * @vf: the VF; valid until @gone is completed
 * @retire: takes the device off the bus; may wait long for its user
 * @gone: the device is off the bus and @vf is clean
 * @retiring: no new user may come; protected by i82576_pf.lock
 * @open: a user has the VF (prepare without take_back); same lock
 * @user_pid: who opened it, for messages; same lock
 * @user_comm: its name; same lock
 */
struct i82576_assign {
	struct vfio_pci_aux_device aux;
	struct i82576_vf *vf;
	struct work_struct retire;
	struct completion gone;
	bool retiring;
	bool open;
	pid_t user_pid;
	char user_comm[TASK_COMM_LEN];
};

/**
 * enum i82576_rest - how far a VF is at rest, see quiesce.c
 * @I82576_RUNNING: not at all
 * @I82576_GATE_CLOSED: it starts no transaction
 * @I82576_STOPPED: its state does not change
 */
enum i82576_rest {
	I82576_RUNNING,
	I82576_GATE_CLOSED,
	I82576_STOPPED,
};

/**
 * struct i82576_stopped - what stopping a VF takes out of its registers
 * @rxdctl: RXDCTL of its queues, with ENABLE
 * @txdctl: TXDCTL of its queues, with ENABLE
 * @rdt: receive tails
 * @tdt: transmit tails
 * @eims: enabled vectors
 * @owed: V2P_PFSTS, V2P_PFACK: what the VF has not seen yet
 */
struct i82576_stopped {
	u32 rxdctl[QUEUES_PER_VF];
	u32 txdctl[QUEUES_PER_VF];
	u32 rdt[QUEUES_PER_VF];
	u32 tdt[QUEUES_PER_VF];
	u32 eims;
	u32 owed;
};

/**
 * struct i82576_vf - a virtual function
 * @pf: its physical function
 * @index: its number, which is also that of its pool, mailbox and first queue
 * @port: devlink port; its index is @index + 1
 * @pdev: the function while the VF driver of this module is bound to it, or NULL;
 *	changed with the devlink instance lock held too
 * @assign: published auxiliary device, or NULL; set with the devlink instance lock
 *	held too, cleared without it when the device is off the bus
 * @policy: what the VF may send and receive
 * @can_migrate: the device can start its queues in the middle of a ring
 * @migratable: the administrator wants the VF to be migratable
 * @rest: how far it is at rest
 * @moved_out: it was stopped when it was reset last: unless a user still has it, its
 *	guest is elsewhere now, and with it the addresses
 * @stopped: valid while @rest is %I82576_STOPPED; @owed until it runs again
 * @announcements: how often its addresses are still to be announced
 * @tokens: messages and resets that the VF may still have in this period
 * @refilled: when @tokens was filled up last, in jiffies
 * @unacked: the VF has not yet read the last message to it
 * @in_flr: it is in a function level reset, and its config space is saved
 * @interrupted: a driver was at work when a reset began that it did not ask for
 * @vtivar_misc: where it listened to its mailbox then
 * @stats: counters for the health reporter
 * @log: limits what the VF can write into the log
 *
 * @reset_lock: one function level reset at a time: a second one would save the
 *	config space that the first is about to restore
 *
 * All but @pf, @index, @port and @reset_lock are protected by i82576_pf.lock.
 */
struct i82576_vf {
	struct i82576_pf *pf;
	unsigned int index;
	struct devlink_port port;
	struct pci_dev *pdev;
	struct i82576_assign *assign;
	struct i82576_policy policy;
	bool can_migrate;
	bool migratable;
	enum i82576_rest rest;
	bool moved_out;
	struct i82576_stopped stopped;
	unsigned int announcements;
	unsigned int tokens;
	unsigned long refilled;
	bool unacked;
	bool in_flr;
	bool interrupted;
	u32 vtivar_misc;
	struct i82576_vf_stats stats;
	struct ratelimit_state log;

	/* One function level reset at a time. */
	struct mutex reset_lock;
};

/**
 * struct i82576_pf - a physical function (private part of its devlink instance)
 * @pdev: the function
 * @devlink: the instance that embeds this
 * @regs: BAR 0
 * @port: devlink port of the connector
 * @reporter: devlink health reporter, or NULL
 * @service: takes the mailbox, link and error events, in process context
 * @recovery: pending from a fatal error until the PCI core has recovered from it
 * @recovered: a reset that is under way takes the place of that; protected by the device
 *	lock
 * @config: config space as probe has left it
 * @irq: Linux number of the one interrupt that the PF uses
 * @perm_mac: address in the NVM; not used on the wire, VF addresses come from it
 * @lock: protects the registers of the device and everything below; order: see
 *	DOC: locks of the i82576 driver
 * @num_vfs: entries of @vf in use; changed with the devlink instance lock held too
 * @resetting: a reset of the PCI function is under way: no VF becomes assignable
 * @down: the device is being reset or is lost: no register access
 * @lost: the device does not answer any more, unless it does after a reset
 * @test_error: an administrator wants to see how an error is handled
 * @link: link state as last reported
 * @pending: VFs with a message waiting
 * @throttled: those that must wait because they flooded us, with messages or resets
 * @reset_flood: one of @throttled did so with resets
 * @vlvf_vid: VLAN of each VLVF entry
 * @vlvf_pools: VFs in each VLVF entry; 0 if the entry is free
 * @vf: table of VFs
 */
struct i82576_pf {
	struct pci_dev *pdev;
	struct devlink *devlink;
	void __iomem *regs;
	struct devlink_port port;
	struct devlink_health_reporter *reporter;
	struct delayed_work service;
	struct delayed_work recovery;
	bool recovered;
	struct pci_saved_state *config;
	int irq;
	u8 perm_mac[ETH_ALEN];

	/* Protects what follows, and the registers. */
	struct mutex lock;
	unsigned int num_vfs;
	bool resetting;
	bool down;
	bool lost;
	bool test_error;
	bool link;
	u8 pending;
	u8 throttled;
	bool reset_flood;
	u16 vlvf_vid[VLVF_COUNT];
	u8 vlvf_pools[VLVF_COUNT];
	struct i82576_vf vf[I82576_MAX_VFS];
};

static inline u32 i82576_read(struct i82576_pf *pf, u32 reg)
{
	return readl(pf->regs + reg);
}

static inline void i82576_write(struct i82576_pf *pf, u32 reg, u32 value)
{
	writel(value, pf->regs + reg);
}

static inline void i82576_modify(struct i82576_pf *pf, u32 reg, u32 clear,
				 u32 set)
{
	i82576_write(pf, reg, (i82576_read(pf, reg) & ~clear) | set);
}

/* A read from the device makes sure that the writes before it have arrived. */
static inline void i82576_flush(struct i82576_pf *pf)
{
	i82576_read(pf, REG_STATUS);
}

/* How a VF is called in messages. */
#define i82576_vf_msg(level, vf, fmt, ...)				\
	pci_##level((vf)->pf->pdev, "VF %u: " fmt, (vf)->index,		\
		    ##__VA_ARGS__)

/* The same for what a program that has the VF can cause at will ... */
#define i82576_vf_refuse(vf, fmt, ...)					\
	dev_err_ratelimited(&(vf)->pf->pdev->dev,			\
			    "VF %u: state refused: " fmt, (vf)->index,	\
			    ##__VA_ARGS__)

/* ... and for what a guest can. */
#define i82576_vf_complain(vf, fmt, ...)				\
do {									\
	if (__ratelimit(&(vf)->log))					\
		i82576_vf_msg(warn, vf, fmt, ##__VA_ARGS__);		\
} while (0)

extern struct workqueue_struct *i82576_wq;

/* pci.c */
extern struct pci_driver i82576_pf_driver;

/* pf.c: the device as a whole */
int i82576_pf_start(struct i82576_pf *pf);
void i82576_pf_stop(struct i82576_pf *pf);
void i82576_pf_reset_begin(struct i82576_pf *pf);
int i82576_pf_reset_done(struct i82576_pf *pf);
void i82576_pf_give_up(struct i82576_pf *pf);
int i82576_pf_recover(struct i82576_pf *pf);
void i82576_pf_lost(struct i82576_pf *pf);
void i82576_pf_check_lost(struct i82576_pf *pf);

/* phy.c: link */
void i82576_link_start(struct i82576_pf *pf);
bool i82576_link_up(struct i82576_pf *pf);
void i82576_link_watch(struct i82576_pf *pf);
unsigned int i82576_lan_id(struct i82576_pf *pf);
int i82576_sync_get(struct i82576_pf *pf, u32 what);
void i82576_sync_put(struct i82576_pf *pf, u32 what);

/* nvm.c: board data */
int i82576_nvm_read(struct i82576_pf *pf, unsigned int word, u16 *value);
void i82576_nvm_version(struct i82576_pf *pf, char *buf, size_t size);
int i82576_nvm_board_id(struct i82576_pf *pf, char *buf, size_t size);

/* irq.c: interrupt and the work that it starts */
int i82576_irq_request(struct i82576_pf *pf);
void i82576_irq_free(struct i82576_pf *pf);
void i82576_irq_enable(struct i82576_pf *pf);
void i82576_irq_disable(struct i82576_pf *pf);
void i82576_service_work(struct work_struct *work);

/* mbox.c: messages to and from VFs */
void i82576_mbox_serve(struct i82576_vf *vf);
void i82576_mbox_collect(struct i82576_pf *pf);
void i82576_mbox_drain(struct i82576_vf *vf);
void i82576_mbox_notify_link(struct i82576_vf *vf);
void i82576_mbox_notify_reset(struct i82576_vf *vf, u32 vtivar_misc);
void i82576_mbox_signal_all(struct i82576_pf *pf);

/* filter.c: records into registers */
void i82576_filter_mac(struct i82576_vf *vf);
void i82576_filter_accept(struct i82576_vf *vf);
void i82576_filter_multicast(struct i82576_pf *pf);
int i82576_filter_vlan_add(struct i82576_vf *vf, u16 vid);
void i82576_filter_vlan_remove(struct i82576_vf *vf, u16 vid);
void i82576_filter_vlan_clear(struct i82576_vf *vf);
void i82576_filter_restore(struct i82576_pf *pf);
unsigned int i82576_filter_extra_max(struct i82576_pf *pf);

/* vf.c: life of a VF and its requests */
void i82576_vf_init(struct i82576_pf *pf, unsigned int index);
void i82576_vf_forget(struct i82576_vf *vf);
void i82576_vf_open_gate(struct i82576_vf *vf, bool open);
bool i82576_vf_mac_taken(struct i82576_vf *vf, const u8 *mac, bool but_left);
const u8 *i82576_vf_clash(struct i82576_vf *vf);
void i82576_vf_set_admin_mac(struct i82576_vf *vf, const u8 *mac);
void i82576_vf_disown(struct i82576_vf *vf);
int i82576_vf_request(struct i82576_vf *vf, const struct i82576_request *req);
void i82576_vf_was_reset(struct i82576_vf *vf);

/* queue.c: queues on and off */
bool i82576_queue_enable(struct i82576_pf *pf, u32 reg, u32 value);
bool i82576_queue_disable(struct i82576_pf *pf, u32 reg);

/* scrub.c: a VF changes owner, or is reset under it */
bool i82576_vf_halt(struct i82576_vf *vf);
void i82576_vf_scrub(struct i82576_vf *vf);
void i82576_vf_reset_begin(struct i82576_vf *vf);
void i82576_vf_reset_done(struct i82576_vf *vf);
int i82576_vf_flr(struct i82576_vf *vf, struct pci_dev *pdev);

/* quiesce.c: bring a VF to rest and start it again */
bool i82576_can_restore_heads(struct i82576_vf *vf);
int i82576_vf_quiesce(struct i82576_vf *vf, enum vfio_pci_aux_quiesce level);
int i82576_vf_unquiesce(struct i82576_vf *vf, bool full);

/* state.c: state of a VF as bytes */
size_t i82576_state_size(void);
size_t i82576_state_early_size(void);
ssize_t i82576_state_save(struct i82576_vf *vf, void *buf, size_t size);
ssize_t i82576_state_save_early(struct i82576_vf *vf, void *buf, size_t size);
int i82576_state_check(struct i82576_vf *vf, const void *buf, size_t size);
int i82576_state_check_early(struct i82576_vf *vf, const void *buf, size_t size);
int i82576_state_load(struct i82576_vf *vf, const void *buf, size_t size);

/* announce.c: where a migrated VF's addresses are now */
void i82576_announce_begin(struct i82576_vf *vf);
bool i82576_announce_service(struct i82576_pf *pf);

/* aux_dev.c: the right to assign a VF */
int i82576_assign_publish(struct i82576_vf *vf, struct netlink_ext_ack *extack);
int i82576_assign_refuse(struct i82576_vf *vf, struct netlink_ext_ack *extack);
struct i82576_assign *i82576_assign_retire(struct i82576_vf *vf, bool force,
					   struct netlink_ext_ack *extack);
bool i82576_assign_wait(struct i82576_assign *assign, unsigned long timeout);
void i82576_assign_put(struct i82576_assign *assign);

enum i82576_event {
	I82576_EVENT_RESET_BEGIN,
	I82576_EVENT_RESET_DONE,
	I82576_EVENT_ERROR,
};

void i82576_assign_event(struct i82576_pf *pf, unsigned int index,
			 enum i82576_event event);

/* devlink.c */
struct i82576_pf *i82576_devlink_alloc(struct pci_dev *pdev);
int i82576_devlink_register(struct i82576_pf *pf);
void i82576_devlink_unregister(struct i82576_pf *pf);
int i82576_devlink_add_vfs(struct i82576_pf *pf, unsigned int count);
void i82576_devlink_del_vfs(struct i82576_pf *pf, unsigned int count);

/* health.c */
void i82576_health_create(struct i82576_pf *pf);
void i82576_health_destroy(struct i82576_pf *pf);
bool i82576_health_answers(struct i82576_pf *pf);
void i82576_health_restored(struct i82576_pf *pf);
void i82576_health_report(struct i82576_pf *pf, const char *what);

/* sriov.c: VFs as PCI functions */
int i82576_sriov_configure(struct pci_dev *pdev, int num_vfs);
void i82576_sriov_disable(struct i82576_pf *pf);
int i82576_vf_driver_register(void);
void i82576_vf_driver_unregister(void);

#endif /* I82576_H */
