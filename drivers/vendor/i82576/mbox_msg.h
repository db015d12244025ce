/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mailbox messages between a virtual function and its physical function
 */
#ifndef I82576_MBOX_MSG_H
#define I82576_MBOX_MSG_H

#include <linux/bits.h>
#include <linux/if_ether.h>
#include <linux/types.h>

#define MBOX_WORDS	16

/* First word: an opcode, information for it, and the outcome. */
#define MBOX_OPCODE	GENMASK(15, 0)
#define MBOX_INFO	GENMASK(23, 16)
#define MBOX_CTS	BIT(29)
#define MBOX_NACK	BIT(30)
#define MBOX_ACK	BIT(31)

#define MBOX_OP_RESET		0x01
#define MBOX_OP_SET_MAC		0x02
#define   MBOX_MAC_CLEAR_EXTRA	0x01
#define   MBOX_MAC_ADD_EXTRA	0x02
#define MBOX_OP_SET_MULTICAST	0x03
#define   MBOX_MULTICAST_COUNT	0x1f
#define   MBOX_MULTICAST_MORE	0x80
#define MBOX_OP_SET_VLAN	0x04
#define   MBOX_VLAN_ADD		0x01
#define MBOX_OP_SET_LPE		0x05
#define MBOX_OP_SET_PROMISC	0x06
#define   MBOX_PROMISC_UNICAST	0x01
#define   MBOX_PROMISC_MULTICAST 0x02
/* From the PF: something changed, look at the registers. */
#define MBOX_OP_PF_CONTROL	0x0100

/* Two 16-bit hashes in each word after the first */
#define I82576_MAX_HASHES	(2 * (MBOX_WORDS - 1))

enum i82576_request_kind {
	I82576_REQ_RESET,
	I82576_REQ_SET_MAC,
	I82576_REQ_ADD_EXTRA_MAC,
	I82576_REQ_CLEAR_EXTRA_MACS,
	I82576_REQ_SET_MULTICAST,
	I82576_REQ_SET_VLAN,
	I82576_REQ_SET_MAX_FRAME,
	I82576_REQ_SET_PROMISC,
};

/**
 * struct i82576_request - a message of a VF, parsed
 * @kind: what the VF wants; says which of the others are valid
 * @mac: I82576_REQ_SET_MAC, I82576_REQ_ADD_EXTRA_MAC: a valid station address
 * @hashes: I82576_REQ_SET_MULTICAST: bits of the multicast table, below 4096
 * @hash_count: used entries of @hashes
 * @more_hashes: the VF listens to more groups than the message has room for
 * @vid: I82576_REQ_SET_VLAN: below 4095
 * @vlan_add: join the VLAN, or leave it
 * @max_frame: I82576_REQ_SET_MAX_FRAME: as sent, not checked against limits
 * @unicast: I82576_REQ_SET_PROMISC
 * @multicast: I82576_REQ_SET_PROMISC
 */
struct i82576_request {
	enum i82576_request_kind kind;
	u8 mac[ETH_ALEN];
	u16 hashes[I82576_MAX_HASHES];
	u8 hash_count;
	bool more_hashes;
	u16 vid;
	bool vlan_add;
	u32 max_frame;
	bool unicast;
	bool multicast;
};

int i82576_msg_parse(const u32 msg[MBOX_WORDS], struct i82576_request *req);
u32 i82576_msg_outcome(u32 request, bool granted, bool clear_to_send);
void i82576_msg_put_mac(u32 *words, const u8 *mac);

#endif /* I82576_MBOX_MSG_H */
