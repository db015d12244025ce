// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the library knows of a device, for whoever has to find out why it does what
 * it does: /sys/kernel/debug/vfio-pci-core/BDF/
 *
 *	gate		may the user reach the function, and why not
 *	config		each dword of config space: who answers, and what
 *	interrupts	what is set up
 *	regions		BARs, traps, regions of drivers, what is mapped
 *	migration	state, data session, dirty tracking
 *
 * The files are there from the function's registration to its end, whether anybody
 * has it open or not. A file that is open when they go away fails from then on;
 * debugfs waits for readers that are in one of the functions below, so none of these
 * waits for what an unregistering driver holds. They change nothing: a function that
 * sleeps is not woken to be looked at, one that is being reset is let alone.
 *
 * "gate" takes no lock that is held across a reset, so that it answers when nothing
 * else does.
 */
#include <linux/debugfs.h>
#include <linux/pagemap.h>
#include <linux/pm_runtime.h>
#include <linux/seq_file.h>

#include "config.h"
#include "irq.h"
#include "migration.h"
#include "region.h"
#include "vpc.h"

static struct dentry *vpc_debugfs_root;

static const char *yes_no(bool yes)
{
	return yes ? "yes" : "no";
}

/* ---- gate ---- */

static void show_asleep(struct seq_file *m, unsigned int asleep)
{
	seq_printf(m, "asleep: %s%s%s\n", asleep ? "" : "no",
		   asleep & VPC_ASLEEP_LOW_POWER ? "low-power " : "",
		   asleep & VPC_ASLEEP_PMCSR ? "pmcsr" : "");
}

static void show_power(struct seq_file *m, struct vfio_pci_core_state *st)
{
	guard(mutex)(&st->power.lock);
	seq_printf(m, "low power: %s%s\n",
		   st->power.engaged ? "entered" : "not entered",
		   st->power.wake ? ", wakeup eventfd" : "");
	seq_printf(m, "runtime PM: %s, %s\n",
		   pm_runtime_suspended(&st->pdev->dev) ? "suspended" : "active",
		   pci_power_name(st->pdev->current_state));
}

static int gate_show(struct seq_file *m, void *unused)
{
	struct vfio_pci_core_state *st = m->private;

	scoped_guard(rwsem_read, &st->gate.lock) {
		seq_printf(m, "open: %s\n", yes_no(st->config.map.shadow));
		seq_printf(m, "memory: %s\n", st->config.memory_on ? "on" : "off");
		seq_printf(m, "resets: %u\n", st->gate.resets);
		seq_printf(m, "blocked: %s\n", yes_no(st->gate.blocked));
		seq_printf(m, "inert: %s\n", yes_no(st->gate.inert));
		show_asleep(m, st->gate.asleep);
	}
	show_power(m, st);
	seq_printf(m, "reset: %s\n", st->reset_works ? "works" : "none");
	seq_printf(m, "reset missing: %s\n", yes_no(st->needs_reset));
	seq_printf(m, "unregistering: %s\n", yes_no(st->unregistering));
	if (st->pdev->is_physfn)
		seq_printf(m, "VFs: %d, in use: %u\n", pci_num_vf(st->pdev),
			   READ_ONCE(st->sriov.vf_users));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(gate);

/* ---- config: one line a dword ---- */

static const char * const block_names[] = {
	[VPC_BLOCK_HEADER]		= "header",
	[VPC_BLOCK_HEADER_NO_MEM]	= "header",
	[VPC_BLOCK_PM]			= "PM",
	[VPC_BLOCK_VPD]			= "VPD",
	[VPC_BLOCK_MSI]			= "MSI",
	[VPC_BLOCK_MSI_32]		= "MSI",
	[VPC_BLOCK_MSI_64]		= "MSI",
	[VPC_BLOCK_MSI_MASK_32]		= "MSI",
	[VPC_BLOCK_MSI_MASK_64]		= "MSI",
	[VPC_BLOCK_VNDR]		= "VNDR",
	[VPC_BLOCK_PCIX]		= "PCIX",
	[VPC_BLOCK_EXP]			= "EXP",
	[VPC_BLOCK_EXP_VF]		= "EXP",
	[VPC_BLOCK_MSIX]		= "MSIX",
	[VPC_BLOCK_AF]			= "AF",
	[VPC_BLOCK_AER]			= "AER",
	[VPC_BLOCK_PWR]			= "PWR",
	[VPC_BLOCK_VSEC]		= "VSEC",
	[VPC_BLOCK_DVSEC]		= "DVSEC",
};

static const char * const generic_names[VPC_NUM_GENERIC] = {
	[VPC_REG_NONE]		= "?",
	[VPC_REG_HIDDEN]	= "hidden",
	[VPC_REG_CONST]		= "constant",
	[VPC_REG_LIVE]		= "read-only",
	[VPC_REG_LIVE_HEAD]	= "read-only",
	[VPC_REG_RAW]		= "raw",
};

static void *config_start(struct seq_file *m, loff_t *pos)
{
	struct vfio_pci_core_state *st = m->private;

	if (*pos > st->pdev->cfg_size / 4)
		return NULL;
	/* Zero is the heading. */
	return (void *)(uintptr_t)(*pos + 1);
}

static void *config_next(struct seq_file *m, void *v, loff_t *pos)
{
	++*pos;
	return config_start(m, pos);
}

static void config_stop(struct seq_file *m, void *v)
{
}

/* Read the hardware if that disturbs nobody. The gate is held. */
static bool look(struct vfio_pci_core_state *st, unsigned int offset, u32 *val)
{
	struct device *dev = &st->pdev->dev;
	bool ok;

	if (st->gate.blocked || st->gate.inert || pm_runtime_get_if_active(dev) <= 0)
		return false;
	ok = !pci_read_config_dword(st->pdev, offset, val);
	pm_runtime_put(dev);
	return ok;
}

static void show_name(struct seq_file *m, unsigned int rule)
{
	const struct vpc_reg *reg = &vpc_regs[rule];
	char name[16];

	if (rule < VPC_NUM_GENERIC)
		strscpy(name, generic_names[rule]);
	else
		snprintf(name, sizeof(name), "%s+%02x", block_names[reg->block],
			 reg->offset);
	seq_printf(m, "%-12s", name);
}

static int config_show(struct seq_file *m, void *v)
{
	struct vfio_pci_core_state *st = m->private;
	unsigned int nr = (uintptr_t)v - 1;
	const struct vpc_config_map *map = &st->config.map;
	const struct vpc_reg *reg;
	u32 hw = 0;

	if (!nr--) {
		seq_puts(m, "offset register    user     hardware virtual  writable clears\n");
		return 0;
	}

	guard(rwsem_read)(&st->gate.lock);
	/* Nobody has it open, so there is nobody to have a view. */
	if (!map->shadow || nr >= map->size / 4)
		return SEQ_SKIP;
	reg = &vpc_regs[map->rule[nr]];
	seq_printf(m, "%06x ", 4 * nr);
	show_name(m, map->rule[nr]);
	if (look(st, 4 * nr, &hw))
		seq_printf(m, "%08x %08x", vpc_reg_view(reg, hw, map->shadow[nr]), hw);
	else
		seq_printf(m, "%08x -       ", map->shadow[nr] & reg->virt);
	seq_printf(m, " %08x %08x %08x\n", reg->virt, reg->write, reg->clear);
	return 0;
}

static const struct seq_operations config_sops = {
	.start	= config_start,
	.next	= config_next,
	.stop	= config_stop,
	.show	= config_show,
};
DEFINE_SEQ_ATTRIBUTE(config);

/* ---- interrupts ---- */

static const char * const index_names[VFIO_PCI_NUM_IRQS] = {
	[VFIO_PCI_INTX_IRQ_INDEX]	= "INTx",
	[VFIO_PCI_MSI_IRQ_INDEX]	= "MSI",
	[VFIO_PCI_MSIX_IRQ_INDEX]	= "MSI-X",
	[VFIO_PCI_ERR_IRQ_INDEX]	= "ERR",
	[VFIO_PCI_REQ_IRQ_INDEX]	= "REQ",
};

static void show_intx(struct seq_file *m, struct vpc_irqs *irqs)
{
	unsigned int masks, sleeps;

	scoped_guard(spinlock_irq, &irqs->slock) {
		masks = irqs->intx_masks;
		sleeps = irqs->intx_sleeps;
	}
	seq_printf(m, "masked by:%s%s%s%s%s\n", masks ? "" : " nothing",
		   masks & VPC_INTX_BY_USER ? " user" : "",
		   masks & VPC_INTX_BY_COMMAND ? " command" : "",
		   masks & VPC_INTX_BY_SLEEP ? " sleep" : "",
		   masks & VPC_INTX_BY_DETACH ? " detached" : "");
	seq_printf(m, "suspended: %u\n", sleeps);
}

static void show_vectors(struct seq_file *m, struct vfio_pci_core_state *st)
{
	unsigned long vector;
	void *entry;

	xa_for_each(&st->irqs.ctx, vector, entry)
		seq_printf(m, "vector %lu: irq %d\n", vector,
			   pci_irq_vector(st->pdev, vector));
}

static int interrupts_show(struct seq_file *m, void *unused)
{
	struct vfio_pci_core_state *st = m->private;
	struct vpc_irqs *irqs = &st->irqs;
	bool err, req;

	if (mutex_lock_interruptible(&irqs->lock))
		return -EINTR;
	seq_printf(m, "in use: %s\n",
		   irqs->type == VPC_IRQ_NONE ? "none" : index_names[irqs->type]);
	if (irqs->type == VFIO_PCI_INTX_IRQ_INDEX)
		show_intx(m, irqs);
	else if (irqs->type != VPC_IRQ_NONE)
		show_vectors(m, st);
	scoped_guard(spinlock_irq, &irqs->event_lock) {
		err = irqs->err;
		req = irqs->req;
	}
	seq_printf(m, "ERR: %s\nREQ: %s\n", yes_no(err), yes_no(req));
	mutex_unlock(&irqs->lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(interrupts);

/* ---- regions ---- */

static void show_bar(struct seq_file *m, struct vfio_pci_core_state *st, int nr)
{
	const struct vpc_bar *bar = &st->bars[nr];
	const struct vpc_trap *trap;

	if (!bar->size)
		return;
	seq_printf(m, "BAR %d: %pR%s%s%s\n", nr, &st->pdev->resource[nr],
		   bar->mappable ? ", mappable" : "",
		   bar->pad ? ", page padded" : "",
		   READ_ONCE(bar->io) ? ", claimed" : "");
	list_for_each_entry(trap, &st->traps, node)
		if (trap->bar == nr)
			seq_printf(m, "  trap %#llx-%#llx %ps%s\n", trap->start,
				   trap->end - 1, trap->ops,
				   trap->mappable ? ", mappable" : "");
}

static void show_added(struct seq_file *m, struct vfio_pci_core_state *st)
{
	for (unsigned int i = 0; i < st->num_regions; i++) {
		const struct vpc_region *r = &st->regions[i];

		seq_printf(m, "region %u: %#zx, type %#x, subtype %#x, flags %#x\n",
			   VFIO_PCI_NUM_REGIONS + i, r->size, r->type, r->subtype,
			   r->flags);
	}
}

static int regions_show(struct seq_file *m, void *unused)
{
	struct vfio_pci_core_state *st = m->private;
	struct vfio_device_set *set = st->core->vdev.dev_set;

	/* Held around open and close, between which regions and traps are constant. */
	if (mutex_lock_interruptible(&set->lock))
		return -EINTR;
	for (int i = 0; i < PCI_STD_NUM_BARS; i++)
		show_bar(m, st, i);
	seq_printf(m, "ROM: %pR\nVGA: %s\n", &st->pdev->resource[PCI_ROM_RESOURCE],
		   yes_no(st->has_vga));
	show_added(m, st);
	seq_printf(m, "mapped: %s\n",
		   yes_no(mapping_mapped(st->core->vdev.inode->i_mapping)));
	scoped_guard(mutex, &st->ioeventfds.lock)
		seq_printf(m, "ioeventfds: %u\n", st->ioeventfds.count);
	vpc_dmabufs_show(st, m);
	mutex_unlock(&set->lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(regions);

/* ---- migration ---- */

static const char * const state_names[] = {
	[VFIO_DEVICE_STATE_ERROR]		= "error",
	[VFIO_DEVICE_STATE_STOP]		= "stop",
	[VFIO_DEVICE_STATE_RUNNING]		= "running",
	[VFIO_DEVICE_STATE_STOP_COPY]		= "stop-copy",
	[VFIO_DEVICE_STATE_RESUMING]		= "resuming",
	[VFIO_DEVICE_STATE_RUNNING_P2P]		= "running-p2p",
	[VFIO_DEVICE_STATE_PRE_COPY]		= "pre-copy",
	[VFIO_DEVICE_STATE_PRE_COPY_P2P]	= "pre-copy-p2p",
};

static const char * const phase_names[] = {
	[VPC_PHASE_EARLY]	= "pre-copy",
	[VPC_PHASE_FULL]	= "complete",
	[VPC_PHASE_LOAD]	= "loading",
	[VPC_PHASE_OVER]	= "over",
};

static void show_session(struct seq_file *m, struct vpc_mig_file *file)
{
	guard(mutex)(&file->lock);
	seq_printf(m, "session: %s, %zu bytes, %zu read, error %d\n",
		   phase_names[file->phase], file->len, file->pos, file->error);
}

static void show_dirty(struct seq_file *m, struct vpc_dirty *dirty)
{
	guard(mutex)(&dirty->lock);
	seq_printf(m, "dirty tracking: %s%s%s, %lu pages\n",
		   dirty->active ? "active" : "inactive",
		   dirty->failed ? ", failed" : "",
		   dirty->blind ? ", blind" : "", dirty->num_pages);
}

static int migration_show(struct seq_file *m, void *unused)
{
	struct vfio_pci_core_state *st = m->private;
	struct vpc_migration *mig = st->migration;

	if (!mig) {
		seq_puts(m, "state: none\n");
		return 0;
	}
	vpc_mig_lock(mig);
	seq_printf(m, "state: %s\n", state_names[mig->state]);
	if (mig->file)
		show_session(m, mig->file);
	else
		seq_puts(m, "session: none\n");
	show_dirty(m, &mig->dirty);
	vpc_mig_unlock(mig);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(migration);

/* ---- life ---- */

/* The device is registered. That debugfs has no memory is no reason to fail. */
void vpc_debugfs_add(struct vfio_pci_core_state *st)
{
	struct dentry *dir = debugfs_create_dir(pci_name(st->pdev),
						vpc_debugfs_root);

	st->debugfs = dir;
	debugfs_create_file("gate", 0400, dir, st, &gate_fops);
	debugfs_create_file("config", 0400, dir, st, &config_fops);
	debugfs_create_file("interrupts", 0400, dir, st, &interrupts_fops);
	debugfs_create_file("regions", 0400, dir, st, &regions_fops);
	debugfs_create_file("migration", 0400, dir, st, &migration_fops);
}

/* Back from here, nobody is in one of the files. */
void vpc_debugfs_remove(struct vfio_pci_core_state *st)
{
	debugfs_remove(st->debugfs);
	st->debugfs = NULL;
}

void vpc_debugfs_init(void)
{
	vpc_debugfs_root = debugfs_create_dir("vfio-pci-core", NULL);
}

void vpc_debugfs_exit(void)
{
	debugfs_remove(vpc_debugfs_root);
}
