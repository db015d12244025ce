// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a VF of the 82576 may ask for, and what its PF writes into the tables then
 */
#include <compat/kunit.h>
#include <linux/delay.h>

#include "fake_pf.h"

#define VLANS_OF_ONE	4	/* 32 entries, eight VFs */

static u32 mac_low(const u8 *mac)
{
	return mac[0] | mac[1] << 8 | mac[2] << 16 | (u32)mac[3] << 24;
}

/* Is there an entry with this end of an address for VF @n? */
static bool receives(struct i82576_pf *pf, unsigned int n, u8 last)
{
	u32 high = RAH_AV | RAH_POOL(n) | last << 8;

	for (unsigned int i = 0; i < RAR_COUNT; i++)
		if (i82576_read(pf, REG_RAH(i)) == high &&
		    i82576_read(pf, REG_RAL(i)) == 0x06)
			return true;
	return false;
}

static void nothing_before_the_reset(struct kunit *test)
{
	struct i82576_pf *pf = fake_pf(test, 2);
	static const enum i82576_request_kind kinds[] = {
		I82576_REQ_SET_MAC, I82576_REQ_ADD_EXTRA_MAC,
		I82576_REQ_CLEAR_EXTRA_MACS, I82576_REQ_SET_MULTICAST,
		I82576_REQ_SET_VLAN, I82576_REQ_SET_MAX_FRAME,
		I82576_REQ_SET_PROMISC,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(kinds); i++)
		KUNIT_EXPECT_EQ(test, fake_ask(pf, 1, (struct i82576_request){
					       kinds[i] }), -EPROTO);
	KUNIT_EXPECT_EQ(test, i82576_read(pf, REG_VFRE), 0);

	KUNIT_EXPECT_EQ(test, fake_reset(pf, 1), 0);
	KUNIT_EXPECT_TRUE(test, pf->vf[1].policy.ready);
	KUNIT_EXPECT_EQ(test, i82576_read(pf, REG_VFRE), BIT(1));
	KUNIT_EXPECT_EQ(test, i82576_read(pf, REG_VFTE), BIT(1));
	KUNIT_EXPECT_EQ(test, i82576_read(pf, REG_RAL(1)),
			mac_low(pf->vf[1].policy.mac));
	KUNIT_EXPECT_EQ(test, fake_ask(pf, 1, (struct i82576_request){ 99 }),
			-EOPNOTSUPP);
}

static void addresses(struct kunit *test)
{
	struct i82576_pf *pf = fake_pf(test, 2);
	u8 own[ETH_ALEN];

	ether_addr_copy(own, pf->vf[0].policy.mac);
	fake_reset(pf, 0);
	fake_reset(pf, 1);
	KUNIT_EXPECT_EQ(test, fake_mac(pf, 0, I82576_REQ_SET_MAC, 1), 0);
	KUNIT_EXPECT_TRUE(test, receives(pf, 0, 1));
	KUNIT_EXPECT_EQ(test, fake_mac(pf, 0, I82576_REQ_SET_MAC, 1), 0);
	KUNIT_EXPECT_EQ(test, fake_mac(pf, 1, I82576_REQ_SET_MAC, 1), -EADDRINUSE);
	KUNIT_EXPECT_EQ(test, fake_mac(pf, 1, I82576_REQ_ADD_EXTRA_MAC, 1),
			-EADDRINUSE);
	KUNIT_EXPECT_EQ(test, fake_mac(pf, 0, I82576_REQ_SET_MAC, 2), 0);
	KUNIT_EXPECT_TRUE(test, receives(pf, 0, 2));
	KUNIT_EXPECT_FALSE(test, receives(pf, 0, 1));

	/* What it falls back to at a reset is kept for it, too. */
	KUNIT_EXPECT_EQ(test, fake_own_mac(pf, 1, own), -EADDRINUSE);

	/* The administrator's stays. */
	fake_admin_mac(pf, 0, 3);
	KUNIT_EXPECT_EQ(test, fake_mac(pf, 0, I82576_REQ_SET_MAC, 3), 0);
	KUNIT_EXPECT_EQ(test, fake_mac(pf, 0, I82576_REQ_SET_MAC, 4), -EPERM);
	KUNIT_EXPECT_EQ(test, fake_mac(pf, 0, I82576_REQ_ADD_EXTRA_MAC, 3), 0);
	KUNIT_EXPECT_EQ(test, fake_mac(pf, 0, I82576_REQ_ADD_EXTRA_MAC, 4), -EPERM);
	KUNIT_EXPECT_TRUE(test, receives(pf, 0, 3));
	KUNIT_EXPECT_EQ(test, fake_reset(pf, 0), 0);
	KUNIT_EXPECT_EQ(test, pf->vf[0].policy.mac[5], 3);
}

static void extra_addresses(struct kunit *test)
{
	struct i82576_pf *pf = fake_pf(test, 2);

	fake_reset(pf, 0);
	fake_reset(pf, 1);
	for (u8 i = 1; i <= I82576_EXTRA_MACS; i++)
		KUNIT_EXPECT_EQ(test, fake_mac(pf, 1, I82576_REQ_ADD_EXTRA_MAC, i), 0);
	KUNIT_EXPECT_EQ(test, fake_mac(pf, 1, I82576_REQ_ADD_EXTRA_MAC, 2), 0);
	KUNIT_EXPECT_EQ(test, fake_mac(pf, 1, I82576_REQ_ADD_EXTRA_MAC, 9), -ENOSPC);
	KUNIT_EXPECT_EQ(test, pf->vf[1].policy.extra_count, I82576_EXTRA_MACS);
	KUNIT_EXPECT_TRUE(test, receives(pf, 1, 3));
	/* A neighbour cannot have them, */
	KUNIT_EXPECT_EQ(test, fake_mac(pf, 0, I82576_REQ_SET_MAC, 2), -EADDRINUSE);
	KUNIT_EXPECT_EQ(test, fake_ask(pf, 1, (struct i82576_request){
				       I82576_REQ_CLEAR_EXTRA_MACS }), 0);
	KUNIT_EXPECT_FALSE(test, receives(pf, 1, 3));
	/* until they are given up. */
	KUNIT_EXPECT_EQ(test, fake_mac(pf, 0, I82576_REQ_SET_MAC, 2), 0);
}

/* After a migration inside of the device both have the address. */
static void one_of_two_with_one_address_runs(struct kunit *test)
{
	struct i82576_pf *pf = fake_pf(test, 2);

	fake_admin_mac(pf, 0, 7);
	fake_admin_mac(pf, 1, 7);
	KUNIT_EXPECT_EQ(test, fake_reset(pf, 0), 0);
	KUNIT_EXPECT_EQ(test, fake_reset(pf, 1), -EADDRINUSE);
	KUNIT_EXPECT_FALSE(test, pf->vf[1].policy.ready);
	KUNIT_EXPECT_FALSE(test, receives(pf, 1, 7));
	KUNIT_EXPECT_EQ(test, i82576_read(pf, REG_VFRE), BIT(0));
}

static void multicast(struct kunit *test)
{
	struct i82576_pf *pf = fake_pf(test, 2);
	struct i82576_request req = {
		.kind = I82576_REQ_SET_MULTICAST, .hashes = { 0, 4095, 33 },
		.hash_count = 3,
	};

	fake_reset(pf, 0);
	fake_reset(pf, 1);
	KUNIT_EXPECT_EQ(test, fake_ask(pf, 0, req), 0);
	KUNIT_EXPECT_EQ(test, i82576_read(pf, REG_MTA(0)), BIT(0));
	KUNIT_EXPECT_EQ(test, i82576_read(pf, REG_MTA(1)), BIT(1));
	KUNIT_EXPECT_EQ(test, i82576_read(pf, REG_MTA(127)), BIT(31));
	KUNIT_EXPECT_EQ(test, i82576_read(pf, REG_VMOLR(0)) & (VMOLR_ROMPE | VMOLR_MPE),
			VMOLR_ROMPE);
	req.hash_count = 1;
	req.hashes[0] = 1;
	req.more_hashes = true;
	KUNIT_EXPECT_EQ(test, fake_ask(pf, 1, req), 0);
	KUNIT_EXPECT_EQ(test, i82576_read(pf, REG_MTA(0)), BIT(0) | BIT(1));
	KUNIT_EXPECT_TRUE(test, i82576_read(pf, REG_VMOLR(1)) & VMOLR_MPE);
	/* A reset of one leaves the other's. */
	KUNIT_EXPECT_EQ(test, fake_reset(pf, 0), 0);
	KUNIT_EXPECT_EQ(test, i82576_read(pf, REG_MTA(0)), BIT(1));
	KUNIT_EXPECT_EQ(test, i82576_read(pf, REG_MTA(127)), 0);
}

static void promiscuity(struct kunit *test)
{
	struct i82576_pf *pf = fake_pf(test, 1);
	struct i82576_request req = {
		.kind = I82576_REQ_SET_PROMISC, .multicast = true,
	};

	fake_reset(pf, 0);
	KUNIT_EXPECT_EQ(test, fake_ask(pf, 0, req), 0);
	KUNIT_EXPECT_TRUE(test, i82576_read(pf, REG_VMOLR(0)) & VMOLR_MPE);
	req.unicast = true;
	req.multicast = false;
	KUNIT_EXPECT_EQ(test, fake_ask(pf, 0, req), -EPERM);
	KUNIT_EXPECT_TRUE(test, i82576_read(pf, REG_VMOLR(0)) & VMOLR_MPE);
}

static unsigned int vlan_pools(struct i82576_pf *pf, u16 vid)
{
	for (unsigned int i = 0; i < VLVF_COUNT; i++) {
		u32 entry = i82576_read(pf, REG_VLVF(i));

		if (entry & VLVF_ENABLE && (entry & 0xfff) == vid)
			return FIELD_GET(VLVF_POOLS, entry);
	}
	return 0;
}

static void vlans(struct kunit *test)
{
	struct i82576_pf *pf = fake_pf(test, I82576_MAX_VFS);

	fake_reset(pf, 0);
	fake_reset(pf, 7);
	for (u16 vid = 1; vid <= VLANS_OF_ONE; vid++)
		KUNIT_EXPECT_EQ(test, fake_vlan(pf, 0, vid, true), 0);
	KUNIT_EXPECT_EQ(test, fake_vlan(pf, 0, 1, true), 0);
	KUNIT_EXPECT_EQ(test, fake_vlan(pf, 0, 99, true), -ENOSPC);
	KUNIT_EXPECT_EQ(test, vlan_pools(pf, 99), 0);
	/* what one took is not missing from another's share, and VLANs are shared */
	KUNIT_EXPECT_EQ(test, fake_vlan(pf, 7, 2, true), 0);
	KUNIT_EXPECT_EQ(test, vlan_pools(pf, 2), BIT(0) | BIT(7));
	KUNIT_EXPECT_EQ(test, i82576_read(pf, REG_VFTA(0)), GENMASK(4, 1));

	KUNIT_EXPECT_EQ(test, fake_vlan(pf, 0, 55, false), 0);
	KUNIT_EXPECT_EQ(test, fake_vlan(pf, 0, 2, false), 0);
	KUNIT_EXPECT_EQ(test, vlan_pools(pf, 2), BIT(7));
	KUNIT_EXPECT_EQ(test, fake_vlan(pf, 0, 1, false), 0);
	KUNIT_EXPECT_EQ(test, vlan_pools(pf, 1), 0);
	KUNIT_EXPECT_EQ(test, i82576_read(pf, REG_VFTA(0)), GENMASK(4, 2));
	KUNIT_EXPECT_EQ(test, fake_reset(pf, 0), 0);
	KUNIT_EXPECT_EQ(test, i82576_read(pf, REG_VFTA(0)), BIT(2));
}

static void frame_sizes(struct kunit *test)
{
	struct i82576_pf *pf = fake_pf(test, 1);
	static const struct {
		u32 asked;
		int ret;
		u32 given;
	} cases[] = {
		{ 9000, 0, 9000 },
		{ 63, -EINVAL, 9000 },
		{ I82576_MAX_FRAME + 1, -EINVAL, 9000 },
		{ I82576_MAX_FRAME, 0, I82576_MAX_FRAME },
		{ 64, 0, I82576_DEFAULT_FRAME },
	};

	fake_reset(pf, 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		KUNIT_EXPECT_EQ(test, fake_ask(pf, 0, (struct i82576_request){
				.kind = I82576_REQ_SET_MAX_FRAME,
				.max_frame = cases[i].asked }), cases[i].ret);
		KUNIT_EXPECT_EQ(test, i82576_read(pf, REG_VMOLR(0)) & VMOLR_RLPML,
				cases[i].given + VLAN_HLEN);
	}
}

/* A reset of the device: its tables are made anew from the records. */
static void tables_come_back(struct kunit *test)
{
	struct i82576_pf *pf = fake_pf(test, 2);

	fake_reset(pf, 1);
	fake_mac(pf, 1, I82576_REQ_SET_MAC, 5);
	fake_vlan(pf, 1, 40, true);
	memset_io(pf->regs, 0, SZ_128K);
	scoped_guard(mutex, &pf->lock)
		i82576_filter_restore(pf);
	KUNIT_EXPECT_TRUE(test, receives(pf, 1, 5));
	KUNIT_EXPECT_EQ(test, vlan_pools(pf, 40), BIT(1));
	KUNIT_EXPECT_EQ(test, i82576_read(pf, REG_VFTA(1)), BIT(8));
	KUNIT_EXPECT_TRUE(test, i82576_read(pf, REG_VMOLR(1)) & VMOLR_BAM);
	KUNIT_EXPECT_FALSE(test, i82576_read(pf, REG_VMOLR(0)) & VMOLR_BAM);
}

/* A new VF may send after this. */
static void settle(void)
{
	msleep(20);
}

/* A message of VF @n is served. Returns the first word of the answer. */
static u32 mail(struct i82576_pf *pf, unsigned int n, u32 word)
{
	guard(mutex)(&pf->lock);
	i82576_write(pf, REG_VMBMEM(n), word);
	i82576_write(pf, REG_MBVFICR, MBVFICR_REQ(n));
	i82576_write(pf, REG_VFLRE, 0);
	i82576_mbox_collect(pf);
	i82576_mbox_serve(&pf->vf[n]);
	return i82576_read(pf, REG_VMBMEM(n));
}

static void messages_are_answered(struct kunit *test)
{
	struct i82576_pf *pf = fake_pf(test, 2);
	struct i82576_vf *vf = &pf->vf[1];

	settle();
	KUNIT_EXPECT_EQ(test, mail(pf, 1, MBOX_OP_SET_LPE), MBOX_OP_SET_LPE | MBOX_NACK);
	KUNIT_EXPECT_EQ(test, mail(pf, 1, MBOX_OP_RESET), MBOX_OP_RESET | MBOX_ACK);
	KUNIT_EXPECT_EQ(test, i82576_read(pf, REG_VMBMEM(1) + 4),
			mac_low(vf->policy.mac));
	KUNIT_EXPECT_EQ(test, mail(pf, 1, 0x77), 0x77 | MBOX_NACK | MBOX_CTS);
	KUNIT_EXPECT_EQ(test, vf->stats.requests, 3);
	KUNIT_EXPECT_EQ(test, vf->stats.refused, 2);
	KUNIT_EXPECT_EQ(test, vf->stats.malformed, 1);
	KUNIT_EXPECT_EQ(test, i82576_read(pf, REG_P2VMAILBOX(1)),
			P2V_ACK | P2V_STS);

	/* Its reset makes it say hello again. */
	scoped_guard(mutex, &pf->lock) {
		i82576_write(pf, REG_VFLRE, BIT(1));
		i82576_mbox_collect(pf);
	}
	KUNIT_EXPECT_FALSE(test, vf->policy.ready);
	/* A VF at rest is not served. */
	vf->rest = I82576_GATE_CLOSED;
	KUNIT_EXPECT_EQ(test, mail(pf, 1, MBOX_OP_RESET), MBOX_OP_RESET);
	KUNIT_EXPECT_EQ(test, pf->pending, BIT(1));
}

static void a_flood_is_stopped(struct kunit *test)
{
	struct i82576_pf *pf = fake_pf(test, 2);
	struct i82576_vf *vf = &pf->vf[0];
	unsigned int served = 0;

	settle();
	while (!vf->stats.throttled && served < 100000)
		if (mail(pf, 0, MBOX_OP_RESET) & MBOX_ACK)
			served++;
	KUNIT_EXPECT_GE(test, served, 32);
	KUNIT_EXPECT_EQ(test, vf->stats.throttled, 1);
	KUNIT_EXPECT_EQ(test, pf->throttled, BIT(0));
	KUNIT_EXPECT_TRUE(test, pf->pending & BIT(0));
	/* The neighbour is served all the same. */
	KUNIT_EXPECT_TRUE(test, mail(pf, 1, MBOX_OP_RESET) & MBOX_ACK);
	/* and after a while this one, too */
	settle();
	KUNIT_EXPECT_TRUE(test, mail(pf, 0, MBOX_OP_RESET) & MBOX_ACK);
}

static void a_flood_of_resets_is_handled_and_stopped(struct kunit *test)
{
	struct i82576_pf *pf = fake_pf(test, 2);
	struct i82576_vf *vf = &pf->vf[0];
	unsigned int handled = 0;

	settle();
	while (!pf->reset_flood && handled < 100000) {
		fake_was_reset(pf, 0);
		handled++;
	}
	KUNIT_EXPECT_GT(test, handled, 32);
	KUNIT_EXPECT_EQ(test, vf->stats.throttled, 1);
	KUNIT_EXPECT_EQ(test, pf->throttled, BIT(0));
	/* Nothing of what was before it stays. */
	fake_reset(pf, 0);
	fake_was_reset(pf, 0);
	KUNIT_EXPECT_FALSE(test, vf->policy.ready);
	KUNIT_EXPECT_EQ(test, i82576_read(pf, REG_RAH(0)), 0);
	KUNIT_EXPECT_TRUE(test, mail(pf, 1, MBOX_OP_RESET) & MBOX_ACK);

	settle();
	pf->reset_flood = false;
	fake_was_reset(pf, 0);
	KUNIT_EXPECT_FALSE(test, pf->reset_flood);
}

static u32 notified(struct i82576_pf *pf, unsigned int n)
{
	guard(mutex)(&pf->lock);
	i82576_write(pf, REG_VMBMEM(n), 0);
	i82576_mbox_notify_link(&pf->vf[n]);
	return i82576_read(pf, REG_VMBMEM(n));
}

/* Only a VF that listens, and whose mailbox is empty */
static void news_of_the_link(struct kunit *test)
{
	struct i82576_pf *pf = fake_pf(test, 1);
	struct i82576_vf *vf = &pf->vf[0];

	KUNIT_EXPECT_EQ(test, notified(pf, 0), 0);
	settle();
	mail(pf, 0, MBOX_OP_RESET);
	/* The answer has not been read. */
	KUNIT_EXPECT_EQ(test, notified(pf, 0), 0);
	scoped_guard(mutex, &pf->lock) {
		i82576_write(pf, REG_MBVFICR, MBVFICR_ACK(0));
		i82576_write(pf, REG_VFLRE, 0);
		i82576_mbox_collect(pf);
	}
	pf->pending = BIT(0);
	KUNIT_EXPECT_EQ(test, notified(pf, 0), 0);
	pf->pending = 0;
	vf->rest = I82576_STOPPED;
	KUNIT_EXPECT_EQ(test, notified(pf, 0), 0);
	vf->rest = I82576_RUNNING;
	KUNIT_EXPECT_EQ(test, notified(pf, 0), MBOX_OP_PF_CONTROL | MBOX_CTS);
	KUNIT_EXPECT_TRUE(test, vf->unacked);
}

static struct kunit_case vf_cases[] = {
	KUNIT_CASE(nothing_before_the_reset),
	KUNIT_CASE(addresses),
	KUNIT_CASE(extra_addresses),
	KUNIT_CASE(one_of_two_with_one_address_runs),
	KUNIT_CASE(multicast),
	KUNIT_CASE(promiscuity),
	KUNIT_CASE(vlans),
	KUNIT_CASE(frame_sizes),
	KUNIT_CASE(tables_come_back),
	KUNIT_CASE(messages_are_answered),
	KUNIT_CASE(a_flood_is_stopped),
	KUNIT_CASE(a_flood_of_resets_is_handled_and_stopped),
	KUNIT_CASE(news_of_the_link),
	{ }
};

static struct kunit_suite vf_suite = {
	.name = "i82576_vf",
	.test_cases = vf_cases,
};

kunit_test_suite(vf_suite);

MODULE_IMPORT_NS(COMPAT_KUNIT_NS);
MODULE_DESCRIPTION("Unit tests of i82576: requests of VFs");
MODULE_LICENSE("GPL");
