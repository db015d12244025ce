// SPDX-License-Identifier: GPL-2.0-only
/*
 * Capabilities that the user may see, and how long each of them is
 */
#include <linux/bitfield.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/pci_ids.h>
#include <linux/pci_regs.h>

#include "config.h"
#include "vpc.h"

static u16 upper(u32 dword)
{
	return dword >> 16;
}

static unsigned int msi_length(const struct vpc_config_source *src,
			       unsigned int pos)
{
	u16 flags = upper(vpc_source_read(src, pos));

	if (!(flags & PCI_MSI_FLAGS_64BIT))
		return flags & PCI_MSI_FLAGS_MASKBIT ?
			PCI_MSI_PENDING_32 + 4 : PCI_MSI_DATA_32 + 4;
	return flags & PCI_MSI_FLAGS_MASKBIT ?
		PCI_MSI_PENDING_64 + 4 : PCI_MSI_DATA_64 + 4;
}

static enum vpc_block msi_refine(const struct vpc_config_source *src,
				 unsigned int pos, unsigned int n)
{
	u16 flags = upper(vpc_source_read(src, pos));
	bool wide = flags & PCI_MSI_FLAGS_64BIT;

	if (n == 0)
		return wide ? VPC_BLOCK_MSI_64 : VPC_BLOCK_MSI_32;
	if (n == 1 && flags & PCI_MSI_FLAGS_MASKBIT)
		return wide ? VPC_BLOCK_MSI_MASK_64 : VPC_BLOCK_MSI_MASK_32;
	return VPC_BLOCK_NONE;
}

/* Third byte, counted from the id on; the header alone has three. */
static unsigned int vndr_length(const struct vpc_config_source *src,
				unsigned int pos)
{
	unsigned int len = upper(vpc_source_read(src, pos)) & 0xff;

	return len < 3 ? 0 : len;
}

static unsigned int pcix_length(const struct vpc_config_source *src,
				unsigned int pos)
{
	u16 cmd = upper(vpc_source_read(src, pos));

	return PCI_X_CMD_VERSION(cmd) ? PCI_CAP_PCIX_SIZEOF_V1 :
					PCI_CAP_PCIX_SIZEOF_V0;
}

/* PCIe 7.5.3: what a function does not need ends the structure, in version 1. */
static unsigned int exp_length(const struct vpc_config_source *src,
			       unsigned int pos)
{
	u16 flags = upper(vpc_source_read(src, pos));
	bool linkless = FIELD_GET(PCI_EXP_FLAGS_TYPE, flags) ==
			PCI_EXP_TYPE_RC_END;

	if ((flags & PCI_EXP_FLAGS_VERS) < 2)
		return linkless ? PCI_CAP_EXP_RC_ENDPOINT_SIZEOF_V1 :
				  PCI_CAP_EXP_ENDPOINT_SIZEOF_V1;
	return linkless ? PCI_CAP_EXP_RC_ENDPOINT_SIZEOF_V2 :
			  PCI_CAP_EXP_ENDPOINT_SIZEOF_V2;
}

static enum vpc_block exp_refine(const struct vpc_config_source *src,
				 unsigned int pos, unsigned int n)
{
	return !n && src->is_vf ? VPC_BLOCK_EXP_VF : VPC_BLOCK_NONE;
}

/* Each entry's first dword says how many follow it. */
static unsigned int ea_length(const struct vpc_config_source *src,
			      unsigned int pos)
{
	unsigned int num = upper(vpc_source_read(src, pos)) &
			   PCI_EA_NUM_ENT_MASK;
	unsigned int len = PCI_EA_FIRST_ENT;

	while (num-- && pos + len < PCI_CFG_SPACE_SIZE)
		len += 4 + 4 * (vpc_source_read(src, pos + len) & PCI_EA_ES);
	return len;
}

/* End of an arbitration table of @bits, whose offset register holds @off. */
static unsigned int table_end(u32 off, unsigned int bits)
{
	off >>= 24;
	return off ? off * 16 + bits / 8 : 0;
}

static unsigned int vc_phases(u32 cap)
{
	if (cap & PCI_VC_RES_CAP_256_PHASE)
		return 256;
	if (cap & (PCI_VC_RES_CAP_128_PHASE | PCI_VC_RES_CAP_128_PHASE_TB))
		return 128;
	if (cap & PCI_VC_RES_CAP_64_PHASE)
		return 64;
	return cap & PCI_VC_RES_CAP_32_PHASE ? 32 : 0;
}

/* PCIe 7.9.1: port registers, a set for each channel, arbitration tables. */
static unsigned int vc_length(const struct vpc_config_source *src,
			      unsigned int pos)
{
	u32 cap1 = vpc_source_read(src, pos + PCI_VC_PORT_CAP1);
	u32 cap2 = vpc_source_read(src, pos + PCI_VC_PORT_CAP2);
	unsigned int port_bits = 1 << FIELD_GET(PCI_VC_CAP1_ARB_SIZE, cap1);
	unsigned int num = 1 + FIELD_GET(PCI_VC_CAP1_EVCC, cap1);
	unsigned int len = PCI_CAP_VC_BASE_SIZEOF + num * PCI_CAP_VC_PER_VC_SIZEOF;

	/* An entry of the port's table has 4 bits; its phases coincide. */
	len = max(len, table_end(cap2, 4 * vc_phases(cap2 & 0xe)));
	if (pos + PCI_VC_RES_CAP + num * PCI_CAP_VC_PER_VC_SIZEOF > src->size)
		return 0;
	for (unsigned int i = 0; i < num; i++) {
		u32 cap = vpc_source_read(src, pos + PCI_VC_RES_CAP +
					       i * PCI_CAP_VC_PER_VC_SIZEOF);

		len = max(len, table_end(cap, port_bits * vc_phases(cap)));
	}
	return len;
}

/* Bits 31:20 behind the header: VSEC and DVSEC alike, PCIe 7.9.5 and 7.9.6. */
static unsigned int vsec_length(const struct vpc_config_source *src,
				unsigned int pos)
{
	u32 header = vpc_source_read(src, pos + PCI_VNDR_HEADER);
	unsigned int len = PCI_VNDR_HEADER_LEN(header);

	return len < PCI_VNDR_HEADER + 4 ? 0 : len;
}

static unsigned int dvsec_length(const struct vpc_config_source *src,
				 unsigned int pos)
{
	unsigned int len = vsec_length(src, pos);

	return len < PCI_DVSEC_HEADER2 + 2 ? 0 : len;
}

static unsigned int acs_length(const struct vpc_config_source *src,
			       unsigned int pos)
{
	u32 cap = vpc_source_read(src, pos + PCI_ACS_CAP);
	unsigned int bits = (cap >> 8) & 0xff;

	if (!(cap & PCI_ACS_EC))
		return PCI_ACS_EGRESS_CTL_V;
	return PCI_ACS_EGRESS_CTL_V + 4 * DIV_ROUND_UP(bits ?: 256, 32);
}

static unsigned int rebar_length(const struct vpc_config_source *src,
				 unsigned int pos)
{
	u32 ctrl = vpc_source_read(src, pos + PCI_REBAR_CTRL);
	unsigned int num = FIELD_GET(PCI_REBAR_CTRL_NBAR_MASK, ctrl);

	return num < 1 || num > 6 ? 0 : PCI_REBAR_CAP + 8 * num;
}

static unsigned int dpa_length(const struct vpc_config_source *src,
			       unsigned int pos)
{
	u32 cap = vpc_source_read(src, pos + PCI_DPA_CAP);

	return PCI_DPA_BASE_SIZEOF + 1 + (cap & PCI_DPA_CAP_SUBSTATE_MASK);
}

static unsigned int tph_length(const struct vpc_config_source *src,
			       unsigned int pos)
{
	u32 cap = vpc_source_read(src, pos + PCI_TPH_CAP);

	if ((cap & PCI_TPH_CAP_LOC_MASK) != PCI_TPH_LOC_CAP)
		return PCI_TPH_BASE_SIZEOF;
	return PCI_TPH_BASE_SIZEOF +
	       2 * (1 + FIELD_GET(PCI_TPH_CAP_ST_MASK, cap));
}

/*
 * CXL's registers (CXL 3.1 section 8.1) switch caching and memory that the host
 * maps, so they are read-only.
 */
static const struct vpc_cap cxl_dvsec = {
	.id = PCI_EXT_CAP_ID_DVSEC, .body = VPC_REG_LIVE,
	.len = PCI_DVSEC_HEADER2 + 4, .length = dvsec_length,
};

#define CAP(_id, _block, _body, ...)					\
	{ .id = PCI_CAP_ID_##_id, .block = VPC_BLOCK_##_block,		\
	  .body = VPC_REG_##_body, __VA_ARGS__ }
#define ECAP(_id, _block, _body, ...)					\
	{ .id = PCI_EXT_CAP_ID_##_id, .block = VPC_BLOCK_##_block,	\
	  .body = VPC_REG_##_body, __VA_ARGS__ }

/*
 * Not here, so hidden: what only bridges have (hot plug, subsystem id, flattening
 * portal bridge) and HyperTransport, secure device and debug port control.
 */
static const struct vpc_cap caps[] = {
	CAP(PM, PM, LIVE, .len = PCI_PM_SIZEOF),
	CAP(AGP, NONE, LIVE, .len = PCI_AGP_SIZEOF),
	CAP(VPD, VPD, LIVE, .len = PCI_CAP_VPD_SIZEOF),
	CAP(SLOTID, NONE, CONST, .len = PCI_CAP_SIZEOF),
	CAP(MSI, MSI, LIVE, .length = msi_length, .refine = msi_refine),
	CAP(PCIX, PCIX, LIVE, .length = pcix_length),
	CAP(VNDR, VNDR, RAW, .length = vndr_length),
	CAP(EXP, EXP, LIVE, .length = exp_length, .refine = exp_refine),
	CAP(MSIX, MSIX, LIVE, .len = PCI_CAP_MSIX_SIZEOF),
	CAP(SATA, NONE, CONST, .len = PCI_SATA_SIZEOF_SHORT),
	CAP(AF, AF, LIVE, .len = PCI_CAP_AF_SIZEOF),
	CAP(EA, NONE, CONST, .length = ea_length),
};

/*
 * Of these, the ones with a body that is LIVE and no registers of their own are
 * the host's to control: arbitration, isolation, address translation, virtual
 * functions, BAR sizes, latency. Not here, so hidden: page requests and PASIDs,
 * the link's physical layer and power states, time measurement, mailboxes (DOE)
 * and encryption keys, and what belongs to ports and root complexes.
 */
static const struct vpc_cap ext_caps[] = {
	ECAP(ERR, AER, LIVE, .len = PCI_ERR_ROOT_COMMAND),
	ECAP(VC, NONE, LIVE, .len = PCI_CAP_VC_BASE_SIZEOF, .length = vc_length),
	ECAP(DSN, NONE, CONST, .len = PCI_EXT_CAP_DSN_SIZEOF),
	ECAP(PWR, PWR, LIVE, .len = PCI_EXT_CAP_PWR_SIZEOF),
	ECAP(MFVC, NONE, LIVE, .len = PCI_CAP_VC_BASE_SIZEOF, .length = vc_length),
	ECAP(VC9, NONE, LIVE, .len = PCI_CAP_VC_BASE_SIZEOF, .length = vc_length),
	ECAP(VNDR, VSEC, RAW, .len = PCI_VNDR_HEADER + 4, .length = vsec_length),
	ECAP(ACS, NONE, LIVE, .len = PCI_ACS_EGRESS_CTL_V, .length = acs_length),
	ECAP(ARI, NONE, LIVE, .len = PCI_EXT_CAP_ARI_SIZEOF),
	ECAP(ATS, NONE, LIVE, .len = PCI_EXT_CAP_ATS_SIZEOF),
	ECAP(SRIOV, NONE, LIVE, .len = PCI_EXT_CAP_SRIOV_SIZEOF),
	ECAP(MCAST, NONE, LIVE, .len = PCI_EXT_CAP_MCAST_ENDPOINT_SIZEOF),
	ECAP(REBAR, NONE, LIVE, .len = PCI_REBAR_CTRL + 4, .length = rebar_length),
	ECAP(DPA, NONE, LIVE, .len = PCI_DPA_BASE_SIZEOF, .length = dpa_length),
	ECAP(TPH, NONE, LIVE, .len = PCI_TPH_BASE_SIZEOF, .length = tph_length),
	ECAP(LTR, NONE, LIVE, .len = PCI_EXT_CAP_LTR_SIZEOF),
	ECAP(DVSEC, DVSEC, RAW, .len = PCI_DVSEC_HEADER2 + 4,
	     .length = dvsec_length),
};

/* What is known of the capability at @pos of @src, NULL if it is to be hidden. */
const struct vpc_cap *vpc_cap_find(const struct vpc_config_source *src,
				   unsigned int pos)
{
	bool ext = pos >= PCI_CFG_SPACE_SIZE;
	u16 id = vpc_source_read(src, pos) & (ext ? 0xffff : 0xff);
	const struct vpc_cap *cap = ext ? ext_caps : caps;
	size_t num = ext ? ARRAY_SIZE(ext_caps) : ARRAY_SIZE(caps);

	if (!ext && ((id == PCI_CAP_ID_MSI && src->no_msi) ||
		     (id == PCI_CAP_ID_MSIX && src->no_msix)))
		return NULL;
	if (ext && id == PCI_EXT_CAP_ID_DVSEC &&
	    PCI_DVSEC_HEADER1_VID(vpc_source_read(src, pos + PCI_DVSEC_HEADER1)) ==
	    PCI_VENDOR_ID_CXL)
		return &cxl_dvsec;

	for (; num--; cap++)
		if (cap->id == id)
			return cap;
	return NULL;
}
