// SPDX-License-Identifier: GPL-2.0-only
/*
 * SR-IOV: VFs of an assigned physical function, and VF tokens
 *
 * Who has the physical function can do anything to its VFs. So when both are
 * given to user space, the users have to show that they trust each other: they
 * share a token, a UUID which the PF's user sets (VFIO_DEVICE_FEATURE_PCI_VF_TOKEN
 * in linux/vfio.h) and each VF's user names when he opens.
 */
#include <linux/notifier.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uuid.h>

#include "vpc.h"

/* Protects all struct vpc_sriov; nothing is called with it held. */
static DEFINE_MUTEX(vpc_sriov_lock);
static LIST_HEAD(vpc_sriov_pfs);

/* The state of a VF's physical function, if that is assignable itself. */
static struct vfio_pci_core_state *find_pf(struct vfio_pci_core_state *st)
{
	struct vfio_pci_core_state *pf;

	lockdep_assert_held(&vpc_sriov_lock);
	if (!st->pdev->is_virtfn)
		return NULL;

	list_for_each_entry(pf, &vpc_sriov_pfs, sriov.node)
		if (pf->pdev == pci_physfn(st->pdev))
			return pf;
	return NULL;
}

void vpc_sriov_register(struct vfio_pci_core_state *st)
{
	if (!st->pdev->is_physfn)
		return;

	/* Nobody knows the first token: until a user sets one, no VF opens. */
	guard(mutex)(&vpc_sriov_lock);
	uuid_gen(&st->sriov.token);
	list_add(&st->sriov.node, &vpc_sriov_pfs);
}

static void disable_vfs(struct vfio_pci_core_state *st)
{
	if (!pci_num_vf(st->pdev))
		return;

	pci_disable_sriov(st->pdev);
	vpc_power_unhold_d0(st);
	vpc_power_put(st);
}

void vpc_sriov_unregister(struct vfio_pci_core_state *st)
{
	if (!st->pdev->is_physfn)
		return;

	/* The VFs depend on the function that is going away. */
	disable_vfs(st);

	guard(mutex)(&vpc_sriov_lock);
	list_del_init(&st->sriov.node);
}

void vpc_sriov_open(struct vfio_pci_core_state *st)
{
	guard(mutex)(&vpc_sriov_lock);
	st->sriov.pf = find_pf(st);
	if (st->sriov.pf)
		st->sriov.pf->sriov.vf_users++;
}

void vpc_sriov_close(struct vfio_pci_core_state *st)
{
	guard(mutex)(&vpc_sriov_lock);
	if (st->sriov.pf)
		st->sriov.pf->sriov.vf_users--;
	st->sriov.pf = NULL;
}

/*
 * May a user open the device who shows @uuid, or no token if that is NULL?
 *
 *	function			token needed
 *	VF of an assignable PF		the PF's
 *	PF with VFs in use		the PF's
 *	PF without VFs in use		none; one that is given becomes the PF's
 *	anything else			none; one that is given is refused
 */
static int match_token(struct vfio_pci_core_state *st, const uuid_t *uuid)
{
	struct vfio_pci_core_state *pf;

	guard(mutex)(&vpc_sriov_lock);
	if (!list_empty(&st->sriov.node)) {
		pf = st;
	} else {
		pf = find_pf(st);
		if (!pf && !uuid)
			return 0;
		if (!pf) {
			pci_info_ratelimited(st->pdev, "open refused: a VF token was given, but none is needed; leave it out\n");
			return -EINVAL;
		}
	}

	if (pf == st && !pf->sriov.vf_users) {
		if (uuid)
			uuid_copy(&pf->sriov.token, uuid);
		return 0;
	}
	if (!uuid) {
		pci_info_ratelimited(st->pdev, "open refused: name the VF token that the user of %s has set\n",
				     pci_name(pf->pdev));
		return -EACCES;
	}
	if (!uuid_equal(uuid, &pf->sriov.token)) {
		pci_info_ratelimited(st->pdev, "open refused: the VF token is not the one that the user of %s has set\n",
				     pci_name(pf->pdev));
		return -EACCES;
	}
	return 0;
}

/**
 * vfio_pci_core_match - &vfio_device_ops.match of the library
 * @vdev: a device
 * @buf: what the user gave to VFIO_GROUP_GET_DEVICE_FD: the function's name,
 *	which may be followed by " vf_token=" and a UUID
 *
 * Context: called by vfio.ko for each device of a group; may sleep.
 * Return: 1 if @vdev is meant, 0 if not, -EINVAL for a malformed or unneeded
 * token, -EACCES for a token that is missing or wrong.
 */
int vfio_pci_core_match(struct vfio_device *vdev, char *buf)
{
	static const char option[] = "vf_token=";
	struct vfio_pci_core_state *st = vpc_state(vdev);
	size_t len = strlen(pci_name(st->pdev));
	bool given = false;
	uuid_t uuid;
	int ret;

	if (strncmp(pci_name(st->pdev), buf, len))
		return 0;
	buf += len;
	if (*buf && *buf != ' ')
		return 0;

	while (*(buf = skip_spaces(buf))) {
		if (given || strncmp(buf, option, strlen(option)))
			return -EINVAL;
		buf += strlen(option);
		ret = uuid_parse(buf, &uuid);
		if (ret)
			return ret;
		buf += UUID_STRING_LEN;
		given = true;
	}

	ret = match_token(st, given ? &uuid : NULL);
	return ret ? ret : 1;
}
EXPORT_SYMBOL_VPC(vfio_pci_core_match);

#ifdef VFIO_HAS_MATCH_TOKEN_UUID
/**
 * vfio_pci_core_match_token_uuid - &vfio_device_ops.match_token_uuid
 * @vdev: device that is being bound through its character device
 * @uuid: the token that the user gave, or NULL
 *
 * Context: called by vfio.ko with &vfio_device_set.lock held; may sleep.
 * Return: 0 if he may open it, -EINVAL for an unneeded token, -EACCES for one
 * that is missing or wrong.
 */
int vfio_pci_core_match_token_uuid(struct vfio_device *vdev, const uuid_t *uuid)
{
	return match_token(vpc_state(vdev), uuid);
}
EXPORT_SYMBOL_VPC(vfio_pci_core_match_token_uuid);
#endif

/* VFIO_DEVICE_FEATURE_PCI_VF_TOKEN: the PF's user sets the token. */
int vpc_sriov_feature_token(struct vfio_pci_core_state *st, u32 flags,
			    void __user *arg, size_t argsz)
{
	uuid_t uuid;
	int ret;

	if (!st->pdev->is_physfn)
		return -ENOTTY;
	ret = vfio_check_feature(flags, argsz, VFIO_DEVICE_FEATURE_SET,
				 sizeof(uuid));
	if (ret != 1)
		return ret;
	if (copy_from_user(&uuid, arg, sizeof(uuid)))
		return -EFAULT;

	guard(mutex)(&vpc_sriov_lock);
	uuid_copy(&st->sriov.token, &uuid);
	return 0;
}

/*
 * VFs of a function that is given to user space must not be probed by the
 * drivers of the host: they are meant for the same driver as the PF.
 */
static int capture_vf(struct notifier_block *nb, unsigned long action,
		      void *data)
{
	struct pci_dev *vf = to_pci_dev(data);
	struct vfio_pci_core_state *pf;
	struct device_driver *driver = NULL;

	if (action != BUS_NOTIFY_ADD_DEVICE || !vf->is_virtfn)
		return 0;

	scoped_guard(mutex, &vpc_sriov_lock)
		list_for_each_entry(pf, &vpc_sriov_pfs, sriov.node)
			if (pf->pdev == pci_physfn(vf))
				driver = pf->pdev->dev.driver;
	if (!driver)
		return 0;

	if (compat_set_driver_override(vf, driver->name))
		pci_err(vf, "%s: cannot keep it from the host's drivers\n",
			__func__);
	else
		pci_info(vf, "VF of an assignable function: only driver %s may bind; to change that, write driver_override\n",
			 driver->name);
	return 0;
}

static struct notifier_block capture_nb = { .notifier_call = capture_vf };

/**
 * vfio_pci_core_sriov_configure - change the number of VFs of a function
 * @core: registered device of a physical function
 * @nr_virtfn: VFs wanted, 0 to disable
 *
 * For the sriov_configure callback of the function's PCI driver, which must be
 * able to drive the VFs as well: they are captured for it by driver_override.
 *
 * Context: device lock of the function is held.
 * Return: @nr_virtfn or a negative errno.
 */
int vfio_pci_core_sriov_configure(struct vfio_pci_core_device *core,
				  int nr_virtfn)
{
	struct pci_dev *pdev = core->pdev;
	int ret;

	device_lock_assert(&pdev->dev);
	/* Users of VFs leave traces in what the functions have in common. */
	WRITE_ONCE(core->state->clean, false);
	if (!nr_virtfn) {
		disable_vfs(core->state);
		return 0;
	}

	/* VFs live on a function that must not go to sleep beneath them. */
	ret = vpc_power_get(core->state);
	if (ret)
		return ret;
	ret = vpc_power_hold_d0(core->state);
	if (ret)
		goto out_power;
	ret = pci_enable_sriov(pdev, nr_virtfn);
	if (!ret)
		return nr_virtfn;

	vpc_power_unhold_d0(core->state);
out_power:
	vpc_power_put(core->state);
	return ret;
}
EXPORT_SYMBOL_VPC(vfio_pci_core_sriov_configure);

int __init vpc_sriov_init(void)
{
	return bus_register_notifier(&pci_bus_type, &capture_nb);
}

void vpc_sriov_exit(void)
{
	bus_unregister_notifier(&pci_bus_type, &capture_nb);
}
