// SPDX-License-Identifier: GPL-2.0-only
/*
 * MSI and MSI-X
 *
 * An index is switched on with a number of vectors; each vector that has an
 * eventfd has a handler, which signals it. A vector without one is masked by the
 * interrupt core, so an MSI-X interrupt that comes meanwhile is kept pending by
 * the function.
 *
 * Another eventfd takes the place of the old one under the running handler: an
 * MSI is an edge, and between free_irq() and request_irq() one would be lost.
 */
#include <linux/cleanup.h>
#include <linux/interrupt.h>
#include <linux/msi.h>
#include <linux/slab.h>

#include "irq.h"

/* Eventfds of a request that need no allocation. */
#define FEW	8

/**
 * struct vpc_vector - one vector that somebody listens to
 * @trigger: signalled when the vector fires; written under vpc_irqs.lock, read
 *	by the handler
 * @producer: offers the vector to KVM, which may deliver it without the host
 * @irq: number of the interrupt
 * @bypass: @producer is registered
 * @name: for /proc/interrupts
 */
struct vpc_vector {
	struct eventfd_ctx *trigger;
	struct irq_bypass_producer producer;
	int irq;
	bool bypass;
	char name[40];
};

/**
 * struct msi_window - the function's vectors may be set up
 * @entered: the gate is held open: no reset
 * @decoding: memory decoding was switched on for this
 *
 * vpc_config.lock is held: the PCI core writes COMMAND, as the user does, and MSI-X
 * wants memory decoded; and who gives a function on its way out of D3hot its config
 * space back writes messages, which must not be half set up.
 */
struct msi_window {
	bool entered;
	bool decoding;
};

static bool needs_decoding(struct vfio_pci_core_state *st, unsigned int index)
{
	/* A VF decodes whenever its PF lets it (SR-IOV 1.1, section 3.3.3). */
	return index == VFIO_PCI_MSIX_IRQ_INDEX && !st->pdev->is_virtfn &&
	       !st->config.memory_on;
}

static void set_decoding(struct vfio_pci_core_state *st, bool on)
{
	u8 low;

	lockdep_assert_held(&st->config.lock);
	pci_read_config_byte(st->pdev, PCI_COMMAND, &low);
	low &= ~PCI_COMMAND_MEMORY;
	pci_write_config_byte(st->pdev, PCI_COMMAND,
			      on ? low | PCI_COMMAND_MEMORY : low);
}

/*
 * The PCI core writes config space and the MSI-X table, which is in memory: keep the
 * user, resets and changes of the power state away, and decode memory if the user does
 * not. To @undo also waits if killed, and goes on without a function that has left.
 * Either way close_window() follows.
 */
static int open_window(struct vfio_pci_core_state *st, unsigned int index,
		       struct msi_window *window, bool undo)
{
	int ret;

	*window = (struct msi_window) { };
	lockdep_assert_held(&st->irqs.lock);
	mutex_lock(&st->config.lock);
	ret = undo ? vpc_gate_enter_to_undo(st) : vpc_gate_enter(st);
	if (ret)
		return ret;
	window->entered = true;
	window->decoding = needs_decoding(st, index);
	if (window->decoding)
		set_decoding(st, true);
	return 0;
}

static void close_window(struct vfio_pci_core_state *st,
			 struct msi_window *window)
{
	if (window->decoding)
		set_decoding(st, false);
	if (window->entered)
		vpc_gate_exit(st);
	/* The PCI core writes all of COMMAND, and may have undone this. */
	if (vpc_gate_inert(st))
		pci_clear_master(st->pdev);
	mutex_unlock(&st->config.lock);
}

static irqreturn_t vector_fired(int irq, void *arg)
{
	struct vpc_vector *vec = arg;

	eventfd_signal(READ_ONCE(vec->trigger));
	return IRQ_HANDLED;
}

/* Without it the vector works as well, through the host. */
static void bypass_register(struct vfio_pci_core_state *st,
			    struct vpc_vector *vec)
{
	int ret = compat_irq_bypass_register(&vec->producer, vec->trigger,
					     vec->irq);

	vec->bypass = !ret;
	if (unlikely(ret))
		pci_dbg(st->pdev, "%s: no bypass: %pe\n", vec->name,
			ERR_PTR(ret));
}

/* A producer that was refused must not be unregistered: it is on no list. */
static void bypass_unregister(struct vpc_vector *vec)
{
	if (vec->bypass)
		irq_bypass_unregister_producer(&vec->producer);
	vec->bypass = false;
}

/* The interrupt of a vector, allocated now if the index can grow. */
static int vector_get_irq(struct vfio_pci_core_state *st, unsigned int nr)
{
	struct pci_dev *pdev = st->pdev;
	struct msi_map map;
	int irq;

	irq = pci_irq_vector(pdev, nr);
	if (irq < 0) {
		if (!pdev->msix_enabled || !pci_msix_can_alloc_dyn(pdev))
			return -EINVAL;
		map = pci_msix_alloc_irq_at(pdev, nr, NULL);
		return map.index < 0 ? map.index : map.virq;
	}
	return irq;
}

/*
 * The user may have reset the function by a register of its own, which clears the
 * MSI-X table. The vector is masked now, so its message can be written again.
 */
static void rewrite_message(struct vfio_pci_core_state *st, int irq)
{
	struct msi_msg msg;

	if (!st->pdev->msix_enabled)
		return;
	get_cached_msi_msg(irq, &msg);
	pci_write_msi_msg(irq, &msg);
}

static int vector_start(struct vfio_pci_core_state *st, unsigned int nr,
			struct eventfd_ctx *trigger)
{
	struct vpc_irqs *irqs = &st->irqs;
	struct vpc_vector *vec;
	int irq, ret;

	irq = vector_get_irq(st, nr);
	if (irq < 0)
		return irq;
	vec = kzalloc(sizeof(*vec), GFP_KERNEL_ACCOUNT);
	if (!vec)
		return -ENOMEM;
	vec->irq = irq;
	vec->trigger = trigger;
	snprintf(vec->name, sizeof(vec->name), "vfio-msi%s[%u](%s)",
		 irqs->type == VFIO_PCI_MSIX_IRQ_INDEX ? "x" : "", nr,
		 pci_name(st->pdev));

	ret = xa_insert(&irqs->ctx, nr, vec, GFP_KERNEL_ACCOUNT);
	if (ret)
		goto out_free;
	rewrite_message(st, irq);
	ret = request_irq(irq, vector_fired, 0, vec->name, vec);
	if (ret)
		goto out_erase;
	bypass_register(st, vec);
	return 0;

out_erase:
	xa_erase(&irqs->ctx, nr);
out_free:
	kfree(vec);
	return ret;
}

static void vector_stop(struct vfio_pci_core_state *st, unsigned int nr,
			struct vpc_vector *vec)
{
	bypass_unregister(vec);
	free_irq(vec->irq, vec);
	xa_erase(&st->irqs.ctx, nr);
	eventfd_ctx_put(vec->trigger);
	kfree(vec);
}

static void vector_retarget(struct vfio_pci_core_state *st,
			    struct vpc_vector *vec, struct eventfd_ctx *trigger)
{
	struct eventfd_ctx *old = vec->trigger;

	if (old == trigger) {
		eventfd_ctx_put(trigger);
		return;
	}
	/* The bypass goes by the eventfd. */
	bypass_unregister(vec);
	WRITE_ONCE(vec->trigger, trigger);
	/* A handler that is running may have seen the old one. */
	synchronize_irq(vec->irq);
	eventfd_ctx_put(old);
	bypass_register(st, vec);
}

/* Owns @trigger when it succeeds; NULL for nobody listens. */
static int vector_set(struct vfio_pci_core_state *st, unsigned int nr,
		      struct eventfd_ctx *trigger)
{
	struct vpc_vector *vec = xa_load(&st->irqs.ctx, nr);

	lockdep_assert_held(&st->irqs.lock);
	if (!trigger) {
		if (vec)
			vector_stop(st, nr, vec);
		return 0;
	}
	if (!vec)
		return vector_start(st, nr, trigger);

	vector_retarget(st, vec, trigger);
	return 0;
}

static void put_eventfds(struct eventfd_ctx **ctx, unsigned int first,
			 unsigned int end)
{
	for (unsigned int i = first; i < end; i++)
		if (ctx[i])
			eventfd_ctx_put(ctx[i]);
}

/* All eventfds or none, so that a wrong one is found before anything is changed. */
static int get_eventfds(const struct vpc_irq_set *set, struct eventfd_ctx **ctx)
{
	for (unsigned int i = 0; i < set->count; i++) {
		ctx[i] = vpc_irq_eventfd(set->fds[i]);
		if (IS_ERR(ctx[i])) {
			put_eventfds(ctx, 0, i);
			return PTR_ERR(ctx[i]);
		}
	}
	return 0;
}

/* Switch the index on with vectors 0 to @end - 1, or say how many there are. */
static int msi_setup(struct vfio_pci_core_state *st, unsigned int index,
		     unsigned int end)
{
	struct pci_dev *pdev = st->pdev;
	int ret;

	lockdep_assert_held(&st->irqs.lock);
	lockdep_assert_held(&st->config.lock);
	ret = pci_alloc_irq_vectors(pdev, 1, end,
				    index == VFIO_PCI_MSIX_IRQ_INDEX ?
				    PCI_IRQ_MSIX : PCI_IRQ_MSI);
	if (ret < 0)
		return ret;
	if ((unsigned int)ret < end) {
		/* The user may ask again for that many. */
		pci_free_irq_vectors(pdev);
		vpc_intx_park(st);
		return ret;
	}
	st->irqs.type = index;
	return 0;
}

static void msi_off(struct vfio_pci_core_state *st)
{
	struct vpc_vector *vec;
	unsigned long nr;

	lockdep_assert_held(&st->irqs.lock);
	lockdep_assert_held(&st->config.lock);
	xa_for_each(&st->irqs.ctx, nr, vec)
		vector_stop(st, nr, vec);
	pci_free_irq_vectors(st->pdev);
	/* With that the PCI core allows INTx. */
	vpc_intx_park(st);
	st->irqs.type = VPC_IRQ_NONE;
}

void vpc_msi_teardown(struct vfio_pci_core_state *st)
{
	struct msi_window window;

	lockdep_assert_held(&st->irqs.lock);
	open_window(st, st->irqs.type, &window, true);
	msi_off(st);
	close_window(st, &window);
}

/* Vectors that this call started are stopped again if a later one fails. */
static int set_vectors(struct vfio_pci_core_state *st,
		       const struct vpc_irq_set *set, struct eventfd_ctx **ctx)
{
	unsigned int i, nr;
	int ret = 0;

	for (i = 0; i < set->count && !ret; i++)
		ret = vector_set(st, set->start + i, ctx[i]);
	if (!ret)
		return 0;

	put_eventfds(ctx, i - 1, set->count);
	for (nr = set->start; nr < set->start + i - 1; nr++)
		vector_set(st, nr, NULL);
	return ret;
}

static int msi_attach(struct vfio_pci_core_state *st,
		      const struct vpc_irq_set *set, struct eventfd_ctx **ctx)
{
	bool was_off = st->irqs.type == VPC_IRQ_NONE;
	struct msi_window window;
	int ret;

	ret = open_window(st, set->index, &window, false);
	if (!ret && was_off)
		ret = msi_setup(st, set->index, set->start + set->count);
	if (ret) {
		put_eventfds(ctx, 0, set->count);
	} else {
		ret = set_vectors(st, set, ctx);
		if (ret && was_off)
			msi_off(st);
	}
	close_window(st, &window);
	return ret;
}

static int msi_trigger_eventfds(struct vfio_pci_core_state *st,
				const struct vpc_irq_set *set)
{
	struct eventfd_ctx *few[FEW], **ctx = few;
	int ret;

	if (set->count > FEW) {
		ctx = kcalloc(set->count, sizeof(*ctx), GFP_KERNEL_ACCOUNT);
		if (!ctx)
			return -ENOMEM;
	}
	ret = get_eventfds(set, ctx);
	if (!ret)
		ret = msi_attach(st, set, ctx);
	if (ctx != few)
		kfree(ctx);
	return ret;
}

int vpc_msi_action_trigger(struct vfio_pci_core_state *st,
			   const struct vpc_irq_set *set)
{
	struct vpc_irqs *irqs = &st->irqs;
	bool active = irqs->type == set->index;
	struct vpc_vector *vec;

	lockdep_assert_held(&irqs->lock);
	if (active && vpc_irq_set_is_off(set)) {
		vpc_msi_teardown(st);
		return 0;
	}
	if (!active && irqs->type != VPC_IRQ_NONE)
		return -EINVAL;
	if (set->data_type == VFIO_IRQ_SET_DATA_EVENTFD)
		return set->count ? msi_trigger_eventfds(st, set) : -EINVAL;
	if (!active)
		return -EINVAL;

	for (unsigned int i = 0; i < set->count; i++) {
		vec = xa_load(&irqs->ctx, set->start + i);
		if (vec && vpc_irq_set_selects(set, i))
			eventfd_signal(vec->trigger);
	}
	return 0;
}
