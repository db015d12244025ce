// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFs as PCI functions: enabling them, and their PCI driver
 *
 * The VF driver owns its functions alone and does nothing with them by itself:
 * it makes room for an auxiliary device. Its DMA is a user's, so it is
 * driver_managed_dma; the PF, which sends interrupts, is not, and is therefore
 * a driver of its own.
 *
 * Other drivers match VFs too (igbvf), and whichever was loaded first would get
 * them. A VF of our PF is therefore marked for our driver before it is probed. The
 * mark is the ordinary driver_override: an administrator who wants the VF for the
 * host itself, or for another driver, clears or changes it.
 */
#include <linux/module.h>

#include <compat/i82576.h>

#include "i82576.h"

#define REMIND_FIRST		HZ
#define REMIND_AGAIN		(60 * HZ)

static void report_user(struct i82576_assign *assign)
{
	struct i82576_vf *vf = assign->vf;

	guard(mutex)(&vf->pf->lock);
	if (assign->open)
		i82576_vf_msg(info, vf, "waiting for its user %s (pid %d) to let go of it\n",
			      assign->user_comm, assign->user_pid);
}

static int vf_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct i82576_pf *pf = pci_iov_get_pf_drvdata(pdev, &i82576_pf_driver);
	struct i82576_vf *vf;
	int index, ret;

	if (IS_ERR_OR_NULL(pf)) {
		pci_info(pdev, "not taken: its physical function is not driven by " I82576_NAME "\n");
		return -ENODEV;
	}
	index = pci_iov_vf_id(pdev);
	if (index < 0 || index >= I82576_MAX_VFS)
		return -ENODEV;
	vf = &pf->vf[index];

	/* Another driver may have had it before. */
	ret = i82576_vf_flr(vf, pdev);
	if (ret) {
		pci_err(pdev, "cannot be reset (%d)\n", ret);
		return ret;
	}
	pci_set_drvdata(pdev, vf);
	devl_lock(pf->devlink);
	scoped_guard(mutex, &pf->lock) {
		vf->pdev = pdev;
		vf->can_migrate = !pf->down && i82576_can_restore_heads(vf);
	}
	devl_unlock(pf->devlink);
	return 0;
}

static void vf_remove(struct pci_dev *pdev)
{
	struct i82576_vf *vf = pci_get_drvdata(pdev);
	struct i82576_assign *assign;

	devl_lock(vf->pf->devlink);
	scoped_guard(mutex, &vf->pf->lock)
		vf->pdev = NULL;
	assign = i82576_assign_retire(vf, true, NULL);
	devl_unlock(vf->pf->devlink);
	if (!assign)
		return;
	/* Nothing bounds this; with time limits it is at least no "hung task". */
	if (!i82576_assign_wait(assign, REMIND_FIRST)) {
		do {
			report_user(assign);
		} while (!i82576_assign_wait(assign, REMIND_AGAIN));
	}
	i82576_assign_put(assign);
}

static pci_ers_result_t vf_error_detected(struct pci_dev *pdev,
					  pci_channel_state_t state)
{
	struct i82576_vf *vf = pci_get_drvdata(pdev);

	i82576_assign_event(vf->pf, vf->index, I82576_EVENT_ERROR);
	switch (state) {
	case pci_channel_io_normal:
		return PCI_ERS_RESULT_CAN_RECOVER;
	case pci_channel_io_frozen:
		return PCI_ERS_RESULT_NEED_RESET;
	default:
		return PCI_ERS_RESULT_DISCONNECT;
	}
}

static pci_ers_result_t vf_slot_reset(struct pci_dev *pdev)
{
	/* The PF's handler has restored the configuration and told the user. */
	return PCI_ERS_RESULT_RECOVERED;
}

static void vf_reset_prepare(struct pci_dev *pdev)
{
	struct i82576_vf *vf = pci_get_drvdata(pdev);

	i82576_assign_event(vf->pf, vf->index, I82576_EVENT_RESET_BEGIN);
	scoped_guard(mutex, &vf->pf->lock)
		i82576_vf_reset_begin(vf);
}

static void vf_reset_done(struct pci_dev *pdev)
{
	struct i82576_vf *vf = pci_get_drvdata(pdev);

	scoped_guard(mutex, &vf->pf->lock) {
		if (!vf->pf->down)
			i82576_vf_reset_done(vf);
	}
	i82576_assign_event(vf->pf, vf->index, I82576_EVENT_RESET_DONE);
}

static const struct pci_error_handlers vf_err_handlers = {
	.error_detected = vf_error_detected,
	.slot_reset = vf_slot_reset,
	.reset_prepare = vf_reset_prepare,
	.reset_done = vf_reset_done,
};

static const struct pci_device_id vf_ids[] = {
	{ PCI_VDEVICE(INTEL, I82576_VF_DEVICE_ID) },
	{ }
};
MODULE_DEVICE_TABLE(pci, vf_ids);

static struct pci_driver i82576_vf_driver = {
	.name = I82576_VF_NAME,
	.id_table = vf_ids,
	.probe = vf_probe,
	.remove = vf_remove,
	.err_handler = &vf_err_handlers,
	.driver_managed_dma = true,
};

/* Called between the creation of a device and its first probe. */
static int vf_mark(struct notifier_block *nb, unsigned long action, void *data)
{
	struct pci_dev *pdev = to_pci_dev(data);
	int ret;

	if (action != BUS_NOTIFY_ADD_DEVICE || !pdev->is_virtfn ||
	    IS_ERR_OR_NULL(pci_iov_get_pf_drvdata(pdev, &i82576_pf_driver)))
		return NOTIFY_DONE;
	ret = compat_set_driver_override(pdev, I82576_VF_NAME);
	if (ret)
		pci_warn(pdev, "may go to another driver than " I82576_VF_NAME " (%d)\n",
			 ret);
	return NOTIFY_OK;
}

static struct notifier_block vf_mark_nb = {
	.notifier_call = vf_mark,
};

/**
 * i82576_vf_driver_register - be ready for VFs
 *
 * Return: 0 or a negative errno.
 */
int i82576_vf_driver_register(void)
{
	int ret;

	ret = bus_register_notifier(&pci_bus_type, &vf_mark_nb);
	if (ret)
		return ret;
	ret = pci_register_driver(&i82576_vf_driver);
	if (ret)
		bus_unregister_notifier(&pci_bus_type, &vf_mark_nb);
	return ret;
}

/**
 * i82576_vf_driver_unregister - end of the VF driver; its VFs are gone already
 */
void i82576_vf_driver_unregister(void)
{
	pci_unregister_driver(&i82576_vf_driver);
	bus_unregister_notifier(&pci_bus_type, &vf_mark_nb);
}

/* Records and ports exist before the functions do, and outlive them. */
static int sriov_add_records(struct i82576_pf *pf, unsigned int count)
{
	unsigned int n;
	int ret;

	devl_lock(pf->devlink);
	scoped_guard(mutex, &pf->lock) {
		pf->num_vfs = count;
		for (n = 0; n < count; n++)
			i82576_vf_init(pf, n);
		if (!pf->down)
			i82576_filter_restore(pf);
	}
	ret = i82576_devlink_add_vfs(pf, count);
	if (ret) {
		scoped_guard(mutex, &pf->lock)
			pf->num_vfs = 0;
	}
	devl_unlock(pf->devlink);
	return ret;
}

static void sriov_del_records(struct i82576_pf *pf)
{
	unsigned int n;

	devl_lock(pf->devlink);
	i82576_devlink_del_vfs(pf, pf->num_vfs);
	scoped_guard(mutex, &pf->lock) {
		for (n = 0; n < pf->num_vfs && !pf->down; n++)
			i82576_vf_scrub(&pf->vf[n]);
		pf->num_vfs = 0;
		pf->pending = 0;
		pf->throttled = 0;
	}
	devl_unlock(pf->devlink);
}

/**
 * i82576_sriov_disable - end of all VFs
 * @pf: physical function; its device lock is held
 *
 * VFs in use are made inert at once and waited for.
 */
void i82576_sriov_disable(struct i82576_pf *pf)
{
	if (!pf->num_vfs)
		return;
	pci_disable_sriov(pf->pdev);
	sriov_del_records(pf);
}

static int sriov_enable(struct i82576_pf *pf, unsigned int count)
{
	int ret;

	if (count > I82576_MAX_VFS) {
		pci_err(pf->pdev, "has room for %u VFs\n", I82576_MAX_VFS);
		return -ERANGE;
	}
	if (pf->lost) {
		pci_err(pf->pdev, "cannot have VFs: the device is lost\n");
		return -EIO;
	}
	ret = sriov_add_records(pf, count);
	if (ret)
		return ret;
	ret = pci_enable_sriov(pf->pdev, count);
	if (ret) {
		pci_err(pf->pdev, "cannot enable %u VFs (%d)\n", count, ret);
		sriov_del_records(pf);
	}
	return ret;
}

/**
 * i82576_sriov_configure - an administrator wrote sriov_numvfs
 * @pdev: physical function; its device lock is held
 * @num_vfs: how many; 0 for none
 *
 * Return: @num_vfs, or a negative errno.
 */
int i82576_sriov_configure(struct pci_dev *pdev, int num_vfs)
{
	struct i82576_pf *pf = pci_get_drvdata(pdev);
	int ret = 0;

	if (num_vfs)
		ret = sriov_enable(pf, num_vfs);
	else
		i82576_sriov_disable(pf);
	return ret ?: num_vfs;
}
