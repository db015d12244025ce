// SPDX-License-Identifier: GPL-2.0-only
/*
 * The driver is unbound while its device is open: the user is asked by REQ, and
 * the unbind waits for the last close
 */
#include <dirent.h>
#include <limits.h>
#include <signal.h>
#include <sys/wait.h>

#include "pci.h"
#include "test.h"

/*
 * The driver directory to write to and the name to write: the function itself,
 * or the auxiliary device below it where that is what a VFIO driver binds to.
 */
static void find_driver(const char *bdf, char *dir, size_t dlen, char *dev,
			size_t len)
{
	char path[64];
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%.15s", bdf);
	d = opendir(path);
	ASSERT(d);
	while ((e = readdir(d))) {
		char link[256], bus[256];
		ssize_t n;

		snprintf(link, sizeof(link), "%s/%.100s/subsystem", path, e->d_name);
		n = readlink(link, bus, sizeof(bus) - 1);
		if (e->d_name[0] == '.' || n < 0)
			continue;
		bus[n] = 0;
		if (!strstr(bus, "/bus/auxiliary"))
			continue;
		snprintf(dir, dlen, "%s/%.100s/driver", path, e->d_name);
		snprintf(dev, len, "%.63s", e->d_name);
		closedir(d);
		return;
	}
	closedir(d);
	snprintf(dir, dlen, "%s/driver", path);
	snprintf(dev, len, "%s", bdf);
}

static bool write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	bool ok = f && fputs(text, f) >= 0;

	return f && !fclose(f) && ok;
}

TEST(unbind, "unbind asks by REQ, waits for the close, then finishes; bind works again")
{
	char link[256], real[PATH_MAX], path[PATH_MAX + 8], dev[64];
	struct vfio *d;
	int efd = efd_new(), status = -1;
	pid_t pid;

	dut_close();
	d = dut();
	find_driver(d->bdf, link, sizeof(link), dev, sizeof(dev));
	ASSERT(realpath(link, real));
	ASSERT_EQ(vfio_irq_fd(d, VFIO_PCI_REQ_IRQ_INDEX, 0, efd), 0);
	snprintf(path, sizeof(path), "%s/unbind", real);
	pid = fork();
	if (!pid) {
		/* no file of the parent may keep the device open here */
		dut_close();
		_exit(!write_file(path, dev));
	}
	EXPECT(WITHIN(20000, efd_count(efd)));
	EXPECT_EQ(waitpid(pid, &status, WNOHANG), 0);
	/* the file is still there and answers, with whatever, without crashing */
	d->info.argsz = sizeof(d->info);
	vfio_ioctl(d->fd, VFIO_DEVICE_GET_INFO, &d->info);
	dut_close();
	EXPECT(WITHIN(20000, waitpid(pid, &status, WNOHANG) == pid));
	EXPECT_EQ(status, 0);
	EXPECT(access(link, F_OK) < 0);
	snprintf(path, sizeof(path), "%s/bind", real);
	EXPECT(write_file(path, dev));
	d = dut();
	EXPECT_EQ(probe_bar(d), 4);
	close(efd);
}
