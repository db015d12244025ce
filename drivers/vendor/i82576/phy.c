// SPDX-License-Identifier: GPL-2.0-only
/*
 * Link: bring it up, watch it, tell the VFs
 *
 * Data sheet 3.5 (physical layers), 4.5.7 (link set-up), 4.7 (sharing the PHY and
 * the NVM with the firmware and the other port).
 */
#include <kunit/visibility.h>
#include <linux/delay.h>
#include <linux/iopoll.h>
#include <linux/mii.h>

#include "i82576.h"

#define PHY_ADDRESS		1
#define MDIC_TIMEOUT_US		2000
#define SYNC_TRIES		50
#define SYNC_DELAY_US		1000

/**
 * i82576_lan_id - which of the board's connectors is this?
 * @pf: physical function
 *
 * Return: number of the port, from 0.
 */
unsigned int i82576_lan_id(struct i82576_pf *pf)
{
	return FIELD_GET(STATUS_LAN_ID, i82576_read(pf, REG_STATUS));
}

/* 4.7.1: SMBI keeps other drivers out, SWESMBI the firmware. */
static int semaphore_get(struct i82576_pf *pf)
{
	unsigned int i;

	/* The read itself takes the semaphore when it returns 0. */
	for (i = 0; i < SYNC_TRIES; i++) {
		if (!(i82576_read(pf, REG_SWSM) & SWSM_SMBI))
			break;
		fsleep(SYNC_DELAY_US);
	}
	/* The owner died with it: nobody holds it for longer than this. */
	if (i == SYNC_TRIES)
		pci_dbg(pf->pdev, "took over a stale semaphore\n");

	for (i = 0; i < SYNC_TRIES; i++) {
		i82576_modify(pf, REG_SWSM, 0, SWSM_SWESMBI);
		if (i82576_read(pf, REG_SWSM) & SWSM_SWESMBI)
			return 0;
		fsleep(SYNC_DELAY_US);
	}
	i82576_modify(pf, REG_SWSM, SWSM_SMBI | SWSM_SWESMBI, 0);
	return -EBUSY;
}

static void semaphore_put(struct i82576_pf *pf)
{
	i82576_modify(pf, REG_SWSM, SWSM_SMBI | SWSM_SWESMBI, 0);
}

/**
 * i82576_sync_get - own the PHY or the NVM for a while
 * @pf: physical function; its lock is held
 * @what: SYNC_NVM or SYNC_PHY()
 *
 * Return: 0, or -EBUSY if firmware or another driver does not let go.
 */
int i82576_sync_get(struct i82576_pf *pf, u32 what)
{
	unsigned int i;
	int ret;
	u32 sync;

	lockdep_assert_held(&pf->lock);
	for (i = 0; i < SYNC_TRIES; i++) {
		ret = semaphore_get(pf);
		if (ret)
			return ret;
		sync = i82576_read(pf, REG_SW_FW_SYNC);
		if (!(sync & (what | what << SYNC_FW_SHIFT))) {
			i82576_write(pf, REG_SW_FW_SYNC, sync | what);
			semaphore_put(pf);
			return 0;
		}
		semaphore_put(pf);
		fsleep(SYNC_DELAY_US);
	}
	return -EBUSY;
}
EXPORT_SYMBOL_IF_KUNIT(i82576_sync_get);

/**
 * i82576_sync_put - let go of the PHY or the NVM
 * @pf: physical function; its lock is held
 * @what: as given to i82576_sync_get()
 */
void i82576_sync_put(struct i82576_pf *pf, u32 what)
{
	bool locked = !semaphore_get(pf);

	i82576_modify(pf, REG_SW_FW_SYNC, what, 0);
	if (locked)
		semaphore_put(pf);
}

static int mdic(struct i82576_pf *pf, u32 command, u32 *value)
{
	int ret;

	i82576_write(pf, REG_MDIC, command | FIELD_PREP(MDIC_PHY, PHY_ADDRESS));
	ret = read_poll_timeout(i82576_read, *value, *value & MDIC_READY, 50,
				MDIC_TIMEOUT_US, false, pf, REG_MDIC);
	if (!ret && (*value & MDIC_ERROR))
		ret = -EIO;
	return ret;
}

/* (Re)start autonegotiation of the internal PHY, which may be powered down. */
static int phy_start(struct i82576_pf *pf)
{
	u32 sync = SYNC_PHY(i82576_lan_id(pf)), bmcr;
	int ret;

	ret = i82576_sync_get(pf, sync);
	if (ret)
		return ret;
	ret = mdic(pf, MDIC_OP_READ | FIELD_PREP(MDIC_REG, MII_BMCR), &bmcr);
	if (!ret) {
		bmcr = FIELD_GET(MDIC_DATA, bmcr);
		bmcr &= ~(BMCR_PDOWN | BMCR_ISOLATE | BMCR_LOOPBACK);
		bmcr |= BMCR_ANENABLE | BMCR_ANRESTART;
		ret = mdic(pf, MDIC_OP_WRITE | FIELD_PREP(MDIC_REG, MII_BMCR) |
			   bmcr, &bmcr);
	}
	i82576_sync_put(pf, sync);
	return ret;
}

/**
 * i82576_link_start - set the link up; it comes when the partner answers
 * @pf: physical function that was reset; its lock is held
 *
 * Speed and duplex follow from the negotiation. With SGMII the PHY is outside of
 * the device and set up by the NVM's own sequence.
 */
void i82576_link_start(struct i82576_pf *pf)
{
	int ret = 0;

	lockdep_assert_held(&pf->lock);
	i82576_modify(pf, REG_CTRL, CTRL_FRCSPD | CTRL_FRCDPX | CTRL_VME,
		      CTRL_SLU);
	switch (FIELD_GET(CTRL_EXT_LINK_MODE, i82576_read(pf, REG_CTRL_EXT))) {
	case LINK_MODE_PHY:
		if (!i82576_link_up(pf))
			ret = phy_start(pf);
		break;
	case LINK_MODE_KX:
	case LINK_MODE_SERDES:
		i82576_modify(pf, REG_PCS_CFG, 0, PCS_CFG_ENABLE);
		i82576_modify(pf, REG_PCS_LCTL, 0,
			      PCS_LCTL_AN_ENABLE | PCS_LCTL_AN_RESTART);
		break;
	}
	if (ret)
		pci_warn(pf->pdev, "could not start the link negotiation (%d); left as the firmware set it\n",
			 ret);
}
EXPORT_SYMBOL_IF_KUNIT(i82576_link_start);

/**
 * i82576_link_up - is there a link?
 * @pf: physical function
 *
 * Return: whether.
 */
bool i82576_link_up(struct i82576_pf *pf)
{
	return i82576_read(pf, REG_STATUS) & STATUS_LU;
}

/**
 * i82576_link_watch - report a change of the link to the log and the VFs
 * @pf: physical function; its lock is held
 */
void i82576_link_watch(struct i82576_pf *pf)
{
	static const unsigned int speeds[] = { 10, 100, 1000, 1000 };
	u32 status = i82576_read(pf, REG_STATUS);
	bool up = status & STATUS_LU;
	unsigned int n;

	lockdep_assert_held(&pf->lock);
	if (up == pf->link)
		return;
	pf->link = up;
	if (up)
		pci_info(pf->pdev, "link up, %u Mb/s, %s duplex\n",
			 speeds[FIELD_GET(STATUS_SPEED, status)],
			 status & STATUS_FD ? "full" : "half");
	else
		pci_info(pf->pdev, "link down\n");
	for (n = 0; n < pf->num_vfs; n++)
		i82576_mbox_notify_link(&pf->vf[n]);
}
EXPORT_SYMBOL_IF_KUNIT(i82576_link_watch);
