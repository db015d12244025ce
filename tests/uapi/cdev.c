// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/vfio/devices: bind to an iommufd, attach to an address space, detach
 *
 * Always opens by character device, whatever the command line says.
 */
#include <fcntl.h>
#include <linux/iommufd.h>
#include <sys/mman.h>

#include "model.h"
#include "pci.h"
#include "test.h"

#define IOVA	0x100000
#define LEN	0x2000

static int iommu_open(void)
{
	int fd = open("/dev/iommu", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		SKIP("no /dev/iommu");
	return fd;
}

static int node_open(void)
{
	int fd;

	args.cdev = true;
	fd = vfio_cdev_node(args.bdf[0]);
	if (fd == -ENOENT)
		SKIP("no character device");
	ASSERT(fd >= 0);
	return fd;
}

static int bind_fd(int fd, int iommufd, uint32_t *devid)
{
	struct vfio_device_bind_iommufd bind = {
		.argsz = sizeof(bind), .iommufd = iommufd,
	};
	int ret = vfio_ioctl(fd, VFIO_DEVICE_BIND_IOMMUFD, &bind);

	if (devid)
		*devid = bind.out_devid;
	return ret;
}

static uint32_t ioas_new(int iommufd)
{
	struct iommu_ioas_alloc ioas = { .size = sizeof(ioas) };

	ASSERT_EQ(vfio_ioctl(iommufd, IOMMU_IOAS_ALLOC, &ioas), 0);
	return ioas.out_ioas_id;
}

static int attach(int fd, uint32_t pt)
{
	struct vfio_device_attach_iommufd_pt a = { .argsz = sizeof(a), .pt_id = pt };

	return vfio_ioctl(fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &a);
}

static int detach(int fd)
{
	struct vfio_device_detach_iommufd_pt dt = { .argsz = sizeof(dt) };

	return vfio_ioctl(fd, VFIO_DEVICE_DETACH_IOMMUFD_PT, &dt);
}

static int get_info(int fd)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };

	return vfio_ioctl(fd, VFIO_DEVICE_GET_INFO, &info);
}

TEST(unbound, "before the bind nothing of the device can be reached")
{
	int fd = node_open();
	uint32_t val;

	EXPECT(get_info(fd) < 0);
	EXPECT(vfio_ioctl(fd, VFIO_DEVICE_RESET, NULL) < 0);
	EXPECT(pread(fd, &val, 4, 0) < 0);
	EXPECT(pwrite(fd, &val, 4, 0) < 0);
	EXPECT(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED);
	EXPECT(attach(fd, 1) < 0);
	EXPECT(detach(fd) < 0);
	close(fd);
}

TEST(bad_bind, "a bind with a short argsz, flags or another file is refused")
{
	struct vfio_device_bind_iommufd bind = { .argsz = sizeof(bind) - 1 };
	int fd = node_open(), iommufd = iommu_open(), efd = efd_new();

	bind.iommufd = iommufd;
	EXPECT_EQ(vfio_ioctl(fd, VFIO_DEVICE_BIND_IOMMUFD, &bind), -EINVAL);
	bind.argsz = sizeof(bind);
	bind.flags = 0x80000000;
	EXPECT_EQ(vfio_ioctl(fd, VFIO_DEVICE_BIND_IOMMUFD, &bind), -EINVAL);
	EXPECT(bind_fd(fd, efd, NULL) < 0);
	EXPECT(bind_fd(fd, -1, NULL) < 0);
	EXPECT(bind_fd(fd, 9999, NULL) < 0);
	EXPECT_EQ(bind_fd(fd, iommufd, NULL), 0);
	close(fd);
	close(iommufd);
	close(efd);
}

TEST(once, "a device is bound once, by one file, and then not through its group")
{
	int fd = node_open(), second = node_open(), iommufd = iommu_open();
	uint32_t devid = 0;
	struct vfio d;

	ASSERT_EQ(bind_fd(fd, iommufd, &devid), 0);
	EXPECT(devid > 0);
	EXPECT(bind_fd(fd, iommufd, NULL) < 0);
	EXPECT(bind_fd(second, iommufd, NULL) < 0);
	EXPECT(get_info(second) < 0);
	EXPECT_EQ(get_info(fd), 0);
	args.cdev = false;
	EXPECT(vfio_open(&d, args.bdf[0]) < 0);
	args.cdev = true;
	close(fd);
	/* Whose file is closed is free for the next. */
	EXPECT_EQ(bind_fd(second, iommufd, NULL), 0);
	EXPECT_EQ(get_info(second), 0);
	close(second);
	close(iommufd);
}

TEST(group_first, "a device that is open through its group is not bound")
{
	int fd = node_open(), iommufd = iommu_open();
	struct vfio d;

	args.cdev = false;
	ASSERT_EQ(vfio_open(&d, args.bdf[0]), 0);
	EXPECT(bind_fd(fd, iommufd, NULL) < 0);
	vfio_close(&d);
	args.cdev = true;
	EXPECT_EQ(bind_fd(fd, iommufd, NULL), 0);
	close(fd);
	close(iommufd);
}

TEST(bad_attach, "an attach to nothing, with flags or a short argsz is refused")
{
	struct vfio_device_attach_iommufd_pt a = { .argsz = sizeof(a) - 1 };
	struct vfio_device_detach_iommufd_pt dt = { .argsz = sizeof(dt) - 1 };
	int fd = node_open(), iommufd = iommu_open();

	ASSERT_EQ(bind_fd(fd, iommufd, NULL), 0);
	EXPECT_EQ(attach(fd, 9999), -ENOENT);
	a.pt_id = ioas_new(iommufd);
	EXPECT_EQ(vfio_ioctl(fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &a), -EINVAL);
	a.argsz = sizeof(a);
	a.flags = 0x80000000;
	EXPECT_EQ(vfio_ioctl(fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &a), -EINVAL);
	EXPECT_EQ(vfio_ioctl(fd, VFIO_DEVICE_DETACH_IOMMUFD_PT, &dt), -EINVAL);
	/* An attached device can be closed as it is. */
	EXPECT_EQ(attach(fd, a.pt_id), 0);
	close(fd);
	close(iommufd);
}

static void map(int iommufd, uint32_t ioas, void *mem)
{
	struct iommu_ioas_map m = {
		.size = sizeof(m), .ioas_id = ioas, .iova = IOVA, .length = LEN,
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
			 IOMMU_IOAS_MAP_WRITEABLE,
		.user_va = (uintptr_t)mem,
	};

	ASSERT_EQ(vfio_ioctl(iommufd, IOMMU_IOAS_MAP, &m), 0);
}

static char *memory(void)
{
	char *mem = mmap(NULL, LEN, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ASSERT(mem != MAP_FAILED);
	return mem;
}

/* Does what the device writes to IOVA arrive in @mem? */
static bool reaches(struct vfio *d, char *mem)
{
	memset(mem, 0, LEN);
	edu_dma(d, EDU_BUFFER, IOVA, 64, EDU_TO_RAM);
	return mem[0] == 0x5a;
}

TEST(spaces, "DMA goes where the device is attached, and nowhere when it is not")
{
	struct vfio *d;
	uint32_t second;
	char *mem, *other;

	close(node_open());
	d = dut();
	if (strcmp(model_of(d) ? model_of(d)->name : "", "edu"))
		SKIP("not an edu device");
	mem = memory();
	other = memory();
	map(d->iommufd, d->ioas, mem);
	second = ioas_new(d->iommufd);
	map(d->iommufd, second, other);

	cfg_command(d, PCI_COMMAND_MASTER, 0);
	memset(mem, 0x5a, 64);
	ASSERT(edu_dma(d, IOVA, EDU_BUFFER, 64, 0));
	EXPECT(reaches(d, mem));
	/* Attached to another one without a detach: replaced */
	ASSERT_EQ(attach(d->fd, second), 0);
	EXPECT(reaches(d, other));
	EXPECT(!reaches(d, mem));
	ASSERT_EQ(detach(d->fd), 0);
	EXPECT(!reaches(d, other));
	EXPECT(!reaches(d, mem));
	EXPECT_EQ(detach(d->fd), 0);
	ASSERT_EQ(attach(d->fd, d->ioas), 0);
	EXPECT(reaches(d, mem));
	cfg_command(d, 0, PCI_COMMAND_MASTER);
	dut_close();
	munmap(mem, LEN);
	munmap(other, LEN);
}
