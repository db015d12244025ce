// SPDX-License-Identifier: GPL-2.0-only
/*
 * Life cycle of a device: init, register, open, close, unregister, release
 */
#include <linux/iommu.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "trace.h"
#include "vpc.h"

struct vfio_pci_core_policy vpc_policy;

module_param_named(nointxmask, vpc_policy.nointxmask, bool, 0444);
MODULE_PARM_DESC(nointxmask, "Do not use the PCI 2.3 INTx mask bit; devices that share an interrupt then cannot use INTx");
#ifdef CONFIG_VPC_VGA
module_param_named(disable_vga, vpc_policy.disable_vga, bool, 0444);
MODULE_PARM_DESC(disable_vga, "Offer no legacy VGA region");
#endif
module_param_named(disable_idle_d3, vpc_policy.disable_idle_d3, bool, 0444);
MODULE_PARM_DESC(disable_idle_d3, "Keep devices that nobody has open in D0");

/* What a driver's table gets wherever the driver has nothing of its own. */
static const struct vfio_device_ops vpc_default_ops = {
	.init		= vfio_pci_core_init_device,
	.release	= vfio_pci_core_release_device,
	.open_device	= vfio_pci_core_open_device,
	.close_device	= vfio_pci_core_close_device,
	.ioctl		= vfio_pci_core_ioctl,
	.device_feature	= vfio_pci_core_device_feature,
	.read		= vfio_pci_core_read,
	.write		= vfio_pci_core_write,
	.mmap		= vfio_pci_core_mmap,
	.request	= vfio_pci_core_request,
	.match		= vfio_pci_core_match,
	.bind_iommufd	= vfio_iommufd_physical_bind,
	.unbind_iommufd	= vfio_iommufd_physical_unbind,
	.attach_ioas	= vfio_iommufd_physical_attach_ioas,
	.detach_ioas	= vfio_iommufd_physical_detach_ioas,
#ifdef VFIO_HAS_PASID_ATTACH
	.pasid_attach_ioas	= vfio_iommufd_physical_pasid_attach_ioas,
	.pasid_detach_ioas	= vfio_iommufd_physical_pasid_detach_ioas,
#endif
#ifdef VFIO_HAS_MATCH_TOKEN_UUID
	.match_token_uuid	= vfio_pci_core_match_token_uuid,
#endif
#ifdef VFIO_HAS_REGION_INFO_CAPS
	.get_region_info_caps	= vfio_pci_core_get_region_info_caps,
#endif
};

/**
 * vfio_pci_core_inherit_ops - fill the gaps of a driver's ops table
 * @ops: table with a name and the operations that the driver overrides
 *
 * Every operation that is NULL becomes the library's. To be called once from
 * module_init, before the first vfio_pci_core_alloc_device(); the table may be
 * __ro_after_init. A new operation of the kernel's table reaches all drivers
 * with the library.
 *
 * Context: module_init of a driver.
 */
void vfio_pci_core_inherit_ops(struct vfio_device_ops *ops)
{
	const size_t first = offsetof(struct vfio_device_ops, init);
	void *const *from = (void *const *)((u8 *)&vpc_default_ops + first);
	void **to = (void **)((u8 *)ops + first);

	/* All members behind the name are function pointers. */
	BUILD_BUG_ON(first != sizeof(void *) ||
		     sizeof(*ops) % sizeof(void *));
	for (size_t i = 0; i < (sizeof(*ops) - first) / sizeof(void *); i++)
		if (!to[i])
			to[i] = from[i];
}
EXPORT_SYMBOL_VPC(vfio_pci_core_inherit_ops);

/**
 * vfio_pci_core_add_policy - add a driver's module parameters to the policy
 * @policy: what the administrator asked of the driver
 *
 * The choices are the host's, not one driver's: what was chosen once, by a
 * parameter of the library or of a driver, holds for all devices.
 *
 * Context: module_init of a driver.
 */
void vfio_pci_core_add_policy(const struct vfio_pci_core_policy *policy)
{
	vpc_policy.nointxmask |= policy->nointxmask;
	vpc_policy.disable_vga |= policy->disable_vga;
	vpc_policy.disable_idle_d3 |= policy->disable_idle_d3;
}
EXPORT_SYMBOL_VPC(vfio_pci_core_add_policy);

/**
 * vfio_pci_core_init_device - &vfio_device_ops.init of the library
 * @vdev: new device; its parent is a PCI function
 *
 * A driver that overrides init calls this first.
 *
 * Context: called by vfio.ko in vfio_pci_core_alloc_device(); may sleep.
 * Return: 0 or -ENOMEM.
 */
int vfio_pci_core_init_device(struct vfio_device *vdev)
{
	struct vfio_pci_core_device *core = to_vfio_pci_core(vdev);
	struct vfio_pci_core_state *st;

	st = kzalloc(sizeof(*st), GFP_KERNEL_ACCOUNT);
	if (!st)
		return -ENOMEM;

	core->pdev = to_pci_dev(vdev->dev);
	core->state = st;
	st->core = core;
	st->pdev = core->pdev;
	mutex_init(&st->config.lock);
	mutex_init(&st->power.lock);
	mutex_init(&st->power.d3_lock);
	mutex_init(&st->rom_lock);
	INIT_LIST_HEAD(&st->sriov.node);
	INIT_LIST_HEAD(&st->traps);
	vpc_gate_init(st);
	vpc_irqs_init(st);
	vpc_ioeventfds_init(st);
	return 0;
}
EXPORT_SYMBOL_VPC(vfio_pci_core_init_device);

/**
 * vfio_pci_core_release_device - &vfio_device_ops.release of the library
 * @vdev: device whose last reference is gone
 *
 * A driver that overrides release calls this last.
 *
 * Context: called by vfio.ko when nobody has the device any more; may sleep.
 */
void vfio_pci_core_release_device(struct vfio_device *vdev)
{
	struct vfio_pci_core_state *st = vpc_state(vdev);

	vpc_migration_free(st);
	vpc_dmabufs_free(st);
	vpc_irqs_destroy(st);
	vpc_gate_destroy(st);
	mutex_destroy(&st->rom_lock);
	mutex_destroy(&st->power.d3_lock);
	mutex_destroy(&st->power.lock);
	mutex_destroy(&st->config.lock);
	kfree(st);
}
EXPORT_SYMBOL_VPC(vfio_pci_core_release_device);

/* Refuse what cannot be given to a user, and say why. */
static int check_function(struct pci_dev *pdev)
{
	if (pdev->hdr_type != PCI_HEADER_TYPE_NORMAL) {
		pci_err(pdev, "%s: a bridge cannot be assigned; assign the functions behind it\n",
			__func__);
		return -EINVAL;
	}
	if (pdev->is_physfn && pci_num_vf(pdev)) {
		pci_err(pdev, "%s: has %d VFs enabled; write 0 to sriov_numvfs first\n",
			__func__, pci_num_vf(pdev));
		return -EBUSY;
	}
	return 0;
}

/**
 * vfio_pci_core_register_device - offer a function to user space
 * @core: from vfio_pci_core_alloc_device()
 *
 * To be called at the end of probe(): the device can be opened before this
 * returns. The driver of @core->pdev must have set driver_managed_dma.
 *
 * Context: may sleep.
 * Return: 0; -EINVAL for a bridge, or for an ops table that did not inherit the
 * library's; -EBUSY for a physical function with VFs, or if the group's DMA
 * belongs to somebody else; another negative errno of vfio_register_group_dev().
 */
int vfio_pci_core_register_device(struct vfio_pci_core_device *core)
{
	struct vfio_pci_core_state *st = core->state;
	struct pci_dev *pdev;
	int ret;

	if (WARN(!st || !core->vdev.ops->open_device,
		 "ops table did not go through vfio_pci_core_inherit_ops()\n"))
		return -EINVAL;

	pdev = st->pdev;
	ret = check_function(pdev);
	if (ret)
		return ret;
	ret = vpc_dmabufs_init(st);
	if (ret)
		return ret;
	ret = vpc_assign_device_set(st);
	if (ret)
		return ret;
	ret = vpc_vga_register(st);
	if (ret)
		return ret;
	vpc_sriov_register(st);
	ret = vfio_register_group_dev(&core->vdev);
	if (ret) {
		pci_err(pdev, "%s: cannot register with VFIO: %pe\n", __func__,
			ERR_PTR(ret));
		vpc_sriov_unregister(st);
		vpc_vga_unregister(st);
		return ret;
	}
	vpc_debugfs_add(st);
	return 0;
}
EXPORT_SYMBOL_VPC(vfio_pci_core_register_device);

/* Nobody opens the function any more. */
static void leave_function(struct vfio_pci_core_state *st)
{
	bool awake;

	if (!st->enabled)
		return;
	awake = !vpc_power_get(st);
	pci_disable_device(st->pdev);
	if (awake)
		vpc_power_put(st);
	st->enabled = false;
}

/**
 * vfio_pci_core_unregister_device - take a function back from user space
 * @core: registered device
 *
 * Asks the user to let go and waits until he has; nothing bounds that wait.
 * VFs of the function are disabled first. To be called from the remove() of the
 * driver of @core->pdev, whose device lock is then held; a driver that does not
 * own @core->pdev supplies &vfio_pci_core_hooks.reset.
 *
 * Context: may sleep. No lock of the library may be held.
 */
void vfio_pci_core_unregister_device(struct vfio_pci_core_device *core)
{
	struct vfio_pci_core_state *st = core->state;

	vpc_sriov_unregister(st);
	st->unregistering = true;
	vfio_unregister_group_dev(&core->vdev);
	vpc_debugfs_remove(st);
	vpc_vga_unregister(st);
	leave_function(st);
}
EXPORT_SYMBOL_VPC(vfio_pci_core_unregister_device);

/*
 * Enable the function, or have it decode again what it did. It stays enabled while
 * nobody has it open: that costs nothing, whereas to route its interrupt anew takes
 * most of the time of an open.
 */
static int switch_on(struct vfio_pci_core_state *st)
{
	int ret;

	if (st->enabled)
		return pci_reenable_device(st->pdev);
	ret = pci_enable_device(st->pdev);
	st->enabled = !ret;
	return ret;
}

static int count_device(struct device *dev, void *data)
{
	++*(unsigned int *)data;
	return 0;
}

/* Are all other devices, its own VFs included, kept away from the function? */
static bool alone(struct vfio_pci_core_state *st)
{
	struct device *dev = &st->pdev->dev;
	struct iommu_group *group;
	unsigned int devices = 0;

	/* There may be a group without an IOMMU. VFIO demands this of one. */
	if (!device_iommu_capable(dev, IOMMU_CAP_CACHE_COHERENCY) ||
	    pci_num_vf(st->pdev))
		return false;
	group = iommu_group_get(dev);
	if (!group)
		return false;
	iommu_group_for_each_dev(group, &devices, count_device);
	iommu_group_put(group);
	return devices == 1;
}

/*
 * A user gets a function as a reset leaves it. The reset of the last close will do
 * if nothing can have reached the function since: it masters no bus and has been
 * ours and closed, no other device is in its group, it has not failed, it was not
 * woken or reset for anybody else, and had no VFs. Only a vendor driver could say
 * this of a function that it owns.
 */
static int reset_for_user(struct vfio_pci_core_state *st)
{
	const struct vfio_pci_core_hooks *hooks = st->core->hooks;
	int ret;

	if (xchg(&st->clean, false) && !(hooks && hooks->reset) && alone(st))
		return 0;
	ret = vpc_reset_function(st);
	if (ret == -EAGAIN)
		return ret;
	st->reset_works = !ret;
	return 0;
}

/*
 * Bring the function into the state in which every user finds it: enabled, reset
 * where that is possible, mastering no bus, pulling no interrupt line.
 */
static int enable_function(struct vfio_pci_core_state *st)
{
	struct pci_dev *pdev = st->pdev;
	int ret;

	/* Bus mastering is the user's to switch on. */
	pci_clear_master(pdev);
	vpc_config_restore_bars(pdev);
	ret = switch_on(st) ?: reset_for_user(st);
	if (ret)
		return ret;

	/* Not what a function answers that somebody else resets. */
	ret = vpc_gate_enter(st);
	if (ret)
		return ret;
	pci_save_state(pdev);
	st->saved = pci_store_saved_state(pdev);
	vpc_gate_exit(st);
	if (!st->saved)
		pci_dbg(pdev, "%s: no memory to keep config space\n", __func__);

	vpc_intx_open(st);
	return 0;
}

/* Reset what the user leaves and give config space its former contents. */
static void disable_function(struct vfio_pci_core_state *st)
{
	struct pci_dev *pdev = st->pdev;
	bool entered;
	int ret;

	pci_clear_master(pdev);
	st->needs_reset = true;
	if (st->reset_works) {
		ret = vpc_reset_function(st);
		st->needs_reset = ret;
		WRITE_ONCE(st->clean, !ret);
		if (ret)
			pci_info(pdev, "%s: not reset at last close: %pe\n",
				 __func__, ERR_PTR(ret));
	}

	vpc_intx_close(st);
	/* Nor into one: it would be lost, and what the reset restores with it. */
	if (st->saved) {
		entered = !vpc_gate_enter_to_undo(st);
		pci_load_and_free_saved_state(pdev, &st->saved);
		pci_restore_state(pdev);
		if (entered)
			vpc_gate_exit(st);
	}
	vpc_device_set_try_reset(st);
}

/* May be NULL, which try_module_get() and module_put() take. */
static struct module *driver_module(struct vfio_pci_core_state *st)
{
	return st->core->hooks ? st->core->hooks->owner : NULL;
}

/**
 * vfio_pci_core_open_device - &vfio_device_ops.open_device of the library
 * @vdev: the device, opened by its first user
 *
 * A driver that overrides open_device may call this at any point of it; behind
 * it, regions and traps can be added. If the driver then fails, it calls
 * vfio_pci_core_close_device().
 *
 * Context: &vfio_device_set.lock is held by vfio.ko; may sleep.
 * Return: 0; -ENODEV if the function is leaving; -EAGAIN if the function is
 * just being reset or unbound by somebody else; another negative errno.
 */
int vfio_pci_core_open_device(struct vfio_device *vdev)
{
	struct vfio_pci_core_state *st = vpc_state(vdev);
	int ret;

	lockdep_assert_held(&vdev->dev_set->lock);
	if (vpc_gate_inert(st) || !try_module_get(driver_module(st)))
		return -ENODEV;

	ret = vpc_power_open(st);
	if (ret)
		goto out_module;
	ret = enable_function(st);
	if (ret)
		goto out_power;
	ret = vpc_bars_open(st);
	if (ret)
		goto out_function;
	ret = vpc_config_open(st);
	if (ret)
		goto out_bars;

	vpc_info_open(st);
	vpc_vga_open(st);
	vpc_sriov_open(st);
	trace_vpc_open(st->pdev, 0);
	return 0;

out_bars:
	vpc_bars_close(st);
out_function:
	disable_function(st);
out_power:
	vpc_power_put(st);
out_module:
	module_put(driver_module(st));
	trace_vpc_open(st->pdev, ret);
	return ret;
}
EXPORT_SYMBOL_VPC(vfio_pci_core_open_device);

/**
 * vfio_pci_core_close_device - &vfio_device_ops.close_device of the library
 * @vdev: the device, closed by its last user
 *
 * A driver that overrides close_device takes back what it added, then calls
 * this. The function is reset where that is possible, and its config space is
 * what it was before open.
 *
 * Context: &vfio_device_set.lock is held by vfio.ko; may sleep.
 */
void vfio_pci_core_close_device(struct vfio_device *vdev)
{
	struct vfio_pci_core_state *st = vpc_state(vdev);

	lockdep_assert_held(&vdev->dev_set->lock);
	vpc_migration_close(st);
	vpc_dmabufs_close(st);
	vpc_sriov_close(st);
	vpc_power_close(st);
	vpc_ioeventfds_close(st);
	vpc_irqs_close(st);
	vpc_regions_close(st);
	vpc_traps_free(st);
	vpc_config_close(st);
	vpc_bars_close(st);
	disable_function(st);
	vpc_power_put(st);
	trace_vpc_close(st->pdev, st->needs_reset);
	module_put(driver_module(st));
}
EXPORT_SYMBOL_VPC(vfio_pci_core_close_device);

/**
 * vfio_pci_core_request - &vfio_device_ops.request of the library
 * @vdev: the device
 * @count: how often the user has been asked before
 *
 * Signals the REQ eventfd, by which a user is asked to let go of the device. A
 * user without one is named in the log, since only he can end the wait.
 *
 * Context: process context, called by vfio.ko about every 10 s.
 */
void vfio_pci_core_request(struct vfio_device *vdev, unsigned int count)
{
	struct vfio_pci_core_device *core = to_vfio_pci_core(vdev);

	if (!vfio_pci_core_signal_request(core) && !count)
		pci_notice(core->pdev, "wanted back, but its user listens to no request: close the program that uses it\n");
	else if (count && !(count % 6))
		pci_notice(core->pdev, "wanted back for about %u s: the user was asked to let go and has not\n",
			   count * 10);
}
EXPORT_SYMBOL_VPC(vfio_pci_core_request);

static int __init vpc_init(void)
{
	int ret = vpc_sriov_init();

	if (!ret)
		vpc_debugfs_init();
	return ret;
}
module_init(vpc_init);

static void __exit vpc_exit(void)
{
	vpc_debugfs_exit();
	vpc_sriov_exit();
}
module_exit(vpc_exit);

MODULE_DESCRIPTION("Library of VFIO operations for PCI functions");
MODULE_LICENSE("GPL");
