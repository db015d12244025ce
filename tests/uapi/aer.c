// SPDX-License-Identifier: GPL-2.0-only
/*
 * Errors that a PCIe function reports: AER to the ERR eventfd, and on
 *
 * The errors are those of the kernel's aer_inject: it lets the root port's
 * interrupt come and its registers and the function's read as if the function had
 * sent an error message. Everything behind that is as with a real one. A VF has no
 * error registers of its own: its physical function fails, and takes it along.
 */
#include <fcntl.h>
#include <sys/mman.h>

#include "model.h"
#include "pci.h"
#include "test.h"

#define ERR	VFIO_PCI_ERR_IRQ_INDEX

/* What /dev/aer_inject takes */
struct injection {
	uint8_t bus, dev, fn;
	uint32_t uncorrectable, correctable;
	uint32_t header_log[4];
	uint32_t domain;
};

static void inject(uint32_t uncorrectable, uint32_t correctable)
{
	struct injection inj = {
		.uncorrectable = uncorrectable, .correctable = correctable,
	};
	char bdf[64];
	unsigned int bus, dev, fn, domain;
	int fd;

	if (sysfs_link(args.bdf[0], "physfn", bdf, sizeof(bdf)))
		snprintf(bdf, sizeof(bdf), "%s", args.bdf[0]);
	ASSERT_EQ(sscanf(bdf, "%x:%x:%x.%x", &domain, &bus, &dev, &fn), 4);
	inj.domain = domain;
	inj.bus = bus;
	inj.dev = dev;
	inj.fn = fn;
	fd = open("/dev/aer_inject", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		SKIP("no aer_inject");
	ASSERT_EQ(write(fd, &inj, sizeof(inj)), sizeof(inj));
	close(fd);
}

static void correctable(void)
{
	inject(0, PCI_ERR_COR_BAD_TLP);
}

static void nonfatal(void)
{
	inject(PCI_ERR_UNC_COMP_TIME, 0);
}

static void fatal(void)
{
	inject(PCI_ERR_UNC_DLP, 0);
}

/* The device with an ERR eventfd */
static struct vfio *listening(int *efd)
{
	struct vfio *d = dut();

	if (!host_cap(d->bdf, PCI_CAP_ID_EXP))
		SKIP("not a PCIe function");
	*efd = efd_new();
	ASSERT_EQ(vfio_irq_fd(d, ERR, 0, *efd), 0);
	return d;
}

/* The link is down for a while after a fatal error. */
static bool answers(struct vfio *d)
{
	uint32_t id = 0;

	return vfio_read(d, VFIO_PCI_CONFIG_REGION_INDEX, PCI_VENDOR_ID, &id, 4) == 4 &&
	       id == host_read(d->bdf, PCI_VENDOR_ID, 4) && id != UINT32_MAX;
}

static bool works(struct vfio *d)
{
	const struct model *m = model_with_scratch(d);

	cfg_command(d, PCI_COMMAND_MEMORY, 0);
	if (!m)
		return probe_bar(d) == 4;
	scratch_write(d, m, 0x11223344);
	return bar_read32(d, 0, m->scratch) == scratch_value(m, 0x11223344);
}

TEST(corrected, "a corrected error does not reach the user")
{
	int efd;
	struct vfio *d = listening(&efd);

	correctable();
	EXPECT(!WITHIN(500, efd_count(efd)));
	EXPECT(works(d));
	close(efd);
}

TEST(nonfatal, "each uncorrectable error is told once, and the device goes on")
{
	int efd;
	struct vfio *d = listening(&efd);
	uint32_t val;
	void *p;

	p = vfio_mmap(d, mappable_bar(d), mappable_page(d), 4096);
	ASSERT(p != MAP_FAILED);
	cfg_command(d, PCI_COMMAND_MASTER, 0);
	for (int i = 0; i < 3; i++) {
		nonfatal();
		EXPECT(WITHIN(5000, efd_count(efd) == 1));
		EXPECT(efd_silent(efd));
		EXPECT_EQ(cfg_read(d, PCI_COMMAND, 2) & PCI_COMMAND_MASTER,
			  PCI_COMMAND_MASTER);
		EXPECT(peek32(p, &val));
		EXPECT(works(d));
	}
	munmap(p, 4096);
	close(efd);
}

TEST(two, "the eventfd told is the one that was set last; taken away, none is")
{
	int a, b = efd_new();
	struct vfio *d = listening(&a);

	ASSERT_EQ(vfio_irq_fd(d, ERR, 0, b), 0);
	nonfatal();
	EXPECT(WITHIN(5000, efd_count(b) == 1));
	EXPECT_EQ(efd_count(a), 0);
	ASSERT_EQ(vfio_irq_fd(d, ERR, 0, -1), 0);
	nonfatal();
	EXPECT(!WITHIN(500, efd_count(a) || efd_count(b)));
	EXPECT(works(d));
	close(a);
	close(b);
}

TEST(fatal, "a fatal error is told; the device is back after a reset of it")
{
	int efd;
	struct vfio *d = listening(&efd);

	fatal();
	EXPECT(WITHIN(10000, efd_count(efd)));
	EXPECT(WITHIN(10000, answers(d)));
	EXPECT_EQ(vfio_ioctl(d->fd, VFIO_DEVICE_RESET, NULL), 0);
	EXPECT(works(d));
	close(efd);
}

TEST(fatal_open, "after a fatal error with nobody listening the next user finds a good device")
{
	int efd;
	struct vfio *d = listening(&efd);

	ASSERT_EQ(vfio_irq_fd(d, ERR, 0, -1), 0);
	close(efd);
	fatal();
	EXPECT(WITHIN(10000, answers(d)));
	dut_close();
	d = dut();
	EXPECT(works(d));
}

TEST(closed, "errors while nobody has the device open do no harm")
{
	int efd;

	listening(&efd);
	close(efd);
	dut_close();
	nonfatal();
	usleep(500000);
	fatal();
	sleep(3);
	EXPECT(works(dut()));
}
