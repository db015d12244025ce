// SPDX-License-Identifier: GPL-2.0-only
/*
 * Change of owner: bring a VF to rest and leave nothing of the last one in it; and
 * resets that come over an owner, who is told
 *
 * A reset of the function does not do that: rings, interrupt routing, masks and
 * moderation, and the mailbox memory survive it (seen on QEMU's model; the data
 * sheet, 4.2.2.3, promises less than all of them). The PF sees all these registers
 * and writes what they hold after power-on.
 */
#include <linux/delay.h>

#include "i82576.h"

/* 8.10.2 and 8.12.11: defaults of these registers */
#define SRRCTL_DEFAULT		0x00000400
#define RXCTL_DEFAULT		0x0000a200
#define TXCTL_DEFAULT		0x00002a00

/**
 * i82576_vf_halt - end all activity of a VF
 * @vf: virtual function; the lock of its PF is held
 *
 * Closes the gate first, so no new work arrives while queues finish theirs.
 *
 * Return: false if one of them did not finish in time.
 */
bool i82576_vf_halt(struct i82576_vf *vf)
{
	struct i82576_pf *pf = vf->pf;
	unsigned int i, n = vf->index;
	bool halted = true;

	lockdep_assert_held(&pf->lock);
	i82576_vf_open_gate(vf, false);
	i82576_write(pf, REG_PVTEIMC(n), PVT_VECTORS);
	for (i = 0; i < QUEUES_PER_VF; i++) {
		halted &= i82576_queue_disable(pf, REG_RXDCTL(QUEUE_OF(n, i)));
		halted &= i82576_queue_disable(pf, REG_TXDCTL(QUEUE_OF(n, i)));
	}
	return halted &&
	       (!vf->pdev || pci_wait_for_pending_transaction(vf->pdev));
}

static void scrub_queue(struct i82576_pf *pf, unsigned int q)
{
	i82576_write(pf, REG_RDBAL(q), 0);
	i82576_write(pf, REG_RDBAH(q), 0);
	i82576_write(pf, REG_RDLEN(q), 0);
	i82576_write(pf, REG_SRRCTL(q), SRRCTL_DEFAULT);
	i82576_write(pf, REG_RXCTL(q), RXCTL_DEFAULT);
	i82576_write(pf, REG_RDH(q), 0);
	i82576_write(pf, REG_RDT(q), 0);
	/* The counter of dropped frames clears when it is read. */
	i82576_read(pf, REG_RQDPC(q));

	i82576_write(pf, REG_TDBAL(q), 0);
	i82576_write(pf, REG_TDBAH(q), 0);
	i82576_write(pf, REG_TDLEN(q), 0);
	i82576_write(pf, REG_TXCTL(q), TXCTL_DEFAULT);
	i82576_write(pf, REG_TDWBAL(q), 0);
	i82576_write(pf, REG_TDWBAH(q), 0);
	i82576_write(pf, REG_TDH(q), 0);
	i82576_write(pf, REG_TDT(q), 0);
}

static void scrub_interrupts(struct i82576_pf *pf, unsigned int n)
{
	unsigned int i;

	i82576_write(pf, REG_PVTEIMC(n), PVT_VECTORS);
	i82576_write(pf, REG_PVTEIAC(n), 0);
	i82576_write(pf, REG_PVTEIAM(n), 0);
	/* QEMU: VTIVAR only adds to IVAR, which therefore is cleared itself. */
	i82576_write(pf, REG_IVAR(n), 0);
	i82576_write(pf, REG_VTIVAR(n), 0);
	i82576_write(pf, REG_VTIVAR_MISC(n), 0);
	for (i = 0; i < VF_VECTORS; i++)
		i82576_write(pf, REG_EITR(VF_FIRST_VECTOR(n) + i), 0);
}

/**
 * i82576_vf_scrub - bring a VF into the state of one that nobody has used
 * @vf: virtual function without a user; the lock of its PF is held
 *
 * What the administrator set for the VF stays.
 */
void i82576_vf_scrub(struct i82576_vf *vf)
{
	struct i82576_pf *pf = vf->pf;
	unsigned int i, n = vf->index;

	lockdep_assert_held(&pf->lock);
	i82576_vf_halt(vf);
	i82576_write(pf, REG_PVTCTRL(n), PVTCTRL_RST);
	i82576_flush(pf);
	i82576_vf_forget(vf);
	for (i = 0; i < QUEUES_PER_VF; i++)
		scrub_queue(pf, QUEUE_OF(n, i));
	i82576_write(pf, REG_PSRTYPE(n), 0);
	scrub_interrupts(pf, n);
	i82576_mbox_drain(vf);
	vf->rest = I82576_RUNNING;
	vf->interrupted = false;
	vf->announcements = 0;
	memset(&vf->stopped, 0, sizeof(vf->stopped));
	i82576_flush(pf);
}

/**
 * i82576_vf_reset_begin - a reset is coming that the VF's user did not ask for
 * @vf: virtual function; the lock of its PF is held
 */
void i82576_vf_reset_begin(struct i82576_vf *vf)
{
	struct i82576_pf *pf = vf->pf;

	lockdep_assert_held(&pf->lock);
	if (!vf->policy.ready || vf->interrupted)
		return;
	vf->interrupted = true;
	/* After an error nothing can be read: the driver has to look by itself. */
	vf->vtivar_misc = pf->down || pci_channel_offline(pf->pdev) ? 0 :
			  i82576_read(pf, REG_VTIVAR_MISC(vf->index));
}

/**
 * i82576_vf_reset_done - the reset is over
 * @vf: virtual function; the lock of its PF, which is up, is held
 *
 * The VF is as one that nobody has used, and its driver is told if there was one.
 */
void i82576_vf_reset_done(struct i82576_vf *vf)
{
	bool interrupted = vf->interrupted;

	lockdep_assert_held(&vf->pf->lock);
	i82576_vf_scrub(vf);
	if (interrupted) {
		i82576_mbox_notify_reset(vf, vf->vtivar_misc);
		i82576_mbox_signal_all(vf->pf);
	}
}

/**
 * i82576_vf_flr - function level reset of a VF, and scrub what it leaves
 * @vf: virtual function
 * @pdev: its PCI function, which nobody accesses
 *
 * Configuration space, including MSI-X, is as before afterwards.
 *
 * Context: sleeps for more than 100 ms; the lock of the PF is not held.
 * Return: 0, -EAGAIN while the PF is being reset, -EIO if it is lost, or as
 * pcie_flr().
 */
int i82576_vf_flr(struct i82576_vf *vf, struct pci_dev *pdev)
{
	bool locked;
	int ret;

	guard(mutex)(&vf->reset_lock);
	scoped_guard(mutex, &vf->pf->lock) {
		if (vf->pf->down)
			return vf->pf->lost ? -EIO : -EAGAIN;
		i82576_vf_halt(vf);
		/* A PF that is reset meanwhile restores what is saved here. */
		pci_save_state(pdev);
		vf->in_flr = true;
	}
	/* Keeps lspci and the like out, unless the caller did already. */
	locked = pci_cfg_access_trylock(pdev);
	ret = pcie_flr(pdev);
	pci_restore_state(pdev);
	if (locked)
		pci_cfg_access_unlock(pdev);
	if (ret)
		i82576_vf_msg(err, vf, "function level reset failed (%d)\n", ret);

	scoped_guard(mutex, &vf->pf->lock) {
		vf->in_flr = false;
		if (vf->pf->down)
			return vf->pf->lost ? -EIO : -EAGAIN;
		i82576_vf_scrub(vf);
	}
	return ret;
}
