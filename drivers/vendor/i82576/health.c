// SPDX-License-Identifier: GPL-2.0-only
/*
 * devlink health: what went wrong, what the VFs did, and a way to recover
 */
#include <compat/i82576.h>

#include "i82576.h"

static int health_recover(struct devlink_health_reporter *reporter, void *ctx,
			  struct netlink_ext_ack *extack)
{
	struct i82576_pf *pf = devlink_health_reporter_priv(reporter);
	int ret = i82576_pf_recover(pf);

	if (ret == -EBUSY)
		NL_SET_ERR_MSG(extack, "a reset of the device is under way");
	else if (ret)
		NL_SET_ERR_MSG(extack, "the device is lost: reset its PCI function (sysfs), or remove it");
	return ret;
}

static void diagnose_vf(struct devlink_fmsg *fmsg, struct i82576_vf *vf)
{
	struct i82576_policy *policy = &vf->policy;

	devlink_fmsg_obj_nest_start(fmsg);
	devlink_fmsg_u32_pair_put(fmsg, "vf", vf->index);
	devlink_fmsg_bool_pair_put(fmsg, "ready", policy->ready);
	devlink_fmsg_u32_pair_put(fmsg, "extra_macs", policy->extra_count);
	devlink_fmsg_u32_pair_put(fmsg, "vlans", policy->vlan_count);
	devlink_fmsg_u32_pair_put(fmsg, "multicast_hashes", policy->hash_count);
	devlink_fmsg_bool_pair_put(fmsg, "all_multicast",
				   policy->all_multicast);
	devlink_fmsg_u32_pair_put(fmsg, "max_frame", policy->max_frame);
	devlink_fmsg_u64_pair_put(fmsg, "requests", vf->stats.requests);
	devlink_fmsg_u64_pair_put(fmsg, "refused", vf->stats.refused);
	devlink_fmsg_u64_pair_put(fmsg, "malformed", vf->stats.malformed);
	devlink_fmsg_u64_pair_put(fmsg, "throttled", vf->stats.throttled);
	devlink_fmsg_u64_pair_put(fmsg, "stuck", vf->stats.stuck);
	devlink_fmsg_u64_pair_put(fmsg, "spoofed", vf->stats.spoofed);
	devlink_fmsg_obj_nest_end(fmsg);
}

static int health_diagnose(struct devlink_health_reporter *reporter,
			   struct devlink_fmsg *fmsg,
			   struct netlink_ext_ack *extack)
{
	struct i82576_pf *pf = devlink_health_reporter_priv(reporter);
	unsigned int n;

	guard(mutex)(&pf->lock);
	devlink_fmsg_string_pair_put(fmsg, "state", pf->lost ? "lost" :
				     pf->down ? "in reset" : "up");
	devlink_fmsg_bool_pair_put(fmsg, "link", pf->link);
	devlink_fmsg_arr_pair_nest_start(fmsg, "vfs");
	for (n = 0; n < pf->num_vfs; n++)
		diagnose_vf(fmsg, &pf->vf[n]);
	devlink_fmsg_arr_pair_nest_end(fmsg);
	return 0;
}

/* Only registers that reading does not change. */
static const struct {
	const char *name;
	u32 reg;
} dump_regs[] = {
	{ "CTRL", REG_CTRL },
	{ "STATUS", REG_STATUS },
	{ "CTRL_EXT", REG_CTRL_EXT },
	{ "EIMS", REG_EIMS },
	{ "IVAR_MISC", REG_IVAR_MISC },
	{ "RCTL", REG_RCTL },
	{ "TCTL", REG_TCTL },
	{ "MRQC", REG_MRQC },
	{ "VT_CTL", REG_VT_CTL },
	{ "DTXSWC", REG_DTXSWC },
	{ "VFRE", REG_VFRE },
	{ "VFTE", REG_VFTE },
	{ "MBVFICR", REG_MBVFICR },
	{ "MBVFIMR", REG_MBVFIMR },
	{ "VFLRE", REG_VFLRE },
};

static void dump_reg(struct devlink_fmsg *fmsg, struct i82576_pf *pf,
		     const char *name, u32 reg)
{
	devlink_fmsg_u32_pair_put(fmsg, name, i82576_read(pf, reg));
}

static void dump_vf(struct devlink_fmsg *fmsg, struct i82576_pf *pf,
		    unsigned int n)
{
	devlink_fmsg_obj_nest_start(fmsg);
	devlink_fmsg_u32_pair_put(fmsg, "vf", n);
	dump_reg(fmsg, pf, "VMOLR", REG_VMOLR(n));
	dump_reg(fmsg, pf, "P2VMAILBOX", REG_P2VMAILBOX(n));
	dump_reg(fmsg, pf, "VMBMEM", REG_VMBMEM(n));
	dump_reg(fmsg, pf, "RXDCTL", REG_RXDCTL(n));
	dump_reg(fmsg, pf, "RDH", REG_RDH(n));
	dump_reg(fmsg, pf, "RDT", REG_RDT(n));
	dump_reg(fmsg, pf, "TXDCTL", REG_TXDCTL(n));
	dump_reg(fmsg, pf, "TDH", REG_TDH(n));
	dump_reg(fmsg, pf, "TDT", REG_TDT(n));
	devlink_fmsg_obj_nest_end(fmsg);
}

static int health_dump(struct devlink_health_reporter *reporter,
		       struct devlink_fmsg *fmsg, void *ctx,
		       struct netlink_ext_ack *extack)
{
	struct i82576_pf *pf = devlink_health_reporter_priv(reporter);
	unsigned int i;

	guard(mutex)(&pf->lock);
	if (pf->down) {
		NL_SET_ERR_MSG(extack, "the device is being reset or is lost: its registers cannot be read");
		return -EBUSY;
	}
	for (i = 0; i < ARRAY_SIZE(dump_regs); i++)
		dump_reg(fmsg, pf, dump_regs[i].name, dump_regs[i].reg);
	devlink_fmsg_arr_pair_nest_start(fmsg, "vfs");
	for (i = 0; i < pf->num_vfs; i++)
		dump_vf(fmsg, pf, i);
	devlink_fmsg_arr_pair_nest_end(fmsg);
	return 0;
}

/* Takes the way of a real error, beginning with the work of the PF. */
static int health_test(struct devlink_health_reporter *reporter,
		       struct netlink_ext_ack *extack)
{
	struct i82576_pf *pf = devlink_health_reporter_priv(reporter);

	guard(mutex)(&pf->lock);
	if (pf->down) {
		NL_SET_ERR_MSG(extack, "the device is being reset or is lost: try again when it is up");
		return -EBUSY;
	}
	pf->test_error = true;
	mod_delayed_work(i82576_wq, &pf->service, 0);
	return 0;
}

static const struct devlink_health_reporter_ops health_ops = {
	.name = "device",
	.recover = health_recover,
	.diagnose = health_diagnose,
	.dump = health_dump,
	.test = health_test,
};

/**
 * i82576_health_create - offer a health reporter
 * @pf: physical function; its devlink instance lock is held
 *
 * The device works without one.
 */
void i82576_health_create(struct i82576_pf *pf)
{
	struct devlink_health_reporter *reporter;

	reporter = compat_health_reporter_create(pf->devlink, &health_ops, pf);
	if (IS_ERR(reporter))
		pci_warn(pf->pdev, "no health reporter (%ld)\n", PTR_ERR(reporter));
	else
		pf->reporter = reporter;
}

/**
 * i82576_health_destroy - take the health reporter away
 * @pf: physical function; its devlink instance lock is held
 */
void i82576_health_destroy(struct i82576_pf *pf)
{
	if (pf->reporter)
		devl_health_reporter_destroy(pf->reporter);
	pf->reporter = NULL;
}

/**
 * i82576_health_answers - does the device answer?
 * @pf: physical function; its lock is held
 *
 * Reads that reach no device give ones. Tests let this fail.
 *
 * Return: whether.
 */
bool i82576_health_answers(struct i82576_pf *pf)
{
	lockdep_assert_held(&pf->lock);
	return i82576_read(pf, REG_STATUS) != U32_MAX;
}

/**
 * i82576_health_restored - a device that was lost is not any more
 * @pf: physical function
 *
 * Else devlink would not recover it from its next error.
 */
void i82576_health_restored(struct i82576_pf *pf)
{
	if (pf->reporter)
		devlink_health_reporter_state_update(pf->reporter,
						     DEVLINK_HEALTH_REPORTER_STATE_HEALTHY);
}

/**
 * i82576_health_report - the device failed
 * @pf: physical function
 * @what: continues the sentence "the device ..."
 *
 * Unless an administrator switched that off, devlink recovers the device at once.
 *
 * Context: the work of the PF; no lock is held.
 */
void i82576_health_report(struct i82576_pf *pf, const char *what)
{
	pci_err(pf->pdev, "the device %s\n", what);
	i82576_pf_check_lost(pf);
	if (pf->reporter)
		devlink_health_report(pf->reporter, what, pf);
}
