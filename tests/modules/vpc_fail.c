// SPDX-License-Identifier: GPL-2.0-only
/*
 * vpc_fail: let a function of the kernel fail when one of our modules calls it
 *
 *	modprobe vpc_fail function=pci_enable_device within=vfio_pci_core retval=-5
 *
 * The kernel's own fail_function takes only functions that are marked for it, which
 * none of those is that a driver of PCI devices calls. Here a kprobe at the first
 * instruction sets the return value and goes to a function that only returns, so nothing
 * that the function does is done. It is told from where it is called by the return address,
 * so a function that ends in a jump to another one must not lie in between.
 *
 * Unloading the module ends it; its parameter hits says how often it has happened.
 */
#include <linux/atomic.h>
#include <linux/kallsyms.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/string.h>

static char *function;
module_param(function, charp, 0444);
MODULE_PARM_DESC(function, "Name of the function that fails");

static char *within;
module_param(within, charp, 0444);
MODULE_PARM_DESC(within, "Name of the module whose calls fail (with underscores)");

static long retval = -EIO;
module_param(retval, long, 0444);
MODULE_PARM_DESC(retval, "What the function returns (default -EIO)");

static int skip;
module_param(skip, int, 0444);
MODULE_PARM_DESC(skip, "So many calls go through before the first that fails (default 0)");

static int times = -1;
module_param(times, int, 0444);
MODULE_PARM_DESC(times, "So many calls fail, then all go through again (default: all fail)");

static atomic_t calls = ATOMIC_INIT(0);

static int get_hits(char *buf, const struct kernel_param *kp)
{
	int n = max(atomic_read(&calls) - skip, 0);

	return sysfs_emit(buf, "%d\n", times < 0 ? n : min(n, times));
}

static const struct kernel_param_ops hits_ops = { .get = get_hits };
module_param_cb(hits, &hits_ops, NULL, 0444);
MODULE_PARM_DESC(hits, "How often the function has failed");

/* "[name]" stands at the end of what a symbol of a module is called. */
static bool called_from(unsigned long address)
{
	char symbol[KSYM_SYMBOL_LEN], *name;
	size_t len = strlen(within);

	sprint_symbol(symbol, address);
	name = strrchr(symbol, '[');
	return name && !strncmp(name + 1, within, len) && name[1 + len] == ']';
}

/* The stack is as it was, since a probe that ftrace has placed cannot change that. */
static noinstr void only_return(void)
{
}

/* The return address is on top of the stack before the first instruction. */
static int entered(struct kprobe *probe, struct pt_regs *regs)
{
	unsigned long caller = *(unsigned long *)regs->sp;
	int nr;

	if (!called_from(caller))
		return 0;
	nr = atomic_inc_return(&calls);
	if (nr <= skip || (times >= 0 && nr > skip + times))
		return 0;
	regs->ax = retval;
	regs->ip = (unsigned long)only_return;
	return 1;
}

NOKPROBE_SYMBOL(entered);

/* Having one keeps the probe from being optimised to a jump, which could not return. */
static void passed(struct kprobe *probe, struct pt_regs *regs,
		   unsigned long flags)
{
}

NOKPROBE_SYMBOL(passed);

static struct kprobe probe = { .pre_handler = entered, .post_handler = passed };

static int __init vpc_fail_init(void)
{
	if (!function || !within)
		return -EINVAL;
	probe.symbol_name = function;
	return register_kprobe(&probe);
}
module_init(vpc_fail_init);

static void __exit vpc_fail_exit(void)
{
	unregister_kprobe(&probe);
}
module_exit(vpc_fail_exit);

MODULE_DESCRIPTION("Let functions of the kernel fail when the drivers call them");
MODULE_LICENSE("GPL");
