// SPDX-License-Identifier: GPL-2.0-only
/*
 * Statistics: counters that start at 0 for each owner and go on where they were
 *
 * A VF's counters (data sheet 8.26, VFGPRC to VFGOTLBC) cannot be written, and only a
 * reset of the PF clears them: an owner would see what the last one moved. And a driver
 * that sees one go backwards, as after a migration or a reset of the PF, takes it for
 * wrapped around and adds 2^32. So the page that has them is trapped, and an offset is
 * added to what the hardware counts: at open such that the sum is 0, after a migration
 * or a reset such that it is not below what the guest saw last. Drivers read the
 * counters every two seconds or so, and use the rest of the page, the mailbox, as
 * rarely.
 */
#include <linux/bits.h>
#include <linux/io.h>

#include "i82576_vfio.h"

#define PAGE_START	0x0000
#define PAGE_LENGTH	0x1000

static const u16 stat_regs[I82576_NUM_STATS] = {
	0xf10,	/* VFGPRC: good packets received */
	0xf14,	/* VFGPTC: good packets transmitted */
	0xf18,	/* VFGORC: good octets received */
	0xf34,	/* VFGOTC: good octets transmitted */
	0xf3c,	/* VFMPRC: multicast packets received */
	0xf40,	/* VFGPRLBC: good packets received in loopback */
	0xf44,	/* VFGPTLBC: good packets transmitted in loopback */
	0xf48,	/* VFGORLBC: good octets received in loopback */
	0xf50,	/* VFGOTLBC: good octets transmitted in loopback */
};

/*
 * Counter @i, of which the hardware has @counted. If that was less than at the last
 * look, it has either wrapped around or been cleared; the latter by a reset only.
 */
static u32 stat_value(struct i82576_vfio *vf, int i, u32 counted)
{
	u32 seen = vf->stats_seen[i];

	lockdep_assert_held(&vf->stats_lock);
	if (vf->stats_reset & BIT(i) && counted < seen - vf->stats_base[i])
		return seen;
	return counted + vf->stats_base[i];
}

/* What the guest gets to see of register @reg, which has @counted */
static u32 stat_show(struct i82576_vfio *vf, u64 reg, u32 counted)
{
	u32 value;

	for (int i = 0; i < I82576_NUM_STATS; i++) {
		if (stat_regs[i] != reg)
			continue;
		spin_lock(&vf->stats_lock);
		value = stat_value(vf, i, counted);
		vf->stats_base[i] = value - counted;
		vf->stats_seen[i] = value;
		vf->stats_reset &= ~BIT(i);
		spin_unlock(&vf->stats_lock);
		return value;
	}
	return counted;
}

/* Registers have four bytes; of other accesses there are none that mean something. */
static int stats_read(struct vfio_pci_core_device *core, u64 offset,
		      unsigned int len, u64 *val)
{
	struct i82576_vfio *vf = to_i82576_vfio(&core->vdev);
	void __iomem *io = vfio_pci_core_bar_map(core, I82576_BAR);
	u64 reg = ALIGN_DOWN(offset, sizeof(u32));

	if (IS_ERR(io))
		return PTR_ERR(io);
	*val = stat_show(vf, reg, ioread32(io + reg));
	*val >>= 8 * (offset - reg);
	if (len == sizeof(u64))
		*val |= (u64)stat_show(vf, reg + 4, ioread32(io + reg + 4)) << 32;
	return 0;
}

static int stats_write(struct vfio_pci_core_device *core, u64 offset,
		       unsigned int len, u64 val)
{
	void __iomem *io = vfio_pci_core_bar_map(core, I82576_BAR);

	if (IS_ERR(io))
		return PTR_ERR(io);
	if (len < sizeof(u32))
		return 0;
	iowrite32(val, io + offset);
	if (len == sizeof(u64))
		iowrite32(val >> 32, io + offset + sizeof(u32));
	return 0;
}

static const struct vfio_pci_core_trap_ops stats_trap = {
	.read	= stats_read,
	.write	= stats_write,
};

/*
 * Make counter @i read @value from now on. A reset in the middle leaves its mark, and
 * the next look makes up for it.
 */
static int stat_set(struct i82576_vfio *vf, int i, u32 value)
{
	u32 counted;
	int ret;

	spin_lock(&vf->stats_lock);
	vf->stats_reset &= ~BIT(i);
	spin_unlock(&vf->stats_lock);
	ret = vfio_pci_core_bar_read(&vf->core, I82576_BAR, stat_regs[i],
				     &counted);
	if (ret)
		return ret;
	spin_lock(&vf->stats_lock);
	vf->stats_base[i] = value - counted;
	vf->stats_seen[i] = value;
	spin_unlock(&vf->stats_lock);
	return 0;
}

/**
 * i82576_stats_open - trap the counters, and let a new owner begin with 0
 * @vf: virtual function being opened
 *
 * Return: 0 or a negative errno.
 */
int i82576_stats_open(struct i82576_vfio *vf)
{
	int ret;

	ret = vfio_pci_core_trap(&vf->core, I82576_BAR, PAGE_START, PAGE_LENGTH,
				 &stats_trap);
	for (int i = 0; !ret && i < I82576_NUM_STATS; i++)
		ret = stat_set(vf, i, 0);
	return ret;
}

/**
 * i82576_stats_save - the counters as the guest sees them
 * @vf: virtual function at rest
 * @stats: filled in
 *
 * Return: 0 or a negative errno.
 */
int i82576_stats_save(struct i82576_vfio *vf, __le32 *stats)
{
	u32 counted;
	int ret;

	for (int i = 0; i < I82576_NUM_STATS; i++) {
		ret = vfio_pci_core_bar_read(&vf->core, I82576_BAR, stat_regs[i],
					     &counted);
		if (ret)
			return ret;
		spin_lock(&vf->stats_lock);
		stats[i] = cpu_to_le32(stat_value(vf, i, counted));
		spin_unlock(&vf->stats_lock);
	}
	return 0;
}

/**
 * i82576_stats_load - let the guest see the counters that it knows
 * @vf: virtual function at rest
 * @stats: from i82576_stats_save(); any values are good
 *
 * Return: 0 or a negative errno.
 */
int i82576_stats_load(struct i82576_vfio *vf, const __le32 *stats)
{
	int ret = 0;

	for (int i = 0; !ret && i < I82576_NUM_STATS; i++)
		ret = stat_set(vf, i, le32_to_cpu(stats[i]));
	return ret;
}

/**
 * i82576_stats_was_reset - the VF was reset, perhaps with its PF
 * @vf: virtual function from which its user is still kept away
 */
void i82576_stats_was_reset(struct i82576_vfio *vf)
{
	spin_lock(&vf->stats_lock);
	vf->stats_reset = GENMASK(I82576_NUM_STATS - 1, 0);
	spin_unlock(&vf->stats_lock);
}
