// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts of a function: what there is, and what the user asks for
 *
 * The uAPI numbers interrupts by index (INTx, MSI, MSI-X, ERR, REQ) and within
 * it. INTx and MSI(-X) have files of their own; ERR and REQ, which are eventfds
 * and no interrupts of the function, are here.
 */
#include <kunit/visibility.h>
#include <linux/cleanup.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "irq.h"
#include "trace.h"

/* What fits here needs no allocation: the usual few vectors. */
#define SMALL_DATA	32

void vpc_irqs_init(struct vfio_pci_core_state *st)
{
	struct vpc_irqs *irqs = &st->irqs;

	mutex_init(&irqs->lock);
	spin_lock_init(&irqs->slock);
	spin_lock_init(&irqs->event_lock);
	xa_init(&irqs->ctx);
	irqs->type = VPC_IRQ_NONE;
	vpc_intx_init(st);
}

void vpc_irqs_destroy(struct vfio_pci_core_state *st)
{
	struct vpc_irqs *irqs = &st->irqs;

	WARN_ON(irqs->type != VPC_IRQ_NONE || !xa_empty(&irqs->ctx));
	mutex_destroy(&irqs->lock);
}

static unsigned int msi_vectors(struct pci_dev *pdev)
{
	int n = pci_msi_vec_count(pdev);

	return n < 0 ? 0 : n;
}

static unsigned int msix_vectors(struct pci_dev *pdev)
{
	int n = pci_msix_vec_count(pdev);

	return n < 0 ? 0 : n;
}

static unsigned int ask_function(struct pci_dev *pdev, unsigned int index)
{
	switch (index) {
	case VFIO_PCI_INTX_IRQ_INDEX:
		return !vpc_intx_unusable(pdev);
	case VFIO_PCI_MSI_IRQ_INDEX:
		return msi_vectors(pdev);
	case VFIO_PCI_MSIX_IRQ_INDEX:
		return msix_vectors(pdev);
	case VFIO_PCI_ERR_IRQ_INDEX:
		/* AER is PCI Express's (PCIe 6.0, section 6.2). */
		return pci_is_pcie(pdev);
	case VFIO_PCI_REQ_IRQ_INDEX:
		return 1;
	default:
		return 0;
	}
}

/*
 * Find out what interrupts there are, the gate being held open: a function that is
 * asleep or in reset answers with ones, which is many interrupts. They may be others
 * than at the last open (VFs of NVMe do that).
 */
void vpc_irqs_open(struct vfio_pci_core_state *st)
{
	for (unsigned int i = 0; i < VFIO_PCI_NUM_IRQS; i++)
		st->irqs.count[i] = ask_function(st->pdev, i);
}

/* Number of interrupts of an index, 0 for one that there is not. */
unsigned int vpc_irq_count(struct vfio_pci_core_state *st, unsigned int index)
{
	if (index >= VFIO_PCI_NUM_IRQS)
		return 0;
	return st->irqs.count[array_index_nospec(index, VFIO_PCI_NUM_IRQS)];
}

/* VFIO_IRQ_INFO_ flags of an index. */
u32 vpc_irq_flags(unsigned int index, bool dynamic_msix)
{
	if (index == VFIO_PCI_INTX_IRQ_INDEX)
		return VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE |
		       VFIO_IRQ_INFO_AUTOMASKED;
	if (index == VFIO_PCI_MSIX_IRQ_INDEX && dynamic_msix)
		return VFIO_IRQ_INFO_EVENTFD;

	return VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE;
}
EXPORT_SYMBOL_IF_KUNIT(vpc_irq_flags);

long vpc_ioctl_get_irq_info(struct vfio_pci_core_state *st, void __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_irq_info, count);
	struct vfio_irq_info info;

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz || info.index >= VFIO_PCI_NUM_IRQS)
		return -EINVAL;
	if (info.index == VFIO_PCI_ERR_IRQ_INDEX && !pci_is_pcie(st->pdev))
		return -EINVAL;

	info.count = vpc_irq_count(st, info.index);
	info.flags = vpc_irq_flags(info.index,
				   pci_msix_can_alloc_dyn(st->pdev));
	return copy_to_user(arg, &info, minsz) ? -EFAULT : 0;
}

/*
 * Exchange the eventfd of an event. Whoever signals holds event_lock, so nobody
 * uses the old one any more when it is put.
 */
static void event_exchange(struct vpc_irqs *irqs, struct eventfd_ctx **event,
			   struct eventfd_ctx *new)
{
	scoped_guard(spinlock_irqsave, &irqs->event_lock)
		swap(*event, new);
	if (new)
		eventfd_ctx_put(new);
}

static bool event_signal(struct vpc_irqs *irqs, struct eventfd_ctx **event)
{
	bool set;

	scoped_guard(spinlock_irqsave, &irqs->event_lock) {
		set = *event;
		if (set)
			eventfd_signal(*event);
	}
	return set;
}

static int event_action(struct vpc_irqs *irqs, struct eventfd_ctx **event,
			const struct vpc_irq_set *set)
{
	struct eventfd_ctx *new;

	lockdep_assert_held(&irqs->lock);
	if (vpc_irq_set_is_off(set)) {
		if (!*event)
			return -EINVAL;
		event_exchange(irqs, event, NULL);
		return 0;
	}
	if (!set->count)
		return -EINVAL;

	switch (set->data_type) {
	case VFIO_IRQ_SET_DATA_NONE:
		return event_signal(irqs, event) ? 0 : -EINVAL;
	case VFIO_IRQ_SET_DATA_BOOL:
		if (set->bools[0])
			event_signal(irqs, event);
		return 0;
	default:
		new = vpc_irq_eventfd(set->fds[0]);
		if (IS_ERR(new))
			return PTR_ERR(new);
		event_exchange(irqs, event, new);
		return 0;
	}
}

static int err_action_trigger(struct vfio_pci_core_state *st,
			      const struct vpc_irq_set *set)
{
	return event_action(&st->irqs, &st->irqs.err, set);
}

static int req_action_trigger(struct vfio_pci_core_state *st,
			      const struct vpc_irq_set *set)
{
	return event_action(&st->irqs, &st->irqs.req, set);
}

/* The action bits of a request, one to be set, as an index. */
#define ACTION_SHIFT	3
#define ACTION(_name)	(VFIO_IRQ_SET_ACTION_##_name >> ACTION_SHIFT)
#define ACTIONS		((VFIO_IRQ_SET_ACTION_TYPE_MASK >> ACTION_SHIFT) + 1)

typedef int (*vpc_irq_action)(struct vfio_pci_core_state *st,
			      const struct vpc_irq_set *set);

/* An empty place is an action that the index does not have: -ENOTTY. */
static const vpc_irq_action vpc_irq_actions[VFIO_PCI_NUM_IRQS][ACTIONS] = {
	[VFIO_PCI_INTX_IRQ_INDEX] = {
		[ACTION(MASK)]		= vpc_intx_action_mask,
		[ACTION(UNMASK)]	= vpc_intx_action_unmask,
		[ACTION(TRIGGER)]	= vpc_intx_action_trigger,
	},
	[VFIO_PCI_MSI_IRQ_INDEX] = {
		[ACTION(TRIGGER)]	= vpc_msi_action_trigger,
	},
	[VFIO_PCI_MSIX_IRQ_INDEX] = {
		[ACTION(TRIGGER)]	= vpc_msi_action_trigger,
	},
	[VFIO_PCI_ERR_IRQ_INDEX] = {
		[ACTION(TRIGGER)]	= err_action_trigger,
	},
	[VFIO_PCI_REQ_IRQ_INDEX] = {
		[ACTION(TRIGGER)]	= req_action_trigger,
	},
};

/* The request has been validated but for its action. */
static vpc_irq_action find_action(const struct vfio_irq_set *hdr)
{
	unsigned int index = array_index_nospec(hdr->index, VFIO_PCI_NUM_IRQS);

	return vpc_irq_actions[index][(hdr->flags & VFIO_IRQ_SET_ACTION_TYPE_MASK) >>
				      ACTION_SHIFT];
}

/*
 * Is this a request that an index of @num interrupts can have? @size is set to
 * the length of the data that follows it.
 */
int vpc_irq_set_check(struct vfio_irq_set *hdr, unsigned int num, size_t *size)
{
	int ret;

	ret = vfio_set_irqs_validate_and_prepare(hdr, num, VFIO_PCI_NUM_IRQS, size);
	if (ret)
		return ret;
	return find_action(hdr) ? 0 : -ENOTTY;
}
EXPORT_SYMBOL_IF_KUNIT(vpc_irq_set_check);

static int run_action(struct vfio_pci_core_state *st,
		      const struct vfio_irq_set *hdr, const void *data)
{
	const struct vpc_irq_set set = {
		.index = hdr->index,
		.start = hdr->start,
		.count = hdr->count,
		.data_type = hdr->flags & VFIO_IRQ_SET_DATA_TYPE_MASK,
		.data = data,
	};
	vpc_irq_action run = find_action(hdr);
	int ret;

	scoped_guard(mutex, &st->irqs.lock)
		ret = run(st, &set);
	trace_vpc_set_irqs(st->pdev, hdr->index, hdr->flags, hdr->start,
			   hdr->count, ret);
	return ret;
}

/* The members are faster to fetch one by one than as a structure. */
static __always_inline int fetch_header(const struct vfio_irq_set __user *arg,
					struct vfio_irq_set *hdr)
{
	if (!user_read_access_begin(arg, sizeof(*arg)))
		return -EFAULT;
	unsafe_get_user(hdr->argsz, &arg->argsz, fault);
	unsafe_get_user(hdr->flags, &arg->flags, fault);
	unsafe_get_user(hdr->index, &arg->index, fault);
	unsafe_get_user(hdr->start, &arg->start, fault);
	unsafe_get_user(hdr->count, &arg->count, fault);
	user_read_access_end();
	return 0;

fault:
	user_read_access_end();
	return -EFAULT;
}

/*
 * All of the user's data is copied before a lock is taken: a page fault may wait
 * for anything, mmap_lock and our own fault handler included.
 */
long vpc_ioctl_set_irqs(struct vfio_pci_core_state *st, void __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_irq_set, count);
	struct vfio_irq_set hdr;
	u8 small[SMALL_DATA] __aligned(sizeof(s32));
	size_t size = 0;
	void *data;
	int ret;

	ret = fetch_header(arg, &hdr);
	if (ret)
		return ret;
	ret = vpc_irq_set_check(&hdr, vpc_irq_count(st, hdr.index), &size);
	if (ret)
		return ret;
	if (!size)
		return run_action(st, &hdr, NULL);
	if (size <= sizeof(small)) {
		if (copy_from_user(small, arg + minsz, size))
			return -EFAULT;
		return run_action(st, &hdr, small);
	}

	data = memdup_user(arg + minsz, size);
	if (IS_ERR(data))
		return PTR_ERR(data);
	ret = run_action(st, &hdr, data);
	kfree(data);
	return ret;
}

/* The last user is gone: nothing of what he set up stays. */
void vpc_irqs_close(struct vfio_pci_core_state *st)
{
	struct vpc_irqs *irqs = &st->irqs;

	guard(mutex)(&irqs->lock);
	if (irqs->type == VFIO_PCI_INTX_IRQ_INDEX)
		vpc_intx_teardown(st);
	else if (irqs->type != VPC_IRQ_NONE)
		vpc_msi_teardown(st);

	event_exchange(irqs, &irqs->err, NULL);
	event_exchange(irqs, &irqs->req, NULL);
	/* The next user has written nothing to COMMAND yet. */
	vpc_intx_set_command_disable(st, false);
}

/**
 * vfio_pci_core_signal_error - tell the user that his function has failed
 * @core: the device
 *
 * Signals the ERR eventfd if the user has set one. To be called from the
 * error_detected handler of the function's PCI driver, or from the events that a
 * vendor driver forwards.
 *
 * Context: any. Takes no lock that is held across a reset.
 */
void vfio_pci_core_signal_error(struct vfio_pci_core_device *core)
{
	struct vpc_irqs *irqs = &core->state->irqs;

	WRITE_ONCE(core->state->clean, false);
	event_signal(irqs, &irqs->err);
}
EXPORT_SYMBOL_VPC(vfio_pci_core_signal_error);

/**
 * vfio_pci_core_signal_request - ask the user to let go of the function
 * @core: the device
 *
 * Signals the REQ eventfd if the user has set one. A user that obeys closes the
 * device; nothing forces him to.
 *
 * Context: any. Takes no lock that is held across a reset.
 * Return: true if there is a REQ eventfd.
 */
bool vfio_pci_core_signal_request(struct vfio_pci_core_device *core)
{
	struct vpc_irqs *irqs = &core->state->irqs;

	return event_signal(irqs, &irqs->req);
}
EXPORT_SYMBOL_VPC(vfio_pci_core_signal_request);
