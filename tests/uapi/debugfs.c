// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/debug/vfio-pci-core/BDF/: what it says is what is the case, and who
 * reads it disturbs nobody
 */
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "model.h"
#include "pci.h"
#include "test.h"

#define ROOT	"/sys/kernel/debug/vfio-pci-core"
#define ROOM	(256 * 1024)

static const char * const files[] = {
	"gate", "config", "interrupts", "regions", "migration",
};

static char text[ROOM];

static int open_file(const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), ROOT "/%s/%s", args.bdf[0], name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static ssize_t read_all(int fd, char *buf)
{
	ssize_t n, len = 0;

	while ((n = read(fd, buf + len, ROOM - 1 - len)) > 0)
		len += n;
	buf[len] = 0;
	return n < 0 ? -errno : len;
}

/* What the file says now, in @text */
static void look(const char *name)
{
	int fd = open_file(name);

	ASSERT(fd >= 0);
	ASSERT(read_all(fd, text) >= 0);
	close(fd);
}

/* Does the file have the line "@key: @value"? */
static bool says(const char *name, const char *key, const char *value)
{
	char line[160];
	bool found;

	snprintf(line, sizeof(line), "%s: %s\n", key, value);
	look(name);
	found = !strncmp(text, line, strlen(line));
	snprintf(line, sizeof(line), "\n%s: %s\n", key, value);
	found |= !!strstr(text, line);
	if (!found)
		test_note("%s says:\n%s", name, text);
	return found;
}

static struct vfio *needed(void)
{
	if (access(ROOT, F_OK))
		SKIP("no debugfs of the library");
	return dut();
}

TEST(files, "the files are there whether the device is open or not, for root alone")
{
	struct stat st;

	needed();
	for (int round = 0; round < 2; round++) {
		for (unsigned int i = 0; i < ARRAY_SIZE(files); i++) {
			char path[128];

			look(files[i]);
			EXPECT(strlen(text) > 0);
			snprintf(path, sizeof(path), ROOT "/%s/%s", args.bdf[0], files[i]);
			EXPECT(!stat(path, &st) && (st.st_mode & 0777) == 0400);
		}
		EXPECT(says("gate", "open", round ? "no" : "yes"));
		dut_close();
	}
}

TEST(gate, "gate: memory, sleep and its reasons")
{
	struct vfio *d = needed();

	EXPECT(says("gate", "memory", "on"));
	EXPECT(says("gate", "asleep", "no"));
	EXPECT(says("gate", "resets", "0"));
	EXPECT(says("gate", "blocked", "no"));
	EXPECT(says("gate", "inert", "no"));
	EXPECT(says("gate", "unregistering", "no"));
	EXPECT(says("gate", "reset", d->info.flags & VFIO_DEVICE_FLAGS_RESET ?
		    "works" : "none"));
	cfg_command(d, 0, PCI_COMMAND_MEMORY);
	EXPECT(says("gate", "memory", "off"));
	cfg_command(d, PCI_COMMAND_MEMORY, 0);
	EXPECT_EQ(vfio_feature(d, VFIO_DEVICE_FEATURE_SET |
			       VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY, NULL, 0), 0);
	EXPECT(says("gate", "asleep", "low-power "));
	EXPECT(says("gate", "low power", "entered"));
	EXPECT_EQ(vfio_feature(d, VFIO_DEVICE_FEATURE_SET |
			       VFIO_DEVICE_FEATURE_LOW_POWER_EXIT, NULL, 0), 0);
	EXPECT(says("gate", "asleep", "no"));
	EXPECT(says("gate", "low power", "not entered"));
}

static bool suspended(const char *bdf)
{
	char status[16] = "";

	sysfs_read(bdf, "power/runtime_status", status, sizeof(status) - 1);
	return !strncmp(status, "suspended", 9);
}

TEST(asleep, "a function that sleeps is not woken to be looked at")
{
	struct vfio *d = needed();

	EXPECT_EQ(vfio_feature(d, VFIO_DEVICE_FEATURE_SET |
			       VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY, NULL, 0), 0);
	if (!WITHIN(2000, suspended(d->bdf))) {
		vfio_feature(d, VFIO_DEVICE_FEATURE_SET |
			     VFIO_DEVICE_FEATURE_LOW_POWER_EXIT, NULL, 0);
		SKIP("the function is not suspended");
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(files); i++)
		look(files[i]);
	EXPECT(suspended(d->bdf));
	look("config");
	EXPECT(strstr(text, " -        "));
	EXPECT_EQ(vfio_feature(d, VFIO_DEVICE_FEATURE_SET |
			       VFIO_DEVICE_FEATURE_LOW_POWER_EXIT, NULL, 0), 0);
}

struct line {
	unsigned int offset, user, hardware, virt, writable, clears;
	char name[32];
};

/* The line of the dword at @offset; lines begin with six digits of it. */
static bool find_line(unsigned int offset, struct line *l)
{
	char key[16];
	char *p;

	snprintf(key, sizeof(key), "\n%06x ", offset);
	p = strstr(text, key);
	return p && sscanf(p + 1, "%x %31s %x %x %x %x %x", &l->offset, l->name,
			   &l->user, &l->hardware, &l->virt, &l->writable,
			   &l->clears) == 7;
}

TEST(config, "config: each dword as user and host see it, and which bits are whose")
{
	struct vfio *d = needed();
	unsigned int msi = cfg_cap(d, PCI_CAP_ID_MSI), lines = 0;
	struct line l;

	cfg_write(d, PCI_INTERRUPT_LINE, 1, 0x5a);
	look("config");
	for (unsigned int off = 0; off < cfg_size(d); off += 4) {
		uint32_t user = cfg_read(d, off, 4), host = host_read(d->bdf, off, 4);

		if (!EXPECT(find_line(off, &l)))
			break;
		lines++;
		/* what changes by itself aside */
		if (off == cfg_cap(d, PCI_CAP_ID_VPD) || l.name[0] == 'r')
			continue;
		if (!EXPECT_EQ(l.user, user) || !EXPECT_EQ(l.hardware, host))
			test_note("at %#x, %s", off, l.name);
		EXPECT_EQ(l.user & ~l.virt, l.hardware & ~l.virt);
	}
	EXPECT_EQ(lines, cfg_size(d) / 4);
	ASSERT(find_line(PCI_VENDOR_ID, &l));
	EXPECT(!strcmp(l.name, "header+00"));
	EXPECT_EQ(l.virt, 0xffffffff);
	EXPECT_EQ(l.writable, 0);
	ASSERT(find_line(PCI_INTERRUPT_LINE, &l));
	EXPECT_EQ(l.user & 0xff, 0x5a);
	EXPECT_EQ(l.writable, 0xff);
	if (msi) {
		ASSERT(find_line(msi, &l));
		EXPECT(!strcmp(l.name, "MSI+00"));
	}
	dut_close();
	look("config");
	EXPECT(!find_line(0, &l));
}

TEST(interrupts, "interrupts: the index in use, its vectors, the eventfds of events")
{
	static const char * const names[] = { "INTx", "MSI", "MSI-X" };
	struct vfio *d = needed();
	int efd = efd_new();

	EXPECT(says("interrupts", "in use", "none"));
	EXPECT(says("interrupts", "REQ", "no"));
	for (unsigned int i = 0; i <= VFIO_PCI_MSIX_IRQ_INDEX; i++) {
		if (!vfio_irq_count(d, i))
			continue;
		ASSERT_EQ(vfio_irq_fd(d, i, 0, efd), 0);
		EXPECT(says("interrupts", "in use", names[i]));
		if (i)
			EXPECT(strstr(text, "vector 0: irq "));
		else
			EXPECT(says("interrupts", "masked by", "nothing"));
		if (!i) {
			EXPECT_EQ(vfio_irq_do(d, i, 0, VFIO_IRQ_SET_ACTION_MASK), 0);
			EXPECT(says("interrupts", "masked by", "user"));
		}
		EXPECT_EQ(vfio_irq_off(d, i), 0);
	}
	ASSERT_EQ(vfio_irq_fd(d, VFIO_PCI_REQ_IRQ_INDEX, 0, efd), 0);
	EXPECT(says("interrupts", "REQ", "yes"));
	EXPECT_EQ(vfio_irq_off(d, VFIO_PCI_REQ_IRQ_INDEX), 0);
	EXPECT(says("interrupts", "REQ", "no"));
	close(efd);
}

TEST(regions, "regions: BARs, mappings, ioeventfds")
{
	struct vfio *d = needed();
	unsigned int bar = mappable_bar(d), table;
	uint64_t page = mappable_page(d);
	struct vfio_device_ioeventfd io = {
		.argsz = sizeof(io), .flags = VFIO_DEVICE_IOEVENTFD_32,
		.offset = d->region[bar].offset + page, .fd = efd_new(),
	};
	uint32_t start, len;
	char want[64];
	void *p;

	for (unsigned int i = 0; i < 6; i++) {
		snprintf(want, sizeof(want), "BAR %u: [", i);
		look("regions");
		EXPECT_EQ(!!strstr(text, want), d->region[i].size != 0);
	}
	if (msix_table(d, &table, &start, &len)) {
		snprintf(want, sizeof(want), "  trap 0x%x-0x%x ", start, start + len - 1);
		EXPECT(strstr(text, want));
	}
	EXPECT(says("regions", "mapped", "no"));
	p = vfio_mmap(d, bar, page, 4096);
	ASSERT(p != MAP_FAILED);
	EXPECT(says("regions", "mapped", "yes"));
	munmap(p, 4096);
	EXPECT(says("regions", "mapped", "no"));
	EXPECT(says("regions", "ioeventfds", "0"));
	ASSERT_EQ(vfio_ioctl(d->fd, VFIO_DEVICE_IOEVENTFD, &io), 0);
	EXPECT(says("regions", "ioeventfds", "1"));
	close(io.fd);
	dut_close();
	EXPECT(says("regions", "ioeventfds", "0"));
	look("regions");
	EXPECT(!strstr(text, "  trap "));
}

static int mig_state(struct vfio *d, uint32_t state)
{
	struct vfio_device_feature_mig_state s = { .device_state = state };
	int ret = vfio_feature(d, VFIO_DEVICE_FEATURE_SET |
			       VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE, &s, sizeof(s));

	ASSERT_EQ(ret, 0);
	return s.data_fd;
}

TEST(migration, "migration: the state, and the session under way")
{
	struct vfio *d = needed();
	int fd;

	if (vfio_feature(d, VFIO_DEVICE_FEATURE_PROBE | VFIO_DEVICE_FEATURE_GET |
			 VFIO_DEVICE_FEATURE_MIGRATION, NULL, 0)) {
		EXPECT(says("migration", "state", "none"));
		return;
	}
	EXPECT(says("migration", "state", "running"));
	EXPECT(says("migration", "session", "none"));
	mig_state(d, VFIO_DEVICE_STATE_STOP);
	EXPECT(says("migration", "state", "stop"));
	fd = mig_state(d, VFIO_DEVICE_STATE_STOP_COPY);
	EXPECT(says("migration", "state", "stop-copy"));
	look("migration");
	EXPECT(strstr(text, "session: complete, "));
	mig_state(d, VFIO_DEVICE_STATE_STOP);
	close(fd);
	mig_state(d, VFIO_DEVICE_STATE_RUNNING);
	EXPECT(says("migration", "session", "none"));
}

static volatile bool stop;

/* Reads all files until told to stop; the number of rounds is returned. */
static void *reader(void *arg)
{
	static char mine[ROOM];
	uintptr_t rounds = 0;

	while (!stop) {
		for (unsigned int i = 0; i < ARRAY_SIZE(files); i++) {
			int fd = open_file(files[i]);

			if (fd < 0)
				continue;
			read_all(fd, mine);
			close(fd);
		}
		rounds++;
	}
	(void)arg;
	return (void *)rounds;
}

TEST(busy, "readers and a busy user do not get in each other's way")
{
	time_t end;
	pthread_t thread;
	void *rounds;

	needed();
	stop = false;
	ASSERT(!pthread_create(&thread, NULL, reader, NULL));
	end = time(NULL) + args.seconds;
	for (unsigned int i = 0; time(NULL) < end; i++) {
		struct vfio *d = dut();
		int efd = efd_new();

		for (unsigned int n = 0; n <= VFIO_PCI_MSIX_IRQ_INDEX; n++)
			if (vfio_irq_count(d, n)) {
				EXPECT_EQ(vfio_irq_fd(d, n, 0, efd), 0);
				EXPECT_EQ(vfio_irq_off(d, n), 0);
			}
		cfg_command(d, 0, PCI_COMMAND_MEMORY);
		cfg_command(d, PCI_COMMAND_MEMORY, 0);
		if (d->info.flags & VFIO_DEVICE_FLAGS_RESET)
			EXPECT_EQ(vfio_ioctl(d->fd, VFIO_DEVICE_RESET, NULL), 0);
		EXPECT_EQ(probe_bar(d), 4);
		close(efd);
		if (i % 2)
			dut_close();
	}
	stop = true;
	pthread_join(thread, &rounds);
	test_note("read %lu times", (unsigned long)rounds);
	EXPECT(rounds);
}

TEST(unbind, "open files fail once the driver is gone, and are there with the next one")
{
	char driver[64] = "", path[128];
	int fd[ARRAY_SIZE(files)], ret;
	pthread_t thread;

	needed();
	dut_close();
	if (sysfs_link(args.bdf[0], "driver", driver, sizeof(driver)) ||
	    strcmp(driver, "vfio-pci"))
		SKIP("not bound to vfio-pci");
	stop = false;
	ASSERT(!pthread_create(&thread, NULL, reader, NULL));
	for (int round = 0; round < 5; round++) {
		for (unsigned int i = 0; i < ARRAY_SIZE(files); i++) {
			fd[i] = open_file(files[i]);
			EXPECT(fd[i] >= 0);
		}
		ret = sysfs_write(args.bdf[0], "driver/unbind", args.bdf[0]);
		EXPECT_EQ(ret, 0);
		snprintf(path, sizeof(path), ROOT "/%s", args.bdf[0]);
		EXPECT(access(path, F_OK) < 0);
		for (unsigned int i = 0; i < ARRAY_SIZE(files); i++) {
			EXPECT_EQ(read_all(fd[i], text), -EIO);
			close(fd[i]);
		}
		fd[0] = open("/sys/bus/pci/drivers/vfio-pci/bind", O_WRONLY);
		ASSERT(write(fd[0], args.bdf[0], strlen(args.bdf[0])) > 0);
		close(fd[0]);
		look("gate");
	}
	stop = true;
	pthread_join(thread, NULL);
}
