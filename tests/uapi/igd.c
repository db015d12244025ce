// SPDX-License-Identifier: GPL-2.0-only
/*
 * Regions of Intel graphics: the OpRegion, the host bridge's and the LPC bridge's
 * config space, on the test device of tests/modules/vpc_guise.c
 *
 * Layout of an OpRegion: Intel, "IGD OpRegion/Software SCI for Broadwell
 * Processors", 3.1.
 */
#include <fcntl.h>
#include <sys/mman.h>

#include "pci.h"
#include "test.h"

#define MEMORY		0x10000
/* Where a test puts things in it */
#define OPREGION	0x2000
#define VBT		0x9000

#define SIZE		0x2000
#define SIGNATURE	"IntelGraphicsMem"
#define KILOBYTES	0x10
#define MINOR		0x16
#define MAJOR		0x17
#define VBT_ADDR	0x3ba
#define VBT_SIZE	0x3c2

#define INTEL_TYPE	((uint32_t)VFIO_REGION_TYPE_PCI_VENDOR_TYPE | 0x8086)
#define HOST_BRIDGE	"0000:00:00.0"
#define LPC_BRIDGE	"0000:00:1f.0"

static uint8_t memory[MEMORY];
/* where nothing is, unknown to the compiler */
static void *volatile hole = (void *)8;

static int file(const char *name, int flags)
{
	return module_file("vpc_guise", name, flags);
}

static uint64_t address(void)
{
	char text[32] = "";
	int fd = file("address", O_RDONLY);

	ASSERT(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	return strtoull(text, NULL, 0);
}

static void put_memory(void)
{
	int fd = file("memory", O_WRONLY);

	ASSERT_EQ(write(fd, memory, MEMORY), MEMORY);
	close(fd);
}

static void put_asls(uint32_t val)
{
	char text[16];
	int fd = file("asls", O_WRONLY), len;

	len = snprintf(text, sizeof(text), "%#x", val);
	ASSERT_EQ(write(fd, text, len), len);
	close(fd);
}

/* A region that the driver adds: false if it has not */
static bool find(struct vfio *d, uint32_t subtype, struct vfio_region_info *found)
{
	for (unsigned int i = VFIO_PCI_NUM_REGIONS; i < d->info.num_regions; i++) {
		struct vfio_region_info *r = vfio_get_region_caps(d, i);
		struct vfio_region_info_cap_type *type;
		bool is;

		type = vfio_cap(r, r->cap_offset, VFIO_REGION_INFO_CAP_TYPE);
		is = type && type->type == INTEL_TYPE && type->subtype == subtype;
		*found = *r;
		free(r);
		if (is)
			return true;
	}
	return false;
}

static bool find_opregion(struct vfio *d, struct vfio_region_info *r)
{
	return find(d, VFIO_REGION_SUBTYPE_INTEL_IGD_OPREGION, r);
}

static ssize_t get(struct vfio *d, const struct vfio_region_info *r, uint64_t off,
		   void *buf, size_t len)
{
	ssize_t n = pread(d->fd, buf, len, r->offset + off);

	return n < 0 ? -errno : n;
}

static ssize_t put(struct vfio *d, const struct vfio_region_info *r, uint64_t off,
		   const void *buf, size_t len)
{
	ssize_t n = pwrite(d->fd, buf, len, r->offset + off);

	return n < 0 ? -errno : n;
}

/* An OpRegion that is as it should be, and something everywhere around it */
static void make(uint8_t major, uint8_t minor, uint64_t vbt_addr, uint32_t vbt_size)
{
	uint8_t *op = memory + OPREGION;
	uint32_t kb = SIZE / 1024;

	for (unsigned int i = 0; i < MEMORY; i++)
		memory[i] = i * 13 + (i >> 8) + 1;
	memcpy(op, SIGNATURE, 16);
	memcpy(op + KILOBYTES, &kb, 4);
	op[MAJOR] = major;
	op[MINOR] = minor;
	memcpy(op + VBT_ADDR, &vbt_addr, 8);
	memcpy(op + VBT_SIZE, &vbt_size, 4);
}

/* The function, opened after firmware has left what is in memory[] */
static struct vfio *booted(void)
{
	dut_close();
	put_memory();
	put_asls(address() + OPREGION);
	return dut();
}

/*
 * The user sees what firmware has left, but for the place of a VBT, of @vbt_size
 * bytes at @vbt in memory[], which he finds right behind.
 */
static void expect_opregion(struct vfio *d, uint32_t vbt, uint32_t vbt_size,
			    uint8_t minor)
{
	static uint8_t got[MEMORY], want[MEMORY];
	struct vfio_region_info r;
	uint64_t at = SIZE;

	memcpy(want, memory + OPREGION, SIZE);
	if (vbt_size) {
		memcpy(want + VBT_ADDR, &at, 8);
		memcpy(want + SIZE, memory + vbt, vbt_size);
		want[MINOR] = minor;
	}
	ASSERT(find_opregion(d, &r));
	ASSERT_EQ(r.size, SIZE + vbt_size);
	EXPECT_EQ(r.flags & ~VFIO_REGION_INFO_FLAG_CAPS, VFIO_REGION_INFO_FLAG_READ);
	ASSERT_EQ(get(d, &r, 0, got, MEMORY), SIZE + vbt_size);
	EXPECT_EQ(memcmp(got, want, SIZE + vbt_size), 0);
}

TEST(none, "where firmware left no OpRegion, there is none, and all else works")
{
	static const uint32_t nowhere[] = { 0, 0xffffffff };
	struct vfio_region_info r;
	struct vfio *d;

	make(2, 1, 0, 0);
	put_memory();
	for (unsigned int i = 0; i < ARRAY_SIZE(nowhere); i++) {
		dut_close();
		put_asls(nowhere[i]);
		d = dut();
		EXPECT(!find_opregion(d, &r));
		EXPECT_EQ(cfg_read(d, PCI_VENDOR_ID, 2), 0x8086);
	}
}

TEST(old, "an OpRegion before 2.0 is 8 KB; what looks like a VBT's place is not")
{
	make(1, 0, 0x5a5a5a5a, 0x1000);
	expect_opregion(booted(), 0, 0, 0);
	make(1, 2, VBT, 0xffffffff);
	expect_opregion(booted(), 0, 0, 0);
}

TEST(inside, "an OpRegion with its VBT inside is 8 KB")
{
	make(2, 0, 0, 0);
	expect_opregion(booted(), 0, 0, 0);
	make(2, 1, 0, 0);
	expect_opregion(booted(), 0, 0, 0);
}

TEST(physical, "2.0: a VBT at a physical address is found behind, by an offset")
{
	make(2, 0, address() + VBT, 0x1c00);
	expect_opregion(booted(), VBT, 0x1c00, 1);
	/* even in front of the OpRegion */
	make(2, 0, address() + 0x400, 0x333);
	expect_opregion(booted(), 0x400, 0x333, 1);
}

TEST(relative, "2.1 and later: a VBT at an offset is found right behind")
{
	make(2, 1, VBT - OPREGION, 0x6000);
	expect_opregion(booted(), VBT, 0x6000, 1);
	make(2, 2, SIZE, 1);
	expect_opregion(booted(), OPREGION + SIZE, 1, 2);
	make(3, 0, SIZE + 4, 0x2468);
	expect_opregion(booted(), OPREGION + SIZE + 4, 0x2468, 0);
}

static void expect_none(const char *what)
{
	struct vfio *d = booted();
	struct vfio_region_info r;

	if (find_opregion(d, &r))
		test_fail(__FILE__, __LINE__, "an OpRegion in spite of %s", what);
	EXPECT_EQ(cfg_read(d, PCI_VENDOR_ID, 2), 0x8086);
}

TEST(malformed, "what is malformed is not shown, and all else works")
{
	uint32_t kb = 256;

	make(2, 1, 0, 0);
	memory[OPREGION + 3] = 'x';
	expect_none("its signature");
	make(2, 1, 0, 0);
	memcpy(memory + OPREGION + KILOBYTES, &kb, 4);
	expect_none("its size");
	make(2, 1, 0x100, 0x1000);
	expect_none("a VBT that is part of it");
	make(2, 1, VBT - OPREGION, 0x40000000);
	expect_none("a VBT of 1 GB");
	make(2, 1, ~0ull - 0x1000, 0x1000);
	expect_none("a VBT whose address wraps");
	make(2, 0, ~0ull - 0x100, 0x1000);
	expect_none("a VBT whose end wraps");
	make(2, 0, 1ull << 60, 0x1000);
	expect_none("a VBT where no memory can be");
}

TEST(elsewhere, "an ASLS that points to no memory shows nothing")
{
	struct vfio_region_info r;
	struct vfio *d;

	dut_close();
	put_asls(0xc0000000);
	d = dut();
	EXPECT(!find_opregion(d, &r));
}

TEST(read_only, "the OpRegion cannot be written or mapped, and ends where it ends")
{
	struct vfio_region_info r;
	uint32_t val = 0;
	uint8_t buf[32];
	struct vfio *d;

	make(2, 1, VBT - OPREGION, 0x123);
	d = booted();
	ASSERT(find_opregion(d, &r));
	EXPECT_EQ(put(d, &r, 0, &val, 4), -EINVAL);
	EXPECT_EQ(put(d, &r, SIZE, &val, 1), -EINVAL);
	EXPECT(mmap(NULL, 4096, PROT_READ, MAP_SHARED, d->fd, r.offset) == MAP_FAILED &&
	       errno == EINVAL);
	EXPECT_EQ(get(d, &r, r.size, buf, 1), -EINVAL);
	EXPECT_EQ(get(d, &r, r.size - 3, buf, sizeof(buf)), 3);
	EXPECT_EQ(buf[2], memory[VBT + 0x122]);
	EXPECT_EQ(get(d, &r, SIZE - 1, buf, 2), 2);
	EXPECT_EQ(buf[0], memory[OPREGION + SIZE - 1]);
	EXPECT_EQ(buf[1], memory[VBT]);
	EXPECT_EQ(get(d, &r, 0, hole, 4), -EFAULT);
}

TEST(copied, "each user gets the OpRegion as it was when he came")
{
	struct vfio_region_info r;
	uint8_t buf[4];
	struct vfio *d;

	make(2, 1, VBT - OPREGION, 0x1000);
	d = booted();
	ASSERT(find_opregion(d, &r));
	memory[OPREGION + 0x400] ^= 0xff;
	memory[VBT + 7] ^= 0xff;
	put_memory();
	ASSERT_EQ(get(d, &r, 0x400, buf, 1), 1);
	EXPECT_EQ(buf[0], memory[OPREGION + 0x400] ^ 0xff);
	ASSERT_EQ(get(d, &r, SIZE + 7, buf, 1), 1);
	EXPECT_EQ(buf[0], memory[VBT + 7] ^ 0xff);
	expect_opregion(booted(), VBT, 0x1000, 1);
}

/* The region has what the host reads in @bdf's config space. */
static void expect_bridge(uint32_t subtype, const char *bdf)
{
	struct vfio *d = dut();
	uint8_t got[4096], host[4096];
	struct vfio_region_info r;
	int len = sysfs_read(bdf, "config", host, sizeof(host));
	uint32_t val = 0;

	ASSERT(len >= 256);
	ASSERT(find(d, subtype, &r));
	EXPECT_EQ(r.size, len);
	EXPECT_EQ(r.flags & ~VFIO_REGION_INFO_FLAG_CAPS, VFIO_REGION_INFO_FLAG_READ);
	ASSERT_EQ(get(d, &r, 0, got, sizeof(got)), len);
	EXPECT_EQ(memcmp(got, host, len), 0);
	EXPECT_EQ(got[0] | got[1] << 8, 0x8086);

	/* in any pieces */
	for (unsigned int off = 0; off < 16; off++)
		for (unsigned int n = 1; n < 20; n++) {
			memset(got, 0xa5, sizeof(got));
			ASSERT_EQ(get(d, &r, off, got, n), n);
			EXPECT_EQ(memcmp(got, host + off, n), 0);
			EXPECT_EQ(got[n], 0xa5);
		}
	EXPECT_EQ(get(d, &r, len - 2, got, 8), 2);
	EXPECT_EQ(get(d, &r, len, got, 1), -EINVAL);
	EXPECT_EQ(put(d, &r, 4, &val, 4), -EINVAL);
	EXPECT_EQ(get(d, &r, 0, hole, 4), -EFAULT);
}

TEST(host_bridge, "the host bridge's config space can be read")
{
	expect_bridge(VFIO_REGION_SUBTYPE_INTEL_IGD_HOST_CFG, HOST_BRIDGE);
}

TEST(lpc_bridge, "the LPC bridge's config space can be read")
{
	expect_bridge(VFIO_REGION_SUBTYPE_INTEL_IGD_LPC_CFG, LPC_BRIDGE);
}

TEST(no_lpc_bridge, "without an LPC bridge there is no region of it, all else is there")
{
	struct vfio_region_info r;
	struct vfio *d;
	int fd;

	make(2, 1, 0, 0);
	dut_close();
	ASSERT_EQ(sysfs_write(LPC_BRIDGE, "remove", "1"), 0);
	d = booted();
	EXPECT(find_opregion(d, &r));
	EXPECT(find(d, VFIO_REGION_SUBTYPE_INTEL_IGD_HOST_CFG, &r));
	EXPECT(!find(d, VFIO_REGION_SUBTYPE_INTEL_IGD_LPC_CFG, &r));
	EXPECT_EQ(cfg_read(d, PCI_VENDOR_ID, 2), 0x8086);
	dut_close();
	fd = open("/sys/bus/pci/rescan", O_WRONLY | O_CLOEXEC);
	ASSERT(fd >= 0);
	ASSERT_EQ(write(fd, "1", 1), 1);
	close(fd);
	EXPECT(find(dut(), VFIO_REGION_SUBTYPE_INTEL_IGD_LPC_CFG, &r));
}
