// SPDX-License-Identifier: GPL-2.0-only
/*
 * Migration of a VF
 *
 * What is inside the VF only the physical function can read and write, so the
 * vendor driver does that. Here are added the counters, which nobody can write.
 */
#include <linux/module.h>

#include "i82576_vfio.h"

static bool precopy = true;
module_param(precopy, bool, 0444);
MODULE_PARM_DESC(precopy, "Offer pre-copy, and with it dirty tracking");

/**
 * struct i82576_image - state of a VF in a migration stream
 * @stats: counters as the guest sees them
 * @inside: what the vendor driver saved
 */
struct i82576_image {
	__le32 stats[I82576_NUM_STATS];
	u8 inside[];
};

static struct vfio_pci_aux_device *to_aux(struct vfio_pci_core_device *core)
{
	return to_i82576_vfio(&core->vdev)->aux;
}

static int vf_quiesce(struct vfio_pci_core_device *core,
		      enum vfio_pci_core_rest level)
{
	struct i82576_vfio *vf = to_i82576_vfio(&core->vdev);
	struct vfio_pci_aux_device *aux = vf->aux;
	int ret;

	if (level == VFIO_PCI_CORE_REST_P2P)
		return aux->ops->quiesce(aux, VFIO_PCI_AUX_QUIESCE_P2P);

	i82576_track_stop(vf);
	ret = aux->ops->quiesce(aux, VFIO_PCI_AUX_QUIESCE_STOP);
	if (ret)
		i82576_track_go_on(vf);
	return ret;
}

static int vf_unquiesce(struct vfio_pci_core_device *core,
			enum vfio_pci_core_rest level)
{
	struct i82576_vfio *vf = to_i82576_vfio(&core->vdev);
	int ret = vf->aux->ops->unquiesce(vf->aux, level == VFIO_PCI_CORE_ACTIVE);

	if (!ret && level == VFIO_PCI_CORE_REST_P2P)
		i82576_track_go_on(vf);
	return ret;
}

static size_t vf_size(struct vfio_pci_core_device *core)
{
	struct vfio_pci_aux_device *aux = to_aux(core);

	return sizeof(struct i82576_image) + aux->ops->state_size(aux);
}

static ssize_t vf_save(struct vfio_pci_core_device *core, void *buf,
		       size_t size)
{
	struct vfio_pci_aux_device *aux = to_aux(core);
	struct i82576_image *image = buf;
	ssize_t inside;
	int ret;

	if (size < sizeof(*image))
		return -ENOSPC;
	ret = i82576_stats_save(to_i82576_vfio(&core->vdev), image->stats);
	if (ret)
		return ret;
	inside = aux->ops->save_state(aux, image->inside, size - sizeof(*image));
	return inside < 0 ? inside : inside + sizeof(*image);
}

static int vf_check(struct vfio_pci_core_device *core, const void *buf,
		    size_t size)
{
	struct vfio_pci_aux_device *aux = to_aux(core);
	const struct i82576_image *image = buf;

	if (size < sizeof(*image))
		return -EINVAL;
	return aux->ops->check_state(aux, image->inside, size - sizeof(*image));
}

static int vf_load(struct vfio_pci_core_device *core, const void *buf,
		   size_t size)
{
	struct vfio_pci_aux_device *aux = to_aux(core);
	const struct i82576_image *image = buf;
	int ret;

	ret = aux->ops->load_state(aux, image->inside, size - sizeof(*image));
	return ret ?: i82576_stats_load(to_i82576_vfio(&core->vdev),
					image->stats);
}

static size_t vf_early_size(struct vfio_pci_core_device *core)
{
	struct vfio_pci_aux_device *aux = to_aux(core);

	return aux->ops->early_size(aux);
}

static ssize_t vf_save_early(struct vfio_pci_core_device *core, void *buf,
			     size_t size)
{
	struct vfio_pci_aux_device *aux = to_aux(core);

	return aux->ops->save_early(aux, buf, size);
}

static int vf_check_early(struct vfio_pci_core_device *core, const void *buf,
			  size_t size)
{
	struct vfio_pci_aux_device *aux = to_aux(core);

	return aux->ops->check_early(aux, buf, size);
}

static const struct vfio_pci_core_mig_ops vf_mig_ops = {
	.quiesce	= vf_quiesce,
	.unquiesce	= vf_unquiesce,
	.size		= vf_size,
	.save		= vf_save,
	.check		= vf_check,
	.load		= vf_load,
	.early_size	= vf_early_size,
	.save_early	= vf_save_early,
	.check_early	= vf_check_early,
	.dirty_declare	= i82576_track_declare,
	.dirty_refresh	= i82576_track_refresh,
};

/**
 * i82576_migration_init - offer migration, if the VF is declared migratable
 * @vf: virtual function that is not registered yet
 *
 * Return: 0 or a negative errno.
 */
int i82576_migration_init(struct i82576_vfio *vf)
{
	unsigned int flags = VFIO_MIGRATION_STOP_COPY | VFIO_MIGRATION_P2P;

	mutex_init(&vf->track_lock);
	spin_lock_init(&vf->stats_lock);
	if (!vf->aux->migratable)
		return 0;
	if (precopy)
		flags |= VFIO_MIGRATION_PRE_COPY;
	return vfio_pci_core_migration_init(&vf->core, &vf_mig_ops, flags);
}
