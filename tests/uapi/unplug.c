// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device is unplugged while it is open: its user is asked by REQ and may go on until
 * he closes; then the device goes, and nothing of it is left
 *
 * QEMU is told by its monitor; what it calls the device is in $QEMU_ID. The slot asks,
 * the kernel lets the driver go, which waits for the user.
 */
#include <sys/mman.h>

#include "pci.h"
#include "test.h"

static int hmp(const char *cmd)
{
	char line[256];

	snprintf(line, sizeof(line), "$LAB/hmp %s >&2", cmd);
	return system(line);
}

static bool present(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%.15s", args.bdf[0]);
	return !access(path, F_OK);
}

TEST(unplug, "unplug asks by REQ, waits for the close, then takes the device away")
{
	const char *id = getenv("QEMU_ID");
	int efd = efd_new(), err = efd_new();
	char cmd[64], byte;
	struct vfio *d;
	uint32_t val;
	void *p;

	if (!id)
		SKIP("no QEMU_ID");
	d = dut();
	p = vfio_mmap(d, mappable_bar(d), mappable_page(d), 4096);
	ASSERT(p != MAP_FAILED);
	EXPECT(peek32(p, &val));
	ASSERT_EQ(vfio_irq_fd(d, VFIO_PCI_REQ_IRQ_INDEX, 0, efd), 0);
	if (vfio_irq_count(d, VFIO_PCI_ERR_IRQ_INDEX))
		ASSERT_EQ(vfio_irq_fd(d, VFIO_PCI_ERR_IRQ_INDEX, 0, err), 0);
	snprintf(cmd, sizeof(cmd), "device_del %s", id);
	ASSERT_EQ(hmp(cmd), 0);
	EXPECT(WITHIN(20000, efd_count(efd)));
	/* Its user has it as long as he wants: a page of ones at worst. */
	sleep(1);
	EXPECT(present());
	EXPECT(peek32(p, &val));
	EXPECT(vfio_read(d, VFIO_PCI_CONFIG_REGION_INDEX, 0, &byte, 1) == 1 ||
	       errno == EIO);
	munmap(p, 4096);
	dut_close();
	EXPECT(WITHIN(20000, !present()));
	close(efd);
	close(err);
}
