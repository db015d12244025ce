// SPDX-License-Identifier: GPL-2.0-only
/*
 * BARs by read() and write()
 *
 * A device tells a 4-byte access from four 1-byte ones, so what the user asks
 * for in one go reaches the function in one go wherever the bus can do that: a
 * naturally aligned access of 1, 2, 4 or 8 bytes (4 at most on I/O ports) is one
 * access of the hardware. Everything else is cut into such accesses, in
 * ascending order.
 *
 * Bytes travel through a buffer on the stack, because user memory may fault, and
 * a fault may have to pass the gate itself.
 */
#include <linux/io.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/unaligned.h>

#include "region.h"
#include "trace.h"
#include "vpc.h"

#define CHUNK		64
#define PORT_WIDTH	4
#define MEMORY_WIDTH	8

/* Serialises the first use of a BAR; nests in everything, nothing nests in it. */
static DEFINE_MUTEX(bar_map_lock);

/*
 * A BAR shorter than a page can be mapped if nothing else is in its page. Take
 * the rest of the page so that this stays so.
 */
static struct resource *reserve_rest_of_page(struct resource *res)
{
	struct resource *pad;

	if (!res->parent)
		return NULL;
	pad = kzalloc(sizeof(*pad), GFP_KERNEL_ACCOUNT);
	if (!pad)
		return NULL;

	pad->name = "vfio sub-page pad";
	pad->start = res->end + 1;
	pad->end = res->start + PAGE_SIZE - 1;
	pad->flags = res->flags;
	if (request_resource(res->parent, pad)) {
		kfree(pad);
		return NULL;
	}
	return pad;
}

static void open_bar(struct vfio_pci_core_state *st, int nr)
{
	struct resource *res = pci_resource_n(st->pdev, nr);
	struct vpc_bar *bar = &st->bars[nr];

	*bar = (struct vpc_bar) { };
	if (!(res->flags & (IORESOURCE_MEM | IORESOURCE_IO)) ||
	    res->flags & IORESOURCE_UNSET || !res->start)
		return;

	bar->size = resource_size(res);
	if (!IS_ENABLED(CONFIG_MMU) || !(res->flags & IORESOURCE_MEM) ||
	    !IS_ALIGNED(res->start, PAGE_SIZE))
		return;
	if (bar->size < PAGE_SIZE)
		bar->pad = reserve_rest_of_page(res);
	bar->mappable = bar->size >= PAGE_SIZE || bar->pad;
}

static void close_bar(struct vfio_pci_core_state *st, int nr)
{
	struct vpc_bar *bar = &st->bars[nr];

	if (bar->io) {
		pci_iounmap(st->pdev, bar->io);
		pci_release_selected_regions(st->pdev, BIT(nr));
	}
	if (bar->pad) {
		release_resource(bar->pad);
		kfree(bar->pad);
	}
	*bar = (struct vpc_bar) { };
}

/*
 * Find out what BARs there are, and which of them holds the MSI-X table. They are
 * claimed when they are first used.
 */
int vpc_bars_open(struct vfio_pci_core_state *st)
{
	int nr, ret;

	for (nr = 0; nr < PCI_STD_NUM_BARS; nr++)
		open_bar(st, nr);

	/* Somebody else's reset would have the function say that it has no table. */
	ret = vpc_gate_enter(st);
	if (!ret) {
		vpc_irqs_open(st);
		ret = vpc_trap_msix_table(st);
		vpc_gate_exit(st);
	}
	if (ret)
		vpc_bars_close(st);
	return ret;
}

void vpc_bars_close(struct vfio_pci_core_state *st)
{
	int nr;

	vpc_traps_free(st);
	for (nr = 0; nr < PCI_STD_NUM_BARS; nr++)
		close_bar(st, nr);
}

static void __iomem *map_first(struct vfio_pci_core_state *st, int nr)
{
	struct vpc_bar *bar = &st->bars[nr];
	void __iomem *io;
	int ret;

	guard(mutex)(&bar_map_lock);
	if (bar->io)
		return bar->io;

	ret = pci_request_selected_regions(st->pdev, BIT(nr), "vfio-pci-core");
	if (ret)
		return IOMEM_ERR_PTR(ret);
	io = pci_iomap(st->pdev, nr, 0);
	if (!io) {
		pci_release_selected_regions(st->pdev, BIT(nr));
		return IOMEM_ERR_PTR(-ENOMEM);
	}

	/* Pairs with the lockless look in vfio_pci_core_bar_map(). */
	smp_store_release(&bar->io, io);
	return io;
}

/**
 * vfio_pci_core_bar_map - the kernel's mapping of a BAR
 * @core: the device, open
 * @bar: which BAR, from 0
 *
 * The BAR is claimed and mapped at first use, and unmapped by
 * vfio_pci_core_close_device(). For ioread32() and the like; whoever uses it
 * makes sure that the function answers, as a trap operation may.
 *
 * Context: may sleep.
 * Return: the mapping, or an ERR_PTR(): -EINVAL if there is no such BAR, -EBUSY
 * if somebody else claims it, -ENOMEM.
 */
void __iomem *vfio_pci_core_bar_map(struct vfio_pci_core_device *core, int bar)
{
	struct vfio_pci_core_state *st = core->state;
	void __iomem *io;

	if (bar < 0 || bar >= PCI_STD_NUM_BARS || !st->bars[bar].size)
		return IOMEM_ERR_PTR(-EINVAL);

	/* Pairs with map_first(). */
	io = smp_load_acquire(&st->bars[bar].io);
	return likely(io) ? io : map_first(st, bar);
}
EXPORT_SYMBOL_VPC(vfio_pci_core_bar_map);

/**
 * vfio_pci_core_bar_read - read a register of a device, from outside of a trap
 * @core: the device
 * @bar: memory BAR, from 0
 * @offset: of the register, a multiple of 4
 * @value: filled in on success
 *
 * For finding out how the user programmed the device. Waits for the end of a
 * reset. A VF answers whether or not the user has switched memory on.
 *
 * Context: may sleep; no lock of the library is held but that of an op of &struct
 * vfio_pci_core_mig_ops.
 * Return: 0; -EIO if the function does not answer now; another negative errno.
 */
int vfio_pci_core_bar_read(struct vfio_pci_core_device *core, int bar,
			   u64 offset, u32 *value)
{
	struct vfio_pci_core_state *st = core->state;
	void __iomem *io = vfio_pci_core_bar_map(core, bar);
	int ret;

	if (IS_ERR(io))
		return PTR_ERR(io);
	ret = vpc_gate_enter(st);
	if (ret)
		return ret;
	if (st->gate.asleep || (!st->config.memory_on && !st->pdev->is_virtfn))
		ret = -EIO;
	else
		*value = ioread32(io + offset);
	vpc_gate_exit(st);
	return ret;
}
EXPORT_SYMBOL_VPC(vfio_pci_core_bar_read);

/**
 * struct bar_io - a request of the user being carried out
 * @st: the device
 * @io: the BAR
 * @nr: which one
 * @port: it is one of I/O ports
 * @write: write() rather than read()
 * @powered: a runtime PM reference is held for it
 */
struct bar_io {
	struct vfio_pci_core_state *st;
	void __iomem *io;
	int nr;
	bool port;
	bool write;
	bool powered;
};

static unsigned int widest(const struct bar_io *rq)
{
	return rq->port ? PORT_WIDTH : MEMORY_WIDTH;
}

static int trap_access(const struct bar_io *rq,
		       const struct vfio_pci_core_trap_ops *ops, u64 offset,
		       unsigned int width, u8 *buf)
{
	u64 val = 0;
	int ret;

	if (rq->write)
		return ops->write(rq->st->core, offset, width,
				  vpc_get_le(buf, width));

	ret = ops->read(rq->st->core, offset, width, &val);
	if (!ret)
		vpc_put_le(buf, width, val);
	return ret;
}

/* Move @count bytes between @buf and the BAR. The gate is held. */
static int move_chunk(const struct bar_io *rq, u64 offset, size_t count, u8 *buf)
{
	const struct vfio_pci_core_trap_ops *ops = NULL;
	unsigned int width;
	u64 run_end = 0;
	int ret;

	for (; count; offset += width, buf += width, count -= width) {
		if (offset >= run_end)
			ops = vpc_trap_find(rq->st, rq->nr, offset, &run_end);
		width = vpc_access_width(offset, min(count, run_end - offset),
					 widest(rq));
		if (ops) {
			ret = trap_access(rq, ops, offset, width, buf);
			if (ret)
				return ret;
		} else if (rq->write) {
			vpc_hw_write(rq->io + offset, width,
				     vpc_get_le(buf, width), rq->port);
		} else {
			vpc_put_le(buf, width,
				   vpc_hw_read(rq->io + offset, width, rq->port));
		}
	}
	return 0;
}

/*
 * Pass the gate for an access. A user who entered low power gave up the reference
 * that keeps the function awake, so that each access takes one of its own; he
 * loses his mappings by it, but not read() and write(). I/O ports answer, or
 * nobody does, without harm to the host: no check for them.
 */
static int enter(struct bar_io *rq)
{
	struct vfio_pci_core_state *st = rq->st;
	int ret = vpc_gate_enter(st);

	if (unlikely(ret))
		return ret;
	if (unlikely(st->gate.asleep & VPC_ASLEEP_LOW_POWER) && !rq->powered) {
		vpc_gate_exit(st);
		ret = vpc_power_get(st);
		if (ret)
			return ret;
		rq->powered = true;
		return enter(rq);
	}
	if (rq->port || likely(st->config.memory_on &&
			       !(st->gate.asleep & ~VPC_ASLEEP_LOW_POWER)))
		return 0;

	vpc_gate_exit(st);
	return -EIO;
}

static noinline ssize_t rw_chunks(struct bar_io *rq, char __user *ubuf,
				  size_t count, u64 offset)
{
	u8 buf[CHUNK] __aligned(sizeof(u64));
	size_t done, len;
	int ret = 0;

	for (done = 0; done < count; done += len) {
		/* A chunk ends at a multiple, so that it cuts no access in two. */
		len = min_t(size_t, count - done,
			    CHUNK - ((offset + done) & (CHUNK - 1)));
		if (rq->write && copy_from_user(buf, ubuf + done, len))
			ret = -EFAULT;
		if (!ret)
			ret = enter(rq);
		if (ret)
			break;
		ret = move_chunk(rq, offset + done, len, buf);
		vpc_gate_exit(rq->st);
		if (!ret && !rq->write && copy_to_user(ubuf + done, buf, len))
			ret = -EFAULT;
		if (ret)
			break;
		cond_resched();
	}
	return done ?: ret;
}

/* Aligned accesses of the width of the bus: what nearly all accesses are. */
static ssize_t read_one(struct bar_io *rq, char __user *ubuf, unsigned int width,
			u64 offset)
{
	int ret = enter(rq);
	u64 val;

	if (unlikely(ret))
		return ret;
	val = vpc_hw_read(rq->io + offset, width, rq->port);
	vpc_gate_exit(rq->st);

	switch (width) {
	case 1:
		ret = put_user((u8)val, (u8 __user *)ubuf);
		break;
	case 2:
		ret = put_user(cpu_to_le16(val), (__le16 __user *)ubuf);
		break;
	case 4:
		ret = put_user(cpu_to_le32(val), (__le32 __user *)ubuf);
		break;
	default:
		ret = put_user(cpu_to_le64(val), (__le64 __user *)ubuf);
	}
	return ret ? ret : (ssize_t)width;
}

static ssize_t write_one(struct bar_io *rq, const char __user *ubuf,
			 unsigned int width, u64 offset)
{
	u64 val;
	int ret;

	ret = vpc_fetch_le(ubuf, width, &val);
	if (unlikely(ret))
		return ret;
	ret = enter(rq);
	if (unlikely(ret))
		return ret;
	vpc_hw_write(rq->io + offset, width, val, rq->port);
	vpc_gate_exit(rq->st);
	return width;
}

static bool meets_trap(const struct bar_io *rq, u64 offset, size_t count)
{
	u64 run_end;

	return rq->st->bars[rq->nr].trapped &&
	       (vpc_trap_find(rq->st, rq->nr, offset, &run_end) ||
		count > run_end - offset);
}

static ssize_t rw_any(struct bar_io *rq, char __user *buf, size_t count,
		      u64 offset)
{
	if (count > widest(rq) || !is_power_of_2(count) ||
	    !IS_ALIGNED(offset, count) || meets_trap(rq, offset, count))
		return rw_chunks(rq, buf, count, offset);

	return rq->write ? write_one(rq, buf, count, offset) :
			   read_one(rq, buf, count, offset);
}

/*
 * The user reads or writes a BAR. Bytes beyond its end are not there. The caller
 * needs no runtime PM reference.
 *
 * Return: bytes moved, which may be fewer than asked for if an error occurred
 * behind them; -EINVAL beyond the end; -EIO if memory cannot be reached now;
 * -EFAULT; what vfio_pci_core_bar_map() or a trap returns.
 */
ssize_t vpc_bar_rw(struct vfio_pci_core_state *st, int bar, char __user *buf,
		   size_t count, u64 offset, bool write)
{
	struct bar_io rq = { .st = st, .nr = bar, .write = write };
	ssize_t ret;

	ret = vpc_region_clamp(st->bars[bar].size, offset, &count);
	if (unlikely(ret))
		return ret;
	rq.io = vfio_pci_core_bar_map(st->core, bar);
	if (IS_ERR(rq.io))
		return PTR_ERR(rq.io);
	rq.port = pci_resource_flags(st->pdev, bar) & IORESOURCE_IO;

	ret = rw_any(&rq, buf, count, offset);
	if (unlikely(rq.powered))
		vpc_power_put(st);
	if (unlikely(ret == -EIO))
		trace_vpc_region_fault(st->pdev, bar, offset, write, ret);
	return ret;
}
