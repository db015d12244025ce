// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device as a whole: reset, virtualisation, recovery
 *
 * The PF is a manager without a network interface: it has no rings and does no
 * DMA but its MSI-X messages. All eight pools are the VFs'; the last one is borrowed
 * for moments while it has no VF (announce.c).
 */
#include <kunit/visibility.h>
#include <linux/delay.h>
#include <linux/iopoll.h>

#include "i82576.h"

#define MASTER_TIMEOUT_US	80000
#define RESET_SETTLE_US		5000
#define NVM_TIMEOUT_US		20000

/* 4.2.1.6 and 5.2.3.3: no new requests, all completions in, then the reset. */
static int pf_reset(struct i82576_pf *pf)
{
	u32 value;

	i82576_irq_disable(pf);
	i82576_write(pf, REG_RCTL, 0);
	i82576_write(pf, REG_TCTL, TCTL_PSP);
	i82576_write(pf, REG_VFRE, 0);
	i82576_write(pf, REG_VFTE, 0);
	i82576_modify(pf, REG_CTRL, 0, CTRL_MASTER_DISABLE);
	if (read_poll_timeout(i82576_read, value, !(value & STATUS_MASTER_ENABLE),
			      100, MASTER_TIMEOUT_US, false, pf, REG_STATUS))
		pci_dbg(pf->pdev, "requests still pending at reset\n");

	i82576_modify(pf, REG_CTRL, 0, CTRL_RST);
	fsleep(RESET_SETTLE_US);
	if (read_poll_timeout(i82576_read, value, value & EEC_AUTO_RD, 1000,
			      NVM_TIMEOUT_US, false, pf, REG_EEC))
		pci_dbg(pf->pdev, "the NVM was not read after the reset\n");
	if (!i82576_health_answers(pf))
		return -EIO;
	i82576_irq_disable(pf);
	i82576_read(pf, REG_ICR);
	return 0;
}

/* The NVM's address is in the first receive address after a reset (8.10.19). */
static void pf_read_mac(struct i82576_pf *pf)
{
	u32 low = i82576_read(pf, REG_RAL(0)), high = i82576_read(pf, REG_RAH(0));
	unsigned int i;

	for (i = 0; i < ETH_ALEN; i++)
		pf->perm_mac[i] = i < 4 ? low >> (8 * i) : high >> (8 * (i - 4));
	if (!is_valid_ether_addr(pf->perm_mac))
		pci_warn(pf->pdev, "no address in the NVM: addresses of its VFs may not be unique\n");
}

/*
 * 7.10.3: pools are chosen by address and VLAN; broadcasts and multicasts go to
 * all pools that want them, and frames between VFs are switched inside the
 * device. What no VF wants is dropped. VFs may send only from their own addresses
 * and VLANs, and a full ring of one VF does not block the others (QDE). All pools
 * are enabled after a reset, so they are closed here: a VF opens its own.
 */
static void pf_virtualise(struct i82576_pf *pf)
{
	i82576_write(pf, REG_VFRE, 0);
	i82576_write(pf, REG_VFTE, 0);
	i82576_write(pf, REG_MRQC, MRQC_VMDQ);
	i82576_write(pf, REG_VT_CTL, VT_CTL_DIS_DEF_POOL | VT_CTL_REPLICATE);
	i82576_write(pf, REG_DTXSWC,
		     DTXSWC_LOOPBACK | DTXSWC_MACAS | DTXSWC_VLANAS);
	i82576_modify(pf, REG_DTXCTL, 0, DTXCTL_VLAN_ADDED);
	i82576_write(pf, REG_RPLOLR, VMOLR_STRVLAN | VMOLR_STRCRC);
	i82576_write(pf, REG_QDE, GENMASK(15, 0));
	i82576_write(pf, REG_RLPML, I82576_MAX_FRAME + VLAN_HLEN);
	i82576_write(pf, REG_RCTL, RCTL_RXEN | RCTL_LPE | RCTL_BAM | RCTL_VFE |
		     RCTL_SECRC);
	i82576_write(pf, REG_TCTL, TCTL_EN | TCTL_PSP |
		     FIELD_PREP(TCTL_CT, 15) | FIELD_PREP(TCTL_COLD, 64));
}

/* From any state to one in which VFs can go through VF_RESET. */
static int pf_start_locked(struct i82576_pf *pf)
{
	unsigned int n;
	int ret;

	lockdep_assert_held(&pf->lock);
	ret = pf_reset(pf);
	if (ret) {
		pci_err(pf->pdev, "does not answer after a reset\n");
		return ret;
	}
	if (is_zero_ether_addr(pf->perm_mac))
		pf_read_mac(pf);

	pf->down = false;
	pf->pending = 0;
	pf->link = false;
	pf_virtualise(pf);
	i82576_filter_restore(pf);
	for (n = 0; n < pf->num_vfs; n++)
		i82576_vf_reset_done(&pf->vf[n]);
	i82576_link_start(pf);
	/* The VFs learn from this that the reset is over (RSTI, RSTD). */
	i82576_modify(pf, REG_CTRL_EXT, 0, CTRL_EXT_PFRSTD | CTRL_EXT_DRV_LOAD);
	i82576_irq_enable(pf);
	return 0;
}

/**
 * i82576_pf_start - bring the device up
 * @pf: physical function with its interrupt requested
 *
 * Return: 0, or -EIO if the device does not answer.
 */
int i82576_pf_start(struct i82576_pf *pf)
{
	guard(mutex)(&pf->lock);
	return pf_start_locked(pf);
}

/**
 * i82576_pf_stop - bring the device to rest, VFs included
 * @pf: physical function
 *
 * Also at shutdown: no VF writes into the memory of the next kernel.
 */
void i82576_pf_stop(struct i82576_pf *pf)
{
	guard(mutex)(&pf->lock);
	if (pf->down)
		return;
	pf->down = true;
	i82576_irq_disable(pf);
	i82576_write(pf, REG_VFRE, 0);
	i82576_write(pf, REG_VFTE, 0);
	i82576_write(pf, REG_RCTL, 0);
	i82576_write(pf, REG_TCTL, TCTL_PSP);
	i82576_modify(pf, REG_CTRL_EXT, CTRL_EXT_DRV_LOAD, 0);
	i82576_flush(pf);
}

static void pf_event(struct i82576_pf *pf, enum i82576_event event)
{
	unsigned int n;

	for (n = 0; n < I82576_MAX_VFS; n++)
		i82576_assign_event(pf, n, event);
}

/*
 * A reset of the PF resets its VFs, and with them what the PCI core set up in
 * their configuration space. A VF that another driver has (igbvf, on the host) is
 * spared too, unless that driver comes or goes just now.
 */
static void pf_each_vf(struct i82576_pf *pf,
		       void (*fn)(struct pci_dev *pdev, struct i82576_vf *vf))
{
	struct pci_dev *pdev = NULL;
	int index;

	lockdep_assert_held(&pf->lock);
	while ((pdev = pci_get_device(PCI_VENDOR_ID_INTEL, I82576_VF_DEVICE_ID,
				      pdev))) {
		if (!pdev->is_virtfn || pci_physfn(pdev) != pf->pdev)
			continue;
		index = pci_iov_vf_id(pdev);
		if (index >= 0 && index < pf->num_vfs &&
		    pf->vf[index].pdev == pdev) {
			fn(pdev, &pf->vf[index]);
		} else if (device_trylock(&pdev->dev)) {
			fn(pdev, NULL);
			device_unlock(&pdev->dev);
		}
	}
}

static void vf_save(struct pci_dev *pdev, struct i82576_vf *vf)
{
	/* One that is being reset has been saved, and answers nothing of use. */
	if (!vf || !vf->in_flr)
		pci_save_state(pdev);
}

static void vf_restore(struct pci_dev *pdev, struct i82576_vf *vf)
{
	pci_restore_state(pdev);
}

static void pf_interrupt_vfs(struct i82576_pf *pf)
{
	unsigned int n;

	for (n = 0; n < pf->num_vfs; n++)
		i82576_vf_reset_begin(&pf->vf[n]);
}

/**
 * i82576_pf_reset_begin - the PCI function is about to be reset or put to sleep
 * @pf: physical function; the device lock is held
 *
 * On return nobody touches the device: no VFIO user of a VF, no interrupt, no
 * work. Balanced by i82576_pf_reset_done(), except when the device is lost.
 *
 * Context: pci_bus_sem may be held: the devlink instance lock must not be taken.
 */
void i82576_pf_reset_begin(struct i82576_pf *pf)
{
	/*
	 * From here on no VF becomes assignable, so that each user who is there
	 * hears of it, and devlink recovers nothing.
	 */
	scoped_guard(mutex, &pf->lock)
		pf->resetting = true;
	pf_event(pf, I82576_EVENT_RESET_BEGIN);
	mutex_lock(&pf->lock);
	pf_interrupt_vfs(pf);
	/* After an error nothing can be read: the states of before are used. */
	if (!pf->down && !pci_channel_offline(pf->pdev)) {
		pf_each_vf(pf, vf_save);
		i82576_irq_disable(pf);
	}
	pf->down = true;
	mutex_unlock(&pf->lock);
	disable_irq(pf->irq);
}

/**
 * i82576_pf_reset_done - the reset that i82576_pf_reset_begin() awaited is over
 * @pf: physical function with its configuration restored; the device lock is held
 *
 * Settings of the administrator are as before. VFs find the device as after a
 * reset and must go through VF_RESET, which their drivers do by themselves. A device
 * that was lost is not any more if it answers.
 *
 * Return: 0, or -EIO if the device is lost; users of VFs know then.
 */
int i82576_pf_reset_done(struct i82576_pf *pf)
{
	bool was_lost;
	unsigned int n;
	int ret;

	enable_irq(pf->irq);
	mutex_lock(&pf->lock);
	was_lost = pf->lost;
	for (n = 0; n < pf->num_vfs; n++)
		pf->vf[n].policy.ready = false;
	ret = pf_start_locked(pf);
	if (!ret) {
		pf->lost = false;
		pf_each_vf(pf, vf_restore);
	}
	pf->resetting = false;
	mutex_unlock(&pf->lock);

	if (ret)
		i82576_pf_lost(pf);
	else if (was_lost)
		i82576_health_restored(pf);
	pf_event(pf, I82576_EVENT_RESET_DONE);
	return ret;
}

/**
 * i82576_pf_give_up - no end of the reset comes that i82576_pf_reset_begin() awaited
 * @pf: physical function
 *
 * Who waits for it goes on with a lost device, which is not touched.
 */
void i82576_pf_give_up(struct i82576_pf *pf)
{
	i82576_pf_lost(pf);
	enable_irq(pf->irq);
	scoped_guard(mutex, &pf->lock)
		pf->resetting = false;
	pf_event(pf, I82576_EVENT_RESET_DONE);
}

static int pf_can_recover(struct i82576_pf *pf)
{
	lockdep_assert_held(&pf->lock);
	if (pf->resetting || pci_channel_offline(pf->pdev))
		return -EBUSY;
	return pf->down ? -EIO : 0;
}

/**
 * i82576_pf_recover - reset the device from within, without the PCI core
 * @pf: physical function; the devlink instance lock is held
 *
 * Return: 0, -EBUSY if a reset is under way anyway, -EIO if the device is lost.
 */
int i82576_pf_recover(struct i82576_pf *pf)
{
	int ret;

	devl_assert_locked(pf->devlink);
	/* What will not be reset is not announced: users would believe that it was. */
	scoped_guard(mutex, &pf->lock)
		ret = pf_can_recover(pf);
	if (ret)
		return ret;
	pf_event(pf, I82576_EVENT_RESET_BEGIN);
	mutex_lock(&pf->lock);
	ret = pf_can_recover(pf);
	if (!ret) {
		pf_interrupt_vfs(pf);
		ret = pf_start_locked(pf);
	}
	mutex_unlock(&pf->lock);
	pf_event(pf, I82576_EVENT_RESET_DONE);
	return ret;
}

static void pf_set_lost(struct i82576_pf *pf)
{
	lockdep_assert_held(&pf->lock);
	if (!pf->lost)
		pci_err(pf->pdev, "lost: its VFs do not work any more; reset its PCI function or remove it\n");
	pf->lost = true;
	pf->down = true;
}

/**
 * i82576_pf_lost - the device does not answer any more
 * @pf: physical function
 *
 * Tells the users of all VFs. From here on registers are left alone; only a reset of
 * the PCI function, or its removal, remains.
 */
void i82576_pf_lost(struct i82576_pf *pf)
{
	scoped_guard(mutex, &pf->lock)
		pf_set_lost(pf);
	pf_event(pf, I82576_EVENT_ERROR);
}

/**
 * i82576_pf_check_lost - is the device lost?
 * @pf: physical function
 *
 * One that is being reset, or with which the PCI core is busy after an error, does not
 * answer either; what becomes of that one is seen at the end of it.
 */
void i82576_pf_check_lost(struct i82576_pf *pf)
{
	scoped_guard(mutex, &pf->lock) {
		if (pf->down || pci_channel_offline(pf->pdev) ||
		    i82576_health_answers(pf))
			return;
		pf_set_lost(pf);
	}
	pf_event(pf, I82576_EVENT_ERROR);
}
EXPORT_SYMBOL_IF_KUNIT(i82576_pf_check_lost);
