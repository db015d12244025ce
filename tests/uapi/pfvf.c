// SPDX-License-Identifier: GPL-2.0-only
/*
 * A physical function and its VFs, all given to user space: who has to know the token,
 * and what becomes of the one when the other goes
 *
 * The first address is the PF, bound to vfio-pci with enable_sriov.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sys/wait.h>

#include "pci.h"
#include "test.h"

#define TOKEN	"00112233-4455-6677-8899-aabbccddeeff"
#define OTHER	"00112233-4455-6677-8899-aabbccddee00"

/* The bytes of TOKEN as VFIO_DEVICE_FEATURE_PCI_VF_TOKEN wants them (RFC 4122) */
static uint8_t token[16] = {
	0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
	0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff,
};

static const char *pf_name(void)
{
	return args.bdf[0];
}

static int vfs(const char *n)
{
	return sysfs_write(pf_name(), "sriov_numvfs", n);
}

static void vf_name(unsigned int n, char *bdf, size_t len)
{
	char link[16];

	snprintf(link, sizeof(link), "virtfn%u", n);
	ASSERT_EQ(sysfs_link(pf_name(), link, bdf, len), 0);
}

/* Two VFs, and the PF open with the token set */
static void start(struct vfio *pf, char vf[2][64])
{
	ASSERT_EQ(vfs("0"), 0);
	ASSERT_EQ(vfio_open_with(pf, pf_name(), NULL, NULL), 0);
	ASSERT_EQ(vfs("2"), 0);
	vf_name(0, vf[0], 64);
	vf_name(1, vf[1], 64);
	ASSERT_EQ(vfio_feature(pf, VFIO_DEVICE_FEATURE_SET |
			       VFIO_DEVICE_FEATURE_PCI_VF_TOKEN, token, 16), 0);
}

static int try_open(const char *bdf, const char *tok)
{
	struct vfio d;
	int ret = vfio_open_with(&d, bdf, NULL, tok);

	if (!ret)
		vfio_close(&d);
	return ret;
}

TEST(captured, "VFs are captured: overridden and bound to the PF's driver")
{
	struct vfio pf;
	char vf[2][64], text[64] = "";

	start(&pf, vf);
	for (int i = 0; i < 2; i++) {
		ASSERT(sysfs_read(vf[i], "driver_override", text, sizeof(text) - 1) > 0);
		EXPECT(!strcmp(text, "vfio-pci\n"));
		ASSERT_EQ(sysfs_link(vf[i], "driver", text, sizeof(text)), 0);
		EXPECT(!strcmp(text, "vfio-pci"));
	}
	vfio_close(&pf);
}

static unsigned int power_state(struct vfio *d)
{
	return cfg_read(d, cfg_cap(d, PCI_CAP_ID_PM) + PCI_PM_CTRL, 2) &
	       PCI_PM_CTRL_STATE_MASK;
}

static void write_power_state(struct vfio *d, unsigned int state)
{
	cfg_write(d, cfg_cap(d, PCI_CAP_ID_PM) + PCI_PM_CTRL, 2, state);
}

TEST(awake, "a PF is in D0 while it has VFs, whatever its user writes")
{
	struct vfio pf;
	char vf[2][64];

	ASSERT_EQ(vfs("0"), 0);
	ASSERT_EQ(vfio_open_with(&pf, pf_name(), NULL, NULL), 0);
	write_power_state(&pf, 3);
	ASSERT_EQ(power_state(&pf), 3);
	ASSERT_EQ(vfs("2"), 0);
	EXPECT_EQ(power_state(&pf), 0);
	vf_name(0, vf[0], 64);
	EXPECT(host_read(vf[0], PCI_CLASS_REVISION, 4) != ~0u);
	write_power_state(&pf, 3);
	EXPECT_EQ(power_state(&pf), 0);
	ASSERT_EQ(vfs("0"), 0);
	write_power_state(&pf, 3);
	EXPECT_EQ(power_state(&pf), 3);
	write_power_state(&pf, 0);
	vfio_close(&pf);
}

TEST(token, "a VF opens with the token that the PF's user set, and with no other")
{
	struct vfio pf;
	char vf[2][64];

	start(&pf, vf);
	EXPECT_EQ(try_open(vf[0], NULL), -EACCES);
	EXPECT_EQ(try_open(vf[0], OTHER), -EACCES);
	EXPECT_EQ(try_open(vf[0], TOKEN), 0);
	EXPECT_EQ(try_open(vf[1], TOKEN), 0);
	vfio_close(&pf);
	/* It stays when the PF's user goes ... */
	EXPECT_EQ(try_open(vf[0], TOKEN), 0);
	EXPECT_EQ(try_open(vf[0], NULL), -EACCES);
	/* ... until the next one names another. */
	ASSERT_EQ(vfio_open_with(&pf, pf_name(), NULL, OTHER), 0);
	EXPECT_EQ(try_open(vf[0], TOKEN), -EACCES);
	EXPECT_EQ(try_open(vf[0], OTHER), 0);
	vfio_close(&pf);
}

TEST(pf_needs_it, "while a VF is in use, the PF opens with the token alone")
{
	struct vfio pf, d;
	char vf[2][64];

	start(&pf, vf);
	vfio_close(&pf);
	ASSERT_EQ(vfio_open_with(&d, vf[0], NULL, TOKEN), 0);
	EXPECT_EQ(try_open(pf_name(), NULL), -EACCES);
	EXPECT_EQ(try_open(pf_name(), OTHER), -EACCES);
	EXPECT_EQ(try_open(pf_name(), TOKEN), 0);
	vfio_close(&d);
	EXPECT_EQ(try_open(pf_name(), NULL), 0);
}

/* As root of another process, since it may have to wait for this one */
static pid_t fork_vfs(const char *n)
{
	pid_t pid = fork();

	if (!pid) {
		/* no file of the parent may keep a device open here */
		for (int fd = 3; fd < 64; fd++)
			close(fd);
		_exit(vfs(n) != 0);
	}
	return pid;
}

static bool gone(pid_t pid)
{
	int status = -1;

	return waitpid(pid, &status, WNOHANG) == pid && !status;
}

TEST(vfs_leave, "VFs disabled while one is in use: its user is asked, and waited for")
{
	struct vfio pf, d;
	char vf[2][64];
	int efd = efd_new();
	pid_t pid;

	start(&pf, vf);
	ASSERT_EQ(vfio_open_with(&d, vf[1], NULL, TOKEN), 0);
	ASSERT_EQ(vfio_irq_fd(&d, VFIO_PCI_REQ_IRQ_INDEX, 0, efd), 0);
	pid = fork_vfs("0");
	EXPECT(WITHIN(20000, efd_count(efd)));
	EXPECT(!gone(pid));
	vfio_close(&d);
	EXPECT(WITHIN(20000, gone(pid)));
	EXPECT_EQ(access("/sys/bus/pci/devices/", F_OK), 0);
	EXPECT(sysfs_link(pf_name(), "virtfn0", vf[0], 64) < 0);
	/* The PF's user has not noticed. */
	EXPECT_EQ(vfio_ioctl(pf.fd, VFIO_DEVICE_RESET, NULL), 0);
	vfio_close(&pf);
	close(efd);
}

TEST(pf_leaves, "the PF unbound: its VFs are disabled, each user asked and waited for")
{
	struct vfio pf, d;
	char vf[2][64];
	int efd = efd_new(), pfd = efd_new(), fd;
	pid_t pid;

	start(&pf, vf);
	ASSERT_EQ(vfio_open_with(&d, vf[0], NULL, TOKEN), 0);
	ASSERT_EQ(vfio_irq_fd(&d, VFIO_PCI_REQ_IRQ_INDEX, 0, efd), 0);
	ASSERT_EQ(vfio_irq_fd(&pf, VFIO_PCI_REQ_IRQ_INDEX, 0, pfd), 0);
	pid = fork();
	if (!pid) {
		for (fd = 3; fd < 64; fd++)
			close(fd);
		_exit(sysfs_write(pf_name(), "driver/unbind", pf_name()) != 0);
	}
	EXPECT(WITHIN(20000, efd_count(efd)));
	vfio_close(&d);
	EXPECT(WITHIN(20000, efd_count(pfd)));
	EXPECT(!gone(pid));
	vfio_close(&pf);
	EXPECT(WITHIN(20000, gone(pid)));
	fd = open("/sys/bus/pci/drivers/vfio-pci/bind", O_WRONLY);
	ASSERT(write(fd, pf_name(), strlen(pf_name())) > 0);
	close(fd);
	close(efd);
	close(pfd);
	EXPECT_EQ(try_open(pf_name(), NULL), 0);
}

static volatile bool stop;

struct vf_user {
	const char *bdf;
	volatile unsigned long opened;
	pthread_t thread;
};

static void *vf_user(void *arg)
{
	struct vf_user *user = arg;
	int ret;

	while (!stop) {
		ret = try_open(user->bdf, TOKEN);
		user->opened += !ret;
		if (ret && ret != -EBUSY && ret != -EAGAIN)
			test_note("VF: %s", strerror(-ret));
	}
	return NULL;
}

TEST(load, "PF and VFs opened, reset and closed against each other, tokens changing hands")
{
	time_t end = time(NULL) + args.seconds;
	struct vf_user user[2] = {};
	char vf[2][64];
	struct vfio pf;
	int ret;

	start(&pf, vf);
	vfio_close(&pf);
	stop = false;
	for (int i = 0; i < 2; i++) {
		user[i].bdf = vf[i];
		ASSERT(!pthread_create(&user[i].thread, NULL, vf_user, &user[i]));
	}
	/* Until each VF has been opened, or the time of the test is up. */
	while (time(NULL) < end || !user[0].opened || !user[1].opened) {
		ret = vfio_open_with(&pf, pf_name(), NULL, TOKEN);
		EXPECT(ret == 0 || ret == -EAGAIN);
		if (ret)
			continue;
		EXPECT_EQ(vfio_feature(&pf, VFIO_DEVICE_FEATURE_SET |
				       VFIO_DEVICE_FEATURE_PCI_VF_TOKEN,
				       token, 16), 0);
		EXPECT_EQ(probe_bar(&pf), 4);
		ret = vfio_ioctl(pf.fd, VFIO_DEVICE_RESET, NULL);
		EXPECT(ret == 0 || ret == -EAGAIN);
		vfio_close(&pf);
	}
	stop = true;
	for (int i = 0; i < 2; i++) {
		pthread_join(user[i].thread, NULL);
		EXPECT(user[i].opened);
		test_note("VF %d opened %lu times", i, user[i].opened);
	}
	EXPECT_EQ(vfs("0"), 0);
}
