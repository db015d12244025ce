// SPDX-License-Identifier: GPL-2.0-only
/*
 * A PCI function in the guise of another
 *
 * Lays the identity of a device that QEMU does not have over a function of the lab,
 * which is removed and found again as that: Intel graphics, unless told otherwise.
 * What is below (BARs, ROM, interrupts, IOMMU group) stays what it was, and so does
 * the rest of a Q35 machine: its host bridge and its LPC bridge are Intel's, where
 * Intel graphics expects them.
 *
 * The register ASLS of Intel graphics points where a test wants it, usually to
 * memory that the test has written an OpRegion to. In debugfs, below vpc_guise/:
 *
 *	memory	16 pages, to be read and written
 *	address	where they are
 *	asls	what the register reads
 */
#include <linux/debugfs.h>
#include <linux/gfp.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/sizes.h>

#define IGD_ASLS	0xfc

static char *function;
module_param(function, charp, 0444);
MODULE_PARM_DESC(function, "Address of the function");

static uint id = 0xfeed0000 | PCI_VENDOR_ID_INTEL;
module_param(id, uint, 0444);
MODULE_PARM_DESC(id, "What it reads as vendor and device ID");

static uint class = PCI_CLASS_DISPLAY_VGA << 16 | 0x01;
module_param(class, uint, 0444);
MODULE_PARM_DESC(class, "What it reads as class and revision");

static struct pci_bus *bus;
static unsigned int devfn;
static struct pci_ops *below;
static struct dentry *dir;
static void *memory;
static u64 address;
static u32 asls;

/* Is the dword that @where is in one of ours? */
static bool laid_over(int where, u32 *val)
{
	switch (where & ~3) {
	case PCI_VENDOR_ID:
		*val = id;
		return true;
	case PCI_CLASS_REVISION:
		*val = class;
		return true;
	case IGD_ASLS:
		*val = READ_ONCE(asls);
		return class >> 24 == PCI_BASE_CLASS_DISPLAY;
	default:
		return false;
	}
}

static int read_over(struct pci_bus *from, unsigned int fn, int where, int size,
		     u32 *val)
{
	u32 dword;

	if (fn != devfn || !laid_over(where, &dword))
		return below->read(from, fn, where, size, val);

	*val = dword >> 8 * (where & 3) & GENMASK(8 * size - 1, 0);
	return PCIBIOS_SUCCESSFUL;
}

static int write_over(struct pci_bus *to, unsigned int fn, int where, int size,
		      u32 val)
{
	u32 dword;

	if (fn != devfn || !laid_over(where, &dword))
		return below->write(to, fn, where, size, val);

	return PCIBIOS_SUCCESSFUL;
}

static struct pci_ops over = { .read = read_over, .write = write_over };

/* Have the function found again, by what @ops say of it. */
static void find_again(struct pci_ops *ops)
{
	struct pci_dev *pdev;

	pci_lock_rescan_remove();
	pdev = pci_get_slot(bus, devfn);
	if (pdev)
		pci_stop_and_remove_bus_device(pdev);
	pci_dev_put(pdev);
	pci_bus_set_ops(bus, ops);
	pci_rescan_bus(bus);
	pci_unlock_rescan_remove();
}

static ssize_t memory_read(struct file *file, char __user *buf, size_t count,
			   loff_t *ppos)
{
	return simple_read_from_buffer(buf, count, ppos, memory, SZ_64K);
}

static ssize_t memory_write(struct file *file, const char __user *buf,
			    size_t count, loff_t *ppos)
{
	return simple_write_to_buffer(memory, SZ_64K, ppos, buf, count);
}

static const struct file_operations memory_fops = {
	.owner	= THIS_MODULE,
	.open	= simple_open,
	.read	= memory_read,
	.write	= memory_write,
	.llseek	= default_llseek,
};

static int find_bus(void)
{
	unsigned int domain, nr, slot, func;
	struct pci_dev *pdev;

	if (!function || sscanf(function, "%x:%x:%x.%x", &domain, &nr, &slot,
				&func) != 4)
		return -EINVAL;
	devfn = PCI_DEVFN(slot, func);
	pdev = pci_get_domain_bus_and_slot(domain, nr, devfn);
	if (!pdev)
		return -ENODEV;

	bus = pdev->bus;
	get_device(&bus->dev);
	pci_dev_put(pdev);
	return 0;
}

static int __init vpc_guise_init(void)
{
	int ret = find_bus();

	if (ret)
		return ret;
	/* ASLS has 32 bits. */
	memory = (void *)__get_free_pages(GFP_KERNEL | GFP_DMA32 | __GFP_ZERO,
					  get_order(SZ_64K));
	if (!memory) {
		put_device(&bus->dev);
		return -ENOMEM;
	}

	address = virt_to_phys(memory);
	dir = debugfs_create_dir("vpc_guise", NULL);
	debugfs_create_file("memory", 0600, dir, NULL, &memory_fops);
	debugfs_create_x64("address", 0400, dir, &address);
	debugfs_create_x32("asls", 0600, dir, &asls);
	below = bus->ops;
	find_again(&over);
	return 0;
}
module_init(vpc_guise_init);

static void __exit vpc_guise_exit(void)
{
	find_again(below);
	debugfs_remove(dir);
	free_pages((unsigned long)memory, get_order(SZ_64K));
	put_device(&bus->dev);
}
module_exit(vpc_guise_exit);

MODULE_DESCRIPTION("Tests: a PCI function in the guise of another");
MODULE_LICENSE("GPL");
