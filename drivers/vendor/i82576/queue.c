// SPDX-License-Identifier: GPL-2.0-only
/*
 * Switching queues on and off
 *
 * Either takes the device some time: ENABLE reads back as written when it is done
 * (data sheet 4.5.9 and 4.5.10).
 */
#include <linux/iopoll.h>

#include "i82576.h"

#define POLL_US		20
#define TIMEOUT_US	10000

static bool switched(struct i82576_pf *pf, u32 reg, u32 enable)
{
	u32 value;

	return !read_poll_timeout(i82576_read, value,
				  (value & XDCTL_ENABLE) == enable, POLL_US,
				  TIMEOUT_US, false, pf, reg);
}

/**
 * i82576_queue_enable - let a queue work, if its control register says so
 * @pf: physical function; its lock is held
 * @reg: the queue's RXDCTL or TXDCTL
 * @value: for @reg; without %XDCTL_ENABLE the queue stays as it is, off
 *
 * Return: false if the queue does not come to life in time.
 */
bool i82576_queue_enable(struct i82576_pf *pf, u32 reg, u32 value)
{
	lockdep_assert_held(&pf->lock);
	i82576_write(pf, reg, value);
	return !(value & XDCTL_ENABLE) || switched(pf, reg, XDCTL_ENABLE);
}

/**
 * i82576_queue_disable - let a queue finish what it is doing, and no more
 * @pf: physical function; its lock is held
 * @reg: the queue's RXDCTL or TXDCTL
 *
 * Return: false, with a warning, if it did not in time, and may access memory still.
 */
bool i82576_queue_disable(struct i82576_pf *pf, u32 reg)
{
	lockdep_assert_held(&pf->lock);
	i82576_write(pf, reg, 0);
	if (switched(pf, reg, 0))
		return true;
	pci_warn(pf->pdev, "queue at %#x does not stop\n", reg);
	return false;
}
