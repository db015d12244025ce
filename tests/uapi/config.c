// SPDX-License-Identifier: GPL-2.0-only
/*
 * Config space: the header as its user sees it
 */
#include "pci.h"
#include "test.h"

static const unsigned int config = VFIO_PCI_CONFIG_REGION_INDEX;

static uint32_t sysfs_hex(struct vfio *d, const char *file)
{
	char text[32] = "";

	ASSERT(sysfs_read(d->bdf, file, text, sizeof(text) - 1) > 0);
	return strtoul(text, NULL, 16);
}

TEST(ids, "ids, class and revision are the function's, also for a VF")
{
	struct vfio *d = dut();

	EXPECT_EQ(cfg_read(d, PCI_VENDOR_ID, 2), sysfs_hex(d, "vendor"));
	EXPECT_EQ(cfg_read(d, PCI_DEVICE_ID, 2), sysfs_hex(d, "device"));
	EXPECT_EQ(cfg_read(d, PCI_CLASS_REVISION, 4) >> 8, sysfs_hex(d, "class"));
	EXPECT_EQ(cfg_read(d, PCI_REVISION_ID, 1), sysfs_hex(d, "revision"));
	EXPECT_EQ(cfg_read(d, PCI_SUBSYSTEM_VENDOR_ID, 2),
		  sysfs_hex(d, "subsystem_vendor"));
	EXPECT_EQ(cfg_read(d, PCI_HEADER_TYPE, 1) & PCI_HEADER_TYPE_MASK, 0);
}

TEST(widths, "bytes, words, dwords and blocks read the same")
{
	struct vfio *d = dut();
	unsigned int size = cfg_size(d);
	uint8_t *whole = malloc(size), *part = malloc(size);

	ASSERT(whole && part);
	ASSERT_EQ(vfio_read(d, config, 0, whole, size), size);
	for (unsigned int len = 1; len <= 4; len++) {
		for (unsigned int i = 0; i < size; i += len)
			ASSERT_EQ(vfio_read(d, config, i, part + i,
					    i + len > size ? size - i : len),
				  i + len > size ? size - i : len);
		if (memcmp(whole, part, size))
			test_fail(__FILE__, __LINE__, "%u at a time differ", len);
	}
	/* unaligned and crossing */
	ASSERT_EQ(vfio_read(d, config, 3, part, 7), 7);
	EXPECT_EQ(memcmp(whole + 3, part, 7), 0);
	free(whole);
	free(part);
}

TEST(beyond, "an access beyond config space fails")
{
	struct vfio *d = dut();
	unsigned int size = cfg_size(d);
	uint32_t val = 0;

	EXPECT(vfio_read(d, config, size, &val, 4) < 0);
	EXPECT(vfio_write(d, config, size, &val, 4) < 0);
	EXPECT(vfio_read(d, config, 0x100000, &val, 4) < 0);
	EXPECT(vfio_read(d, config, size - 2, &val, 4) <= 2);
}

TEST(bad_buffer, "a buffer that is not there gives EFAULT")
{
	struct vfio *d = dut();

	EXPECT_EQ(vfio_read(d, config, 0, (void *)8, 4), -EFAULT);
	EXPECT_EQ(vfio_write(d, config, PCI_INTERRUPT_LINE, (void *)8, 1), -EFAULT);
}

TEST(read_only, "ids, class and capability pointer cannot be written")
{
	struct vfio *d = dut();
	static const unsigned int regs[] = {
		PCI_VENDOR_ID, PCI_CLASS_REVISION, PCI_SUBSYSTEM_VENDOR_ID,
		PCI_CAPABILITY_LIST,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(regs); i++) {
		uint32_t before = cfg_read(d, regs[i], 4);

		cfg_write(d, regs[i], 4, ~before);
		EXPECT_EQ(cfg_read(d, regs[i], 4), before);
		EXPECT_EQ(host_read(d->bdf, regs[i], 4) == before ||
			  host_is_vf(d->bdf), 1);
	}
}

static uint32_t size_mask(uint64_t size)
{
	return ~(uint32_t)(size - 1);
}

TEST(sizing, "a BAR of ones tells its size; the hardware's BAR stays")
{
	struct vfio *d = dut();

	for (unsigned int i = 0; i < 6; i++) {
		unsigned int reg = PCI_BASE_ADDRESS_0 + 4 * i;
		uint32_t host = host_read(d->bdf, reg, 4), old, got;
		struct host_resource res;
		uint64_t size;

		ASSERT_EQ(host_resource(d->bdf, i, &res), 0);
		size = d->region[i].size;
		old = cfg_read(d, reg, 4);
		cfg_write(d, reg, 4, 0xffffffff);
		got = cfg_read(d, reg, 4);
		cfg_write(d, reg, 4, old);
		EXPECT_EQ(cfg_read(d, reg, 4), old);
		EXPECT_EQ(host_read(d->bdf, reg, 4), host);
		if (!size) {
			EXPECT_EQ(got, 0);
			continue;
		}
		if (res.flags & RES_IO) {
			EXPECT_EQ(got & ~3u, size_mask(size) & ~3u);
			EXPECT_EQ(got & 3, PCI_BASE_ADDRESS_SPACE_IO);
			continue;
		}
		EXPECT_EQ(got & ~15u, size_mask(size) & ~15u);
		EXPECT_EQ(!!(got & PCI_BASE_ADDRESS_MEM_PREFETCH),
			  !!(res.flags & RES_PREFETCH));
		EXPECT_EQ(!!(got & PCI_BASE_ADDRESS_MEM_TYPE_64),
			  !!(res.flags & RES_MEM64));
		if (!(res.flags & RES_MEM64))
			continue;
		/* the upper half is all address */
		i++;
		reg += 4;
		old = cfg_read(d, reg, 4);
		cfg_write(d, reg, 4, 0xffffffff);
		EXPECT_EQ(cfg_read(d, reg, 4), 0xffffffff);
		cfg_write(d, reg, 4, old);
	}
}

TEST(bar_bytes, "a BAR can be written byte by byte, and keeps only its address bits")
{
	struct vfio *d = dut();
	unsigned int bar = mappable_bar(d);
	unsigned int reg = PCI_BASE_ADDRESS_0 + 4 * bar;
	uint32_t old = cfg_read(d, reg, 4), mask = size_mask(d->region[bar].size);

	cfg_write(d, reg, 4, 0);
	cfg_write(d, reg + 3, 1, 0xe5);
	EXPECT_EQ(cfg_read(d, reg, 4) & ~15u, 0xe5000000 & mask);
	cfg_write(d, reg + 2, 2, 0xd7ff);
	EXPECT_EQ(cfg_read(d, reg, 4) & ~15u, 0xd7ff0000 & mask);
	cfg_write(d, reg, 4, old);
}

TEST(blocks, "a write of many bytes is as one of each register, and can be odd")
{
	const unsigned int reg = PCI_BASE_ADDRESS_0;
	const uint8_t odd[] = { 0x5a, 0xff, 0xff };
	struct vfio *d = dut();
	const uint64_t end = d->region[VFIO_PCI_CONFIG_REGION_INDEX].size;
	uint8_t pin = cfg_read(d, PCI_INTERRUPT_PIN, 1), last[3];
	uint32_t was[6], ones[6], block[6], each[6];
	uint8_t header[PCI_INTERRUPT_PIN - PCI_BASE_ADDRESS_0], after[sizeof(header)];

	memset(ones, 0xff, sizeof(ones));
	ASSERT_EQ(vfio_read(d, VFIO_PCI_CONFIG_REGION_INDEX, reg, was, sizeof(was)),
		  sizeof(was));
	for (int i = 0; i < 6; i++)
		cfg_write(d, reg + 4 * i, 4, ~0u);
	vfio_read(d, VFIO_PCI_CONFIG_REGION_INDEX, reg, each, sizeof(each));
	EXPECT_EQ(vfio_write(d, VFIO_PCI_CONFIG_REGION_INDEX, reg, was, sizeof(was)),
		  sizeof(was));
	vfio_read(d, VFIO_PCI_CONFIG_REGION_INDEX, reg, block, sizeof(block));
	EXPECT(!memcmp(block, was, sizeof(was)));
	EXPECT_EQ(vfio_write(d, VFIO_PCI_CONFIG_REGION_INDEX, reg, ones, sizeof(ones)),
		  sizeof(ones));
	vfio_read(d, VFIO_PCI_CONFIG_REGION_INDEX, reg, block, sizeof(block));
	EXPECT(!memcmp(block, each, sizeof(each)));
	vfio_write(d, VFIO_PCI_CONFIG_REGION_INDEX, reg, was, sizeof(was));

	/* The last of them is one that every device has. */
	vfio_read(d, VFIO_PCI_CONFIG_REGION_INDEX, reg, header, sizeof(header));
	header[sizeof(header) - 1] ^= 0xa5;
	EXPECT_EQ(vfio_write(d, VFIO_PCI_CONFIG_REGION_INDEX, reg, header,
			     sizeof(header)), sizeof(header));
	vfio_read(d, VFIO_PCI_CONFIG_REGION_INDEX, reg, after, sizeof(after));
	EXPECT(!memcmp(after, header, sizeof(header)));

	EXPECT_EQ(vfio_write(d, VFIO_PCI_CONFIG_REGION_INDEX, PCI_INTERRUPT_LINE, odd,
			     sizeof(odd)), sizeof(odd));
	EXPECT_EQ(cfg_read(d, PCI_INTERRUPT_LINE, 1), 0x5a);
	EXPECT_EQ(cfg_read(d, PCI_INTERRUPT_PIN, 1), pin);
	/* Cut at the end, and nothing of what is not there */
	ASSERT_EQ(vfio_read(d, VFIO_PCI_CONFIG_REGION_INDEX, end - 2, last, 3), 2);
	EXPECT_EQ(vfio_write(d, VFIO_PCI_CONFIG_REGION_INDEX, end - 2, last, 3), 2);
	EXPECT_EQ(vfio_write(d, VFIO_PCI_CONFIG_REGION_INDEX, PCI_INTERRUPT_LINE, (void *)8,
			     3), -EFAULT);
}

TEST(rom_sizing, "the ROM's BAR tells its size and keeps its enable bit")
{
	struct vfio *d = dut();
	uint64_t size = d->region[VFIO_PCI_ROM_REGION_INDEX].size;
	uint32_t host = host_read(d->bdf, PCI_ROM_ADDRESS, 4);
	uint32_t old = cfg_read(d, PCI_ROM_ADDRESS, 4);

	cfg_write(d, PCI_ROM_ADDRESS, 4, 0xfffffffe);
	EXPECT_EQ(cfg_read(d, PCI_ROM_ADDRESS, 4) & PCI_ROM_ADDRESS_MASK,
		  size ? size_mask(size) & PCI_ROM_ADDRESS_MASK : 0);
	if (size) {
		cfg_write(d, PCI_ROM_ADDRESS, 4, PCI_ROM_ADDRESS_ENABLE);
		EXPECT_EQ(cfg_read(d, PCI_ROM_ADDRESS, 4) & PCI_ROM_ADDRESS_ENABLE, 1);
	}
	cfg_write(d, PCI_ROM_ADDRESS, 4, old);
	EXPECT_EQ(host_read(d->bdf, PCI_ROM_ADDRESS, 4), host);
}

TEST(intline, "INTERRUPT_LINE is the user's own, INTERRUPT_PIN tells of INTx")
{
	struct vfio *d = dut();
	uint8_t host = host_read(d->bdf, PCI_INTERRUPT_LINE, 1);
	uint8_t pin = cfg_read(d, PCI_INTERRUPT_PIN, 1);

	cfg_write(d, PCI_INTERRUPT_LINE, 1, 0x5a);
	EXPECT_EQ(cfg_read(d, PCI_INTERRUPT_LINE, 1), 0x5a);
	EXPECT_EQ(host_read(d->bdf, PCI_INTERRUPT_LINE, 1), host);
	EXPECT_EQ(!!pin, vfio_irq_count(d, VFIO_PCI_INTX_IRQ_INDEX));
	if (host_is_vf(d->bdf))
		EXPECT_EQ(pin, 0);
	cfg_write(d, PCI_INTERRUPT_PIN, 1, 3);
	EXPECT_EQ(cfg_read(d, PCI_INTERRUPT_PIN, 1), pin);
}

TEST(status, "STATUS bits that are set are not cleared by reading")
{
	struct vfio *d = dut();
	uint16_t a = cfg_read(d, PCI_STATUS, 2), b = cfg_read(d, PCI_STATUS, 2);

	EXPECT_EQ(a, b);
	EXPECT_EQ(a & PCI_STATUS_CAP_LIST,
		  host_read(d->bdf, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST);
}

/* Follow the chain; returns its length, checks each step. */
static unsigned int walk(struct vfio *d)
{
	uint8_t seen[256] = {};
	unsigned int n = 0, pos = cfg_read(d, PCI_CAPABILITY_LIST, 1);

	while (pos) {
		ASSERT_EQ(pos & 3, 0);
		ASSERT(pos >= PCI_STD_HEADER_SIZEOF && !seen[pos] && n < 48);
		seen[pos] = 1;
		/* A hidden capability keeps its place with id 0 or is skipped. */
		EXPECT(cfg_read(d, pos, 1) != 0xff);
		EXPECT_EQ(cfg_read(d, pos, 1) == 0 ? 0 : cfg_read(d, pos, 1),
			  cfg_read(d, pos, 1) ? host_read(d->bdf, pos, 1) : 0);
		pos = cfg_read(d, pos + 1, 1);
		n++;
	}
	return n;
}

TEST(chain, "the capability chain is sane and shows the capabilities VMs need")
{
	struct vfio *d = dut();
	static const unsigned int needed[] = {
		PCI_CAP_ID_PM, PCI_CAP_ID_MSI, PCI_CAP_ID_MSIX, PCI_CAP_ID_EXP,
		PCI_CAP_ID_VNDR, PCI_CAP_ID_AF,
	};

	EXPECT_EQ(!!walk(d), !!(cfg_read(d, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST));
	for (unsigned int i = 0; i < ARRAY_SIZE(needed); i++)
		EXPECT_EQ(cfg_cap(d, needed[i]), host_cap(d->bdf, needed[i]));
}

TEST(ext_chain, "the extended chain is sane and shows errors and serial number")
{
	struct vfio *d = dut();
	static const unsigned int shown[] = {
		PCI_EXT_CAP_ID_ERR, PCI_EXT_CAP_ID_DSN,
	};
	unsigned int pos = PCI_CFG_SPACE_SIZE, n = 0;

	if (cfg_size(d) <= PCI_CFG_SPACE_SIZE)
		SKIP("no extended config space");
	while (pos) {
		uint32_t head = cfg_read(d, pos, 4);

		ASSERT(pos >= PCI_CFG_SPACE_SIZE && !(pos & 3) && n++ < 480);
		pos = PCI_EXT_CAP_NEXT(head);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(shown); i++)
		EXPECT_EQ(cfg_ext_cap(d, shown[i]), host_ext_cap(d->bdf, shown[i]));
}

TEST(everything, "every byte of config space takes a write of what it reads")
{
	struct vfio *d = dut();
	unsigned int size = cfg_size(d), msi = cfg_cap(d, PCI_CAP_ID_MSI);

	for (unsigned int i = 0; i < size; i++) {
		uint8_t val = cfg_read(d, i, 1);

		/* writing MSI flags back is covered where MSI is in use */
		if (msi && i >= msi && i < msi + 4)
			continue;
		ASSERT_EQ(vfio_write(d, config, i, &val, 1), 1);
	}
	EXPECT_EQ(cfg_read(d, PCI_VENDOR_ID, 2), sysfs_hex(d, "vendor"));
	EXPECT(cfg_read(d, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY);
}
