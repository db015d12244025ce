// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO_DEVICE_IOEVENTFD: writes to a BAR that an eventfd sets off
 */
#include "model.h"
#include "pci.h"
#include "test.h"

/* The kernel's documented limit is not part of the header: far beyond it */
#define PLENTY	1100

static int set(struct vfio *d, unsigned int region, uint64_t off, uint64_t data,
	       uint32_t size, int fd)
{
	struct vfio_device_ioeventfd io = {
		.argsz = sizeof(io), .flags = size, .data = data, .fd = fd,
		.offset = d->region[region].offset + off,
	};

	return vfio_ioctl(d->fd, VFIO_DEVICE_IOEVENTFD, &io);
}

static void signal_efd(int fd)
{
	uint64_t one = 1;

	ASSERT_EQ(write(fd, &one, 8), 8);
}

static bool reads(struct vfio *d, const struct model *m, uint32_t val)
{
	return bar_read32(d, 0, m->scratch) == scratch_value(m, val);
}

TEST(writes, "each signal writes; taken away, none does")
{
	struct vfio *d = dut();
	const struct model *m = model_needed(d);
	int efd = efd_new();

	for (int i = 0; i < 3; i++) {
		scratch_write(d, m, 0);
		ASSERT_EQ(set(d, 0, m->scratch, 0x00170017, VFIO_DEVICE_IOEVENTFD_32, efd), 0);
		for (int j = 0; j < 3; j++) {
			signal_efd(efd);
			EXPECT(WITHIN(1000, reads(d, m, 0x00170017)));
			scratch_write(d, m, 0);
		}
		ASSERT_EQ(set(d, 0, m->scratch, 0x00170017, VFIO_DEVICE_IOEVENTFD_32, -1), 0);
		signal_efd(efd);
		EXPECT(!WITHIN(30, reads(d, m, 0x00170017)));
		efd_count(efd);
	}
	close(efd);
}

TEST(no_fault, "a signal while memory is off neither writes nor harms")
{
	struct vfio *d = dut();
	const struct model *m = model_needed(d);
	int efd = efd_new();

	scratch_write(d, m, 0);
	ASSERT_EQ(set(d, 0, m->scratch, 0x00170017, VFIO_DEVICE_IOEVENTFD_32, efd), 0);
	cfg_command(d, 0, PCI_COMMAND_MEMORY);
	signal_efd(efd);
	usleep(30000);
	cfg_command(d, PCI_COMMAND_MEMORY, 0);
	EXPECT(!reads(d, m, 0x00170017));
	signal_efd(efd);
	EXPECT(WITHIN(1000, reads(d, m, 0x00170017)));
	ASSERT_EQ(set(d, 0, m->scratch, 0x00170017, VFIO_DEVICE_IOEVENTFD_32, -1), 0);
	close(efd);
}

TEST(sizes, "1, 2, 4 and 8 bytes are offered, exactly one of them")
{
	struct vfio *d = dut();
	int efd = efd_new();
	unsigned int bar = mappable_bar(d);
	uint64_t page = mappable_page(d);

	for (unsigned int size = 1; size <= 8; size *= 2) {
		/* 8 bytes need a 64-bit host */
		EXPECT_EQ(set(d, bar, page + 8, 0, size, efd), 0);
		EXPECT_EQ(set(d, bar, page + 8, 0, size, -1), 0);
	}
	EXPECT_EQ(set(d, bar, page + 8, 0, 0, efd), -EINVAL);
	EXPECT_EQ(set(d, bar, page + 8, 0, 3, efd), -EINVAL);
	EXPECT_EQ(set(d, bar, page + 8, 0, 16, efd), -EINVAL);
	close(efd);
}

/* A BAR with memory behind it says so; what one of registers would make of this? */
static unsigned int memory_bar(struct vfio *d)
{
	for (unsigned int bar = 0; bar < 6 && !model_of(d); bar++)
		if (d->region[bar].flags & VFIO_REGION_INFO_FLAG_MMAP &&
		    cfg_read(d, PCI_BASE_ADDRESS_0 + 4 * bar, 4) & PCI_BASE_ADDRESS_MEM_PREFETCH)
			return bar;
	SKIP("no memory behind its BAR");
}

TEST(widths, "as many bytes are written as were asked for")
{
	const uint64_t old = 0x5555555555555555, new = 0x8877665544332211;
	struct vfio *d = dut();
	unsigned int bar = memory_bar(d);
	uint64_t at = 8, is;
	off_t pos = d->region[bar].offset + at;
	int efd = efd_new();

	for (unsigned int size = 1; size <= 8; size *= 2) {
		uint64_t mask = size == 8 ? UINT64_MAX : (1ull << 8 * size) - 1;

		ASSERT_EQ(pwrite(d->fd, &old, 8, pos), 8);
		ASSERT_EQ(set(d, bar, at, new & mask, size, efd), 0);
		signal_efd(efd);
		EXPECT(WITHIN(1000, pread(d->fd, &is, 8, pos) == 8 && is != old));
		EXPECT_EQ(is, (old & ~mask) | (new & mask));
		ASSERT_EQ(set(d, bar, at, new & mask, size, -1), 0);
	}
	close(efd);
}

TEST(twice, "the same one twice is EEXIST, taking away an unknown one ENODEV")
{
	struct vfio *d = dut();
	unsigned int bar = mappable_bar(d);
	uint64_t page = mappable_page(d);
	int efd = efd_new();

	ASSERT_EQ(set(d, bar, page, 1, VFIO_DEVICE_IOEVENTFD_32, efd), 0);
	EXPECT_EQ(set(d, bar, page, 1, VFIO_DEVICE_IOEVENTFD_32, efd), -EEXIST);
	EXPECT_EQ(set(d, bar, page, 2, VFIO_DEVICE_IOEVENTFD_32, efd), 0);
	EXPECT_EQ(set(d, bar, page, 3, VFIO_DEVICE_IOEVENTFD_32, -1), -ENODEV);
	EXPECT_EQ(set(d, bar, page, 1, VFIO_DEVICE_IOEVENTFD_16, -1), -ENODEV);
	EXPECT_EQ(set(d, bar, page, 1, VFIO_DEVICE_IOEVENTFD_32, -1), 0);
	EXPECT_EQ(set(d, bar, page, 2, VFIO_DEVICE_IOEVENTFD_32, -1), 0);
	EXPECT_EQ(set(d, bar, page, 2, VFIO_DEVICE_IOEVENTFD_32, -1), -ENODEV);
	close(efd);
}

TEST(where, "only BARs are allowed, inside their size and outside the MSI-X table")
{
	struct vfio *d = dut();
	unsigned int bar = mappable_bar(d), table;
	uint32_t start, len;
	int efd = efd_new();

	EXPECT_EQ(set(d, VFIO_PCI_CONFIG_REGION_INDEX, 0x3c, 0, 4, efd), -EINVAL);
	EXPECT_EQ(set(d, bar, d->region[bar].size, 0, 4, efd), -EINVAL);
	EXPECT_EQ(set(d, bar, d->region[bar].size - 4, 0, 8, efd), -EINVAL);
	EXPECT_EQ(set(d, bar, 1ull << 50, 0, 4, efd), -EINVAL);
	if (msix_table(d, &table, &start, &len)) {
		EXPECT_EQ(set(d, table, start, 0, 4, efd), -EINVAL);
		EXPECT_EQ(set(d, table, start + len - 4, 0, 4, efd), -EINVAL);
	}
	close(efd);
}

TEST(ones, "the MSI-X table is refused also while the function reads as ones")
{
	struct vfio *d = dut();
	uint32_t start, len;
	unsigned int table;
	int efd = efd_new();

	if (!msix_table(d, &table, &start, &len))
		SKIP("no MSI-X");
	if (!host_hide(d->bdf))
		SKIP("no bridge to hide it behind");
	EXPECT_EQ(set(d, table, start, 0, 4, efd), -EINVAL);
	EXPECT_EQ(set(d, table, start + len - 4, 0, 4, efd), -EINVAL);
	host_show(d->bdf);
	close(efd);
}

TEST(trapped, "a range that the driver handles itself is refused with EINVAL")
{
	struct vfio *d = dut();
	int efd = efd_new();

	if (!mappable_page(d))
		SKIP("the driver handles none");
	EXPECT_EQ(set(d, mappable_bar(d), 0, 0, 4, efd), -EINVAL);
	close(efd);
}

TEST(bad, "bad files and a short argsz are refused")
{
	struct vfio *d = dut();
	unsigned int bar = mappable_bar(d);
	uint64_t page = mappable_page(d);
	struct vfio_device_ioeventfd io = { .argsz = sizeof(io) - 8 };

	EXPECT_EQ(set(d, bar, page, 0, 4, 9999), -EBADF);
	EXPECT_EQ(set(d, bar, page, 0, 4, d->fd), -EINVAL);
	EXPECT_EQ(set(d, bar, page, 0, 4, -2), -EINVAL);
	EXPECT_EQ(vfio_ioctl(d->fd, VFIO_DEVICE_IOEVENTFD, &io), -EINVAL);
}

TEST(limit, "there is a limit: ENOSPC; the old ones go on working")
{
	struct vfio *d = dut();
	unsigned int bar = mappable_bar(d), n;
	uint64_t page = mappable_page(d);
	int efd = efd_new(), ret = 0;

	for (n = 0; n < PLENTY; n++) {
		ret = set(d, bar, page, n, VFIO_DEVICE_IOEVENTFD_32, efd);
		if (ret)
			break;
	}
	EXPECT_EQ(ret, -ENOSPC);
	EXPECT(n >= 500);
	for (unsigned int i = 0; i < n; i++)
		ASSERT_EQ(set(d, bar, page, i, VFIO_DEVICE_IOEVENTFD_32, -1), 0);
	EXPECT_EQ(set(d, bar, page, 0, VFIO_DEVICE_IOEVENTFD_32, efd), 0);
	EXPECT_EQ(set(d, bar, page, 0, VFIO_DEVICE_IOEVENTFD_32, -1), 0);
	close(efd);
}

TEST(at_close, "closing the device takes them away")
{
	struct vfio *d = dut();
	const struct model *m = model_needed(d);
	int efd = efd_new();

	scratch_write(d, m, 0);
	ASSERT_EQ(set(d, 0, m->scratch, 0x00170017, VFIO_DEVICE_IOEVENTFD_32, efd), 0);
	dut_close();
	signal_efd(efd);
	d = dut();
	signal_efd(efd);
	usleep(30000);
	EXPECT(!reads(d, m, 0x00170017));
	close(efd);
}
