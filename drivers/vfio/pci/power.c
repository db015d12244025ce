// SPDX-License-Identifier: GPL-2.0-only
/*
 * Power of an open device
 *
 * An open device holds a runtime PM reference. The user may give it up with
 * LOW_POWER_ENTRY: the platform may then put the function as low as D3cold, and
 * its memory cannot be reached until LOW_POWER_EXIT. He may also write the power
 * state register, which stops at D3hot (PCI PM 1.2, section 5.4).
 */
#include <linux/cleanup.h>
#include <linux/pm_runtime.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "config.h"
#include "vpc.h"

/* Hold the function awake for one access, or while the device is open. */
int vpc_power_get(struct vfio_pci_core_state *st)
{
	return pm_runtime_resume_and_get(&st->pdev->dev);
}

/* The same for the first user, for whom the function is kept as it is. */
int vpc_power_open(struct vfio_pci_core_state *st)
{
	int ret;

	WRITE_ONCE(st->power.opening, true);
	ret = vpc_power_get(st);
	WRITE_ONCE(st->power.opening, false);
	return ret;
}

void vpc_power_put(struct vfio_pci_core_state *st)
{
	pm_runtime_put(&st->pdev->dev);
}

/*
 * The gate follows what stands in &struct vpc_power: whoever changes that has the gate
 * look afterwards, and whoever looks last is right.
 */
static int low_power_enter(struct vfio_pci_core_state *st,
			   struct eventfd_ctx *wake)
{
	struct vpc_power *power = &st->power;

	/* A write to config space decides under this lock whether to wake. */
	guard(mutex)(&st->config.lock);
	scoped_guard(mutex, &power->lock) {
		if (power->engaged)
			return -EINVAL;
		WRITE_ONCE(power->engaged, true);
		power->wake = wake;
	}

	/* vfio.ko holds a reference for the ioctl: nothing sleeps before it ends. */
	vpc_gate_follow_power(st);
	vpc_power_put(st);
	return 0;
}

/*
 * Undo low_power_enter() but for the wake eventfd, which the caller gets.
 * Returns false if there was nothing to undo.
 */
static bool low_power_leave(struct vfio_pci_core_state *st,
			    struct eventfd_ctx **wake)
{
	struct vpc_power *power = &st->power;

	lockdep_assert_held(&power->lock);
	*wake = power->wake;
	power->wake = NULL;
	if (!power->engaged)
		return false;

	WRITE_ONCE(power->engaged, false);
	pm_runtime_get_noresume(&st->pdev->dev);
	return true;
}

static void low_power_exit(struct vfio_pci_core_state *st)
{
	struct eventfd_ctx *wake;
	bool left;

	mutex_lock(&st->power.lock);
	left = low_power_leave(st, &wake);
	mutex_unlock(&st->power.lock);

	if (left) {
		pm_runtime_resume(&st->pdev->dev);
		vpc_gate_follow_power(st);
	}
	if (wake)
		eventfd_ctx_put(wake);
}

int vpc_power_feature_entry(struct vfio_pci_core_state *st, u32 flags,
			    void __user *arg, size_t argsz)
{
	int ret = vfio_check_feature(flags, argsz, VFIO_DEVICE_FEATURE_SET, 0);

	return ret == 1 ? low_power_enter(st, NULL) : ret;
}

int vpc_power_feature_entry_wakeup(struct vfio_pci_core_state *st, u32 flags,
				   void __user *arg, size_t argsz)
{
	struct vfio_device_low_power_entry_with_wakeup entry;
	struct eventfd_ctx *wake;
	int ret;

	ret = vfio_check_feature(flags, argsz, VFIO_DEVICE_FEATURE_SET,
				 sizeof(entry));
	if (ret != 1)
		return ret;
	if (copy_from_user(&entry, arg, sizeof(entry)))
		return -EFAULT;
	if (entry.wakeup_eventfd < 0 || entry.reserved)
		return -EINVAL;

	wake = eventfd_ctx_fdget(entry.wakeup_eventfd);
	if (IS_ERR(wake))
		return PTR_ERR(wake);
	ret = low_power_enter(st, wake);
	if (ret)
		eventfd_ctx_put(wake);
	return ret;
}

int vpc_power_feature_exit(struct vfio_pci_core_state *st, u32 flags,
			   void __user *arg, size_t argsz)
{
	int ret = vfio_check_feature(flags, argsz, VFIO_DEVICE_FEATURE_SET, 0);

	if (ret == 1) {
		low_power_exit(st);
		ret = 0;
	}
	return ret;
}

static bool loses_state(struct pci_dev *pdev)
{
	u16 pmcsr;

	if (!pdev->pm_cap)
		return false;
	pci_read_config_word(pdev, pdev->pm_cap + PCI_PM_CTRL, &pmcsr);
	return !(pmcsr & PCI_PM_CTRL_NO_SOFT_RESET);
}

/* In D3 the function answers to config accesses at most. */
static bool in_d3(pci_power_t state)
{
	return (__force int)state >= (__force int)PCI_D3hot;
}

/* The function is out of D3hot, or nobody cares any more. */
static void forget_d3(struct vfio_pci_core_state *st)
{
	struct vpc_power *power = &st->power;

	lockdep_assert_held(&power->d3_lock);
	WRITE_ONCE(power->d3, false);
	kfree(power->lost);
	power->lost = NULL;
	vpc_intx_resume(st);
}

/*
 * Leaving D3hot resets a function without No_Soft_Reset (PCIe 7.5.2.2): it is given
 * back the config space that it had.
 */
static int go_to_d0(struct vfio_pci_core_state *st)
{
	struct vpc_power *power = &st->power;
	int ret;

	lockdep_assert_held(&power->d3_lock);
	ret = pci_set_power_state(st->pdev, PCI_D0);
	if (ret || !power->d3)
		return ret;
	if (power->lost) {
		pci_load_and_free_saved_state(st->pdev, &power->lost);
		pci_restore_state(st->pdev);
	}
	forget_d3(st);
	return 0;
}

static int go_to_d3(struct vfio_pci_core_state *st)
{
	struct vpc_power *power = &st->power;
	struct pci_dev *pdev = st->pdev;
	int ret;

	lockdep_assert_held(&power->d3_lock);
	if (loses_state(pdev)) {
		pci_save_state(pdev);
		power->lost = pci_store_saved_state(pdev);
	}
	ret = pci_set_power_state(pdev, PCI_D3hot);
	if (!in_d3(pdev->current_state))
		forget_d3(st);
	return ret;
}

/* The user's way to D3hot. VFs work only while their PF is in D0. */
static int enter_d3(struct vfio_pci_core_state *st)
{
	struct vpc_power *power = &st->power;
	int ret;

	scoped_guard(mutex, &power->d3_lock) {
		if (power->vfs)
			return -EBUSY;
		if (power->d3)
			return 0;
		/* What DisINTx is by itself has to be in what is saved. */
		vpc_intx_suspend(st);
		WRITE_ONCE(power->d3, true);
	}
	vpc_gate_follow_power(st);

	ret = vpc_gate_enter(st);
	if (!ret) {
		/* A reset in between has brought it back to D0: it came later. */
		scoped_guard(mutex, &power->d3_lock)
			if (power->d3)
				ret = go_to_d3(st);
		vpc_gate_exit(st);
	} else {
		scoped_guard(mutex, &power->d3_lock)
			if (power->d3)
				forget_d3(st);
	}
	vpc_gate_follow_power(st);
	return ret;
}

/*
 * The user writes a power state: the function is in it on success. No reset happens
 * meanwhile.
 */
int vpc_power_set_state(struct vfio_pci_core_state *st, pci_power_t state)
{
	int ret;

	lockdep_assert_held(&st->config.lock);
	if (in_d3(state))
		return enter_d3(st);

	ret = vpc_gate_enter(st);
	if (ret)
		return ret;
	scoped_guard(mutex, &st->power.d3_lock) {
		if (state == PCI_D0)
			ret = go_to_d0(st);
		else if (st->power.vfs)
			ret = -EBUSY;
		else
			ret = pci_set_power_state(st->pdev, state);
	}
	/* The user may have written COMMAND meanwhile. */
	if (!ret && state == PCI_D0)
		vpc_config_decode(st);
	vpc_gate_exit(st);
	vpc_gate_follow_power(st);
	return ret;
}

/*
 * Bring the function out of the D3hot that its user has put it into, for a reset or a
 * suspend: for the PCI core, what it finds in config space is what there was. The gate
 * is closed, so nobody puts it back. If its link is down it stays where it is.
 */
void vpc_power_wake(struct vfio_pci_core_state *st)
{
	/* AER of a function or of its PF calls with a lock held that power states need. */
	if (likely(!READ_ONCE(st->power.d3)) || pci_channel_offline(pci_physfn(st->pdev)) ||
	    pci_channel_offline(st->pdev))
		return;

	guard(mutex)(&st->power.d3_lock);
	go_to_d0(st);
}

/* The function has left D3hot without its user, who may have written COMMAND in it. */
static void was_woken(struct vfio_pci_core_state *st)
{
	vpc_config_reset_done(st);
	vpc_gate_follow_power(st);
}

/* VFs are about to be enabled: the function has to be in D0 until they are gone. */
int vpc_power_hold_d0(struct vfio_pci_core_state *st)
{
	int ret;

	/* The user may be writing COMMAND, or setting vectors up. */
	guard(mutex)(&st->config.lock);
	scoped_guard(mutex, &st->power.d3_lock) {
		ret = go_to_d0(st);
		st->power.vfs = !ret;
	}
	if (!ret)
		was_woken(st);
	return ret;
}

void vpc_power_unhold_d0(struct vfio_pci_core_state *st)
{
	guard(mutex)(&st->power.d3_lock);
	st->power.vfs = false;
}

/* The last user is gone: wake the function, whatever he left it in. */
void vpc_power_close(struct vfio_pci_core_state *st)
{
	low_power_exit(st);
	scoped_guard(mutex, &st->power.d3_lock)
		if (go_to_d0(st) && st->power.d3)
			forget_d3(st);
	vpc_gate_follow_power(st);
}

/**
 * vfio_pci_core_runtime_suspend - the function is about to be suspended
 * @core: the device
 *
 * For the runtime_suspend callback of the function's PCI driver.
 *
 * Context: that callback; may sleep.
 * Return: 0.
 */
int vfio_pci_core_runtime_suspend(struct vfio_pci_core_device *core)
{
	struct vfio_pci_core_state *st = core->state;

	/* A suspended function must not hold a shared interrupt line. */
	vpc_intx_suspend(st);
	/*
	 * The PCI core saves what a function in D0 has, chooses how deep it sleeps
	 * and arms what wakes it. It comes back in D0.
	 */
	if (READ_ONCE(st->power.d3)) {
		vpc_power_wake(st);
		was_woken(st);
	}
	return 0;
}
EXPORT_SYMBOL_VPC(vfio_pci_core_runtime_suspend);

/**
 * vfio_pci_core_runtime_resume - the function has been resumed
 * @core: the device
 *
 * For the runtime_resume callback of the function's PCI driver. A user who
 * entered low power with a wakeup eventfd is told, and stays out of low power.
 *
 * Context: that callback; may sleep.
 * Return: 0.
 */
int vfio_pci_core_runtime_resume(struct vfio_pci_core_device *core)
{
	struct vfio_pci_core_state *st = core->state;
	struct eventfd_ctx *wake = NULL;
	bool left = false;

	/* Whoever wants it awake may want to reach it. */
	if (!READ_ONCE(st->power.opening))
		WRITE_ONCE(st->clean, false);

	mutex_lock(&st->power.lock);
	if (st->power.wake)
		left = low_power_leave(st, &wake);
	mutex_unlock(&st->power.lock);

	vpc_intx_resume(st);
	if (left)
		vpc_gate_follow_power(st);
	if (wake) {
		eventfd_signal(wake);
		eventfd_ctx_put(wake);
	}
	return 0;
}
EXPORT_SYMBOL_VPC(vfio_pci_core_runtime_resume);
