/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between kernels in the interface of the PCI core
 */
#ifndef COMPAT_PCI_H
#define COMPAT_PCI_H

#include <linux/pci.h>
#include <linux/string.h>
#include <linux/version.h>

/*
 * The driver override of a PCI function moved into struct device in 7.1, and with
 * stable update 91 in 6.12.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 1, 0) || \
	(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 91) && \
	 LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0))
static inline int compat_set_driver_override(struct pci_dev *pdev,
					     const char *name)
{
	return device_set_driver_override(&pdev->dev, name);
}
#else
static inline int compat_set_driver_override(struct pci_dev *pdev,
					     const char *name)
{
	return driver_set_override(&pdev->dev, &pdev->driver_override, name,
				   strlen(name));
}
#endif

#endif /* COMPAT_PCI_H */
