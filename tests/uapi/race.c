// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads against each other on one device, for --seconds. Nothing may hang,
 * crash or give an errno that none of the others explains.
 */
#include <pthread.h>
#include <sys/mman.h>

#include "model.h"
#include "pci.h"
#include "test.h"

static struct vfio *d;
static volatile bool stop;

struct worker {
	const char *name;
	void (*step)(unsigned int n);
	pthread_t thread;
	unsigned long steps;
};

/* Other threads take memory away, so EIO is expected; anything else is not. */
static bool tolerated(ssize_t ret, size_t want)
{
	return ret == (ssize_t)want || ret == -EIO;
}

static unsigned long surprises;

static void surprise(const char *what, long ret)
{
	if (__atomic_fetch_add(&surprises, 1, __ATOMIC_RELAXED) < 10)
		test_note("%s gave %ld", what, ret);
}

static void step_config(unsigned int n)
{
	uint16_t cmd = n & 1 ? PCI_COMMAND_MEMORY | PCI_COMMAND_IO : PCI_COMMAND_IO;
	ssize_t ret = vfio_write(d, VFIO_PCI_CONFIG_REGION_INDEX, PCI_COMMAND, &cmd, 2);

	if (ret != 2)
		surprise("write of COMMAND", ret);
	usleep(n % 500);
}

static void step_read(unsigned int n)
{
	uint32_t val[64];
	unsigned int bar = mappable_bar(d);
	ssize_t ret = vfio_read(d, bar, 4 * (n % 2), val, 4);

	if (!tolerated(ret, 4))
		surprise("read of a BAR", ret);
	ret = vfio_read(d, VFIO_PCI_CONFIG_REGION_INDEX, 0, val, 256);
	if (!tolerated(ret, 256))
		surprise("read of config space", ret);
}

static void step_mmap(unsigned int n)
{
	uint32_t val;
	char *p = vfio_mmap(d, mappable_bar(d), mappable_page(d), 4096);

	if (p == MAP_FAILED) {
		surprise("mmap", -errno);
		return;
	}
	/* SIGBUS is expected, a wrong result of the mapping is not */
	for (unsigned int i = 0; i < n % 8; i++)
		peek32(p, &val);
	munmap(p, 4096);
}

static void *kept_map;

static void step_touch(unsigned int n)
{
	uint32_t val;

	peek32(kept_map + 4 * (n % 2), &val);
}

/* Two of these leave the others time between them, and sometimes none. */
static void step_reset(unsigned int n)
{
	uint64_t start = test_now_us();
	int ret = vfio_ioctl(d->fd, VFIO_DEVICE_RESET, NULL);

	/* EAGAIN: somebody else resets it */
	if (ret && ret != -EAGAIN && ret != -EINVAL)
		surprise("reset", ret);
	usleep((test_now_us() - start) * (n % 4));
}

static bool sleeps;	/* step_power_state() is about */

static void step_irq(unsigned int n)
{
	static int efd = -1;
	unsigned int index = n / 4 % 3;
	int ret;

	if (efd < 0)
		efd = efd_new();
	if (!vfio_irq_count(d, index))
		return;
	ret = vfio_irq_fd(d, index, 0, efd);
	/* A function in D3hot is given no MSI. */
	if (ret == -EINVAL && sleeps)
		return;
	if (ret)
		surprise("enabling an interrupt", ret);
	vfio_irq_do(d, index, 0, VFIO_IRQ_SET_ACTION_TRIGGER);
	if (!index) {
		vfio_irq_do(d, 0, 0, VFIO_IRQ_SET_ACTION_MASK);
		vfio_irq_do(d, 0, 0, VFIO_IRQ_SET_ACTION_UNMASK);
	}
	ret = vfio_irq_off(d, index);
	if (ret)
		surprise("disabling an interrupt", ret);
	efd_count(efd);
}

static void step_lowpower(unsigned int n)
{
	vfio_feature(d, VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY,
		     NULL, 0);
	usleep(n % 1000);
	vfio_feature(d, VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_LOW_POWER_EXIT,
		     NULL, 0);
}

/* To D3hot and back */
static void step_power_state(unsigned int n)
{
	unsigned int pm = cfg_cap(d, PCI_CAP_ID_PM);

	if (!pm) {
		usleep(1000);
		return;
	}
	sleeps = true;
	for (int state = 3; state >= 0; state -= 3) {
		uint16_t ctrl = state;
		ssize_t ret = vfio_write(d, VFIO_PCI_CONFIG_REGION_INDEX,
					 pm + PCI_PM_CTRL, &ctrl, 2);

		if (ret != 2)
			surprise("write of the power state", ret);
		usleep(n % 2000);
	}
}

static void *work(void *arg)
{
	struct worker *w = arg;

	for (; !stop; w->steps++)
		w->step(w->steps);
	return NULL;
}

static void run(struct worker *w, unsigned int n)
{
	stop = false;
	sleeps = false;
	surprises = 0;
	for (unsigned int i = 0; i < n; i++)
		ASSERT_EQ(pthread_create(&w[i].thread, NULL, work, &w[i]), 0);
	sleep(args.seconds);
	stop = true;
	for (unsigned int i = 0; i < n; i++) {
		pthread_join(w[i].thread, NULL);
		test_note("%s: %lu", w[i].name, w[i].steps);
		/* One may have waited for all the others to end. */
		EXPECT(w[i].steps > 1);
	}
	EXPECT_EQ(surprises, 0);
}

static void well(void)
{
	const struct model *m = model_with_scratch(d);

	dut();
	if (!m)
		return;
	scratch_write(d, m, 0x00880088);
	EXPECT_EQ(bar_read32(d, 0, m->scratch), scratch_value(m, 0x00880088));
}

TEST(memory, "memory on and off against reads, mappings and faults")
{
	struct worker w[] = {
		{ .name = "config", .step = step_config },
		{ .name = "read", .step = step_read },
		{ .name = "mmap", .step = step_mmap },
		{ .name = "touch", .step = step_touch },
	};

	d = dut();
	kept_map = vfio_mmap(d, mappable_bar(d), mappable_page(d), 4096);
	ASSERT(kept_map != MAP_FAILED);
	run(w, ARRAY_SIZE(w));
	munmap(kept_map, 4096);
	well();
}

TEST(reset, "resets against all the rest")
{
	struct worker w[] = {
		{ .name = "reset", .step = step_reset },
		{ .name = "reset too", .step = step_reset },
		{ .name = "power state", .step = step_power_state },
		{ .name = "config", .step = step_config },
		{ .name = "read", .step = step_read },
		{ .name = "mmap", .step = step_mmap },
		{ .name = "touch", .step = step_touch },
		{ .name = "irq", .step = step_irq },
	};

	d = dut();
	kept_map = vfio_mmap(d, mappable_bar(d), mappable_page(d), 4096);
	ASSERT(kept_map != MAP_FAILED);
	run(w, ARRAY_SIZE(w));
	munmap(kept_map, 4096);
	well();
}

TEST(sleep_race, "low power and D3hot against accesses, mappings and interrupts")
{
	struct worker w[] = {
		{ .name = "low power", .step = step_lowpower },
		{ .name = "low power too", .step = step_lowpower },
		{ .name = "power state", .step = step_power_state },
		{ .name = "config", .step = step_config },
		{ .name = "read", .step = step_read },
		{ .name = "mmap", .step = step_mmap },
		{ .name = "touch", .step = step_touch },
		{ .name = "irq", .step = step_irq },
	};

	d = dut();
	kept_map = vfio_mmap(d, mappable_bar(d), mappable_page(d), 4096);
	ASSERT(kept_map != MAP_FAILED);
	run(w, ARRAY_SIZE(w));
	munmap(kept_map, 4096);
	vfio_feature(d, VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_LOW_POWER_EXIT,
		     NULL, 0);
	well();
}

static unsigned int msi_index;	/* MSI, or of a device that has none MSI-X */

static bool has_msi(void)
{
	msi_index = VFIO_PCI_MSI_IRQ_INDEX;
	if (!vfio_irq_count(d, msi_index))
		msi_index = VFIO_PCI_MSIX_IRQ_INDEX;
	return vfio_irq_count(d, msi_index);
}

/* On and off, as fast as it goes */
static void step_msi(unsigned int n)
{
	static int efd = -1;
	int ret;

	if (!n)
		efd = efd_new();
	ret = vfio_irq_fd(d, msi_index, 0, efd);
	if (!ret)
		ret = vfio_irq_off(d, msi_index);
	/* A function in D3hot is given none. */
	if (ret && ret != -EINVAL)
		surprise("MSI", ret);
}

/* To D3hot or back, in turn */
static void step_d3(unsigned int n)
{
	cfg_write(d, cfg_cap(d, PCI_CAP_ID_PM) + PCI_PM_CTRL, 2, n & 1 ? 0 : 3);
}

/* On the way to D0 the kernel writes the message of an MSI: not of one half set up. */
TEST(d3_msi, "out of D3hot against MSI on and off, both as fast as they go")
{
	struct worker w[] = {
		{ .name = "D3hot", .step = step_d3 },
		{ .name = "MSI", .step = step_msi },
	};

	d = dut();
	if (!has_msi() || !cfg_cap(d, PCI_CAP_ID_PM))
		SKIP("no MSI or no power states");
	run(w, ARRAY_SIZE(w));
	step_d3(1);
	well();
}

static uint8_t rom[4096];

static void step_rom(unsigned int n)
{
	uint8_t buf[sizeof(rom)];
	ssize_t ret = vfio_read(d, VFIO_PCI_ROM_REGION_INDEX, 0, buf, sizeof(buf));

	if (ret != sizeof(buf) || memcmp(buf, rom, sizeof(buf)))
		surprise("read of the ROM", n);
}

TEST(rom_race, "two threads read the ROM, and each sees it as it is")
{
	struct worker w[] = {
		{ .name = "reader", .step = step_rom },
		{ .name = "reader too", .step = step_rom },
	};

	d = dut();
	if (d->region[VFIO_PCI_ROM_REGION_INDEX].size < sizeof(rom))
		SKIP("no ROM");
	ASSERT_EQ(vfio_read(d, VFIO_PCI_ROM_REGION_INDEX, 0, rom, sizeof(rom)), sizeof(rom));
	run(w, ARRAY_SIZE(w));
}

/* One thread opens and closes, as fast as it can, while another does too. */
static void *open_close(void *arg)
{
	unsigned long *n = arg;

	while (!stop) {
		struct vfio v;
		int ret = vfio_open(&v, args.bdf[0]);

		if (!ret) {
			uint32_t val;

			++*n;
			vfio_read(&v, VFIO_PCI_CONFIG_REGION_INDEX, 0, &val, 4);
			vfio_close(&v);
		} else if (ret != -EBUSY) {
			surprise("open", ret);
		}
	}
	return NULL;
}

TEST(open_race, "two threads open and close: one gets it, the other EBUSY")
{
	unsigned long n[2] = {};
	pthread_t t[2];

	dut_close();
	stop = false;
	surprises = 0;
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(pthread_create(&t[i], NULL, open_close, &n[i]), 0);
	sleep(args.seconds);
	stop = true;
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	test_note("opened %lu and %lu times", n[0], n[1]);
	EXPECT(n[0] + n[1]);
	/* a cdev says the same with another errno */
	EXPECT(surprises == 0 || args.cdev);
}
