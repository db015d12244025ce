// SPDX-License-Identifier: GPL-2.0-only
/*
 * Config space: what a user may change in each capability
 */
#include "pci.h"
#include "test.h"

static unsigned int cap_needed(struct vfio *d, unsigned int id)
{
	unsigned int pos = cfg_cap(d, id);

	if (!pos)
		SKIP("no such capability");
	return pos;
}

TEST(pm_states, "a power state that is written is taken, and memory is off below D0")
{
	struct vfio *d = dut();
	unsigned int reg = cap_needed(d, PCI_CAP_ID_PM) + PCI_PM_CTRL;
	uint16_t ctrl = cfg_read(d, reg, 2) & ~PCI_PM_CTRL_STATE_MASK;

	cfg_write(d, reg, 2, ctrl | 3);
	EXPECT_EQ(cfg_read(d, reg, 2) & PCI_PM_CTRL_STATE_MASK, 3);
	EXPECT_EQ(host_read(d->bdf, reg, 2) & PCI_PM_CTRL_STATE_MASK, 3);
	EXPECT_EQ(probe_bar(d), -EIO);
	cfg_write(d, reg, 2, ctrl);
	EXPECT_EQ(cfg_read(d, reg, 2) & PCI_PM_CTRL_STATE_MASK, 0);
	EXPECT_EQ(host_read(d->bdf, reg, 2) & PCI_PM_CTRL_STATE_MASK, 0);
	cfg_command(d, PCI_COMMAND_MEMORY, 0);
	EXPECT_EQ(probe_bar(d), 4);
}

TEST(pm_keeps, "D3hot and back keeps BARs and COMMAND")
{
	struct vfio *d = dut();
	unsigned int reg = cap_needed(d, PCI_CAP_ID_PM) + PCI_PM_CTRL;
	uint16_t ctrl = cfg_read(d, reg, 2) & ~PCI_PM_CTRL_STATE_MASK;
	uint32_t bars[6], cmd;

	for (unsigned int i = 0; i < 6; i++)
		bars[i] = host_read(d->bdf, PCI_BASE_ADDRESS_0 + 4 * i, 4);
	cfg_command(d, PCI_COMMAND_MASTER, 0);
	cmd = host_read(d->bdf, PCI_COMMAND, 2);
	cfg_write(d, reg, 2, ctrl | 3);
	cfg_write(d, reg, 2, ctrl);
	EXPECT_EQ(host_read(d->bdf, PCI_COMMAND, 2), cmd);
	for (unsigned int i = 0; i < 6; i++)
		EXPECT_EQ(host_read(d->bdf, PCI_BASE_ADDRESS_0 + 4 * i, 4), bars[i]);
}

TEST(pm_wakeup, "wakeup stays with the host: PME is neither offered nor enabled")
{
	struct vfio *d = dut();
	unsigned int pos = cap_needed(d, PCI_CAP_ID_PM);
	uint16_t ctrl = cfg_read(d, pos + PCI_PM_CTRL, 2);

	EXPECT_EQ(cfg_read(d, pos + PCI_PM_PMC, 2) & PCI_PM_CAP_PME_MASK, 0);
	EXPECT_EQ(host_read(d->bdf, pos + PCI_PM_CTRL, 2) & PCI_PM_CTRL_PME_ENABLE, 0);
	cfg_write(d, pos + PCI_PM_CTRL, 2, ctrl | PCI_PM_CTRL_PME_ENABLE);
	EXPECT_EQ(host_read(d->bdf, pos + PCI_PM_CTRL, 2) & PCI_PM_CTRL_PME_ENABLE, 0);
	cfg_write(d, pos + PCI_PM_CTRL, 2, ctrl);
}

TEST(msi_address, "the MSI address and data are the user's copy")
{
	struct vfio *d = dut();
	unsigned int pos = cap_needed(d, PCI_CAP_ID_MSI);
	uint32_t host = host_read(d->bdf, pos + PCI_MSI_ADDRESS_LO, 4);
	bool wide = cfg_read(d, pos + PCI_MSI_FLAGS, 2) & PCI_MSI_FLAGS_64BIT;
	unsigned int data = pos + (wide ? PCI_MSI_DATA_64 : PCI_MSI_DATA_32);

	cfg_write(d, pos + PCI_MSI_ADDRESS_LO, 4, 0xfee01234);
	cfg_write(d, data, 2, 0x4321);
	EXPECT_EQ(cfg_read(d, pos + PCI_MSI_ADDRESS_LO, 4), 0xfee01234);
	EXPECT_EQ(cfg_read(d, data, 2), 0x4321);
	EXPECT_EQ(host_read(d->bdf, pos + PCI_MSI_ADDRESS_LO, 4), host);
	cfg_write(d, pos + PCI_MSI_ADDRESS_LO, 4, 0);
	cfg_write(d, data, 2, 0);
}

TEST(msi_enable, "MSI enable in config space does nothing before eventfds are set")
{
	struct vfio *d = dut();
	unsigned int pos = cap_needed(d, PCI_CAP_ID_MSI);
	uint16_t flags = cfg_read(d, pos + PCI_MSI_FLAGS, 2);

	EXPECT_EQ(flags & PCI_MSI_FLAGS_ENABLE, 0);
	cfg_write(d, pos + PCI_MSI_FLAGS, 2, flags | PCI_MSI_FLAGS_ENABLE);
	EXPECT_EQ(host_read(d->bdf, pos + PCI_MSI_FLAGS, 2) & PCI_MSI_FLAGS_ENABLE, 0);
	cfg_write(d, pos + PCI_MSI_FLAGS, 2, flags);
	EXPECT_EQ(host_read(d->bdf, pos + PCI_MSI_FLAGS, 2) & PCI_MSI_FLAGS_ENABLE, 0);
}

TEST(msix_enable, "MSI-X enable in config space does not reach the hardware")
{
	struct vfio *d = dut();
	unsigned int pos = cap_needed(d, PCI_CAP_ID_MSIX);
	uint16_t flags = cfg_read(d, pos + PCI_MSIX_FLAGS, 2);

	cfg_write(d, pos + PCI_MSIX_FLAGS, 2,
		  flags | PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	EXPECT_EQ(host_read(d->bdf, pos + PCI_MSIX_FLAGS, 2) &
		  (PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL), 0);
	EXPECT_EQ(cfg_read(d, pos + PCI_MSIX_TABLE, 4),
		  host_read(d->bdf, pos + PCI_MSIX_TABLE, 4));
	cfg_write(d, pos + PCI_MSIX_FLAGS, 2, flags);
}

TEST(exp_sizes, "payload and read request sizes: the host's payload stays")
{
	struct vfio *d = dut();
	unsigned int reg = cap_needed(d, PCI_CAP_ID_EXP) + PCI_EXP_DEVCTL;
	uint16_t host = host_read(d->bdf, reg, 2), old = cfg_read(d, reg, 2), now;

	/* SR-IOV 1.1, 3.5.4: reserved there; mainline lets the user write a copy */
	if (host_is_vf(d->bdf))
		SKIP("a VF has the sizes of its PF");
	cfg_write(d, reg, 2, (old & ~PCI_EXP_DEVCTL_PAYLOAD) | PCI_EXP_DEVCTL_PAYLOAD_512B);
	EXPECT_EQ(cfg_read(d, reg, 2) & PCI_EXP_DEVCTL_PAYLOAD,
		  PCI_EXP_DEVCTL_PAYLOAD_512B);
	now = host_read(d->bdf, reg, 2);
	EXPECT_EQ(now & PCI_EXP_DEVCTL_PAYLOAD, host & PCI_EXP_DEVCTL_PAYLOAD);
	cfg_write(d, reg, 2, (old & ~PCI_EXP_DEVCTL_READRQ) | PCI_EXP_DEVCTL_READRQ_512B);
	EXPECT_EQ(cfg_read(d, reg, 2) & PCI_EXP_DEVCTL_READRQ,
		  PCI_EXP_DEVCTL_READRQ_512B);
	cfg_write(d, reg, 2, old);
}

TEST(exp_links, "what a PCIe capability says of itself cannot be written")
{
	struct vfio *d = dut();
	unsigned int pos = cap_needed(d, PCI_CAP_ID_EXP);
	static const unsigned int regs[] = { PCI_EXP_FLAGS & ~3u, PCI_EXP_DEVCAP,
					     PCI_EXP_LNKCAP };

	for (unsigned int i = 0; i < ARRAY_SIZE(regs); i++) {
		uint32_t old = cfg_read(d, pos + regs[i], 4);

		cfg_write(d, pos + regs[i], 4, ~old);
		EXPECT_EQ(cfg_read(d, pos + regs[i], 4), old);
	}
}

TEST(vndr, "a vendor-specific capability passes writes to the device")
{
	struct vfio *d = dut();
	unsigned int pos = cap_needed(d, PCI_CAP_ID_VNDR);
	uint16_t num = 0;
	uint32_t val;

	if (cfg_read(d, PCI_VENDOR_ID, 2) != 0x1af4)
		SKIP("contents known for virtio only");
	/* virtio 1.2, 4.1.4.9: VIRTIO_PCI_CAP_PCI_CFG, a window on a BAR */
	while (pos && cfg_read(d, pos + 3, 1) != 5)
		for (pos = cfg_read(d, pos + 1, 1); pos; pos = cfg_read(d, pos + 1, 1))
			if (cfg_read(d, pos, 1) == PCI_CAP_ID_VNDR)
				break;
	if (!pos)
		SKIP("no window capability");
	cfg_write(d, pos + 4, 1, 4);		/* BAR 4: common configuration */
	cfg_write(d, pos + 8, 4, 0x12);		/* num_queues */
	cfg_write(d, pos + 12, 4, 2);
	val = cfg_read(d, pos + 16, 2);
	ASSERT_EQ(vfio_read(d, 4, 0x12, &num, 2), 2);
	EXPECT_EQ(val, num);
	EXPECT(val);
	cfg_write(d, pos + 12, 4, 0);
}

TEST(aer, "AER status and masks: severities can be chosen by the user")
{
	struct vfio *d = dut();
	unsigned int pos = cfg_ext_cap(d, PCI_EXT_CAP_ID_ERR);
	uint32_t old;

	if (!pos)
		SKIP("no AER");
	old = cfg_read(d, pos + PCI_ERR_UNCOR_MASK, 4);
	cfg_write(d, pos + PCI_ERR_UNCOR_MASK, 4, old ^ PCI_ERR_UNC_COMP_TIME);
	EXPECT_EQ(cfg_read(d, pos + PCI_ERR_UNCOR_MASK, 4),
		  old ^ PCI_ERR_UNC_COMP_TIME);
	cfg_write(d, pos + PCI_ERR_UNCOR_MASK, 4, old);
}

/*
 * Extended capabilities that are the host's to control: the user reads what they say,
 * and what he writes is lost.
 */
TEST(ext_read_only, "isolation, routing, translation and latency are the host's: read-only")
{
	static const struct {
		uint16_t id, len;
	} caps[] = {
		{ PCI_EXT_CAP_ID_ACS, PCI_ACS_CTRL + 2 },
		{ PCI_EXT_CAP_ID_ARI, PCI_EXT_CAP_ARI_SIZEOF },
		{ PCI_EXT_CAP_ID_ATS, PCI_EXT_CAP_ATS_SIZEOF },
		{ PCI_EXT_CAP_ID_LTR, PCI_EXT_CAP_LTR_SIZEOF },
		{ PCI_EXT_CAP_ID_SRIOV, PCI_EXT_CAP_SRIOV_SIZEOF },
		{ PCI_EXT_CAP_ID_DSN, PCI_EXT_CAP_DSN_SIZEOF },
	};
	struct vfio *d = dut();
	unsigned int found = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(caps); i++) {
		unsigned int pos = host_ext_cap(d->bdf, caps[i].id);

		if (!pos)
			continue;
		found++;
		test_note("capability %#x at %#x", caps[i].id, pos);
		EXPECT_EQ(cfg_ext_cap(d, caps[i].id), pos);
		for (unsigned int reg = pos + 4; reg < pos + caps[i].len; reg += 2) {
			uint16_t was = host_read(d->bdf, reg, 2);

			EXPECT_EQ(cfg_read(d, reg, 2), was);
			cfg_write(d, reg, 2, ~was);
			EXPECT_EQ(cfg_read(d, reg, 2), was);
			EXPECT_EQ(host_read(d->bdf, reg, 2), was);
		}
	}
	if (!found)
		SKIP("none of them");
}

TEST(sriov, "SR-IOV control is the host's, whether the capability is shown or not")
{
	struct vfio *d = dut();
	unsigned int pos = host_ext_cap(d->bdf, PCI_EXT_CAP_ID_SRIOV);
	uint16_t host;

	if (!pos)
		SKIP("no SR-IOV");
	host = host_read(d->bdf, pos + PCI_SRIOV_CTRL, 2);
	cfg_write(d, pos + PCI_SRIOV_CTRL, 2, host ^ (PCI_SRIOV_CTRL_VFE | PCI_SRIOV_CTRL_MSE));
	cfg_write(d, pos + PCI_SRIOV_NUM_VF, 2, 1);
	EXPECT_EQ(host_read(d->bdf, pos + PCI_SRIOV_CTRL, 2), host);
	EXPECT_EQ(host_read(d->bdf, pos + PCI_SRIOV_NUM_VF, 2), 0);
}
