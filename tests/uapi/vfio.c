// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO devices for tests
 */
#include <dirent.h>
#include <fcntl.h>
#include <linux/iommufd.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "pci.h"
#include "test.h"
#include "vfio.h"

static struct vfio the_dut = { .fd = -1 };

/* ---- sysfs ---- */

static int sysfs_open(const char *bdf, const char *file, int flags)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", bdf, file);
	fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int sysfs_read(const char *bdf, const char *file, void *buf, size_t len)
{
	int fd = sysfs_open(bdf, file, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return fd;
	n = read(fd, buf, len);
	n = n < 0 ? -errno : n;
	close(fd);
	return n;
}

int sysfs_write(const char *bdf, const char *file, const char *text)
{
	int fd = sysfs_open(bdf, file, O_WRONLY);
	ssize_t n;

	if (fd < 0)
		return fd;
	n = write(fd, text, strlen(text));
	n = n < 0 ? -errno : 0;
	close(fd);
	return n;
}

int module_file(const char *module, const char *name, int flags)
{
	char path[80];
	int fd;

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s", module, name);
	fd = open(path, flags | O_CLOEXEC);
	if (fd < 0)
		SKIP("no %s", path);
	return fd;
}

int sysfs_link(const char *bdf, const char *link, char *buf, size_t len)
{
	char path[256], target[256];
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", bdf, link);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return -errno;
	target[n] = 0;
	snprintf(buf, len, "%s", strrchr(target, '/') ? strrchr(target, '/') + 1 :
		 target);
	return 0;
}

int vfio_group_of(const char *bdf)
{
	char name[32];
	int ret = sysfs_link(bdf, "iommu_group", name, sizeof(name));

	return ret ? ret : atoi(name);
}

/* ---- open and close ---- */

int vfio_ioctl(int fd, unsigned long cmd, void *arg)
{
	int ret = ioctl(fd, cmd, arg);

	return ret < 0 ? -errno : ret;
}

static int open_container(struct vfio *d)
{
	d->container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	return d->container < 0 ? -errno : 0;
}

long vfio_iommu_type(void)
{
	if (args.noiommu)
		return VFIO_NOIOMMU_IOMMU;
	return args.v1 ? VFIO_TYPE1_IOMMU : VFIO_TYPE1v2_IOMMU;
}

static int open_group(struct vfio *d)
{
	char path[64];
	int ret;

	if (d->group_id < 0)
		return d->group_id;
	snprintf(path, sizeof(path), "/dev/vfio/%s%d",
		 args.noiommu ? "noiommu-" : "", d->group_id);
	d->group = open(path, O_RDWR | O_CLOEXEC);
	if (d->group < 0)
		return -errno;
	ret = vfio_ioctl(d->group, VFIO_GROUP_SET_CONTAINER, &d->container);
	if (ret || d->shares)
		return ret;
	return vfio_ioctl(d->container, VFIO_SET_IOMMU, (void *)vfio_iommu_type());
}

static int open_by_group(struct vfio *d, struct vfio *first, const char *token)
{
	char name[96];
	int ret;

	d->group_id = vfio_group_of(d->bdf);
	if (first) {
		d->container = first->container;
		d->shares_group = first->group_id == d->group_id;
	} else {
		ret = open_container(d);
		if (ret)
			return ret;
	}
	if (d->shares_group)
		d->group = first->group;
	else
		ret = open_group(d);
	if (!d->shares_group && ret)
		return ret;
	if (token)
		snprintf(name, sizeof(name), "%s vf_token=%s", d->bdf, token);
	else
		snprintf(name, sizeof(name), "%s", d->bdf);
	d->fd = vfio_ioctl(d->group, VFIO_GROUP_GET_DEVICE_FD, name);
	return d->fd < 0 ? d->fd : 0;
}

int vfio_cdev_node(const char *bdf)
{
	char path[300];
	struct dirent *e;
	int fd = -ENOENT;
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vfio-dev", bdf);
	dir = opendir(path);
	if (!dir)
		return -errno;
	while ((e = readdir(dir))) {
		if (strncmp(e->d_name, "vfio", 4))
			continue;
		snprintf(path, sizeof(path), "/dev/vfio/devices/%.32s", e->d_name);
		fd = open(path, O_RDWR | O_CLOEXEC);
		fd = fd < 0 ? -errno : fd;
		break;
	}
	closedir(dir);
	return fd;
}

static int attach_iommufd(struct vfio *d, struct vfio *first)
{
	struct vfio_device_bind_iommufd bind = {
		.argsz = sizeof(bind), .iommufd = d->iommufd,
	};
	struct vfio_device_attach_iommufd_pt attach = { .argsz = sizeof(attach) };
	struct iommu_ioas_alloc ioas = { .size = sizeof(ioas) };
	int ret;

	ret = vfio_ioctl(d->fd, VFIO_DEVICE_BIND_IOMMUFD, &bind);
	if (ret)
		return ret;
	d->devid = bind.out_devid;
	if (first) {
		d->ioas = first->ioas;
	} else {
		ret = vfio_ioctl(d->iommufd, IOMMU_IOAS_ALLOC, &ioas);
		if (ret)
			return ret;
		d->ioas = ioas.out_ioas_id;
	}
	attach.pt_id = d->ioas;
	return vfio_ioctl(d->fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach);
}

static int open_by_cdev(struct vfio *d, struct vfio *first)
{
	d->fd = vfio_cdev_node(d->bdf);
	if (d->fd < 0)
		return d->fd;
	if (first) {
		d->iommufd = first->iommufd;
	} else {
		d->iommufd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
		if (d->iommufd < 0)
			return -errno;
	}
	return attach_iommufd(d, first);
}

static int learn(struct vfio *d)
{
	int ret;

	d->info.argsz = sizeof(d->info);
	ret = vfio_ioctl(d->fd, VFIO_DEVICE_GET_INFO, &d->info);
	for (unsigned int i = 0; !ret && i < VFIO_PCI_NUM_REGIONS; i++) {
		struct vfio_region_info *r = &d->region[i];

		*r = (struct vfio_region_info){ .index = i };
		ret = vfio_get_region(d, r);
		/* Functions without VGA may refuse its index. */
		if (ret == -EINVAL && i == VFIO_PCI_VGA_REGION_INDEX)
			ret = 0;
	}
	return ret;
}

int vfio_open_with(struct vfio *d, const char *bdf, struct vfio *first,
		   const char *token)
{
	int ret;

	memset(d, 0, sizeof(*d));
	snprintf(d->bdf, sizeof(d->bdf), "%s", bdf);
	d->fd = -1;
	d->group = -1;
	d->container = -1;
	d->iommufd = -1;
	d->cdev = args.cdev;
	d->shares = first;
	ret = d->cdev ? open_by_cdev(d, first) : open_by_group(d, first, token);
	if (!ret)
		ret = learn(d);
	if (ret)
		vfio_close(d);
	return ret;
}

int vfio_open(struct vfio *d, const char *bdf)
{
	return vfio_open_with(d, bdf, NULL, args.token);
}

static void close_fd(int *fd, bool shared)
{
	if (*fd >= 0 && !shared)
		close(*fd);
	*fd = -1;
}

void vfio_close(struct vfio *d)
{
	close_fd(&d->fd, false);
	close_fd(&d->group, d->shares_group);
	close_fd(&d->container, d->shares);
	close_fd(&d->iommufd, d->shares);
}

struct vfio *dut(void)
{
	struct vfio *d = &the_dut;
	int ret;

	if (d->fd < 0) {
		ret = vfio_open(d, args.bdf[0]);
		if (ret) {
			test_fail(__FILE__, __LINE__, "open %s: %s", args.bdf[0],
				  strerror(-ret));
			test_stop();
		}
	} else {
		for (unsigned int i = 0; i < VFIO_PCI_NUM_IRQS; i++)
			vfio_irq_off(d, i);
	}
	cfg_command(d, PCI_COMMAND_MEMORY | PCI_COMMAND_IO,
		    PCI_COMMAND_INTX_DISABLE | PCI_COMMAND_MASTER);
	return d;
}

void dut_close(void)
{
	vfio_close(&the_dut);
}

/* ---- regions ---- */

ssize_t vfio_read(struct vfio *d, unsigned int index, uint64_t off, void *buf,
		  size_t len)
{
	ssize_t n = pread(d->fd, buf, len, d->region[index].offset + off);

	return n < 0 ? -errno : n;
}

ssize_t vfio_write(struct vfio *d, unsigned int index, uint64_t off,
		   const void *buf, size_t len)
{
	ssize_t n = pwrite(d->fd, buf, len, d->region[index].offset + off);

	return n < 0 ? -errno : n;
}

int vfio_get_region(struct vfio *d, struct vfio_region_info *info)
{
	info->argsz = sizeof(*info);
	return vfio_ioctl(d->fd, VFIO_DEVICE_GET_REGION_INFO, info);
}

struct vfio_region_info *vfio_get_region_caps(struct vfio *d, unsigned int index)
{
	struct vfio_region_info *info = calloc(1, 4096);

	ASSERT(info);
	info->argsz = 4096;
	info->index = index;
	ASSERT_EQ(vfio_ioctl(d->fd, VFIO_DEVICE_GET_REGION_INFO, info), 0);
	return info;
}

void *vfio_cap(void *info, uint32_t first, uint16_t id)
{
	for (uint32_t off = first; off; ) {
		struct vfio_info_cap_header *h = info + off;

		if (h->id == id)
			return h;
		off = h->next;
	}
	return NULL;
}

uint32_t bar_read32(struct vfio *d, unsigned int bar, uint64_t off)
{
	uint32_t val = 0;

	ASSERT_EQ(vfio_read(d, bar, off, &val, 4), 4);
	return val;
}

void bar_write32(struct vfio *d, unsigned int bar, uint64_t off, uint32_t val)
{
	ASSERT_EQ(vfio_write(d, bar, off, &val, 4), 4);
}

void *vfio_mmap(struct vfio *d, unsigned int index, uint64_t off, size_t len)
{
	return mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, d->fd,
		    d->region[index].offset + off);
}

/* Per thread, as several threads may run into a revoked mapping at once. */
static __thread sigjmp_buf bus_out;
static __thread volatile bool bus_armed;

static void on_bus(int sig)
{
	if (bus_armed)
		siglongjmp(bus_out, 1);
	signal(sig, SIG_DFL);
	raise(sig);
}

static void __attribute__((constructor)) catch_bus(void)
{
	struct sigaction sa = { .sa_handler = on_bus, .sa_flags = SA_NODEFER };

	sigaction(SIGBUS, &sa, NULL);
}

bool peek32(const volatile void *addr, uint32_t *val)
{
	bool ok = false;

	bus_armed = true;
	if (!sigsetjmp(bus_out, 0)) {
		*val = *(const volatile uint32_t *)addr;
		ok = true;
	}
	bus_armed = false;
	return ok;
}

bool poke32(volatile void *addr, uint32_t val)
{
	bool ok = false;

	bus_armed = true;
	if (!sigsetjmp(bus_out, 0)) {
		*(volatile uint32_t *)addr = val;
		ok = true;
	}
	bus_armed = false;
	return ok;
}

/* ---- interrupts ---- */

int vfio_irq_info(struct vfio *d, unsigned int index, struct vfio_irq_info *info)
{
	*info = (struct vfio_irq_info){ .argsz = sizeof(*info), .index = index };
	return vfio_ioctl(d->fd, VFIO_DEVICE_GET_IRQ_INFO, info);
}

unsigned int vfio_irq_count(struct vfio *d, unsigned int index)
{
	struct vfio_irq_info info;

	return vfio_irq_info(d, index, &info) ? 0 : info.count;
}

int vfio_set_irqs(struct vfio *d, uint32_t flags, unsigned int index,
		  unsigned int start, unsigned int count, const void *data,
		  size_t len)
{
	struct vfio_irq_set *set = calloc(1, sizeof(*set) + len);
	int ret;

	if (!set)
		return -ENOMEM;
	set->argsz = sizeof(*set) + len;
	set->flags = flags;
	set->index = index;
	set->start = start;
	set->count = count;
	if (len)
		memcpy(set->data, data, len);
	ret = vfio_ioctl(d->fd, VFIO_DEVICE_SET_IRQS, set);
	free(set);
	return ret;
}

int vfio_irq_fds(struct vfio *d, unsigned int index, unsigned int start,
		 unsigned int count, const int *fds)
{
	return vfio_set_irqs(d, VFIO_IRQ_SET_DATA_EVENTFD |
			     VFIO_IRQ_SET_ACTION_TRIGGER, index, start, count, fds,
			     count * sizeof(*fds));
}

int vfio_irq_fd(struct vfio *d, unsigned int index, unsigned int vector, int fd)
{
	return vfio_irq_fds(d, index, vector, 1, &fd);
}

int vfio_irq_off(struct vfio *d, unsigned int index)
{
	return vfio_set_irqs(d, VFIO_IRQ_SET_DATA_NONE |
			     VFIO_IRQ_SET_ACTION_TRIGGER, index, 0, 0, NULL, 0);
}

int vfio_irq_do(struct vfio *d, unsigned int index, unsigned int vector,
		uint32_t action)
{
	return vfio_set_irqs(d, VFIO_IRQ_SET_DATA_NONE | action, index, vector, 1,
			     NULL, 0);
}

int efd_new(void)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	ASSERT(fd >= 0);
	return fd;
}

uint64_t efd_count(int fd)
{
	uint64_t n = 0;

	return read(fd, &n, sizeof(n)) == sizeof(n) ? n : 0;
}

static bool efd_wait(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) == 1 && efd_count(fd);
}

bool efd_fires(int fd)
{
	return efd_wait(fd, 1000 * test_slow());
}

bool efd_silent(int fd)
{
	return !efd_wait(fd, 50);
}

/* ---- features ---- */

int vfio_feature(struct vfio *d, uint32_t flags, void *data, size_t len)
{
	struct vfio_device_feature *f = calloc(1, sizeof(*f) + len);
	int ret;

	if (!f)
		return -ENOMEM;
	f->argsz = sizeof(*f) + len;
	f->flags = flags;
	if (len)
		memcpy(f->data, data, len);
	ret = vfio_ioctl(d->fd, VFIO_DEVICE_FEATURE, f);
	if (len)
		memcpy(data, f->data, len);
	free(f);
	return ret;
}

/* ---- DMA ---- */

static int dma_map(struct vfio *d, uint64_t iova, size_t len, void *mem)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)mem, .iova = iova, .size = len,
	};
	struct iommu_ioas_map imap = {
		.size = sizeof(imap),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
			 IOMMU_IOAS_MAP_WRITEABLE,
		.ioas_id = d->ioas, .user_va = (uintptr_t)mem, .length = len,
		.iova = iova,
	};

	if (d->cdev)
		return vfio_ioctl(d->iommufd, IOMMU_IOAS_MAP, &imap);
	return vfio_ioctl(d->container, VFIO_IOMMU_MAP_DMA, &map);
}

void *vfio_dma_map(struct vfio *d, uint64_t iova, size_t len)
{
	void *mem = mmap(NULL, len, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int ret;

	if (mem == MAP_FAILED)
		return NULL;
	ret = dma_map(d, iova, len, mem);
	if (!ret)
		return mem;
	munmap(mem, len);
	errno = -ret;
	return NULL;
}

int vfio_dma_unmap(struct vfio *d, uint64_t iova, size_t len, void *mem)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap), .iova = iova, .size = len,
	};
	struct iommu_ioas_unmap iunmap = {
		.size = sizeof(iunmap), .ioas_id = d->ioas, .iova = iova,
		.length = len,
	};
	int ret;

	if (d->cdev)
		ret = vfio_ioctl(d->iommufd, IOMMU_IOAS_UNMAP, &iunmap);
	else
		ret = vfio_ioctl(d->container, VFIO_IOMMU_UNMAP_DMA, &unmap);
	munmap(mem, len);
	return ret;
}
