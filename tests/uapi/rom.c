// SPDX-License-Identifier: GPL-2.0-only
/*
 * The expansion ROM
 */
#include <fcntl.h>

#include "pci.h"
#include "test.h"

static uint64_t rom_size(struct vfio *d)
{
	uint64_t size = d->region[VFIO_PCI_ROM_REGION_INDEX].size;

	if (!size)
		SKIP("no ROM");
	return size;
}

TEST(signature, "the ROM starts with its signature and names this device")
{
	struct vfio *d = dut();
	uint8_t head[64];
	uint16_t pcir, id[2];

	rom_size(d);
	ASSERT_EQ(vfio_read(d, VFIO_PCI_ROM_REGION_INDEX, 0, head, sizeof(head)),
		  sizeof(head));
	ASSERT(head[0] == 0x55 && head[1] == 0xaa);
	pcir = head[0x18] | head[0x19] << 8;
	ASSERT_EQ(vfio_read(d, VFIO_PCI_ROM_REGION_INDEX, pcir + 4, id, 4), 4);
	EXPECT_EQ(id[0], cfg_read(d, PCI_VENDOR_ID, 2));
}

TEST(parts, "the ROM reads the same in one piece and byte by byte")
{
	struct vfio *d = dut();
	uint8_t whole[512], part[512];

	rom_size(d);
	ASSERT_EQ(vfio_read(d, VFIO_PCI_ROM_REGION_INDEX, 0, whole, 512), 512);
	for (unsigned int i = 0; i < 512; i++)
		ASSERT_EQ(vfio_read(d, VFIO_PCI_ROM_REGION_INDEX, i, part + i, 1), 1);
	EXPECT_EQ(memcmp(whole, part, 512), 0);
	ASSERT_EQ(vfio_read(d, VFIO_PCI_ROM_REGION_INDEX, 3, part, 509), 509);
	EXPECT_EQ(memcmp(whole + 3, part, 509), 0);
}

TEST(host, "the ROM is what the host reads in its own place")
{
	struct vfio *d = dut();
	uint8_t mine[1024], host[1024];
	char path[96];
	int fd;

	rom_size(d);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/rom", d->bdf);
	fd = open(path, O_RDWR | O_CLOEXEC);
	ASSERT(fd >= 0);
	ASSERT_EQ(write(fd, "1", 1), 1);
	ASSERT_EQ(pread(fd, host, sizeof(host), 0), sizeof(host));
	ASSERT_EQ(pwrite(fd, "0", 1, 0), 1);
	close(fd);
	ASSERT_EQ(vfio_read(d, VFIO_PCI_ROM_REGION_INDEX, 0, mine, sizeof(mine)),
		  sizeof(mine));
	EXPECT_EQ(memcmp(mine, host, sizeof(host)), 0);
}

TEST(end, "a read is cut at the end of the ROM and refused beyond it")
{
	struct vfio *d = dut();
	uint64_t size = rom_size(d);
	uint8_t buf[16];

	EXPECT_EQ(vfio_read(d, VFIO_PCI_ROM_REGION_INDEX, size - 4, buf, 16), 4);
	EXPECT_EQ(vfio_read(d, VFIO_PCI_ROM_REGION_INDEX, size, buf, 16), -EINVAL);
}

TEST(write, "the ROM cannot be written")
{
	struct vfio *d = dut();
	uint32_t val = 0;

	EXPECT_EQ(vfio_write(d, VFIO_PCI_ROM_REGION_INDEX, 0, &val, 4), -EINVAL);
}

TEST(decode_off, "reading leaves the ROM's decoder as it was")
{
	struct vfio *d = dut();
	uint32_t before = host_read(d->bdf, PCI_ROM_ADDRESS, 4), val;

	rom_size(d);
	ASSERT_EQ(vfio_read(d, VFIO_PCI_ROM_REGION_INDEX, 0, &val, 4), 4);
	EXPECT_EQ(host_read(d->bdf, PCI_ROM_ADDRESS, 4), before);
}

TEST(memory_off, "with memory off, the ROM cannot be read; on again, it can")
{
	struct vfio *d = dut();
	uint32_t val;

	rom_size(d);
	if (!memory_gate(d))
		SKIP("a VF's memory is always on here");
	cfg_command(d, 0, PCI_COMMAND_MEMORY);
	/* EIO is meant; mainline's ROM code turns it into ENOMEM */
	EXPECT(vfio_read(d, VFIO_PCI_ROM_REGION_INDEX, 0, &val, 4) < 0);
	cfg_command(d, PCI_COMMAND_MEMORY, 0);
	EXPECT_EQ(vfio_read(d, VFIO_PCI_ROM_REGION_INDEX, 0, &val, 4), 4);
}
