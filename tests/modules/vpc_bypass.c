// SPDX-License-Identifier: GPL-2.0-only
/*
 * A consumer of irq bypass, as KVM is one where the processor delivers interrupts
 * to a guest without the host
 *
 * It takes the interrupts of an eventfd, does nothing with them, and says what it
 * was given. In debugfs, below vpc_bypass/:
 *
 *	eventfd	write a descriptor to consume its interrupts, -1 for none
 *	irq	interrupt that a producer has offered for it, or 0
 *	joined	how often one came
 *	parted	how often one went
 */
#include <linux/debugfs.h>
#include <linux/eventfd.h>
#include <linux/irqbypass.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/uaccess.h>
#include <linux/vfio_pci_core.h>

static DEFINE_MUTEX(lock);	/* protects consumer and eventfd */
static struct irq_bypass_consumer consumer;
static struct eventfd_ctx *eventfd;
static struct dentry *dir;
/* Written with the bypass manager's lock held, read without. */
static u32 irq, joined, parted;

static int add_producer(struct irq_bypass_consumer *cons,
			struct irq_bypass_producer *prod)
{
	WRITE_ONCE(irq, prod->irq);
	WRITE_ONCE(joined, joined + 1);
	return 0;
}

static void del_producer(struct irq_bypass_consumer *cons,
			 struct irq_bypass_producer *prod)
{
	WRITE_ONCE(irq, 0);
	WRITE_ONCE(parted, parted + 1);
}

static void forget(void)
{
	lockdep_assert_held(&lock);
	if (!eventfd)
		return;
	irq_bypass_unregister_consumer(&consumer);
	eventfd_ctx_put(eventfd);
	eventfd = NULL;
}

static int consume(int fd)
{
	struct eventfd_ctx *ctx;
	int ret;

	lockdep_assert_held(&lock);
	forget();
	if (fd < 0)
		return 0;
	ctx = eventfd_ctx_fdget(fd);
	if (IS_ERR(ctx))
		return PTR_ERR(ctx);

	consumer = (struct irq_bypass_consumer) {
		.add_producer = add_producer,
		.del_producer = del_producer,
	};
	ret = compat_irq_bypass_consume(&consumer, ctx);
	if (ret)
		eventfd_ctx_put(ctx);
	else
		eventfd = ctx;
	return ret;
}

static ssize_t eventfd_write(struct file *file, const char __user *buf,
			     size_t count, loff_t *ppos)
{
	int fd, ret;

	ret = kstrtoint_from_user(buf, count, 0, &fd);
	if (ret)
		return ret;
	mutex_lock(&lock);
	ret = consume(fd);
	mutex_unlock(&lock);
	return ret ?: count;
}

static const struct file_operations eventfd_fops = {
	.owner	= THIS_MODULE,
	.open	= simple_open,
	.write	= eventfd_write,
};

static int __init vpc_bypass_init(void)
{
	dir = debugfs_create_dir("vpc_bypass", NULL);
	debugfs_create_file("eventfd", 0200, dir, NULL, &eventfd_fops);
	debugfs_create_u32("irq", 0400, dir, &irq);
	debugfs_create_u32("joined", 0400, dir, &joined);
	debugfs_create_u32("parted", 0400, dir, &parted);
	return 0;
}
module_init(vpc_bypass_init);

static void __exit vpc_bypass_exit(void)
{
	debugfs_remove(dir);
	mutex_lock(&lock);
	forget();
	mutex_unlock(&lock);
}
module_exit(vpc_bypass_exit);

MODULE_DESCRIPTION("Tests: a consumer of irq bypass");
MODULE_LICENSE("GPL");
