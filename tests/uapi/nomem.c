// SPDX-License-Identifier: GPL-2.0-only
/*
 * No memory: each allocation that an operation needs fails once
 *
 * Wants /proc/self/fail-nth (Documentation/fault-injection), and that the faults
 * are limited to the drivers under test (tests/lab/in-l1/faults.sh). An operation
 * that fails leaves everything as it was: done again with memory, it works.
 */
#include <fcntl.h>
#include <linux/vfio.h>

#include "pci.h"
#include "test.h"

#define MANY_ALLOCATIONS	400
#define IOVA			0x100000

/* The next allocations of this task go well until the @nth, which fails. 0: none */
static void fail_nth(int nth)
{
	char text[16];
	int fd = open("/proc/self/fail-nth", O_WRONLY);
	int len = snprintf(text, sizeof(text), "%d", nth);

	if (fd < 0)
		SKIP("this kernel cannot let allocations fail");
	ASSERT_EQ(write(fd, text, len), len);
	close(fd);
}

/* How many more allocations there would have been until one failed; 0: one has */
static int fail_left(void)
{
	char text[16] = "";
	int fd = open("/proc/self/fail-nth", O_RDONLY);

	ASSERT(fd >= 0);
	ASSERT(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	return atoi(text);
}

/*
 * An operation: @prepare, if there is one, comes before each try, @undo after each
 * one that worked.
 */
struct op {
	const char *name;
	void (*prepare)(void);
	int (*run)(void);
	void (*undo)(void);
};

static struct vfio own, *d;

/* Returns how many allocations were needed. */
static void each_fails(const struct op *op)
{
	int nth, left = 0, needed = 0, ret;

	for (nth = 1; !left && nth < MANY_ALLOCATIONS; nth++) {
		if (op->prepare)
			op->prepare();
		fail_nth(nth);
		ret = op->run();
		left = fail_left();
		fail_nth(0);
		if (ret >= 0)
			op->undo();
		else if (left)
			test_fail(__FILE__, __LINE__, "%s: %d although no allocation failed",
				  op->name, ret);
		else
			needed++;
	}
	EXPECT(nth < MANY_ALLOCATIONS);
	EXPECT(needed > 0);
	if (op->prepare)
		op->prepare();
	ret = op->run();
	if (EXPECT(ret >= 0))
		op->undo();
	else
		test_note("%s: %d after the last failure", op->name, ret);
	test_note("%s: %d allocations, %d needed", op->name, nth - 2, needed);
}

/* ---- opening ---- */

static int open_own(void)
{
	return vfio_open(&own, args.bdf[0]);
}

static void close_own(void)
{
	vfio_close(&own);
}

TEST(opening, "open")
{
	static const struct op op = { "open", NULL, open_own, close_own };

	dut_close();
	each_fails(&op);
}

static void nothing(void)
{
}

/* ---- interrupts ---- */

static unsigned int irq_index, irq_count;
static int *irq_fds;

static int irqs_on(void)
{
	return vfio_irq_fds(d, irq_index, 0, irq_count, irq_fds);
}

static void irqs_off(void)
{
	ASSERT_EQ(vfio_irq_off(d, irq_index), 0);
}

static void try_irqs(unsigned int index, unsigned int count, const char *name)
{
	const struct op op = { name, NULL, irqs_on, irqs_off };
	int fds[64];

	d = dut();
	if (vfio_irq_count(d, index) < count)
		return;
	count = count ? count : vfio_irq_count(d, index);
	if (!count || count > ARRAY_SIZE(fds))
		return;
	for (unsigned int i = 0; i < count; i++)
		fds[i] = efd_new();
	irq_index = index;
	irq_count = count;
	irq_fds = fds;
	each_fails(&op);
	for (unsigned int i = 0; i < count; i++)
		close(fds[i]);
}

TEST(interrupts, "INTx, MSI and MSI-X, one vector and all of them")
{
	try_irqs(VFIO_PCI_INTX_IRQ_INDEX, 1, "INTx");
	try_irqs(VFIO_PCI_MSI_IRQ_INDEX, 1, "MSI");
	try_irqs(VFIO_PCI_MSI_IRQ_INDEX, 0, "MSI, all");
	try_irqs(VFIO_PCI_MSIX_IRQ_INDEX, 1, "MSI-X");
	try_irqs(VFIO_PCI_MSIX_IRQ_INDEX, 0, "MSI-X, all");
}

static int one_efd;

static int add_vector(void)
{
	return vfio_irq_fd(d, VFIO_PCI_MSIX_IRQ_INDEX, 1, one_efd);
}

static void drop_vector(void)
{
	ASSERT_EQ(vfio_irq_fd(d, VFIO_PCI_MSIX_IRQ_INDEX, 1, -1), 0);
}

TEST(dynamic, "a vector of MSI-X more")
{
	static const struct op op = { "vector", NULL, add_vector, drop_vector };

	d = dut();
	if (vfio_irq_count(d, VFIO_PCI_MSIX_IRQ_INDEX) < 2)
		SKIP("fewer than two vectors");
	one_efd = efd_new();
	ASSERT_EQ(vfio_irq_fd(d, VFIO_PCI_MSIX_IRQ_INDEX, 0, one_efd), 0);
	each_fails(&op);
	vfio_irq_off(d, VFIO_PCI_MSIX_IRQ_INDEX);
	close(one_efd);
}

static int unmask_eventfd(void)
{
	return vfio_set_irqs(d, VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_UNMASK,
			     VFIO_PCI_INTX_IRQ_INDEX, 0, 1, &one_efd, sizeof(one_efd));
}

static void no_unmask_eventfd(void)
{
	int none = -1;

	ASSERT_EQ(vfio_set_irqs(d, VFIO_IRQ_SET_DATA_EVENTFD |
				VFIO_IRQ_SET_ACTION_UNMASK, VFIO_PCI_INTX_IRQ_INDEX,
				0, 1, &none, sizeof(none)), 0);
}

TEST(unmask, "an eventfd that unmasks INTx")
{
	static const struct op op = {
		"unmask", NULL, unmask_eventfd, no_unmask_eventfd
	};
	int efd = efd_new();

	d = dut();
	if (!vfio_irq_count(d, VFIO_PCI_INTX_IRQ_INDEX))
		SKIP("no INTx");
	one_efd = efd_new();
	ASSERT_EQ(vfio_irq_fd(d, VFIO_PCI_INTX_IRQ_INDEX, 0, efd), 0);
	each_fails(&op);
	vfio_irq_off(d, VFIO_PCI_INTX_IRQ_INDEX);
	close(one_efd);
	close(efd);
}

static uint64_t doorbell;

static int ioeventfd_ioctl(int fd)
{
	struct vfio_device_ioeventfd io = {
		.argsz = sizeof(io), .flags = VFIO_DEVICE_IOEVENTFD_32, .fd = fd,
		.offset = doorbell,
	};

	return vfio_ioctl(d->fd, VFIO_DEVICE_IOEVENTFD, &io);
}

static int ioeventfd_on(void)
{
	return ioeventfd_ioctl(one_efd);
}

static void ioeventfd_off(void)
{
	ASSERT_EQ(ioeventfd_ioctl(-1), 0);
}

TEST(ioeventfd, "an ioeventfd")
{
	static const struct op op = {
		"ioeventfd", NULL, ioeventfd_on, ioeventfd_off
	};

	d = dut();
	doorbell = d->region[mappable_bar(d)].offset + mappable_page(d);
	one_efd = efd_new();
	each_fails(&op);
	close(one_efd);
}

/* ---- reset ---- */

/* How many functions a hot reset hits */
static int hot_reset_info(void)
{
	struct {
		struct vfio_pci_hot_reset_info h;
		struct vfio_pci_dependent_device dev[32];
	} info = { .h.argsz = sizeof(info) };
	int ret = vfio_ioctl(d->fd, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, &info);

	return ret ? ret : (int)info.h.count;
}

static int hot_reset(void)
{
	struct {
		struct vfio_pci_hot_reset h;
		int fd;
	} r = { .h = { .argsz = sizeof(r), .count = !d->cdev }, .fd = d->group };

	return vfio_ioctl(d->fd, VFIO_DEVICE_PCI_HOT_RESET, &r);
}

TEST(resets, "hot reset and its info")
{
	static const struct op info_op = { "info", NULL, hot_reset_info, nothing };
	static const struct op reset_op = { "hot reset", NULL, hot_reset, nothing };

	int count;

	d = dut();
	count = hot_reset_info();
	if (count == -ENODEV)
		SKIP("no hot reset for this function");
	/* Few functions need no memory. */
	if (count > 8)
		each_fails(&info_op);
	/* A cdev shows no groups, and needs nothing but itself. */
	if (!d->cdev && hot_reset() == 0)
		each_fails(&reset_op);
}

/* ---- migration ---- */

static int data_fd = -1;

static int set_state(int state)
{
	struct vfio_device_feature_mig_state s = { .device_state = state };
	int ret = vfio_feature(d, VFIO_DEVICE_FEATURE_SET |
			       VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE, &s, sizeof(s));

	if (!ret && s.data_fd >= 0)
		data_fd = s.data_fd;
	return ret;
}

static void to_running(void)
{
	if (data_fd >= 0)
		close(data_fd);
	data_fd = -1;
	ASSERT_EQ(vfio_ioctl(d->fd, VFIO_DEVICE_RESET, NULL), 0);
}

static int stop_copy(void)
{
	return set_state(VFIO_DEVICE_STATE_STOP_COPY);
}

static int pre_copy(void)
{
	return set_state(VFIO_DEVICE_STATE_PRE_COPY);
}

static char stream[65536];
static ssize_t stream_len;

static void save_stream(void)
{
	ssize_t n;

	ASSERT_EQ(stop_copy(), 0);
	stream_len = 0;
	while ((n = read(data_fd, stream + stream_len,
			 sizeof(stream) - stream_len)) > 0)
		stream_len += n;
	to_running();
}

static int load_stream(void)
{
	ssize_t n, done;
	int ret = set_state(VFIO_DEVICE_STATE_RESUMING);

	for (done = 0; !ret && done < stream_len; done += n) {
		n = write(data_fd, stream + done, stream_len - done);
		if (n < 0)
			return -errno;
	}
	return ret ? ret : set_state(VFIO_DEVICE_STATE_STOP);
}

TEST(migration, "sessions that save and one that loads")
{
	static const struct op save_op = {
		"STOP_COPY", to_running, stop_copy, to_running
	}, pre_op = {
		"PRE_COPY", to_running, pre_copy, to_running
	}, load_op = {
		"load", to_running, load_stream, to_running
	};
	struct vfio_device_feature_migration f = {};

	d = dut();
	if (vfio_feature(d, VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_MIGRATION,
			 &f, sizeof(f)))
		SKIP("the device does not migrate");
	each_fails(&save_op);
	if (f.flags & VFIO_MIGRATION_PRE_COPY)
		each_fails(&pre_op);
	save_stream();
	each_fails(&load_op);
}
