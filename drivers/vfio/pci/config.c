// SPDX-License-Identifier: GPL-2.0-only
/*
 * The user's view of config space: open, close, read and write
 *
 * What the hardware cannot change is read from the shadow, without a lock: a
 * dword is read as a whole. Everything else is read from the hardware with the
 * accessors that wait while the PCI core keeps config space to itself, as it does
 * during a reset. Writes to the hardware pass the gate.
 *
 * The lock orders writes. It is held while waiting for a reset, so nobody takes
 * it on the way of a reset: vpc_config_reset_done() does without.
 */
#include <linux/cleanup.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/unaligned.h>

#include "config.h"
#include "vpc.h"

/* Bytes that pass between user and function at a time, on the stack */
#define CHUNK	256

static u32 read_at_open(const struct vpc_config_source *src,
			unsigned int offset)
{
	u32 val;

	pci_user_read_config_dword(src->data, offset, &val);
	return val;
}

/* What the hardware cannot tell, or tells for the host only. */
static void seed(struct vfio_pci_core_state *st, u32 *shadow)
{
	struct pci_dev *pdev = st->pdev;
	u16 cmd;

	/* SR-IOV 3.4.1.1: a VF reads ones here. */
	if (pdev->is_virtfn)
		shadow[PCI_VENDOR_ID / 4] = pdev->vendor | pdev->device << 16;
	if (!vpc_irq_count(st, VFIO_PCI_INTX_IRQ_INDEX))
		shadow[PCI_INTERRUPT_LINE / 4] &= ~(u32)0xff00;
	vpc_config_seed_bars(st, shadow);

	pci_user_read_config_word(pdev, PCI_COMMAND, &cmd);
	cmd &= ~PCI_COMMAND_INTX_DISABLE;
	/* Programs use a VF's memory without enabling it first. */
	if (pdev->no_command_memory)
		cmd |= PCI_COMMAND_MEMORY;
	shadow[PCI_COMMAND / 4] |= cmd;
}

/* The function is enabled. -EIO if it does not answer. */
int vpc_config_open(struct vfio_pci_core_state *st)
{
	struct pci_dev *pdev = st->pdev;
	const struct vpc_config_source src = {
		.read = read_at_open,
		.data = pdev,
		.is_vf = pdev->is_virtfn,
		.no_mem_enable = pdev->no_command_memory,
		.no_msi = !pdev->msi_cap,
		.no_msix = !pdev->msix_cap,
		.size = pdev->cfg_size,
	};
	struct vpc_config_map map = { .size = src.size };

	if (PCI_POSSIBLE_ERROR(vpc_source_read(&src, PCI_CLASS_REVISION))) {
		pci_err(pdev, "does not answer: config space reads as ones\n");
		return -EIO;
	}

	/* A byte for the rule of each dword follows the dwords. */
	map.shadow = kzalloc(map.size + map.size / 4, GFP_KERNEL_ACCOUNT);
	if (!map.shadow)
		return -ENOMEM;
	map.rule = (u8 *)map.shadow + map.size;
	mutex_init(&st->config.lock);
	vpc_config_walk(&map, &src);
	seed(st, map.shadow);

	guard(rwsem_write)(&st->gate.lock);
	st->config.map = map;
	st->config.memory_on = map.shadow[PCI_COMMAND / 4] & PCI_COMMAND_MEMORY;
	return 0;
}

void vpc_config_close(struct vfio_pci_core_state *st)
{
	u32 *shadow = st->config.map.shadow;

	/* A reset by somebody else may be in vpc_config_reset_done(). */
	scoped_guard(rwsem_write, &st->gate.lock) {
		st->config.map = (struct vpc_config_map){};
		st->config.memory_on = false;
	}
	kfree(shadow);
}

/*
 * The PCI core keeps users out during its resets. A driver's own reset is known
 * to the gate only.
 */
static int wait_for_function(struct vfio_pci_core_state *st)
{
	struct vpc_gate *gate = &st->gate;

	if (vpc_gate_inert(st))
		return -EIO;
	if (unlikely(READ_ONCE(gate->blocked)) &&
	    wait_event_killable(gate->unblocked, !READ_ONCE(gate->blocked)))
		return -EINTR;
	return 0;
}

/* A function that does not answer reads as ones, as ever. */
static u32 hw_read(struct pci_dev *pdev, unsigned int offset,
		   unsigned int width)
{
	u32 val;
	u16 word;
	u8 byte;

	switch (width) {
	case 1:
		pci_user_read_config_byte(pdev, offset, &byte);
		return byte;
	case 2:
		pci_user_read_config_word(pdev, offset, &word);
		return word;
	default:
		pci_user_read_config_dword(pdev, offset, &val);
		return val;
	}
}

/*
 * Change the hardware as a write says. The gate keeps resets and the departure of
 * the function away meanwhile, so the accessors need not wait. That also allows
 * a reset to have config space locked while it waits for the gate.
 */
static int hw_write(struct vfio_pci_core_state *st,
		    const struct vpc_config_write *w)
{
	const struct vpc_reg *reg = w->reg;
	unsigned int shift = (w->offset & 3) * 8;
	struct pci_dev *pdev = st->pdev;
	u32 val = w->val;
	int ret;

	ret = vpc_gate_enter(st);
	if (ret)
		return ret;

	if (w->mask & ~(reg->write & ~reg->virt)) {
		pci_read_config_dword(pdev, w->offset & ~3U, &val);
		val = vpc_reg_merge(reg, val, w->val, w->mask);
	}
	val >>= shift;
	if (w->width == 1)
		ret = pci_write_config_byte(pdev, w->offset, val);
	else if (w->width == 2)
		ret = pci_write_config_word(pdev, w->offset, val);
	else
		ret = pci_write_config_dword(pdev, w->offset, val);

	vpc_gate_exit(st);
	return pcibios_err_to_errno(ret);
}

/* Largest aligned access at @offset that is not longer than @count. */
static unsigned int access_width(u64 offset, size_t count)
{
	if (!(offset & 3) && count >= 4)
		return 4;
	return !(offset & 1) && count >= 2 ? 2 : 1;
}

/* Chunks end at a dword, lest an access be torn. */
static size_t chunk_length(u64 offset, size_t count)
{
	return min_t(size_t, count, CHUNK - (offset & 3));
}

/*
 * An access to the hardware has the width of the user's, since a device-specific
 * register may care.
 */
static u32 view(struct vfio_pci_core_state *st, unsigned int offset,
		unsigned int width)
{
	const struct vpc_config_map *map = &st->config.map;
	const struct vpc_reg *reg = &vpc_regs[map->rule[offset / 4]];
	unsigned int shift = (offset & 3) * 8;
	u32 shadow = READ_ONCE(map->shadow[offset / 4]);
	u32 hw = 0;

	if (~reg->virt & vpc_reg_mask(offset, width))
		hw = hw_read(st->pdev, offset, width) << shift;
	return vpc_reg_view(reg, hw, shadow) >> shift;
}

static ssize_t read_chunk(struct vfio_pci_core_state *st, char __user *buf,
			  size_t count, unsigned int offset)
{
	u8 data[CHUNK + 3];
	unsigned int width;

	for (size_t done = 0; done < count; done += width) {
		width = access_width(offset + done, count - done);
		put_unaligned_le32(view(st, offset + done, width), data + done);
	}
	return copy_to_user(buf, data, count) ? -EFAULT : 0;
}

/*
 * Read the user's view. A read that goes beyond the end is short, one that begins
 * there fails with -EINVAL. -EIO if the function has left.
 */
ssize_t vpc_config_read(struct vfio_pci_core_state *st, char __user *buf,
			size_t count, u64 offset)
{
	ssize_t ret;

	if (offset >= st->config.map.size)
		return -EINVAL;
	count = min_t(u64, count, st->config.map.size - offset);
	ret = wait_for_function(st);
	if (ret)
		return ret;

	/* By far the most frequent access: a register. */
	if (count == 4 && !(offset & 3))
		return put_user(cpu_to_le32(view(st, offset, 4)),
				(__le32 __user *)buf) ?: 4;

	for (size_t done = 0, len; done < count; done += len) {
		len = chunk_length(offset + done, count - done);
		ret = read_chunk(st, buf + done, len, offset + done);
		if (ret)
			return ret;
	}
	return count;
}

/* Store a write in shadow and hardware, as its register says. */
int vpc_config_store(struct vfio_pci_core_state *st, struct vpc_config_write *w)
{
	const struct vpc_reg *reg = w->reg;

	lockdep_assert_held(&st->config.lock);
	WRITE_ONCE(*w->shadow, vpc_reg_store(reg, *w->shadow, w->val, w->mask));
	if (!(w->mask & reg->write & ~reg->virt) &&
	    !(w->val & w->mask & reg->clear & ~reg->virt))
		return 0;
	return hw_write(st, w);
}

static int write_one(struct vfio_pci_core_state *st, unsigned int offset,
		     unsigned int width, u32 val, bool *reset)
{
	const struct vpc_config_map *map = &st->config.map;
	struct vpc_config_write w = {
		.offset = offset,
		.width = width,
		.val = val << (offset & 3) * 8,
		.mask = vpc_reg_mask(offset, width),
		.reg = &vpc_regs[map->rule[offset / 4]],
		.shadow = &map->shadow[offset / 4],
	};
	int ret;

	w.val &= w.mask;
	if (!(w.mask & (w.reg->write | w.reg->clear)))
		return 0;

	if (w.reg->effect)
		ret = vpc_effects[w.reg->effect](st, &w);
	else
		ret = vpc_config_store(st, &w);
	*reset |= w.reset;
	return ret;
}

static int write_chunk(struct vfio_pci_core_state *st, const u8 *data,
		       size_t count, unsigned int offset, bool *reset)
{
	unsigned int width;
	u32 val;
	int ret;

	guard(mutex)(&st->config.lock);
	ret = wait_for_function(st);
	for (size_t done = 0; !ret && done < count; done += width) {
		width = access_width(offset + done, count - done);
		val = get_unaligned_le32(data + done);
		ret = write_one(st, offset + done, width, val, reset);
	}
	return ret;
}

/* Write to the user's view; ends and errors as with vpc_config_read(). */
ssize_t vpc_config_write(struct vfio_pci_core_state *st, const char __user *buf,
			 size_t count, u64 offset)
{
	u8 data[CHUNK + 3];
	bool reset;
	int ret;

	if (offset >= st->config.map.size)
		return -EINVAL;
	count = min_t(u64, count, st->config.map.size - offset);

	for (size_t done = 0, len; done < count; done += len) {
		len = chunk_length(offset + done, count - done);
		if (copy_from_user(data, buf + done, len))
			return -EFAULT;
		reset = false;
		ret = write_chunk(st, data, len, offset + done, &reset);
		if (ret)
			return ret;
		/* As hardware does, the user is not told whether it worked. */
		if (reset)
			vpc_reset_function(st);
	}
	return count;
}

/*
 * The function has been reset and users are still kept away. The reset, or who
 * asked for it, has given back what config space held before, as far as the user
 * can tell: VFIO_DEVICE_RESET keeps the user's view, and after a reset through
 * config space a guest restores what it needs by itself. So the shadow stays.
 * Decoding and bus mastering are checked, since mappings depend on them.
 *
 * Context: the device lock and config space may be held by the caller, and
 * vpc_config.lock by somebody who waits for this reset.
 */
void vpc_config_reset_done(struct vfio_pci_core_state *st)
{
	vpc_config_resync(st);
}
