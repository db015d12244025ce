// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupt of the PF and the work that it starts
 *
 * One vector for everything: mailbox, VF resets, link, errors (data sheet 7.3).
 * The handler only masks it. What follows runs in a workqueue rather than an
 * interrupt thread, whose real-time priority a guest could turn against the host
 * by flooding its mailbox. The work also runs every two seconds, so an interrupt
 * that got lost delays a VF and does not lose it.
 */
#include <linux/interrupt.h>

#include "i82576.h"

#define PF_VECTOR	0
#define PF_CAUSES	(ICR_LSC | ICR_VMMB | ICR_FER)
#define POLL_PERIOD	(2 * HZ)
#define THROTTLE_PERIOD	msecs_to_jiffies(10)
#define ANNOUNCE_PERIOD	msecs_to_jiffies(150)

static irqreturn_t i82576_interrupt(int irq, void *data)
{
	struct i82576_pf *pf = data;

	i82576_write(pf, REG_EIMC, BIT(PF_VECTOR));
	mod_delayed_work(i82576_wq, &pf->service, 0);
	return IRQ_HANDLED;
}

/**
 * i82576_irq_request - get the PF's interrupt
 * @pf: physical function
 *
 * Return: 0 or a negative errno, with the reason in the log.
 */
int i82576_irq_request(struct i82576_pf *pf)
{
	int ret;

	/* VFs have vectors of their own, so one is all there is to ask for. */
	ret = pci_alloc_irq_vectors(pf->pdev, 1, 1, PCI_IRQ_MSIX);
	if (ret < 0) {
		pci_err(pf->pdev, "no MSI-X interrupt (%d), which the mailbox of the VFs needs\n",
			ret);
		return ret;
	}
	pf->irq = pci_irq_vector(pf->pdev, PF_VECTOR);
	ret = request_irq(pf->irq, i82576_interrupt, 0, I82576_NAME, pf);
	if (ret) {
		pci_err(pf->pdev, "cannot get interrupt %d (%d)\n", pf->irq, ret);
		pci_free_irq_vectors(pf->pdev);
	}
	return ret;
}

/**
 * i82576_irq_free - give the PF's interrupt back and end the work for good
 * @pf: physical function, with interrupts off in the device
 *
 * Context: the work may want the devlink instance lock: call without it.
 */
void i82576_irq_free(struct i82576_pf *pf)
{
	free_irq(pf->irq, pf);
	cancel_delayed_work_sync(&pf->service);
	pci_free_irq_vectors(pf->pdev);
}

/**
 * i82576_irq_enable - let the device interrupt
 * @pf: physical function that was reset; its lock is held
 */
void i82576_irq_enable(struct i82576_pf *pf)
{
	lockdep_assert_held(&pf->lock);
	/* With EIAME, or else EIAM of no VF would mask its vectors while it polls. */
	i82576_write(pf, REG_GPIE, GPIE_NSICR | GPIE_MULTIPLE_MSIX |
				   GPIE_EIAME | GPIE_PBA);
	i82576_write(pf, REG_IVAR_MISC, IVAR_MISC_OTHER(PF_VECTOR));
	i82576_write(pf, REG_EIAC, BIT(PF_VECTOR));
	/* The handler masks by itself; nothing is masked behind our back. */
	i82576_write(pf, REG_EIAM, 0);
	i82576_write(pf, REG_IAM, 0);
	i82576_write(pf, REG_EITR(PF_VECTOR), 0);
	i82576_read(pf, REG_ICR);
	i82576_write(pf, REG_IMS, PF_CAUSES);
	i82576_write(pf, REG_MBVFIMR, MBVFICR_REQS);
	i82576_write(pf, REG_EIMS, BIT(PF_VECTOR));
	mod_delayed_work(i82576_wq, &pf->service, 0);
}

/**
 * i82576_irq_disable - no more interrupts from the device
 * @pf: physical function
 */
void i82576_irq_disable(struct i82576_pf *pf)
{
	i82576_write(pf, REG_EIMC, BIT(PF_VECTOR));
	i82576_write(pf, REG_IMC, U32_MAX);
	i82576_flush(pf);
}

/* Frames with a foreign source address, one bit per VF; cleared by the read. */
static void spoof_watch(struct i82576_pf *pf)
{
	u32 who = i82576_read(pf, REG_WVBR);
	unsigned int n;

	for (n = 0; n < pf->num_vfs; n++) {
		if (!(who & BIT(n)))
			continue;
		pf->vf[n].stats.spoofed++;
		i82576_vf_complain(&pf->vf[n], "tried to send from an address or VLAN that is not its own\n");
	}
}

/* Everything but messages. Returns what is wrong with the device, if anything. */
static const char *service_events(struct i82576_pf *pf)
{
	u32 cause;

	guard(mutex)(&pf->lock);
	if (pf->down)
		return NULL;
	cause = i82576_read(pf, REG_ICR);
	if (cause == U32_MAX && !i82576_health_answers(pf))
		return "does not answer";
	pf->throttled = 0;
	pf->reset_flood = false;
	i82576_mbox_collect(pf);
	i82576_link_watch(pf);
	spoof_watch(pf);
	if (pf->test_error) {
		pf->test_error = false;
		return "was told to fail (test)";
	}
	return cause & ICR_FER ? "signalled a fatal error" : NULL;
}

/* One message per VF and pass, and the lock dropped in between: nobody starves. */
static void service_mailboxes(struct i82576_pf *pf)
{
	unsigned int n;

	for (n = 0; n < I82576_MAX_VFS; n++) {
		scoped_guard(mutex, &pf->lock) {
			if (!pf->down && (pf->pending & BIT(n)))
				i82576_mbox_serve(&pf->vf[n]);
		}
		cond_resched();
	}
}

static unsigned long service_rearm(struct i82576_pf *pf)
{
	u32 causes = PF_CAUSES;
	bool announcing;

	guard(mutex)(&pf->lock);
	if (pf->down)
		return 0;
	announcing = i82576_announce_service(pf);
	i82576_write(pf, REG_MBVFIMR, MBVFICR_REQS & ~pf->throttled);
	/* Resets of one VF cannot be masked: all VFs wait, which others hardly notice. */
	if (pf->reset_flood) {
		causes &= ~ICR_VMMB;
		i82576_write(pf, REG_IMC, ICR_VMMB);
	}
	/* QEMU: reading ICR masks what it returns, whatever IAM says. */
	i82576_write(pf, REG_IMS, causes);
	i82576_write(pf, REG_EIMS, BIT(PF_VECTOR));
	/* A message of before the unmasking does not interrupt again. */
	if ((!pf->reset_flood && i82576_read(pf, REG_VFLRE)) ||
	    (i82576_read(pf, REG_MBVFICR) & MBVFICR_REQS & ~pf->throttled))
		return 1;
	if (pf->throttled || pf->reset_flood)
		return THROTTLE_PERIOD;
	return announcing ? ANNOUNCE_PERIOD : POLL_PERIOD;
}

/**
 * i82576_service_work - handle what the device has to say
 * @work: &i82576_pf.service
 */
void i82576_service_work(struct work_struct *work)
{
	struct i82576_pf *pf = container_of(to_delayed_work(work),
					    struct i82576_pf, service);
	const char *trouble = service_events(pf);
	unsigned long delay;

	if (trouble)
		i82576_health_report(pf, trouble);
	service_mailboxes(pf);
	delay = service_rearm(pf);
	if (delay)
		queue_delayed_work(i82576_wq, &pf->service, delay);
}
