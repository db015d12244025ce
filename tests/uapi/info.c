// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO_DEVICE_GET_INFO, and what the group and the container say
 */
#include "pci.h"
#include "test.h"

TEST(api, "the API version is 0 and the type that the container has is there")
{
	struct vfio *d = dut();

	if (d->cdev)
		SKIP("opened without a container");
	EXPECT_EQ(vfio_ioctl(d->container, VFIO_GET_API_VERSION, NULL),
		  VFIO_API_VERSION);
	EXPECT_EQ(vfio_ioctl(d->container, VFIO_CHECK_EXTENSION,
			     (void *)vfio_iommu_type()), 1);
}

TEST(group, "the group is viable and has its container")
{
	struct vfio *d = dut();
	struct vfio_group_status s = { .argsz = sizeof(s) };

	if (d->cdev)
		SKIP("opened without a group");
	ASSERT_EQ(vfio_ioctl(d->group, VFIO_GROUP_GET_STATUS, &s), 0);
	EXPECT_EQ(s.flags, VFIO_GROUP_FLAGS_VIABLE | VFIO_GROUP_FLAGS_CONTAINER_SET);
}

TEST(name, "the function has a vfio-dev directory in sysfs")
{
	struct vfio *d = dut();
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vfio-dev", d->bdf);
	EXPECT_EQ(access(path, F_OK), 0);
}

TEST(basics, "GET_INFO says PCI, nine regions or more, five interrupt indexes")
{
	struct vfio *d = dut();

	EXPECT(d->info.flags & VFIO_DEVICE_FLAGS_PCI);
	EXPECT(d->info.num_regions >= VFIO_PCI_NUM_REGIONS);
	EXPECT_EQ(d->info.num_irqs, VFIO_PCI_NUM_IRQS);
	EXPECT_EQ(d->info.flags & ~(VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET |
				    VFIO_DEVICE_FLAGS_CAPS), 0);
}

TEST(reset_flag, "the reset flag is set where DEVICE_RESET works, and only there")
{
	struct vfio *d = dut();
	int ret = vfio_ioctl(d->fd, VFIO_DEVICE_RESET, NULL);

	EXPECT_EQ(ret, d->info.flags & VFIO_DEVICE_FLAGS_RESET ? 0 : -EINVAL);
}

TEST(argsz_first, "GET_INFO takes the argsz of its first release")
{
	struct vfio *d = dut();
	uint32_t buf[8];
	struct vfio_device_info *info = (void *)buf;

	memset(buf, 0xa5, sizeof(buf));
	info->argsz = offsetof(struct vfio_device_info, cap_offset);
	ASSERT_EQ(vfio_ioctl(d->fd, VFIO_DEVICE_GET_INFO, info), 0);
	EXPECT_EQ(info->num_irqs, VFIO_PCI_NUM_IRQS);
	/* Nothing behind what the caller has room for is touched. */
	EXPECT_EQ(buf[4], 0xa5a5a5a5);
	EXPECT_EQ(buf[5], 0xa5a5a5a5);
}

TEST(argsz_short, "GET_INFO refuses a shorter argsz with EINVAL")
{
	struct vfio *d = dut();
	struct vfio_device_info info = {};

	for (info.argsz = 0; info.argsz < 16; info.argsz++)
		if (!EXPECT_EQ(vfio_ioctl(d->fd, VFIO_DEVICE_GET_INFO, &info), -EINVAL))
			break;
}

TEST(argsz_long, "GET_INFO takes a longer argsz; its capabilities are a sane chain")
{
	struct vfio *d = dut();
	union {
		struct vfio_device_info info;
		char room[4096];
	} u = { .info.argsz = sizeof(u) };
	unsigned int n = 0;

	ASSERT_EQ(vfio_ioctl(d->fd, VFIO_DEVICE_GET_INFO, &u.info), 0);
	if (!(u.info.flags & VFIO_DEVICE_FLAGS_CAPS)) {
		EXPECT_EQ(u.info.cap_offset, 0);
		return;
	}
	for (uint32_t off = u.info.cap_offset; off; n++) {
		struct vfio_info_cap_header *h = (void *)&u.room[off];

		ASSERT(off >= sizeof(u.info) && off < u.info.argsz && n < 16);
		EXPECT(h->id);
		if (h->id == VFIO_DEVICE_INFO_CAP_PCI_ATOMIC_COMP) {
			struct vfio_device_info_cap_pci_atomic_comp *c = (void *)h;

			EXPECT(c->flags && !(c->flags & ~7u));
			test_note("AtomicOps completed: %#x", c->flags);
		}
		off = h->next;
	}
	EXPECT(n);
}

TEST(argsz_middle, "without room for capabilities, argsz says how much is needed")
{
	struct vfio *d = dut();
	struct vfio_device_info info = { .argsz = sizeof(info) };

	ASSERT_EQ(vfio_ioctl(d->fd, VFIO_DEVICE_GET_INFO, &info), 0);
	if (!(info.flags & VFIO_DEVICE_FLAGS_CAPS))
		SKIP("the device has no capabilities");
	EXPECT_EQ(info.cap_offset, 0);
	EXPECT(info.argsz > sizeof(info));
}
