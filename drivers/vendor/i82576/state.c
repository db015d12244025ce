// SPDX-License-Identifier: GPL-2.0-only
/*
 * State of a VF as bytes: what a guest's driver must find again elsewhere
 *
 * Two parts. What the VF asked its PF for is taken from and put into the PF's
 * records, from which the tables are made as ever. What is in the VF's own
 * registers is copied. Settings of the administrator belong to the host and stay
 * there, but for the address, without which the guest is not the same.
 *
 * The bytes may come from anywhere: i82576_state_check() accepts nothing that the
 * VF could not have reached through its own registers and mailbox.
 */
#include <kunit/visibility.h>
#include "i82576.h"

#define IMAGE_MAGIC	0x36373532	/* "2576" */
#define IMAGE_VERSION	1

#define IMAGE_ADMIN_MAC		BIT(0)
#define IMAGE_READY		BIT(1)
#define IMAGE_ALL_MULTICAST	BIT(2)
#define IMAGE_REQUEST		BIT(3)	/* a message waits for the PF */
#define IMAGE_STS		BIT(4)	/* an answer waits for the VF */
#define IMAGE_ACK		BIT(5)
#define IMAGE_FLAGS		GENMASK(5, 0)

#define DESC_BYTES		16
#define RING_BYTES_ALIGN	128
#define RING_BYTES_MAX		0x80000
#define VID_LAST		4094
#define HASH_LAST		4095

/* The registers of a queue, but for those that depend on its being enabled. */
static const u32 queue_regs[] = {
	REG_RDBAL(0), REG_RDBAH(0), REG_RDLEN(0), REG_SRRCTL(0), REG_RXCTL(0),
	REG_RDH(0),
	REG_TDBAL(0), REG_TDBAH(0), REG_TDLEN(0), REG_TXCTL(0), REG_TDWBAL(0),
	REG_TDWBAH(0), REG_TDH(0),
};

enum { Q_RDLEN = 2, Q_RDH = 5, Q_TDLEN = 8, Q_TDH = 12 };

#define QUEUE_STRIDE	(REG_RDBAL(1) - REG_RDBAL(0))

struct image_queue {
	__le32 regs[ARRAY_SIZE(queue_regs)];
	__le32 rxdctl;
	__le32 txdctl;
	__le32 rdt;
	__le32 tdt;
} __packed;

/*
 * What the VF's records say. Also sent by itself, early: whether another host takes
 * it can be found out while the VF still runs. Little-endian; unused entries of the
 * arrays are 0.
 */
struct image_policy {
	__le32 magic;
	__le16 version;
	__le16 bytes;
	__le32 flags;
	__le16 max_frame;
	u8 extra_count;
	u8 vlan_count;
	u8 hash_count;
	u8 reserved;
	u8 mac[ETH_ALEN];
	u8 extra[I82576_EXTRA_MACS][ETH_ALEN];
	__le16 vlans[VLVF_COUNT];
	__le16 hashes[I82576_MAX_HASHES];
} __packed;

struct image {
	struct image_policy policy;
	struct image_queue queue[QUEUES_PER_VF];
	__le32 eitr[VF_VECTORS];
	__le32 vtivar;
	__le32 vtivar_misc;
	__le32 eims;
	__le32 eiac;
	__le32 eiam;
	__le32 psrtype;
	__le32 vmbmem[MBOX_WORDS];
} __packed;

/**
 * i82576_state_size - how large an image is
 *
 * Return: size in bytes of every image.
 */
size_t i82576_state_size(void)
{
	return sizeof(struct image);
}
EXPORT_SYMBOL_IF_KUNIT(i82576_state_size);

/**
 * i82576_state_early_size - how large the early part is
 *
 * Return: size in bytes of what i82576_state_save_early() writes.
 */
size_t i82576_state_early_size(void)
{
	return sizeof(struct image_policy);
}

static void save_policy(struct i82576_vf *vf, struct image_policy *image,
			size_t bytes)
{
	struct i82576_policy *policy = &vf->policy;
	u32 flags = 0;
	unsigned int i;

	memset(image, 0, sizeof(*image));
	image->magic = cpu_to_le32(IMAGE_MAGIC);
	image->version = cpu_to_le16(IMAGE_VERSION);
	image->bytes = cpu_to_le16(bytes);
	flags |= policy->admin_mac || policy->carried_mac ? IMAGE_ADMIN_MAC : 0;
	flags |= policy->ready ? IMAGE_READY : 0;
	flags |= policy->all_multicast ? IMAGE_ALL_MULTICAST : 0;
	flags |= vf->pf->pending & BIT(vf->index) ? IMAGE_REQUEST : 0;
	flags |= vf->stopped.owed & V2P_PFSTS ? IMAGE_STS : 0;
	flags |= vf->stopped.owed & V2P_PFACK ? IMAGE_ACK : 0;
	image->flags = cpu_to_le32(flags);
	image->max_frame = cpu_to_le16(policy->max_frame);
	image->extra_count = policy->extra_count;
	image->vlan_count = policy->vlan_count;
	image->hash_count = policy->hash_count;
	memcpy(image->mac, policy->mac, ETH_ALEN);
	memcpy(image->extra, policy->extra,
	       policy->extra_count * sizeof(policy->extra[0]));
	for (i = 0; i < policy->vlan_count; i++)
		image->vlans[i] = cpu_to_le16(policy->vlans[i]);
	for (i = 0; i < policy->hash_count; i++)
		image->hashes[i] = cpu_to_le16(policy->hashes[i]);
}

static void save_queue(struct i82576_vf *vf, unsigned int i,
		       struct image_queue *queue)
{
	unsigned int q = QUEUE_OF(vf->index, i), r;

	for (r = 0; r < ARRAY_SIZE(queue_regs); r++)
		queue->regs[r] = cpu_to_le32(i82576_read(vf->pf, queue_regs[r] +
							 QUEUE_STRIDE * q));
	queue->rxdctl = cpu_to_le32(vf->stopped.rxdctl[i]);
	queue->txdctl = cpu_to_le32(vf->stopped.txdctl[i]);
	queue->rdt = cpu_to_le32(vf->stopped.rdt[i]);
	queue->tdt = cpu_to_le32(vf->stopped.tdt[i]);
}

/**
 * i82576_state_save - write the state of a VF
 * @vf: virtual function at rest (%I82576_STOPPED); the lock of its PF is held
 * @buf: where
 * @size: of @buf
 *
 * Return: bytes written, -EBUSY if the VF is not at rest, -EIO if the device is
 * down, -ENOSPC.
 */
ssize_t i82576_state_save(struct i82576_vf *vf, void *buf, size_t size)
{
	struct i82576_pf *pf = vf->pf;
	struct image *image = buf;
	unsigned int i, n = vf->index;

	lockdep_assert_held(&pf->lock);
	if (pf->down)
		return -EIO;
	if (vf->rest != I82576_STOPPED)
		return -EBUSY;
	if (size < sizeof(*image))
		return -ENOSPC;

	/* A message that came in since the last interrupt goes along. */
	i82576_mbox_collect(pf);
	memset(image, 0, sizeof(*image));
	save_policy(vf, &image->policy, sizeof(*image));
	for (i = 0; i < QUEUES_PER_VF; i++)
		save_queue(vf, i, &image->queue[i]);
	for (i = 0; i < VF_VECTORS; i++)
		image->eitr[i] = cpu_to_le32(i82576_read(pf, REG_EITR(VF_FIRST_VECTOR(n) + i)));
	image->vtivar = cpu_to_le32(i82576_read(pf, REG_VTIVAR(n)));
	image->vtivar_misc = cpu_to_le32(i82576_read(pf, REG_VTIVAR_MISC(n)));
	image->eims = cpu_to_le32(vf->stopped.eims);
	image->eiac = cpu_to_le32(i82576_read(pf, REG_PVTEIAC(n)) & PVT_VECTORS);
	image->eiam = cpu_to_le32(i82576_read(pf, REG_PVTEIAM(n)) & PVT_VECTORS);
	image->psrtype = cpu_to_le32(i82576_read(pf, REG_PSRTYPE(n)));
	for (i = 0; i < MBOX_WORDS; i++)
		image->vmbmem[i] = cpu_to_le32(i82576_read(pf, REG_VMBMEM(n) + 4 * i));
	return sizeof(*image);
}
EXPORT_SYMBOL_IF_KUNIT(i82576_state_save);

/**
 * i82576_state_save_early - write what another host may refuse
 * @vf: virtual function, which may run; the lock of its PF is held
 * @buf: where
 * @size: of @buf
 *
 * Return: bytes written, or -ENOSPC.
 */
ssize_t i82576_state_save_early(struct i82576_vf *vf, void *buf, size_t size)
{
	lockdep_assert_held(&vf->pf->lock);
	if (size < sizeof(struct image_policy))
		return -ENOSPC;
	save_policy(vf, buf, sizeof(struct image_policy));
	return sizeof(struct image_policy);
}

static int malformed(struct i82576_vf *vf, const char *what)
{
	i82576_vf_refuse(vf, "%s\n", what);
	return -EINVAL;
}

/* The same for both: @size bytes of which there have to be @bytes. */
static int check_header(struct i82576_vf *vf, const struct image_policy *image,
			size_t size, size_t bytes)
{
	if (size != bytes)
		return malformed(vf, "wrong size");
	if (le32_to_cpu(image->magic) != IMAGE_MAGIC ||
	    le16_to_cpu(image->bytes) != bytes)
		return malformed(vf, "not the state of an 82576 VF");
	if (le16_to_cpu(image->version) != IMAGE_VERSION) {
		i82576_vf_refuse(vf, "version %u, known is %u\n",
				 le16_to_cpu(image->version), IMAGE_VERSION);
		return -EOPNOTSUPP;
	}
	if (le32_to_cpu(image->flags) & ~(u32)IMAGE_FLAGS || image->reserved)
		return malformed(vf, "unknown flags");
	return 0;
}

static int check_policy(struct i82576_vf *vf, const struct image_policy *image)
{
	u16 max_frame = le16_to_cpu(image->max_frame);
	unsigned int i, j;

	if (image->extra_count > I82576_EXTRA_MACS ||
	    image->vlan_count > VLVF_COUNT ||
	    image->hash_count > I82576_MAX_HASHES)
		return malformed(vf, "more filters than there can be");
	if (max_frame < I82576_DEFAULT_FRAME || max_frame > I82576_MAX_FRAME)
		return malformed(vf, "frame size");
	if (!is_valid_ether_addr(image->mac))
		return malformed(vf, "station address");
	if (image->extra_count && le32_to_cpu(image->flags) & IMAGE_ADMIN_MAC)
		return malformed(vf, "extra addresses beside one that an administrator set");
	for (i = 0; i < image->extra_count; i++) {
		if (!is_valid_ether_addr(image->extra[i]))
			return malformed(vf, "extra address");
	}
	for (i = 0; i < image->vlan_count; i++) {
		if (le16_to_cpu(image->vlans[i]) > VID_LAST)
			return malformed(vf, "VLAN");
		for (j = 0; j < i; j++) {
			if (image->vlans[i] == image->vlans[j])
				return malformed(vf, "VLAN given twice");
		}
	}
	for (i = 0; i < image->hash_count; i++) {
		if (le16_to_cpu(image->hashes[i]) > HASH_LAST)
			return malformed(vf, "multicast hash");
	}
	return 0;
}

static bool ring_ok(u32 bytes, u32 head, u32 tail, u32 control)
{
	u32 count = bytes / DESC_BYTES;

	if (!IS_ALIGNED(bytes, RING_BYTES_ALIGN) || bytes > RING_BYTES_MAX)
		return false;
	/* Only a ring in use has to make sense. */
	return !(control & XDCTL_ENABLE) || !count ||
	       (head < count && tail < count);
}

static int check_queue(struct i82576_vf *vf, const struct image_queue *queue)
{
	if (!ring_ok(le32_to_cpu(queue->regs[Q_RDLEN]),
		     le32_to_cpu(queue->regs[Q_RDH]), le32_to_cpu(queue->rdt),
		     le32_to_cpu(queue->rxdctl)))
		return malformed(vf, "receive ring");
	if (!ring_ok(le32_to_cpu(queue->regs[Q_TDLEN]),
		     le32_to_cpu(queue->regs[Q_TDH]), le32_to_cpu(queue->tdt),
		     le32_to_cpu(queue->txdctl)))
		return malformed(vf, "transmit ring");
	return 0;
}

/* A sound image may still not fit into this VF ... */
static int check_fit(struct i82576_vf *vf, const struct image_policy *image)
{
	if (image->extra_count > i82576_filter_extra_max(vf->pf) ||
	    image->vlan_count > VLVF_COUNT / vf->pf->num_vfs) {
		i82576_vf_refuse(vf, "needs more addresses or VLANs than the share of one of %u VFs; enable fewer\n",
				 vf->pf->num_vfs);
		return -EOPNOTSUPP;
	}
	if (vf->policy.admin_mac &&
	    !ether_addr_equal_unaligned(vf->policy.mac, image->mac)) {
		i82576_vf_refuse(vf, "has address %pM, but the administrator set %pM\n",
				 image->mac, vf->policy.mac);
		return -EOPNOTSUPP;
	}
	if (vf->policy.admin_mac && image->extra_count) {
		i82576_vf_refuse(vf, "has extra addresses, and the administrator set %pM and no other\n",
				 vf->policy.mac);
		return -EOPNOTSUPP;
	}
	return 0;
}

/*
 * ... or beside the others. When all of it is there, the VF that it comes from is
 * stopped or gone. Any other keeps its addresses, whether its guest runs or not: a
 * stream can be made by anybody who has a VF.
 */
static int check_taken(struct i82576_vf *vf, const struct image_policy *image)
{
	unsigned int i;

	if (i82576_vf_mac_taken(vf, image->mac, true)) {
		i82576_vf_refuse(vf, "another VF has its address %pM, and is not the one that it left\n",
				 image->mac);
		return -EOPNOTSUPP;
	}
	for (i = 0; i < image->extra_count; i++) {
		if (!i82576_vf_mac_taken(vf, image->extra[i], true))
			continue;
		i82576_vf_refuse(vf, "another VF has its extra address %pM, and is not the one that it left\n",
				 image->extra[i]);
		return -EOPNOTSUPP;
	}
	return 0;
}

/**
 * i82576_state_check - would this state be taken?
 * @vf: virtual function; the lock of its PF is held
 * @buf: image, not trusted
 * @size: of @buf
 *
 * Return: 0, -EINVAL if no VF can be in this state, -EOPNOTSUPP if this one
 * cannot; with the reason in the log.
 */
int i82576_state_check(struct i82576_vf *vf, const void *buf, size_t size)
{
	const struct image *image = buf;
	unsigned int i;
	int ret;

	lockdep_assert_held(&vf->pf->lock);
	ret = check_header(vf, &image->policy, size, sizeof(*image));
	if (!ret)
		ret = check_policy(vf, &image->policy);
	for (i = 0; !ret && i < QUEUES_PER_VF; i++)
		ret = check_queue(vf, &image->queue[i]);
	if (!ret)
		ret = check_fit(vf, &image->policy);
	return ret ?: check_taken(vf, &image->policy);
}
EXPORT_SYMBOL_IF_KUNIT(i82576_state_check);

/**
 * i82576_state_check_early - would a state with this early part be taken?
 * @vf: virtual function; the lock of its PF is held
 * @buf: early part, not trusted
 * @size: of @buf
 *
 * Return: as i82576_state_check(), which has the last word.
 */
int i82576_state_check_early(struct i82576_vf *vf, const void *buf, size_t size)
{
	const struct image_policy *image = buf;
	int ret;

	lockdep_assert_held(&vf->pf->lock);
	ret = check_header(vf, image, size, sizeof(*image));
	if (!ret)
		ret = check_policy(vf, image);
	return ret ?: check_fit(vf, image);
}

static void load_policy(struct i82576_vf *vf, const struct image_policy *image)
{
	struct i82576_policy *policy = &vf->policy;
	u32 flags = le32_to_cpu(image->flags);
	unsigned int i;

	memcpy(policy->mac, image->mac, ETH_ALEN);
	/* A guest that is reset finds the address again with which it came. */
	memcpy(policy->home, image->mac, ETH_ALEN);
	policy->carried = !policy->admin_mac;
	policy->carried_mac = (flags & IMAGE_ADMIN_MAC) && !policy->admin_mac;
	policy->ready = flags & IMAGE_READY;
	vf->moved_out = false;
	policy->all_multicast = flags & IMAGE_ALL_MULTICAST;
	policy->max_frame = le16_to_cpu(image->max_frame);
	policy->extra_count = image->extra_count;
	memcpy(policy->extra, image->extra, sizeof(policy->extra));
	policy->hash_count = image->hash_count;
	for (i = 0; i < image->hash_count; i++)
		policy->hashes[i] = le16_to_cpu(image->hashes[i]);
	/* Checked before: its share of the table is free for it. */
	for (i = 0; i < image->vlan_count; i++)
		i82576_filter_vlan_add(vf, le16_to_cpu(image->vlans[i]));
	i82576_filter_mac(vf);
	i82576_filter_accept(vf);
	i82576_filter_multicast(vf->pf);

	if (flags & IMAGE_REQUEST)
		vf->pf->pending |= BIT(vf->index);
	vf->stopped.owed = (flags & IMAGE_STS ? V2P_PFSTS : 0) |
			   (flags & IMAGE_ACK ? V2P_PFACK : 0);
}

static void load_queue(struct i82576_vf *vf, unsigned int i,
		       const struct image_queue *queue)
{
	unsigned int q = QUEUE_OF(vf->index, i), r;

	for (r = 0; r < ARRAY_SIZE(queue_regs); r++)
		i82576_write(vf->pf, queue_regs[r] + QUEUE_STRIDE * q,
			     le32_to_cpu(queue->regs[r]));
	vf->stopped.rxdctl[i] = le32_to_cpu(queue->rxdctl);
	vf->stopped.txdctl[i] = le32_to_cpu(queue->txdctl);
	vf->stopped.rdt[i] = le32_to_cpu(queue->rdt);
	vf->stopped.tdt[i] = le32_to_cpu(queue->tdt);
}

/**
 * i82576_state_load - apply a state
 * @vf: virtual function at rest (%I82576_STOPPED); the lock of its PF is held
 * @buf: image
 * @size: of @buf
 *
 * Checked again, since the device may have changed since i82576_state_check().
 * Queues, vectors and the answer to a message come to life when the VF starts.
 *
 * Return: as i82576_state_check(), or -EBUSY, -EIO as i82576_state_save().
 */
int i82576_state_load(struct i82576_vf *vf, const void *buf, size_t size)
{
	struct i82576_pf *pf = vf->pf;
	const struct image *image = buf;
	unsigned int i, n = vf->index;
	int ret;

	lockdep_assert_held(&pf->lock);
	if (pf->down)
		return -EIO;
	if (vf->rest != I82576_STOPPED)
		return -EBUSY;
	ret = i82576_state_check(vf, buf, size);
	if (ret)
		return ret;

	i82576_vf_scrub(vf);
	vf->rest = I82576_STOPPED;
	load_policy(vf, &image->policy);
	for (i = 0; i < QUEUES_PER_VF; i++)
		load_queue(vf, i, &image->queue[i]);
	i82576_write(pf, REG_PSRTYPE(n), le32_to_cpu(image->psrtype));
	for (i = 0; i < MBOX_WORDS; i++)
		i82576_write(pf, REG_VMBMEM(n) + 4 * i,
			     le32_to_cpu(image->vmbmem[i]));
	/* The scrub's reset is none that the guest should hear of (RSTD). */
	i82576_read(pf, REG_V2PMAILBOX(n));
	for (i = 0; i < VF_VECTORS; i++)
		i82576_write(pf, REG_EITR(VF_FIRST_VECTOR(n) + i),
			     le32_to_cpu(image->eitr[i]));
	i82576_write(pf, REG_VTIVAR(n), le32_to_cpu(image->vtivar));
	i82576_write(pf, REG_VTIVAR_MISC(n), le32_to_cpu(image->vtivar_misc));
	i82576_write(pf, REG_PVTEIAC(n), le32_to_cpu(image->eiac) & PVT_VECTORS);
	i82576_write(pf, REG_PVTEIAM(n), le32_to_cpu(image->eiam) & PVT_VECTORS);
	vf->stopped.eims = le32_to_cpu(image->eims) & PVT_VECTORS;
	i82576_announce_begin(vf);
	i82576_flush(pf);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(i82576_state_load);
