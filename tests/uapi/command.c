// SPDX-License-Identifier: GPL-2.0-only
/*
 * Config space: the COMMAND register
 */
#include "model.h"
#include "pci.h"
#include "test.h"

static uint16_t host_command(struct vfio *d)
{
	return host_read(d->bdf, PCI_COMMAND, 2);
}

TEST(memory, "memory enable reads as written, also on a VF")
{
	struct vfio *d = dut();

	for (int i = 0; i < 3; i++) {
		cfg_command(d, 0, PCI_COMMAND_MEMORY);
		EXPECT(!(cfg_read(d, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY));
		if (!host_is_vf(d->bdf))
			EXPECT(!(host_command(d) & PCI_COMMAND_MEMORY));
		cfg_command(d, PCI_COMMAND_MEMORY, 0);
		EXPECT(cfg_read(d, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY);
		if (!host_is_vf(d->bdf))
			EXPECT(host_command(d) & PCI_COMMAND_MEMORY);
	}
}

TEST(memory_by_byte, "memory enable works by 1-, 2- and 4-byte writes alike")
{
	struct vfio *d = dut();

	if (!memory_gate(d))
		SKIP("a VF's memory is always on here");
	for (unsigned int len = 1; len <= 4; len *= 2) {
		uint32_t cmd = cfg_read(d, PCI_COMMAND, 2);

		cfg_write(d, PCI_COMMAND, len, cmd & ~PCI_COMMAND_MEMORY);
		EXPECT_EQ(probe_bar(d), -EIO);
		cfg_write(d, PCI_COMMAND, len, cmd | PCI_COMMAND_MEMORY);
		EXPECT_EQ(probe_bar(d), 4);
	}
	/* the upper byte alone changes nothing of it */
	cfg_write(d, PCI_COMMAND + 1, 1, 0);
	EXPECT_EQ(probe_bar(d), 4);
}

TEST(master, "bus mastering is off at open and follows the user")
{
	struct vfio *d;

	dut_close();
	d = dut();
	EXPECT(!(host_command(d) & PCI_COMMAND_MASTER));
	cfg_command(d, PCI_COMMAND_MASTER, 0);
	EXPECT(host_command(d) & PCI_COMMAND_MASTER);
	EXPECT(cfg_read(d, PCI_COMMAND, 2) & PCI_COMMAND_MASTER);
	cfg_command(d, 0, PCI_COMMAND_MASTER);
	EXPECT(!(host_command(d) & PCI_COMMAND_MASTER));
}

TEST(intx, "INTx disable reads as written, while the host's own use of it is hidden")
{
	struct vfio *d = dut();
	int efd = efd_new();

	if (!vfio_irq_count(d, VFIO_PCI_INTX_IRQ_INDEX))
		SKIP("no INTx");
	ASSERT_EQ(vfio_irq_fd(d, VFIO_PCI_INTX_IRQ_INDEX, 0, efd), 0);
	ASSERT_EQ(vfio_irq_do(d, VFIO_PCI_INTX_IRQ_INDEX, 0,
			      VFIO_IRQ_SET_ACTION_MASK), 0);
	EXPECT(host_command(d) & PCI_COMMAND_INTX_DISABLE);
	EXPECT(!(cfg_read(d, PCI_COMMAND, 2) & PCI_COMMAND_INTX_DISABLE));
	ASSERT_EQ(vfio_irq_do(d, VFIO_PCI_INTX_IRQ_INDEX, 0,
			      VFIO_IRQ_SET_ACTION_UNMASK), 0);
	EXPECT(!(host_command(d) & PCI_COMMAND_INTX_DISABLE));
	cfg_command(d, PCI_COMMAND_INTX_DISABLE, 0);
	EXPECT(cfg_read(d, PCI_COMMAND, 2) & PCI_COMMAND_INTX_DISABLE);
	cfg_command(d, 0, PCI_COMMAND_INTX_DISABLE);
	EXPECT(!(cfg_read(d, PCI_COMMAND, 2) & PCI_COMMAND_INTX_DISABLE));
	vfio_irq_off(d, VFIO_PCI_INTX_IRQ_INDEX);
	close(efd);
}

TEST(bars_lost, "memory enable brings back BARs that the user has moved in its view")
{
	struct vfio *d = dut();
	const struct model *m = model_needed(d);
	uint32_t old = cfg_read(d, PCI_BASE_ADDRESS_0, 4);

	cfg_command(d, 0, PCI_COMMAND_MEMORY);
	cfg_write(d, PCI_BASE_ADDRESS_0, 4, 0xc0000000);
	cfg_command(d, PCI_COMMAND_MEMORY, 0);
	scratch_write(d, m, 0x00550055);
	EXPECT_EQ(bar_read32(d, 0, m->scratch), scratch_value(m, 0x00550055));
	cfg_write(d, PCI_BASE_ADDRESS_0, 4, old);
}

TEST(reserved, "reserved bits of COMMAND stay 0")
{
	struct vfio *d = dut();

	cfg_command(d, 0xf800, 0);
	EXPECT_EQ(cfg_read(d, PCI_COMMAND, 2) & 0xf800, 0);
}
