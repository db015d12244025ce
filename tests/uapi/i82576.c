// SPDX-License-Identifier: GPL-2.0-only
/*
 * A driver of a VF of the 82576, as far as tests need one
 */
#include <stdio.h>
#include <string.h>

#include "i82576.h"
#include "pci.h"
#include "test.h"

/* PFSTS and PFACK clear when they are read, so they are collected. */
static uint32_t seen;

bool vf_mbox_has(struct vfio *d, uint32_t bit)
{
	seen |= bar_read32(d, BAR, V2P);
	return seen & bit;
}

bool vf_mbox_own(struct vfio *d)
{
	bar_write32(d, BAR, V2P, V2P_VFU);
	return vf_mbox_has(d, V2P_VFU);
}

void vf_mbox_forget(void)
{
	seen = 0;
}

static bool post(struct vfio *d, const uint32_t *msg, unsigned int words)
{
	seen = 0;
	if (!WITHIN(1000, vf_mbox_own(d)))
		return false;
	for (unsigned int i = 0; i < words; i++)
		bar_write32(d, BAR, VMBMEM + 4 * i, msg[i]);
	seen = 0;
	bar_write32(d, BAR, V2P, V2P_REQ);
	return true;
}

/* Send a message and wait for the answer; its first word, or 0 for none. */
uint32_t vf_ask(struct vfio *d, const uint32_t *msg, unsigned int words,
		uint32_t *answer)
{
	uint32_t first;

	if (!post(d, msg, words) || !WITHIN(2000, vf_mbox_has(d, V2P_PFSTS)))
		return 0;
	first = bar_read32(d, BAR, VMBMEM);
	for (unsigned int i = 0; answer && i < MSG_WORDS; i++)
		answer[i] = bar_read32(d, BAR, VMBMEM + 4 * i);
	bar_write32(d, BAR, V2P, V2P_ACK);
	return first;
}

uint32_t vf_ask1(struct vfio *d, uint32_t word0, uint32_t word1,
		 uint32_t word2)
{
	uint32_t msg[3] = { word0, word1, word2 };

	return vf_ask(d, msg, 3, NULL);
}

bool vf_reset(struct vfio *d, uint8_t *mac)
{
	uint32_t msg = MSG_RESET, answer[MSG_WORDS];

	if (!(vf_ask(d, &msg, 1, answer) & MSG_ACK))
		return false;
	for (int i = 0; mac && i < 6; i++)
		mac[i] = answer[1 + i / 4] >> (8 * (i % 4));
	return true;
}

void vf_ring(struct vfio *d, unsigned int base, uint64_t iova, unsigned int slots)
{
	bar_write32(d, BAR, base + BAL, iova);
	bar_write32(d, BAR, base + BAH, iova >> 32);
	bar_write32(d, BAR, base + LEN, 16 * slots);
	bar_write32(d, BAR, base + CTL, CTL_ENABLE);
}

void vf_buffer(void *ring, unsigned int slot, uint64_t address)
{
	memcpy((char *)ring + 16 * slot, &address, 8);
}

void vf_receive(struct vfio *d, void *ring, uint64_t iova, uint64_t buffers,
		unsigned int count)
{
	for (unsigned int i = 0; i < VF_SLOTS; i++)
		vf_buffer(ring, i, buffers + i * 4096);
	vf_ring(d, RX(0), iova, VF_SLOTS);
	bar_write32(d, BAR, RX(TAIL), count);
}

/* 7.2.2.3: advanced transmit data descriptor */
struct tx_desc {
	uint64_t addr;
	uint32_t cmd_type_len;
	uint32_t olinfo_status;
};

#define TXD_DATA	0x00300000u
#define TXD_EOP		0x01000000u
#define TXD_IFCS	0x02000000u
#define TXD_RS		0x08000000u
#define TXD_DEXT	0x20000000u
#define TXD_DD		1u
#define TXD_PAYLEN(n)	((n) << 14)

#define TX_SLOTS	64
#define FRAME_ROOM	2048
#define FRAMES		4096	/* where they begin in the memory */
#define SENDER_BYTES	(FRAMES + TX_SLOTS * FRAME_ROOM)

bool vf_sender_start(struct vf_sender *s, struct vfio *d, uint64_t iova)
{
	s->d = d;
	s->iova = iova;
	s->tail = 0;
	memset(s->to, 0xff, sizeof(s->to));
	if (vfio_ioctl(d->fd, VFIO_DEVICE_RESET, NULL) || !vf_reset(d, s->mac))
		return false;
	s->mem = vfio_dma_map(d, iova, SENDER_BYTES);
	if (!s->mem)
		return false;
	cfg_command(d, PCI_COMMAND_MASTER, 0);
	vf_ring(d, TX(0), iova, TX_SLOTS);
	return true;
}

static uint64_t put_frame(struct vf_sender *s, unsigned int slot, unsigned int len)
{
	static uint8_t number;
	unsigned int at = FRAMES + slot * FRAME_ROOM;
	uint8_t *frame = (uint8_t *)s->mem + at;

	memset(frame, ++number, len);
	memcpy(frame, s->to, 6);
	memcpy(frame + 6, s->mac, 6);
	/* Local experimental EtherType 1 */
	frame[12] = 0x88;
	frame[13] = 0xb5;
	return s->iova + at;
}

void vf_put(struct vf_sender *s, unsigned int count, unsigned int len)
{
	volatile struct tx_desc *ring = (void *)s->mem;

	for (unsigned int i = 0; i < count; i++) {
		unsigned int slot = s->tail;

		ring[slot].addr = put_frame(s, slot, len);
		ring[slot].cmd_type_len = len | TXD_DATA | TXD_EOP | TXD_IFCS |
					  TXD_RS | TXD_DEXT;
		ring[slot].olinfo_status = TXD_PAYLEN(len);
		s->tail = (s->tail + 1) % TX_SLOTS;
	}
	__sync_synchronize();
}

bool vf_send(struct vf_sender *s, unsigned int count, unsigned int len)
{
	volatile struct tx_desc *ring = (void *)s->mem;

	vf_put(s, count, len);
	bar_write32(s->d, BAR, TX(TAIL), s->tail);
	return WITHIN(1000, ring[(s->tail + TX_SLOTS - 1) % TX_SLOTS].olinfo_status & TXD_DD);
}
