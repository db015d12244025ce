// SPDX-License-Identifier: GPL-2.0-only
/*
 * igd-vfio-pci: Intel graphics, with the regions that its drivers need
 *
 * A PCI driver of its own, so that the library knows nothing of it. Binds by
 * driver_override, or with auto_bind=1 to every Intel display function that no other
 * driver has.
 */
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/pm_runtime.h>

#include "igd.h"

static bool auto_bind;
module_param(auto_bind, bool, 0444);
MODULE_PARM_DESC(auto_bind, "Bind to Intel display functions without driver_override");

#ifdef CONFIG_PCI_IOV
static bool enable_sriov;
module_param(enable_sriov, bool, 0644);
MODULE_PARM_DESC(enable_sriov, "Allow sriov_numvfs on functions bound to this driver; their VFs are only as trustworthy as the user of the function");
#endif

/* Without them the device is still good for what a second graphics card is. */
static void add_regions(struct vfio_pci_core_device *core)
{
	int ret;

	ret = igd_add_opregion(core);
	if (ret)
		pci_info(core->pdev, "no OpRegion for the user: %pe\n",
			 ERR_PTR(ret));
	ret = igd_add_bridges(core);
	if (ret)
		pci_info(core->pdev, "no bridge configuration for the user: %pe\n",
			 ERR_PTR(ret));
}

static int igd_open(struct vfio_device *vdev)
{
	int ret = vfio_pci_core_open_device(vdev);

	if (!ret)
		add_regions(to_vfio_pci_core(vdev));
	return ret;
}

static struct vfio_device_ops igd_ops __ro_after_init = {
	.name		= "igd-vfio-pci",
	.open_device	= igd_open,
};

static int igd_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct vfio_pci_core_device *core;
	int ret;

	if (pdev->vendor != PCI_VENDOR_ID_INTEL ||
	    pdev->class >> 16 != PCI_BASE_CLASS_DISPLAY) {
		pci_err(pdev, "%s: not an Intel display function; use vfio-pci\n",
			__func__);
		return -ENODEV;
	}

	core = vfio_alloc_device(vfio_pci_core_device, vdev, &pdev->dev,
				 &igd_ops);
	if (IS_ERR(core))
		return PTR_ERR(core);

	pci_set_drvdata(pdev, core);
	ret = vfio_pci_core_register_device(core);
	if (ret) {
		pci_set_drvdata(pdev, NULL);
		vfio_put_device(&core->vdev);
		return ret;
	}

	vfio_pci_core_let_sleep(core);
	return 0;
}

static void igd_remove(struct pci_dev *pdev)
{
	struct vfio_pci_core_device *core = pci_get_drvdata(pdev);

	vfio_pci_core_unregister_device(core);
	vfio_pci_core_keep_awake(core);
	pci_set_drvdata(pdev, NULL);
	vfio_put_device(&core->vdev);
}

static int igd_sriov_configure(struct pci_dev *pdev, int nr_virtfn)
{
#ifdef CONFIG_PCI_IOV
	if (!enable_sriov) {
		pci_info(pdev, "SR-IOV is off for igd-vfio-pci: write 1 to /sys/module/igd_vfio_pci/parameters/enable_sriov first\n");
		return -ENOENT;
	}
#endif
	return vfio_pci_core_sriov_configure(pci_get_drvdata(pdev), nr_virtfn);
}

static pci_ers_result_t igd_error_detected(struct pci_dev *pdev,
					   pci_channel_state_t state)
{
	vfio_pci_core_signal_error(pci_get_drvdata(pdev));
	return PCI_ERS_RESULT_CAN_RECOVER;
}

static void igd_reset_prepare(struct pci_dev *pdev)
{
	vfio_pci_core_reset_begin(pci_get_drvdata(pdev));
}

static void igd_reset_done(struct pci_dev *pdev)
{
	vfio_pci_core_reset_end(pci_get_drvdata(pdev));
}

static const struct pci_error_handlers igd_err_handlers = {
	.error_detected	= igd_error_detected,
	.reset_prepare	= igd_reset_prepare,
	.reset_done	= igd_reset_done,
};

static int igd_runtime_suspend(struct device *dev)
{
	return vfio_pci_core_runtime_suspend(dev_get_drvdata(dev));
}

static int igd_runtime_resume(struct device *dev)
{
	return vfio_pci_core_runtime_resume(dev_get_drvdata(dev));
}

static const struct dev_pm_ops igd_pm_ops = {
	RUNTIME_PM_OPS(igd_runtime_suspend, igd_runtime_resume, NULL)
};

/*
 * By class, too: who looks for the driver that fits best, as libvirt does, would
 * take this one for everything of Intel's.
 */
static const struct pci_device_id igd_table[] = {
	{
		.vendor		= PCI_VENDOR_ID_INTEL,
		.device		= PCI_ANY_ID,
		.subvendor	= PCI_ANY_ID,
		.subdevice	= PCI_ANY_ID,
		.class		= PCI_BASE_CLASS_DISPLAY << 16,
		.class_mask	= 0xff << 16,
		.override_only	= PCI_ID_F_VFIO_DRIVER_OVERRIDE,
	},
	{ }
};
MODULE_DEVICE_TABLE(pci, igd_table);

static struct pci_driver igd_driver = {
	.name			= "igd-vfio-pci",
	.id_table		= igd_table,
	.probe			= igd_probe,
	.remove			= igd_remove,
	.sriov_configure	= igd_sriov_configure,
	.err_handler		= &igd_err_handlers,
	.driver.pm		= pm_ptr(&igd_pm_ops),
	.driver_managed_dma	= true,
};

static int __init igd_init(void)
{
	int ret;

	vfio_pci_core_inherit_ops(&igd_ops);
	ret = pci_register_driver(&igd_driver);
	if (ret || !auto_bind)
		return ret;

	ret = pci_add_dynid(&igd_driver, PCI_VENDOR_ID_INTEL, PCI_ANY_ID,
			    PCI_ANY_ID, PCI_ANY_ID,
			    PCI_BASE_CLASS_DISPLAY << 16, 0xff << 16, 0);
	if (ret)
		pci_unregister_driver(&igd_driver);
	return ret;
}
module_init(igd_init);

static void __exit igd_exit(void)
{
	pci_unregister_driver(&igd_driver);
}
module_exit(igd_exit);

MODULE_IMPORT_NS(VFIO_PCI_CORE_NS);
MODULE_DESCRIPTION("VFIO driver for Intel graphics");
MODULE_LICENSE("GPL");
