/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A driver of a VF of the 82576, as far as tests need one: mailbox, and a queue that
 * sends
 *
 * Registers as in the data sheet, sections 8.28 (mailbox) and 8.27 (VF registers).
 */
#ifndef UAPI_I82576_H
#define UAPI_I82576_H

#include "vfio.h"

#define BAR		VFIO_PCI_BAR0_REGION_INDEX
#define CTRL		0x000
#define CTRL_RST	0x04000000
#define VMBMEM		0x800
#define V2P		0xc40
#define V2P_REQ		0x01
#define V2P_ACK		0x02
#define V2P_VFU		0x04
#define V2P_PFSTS	0x10
#define V2P_PFACK	0x20
#define V2P_RSTD	0x80
#define GOOD_PACKETS	0xf10	/* received */
#define SENT_PACKETS	0xf14
#define VTEIMS		0x1524
#define VTIVAR_MISC	0x1740
#define VECTORS		3

/* Queue 0 */
#define RX(reg)		(0x2800 + (reg))
#define TX(reg)		(0x3800 + (reg))
#define BAL		0x00
#define BAH		0x04
#define LEN		0x08
#define SRRCTL		0x0c
#define HEAD		0x10
#define TAIL		0x18
#define CTL		0x28
#define CTL_ENABLE	0x02000000

#define MSG_RESET	0x01
#define MSG_SET_MAC	0x02
#define MSG_MULTICAST	0x03
#define MSG_VLAN	0x04
#define MSG_LPE		0x05
#define MSG_PROMISC	0x06
#define MSG_ACK		0x80000000u
#define MSG_NACK	0x40000000u
#define MSG_CTS		0x20000000u
#define INFO(n)		((uint32_t)(n) << 16)
#define MSG_WORDS	16

/* V2PMAILBOX: is a bit set, or was it since vf_mbox_forget()? Reading clears some. */
bool vf_mbox_has(struct vfio *d, uint32_t bit);
void vf_mbox_forget(void);
bool vf_mbox_own(struct vfio *d);
/* Send a message and wait for the answer; its first word, or 0 for none. */
uint32_t vf_ask(struct vfio *d, const uint32_t *msg, unsigned int words,
		uint32_t *answer);
uint32_t vf_ask1(struct vfio *d, uint32_t word0, uint32_t word1, uint32_t word2);
/* VF_RESET; false if it is refused. @mac, if given, is the VF's address. */
bool vf_reset(struct vfio *d, uint8_t *mac);

/* Put the address of a buffer into a descriptor of a receive ring. */
void vf_buffer(void *ring, unsigned int slot, uint64_t address);

/* Set up the ring of the queue whose registers are at @base (RX(0), TX(0)). */
void vf_ring(struct vfio *d, unsigned int base, uint64_t iova, unsigned int slots);

/*
 * The same for receiving: VF_SLOTS slots at @ring, each with a page from @buffers on, of
 * which the VF has the first @count.
 */
#define VF_SLOTS	16
void vf_receive(struct vfio *d, void *ring, uint64_t iova, uint64_t buffers,
		unsigned int count);

/* A transmit ring in memory of its own at @iova; the VF is reset and started. */
struct vf_sender {
	struct vfio *d;
	uint64_t iova;
	char *mem;
	uint8_t mac[6];
	uint8_t to[6];		/* everybody, unless the test says otherwise */
	unsigned int tail;
};

bool vf_sender_start(struct vf_sender *s, struct vfio *d, uint64_t iova);
/* Have @count frames ready, for one write of @tail to TX(TAIL) to send them. */
void vf_put(struct vf_sender *s, unsigned int count, unsigned int len);
/* Send @count frames of @len bytes, each filled with its number; all at once */
bool vf_send(struct vf_sender *s, unsigned int count, unsigned int len);

#endif
