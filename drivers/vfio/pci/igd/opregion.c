// SPDX-License-Identifier: GPL-2.0-only
/*
 * The OpRegion as a VFIO region (VFIO_REGION_SUBTYPE_INTEL_IGD_OPREGION)
 *
 * The user gets a copy, taken when he opens the device: read-only, the OpRegion
 * first and a VBT that lies outside of it right behind, where a relative address
 * (OpRegion 2.1) finds it.
 */
#include <linux/io.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/processor.h>

#include "igd.h"

#define IGD_ASLS	0xfc	/* config space: address of the OpRegion */

static ssize_t opregion_rw(struct vfio_pci_core_device *core, void *data,
			   char __user *buf, size_t count, u64 offset,
			   bool write)
{
	if (write)
		return -EINVAL;
	return copy_to_user(buf, data + offset, count) ? -EFAULT : count;
}

static void opregion_release(struct vfio_pci_core_device *core, void *data)
{
	kvfree(data);
}

static const struct vfio_pci_core_region_ops opregion_ops = {
	.rw		= opregion_rw,
	.release	= opregion_release,
};

/* Firmware may say any address; one that there cannot be is not to be mapped. */
static int copy_phys(void *to, u64 phys, size_t size)
{
	void *from;

	if ((phys + size - 1) >> boot_cpu_data.x86_phys_bits)
		return -EINVAL;
	from = memremap(phys, size, MEMREMAP_WB);
	if (!from)
		return -ENOMEM;
	memcpy(to, from, size);
	memunmap(from);
	return 0;
}

/* Copy OpRegion and VBT into @data, which has room for both. */
static int fill(struct pci_dev *pdev, void *data, u64 base,
		const struct igd_opregion *op)
{
	u64 vbt;
	int ret;

	ret = copy_phys(data, base, IGD_OPREGION_SIZE);
	if (ret || !op->vbt_size)
		return ret;

	vbt = igd_opregion_vbt_phys(op, base);
	if (!vbt) {
		pci_err(pdev, "%s: the OpRegion puts its VBT beyond memory\n",
			__func__);
		return -EINVAL;
	}
	ret = copy_phys(data + IGD_OPREGION_SIZE, vbt, op->vbt_size);
	if (!ret)
		igd_opregion_set_vbt(data, IGD_OPREGION_SIZE);
	return ret;
}

static int read_header(struct pci_dev *pdev, u64 base, struct igd_opregion *op)
{
	void *head = kvzalloc(IGD_OPREGION_SIZE, GFP_KERNEL);
	int ret;

	if (!head)
		return -ENOMEM;
	ret = copy_phys(head, base, IGD_OPREGION_SIZE);
	if (!ret)
		ret = igd_opregion_parse(head, IGD_OPREGION_SIZE, op);
	if (ret == -EINVAL)
		pci_err(pdev, "%s: no OpRegion at %#llx, where firmware says there is one\n",
			__func__, base);
	kvfree(head);
	return ret;
}

/**
 * igd_add_opregion - add the OpRegion of a graphics function as a region
 * @core: device that is being opened
 *
 * Return: 0; -ENODEV if firmware has left no OpRegion, -EINVAL if what it left is
 * malformed, or another negative errno.
 */
int igd_add_opregion(struct vfio_pci_core_device *core)
{
	struct pci_dev *pdev = core->pdev;
	struct igd_opregion op;
	size_t size;
	void *data;
	u32 base;
	int ret;

	ret = pci_read_config_dword(pdev, IGD_ASLS, &base);
	if (ret)
		return pcibios_err_to_errno(ret);
	if (!base || base == U32_MAX)
		return -ENODEV;

	ret = read_header(pdev, base, &op);
	if (ret)
		return ret;
	size = IGD_OPREGION_SIZE + op.vbt_size;
	data = kvzalloc(size, GFP_KERNEL_ACCOUNT);
	if (!data)
		return -ENOMEM;

	ret = fill(pdev, data, base, &op);
	if (!ret)
		ret = vfio_pci_core_add_region(core,
					       PCI_VENDOR_ID_INTEL |
					       VFIO_REGION_TYPE_PCI_VENDOR_TYPE,
					       VFIO_REGION_SUBTYPE_INTEL_IGD_OPREGION,
					       &opregion_ops, size,
					       VFIO_REGION_INFO_FLAG_READ, data);
	if (ret)
		kvfree(data);
	return ret;
}
