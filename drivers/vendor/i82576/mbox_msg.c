// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mailbox messages: from words to requests, and what an answer looks like
 *
 * Pure functions of their arguments. A message comes from a guest, so each field
 * is checked here, once; the rest of the driver sees only requests that mean
 * something. Whether a request is granted is decided elsewhere.
 */
#include <kunit/visibility.h>
#include <linux/bitfield.h>
#include <linux/errno.h>
#include <linux/etherdevice.h>
#include <linux/string.h>

#include "mbox_msg.h"

#define HASH_WIDTH	12
#define VID_LAST	4094

/* The bytes of an address follow each other in little-endian words. */
static void msg_get_mac(const u32 *words, u8 *mac)
{
	unsigned int i;

	for (i = 0; i < ETH_ALEN; i++)
		mac[i] = words[i / 4] >> (8 * (i % 4));
}

/**
 * i82576_msg_put_mac - write an address into two words of a message
 * @words: where
 * @mac: address
 */
void i82576_msg_put_mac(u32 *words, const u8 *mac)
{
	unsigned int i;

	words[0] = 0;
	words[1] = 0;
	for (i = 0; i < ETH_ALEN; i++)
		words[i / 4] |= (u32)mac[i] << (8 * (i % 4));
}
EXPORT_SYMBOL_IF_KUNIT(i82576_msg_put_mac);

static int parse_mac(const u32 *msg, u8 info, struct i82576_request *req)
{
	if (info == MBOX_MAC_CLEAR_EXTRA) {
		req->kind = I82576_REQ_CLEAR_EXTRA_MACS;
		return 0;
	}
	if (info == 0)
		req->kind = I82576_REQ_SET_MAC;
	else if (info == MBOX_MAC_ADD_EXTRA)
		req->kind = I82576_REQ_ADD_EXTRA_MAC;
	else
		return -EINVAL;

	msg_get_mac(&msg[1], req->mac);
	return is_valid_ether_addr(req->mac) ? 0 : -EINVAL;
}

static int parse_multicast(const u32 *msg, u8 info, struct i82576_request *req)
{
	unsigned int i, count = info & MBOX_MULTICAST_COUNT;

	if (info & ~(MBOX_MULTICAST_COUNT | MBOX_MULTICAST_MORE))
		return -EINVAL;
	if (count > I82576_MAX_HASHES)
		return -EINVAL;

	req->kind = I82576_REQ_SET_MULTICAST;
	req->more_hashes = info & MBOX_MULTICAST_MORE;
	req->hash_count = count;
	for (i = 0; i < count; i++) {
		u16 hash = msg[1 + i / 2] >> (16 * (i % 2));

		if (hash >> HASH_WIDTH)
			return -EINVAL;
		req->hashes[i] = hash;
	}
	return 0;
}

static int parse_vlan(const u32 *msg, u8 info, struct i82576_request *req)
{
	if ((info & ~MBOX_VLAN_ADD) || msg[1] > VID_LAST)
		return -EINVAL;

	req->kind = I82576_REQ_SET_VLAN;
	req->vlan_add = info & MBOX_VLAN_ADD;
	req->vid = msg[1];
	return 0;
}

static int parse_promisc(u8 info, struct i82576_request *req)
{
	if (info & ~(MBOX_PROMISC_UNICAST | MBOX_PROMISC_MULTICAST))
		return -EINVAL;

	req->kind = I82576_REQ_SET_PROMISC;
	req->unicast = info & MBOX_PROMISC_UNICAST;
	req->multicast = info & MBOX_PROMISC_MULTICAST;
	return 0;
}

/**
 * i82576_msg_parse - what does a VF want?
 * @msg: the sixteen words of its mailbox
 * @req: filled in on success
 *
 * Outcome bits in the first word are ignored: a VF may send back what it read.
 *
 * Return: 0, -EINVAL if a field has a value that no driver sends, -EOPNOTSUPP
 * if the opcode is unknown.
 */
int i82576_msg_parse(const u32 msg[MBOX_WORDS], struct i82576_request *req)
{
	u8 info = FIELD_GET(MBOX_INFO, msg[0]);

	memset(req, 0, sizeof(*req));
	switch (FIELD_GET(MBOX_OPCODE, msg[0])) {
	case MBOX_OP_RESET:
		req->kind = I82576_REQ_RESET;
		return 0;
	case MBOX_OP_SET_MAC:
		return parse_mac(msg, info, req);
	case MBOX_OP_SET_MULTICAST:
		return parse_multicast(msg, info, req);
	case MBOX_OP_SET_VLAN:
		return parse_vlan(msg, info, req);
	case MBOX_OP_SET_LPE:
		req->kind = I82576_REQ_SET_MAX_FRAME;
		req->max_frame = msg[1];
		return 0;
	case MBOX_OP_SET_PROMISC:
		return parse_promisc(info, req);
	default:
		return -EOPNOTSUPP;
	}
}
EXPORT_SYMBOL_IF_KUNIT(i82576_msg_parse);

/**
 * i82576_msg_outcome - first word of the answer to a request
 * @request: first word of the request
 * @granted: ACK or NACK
 * @clear_to_send: the VF has been through a reset and may go on
 *
 * The answer to VF_RESET itself carries no CTS: VF drivers compare its first
 * word with nothing but opcode and outcome.
 *
 * Return: the word.
 */
u32 i82576_msg_outcome(u32 request, bool granted, bool clear_to_send)
{
	u32 word = request & (MBOX_OPCODE | MBOX_INFO);

	word |= granted ? MBOX_ACK : MBOX_NACK;
	if (clear_to_send && FIELD_GET(MBOX_OPCODE, request) != MBOX_OP_RESET)
		word |= MBOX_CTS;
	return word;
}
EXPORT_SYMBOL_IF_KUNIT(i82576_msg_outcome);
