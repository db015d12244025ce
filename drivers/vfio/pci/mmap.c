// SPDX-License-Identifier: GPL-2.0-only
/*
 * BARs by mmap(): checks, faults and revocation
 *
 * mmap() maps nothing. A page is mapped when it is touched, if the gate lets the
 * toucher pass, and unmapped when the gate closes. Both sides hold the gate's
 * lock, so that no page is mapped behind the back of a revocation.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>

#include "region.h"
#include "trace.h"
#include "vpc.h"

#define PGOFF_SHIFT	(VPC_OFFSET_SHIFT - PAGE_SHIFT)
#define PGOFF_MASK	((1UL << PGOFF_SHIFT) - 1)
#define MAX_BATCH	64U

/* Offsets of the device file say BAR and offset in it, also after a split. */
static unsigned long pfn_of(struct vfio_pci_core_state *st, pgoff_t pgoff)
{
	return PHYS_PFN(pci_resource_start(st->pdev, pgoff >> PGOFF_SHIFT)) +
	       (pgoff & PGOFF_MASK);
}

/*
 * A reset is under way: wait for its end without the locks of the address space,
 * which others want meanwhile, and let the fault be tried again. The file keeps
 * the device open.
 */
static vm_fault_t wait_and_retry(struct vfio_pci_core_state *st,
				 struct vm_fault *vmf)
{
	struct file *file;

	if (vmf->flags & FAULT_FLAG_RETRY_NOWAIT)
		return VM_FAULT_RETRY;

	file = get_file(vmf->vma->vm_file);
	release_fault_lock(vmf);
	/* A killed task finds out when it tries again. */
	wait_event_killable(st->gate.unblocked, !vpc_gate_blocks(st));
	fput(file);
	return VM_FAULT_RETRY;
}

/* Pages of the BAR that a fault at @vmf may map: of its VMA and page table. */
static unsigned long pages_left(const struct vm_fault *vmf)
{
	unsigned long end = ALIGN(vmf->address + 1, PMD_SIZE);

	return (min(end, vmf->vma->vm_end) - vmf->address) >> PAGE_SHIFT;
}

/*
 * How many pages to map. Most users touch a register here and there; one who
 * touches page after page is given twice as many each time. Two users of one BAR
 * may spoil the guess for each other, but nothing else.
 */
static unsigned long guess_pages(struct vfio_pci_core_state *st,
				 const struct vm_fault *vmf)
{
	struct vpc_bar *bar = &st->bars[vmf->pgoff >> PGOFF_SHIFT];
	unsigned int nr = 1;

	if (vmf->pgoff == READ_ONCE(bar->next_fault))
		nr = clamp(2 * READ_ONCE(bar->last_batch), 1U, MAX_BATCH);
	nr = min(nr, pages_left(vmf));
	WRITE_ONCE(bar->next_fault, vmf->pgoff + nr);
	WRITE_ONCE(bar->last_batch, nr);
	return nr;
}

/* Map single pages: that of the fault, whose result counts, and some behind it. */
static vm_fault_t insert_pages(struct vfio_pci_core_state *st,
			       struct vm_fault *vmf)
{
	unsigned long pfn = pfn_of(st, vmf->pgoff);
	unsigned long addr = vmf->address & PAGE_MASK;
	unsigned long nr = guess_pages(st, vmf);
	vm_fault_t fault;

	fault = vmf_insert_pfn(vmf->vma, addr, pfn);
	while (fault == VM_FAULT_NOPAGE && --nr) {
		addr += PAGE_SIZE;
		if (vmf_insert_pfn(vmf->vma, addr, ++pfn) != VM_FAULT_NOPAGE)
			break;
	}
	return fault;
}

/*
 * A page of ones for a function that is gone, as its bus would answer. The bus would
 * drop writes, too, which no page does: these are kept. A page that refuses them would
 * be SIGBUS, and the end of a virtual machine whose guest does no more than mask an
 * interrupt.
 */
static vm_fault_t insert_dummy(struct vfio_pci_core_state *st,
			       struct vm_fault *vmf)
{
	struct page *dummy = st->gate.dummy;

	if (!dummy)
		return VM_FAULT_SIGBUS;
	return vmf_insert_pfn(vmf->vma, vmf->address & PAGE_MASK,
			      page_to_pfn(dummy));
}

static vm_fault_t insert_huge(struct vfio_pci_core_state *st,
			      struct vm_fault *vmf, unsigned int order)
{
	unsigned long size = PAGE_SIZE << order;
	unsigned long addr = ALIGN_DOWN(vmf->address, size);
	unsigned long pfn = pfn_of(st, vmf->pgoff) -
			    ((vmf->address - addr) >> PAGE_SHIFT);
	bool write = vmf->flags & FAULT_FLAG_WRITE;

	if (addr < vmf->vma->vm_start || size > vmf->vma->vm_end - addr ||
	    !IS_ALIGNED(pfn, 1UL << order))
		return VM_FAULT_FALLBACK;

#ifdef CONFIG_ARCH_SUPPORTS_PMD_PFNMAP
	if (order == PMD_ORDER)
		return vmf_insert_pfn_pmd(vmf, compat_pfn(pfn), write);
#endif
#ifdef CONFIG_ARCH_SUPPORTS_PUD_PFNMAP
	if (order == PUD_ORDER)
		return vmf_insert_pfn_pud(vmf, compat_pfn(pfn), write);
#endif
	return VM_FAULT_FALLBACK;
}

/*
 * Map what the fault at @vmf wants in the size of @order, the gate being open.
 *
 * Where a page table is missing and a large page does not fit, map single pages
 * at once. Falling back would come to the same, but with the address space locked
 * and after the kernel has made a page table in advance, only to drop it in favour
 * of the one that inserting a PFN makes.
 */
static vm_fault_t insert(struct vfio_pci_core_state *st, struct vm_fault *vmf,
			 unsigned int order, bool inert)
{
	vm_fault_t fault = VM_FAULT_FALLBACK;

	if (order && !inert)
		fault = insert_huge(st, vmf, order);
	if (!(fault & VM_FAULT_FALLBACK))
		return fault;
	if (order && (order != PMD_ORDER || !pmd_none(*vmf->pmd)))
		return fault;
	return inert ? insert_dummy(st, vmf) : insert_pages(st, vmf);
}

static vm_fault_t fault_order(struct vm_fault *vmf, unsigned int order)
{
	struct vfio_pci_core_state *st = vmf->vma->vm_private_data;
	vm_fault_t fault = VM_FAULT_SIGBUS;

	if (unlikely(vpc_gate_blocks(st)) &&
	    fault_flag_allow_retry_first(vmf->flags))
		return wait_and_retry(st, vmf);

	if (likely(!vpc_gate_enter_memory(st))) {
		fault = insert(st, vmf, order, false);
		vpc_gate_exit(st);
	} else if (vpc_gate_inert(st)) {
		/* For good: neither it nor the page will change. */
		fault = insert(st, vmf, order, true);
	} else if (fatal_signal_pending(current)) {
		fault = VM_FAULT_NOPAGE;
	}
	if (unlikely(fault & VM_FAULT_SIGBUS))
		trace_vpc_region_fault(st->pdev, vmf->pgoff >> PGOFF_SHIFT,
				       (u64)(vmf->pgoff & PGOFF_MASK) << PAGE_SHIFT,
				       vmf->flags & FAULT_FLAG_WRITE, -EIO);
	return fault;
}

static vm_fault_t bar_fault(struct vm_fault *vmf)
{
	return fault_order(vmf, 0);
}

/*
 * A read where there is a page table. This is the one operation that the kernel
 * calls before it takes the lock of the whole address space. It must not sleep:
 * whatever does not work at once is left to bar_fault().
 */
static vm_fault_t bar_map_pages(struct vm_fault *vmf, pgoff_t first,
				pgoff_t last)
{
	struct vfio_pci_core_state *st = vmf->vma->vm_private_data;
	vm_fault_t fault;

	if (pmd_none(*vmf->pmd) || !vpc_gate_try_enter_memory(st))
		return 0;

	fault = insert_pages(st, vmf);
	vpc_gate_exit(st);
	return fault == VM_FAULT_NOPAGE ? fault : 0;
}

/*
 * Unmap the pages of @vma, whoever has mapped them, if there may be pages of
 * PUD_SIZE among them. The kernel's code that splits an area, or moves it to an
 * address of another alignment, looks for tables below each of these and does not
 * expect that there are none (seen in 6.12). They are mapped again when touched,
 * by then in a size that fits.
 */
static void avoid_puds(struct vm_area_struct *vma)
{
	unsigned long len = vma->vm_end - vma->vm_start;

	if (IS_ENABLED(CONFIG_ARCH_SUPPORTS_PUD_PFNMAP) && len >= PUD_SIZE)
		unmap_mapping_range(vma->vm_file->f_mapping,
				    (loff_t)vma->vm_pgoff << PAGE_SHIFT, len,
				    true);
}

/* @vma is about to be split: from here on, no fault is taken in it until it is. */
static int bar_may_split(struct vm_area_struct *vma, unsigned long addr)
{
	vma_start_write(vma);
	avoid_puds(vma);
	return 0;
}

/* @vma is a copy of one that is about to be moved to it, split, or forked. */
static void bar_open(struct vm_area_struct *vma)
{
	avoid_puds(vma);
}

static const struct vm_operations_struct bar_vm_ops = {
	.open		= bar_open,
	.may_split	= bar_may_split,
	.fault		= bar_fault,
	.huge_fault	= fault_order,
	.map_pages	= bar_map_pages,
};

/* May the user have these bytes of @bar to himself, without the library's help? */
bool vpc_mmap_allowed(struct vfio_pci_core_state *st, int bar, u64 offset,
		      u64 len)
{
	u64 size = PAGE_ALIGN(st->bars[bar].size);

	return st->bars[bar].mappable && offset < size && len <= size - offset &&
	       !vpc_trap_overlaps(st, bar, offset, offset + len);
}

/*
 * Set up @vma for the pages of @bar at @offset. A private mapping would copy
 * registers into RAM at the first write: refused.
 *
 * Return: 0; -EINVAL; what vfio_pci_core_bar_map() returns.
 */
int vpc_mmap_bar(struct vfio_pci_core_state *st, int bar,
		 struct vm_area_struct *vma, u64 offset)
{
	u64 len = vma->vm_end - vma->vm_start;
	void __iomem *claimed;

	if (!(vma->vm_flags & VM_SHARED) ||
	    !vpc_mmap_allowed(st, bar, offset, len))
		return -EINVAL;
	claimed = vfio_pci_core_bar_map(st->core, bar);
	if (IS_ERR(claimed))
		return PTR_ERR(claimed);

	vma->vm_private_data = st;
	vma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);
	vma->vm_page_prot = pgprot_decrypted(vma->vm_page_prot);
	/* The guest may weaken the memory type of what is already uncached. */
	vm_flags_set(vma, VM_ALLOW_ANY_UNCACHED | VM_IO | VM_PFNMAP |
			  VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_ops = &bar_vm_ops;
	return 0;
}

/* Unmap the BARs wherever they are mapped. Regions of drivers are theirs. */
void vpc_mmap_zap(struct vfio_pci_core_state *st)
{
	unmap_mapping_range(st->core->vdev.inode->i_mapping,
			    VPC_INDEX_TO_OFFSET(VFIO_PCI_BAR0_REGION_INDEX),
			    VPC_INDEX_TO_OFFSET(VFIO_PCI_ROM_REGION_INDEX), true);
}
