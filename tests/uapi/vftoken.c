// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO_DEVICE_FEATURE_PCI_VF_TOKEN, and vf_token= where none is needed
 */
#include "pci.h"
#include "test.h"

#define TOKEN	"00112233-4455-6677-8899-aabbccddeeff"

static bool is_pf(struct vfio *d)
{
	return host_ext_cap(d->bdf, PCI_EXT_CAP_ID_SRIOV);
}

TEST(probe, "the token is a feature of SR-IOV PFs alone, and can only be set")
{
	struct vfio *d = dut();
	int want = is_pf(d) ? 0 : -ENOTTY;

	EXPECT_EQ(vfio_feature(d, VFIO_DEVICE_FEATURE_PROBE | VFIO_DEVICE_FEATURE_SET |
			       VFIO_DEVICE_FEATURE_PCI_VF_TOKEN, NULL, 0), want);
	EXPECT_EQ(vfio_feature(d, VFIO_DEVICE_FEATURE_PROBE | VFIO_DEVICE_FEATURE_GET |
			       VFIO_DEVICE_FEATURE_PCI_VF_TOKEN, NULL, 0),
		  want ?: -EINVAL);
}

TEST(set, "a PF takes a token of 16 bytes, not fewer")
{
	struct vfio *d = dut();
	uint8_t uuid[16] = { 1, 2, 3, 4 };
	uint32_t flags = VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_PCI_VF_TOKEN;

	if (!is_pf(d))
		SKIP("not an SR-IOV PF");
	EXPECT_EQ(vfio_feature(d, flags, uuid, 15), -EINVAL);
	EXPECT_EQ(vfio_feature(d, flags, uuid, 16), 0);
}

TEST(not_needed, "a token that is not needed is refused with EINVAL")
{
	struct vfio d;
	char driver[64] = "", phys[64];

	if (args.cdev)
		SKIP("the token is given with the name of a group's device");
	if (host_ext_cap(args.bdf[0], PCI_EXT_CAP_ID_SRIOV))
		SKIP("a PF may be opened with a token: it is its VFs' from then on");
	if (!sysfs_link(args.bdf[0], "physfn", phys, sizeof(phys)))
		sysfs_link(phys, "driver", driver, sizeof(driver));
	if (!strcmp(driver, "vfio-pci"))
		SKIP("a VF of a PF that a user owns needs a token");
	dut_close();
	EXPECT_EQ(vfio_open_with(&d, args.bdf[0], NULL, TOKEN), -EINVAL);
	EXPECT_EQ(vfio_open_with(&d, args.bdf[0], NULL, "nonsense"), -EINVAL);
	EXPECT_EQ(vfio_open_with(&d, args.bdf[0], NULL, NULL), 0);
	vfio_close(&d);
}

TEST(pf, "a PF may be opened with and without a token, not with nonsense")
{
	struct vfio d;

	if (args.cdev || !host_ext_cap(args.bdf[0], PCI_EXT_CAP_ID_SRIOV))
		SKIP("not an SR-IOV PF of a group");
	dut_close();
	EXPECT_EQ(vfio_open_with(&d, args.bdf[0], NULL, TOKEN), 0);
	vfio_close(&d);
	EXPECT_EQ(vfio_open_with(&d, args.bdf[0], NULL, "nonsense"), -EINVAL);
	EXPECT_EQ(vfio_open_with(&d, args.bdf[0], NULL, NULL), 0);
	vfio_close(&d);
}

TEST(name, "a name that is not the device's is not found")
{
	struct vfio *d = dut();
	char longer[32];

	if (d->cdev)
		SKIP("opened without a group");
	snprintf(longer, sizeof(longer), "%s0", d->bdf);
	EXPECT_EQ(vfio_ioctl(d->group, VFIO_GROUP_GET_DEVICE_FD, longer), -ENODEV);
	EXPECT_EQ(vfio_ioctl(d->group, VFIO_GROUP_GET_DEVICE_FD, "0000:ff:1f.7"), -ENODEV);
	EXPECT_EQ(vfio_ioctl(d->group, VFIO_GROUP_GET_DEVICE_FD, ""), -ENODEV);
}
