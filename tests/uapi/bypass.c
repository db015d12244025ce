// SPDX-License-Identifier: GPL-2.0-only
/*
 * irq bypass: vectors are offered to who consumes their eventfds, with their host
 * interrupts. The consumer is the test module tests/modules/vpc_bypass.c.
 */
#include <fcntl.h>

#include "model.h"
#include "pci.h"
#include "test.h"

static int file(const char *name, int flags)
{
	return module_file("vpc_bypass", name, flags);
}

static void consume(int efd)
{
	char text[16];
	int fd = file("eventfd", O_WRONLY), len;

	len = snprintf(text, sizeof(text), "%d", efd);
	ASSERT_EQ(write(fd, text, len), len);
	close(fd);
}

static unsigned int ask(const char *name)
{
	char text[16] = "";
	int fd = file(name, O_RDONLY);

	ASSERT(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	return strtoul(text, NULL, 0);
}

static unsigned int index_of(struct vfio *d)
{
	if (vfio_irq_count(d, VFIO_PCI_MSIX_IRQ_INDEX))
		return VFIO_PCI_MSIX_IRQ_INDEX;
	if (!vfio_irq_count(d, VFIO_PCI_MSI_IRQ_INDEX))
		SKIP("neither MSI nor MSI-X");
	return VFIO_PCI_MSI_IRQ_INDEX;
}

/* The host's number of a vector's interrupt, or 0 */
static unsigned int host_irq(struct vfio *d, unsigned int vector)
{
	FILE *f = fopen("/proc/interrupts", "r");
	char line[8192], want[48];
	unsigned int irq = 0;

	ASSERT(f);
	snprintf(want, sizeof(want), "vfio-msi%s[%u](%s)",
		 index_of(d) == VFIO_PCI_MSIX_IRQ_INDEX ? "x" : "", vector, d->bdf);
	while (!irq && fgets(line, sizeof(line), f))
		if (strstr(line, want))
			irq = strtoul(line, NULL, 10);
	fclose(f);
	return irq;
}

TEST(offered, "a vector's interrupt is offered to who consumes its eventfd")
{
	struct vfio *d = dut();
	unsigned int index = index_of(d);
	int efd = efd_new();

	consume(efd);
	EXPECT_EQ(ask("irq"), 0);
	ASSERT_EQ(vfio_irq_fd(d, index, 0, efd), 0);
	ASSERT(host_irq(d, 0));
	EXPECT_EQ(ask("irq"), host_irq(d, 0));
	vfio_irq_off(d, index);
	EXPECT_EQ(ask("irq"), 0);
	consume(-1);
	close(efd);
}

TEST(late, "it makes no difference who was there first")
{
	struct vfio *d = dut();
	unsigned int index = index_of(d);
	int efd = efd_new();

	ASSERT_EQ(vfio_irq_fd(d, index, 0, efd), 0);
	consume(efd);
	ASSERT(host_irq(d, 0));
	EXPECT_EQ(ask("irq"), host_irq(d, 0));
	consume(-1);
	EXPECT_EQ(ask("irq"), 0);
	vfio_irq_off(d, index);
	close(efd);
}

TEST(exchanged, "an eventfd that is exchanged is no longer offered, the new one is")
{
	struct vfio *d = dut();
	unsigned int index = index_of(d), parted;
	int efd = efd_new(), other = efd_new();

	consume(efd);
	ASSERT_EQ(vfio_irq_fd(d, index, 0, efd), 0);
	EXPECT(ask("irq"));
	parted = ask("parted");
	ASSERT_EQ(vfio_irq_fd(d, index, 0, other), 0);
	EXPECT_EQ(ask("irq"), 0);
	EXPECT_EQ(ask("parted"), parted + 1);
	consume(other);
	EXPECT_EQ(ask("irq"), host_irq(d, 0));
	ASSERT_EQ(vfio_irq_fd(d, index, 0, -1), 0);
	EXPECT_EQ(ask("irq"), 0);
	consume(-1);
	vfio_irq_off(d, index);
	close(efd);
	close(other);
}

TEST(same_eventfd, "two vectors may share an eventfd, though one of them is offered")
{
	struct vfio *d = dut();
	unsigned int index = index_of(d);
	int efd = efd_new(), two[2] = { efd, efd };

	if (vfio_irq_count(d, index) < 2)
		SKIP("one vector");
	consume(efd);
	ASSERT_EQ(vfio_irq_fds(d, index, 0, 2, two), 0);
	EXPECT_EQ(ask("irq"), host_irq(d, 0));
	for (unsigned int i = 0; i < 2; i++) {
		ASSERT_EQ(vfio_irq_do(d, index, i, VFIO_IRQ_SET_ACTION_TRIGGER), 0);
		EXPECT(efd_fires(efd));
	}
	vfio_irq_off(d, index);
	EXPECT_EQ(ask("irq"), 0);
	consume(-1);
	close(efd);
}

TEST(delivered, "while nobody bypasses the host, the eventfd is signalled as ever")
{
	struct vfio *d = dut();
	const struct model *m = model_needed(d);
	unsigned int index = index_of(d);
	int efd = efd_new();

	if (!m->raise || (index == VFIO_PCI_MSI_IRQ_INDEX && !m->raises_msi))
		SKIP("this device raises no interrupt on demand");
	consume(efd);
	ASSERT_EQ(vfio_irq_fd(d, index, 0, efd), 0);
	cfg_command(d, PCI_COMMAND_MASTER, 0);
	m->raise(d, 0);
	EXPECT(efd_fires(efd));
	m->lower(d);
	vfio_irq_off(d, index);
	consume(-1);
	close(efd);
}

TEST(closed, "the last close takes back what was offered")
{
	struct vfio *d = dut();
	int efd = efd_new();

	consume(efd);
	ASSERT_EQ(vfio_irq_fd(d, index_of(d), 0, efd), 0);
	EXPECT(ask("irq"));
	dut_close();
	EXPECT_EQ(ask("irq"), 0);
	EXPECT_EQ(ask("joined"), ask("parted"));
	consume(-1);
	close(efd);
}
