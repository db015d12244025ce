// SPDX-License-Identifier: GPL-2.0-only
/*
 * BARs by read() and write()
 */
#include "model.h"
#include "pci.h"
#include "test.h"

TEST(dword, "a register keeps a 4-byte write")
{
	struct vfio *d = dut();
	const struct model *m = model_needed(d);
	static const uint32_t vals[] = { 0x12345678, 0xfedcba98, 0 };

	for (unsigned int i = 0; i < ARRAY_SIZE(vals); i++) {
		scratch_write(d, m, vals[i]);
		EXPECT_EQ(bar_read32(d, 0, m->scratch), scratch_value(m, vals[i]));
	}
}

TEST(widths, "1, 2, 4 and 8 bytes at once, aligned or not, read the same bytes")
{
	struct vfio *d = dut();
	const struct model *m = model_needed(d);
	uint8_t want[8], got[8];

	if (!m->has_fixed)
		SKIP("the device takes 4-byte accesses only");
	for (unsigned int i = 0; i < 8; i += 4)
		*(uint32_t *)&want[i] = bar_read32(d, m->fixed_bar, m->fixed + i);
	for (unsigned int len = 1; len <= 8; len++)
		for (unsigned int off = 0; off + len <= 8; off++) {
			memset(got, 0xee, sizeof(got));
			ASSERT_EQ(vfio_read(d, m->fixed_bar, m->fixed + off, got, len),
				  len);
			if (memcmp(got, want + off, len))
				test_fail(__FILE__, __LINE__, "%u bytes at %u differ",
					  len, off);
		}
}

TEST(narrow_write, "1- and 2-byte writes go to their bytes only")
{
	struct vfio *d = dut();
	const struct model *m = model_needed(d);
	const uint32_t val = 0x11220233;

	/* Only devices which the model lets combine narrow writes. */
	if (strcmp(m->name, "nvme"))
		SKIP("the device takes 4-byte writes only");
	scratch_write(d, m, 0);
	ASSERT_EQ(vfio_write(d, 0, m->scratch, &val, 2), 2);
	EXPECT_EQ(bar_read32(d, 0, m->scratch), 0x0233);
}

TEST(unaligned, "an unaligned write of 8 bytes reaches the aligned 4 in its middle")
{
	struct vfio *d = dut();
	const struct model *m = model_needed(d);
	uint8_t buf[8] = { 0, 0x78, 0x56, 0x34, 0x02, 0, 0, 0 };
	uint32_t before;

	if (strcmp(m->name, "82576 VF") && strcmp(m->name, "82576") &&
	    strcmp(m->name, "e1000e"))
		SKIP("the neighbours of the register may not be written");
	/* RDBAH; RDBAL before and RDLEN after it take a byte each */
	before = bar_read32(d, 0, m->scratch + 4);
	ASSERT_EQ(vfio_write(d, 0, m->scratch - 1, buf, 5), 5);
	EXPECT_EQ(bar_read32(d, 0, m->scratch), 0x02345678);
	EXPECT_EQ(bar_read32(d, 0, m->scratch + 4), before);
}

TEST(block, "a block of 64 bytes is what its dwords are")
{
	struct vfio *d = dut();
	const struct model *m = model_needed(d);
	uint32_t block[16];

	if (!m->has_fixed)
		SKIP("the device takes 4-byte accesses only");
	ASSERT_EQ(vfio_read(d, m->fixed_bar, m->fixed, block, sizeof(block)),
		  sizeof(block));
	for (unsigned int i = 0; i < 16; i++)
		EXPECT_EQ(block[i], bar_read32(d, m->fixed_bar, m->fixed + 4 * i));
}

TEST(end, "an access that crosses the end of the BAR is cut there")
{
	struct vfio *d = dut();
	uint8_t buf[16];

	for (unsigned int i = 0; i < 6; i++) {
		uint64_t size = d->region[i].size;

		if (!size)
			continue;
		EXPECT_EQ(vfio_read(d, i, size - 4, buf, sizeof(buf)), 4);
		EXPECT_EQ(vfio_read(d, i, size - 1, buf, sizeof(buf)), 1);
	}
}

TEST(beyond, "an access beyond the end of the BAR is refused with EINVAL")
{
	struct vfio *d = dut();
	uint32_t buf = 0;

	for (unsigned int i = 0; i < 6; i++) {
		uint64_t size = d->region[i].size;

		EXPECT_EQ(vfio_read(d, i, size, &buf, 4), -EINVAL);
		EXPECT_EQ(vfio_read(d, i, size + 0x100000000, &buf, 4), -EINVAL);
		EXPECT_EQ(vfio_write(d, i, size, &buf, 4), -EINVAL);
	}
}

TEST(zero, "an access of 0 bytes moves 0 bytes")
{
	struct vfio *d = dut();
	uint32_t buf;

	EXPECT_EQ(vfio_read(d, mappable_bar(d), 0, &buf, 0), 0);
	EXPECT_EQ(vfio_write(d, mappable_bar(d), 0, &buf, 0), 0);
}

TEST(bad_buffer, "a buffer that is not there gives EFAULT")
{
	struct vfio *d = dut();
	const struct model *m = model_needed(d);

	EXPECT_EQ(vfio_read(d, 0, m->scratch, (void *)8, 4), -EFAULT);
	EXPECT_EQ(vfio_write(d, 0, m->scratch, (void *)8, 4), -EFAULT);
}

TEST(memory_off, "with memory off, memory BARs give EIO; on again, they are back")
{
	struct vfio *d = dut();
	const struct model *m = model_needed(d);
	uint32_t val = 0;

	if (!memory_gate(d))
		SKIP("a VF's memory is always on here");
	scratch_write(d, m, 0x02345678);
	cfg_command(d, 0, PCI_COMMAND_MEMORY);
	for (unsigned int i = 0; i < 6; i++) {
		struct host_resource res;

		ASSERT_EQ(host_resource(d->bdf, i, &res), 0);
		if (!d->region[i].size || res.flags & RES_IO)
			continue;
		/* not at 0, where some have their MSI-X table */
		EXPECT_EQ(vfio_read(d, i, d->region[i].size - 4, &val, 4), -EIO);
		EXPECT_EQ(vfio_write(d, i, d->region[i].size - 4, &val, 4), -EIO);
	}
	cfg_command(d, PCI_COMMAND_MEMORY, 0);
	EXPECT_EQ(bar_read32(d, 0, m->scratch), scratch_value(m, 0x02345678));
}

TEST(msix_table_read, "the MSI-X table reads as ones: it is the host's")
{
	struct vfio *d = dut();
	unsigned int bar;
	uint32_t start, len, val = 0;
	int efd;

	if (!msix_table(d, &bar, &start, &len))
		SKIP("no MSI-X");
	efd = efd_new();
	ASSERT_EQ(vfio_irq_fd(d, VFIO_PCI_MSIX_IRQ_INDEX, 0, efd), 0);
	ASSERT_EQ(vfio_read(d, bar, start, &val, 4), 4);
	EXPECT_EQ(val, 0xffffffff);
	val = 0xdead0000;
	EXPECT_EQ(vfio_write(d, bar, start + 4, &val, 4), 4);
	EXPECT_EQ(vfio_write(d, bar, start + len - 4, &val, 4), 4);
	close(efd);
}

TEST(io, "an I/O BAR takes 1, 2 and 4 bytes")
{
	struct vfio *d = dut();
	const struct model *m = model_needed(d);
	uint32_t off = m->scratch, val = 0;

	if (strcmp(m->name, "e1000e"))
		SKIP("no I/O BAR known");
	/* 82574, 10.2.1: an address register and a window on it */
	scratch_write(d, m, 0xcafe1234);
	ASSERT_EQ(vfio_write(d, 2, 0, &off, 4), 4);
	ASSERT_EQ(vfio_read(d, 2, 4, &val, 4), 4);
	EXPECT_EQ(val, 0xcafe1234);
	ASSERT_EQ(vfio_read(d, 2, 0, &val, 4), 4);
	EXPECT_EQ(val, off);
}
