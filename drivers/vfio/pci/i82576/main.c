// SPDX-License-Identifier: GPL-2.0-only
/*
 * i82576-vfio-pci: VFIO driver for virtual functions of the Intel 82576
 *
 * Binds to the auxiliary device that the vendor driver makes for a VF. The VF's
 * PCI driver stays the vendor driver, which this driver calls for what only the
 * physical function can do.
 */
#include <linux/auxiliary_bus.h>
#include <linux/module.h>

#include "i82576_vfio.h"

static int i82576_vfio_open(struct vfio_device *vdev)
{
	struct i82576_vfio *vf = to_i82576_vfio(vdev);
	struct vfio_pci_aux_device *aux = vf->aux;
	int ret;

	ret = aux->ops->prepare(aux);
	if (ret)
		return ret;
	ret = vfio_pci_core_open_device(vdev);
	if (ret)
		goto out_aux;
	ret = i82576_stats_open(vf);
	if (ret)
		goto out_core;
	return 0;

out_core:
	vfio_pci_core_close_device(vdev);
out_aux:
	aux->ops->take_back(aux);
	return ret;
}

static void i82576_vfio_close(struct vfio_device *vdev)
{
	struct i82576_vfio *vf = to_i82576_vfio(vdev);
	struct vfio_pci_aux_device *aux = vf->aux;

	i82576_track_close(vf);
	vfio_pci_core_close_device(vdev);
	aux->ops->take_back(aux);
}

static struct vfio_device_ops i82576_vfio_ops __ro_after_init = {
	.name		= "i82576-vfio-pci",
	.open_device	= i82576_vfio_open,
	.close_device	= i82576_vfio_close,
	.dma_unmap	= vfio_pci_core_dirty_unmap,
};

/* The vendor driver knows more ways to reset a VF than the PCI core. */
static int i82576_vfio_reset(struct vfio_pci_core_device *core)
{
	struct vfio_pci_aux_device *aux = to_i82576_vfio(&core->vdev)->aux;

	return aux->ops->reset(aux);
}

static void i82576_vfio_was_reset(struct vfio_pci_core_device *core)
{
	i82576_track_reset(to_i82576_vfio(&core->vdev));
	i82576_stats_was_reset(to_i82576_vfio(&core->vdev));
}

static const struct vfio_pci_core_hooks i82576_vfio_hooks = {
	.owner		= THIS_MODULE,
	.reset		= i82576_vfio_reset,
	.reset_done	= i82576_vfio_was_reset,
};

static void i82576_vfio_reset_begin(struct vfio_pci_aux_device *aux)
{
	struct i82576_vfio *vf = vfio_pci_aux_drvdata(aux);

	vfio_pci_core_reset_begin(&vf->core);
}

static void i82576_vfio_reset_done(struct vfio_pci_aux_device *aux)
{
	struct i82576_vfio *vf = vfio_pci_aux_drvdata(aux);

	vfio_pci_core_reset_end(&vf->core);
}

static void i82576_vfio_error(struct vfio_pci_aux_device *aux)
{
	struct i82576_vfio *vf = vfio_pci_aux_drvdata(aux);

	vfio_pci_core_signal_error(&vf->core);
}

static void i82576_vfio_going_away(struct vfio_pci_aux_device *aux)
{
	struct i82576_vfio *vf = vfio_pci_aux_drvdata(aux);

	vfio_pci_core_make_inert(&vf->core);
	vfio_pci_core_signal_request(&vf->core);
}

static const struct vfio_pci_aux_events i82576_vfio_events = {
	.reset_begin	= i82576_vfio_reset_begin,
	.reset_done	= i82576_vfio_reset_done,
	.error		= i82576_vfio_error,
	.going_away	= i82576_vfio_going_away,
};

static int i82576_vfio_probe(struct auxiliary_device *adev,
			     const struct auxiliary_device_id *id)
{
	struct vfio_pci_aux_device *aux = to_vfio_pci_aux_device(adev);
	struct i82576_vfio *vf;
	int ret;

	vf = vfio_pci_core_alloc_device(i82576_vfio, core, aux->pdev,
					&i82576_vfio_ops, &i82576_vfio_hooks);
	if (IS_ERR(vf))
		return PTR_ERR(vf);
	vf->aux = aux;
	ret = i82576_migration_init(vf);
	if (ret)
		goto out_put;

	/* Listen first: a user may open as soon as the device is registered. */
	ret = vfio_pci_aux_attach(aux, &i82576_vfio_events, vf);
	if (ret)
		goto out_put;
	ret = vfio_pci_core_register_device(&vf->core);
	if (ret)
		goto out_detach;

	auxiliary_set_drvdata(adev, vf);
	return 0;

out_detach:
	vfio_pci_aux_detach(aux);
out_put:
	vfio_put_device(&vf->core.vdev);
	return ret;
}

static void i82576_vfio_remove(struct auxiliary_device *adev)
{
	struct i82576_vfio *vf = auxiliary_get_drvdata(adev);

	vfio_pci_core_unregister_device(&vf->core);
	vfio_pci_aux_detach(vf->aux);
	vfio_put_device(&vf->core.vdev);
}

static const struct auxiliary_device_id i82576_vfio_table[] = {
	{ .name = "i82576.vf" },
	{ }
};
MODULE_DEVICE_TABLE(auxiliary, i82576_vfio_table);

static struct auxiliary_driver i82576_vfio_driver = {
	.name		= "vfio",
	.id_table	= i82576_vfio_table,
	.probe		= i82576_vfio_probe,
	.remove		= i82576_vfio_remove,
};

static int __init i82576_vfio_init(void)
{
	vfio_pci_core_inherit_ops(&i82576_vfio_ops);
	return auxiliary_driver_register(&i82576_vfio_driver);
}
module_init(i82576_vfio_init);

static void __exit i82576_vfio_exit(void)
{
	auxiliary_driver_unregister(&i82576_vfio_driver);
}
module_exit(i82576_vfio_exit);

MODULE_IMPORT_NS(VFIO_PCI_CORE_NS);
MODULE_DESCRIPTION("VFIO driver for Intel 82576 virtual functions");
MODULE_LICENSE("GPL");
