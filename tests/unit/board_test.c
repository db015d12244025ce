// SPDX-License-Identifier: GPL-2.0-only
/*
 * The 82576's NVM, semaphores and link, on boards that the lab has not got
 */
#include <compat/kunit.h>

#include "fake_pf.h"

static int board_id(struct i82576_pf *pf, char *buf, size_t size)
{
	guard(mutex)(&pf->lock);
	return i82576_nvm_board_id(pf, buf, size);
}

static void version(struct i82576_pf *pf, char *buf, size_t size)
{
	guard(mutex)(&pf->lock);
	i82576_nvm_version(pf, buf, size);
}

/* The registers answer nothing here. */
static void nvm_that_is_silent(struct kunit *test)
{
	struct i82576_pf *pf = fake_pf(test, 1);
	char text[32] = "?";

	KUNIT_EXPECT_EQ(test, board_id(pf, text, sizeof(text)), -ETIMEDOUT);
	version(pf, text, sizeof(text));
	KUNIT_EXPECT_STREQ(test, text, "");
	/* Others may have it now. */
	KUNIT_EXPECT_EQ(test, i82576_read(pf, REG_SW_FW_SYNC), 0);
	KUNIT_EXPECT_EQ(test, i82576_read(pf, REG_SWSM), 0);
}

static void nvm_that_firmware_keeps(struct kunit *test)
{
	struct i82576_pf *pf = fake_pf(test, 1);
	char text[32] = "?";

	i82576_write(pf, REG_SW_FW_SYNC, SYNC_NVM << SYNC_FW_SHIFT);
	KUNIT_EXPECT_EQ(test, board_id(pf, text, sizeof(text)), -EBUSY);
	version(pf, text, sizeof(text));
	KUNIT_EXPECT_STREQ(test, text, "");
	KUNIT_EXPECT_EQ(test, i82576_read(pf, REG_SW_FW_SYNC),
			SYNC_NVM << SYNC_FW_SHIFT);
}

static void semaphore_of_the_dead(struct kunit *test)
{
	struct i82576_pf *pf = fake_pf(test, 1);

	i82576_write(pf, REG_SWSM, SWSM_SMBI);
	scoped_guard(mutex, &pf->lock)
		KUNIT_EXPECT_EQ(test, i82576_sync_get(pf, SYNC_PHY(0)), 0);
	KUNIT_EXPECT_EQ(test, i82576_read(pf, REG_SW_FW_SYNC), SYNC_PHY(0));
}

static void start_link(struct i82576_pf *pf, u32 mode)
{
	guard(mutex)(&pf->lock);
	i82576_write(pf, REG_CTRL_EXT, FIELD_PREP(CTRL_EXT_LINK_MODE, mode));
	i82576_link_start(pf);
}

static void links_of_all_kinds(struct kunit *test)
{
	static const struct {
		u32 mode;
		bool serial;
	} cases[] = {
		{ LINK_MODE_PHY, false },
		{ LINK_MODE_SGMII, false },
		{ LINK_MODE_KX, true },
		{ LINK_MODE_SERDES, true },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		struct i82576_pf *pf = fake_pf(test, 1);
		u32 negotiate = PCS_LCTL_AN_ENABLE | PCS_LCTL_AN_RESTART;
		u32 enable = PCS_CFG_ENABLE;

		if (!cases[i].serial) {
			negotiate = 0;
			enable = 0;
		}
		start_link(pf, cases[i].mode);
		KUNIT_EXPECT_TRUE(test, i82576_read(pf, REG_CTRL) & CTRL_SLU);
		KUNIT_EXPECT_EQ(test, i82576_read(pf, REG_PCS_CFG), enable);
		KUNIT_EXPECT_EQ(test, i82576_read(pf, REG_PCS_LCTL), negotiate);
		/* Only the PHY was asked, and did not answer. */
		KUNIT_EXPECT_EQ(test, !!i82576_read(pf, REG_MDIC),
				cases[i].mode == LINK_MODE_PHY);
		KUNIT_EXPECT_EQ(test, i82576_read(pf, REG_SW_FW_SYNC), 0);
	}
}

static void phy_that_firmware_keeps(struct kunit *test)
{
	struct i82576_pf *pf = fake_pf(test, 1);

	i82576_write(pf, REG_STATUS, FIELD_PREP(STATUS_LAN_ID, 1));
	i82576_write(pf, REG_SW_FW_SYNC, SYNC_PHY(1) << SYNC_FW_SHIFT);
	start_link(pf, LINK_MODE_PHY);
	KUNIT_EXPECT_EQ(test, i82576_read(pf, REG_MDIC), 0);
	/* A link that is up is left alone. */
	i82576_write(pf, REG_SW_FW_SYNC, 0);
	i82576_write(pf, REG_STATUS, STATUS_LU);
	start_link(pf, LINK_MODE_PHY);
	KUNIT_EXPECT_EQ(test, i82576_read(pf, REG_MDIC), 0);
}

static void watch(struct i82576_pf *pf, u32 status)
{
	guard(mutex)(&pf->lock);
	i82576_write(pf, REG_STATUS, status);
	i82576_write(pf, REG_VMBMEM(0), 0);
	pf->vf[0].unacked = false;
	i82576_link_watch(pf);
}

static void changes_of_the_link_are_told(struct kunit *test)
{
	struct i82576_pf *pf = fake_pf(test, 1);

	fake_reset(pf, 0);
	watch(pf, 0);
	KUNIT_EXPECT_EQ(test, i82576_read(pf, REG_VMBMEM(0)), 0);
	watch(pf, STATUS_LU | FIELD_PREP(STATUS_SPEED, 1));
	KUNIT_EXPECT_TRUE(test, pf->link);
	KUNIT_EXPECT_EQ(test, i82576_read(pf, REG_VMBMEM(0)),
			MBOX_OP_PF_CONTROL | MBOX_CTS);
	watch(pf, STATUS_LU | STATUS_FD);
	KUNIT_EXPECT_EQ(test, i82576_read(pf, REG_VMBMEM(0)), 0);
	watch(pf, STATUS_FD);
	KUNIT_EXPECT_FALSE(test, pf->link);
	KUNIT_EXPECT_EQ(test, i82576_read(pf, REG_VMBMEM(0)),
			MBOX_OP_PF_CONTROL | MBOX_CTS);
	watch(pf, STATUS_LU | STATUS_FD);
	KUNIT_EXPECT_TRUE(test, pf->link);
}

static struct kunit_case board_cases[] = {
	KUNIT_CASE(nvm_that_is_silent),
	KUNIT_CASE(nvm_that_firmware_keeps),
	KUNIT_CASE(semaphore_of_the_dead),
	KUNIT_CASE(links_of_all_kinds),
	KUNIT_CASE(phy_that_firmware_keeps),
	KUNIT_CASE(changes_of_the_link_are_told),
	{ }
};

static struct kunit_suite board_suite = {
	.name = "i82576_board",
	.test_cases = board_cases,
};

kunit_test_suite(board_suite);

MODULE_IMPORT_NS(COMPAT_KUNIT_NS);
MODULE_DESCRIPTION("Unit tests of i82576: NVM and link");
MODULE_LICENSE("GPL");
