// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device that no IOMMU stands before: who may open it, and how
 *
 * What can be done with it then, the other programs show with --noiommu.
 */
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "pci.h"
#include "test.h"

static int group_open(void)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/dev/vfio/noiommu-%d",
		 vfio_group_of(args.bdf[0]));
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int container_open(void)
{
	int fd = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);

	ASSERT(fd >= 0);
	return fd;
}

static bool drop_rawio(void)
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct c[2] = {};

	if (syscall(SYS_capget, &h, c))
		return false;
	c[0].effective &= ~(1U << CAP_SYS_RAWIO);
	c[0].permitted &= ~(1U << CAP_SYS_RAWIO);
	return !syscall(SYS_capset, &h, c);
}

TEST(privilege, "only who may do raw I/O opens the group")
{
	int status = -1;
	pid_t pid;
	int fd = group_open();

	ASSERT(fd >= 0);
	close(fd);
	pid = fork();
	if (!pid) {
		if (!drop_rawio())
			_exit(2);
		_exit(group_open() == -EPERM ? 0 : 1);
	}
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
}

TEST(type, "the container takes the type without an IOMMU, and no other")
{
	int group = group_open(), container = container_open(), fd;

	ASSERT(group >= 0);
	ASSERT_EQ(vfio_ioctl(group, VFIO_GROUP_SET_CONTAINER, &container), 0);
	EXPECT(vfio_ioctl(container, VFIO_SET_IOMMU, (void *)VFIO_TYPE1v2_IOMMU) < 0);
	/* No device before there is a type */
	EXPECT(vfio_ioctl(group, VFIO_GROUP_GET_DEVICE_FD, (void *)args.bdf[0]) < 0);
	EXPECT_EQ(vfio_ioctl(container, VFIO_SET_IOMMU, (void *)VFIO_NOIOMMU_IOMMU), 0);
	fd = vfio_ioctl(group, VFIO_GROUP_GET_DEVICE_FD, (void *)args.bdf[0]);
	EXPECT(fd >= 0);
	if (fd >= 0)
		close(fd);
	close(group);
	close(container);
}

TEST(no_map, "nothing can be mapped for it")
{
	struct vfio *d;

	args.noiommu = true;
	d = dut();
	EXPECT(!vfio_dma_map(d, 0x100000, 0x1000));
	dut_close();
}
