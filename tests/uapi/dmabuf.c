// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO_DEVICE_FEATURE_DMA_BUF: ranges of BARs as dma-bufs, and taking them back
 *
 * What becomes of a buffer is seen by an importer in the kernel, which is a module
 * of the tests (tests/modules/importer.c): it imports for the function itself, the
 * one device that can reach a BAR in any topology.
 */
#include <fcntl.h>
#include <linux/stddef.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "pci.h"
#include "test.h"

#define PAGE	4096ull
#define IMPORTER	"/sys/kernel/debug/vpc-importer"

/* Newer than the header of the lab's root file system. */
#ifndef VFIO_DEVICE_FEATURE_DMA_BUF
#define VFIO_DEVICE_FEATURE_DMA_BUF 11

struct vfio_region_dma_range {
	__u64 offset;
	__u64 length;
};

struct vfio_device_feature_dma_buf {
	__u32 region_index;
	__u32 open_flags;
	__u32 flags;
	__u32 nr_ranges;
	struct vfio_region_dma_range dma_ranges[];
};
#endif

#define FEATURE		VFIO_DEVICE_FEATURE_DMA_BUF
#define GET		VFIO_DEVICE_FEATURE_GET
#define PROBE		VFIO_DEVICE_FEATURE_PROBE
#define MAX_RANGES	300

struct range {
	uint64_t offset, length;
};

/* What is asked for; @n ranges are really there. */
static int get_raw(struct vfio *d, const struct vfio_device_feature_dma_buf *head,
		   const struct range *ranges, unsigned int n)
{
	size_t len = sizeof(*head) + n * sizeof(*ranges);
	char *data = calloc(1, len);
	int ret;

	ASSERT(data);
	memcpy(data, head, sizeof(*head));
	memcpy(data + sizeof(*head), ranges, n * sizeof(*ranges));
	ret = vfio_feature(d, GET | FEATURE, data, len);
	free(data);
	return ret;
}

static int get(struct vfio *d, unsigned int bar, unsigned int n,
	       const struct range *ranges)
{
	struct vfio_device_feature_dma_buf head = {
		.region_index = bar, .open_flags = O_RDWR | O_CLOEXEC, .nr_ranges = n,
	};

	return get_raw(d, &head, ranges, n);
}

static int get_one(struct vfio *d, unsigned int bar, uint64_t offset, uint64_t len)
{
	return get(d, bar, 1, &(struct range){ offset, len });
}

static bool offered(struct vfio *d)
{
	return !vfio_feature(d, PROBE | GET | FEATURE, NULL, 0);
}

/* The device, awake and with memory on; a BAR of it that can be given away */
static struct vfio *needed(unsigned int *bar)
{
	struct vfio *d = dut();

	if (!offered(d))
		SKIP("the kernel has no dma-bufs of BARs");
	*bar = mappable_bar(d);
	if (d->region[*bar].size < PAGE)
		SKIP("the BAR is smaller than a page");
	return d;
}

/* A buffer of the first page that may be mapped */
static int page_buf(struct vfio *d, unsigned int bar)
{
	int fd = get_one(d, bar, mappable_page(d), PAGE);

	ASSERT(fd >= 0);
	return fd;
}

static void expect_size(int fd, off_t size)
{
	if (!EXPECT(fd >= 0))
		return;
	EXPECT_EQ(lseek(fd, 0, SEEK_END), size);
	close(fd);
}

/* ---- the importer ---- */

static int importer(void)
{
	int imp = open(IMPORTER, O_RDWR | O_CLOEXEC);

	if (imp < 0)
		SKIP("the importer of the tests is not loaded");
	return imp;
}

static int tell(int imp, const char *cmd)
{
	return write(imp, cmd, strlen(cmd)) < 0 ? -errno : 0;
}

static int attach(int imp, int fd, const char *bdf, const char *how)
{
	char cmd[64];

	snprintf(cmd, sizeof(cmd), "attach %d %s %s", fd, bdf, how);
	return tell(imp, cmd);
}

/* An importer of its own for @fd, mapped */
static int mapped_importer(struct vfio *d, int fd, const char *how)
{
	int imp = importer();

	ASSERT_EQ(attach(imp, fd, d->bdf, how), 0);
	ASSERT_EQ(tell(imp, "map"), 0);
	return imp;
}

struct news {
	int mapped;
	unsigned int told, entries;
	unsigned long long phys, phys_len, addr[2], len[2];
};

static struct news news(int imp)
{
	char text[512] = "";
	struct news n = {};

	ASSERT(pread(imp, text, sizeof(text) - 1, 0) > 0);
	ASSERT(sscanf(text, "%d %u %lli %lli %u %lli %lli %lli %lli", &n.mapped,
		      &n.told, &n.phys, &n.phys_len, &n.entries, &n.addr[0],
		      &n.len[0], &n.addr[1], &n.len[1]) >= 5);
	return n;
}

/* ---- asking for one ---- */

TEST(probe, "the feature can be got, not set")
{
	struct vfio *d = dut();
	uint8_t data[64] = {};
	int ret = vfio_feature(d, PROBE | GET | FEATURE, NULL, 0);

	if (ret == -ENOTTY)
		SKIP("the kernel has no dma-bufs of BARs");
	EXPECT_EQ(ret, 0);
	EXPECT_EQ(vfio_feature(d, PROBE | VFIO_DEVICE_FEATURE_SET | FEATURE, NULL, 0),
		  -EINVAL);
	EXPECT_EQ(vfio_feature(d, VFIO_DEVICE_FEATURE_SET | FEATURE, data, 64), -EINVAL);
	for (size_t len = 0; len < sizeof(struct vfio_device_feature_dma_buf); len++)
		EXPECT_EQ(vfio_feature(d, GET | FEATURE, data, len), -EINVAL);
}

TEST(ranges, "ranges that are not whole pages inside the BAR are refused")
{
	unsigned int bar;
	struct vfio *d = needed(&bar);
	uint64_t size = d->region[bar].size;
	const struct range bad[] = {
		{ 0, 0 }, { 0, 1 }, { 0, PAGE - 1 }, { 0, PAGE + 1 }, { 1, PAGE },
		{ PAGE / 2, PAGE }, { size, PAGE }, { size - PAGE, 2 * PAGE },
		{ 0, size + PAGE }, { -PAGE, PAGE }, { -PAGE, 2 * PAGE },
		{ PAGE, -PAGE }, { 0, -PAGE }, { -PAGE, -PAGE },
		{ 1ull << 40, PAGE }, { 1ull << 63, PAGE },
	};
	struct range two[2] = { { mappable_page(d), PAGE } };

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		/* mainline has EOVERFLOW where offset and length do not add up */
		bool wraps = bad[i].offset + bad[i].length < bad[i].offset;
		int ret = get(d, bar, 1, &bad[i]);

		EXPECT(ret == -EINVAL || (wraps && ret == -EOVERFLOW));
		/* nor behind a good one */
		two[1] = bad[i];
		ret = get(d, bar, 2, two);
		EXPECT(ret == -EINVAL || (wraps && ret == -EOVERFLOW));
	}
}

TEST(header, "unknown flags, no ranges, or more than anybody can have are refused")
{
	unsigned int bar;
	struct vfio *d = needed(&bar);
	const struct range good[2] = { { mappable_page(d), PAGE },
				       { mappable_page(d), PAGE } };
	struct vfio_device_feature_dma_buf h = {
		.region_index = bar, .open_flags = O_RDWR, .nr_ranges = 1,
	};

	h.flags = 1;
	EXPECT_EQ(get_raw(d, &h, good, 1), -EINVAL);
	h.flags = 1u << 31;
	EXPECT_EQ(get_raw(d, &h, good, 1), -EINVAL);
	h.flags = 0;
	h.nr_ranges = 0;
	EXPECT_EQ(get_raw(d, &h, good, 1), -EINVAL);
	h.nr_ranges = 1u << 30;
	EXPECT_EQ(get_raw(d, &h, good, 2), -ENOMEM);
	h.nr_ranges = UINT32_MAX;
	EXPECT_EQ(get_raw(d, &h, good, 2), -ENOMEM);
}

TEST(regions, "only memory BARs are offered")
{
	unsigned int bar;
	struct vfio *d = needed(&bar);
	struct host_resource res;
	int ret;

	for (unsigned int i = 0; i < VFIO_PCI_NUM_REGIONS + 3; i++) {
		bool memory = i <= VFIO_PCI_BAR5_REGION_INDEX &&
			      !host_resource(d->bdf, i, &res) && res.flags & RES_MEM;

		ret = get_one(d, i, 0, PAGE);
		if (!memory)
			EXPECT(ret == -EINVAL || ret == -ENODEV);
		if (ret >= 0)
			close(ret);
	}
	ret = get_one(d, UINT32_MAX, 0, PAGE);
	EXPECT(ret == -EINVAL || ret == -ENODEV);
}

TEST(trapped, "what a driver handles itself is not given away")
{
	unsigned int bar;
	struct vfio *d = needed(&bar);
	bool seen = false;

	for (unsigned int i = 0; i < 6; i++) {
		struct vfio_region_info *r = vfio_get_region_caps(d, i);
		struct vfio_region_info_cap_sparse_mmap *s;
		uint64_t end = 0;

		s = vfio_cap(r, r->cap_offset, VFIO_REGION_INFO_CAP_SPARSE_MMAP);
		for (unsigned int a = 0; s && a < s->nr_areas; a++) {
			int fd = get_one(d, i, s->areas[a].offset, s->areas[a].size);

			seen = true;
			EXPECT(fd >= 0);
			close(fd);
			if (s->areas[a].offset > end) {
				EXPECT_EQ(get_one(d, i, end, PAGE), -EINVAL);
				EXPECT_EQ(get_one(d, i, 0, r->size), -EINVAL);
			}
			end = s->areas[a].offset + s->areas[a].size;
		}
		free(r);
	}
	if (!seen)
		SKIP("no region has a sparse map");
}

TEST(sizes, "a buffer is as large as its ranges, which may be many, and overlap")
{
	unsigned int bar;
	struct vfio *d = needed(&bar);
	uint64_t page = mappable_page(d), size = d->region[bar].size;
	struct range many[MAX_RANGES];

	expect_size(get_one(d, bar, page, PAGE), PAGE);
	if (!page && !vfio_get_region_caps(d, bar)->cap_offset)
		expect_size(get_one(d, bar, 0, size), size);
	for (unsigned int i = 0; i < MAX_RANGES; i++)
		many[i] = (struct range){ page, PAGE };
	expect_size(get(d, bar, 2, many), 2 * PAGE);
	expect_size(get(d, bar, MAX_RANGES, many), MAX_RANGES * PAGE);
}

TEST(file, "the file has the flags asked for, and is good for importing alone")
{
	unsigned int bar;
	struct vfio *d = needed(&bar);
	struct range page = { mappable_page(d), PAGE };
	struct vfio_device_feature_dma_buf h = {
		.region_index = bar, .nr_ranges = 1,
	};
	char byte;
	int fd;

	h.open_flags = O_RDONLY;
	fd = get_raw(d, &h, &page, 1);
	ASSERT(fd >= 0);
	EXPECT_EQ(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	EXPECT_EQ(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
	close(fd);
	h.open_flags = O_RDWR | O_CLOEXEC;
	fd = get_raw(d, &h, &page, 1);
	ASSERT(fd >= 0);
	EXPECT_EQ(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR);
	EXPECT_EQ(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	EXPECT(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED);
	EXPECT(read(fd, &byte, 1) < 0);
	EXPECT(write(fd, &byte, 1) < 0);
	close(fd);
}

/* ---- importing it ---- */

TEST(map, "an importer is given the addresses of the ranges, in their order")
{
	unsigned int bar;
	struct vfio *d = needed(&bar);
	uint64_t page = mappable_page(d);
	const struct range twice[] = { { page, PAGE }, { page, PAGE } };
	struct host_resource res;
	int fd = page_buf(d, bar), imp = mapped_importer(d, fd, "now");
	struct news n = news(imp);

	ASSERT_EQ(host_resource(d->bdf, bar, &res), 0);
	EXPECT_EQ(n.mapped, 1);
	EXPECT_EQ(n.entries, 1);
	EXPECT_EQ(n.addr[0], res.start + page);
	EXPECT_EQ(n.len[0], PAGE);
	EXPECT_EQ(n.told, 0);
	close(imp);
	close(fd);

	fd = get(d, bar, 2, twice);
	ASSERT(fd >= 0);
	imp = mapped_importer(d, fd, "now");
	n = news(imp);
	EXPECT_EQ(n.entries, 2);
	EXPECT_EQ(n.addr[0], res.start + page);
	EXPECT_EQ(n.addr[1], res.start + page);
	close(imp);
	close(fd);
}

TEST(refused, "importers that cannot let go, or cannot reach a BAR, are refused")
{
	unsigned int bar;
	struct vfio *d = needed(&bar);
	int fd = page_buf(d, bar), imp = importer();

	EXPECT_EQ(attach(imp, fd, d->bdf, "static") ?: tell(imp, "pin"), -EOPNOTSUPP);
	tell(imp, "detach");
	EXPECT_EQ(attach(imp, fd, d->bdf, "system"), -EOPNOTSUPP);
	EXPECT_EQ(attach(imp, fd, d->bdf, "now"), 0);
	close(imp);
	close(fd);
}

TEST(iommufd, "iommufd is given the physical address of one range, not of several")
{
	unsigned int bar;
	struct vfio *d = needed(&bar);
	uint64_t page = mappable_page(d);
	const struct range twice[] = { { page, PAGE }, { page, PAGE } };
	struct host_resource res;
	int fd = page_buf(d, bar), imp = importer();
	struct news n;

	ASSERT_EQ(host_resource(d->bdf, bar, &res), 0);
	ASSERT_EQ(attach(imp, fd, d->bdf, "now"), 0);
	EXPECT_EQ(tell(imp, "pin"), 0);
	EXPECT_EQ(tell(imp, "phys"), 0);
	n = news(imp);
	EXPECT_EQ(n.phys, res.start + page);
	EXPECT_EQ(n.phys_len, PAGE);
	if (memory_gate(d)) {
		cfg_command(d, 0, PCI_COMMAND_MEMORY);
		EXPECT(news(imp).told > n.told);
		EXPECT_EQ(tell(imp, "phys"), -ENODEV);
		cfg_command(d, PCI_COMMAND_MEMORY, 0);
	}
	EXPECT_EQ(tell(imp, "unpin"), 0);
	close(imp);
	close(fd);

	fd = get(d, bar, 2, twice);
	imp = importer();
	ASSERT_EQ(attach(imp, fd, d->bdf, "now"), 0);
	EXPECT_EQ(tell(imp, "phys"), -EOPNOTSUPP);
	close(imp);
	close(fd);
}

/* ---- taking it back ---- */

/* @away took the memory away, @back gave it back: what does the importer say? */
static void taken_and_back(struct vfio *d, void (*away)(struct vfio *d),
			   void (*back)(struct vfio *d))
{
	unsigned int bar = mappable_bar(d);
	int fd = page_buf(d, bar), imp = mapped_importer(d, fd, "now");
	struct news before, after;

	for (int i = 0; i < 3; i++) {
		before = news(imp);
		EXPECT_EQ(before.mapped, 1);
		away(d);
		after = news(imp);
		EXPECT_EQ(after.mapped, 0);
		EXPECT(after.told > before.told);
		EXPECT_EQ(tell(imp, "map"), -ENODEV);
		back(d);
		EXPECT_EQ(tell(imp, "map"), 0);
	}
	close(imp);
	close(fd);
}

static void memory_off(struct vfio *d)
{
	cfg_command(d, 0, PCI_COMMAND_MEMORY);
}

static void memory_on(struct vfio *d)
{
	cfg_command(d, PCI_COMMAND_MEMORY, 0);
}

TEST(memory, "memory off takes the buffer from its importer, memory on gives it back")
{
	unsigned int bar;
	struct vfio *d = needed(&bar);

	if (!memory_gate(d))
		SKIP("a VF's memory is always on here");
	taken_and_back(d, memory_off, memory_on);
}

static void sleep_in(struct vfio *d)
{
	EXPECT_EQ(vfio_feature(d, VFIO_DEVICE_FEATURE_SET |
			       VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY, NULL, 0), 0);
}

static void wake_up(struct vfio *d)
{
	EXPECT_EQ(vfio_feature(d, VFIO_DEVICE_FEATURE_SET |
			       VFIO_DEVICE_FEATURE_LOW_POWER_EXIT, NULL, 0), 0);
}

TEST(low_power, "low power takes the buffer from its importer, its end gives it back")
{
	unsigned int bar;
	struct vfio *d = needed(&bar);

	taken_and_back(d, sleep_in, wake_up);
}

static void set_power_state(struct vfio *d, unsigned int state)
{
	unsigned int pm = cfg_cap(d, PCI_CAP_ID_PM);

	cfg_write(d, pm + PCI_PM_CTRL, 2, state);
}

static void to_d3hot(struct vfio *d)
{
	set_power_state(d, 3);
}

static void to_d0(struct vfio *d)
{
	set_power_state(d, 0);
	memory_on(d);
}

TEST(d3hot, "D3hot takes the buffer from its importer, D0 gives it back")
{
	unsigned int bar;
	struct vfio *d = needed(&bar);

	if (!cfg_cap(d, PCI_CAP_ID_PM))
		SKIP("no power management capability");
	taken_and_back(d, to_d3hot, to_d0);
}

TEST(reset, "a reset takes the buffer from its importer, and gives it back")
{
	unsigned int bar;
	struct vfio *d = needed(&bar);
	int fd, imp;

	if (!(d->info.flags & VFIO_DEVICE_FLAGS_RESET))
		SKIP("the device cannot be reset");
	fd = page_buf(d, bar);
	imp = mapped_importer(d, fd, "now");
	for (unsigned int i = 0; i < 3; i++) {
		struct news n = news(imp);

		EXPECT_EQ(vfio_ioctl(d->fd, VFIO_DEVICE_RESET, NULL), 0);
		EXPECT_EQ(news(imp).mapped, 0);
		EXPECT(news(imp).told > n.told);
		EXPECT_EQ(tell(imp, "map"), 0);
	}
	close(imp);
	close(fd);
}

TEST(late, "an importer that needs time to let go is waited for")
{
	unsigned int bar;
	struct vfio *d = needed(&bar);
	int fd = page_buf(d, bar), imp = mapped_importer(d, fd, "late");
	uint64_t from = test_now_us();

	sleep_in(d);
	EXPECT(test_now_us() - from >= 200000);
	EXPECT_EQ(news(imp).mapped, 0);
	wake_up(d);
	close(imp);
	close(fd);
}

TEST(made_while_off, "a buffer made while memory is off can be mapped once it is on")
{
	unsigned int bar;
	struct vfio *d = needed(&bar);
	int fd, imp;

	if (!memory_gate(d))
		SKIP("a VF's memory is always on here");
	memory_off(d);
	fd = page_buf(d, bar);
	memory_on(d);
	imp = mapped_importer(d, fd, "now");
	EXPECT_EQ(news(imp).mapped, 1);
	close(imp);
	close(fd);
}

TEST(two, "two buffers with three importers lose and get their memory together")
{
	unsigned int bar;
	struct vfio *d = needed(&bar);
	int a = page_buf(d, bar), b = page_buf(d, bar);
	int imp[] = { mapped_importer(d, a, "now"), mapped_importer(d, a, "late"),
		      mapped_importer(d, b, "late") };

	sleep_in(d);
	for (unsigned int i = 0; i < ARRAY_SIZE(imp); i++)
		EXPECT_EQ(news(imp[i]).mapped, 0);
	wake_up(d);
	for (unsigned int i = 0; i < ARRAY_SIZE(imp); i++) {
		EXPECT_EQ(tell(imp[i], "map"), 0);
		close(imp[i]);
	}
	close(a);
	close(b);
}

/* ---- and its life ---- */

TEST(outlives, "a buffer outlives the device's close, and nobody can map it any more")
{
	unsigned int bar;
	struct vfio *d = needed(&bar);
	int fd = page_buf(d, bar), imp = mapped_importer(d, fd, "now");
	int other = importer();

	dut_close();
	EXPECT_EQ(news(imp).mapped, 0);
	EXPECT_EQ(tell(imp, "map"), -ENODEV);
	EXPECT(attach(other, fd, args.bdf[0], "now") || tell(other, "map"));
	EXPECT_EQ(lseek(fd, 0, SEEK_END), PAGE);
	/* not by the next user of the device either */
	d = dut();
	EXPECT_EQ(tell(imp, "map"), -ENODEV);
	memory_on(d);
	EXPECT_EQ(tell(imp, "map"), -ENODEV);
	close(imp);
	close(other);
	EXPECT_EQ(lseek(fd, 0, SEEK_END), PAGE);
	close(fd);
}

TEST(close_first, "a buffer may be closed while it is mapped; the importer keeps it")
{
	unsigned int bar;
	struct vfio *d = needed(&bar);
	int fd = page_buf(d, bar), imp = mapped_importer(d, fd, "now");

	close(fd);
	EXPECT_EQ(news(imp).mapped, 1);
	sleep_in(d);
	EXPECT_EQ(news(imp).mapped, 0);
	wake_up(d);
	EXPECT_EQ(tell(imp, "map"), 0);
	close(imp);
}

static volatile bool stop;

static void *toggle(void *arg)
{
	while (!stop) {
		sleep_in(arg);
		wake_up(arg);
	}
	return NULL;
}

TEST(race, "buffers come, go and are mapped while the memory does the same")
{
	unsigned int bar, mapped = 0, refused = 0;
	struct vfio *d = needed(&bar);
	time_t end = time(NULL) + 2;
	pthread_t thread;

	close(importer());
	stop = false;
	ASSERT(!pthread_create(&thread, NULL, toggle, d));
	while (time(NULL) < end) {
		int fd = page_buf(d, bar), imp = importer(), ret;

		if (!attach(imp, fd, d->bdf, "now")) {
			ret = tell(imp, "map");
			EXPECT(ret == 0 || ret == -ENODEV);
			*(ret ? &refused : &mapped) += 1;
		}
		close(fd);
		close(imp);
	}
	stop = true;
	pthread_join(thread, NULL);
	test_note("mapped %u times, refused %u times", mapped, refused);
	EXPECT(mapped);
}

/* The last test: it takes the VF away. */
TEST(departure, "a VF that leaves takes its buffer along, at once")
{
	unsigned int bar;
	struct vfio *d = needed(&bar);
	uint64_t page = mappable_page(d);
	char pf[64] = "", driver[64] = "";
	int fd, imp, status = -1;
	pid_t pid;

	if (sysfs_link(d->bdf, "physfn", pf, sizeof(pf)) ||
	    sysfs_link(d->bdf, "driver", driver, sizeof(driver)) ||
	    !strcmp(driver, "vfio-pci"))
		SKIP("not a VF whose driver can tell of its departure");
	fd = page_buf(d, bar);
	imp = mapped_importer(d, fd, "now");
	pid = fork();
	if (!pid) {
		dut_close();
		close(fd);
		close(imp);
		_exit(sysfs_write(pf, "sriov_numvfs", "0") != 0);
	}
	EXPECT(WITHIN(5000, !news(imp).mapped));
	EXPECT_EQ(tell(imp, "map"), -ENODEV);
	EXPECT_EQ(get_one(d, bar, page, PAGE), -EIO);
	EXPECT_EQ(waitpid(pid, &status, WNOHANG), 0);
	dut_close();
	EXPECT(WITHIN(20000, waitpid(pid, &status, WNOHANG) == pid));
	EXPECT_EQ(status, 0);
	/* The buffer has nothing left of the device but its size. */
	EXPECT_EQ(tell(imp, "map"), -ENODEV);
	close(imp);
	EXPECT_EQ(lseek(fd, 0, SEEK_END), PAGE);
	close(fd);
}
