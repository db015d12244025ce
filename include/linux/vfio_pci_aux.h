/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Contract between a vendor driver and a VFIO driver
 *
 * Types and inline helpers only: this header names no symbol of a VFIO module,
 * so a vendor driver that includes it loads and works on a host that never
 * loads VFIO.
 */
#ifndef LINUX_VFIO_PCI_AUX_H
#define LINUX_VFIO_PCI_AUX_H

#include <linux/auxiliary_bus.h>
#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/pci.h>

/**
 * DOC: vendor driver and VFIO driver
 *
 * The vendor driver is the PCI driver of a function. When the administrator
 * decides that the function may be assigned, the vendor driver publishes a
 * &struct vfio_pci_aux_device: an auxiliary device which is a child of the PCI
 * function and stands for the right to assign it. A VFIO driver binds to the
 * auxiliary device and registers a vfio_device whose parent is the PCI
 * function.
 *
 * Calls go both ways::
 *
 *	VFIO driver  --- struct vfio_pci_aux_ops ------->  vendor driver
 *	VFIO driver  <-- struct vfio_pci_aux_events -----  vendor driver
 *
 * The ops are valid from before the auxiliary device is added until after it
 * has been deleted: a VFIO driver calls them without further locking between
 * its probe() and the end of its remove(). Events are delivered between
 * vfio_pci_aux_attach() and vfio_pci_aux_detach().
 *
 * Lock order: a VFIO driver may hold locks of its own when it calls an op, so
 * an op must not deliver events and must not take &vfio_pci_aux_device.lock.
 * An event handler runs under that lock and may take locks of the VFIO driver,
 * so a VFIO driver must not hold those when it attaches or detaches.
 */

struct vfio_pci_aux_device;

/**
 * enum vfio_pci_aux_quiesce - how far a function is brought to rest
 * @VFIO_PCI_AUX_QUIESCE_P2P: the function starts no transaction of its own any
 *	more (no DMA, no interrupt), but its registers still take accesses.
 *	Implements VFIO_DEVICE_STATE_RUNNING_P2P.
 * @VFIO_PCI_AUX_QUIESCE_STOP: in addition the internal state no longer changes,
 *	so that it can be saved. Implements VFIO_DEVICE_STATE_STOP.
 */
enum vfio_pci_aux_quiesce {
	VFIO_PCI_AUX_QUIESCE_P2P,
	VFIO_PCI_AUX_QUIESCE_STOP,
};

/**
 * struct vfio_pci_aux_ops - what the vendor driver does for a VFIO driver
 *
 * All ops may sleep. None may deliver an event (see DOC: vendor driver and VFIO
 * driver). An op returns 0 or a negative errno unless said otherwise.
 */
struct vfio_pci_aux_ops {
	/**
	 * @prepare: a user is about to get the function. The vendor driver
	 * brings it into the state of a function that nobody has used before and
	 * refuses %-ENODEV when its own hardware is going away. Called once
	 * before the user's first access; mandatory.
	 */
	int (*prepare)(struct vfio_pci_aux_device *aux);

	/**
	 * @take_back: the last user is gone. The vendor driver stops the
	 * function and scrubs whatever the user left in it (queues, interrupts,
	 * filters, mailbox memory). Balances a successful @prepare; mandatory.
	 */
	void (*take_back)(struct vfio_pci_aux_device *aux);

	/**
	 * @reset: function level reset with everything that the device needs
	 * beyond the PCI specification. Config space is as before on return,
	 * the device is as after power on. The caller has stopped all accesses of
	 * the user. Mandatory.
	 */
	int (*reset)(struct vfio_pci_aux_device *aux);

	/**
	 * @quiesce: bring the function to rest, down to @level. Going from
	 * P2P to STOP is a second call. On failure it is as before. While its
	 * hardware is down (in a reset, or lost) nothing of the function moves, so
	 * that is a success. Only if &vfio_pci_aux_device.migratable.
	 */
	int (*quiesce)(struct vfio_pci_aux_device *aux,
		       enum vfio_pci_aux_quiesce level);

	/**
	 * @unquiesce: come back up to @level from STOP (level P2P), or start
	 * again in full from P2P (@full). Work that became due meanwhile is
	 * started. A function that runs, as after a reset, is left alone, and so
	 * is one whose hardware is down. Only if migratable.
	 */
	int (*unquiesce)(struct vfio_pci_aux_device *aux, bool full);

	/**
	 * @state_size: upper bound in bytes of what @save_state writes, never 0.
	 * Only if migratable.
	 */
	size_t (*state_size)(struct vfio_pci_aux_device *aux);

	/**
	 * @save_state: write the internal state of a function that is quiesced
	 * to STOP into @buf of @size bytes. Returns the number of bytes written.
	 * Only if migratable.
	 */
	ssize_t (*save_state)(struct vfio_pci_aux_device *aux, void *buf,
			      size_t size);

	/**
	 * @check_state: would @load_state take these @size bytes? Applies
	 * nothing. The bytes are not trusted. %-EINVAL for a malformed image,
	 * %-EOPNOTSUPP for one that this device cannot take, with the reason in
	 * the log. Only if migratable.
	 */
	int (*check_state)(struct vfio_pci_aux_device *aux, const void *buf,
			   size_t size);

	/**
	 * @load_state: apply an image that @check_state accepted to a function
	 * that is quiesced to STOP. Only if migratable.
	 */
	int (*load_state)(struct vfio_pci_aux_device *aux, const void *buf,
			  size_t size);

	/**
	 * @early_size: upper bound in bytes of what @save_early writes. Optional,
	 * with @save_early and @check_early. Only if migratable.
	 */
	size_t (*early_size)(struct vfio_pci_aux_device *aux);

	/**
	 * @save_early: write what another host may refuse of a function that
	 * still runs. Returns the number of bytes written.
	 */
	ssize_t (*save_early)(struct vfio_pci_aux_device *aux, void *buf,
			      size_t size);

	/** @check_early: could such a function come here? As @check_state. */
	int (*check_early)(struct vfio_pci_aux_device *aux, const void *buf,
			   size_t size);
};

/**
 * struct vfio_pci_aux_events - what a VFIO driver hears from the vendor driver
 *
 * Every handler is called under &vfio_pci_aux_device.lock, in process context,
 * and may sleep. All are mandatory.
 */
struct vfio_pci_aux_events {
	/**
	 * @reset_begin: the function is about to be reset for a reason which is
	 * not the user's (reset of the physical function, of the bus, sysfs).
	 * On return no access of the user reaches the function until
	 * @reset_done.
	 */
	void (*reset_begin)(struct vfio_pci_aux_device *aux);

	/** @reset_done: the reset that @reset_begin announced is over. */
	void (*reset_done)(struct vfio_pci_aux_device *aux);

	/** @error: the function has failed; tell the user. */
	void (*error)(struct vfio_pci_aux_device *aux);

	/**
	 * @going_away: the function or its physical function is leaving. On
	 * return the user has no way to the hardware any more, for good, and has
	 * been asked to let go. The auxiliary device is deleted next.
	 */
	void (*going_away)(struct vfio_pci_aux_device *aux);
};

/**
 * struct vfio_pci_aux_device - a PCI function that may be assigned
 * @adev: the auxiliary device, child of @pdev's device
 * @pdev: the function; its driver is the vendor driver
 * @ops: what the vendor driver does for the VFIO driver
 * @migratable: the vendor driver offers @ops->quiesce and everything that
 *	follows it; constant while the auxiliary device exists
 * @lock: protects @events, @drvdata and @resets. Held by attach and detach, and by the
 *	vendor driver around each event, so that a handler runs completely or not
 *	at all. Outermost with respect to every lock of the VFIO driver; not taken
 *	with a lock of the vendor driver held that one of its ops takes.
 * @events: handlers of the attached VFIO driver, or NULL. Private to the helpers
 *	below.
 * @resets: announced resets that are not over. Private to the helpers below.
 * @drvdata: of the attached VFIO driver. Private to the helpers below.
 *
 * Embedded by the vendor driver in a structure of its own, which is freed by
 * @adev's release function.
 */
struct vfio_pci_aux_device {
	struct auxiliary_device adev;
	struct pci_dev *pdev;
	const struct vfio_pci_aux_ops *ops;
	bool migratable;

	struct mutex lock;	/* who listens, and what he was told */
	const struct vfio_pci_aux_events *events;
	unsigned int resets;
	void *drvdata;
};

/**
 * to_vfio_pci_aux_device - the published function behind an auxiliary device
 * @adev: auxiliary device that a vendor driver made
 *
 * Return: the structure that embeds @adev.
 */
static inline struct vfio_pci_aux_device *
to_vfio_pci_aux_device(struct auxiliary_device *adev)
{
	return container_of(adev, struct vfio_pci_aux_device, adev);
}

/**
 * vfio_pci_aux_init - prepare the contract's part of a new auxiliary device
 * @aux: zeroed structure
 * @pdev: the function
 * @ops: the vendor driver's ops, with static lifetime
 *
 * Called by the vendor driver before auxiliary_device_init().
 *
 * Context: any; nobody knows of the device yet.
 */
static inline void vfio_pci_aux_init(struct vfio_pci_aux_device *aux,
				     struct pci_dev *pdev,
				     const struct vfio_pci_aux_ops *ops)
{
	aux->pdev = pdev;
	aux->ops = ops;
	aux->adev.dev.parent = &pdev->dev;
	mutex_init(&aux->lock);
}

/**
 * vfio_pci_aux_attach - a VFIO driver begins to listen
 * @aux: auxiliary device that the driver is bound to
 * @events: handlers, with static lifetime
 * @drvdata: what vfio_pci_aux_drvdata() gives to the handlers
 *
 * A reset that is under way is announced to the newcomer before this returns, so
 * that each @reset_done that he hears has a @reset_begin that he heard.
 *
 * Context: may sleep; the caller holds no lock that a handler takes.
 * Return: 0, or -EBUSY if another driver is attached.
 */
static inline int vfio_pci_aux_attach(struct vfio_pci_aux_device *aux,
				      const struct vfio_pci_aux_events *events,
				      void *drvdata)
{
	int ret = -EBUSY;

	mutex_lock(&aux->lock);
	if (!aux->events) {
		aux->events = events;
		aux->drvdata = drvdata;
		for (unsigned int i = 0; i < aux->resets; i++)
			events->reset_begin(aux);
		ret = 0;
	}
	mutex_unlock(&aux->lock);
	return ret;
}

/**
 * vfio_pci_aux_detach - a VFIO driver stops listening
 * @aux: auxiliary device that the driver attached to
 *
 * On return no handler runs and none will run.
 *
 * Context: may sleep; the caller holds no lock that a handler takes.
 */
static inline void vfio_pci_aux_detach(struct vfio_pci_aux_device *aux)
{
	mutex_lock(&aux->lock);
	aux->events = NULL;
	aux->drvdata = NULL;
	mutex_unlock(&aux->lock);
}

/**
 * vfio_pci_aux_drvdata - what the attached VFIO driver gave with attach
 * @aux: auxiliary device
 *
 * Context: an event handler; &vfio_pci_aux_device.lock is held.
 * Return: the pointer that vfio_pci_aux_attach() was given.
 */
static inline void *vfio_pci_aux_drvdata(struct vfio_pci_aux_device *aux)
{
	lockdep_assert_held(&aux->lock);
	return aux->drvdata;
}

/**
 * vfio_pci_aux_attached - is a VFIO driver listening?
 * @aux: auxiliary device
 *
 * Context: any; the answer may be stale when it arrives.
 * Return: true if a VFIO driver is attached.
 */
static inline bool vfio_pci_aux_attached(struct vfio_pci_aux_device *aux)
{
	return READ_ONCE(aux->events);
}

/**
 * vfio_pci_aux_reset_begin - announce a reset that is not the user's
 * @aux: auxiliary device
 *
 * On return no access of a user reaches the function. Calls nest; each is balanced
 * by one vfio_pci_aux_reset_done().
 *
 * Context: vendor driver, process context, may sleep; not from an op.
 */
static inline void vfio_pci_aux_reset_begin(struct vfio_pci_aux_device *aux)
{
	mutex_lock(&aux->lock);
	aux->resets++;
	if (aux->events)
		aux->events->reset_begin(aux);
	mutex_unlock(&aux->lock);
}

/**
 * vfio_pci_aux_reset_done - an announced reset is over
 * @aux: auxiliary device
 *
 * Ignored on an auxiliary device that was made after the reset had begun, which
 * nobody was told of.
 *
 * Context: vendor driver, process context, may sleep; not from an op.
 */
static inline void vfio_pci_aux_reset_done(struct vfio_pci_aux_device *aux)
{
	mutex_lock(&aux->lock);
	if (aux->resets) {
		aux->resets--;
		if (aux->events)
			aux->events->reset_done(aux);
	}
	mutex_unlock(&aux->lock);
}

/**
 * vfio_pci_aux_notify - deliver an event to the attached VFIO driver, if any
 * @aux: auxiliary device
 * @event: "error" or "going_away", of &struct vfio_pci_aux_events
 *
 * Context: vendor driver, process context, may sleep; not from an op.
 */
#define vfio_pci_aux_notify(aux, event)					\
do {									\
	struct vfio_pci_aux_device *__aux = (aux);			\
									\
	mutex_lock(&__aux->lock);					\
	if (__aux->events)						\
		__aux->events->event(__aux);				\
	mutex_unlock(&__aux->lock);					\
} while (0)

#endif /* LINUX_VFIO_PCI_AUX_H */
