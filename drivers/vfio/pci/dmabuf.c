// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ranges of a BAR as a dma-buf, by which other devices reach them
 *
 * A dma-buf follows the gate: while the user himself cannot reach the function's
 * memory, nobody can to whom he gave the buffer. The gate changes its answer first;
 * vpc_dmabufs_follow() then brings all buffers to what the gate says by that time,
 * so that the last of several changes wins, in whatever order they arrive here.
 *
 * Taking a buffer back means that importers let go of it within bounded time, which
 * only those can that implement invalidate_mappings(); others are refused.
 *
 * A buffer may outlive the device's close, and the device; it is then a buffer that
 * nobody can map. What it needs to take itself off the list lives as long as it.
 */
#include <linux/dma-buf-mapping.h>
#include <linux/dma-resv.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/nospec.h>
#include <linux/overflow.h>
#include <linux/pci-p2pdma.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "trace.h"
#include "vpc.h"

/**
 * struct vpc_dmabufs - dma-bufs of one device
 * @ref: one of the device, one of each buffer, whether it is in @list or not
 * @lock: protects @list, and orders the changes of the buffers in it
 * @list: of struct vpc_dmabuf; empty while the device is closed
 */
struct vpc_dmabufs {
	struct kref ref;
	struct mutex lock;	/* the list */
	struct list_head list;
};

/**
 * struct vpc_dmabuf - ranges of a BAR, given away
 * @node: in &struct vpc_dmabufs.list
 * @set: where @node is, or was until the device was closed
 * @dmabuf: its face to the kernel
 * @pdev: the function; not to be looked at once the device is closed
 * @provider: of the BAR; the same holds for it
 * @revoked: nobody may map; protected by the reservation lock of @dmabuf
 * @mappings: number of importers' mappings, protected by the same
 * @idle: woken when @mappings becomes 0
 * @size: bytes of all ranges
 * @num_ranges: entries of @ranges
 * @ranges: what the buffer consists of, in this order
 */
struct vpc_dmabuf {
	struct list_head node;
	struct vpc_dmabufs *set;
	struct dma_buf *dmabuf;
	struct pci_dev *pdev;
	struct p2pdma_provider *provider;
	bool revoked;
	unsigned int mappings;
	wait_queue_head_t idle;
	size_t size;
	unsigned int num_ranges;
	struct phys_vec ranges[] __counted_by(num_ranges);
};

/* ---- the list ---- */

/* The device's, made when the first buffer is; NULL if there is no memory. */
static struct vpc_dmabufs *get_set(struct vfio_pci_core_state *st)
{
	struct vpc_dmabufs *set = READ_ONCE(st->dmabufs), *other;

	if (set)
		return set;
	set = kzalloc(sizeof(*set), GFP_KERNEL_ACCOUNT);
	if (!set)
		return NULL;
	kref_init(&set->ref);
	mutex_init(&set->lock);
	INIT_LIST_HEAD(&set->list);

	other = cmpxchg(&st->dmabufs, NULL, set);
	if (!other)
		return set;
	mutex_destroy(&set->lock);
	kfree(set);
	return other;
}

static void free_set(struct kref *ref)
{
	struct vpc_dmabufs *set = container_of(ref, struct vpc_dmabufs, ref);

	mutex_destroy(&set->lock);
	kfree(set);
}

/* ---- taking away and giving back ---- */

/* Importers unmap in bounded time. One that does not is named. */
static void wait_for_importers(struct vpc_dmabuf *buf)
{
	while (!wait_event_timeout(buf->idle, !READ_ONCE(buf->mappings), 10 * HZ))
		pci_warn(buf->pdev, "a device that imported a dma-buf of this one should have let go of it and has not\n");
}

/* Bring one buffer into the state wanted; back from it nobody uses the memory. */
static void set_revoked(struct vpc_dmabuf *buf, bool revoked)
{
	struct dma_resv *resv = buf->dmabuf->resv;

	lockdep_assert_held(&buf->set->lock);
	dma_resv_lock(resv, NULL);
	if (buf->revoked == revoked) {
		dma_resv_unlock(resv);
		return;
	}
	buf->revoked = revoked;
	trace_vpc_dmabuf(buf->pdev, buf->size, revoked);
	/* "Let go", or "try again": to importers the two are one message. */
	dma_buf_invalidate_mappings(buf->dmabuf);
	if (revoked)
		dma_resv_wait_timeout(resv, DMA_RESV_USAGE_BOOKKEEP, false,
				      MAX_SCHEDULE_TIMEOUT);
	dma_resv_unlock(resv);
	if (revoked)
		wait_for_importers(buf);
}

/* The gate's answer has changed: all buffers follow. */
void vpc_dmabufs_follow(struct vfio_pci_core_state *st)
{
	struct vpc_dmabufs *set = READ_ONCE(st->dmabufs);
	struct vpc_dmabuf *buf;
	bool revoked;

	if (likely(!set))
		return;

	guard(mutex)(&set->lock);
	revoked = !vpc_gate_is_open(st);
	list_for_each_entry(buf, &set->list, node)
		set_revoked(buf, revoked);
}

/* The last user closes: what he gave away is taken back, for good. */
void vpc_dmabufs_close(struct vfio_pci_core_state *st)
{
	struct vpc_dmabufs *set = READ_ONCE(st->dmabufs);
	struct vpc_dmabuf *buf, *next;

	if (likely(!set))
		return;

	guard(mutex)(&set->lock);
	list_for_each_entry_safe(buf, next, &set->list, node) {
		set_revoked(buf, true);
		list_del_init(&buf->node);
	}
}

/* The device is about to be freed. */
void vpc_dmabufs_free(struct vfio_pci_core_state *st)
{
	if (st->dmabufs)
		kref_put(&st->dmabufs->ref, free_set);
}

void vpc_dmabufs_show(struct vfio_pci_core_state *st, struct seq_file *m)
{
	struct vpc_dmabufs *set = READ_ONCE(st->dmabufs);
	struct vpc_dmabuf *buf;

	if (!set)
		return;

	guard(mutex)(&set->lock);
	list_for_each_entry(buf, &set->list, node)
		seq_printf(m, "dma-buf: %#zx in %u ranges, %u mappings%s\n",
			   buf->size, buf->num_ranges, READ_ONCE(buf->mappings),
			   READ_ONCE(buf->revoked) ? ", revoked" : "");
}

/* ---- operations of the dma-buf ---- */

static int buf_attach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach)
{
	struct vpc_dmabuf *buf = dmabuf->priv;

	/* There are no pages, and the memory may have to be given back. */
	if (!attach->peer2peer || !dma_buf_attach_revocable(attach))
		return -EOPNOTSUPP;
	return READ_ONCE(buf->revoked) ? -ENODEV : 0;
}

/* The memory does not move. That it may be taken away is what attaching agreed to. */
static int buf_pin(struct dma_buf_attachment *attach)
{
	struct vpc_dmabuf *buf = attach->dmabuf->priv;

	dma_resv_assert_held(attach->dmabuf->resv);
	return buf->revoked ? -ENODEV : 0;
}

static void buf_unpin(struct dma_buf_attachment *attach)
{
}

static struct sg_table *buf_map(struct dma_buf_attachment *attach,
				enum dma_data_direction dir)
{
	struct vpc_dmabuf *buf = attach->dmabuf->priv;
	struct sg_table *sgt;

	dma_resv_assert_held(attach->dmabuf->resv);
	if (buf->revoked)
		return ERR_PTR(-ENODEV);

	sgt = dma_buf_phys_vec_to_sgt(attach, buf->provider, buf->ranges,
				      buf->num_ranges, buf->size, dir);
	if (!IS_ERR(sgt))
		WRITE_ONCE(buf->mappings, buf->mappings + 1);
	return sgt;
}

static void buf_unmap(struct dma_buf_attachment *attach, struct sg_table *sgt,
		      enum dma_data_direction dir)
{
	struct vpc_dmabuf *buf = attach->dmabuf->priv;

	dma_resv_assert_held(attach->dmabuf->resv);
	dma_buf_free_sgt(attach, sgt, dir);
	WRITE_ONCE(buf->mappings, buf->mappings - 1);
	if (!buf->mappings)
		wake_up_all(&buf->idle);
}

static void buf_release(struct dma_buf *dmabuf)
{
	struct vpc_dmabuf *buf = dmabuf->priv;

	scoped_guard(mutex, &buf->set->lock)
		list_del_init(&buf->node);
	kref_put(&buf->set->ref, free_set);
	kfree(buf);
}

static const struct dma_buf_ops vpc_dmabuf_ops = {
	.attach		= buf_attach,
	.pin		= buf_pin,
	.unpin		= buf_unpin,
	.map_dma_buf	= buf_map,
	.unmap_dma_buf	= buf_unmap,
	.release	= buf_release,
};

/**
 * vfio_pci_dma_buf_iommufd_map - physical address of a dma-buf, for iommufd alone
 * @attachment: iommufd's, pinned, of any dma-buf
 * @phys: where the range goes
 *
 * iommufd maps BARs into an IOAS by their physical address. It finds this function
 * by its name, in whatever module provides it. What is mapped is taken away by
 * invalidate_mappings() of @attachment.
 *
 * Context: reservation lock of the dma-buf is held.
 * Return: 0; -EOPNOTSUPP for a dma-buf that is not one range of a BAR of the
 * library's; -ENODEV if it is revoked.
 */
int vfio_pci_dma_buf_iommufd_map(struct dma_buf_attachment *attachment,
				 struct phys_vec *phys)
{
	struct vpc_dmabuf *buf = attachment->dmabuf->priv;

	dma_resv_assert_held(attachment->dmabuf->resv);
	if (attachment->dmabuf->ops != &vpc_dmabuf_ops || buf->num_ranges != 1)
		return -EOPNOTSUPP;
	if (buf->revoked)
		return -ENODEV;
	*phys = buf->ranges[0];
	return 0;
}
EXPORT_SYMBOL_VPC(vfio_pci_dma_buf_iommufd_map);

/* ---- VFIO_DEVICE_FEATURE_DMA_BUF ---- */

/* Addresses of what the user wants; -EINVAL for anything that is not pages of @bar. */
static int fill_ranges(struct vfio_pci_core_state *st, struct vpc_dmabuf *buf,
		       int bar, const struct vfio_region_dma_range *want)
{
	u64 size = st->bars[bar].size;

	for (unsigned int i = 0; i < buf->num_ranges; i++) {
		u64 offset = want[i].offset, len = want[i].length;

		if (!len || !PAGE_ALIGNED(offset) || !PAGE_ALIGNED(len) ||
		    offset >= size || len > size - offset ||
		    !vpc_mmap_allowed(st, bar, offset, len))
			return -EINVAL;
		if (check_add_overflow(buf->size, len, &buf->size))
			return -EINVAL;
		buf->ranges[i].paddr = pci_resource_start(st->pdev, bar) + offset;
		buf->ranges[i].len = len;
	}
	return 0;
}

static struct vpc_dmabuf *
alloc_buf(struct vfio_pci_core_state *st,
	  const struct vfio_device_feature_dma_buf *get,
	  const struct vfio_region_dma_range *want)
{
	struct vpc_dmabuf *buf;
	int ret;

	buf = kzalloc(struct_size(buf, ranges, get->nr_ranges),
		      GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!buf)
		return ERR_PTR(-ENOMEM);
	buf->num_ranges = get->nr_ranges;
	buf->pdev = st->pdev;
	buf->revoked = true;
	INIT_LIST_HEAD(&buf->node);
	init_waitqueue_head(&buf->idle);

	ret = fill_ranges(st, buf, get->region_index, want);
	if (!ret) {
		buf->provider = pcim_p2pdma_provider(st->pdev, get->region_index);
		if (!buf->provider)
			ret = -EINVAL;
	}
	if (ret) {
		kfree(buf);
		return ERR_PTR(ret);
	}
	return buf;
}

/* Owns @buf from here on: whatever fails, it is freed with the dma-buf, or here. */
static int export_buf(struct vfio_pci_core_state *st, struct vpc_dmabuf *buf,
		      u32 open_flags)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct vpc_dmabufs *set = get_set(st);
	struct dma_buf *dmabuf = ERR_PTR(-ENOMEM);
	int fd;

	info.ops = &vpc_dmabuf_ops;
	info.size = buf->size;
	info.flags = open_flags;
	info.priv = buf;
	if (set)
		dmabuf = dma_buf_export(&info);
	if (IS_ERR(dmabuf)) {
		kfree(buf);
		return PTR_ERR(dmabuf);
	}

	buf->dmabuf = dmabuf;
	buf->set = set;
	kref_get(&set->ref);
	scoped_guard(mutex, &set->lock) {
		list_add_tail(&buf->node, &set->list);
		set_revoked(buf, !vpc_gate_is_open(st));
	}

	fd = dma_buf_fd(dmabuf, open_flags);
	if (fd < 0)
		dma_buf_put(dmabuf);
	return fd;
}

static int check_get(struct vfio_pci_core_state *st,
		     struct vfio_device_feature_dma_buf *get)
{
	if (get->region_index > VFIO_PCI_BAR5_REGION_INDEX)
		return -ENODEV;
	get->region_index = array_index_nospec(get->region_index,
					       PCI_STD_NUM_BARS);
	if (!get->nr_ranges || get->flags || get->open_flags & ~VALID_OPEN_FLAGS)
		return -EINVAL;
	return vpc_gate_inert(st) ? -EIO : 0;
}

int vpc_dmabuf_feature(struct vfio_pci_core_state *st, u32 flags,
		       void __user *arg, size_t argsz)
{
	struct vfio_device_feature_dma_buf get;
	struct vfio_region_dma_range *want;
	struct vpc_dmabuf *buf;
	void __iomem *claimed;
	int ret;

	if (!st->has_p2p)
		return -ENOTTY;
	ret = vfio_check_feature(flags, argsz, VFIO_DEVICE_FEATURE_GET,
				 sizeof(get));
	if (ret != 1)
		return ret;
	if (copy_from_user(&get, arg, sizeof(get)))
		return -EFAULT;
	ret = check_get(st, &get);
	if (ret)
		return ret;

	/* As for a mapping: nobody else may use the BAR meanwhile. */
	claimed = vfio_pci_core_bar_map(st->core, get.region_index);
	if (IS_ERR(claimed))
		return PTR_ERR(claimed);

	/* Mainline does not ask whether argsz covers these, and programs may not tell. */
	want = memdup_array_user(arg + sizeof(get), get.nr_ranges, sizeof(*want));
	if (IS_ERR(want))
		return PTR_ERR(want);
	buf = alloc_buf(st, &get, want);
	kfree(want);
	if (IS_ERR(buf))
		return PTR_ERR(buf);
	return export_buf(st, buf, get.open_flags);
}

/*
 * Prepare a function for lending its BARs to others. One for which the kernel
 * knows no peer-to-peer DMA does without.
 */
int vpc_dmabufs_init(struct vfio_pci_core_state *st)
{
	int ret = pcim_p2pdma_init(st->pdev);

	st->has_p2p = !ret;
	return ret == -EOPNOTSUPP ? 0 : ret;
}

MODULE_IMPORT_NS("DMA_BUF");
