// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a write to config space does beyond storing bits
 *
 * All effects run with vpc_config.lock held and are given the write before
 * anything is stored.
 */
#include <kunit/visibility.h>
#include <linux/bitfield.h>
#include <linux/cleanup.h>
#include <linux/log2.h>

#include "config.h"
#include "vpc.h"

#define COMMAND_DECODE	(PCI_COMMAND_IO | PCI_COMMAND_MEMORY)

/*
 * BARs
 *
 * Entirely virtual: a guest sizes and moves them as it likes, the hardware stays
 * where the host has put it.
 */

/* Address bits that can be written to a BAR, or to the upper half of one. */
u32 vpc_bar_writable(resource_size_t size, unsigned long flags, bool upper)
{
	u64 mask;

	if (!size)
		return 0;
	mask = ~((u64)size - 1);
	if (upper)
		return upper_32_bits(mask);
	return lower_32_bits(mask) & (flags & IORESOURCE_IO ?
				      (u32)PCI_BASE_ADDRESS_IO_MASK :
				      (u32)PCI_BASE_ADDRESS_MEM_MASK);
}
EXPORT_SYMBOL_IF_KUNIT(vpc_bar_writable);

/* The resource behind BAR register @n, NULL if none; @upper: it is a high half. */
static const struct resource *bar_resource(struct pci_dev *pdev, int n,
					   bool *upper)
{
	const struct resource *res = &pdev->resource[n];

	*upper = n && res[-1].flags & IORESOURCE_MEM_64 &&
		 resource_size(&res[-1]);
	if (*upper)
		res--;
	/* Resources of enhanced allocation have no BAR (PCIe 7.8.5). */
	if (!pci_resource_len(pdev, res - pdev->resource) ||
	    res->flags & IORESOURCE_PCI_EA_BEI)
		return NULL;
	return res;
}

/* What BAR register @n holds when it maps the resource of the host. */
static u32 bar_of_host(struct pci_dev *pdev, int n)
{
	struct pci_bus_region region;
	const struct resource *res;
	bool upper;

	res = bar_resource(pdev, n, &upper);
	if (!res)
		return 0;
	pcibios_resource_to_bus(pdev->bus, &region, (struct resource *)res);
	if (upper)
		return upper_32_bits(region.start);
	return lower_32_bits(region.start) |
	       (res->flags & (res->flags & IORESOURCE_IO ?
			      ~PCI_BASE_ADDRESS_IO_MASK :
			      ~PCI_BASE_ADDRESS_MEM_MASK));
}

/* BARs as they are at open. */
void vpc_config_seed_bars(struct vfio_pci_core_state *st, u32 *shadow)
{
	struct resource *rom = &st->pdev->resource[PCI_ROM_RESOURCE];
	size_t size = vpc_rom_size(st);
	struct pci_bus_region region;
	u32 mask = 0;

	for (int n = 0; n < PCI_STD_NUM_BARS; n++)
		shadow[PCI_BASE_ADDRESS_0 / 4 + n] = bar_of_host(st->pdev, n);

	if (size)
		mask = ~(u32)(roundup_pow_of_two(size) - 1) &
		       PCI_ROM_ADDRESS_MASK;
	pcibios_resource_to_bus(st->pdev->bus, &region, rom);
	shadow[PCI_ROM_ADDRESS / 4] = region.start & mask;
	st->config.rom_writable = mask ? mask | PCI_ROM_ADDRESS_ENABLE : 0;
}

/*
 * A device that resets itself, or is reset on the way of a fatal error, loses its
 * BARs, which nobody told the host.
 */
void vpc_config_restore_bars(struct pci_dev *pdev)
{
	unsigned int where, lost = 0;
	u32 want, is;

	if (pdev->is_virtfn)
		return;
	for (int n = 0; n < PCI_STD_NUM_BARS; n++) {
		where = PCI_BASE_ADDRESS_0 + 4 * n;
		want = bar_of_host(pdev, n);
		pci_read_config_dword(pdev, where, &is);
		if (!want || is == want)
			continue;
		pci_write_config_dword(pdev, where, want);
		lost++;
	}
	if (lost)
		pci_info(pdev, "was reset behind our back: %u BARs restored\n", lost);
}

static int bar_effect(struct vfio_pci_core_state *st, struct vpc_config_write *w)
{
	int n = (w->offset - PCI_BASE_ADDRESS_0) / 4;
	const struct resource *res;
	bool upper;

	res = bar_resource(st->pdev, n, &upper);
	if (!res)
		return 0;
	w->mask &= vpc_bar_writable(resource_size(res), res->flags, upper);
	return vpc_config_store(st, w);
}

static int rom_effect(struct vfio_pci_core_state *st, struct vpc_config_write *w)
{
	w->mask &= st->config.rom_writable;
	return vpc_config_store(st, w);
}

/*
 * COMMAND
 */

/*
 * The high byte has INTX_DISABLE, which interrupt handling changes under slock,
 * also in interrupt context.
 */
static void set_command_high(struct vfio_pci_core_state *st, u16 owned, u16 cmd)
{
	u16 is;

	scoped_guard(spinlock_irqsave, &st->irqs.slock) {
		pci_read_config_word(st->pdev, PCI_COMMAND, &is);
		is = (is & ~owned) | (cmd & owned);
		pci_write_config_byte(st->pdev, PCI_COMMAND + 1, is >> 8);
	}
}

/* Give the hardware what is the user's of @cmd. Resets are kept away. */
static void set_command(struct vfio_pci_core_state *st,
			const struct vpc_reg *reg, u16 cmd)
{
	u16 owned = reg->write & ~reg->virt & 0xffff;
	struct pci_dev *pdev = st->pdev;
	u16 is, change;

	pci_read_config_word(pdev, PCI_COMMAND, &is);
	if (PCI_POSSIBLE_ERROR(is))
		return;
	change = (is ^ cmd) & owned;
	if (change & cmd & COMMAND_DECODE)
		vpc_config_restore_bars(pdev);
	if (change & 0xff00)
		set_command_high(st, owned, cmd);
	if (change & 0xff)
		pci_write_config_byte(pdev, PCI_COMMAND, is ^ change);
}

static int command_effect(struct vfio_pci_core_state *st,
			  struct vpc_config_write *w)
{
	u32 was = *w->shadow;
	u32 now = vpc_reg_store(w->reg, was, w->val, w->mask);
	u32 errors = w->val & w->mask & w->reg->clear;
	int ret;

	WRITE_ONCE(*w->shadow, now);
	if (st->config.memory_on && !(now & PCI_COMMAND_MEMORY))
		vpc_gate_set_memory(st, false);

	ret = vpc_gate_enter(st);
	if (ret)
		return ret;
	if (errors)
		pci_write_config_word(st->pdev, PCI_STATUS, errors >> 16);
	if (w->mask & 0xffff)
		set_command(st, w->reg, now);
	vpc_gate_exit(st);

	if ((was ^ now) & PCI_COMMAND_INTX_DISABLE)
		vpc_intx_set_command_disable(st, now & PCI_COMMAND_INTX_DISABLE);
	if (!st->config.memory_on && now & PCI_COMMAND_MEMORY)
		vpc_gate_set_memory(st, true);
	return 0;
}

/*
 * Make the hardware decode and master as the user has it, after something that may
 * have changed that. The gate is held, and vpc_config.lock, or users are kept away.
 */
void vpc_config_decode(struct vfio_pci_core_state *st)
{
	const struct vpc_config_map *map = &st->config.map;

	lockdep_assert_held(&st->gate.lock);
	if (!map->shadow)
		return;
	if (st->gate.inert)
		pci_clear_master(st->pdev);
	else
		set_command(st, &vpc_regs[map->rule[PCI_COMMAND / 4]],
			    READ_ONCE(map->shadow[PCI_COMMAND / 4]));
}

/*
 * Capabilities
 */

static bool has_power_state(u16 pmc, pci_power_t state)
{
	if (state == PCI_D1)
		return pmc & PCI_PM_CAP_D1;
	if (state == PCI_D2)
		return pmc & PCI_PM_CAP_D2;
	return true;
}

static int pmcsr_effect(struct vfio_pci_core_state *st,
			struct vpc_config_write *w)
{
	bool transition = w->mask & PCI_PM_CTRL_STATE_MASK;
	pci_power_t state;
	int ret;

	state = (__force pci_power_t)(w->val & PCI_PM_CTRL_STATE_MASK);
	w->mask &= PCI_PM_CTRL_DATA_SEL_MASK;
	ret = vpc_config_store(st, w);
	if (ret || !transition)
		return ret;

	/*
	 * A state that the function does not have is ignored (PCI-PM 3.2.4), and
	 * any other refusal shows in the register as well. PMC is in the dword
	 * before.
	 */
	if (has_power_state(w->shadow[-1] >> 16, state))
		vpc_power_set_state(st, state);
	return 0;
}

/*
 * VPD: writing the address starts a transfer, whose end shows in the flag above
 * it. The PCI core does it, since it has the lock that the functions of a device
 * need and knows which devices hang. A transfer that fails never ends.
 */
static int vpd_effect(struct vfio_pci_core_state *st, struct vpc_config_write *w)
{
	const u32 flag = (u32)PCI_VPD_ADDR_F << 16;
	__le32 data;
	u32 addr;
	int ret;

	ret = vpc_config_store(st, w);
	if (ret || !(w->mask & flag))
		return ret;

	addr = *w->shadow >> 16 & PCI_VPD_ADDR_MASK & ~3U;
	if (*w->shadow & flag) {
		data = cpu_to_le32(w->shadow[1]);
		ret = pci_write_vpd(st->pdev, addr, sizeof(data), &data);
	} else {
		ret = pci_read_vpd(st->pdev, addr, sizeof(data), &data);
		if (ret == sizeof(data))
			WRITE_ONCE(w->shadow[1], le32_to_cpu(data));
	}
	if (ret == sizeof(data))
		WRITE_ONCE(*w->shadow, *w->shadow ^ flag);
	return 0;
}

/* No more messages can be enabled than the function is capable of. */
static int msi_effect(struct vfio_pci_core_state *st, struct vpc_config_write *w)
{
	const u32 capable = (u32)PCI_MSI_FLAGS_QMASK << 16;
	const u32 enabled = (u32)PCI_MSI_FLAGS_QSIZE << 16;
	u32 max = FIELD_GET(capable, *w->shadow);
	int ret = vpc_config_store(st, w);

	if (FIELD_GET(enabled, *w->shadow) > max)
		WRITE_ONCE(*w->shadow, (*w->shadow & ~enabled) |
				       FIELD_PREP(enabled, max));
	return ret;
}

static int devctl_effect(struct vfio_pci_core_state *st,
			 struct vpc_config_write *w)
{
	u32 readrq = w->mask & w->reg->write & PCI_EXP_DEVCTL_READRQ;
	u32 was = *w->shadow;
	int ret;

	/* Reads 0 always; DEVCAP is the dword before. */
	w->reset = w->val & w->mask & PCI_EXP_DEVCTL_BCR_FLR &&
		   w->shadow[-1] & PCI_EXP_DEVCAP_FLR;
	w->val &= ~(u32)PCI_EXP_DEVCTL_BCR_FLR;
	ret = vpc_config_store(st, w);
	if (ret)
		return ret;

	if (!readrq || !((was ^ *w->shadow) & readrq))
		return 0;
	readrq = FIELD_GET(PCI_EXP_DEVCTL_READRQ, *w->shadow);
	/* 6 and 7 are reserved. */
	if (readrq > 5)
		return 0;
	ret = vpc_gate_enter(st);
	if (ret)
		return ret;
	pcie_set_readrq(st->pdev, 128 << readrq);
	vpc_gate_exit(st);
	return 0;
}

static int af_effect(struct vfio_pci_core_state *st, struct vpc_config_write *w)
{
	const u32 needs = (u32)(PCI_AF_CAP_FLR | PCI_AF_CAP_TP) << 24;

	w->reset = w->val & w->mask & PCI_AF_CTRL_FLR &&
		   (w->shadow[-1] & needs) == needs;
	return 0;
}

const vpc_effect_fn vpc_effects[VPC_NUM_EFFECTS] = {
	[VPC_EFFECT_COMMAND]	= command_effect,
	[VPC_EFFECT_BAR]	= bar_effect,
	[VPC_EFFECT_ROM]	= rom_effect,
	[VPC_EFFECT_PMCSR]	= pmcsr_effect,
	[VPC_EFFECT_VPD]	= vpd_effect,
	[VPC_EFFECT_MSI]	= msi_effect,
	[VPC_EFFECT_DEVCTL]	= devctl_effect,
	[VPC_EFFECT_AF]		= af_effect,
};
