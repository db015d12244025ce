// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reset of one function
 */
#include "trace.h"
#include "vpc.h"

/*
 * While the driver's remove() waits for the last close, the device lock is held
 * on our behalf, and pci_try_reset_function() cannot have it.
 */
static int reset_device_locked(struct pci_dev *pdev)
{
	int ret;

	pci_cfg_access_lock(pdev);
	pci_save_state(pdev);
	ret = __pci_reset_function_locked(pdev);
	pci_restore_state(pdev);
	pci_cfg_access_unlock(pdev);
	return ret;
}

static int reset_pci(struct vfio_pci_core_state *st)
{
	int ret = pci_try_reset_function(st->pdev);

	if (ret == -EAGAIN && st->unregistering)
		ret = reset_device_locked(st->pdev);
	return ret;
}

/*
 * Reset the function with the user kept away. Config space, as far as the PCI
 * core saves it, is afterwards what it was before. -EAGAIN if somebody else
 * holds the device lock, which leaves the function as it is, but not in D3hot; -ENOTTY
 * if it has no way to be reset.
 */
int vpc_reset_function(struct vfio_pci_core_state *st)
{
	struct vfio_pci_core_device *core = st->core;
	int ret;

	vfio_pci_core_reset_begin(core);
	if (core->hooks && core->hooks->reset)
		ret = core->hooks->reset(core);
	else
		ret = reset_pci(st);
	vpc_gate_reset_over(st, ret != -EAGAIN);

	trace_vpc_reset(st->pdev, ret);
	return ret;
}

long vpc_ioctl_reset(struct vfio_pci_core_state *st, void __user *arg)
{
	if (!st->reset_works)
		return -EINVAL;
	if (vpc_gate_inert(st))
		return -EIO;

	return vpc_reset_function(st);
}
