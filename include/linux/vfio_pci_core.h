/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vfio_pci_core: a library of VFIO operations for PCI functions
 */
#ifndef LINUX_VFIO_PCI_CORE_H
#define LINUX_VFIO_PCI_CORE_H

#include <linux/pci.h>
#include <linux/vfio.h>
#include <compat/vfio_pci.h>

/**
 * DOC: using the library
 *
 * A VFIO driver embeds &struct vfio_pci_core_device as the first member of a
 * structure of its own, declares a &struct vfio_device_ops with a name and the
 * operations that it overrides, lets it inherit the rest, and registers::
 *
 *	static struct vfio_device_ops my_ops __ro_after_init = {
 *		.name		= "my-vfio-pci",
 *		.open_device	= my_open_device,
 *	};
 *
 *	module_init:	vfio_pci_core_inherit_ops(&my_ops);
 *	probe:		my = vfio_pci_core_alloc_device(my_device, core, pdev,
 *							&my_ops, &my_hooks);
 *			vfio_pci_core_register_device(&my->core);
 *	remove:		vfio_pci_core_unregister_device(&my->core);
 *			vfio_put_device(&my->core.vdev);
 *
 * Inheriting happens at run time, so an operation that the library learns later
 * is offered by every driver without a change to any.
 *
 * An overriding operation calls the library's function of the same name where it
 * wants the inherited behaviour. The library never touches the function's
 * drvdata, its driver's pm operations or its driver's name.
 */

struct vfio_pci_core_device;
struct vfio_pci_core_state;

/**
 * struct vfio_pci_core_hooks - where the library asks its driver
 *
 * All members are optional.
 */
struct vfio_pci_core_hooks {
	/**
	 * @owner: module that stays loaded while the device is open. vfio.ko
	 * itself pins the driver of the PCI function, so this is for drivers
	 * that are bound to something else.
	 */
	struct module *owner;

	/**
	 * @reset: reset the function in place of pci_try_reset_function().
	 * All accesses of the user are stopped. Config space has to be as before
	 * on return. May sleep.
	 *
	 * Return: 0; -EAGAIN if the function has not been touched; another negative
	 * errno. The user gets it.
	 */
	int (*reset)(struct vfio_pci_core_device *core);

	/**
	 * @reset_done: the function has been reset, for whatever reason, and the
	 * user's accesses are about to go on. May sleep, must not call back
	 * into the library.
	 */
	void (*reset_done)(struct vfio_pci_core_device *core);
};

/**
 * struct vfio_pci_core_device - a PCI function given to user space
 * @vdev: the VFIO device; its parent is the PCI function
 * @pdev: the PCI function
 * @hooks: where the library asks the driver, or NULL
 * @state: the library's, private
 *
 * First member of the driver's own structure. Lives from
 * vfio_pci_core_alloc_device() until the last reference to @vdev is put.
 */
struct vfio_pci_core_device {
	struct vfio_device vdev;
	struct pci_dev *pdev;
	const struct vfio_pci_core_hooks *hooks;
	struct vfio_pci_core_state *state;
};

/**
 * to_vfio_pci_core - the library's view of a VFIO device
 * @vdev: VFIO device that vfio_pci_core_alloc_device() made
 *
 * Return: the structure that embeds @vdev.
 */
static inline struct vfio_pci_core_device *
to_vfio_pci_core(struct vfio_device *vdev)
{
	return container_of(vdev, struct vfio_pci_core_device, vdev);
}

/**
 * vfio_pci_core_alloc_device - allocate a driver's device structure
 * @dev_struct: type that has a &struct vfio_pci_core_device as first member
 * @member: name of that member
 * @_pdev: the PCI function
 * @_ops: ops table that went through vfio_pci_core_inherit_ops()
 * @_hooks: &struct vfio_pci_core_hooks or NULL
 *
 * Context: probe of the driver; may sleep.
 * Return: pointer to a zeroed @dev_struct with one reference, to be put with
 * vfio_put_device(), or ERR_PTR().
 */
#define vfio_pci_core_alloc_device(dev_struct, member, _pdev, _ops, _hooks)	\
({										\
	struct dev_struct *__new = vfio_alloc_device(dev_struct, member.vdev,	\
						     &(_pdev)->dev, _ops);	\
										\
	if (!IS_ERR(__new))							\
		__new->member.hooks = (_hooks);					\
	__new;									\
})

/* Life cycle: device.c */
void vfio_pci_core_inherit_ops(struct vfio_device_ops *ops);
int vfio_pci_core_init_device(struct vfio_device *vdev);
void vfio_pci_core_release_device(struct vfio_device *vdev);
int vfio_pci_core_register_device(struct vfio_pci_core_device *core);
void vfio_pci_core_unregister_device(struct vfio_pci_core_device *core);
int vfio_pci_core_open_device(struct vfio_device *vdev);
void vfio_pci_core_close_device(struct vfio_device *vdev);
void vfio_pci_core_request(struct vfio_device *vdev, unsigned int count);

/* Operations on an open device */
long vfio_pci_core_ioctl(struct vfio_device *vdev, unsigned int cmd,
			 unsigned long arg);
int vfio_pci_core_device_feature(struct vfio_device *vdev, u32 flags,
				 void __user *arg, size_t argsz);
ssize_t vfio_pci_core_read(struct vfio_device *vdev, char __user *buf,
			   size_t count, loff_t *ppos);
ssize_t vfio_pci_core_write(struct vfio_device *vdev, const char __user *buf,
			    size_t count, loff_t *ppos);
int vfio_pci_core_mmap(struct vfio_device *vdev, struct vm_area_struct *vma);
int vfio_pci_core_match(struct vfio_device *vdev, char *buf);
#ifdef VFIO_HAS_MATCH_TOKEN_UUID
int vfio_pci_core_match_token_uuid(struct vfio_device *vdev, const uuid_t *uuid);
#endif
#ifdef VFIO_HAS_REGION_INFO_CAPS
int vfio_pci_core_get_region_info_caps(struct vfio_device *vdev,
				       struct vfio_region_info *info,
				       struct vfio_info_cap *caps);
#endif

/* Gate between the user and the function: gate.c */
void vfio_pci_core_reset_begin(struct vfio_pci_core_device *core);
void vfio_pci_core_reset_end(struct vfio_pci_core_device *core);
void vfio_pci_core_make_inert(struct vfio_pci_core_device *core);

/* Errors: irq.c */
void vfio_pci_core_signal_error(struct vfio_pci_core_device *core);
bool vfio_pci_core_signal_request(struct vfio_pci_core_device *core);

/* For the PCI driver of a function: power.c, idle.c, sriov.c */
int vfio_pci_core_runtime_suspend(struct vfio_pci_core_device *core);
int vfio_pci_core_runtime_resume(struct vfio_pci_core_device *core);
void vfio_pci_core_let_sleep(struct vfio_pci_core_device *core);
void vfio_pci_core_keep_awake(struct vfio_pci_core_device *core);
int vfio_pci_core_sriov_configure(struct vfio_pci_core_device *core, int nr_virtfn);

/**
 * struct vfio_pci_core_trap_ops - accesses of the user to a range of a BAR
 *
 * Called in place of the access to the hardware, with the function's memory
 * enabled and no reset in progress. @offset is relative to the BAR. May sleep, but
 * not touch memory of the user: the gate is held.
 */
struct vfio_pci_core_trap_ops {
	/**
	 * @read: the user reads @len (1, 2, 4 or 8) bytes at @offset, which is a
	 * multiple of @len. Return: 0 or a negative errno.
	 */
	int (*read)(struct vfio_pci_core_device *core, u64 offset,
		    unsigned int len, u64 *val);

	/**
	 * @write: the user writes @len (1, 2, 4 or 8) bytes at @offset, which is
	 * a multiple of @len. Return: 0 or a negative errno.
	 */
	int (*write)(struct vfio_pci_core_device *core, u64 offset,
		     unsigned int len, u64 val);
};

/* BAR access: bar.c, trap.c */
void __iomem *vfio_pci_core_bar_map(struct vfio_pci_core_device *core, int bar);
int vfio_pci_core_bar_read(struct vfio_pci_core_device *core, int bar,
			   u64 offset, u32 *value);
int vfio_pci_core_trap(struct vfio_pci_core_device *core, int bar, u64 start,
		       u64 len, const struct vfio_pci_core_trap_ops *ops);

/**
 * struct vfio_pci_core_region_ops - a region that a driver adds
 *
 * @data is what vfio_pci_core_add_region() was given. These pass no gate: the function
 * may be in a reset, have its memory off, or have left. Its registers are read with
 * vfio_pci_core_bar_read(), which looks.
 */
struct vfio_pci_core_region_ops {
	/**
	 * @rw: the user reads or writes @count bytes at @offset of the region,
	 * within its size. Mandatory. The function is resumed; may sleep. Return:
	 * bytes moved or a negative errno.
	 */
	ssize_t (*rw)(struct vfio_pci_core_device *core, void *data,
		      char __user *buf, size_t count, u64 offset, bool write);

	/**
	 * @mmap: map the region; only with VFIO_REGION_INFO_FLAG_MMAP. Called with
	 * the user's mmap_lock held. Return: 0 or a negative errno.
	 */
	int (*mmap)(struct vfio_pci_core_device *core, void *data,
		    struct vm_area_struct *vma, u64 offset);

	/** @add_caps: add region info capabilities beyond TYPE. Optional. */
	int (*add_caps)(struct vfio_pci_core_device *core, void *data,
			struct vfio_info_cap *caps);

	/**
	 * @release: the device is closed; free @data. Optional. Called with
	 * vfio_device_set.lock held.
	 */
	void (*release)(struct vfio_pci_core_device *core, void *data);
};

/* Device-specific regions: region.c */
int vfio_pci_core_add_region(struct vfio_pci_core_device *core, u32 type,
			     u32 subtype, const struct vfio_pci_core_region_ops *ops,
			     size_t size, u32 flags, void *data);

/**
 * struct vfio_pci_core_policy - choices of the administrator
 *
 * Module parameters of vfio-pci-core, and for compatibility of vfio-pci too.
 *
 * @nointxmask: do not use DisINTx masking, as if no device had it
 * @disable_vga: offer no VGA region
 * @disable_idle_d3: keep closed devices in D0
 */
struct vfio_pci_core_policy {
	bool nointxmask;
	bool disable_vga;
	bool disable_idle_d3;
};

void vfio_pci_core_add_policy(const struct vfio_pci_core_policy *policy);

#ifdef CONFIG_VPC_DMABUF
/* For iommufd, which looks it up by name: dmabuf.c */
struct dma_buf_attachment;
int vfio_pci_dma_buf_iommufd_map(struct dma_buf_attachment *attachment,
				 struct phys_vec *phys);
#endif

#endif /* LINUX_VFIO_PCI_CORE_H */
