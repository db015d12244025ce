// SPDX-License-Identifier: GPL-2.0-only
/*
 * Statistics: counters that start at 0 for each owner and go on where they were
 *
 * A VF's counters (data sheet 8.26, VFGPRC to VFGOTLBC) cannot be written and no
 * reset clears them: an owner would see what the last one moved. And a driver that
 * sees one go backwards, as after a migration, takes it for wrapped around and adds
 * 2^32. So the page that has them is trapped, and an offset is added to what the
 * hardware counts: at open such that the sum is 0, after a migration such that it
 * is what the guest saw last. Drivers read the counters every two seconds or so,
 * and use the rest of the page, the mailbox, as rarely.
 */
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

static u32 stat_base(struct i82576_vfio *vf, u64 reg)
{
	u32 base = 0;

	spin_lock(&vf->stats_lock);
	for (int i = 0; i < I82576_NUM_STATS; i++)
		if (stat_regs[i] == reg)
			base = vf->stats_base[i];
	spin_unlock(&vf->stats_lock);
	return base;
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
	*val = ioread32(io + reg) + stat_base(vf, reg);
	*val >>= 8 * (offset - reg);
	if (len == sizeof(u64))
		*val |= (u64)(ioread32(io + reg + 4) + stat_base(vf, reg + 4)) <<
			32;
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

/* Make counter @i read @value from now on. */
static int stat_set(struct i82576_vfio *vf, int i, u32 value)
{
	u32 counted;
	int ret;

	ret = vfio_pci_core_bar_read(&vf->core, I82576_BAR, stat_regs[i],
				     &counted);
	if (ret)
		return ret;
	spin_lock(&vf->stats_lock);
	vf->stats_base[i] = value - counted;
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
	u32 value;
	int ret;

	for (int i = 0; i < I82576_NUM_STATS; i++) {
		ret = vfio_pci_core_bar_read(&vf->core, I82576_BAR, stat_regs[i],
					     &value);
		if (ret)
			return ret;
		stats[i] = cpu_to_le32(value + stat_base(vf, stat_regs[i]));
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
