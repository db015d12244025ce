// SPDX-License-Identifier: GPL-2.0-only
/*
 * Traps: ranges of a BAR that software answers in place of the hardware
 *
 * A driver traps what it has to see or to change. Accesses by read() and write()
 * are cut at the bytes where a trap begins and ends; mmap() leaves out the pages
 * that a trap touches, and region info tells the user so.
 *
 * The library has a trap of its own, on the MSI-X table, which belongs to the
 * host's interrupt code.
 */
#include <kunit/visibility.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "region.h"
#include "vpc.h"

/*
 * Put @trap in its place among @traps. -EEXIST if it shares a byte with another
 * one: there would be no saying which of the two answers.
 */
int vpc_trap_insert(struct list_head *traps, struct vpc_trap *trap)
{
	struct list_head *before = traps;
	struct vpc_trap *other;

	list_for_each_entry(other, traps, node) {
		if (other->bar < trap->bar ||
		    (other->bar == trap->bar && other->end <= trap->start)) {
			before = &other->node;
			continue;
		}
		if (other->bar == trap->bar && other->start < trap->end)
			return -EEXIST;
		break;
	}

	list_add(&trap->node, before);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vpc_trap_insert);

/*
 * The trap at @offset of @bar, or NULL. The answer is the same for all bytes
 * before @end.
 */
const struct vpc_trap *
vpc_trap_lookup(const struct list_head *traps, int bar, u64 offset, u64 *end)
{
	struct vpc_trap *trap;

	list_for_each_entry(trap, traps, node) {
		if (trap->bar != bar || trap->end <= offset)
			continue;
		if (trap->start <= offset) {
			*end = trap->end;
			return trap;
		}
		*end = trap->start;
		return NULL;
	}

	*end = U64_MAX;
	return NULL;
}
EXPORT_SYMBOL_IF_KUNIT(vpc_trap_lookup);

static unsigned int add_area(struct vfio_region_sparse_mmap_area *areas,
			     unsigned int nr, u64 start, u64 end)
{
	if (start >= end)
		return nr;
	if (areas) {
		areas[nr].offset = start;
		areas[nr].size = end - start;
	}
	return nr + 1;
}

/*
 * What is left of a BAR of @size bytes once the pages with traps are taken out.
 * Return: number of areas, which are stored if there is room in @areas at all.
 */
unsigned int
vpc_trap_areas(const struct list_head *traps, int bar, u64 size,
	       struct vfio_region_sparse_mmap_area *areas)
{
	struct vpc_trap *trap;
	unsigned int nr = 0;
	u64 pos = 0;

	list_for_each_entry(trap, traps, node) {
		if (trap->bar != bar || trap->mappable)
			continue;
		nr = add_area(areas, nr, pos, ALIGN_DOWN(trap->start, PAGE_SIZE));
		pos = max(pos, ALIGN(trap->end, PAGE_SIZE));
	}
	return add_area(areas, nr, pos, size);
}
EXPORT_SYMBOL_IF_KUNIT(vpc_trap_areas);

/*
 * The ops that answer at @offset of @bar, or NULL for the hardware. The answer
 * is the same for all bytes before @end.
 */
const struct vfio_pci_core_trap_ops *
vpc_trap_find(struct vfio_pci_core_state *st, int bar, u64 offset, u64 *end)
{
	const struct vpc_trap *trap;

	trap = vpc_trap_lookup(&st->traps, bar, offset, end);
	return trap ? trap->ops : NULL;
}

/* Does a trap that mmap() must not reach share a byte with [@start, @end)? */
bool vpc_trap_overlaps(struct vfio_pci_core_state *st, int bar, u64 start,
		       u64 end)
{
	struct vpc_trap *trap;

	list_for_each_entry(trap, &st->traps, node)
		if (trap->bar == bar && !trap->mappable &&
		    trap->start < end && start < trap->end)
			return true;
	return false;
}

/* Are there pages of @bar that mmap() must not reach? */
bool vpc_trap_holes(struct vfio_pci_core_state *st, int bar)
{
	return vpc_trap_overlaps(st, bar, 0, U64_MAX);
}

static int trap_range(struct vfio_pci_core_state *st, int bar, u64 start,
		      u64 len, const struct vfio_pci_core_trap_ops *ops,
		      bool mappable)
{
	struct vpc_trap *trap;
	int ret;

	trap = kzalloc(sizeof(*trap), GFP_KERNEL_ACCOUNT);
	if (!trap)
		return -ENOMEM;

	trap->bar = bar;
	trap->start = start;
	trap->end = start + len;
	trap->ops = ops;
	trap->mappable = mappable;
	ret = vpc_trap_insert(&st->traps, trap);
	if (ret)
		kfree(trap);
	else
		st->bars[bar].trapped = true;
	return ret;
}

/**
 * vfio_pci_core_trap - answer accesses to a range of a BAR by software
 * @core: the device
 * @bar: which BAR, from 0
 * @start: first byte of the range; no alignment is needed
 * @len: number of bytes
 * @ops: what answers; to remain valid until close
 *
 * To be called between vfio_pci_core_open_device() and the return of the
 * driver's own open_device operation, and undone by
 * vfio_pci_core_close_device(). read() and write() that reach into the range are
 * split so that @ops see naturally aligned accesses inside it. The pages that
 * hold a byte of it cannot be mapped.
 *
 * Context: &vfio_device_set.lock is held by vfio.ko; may sleep.
 * Return: 0; -EINVAL if there is no such range; -EEXIST if a part of it is
 * trapped already, the MSI-X table included; -ENOMEM.
 */
int vfio_pci_core_trap(struct vfio_pci_core_device *core, int bar, u64 start,
		       u64 len, const struct vfio_pci_core_trap_ops *ops)
{
	struct vfio_pci_core_state *st = core->state;

	lockdep_assert_held(&core->vdev.dev_set->lock);
	if (bar < 0 || bar >= PCI_STD_NUM_BARS || !ops || !len)
		return -EINVAL;
	if (start >= st->bars[bar].size || len > st->bars[bar].size - start)
		return -EINVAL;

	return trap_range(st, bar, start, len, ops, false);
}
EXPORT_SYMBOL_VPC(vfio_pci_core_trap);

static int msix_table_read(struct vfio_pci_core_device *core, u64 offset,
			   unsigned int len, u64 *val)
{
	*val = U64_MAX;
	return 0;
}

static int msix_table_write(struct vfio_pci_core_device *core, u64 offset,
			    unsigned int len, u64 val)
{
	return 0;
}

/* The uAPI sets up vectors through VFIO_DEVICE_SET_IRQS and nothing else. */
static const struct vfio_pci_core_trap_ops msix_table_ops = {
	.read	= msix_table_read,
	.write	= msix_table_write,
};

/*
 * Trap the MSI-X table, wherever the function says that it is (PCI 6.0, 7.7.2);
 * what it says is cut to the BARs that exist.
 */
int vpc_trap_msix_table(struct vfio_pci_core_state *st)
{
	struct pci_dev *pdev = st->pdev;
	unsigned int count = vpc_irq_count(st, VFIO_PCI_MSIX_IRQ_INDEX);
	u64 start, len, size;
	u32 where;

	if (!count)
		return 0;
	pci_read_config_dword(pdev, pdev->msix_cap + PCI_MSIX_TABLE, &where);
	if ((where & PCI_MSIX_TABLE_BIR) >= PCI_STD_NUM_BARS)
		return 0;

	size = st->bars[where & PCI_MSIX_TABLE_BIR].size;
	start = where & PCI_MSIX_TABLE_OFFSET;
	if (start >= size)
		return 0;

	len = min_t(u64, (u64)count * PCI_MSIX_ENTRY_SIZE, size - start);
	return trap_range(st, where & PCI_MSIX_TABLE_BIR, start, len,
			  &msix_table_ops, true);
}

bool vpc_trap_has_msix_table(struct vfio_pci_core_state *st, int bar)
{
	struct vpc_trap *trap;

	list_for_each_entry(trap, &st->traps, node)
		if (trap->bar == bar && trap->ops == &msix_table_ops)
			return true;
	return false;
}

void vpc_traps_free(struct vfio_pci_core_state *st)
{
	struct vpc_trap *trap, *next;

	list_for_each_entry_safe(trap, next, &st->traps, node)
		kfree(trap);
	INIT_LIST_HEAD(&st->traps);
}
