// SPDX-License-Identifier: GPL-2.0-only
/*
 * Migration: data sessions
 *
 * The user reads a stream while the device is saved, or writes one while it is
 * loaded. A stream is kept in memory as a whole, which bounds what a driver can
 * save by what it says its state can take; of a stream that comes in, nothing is
 * applied before all of it is there and good.
 *
 * A file can outlive its session and the device. Then it is over, and it knows
 * nothing of the device any more.
 */
#include <linux/anon_inodes.h>
#include <linux/fs.h>
#include <linux/pagemap.h>
#include <linux/poll.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <compat/vfio_migration.h>

#include "vpc.h"
#include "migration.h"

/* Room in a stream that comes in, for optional sections of a newer version */
#define EXTRA_ROOM	SZ_64K

static void file_free(struct kref *ref)
{
	struct vpc_mig_file *file = container_of(ref, struct vpc_mig_file, ref);

	mutex_destroy(&file->lock);
	kvfree(file->buf);
	kfree(file);
}

static void fill_identity(struct vpc_migration *mig,
			  struct vpc_stream_identity *id)
{
	struct pci_dev *pdev = mig->core->pdev;

	*id = (struct vpc_stream_identity) {
		.vendor = cpu_to_le16(pdev->vendor),
		.device = cpu_to_le16(pdev->device),
		.subvendor = cpu_to_le16(pdev->subsystem_vendor),
		.subdevice = cpu_to_le16(pdev->subsystem_device),
	};
	strscpy_pad(id->driver, mig->core->vdev.ops->name);
	strscpy_pad(id->source, pci_name(pdev));
}

static size_t early_size(struct vpc_migration *mig)
{
	return mig->ops->early_size ? mig->ops->early_size(mig->core) : 0;
}

/* The most that a stream of this device can have */
size_t vpc_mig_stream_size(struct vpc_migration *mig)
{
	return vpc_stream_overhead(3) + sizeof(struct vpc_stream_identity) +
	       early_size(mig) + mig->ops->size(mig->core);
}

/*
 * Give the user what there is, as far as that can be done without a page fault:
 * -EFAULT if not a byte can. A reset waits for the lock, and a page fault may wait
 * for anything, the end of that reset included, so it is taken without the lock.
 */
static ssize_t give_out(struct vpc_mig_file *file, char __user *buf,
			size_t count)
{
	size_t left;

	lockdep_assert_held(&file->lock);
	switch (file->phase) {
	case VPC_PHASE_EARLY:
		if (file->mig->dirty.failed)
			return -EIO;
		if (file->pos == file->len)
			return -ENOMSG;
		break;
	case VPC_PHASE_FULL:
		break;
	case VPC_PHASE_LOAD:
		return -EBADF;
	case VPC_PHASE_OVER:
		return -ENODEV;
	}

	count = min(count, file->len - file->pos);
	pagefault_disable();
	left = copy_to_user(buf, file->buf + file->pos, count);
	pagefault_enable();
	file->pos += count - left;
	return left && left == count ? -EFAULT : count - left;
}

static ssize_t mig_file_read(struct file *filp, char __user *buf, size_t count,
			     loff_t *pos)
{
	struct vpc_mig_file *file = filp->private_data;
	ssize_t ret;

	do {
		scoped_guard(mutex, &file->lock)
			ret = give_out(file, buf, count);
	} while (ret == -EFAULT && fault_in_safe_writeable(buf, count) != count);
	return ret;
}

/* Everything that can be said of a stream before it is complete */
static int check_identity(struct vpc_mig_file *file, const char **why)
{
	const struct vpc_stream_reader *r = &file->reader;
	struct vpc_stream_identity ours, theirs;

	if (r->part[VPC_STREAM_IDENTITY].length != sizeof(theirs)) {
		*why = "malformed statement of what was saved";
		return -EINVAL;
	}
	memcpy(&theirs, file->buf + r->part[VPC_STREAM_IDENTITY].offset,
	       sizeof(theirs));
	fill_identity(file->mig, &ours);
	return vpc_stream_compare(&theirs, &ours, why);
}

static int check_early(struct vpc_mig_file *file, const char **why)
{
	const struct vfio_pci_core_mig_ops *ops = file->mig->ops;

	if (!ops->check_early) {
		*why = "has an early part, which this driver does not know";
		return -EINVAL;
	}
	*why = "the driver does not take the early part";
	return ops->check_early(file->mig->core,
				file->buf + file->reader.part[VPC_STREAM_EARLY].offset,
				file->reader.part[VPC_STREAM_EARLY].length);
}

/* Before the device takes it, so that the user hears of it while it writes. */
static int check_state(struct vpc_mig_file *file, const char **why)
{
	const struct vpc_stream_reader *r = &file->reader;

	*why = "the driver does not take the state";
	return file->mig->ops->check(file->mig->core,
				     file->buf + r->part[VPC_STREAM_STATE].offset,
				     r->part[VPC_STREAM_STATE].length);
}

static int check_arrived(struct vpc_mig_file *file)
{
	bool ended = file->reader.ended;
	u16 before = file->reader.last;
	const char *why = "?";
	int ret;

	ret = vpc_stream_feed(&file->reader, file->buf, file->len, &why);
	if (!ret && before < VPC_STREAM_IDENTITY &&
	    file->reader.last >= VPC_STREAM_IDENTITY)
		ret = check_identity(file, &why);
	if (!ret && before < VPC_STREAM_EARLY &&
	    file->reader.part[VPC_STREAM_EARLY].length)
		ret = check_early(file, &why);
	if (!ret && !ended && file->reader.ended)
		ret = check_state(file, &why);
	if (!ret)
		return 0;

	pci_notice_ratelimited(file->mig->core->pdev, "migration stream refused: %s (%pe)\n",
			       why, ERR_PTR(ret));
	file->error = ret;
	return ret;
}

/* Room for @more bytes. Grows in powers of two up to the limit. */
static int make_room(struct vpc_mig_file *file, size_t more)
{
	size_t need = file->len + more, size;
	u8 *buf;

	if (need <= file->size)
		return 0;
	size = min(roundup_pow_of_two(max_t(size_t, need, PAGE_SIZE)),
		   file->reader.limit + 1);
	buf = kvmalloc(size, GFP_KERNEL_ACCOUNT);
	if (!buf)
		return -ENOMEM;
	if (file->len)
		memcpy(buf, file->buf, file->len);
	kvfree(file->buf);
	file->buf = buf;
	file->size = size;
	return 0;
}

/* The same the other way. What was refused stays refused. */
static ssize_t take_in(struct vpc_mig_file *file, const char __user *buf,
		       size_t count)
{
	size_t left;
	int ret;

	lockdep_assert_held(&file->lock);
	if (file->phase == VPC_PHASE_OVER)
		return -ENODEV;
	if (file->phase != VPC_PHASE_LOAD)
		return -EBADF;
	if (file->error)
		return file->error;

	/* One byte too many is enough to see that a stream is too long. */
	count = min(count, file->reader.limit + 1 - file->len);
	ret = make_room(file, count);
	if (ret)
		return ret;
	pagefault_disable();
	left = copy_from_user(file->buf + file->len, buf, count);
	pagefault_enable();
	if (left && left == count)
		return -EFAULT;
	file->len += count - left;
	return check_arrived(file) ?: count - left;
}

static ssize_t mig_file_write(struct file *filp, const char __user *buf,
			      size_t count, loff_t *pos)
{
	struct vpc_mig_file *file = filp->private_data;
	ssize_t ret;

	do {
		scoped_guard(mutex, &file->lock)
			ret = take_in(file, buf, count);
	} while (ret == -EFAULT && fault_in_readable(buf, count) != count);
	return ret;
}

static __poll_t mig_file_poll(struct file *filp, poll_table *table)
{
	struct vpc_mig_file *file = filp->private_data;

	poll_wait(filp, &file->wait, table);
	poll_wait(filp, &vpc_dirty_failures, table);
	guard(mutex)(&file->lock);
	switch (file->phase) {
	case VPC_PHASE_EARLY:
		return file->pos < file->len || file->mig->dirty.failed ?
		       EPOLLIN | EPOLLRDNORM : 0;
	case VPC_PHASE_FULL:
		return EPOLLIN | EPOLLRDNORM;
	case VPC_PHASE_LOAD:
		return EPOLLOUT | EPOLLWRNORM;
	case VPC_PHASE_OVER:
		break;
	}
	return EPOLLIN | EPOLLRDNORM | EPOLLERR | EPOLLHUP;
}

static long mig_file_ioctl(struct file *filp, unsigned int cmd,
			   unsigned long arg)
{
	const size_t minsz = offsetofend(struct vfio_precopy_info, dirty_bytes);
	struct vpc_mig_file *file = filp->private_data;
	struct vfio_precopy_info info;

	if (cmd != VFIO_MIG_GET_PRECOPY_INFO)
		return -ENOTTY;
	if (copy_from_user(&info, (void __user *)arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;

	scoped_guard(mutex, &file->lock) {
		if (file->phase != VPC_PHASE_EARLY)
			return -EINVAL;
		if (compat_precopy_info_v2(&file->mig->core->vdev))
			info.flags = 0;
		/* All that is sent early is there from the beginning. */
		info.initial_bytes = file->len - file->pos;
		info.dirty_bytes = 0;
	}
	return copy_to_user((void __user *)arg, &info, minsz) ? -EFAULT : 0;
}

static int mig_file_release(struct inode *inode, struct file *filp)
{
	struct vpc_mig_file *file = filp->private_data;

	kref_put(&file->ref, file_free);
	return 0;
}

static const struct file_operations saving_fops = {
	.owner		= THIS_MODULE,
	.read		= mig_file_read,
	.poll		= mig_file_poll,
	.unlocked_ioctl	= mig_file_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.release	= mig_file_release,
};

static const struct file_operations loading_fops = {
	.owner		= THIS_MODULE,
	.write		= mig_file_write,
	.poll		= mig_file_poll,
	.release	= mig_file_release,
};

/* A file and the session behind it, which becomes that of the device. */
static struct file *session_open(struct vpc_migration *mig,
				 struct vpc_mig_file *file,
				 enum vpc_mig_phase phase)
{
	bool load = phase == VPC_PHASE_LOAD;
	struct file *filp;

	lockdep_assert_held(&mig->lock);
	kref_init(&file->ref);
	mutex_init(&file->lock);
	init_waitqueue_head(&file->wait);
	file->mig = mig;
	file->phase = phase;

	filp = anon_inode_getfile(load ? "[vfio-pci-load]" : "[vfio-pci-save]",
				  load ? &loading_fops : &saving_fops, file,
				  load ? O_WRONLY : O_RDONLY);
	if (IS_ERR(filp)) {
		kref_put(&file->ref, file_free);
		return filp;
	}
	/* A pipe, not something with positions. */
	stream_open(file_inode(filp), filp);
	kref_get(&file->ref);
	mig->file = file;
	return filp;
}

/* What goes out first, whether the device runs or not */
static int write_beginning(struct vpc_migration *mig, struct vpc_mig_file *file)
{
	struct vpc_stream_writer *w = &file->writer;
	struct vpc_stream_identity id;
	size_t early = early_size(mig);
	ssize_t used;
	void *at;

	if (vpc_stream_start(w, file->buf, file->size, get_random_u64()))
		return -ENOSPC;
	at = vpc_stream_open_section(w, VPC_STREAM_IDENTITY, sizeof(id));
	if (!at)
		return -ENOSPC;
	fill_identity(mig, &id);
	memcpy(at, &id, sizeof(id));
	vpc_stream_close_section(w, sizeof(id));
	if (!early)
		return 0;

	at = vpc_stream_open_section(w, VPC_STREAM_EARLY, early);
	if (!at)
		return -ENOSPC;
	used = mig->ops->save_early(mig->core, at, early);
	if (used < 0)
		return used;
	if (WARN_ON(used > early))
		return -EIO;
	vpc_stream_close_section(w, used);
	return 0;
}

/*
 * Begin to save. With @early the device may still run, and what can be read is its
 * identity; what is missing comes with vpc_mig_file_complete().
 */
struct file *vpc_mig_file_save(struct vpc_migration *mig, bool early)
{
	struct vpc_mig_file *file;
	int ret = -ENOMEM;

	file = kzalloc(sizeof(*file), GFP_KERNEL_ACCOUNT);
	if (!file)
		return ERR_PTR(-ENOMEM);
	file->size = vpc_mig_stream_size(mig);
	file->buf = kvzalloc(file->size, GFP_KERNEL_ACCOUNT);
	if (file->buf)
		ret = write_beginning(mig, file);
	if (ret) {
		kvfree(file->buf);
		kfree(file);
		return ERR_PTR(ret);
	}
	file->len = file->writer.len;
	return session_open(mig, file, VPC_PHASE_EARLY);
}

/* The device is stopped: add its state and the end to the stream. */
int vpc_mig_file_complete(struct vpc_migration *mig)
{
	struct vpc_mig_file *file = mig->file;
	struct vpc_stream_writer *w = &file->writer;
	size_t size = mig->ops->size(mig->core);
	ssize_t used;
	void *at;

	lockdep_assert_held(&mig->lock);
	guard(mutex)(&file->lock);
	at = vpc_stream_open_section(w, VPC_STREAM_STATE, size);
	if (!at)
		return -ENOSPC;
	used = mig->ops->save(mig->core, at, size);
	if (used <= 0)
		return used ?: -EIO;
	if (WARN_ON(used > size))
		return -EIO;
	vpc_stream_close_section(w, used);
	if (!vpc_stream_open_section(w, VPC_STREAM_END, 0))
		return -ENOSPC;
	vpc_stream_close_section(w, 0);

	file->len = w->len;
	file->phase = VPC_PHASE_FULL;
	wake_up_interruptible_poll(&file->wait, EPOLLIN | EPOLLRDNORM);
	return 0;
}

/* Begin to load. */
struct file *vpc_mig_file_load(struct vpc_migration *mig)
{
	struct vpc_mig_file *file;

	file = kzalloc(sizeof(*file), GFP_KERNEL_ACCOUNT);
	if (!file)
		return ERR_PTR(-ENOMEM);
	file->reader.limit = vpc_mig_stream_size(mig) + EXTRA_ROOM;
	return session_open(mig, file, VPC_PHASE_LOAD);
}

/* All has been written: is it good? Then apply it. */
int vpc_mig_file_apply(struct vpc_migration *mig)
{
	struct vpc_mig_file *file = mig->file;
	struct pci_dev *pdev = mig->core->pdev;
	const struct vpc_stream_reader *r = &file->reader;
	int ret;

	lockdep_assert_held(&mig->lock);
	guard(mutex)(&file->lock);
	if (file->error)
		return file->error;
	if (!r->ended) {
		pci_notice_ratelimited(pdev, "migration stream refused: incomplete, %zu bytes\n",
				       file->len);
		return -EINVAL;
	}
	ret = mig->ops->load(mig->core,
			     file->buf + r->part[VPC_STREAM_STATE].offset,
			     r->part[VPC_STREAM_STATE].length);
	if (ret)
		pci_err(pdev, "migrated state could not be applied (%pe)\n",
			ERR_PTR(ret));
	return ret;
}

/* The session of the device, if it has one, is over; its file lives on. */
void vpc_mig_file_end(struct vpc_migration *mig)
{
	struct vpc_mig_file *file = mig->file;

	lockdep_assert_held(&mig->lock);
	if (!file)
		return;
	mig->file = NULL;
	scoped_guard(mutex, &file->lock) {
		file->phase = VPC_PHASE_OVER;
		file->mig = NULL;
		kvfree(file->buf);
		file->buf = NULL;
		wake_up_interruptible_poll(&file->wait, EPOLLHUP | EPOLLERR);
	}
	kref_put(&file->ref, file_free);
}
