// SPDX-License-Identifier: GPL-2.0-only
/*
 * Open and close: what a user leaves behind is put right
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "model.h"
#include "pci.h"
#include "test.h"

static struct vfio v = { .fd = -1, .group = -1, .container = -1, .iommufd = -1 };

static struct vfio *open_again(void)
{
	/* A test that was left may have left this, too. */
	vfio_close(&v);
	dut_close();
	ASSERT_EQ(vfio_open(&v, args.bdf[0]), 0);
	return &v;
}

struct host_view {
	uint32_t reg[64];
	unsigned int len;
};

/*
 * The whole standard header and the capabilities, but STATUS. Kept awake meanwhile: a
 * function that nobody has open falls asleep at a moment of its own.
 */
static void host_look(struct host_view *h)
{
	sysfs_write(args.bdf[0], "power/control", "on");
	h->len = 64;
	for (unsigned int i = 0; i < h->len; i++)
		h->reg[i] = host_read(args.bdf[0], 4 * i, 4);
	h->reg[1] &= 0xffff;
	sysfs_write(args.bdf[0], "power/control", "auto");
}

static void host_same(const struct host_view *a, const struct host_view *b)
{
	for (unsigned int i = 0; i < a->len; i++)
		if (a->reg[i] != b->reg[i])
			test_fail(__FILE__, __LINE__, "config %#x was %#x, is %#x",
				  4 * i, a->reg[i], b->reg[i]);
}

/* The first open settles what only the first one changes. */
static void settle(struct host_view *h)
{
	vfio_close(open_again());
	host_look(h);
}

TEST(often, "ten times open and closed, each time working, config space unchanged")
{
	struct host_view before, after;

	settle(&before);
	for (int i = 0; i < 10; i++) {
		struct vfio *d = open_again();

		cfg_command(d, PCI_COMMAND_MEMORY, 0);
		EXPECT_EQ(probe_bar(d), 4);
		vfio_close(d);
	}
	host_look(&after);
	host_same(&before, &after);
}

TEST(restored, "COMMAND, BARs, power state and MSI are as before after the worst user")
{
	struct host_view before, after;
	struct vfio *d;
	int efd = efd_new();
	unsigned int pm;

	settle(&before);
	d = open_again();
	cfg_command(d, PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY, 0);
	for (unsigned int i = VFIO_PCI_MSI_IRQ_INDEX; i <= VFIO_PCI_MSIX_IRQ_INDEX; i++)
		if (vfio_irq_count(d, i))
			vfio_irq_fd(d, i, 0, efd);
	for (unsigned int i = 0; i < 6; i++)
		cfg_write(d, PCI_BASE_ADDRESS_0 + 4 * i, 4, 0xa5a5a5a5);
	cfg_command(d, PCI_COMMAND_INTX_DISABLE, PCI_COMMAND_MEMORY);
	pm = cfg_cap(d, PCI_CAP_ID_PM);
	if (pm)
		cfg_write(d, pm + PCI_PM_CTRL, 2, 3);
	vfio_close(d);
	host_look(&after);
	host_same(&before, &after);
	close(efd);
}

TEST(inert, "after close, bus mastering is off")
{
	struct vfio *d = open_again();

	cfg_command(d, PCI_COMMAND_MASTER, 0);
	EXPECT(host_read(d->bdf, PCI_COMMAND, 2) & PCI_COMMAND_MASTER);
	vfio_close(d);
	EXPECT(!(host_read(args.bdf[0], PCI_COMMAND, 2) & PCI_COMMAND_MASTER));
}

TEST(fresh, "a new user finds the registers reset and no virtual value of the last one")
{
	struct vfio *d = open_again();
	const struct model *m = model_of(d);
	uint32_t bar, line;

	cfg_command(d, PCI_COMMAND_MEMORY, 0);
	bar = cfg_read(d, PCI_BASE_ADDRESS_0, 4);
	line = cfg_read(d, PCI_INTERRUPT_LINE, 1);
	if (m && m->reset_val)
		reset_mark(d, m);
	cfg_write(d, PCI_BASE_ADDRESS_0, 4, 0xd0000000);
	cfg_write(d, PCI_INTERRUPT_LINE, 1, 0x77);
	vfio_close(d);
	d = open_again();
	EXPECT_EQ(cfg_read(d, PCI_BASE_ADDRESS_0, 4), bar);
	EXPECT_EQ(cfg_read(d, PCI_INTERRUPT_LINE, 1), line);
	cfg_command(d, PCI_COMMAND_MEMORY, 0);
	if (m && m->reset_val && d->info.flags & VFIO_DEVICE_FLAGS_RESET)
		EXPECT(reset_done(d, m));
	vfio_close(d);
}

TEST(irq_open, "an interrupt that is enabled and up at close does no harm")
{
	for (unsigned int i = 0; i <= VFIO_PCI_MSIX_IRQ_INDEX; i++) {
		struct vfio *d = open_again();
		const struct model *m = model_of(d);
		int efd = efd_new();

		cfg_command(d, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 0);
		if (vfio_irq_count(d, i)) {
			EXPECT_EQ(vfio_irq_fd(d, i, 0, efd), 0);
			if (m && m->raise)
				m->raise(d, 0);
		}
		close(efd);
		vfio_close(d);
	}
	vfio_close(open_again());
}

TEST(killed, "a user that is killed in the middle of everything leaves a good device")
{
	struct host_view before, after;
	int status, ready[2];
	pid_t pid;
	char c;

	settle(&before);
	ASSERT_EQ(pipe(ready), 0);
	pid = fork();
	if (!pid) {
		struct vfio *d = open_again();
		volatile uint32_t *p;
		int efd = efd_new();

		cfg_command(d, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 0);
		for (unsigned int i = 0; i <= VFIO_PCI_MSIX_IRQ_INDEX; i++)
			if (vfio_irq_count(d, i))
				vfio_irq_fd(d, i, 0, efd);
		vfio_dma_map(d, 0x100000, 0x100000);
		p = vfio_mmap(d, mappable_bar(d), mappable_page(d), 4096);
		if (write(ready[1], "", 1) == 1)
			while (*p != 0x12345678)
				;
		_exit(0);
	}
	close(ready[1]);
	EXPECT_EQ(read(ready[0], &c, 1), 1);
	usleep(20000);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	close(ready[0]);
	/* the last file is closed by a task of its own */
	WITHIN(2000, !vfio_open(&v, args.bdf[0]));
	EXPECT(v.fd >= 0);
	vfio_close(&v);
	host_look(&after);
	host_same(&before, &after);
}

TEST(group_order, "files may be closed in any order")
{
	struct vfio *d = open_again();
	int fd = d->fd;
	uint32_t val;

	d->fd = -1;
	vfio_close(d);		/* group and container first */
	EXPECT_EQ(pread(fd, &val, 4, d->region[VFIO_PCI_CONFIG_REGION_INDEX].offset), 4);
	close(fd);
	d = open_again();
	vfio_close(d);
}

TEST(dup, "a second device file of the same group works and closes on its own")
{
	struct vfio *d = open_again();
	uint32_t val;
	int fd;

	if (d->cdev)
		SKIP("opened without a group");
	fd = vfio_ioctl(d->group, VFIO_GROUP_GET_DEVICE_FD, d->bdf);
	ASSERT(fd >= 0);
	EXPECT_EQ(pread(fd, &val, 4, d->region[VFIO_PCI_CONFIG_REGION_INDEX].offset), 4);
	cfg_command(d, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 0);
	close(fd);
	/* not the last close: nothing is reset */
	EXPECT(host_read(d->bdf, PCI_COMMAND, 2) & PCI_COMMAND_MASTER);
	vfio_close(d);
}
