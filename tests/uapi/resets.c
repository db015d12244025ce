// SPDX-License-Identifier: GPL-2.0-only
/*
 * When a function is reset for its next user, as the tracepoint tells it
 */
#include <fcntl.h>

#include "pci.h"
#include "test.h"

#define TRACING	"/sys/kernel/tracing/"

static struct vfio v;

static void put(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY | O_TRUNC | O_CLOEXEC);

	ASSERT(fd >= 0);
	ASSERT_EQ(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* Resets of the device under test since trace_from_here() */
static unsigned int resets(void)
{
	FILE *f = fopen(TRACING "trace", "re");
	unsigned int n = 0;
	char line[300];

	ASSERT(f);
	while (fgets(line, sizeof(line), f))
		n += strstr(line, "vpc_reset:") && strstr(line, args.bdf[0]);
	fclose(f);
	return n;
}

static void trace_from_here(void)
{
	put(TRACING "events/vfio_pci_core/vpc_reset/enable", "1");
	put(TRACING "tracing_on", "1");
	put(TRACING "trace", "");
}

static void open_close(void)
{
	ASSERT_EQ(vfio_open(&v, args.bdf[0]), 0);
	vfio_close(&v);
}

/* A function with a reset of its own, closed after its first use */
static void used_once(void)
{
	if (access(TRACING "events/vfio_pci_core/vpc_reset", F_OK))
		SKIP("the kernel has no tracepoints");
	dut_close();
	ASSERT_EQ(vfio_open(&v, args.bdf[0]), 0);
	vfio_close(&v);
	if (!(v.info.flags & VFIO_DEVICE_FLAGS_RESET))
		SKIP("the device cannot be reset");
	trace_from_here();
}

static bool asleep(void)
{
	char status[32] = "";

	sysfs_read(args.bdf[0], "power/runtime_status", status, sizeof(status) - 1);
	return !strncmp(status, "suspended", 9);
}

TEST(once, "what the last close has reset is not reset again for the next user")
{
	used_once();
	for (int i = 0; i < 3; i++)
		open_close();
	EXPECT_EQ(resets(), 3);
}

TEST(slept, "nor after it has slept")
{
	used_once();
	if (!WITHIN(3000, asleep()))
		SKIP("the device does not sleep");
	open_close();
	EXPECT_EQ(resets(), 1);
}

TEST(woken, "woken for somebody else in between, it is reset")
{
	used_once();
	if (!WITHIN(3000, asleep()))
		SKIP("the device does not sleep");
	ASSERT_EQ(sysfs_write(args.bdf[0], "power/control", "on"), 0);
	ASSERT_EQ(sysfs_write(args.bdf[0], "power/control", "auto"), 0);
	ASSERT(WITHIN(3000, asleep()));
	open_close();
	EXPECT_EQ(resets(), 2);
}

TEST(foreign, "a reset by somebody else in between is not relied on")
{
	used_once();
	ASSERT_EQ(sysfs_write(args.bdf[0], "reset", "1"), 0);
	ASSERT_EQ(vfio_open(&v, args.bdf[0]), 0);
	cfg_command(&v, PCI_COMMAND_MEMORY, 0);
	EXPECT_EQ(probe_bar(&v), 4);
	vfio_close(&v);
	EXPECT_EQ(resets(), 2);
}

TEST(bound, "bound anew, it is reset for its first user")
{
	char path[100];

	used_once();
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver/unbind", args.bdf[0]);
	put(path, args.bdf[0]);
	put("/sys/bus/pci/drivers_probe", args.bdf[0]);
	put(TRACING "trace", "");
	open_close();
	EXPECT_EQ(resets(), 2);
	put(TRACING "events/vfio_pci_core/vpc_reset/enable", "0");
}
