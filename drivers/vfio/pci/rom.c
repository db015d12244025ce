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
 * @command: COMMAND as it is to be afterwards
 */
struct rom_view {
	void __iomem *base;
	size_t len;
	bool platform;
	u16 command;
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

/*
 * Reading a ROM may have to switch memory decoding on behind the user's back, so
 * it keeps him from writing COMMAND.
 */
static int hold_function(struct vfio_pci_core_state *st)
{
	int ret;

	mutex_lock(&st->config.lock);
	ret = vpc_gate_enter(st);
	if (!ret && st->gate.asleep) {
		vpc_gate_exit(st);
		ret = -EIO;
	}
	if (ret)
		mutex_unlock(&st->config.lock);
	return ret;
}

static void release_function(struct vfio_pci_core_state *st)
{
	vpc_gate_exit(st);
	mutex_unlock(&st->config.lock);
}

static int show_rom(struct vfio_pci_core_state *st, struct rom_view *rom)
{
	struct pci_dev *pdev = st->pdev;

	pci_read_config_word(pdev, PCI_COMMAND, &rom->command);
	if (!(rom->command & PCI_COMMAND_MEMORY))
		pci_write_config_word(pdev, PCI_COMMAND,
				      rom->command | PCI_COMMAND_MEMORY);

	rom->platform = false;
	rom->base = pci_map_rom(pdev, &rom->len);
	if (rom->base)
		return 0;

	if (from_platform(pdev)) {
		rom->platform = true;
		rom->len = pdev->romlen;
		rom->base = ioremap(pdev->rom, pdev->romlen);
		if (rom->base)
			return 0;
	}

	if (!(rom->command & PCI_COMMAND_MEMORY))
		pci_write_config_word(pdev, PCI_COMMAND, rom->command);
	return -EIO;
}

static void hide_rom(struct vfio_pci_core_state *st, struct rom_view *rom)
{
	if (rom->platform)
		iounmap(rom->base);
	else
		pci_unmap_rom(st->pdev, rom->base);
	if (!(rom->command & PCI_COMMAND_MEMORY))
		pci_write_config_word(st->pdev, PCI_COMMAND, rom->command);
}

/* The size of the ROM region: 0 unless there is a ROM that can be read. */
size_t vpc_rom_size(struct vfio_pci_core_state *st)
{
	u64 size = rom_space(st->pdev);
	struct rom_view rom;
	int ret;

	if (!size || hold_function(st))
		return 0;
	ret = show_rom(st, &rom);
	if (!ret)
		hide_rom(st, &rom);
	release_function(st);
	return ret ? 0 : size;
}

static int read_chunk(struct vfio_pci_core_state *st, u8 *buf, size_t len,
		      u64 offset)
{
	struct rom_view rom;
	size_t real = 0;
	int ret;

	ret = hold_function(st);
	if (ret)
		return ret;

	ret = show_rom(st, &rom);
	if (!ret) {
		if (offset < rom.len)
			real = min_t(u64, len, rom.len - offset);
		memcpy_fromio(buf, rom.base + offset, real);
		memset(buf + real, 0xff, len - real);
		hide_rom(st, &rom);
	}
	release_function(st);
	return ret;
}

/* Return: bytes read; -EINVAL beyond the end; -EIO; -EFAULT; -ENOMEM. */
ssize_t vpc_rom_read(struct vfio_pci_core_state *st, char __user *buf,
		     size_t count, u64 offset)
{
	size_t done, len;
	int ret;

	ret = vpc_region_clamp(rom_space(st->pdev), offset, &count);
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
