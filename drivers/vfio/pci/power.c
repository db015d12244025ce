// SPDX-License-Identifier: GPL-2.0-only
/*
 * Power of an open device
 *
 * An open device holds a runtime PM reference. The user may give it up with
 * LOW_POWER_ENTRY: the platform may then put the function as low as D3cold, and
 * its memory cannot be reached until LOW_POWER_EXIT. He may also write the power
 * state register, which stops at D3hot (PCI PM 1.2, section 5.4).
 */
#include <linux/pm_runtime.h>
#include <linux/uaccess.h>

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

static int low_power_enter(struct vfio_pci_core_state *st,
			   struct eventfd_ctx *wake)
{
	struct vpc_power *power = &st->power;

	scoped_guard(mutex, &power->lock) {
		if (power->engaged)
			return -EINVAL;
		power->engaged = true;
		power->wake = wake;
	}

	/* vfio.ko holds a reference for the ioctl: nothing sleeps before it ends. */
	vpc_gate_set_asleep(st, VPC_ASLEEP_LOW_POWER, true);
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

	power->engaged = false;
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
		vpc_gate_set_asleep(st, VPC_ASLEEP_LOW_POWER, false);
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

/**
 * vfio_pci_core_runtime_suspend - the function is about to be suspended
 * @core: the device
 *
 * For the runtime_suspend callback of the function's PCI driver.
 *
 * Return: 0.
 */
int vfio_pci_core_runtime_suspend(struct vfio_pci_core_device *core)
{
	struct vfio_pci_core_state *st = core->state;

	/* A suspended function must not hold a shared interrupt line. */
	vpc_intx_suspend(st);
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
		vpc_gate_set_asleep(st, VPC_ASLEEP_LOW_POWER, false);
	if (wake) {
		eventfd_signal(wake);
		eventfd_ctx_put(wake);
	}
	return 0;
}
EXPORT_SYMBOL_VPC(vfio_pci_core_runtime_resume);

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

/*
 * The user writes a power state. Leaving D3hot resets a function without
 * No_Soft_Reset (PCIe 7.5.2.2): its config space is kept and given back, so that
 * the user finds the BARs and capabilities that he left.
 */
int vpc_power_set_state(struct vfio_pci_core_state *st, pci_power_t state)
{
	struct pci_dev *pdev = st->pdev;
	bool sleep = in_d3(state);
	int ret;

	lockdep_assert_held(&st->config.lock);
	if (sleep) {
		vpc_gate_set_asleep(st, VPC_ASLEEP_PMCSR, true);
		if (!in_d3(pdev->current_state) && loses_state(pdev)) {
			pci_save_state(pdev);
			kfree(st->power.lost);
			st->power.lost = pci_store_saved_state(pdev);
		}
	}

	ret = pci_set_power_state(pdev, state);
	if (!sleep && !ret && st->power.lost) {
		pci_load_and_free_saved_state(pdev, &st->power.lost);
		pci_restore_state(pdev);
	}
	if (!in_d3(pdev->current_state))
		vpc_gate_set_asleep(st, VPC_ASLEEP_PMCSR, false);
	return ret;
}

/* The last user is gone: wake the function, whatever he left it in. */
void vpc_power_close(struct vfio_pci_core_state *st)
{
	low_power_exit(st);
	mutex_lock(&st->config.lock);
	if (st->pdev->current_state != PCI_D0)
		vpc_power_set_state(st, PCI_D0);
	kfree(st->power.lost);
	st->power.lost = NULL;
	mutex_unlock(&st->config.lock);
}
