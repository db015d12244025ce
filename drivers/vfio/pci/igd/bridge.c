// SPDX-License-Identifier: GPL-2.0-only
/*
 * Config space of the host bridge and of the LPC bridge as VFIO regions
 *
 * Intel's graphics drivers look there for what the graphics function itself does
 * not say (stolen memory, the generation of the chipset). Read-only.
 */
#include <linux/pci.h>
#include <linux/uaccess.h>

#include "igd.h"

static ssize_t bridge_rw(struct vfio_pci_core_device *core, void *data,
			 char __user *buf, size_t count, u64 offset, bool write)
{
	struct pci_dev *bridge = data;
	size_t done;

	if (write)
		return -EINVAL;

	/* By bytes up to a dword, by dwords, and by bytes again. */
	for (done = 0; done < count;) {
		size_t left = count - done;
		u32 val;
		int ret;

		if (!(offset % 4) && left >= 4) {
			ret = pci_user_read_config_dword(bridge, offset, &val);
			left = 4;
		} else {
			u8 byte = 0xff;

			ret = pci_user_read_config_byte(bridge, offset, &byte);
			val = byte;
			left = 1;
		}
		if (ret)
			return ret;
		val = (__force u32)cpu_to_le32(val);
		if (copy_to_user(buf + done, &val, left))
			return -EFAULT;
		offset += left;
		done += left;
	}
	return done;
}

static void bridge_release(struct vfio_pci_core_device *core, void *data)
{
	pci_dev_put(data);
}

static const struct vfio_pci_core_region_ops bridge_ops = {
	.rw		= bridge_rw,
	.release	= bridge_release,
};

static int add_bridge(struct vfio_pci_core_device *core, struct pci_dev *bridge,
		      unsigned int class, u32 subtype)
{
	int ret = -EINVAL;

	if (!bridge)
		return -ENODEV;
	if (bridge->vendor == PCI_VENDOR_ID_INTEL &&
	    bridge->class >> 8 == class)
		ret = vfio_pci_core_add_region(core,
					       PCI_VENDOR_ID_INTEL |
					       VFIO_REGION_TYPE_PCI_VENDOR_TYPE,
					       subtype, &bridge_ops,
					       bridge->cfg_size,
					       VFIO_REGION_INFO_FLAG_READ,
					       bridge);
	if (ret)
		pci_dev_put(bridge);
	return ret;
}

/**
 * igd_add_bridges - add host bridge and LPC bridge as regions
 * @core: device that is being opened
 *
 * Return: 0; -ENODEV if one of them does not exist, -EINVAL if something else is
 * in its place, or another negative errno.
 */
int igd_add_bridges(struct vfio_pci_core_device *core)
{
	int domain = pci_domain_nr(core->pdev->bus);
	int ret;

	/* Their places are fixed on all platforms that have such graphics. */
	ret = add_bridge(core,
			 pci_get_domain_bus_and_slot(domain, 0,
						     PCI_DEVFN(0, 0)),
			 PCI_CLASS_BRIDGE_HOST,
			 VFIO_REGION_SUBTYPE_INTEL_IGD_HOST_CFG);
	if (ret)
		return ret;
	return add_bridge(core,
			  pci_get_domain_bus_and_slot(domain, 0,
						      PCI_DEVFN(0x1f, 0)),
			  PCI_CLASS_BRIDGE_ISA,
			  VFIO_REGION_SUBTYPE_INTEL_IGD_LPC_CFG);
}
