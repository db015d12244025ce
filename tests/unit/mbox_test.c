// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mailbox messages of the 82576: what a guest may say, and what it may not
 */
#include <compat/kunit.h>
#include <kunit/test.h>
#include <linux/bitfield.h>
#include <linux/etherdevice.h>
#include <linux/prandom.h>

#include "../../drivers/vendor/i82576/mbox_msg.h"

#define WORD0(op, info)	((u32)(op) | (u32)(info) << 16)

/* One message after another in the same mailbox, which is as large as it is. */
static u32 box[MBOX_WORDS];

/* Leave nothing of an earlier message: neither in the mailbox nor in @req. */
static int parse(u32 word0, u32 word1, u32 word2, struct i82576_request *req)
{
	memset(req, 0xa5, sizeof(*req));
	memset(box, 0, sizeof(box));
	box[0] = word0;
	box[1] = word1;
	box[2] = word2;
	return i82576_msg_parse(box, req);
}

static void reset_needs_nothing(struct kunit *test)
{
	struct i82576_request req;

	KUNIT_EXPECT_EQ(test, parse(MBOX_OP_RESET, 0, 0, &req), 0);
	KUNIT_EXPECT_EQ(test, req.kind, I82576_REQ_RESET);
	/* and what comes with it does not matter */
	KUNIT_EXPECT_EQ(test, parse(WORD0(MBOX_OP_RESET, 0xff), U32_MAX, 0, &req),
			0);
	KUNIT_EXPECT_EQ(test, req.kind, I82576_REQ_RESET);
}

static void addresses_are_bytes_in_order(struct kunit *test)
{
	static const u8 mac[ETH_ALEN] = { 0x02, 0x11, 0x22, 0x33, 0x44, 0x55 };
	struct i82576_request req;
	u32 words[2] = { U32_MAX, U32_MAX };

	KUNIT_EXPECT_EQ(test, parse(MBOX_OP_SET_MAC, 0x33221102, 0x5544, &req), 0);
	KUNIT_EXPECT_EQ(test, req.kind, I82576_REQ_SET_MAC);
	KUNIT_EXPECT_MEMEQ(test, req.mac, mac, ETH_ALEN);

	/* the upper half of the second word is nobody's */
	KUNIT_EXPECT_EQ(test, parse(MBOX_OP_SET_MAC, 0x33221102, 0xffff5544, &req),
			0);
	KUNIT_EXPECT_MEMEQ(test, req.mac, mac, ETH_ALEN);

	i82576_msg_put_mac(words, mac);
	KUNIT_EXPECT_EQ(test, words[0], 0x33221102U);
	KUNIT_EXPECT_EQ(test, words[1], 0x5544U);
}

static void addresses_of_stations_only(struct kunit *test)
{
	static const struct {
		u32 low, high;
		int ret;
	} cases[] = {
		{ 0x00000002, 0x0000, 0 },
		{ 0x00000000, 0x0100, 0 },
		/* cut off behind the first word: no address at all */
		{ 0x00000000, 0x0000, -EINVAL },
		/* a group, and everybody */
		{ 0x005e0001, 0x0100, -EINVAL },
		{ 0xffffffff, 0xffff, -EINVAL },
	};
	static const u8 infos[] = { 0, MBOX_MAC_ADD_EXTRA };
	struct i82576_request req;

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++)
		for (unsigned int j = 0; j < ARRAY_SIZE(infos); j++)
			KUNIT_EXPECT_EQ_MSG(test, cases[i].ret,
					    parse(WORD0(MBOX_OP_SET_MAC, infos[j]),
						  cases[i].low, cases[i].high,
						  &req),
					    "case %u, info %u", i, infos[j]);
}

static void extra_addresses(struct kunit *test)
{
	struct i82576_request req;

	KUNIT_EXPECT_EQ(test, parse(WORD0(MBOX_OP_SET_MAC, MBOX_MAC_ADD_EXTRA),
				    0x33221102, 0x5544, &req), 0);
	KUNIT_EXPECT_EQ(test, req.kind, I82576_REQ_ADD_EXTRA_MAC);
	KUNIT_EXPECT_EQ(test, req.mac[5], 0x55);

	/* All are cleared, so it takes no address, and a bad one is not looked at. */
	KUNIT_EXPECT_EQ(test, parse(WORD0(MBOX_OP_SET_MAC, MBOX_MAC_CLEAR_EXTRA),
				    0, 0, &req), 0);
	KUNIT_EXPECT_EQ(test, req.kind, I82576_REQ_CLEAR_EXTRA_MACS);
	KUNIT_EXPECT_EQ(test, parse(WORD0(MBOX_OP_SET_MAC, MBOX_MAC_CLEAR_EXTRA),
				    U32_MAX, U32_MAX, &req), 0);

	for (unsigned int info = 3; info <= U8_MAX; info++)
		KUNIT_EXPECT_EQ(test, -EINVAL,
				parse(WORD0(MBOX_OP_SET_MAC, info), 0x33221102,
				      0x5544, &req));
}

static void fill_hashes(unsigned int count)
{
	memset(box, 0, sizeof(box));
	for (unsigned int i = 0; i < count; i++)
		box[1 + i / 2] |= (0xf00 + i) << (16 * (i % 2));
}

static void multicast_counts(struct kunit *test)
{
	struct i82576_request req;

	for (unsigned int count = 0; count <= MBOX_MULTICAST_COUNT; count++) {
		fill_hashes(min(count, I82576_MAX_HASHES));
		box[0] = WORD0(MBOX_OP_SET_MULTICAST, count);
		if (count > I82576_MAX_HASHES) {
			KUNIT_EXPECT_EQ(test, i82576_msg_parse(box, &req), -EINVAL);
			continue;
		}
		KUNIT_ASSERT_EQ(test, i82576_msg_parse(box, &req), 0);
		KUNIT_EXPECT_EQ(test, req.kind, I82576_REQ_SET_MULTICAST);
		KUNIT_ASSERT_EQ(test, req.hash_count, count);
		KUNIT_EXPECT_FALSE(test, req.more_hashes);
		for (unsigned int i = 0; i < count; i++)
			KUNIT_EXPECT_EQ(test, req.hashes[i], 0xf00 + i);
	}
}

static void multicast_hashes_have_twelve_bits(struct kunit *test)
{
	struct i82576_request req;

	for (unsigned int i = 0; i < I82576_MAX_HASHES; i++) {
		fill_hashes(I82576_MAX_HASHES);
		box[0] = WORD0(MBOX_OP_SET_MULTICAST, I82576_MAX_HASHES);
		box[1 + i / 2] |= 0x1000U << (16 * (i % 2));
		KUNIT_EXPECT_EQ_MSG(test, i82576_msg_parse(box, &req), -EINVAL,
				    "hash %u", i);

		/* Behind those that count there may be anything. */
		box[0] = WORD0(MBOX_OP_SET_MULTICAST, i);
		KUNIT_EXPECT_EQ_MSG(test, i82576_msg_parse(box, &req), 0,
				    "hash %u", i);
		KUNIT_EXPECT_EQ(test, req.hash_count, i);
	}
}

static void multicast_more_than_fit(struct kunit *test)
{
	struct i82576_request req;

	fill_hashes(I82576_MAX_HASHES);
	box[0] = WORD0(MBOX_OP_SET_MULTICAST,
		       MBOX_MULTICAST_MORE | I82576_MAX_HASHES);
	KUNIT_EXPECT_EQ(test, i82576_msg_parse(box, &req), 0);
	KUNIT_EXPECT_TRUE(test, req.more_hashes);
	KUNIT_EXPECT_EQ(test, req.hash_count, I82576_MAX_HASHES);

	for (unsigned int bit = 0x20; bit < MBOX_MULTICAST_MORE; bit <<= 1) {
		box[0] = WORD0(MBOX_OP_SET_MULTICAST, bit | 1);
		KUNIT_EXPECT_EQ(test, i82576_msg_parse(box, &req), -EINVAL);
	}
}

static void vlans(struct kunit *test)
{
	static const struct {
		u8 info;
		u32 vid;
		int ret;
	} cases[] = {
		{ MBOX_VLAN_ADD, 0, 0 },
		{ MBOX_VLAN_ADD, 1, 0 },
		{ 0, 4094, 0 },
		{ MBOX_VLAN_ADD, 4094, 0 },
		{ MBOX_VLAN_ADD, 4095, -EINVAL },
		{ 0, 4096, -EINVAL },
		{ MBOX_VLAN_ADD, 0x10001, -EINVAL },
		{ MBOX_VLAN_ADD, U32_MAX, -EINVAL },
		{ 2, 1, -EINVAL },
		{ 0x81, 1, -EINVAL },
	};
	struct i82576_request req;

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		KUNIT_EXPECT_EQ_MSG(test, cases[i].ret,
				    parse(WORD0(MBOX_OP_SET_VLAN, cases[i].info),
					  cases[i].vid, 0, &req), "case %u", i);
		if (cases[i].ret)
			continue;
		KUNIT_EXPECT_EQ(test, req.kind, I82576_REQ_SET_VLAN);
		KUNIT_EXPECT_EQ(test, req.vid, cases[i].vid);
		KUNIT_EXPECT_EQ(test, req.vlan_add, cases[i].info == MBOX_VLAN_ADD);
	}
}

static void frame_sizes_are_judged_elsewhere(struct kunit *test)
{
	static const u32 sizes[] = { 0, 1, 1518, 9216, U32_MAX };
	struct i82576_request req;

	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		KUNIT_EXPECT_EQ(test, parse(MBOX_OP_SET_LPE, sizes[i], 0, &req), 0);
		KUNIT_EXPECT_EQ(test, req.kind, I82576_REQ_SET_MAX_FRAME);
		KUNIT_EXPECT_EQ(test, req.max_frame, sizes[i]);
	}
}

static void promiscuity(struct kunit *test)
{
	struct i82576_request req;

	for (unsigned int info = 0; info <= U8_MAX; info++) {
		int ret = parse(WORD0(MBOX_OP_SET_PROMISC, info), 0, 0, &req);

		KUNIT_EXPECT_EQ(test, ret, info > 3 ? -EINVAL : 0);
		if (ret)
			continue;
		KUNIT_EXPECT_EQ(test, req.kind, I82576_REQ_SET_PROMISC);
		KUNIT_EXPECT_EQ(test, req.unicast, !!(info & 1));
		KUNIT_EXPECT_EQ(test, req.multicast, !!(info & 2));
	}
}

static void unknown_opcodes(struct kunit *test)
{
	static const u16 opcodes[] = {
		0, 7, 0x80, MBOX_OP_PF_CONTROL, MBOX_OP_PF_CONTROL | MBOX_OP_SET_MAC,
		0xff01, U16_MAX,
	};
	struct i82576_request req;

	for (unsigned int i = 0; i < ARRAY_SIZE(opcodes); i++)
		KUNIT_EXPECT_EQ(test, -EOPNOTSUPP,
				parse(opcodes[i], 0x33221102, 0x5544, &req));
}

static void outcome_bits_are_ignored(struct kunit *test)
{
	struct i82576_request req;

	KUNIT_EXPECT_EQ(test, parse(MBOX_OP_SET_VLAN | MBOX_CTS | MBOX_ACK |
				    MBOX_NACK, 5, 0, &req), 0);
	KUNIT_EXPECT_EQ(test, req.vid, 5);
}

static void nothing_is_left_of_the_last(struct kunit *test)
{
	struct i82576_request req;

	fill_hashes(4);
	box[0] = WORD0(MBOX_OP_SET_MULTICAST, MBOX_MULTICAST_MORE | 4);
	KUNIT_ASSERT_EQ(test, i82576_msg_parse(box, &req), 0);
	box[0] = MBOX_OP_RESET;
	KUNIT_ASSERT_EQ(test, i82576_msg_parse(box, &req), 0);
	KUNIT_EXPECT_EQ(test, req.hash_count, 0);
	KUNIT_EXPECT_EQ(test, req.hashes[0], 0);
	KUNIT_EXPECT_FALSE(test, req.more_hashes);
}

/* What the rest of the driver takes for granted of a request that was taken. */
static bool is_sane(const struct i82576_request *req)
{
	switch (req->kind) {
	case I82576_REQ_SET_MAC:
	case I82576_REQ_ADD_EXTRA_MAC:
		return is_valid_ether_addr(req->mac);
	case I82576_REQ_SET_MULTICAST:
		if (req->hash_count > I82576_MAX_HASHES)
			return false;
		for (unsigned int i = 0; i < req->hash_count; i++)
			if (req->hashes[i] >= 4096)
				return false;
		return true;
	case I82576_REQ_SET_VLAN:
		return req->vid < 4095;
	default:
		return req->kind <= I82576_REQ_SET_PROMISC;
	}
}

static void garbage_is_refused_or_makes_sense(struct kunit *test)
{
	unsigned int taken = 0, refused = 0;
	struct i82576_request req;
	struct rnd_state rnd;

	prandom_seed_state(&rnd, 82576);
	for (unsigned int round = 0; round < 20000; round++) {
		prandom_bytes_state(&rnd, box, sizeof(box));
		/* opcodes around those that there are, or nearly all were refused */
		box[0] &= ~(MBOX_OPCODE & ~7);
		if (i82576_msg_parse(box, &req)) {
			refused++;
			continue;
		}
		taken++;
		KUNIT_ASSERT_TRUE_MSG(test, is_sane(&req), "word %#x", box[0]);
	}
	KUNIT_EXPECT_GT(test, taken, 100U);
	KUNIT_EXPECT_GT(test, refused, 100U);
}

static void answers(struct kunit *test)
{
	static const struct {
		u32 request;
		bool granted, cts;
		u32 want;
	} cases[] = {
		{ 0x00000004, true, true, 0xa0000004 },
		{ 0x00000004, false, true, 0x60000004 },
		{ 0x00000004, true, false, 0x80000004 },
		{ 0x00000004, false, false, 0x40000004 },
		/* opcode and information come back, whatever else was there not */
		{ 0xff81ffff, false, false, 0x4081ffff },
		{ 0x7f000005, true, true, 0xa0000005 },
		/* a reset is answered without CTS */
		{ 0x00000001, true, true, 0x80000001 },
		{ 0x20000001, false, true, 0x40000001 },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++)
		KUNIT_EXPECT_EQ_MSG(test, cases[i].want,
				    i82576_msg_outcome(cases[i].request,
						       cases[i].granted,
						       cases[i].cts),
				    "case %u", i);
}

static struct kunit_case mbox_cases[] = {
	KUNIT_CASE(reset_needs_nothing),
	KUNIT_CASE(addresses_are_bytes_in_order),
	KUNIT_CASE(addresses_of_stations_only),
	KUNIT_CASE(extra_addresses),
	KUNIT_CASE(multicast_counts),
	KUNIT_CASE(multicast_hashes_have_twelve_bits),
	KUNIT_CASE(multicast_more_than_fit),
	KUNIT_CASE(vlans),
	KUNIT_CASE(frame_sizes_are_judged_elsewhere),
	KUNIT_CASE(promiscuity),
	KUNIT_CASE(unknown_opcodes),
	KUNIT_CASE(outcome_bits_are_ignored),
	KUNIT_CASE(nothing_is_left_of_the_last),
	KUNIT_CASE(garbage_is_refused_or_makes_sense),
	KUNIT_CASE(answers),
	{ }
};

static struct kunit_suite mbox_suite = {
	.name = "i82576_mbox",
	.test_cases = mbox_cases,
};

kunit_test_suite(mbox_suite);

MODULE_IMPORT_NS(COMPAT_KUNIT_NS);
MODULE_DESCRIPTION("Unit tests of i82576: mailbox messages");
MODULE_LICENSE("GPL");
