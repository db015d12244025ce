// SPDX-License-Identifier: GPL-2.0-only
/*
 * The 82576 as a whole: when is it lost?
 */
#include <compat/kunit.h>

#include "fake_pf.h"

static bool lost(struct i82576_pf *pf, u32 status)
{
	i82576_write(pf, REG_STATUS, status);
	i82576_pf_check_lost(pf);
	return pf->lost;
}

static void who_is_busy_is_not_lost(struct kunit *test)
{
	struct i82576_pf *pf = fake_pf(test, 1);

	/* In a reset, whether of ours or of the PCI core's */
	pf->down = true;
	pf->pdev->error_state = pci_channel_io_normal;
	KUNIT_EXPECT_FALSE(test, lost(pf, U32_MAX));
	pf->down = false;
	pf->pdev->error_state = pci_channel_io_frozen;
	KUNIT_EXPECT_FALSE(test, lost(pf, U32_MAX));
	KUNIT_EXPECT_FALSE(test, pf->down);

	pf->pdev->error_state = pci_channel_io_normal;
	KUNIT_EXPECT_FALSE(test, lost(pf, 0));
	KUNIT_EXPECT_TRUE(test, lost(pf, U32_MAX));
	KUNIT_EXPECT_TRUE(test, pf->down);
}

static struct kunit_case pf_cases[] = {
	KUNIT_CASE(who_is_busy_is_not_lost),
	{ }
};

static struct kunit_suite pf_suite = {
	.name = "i82576_pf",
	.test_cases = pf_cases,
};

kunit_test_suite(pf_suite);

MODULE_IMPORT_NS(COMPAT_KUNIT_NS);
MODULE_DESCRIPTION("Unit tests of i82576: the device as a whole");
MODULE_LICENSE("GPL");
