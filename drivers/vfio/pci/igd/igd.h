/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * igd-vfio-pci: private header
 */
#ifndef IGD_H
#define IGD_H

#include <linux/sizes.h>
#include <linux/types.h>
#include <linux/vfio_pci_core.h>

#define IGD_OPREGION_SIZE	SZ_8K

/* More than any VBT that firmware has been seen to have. */
#define IGD_VBT_MAX		SZ_1M

/**
 * struct igd_opregion - what an OpRegion says of itself
 * @major: version
 * @minor: version
 * @vbt_size: length of a VBT that lies outside, 0 if there is none
 * @vbt_addr: where it is: physical address in 2.0, offset from the OpRegion since
 *	2.1
 */
struct igd_opregion {
	u8 major;
	u8 minor;
	u32 vbt_size;
	u64 vbt_addr;
};

/* opregion_parse.c: no hardware, for the sake of tests */
int igd_opregion_parse(const void *data, size_t size, struct igd_opregion *op);
u64 igd_opregion_vbt_phys(const struct igd_opregion *op, u64 base);
void igd_opregion_set_vbt(void *data, u64 offset);

/* opregion.c, bridge.c: called by open_device, behind the library's */
int igd_add_opregion(struct vfio_pci_core_device *core);
int igd_add_bridges(struct vfio_pci_core_device *core);

#endif /* IGD_H */
