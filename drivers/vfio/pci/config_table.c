// SPDX-License-Identifier: GPL-2.0-only
/*
 * Table of the registers of config space
 *
 * A register that is not named here is read-only if its capability is known.
 */
#include <kunit/visibility.h>
#include <linux/bits.h>
#include <linux/pci_regs.h>

#include "config.h"
#include "vpc.h"

#define HI(word)	((u32)(word) << 16)
#define ALL		(~(u32)0)

/* COMMAND and STATUS, as far as they are the user's */
#define COMMAND_USER	(PCI_COMMAND_IO | PCI_COMMAND_MEMORY |		\
			 PCI_COMMAND_MASTER | PCI_COMMAND_SPECIAL |	\
			 PCI_COMMAND_INVALIDATE | PCI_COMMAND_PARITY |	\
			 PCI_COMMAND_SERR | PCI_COMMAND_FAST_BACK |	\
			 PCI_COMMAND_INTX_DISABLE)
#define STATUS_ERRORS	(PCI_STATUS_PARITY | PCI_STATUS_SIG_TARGET_ABORT | \
			 PCI_STATUS_REC_TARGET_ABORT |			\
			 PCI_STATUS_REC_MASTER_ABORT |			\
			 PCI_STATUS_SIG_SYSTEM_ERROR |			\
			 PCI_STATUS_DETECTED_PARITY)

/*
 * The payload size has to agree with everything on the way to the root, so the
 * user's is only remembered. The read request size is taken over through the PCI
 * core. Tags and phantom functions are the host's.
 */
#define DEVCTL_VIRT	(PCI_EXP_DEVCTL_PAYLOAD | PCI_EXP_DEVCTL_READRQ | \
			 PCI_EXP_DEVCTL_BCR_FLR)
#define DEVCTL_USER	(PCI_EXP_DEVCTL_CERE | PCI_EXP_DEVCTL_NFERE |	\
			 PCI_EXP_DEVCTL_FERE | PCI_EXP_DEVCTL_URRE |	\
			 PCI_EXP_DEVCTL_RELAX_EN | PCI_EXP_DEVCTL_NOSNOOP_EN)
#define DEVSTA_ERRORS	(PCI_EXP_DEVSTA_CED | PCI_EXP_DEVSTA_NFED |	\
			 PCI_EXP_DEVSTA_FED | PCI_EXP_DEVSTA_URD)

/* LTR, OBFF and tag sizes are the platform's, ARI forwarding a port's. */
#define DEVCTL2_USER	(PCI_EXP_DEVCTL2_COMP_TIMEOUT |			\
			 PCI_EXP_DEVCTL2_COMP_TMOUT_DIS |		\
			 PCI_EXP_DEVCTL2_ATOMIC_REQ |			\
			 PCI_EXP_DEVCTL2_IDO_REQ_EN |			\
			 PCI_EXP_DEVCTL2_IDO_CMP_EN)

/* Errors that AER defines (PCIe 7.8.4), in status, mask and severity alike */
#define AER_UNCOR	(PCI_ERR_UNC_DLP | PCI_ERR_UNC_SURPDN | GENMASK(27, 12))
#define AER_COR		(PCI_ERR_COR_RCVR | PCI_ERR_COR_BAD_TLP |	\
			 PCI_ERR_COR_BAD_DLLP | GENMASK(15, 12) |	\
			 PCI_ERR_COR_REP_ROLL)
#define AER_CAP_USER	(PCI_ERR_CAP_ECRC_GENE | PCI_ERR_CAP_ECRC_CHKE)

#define PMC_PME		HI(PCI_PM_CAP_PME_MASK)
#define PMCSR_PME	(PCI_PM_CTRL_PME_ENABLE | PCI_PM_CTRL_PME_STATUS)

#define REG(_block, _offset, ...)					\
	{ .block = VPC_BLOCK_##_block, .offset = (_offset), __VA_ARGS__ }
#define BAR(n)								\
	REG(HEADER, PCI_BASE_ADDRESS_0 + 4 * (n), .virt = ALL, .write = ALL, \
	    .effect = VPC_EFFECT_BAR)
#define CONSTANT(_block, _offset)	REG(_block, _offset, .virt = ALL)

const struct vpc_reg vpc_regs[] = {
	[VPC_REG_HIDDEN]	= { .virt = ALL, .zero = ALL },
	[VPC_REG_CONST]		= { .virt = ALL },
	[VPC_REG_LIVE]		= { },
	[VPC_REG_LIVE_HEAD]	= { .virt = 0xffff },
	[VPC_REG_RAW]		= { .write = ALL },

	/* Header (PCI 6.1, PCIe 7.5.1) */
	CONSTANT(HEADER, PCI_VENDOR_ID),
	REG(HEADER, PCI_COMMAND, .effect = VPC_EFFECT_COMMAND,
	    .virt = PCI_COMMAND_INTX_DISABLE | HI(PCI_STATUS_CAP_LIST),
	    .zero = PCI_COMMAND_INTX_DISABLE,
	    .write = COMMAND_USER, .clear = HI(STATUS_ERRORS)),
	CONSTANT(HEADER, PCI_CLASS_REVISION),
	/*
	 * A function under self test answers no access, for up to 2 s, which
	 * some hosts take for a fatal error: there is no BIST.
	 */
	REG(HEADER, PCI_CACHE_LINE_SIZE, .virt = 0xffff0000, .zero = 0xff000000,
	    .write = 0xffff),
	BAR(0), BAR(1), BAR(2), BAR(3), BAR(4), BAR(5),
	CONSTANT(HEADER, PCI_CARDBUS_CIS),
	CONSTANT(HEADER, PCI_SUBSYSTEM_VENDOR_ID),
	REG(HEADER, PCI_ROM_ADDRESS, .virt = ALL, .write = ALL,
	    .effect = VPC_EFFECT_ROM),
	REG(HEADER, PCI_CAPABILITY_LIST, .virt = ALL, .zero = ALL),
	REG(HEADER, 0x38, .virt = ALL, .zero = ALL),
	REG(HEADER, PCI_INTERRUPT_LINE, .virt = ALL, .write = 0xff),

	/* SR-IOV 3.4.1.3: memory of a VF is enabled in its PF's capability */
	REG(HEADER_NO_MEM, PCI_COMMAND, .effect = VPC_EFFECT_COMMAND,
	    .virt = PCI_COMMAND_INTX_DISABLE | PCI_COMMAND_MEMORY |
		    HI(PCI_STATUS_CAP_LIST),
	    .zero = PCI_COMMAND_INTX_DISABLE,
	    .write = COMMAND_USER, .clear = HI(STATUS_ERRORS)),

	/*
	 * Power management (PCI-PM 3.2). PME would wake the host, which has its
	 * own use for it.
	 */
	REG(PM, 0, .virt = ALL, .zero = PMC_PME),
	REG(PM, PCI_PM_CTRL, .effect = VPC_EFFECT_PMCSR, .virt = PMCSR_PME,
	    .zero = PMCSR_PME, .clear = PCI_PM_CTRL_PME_STATUS,
	    .write = PCI_PM_CTRL_STATE_MASK | PCI_PM_CTRL_DATA_SEL_MASK),

	/* Vital product data (PCI 6.4, appendix I), through the PCI core */
	REG(VPD, 0, .effect = VPC_EFFECT_VPD, .virt = ALL, .zero = 0xffff0000,
	    .write = 0xffff0000),
	REG(VPD, PCI_VPD_DATA, .virt = ALL, .zero = ALL, .write = ALL),

	/*
	 * MSI (PCI 6.8.1). Interrupts are set up with VFIO_DEVICE_SET_IRQS: what
	 * the user writes to address, data and flags is remembered, not done.
	 */
	REG(MSI, 0, .effect = VPC_EFFECT_MSI, .virt = ALL,
	    .zero = HI(PCI_MSI_FLAGS_ENABLE | PCI_MSI_FLAGS_QSIZE | 0xfe00),
	    .write = HI(PCI_MSI_FLAGS_ENABLE | PCI_MSI_FLAGS_QSIZE)),
	REG(MSI, PCI_MSI_ADDRESS_LO, .virt = ALL, .zero = ALL,
	    .write = GENMASK(31, 2)),
	REG(MSI_32, PCI_MSI_DATA_32, .virt = ALL, .zero = ALL, .write = 0xffff),
	REG(MSI_64, PCI_MSI_ADDRESS_HI, .virt = ALL, .zero = ALL, .write = ALL),
	REG(MSI_64, PCI_MSI_DATA_64, .virt = ALL, .zero = ALL, .write = 0xffff),
	/* Masks are, since only the function knows what is pending behind them. */
	REG(MSI_MASK_32, PCI_MSI_MASK_32, .write = ALL),
	REG(MSI_MASK_64, PCI_MSI_MASK_64, .write = ALL),

	/* Vendor-specific (PCI 6.7): id, link and length, then what it likes */
	REG(VNDR, 0, .virt = 0x00ffffff, .write = 0xff000000),

	/* PCI-X (PCI-X 7.2) */
	REG(PCIX, 0, .virt = 0xffff,
	    .write = HI(PCI_X_CMD_DPERR_E | PCI_X_CMD_ERO |
			PCI_X_CMD_MAX_READ | PCI_X_CMD_MAX_SPLIT)),
	REG(PCIX, PCI_X_STATUS, .clear = PCI_X_STATUS_SPL_DISC |
	    PCI_X_STATUS_UNX_SPL | PCI_X_STATUS_SPL_ERR),

	/* PCI Express (PCIe 7.5.3) */
	CONSTANT(EXP, 0),
	CONSTANT(EXP, PCI_EXP_DEVCAP),
	REG(EXP, PCI_EXP_DEVCTL, .effect = VPC_EFFECT_DEVCTL,
	    .virt = DEVCTL_VIRT, .zero = PCI_EXP_DEVCTL_BCR_FLR,
	    .write = DEVCTL_VIRT | DEVCTL_USER, .clear = HI(DEVSTA_ERRORS)),
	CONSTANT(EXP, PCI_EXP_LNKCAP),
	CONSTANT(EXP, PCI_EXP_DEVCAP2),
	REG(EXP, PCI_EXP_DEVCTL2, .write = DEVCTL2_USER),
	CONSTANT(EXP, PCI_EXP_LNKCAP2),

	/* SR-IOV 3.5.4: a VF has no device control but FLR */
	REG(EXP_VF, PCI_EXP_DEVCTL, .effect = VPC_EFFECT_DEVCTL,
	    .virt = PCI_EXP_DEVCTL_BCR_FLR, .zero = PCI_EXP_DEVCTL_BCR_FLR,
	    .write = PCI_EXP_DEVCTL_BCR_FLR, .clear = HI(DEVSTA_ERRORS)),

	/* MSI-X (PCI 6.8.2): as MSI */
	REG(MSIX, 0, .virt = ALL,
	    .zero = HI(PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL),
	    .write = HI(PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL)),
	CONSTANT(MSIX, PCI_MSIX_TABLE),
	CONSTANT(MSIX, PCI_MSIX_PBA),

	/* Advanced features (PCI ECN of 2006) */
	CONSTANT(AF, 0),
	REG(AF, PCI_AF_CTRL, .effect = VPC_EFFECT_AF, .virt = 0xff,
	    .zero = 0xff, .write = PCI_AF_CTRL_FLR),

	/* Advanced error reporting (PCIe 7.8.4) */
	REG(AER, PCI_ERR_UNCOR_STATUS, .clear = AER_UNCOR),
	REG(AER, PCI_ERR_UNCOR_MASK, .write = AER_UNCOR),
	REG(AER, PCI_ERR_UNCOR_SEVER, .write = AER_UNCOR),
	REG(AER, PCI_ERR_COR_STATUS, .clear = AER_COR),
	REG(AER, PCI_ERR_COR_MASK, .write = AER_COR),
	REG(AER, PCI_ERR_CAP, .write = AER_CAP_USER),

	/* Power budgeting (PCIe 7.8.1): the selector is needed to read it */
	REG(PWR, PCI_PWR_DSR, .write = 0xff),

	/* Vendor-specific, extended (PCIe 7.9.5, 7.9.6) */
	CONSTANT(VSEC, PCI_VNDR_HEADER),
	CONSTANT(DVSEC, PCI_DVSEC_HEADER1),
	REG(DVSEC, PCI_DVSEC_HEADER2, .virt = 0xffff, .write = 0xffff0000),
};
EXPORT_SYMBOL_IF_KUNIT(vpc_regs);

const unsigned int vpc_num_regs = ARRAY_SIZE(vpc_regs);
EXPORT_SYMBOL_IF_KUNIT(vpc_num_regs);

/* &struct vpc_config.rule is a byte. */
static_assert(ARRAY_SIZE(vpc_regs) <= 256);
