// SPDX-License-Identifier: GPL-2.0-only
/*
 * Life of a VF and what it may ask for
 *
 * Two kinds of settings meet in a VF's record. The administrator's last as long
 * as the VF exists; the guest's last until the VF is reset or changes owner. The
 * address with which a guest came by migration is in between: it stays until the VF
 * changes owner, as the default of the VF that it left would have.
 */
#include <kunit/visibility.h>
#include <linux/siphash.h>

#include "i82576.h"

/* Guests may log a handful of complaints a minute. */
#define LOG_INTERVAL	(60 * HZ)
#define LOG_BURST	5

/*
 * An address for a VF that the administrator gave none: locally administered,
 * the same at each boot (guests name their interfaces by it), and different for
 * each VF of each device, since the device's own address goes into it.
 */
static void vf_default_mac(struct i82576_vf *vf, u8 *mac)
{
	static const siphash_key_t key = { { 0x8086, 0x10ca } };

	u64_to_ether_addr(siphash_2u64(ether_addr_to_u64(vf->pf->perm_mac),
				       vf->index, &key) >> 16, mac);
	mac[0] = (mac[0] & ~0x01) | 0x02;
}

/**
 * i82576_vf_init - start the record of a VF that comes into being
 * @pf: physical function; its lock is held
 * @index: number of the VF
 */
void i82576_vf_init(struct i82576_pf *pf, unsigned int index)
{
	struct i82576_vf *vf = &pf->vf[index];

	lockdep_assert_held(&pf->lock);
	memset(vf, 0, sizeof(*vf));
	vf->pf = pf;
	vf->index = index;
	vf->policy.max_frame = I82576_DEFAULT_FRAME;
	vf->refilled = jiffies;
	mutex_init(&vf->reset_lock);
	ratelimit_state_init(&vf->log, LOG_INTERVAL, LOG_BURST);
	ratelimit_set_flags(&vf->log, RATELIMIT_MSG_ON_RELEASE);
	vf_default_mac(vf, vf->policy.home);
	ether_addr_copy(vf->policy.mac, vf->policy.home);
}
EXPORT_SYMBOL_IF_KUNIT(i82576_vf_init);

/**
 * i82576_vf_open_gate - let a VF's queues send and receive, or not
 * @vf: virtual function; the lock of its PF is held
 * @open: whether
 */
void i82576_vf_open_gate(struct i82576_vf *vf, bool open)
{
	u32 bit = BIT(vf->index);

	lockdep_assert_held(&vf->pf->lock);
	i82576_modify(vf->pf, REG_VFRE, bit, open ? bit : 0);
	i82576_modify(vf->pf, REG_VFTE, bit, open ? bit : 0);
	i82576_flush(vf->pf);
}

/* May the VF not choose its address itself? */
static bool mac_is_set(const struct i82576_policy *policy)
{
	return policy->admin_mac || policy->carried_mac;
}

/**
 * i82576_vf_forget - drop everything that the VF asked for
 * @vf: virtual function; the lock of its PF is held
 *
 * Afterwards the VF neither sends nor receives, and must go through VF_RESET.
 */
void i82576_vf_forget(struct i82576_vf *vf)
{
	struct i82576_policy *policy = &vf->policy;
	bool had_hashes = policy->hash_count;

	lockdep_assert_held(&vf->pf->lock);
	policy->ready = false;
	vf->moved_out |= vf->rest == I82576_STOPPED;
	policy->extra_count = 0;
	memset(policy->extra, 0, sizeof(policy->extra));
	policy->hash_count = 0;
	policy->all_multicast = false;
	policy->max_frame = I82576_DEFAULT_FRAME;
	ether_addr_copy(policy->mac, policy->home);

	i82576_vf_open_gate(vf, false);
	i82576_filter_mac(vf);
	i82576_filter_accept(vf);
	i82576_filter_vlan_clear(vf);
	if (had_hashes)
		i82576_filter_multicast(vf->pf);
}

/**
 * i82576_vf_was_reset - the hardware says that the VF went through an FLR
 * @vf: virtual function; the lock of its PF is held
 */
void i82576_vf_was_reset(struct i82576_vf *vf)
{
	lockdep_assert_held(&vf->pf->lock);
	vf->unacked = false;
	vf->pf->pending &= ~BIT(vf->index);
	i82576_vf_forget(vf);
}

static bool has_mac(const struct i82576_policy *policy, const u8 *mac)
{
	unsigned int i;

	/* What it comes back to at its next reset is not to be had either. */
	if (ether_addr_equal_unaligned(policy->mac, mac) ||
	    ether_addr_equal_unaligned(policy->home, mac))
		return true;
	for (i = 0; i < policy->extra_count; i++) {
		if (ether_addr_equal_unaligned(policy->extra[i], mac))
			return true;
	}
	return false;
}

/*
 * Is the guest of this VF migrating, or gone by that? Its addresses are in the record
 * still, and on their way to another VF, which may be one of this device. One whose
 * guest has not begun yet, or is just being reset, does not look like that.
 */
static bool has_left(const struct i82576_vf *vf)
{
	return vf->rest == I82576_STOPPED ||
	       (vf->moved_out && !(vf->assign && vf->assign->open));
}

/**
 * i82576_vf_mac_taken - does another VF of the device have this address?
 * @vf: virtual function that wants it; the lock of its PF is held
 * @mac: address
 * @but_left: VFs whose guest is migrating or gone do not count
 *
 * The address table gives a frame to one pool, so an address that two VFs have
 * would take the traffic of one of them away.
 *
 * Return: whether.
 */
bool i82576_vf_mac_taken(struct i82576_vf *vf, const u8 *mac, bool but_left)
{
	struct i82576_pf *pf = vf->pf;
	unsigned int n;

	lockdep_assert_held(&pf->lock);
	for (n = 0; n < pf->num_vfs; n++) {
		if (n == vf->index || (but_left && has_left(&pf->vf[n])))
			continue;
		if (has_mac(&pf->vf[n].policy, mac))
			return true;
	}
	return false;
}

/*
 * Does the VF use its addresses? So does one whose guest has brought its own along and
 * is just being reset: to the VF that it came from the address does not fall back.
 */
static bool uses_macs(const struct i82576_vf *vf)
{
	return vf->rest != I82576_STOPPED &&
	       (vf->policy.ready || (vf->policy.carried && !vf->moved_out));
}

static bool mac_in_use(struct i82576_vf *vf, const u8 *mac)
{
	struct i82576_pf *pf = vf->pf;
	unsigned int n;

	for (n = 0; n < pf->num_vfs; n++) {
		struct i82576_vf *other = &pf->vf[n];

		if (other != vf && uses_macs(other) && has_mac(&other->policy, mac))
			return true;
	}
	return false;
}

/**
 * i82576_vf_clash - may this VF start with the addresses that it has?
 * @vf: virtual function; the lock of its PF is held
 *
 * After a migration from one VF to another both have them in their records: only one
 * of the two may run.
 *
 * Return: NULL, or one of its addresses that another VF uses now.
 */
const u8 *i82576_vf_clash(struct i82576_vf *vf)
{
	struct i82576_policy *policy = &vf->policy;
	unsigned int i;

	lockdep_assert_held(&vf->pf->lock);
	if (mac_in_use(vf, policy->mac))
		return policy->mac;
	for (i = 0; i < policy->extra_count; i++) {
		if (mac_in_use(vf, policy->extra[i]))
			return policy->extra[i];
	}
	return NULL;
}

/**
 * i82576_vf_set_admin_mac - the administrator's choice of address
 * @vf: virtual function without a user; the lock of its PF is held
 * @mac: valid address that no other VF of the device has
 */
void i82576_vf_set_admin_mac(struct i82576_vf *vf, const u8 *mac)
{
	lockdep_assert_held(&vf->pf->lock);
	ether_addr_copy(vf->policy.home, mac);
	ether_addr_copy(vf->policy.mac, mac);
	vf->policy.admin_mac = true;
	vf->policy.carried = false;
	vf->policy.carried_mac = false;
	vf->moved_out = false;
	/* Whoever gets the VF starts with a VF_RESET, and hears of the address by that. */
	vf->policy.extra_count = 0;
	if (!vf->pf->down)
		i82576_filter_mac(vf);
}
EXPORT_SYMBOL_IF_KUNIT(i82576_vf_set_admin_mac);

/**
 * i82576_vf_disown - the VF has lost its owner, or is about to get one
 * @vf: virtual function that is scrubbed next; the lock of its PF is held
 *
 * The address that a guest brought along is not the next one's; and the VF's own is in
 * its place, which that guest has not taken anywhere.
 */
void i82576_vf_disown(struct i82576_vf *vf)
{
	lockdep_assert_held(&vf->pf->lock);
	if (vf->policy.carried) {
		vf_default_mac(vf, vf->policy.home);
		vf->moved_out = false;
	}
	vf->policy.carried = false;
	vf->policy.carried_mac = false;
}
EXPORT_SYMBOL_IF_KUNIT(i82576_vf_disown);

static int request_reset(struct i82576_vf *vf)
{
	i82576_vf_forget(vf);
	if (i82576_vf_clash(vf)) {
		i82576_vf_complain(vf, "cannot start: another VF runs with its address %pM; set another one\n",
				   vf->policy.mac);
		return -EADDRINUSE;
	}
	vf->policy.ready = true;
	vf->moved_out = false;
	i82576_filter_mac(vf);
	i82576_filter_accept(vf);
	i82576_vf_open_gate(vf, true);
	return 0;
}

static int request_mac(struct i82576_vf *vf, const u8 *mac)
{
	if (ether_addr_equal_unaligned(vf->policy.mac, mac))
		return 0;
	if (mac_is_set(&vf->policy)) {
		i82576_vf_complain(vf, "refused address %pM: the administrator set %pM\n",
				   mac, vf->policy.mac);
		return -EPERM;
	}
	/* Its own is in the record of the VF that it came from, too. */
	if (!ether_addr_equal_unaligned(vf->policy.home, mac) &&
	    i82576_vf_mac_taken(vf, mac, false)) {
		i82576_vf_complain(vf, "refused address %pM: another VF has it\n",
				   mac);
		return -EADDRINUSE;
	}
	ether_addr_copy(vf->policy.mac, mac);
	i82576_filter_mac(vf);
	return 0;
}

static int request_extra_mac(struct i82576_vf *vf, const u8 *mac)
{
	struct i82576_policy *policy = &vf->policy;
	unsigned int i;

	if (ether_addr_equal_unaligned(policy->mac, mac))
		return 0;
	for (i = 0; i < policy->extra_count; i++) {
		if (ether_addr_equal_unaligned(policy->extra[i], mac))
			return 0;
	}
	/* It could send from the address too, so the same rule holds. */
	if (mac_is_set(policy)) {
		i82576_vf_complain(vf, "refused extra address %pM: the administrator set %pM\n",
				   mac, policy->mac);
		return -EPERM;
	}
	if (i82576_vf_mac_taken(vf, mac, false)) {
		i82576_vf_complain(vf, "refused extra address %pM: another VF has it\n",
				   mac);
		return -EADDRINUSE;
	}
	if (policy->extra_count >= i82576_filter_extra_max(vf->pf))
		return -ENOSPC;
	ether_addr_copy(policy->extra[policy->extra_count++], mac);
	i82576_filter_mac(vf);
	return 0;
}

static int request_multicast(struct i82576_vf *vf,
			     const struct i82576_request *req)
{
	struct i82576_policy *policy = &vf->policy;

	memcpy(policy->hashes, req->hashes, sizeof(policy->hashes));
	policy->hash_count = req->hash_count;
	/* Losing groups that did not fit would be worse than too many frames. */
	policy->all_multicast = req->more_hashes;
	i82576_filter_multicast(vf->pf);
	i82576_filter_accept(vf);
	return 0;
}

static int request_vlan(struct i82576_vf *vf, const struct i82576_request *req)
{
	int ret = 0;

	if (!req->vlan_add)
		i82576_filter_vlan_remove(vf, req->vid);
	else
		ret = i82576_filter_vlan_add(vf, req->vid);
	if (ret)
		i82576_vf_complain(vf, "refused VLAN %u: it has its share of %u already\n",
				   req->vid, vf->policy.vlan_count);
	return ret;
}

static int request_max_frame(struct i82576_vf *vf, u32 max_frame)
{
	if (max_frame < ETH_ZLEN + ETH_FCS_LEN || max_frame > I82576_MAX_FRAME) {
		i82576_vf_complain(vf, "refused frames of %u bytes\n", max_frame);
		return -EINVAL;
	}
	vf->policy.max_frame = max_t(u32, max_frame, I82576_DEFAULT_FRAME);
	i82576_filter_accept(vf);
	return 0;
}

/*
 * Unicast frames for others are nobody's business but theirs. Refused as a
 * whole, so that the guest knows what it has.
 */
static int request_promisc(struct i82576_vf *vf,
			   const struct i82576_request *req)
{
	if (req->unicast) {
		i82576_vf_complain(vf, "refused promiscuous mode for unicast frames\n");
		return -EPERM;
	}
	vf->policy.all_multicast = req->multicast;
	i82576_filter_accept(vf);
	return 0;
}

/**
 * i82576_vf_request - do what a VF wants, if it may
 * @vf: virtual function; the lock of its PF is held
 * @req: parsed message
 *
 * Return: 0 if granted, else a negative errno; the answer is NACK then, and
 * nothing has changed.
 */
int i82576_vf_request(struct i82576_vf *vf, const struct i82576_request *req)
{
	lockdep_assert_held(&vf->pf->lock);

	if (req->kind != I82576_REQ_RESET && !vf->policy.ready)
		return -EPROTO;

	switch (req->kind) {
	case I82576_REQ_RESET:
		return request_reset(vf);
	case I82576_REQ_SET_MAC:
		return request_mac(vf, req->mac);
	case I82576_REQ_ADD_EXTRA_MAC:
		return request_extra_mac(vf, req->mac);
	case I82576_REQ_CLEAR_EXTRA_MACS:
		vf->policy.extra_count = 0;
		i82576_filter_mac(vf);
		return 0;
	case I82576_REQ_SET_MULTICAST:
		return request_multicast(vf, req);
	case I82576_REQ_SET_VLAN:
		return request_vlan(vf, req);
	case I82576_REQ_SET_MAX_FRAME:
		return request_max_frame(vf, req->max_frame);
	case I82576_REQ_SET_PROMISC:
		return request_promisc(vf, req);
	}
	return -EOPNOTSUPP;
}
EXPORT_SYMBOL_IF_KUNIT(i82576_vf_request);
