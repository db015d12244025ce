// SPDX-License-Identifier: GPL-2.0-only
/*
 * Intel 82576 as a manager of virtual functions: PCI driver of the PF
 */
#include <linux/module.h>

#include "i82576.h"

#define REGS_BAR	0
#define REGS_SIZE	SZ_128K

struct workqueue_struct *i82576_wq;

static int pf_map(struct i82576_pf *pf)
{
	struct pci_dev *pdev = pf->pdev;
	int ret;

	ret = pci_enable_device_mem(pdev);
	if (ret)
		return ret;
	ret = pci_request_mem_regions(pdev, I82576_NAME);
	if (ret)
		goto err_disable;
	ret = -ENODEV;
	if (pci_resource_len(pdev, REGS_BAR) < REGS_SIZE) {
		pci_err(pdev, "BAR %d is too small for the registers\n", REGS_BAR);
		goto err_release;
	}
	ret = -ENOMEM;
	pf->regs = pci_iomap(pdev, REGS_BAR, 0);
	if (!pf->regs)
		goto err_release;
	/* For interrupt messages and announcements. */
	pci_set_master(pdev);
	return 0;

err_release:
	pci_release_mem_regions(pdev);
err_disable:
	pci_disable_device(pdev);
	return ret;
}

static void pf_unmap(struct i82576_pf *pf)
{
	pci_iounmap(pf->pdev, pf->regs);
	pci_release_mem_regions(pf->pdev);
	pci_disable_device(pf->pdev);
}

/*
 * After a fatal error the PCI core resets the link, which takes it a minute at most,
 * and says so by slot_reset. When it fails it says nothing (6.12). Users of VFs, who
 * wait since the error, must not wait for good.
 */
#define RECOVERY_LIMIT	(75 * HZ)

static void pf_not_recovered(struct work_struct *work)
{
	struct i82576_pf *pf = container_of(work, struct i82576_pf,
					    recovery.work);

	pci_err(pf->pdev, "no recovery from a fatal error: given up\n");
	i82576_pf_give_up(pf);
}

/*
 * Config space as probe has left it. What the PCI core has saved since then may be what a
 * device did not answer.
 */
static void pf_restore_config(struct i82576_pf *pf)
{
	if (!pci_load_saved_state(pf->pdev, pf->config))
		pci_restore_state(pf->pdev);
}

static int pf_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct i82576_pf *pf;
	int ret;

	/* Their records are gone with the driver that made them. */
	if (pci_num_vf(pdev)) {
		pci_err(pdev, "another driver left %d VFs behind: load that driver again and remove them with sriov_numvfs\n",
			pci_num_vf(pdev));
		return -EBUSY;
	}
	pf = i82576_devlink_alloc(pdev);
	if (!pf)
		return -ENOMEM;
	mutex_init(&pf->lock);
	INIT_DELAYED_WORK(&pf->service, i82576_service_work);
	INIT_DELAYED_WORK(&pf->recovery, pf_not_recovered);
	pf->down = true;

	ret = pf_map(pf);
	if (ret)
		goto err_free;
	ret = i82576_irq_request(pf);
	if (ret)
		goto err_unmap;
	ret = i82576_pf_start(pf);
	if (ret)
		goto err_irq;
	ret = -ENOMEM;
	pci_save_state(pdev);
	pf->config = pci_store_saved_state(pdev);
	if (!pf->config)
		goto err_stop;
	ret = i82576_devlink_register(pf);
	if (ret)
		goto err_config;
	pci_set_drvdata(pdev, pf);
	return 0;

err_config:
	kfree(pf->config);
err_stop:
	i82576_pf_stop(pf);
err_irq:
	i82576_irq_free(pf);
err_unmap:
	pf_unmap(pf);
err_free:
	mutex_destroy(&pf->lock);
	devlink_free(pf->devlink);
	return ret;
}

static void pf_remove(struct pci_dev *pdev)
{
	struct i82576_pf *pf = pci_get_drvdata(pdev);

	/* Gone without notice: nobody may wait for registers that will not answer. */
	if (!pci_device_is_present(pdev))
		i82576_pf_lost(pf);
	if (cancel_delayed_work_sync(&pf->recovery))
		i82576_pf_give_up(pf);
	i82576_sriov_disable(pf);
	i82576_pf_stop(pf);
	i82576_irq_free(pf);
	i82576_devlink_unregister(pf);
	pf_unmap(pf);
	kfree(pf->config);
	mutex_destroy(&pf->lock);
	devlink_free(pf->devlink);
}

static void pf_shutdown(struct pci_dev *pdev)
{
	i82576_pf_stop(pci_get_drvdata(pdev));
	pci_clear_master(pdev);
}

static pci_ers_result_t pf_error_detected(struct pci_dev *pdev,
					  pci_channel_state_t state)
{
	struct i82576_pf *pf = pci_get_drvdata(pdev);

	switch (state) {
	case pci_channel_io_normal:
		return PCI_ERS_RESULT_CAN_RECOVER;
	case pci_channel_io_frozen:
		/* Not yet over the last one? Then it began with that. */
		if (!mod_delayed_work(i82576_wq, &pf->recovery, RECOVERY_LIMIT))
			i82576_pf_reset_begin(pf);
		return PCI_ERS_RESULT_NEED_RESET;
	default:
		i82576_pf_lost(pf);
		if (cancel_delayed_work_sync(&pf->recovery))
			i82576_pf_give_up(pf);
		return PCI_ERS_RESULT_DISCONNECT;
	}
}

static pci_ers_result_t pf_slot_reset(struct pci_dev *pdev)
{
	struct i82576_pf *pf = pci_get_drvdata(pdev);

	if (!cancel_delayed_work_sync(&pf->recovery))
		return PCI_ERS_RESULT_DISCONNECT;
	pf_restore_config(pf);
	if (i82576_pf_reset_done(pf))
		return PCI_ERS_RESULT_DISCONNECT;
	return PCI_ERS_RESULT_RECOVERED;
}

static void pf_reset_prepare(struct pci_dev *pdev)
{
	struct i82576_pf *pf = pci_get_drvdata(pdev);

	/* An administrator does what the PCI core could not: nobody gives up now. */
	pf->recovered = cancel_delayed_work_sync(&pf->recovery);
	/* What the PCI core is about to save would be what a failure has left. */
	if (pf->recovered || READ_ONCE(pf->lost))
		pf_restore_config(pf);
	i82576_pf_reset_begin(pf);
}

static void pf_reset_done(struct pci_dev *pdev)
{
	struct i82576_pf *pf = pci_get_drvdata(pdev);

	/* After a recovery that failed nobody else says so. */
	if (pdev->error_state == pci_channel_io_frozen)
		pdev->error_state = pci_channel_io_normal;
	/* Before the reset it may not have answered, and ones have been saved. */
	if (pf->recovered || READ_ONCE(pf->lost))
		pf_restore_config(pf);
	i82576_pf_reset_done(pf);
	/* The end of what the error began, and of one that came during the reset. */
	if (pf->recovered)
		i82576_pf_reset_done(pf);
	if (cancel_delayed_work_sync(&pf->recovery))
		i82576_pf_reset_done(pf);
	pf->recovered = false;
}

static const struct pci_error_handlers pf_err_handlers = {
	.error_detected = pf_error_detected,
	.slot_reset = pf_slot_reset,
	.reset_prepare = pf_reset_prepare,
	.reset_done = pf_reset_done,
};

/* A sleep is, to the users of VFs, a reset that takes long. */
static int pf_suspend(struct device *dev)
{
	struct i82576_pf *pf = dev_get_drvdata(dev);

	i82576_pf_reset_begin(pf);
	return 0;
}

static int pf_resume(struct device *dev)
{
	return i82576_pf_reset_done(dev_get_drvdata(dev));
}

static DEFINE_SIMPLE_DEV_PM_OPS(pf_pm_ops, pf_suspend, pf_resume);

static const struct pci_device_id pf_ids[] = {
	{ PCI_VDEVICE(INTEL, 0x10c9) },		/* copper */
	{ PCI_VDEVICE(INTEL, 0x10e6) },		/* fibre */
	{ PCI_VDEVICE(INTEL, 0x10e7) },		/* SerDes */
	{ PCI_VDEVICE(INTEL, 0x10e8) },		/* four copper ports */
	{ PCI_VDEVICE(INTEL, 0x1526) },		/* the same, ET2 */
	{ PCI_VDEVICE(INTEL, 0x150a) },		/* without security engine */
	{ PCI_VDEVICE(INTEL, 0x1518) },		/* the same, SerDes */
	{ PCI_VDEVICE(INTEL, 0x150d) },		/* four SerDes ports */
	{ }
};
MODULE_DEVICE_TABLE(pci, pf_ids);

struct pci_driver i82576_pf_driver = {
	.name = I82576_NAME,
	.id_table = pf_ids,
	.probe = pf_probe,
	.remove = pf_remove,
	.shutdown = pf_shutdown,
	.sriov_configure = i82576_sriov_configure,
	.err_handler = &pf_err_handlers,
	.driver.pm = pm_sleep_ptr(&pf_pm_ops),
};

static int __init i82576_init(void)
{
	int ret;

	/* A VF driver spins while it waits for an answer, perhaps on this CPU. */
	i82576_wq = alloc_workqueue(I82576_NAME, WQ_UNBOUND | WQ_HIGHPRI, 0);
	if (!i82576_wq)
		return -ENOMEM;
	ret = i82576_vf_driver_register();
	if (ret)
		goto err_wq;
	ret = pci_register_driver(&i82576_pf_driver);
	if (ret)
		goto err_vf;
	return 0;

err_vf:
	i82576_vf_driver_unregister();
err_wq:
	destroy_workqueue(i82576_wq);
	return ret;
}

static void __exit i82576_exit(void)
{
	/* Takes the VFs along. */
	pci_unregister_driver(&i82576_pf_driver);
	i82576_vf_driver_unregister();
	destroy_workqueue(i82576_wq);
}

module_init(i82576_init);
module_exit(i82576_exit);

MODULE_DESCRIPTION("Intel 82576 as a manager of assignable virtual functions");
MODULE_LICENSE("GPL");
