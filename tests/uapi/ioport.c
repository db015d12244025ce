// SPDX-License-Identifier: GPL-2.0-only
/*
 * A BAR of I/O ports, that of a 16550 (National Semiconductor, PC16550D, section 8)
 */
#include <sys/mman.h>

#include "pci.h"
#include "test.h"

#define LCR	3	/* bit 7: the first two registers are the divisor */
#define LSR	5	/* transmitter empty, both bits, when idle */
#define SCR	7	/* does nothing but keep what is written */

#define LSR_IDLE	0x60

static unsigned int port_bar(struct vfio *d)
{
	struct host_resource res;

	if (cfg_read(d, PCI_CLASS_REVISION, 4) >> 16 != 0x0700)
		SKIP("not a serial port");
	ASSERT_EQ(host_resource(d->bdf, 0, &res), 0);
	ASSERT(res.flags & RES_IO);
	return 0;
}

static uint8_t in(struct vfio *d, unsigned int port)
{
	uint8_t val = 0;

	ASSERT_EQ(vfio_read(d, port_bar(d), port, &val, 1), 1);
	return val;
}

static void out(struct vfio *d, unsigned int port, uint8_t val)
{
	ASSERT_EQ(vfio_write(d, port_bar(d), port, &val, 1), 1);
}

TEST(region, "the region has the ports, to read and to write, but not to map")
{
	struct vfio *d = dut();
	struct vfio_region_info *r = &d->region[port_bar(d)];

	EXPECT_EQ(r->size, 8);
	EXPECT_EQ(r->flags, VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE);
	EXPECT(vfio_mmap(d, 0, 0, 4096) == MAP_FAILED && errno == EINVAL);
}

TEST(bytes, "a port keeps what is written to it")
{
	struct vfio *d = dut();

	for (unsigned int val = 0; val < 256; val += 17) {
		out(d, SCR, val);
		EXPECT_EQ(in(d, SCR), val);
	}
	EXPECT_EQ(in(d, LSR) & LSR_IDLE, LSR_IDLE);
}

TEST(wide, "wide accesses reach each port once, in order")
{
	struct vfio *d = dut();
	unsigned int bar = port_bar(d);
	uint8_t buf[8] = {};
	uint16_t divisor = 0x1234;

	out(d, SCR, 0x5a);
	ASSERT_EQ(vfio_read(d, bar, 4, buf, 4), 4);
	EXPECT_EQ(buf[LSR - 4] & LSR_IDLE, LSR_IDLE);
	EXPECT_EQ(buf[SCR - 4], 0x5a);
	ASSERT_EQ(vfio_read(d, bar, LSR, buf, 3), 3);
	EXPECT_EQ(buf[0] & LSR_IDLE, LSR_IDLE);
	EXPECT_EQ(buf[2], 0x5a);

	out(d, LCR, 0x83);
	ASSERT_EQ(vfio_write(d, bar, 0, &divisor, 2), 2);
	EXPECT_EQ(in(d, 0), 0x34);
	EXPECT_EQ(in(d, 1), 0x12);
	ASSERT_EQ(vfio_read(d, bar, 0, buf, 8), 8);
	EXPECT_EQ(buf[0], 0x34);
	EXPECT_EQ(buf[1], 0x12);
	EXPECT_EQ(buf[LCR], 0x83);
	EXPECT_EQ(buf[SCR], 0x5a);
	out(d, LCR, 0x03);
}

TEST(end, "accesses are cut at the last port")
{
	struct vfio *d = dut();
	unsigned int bar = port_bar(d);
	uint8_t buf[16];

	out(d, SCR, 0x77);
	EXPECT_EQ(vfio_read(d, bar, LSR, buf, sizeof(buf)), 3);
	EXPECT_EQ(buf[2], 0x77);
	EXPECT_EQ(vfio_read(d, bar, 8, buf, 1), -EINVAL);
	EXPECT_EQ(vfio_write(d, bar, 8, buf, 1), -EINVAL);
}

TEST(io_off, "with I/O off in COMMAND, ports answer ones and take nothing")
{
	struct vfio *d = dut();

	out(d, SCR, 0x21);
	cfg_command(d, 0, PCI_COMMAND_IO);
	EXPECT_EQ(in(d, SCR), 0xff);
	out(d, SCR, 0x43);
	cfg_command(d, PCI_COMMAND_IO, 0);
	EXPECT_EQ(in(d, SCR), 0x21);
}

TEST(memory_off, "memory off in COMMAND does not concern ports")
{
	struct vfio *d = dut();

	out(d, SCR, 0x65);
	cfg_command(d, 0, PCI_COMMAND_MEMORY);
	EXPECT_EQ(in(d, SCR), 0x65);
	cfg_command(d, PCI_COMMAND_MEMORY, 0);
}
