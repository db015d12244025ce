// SPDX-License-Identifier: GPL-2.0-only
/*
 * The right to assign a VF, as an auxiliary device
 *
 * An administrator's "state active" publishes it, "state inactive" or the end of
 * the VF retires it. This is the vendor driver's side of vfio_pci_aux.h.
 */
#include <linux/module.h>
#include <linux/slab.h>

#include "i82576.h"

static struct i82576_assign *to_assign(struct vfio_pci_aux_device *aux)
{
	return container_of(aux, struct i82576_assign, aux);
}

static int op_prepare(struct vfio_pci_aux_device *aux)
{
	struct i82576_assign *assign = to_assign(aux);
	struct i82576_pf *pf = assign->vf->pf;

	guard(mutex)(&pf->lock);
	if (assign->retiring || pf->lost)
		return -ENODEV;
	if (pf->down || assign->open)
		return -EBUSY;
	/* Refuses the unloading of this module while a user has the VF. */
	if (!try_module_get(THIS_MODULE))
		return -ENODEV;
	assign->open = true;
	assign->user_pid = task_tgid_nr(current);
	get_task_comm(assign->user_comm, current);
	i82576_vf_disown(assign->vf);
	i82576_vf_scrub(assign->vf);
	assign->vf->moved_out = false;
	return 0;
}

static void op_take_back(struct vfio_pci_aux_device *aux)
{
	struct i82576_assign *assign = to_assign(aux);
	struct i82576_vf *vf = assign->vf;

	scoped_guard(mutex, &vf->pf->lock)
		i82576_vf_disown(vf);
	/* -EIO: the device is down; it comes back scrubbed, or not at all. */
	i82576_vf_flr(vf, aux->pdev);
	scoped_guard(mutex, &vf->pf->lock)
		assign->open = false;
	module_put(THIS_MODULE);
}

static int op_reset(struct vfio_pci_aux_device *aux)
{
	return i82576_vf_flr(to_assign(aux)->vf, aux->pdev);
}

static int op_quiesce(struct vfio_pci_aux_device *aux,
		      enum vfio_pci_aux_quiesce level)
{
	struct i82576_vf *vf = to_assign(aux)->vf;

	guard(mutex)(&vf->pf->lock);
	return i82576_vf_quiesce(vf, level);
}

static int op_unquiesce(struct vfio_pci_aux_device *aux, bool full)
{
	struct i82576_vf *vf = to_assign(aux)->vf;

	guard(mutex)(&vf->pf->lock);
	return i82576_vf_unquiesce(vf, full);
}

static size_t op_state_size(struct vfio_pci_aux_device *aux)
{
	return i82576_state_size();
}

static ssize_t op_save_state(struct vfio_pci_aux_device *aux, void *buf,
			     size_t size)
{
	struct i82576_vf *vf = to_assign(aux)->vf;

	guard(mutex)(&vf->pf->lock);
	return i82576_state_save(vf, buf, size);
}

static int op_check_state(struct vfio_pci_aux_device *aux, const void *buf,
			  size_t size)
{
	struct i82576_vf *vf = to_assign(aux)->vf;

	guard(mutex)(&vf->pf->lock);
	return i82576_state_check(vf, buf, size);
}

static int op_load_state(struct vfio_pci_aux_device *aux, const void *buf,
			 size_t size)
{
	struct i82576_vf *vf = to_assign(aux)->vf;

	guard(mutex)(&vf->pf->lock);
	return i82576_state_load(vf, buf, size);
}

static size_t op_early_size(struct vfio_pci_aux_device *aux)
{
	return i82576_state_early_size();
}

static ssize_t op_save_early(struct vfio_pci_aux_device *aux, void *buf,
			     size_t size)
{
	struct i82576_vf *vf = to_assign(aux)->vf;

	guard(mutex)(&vf->pf->lock);
	return i82576_state_save_early(vf, buf, size);
}

static int op_check_early(struct vfio_pci_aux_device *aux, const void *buf,
			  size_t size)
{
	struct i82576_vf *vf = to_assign(aux)->vf;

	guard(mutex)(&vf->pf->lock);
	return i82576_state_check_early(vf, buf, size);
}

static const struct vfio_pci_aux_ops i82576_aux_ops = {
	.prepare = op_prepare,
	.take_back = op_take_back,
	.reset = op_reset,
	.quiesce = op_quiesce,
	.unquiesce = op_unquiesce,
	.state_size = op_state_size,
	.save_state = op_save_state,
	.check_state = op_check_state,
	.load_state = op_load_state,
	.early_size = op_early_size,
	.save_early = op_save_early,
	.check_early = op_check_early,
};

static void assign_release(struct device *dev)
{
	struct vfio_pci_aux_device *aux =
		to_vfio_pci_aux_device(to_auxiliary_dev(dev));

	mutex_destroy(&aux->lock);
	kfree(to_assign(aux));
}

/*
 * Off the bus. The VFIO driver's remove() may wait in there for its user, who has
 * been cut off from the hardware by going_away and asked to let go.
 */
static void assign_retire_work(struct work_struct *work)
{
	struct i82576_assign *assign =
		container_of(work, struct i82576_assign, retire);
	struct i82576_vf *vf = assign->vf;

	vfio_pci_aux_notify(&assign->aux, going_away);
	auxiliary_device_delete(&assign->aux.adev);
	scoped_guard(mutex, &vf->pf->lock) {
		if (!vf->pf->down)
			i82576_vf_scrub(vf);
		vf->assign = NULL;
	}
	complete_all(&assign->gone);
	auxiliary_device_uninit(&assign->aux.adev);
}

/*
 * Unique over all devices and the same for a slot at each boot. Segments above
 * 65535 exist only behind Intel VMD, where there are no network controllers.
 */
static int assign_id(struct pci_dev *pdev, u32 *id)
{
	int segment = pci_domain_nr(pdev->bus);

	if (segment < 0 || segment > U16_MAX)
		return -ERANGE;
	*id = (u32)segment << 16 | pci_dev_id(pdev);
	return 0;
}

static struct i82576_assign *assign_alloc(struct i82576_vf *vf,
					  struct netlink_ext_ack *extack)
{
	struct i82576_assign *assign;
	int ret;

	assign = kzalloc(sizeof(*assign), GFP_KERNEL);
	if (!assign)
		return ERR_PTR(-ENOMEM);
	assign->vf = vf;
	INIT_WORK(&assign->retire, assign_retire_work);
	init_completion(&assign->gone);
	vfio_pci_aux_init(&assign->aux, vf->pdev, &i82576_aux_ops);
	/* The wish is older than the trial if the VF was bound anew in between. */
	assign->aux.migratable = vf->migratable && vf->can_migrate;
	assign->aux.adev.name = I82576_AUX_NAME;
	assign->aux.adev.dev.release = assign_release;
	ret = assign_id(vf->pdev, &assign->aux.adev.id);
	if (!ret)
		ret = auxiliary_device_init(&assign->aux.adev);
	if (ret) {
		NL_SET_ERR_MSG_FMT(extack, "no auxiliary device can be made for %s",
				   pci_name(vf->pdev));
		kfree(assign);
		return ERR_PTR(ret);
	}
	return assign;
}

/**
 * i82576_assign_publish - make a VF assignable
 * @vf: virtual function bound to this module's VF driver; the devlink instance
 *	lock is held
 * @extack: says why not
 *
 * A VFIO driver that is loaded binds before this returns.
 *
 * Return: 0 or a negative errno.
 */
int i82576_assign_publish(struct i82576_vf *vf, struct netlink_ext_ack *extack)
{
	struct i82576_assign *assign;
	int ret;

	devl_assert_locked(vf->pf->devlink);
	scoped_guard(mutex, &vf->pf->lock) {
		/* Who is not there when a reset begins does not hear of it. */
		if (vf->pf->resetting) {
			NL_SET_ERR_MSG(extack, "the device is being reset or asleep: try again when it is up");
			return -EBUSY;
		}
		assign = assign_alloc(vf, extack);
		if (IS_ERR(assign))
			return PTR_ERR(assign);
		vf->assign = assign;
	}
	ret = auxiliary_device_add(&assign->aux.adev);
	if (!ret)
		return 0;

	NL_SET_ERR_MSG_FMT(extack, "auxiliary device %s.%s.%u cannot be added",
			   KBUILD_MODNAME, I82576_AUX_NAME, assign->aux.adev.id);
	scoped_guard(mutex, &vf->pf->lock)
		vf->assign = NULL;
	auxiliary_device_uninit(&assign->aux.adev);
	return ret;
}

/**
 * i82576_assign_refuse - refuse a command because the VF has a user
 * @vf: virtual function; the lock of its PF is held
 * @extack: names the user, if there is one
 *
 * Return: 0 if nobody uses the VF, else -EBUSY.
 */
int i82576_assign_refuse(struct i82576_vf *vf, struct netlink_ext_ack *extack)
{
	struct i82576_assign *assign = vf->assign;

	lockdep_assert_held(&vf->pf->lock);
	if (!assign || !assign->open)
		return 0;
	NL_SET_ERR_MSG_FMT(extack, "VF %u is in use by %s (pid %d): shut it down first",
			   vf->index, assign->user_comm, assign->user_pid);
	return -EBUSY;
}

/**
 * i82576_assign_retire - begin to take back the right to assign a VF
 * @vf: virtual function; the devlink instance lock is held
 * @force: also if a user has the VF
 * @extack: says who uses it; may be NULL
 *
 * On return no new user can come. What remains is done by a work item, since
 * it may have to wait for a user.
 *
 * Return: what to give to i82576_assign_wait() and i82576_assign_put(), NULL
 * if the VF is not assignable anyway, or -EBUSY.
 */
struct i82576_assign *i82576_assign_retire(struct i82576_vf *vf, bool force,
					   struct netlink_ext_ack *extack)
{
	struct i82576_assign *assign;

	devl_assert_locked(vf->pf->devlink);
	guard(mutex)(&vf->pf->lock);
	assign = vf->assign;
	if (!assign)
		return NULL;
	if (!force && i82576_assign_refuse(vf, extack))
		return ERR_PTR(-EBUSY);
	get_device(&assign->aux.adev.dev);
	if (!assign->retiring) {
		assign->retiring = true;
		queue_work(i82576_wq, &assign->retire);
	}
	return assign;
}

/**
 * i82576_assign_wait - wait for the end of a retirement
 * @assign: from i82576_assign_retire()
 * @timeout: in jiffies
 *
 * Return: true if the auxiliary device is gone and the VF is clean.
 */
bool i82576_assign_wait(struct i82576_assign *assign, unsigned long timeout)
{
	return wait_for_completion_timeout(&assign->gone, timeout);
}

/**
 * i82576_assign_put - let go of what i82576_assign_retire() returned
 * @assign: that
 */
void i82576_assign_put(struct i82576_assign *assign)
{
	put_device(&assign->aux.adev.dev);
}

/**
 * i82576_assign_event - tell the VFIO driver of a VF
 * @pf: physical function
 * @index: number of a VF that may not exist
 * @event: what
 *
 * Context: may sleep; the lock of the PF is not held.
 */
void i82576_assign_event(struct i82576_pf *pf, unsigned int index,
			 enum i82576_event event)
{
	struct i82576_assign *assign;

	scoped_guard(mutex, &pf->lock) {
		assign = index < pf->num_vfs ? pf->vf[index].assign : NULL;
		if (!assign)
			return;
		get_device(&assign->aux.adev.dev);
	}
	switch (event) {
	case I82576_EVENT_RESET_BEGIN:
		vfio_pci_aux_reset_begin(&assign->aux);
		break;
	case I82576_EVENT_RESET_DONE:
		vfio_pci_aux_reset_done(&assign->aux);
		break;
	case I82576_EVENT_ERROR:
		vfio_pci_aux_notify(&assign->aux, error);
		break;
	}
	i82576_assign_put(assign);
}
