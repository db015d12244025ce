// SPDX-License-Identifier: GPL-2.0-only
/*
 * What operations on VFIO devices cost, in instructions
 *
 * bench EDU E1000E NVME EDU...: on a machine whose clock counts instructions. Each
 * operation is carried out many times; the median tells it from those in which the
 * timer interrupted. Time that passes while everything sleeps counts as well, one
 * instruction a nanosecond, and is told apart by the processor time of the task.
 *
 * A result is a line "bench", value and name, separated by tabs.
 */
#include <linux/vfio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <x86intrin.h>

#include "memory.h"
#include "model.h"
#include "pci.h"
#include "test.h"

#define OFTEN		1000
#define SOME		100
#define FEW		7
#define ALL		8	/* devices at once */

#define CONFIG		VFIO_PCI_CONFIG_REGION_INDEX
#define MSI		VFIO_PCI_MSI_IRQ_INDEX
#define MSIX		VFIO_PCI_MSIX_IRQ_INDEX
#define INTX		VFIO_PCI_INTX_IRQ_INDEX
#define TRIGGER		VFIO_IRQ_SET_ACTION_TRIGGER
#define UNMASK		VFIO_IRQ_SET_ACTION_UNMASK

/* What is being measured works on these. */
static struct vfio *dev;
static uint8_t buf[65536];
static volatile uint32_t *regs;
static int efd;
static unsigned int pos, len;

typedef void (*op_fn)(void);

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static uint64_t median(uint64_t *val, unsigned int n)
{
	qsort(val, n, sizeof(*val), by_value);
	return val[n / 2];
}

static uint64_t cpu_time(void)
{
	struct timespec t;

	syscall(SYS_clock_gettime, CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static void nothing(void)
{
}

/* Median cost of @op; @after, which may be NULL, is not counted */
static uint64_t cost(unsigned int n, op_fn op, op_fn after)
{
	static uint64_t val[OFTEN];
	uint64_t from;

	/* What the first time brings into place is not what the others cost. */
	op();
	if (after)
		after();
	for (unsigned int i = 0; i < n; i++) {
		from = __rdtsc();
		op();
		val[i] = __rdtsc() - from;
		if (after)
			after();
	}
	return median(val, n);
}

static void report(const char *name, long val)
{
	printf("bench\t%ld\t%s\n", val, name);
}

static void measure(const char *name, unsigned int n, op_fn op, op_fn after)
{
	static uint64_t frame;

	if (!frame)
		frame = cost(OFTEN, nothing, NULL);
	report(name, cost(n, op, after) - frame);
}

/* Of something that sleeps: all time that passes, and the processor's */
static void measure_slow(const char *name, op_fn op)
{
	uint64_t all[FEW], cpu[FEW];
	char cpu_name[100];

	op();
	for (unsigned int i = 0; i < FEW; i++) {
		cpu[i] = cpu_time();
		all[i] = __rdtsc();
		op();
		all[i] = __rdtsc() - all[i];
		cpu[i] = cpu_time() - cpu[i];
	}
	snprintf(cpu_name, sizeof(cpu_name), "%s, processor", name);
	report(name, median(all, FEW));
	report(cpu_name, median(cpu, FEW));
}

static struct vfio *open_nth(unsigned int n)
{
	static struct vfio v;

	ASSERT(n < args.nbdf);
	dut_close();
	vfio_close(&v);
	ASSERT_EQ(vfio_open(&v, args.bdf[n]), 0);
	cfg_command(&v, PCI_COMMAND_MEMORY | PCI_COMMAND_IO | PCI_COMMAND_MASTER, 0);
	dev = &v;
	return &v;
}

/* ---- config space ---- */

static void do_getppid(void)
{
	syscall(SYS_getppid);
}

static void config_read(void)
{
	ASSERT_EQ(vfio_read(dev, CONFIG, pos, buf, len), len);
}

static void config_write(void)
{
	ASSERT_EQ(vfio_write(dev, CONFIG, pos, buf, len), len);
}

static void measure_read(const char *name, unsigned int at, unsigned int size)
{
	pos = at;
	len = size;
	measure(name, size > 4 ? SOME : OFTEN, config_read, NULL);
}

static void measure_write(const char *name, unsigned int at, unsigned int size)
{
	pos = at;
	len = size;
	config_read();
	measure(name, OFTEN, config_write, NULL);
}

TEST(config, "config space of a conventional device")
{
	dev = open_nth(0);
	measure("getppid()", OFTEN, do_getppid, NULL);
	measure_read("config read 4 B, id", PCI_VENDOR_ID, 4);
	measure_read("config read 4 B, BAR", PCI_BASE_ADDRESS_0, 4);
	measure_read("config read 4 B, device-specific", 0x80, 4);
	measure_read("config read 2 B, STATUS", PCI_STATUS, 2);
	measure_read("config read 256 B", 0, 256);
	measure_write("config write 2 B, COMMAND", PCI_COMMAND, 2);
	measure_write("config write 4 B, BAR", PCI_BASE_ADDRESS_0, 4);
	measure_write("config write 1 B, interrupt line", PCI_INTERRUPT_LINE, 1);
}

TEST(express, "config space of a PCI Express device")
{
	dev = open_nth(1);
	ASSERT_EQ(cfg_size(dev), 4096);
	measure_read("config read 4 B, extended, capability", 0x100, 4);
	measure_read("config read 4 B, extended, AER status", 0x104, 4);
	measure_read("config read 256 B, PCI Express", 0, 256);
	measure_read("config read 256 B, extended", 0x100, 256);
	measure_read("config read 4096 B", 0, 4096);
	measure_write("config write 2 B, device control",
		      cfg_cap(dev, PCI_CAP_ID_EXP) + PCI_EXP_DEVCTL, 2);
}

/* ---- BARs ---- */

static void bar_read(void)
{
	ASSERT_EQ(vfio_read(dev, 0, 4, buf, 4), 4);
}

static void bar_write(void)
{
	ASSERT_EQ(vfio_write(dev, 0, 4, buf, 4), 4);
}

static void touch_first(void)
{
	regs = vfio_mmap(dev, 0, 0, 4096);
	ASSERT(regs != MAP_FAILED);
	(void)regs[0];
	munmap((void *)regs, 4096);
}

static void touch_all(void)
{
	size_t size = dev->region[0].size;

	regs = vfio_mmap(dev, 0, 0, size);
	ASSERT(regs != MAP_FAILED);
	for (size_t i = 0; i < size; i += 4096)
		(void)regs[i / 4];
	munmap((void *)regs, size);
}

static void map_whole_touch_one(void)
{
	regs = vfio_mmap(dev, 0, 0, dev->region[0].size);
	ASSERT(regs != MAP_FAILED);
	(void)regs[1];
	munmap((void *)regs, dev->region[0].size);
}

TEST(bar, "a BAR")
{
	dev = open_nth(0);
	measure("BAR read 4 B", OFTEN, bar_read, NULL);
	measure("BAR write 4 B", OFTEN, bar_write, NULL);
	measure("mmap 4 KB + touch + munmap", SOME, touch_first, NULL);
	measure("mmap 1 MB + touch one + munmap", SOME, map_whole_touch_one, NULL);
	measure("mmap 1 MB + touch all + munmap", SOME, touch_all, NULL);
}

static void rom_read(void)
{
	ASSERT_EQ(vfio_read(dev, VFIO_PCI_ROM_REGION_INDEX, 0, buf, len), len);
}

TEST(rom, "the expansion ROM")
{
	dev = open_nth(1);
	ASSERT(dev->region[VFIO_PCI_ROM_REGION_INDEX].size >= sizeof(buf));
	len = 64;
	measure("ROM read 64 B", FEW, rom_read, NULL);
	len = sizeof(buf);
	measure("ROM read 64 KB", FEW, rom_read, NULL);
}

/* ---- what programs ask ---- */

static void get_info(void)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };

	ASSERT_EQ(vfio_ioctl(dev->fd, VFIO_DEVICE_GET_INFO, &info), 0);
}

static void get_region_info(void)
{
	struct vfio_region_info info = { .argsz = sizeof(info), .index = pos };

	ASSERT_EQ(vfio_ioctl(dev->fd, VFIO_DEVICE_GET_REGION_INFO, &info), 0);
}

static void get_irq_info(void)
{
	struct vfio_irq_info info = { .argsz = sizeof(info), .index = pos };

	ASSERT_EQ(vfio_ioctl(dev->fd, VFIO_DEVICE_GET_IRQ_INFO, &info), 0);
}

static void hot_reset_info(void)
{
	struct {
		struct vfio_pci_hot_reset_info hdr;
		struct vfio_pci_dependent_device devices[8];
	} info = { .hdr.argsz = sizeof(info) };

	ASSERT_EQ(vfio_ioctl(dev->fd, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, &info), 0);
}

TEST(info, "what a program asks a device")
{
	dev = open_nth(1);
	measure("GET_INFO", OFTEN, get_info, NULL);
	pos = 0;
	measure("GET_REGION_INFO, BAR0", OFTEN, get_region_info, NULL);
	pos = CONFIG;
	measure("GET_REGION_INFO, config", OFTEN, get_region_info, NULL);
	pos = VFIO_PCI_ROM_REGION_INDEX;
	measure("GET_REGION_INFO, ROM", OFTEN, get_region_info, NULL);
	pos = MSI;
	measure("GET_IRQ_INFO, MSI", OFTEN, get_irq_info, NULL);
	pos = MSIX;
	measure("GET_IRQ_INFO, MSI-X", OFTEN, get_irq_info, NULL);
	measure("GET_PCI_HOT_RESET_INFO", OFTEN, hot_reset_info, NULL);
}

/* ---- interrupts ---- */

static void irq_set(uint32_t flags, unsigned int index, unsigned int count,
		    const int *fds)
{
	struct {
		struct vfio_irq_set hdr;
		int fd[8];
	} set = {
		.hdr = {
			.argsz = sizeof(set.hdr) + (fds ? count * sizeof(int) : 0),
			.flags = flags, .index = index, .count = count,
		},
	};

	if (fds)
		memcpy(set.hdr.data, fds, count * sizeof(int));
	ASSERT_EQ(vfio_ioctl(dev->fd, VFIO_DEVICE_SET_IRQS, &set), 0);
}

static void irq_do(unsigned int index, uint32_t action, unsigned int count)
{
	irq_set(VFIO_IRQ_SET_DATA_NONE | action, index, count, NULL);
}

static void irq_fds(unsigned int index, unsigned int count)
{
	const int fds[8] = { efd, efd, efd, efd, efd, efd, efd, efd };

	irq_set(VFIO_IRQ_SET_DATA_EVENTFD | TRIGGER, index, count, fds);
}

static void msi_trigger(void)
{
	irq_do(MSI, TRIGGER, 1);
}

static void intx_trigger(void)
{
	irq_do(INTX, TRIGGER, 1);
}

static void intx_unmask(void)
{
	irq_do(INTX, UNMASK, 1);
}

static void intx_mask(void)
{
	irq_do(INTX, VFIO_IRQ_SET_ACTION_MASK, 1);
}

static void take(void)
{
	efd_count(efd);
}

/* edu: see model.c */
static void device_msi(void)
{
	regs[0x60 / 4] = 1;
	while (!efd_count(efd))
		;
}

static void device_ack(void)
{
	regs[0x64 / 4] = 1;
}

static void msi_on_off(void)
{
	irq_fds(MSI, 1);
	irq_do(MSI, TRIGGER, 0);
}

static void msix_on_off(void)
{
	irq_fds(MSIX, 5);
	irq_do(MSIX, TRIGGER, 0);
}

static void intx_on_off(void)
{
	irq_fds(INTX, 1);
	irq_do(INTX, TRIGGER, 0);
}

TEST(irqs, "interrupts")
{
	dev = open_nth(0);
	efd = efd_new();
	regs = vfio_mmap(dev, 0, 0, 4096);
	ASSERT(regs != MAP_FAILED);
	irq_fds(MSI, 1);
	measure("SET_IRQS, trigger MSI", OFTEN, msi_trigger, take);
	measure("MSI of the device to eventfd", OFTEN, device_msi, device_ack);
	irq_do(MSI, TRIGGER, 0);
	munmap((void *)regs, 4096);
	measure("MSI on + off", SOME, msi_on_off, NULL);
	measure("INTx on + off", SOME, intx_on_off, NULL);
	irq_fds(INTX, 1);
	measure("SET_IRQS, trigger INTx", OFTEN, intx_trigger, take);
	measure("SET_IRQS, unmask INTx", OFTEN, intx_unmask, NULL);
	measure("SET_IRQS, unmask INTx that is masked", OFTEN, intx_unmask, intx_mask);
	irq_do(INTX, TRIGGER, 0);
	dev = open_nth(1);
	measure("MSI-X on + off, 5 vectors", SOME, msix_on_off, NULL);
	close(efd);
}

static void signal_efd(void)
{
	uint64_t one = 1;

	ASSERT_EQ(write(efd, &one, 8), 8);
}

TEST(ioeventfd, "ioeventfd")
{
	struct vfio_device_ioeventfd io = {
		.argsz = sizeof(io), .flags = VFIO_DEVICE_IOEVENTFD_32,
		.data = 0x12345678,
	};

	dev = open_nth(0);
	efd = efd_new();
	io.offset = dev->region[0].offset + 4;
	io.fd = efd;
	ASSERT_EQ(vfio_ioctl(dev->fd, VFIO_DEVICE_IOEVENTFD, &io), 0);
	measure("ioeventfd signalled", OFTEN, signal_efd, take);
	EXPECT_EQ(bar_read32(dev, 0, 4), (uint32_t)~0x12345678);
	io.fd = -1;
	ASSERT_EQ(vfio_ioctl(dev->fd, VFIO_DEVICE_IOEVENTFD, &io), 0);
	close(efd);
}

/* ---- reset, open and close ---- */

static void reset(void)
{
	ASSERT_EQ(vfio_ioctl(dev->fd, VFIO_DEVICE_RESET, NULL), 0);
}

static int get_device(const struct vfio *d)
{
	int fd = vfio_ioctl(d->group, VFIO_GROUP_GET_DEVICE_FD, (void *)d->bdf);

	ASSERT(fd >= 0);
	return fd;
}

static void open_close(void)
{
	close(get_device(dev));
}

/* The container and the group stay: a program opens them once. */
static void measure_open(unsigned int nth, const char *what)
{
	char name[100];

	dev = open_nth(nth);
	snprintf(name, sizeof(name), "DEVICE_RESET, %s", what);
	measure_slow(name, reset);
	close(dev->fd);
	snprintf(name, sizeof(name), "open + close, %s", what);
	measure_slow(name, open_close);
	dev->fd = -1;
}

TEST(open_edu, "reset, open and close of a conventional device")
{
	measure_open(0, "edu");
}

TEST(open_e1000e, "of a PCI Express device")
{
	measure_open(1, "e1000e");
}

TEST(open_nvme, "of one that resets its function by itself")
{
	measure_open(2, "nvme");
}

static struct vfio many[ALL];

/* All of one kind: the first, and those behind the other kinds */
static const char *nth_edu(unsigned int i)
{
	return args.bdf[i ? i + 2 : 0];
}

static void get_groups(void)
{
	open_nth(1);
	ASSERT_EQ(args.nbdf, ALL + 2);
	for (unsigned int i = 0; i < ALL; i++) {
		ASSERT_EQ(vfio_open_with(&many[i], nth_edu(i), i ? many : NULL, NULL), 0);
		close(many[i].fd);
		many[i].fd = -1;
	}
}

static void put_groups(void)
{
	for (unsigned int i = 0; i < ALL; i++)
		vfio_close(&many[i]);
}

static void one_after_another(void)
{
	for (unsigned int i = 0; i < ALL; i++)
		close(get_device(&many[i]));
}

static void open_all(void)
{
	for (unsigned int i = 0; i < ALL; i++)
		many[i].fd = get_device(&many[i]);
}

static void close_all(void)
{
	for (unsigned int i = 0; i < ALL; i++) {
		close(many[i].fd);
		many[i].fd = -1;
	}
}

static void all_at_once(void)
{
	open_all();
	close_all();
}

TEST(open_many, "eight devices opened and closed")
{
	get_groups();
	measure_slow("open + close of 8, one after the other", one_after_another);
	measure_slow("open + close of 8, all at once", all_at_once);
	put_groups();
}

static void use_all(void)
{
	for (unsigned int i = 0; i < ALL; i++) {
		dev = &many[i];
		bar_read();
		irq_fds(MSI, 1);
	}
}

TEST(memory, "memory of an open device")
{
	long idle;

	efd = efd_new();
	get_groups();
	idle = memory_kept(open_all);
	report("memory of an open device, bytes", idle / ALL);
	report("memory of a device in use, bytes",
	       (idle + memory_kept(use_all)) / ALL);
	close_all();
	put_groups();
	close(efd);
}
