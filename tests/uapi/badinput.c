// SPDX-License-Identifier: GPL-2.0-only
/*
 * What no sane program does: each gets its errno, and nothing is lost
 */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "model.h"
#include "pci.h"
#include "test.h"

/* After the mistreatment the device still works. */
static void still_well(struct vfio *d)
{
	const struct model *m = model_with_scratch(d);

	EXPECT(cfg_read(d, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY);
	if (!m)
		return;
	scratch_write(d, m, 0x00990099);
	EXPECT_EQ(bar_read32(d, 0, m->scratch), scratch_value(m, 0x00990099));
}

TEST(unknown, "an unknown ioctl is ENOTTY")
{
	struct vfio *d = dut();
	char room[4096] = {};

	for (unsigned int nr = VFIO_BASE + 22; nr < 256; nr++)
		EXPECT_EQ(vfio_ioctl(d->fd, _IO(VFIO_TYPE, nr), room), -ENOTTY);
	/* of groups and containers, of other classes of device, with a size */
	EXPECT_EQ(vfio_ioctl(d->fd, VFIO_GET_API_VERSION, room), -ENOTTY);
	EXPECT_EQ(vfio_ioctl(d->fd, VFIO_DEVICE_QUERY_GFX_PLANE, room), -ENOTTY);
	EXPECT_EQ(vfio_ioctl(d->fd, VFIO_DEVICE_GET_GFX_DMABUF, room), -ENOTTY);
	EXPECT_EQ(vfio_ioctl(d->fd, _IOR(VFIO_TYPE, VFIO_BASE + 7, int), room), -ENOTTY);
	still_well(d);
}

TEST(pointers, "a structure that is not there gives EFAULT")
{
	struct vfio *d = dut();
	static const unsigned long cmds[] = {
		VFIO_DEVICE_GET_INFO, VFIO_DEVICE_GET_REGION_INFO,
		VFIO_DEVICE_GET_IRQ_INFO, VFIO_DEVICE_SET_IRQS,
		VFIO_DEVICE_IOEVENTFD, VFIO_DEVICE_FEATURE,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cmds); i++) {
		EXPECT_EQ(vfio_ioctl(d->fd, cmds[i], NULL), -EFAULT);
		EXPECT_EQ(vfio_ioctl(d->fd, cmds[i], (void *)-4096), -EFAULT);
	}
	still_well(d);
}

TEST(read_only_struct, "an info structure in read-only memory gives EFAULT")
{
	struct vfio *d = dut();
	struct vfio_device_info *info = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
					     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT(info != MAP_FAILED);
	info->argsz = sizeof(*info);
	mprotect(info, 4096, PROT_READ);
	EXPECT_EQ(vfio_ioctl(d->fd, VFIO_DEVICE_GET_INFO, info), -EFAULT);
	munmap(info, 4096);
}

TEST(page_end, "a structure that ends in a hole gives EFAULT, not half a result")
{
	struct vfio *d = dut();
	char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct vfio_region_info *r;
	struct vfio_irq_set *s;

	ASSERT(p != MAP_FAILED);
	munmap(p + 4096, 4096);
	r = (void *)(p + 4096 - 16);
	r->argsz = sizeof(*r);
	EXPECT_EQ(vfio_ioctl(d->fd, VFIO_DEVICE_GET_REGION_INFO, r), -EFAULT);
	s = (void *)(p + 4096 - sizeof(*s));
	s->argsz = sizeof(*s) + 4;
	s->flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER;
	s->index = VFIO_PCI_REQ_IRQ_INDEX;
	s->start = 0;
	s->count = 1;
	EXPECT_EQ(vfio_ioctl(d->fd, VFIO_DEVICE_SET_IRQS, s), -EFAULT);
	munmap(p, 4096);
	still_well(d);
}

TEST(huge_argsz, "an argsz of 4 GiB is as good as enough")
{
	struct vfio *d = dut();
	struct vfio_device_info info = { .argsz = 0xffffffff };
	struct vfio_irq_info irq = { .argsz = 0xffffffff };

	EXPECT_EQ(vfio_ioctl(d->fd, VFIO_DEVICE_GET_INFO, &info), 0);
	EXPECT_EQ(vfio_ioctl(d->fd, VFIO_DEVICE_GET_IRQ_INFO, &irq), 0);
	EXPECT_EQ(info.num_irqs, VFIO_PCI_NUM_IRQS);
}

TEST(offsets, "reads and writes where no region is, are refused with EINVAL")
{
	struct vfio *d = dut();
	const uint64_t last = d->region[VFIO_PCI_CONFIG_REGION_INDEX].offset;
	const off_t nowhere[] = { last + (1ull << 44), 0x7ffffffffffff000, 1ull << 62 };
	uint32_t val = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(nowhere); i++) {
		EXPECT(pread(d->fd, &val, 4, nowhere[i]) == -1 && errno == EINVAL);
		EXPECT(pwrite(d->fd, &val, 4, nowhere[i]) == -1 && errno == EINVAL);
		EXPECT(mmap(NULL, 4096, PROT_READ, MAP_SHARED, d->fd, nowhere[i]) ==
		       MAP_FAILED);
	}
	EXPECT(pread(d->fd, &val, 4, -1) == -1 && errno == EINVAL);
	still_well(d);
}

TEST(unimplemented, "a BAR that is not there is refused for read, write and mmap")
{
	struct vfio *d = dut();
	uint32_t val = 0;

	for (unsigned int i = 0; i < 6; i++) {
		if (d->region[i].size)
			continue;
		EXPECT_EQ(vfio_read(d, i, 0, &val, 4), -EINVAL);
		EXPECT_EQ(vfio_write(d, i, 0, &val, 4), -EINVAL);
		EXPECT(vfio_mmap(d, i, 0, 4096) == MAP_FAILED && errno == EINVAL);
	}
	still_well(d);
}

TEST(ro_file, "a device file opened twice, or through a closed group, is refused")
{
	struct vfio *d = dut();
	char path[64];
	int fd;

	if (d->cdev)
		SKIP("opened without a group");
	snprintf(path, sizeof(path), "/dev/vfio/%d", d->group_id);
	fd = open(path, O_RDWR);
	EXPECT(fd == -1 && errno == EBUSY);
	still_well(d);
}

TEST(container_in_use, "the container keeps its group while the device is open")
{
	struct vfio *d = dut();

	if (d->cdev)
		SKIP("opened without a group");
	EXPECT_EQ(vfio_ioctl(d->group, VFIO_GROUP_UNSET_CONTAINER, NULL), -EBUSY);
	still_well(d);
}

TEST(odd_files, "nonblocking, appending and seeking mean nothing to a device file")
{
	struct vfio *d = dut();
	uint32_t val;

	EXPECT(lseek(d->fd, 0, SEEK_SET) <= 0);
	EXPECT_EQ(fcntl(d->fd, F_SETFL, O_NONBLOCK), 0);
	EXPECT_EQ(vfio_read(d, VFIO_PCI_CONFIG_REGION_INDEX, 0, &val, 4), 4);
	EXPECT_EQ(ftruncate(d->fd, 0), -1);
	still_well(d);
}
