/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between the kernels that the i82576 driver builds on
 *
 * Written, like everything under include/compat/, so that the code elsewhere is
 * the newest kernel's.
 */
#ifndef COMPAT_I82576_H
#define COMPAT_I82576_H

#include <linux/version.h>
#include <net/devlink.h>
#include <compat/pci.h>

/* A reporter's grace period became a member of its ops in 6.18. */
static inline struct devlink_health_reporter *
compat_health_reporter_create(struct devlink *devlink,
			      const struct devlink_health_reporter_ops *ops,
			      void *priv)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
	return devl_health_reporter_create(devlink, ops, priv);
#else
	return devl_health_reporter_create(devlink, ops, 0, priv);
#endif
}

/*
 * devlink reminds the driver of a port to attach a network interface to it within
 * an hour, and has no way to say that there will be none.
 */
static inline void compat_port_without_netdev(struct devlink_port *port)
{
	cancel_delayed_work_sync(&port->type_warn_dw);
}

#endif /* COMPAT_I82576_H */
