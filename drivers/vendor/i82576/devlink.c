// SPDX-License-Identifier: GPL-2.0-only
/*
 * devlink: what an administrator sees and sets
 *
 * Port 0 is the connector, port n + 1 is VF n. Commands arrive with the devlink
 * instance lock held. Each refusal says why and what to do.
 */
#include <compat/i82576.h>

#include "i82576.h"

/* A VF without a user retires at once; this is for a user on its way out. */
#define RETIRE_TIMEOUT		(5 * HZ)

static struct i82576_vf *to_vf(struct devlink_port *port)
{
	return container_of(port, struct i82576_vf, port);
}

static int info_get(struct devlink *devlink, struct devlink_info_req *req,
		    struct netlink_ext_ack *extack)
{
	struct i82576_pf *pf = devlink_priv(devlink);
	u64 serial = pci_get_dsn(pf->pdev);
	char text[32];
	int ret = 0;

	if (serial) {
		snprintf(text, sizeof(text), "%016llx", serial);
		ret = devlink_info_serial_number_put(req, text);
		if (ret)
			return ret;
	}

	guard(mutex)(&pf->lock);
	if (pf->down) {
		NL_SET_ERR_MSG(extack, "the device is being reset or is lost: no version can be read");
		return -EBUSY;
	}
	if (!i82576_nvm_board_id(pf, text, sizeof(text)))
		ret = devlink_info_version_fixed_put(req, DEVLINK_INFO_VERSION_GENERIC_BOARD_ID,
						     text);
	if (ret)
		return ret;
	i82576_nvm_version(pf, text, sizeof(text));
	if (text[0])
		ret = devlink_info_version_running_put(req, DEVLINK_INFO_VERSION_GENERIC_FW,
						       text);
	return ret;
}

static const struct devlink_ops i82576_devlink_ops = {
	.info_get = info_get,
};

static int port_hw_addr_get(struct devlink_port *port, u8 *hw_addr, int *len,
			    struct netlink_ext_ack *extack)
{
	struct i82576_vf *vf = to_vf(port);

	guard(mutex)(&vf->pf->lock);
	ether_addr_copy(hw_addr, vf->policy.mac);
	*len = ETH_ALEN;
	return 0;
}

/* The PCI function of a VF, whatever drives it, or NULL. To be put. */
static struct pci_dev *get_function(struct i82576_vf *vf)
{
	struct pci_dev *pdev = NULL;

	do {
		pdev = pci_get_device(PCI_VENDOR_ID_INTEL, I82576_VF_DEVICE_ID,
				      pdev);
	} while (pdev && (pci_physfn(pdev) != vf->pf->pdev ||
			  pci_iov_vf_id(pdev) != vf->index));
	return pdev;
}

/*
 * Name the driver of a function, "" if it has none. The function's lock is tried only:
 * who holds it may be waiting for devlink's, as the probe of a VF does.
 */
static int name_driver(struct pci_dev *pdev, char *name, size_t size,
		       struct netlink_ext_ack *extack)
{
	struct pci_driver *driver;

	if (!device_trylock(&pdev->dev)) {
		NL_SET_ERR_MSG_FMT(extack, "%s is just being bound, unbound or reset: try again",
				   pci_name(pdev));
		return -EBUSY;
	}
	driver = pci_dev_driver(pdev);
	strscpy(name, driver ? driver->name : "", size);
	device_unlock(&pdev->dev);
	return 0;
}

/*
 * Another driver runs the VF, here or for a guest (vfio-pci): it would go on with the
 * old address, and neither receive nor be let send. One that has not been through
 * VF_RESET will learn the new one.
 */
static int refuse_under_driver(struct i82576_vf *vf, struct netlink_ext_ack *extack)
{
	struct pci_dev *pdev = vf->policy.ready ? get_function(vf) : NULL;
	char name[32];
	int ret;

	if (!pdev)
		return 0;
	ret = name_driver(pdev, name, sizeof(name), extack);
	if (!ret && name[0]) {
		NL_SET_ERR_MSG_FMT(extack, "VF %u is in use by %s: shut down the guest that has it, or unbind it, first",
				   vf->index, name);
		ret = -EBUSY;
	}
	pci_dev_put(pdev);
	return ret;
}

static int port_hw_addr_set(struct devlink_port *port, const u8 *hw_addr,
			    int len, struct netlink_ext_ack *extack)
{
	struct i82576_vf *vf = to_vf(port);

	if (len != ETH_ALEN) {
		NL_SET_ERR_MSG(extack, "an Ethernet address has 6 bytes");
		return -EINVAL;
	}
	if (is_zero_ether_addr(hw_addr)) {
		NL_SET_ERR_MSG(extack, "the zero address cannot be used: give a unicast address");
		return -EINVAL;
	}
	if (is_multicast_ether_addr(hw_addr)) {
		NL_SET_ERR_MSG_FMT(extack, "%pM is a multicast address: give a unicast address",
				   hw_addr);
		return -EINVAL;
	}

	guard(mutex)(&vf->pf->lock);
	if (i82576_assign_refuse(vf, extack) || refuse_under_driver(vf, extack))
		return -EBUSY;
	if (i82576_vf_mac_taken(vf, hw_addr, false)) {
		NL_SET_ERR_MSG_FMT(extack, "%pM belongs to another VF of this device: give another one",
				   hw_addr);
		return -EADDRINUSE;
	}
	i82576_vf_set_admin_mac(vf, hw_addr);
	return 0;
}

static int port_migratable_get(struct devlink_port *port, bool *is_enable,
			       struct netlink_ext_ack *extack)
{
	struct i82576_vf *vf = to_vf(port);

	guard(mutex)(&vf->pf->lock);
	/* The VF is tried out each time it is bound, and may have turned out unfit. */
	*is_enable = vf->migratable && vf->can_migrate;
	return 0;
}

static int port_migratable_set(struct devlink_port *port, bool enable,
			       struct netlink_ext_ack *extack)
{
	struct i82576_vf *vf = to_vf(port);

	guard(mutex)(&vf->pf->lock);
	if (vf->assign) {
		NL_SET_ERR_MSG_FMT(extack, "VF %u is active: make it inactive first",
				   vf->index);
		return -EBUSY;
	}
	if (enable && !vf->pdev) {
		NL_SET_ERR_MSG_FMT(extack, "VF %u has another driver: bind it to " I82576_VF_NAME,
				   vf->index);
		return -ENODEV;
	}
	if (enable && !vf->can_migrate) {
		NL_SET_ERR_MSG(extack, "this device cannot start a queue in the middle of its ring: its VFs cannot be migrated");
		return -EOPNOTSUPP;
	}
	vf->migratable = enable;
	return 0;
}

static int port_state_get(struct devlink_port *port,
			  enum devlink_port_fn_state *state,
			  enum devlink_port_fn_opstate *opstate,
			  struct netlink_ext_ack *extack)
{
	struct i82576_vf *vf = to_vf(port);
	struct i82576_assign *assign;

	guard(mutex)(&vf->pf->lock);
	assign = vf->assign;
	*state = assign && !assign->retiring ? DEVLINK_PORT_FN_STATE_ACTIVE :
					       DEVLINK_PORT_FN_STATE_INACTIVE;
	*opstate = assign && vfio_pci_aux_attached(&assign->aux) ?
			   DEVLINK_PORT_FN_OPSTATE_ATTACHED :
			   DEVLINK_PORT_FN_OPSTATE_DETACHED;
	return 0;
}

/* Another driver has the VF, or none: say which. */
static int refuse_foreign(struct i82576_vf *vf, struct netlink_ext_ack *extack)
{
	struct pci_dev *pdev = get_function(vf);
	char name[32];
	int ret;

	if (!pdev) {
		NL_SET_ERR_MSG_FMT(extack, "VF %u is not there yet: try again",
				   vf->index);
		return -ENODEV;
	}
	ret = name_driver(pdev, name, sizeof(name), extack);
	if (!ret && name[0])
		NL_SET_ERR_MSG_FMT(extack, "%s is driven by %s: unbind it and bind it to %s",
				   pci_name(pdev), name, I82576_VF_NAME);
	else if (!ret)
		NL_SET_ERR_MSG_FMT(extack, "%s has no driver: bind it to " I82576_VF_NAME,
				   pci_name(pdev));
	pci_dev_put(pdev);
	return ret ?: -ENODEV;
}

static int port_activate(struct i82576_vf *vf, struct netlink_ext_ack *extack)
{
	scoped_guard(mutex, &vf->pf->lock) {
		if (vf->assign && !vf->assign->retiring)
			return 0;
		if (vf->assign) {
			NL_SET_ERR_MSG_FMT(extack, "VF %u is still waiting for its last user to let go of it",
					   vf->index);
			return -EBUSY;
		}
		if (vf->pf->lost) {
			NL_SET_ERR_MSG(extack, "the device is lost: reset its PCI function (sysfs), or remove it");
			return -EIO;
		}
	}
	/* Constant while the devlink instance lock is held. */
	if (!vf->pdev)
		return refuse_foreign(vf, extack);
	return i82576_assign_publish(vf, extack);
}

static int port_deactivate(struct i82576_vf *vf, struct netlink_ext_ack *extack)
{
	struct i82576_assign *assign;
	bool gone;

	assign = i82576_assign_retire(vf, false, extack);
	if (IS_ERR_OR_NULL(assign))
		return PTR_ERR_OR_ZERO(assign);
	/*
	 * A program may keep the VFIO device open without using the VF. The
	 * right to assign is withdrawn all the same; only its end takes longer.
	 */
	gone = i82576_assign_wait(assign, RETIRE_TIMEOUT);
	i82576_assign_put(assign);
	if (!gone)
		NL_SET_ERR_MSG_FMT(extack, "VF %u is withdrawn, but a program still has its VFIO device open",
				   vf->index);
	return 0;
}

static int port_state_set(struct devlink_port *port,
			  enum devlink_port_fn_state state,
			  struct netlink_ext_ack *extack)
{
	/* devlink lets no third state through. */
	if (state == DEVLINK_PORT_FN_STATE_ACTIVE)
		return port_activate(to_vf(port), extack);
	return port_deactivate(to_vf(port), extack);
}

static const struct devlink_port_ops vf_port_ops = {
	.port_fn_hw_addr_get = port_hw_addr_get,
	.port_fn_hw_addr_set = port_hw_addr_set,
	.port_fn_migratable_get = port_migratable_get,
	.port_fn_migratable_set = port_migratable_set,
	.port_fn_state_get = port_state_get,
	.port_fn_state_set = port_state_set,
};

static const struct devlink_port_ops connector_port_ops = {
};

/**
 * i82576_devlink_alloc - make a PF and the devlink instance around it
 * @pdev: physical function
 *
 * Return: the PF, or NULL. devlink_free() frees both.
 */
struct i82576_pf *i82576_devlink_alloc(struct pci_dev *pdev)
{
	struct devlink *devlink;
	struct i82576_pf *pf;

	devlink = devlink_alloc(&i82576_devlink_ops, sizeof(*pf), &pdev->dev);
	if (!devlink)
		return NULL;
	pf = devlink_priv(devlink);
	pf->devlink = devlink;
	pf->pdev = pdev;
	return pf;
}

static int port_register(struct i82576_pf *pf, struct devlink_port *port,
			 unsigned int index, const struct devlink_port_ops *ops)
{
	int ret;

	ret = devl_port_register_with_ops(pf->devlink, port, index, ops);
	if (!ret)
		compat_port_without_netdev(port);
	return ret;
}

/**
 * i82576_devlink_register - show the device and its connector to administrators
 * @pf: physical function that is up
 *
 * Return: 0 or a negative errno.
 */
int i82576_devlink_register(struct i82576_pf *pf)
{
	struct devlink_port_attrs attrs = {
		.flavour = DEVLINK_PORT_FLAVOUR_PHYSICAL,
		.phys.port_number = i82576_lan_id(pf),
	};
	int ret;

	devl_lock(pf->devlink);
	devlink_port_attrs_set(&pf->port, &attrs);
	ret = port_register(pf, &pf->port, 0, &connector_port_ops);
	if (!ret) {
		i82576_health_create(pf);
		ret = devl_register(pf->devlink);
		if (ret) {
			i82576_health_destroy(pf);
			devl_port_unregister(&pf->port);
		}
	}
	devl_unlock(pf->devlink);
	return ret;
}

/**
 * i82576_devlink_unregister - hide the device again
 * @pf: physical function without VFs
 */
void i82576_devlink_unregister(struct i82576_pf *pf)
{
	devl_lock(pf->devlink);
	devl_unregister(pf->devlink);
	i82576_health_destroy(pf);
	devl_port_unregister(&pf->port);
	devl_unlock(pf->devlink);
}

/**
 * i82576_devlink_add_vfs - a port for each VF
 * @pf: physical function; its devlink instance lock is held
 * @count: number of VFs, whose records exist
 *
 * Return: 0 or a negative errno; no port exists then.
 */
int i82576_devlink_add_vfs(struct i82576_pf *pf, unsigned int count)
{
	unsigned int n;
	int ret;

	devl_assert_locked(pf->devlink);
	for (n = 0; n < count; n++) {
		struct i82576_vf *vf = &pf->vf[n];

		devlink_port_attrs_pci_vf_set(&vf->port, 0,
					      PCI_FUNC(pf->pdev->devfn), n,
					      false);
		ret = port_register(pf, &vf->port, n + 1, &vf_port_ops);
		if (ret) {
			pci_err(pf->pdev, "no devlink port for VF %u (%d)\n", n,
				ret);
			i82576_devlink_del_vfs(pf, n);
			return ret;
		}
	}
	return 0;
}

/**
 * i82576_devlink_del_vfs - end of the VFs' ports
 * @pf: physical function; its devlink instance lock is held
 * @count: how many there are
 */
void i82576_devlink_del_vfs(struct i82576_pf *pf, unsigned int count)
{
	devl_assert_locked(pf->devlink);
	while (count--)
		devl_port_unregister(&pf->vf[count].port);
}
