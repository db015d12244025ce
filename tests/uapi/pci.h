/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Config space of the device under test, as its user sees it through VFIO and
 * as the host sees it through sysfs
 */
#ifndef UAPI_PCI_H
#define UAPI_PCI_H

#include <linux/pci_regs.h>

#include "vfio.h"

/* Through VFIO. The test is left if an access fails. */
uint32_t cfg_read(struct vfio *d, unsigned int off, unsigned int len);
void cfg_write(struct vfio *d, unsigned int off, unsigned int len, uint32_t val);
unsigned int cfg_size(struct vfio *d);
/* Offset of a capability, or 0 */
unsigned int cfg_cap(struct vfio *d, unsigned int id);
unsigned int cfg_ext_cap(struct vfio *d, unsigned int id);
/* Set and clear bits of COMMAND */
void cfg_command(struct vfio *d, uint16_t set, uint16_t clear);

/* Through sysfs */
uint32_t host_read(const char *bdf, unsigned int off, unsigned int len);
void host_write(const char *bdf, unsigned int off, uint32_t val, unsigned int len);
unsigned int host_cap(const char *bdf, unsigned int id);
unsigned int host_ext_cap(const char *bdf, unsigned int id);
bool host_is_vf(const char *bdf);
/*
 * Let config space read as ones, as it does in a reset, by giving the bridge above
 * other bus numbers. False if there is no bridge.
 */
bool host_hide(const char *bdf);
void host_show(const char *bdf);
/* From the "resource" file: 0 to 5 are BARs, 6 the ROM */
struct host_resource {
	uint64_t start, end, flags;
};

int host_resource(const char *bdf, unsigned int n, struct host_resource *res);

/* resource flags (ABI of the sysfs file) */
#define RES_IO		0x00000100
#define RES_MEM		0x00000200
#define RES_PREFETCH	0x00002000
#define RES_MEM64	0x00100000

/*
 * Memory off in COMMAND takes effect. It always does on a function of its own; a
 * VF's hardware has no such bit, and mainline leaves its memory on.
 */
bool memory_gate(struct vfio *d);
/* The result of a 4-byte read at the end of mappable_bar() */
int probe_bar(struct vfio *d);

/* MSI-X table of the function: false if it has none */
bool msix_table(struct vfio *d, unsigned int *bar, uint32_t *start, uint32_t *len);
/*
 * First BAR that may be mapped, one without the MSI-X table if there is a choice;
 * the test is skipped if there is none
 */
unsigned int mappable_bar(struct vfio *d);
/* Offset of the first page of it that may be mapped */
uint64_t mappable_page(struct vfio *d);

#endif
