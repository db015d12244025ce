/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between the kernels this project builds on (6.12 to 7.3).
 *
 * Version tests stand under include/compat/ and nowhere else: code elsewhere is
 * written for the newest kernel, and this header brings older ones up to it.
 */
#ifndef COMPAT_VFIO_PCI_H
#define COMPAT_VFIO_PCI_H

#include <linux/export.h>
#include <linux/huge_mm.h>
#include <linux/irqbypass.h>
#include <linux/module.h>
#include <linux/version.h>
#include <linux/vfio.h>
#include <compat/pci.h>

/* A symbol namespace is a string literal since 6.13, a bare token before. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
#define VFIO_PCI_CORE_NS "VFIO_PCI_CORE"
#else
#define VFIO_PCI_CORE_NS VFIO_PCI_CORE
#endif

/* What a region is became an op of its own, and no ioctl of ours, in 6.19. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 19, 0)
#define VFIO_HAS_REGION_INFO_CAPS 1
#endif

/* With the flag of the uAPI came the op that has to check what it announces. */
#ifdef VFIO_DEVICE_BIND_FLAG_TOKEN
#define VFIO_HAS_MATCH_TOKEN_UUID 1
#endif

/* PASID attach of a vfio_device came with 6.15. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 15, 0)
#define VFIO_HAS_PASID_ATTACH 1
#endif

/* Huge PFN mappings are given a plain PFN since 6.17. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0)
#define compat_pfn(pfn) (pfn)
#else
#include <linux/pfn_t.h>
#define compat_pfn(pfn) __pfn_to_pfn_t(pfn, PFN_DEV)
#endif

/* The bypass manager matches by eventfd, given at registration, since 6.17. */
static inline int compat_irq_bypass_register(struct irq_bypass_producer *prod,
					     struct eventfd_ctx *eventfd,
					     int irq)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0)
	return irq_bypass_register_producer(prod, eventfd, irq);
#else
	prod->token = eventfd;
	prod->irq = irq;
	return irq_bypass_register_producer(prod);
#endif
}

static inline int compat_irq_bypass_consume(struct irq_bypass_consumer *cons,
					    struct eventfd_ctx *eventfd)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0)
	return irq_bypass_register_consumer(cons, eventfd);
#else
	cons->token = eventfd;
	return irq_bypass_register_consumer(cons);
#endif
}

#endif /* COMPAT_VFIO_PCI_H */
