/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a test needs to know of a kind of device: registers that can be written
 * and read back, registers that never change, and how to raise an interrupt
 */
#ifndef UAPI_MODEL_H
#define UAPI_MODEL_H

#include "vfio.h"

struct model {
	uint16_t vendor, device;
	const char *name;
	/* A 32-bit register of BAR0 that keeps what is written to @scratch_bits */
	unsigned int scratch;
	uint32_t scratch_bits;
	bool no_scratch;	/* there is no such register */
	bool scratch_inverts;	/* reads as the complement of what was written */
	bool bus_reset_clears;	/* a reset of the bus clears it */
	/*
	 * A register of BAR @reset_bar that reads @reset_val once that is written, 0
	 * after any reset of the function, none of the kind if @reset_val is 0
	 */
	unsigned int reset_bar, reset_reg;
	uint32_t reset_val;
	/* 8 constant, not all equal bytes of a BAR that may be read in any way */
	unsigned int fixed_bar, fixed;
	bool has_fixed;
	/* The device raises its INTx, MSI or @vector of MSI-X; INTx goes down. */
	void (*raise)(struct vfio *d, unsigned int vector);
	void (*lower)(struct vfio *d);
	/* Vectors of MSI-X that raise() can raise */
	unsigned int vectors;
	bool raises_intx, raises_msi;
};

/* NULL if the device is none of those known */
const struct model *model_of(struct vfio *d);
/* NULL also if the device has no scratch register */
const struct model *model_with_scratch(struct vfio *d);
/* The same, but the test is skipped */
const struct model *model_needed(struct vfio *d);
/* Put something into the register that a reset clears / is it cleared? */
void reset_mark(struct vfio *d, const struct model *m);
bool reset_done(struct vfio *d, const struct model *m);
void scratch_write(struct vfio *d, const struct model *m, uint32_t val);
/* What the register reads after @val was written */
uint32_t scratch_value(const struct model *m, uint32_t val);

/*
 * edu's DMA engine: false if it does not come to an end. Its own memory begins at
 * EDU_BUFFER.
 */
#define EDU_BUFFER	0x40000
#define EDU_TO_RAM	2
bool edu_dma(struct vfio *d, uint64_t src, uint64_t dst, unsigned int len,
	     unsigned int dir);

#endif
