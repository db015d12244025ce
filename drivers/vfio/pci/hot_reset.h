/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is told of the functions that a hot reset hits; seen by KUnit
 */
#ifndef VPC_HOT_RESET_H
#define VPC_HOT_RESET_H

#include <linux/types.h>
#include <linux/vfio.h>

struct pci_bus;
struct pci_dev;
struct pci_slot;

/**
 * struct vpc_reset_list - functions that a hot reset hits, as the user is told
 * @devices: what the user gets
 * @max: entries that there is room for
 * @count: entries added; more than @max if devices appeared meanwhile
 * @by_devid: who asks came by a character device: entries carry IDs of his
 *	iommufd instead of groups
 * @owned: everything added so far is his
 */
struct vpc_reset_list {
	struct vfio_pci_dependent_device *devices;
	unsigned int max;
	unsigned int count;
	bool by_devid;
	bool owned;
};

bool vpc_reset_hits(const struct pci_dev *pdev, const struct pci_bus *bus,
		    const struct pci_slot *slot);
u32 vpc_reset_devid(bool in_set, int id);
void vpc_reset_list_add(struct vpc_reset_list *list, u16 segment, u8 bus,
			u8 devfn, u32 id);
int vpc_reset_list_answer(const struct vpc_reset_list *list,
			  struct vfio_pci_hot_reset_info *hdr);

#endif /* VPC_HOT_RESET_H */
