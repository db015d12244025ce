// SPDX-License-Identifier: GPL-2.0-only
/*
 * ioeventfds: an eventfd that writes a value to a BAR when it is signalled
 *
 * A virtual machine monitor uses them for doorbells that it has to trap: the
 * write is done where the eventfd is signalled, without a way through user space.
 */
#include <kunit/visibility.h>
#include <linux/bitops.h>
#include <linux/cleanup.h>
#include <linux/io.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/list.h>
#include <linux/nospec.h>
#include <linux/preempt.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "irq.h"

/* One user may not fill the kernel's memory; a device has few doorbells. */
#define MAX_IOEVENTFDS	1000

/**
 * struct vpc_ioeventfd - one value for one place
 * @node: in &struct vpc_ioeventfds.list
 * @st: the device
 * @virqfd: calls us when the user's eventfd is signalled
 * @io: where to write
 * @port: @io is an I/O port
 * @what: what to write
 */
struct vpc_ioeventfd {
	struct list_head node;
	struct vfio_pci_core_state *st;
	struct virqfd *virqfd;
	void __iomem *io;
	bool port;
	struct vpc_ioeventfd_write what;
};

void vpc_ioeventfds_init(struct vfio_pci_core_state *st)
{
	mutex_init(&st->ioeventfds.lock);
	INIT_LIST_HEAD(&st->ioeventfds.list);
}

static void do_write(const struct vpc_ioeventfd *ioev)
{
	const u64 data = ioev->what.data;

	switch (ioev->what.len) {
	case 1:
		iowrite8(data, ioev->io);
		break;
	case 2:
		iowrite16(data, ioev->io);
		break;
	case 4:
		iowrite32(data, ioev->io);
		break;
	default:
		iowrite64(data, ioev->io);
		break;
	}
}

/*
 * The eventfd is signalled, its lock is held. Non-zero passes the work to
 * write_deferred(): a reset is under way, memory is off or just being switched.
 * Or an interrupt signals: a user may have it write what makes the function
 * interrupt again, and the processor would do nothing else from then on.
 * I/O ports, which memory decoding says nothing of, are rarely doorbells.
 */
static int write_now(void *opaque, void *unused)
{
	struct vpc_ioeventfd *ioev = opaque;

	if (in_hardirq() || ioev->port ||
	    !vpc_gate_try_enter_memory(ioev->st))
		return 1;

	do_write(ioev);
	vpc_gate_exit(ioev->st);
	return 0;
}

/* A function without memory ignores a write, and so is this one. */
static void write_deferred(void *opaque, void *unused)
{
	struct vpc_ioeventfd *ioev = opaque;

	if (ioev->port ? vpc_gate_enter(ioev->st) :
			 vpc_gate_enter_memory(ioev->st))
		return;

	do_write(ioev);
	vpc_gate_exit(ioev->st);
}

/* What the user asks for, as far as that does not depend on the function. */
int vpc_ioeventfd_parse(const struct vfio_device_ioeventfd *arg,
			struct vpc_ioeventfd_write *want)
{
	u32 width = arg->flags & VFIO_DEVICE_IOEVENTFD_SIZE_MASK;
	u64 index = VPC_OFFSET_TO_INDEX(arg->offset);

	if (arg->flags & ~VFIO_DEVICE_IOEVENTFD_SIZE_MASK || !is_power_of_2(width))
		return -EINVAL;
	if (arg->fd < -1 || index > VFIO_PCI_BAR5_REGION_INDEX)
		return -EINVAL;

	/* The flags are in the order of the widths, and mean them in bytes. */
	want->len = width;
	want->bar = array_index_nospec(index, PCI_STD_NUM_BARS);
	want->offset = arg->offset & VPC_OFFSET_MASK;
	want->data = arg->data & GENMASK_ULL(width * BITS_PER_BYTE - 1, 0);

	return IS_ALIGNED(want->offset, want->len) ? 0 : -EINVAL;
}
EXPORT_SYMBOL_IF_KUNIT(vpc_ioeventfd_parse);

/* Inside the BAR, and clear of all traps, of which the MSI-X table is one. */
static int check_place(struct vfio_pci_core_state *st,
		       const struct vpc_ioeventfd_write *want)
{
	const u64 end = want->offset + want->len;
	u64 clear;

	if (end > st->bars[want->bar].size)
		return -EINVAL;
	if (vpc_trap_find(st, want->bar, want->offset, &clear) || clear < end)
		return -EINVAL;
	return 0;
}

static struct vpc_ioeventfd *find(struct vpc_ioeventfds *all,
				  const struct vpc_ioeventfd_write *want)
{
	struct vpc_ioeventfd *ioev;

	lockdep_assert_held(&all->lock);
	list_for_each_entry(ioev, &all->list, node)
		if (ioev->what.bar == want->bar &&
		    ioev->what.offset == want->offset &&
		    ioev->what.len == want->len &&
		    ioev->what.data == want->data)
			return ioev;
	return NULL;
}

/* On return write_now() and write_deferred() are over and run no more. */
static void remove(struct vpc_ioeventfds *all, struct vpc_ioeventfd *ioev)
{
	lockdep_assert_held(&all->lock);
	vfio_virqfd_disable(&ioev->virqfd);
	list_del(&ioev->node);
	all->count--;
	kfree(ioev);
}

static int add(struct vfio_pci_core_state *st,
	       const struct vpc_ioeventfd_write *want, int fd)
{
	struct vpc_ioeventfds *all = &st->ioeventfds;
	void __iomem *base;
	int ret;

	lockdep_assert_held(&all->lock);
	if (all->count >= MAX_IOEVENTFDS)
		return -ENOSPC;
	base = vfio_pci_core_bar_map(st->core, want->bar);
	if (IS_ERR(base))
		return PTR_ERR(base);

	struct vpc_ioeventfd *ioev __free(kfree) =
		kzalloc(sizeof(*ioev), GFP_KERNEL_ACCOUNT);
	if (!ioev)
		return -ENOMEM;
	ioev->st = st;
	ioev->what = *want;
	ioev->port = pci_resource_flags(st->pdev, want->bar) & IORESOURCE_IO;
	ioev->io = base + want->offset;
	ret = vfio_virqfd_enable(ioev, write_now, write_deferred, NULL,
				 &ioev->virqfd, fd);
	if (ret)
		return ret;

	all->count++;
	list_add(&no_free_ptr(ioev)->node, &all->list);
	return 0;
}

long vpc_ioctl_ioeventfd(struct vfio_pci_core_state *st, void __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_device_ioeventfd, fd);
	struct vpc_ioeventfds *all = &st->ioeventfds;
	struct vfio_device_ioeventfd req;
	struct vpc_ioeventfd_write want;
	struct vpc_ioeventfd *have;
	int ret;

	if (copy_from_user(&req, arg, minsz))
		return -EFAULT;
	if (req.argsz < minsz)
		return -EINVAL;
	ret = vpc_ioeventfd_parse(&req, &want) ?: check_place(st, &want);
	if (ret)
		return ret;

	guard(mutex)(&all->lock);
	have = find(all, &want);
	if (req.fd == -1) {
		if (!have)
			return -ENODEV;
		remove(all, have);
		return 0;
	}
	return have ? -EEXIST : add(st, &want, req.fd);
}

void vpc_ioeventfds_close(struct vfio_pci_core_state *st)
{
	struct vpc_ioeventfds *all = &st->ioeventfds;
	struct vpc_ioeventfd *ioev, *next;

	guard(mutex)(&all->lock);
	list_for_each_entry_safe(ioev, next, &all->list, node)
		remove(all, ioev);
}
