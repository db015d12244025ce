// SPDX-License-Identifier: GPL-2.0-only
/*
 * An importer of dma-bufs, for tests
 *
 * Each open file of /sys/kernel/debug/vpc-importer is one importer. It takes
 * commands, one a write():
 *
 *	attach FD BDF [how]	import the dma-buf FD for the PCI function BDF
 *	map			DMA addresses for it
 *	unmap
 *	pin, unpin
 *	phys			what iommufd would ask the exporter of VFIO
 *	detach
 *
 * "how" is what the importer does when it is told that its mapping is invalid:
 * "now" (default) unmaps at once, "late" a quarter of a second later. "static" has
 * no such function, "system" cannot handle peer memory.
 *
 * read() gives one line: mapped 0|1, how often it was told, entries, and for each
 * entry the DMA address and the length.
 */
#include <linux/debugfs.h>
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/kstrtox.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

/* The exporter under test has it for iommufd; so has the kernel's own. */
int vfio_pci_dma_buf_iommufd_map(struct dma_buf_attachment *attachment,
				 struct phys_vec *phys);

/**
 * struct importer - one open file
 * @lock: protects all but what the reservation lock does; outside of that
 * @dmabuf: what was imported, or NULL
 * @pdev: the function it was imported for
 * @attach: the attachment
 * @sgt: its mapping or NULL; protected by the reservation lock
 * @told: calls of invalidate_mappings(), protected by the same
 * @late: unmap later
 * @unmap: does it
 * @phys: answer to "phys"
 */
struct importer {
	struct mutex lock;	/* commands */
	struct dma_buf *dmabuf;
	struct pci_dev *pdev;
	struct dma_buf_attachment *attach;
	struct sg_table *sgt;
	unsigned int told;
	bool late;
	struct delayed_work unmap;
	struct phys_vec phys;
};

static void unmap_locked(struct importer *imp)
{
	dma_resv_assert_held(imp->dmabuf->resv);
	if (imp->sgt)
		dma_buf_unmap_attachment(imp->attach, imp->sgt, DMA_BIDIRECTIONAL);
	imp->sgt = NULL;
}

static void unmap_later(struct work_struct *work)
{
	struct importer *imp = container_of(work, struct importer, unmap.work);

	dma_resv_lock(imp->dmabuf->resv, NULL);
	unmap_locked(imp);
	dma_resv_unlock(imp->dmabuf->resv);
}

static void invalidated(struct dma_buf_attachment *attach)
{
	struct importer *imp = attach->importer_priv;

	imp->told++;
	if (imp->late)
		schedule_delayed_work(&imp->unmap, HZ / 4);
	else
		unmap_locked(imp);
}

static const struct dma_buf_attach_ops peer_ops = {
	.allow_peer2peer	= true,
	.invalidate_mappings	= invalidated,
};

static const struct dma_buf_attach_ops static_ops = {
	.allow_peer2peer	= true,
};

static const struct dma_buf_attach_ops system_ops = {
	.invalidate_mappings	= invalidated,
};

static void detach(struct importer *imp)
{
	if (!imp->dmabuf)
		return;
	flush_delayed_work(&imp->unmap);
	dma_resv_lock(imp->dmabuf->resv, NULL);
	unmap_locked(imp);
	dma_resv_unlock(imp->dmabuf->resv);
	dma_buf_detach(imp->dmabuf, imp->attach);
	dma_buf_put(imp->dmabuf);
	pci_dev_put(imp->pdev);
	imp->dmabuf = NULL;
}

static int attach(struct importer *imp, int fd, const char *bdf, const char *how)
{
	const struct dma_buf_attach_ops *ops = &peer_ops;
	struct device *dev;
	int ret;

	if (imp->dmabuf)
		return -EBUSY;
	if (!strcmp(how, "static"))
		ops = &static_ops;
	else if (!strcmp(how, "system"))
		ops = &system_ops;
	imp->late = !strcmp(how, "late");
	imp->told = 0;

	dev = bus_find_device_by_name(&pci_bus_type, NULL, bdf);
	if (!dev)
		return -ENODEV;
	imp->dmabuf = dma_buf_get(fd);
	ret = PTR_ERR_OR_ZERO(imp->dmabuf);
	if (ret)
		goto out;
	imp->attach = dma_buf_dynamic_attach(imp->dmabuf, dev, ops, imp);
	ret = PTR_ERR_OR_ZERO(imp->attach);
	if (ret) {
		dma_buf_put(imp->dmabuf);
		goto out;
	}
	imp->pdev = to_pci_dev(dev);
	return 0;
out:
	put_device(dev);
	imp->dmabuf = NULL;
	return ret;
}

static int map_locked(struct importer *imp)
{
	struct sg_table *sgt;

	if (imp->sgt)
		return -EBUSY;
	sgt = dma_buf_map_attachment(imp->attach, DMA_BIDIRECTIONAL);
	if (IS_ERR(sgt))
		return PTR_ERR(sgt);
	imp->sgt = sgt;
	return 0;
}

static int ask_phys(struct importer *imp)
{
	int (*fn)(struct dma_buf_attachment *attachment, struct phys_vec *phys);
	int ret;

	fn = symbol_get(vfio_pci_dma_buf_iommufd_map);
	if (!fn)
		return -EOPNOTSUPP;
	ret = fn(imp->attach, &imp->phys);
	symbol_put(vfio_pci_dma_buf_iommufd_map);
	return ret;
}

/* Commands on what is attached, under its reservation lock. */
static int run_locked(struct importer *imp, const char *cmd)
{
	if (!strcmp(cmd, "map"))
		return map_locked(imp);
	if (!strcmp(cmd, "pin"))
		return dma_buf_pin(imp->attach);
	if (!strcmp(cmd, "phys"))
		return ask_phys(imp);
	if (!strcmp(cmd, "unpin"))
		dma_buf_unpin(imp->attach);
	else if (!strcmp(cmd, "unmap"))
		unmap_locked(imp);
	else
		return -EINVAL;
	return 0;
}

static int run(struct importer *imp, char *line)
{
	char *cmd = strsep(&line, " "), *fd, *bdf;
	int nr, ret;

	if (!strcmp(cmd, "attach")) {
		fd = strsep(&line, " ");
		bdf = strsep(&line, " ");
		if (!bdf || kstrtoint(fd, 10, &nr))
			return -EINVAL;
		return attach(imp, nr, bdf, line ?: "now");
	}
	if (!imp->dmabuf)
		return -ENOTCONN;
	if (!strcmp(cmd, "detach")) {
		detach(imp);
		return 0;
	}
	dma_resv_lock(imp->dmabuf->resv, NULL);
	ret = run_locked(imp, cmd);
	dma_resv_unlock(imp->dmabuf->resv);
	return ret;
}

static ssize_t importer_write(struct file *file, const char __user *buf,
			      size_t count, loff_t *pos)
{
	struct importer *imp = ((struct seq_file *)file->private_data)->private;
	char *line = memdup_user_nul(buf, min_t(size_t, count, 128));
	int ret;

	if (IS_ERR(line))
		return PTR_ERR(line);
	scoped_guard(mutex, &imp->lock)
		ret = run(imp, strim(line));
	kfree(line);
	return ret ?: count;
}

static int importer_show(struct seq_file *m, void *v)
{
	struct importer *imp = m->private;
	struct scatterlist *sg;
	int i;

	guard(mutex)(&imp->lock);
	if (!imp->dmabuf)
		return 0;
	dma_resv_lock(imp->dmabuf->resv, NULL);
	seq_printf(m, "%d %u %#llx %#zx %u", !!imp->sgt, imp->told,
		   (u64)imp->phys.paddr, imp->phys.len,
		   imp->sgt ? imp->sgt->nents : 0);
	if (imp->sgt)
		for_each_sgtable_dma_sg(imp->sgt, sg, i)
			seq_printf(m, " %#llx %#x", (u64)sg_dma_address(sg),
				   sg_dma_len(sg));
	seq_puts(m, "\n");
	dma_resv_unlock(imp->dmabuf->resv);
	return 0;
}

static int importer_open(struct inode *inode, struct file *file)
{
	struct importer *imp = kzalloc(sizeof(*imp), GFP_KERNEL);
	int ret;

	if (!imp)
		return -ENOMEM;
	mutex_init(&imp->lock);
	INIT_DELAYED_WORK(&imp->unmap, unmap_later);
	ret = single_open(file, importer_show, imp);
	if (ret)
		kfree(imp);
	return ret;
}

static int importer_release(struct inode *inode, struct file *file)
{
	struct importer *imp = ((struct seq_file *)file->private_data)->private;

	detach(imp);
	kfree(imp);
	return single_release(inode, file);
}

static const struct file_operations importer_fops = {
	.owner		= THIS_MODULE,
	.open		= importer_open,
	.read		= seq_read,
	.write		= importer_write,
	.llseek		= seq_lseek,
	.release	= importer_release,
};

static struct dentry *file;

static int __init importer_init(void)
{
	file = debugfs_create_file_unsafe("vpc-importer", 0600, NULL, NULL,
					  &importer_fops);
	return PTR_ERR_OR_ZERO(file);
}
module_init(importer_init);

static void __exit importer_exit(void)
{
	debugfs_remove(file);
}
module_exit(importer_exit);

MODULE_IMPORT_NS("DMA_BUF");
MODULE_DESCRIPTION("Importer of dma-bufs for tests of vfio-pci-core");
MODULE_LICENSE("GPL");
