/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the interrupt files of vfio_pci_core share
 */
#ifndef VPC_IRQ_H
#define VPC_IRQ_H

#include <linux/bits.h>
#include <linux/eventfd.h>
#include <linux/types.h>

#include "vpc.h"

/**
 * struct vpc_irq_set - VFIO_DEVICE_SET_IRQS, validated and copied
 * @index: VFIO_PCI_*_IRQ_INDEX
 * @start: first interrupt of the index
 * @count: number of interrupts; @start + @count is within the index
 * @data_type: one of VFIO_IRQ_SET_DATA_*
 * @data: @count elements of @data_type; NULL where they have no size
 * @bools: @data of VFIO_IRQ_SET_DATA_BOOL
 * @fds: @data of VFIO_IRQ_SET_DATA_EVENTFD
 */
struct vpc_irq_set {
	unsigned int index;
	unsigned int start;
	unsigned int count;
	u32 data_type;
	union {
		const void *data;
		const u8 *bools;
		const s32 *fds;
	};
};

/* The user asks for the whole index to be switched off. */
static inline bool vpc_irq_set_is_off(const struct vpc_irq_set *set)
{
	return set->data_type == VFIO_IRQ_SET_DATA_NONE && !set->count;
}

/* Without eventfds: does the action apply to element @i? */
static inline bool vpc_irq_set_selects(const struct vpc_irq_set *set,
				       unsigned int i)
{
	return set->data_type == VFIO_IRQ_SET_DATA_NONE || set->bools[i];
}

/* The eventfd that a user names, NULL for -1 or ERR_PTR(); the caller owns it. */
static inline struct eventfd_ctx *vpc_irq_eventfd(s32 fd)
{
	return fd == -1 ? NULL : eventfd_ctx_fdget(fd);
}

/* Why INTx is masked. The line is open while there is no reason. */
#define VPC_INTX_BY_USER	BIT(0)	/* asked for, or it fired */
#define VPC_INTX_BY_COMMAND	BIT(1)	/* INTX_DISABLE as the user wrote it */
#define VPC_INTX_BY_SLEEP	BIT(2)	/* asleep or being reset */
#define VPC_INTX_BY_DETACH	BIT(3)	/* nobody listens */

/**
 * struct vpc_ioeventfd_write - what an ioeventfd writes, and where
 * @bar: BAR that @offset is in
 * @len: 1, 2, 4 or 8 bytes
 * @offset: multiple of @len
 * @data: no wider than @len
 */
struct vpc_ioeventfd_write {
	unsigned int bar;
	unsigned int len;
	u64 offset;
	u64 data;
};

/* irq.c, ioeventfd.c; seen by KUnit */
u32 vpc_irq_flags(unsigned int index, bool dynamic_msix);
int vpc_irq_set_check(struct vfio_irq_set *hdr, unsigned int num, size_t *size);
int vpc_ioeventfd_parse(const struct vfio_device_ioeventfd *arg,
			struct vpc_ioeventfd_write *want);

/* intx.c; vpc_irqs.lock is held */
int vpc_intx_action_mask(struct vfio_pci_core_state *st,
			 const struct vpc_irq_set *set);
int vpc_intx_action_unmask(struct vfio_pci_core_state *st,
			   const struct vpc_irq_set *set);
int vpc_intx_action_trigger(struct vfio_pci_core_state *st,
			    const struct vpc_irq_set *set);
bool vpc_intx_unusable(struct pci_dev *pdev);
void vpc_intx_init(struct vfio_pci_core_state *st);
void vpc_intx_teardown(struct vfio_pci_core_state *st);

/* msi.c; vpc_irqs.lock is held */
int vpc_msi_action_trigger(struct vfio_pci_core_state *st,
			   const struct vpc_irq_set *set);
void vpc_msi_teardown(struct vfio_pci_core_state *st);

#endif /* VPC_IRQ_H */
