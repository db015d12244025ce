// SPDX-License-Identifier: GPL-2.0-only
/*
 * Announcement: the network learns where the addresses of a migrated VF are now
 *
 * A bridge sends frames for an address to where it saw the address last. A guest
 * that was migrated does not know of it and may have nothing to say for long, so
 * the PF speaks for it: for each address of the VF, untagged and in each of its
 * VLANs, a broadcast RARP request (RFC 903), which asks for nothing that anybody has
 * to answer. That is what virtual machine monitors send for their own devices.
 *
 * The VF's queues are the guest's, and what they read is the guest's memory. The
 * queues of a pool whose VF is not enabled read the host's as the PF does, so the
 * last pool is used while it has no VF. With all eight VFs there is none.
 */
#include <linux/dma-mapping.h>
#include <linux/if_arp.h>
#include <linux/iopoll.h>

#include "i82576.h"

#define POOL		(I82576_MAX_VFS - 1)
#define QUEUE		QUEUE_OF(POOL, 0)
#define ROUNDS		3
#define RING_DESCS	8	/* the least there is: 128 bytes */
#define TIMEOUT_US	10000

/* 7.2.2.3: advanced transmit data descriptor */
struct tx_desc {
	__le64 addr;
	__le32 cmd_type_len;
	__le32 olinfo_status;
};

#define TXD_LEN		GENMASK(15, 0)
#define TXD_DATA	(3 << 20)
#define TXD_EOP		BIT(24)
#define TXD_IFCS	BIT(25)
#define TXD_RS		BIT(27)
#define TXD_DEXT	BIT(29)
#define TXD_DD		BIT(0)
#define TXD_PAYLEN	GENMASK(31, 14)

struct rarp {
	struct arphdr head;
	u8 sender_mac[ETH_ALEN];
	__be32 sender_ip;
	u8 target_mac[ETH_ALEN];
	__be32 target_ip;
} __packed;

/* What the device reads, and writes back */
struct announcement {
	struct tx_desc ring[RING_DESCS];
	u8 frame[ETH_ZLEN + VLAN_HLEN];
};

/**
 * struct announcer - the borrowed queue while announcements are made
 * @pf: physical function; its lock is held
 * @mem: shared with the device
 * @dma: where the device finds @mem
 * @tail: next descriptor
 */
struct announcer {
	struct i82576_pf *pf;
	struct announcement *mem;
	dma_addr_t dma;
	unsigned int tail;
};

/* Without VLAN if @vid is 0. Returns the length without checksum. */
static unsigned int make_frame(u8 *frame, const u8 *mac, u16 vid)
{
	struct vlan_ethhdr *tagged = (void *)frame;
	struct ethhdr *eth = (void *)frame;
	struct rarp *rarp = (void *)(eth + 1);

	memset(frame, 0, ETH_ZLEN + VLAN_HLEN);
	eth_broadcast_addr(eth->h_dest);
	ether_addr_copy(eth->h_source, mac);
	eth->h_proto = htons(ETH_P_RARP);
	if (vid) {
		tagged->h_vlan_proto = htons(ETH_P_8021Q);
		tagged->h_vlan_TCI = htons(vid);
		tagged->h_vlan_encapsulated_proto = htons(ETH_P_RARP);
		rarp = (void *)(tagged + 1);
	}
	rarp->head.ar_hrd = htons(ARPHRD_ETHER);
	rarp->head.ar_pro = htons(ETH_P_IP);
	rarp->head.ar_hln = ETH_ALEN;
	rarp->head.ar_pln = sizeof(rarp->sender_ip);
	rarp->head.ar_op = htons(ARPOP_RREQUEST);
	ether_addr_copy(rarp->sender_mac, mac);
	ether_addr_copy(rarp->target_mac, mac);
	return ETH_ZLEN + (vid ? VLAN_HLEN : 0);
}

/* One frame, and wait until the device has read it. */
static int send_one(struct announcer *a, const u8 *mac, u16 vid)
{
	struct tx_desc *desc = &a->mem->ring[a->tail];
	unsigned int len = make_frame(a->mem->frame, mac, vid);
	u32 status;

	desc->addr = cpu_to_le64(a->dma + offsetof(struct announcement, frame));
	desc->cmd_type_len = cpu_to_le32(FIELD_PREP(TXD_LEN, len) | TXD_DATA |
					 TXD_EOP | TXD_IFCS | TXD_RS | TXD_DEXT);
	desc->olinfo_status = cpu_to_le32(FIELD_PREP(TXD_PAYLEN, len));
	a->tail = (a->tail + 1) % RING_DESCS;
	/* writel() orders the descriptor before the tail. */
	i82576_write(a->pf, REG_TDT(QUEUE), a->tail);
	return read_poll_timeout(le32_to_cpu, status, status & TXD_DD, 10,
				 TIMEOUT_US, false,
				 READ_ONCE(desc->olinfo_status));
}

static int send_mac(struct announcer *a, struct i82576_policy *policy,
		    const u8 *mac)
{
	int ret = send_one(a, mac, 0);

	for (unsigned int i = 0; !ret && i < policy->vlan_count; i++)
		if (policy->vlans[i])
			ret = send_one(a, mac, policy->vlans[i]);
	return ret;
}

/* 4.5.10; the pool may send what is not its own meanwhile (7.10.3.8). */
static int queue_borrow(struct announcer *a)
{
	struct i82576_pf *pf = a->pf;

	i82576_modify(pf, REG_DTXSWC, FIELD_PREP(DTXSWC_MACAS, BIT(POOL)) |
				      FIELD_PREP(DTXSWC_VLANAS, BIT(POOL)), 0);
	i82576_write(pf, REG_VMVIR(POOL), 0);
	i82576_write(pf, REG_TDBAL(QUEUE), lower_32_bits(a->dma));
	i82576_write(pf, REG_TDBAH(QUEUE), upper_32_bits(a->dma));
	i82576_write(pf, REG_TDLEN(QUEUE), sizeof(a->mem->ring));
	i82576_write(pf, REG_TDWBAL(QUEUE), 0);
	i82576_write(pf, REG_TDH(QUEUE), 0);
	i82576_write(pf, REG_TDT(QUEUE), 0);
	if (!i82576_queue_enable(pf, REG_TXDCTL(QUEUE), XDCTL_ENABLE))
		return -EIO;
	i82576_modify(pf, REG_VFTE, 0, BIT(POOL));
	return 0;
}

/* As it was. Return: whether the queue has let go of memory. */
static bool queue_return(struct announcer *a)
{
	struct i82576_pf *pf = a->pf;
	bool stopped;

	i82576_modify(pf, REG_VFTE, BIT(POOL), 0);
	stopped = i82576_queue_disable(pf, REG_TXDCTL(QUEUE));
	i82576_write(pf, REG_TDBAL(QUEUE), 0);
	i82576_write(pf, REG_TDBAH(QUEUE), 0);
	i82576_write(pf, REG_TDLEN(QUEUE), 0);
	i82576_modify(pf, REG_DTXSWC, 0,
		      FIELD_PREP(DTXSWC_MACAS, BIT(POOL)) |
		      FIELD_PREP(DTXSWC_VLANAS, BIT(POOL)));
	i82576_flush(pf);
	return stopped;
}

static int announce(struct i82576_vf *vf)
{
	struct i82576_policy *policy = &vf->policy;
	struct device *dev = &vf->pf->pdev->dev;
	struct announcer a = { .pf = vf->pf };
	int ret;

	a.mem = dma_alloc_coherent(dev, sizeof(*a.mem), &a.dma, GFP_KERNEL);
	if (!a.mem)
		return -ENOMEM;
	/* A guest that is a bridge would wonder who has its address. */
	i82576_modify(vf->pf, REG_VMOLR(vf->index), VMOLR_BAM | VMOLR_MPE, 0);
	ret = queue_borrow(&a);
	if (!ret)
		ret = send_mac(&a, policy, policy->mac);
	for (unsigned int i = 0; !ret && i < policy->extra_count; i++)
		ret = send_mac(&a, policy, policy->extra[i]);
	/* Better lost than written to by a device that does not stop. */
	if (queue_return(&a))
		dma_free_coherent(dev, sizeof(*a.mem), a.mem, a.dma);
	else
		ret = -EIO;
	i82576_filter_accept(vf);
	return ret;
}

/**
 * i82576_announce_begin - the addresses of a VF have come here from elsewhere
 * @vf: virtual function that is about to run; the lock of its PF is held
 */
void i82576_announce_begin(struct i82576_vf *vf)
{
	lockdep_assert_held(&vf->pf->lock);
	if (vf->pf->num_vfs > POOL)
		i82576_vf_msg(info, vf, "its addresses are not announced to the network: with %u VFs no queue is left for that\n",
			      vf->pf->num_vfs);
	else
		vf->announcements = ROUNDS;
}

/**
 * i82576_announce_service - make the announcements that are due
 * @pf: physical function that is up; its lock is held
 *
 * Several times, since nobody says whether one has arrived.
 *
 * Return: whether there will be more.
 */
bool i82576_announce_service(struct i82576_pf *pf)
{
	bool more = false;
	unsigned int n;
	int ret;

	lockdep_assert_held(&pf->lock);
	for (n = 0; n < pf->num_vfs; n++) {
		struct i82576_vf *vf = &pf->vf[n];

		if (!vf->announcements || !vf->policy.ready ||
		    vf->rest != I82576_RUNNING)
			continue;
		vf->announcements--;
		ret = announce(vf);
		if (ret)
			i82576_vf_msg(warn, vf, "its addresses could not be announced to the network (%d)\n",
				      ret);
		more |= vf->announcements;
	}
	return more;
}
