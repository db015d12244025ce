// SPDX-License-Identifier: GPL-2.0-only
/*
 * Errors that a PCIe function reports: AER to the ERR eventfd, and on
 */
#include <sys/mman.h>

#include "inject.h"
#include "model.h"
#include "pci.h"
#include "test.h"

#define ERR	VFIO_PCI_ERR_IRQ_INDEX

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
	uint32_t class = 0;

	return vfio_read(d, VFIO_PCI_CONFIG_REGION_INDEX, PCI_CLASS_REVISION, &class,
			 4) == 4 &&
	       class == host_read(d->bdf, PCI_CLASS_REVISION, 4) && class != UINT32_MAX;
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

	inject_correctable();
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
		inject_nonfatal();
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
	inject_nonfatal();
	EXPECT(WITHIN(5000, efd_count(b) == 1));
	EXPECT_EQ(efd_count(a), 0);
	ASSERT_EQ(vfio_irq_fd(d, ERR, 0, -1), 0);
	inject_nonfatal();
	EXPECT(!WITHIN(500, efd_count(a) || efd_count(b)));
	EXPECT(works(d));
	close(a);
	close(b);
}

TEST(fatal, "a fatal error is told; the device is back after a reset of it")
{
	int efd, ret = 0;
	struct vfio *d = listening(&efd);

	inject_fatal();
	EXPECT(WITHIN(10000, efd_count(efd)));
	EXPECT(WITHIN(10000, answers(d)));
	EXPECT(WITHIN(10000, (ret = vfio_ioctl(d->fd, VFIO_DEVICE_RESET, NULL)) != -EAGAIN));
	EXPECT_EQ(ret, 0);
	EXPECT(works(d));
	close(efd);
}

TEST(fatal_open, "after a fatal error with nobody listening the next user finds a good device")
{
	int efd;
	struct vfio *d = listening(&efd);

	ASSERT_EQ(vfio_irq_fd(d, ERR, 0, -1), 0);
	close(efd);
	inject_fatal();
	EXPECT(WITHIN(10000, answers(d)));
	/* What is just being reset cannot be opened: EAGAIN. */
	dut_close();
	sleep(3);
	d = dut();
	EXPECT(works(d));
}

TEST(closed, "errors while nobody has the device open do no harm")
{
	int efd;

	listening(&efd);
	close(efd);
	dut_close();
	inject_nonfatal();
	usleep(500000);
	inject_fatal();
	sleep(3);
	EXPECT(works(dut()));
}
