// SPDX-License-Identifier: GPL-2.0-only
/*
 * Errors that the device under test has not made
 *
 * They are those of the kernel's aer_inject: it lets the root port's interrupt come
 * and its registers and the function's read as if the function had sent an error
 * message. Everything behind that is as with a real one. A VF is taken along by its
 * physical function, for which the error is injected.
 */
#include <fcntl.h>

#include "inject.h"
#include "pci.h"
#include "test.h"

/* What /dev/aer_inject takes */
struct injection {
	uint8_t bus, dev, fn;
	uint32_t uncorrectable, correctable;
	uint32_t header_log[4];
	uint32_t domain;
};

static void inject(uint32_t uncorrectable, uint32_t correctable)
{
	struct injection inj = {
		.uncorrectable = uncorrectable, .correctable = correctable,
	};
	char bdf[64];
	unsigned int bus, dev, fn, domain;
	int fd, n;

	if (sysfs_link(args.bdf[0], "physfn", bdf, sizeof(bdf)))
		snprintf(bdf, sizeof(bdf), "%s", args.bdf[0]);
	n = sscanf(bdf, "%x:%x:%x.%x", &domain, &bus, &dev, &fn);
	ASSERT_EQ(n, 4);
	inj.domain = domain;
	inj.bus = bus;
	inj.dev = dev;
	inj.fn = fn;
	fd = open("/dev/aer_inject", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		SKIP("no aer_inject");
	ASSERT_EQ(write(fd, &inj, sizeof(inj)), sizeof(inj));
	close(fd);
}

void inject_correctable(void)
{
	inject(0, PCI_ERR_COR_BAD_TLP);
}

void inject_nonfatal(void)
{
	inject(PCI_ERR_UNC_COMP_TIME, 0);
}

void inject_fatal(void)
{
	inject(PCI_ERR_UNC_DLP, 0);
}
