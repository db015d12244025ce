// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO_DEVICE_FEATURE: the calling convention
 */
#include "pci.h"
#include "test.h"

#define GET	VFIO_DEVICE_FEATURE_GET
#define SET	VFIO_DEVICE_FEATURE_SET
#define PROBE	VFIO_DEVICE_FEATURE_PROBE

TEST(unknown, "a feature that is not known is ENOTTY")
{
	struct vfio *d = dut();
	uint8_t data[64] = {};

	EXPECT_EQ(vfio_feature(d, PROBE | 0xffff, NULL, 0), -ENOTTY);
	EXPECT_EQ(vfio_feature(d, PROBE | GET | 0xfffe, NULL, 0), -ENOTTY);
	EXPECT_EQ(vfio_feature(d, GET | 0xffff, data, sizeof(data)), -ENOTTY);
	EXPECT_EQ(vfio_feature(d, SET | 0xffff, data, sizeof(data)), -ENOTTY);
	EXPECT_EQ(vfio_feature(d, PROBE | VFIO_DEVICE_FEATURE_BUS_MASTER, NULL, 0),
		  -ENOTTY);
}

TEST(flags, "GET and SET together, neither, or unknown flags are refused")
{
	struct vfio *d = dut();
	const uint32_t exit = VFIO_DEVICE_FEATURE_LOW_POWER_EXIT;

	EXPECT_EQ(vfio_feature(d, GET | SET | exit, NULL, 0), -EINVAL);
	EXPECT_EQ(vfio_feature(d, exit, NULL, 0), -EINVAL);
	EXPECT_EQ(vfio_feature(d, SET | (1u << 19) | exit, NULL, 0), -EINVAL);
	EXPECT_EQ(vfio_feature(d, PROBE | (1u << 31) | exit, NULL, 0), -EINVAL);
}

TEST(argsz, "a short argsz is refused with EINVAL")
{
	struct vfio *d = dut();
	struct vfio_device_feature f = { .argsz = 0, .flags = PROBE };

	for (f.argsz = 0; f.argsz < sizeof(f); f.argsz++)
		EXPECT_EQ(vfio_ioctl(d->fd, VFIO_DEVICE_FEATURE, &f), -EINVAL);
}

TEST(direction, "a probe for a direction that a feature lacks is refused")
{
	struct vfio *d = dut();

	EXPECT_EQ(vfio_feature(d, PROBE | SET | VFIO_DEVICE_FEATURE_LOW_POWER_EXIT,
			       NULL, 0), 0);
	EXPECT_EQ(vfio_feature(d, PROBE | GET | VFIO_DEVICE_FEATURE_LOW_POWER_EXIT,
			       NULL, 0), -EINVAL);
	EXPECT_EQ(vfio_feature(d, GET | VFIO_DEVICE_FEATURE_LOW_POWER_EXIT, NULL, 0),
		  -EINVAL);
}

TEST(low_power, "the three features of low power can be set, which a probe tells")
{
	static const uint32_t low_power[] = {
		VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY,
		VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP,
		VFIO_DEVICE_FEATURE_LOW_POWER_EXIT,
	};
	struct vfio *d = dut();

	for (unsigned int i = 0; i < ARRAY_SIZE(low_power); i++) {
		EXPECT_EQ(vfio_feature(d, PROBE | low_power[i], NULL, 0), 0);
		EXPECT_EQ(vfio_feature(d, PROBE | SET | low_power[i], NULL, 0), 0);
		EXPECT_EQ(vfio_feature(d, PROBE | GET | low_power[i], NULL, 0), -EINVAL);
		EXPECT_EQ(vfio_feature(d, PROBE | GET | SET | low_power[i], NULL, 0),
			  -EINVAL);
	}
	/* A probe enters nothing. */
	EXPECT_EQ(probe_bar(d), 4);
}

TEST(short_data, "data shorter than the feature's is refused with EINVAL")
{
	struct vfio *d = dut();
	uint8_t data[16] = {};

	EXPECT_EQ(vfio_feature(d, SET | VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP,
			       data, 4), -EINVAL);
}

TEST(migration, "migration features are there together or not at all")
{
	struct vfio *d = dut();
	int mig = vfio_feature(d, PROBE | GET | VFIO_DEVICE_FEATURE_MIGRATION, NULL, 0);
	struct vfio_device_feature_migration m = {};

	EXPECT(mig == 0 || mig == -ENOTTY);
	EXPECT_EQ(vfio_feature(d, PROBE | VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE,
			       NULL, 0), mig);
	EXPECT_EQ(vfio_feature(d, PROBE | VFIO_DEVICE_FEATURE_MIG_DATA_SIZE,
			       NULL, 0), mig);
	if (mig)
		return;
	ASSERT_EQ(vfio_feature(d, GET | VFIO_DEVICE_FEATURE_MIGRATION, &m, sizeof(m)), 0);
	EXPECT(m.flags & VFIO_MIGRATION_STOP_COPY);
}
