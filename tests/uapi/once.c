// SPDX-License-Identifier: GPL-2.0-only
/*
 * once BDF OPERATION : open a device, do one thing, say what came of it
 *
 * Not a program of tests: for tests that let something fail, and see whether that is
 * told. Prints the error, and ends with 1, if the operation failed.
 */
#include <fcntl.h>
#include <sys/mman.h>

#include "i82576.h"
#include "pci.h"
#include "test.h"

static struct vfio d;

static int do_open(void)
{
	return 0;
}

static unsigned int a_bar(void)
{
	unsigned int n = VFIO_PCI_BAR0_REGION_INDEX;

	while (n < VFIO_PCI_BAR5_REGION_INDEX && !d.region[n].size)
		n++;
	return n;
}

static int do_read(void)
{
	uint32_t val;

	return vfio_read(&d, a_bar(), 0, &val, 4);
}

static int do_write(void)
{
	uint32_t val = 0;

	return vfio_write(&d, a_bar(), 0, &val, 4);
}

static int do_rom(void)
{
	uint32_t val;

	return vfio_read(&d, VFIO_PCI_ROM_REGION_INDEX, 0, &val, 4);
}

static int do_mmap(void)
{
	void *p = vfio_mmap(&d, a_bar(), 0, 4096);

	return p == MAP_FAILED ? -errno : 0;
}

static int do_regions(void)
{
	char space[4096] = {};
	struct vfio_region_info *info = (void *)space;
	int ret = 0;

	for (unsigned int i = 0; !ret && i <= VFIO_PCI_BAR5_REGION_INDEX; i++) {
		info->argsz = sizeof(space);
		info->index = i;
		ret = vfio_ioctl(d.fd, VFIO_DEVICE_GET_REGION_INFO, info);
	}
	return ret;
}

static int do_info(void)
{
	char space[4096] = {};
	struct vfio_device_info *info = (void *)space;

	info->argsz = sizeof(space);
	return vfio_ioctl(d.fd, VFIO_DEVICE_GET_INFO, info);
}

static int irqs(unsigned int index, unsigned int count)
{
	int fds[16];

	for (unsigned int i = 0; i < count; i++)
		fds[i] = efd_new();
	return vfio_irq_fds(&d, index, 0, count, fds);
}

static int do_intx(void)
{
	return irqs(VFIO_PCI_INTX_IRQ_INDEX, 1);
}

static int do_msi(void)
{
	return irqs(VFIO_PCI_MSI_IRQ_INDEX, 1);
}

static int do_msix(void)
{
	return irqs(VFIO_PCI_MSIX_IRQ_INDEX, 3);
}

/* With one vector on, a second is added. */
static int do_vector(void)
{
	int ret = irqs(VFIO_PCI_MSIX_IRQ_INDEX, 1);

	return ret ? ret : vfio_irq_fd(&d, VFIO_PCI_MSIX_IRQ_INDEX, 1, efd_new());
}

static int do_reset(void)
{
	return vfio_ioctl(d.fd, VFIO_DEVICE_RESET, NULL);
}

static int do_hotreset(void)
{
	struct {
		struct vfio_pci_hot_reset h;
		int fd;
	} r = { .h = { .argsz = sizeof(r), .count = 1 }, .fd = d.group };

	return vfio_ioctl(d.fd, VFIO_DEVICE_PCI_HOT_RESET, &r);
}

static int do_ioeventfd(void)
{
	struct vfio_device_ioeventfd io = {
		.argsz = sizeof(io), .flags = VFIO_DEVICE_IOEVENTFD_32,
		.fd = efd_new(), .offset = d.region[a_bar()].offset,
	};

	return vfio_ioctl(d.fd, VFIO_DEVICE_IOEVENTFD, &io);
}

static int do_lowpower(void)
{
	int ret = vfio_feature(&d, VFIO_DEVICE_FEATURE_SET |
			       VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY, NULL, 0);

	return ret ? ret : do_read();
}

/* To D3hot and back: what the power state register says then, which is 0 */
static int do_d3(void)
{
	unsigned int pm = host_cap(d.bdf, PCI_CAP_ID_PM);
	uint16_t state = 3;
	int ret = 0;

	if (!pm)
		return -ENODEV;
	for (int i = 0; i < 2 && ret >= 0; i++, state = 0)
		ret = vfio_write(&d, VFIO_PCI_CONFIG_REGION_INDEX, pm + PCI_PM_CTRL,
				 &state, 2);
	if (ret >= 0)
		ret = vfio_read(&d, VFIO_PCI_CONFIG_REGION_INDEX, pm + PCI_PM_CTRL,
				&state, 2);
	return ret < 0 ? ret : state & PCI_PM_CTRL_STATE_MASK ? -EBUSY : 0;
}

static int mig_state(int state)
{
	struct vfio_device_feature_mig_state s = { .device_state = state };

	return vfio_feature(&d, VFIO_DEVICE_FEATURE_SET |
			    VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE, &s, sizeof(s));
}

static int do_stop(void)
{
	return mig_state(VFIO_DEVICE_STATE_STOP);
}

/* A VF that does not come to rest goes on as before. */
static int do_p2p(void)
{
	int ret = mig_state(VFIO_DEVICE_STATE_RUNNING_P2P);

	return ret && !vf_reset(&d, NULL) ? -EHOSTDOWN : ret;
}

static int do_save(void)
{
	return mig_state(VFIO_DEVICE_STATE_STOP_COPY);
}

static int do_precopy(void)
{
	return mig_state(VFIO_DEVICE_STATE_PRE_COPY);
}

static int do_dmalog(void)
{
	struct vfio_device_feature_dma_logging_range range = { 0, 0x100000 };
	struct vfio_device_feature_dma_logging_control c = {
		.page_size = 4096, .num_ranges = 1, .ranges = (uintptr_t)&range,
	};

	return vfio_feature(&d, VFIO_DEVICE_FEATURE_SET |
			    VFIO_DEVICE_FEATURE_DMA_LOGGING_START, &c, sizeof(c));
}

static const struct {
	const char *name;
	int (*run)(void);
} ops[] = {
#define OP(name) { #name, do_##name }
	OP(open), OP(read), OP(write), OP(rom), OP(mmap), OP(regions), OP(info),
	OP(intx), OP(msi), OP(msix), OP(vector), OP(reset), OP(hotreset),
	OP(ioeventfd), OP(lowpower), OP(d3), OP(stop), OP(p2p), OP(save), OP(precopy),
	OP(dmalog),
};

static int command(void)
{
	uint16_t cmd = PCI_COMMAND_MEMORY | PCI_COMMAND_IO;

	return vfio_write(&d, VFIO_PCI_CONFIG_REGION_INDEX, PCI_COMMAND, &cmd, 2);
}

static int once(const char *name)
{
	int ret = vfio_open(&d, args.bdf[0]);

	if (ret)
		return ret;
	ret = command();
	for (unsigned int i = 0; ret >= 0 && i < ARRAY_SIZE(ops); i++)
		if (!strcmp(name, ops[i].name)) {
			ret = ops[i].run();
			vfio_close(&d);
			return ret;
		}
	vfio_close(&d);
	return ret < 0 ? ret : -ENOTTY;
}

int main(int argc, char **argv)
{
	int ret;

	test_parse(argc, argv);
	if (args.nbdf != 2) {
		fprintf(stderr, "usage: once [--cdev] BDF OPERATION\n");
		return 2;
	}
	ret = once(args.bdf[1]);
	if (ret < 0)
		printf("%s: %s\n", args.bdf[1], strerror(-ret));
	else if (ret > 0)
		printf("%s: %d\n", args.bdf[1], ret);
	return ret < 0;
}
