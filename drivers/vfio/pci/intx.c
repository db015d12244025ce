// SPDX-License-Identifier: GPL-2.0-only
/*
 * INTx
 *
 * INTx is level-triggered, and only the user can make the function let go of the
 * line. So the line is masked when it fires, and opened when the user says so.
 * There are more reasons to keep it masked (VPC_INTX_), and each comes and goes
 * on its own: the line is open exactly while there is none.
 *
 * Masking is done in the function by DisINTx (PCI 3.0, section 6.2.2), which
 * allows the line to be shared, or at the interrupt controller where a function
 * has no working DisINTx.
 *
 * Opening the line of a function that still asserts it makes it fire again. That
 * is what resamples the level, so nothing has to look for a pending interrupt.
 */
#include <linux/cleanup.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/slab.h>

#include "irq.h"

/**
 * struct vpc_intx - INTx while it is set up
 * @st: the device
 * @trigger: signalled when the line fires, or NULL; written under vpc_irqs.slock
 * @mask: masks the line when its eventfd is signalled, or NULL
 * @unmask: opens the line when its eventfd is signalled, or NULL
 * @irq: number of the line
 * @disintx: mask in the function, else at the interrupt controller
 * @line_masked: what was last done to the line; protected by vpc_irqs.slock
 * @name: for /proc/interrupts
 */
struct vpc_intx {
	struct vfio_pci_core_state *st;
	struct eventfd_ctx *trigger;
	struct virqfd *mask;
	struct virqfd *unmask;
	int irq;
	bool disintx;
	bool line_masked;
	char name[40];
};

/*
 * Functions whose Interrupt Status bit never shows an asserted INTx, so that
 * nobody can tell who pulls a shared line: Intel X710, XL710 and X722
 * (specification updates of the controllers).
 */
static const struct pci_device_id intx_unusable_ids[] = {
	{ PCI_VDEVICE(INTEL, 0x1572) },
	{ PCI_VDEVICE(INTEL, 0x1574) },
	{ PCI_VDEVICE(INTEL, 0x1580) },
	{ PCI_VDEVICE(INTEL, 0x1581) },
	{ PCI_VDEVICE(INTEL, 0x1583) },
	{ PCI_VDEVICE(INTEL, 0x1584) },
	{ PCI_VDEVICE(INTEL, 0x1585) },
	{ PCI_VDEVICE(INTEL, 0x1586) },
	{ PCI_VDEVICE(INTEL, 0x1587) },
	{ PCI_VDEVICE(INTEL, 0x1588) },
	{ PCI_VDEVICE(INTEL, 0x1589) },
	{ PCI_VDEVICE(INTEL, 0x158a) },
	{ PCI_VDEVICE(INTEL, 0x158b) },
	{ PCI_VDEVICE(INTEL, 0x37d0) },
	{ PCI_VDEVICE(INTEL, 0x37d1) },
	{ PCI_VDEVICE(INTEL, 0x37d2) },
	{ }
};

/* No INTx for the user: VFs have none (SR-IOV 1.1, section 5.1), some no line. */
bool vpc_intx_unusable(struct pci_dev *pdev)
{
	if (pdev->is_virtfn || !pdev->pin)
		return true;
	if (!pdev->irq || pdev->irq == IRQ_NOTCONNECTED)
		return true;

	return !vpc_policy.nointxmask && pci_match_id(intx_unusable_ids, pdev);
}

void vpc_intx_init(struct vfio_pci_core_state *st)
{
	st->irqs.intx_masks = VPC_INTX_BY_DETACH;
}

/*
 * DisINTx changes in interrupt context, the other bits of COMMAND do so in
 * process context. Only its byte is written, so that neither undoes the other;
 * slock guards what else is in that byte.
 */
static void set_disintx(struct vfio_pci_core_state *st, bool disable)
{
	struct pci_dev *pdev = st->pdev;
	u16 old, new;

	lockdep_assert_held(&st->irqs.slock);
	pci_read_config_word(pdev, PCI_COMMAND, &old);
	if (PCI_POSSIBLE_ERROR(old))
		return;
	new = old & ~PCI_COMMAND_INTX_DISABLE;
	if (disable)
		new |= PCI_COMMAND_INTX_DISABLE;
	if (new != old)
		pci_write_config_byte(pdev, PCI_COMMAND + 1, new >> 8);
}

/* Make the line what the reasons to mask it say. */
static void apply_masks(struct vpc_irqs *irqs)
{
	struct vpc_intx *intx = irqs->intx;
	bool mask = irqs->intx_masks;

	lockdep_assert_held(&irqs->slock);
	if (!intx || intx->line_masked == mask)
		return;

	intx->line_masked = mask;
	if (intx->disintx)
		set_disintx(intx->st, mask);
	else if (mask)
		disable_irq_nosync(intx->irq);
	else
		enable_irq(intx->irq);
}

static void change_masks(struct vpc_irqs *irqs, unsigned int clear,
			 unsigned int set)
{
	scoped_guard(spinlock_irqsave, &irqs->slock) {
		irqs->intx_masks = (irqs->intx_masks & ~clear) | set;
		apply_masks(irqs);
	}
}

/* The user wrote INTX_DISABLE. vpc_config.lock is held, or the device closes. */
void vpc_intx_set_command_disable(struct vfio_pci_core_state *st, bool disable)
{
	change_masks(&st->irqs, VPC_INTX_BY_COMMAND,
		     disable ? VPC_INTX_BY_COMMAND : 0);
}

/*
 * Between these two the function must not be asked whether it interrupts: it may
 * be without power or in the middle of a reset. Calls nest.
 */
void vpc_intx_suspend(struct vfio_pci_core_state *st)
{
	struct vpc_irqs *irqs = &st->irqs;

	scoped_guard(spinlock_irqsave, &irqs->slock) {
		irqs->intx_sleeps++;
		irqs->intx_masks |= VPC_INTX_BY_SLEEP;
		apply_masks(irqs);
	}
}

/*
 * Nobody handles the line, so the function must not pull it: an unclaimed level would
 * get it shut down for all who share it. Some send no MSI while DisINTx is set.
 */
static void park(struct vfio_pci_core_state *st)
{
	set_disintx(st, !(st->pdev->dev_flags &
			  PCI_DEV_FLAGS_MSI_INTX_DISABLE_BUG));
}

void vpc_intx_park(struct vfio_pci_core_state *st)
{
	scoped_guard(spinlock_irqsave, &st->irqs.slock)
		park(st);
}

/* From here on, until vpc_intx_close(), the line is parked while nobody handles it. */
void vpc_intx_open(struct vfio_pci_core_state *st)
{
	scoped_guard(spinlock_irqsave, &st->irqs.slock) {
		st->irqs.intx_open = true;
		park(st);
	}
}

void vpc_intx_close(struct vfio_pci_core_state *st)
{
	scoped_guard(spinlock_irqsave, &st->irqs.slock)
		st->irqs.intx_open = false;
}

/* It may have been given back the DisINTx of before, and INTx come or gone since. */
static void set_disintx_anew(struct vfio_pci_core_state *st)
{
	struct vpc_intx *intx = st->irqs.intx;

	lockdep_assert_held(&st->irqs.slock);
	if (intx && !intx->disintx)
		set_disintx(st, false);
	else if (!intx && st->irqs.intx_open)
		park(st);
}

void vpc_intx_resume(struct vfio_pci_core_state *st)
{
	struct vpc_irqs *irqs = &st->irqs;

	scoped_guard(spinlock_irqsave, &irqs->slock) {
		if (!WARN_ON_ONCE(!irqs->intx_sleeps) && !--irqs->intx_sleeps) {
			irqs->intx_masks &= ~VPC_INTX_BY_SLEEP;
			set_disintx_anew(st);
			apply_masks(irqs);
		}
	}
}

/* Did our function pull the line? Then it is masked on return. */
static bool claim_line(struct vpc_intx *intx)
{
	struct vpc_irqs *irqs = &intx->st->irqs;

	lockdep_assert_held(&irqs->slock);
	if (intx->disintx) {
		if (irqs->intx_masks & VPC_INTX_BY_SLEEP)
			return false;
		/*
		 * Also while masked: a reset that the user did behind our back
		 * has cleared DisINTx, and an unclaimed level would get the line
		 * shut down for all who share it.
		 */
		if (!pci_check_and_mask_intx(intx->st->pdev))
			return false;
	} else if (!intx->line_masked) {
		disable_irq_nosync(intx->irq);
	}
	intx->line_masked = true;
	return true;
}

static irqreturn_t intx_fired(int irq, void *arg)
{
	struct vpc_intx *intx = arg;
	struct vpc_irqs *irqs = &intx->st->irqs;
	struct eventfd_ctx *trigger = NULL;
	bool ours;

	scoped_guard(spinlock_irqsave, &irqs->slock) {
		ours = claim_line(intx);
		if (ours && !irqs->intx_masks) {
			irqs->intx_masks = VPC_INTX_BY_USER;
			trigger = intx->trigger;
		}
	}
	if (trigger)
		eventfd_signal(trigger);
	return IRQ_RETVAL(ours);
}

/* Set up the line, masked, with nobody listening. */
static int request_line(struct vpc_intx *intx)
{
	struct vfio_pci_core_state *st = intx->st;
	int ret;

	intx->line_masked = true;
	if (intx->disintx) {
		scoped_guard(spinlock_irqsave, &st->irqs.slock)
			set_disintx(st, true);
		return request_irq(intx->irq, intx_fired, IRQF_SHARED,
				   intx->name, intx);
	}

	/*
	 * Disabling is usually left undone until the line fires once more, which
	 * a level that stays asserted does each time.
	 */
	irq_set_status_flags(intx->irq, IRQ_DISABLE_UNLAZY);
	ret = request_irq(intx->irq, intx_fired, IRQF_NO_AUTOEN, intx->name,
			  intx);
	if (ret)
		irq_clear_status_flags(intx->irq, IRQ_DISABLE_UNLAZY);
	return ret;
}

static int intx_setup(struct vfio_pci_core_state *st)
{
	struct vpc_irqs *irqs = &st->irqs;
	struct vpc_intx *intx;
	int ret;

	lockdep_assert_held(&irqs->lock);
	intx = kzalloc(sizeof(*intx), GFP_KERNEL_ACCOUNT);
	if (!intx)
		return -ENOMEM;

	intx->st = st;
	intx->irq = st->pdev->irq;
	intx->disintx = !vpc_policy.nointxmask &&
			pci_intx_mask_supported(st->pdev);
	snprintf(intx->name, sizeof(intx->name), "vfio-intx(%s)",
		 pci_name(st->pdev));

	/* A reset would undo what is written to the function here. */
	ret = vpc_gate_enter(st);
	if (ret) {
		kfree(intx);
		return ret;
	}
	ret = request_line(intx);
	vpc_gate_exit(st);
	if (ret) {
		pci_info(st->pdev, "INTx: cannot use interrupt %d%s: %pe\n",
			 intx->irq, intx->disintx ? "" :
			 ", which a device without DisINTx cannot share",
			 ERR_PTR(ret));
		kfree(intx);
		return ret;
	}

	scoped_guard(spinlock_irqsave, &irqs->slock) {
		irqs->intx = intx;
		irqs->intx_masks &= ~VPC_INTX_BY_USER;
		/* Asleep, vpc_intx_resume() does it. */
		if (!intx->disintx && !irqs->intx_sleeps)
			set_disintx(st, false);
	}
	irqs->type = VFIO_PCI_INTX_IRQ_INDEX;
	return 0;
}

/*
 * First nobody finds INTx any more, then everybody who may have found it before
 * is waited for: the eventfds' handlers, then the interrupt's.
 */
void vpc_intx_teardown(struct vfio_pci_core_state *st)
{
	struct vpc_irqs *irqs = &st->irqs;
	struct vpc_intx *intx = irqs->intx;

	lockdep_assert_held(&irqs->lock);
	scoped_guard(spinlock_irqsave, &irqs->slock) {
		irqs->intx_masks |= VPC_INTX_BY_DETACH;
		apply_masks(irqs);
		irqs->intx = NULL;
	}
	vfio_virqfd_disable(&intx->unmask);
	vfio_virqfd_disable(&intx->mask);
	free_irq(intx->irq, intx);

	if (!intx->disintx)
		irq_clear_status_flags(intx->irq, IRQ_DISABLE_UNLAZY);
	vpc_intx_park(st);

	if (intx->trigger)
		eventfd_ctx_put(intx->trigger);
	kfree(intx);
	irqs->type = VPC_IRQ_NONE;
}

/* Exchange the eventfd without losing an interrupt; NULL to listen no more. */
static void intx_set_trigger(struct vfio_pci_core_state *st,
			     struct eventfd_ctx *new)
{
	struct vpc_irqs *irqs = &st->irqs;
	struct vpc_intx *intx = irqs->intx;
	struct eventfd_ctx *old;

	lockdep_assert_held(&irqs->lock);
	scoped_guard(spinlock_irqsave, &irqs->slock) {
		old = intx->trigger;
		intx->trigger = new;
		if (new)
			irqs->intx_masks &= ~VPC_INTX_BY_DETACH;
		else
			irqs->intx_masks |= VPC_INTX_BY_DETACH;
		apply_masks(irqs);
	}
	if (!old)
		return;

	/* A handler that is running may have seen the old one. */
	synchronize_irq(intx->irq);
	eventfd_ctx_put(old);
}

static int intx_trigger_eventfd(struct vfio_pci_core_state *st, s32 fd)
{
	struct eventfd_ctx *trigger = vpc_irq_eventfd(fd);
	int ret;

	if (IS_ERR(trigger))
		return PTR_ERR(trigger);
	if (st->irqs.type == VPC_IRQ_NONE) {
		ret = intx_setup(st);
		if (ret) {
			if (trigger)
				eventfd_ctx_put(trigger);
			return ret;
		}
	}
	intx_set_trigger(st, trigger);
	return 0;
}

int vpc_intx_action_trigger(struct vfio_pci_core_state *st,
			    const struct vpc_irq_set *set)
{
	struct vpc_irqs *irqs = &st->irqs;
	bool active = irqs->type == VFIO_PCI_INTX_IRQ_INDEX;

	lockdep_assert_held(&irqs->lock);
	if (active && vpc_irq_set_is_off(set)) {
		vpc_intx_teardown(st);
		return 0;
	}
	if (!set->count || (!active && irqs->type != VPC_IRQ_NONE))
		return -EINVAL;
	if (set->data_type == VFIO_IRQ_SET_DATA_EVENTFD)
		return intx_trigger_eventfd(st, set->fds[0]);
	if (!active)
		return -EINVAL;

	/* A function whose INTX_DISABLE is set sends none. */
	if (vpc_irq_set_selects(set, 0) && irqs->intx->trigger &&
	    !(READ_ONCE(irqs->intx_masks) & VPC_INTX_BY_COMMAND))
		eventfd_signal(irqs->intx->trigger);
	return 0;
}

/*
 * Somebody has signalled an eventfd of the user, whose lock is held. While INTx is
 * torn down these may still run, and find no line to change.
 *
 * Nothing keeps a user from unmasking by the eventfd that the line triggers. If
 * the handler itself opened an asserted line, it would run again before anything
 * else does, for ever. Non-zero has unmask_deferred() do it, in a worker.
 */
static int unmask_event(void *opaque, void *unused)
{
	struct vfio_pci_core_state *st = opaque;

	if (in_hardirq())
		return 1;

	change_masks(&st->irqs, VPC_INTX_BY_USER, 0);
	return 0;
}

static void unmask_deferred(void *opaque, void *unused)
{
	struct vfio_pci_core_state *st = opaque;

	change_masks(&st->irqs, VPC_INTX_BY_USER, 0);
}

static int mask_event(void *opaque, void *unused)
{
	struct vfio_pci_core_state *st = opaque;

	change_masks(&st->irqs, 0, VPC_INTX_BY_USER);
	return 0;
}

static int set_virqfd(struct vfio_pci_core_state *st, struct virqfd **virqfd,
		      int (*event)(void *, void *),
		      void (*deferred)(void *, void *), s32 fd)
{
	if (fd == -1) {
		vfio_virqfd_disable(virqfd);
		return 0;
	}
	return vfio_virqfd_enable(st, event, deferred, NULL, virqfd, fd);
}

int vpc_intx_action_mask(struct vfio_pci_core_state *st,
			 const struct vpc_irq_set *set)
{
	struct vpc_irqs *irqs = &st->irqs;

	lockdep_assert_held(&irqs->lock);
	if (irqs->type != VFIO_PCI_INTX_IRQ_INDEX || !set->count)
		return -EINVAL;
	if (set->data_type == VFIO_IRQ_SET_DATA_EVENTFD)
		return set_virqfd(st, &irqs->intx->mask, mask_event, NULL,
				  set->fds[0]);
	if (vpc_irq_set_selects(set, 0))
		change_masks(irqs, 0, VPC_INTX_BY_USER);
	return 0;
}

int vpc_intx_action_unmask(struct vfio_pci_core_state *st,
			   const struct vpc_irq_set *set)
{
	struct vpc_irqs *irqs = &st->irqs;

	lockdep_assert_held(&irqs->lock);
	if (irqs->type != VFIO_PCI_INTX_IRQ_INDEX || !set->count)
		return -EINVAL;
	if (set->data_type == VFIO_IRQ_SET_DATA_EVENTFD)
		return set_virqfd(st, &irqs->intx->unmask, unmask_event,
				  unmask_deferred, set->fds[0]);
	if (vpc_irq_set_selects(set, 0))
		change_masks(irqs, VPC_INTX_BY_USER, 0);
	return 0;
}
