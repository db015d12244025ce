// SPDX-License-Identifier: GPL-2.0-only
/*
 * The devices of the lab, from their data sheets and QEMU's documentation
 */
#include "model.h"
#include "pci.h"
#include "test.h"

/* QEMU, docs/specs/edu.rst */
#define EDU_RAISE	0x60
#define EDU_ACK		0x64

static void edu_raise(struct vfio *d, unsigned int vector)
{
	bar_write32(d, 0, EDU_RAISE, 1u << vector);
}

static void edu_lower(struct vfio *d)
{
	bar_write32(d, 0, EDU_ACK, 0xffffffff);
}

/* Intel 82574, chapter 10: cause read, set, mask set and clear; IVAR */
#define E1000E_ICR	0x0c0
#define E1000E_ICS	0x0c8
#define E1000E_IMS	0x0d0
#define E1000E_IMC	0x0d8
#define E1000E_IVAR	0x0e4
#define E1000E_CAUSE	0x01000000	/* "other" */

static void e1000e_raise(struct vfio *d, unsigned int vector)
{
	/* Field of "other" causes, valid bit 3 */
	bar_write32(d, 0, E1000E_IVAR, (vector | 8) << 16);
	bar_write32(d, 0, E1000E_IMS, E1000E_CAUSE);
	bar_write32(d, 0, E1000E_ICS, E1000E_CAUSE);
}

static void e1000e_lower(struct vfio *d)
{
	bar_write32(d, 0, E1000E_IMC, 0xffffffff);
	bar_read32(d, 0, E1000E_ICR);
}

/* Intel 82576, chapter 8: extended causes, the same in PF and VF */
#define IGB_GPIE	0x1514
#define IGB_GPIE_MSIX	0x10
#define IGB_EICS	0x1520
#define IGB_EIMC	0x1528
#define IGB_EICR	0x1580
#define IGB_EIMS	0x1524

static void igb_raise(struct vfio *d, unsigned int vector)
{
	bar_write32(d, 0, IGB_GPIE, IGB_GPIE_MSIX);
	bar_write32(d, 0, IGB_EIMS, 1u << vector);
	bar_write32(d, 0, IGB_EICS, 1u << vector);
}

static void igb_lower(struct vfio *d)
{
	bar_write32(d, 0, IGB_EIMC, 0xffffffff);
	bar_read32(d, 0, IGB_EICR);
}

static void igbvf_raise(struct vfio *d, unsigned int vector)
{
	bar_write32(d, 0, IGB_EIMS, 1u << vector);
	bar_write32(d, 0, IGB_EICS, 1u << vector);
}

static const struct model models[] = {
	{
		.vendor = 0x1234, .device = 0x11e8, .name = "edu",
		.scratch = 0x04, .scratch_bits = 0xffffffff,
		.scratch_inverts = true,
		.raise = edu_raise, .lower = edu_lower,
		.raises_intx = true, .raises_msi = true,
	}, {
		.vendor = 0x8086, .device = 0x10d3, .name = "e1000e",
		.scratch = 0x2804 /* RDBAH */, .scratch_bits = 0xffffffff,
		.bus_reset_clears = true,
		.raise = e1000e_raise, .lower = e1000e_lower,
		.raises_intx = true, .raises_msi = true, .vectors = 5,
	}, {
		.vendor = 0x1b36, .device = 0x0010, .name = "nvme",
		.scratch = 0x24 /* AQA */, .scratch_bits = 0x0fff0fff,
		.reset_reg = 0x14 /* CC */, .reset_val = 0x00460000,
		.fixed = 0 /* CAP */, .has_fixed = true,
	}, {
		.vendor = 0x1af4, .device = 0x1041, .name = "virtio-net",
		.no_scratch = true,
		.reset_bar = 4, .reset_reg = 0x14 /* device_status */,
		.reset_val = 3,
	}, {
		.vendor = 0x8086, .device = 0x10c9, .name = "82576",
		.scratch = 0xc004 /* RDBAH 0 */, .scratch_bits = 0xffffffff,
		.bus_reset_clears = true,
		.reset_reg = 0xc004, .reset_val = 0x03030303,
		.raise = igb_raise, .lower = igb_lower,
		.vectors = 10,
	}, {
		.vendor = 0x8086, .device = 0x10ca, .name = "82576 VF",
		.scratch = 0x2804 /* RDBAH 0 */, .scratch_bits = 0xffffffff,
		.raise = igbvf_raise, .lower = igb_lower, .vectors = 3,
	},
};

const struct model *model_of(struct vfio *d)
{
	uint16_t vendor = cfg_read(d, PCI_VENDOR_ID, 2);
	uint16_t device = cfg_read(d, PCI_DEVICE_ID, 2);

	for (unsigned int i = 0; i < ARRAY_SIZE(models); i++)
		if (models[i].vendor == vendor && models[i].device == device)
			return &models[i];
	return NULL;
}

const struct model *model_with_scratch(struct vfio *d)
{
	const struct model *m = model_of(d);

	return m && !m->no_scratch ? m : NULL;
}

const struct model *model_needed(struct vfio *d)
{
	const struct model *m = model_with_scratch(d);

	if (!m)
		SKIP("this device's registers are unknown to the test");
	return m;
}

void reset_mark(struct vfio *d, const struct model *m)
{
	uint8_t val = m->reset_val;

	if (m->reset_val < 0x100)
		ASSERT_EQ(vfio_write(d, m->reset_bar, m->reset_reg, &val, 1), 1);
	else
		bar_write32(d, m->reset_bar, m->reset_reg, m->reset_val);
	ASSERT(!reset_done(d, m));
}

bool reset_done(struct vfio *d, const struct model *m)
{
	return !(bar_read32(d, m->reset_bar, m->reset_reg) & m->reset_val);
}

void scratch_write(struct vfio *d, const struct model *m, uint32_t val)
{
	bar_write32(d, 0, m->scratch, val & m->scratch_bits);
}

uint32_t scratch_value(const struct model *m, uint32_t val)
{
	val &= m->scratch_bits;
	return m->scratch_inverts ? ~val : val;
}

/* QEMU, docs/specs/edu.rst: a DMA engine with a buffer in the device */
#define EDU_SRC		0x80
#define EDU_DST		0x88
#define EDU_COUNT	0x90
#define EDU_CMD		0x98
#define EDU_START	1

static void edu_write64(struct vfio *d, uint64_t off, uint64_t val)
{
	ASSERT_EQ(vfio_write(d, 0, off, &val, 8), 8);
}

static bool edu_idle(struct vfio *d)
{
	uint64_t cmd = 0;

	ASSERT_EQ(vfio_read(d, 0, EDU_CMD, &cmd, 8), 8);
	return !(cmd & EDU_START);
}

bool edu_dma(struct vfio *d, uint64_t src, uint64_t dst, unsigned int len,
	     unsigned int dir)
{
	edu_write64(d, EDU_SRC, src);
	edu_write64(d, EDU_DST, dst);
	edu_write64(d, EDU_COUNT, len);
	edu_write64(d, EDU_CMD, EDU_START | dir);
	return WITHIN(2000, edu_idle(d));
}
