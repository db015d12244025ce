// SPDX-License-Identifier: GPL-2.0-only
/*
 * Expansion ROM (PCI 6.0, 7.5.1.2.4)
 *
 * It comes from the ROM BAR, from the copy that the BIOS left in RAM for the
 * primary VGA function, or from where the platform says. What the user wrote to
 * the ROM BAR's enable bit does not matter: decoding is on for as long as it is
 * read and no longer, because some functions share their decoder with a BAR.
 */
#include <linux/cleanup.h>
#include <linux/io.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "region.h"
#include "vpc.h"

#define ROM_CHUNK	SZ_64K

/**
 * struct rom_view - a ROM being read
 * @base: where it is
 * @len: bytes that it has; what is behind them in its BAR reads as ones
 * @platform: told by the platform rather than read from the function
 */
struct rom_view {
	void __iomem *base;
	size_t len;
	bool platform;
};

static bool from_platform(struct pci_dev *pdev)
{
	return pdev->rom && pdev->romlen;
}

static u64 rom_space(struct pci_dev *pdev)
{
	u64 size = pci_resource_len(pdev, PCI_ROM_RESOURCE);

	if (!size && from_platform(pdev))
		size = roundup_pow_of_two(pdev->romlen);
	return size;
}

/* What the user was told of it when config space was made, at open. */
u64 vpc_rom_region_size(struct vfio_pci_core_state *st)
{
	return (u32)-(st->config.rom_writable & (u32)PCI_ROM_ADDRESS_MASK);
}

/* Memory decoding is on. */
static int show_rom(struct pci_dev *pdev, struct rom_view *rom)
{
	rom->platform = false;
	rom->base = pci_map_rom(pdev, &rom->len);
	if (!rom->base && from_platform(pdev)) {
		rom->platform = true;
		rom->len = pdev->romlen;
		rom->base = ioremap(pdev->rom, pdev->romlen);
	}
	return rom->base ? 0 : -EIO;
}

static void hide_rom(struct pci_dev *pdev, struct rom_view *rom)
{
	if (rom->platform)
		iounmap(rom->base);
	else
		pci_unmap_rom(pdev, rom->base);
}

/* Look for a ROM with memory decoding on, whatever the user has it at. */
static bool find_rom(struct pci_dev *pdev)
{
	struct rom_view rom;
	u16 command;
	int ret;

	pci_read_config_word(pdev, PCI_COMMAND, &command);
	if (!(command & PCI_COMMAND_MEMORY))
		pci_write_config_word(pdev, PCI_COMMAND,
				      command | PCI_COMMAND_MEMORY);
	ret = show_rom(pdev, &rom);
	if (!ret)
		hide_rom(pdev, &rom);
	if (!(command & PCI_COMMAND_MEMORY))
		pci_write_config_word(pdev, PCI_COMMAND, command);
	return !ret;
}

/*
 * The size of the ROM: 0 unless there is one that can be read. Asked at open, when
 * the function may not decode memory yet: decoding is switched on behind the back
 * of whoever writes COMMAND, and he is kept from it meanwhile.
 */
size_t vpc_rom_size(struct vfio_pci_core_state *st)
{
	u64 size = rom_space(st->pdev);
	bool found = false;

	if (!size)
		return 0;

	guard(mutex)(&st->config.lock);
	if (vpc_gate_enter(st))
		return 0;
	if (!(st->gate.asleep & ~VPC_ASLEEP_LOW_POWER)) {
		guard(mutex)(&st->rom_lock);
		found = find_rom(st->pdev);
	}
	vpc_gate_exit(st);
	return found ? size : 0;
}

static int copy_rom(struct vfio_pci_core_state *st, u8 *buf, size_t len,
		    u64 offset)
{
	struct rom_view rom;
	size_t real = 0;
	int ret;

	/* Whoever hides it hides it from everybody. */
	guard(mutex)(&st->rom_lock);
	ret = show_rom(st->pdev, &rom);
	if (ret)
		return ret;
	if (offset < rom.len)
		real = min_t(u64, len, rom.len - offset);
	memcpy_fromio(buf, rom.base + offset, real);
	memset(buf + real, 0xff, len - real);
	hide_rom(st->pdev, &rom);
	return 0;
}

static int read_chunk(struct vfio_pci_core_state *st, u8 *buf, size_t len,
		      u64 offset)
{
	int ret;

	ret = vpc_region_enter_memory(st);
	if (ret)
		return ret;

	ret = copy_rom(st, buf, len, offset);
	vpc_gate_exit(st);
	return ret;
}

/*
 * Return: bytes read; -EINVAL beyond the end; -EIO while memory cannot be
 * reached, or if there is no ROM behind the BAR; -EFAULT; -ENOMEM.
 */
ssize_t vpc_rom_read(struct vfio_pci_core_state *st, char __user *buf,
		     size_t count, u64 offset)
{
	size_t done, len;
	int ret;

	ret = vpc_region_clamp(vpc_rom_region_size(st), offset, &count);
	if (ret)
		return ret;

	u8 *chunk __free(kvfree) = kvmalloc(min_t(size_t, count, ROM_CHUNK),
					    GFP_KERNEL);
	if (!chunk)
		return -ENOMEM;

	for (done = 0; done < count; done += len) {
		len = min_t(size_t, count - done, ROM_CHUNK);
		ret = read_chunk(st, chunk, len, offset + done);
		if (!ret && copy_to_user(buf + done, chunk, len))
			ret = -EFAULT;
		if (ret)
			return done ?: ret;
	}
	return done;
}
