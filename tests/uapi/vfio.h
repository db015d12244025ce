/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VFIO devices for tests: open by address, regions, interrupts, DMA
 *
 * Functions that return int or ssize_t give a negative errno on failure, so that
 * a test can compare them with what the uAPI documents.
 */
#ifndef UAPI_VFIO_H
#define UAPI_VFIO_H

#include <linux/vfio.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Regions and interrupt indexes of PCI. The container, the group or the iommufd
 * belong to the device that was opened first: vfio_open_with() shares them.
 */
struct vfio {
	char bdf[16];
	bool cdev;
	bool shares;		/* container or iommufd belongs to another */
	bool shares_group;
	int container;
	int group;
	int group_id;
	int iommufd;
	uint32_t ioas;
	uint32_t devid;
	int fd;
	struct vfio_device_info info;
	struct vfio_region_info region[VFIO_PCI_NUM_REGIONS];
};

/* The device under test: open, no interrupts enabled, memory and I/O on. */
struct vfio *dut(void);
void dut_close(void);

int vfio_open(struct vfio *d, const char *bdf);
int vfio_open_with(struct vfio *d, const char *bdf, struct vfio *first,
		   const char *token);
void vfio_close(struct vfio *d);
int vfio_group_of(const char *bdf);
/* The function's file in /dev/vfio/devices, not bound to an iommufd yet */
int vfio_cdev_node(const char *bdf);

int vfio_ioctl(int fd, unsigned long cmd, void *arg);

/* Regions; @index VFIO_PCI_..._REGION_INDEX */
ssize_t vfio_read(struct vfio *d, unsigned int index, uint64_t off, void *buf,
		  size_t len);
ssize_t vfio_write(struct vfio *d, unsigned int index, uint64_t off,
		   const void *buf, size_t len);
int vfio_get_region(struct vfio *d, struct vfio_region_info *info);
struct vfio_region_info *vfio_get_region_caps(struct vfio *d, unsigned int index);
void *vfio_cap(void *info, uint32_t first, uint16_t id);
/* Whole accesses: the test is left if they fail. */
uint32_t bar_read32(struct vfio *d, unsigned int bar, uint64_t off);
void bar_write32(struct vfio *d, unsigned int bar, uint64_t off, uint32_t val);
/* Mapping of a range of a BAR; MAP_FAILED with errno if refused */
void *vfio_mmap(struct vfio *d, unsigned int index, uint64_t off, size_t len);
/* False if the access got SIGBUS */
bool peek32(const volatile void *addr, uint32_t *val);
bool poke32(volatile void *addr, uint32_t val);

/* Interrupts */
int vfio_irq_info(struct vfio *d, unsigned int index, struct vfio_irq_info *info);
unsigned int vfio_irq_count(struct vfio *d, unsigned int index);
int vfio_set_irqs(struct vfio *d, uint32_t flags, unsigned int index,
		  unsigned int start, unsigned int count, const void *data,
		  size_t len);
int vfio_irq_fds(struct vfio *d, unsigned int index, unsigned int start,
		 unsigned int count, const int *fds);
int vfio_irq_fd(struct vfio *d, unsigned int index, unsigned int vector, int fd);
int vfio_irq_off(struct vfio *d, unsigned int index);
/* @action: VFIO_IRQ_SET_ACTION_..., on one vector, with DATA_NONE */
int vfio_irq_do(struct vfio *d, unsigned int index, unsigned int vector,
		uint32_t action);
int efd_new(void);
uint64_t efd_count(int fd);
/* The event arrives within a second / does not arrive within 50 ms */
bool efd_fires(int fd);
bool efd_silent(int fd);

/* Features: VFIO_DEVICE_FEATURE with @len bytes of data in and out */
int vfio_feature(struct vfio *d, uint32_t flags, void *data, size_t len);

/* DMA: @len bytes of fresh memory at @iova; NULL if refused (errno) */
long vfio_iommu_type(void);
void *vfio_dma_map(struct vfio *d, uint64_t iova, size_t len);
int vfio_dma_unmap(struct vfio *d, uint64_t iova, size_t len, void *mem);

/* sysfs of the function: contents of a file / target's base name of a link */
int sysfs_read(const char *bdf, const char *file, void *buf, size_t len);
int sysfs_write(const char *bdf, const char *file, const char *text);
int sysfs_link(const char *bdf, const char *link, char *buf, size_t len);

/* A file in debugfs of a module of the tests; skips the test without the module */
int module_file(const char *module, const char *name, int flags);

#endif
