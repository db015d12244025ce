// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio-pci: the plain PCI driver, for any function, by what the PCI
 * specification says
 */
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/pm_runtime.h>
#include <linux/vfio_pci_core.h>

static char ids[1024];
module_param_string(ids, ids, sizeof(ids), 0);
MODULE_PARM_DESC(ids, "Initial PCI IDs to bind, as vendor:device[:subvendor[:subdevice[:class[:class_mask]]]], separated by commas");

static bool nointxmask;
module_param(nointxmask, bool, 0444);
MODULE_PARM_DESC(nointxmask, "Do not use the PCI 2.3 INTx mask bit; devices that share an interrupt then cannot use INTx");

#ifdef CONFIG_VPC_VGA
static bool disable_vga;
module_param(disable_vga, bool, 0444);
MODULE_PARM_DESC(disable_vga, "Offer no legacy VGA region");
#endif

static bool disable_idle_d3;
module_param(disable_idle_d3, bool, 0444);
MODULE_PARM_DESC(disable_idle_d3, "Keep devices that nobody has open in D0");

#ifdef CONFIG_PCI_IOV
static bool enable_sriov;
module_param(enable_sriov, bool, 0644);
MODULE_PARM_DESC(enable_sriov, "Allow sriov_numvfs on functions bound to this driver; their VFs are only as trustworthy as the user of the function");
#endif

static bool disable_denylist;
module_param(disable_denylist, bool, 0444);
MODULE_PARM_DESC(disable_denylist, "Bind functions whose hardware is known not to keep users apart");

/*
 * Accelerators with published errata by which a user can hang the host; Intel's
 * advice is to assign their VFs only through a driver that knows them.
 */
static const struct pci_device_id denylist[] = {
	{ PCI_VDEVICE(INTEL, PCI_DEVICE_ID_INTEL_QAT_C3XXX) },
	{ PCI_VDEVICE(INTEL, PCI_DEVICE_ID_INTEL_QAT_C3XXX_VF) },
	{ PCI_VDEVICE(INTEL, PCI_DEVICE_ID_INTEL_QAT_C62X) },
	{ PCI_VDEVICE(INTEL, PCI_DEVICE_ID_INTEL_QAT_C62X_VF) },
	{ PCI_VDEVICE(INTEL, PCI_DEVICE_ID_INTEL_QAT_DH895XCC) },
	{ PCI_VDEVICE(INTEL, PCI_DEVICE_ID_INTEL_QAT_DH895XCC_VF) },
	{ PCI_VDEVICE(INTEL, PCI_DEVICE_ID_INTEL_DSA_SPR0) },
	{ PCI_VDEVICE(INTEL, PCI_DEVICE_ID_INTEL_IAX_SPR0) },
	{ }
};

static bool denied(struct pci_dev *pdev)
{
	if (!pci_match_id(denylist, pdev))
		return false;

	pci_warn(pdev, "%s: on the denylist%s\n", __func__,
		 disable_denylist ? ", bound since disable_denylist is set" :
		 "; load vfio-pci with disable_denylist=1 to bind it all the same");
	return !disable_denylist;
}

static struct vfio_device_ops vfio_pci_ops __ro_after_init = {
	.name = "vfio-pci",
};

static int vfio_pci_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct vfio_pci_core_device *core;
	int ret;

	if (denied(pdev))
		return -EINVAL;

	core = vfio_alloc_device(vfio_pci_core_device, vdev, &pdev->dev,
				 &vfio_pci_ops);
	if (IS_ERR(core))
		return PTR_ERR(core);

	/* Events of the PCI core may arrive as soon as the device is registered. */
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

static void vfio_pci_remove(struct pci_dev *pdev)
{
	struct vfio_pci_core_device *core = pci_get_drvdata(pdev);

	vfio_pci_core_unregister_device(core);
	vfio_pci_core_keep_awake(core);
	pci_set_drvdata(pdev, NULL);
	vfio_put_device(&core->vdev);
}

static int vfio_pci_sriov_configure(struct pci_dev *pdev, int nr_virtfn)
{
	struct vfio_pci_core_device *core = pci_get_drvdata(pdev);

#ifdef CONFIG_PCI_IOV
	if (!enable_sriov) {
		pci_info(pdev, "SR-IOV is off for vfio-pci: write 1 to /sys/module/vfio_pci/parameters/enable_sriov first\n");
		return -ENOENT;
	}
#endif
	return vfio_pci_core_sriov_configure(core, nr_virtfn);
}

static pci_ers_result_t vfio_pci_error_detected(struct pci_dev *pdev,
						pci_channel_state_t state)
{
	vfio_pci_core_signal_error(pci_get_drvdata(pdev));
	return PCI_ERS_RESULT_CAN_RECOVER;
}

static void vfio_pci_reset_prepare(struct pci_dev *pdev)
{
	vfio_pci_core_reset_begin(pci_get_drvdata(pdev));
}

static void vfio_pci_reset_done(struct pci_dev *pdev)
{
	vfio_pci_core_reset_end(pci_get_drvdata(pdev));
}

static const struct pci_error_handlers vfio_pci_err_handlers = {
	.error_detected	= vfio_pci_error_detected,
	.reset_prepare	= vfio_pci_reset_prepare,
	.reset_done	= vfio_pci_reset_done,
};

static int vfio_pci_runtime_suspend(struct device *dev)
{
	return vfio_pci_core_runtime_suspend(dev_get_drvdata(dev));
}

static int vfio_pci_runtime_resume(struct device *dev)
{
	return vfio_pci_core_runtime_resume(dev_get_drvdata(dev));
}

static const struct dev_pm_ops vfio_pci_pm_ops = {
	RUNTIME_PM_OPS(vfio_pci_runtime_suspend, vfio_pci_runtime_resume, NULL)
};

/* Matches by driver_override, or by IDs that the administrator adds. */
static const struct pci_device_id vfio_pci_table[] = {
	{ PCI_DRIVER_OVERRIDE_DEVICE_VFIO(PCI_ANY_ID, PCI_ANY_ID) },
	{ }
};
MODULE_DEVICE_TABLE(pci, vfio_pci_table);

static struct pci_driver vfio_pci_driver = {
	.name			= "vfio-pci",
	.id_table		= vfio_pci_table,
	.probe			= vfio_pci_probe,
	.remove			= vfio_pci_remove,
	.sriov_configure	= vfio_pci_sriov_configure,
	.err_handler		= &vfio_pci_err_handlers,
	.driver.pm		= pm_ptr(&vfio_pci_pm_ops),
	.driver_managed_dma	= true,
};

/* One entry of the ids parameter; false if it cannot be understood. */
static bool add_id(const char *entry)
{
	unsigned int vendor, device, subvendor = PCI_ANY_ID;
	unsigned int subdevice = PCI_ANY_ID, class = 0, class_mask = 0;
	int fields, ret;

	fields = sscanf(entry, "%x:%x:%x:%x:%x:%x", &vendor, &device,
			&subvendor, &subdevice, &class, &class_mask);
	if (fields < 2)
		return false;

	ret = pci_add_dynid(&vfio_pci_driver, vendor, device, subvendor,
			    subdevice, class, class_mask, 0);
	if (ret)
		pr_warn("vfio-pci: cannot add ID %s: %pe\n", entry,
			ERR_PTR(ret));
	return true;
}

static void add_ids(char *list)
{
	char *entry;

	while ((entry = strsep(&list, ",")))
		if (*entry && !add_id(entry))
			pr_warn("vfio-pci: ids: \"%s\" is not vendor:device in hexadecimal; ignored\n",
				entry);
}

static int __init vfio_pci_init(void)
{
	struct vfio_pci_core_policy policy = {
		.nointxmask = nointxmask,
		.disable_idle_d3 = disable_idle_d3,
	};
	int ret;

#ifdef CONFIG_VPC_VGA
	policy.disable_vga = disable_vga;
#endif
	vfio_pci_core_add_policy(&policy);
	vfio_pci_core_inherit_ops(&vfio_pci_ops);
	ret = pci_register_driver(&vfio_pci_driver);
	if (ret)
		return ret;

	add_ids(ids);
	return 0;
}
module_init(vfio_pci_init);

static void __exit vfio_pci_exit(void)
{
	pci_unregister_driver(&vfio_pci_driver);
}
module_exit(vfio_pci_exit);

MODULE_IMPORT_NS(VFIO_PCI_CORE_NS);
MODULE_DESCRIPTION("VFIO driver for PCI functions");
MODULE_LICENSE("GPL");
