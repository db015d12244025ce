/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Registers of the Intel 82576 that a manager of virtual functions needs
 *
 * Offsets are into BAR 0 of the physical function. Section numbers are those of
 * the "Intel 82576EB Gigabit Ethernet Controller Datasheet", revision 2.7:
 * 7.8 (I/O virtualisation), 7.10.3 (packet switching), 8 (registers). What
 * QEMU's model does differently is marked "QEMU:".
 */
#ifndef I82576_REGS_H
#define I82576_REGS_H

#include <linux/bits.h>

/* 8.2 General registers */
#define REG_CTRL		0x00000
#define   CTRL_FD		BIT(0)
#define   CTRL_MASTER_DISABLE	BIT(2)
#define   CTRL_SLU		BIT(6)
#define   CTRL_FRCSPD		BIT(11)
#define   CTRL_FRCDPX		BIT(12)
#define   CTRL_RST		BIT(26)
#define   CTRL_VME		BIT(30)
#define REG_STATUS		0x00008
#define   STATUS_FD		BIT(0)
#define   STATUS_LU		BIT(1)
#define   STATUS_LAN_ID		GENMASK(3, 2)
#define   STATUS_SPEED		GENMASK(7, 6)
#define   STATUS_MASTER_ENABLE	BIT(19)
#define REG_EEC			0x00010
#define   EEC_AUTO_RD		BIT(9)
#define REG_EERD		0x00014
#define   EERD_START		BIT(0)
#define   EERD_DONE		BIT(1)
#define   EERD_ADDR		GENMASK(15, 2)
#define   EERD_DATA		GENMASK(31, 16)
#define REG_CTRL_EXT		0x00018
#define   CTRL_EXT_PFRSTD	BIT(14)
#define   CTRL_EXT_LINK_MODE	GENMASK(23, 22)
#define     LINK_MODE_PHY	0
#define     LINK_MODE_KX	1
#define     LINK_MODE_SGMII	2
#define     LINK_MODE_SERDES	3
#define   CTRL_EXT_DRV_LOAD	BIT(28)
#define REG_MDIC		0x00020
#define   MDIC_DATA		GENMASK(15, 0)
#define   MDIC_REG		GENMASK(20, 16)
#define   MDIC_PHY		GENMASK(25, 21)
#define   MDIC_OP_WRITE		BIT(26)
#define   MDIC_OP_READ		BIT(27)
#define   MDIC_READY		BIT(28)
#define   MDIC_ERROR		BIT(30)

/* 4.7 Software and firmware share the PHY and the NVM by these. */
#define REG_SWSM		0x05b50
#define   SWSM_SMBI		BIT(0)
#define   SWSM_SWESMBI		BIT(1)
#define REG_SW_FW_SYNC		0x05b5c
#define   SYNC_NVM		BIT(0)
#define   SYNC_PHY(port)	BIT(1 + (port))
#define   SYNC_FW_SHIFT		16

/* 8.17 PCS, for 1000BASE-KX and SerDes */
#define REG_PCS_CFG		0x04200
#define   PCS_CFG_ENABLE	BIT(3)
#define REG_PCS_LCTL		0x04208
#define   PCS_LCTL_AN_ENABLE	BIT(16)
#define   PCS_LCTL_AN_RESTART	BIT(17)

/*
 * 8.8 Interrupts. EICR is never touched: reading it clears the VFs' causes.
 * The first four have aliases from 0x1500 on. QEMU: only these here work.
 */
#define REG_ICR			0x000c0
#define REG_IMS			0x000d0
#define REG_IMC			0x000d8
#define REG_IAM			0x000e0
#define   ICR_LSC		BIT(2)
#define   ICR_VMMB		BIT(8)
#define   ICR_FER		BIT(22)
#define REG_GPIE		0x01514
#define   GPIE_NSICR		BIT(0)
#define   GPIE_MULTIPLE_MSIX	BIT(4)
#define   GPIE_EIAME		BIT(30)
#define   GPIE_PBA		BIT(31)
#define REG_EIMS		0x01524
#define REG_EIMC		0x01528
#define REG_EIAC		0x0152c
#define REG_EIAM		0x01530
#define REG_EITR(v)		(0x01680 + 4 * (v))
/* One register per pair of queues n, n + 8, that is: one per VF. */
#define REG_IVAR(n)		(0x01700 + 4 * (n))
#define REG_IVAR_MISC		0x01740
#define   IVAR_MISC_OTHER(v)	(((v) | 0x80) << 8)

/* 8.10 Receive, 8.12 transmit */
#define REG_RCTL		0x00100
#define   RCTL_RXEN		BIT(1)
#define   RCTL_LPE		BIT(5)
#define   RCTL_BAM		BIT(15)
#define   RCTL_VFE		BIT(18)
#define   RCTL_SECRC		BIT(26)
#define REG_TCTL		0x00400
#define   TCTL_EN		BIT(1)
#define   TCTL_PSP		BIT(3)
#define   TCTL_CT		GENMASK(11, 4)
#define   TCTL_COLD		GENMASK(21, 12)
#define REG_DTXCTL		0x03590
#define   DTXCTL_VLAN_ADDED	BIT(3)
#define REG_RLPML		0x05004
#define REG_MTA(i)		(0x05200 + 4 * (i))
#define   MTA_WORDS		128
#define REG_RAL(i)		((i) < 16 ? 0x05400 + 8 * (i) : \
				 0x054e0 + 8 * ((i) - 16))
#define REG_RAH(i)		(REG_RAL(i) + 4)
#define   RAR_COUNT		24
#define   RAH_POOL(n)		BIT(18 + (n))
#define   RAH_AV		BIT(31)
#define REG_VFTA(i)		(0x05600 + 4 * (i))
#define   VFTA_WORDS		128
#define REG_MRQC		0x05818
#define   MRQC_VMDQ		3
#define REG_UTA(i)		(0x0a000 + 4 * (i))
#define   UTA_WORDS		128
#define REG_PSRTYPE(n)		(0x05480 + 4 * (n))

/* 8.10.x, 8.12.x Queues, in the layout that covers all sixteen of them */
#define REG_RDBAL(q)		(0x0c000 + 0x40 * (q))
#define REG_RDBAH(q)		(0x0c004 + 0x40 * (q))
#define REG_RDLEN(q)		(0x0c008 + 0x40 * (q))
#define REG_SRRCTL(q)		(0x0c00c + 0x40 * (q))
#define REG_RDH(q)		(0x0c010 + 0x40 * (q))
#define REG_RXCTL(q)		(0x0c014 + 0x40 * (q))
#define REG_RDT(q)		(0x0c018 + 0x40 * (q))
#define REG_RXDCTL(q)		(0x0c028 + 0x40 * (q))
#define REG_RQDPC(q)		(0x0c030 + 0x40 * (q))
#define REG_TDBAL(q)		(0x0e000 + 0x40 * (q))
#define REG_TDBAH(q)		(0x0e004 + 0x40 * (q))
#define REG_TDLEN(q)		(0x0e008 + 0x40 * (q))
#define REG_TDH(q)		(0x0e010 + 0x40 * (q))
#define REG_TXCTL(q)		(0x0e014 + 0x40 * (q))
#define REG_TDT(q)		(0x0e018 + 0x40 * (q))
#define REG_TXDCTL(q)		(0x0e028 + 0x40 * (q))
#define REG_TDWBAL(q)		(0x0e038 + 0x40 * (q))
#define REG_TDWBAH(q)		(0x0e03c + 0x40 * (q))
#define   XDCTL_ENABLE		BIT(25)

/* 8.14 Virtualisation */
#define REG_VMBMEM(n)		(0x00800 + 64 * (n))
#define REG_P2VMAILBOX(n)	(0x00c00 + 4 * (n))
#define   P2V_STS		BIT(0)
#define   P2V_ACK		BIT(1)
#define   P2V_VFU		BIT(2)
#define   P2V_PFU		BIT(3)
#define   P2V_RVFU		BIT(4)
#define REG_V2PMAILBOX(n)	(0x00c40 + 4 * (n))
#define   V2P_PFSTS		BIT(4)
#define   V2P_PFACK		BIT(5)
#define   V2P_RSTI		BIT(6)
#define   V2P_RSTD		BIT(7)
#define REG_MBVFICR		0x00c80
#define   MBVFICR_REQ(n)	BIT(n)
#define   MBVFICR_ACK(n)	BIT(16 + (n))
#define   MBVFICR_REQS		GENMASK(7, 0)
#define REG_MBVFIMR		0x00c84
#define REG_VFLRE		0x00c88
#define REG_VFRE		0x00c8c
#define REG_VFTE		0x00c90
#define REG_QDE			0x02408
#define REG_DTXSWC		0x03500
#define   DTXSWC_MACAS		GENMASK(7, 0)
#define   DTXSWC_VLANAS		GENMASK(15, 8)
#define   DTXSWC_LOOPBACK	BIT(31)
#define REG_WVBR		0x03554
#define REG_VMVIR(n)		(0x03700 + 4 * (n))
#define REG_VT_CTL		0x0581c
#define   VT_CTL_DIS_DEF_POOL	BIT(29)
#define   VT_CTL_REPLICATE	BIT(30)
#define REG_VMOLR(n)		(0x05ad0 + 4 * (n))
#define   VMOLR_RLPML		GENMASK(13, 0)
#define   VMOLR_LPE		BIT(16)
#define   VMOLR_AUPE		BIT(24)
#define   VMOLR_ROMPE		BIT(25)
#define   VMOLR_BAM		BIT(27)
#define   VMOLR_MPE		BIT(28)
#define   VMOLR_STRVLAN		BIT(30)
#define   VMOLR_STRCRC		BIT(31)
#define REG_RPLOLR		0x05af0
#define REG_VLVF(i)		(0x05d00 + 4 * (i))
#define   VLVF_COUNT		32
#define   VLVF_POOLS		GENMASK(19, 12)
#define   VLVF_ENABLE		BIT(31)

/* 8.26 Registers of VF n as the physical function sees them */
#define REG_PVTCTRL(n)		(0x10000 + 0x100 * (n))
#define   PVTCTRL_RST		BIT(26)
#define REG_PVTEICS(n)		(0x10020 + 0x100 * (n))
#define REG_PVTEIMS(n)		(0x10024 + 0x100 * (n))
#define REG_PVTEIMC(n)		(0x10028 + 0x100 * (n))
#define REG_PVTEIAC(n)		(0x1002c + 0x100 * (n))
#define REG_PVTEIAM(n)		(0x10030 + 0x100 * (n))
#define   PVT_VECTORS		GENMASK(2, 0)
#define REG_PVFGPRC(n)		(0x10010 + 0x100 * (n))
#define REG_PVFGPTC(n)		(0x10014 + 0x100 * (n))
#define REG_VTIVAR(n)		(0x11700 + 4 * (n))
#define REG_VTIVAR_MISC(n)	(0x11720 + 4 * (n))
/* An entry: VTIVAR has four, for each queue's receiving and sending */
#define   VTIVAR_ENTRIES	4
#define   VTIVAR_ENTRY_BITS	8
#define   VTIVAR_VECTOR		GENMASK(1, 0)
#define   VTIVAR_VALID		BIT(7)

/* 7.8.2.4 Vectors of VF n in EITR, EIMS and EICR, counted down from the top */
#define VF_VECTORS		3
#define VF_FIRST_VECTOR(n)	(22 - VF_VECTORS * (n))

/* 8.5 NVM words */
#define NVM_VERSION		0x05
#define NVM_PBA_0		0x08
#define NVM_PBA_1		0x09
#define   NVM_PBA_IS_POINTER	0xfafa
#define NVM_ETRACK_LOW		0x42
#define NVM_ETRACK_HIGH		0x43

#endif /* I82576_REGS_H */
