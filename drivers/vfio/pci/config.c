// SPDX-License-Identifier: GPL-2.0-only
/*
 * The user's view of config space: open, close, read and write
 *
 * What the hardware cannot change is read from the shadow, without a lock: a
 * dword is read as a whole. A read of the hardware waits for resets, but does not
 * hold the gate open: a reset by the PCI core keeps config space locked against
 * the accessors that reads use, and to one that is late a function in another
 * kind of reset, or a removed one, answers with ones, without harm.
 *
 * A write to the hardware holds the gate open, which keeps resets and the departure
 * of the function away meanwhile. So its accessors need not be those that wait for
 * the PCI core, and must not be: a reset has config space locked when it waits for
 * the gate.
 *
 * The lock orders writes. It is held while waiting at the gate, so nobody takes
 * it on the way of a reset: vpc_config_reset_done() does without.
 */
#include <linux/cleanup.h>
#include <linux/log2.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/unaligned.h>

#include "config.h"
#include "region.h"
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
		shadow[PCI_VENDOR_ID / 4] = pdev->vendor | (u32)pdev->device << 16;
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
 * Read the hardware. For the user the gate must not be held, and a reset by the PCI core
 * keeps the access out; with @gated the gate is held, which does that. A function that
 * does not answer reads as ones, as ever.
 */
static __always_inline u32 hw_read(struct pci_dev *pdev, unsigned int offset,
				   unsigned int width, bool gated)
{
	u32 val;
	u16 word;
	u8 byte;

	switch (width) {
	case 1:
		if (gated)
			pci_read_config_byte(pdev, offset, &byte);
		else
			pci_user_read_config_byte(pdev, offset, &byte);
		return byte;
	case 2:
		if (gated)
			pci_read_config_word(pdev, offset, &word);
		else
			pci_user_read_config_word(pdev, offset, &word);
		return word;
	default:
		if (gated)
			pci_read_config_dword(pdev, offset, &val);
		else
			pci_user_read_config_dword(pdev, offset, &val);
		return val;
	}
}

static int hw_write(struct pci_dev *pdev, unsigned int offset,
		    unsigned int width, u32 val)
{
	switch (width) {
	case 1:
		return pci_write_config_byte(pdev, offset, val);
	case 2:
		return pci_write_config_word(pdev, offset, val);
	default:
		return pci_write_config_dword(pdev, offset, val);
	}
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
 * A user who entered low power gave up the reference that keeps the function
 * awake: an access takes one of its own. The answer stays true under vpc_config.lock.
 */
static bool may_sleep(struct vfio_pci_core_state *st)
{
	return READ_ONCE(st->gate.asleep) & VPC_ASLEEP_LOW_POWER;
}

static int wake(struct vfio_pci_core_state *st, bool *awoken)
{
	*awoken = may_sleep(st);
	return unlikely(*awoken) ? vpc_power_get(st) : 0;
}

static void let_sleep(struct vfio_pci_core_state *st, bool awoken)
{
	if (unlikely(awoken))
		vpc_power_put(st);
}

static const struct vpc_reg *reg_at(const struct vpc_config_map *map,
				    unsigned int offset)
{
	return &vpc_regs[map->rule[offset / 4]];
}

/*
 * The user's view of what an access covers of a dword. The access to the hardware
 * has the width of the user's, since a device-specific register may care.
 */
static __always_inline u32 view(struct vfio_pci_core_state *st,
				unsigned int offset, unsigned int width)
{
	const struct vpc_config_map *map = &st->config.map;
	const struct vpc_reg *reg = reg_at(map, offset);
	u32 val = READ_ONCE(map->shadow[offset / 4]);
	unsigned int shift = (offset & 3) * 8;

	if (~reg->virt & vpc_reg_mask(offset, width))
		val = vpc_reg_view(reg, hw_read(st->pdev, offset, width, false) << shift,
				   val);
	return val >> shift;
}

static void fill(struct vfio_pci_core_state *st, u8 *data, size_t count,
		 unsigned int offset)
{
	unsigned int width;

	while (count) {
		for (; !(offset & 3) && count >= 4; offset += 4, count -= 4) {
			put_unaligned_le32(view(st, offset, 4), data);
			data += 4;
		}
		if (!count)
			break;
		width = access_width(offset, count);
		put_unaligned_le32(view(st, offset, width), data);
		offset += width;
		data += width;
		count -= width;
	}
}

static ssize_t read_chunks(struct vfio_pci_core_state *st, char __user *buf,
			   size_t count, unsigned int offset)
{
	u8 data[CHUNK + 3];
	size_t len;

	for (size_t done = 0; done < count; done += len) {
		len = chunk_length(offset + done, count - done);
		fill(st, data, len, offset + done);
		if (copy_to_user(buf + done, data, len))
			return -EFAULT;
	}
	return count;
}

/* An aligned access of a width that registers have. */
static bool is_plain(u64 offset, size_t count)
{
	return count <= 4 && is_power_of_2(count) && !(offset & (count - 1));
}

/* By far the most frequent access: one register. */
static ssize_t read_plain(struct vfio_pci_core_state *st, char __user *buf,
			  unsigned int width, unsigned int offset)
{
	switch (width) {
	case 1:
		return put_user(view(st, offset, 1), (u8 __user *)buf) ?: 1;
	case 2:
		return put_user(cpu_to_le16(view(st, offset, 2)),
				(__le16 __user *)buf) ?: 2;
	default:
		return put_user(cpu_to_le32(view(st, offset, 4)),
				(__le32 __user *)buf) ?: 4;
	}
}

/*
 * Read the user's view. A read that goes beyond the end is short, one that begins
 * there fails with -EINVAL. -EIO if the function has left. The caller needs no
 * runtime PM reference.
 */
ssize_t vpc_config_read(struct vfio_pci_core_state *st, char __user *buf,
			size_t count, u64 offset)
{
	const unsigned int size = st->config.map.size;
	bool awoken;
	ssize_t ret;

	if (unlikely(offset >= size))
		return -EINVAL;
	offset = array_index_nospec(offset, size);
	do {
		ret = vpc_gate_pass(st) ?: wake(st, &awoken);
		if (unlikely(ret))
			return ret;
		if (likely(is_plain(offset, count)))
			ret = read_plain(st, buf, count, offset);
		else
			ret = read_chunks(st, buf, min_t(u64, count, size - offset),
					  offset);
		let_sleep(st, awoken);
		/* Somebody let it sleep meanwhile: it may not have answered. */
	} while (unlikely(!awoken && may_sleep(st)));
	return ret;
}

/* Change the hardware as a write says. */
static int write_hw(struct vfio_pci_core_state *st,
		    const struct vpc_config_write *w)
{
	unsigned int shift = (w->offset & 3) * 8;
	const struct vpc_reg *reg = w->reg;
	u32 val = w->val;
	int ret;

	ret = vpc_gate_enter(st);
	if (ret)
		return ret;
	if (!vpc_write_is_whole(w)) {
		val = hw_read(st->pdev, w->offset, w->width, true) << shift;
		val = vpc_reg_merge(reg, val, w->val, w->mask);
	}
	ret = hw_write(st->pdev, w->offset, w->width, val >> shift);
	vpc_gate_exit(st);

	return pcibios_err_to_errno(ret);
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
	return write_hw(st, w);
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
		.reg = reg_at(map, offset),
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

/* As with hardware, the user is not told whether a reset worked. */
static void reset_if(struct vfio_pci_core_state *st, bool wanted)
{
	if (likely(!wanted) || vpc_power_get(st))
		return;
	vpc_reset_function(st);
	vpc_power_put(st);
}

static int write_chunk(struct vfio_pci_core_state *st, const u8 *data,
		       size_t count, unsigned int offset)
{
	bool reset = false, awoken;
	unsigned int width;
	int ret;

	mutex_lock(&st->config.lock);
	ret = wake(st, &awoken);
	if (ret) {
		mutex_unlock(&st->config.lock);
		return ret;
	}
	for (size_t done = 0; !ret && done < count; done += width) {
		width = access_width(offset + done, count - done);
		ret = write_one(st, offset + done, width,
				get_unaligned_le32(data + done), &reset);
	}
	let_sleep(st, awoken);
	mutex_unlock(&st->config.lock);
	reset_if(st, reset);
	return ret;
}

static ssize_t write_chunks(struct vfio_pci_core_state *st,
			    const char __user *buf, size_t count,
			    unsigned int offset)
{
	u8 data[CHUNK + 3];
	size_t len;
	int ret;

	for (size_t done = 0; done < count; done += len) {
		len = chunk_length(offset + done, count - done);
		if (copy_from_user(data, buf + done, len))
			return -EFAULT;
		ret = write_chunk(st, data, len, offset + done);
		if (ret)
			return ret;
	}
	return count;
}

static ssize_t write_plain(struct vfio_pci_core_state *st,
			   const char __user *buf, unsigned int width,
			   unsigned int offset)
{
	bool reset = false, awoken;
	u64 val;
	int ret;

	ret = vpc_fetch_le(buf, width, &val);
	if (unlikely(ret))
		return ret;
	mutex_lock(&st->config.lock);
	ret = wake(st, &awoken);
	if (likely(!ret)) {
		ret = write_one(st, offset, width, val, &reset);
		let_sleep(st, awoken);
	}
	mutex_unlock(&st->config.lock);
	reset_if(st, reset);
	return ret ? ret : (ssize_t)width;
}

/* Write to the user's view; otherwise as vpc_config_read(). */
ssize_t vpc_config_write(struct vfio_pci_core_state *st, const char __user *buf,
			 size_t count, u64 offset)
{
	const unsigned int size = st->config.map.size;

	if (unlikely(offset >= size))
		return -EINVAL;
	offset = array_index_nospec(offset, size);
	if (unlikely(vpc_gate_inert(st)))
		return -EIO;

	if (likely(is_plain(offset, count)))
		return write_plain(st, buf, count, offset);
	return write_chunks(st, buf, min_t(u64, count, size - offset), offset);
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
	guard(rwsem_read)(&st->gate.lock);
	vpc_config_decode(st);
}
