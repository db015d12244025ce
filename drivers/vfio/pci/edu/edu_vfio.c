// SPDX-License-Identifier: GPL-2.0-only
/*
 * edu-vfio-pci: an example of a VFIO driver that migrates its device
 *
 * The device is QEMU's "edu" (docs/specs/edu.rst), which computes factorials and
 * copies memory. Documentation/variant-driver.rst walks through this file.
 */
#include <linux/io.h>
#include <linux/iopoll.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/vfio_pci_core.h>
#include <linux/vfio_pci_migration.h>

#define EDU_BAR		0
#define EDU_LIVENESS	0x04	/* reads as the complement of what was written */
#define EDU_FACTORIAL	0x08	/* written n, reads n! */
#define EDU_STATUS	0x20
#define   STATUS_BUSY	BIT(0)
#define   STATUS_IRQ	BIT(7)
#define EDU_IRQ_STATUS	0x24	/* interrupts raised and not acknowledged */
#define EDU_IRQ_RAISE	0x60
#define EDU_IRQ_ACK	0x64
#define EDU_DMA_SOURCE	0x80
#define EDU_DMA_TARGET	0x88
#define EDU_DMA_COUNT	0x90
#define EDU_DMA_COMMAND	0x98
#define   DMA_BUSY	BIT(0)
#define IDLE_TIMEOUT_US	1000000

/**
 * struct edu_vfio - an edu device given to user space
 * @core: the library's part; first
 * @number: what the user wants the factorial of, which the device does not tell
 * @interrupts: came with a state, to be raised when the device goes on
 */
struct edu_vfio {
	struct vfio_pci_core_device core;
	u32 number;
	u32 interrupts;
};

/* State of the device in a stream, little-endian like all of it */
struct edu_image {
	__le32 liveness;
	__le32 number;
	__le32 status;
	__le32 interrupts;
	__le64 dma_source;
	__le64 dma_target;
	__le64 dma_count;
};

static struct edu_vfio *to_edu(struct vfio_pci_core_device *core)
{
	return container_of(core, struct edu_vfio, core);
}

/*
 * A register that can be written but not read back is watched as it is written. To the
 * device, accesses to a part of it are none; none is longer, since the trap is not.
 */
static int factorial_read(struct vfio_pci_core_device *core, u64 offset,
			  unsigned int len, u64 *val)
{
	*val = len < sizeof(u32) ? U64_MAX :
	       readl(vfio_pci_core_bar_map(core, EDU_BAR) + EDU_FACTORIAL);
	return 0;
}

static int factorial_write(struct vfio_pci_core_device *core, u64 offset,
			   unsigned int len, u64 val)
{
	if (len < sizeof(u32))
		return 0;
	to_edu(core)->number = val;
	writel(val, vfio_pci_core_bar_map(core, EDU_BAR) + EDU_FACTORIAL);
	return 0;
}

static const struct vfio_pci_core_trap_ops factorial_trap = {
	.read	= factorial_read,
	.write	= factorial_write,
};

/*
 * The device does nothing but what it was told to last, and while it is at rest
 * nobody tells it anything: when that is done, it is stopped. One that does not answer
 * reads as ones, and does nothing either.
 */
static int edu_quiesce(struct vfio_pci_core_device *core,
		       enum vfio_pci_core_rest level)
{
	void __iomem *io = vfio_pci_core_bar_map(core, EDU_BAR);
	u64 command;
	u32 status;
	int ret;

	ret = readl_poll_timeout(io + EDU_STATUS, status,
				 !(status & STATUS_BUSY) || status == U32_MAX,
				 100, IDLE_TIMEOUT_US);
	return ret ?: readq_poll_timeout(io + EDU_DMA_COMMAND, command,
					 !(command & DMA_BUSY) ||
					 command == U64_MAX,
					 100, IDLE_TIMEOUT_US);
}

/*
 * An interrupt that its driver has not acknowledged may not have reached it, so it is
 * raised again: a driver can do with one too many.
 */
static int edu_unquiesce(struct vfio_pci_core_device *core,
			 enum vfio_pci_core_rest level)
{
	struct edu_vfio *edu = to_edu(core);

	if (level != VFIO_PCI_CORE_ACTIVE || !edu->interrupts)
		return 0;
	writel(edu->interrupts,
	       vfio_pci_core_bar_map(core, EDU_BAR) + EDU_IRQ_RAISE);
	edu->interrupts = 0;
	return 0;
}

static size_t edu_size(struct vfio_pci_core_device *core)
{
	return sizeof(struct edu_image);
}

static ssize_t edu_save(struct vfio_pci_core_device *core, void *buf,
			size_t size)
{
	void __iomem *io = vfio_pci_core_bar_map(core, EDU_BAR);
	struct edu_image image = {
		.liveness = cpu_to_le32(readl(io + EDU_LIVENESS)),
		.number = cpu_to_le32(to_edu(core)->number),
		.status = cpu_to_le32(readl(io + EDU_STATUS)),
		.interrupts = cpu_to_le32(readl(io + EDU_IRQ_STATUS) |
					  to_edu(core)->interrupts),
		.dma_source = cpu_to_le64(readq(io + EDU_DMA_SOURCE)),
		.dma_target = cpu_to_le64(readq(io + EDU_DMA_TARGET)),
		.dma_count = cpu_to_le64(readq(io + EDU_DMA_COUNT)),
	};

	memcpy(buf, &image, sizeof(image));
	return sizeof(image);
}

/* Nothing but what edu_save() could have written */
static int edu_check(struct vfio_pci_core_device *core, const void *buf,
		     size_t size)
{
	struct edu_image image;

	if (size != sizeof(image))
		return -EINVAL;
	memcpy(&image, buf, sizeof(image));
	if (le32_to_cpu(image.status) & ~STATUS_IRQ)
		return -EINVAL;
	return 0;
}

static int edu_load(struct vfio_pci_core_device *core, const void *buf,
		    size_t size)
{
	void __iomem *io = vfio_pci_core_bar_map(core, EDU_BAR);
	struct edu_image image;

	memcpy(&image, buf, sizeof(image));
	to_edu(core)->number = le32_to_cpu(image.number);
	/* The result comes of itself; an interrupt for it would be one too many. */
	writel(0, io + EDU_STATUS);
	writel(to_edu(core)->number, io + EDU_FACTORIAL);
	writel(~le32_to_cpu(image.liveness), io + EDU_LIVENESS);
	writeq(le64_to_cpu(image.dma_source), io + EDU_DMA_SOURCE);
	writeq(le64_to_cpu(image.dma_target), io + EDU_DMA_TARGET);
	writeq(le64_to_cpu(image.dma_count), io + EDU_DMA_COUNT);
	edu_quiesce(core, VFIO_PCI_CORE_REST_STOP);
	writel(le32_to_cpu(image.status), io + EDU_STATUS);
	/* At rest it does not interrupt. */
	writel(readl(io + EDU_IRQ_STATUS), io + EDU_IRQ_ACK);
	to_edu(core)->interrupts = le32_to_cpu(image.interrupts);
	return 0;
}

static const struct vfio_pci_core_mig_ops edu_mig_ops = {
	.quiesce	= edu_quiesce,
	.unquiesce	= edu_unquiesce,
	.size		= edu_size,
	.save		= edu_save,
	.check		= edu_check,
	.load		= edu_load,
};

static int edu_open(struct vfio_device *vdev)
{
	struct vfio_pci_core_device *core = to_vfio_pci_core(vdev);
	void __iomem *io;
	int ret;

	ret = vfio_pci_core_open_device(vdev);
	if (ret)
		return ret;
	to_edu(core)->number = 0;
	to_edu(core)->interrupts = 0;
	/* Mapped now, so that nobody behind has to ask whether it is. */
	io = vfio_pci_core_bar_map(core, EDU_BAR);
	ret = IS_ERR(io) ? PTR_ERR(io) :
			   vfio_pci_core_trap(core, EDU_BAR, EDU_FACTORIAL,
					      sizeof(u32), &factorial_trap);
	if (ret)
		vfio_pci_core_close_device(vdev);
	return ret;
}

static struct vfio_device_ops edu_vfio_ops __ro_after_init = {
	.name		= "edu-vfio-pci",
	.open_device	= edu_open,
};

static int edu_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct edu_vfio *edu;
	int ret;

	edu = vfio_pci_core_alloc_device(edu_vfio, core, pdev, &edu_vfio_ops,
					 NULL);
	if (IS_ERR(edu))
		return PTR_ERR(edu);
	ret = vfio_pci_core_migration_init(&edu->core, &edu_mig_ops,
					   VFIO_MIGRATION_STOP_COPY);
	pci_set_drvdata(pdev, edu);
	if (!ret)
		ret = vfio_pci_core_register_device(&edu->core);
	if (ret)
		vfio_put_device(&edu->core.vdev);
	return ret;
}

static void edu_remove(struct pci_dev *pdev)
{
	struct edu_vfio *edu = pci_get_drvdata(pdev);

	vfio_pci_core_unregister_device(&edu->core);
	vfio_put_device(&edu->core.vdev);
}

static void edu_reset_prepare(struct pci_dev *pdev)
{
	struct edu_vfio *edu = pci_get_drvdata(pdev);

	vfio_pci_core_reset_begin(&edu->core);
	/* Those of before; nothing of a state that was loaded outlives a reset. */
	edu->interrupts = 0;
}

static void edu_reset_done(struct pci_dev *pdev)
{
	struct edu_vfio *edu = pci_get_drvdata(pdev);

	vfio_pci_core_reset_end(&edu->core);
}

static const struct pci_error_handlers edu_err_handlers = {
	.reset_prepare	= edu_reset_prepare,
	.reset_done	= edu_reset_done,
};

/* Only where the administrator asks for this driver */
static const struct pci_device_id edu_table[] = {
	{ PCI_DRIVER_OVERRIDE_DEVICE_VFIO(0x1234, 0x11e8) },
	{ }
};
MODULE_DEVICE_TABLE(pci, edu_table);

static struct pci_driver edu_driver = {
	.name			= "edu-vfio-pci",
	.id_table		= edu_table,
	.probe			= edu_probe,
	.remove			= edu_remove,
	.err_handler		= &edu_err_handlers,
	.driver_managed_dma	= true,
};

static int __init edu_init(void)
{
	vfio_pci_core_inherit_ops(&edu_vfio_ops);
	return pci_register_driver(&edu_driver);
}
module_init(edu_init);

static void __exit edu_exit(void)
{
	pci_unregister_driver(&edu_driver);
}
module_exit(edu_exit);

MODULE_IMPORT_NS(VFIO_PCI_CORE_NS);
MODULE_DESCRIPTION("Example of a VFIO driver that migrates: QEMU's edu device");
MODULE_LICENSE("GPL");
