// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hot reset: who is affected, and the reset itself
 *
 * The first address is the device under test, further ones are devices that
 * share its bus.
 */
#include <linux/vfio.h>

#include "model.h"
#include "pci.h"
#include "test.h"

#define MAX_DEVICES	32

struct info {
	struct vfio_pci_hot_reset_info h;
	struct vfio_pci_dependent_device dev[MAX_DEVICES];
};

struct request {
	struct vfio_pci_hot_reset h;
	int fd[MAX_DEVICES];
};

static int get_info(struct vfio *d, struct info *info, unsigned int room)
{
	memset(info, 0, sizeof(*info));
	info->h.argsz = sizeof(info->h) + room * sizeof(info->dev[0]);
	return vfio_ioctl(d->fd, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, info);
}

/* The test is skipped where the function has no hot reset (a VF). */
static void info_needed(struct vfio *d, struct info *info)
{
	int ret = get_info(d, info, MAX_DEVICES);

	if (ret == -ENODEV)
		SKIP("no hot reset for this function");
	ASSERT_EQ(ret, 0);
}

static int hot_reset(struct vfio *d, unsigned int count, const int *fds)
{
	struct request r = { .h.argsz = sizeof(r.h) + count * sizeof(int),
			     .h.count = count };

	if (count <= MAX_DEVICES && count)
		memcpy(r.fd, fds, count * sizeof(int));
	return vfio_ioctl(d->fd, VFIO_DEVICE_PCI_HOT_RESET, &r);
}

/* How many functions on the bus have no driver? */
static unsigned int bystanders(const struct info *info)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < info->h.count; i++) {
		const struct vfio_pci_dependent_device *dep = &info->dev[i];
		char bdf[16], name[64];

		snprintf(bdf, sizeof(bdf), "%04x:%02x:%02x.%x", dep->segment, dep->bus,
			 dep->devfn >> 3, dep->devfn & 7);
		n += sysfs_link(bdf, "driver", name, sizeof(name)) == -ENOENT;
	}
	return n;
}

static bool one_group(struct vfio *d, const struct info *info)
{
	for (unsigned int i = 0; i < info->h.count; i++)
		if ((int)info->dev[i].group_id != d->group_id)
			return false;
	return true;
}

TEST(names, "the info names each device on the bus, itself among them")
{
	struct vfio *d = dut();
	struct info info;
	unsigned int found = 0;

	info_needed(d, &info);
	EXPECT(info.h.count >= args.nbdf);
	for (unsigned int i = 0; i < info.h.count; i++)
		for (unsigned int j = 0; j < args.nbdf; j++) {
			char bdf[16];

			snprintf(bdf, sizeof(bdf), "%04x:%02x:%02x.%x",
				 info.dev[i].segment, info.dev[i].bus,
				 info.dev[i].devfn >> 3, info.dev[i].devfn & 7);
			if (strcmp(bdf, args.bdf[j]))
				continue;
			found++;
			if (!d->cdev)
				EXPECT_EQ(info.dev[i].group_id, vfio_group_of(bdf));
			else if (!j)
				EXPECT_EQ(info.dev[i].devid, d->devid);
		}
	EXPECT_EQ(found, args.nbdf);
	EXPECT_EQ(!!(info.h.flags & VFIO_PCI_HOT_RESET_FLAG_DEV_ID), d->cdev);
}

TEST(owned, "to a cdev's user, what shares his group is his, also unopened")
{
	struct vfio *d = dut(), other;
	struct info info;
	int all = VFIO_PCI_HOT_RESET_FLAG_DEV_ID | VFIO_PCI_HOT_RESET_FLAG_DEV_ID_OWNED;

	if (!d->cdev || args.nbdf < 2)
		SKIP("not two devices by cdev");
	info_needed(d, &info);
	EXPECT_EQ(info.h.flags, all);
	for (unsigned int i = 0; i < info.h.count; i++)
		EXPECT_EQ(info.dev[i].devid,
			  (info.dev[i].devfn >> 3) == (unsigned int)atoi(args.bdf[0] + 8) ?
			  d->devid : VFIO_PCI_DEVID_OWNED);
	ASSERT_EQ(vfio_open_with(&other, args.bdf[1], d, NULL), 0);
	info_needed(d, &info);
	EXPECT_EQ(info.h.flags, all);
	for (unsigned int i = 0; i < info.h.count; i++)
		EXPECT((int)info.dev[i].devid > 0);
	vfio_close(&other);
	/* The other without a VFIO driver: nobody's, and in the way */
	ASSERT_EQ(sysfs_write(args.bdf[1], "driver/unbind", args.bdf[1]), 0);
	info_needed(d, &info);
	EXPECT_EQ(info.h.flags, VFIO_PCI_HOT_RESET_FLAG_DEV_ID);
	for (unsigned int i = 0; i < info.h.count; i++)
		if ((info.dev[i].devfn >> 3) != (unsigned int)atoi(args.bdf[0] + 8))
			EXPECT_EQ((int)info.dev[i].devid, VFIO_PCI_DEVID_NOT_OWNED);
	EXPECT_EQ(hot_reset(d, 0, NULL), -EBUSY);
	ASSERT_EQ(sysfs_write("..", "drivers_probe", args.bdf[1]), 0);
}

TEST(no_room, "without room the info gives ENOSPC and the count")
{
	struct vfio *d = dut();
	struct info all, info;

	info_needed(d, &all);
	EXPECT_EQ(get_info(d, &info, 0), -ENOSPC);
	EXPECT_EQ(info.h.count, all.h.count);
	EXPECT_EQ(get_info(d, &info, all.h.count), 0);
}

TEST(argsz, "a short argsz is refused with EINVAL")
{
	struct vfio *d = dut();
	struct info info = {};
	struct request r = {};

	info.h.argsz = sizeof(info.h) - 1;
	EXPECT_EQ(vfio_ioctl(d->fd, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, &info), -EINVAL);
	info_needed(d, &info);
	r.h.argsz = sizeof(r.h) - 1;
	EXPECT_EQ(vfio_ioctl(d->fd, VFIO_DEVICE_PCI_HOT_RESET, &r), -EINVAL);
	r.h.argsz = sizeof(r.h);
	r.h.flags = 1;
	EXPECT_EQ(vfio_ioctl(d->fd, VFIO_DEVICE_PCI_HOT_RESET, &r), -EINVAL);
}

TEST(reset, "with the groups of all affected devices the bus is reset")
{
	struct vfio *d = dut();
	const struct model *m = model_needed(d);
	struct info info;
	uint32_t bar = host_read(d->bdf, PCI_BASE_ADDRESS_0, 4);
	int ret;

	info_needed(d, &info);
	if (d->cdev && !(info.h.flags & VFIO_PCI_HOT_RESET_FLAG_DEV_ID_OWNED)) {
		EXPECT(hot_reset(d, 0, NULL) < 0);
		SKIP("a device of somebody else shares the bus");
	}
	if (!d->cdev && !one_group(d, &info))
		SKIP("a device of another group shares the bus");
	if (bystanders(&info))
		SKIP("a device without a driver shares the bus");
	scratch_write(d, m, 0x00110011);
	ret = hot_reset(d, d->cdev ? 0 : 1, &d->group);
	/* QEMU: the link of some root ports does not come back, says the kernel */
	if (ret == -ENOTTY)
		SKIP("the link stays down after a reset of this bus");
	ASSERT_EQ(ret, 0);
	EXPECT_EQ(host_read(d->bdf, PCI_BASE_ADDRESS_0, 4), bar);
	EXPECT(cfg_read(d, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY);
	if (m->bus_reset_clears)
		EXPECT_EQ(bar_read32(d, 0, m->scratch), 0);
	scratch_write(d, m, 0x00220022);
	EXPECT_EQ(bar_read32(d, 0, m->scratch), scratch_value(m, 0x00220022));
}

TEST(both_open, "both devices of the bus are open and work after the reset")
{
	struct vfio *d = dut(), other;
	const struct model *m = model_needed(d);
	int efd = efd_new();

	if (args.nbdf < 2)
		SKIP("no second address given");
	ASSERT_EQ(vfio_open_with(&other, args.bdf[1], d, args.token), 0);
	cfg_command(&other, PCI_COMMAND_MEMORY, 0);
	ASSERT_EQ(vfio_irq_fd(&other, VFIO_PCI_MSI_IRQ_INDEX, 0, efd), 0);
	ASSERT_EQ(hot_reset(d, d->cdev ? 0 : 1, &d->group), 0);
	scratch_write(d, m, 0x00330033);
	EXPECT_EQ(bar_read32(d, 0, m->scratch), scratch_value(m, 0x00330033));
	scratch_write(&other, m, 0x00440044);
	EXPECT_EQ(bar_read32(&other, 0, m->scratch), scratch_value(m, 0x00440044));
	cfg_command(&other, PCI_COMMAND_MASTER, 0);
	m->lower(&other);
	m->raise(&other, 0);
	EXPECT(efd_fires(efd));
	m->lower(&other);
	vfio_close(&other);
	close(efd);
}

TEST(unproven, "without proof of ownership the reset is refused")
{
	struct vfio *d = dut();
	struct info info;
	int efd = efd_new(), bad = 9999, two[2] = { d->group, d->group };

	if (d->cdev)
		SKIP("ownership is the iommufd's");
	info_needed(d, &info);
	EXPECT_EQ(hot_reset(d, 0, NULL), -EINVAL);
	EXPECT_EQ(hot_reset(d, 1, &efd), -EINVAL);
	EXPECT_EQ(hot_reset(d, 1, &bad), -EBADF);
	/* more files than devices */
	EXPECT_EQ(hot_reset(d, info.h.count + 1, (int[MAX_DEVICES]) { d->group }), -EINVAL);
	/* the same twice proves no more than once */
	if (info.h.count > 1 && one_group(d, &info) && !bystanders(&info))
		EXPECT_EQ(hot_reset(d, 2, two), 0);
	else if (info.h.count > 1)
		EXPECT(hot_reset(d, 2, two) < 0);
	close(efd);
}

TEST(count, "a count that argsz has no room for is refused with EINVAL")
{
	struct vfio *d = dut();
	struct request r = { .h = { .argsz = sizeof(r.h), .count = 0xffffffff } };
	struct info info;

	info_needed(d, &info);
	EXPECT_EQ(vfio_ioctl(d->fd, VFIO_DEVICE_PCI_HOT_RESET, &r), -EINVAL);
}

TEST(device_fd, "group files do not open a cdev's reset, and the other way round")
{
	struct vfio *d = dut();
	struct info info;

	info_needed(d, &info);
	EXPECT_EQ(hot_reset(d, 1, &d->fd), -EINVAL);
}

TEST(bystander, "a function that no VFIO driver has is nobody's to reset: EBUSY")
{
	struct vfio *d = dut();
	unsigned int not_owned = 0;
	struct info info;

	info_needed(d, &info);
	if (!bystanders(&info))
		SKIP("all functions on the bus have drivers");
	for (unsigned int i = 0; i < info.h.count; i++)
		not_owned += (int)info.dev[i].devid == VFIO_PCI_DEVID_NOT_OWNED;
	if (d->cdev)
		EXPECT_EQ(not_owned, bystanders(&info));
	EXPECT(!(info.h.flags & VFIO_PCI_HOT_RESET_FLAG_DEV_ID_OWNED));
	EXPECT_EQ(hot_reset(d, d->cdev ? 0 : 1, &d->group), -EBUSY);
}
