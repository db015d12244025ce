// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sleep of devices that nobody has open
 *
 * The PCI core keeps a function awake as long as it has a driver that does not say
 * otherwise. What an open device does is in power.c.
 */
#include <linux/pm_runtime.h>

#include "vpc.h"

/**
 * vfio_pci_core_let_sleep - let a function sleep while nobody has it open
 * @core: registered device
 *
 * For the end of probe() of a PCI driver whose runtime PM callbacks call
 * vfio_pci_core_runtime_suspend() and vfio_pci_core_runtime_resume(). Gives up what
 * the PCI core took for probe, unless &vfio_pci_core_policy.disable_idle_d3 is set by
 * now. Balanced by vfio_pci_core_keep_awake().
 *
 * Context: device lock of the function is held; may sleep.
 */
void vfio_pci_core_let_sleep(struct vfio_pci_core_device *core)
{
	struct device *dev = &core->pdev->dev;

	if (vpc_policy.disable_idle_d3)
		return;
	core->state->may_sleep = true;
	pm_runtime_allow(dev);
	pm_runtime_put(dev);
}
EXPORT_SYMBOL_VPC(vfio_pci_core_let_sleep);

/**
 * vfio_pci_core_keep_awake - undo what vfio_pci_core_let_sleep() has done
 * @core: device that has been unregistered
 *
 * For remove(). The policy may be another by now: what counts is what was done.
 *
 * Context: device lock of the function is held; may sleep.
 */
void vfio_pci_core_keep_awake(struct vfio_pci_core_device *core)
{
	struct device *dev = &core->pdev->dev;

	if (!core->state->may_sleep)
		return;
	core->state->may_sleep = false;
	pm_runtime_get_sync(dev);
	pm_runtime_forbid(dev);
}
EXPORT_SYMBOL_VPC(vfio_pci_core_keep_awake);
