// SPDX-License-Identifier: GPL-2.0-only
/*
 * Receive filters: the records of the VFs, written into the device's tables
 *
 * Data sheet 7.10.3.3 (how a frame finds its pools), 8.10 and 8.14. The tables
 * are shared by all VFs and small, so each VF has a fixed share of them: what one
 * VF asks for never depends on what another one has taken.
 */
#include <kunit/visibility.h>
#include "i82576.h"

/* Receive addresses: one per VF, then each VF's share of the others. */
static unsigned int rar_of(struct i82576_vf *vf, unsigned int extra)
{
	return I82576_MAX_VFS + vf->index * i82576_filter_extra_max(vf->pf) +
	       extra;
}

static void rar_write(struct i82576_pf *pf, unsigned int rar, const u8 *mac,
		      u32 high)
{
	u32 low = mac[0] | mac[1] << 8 | mac[2] << 16 | (u32)mac[3] << 24;

	/* No half-written address may match: invalid first, valid last. */
	i82576_write(pf, REG_RAH(rar), 0);
	i82576_write(pf, REG_RAL(rar), high & RAH_AV ? low : 0);
	if (high & RAH_AV)
		i82576_write(pf, REG_RAH(rar), mac[4] | mac[5] << 8 | high);
}

/**
 * i82576_filter_extra_max - a VF's share of the extra receive addresses
 * @pf: physical function; its lock is held
 *
 * Return: how many addresses beyond the first each VF may have.
 */
unsigned int i82576_filter_extra_max(struct i82576_pf *pf)
{
	lockdep_assert_held(&pf->lock);
	return min_t(unsigned int, I82576_EXTRA_MACS,
		     (RAR_COUNT - I82576_MAX_VFS) / max(pf->num_vfs, 1U));
}

/**
 * i82576_filter_mac - write the addresses of a VF
 * @vf: virtual function; the lock of its PF is held
 *
 * The hardware checks source addresses against the same entries (anti-spoofing,
 * 7.10.3.8), so they say what the VF may send from as well. A VF that is not
 * ready, or is stopped, has none.
 */
void i82576_filter_mac(struct i82576_vf *vf)
{
	struct i82576_policy *policy = &vf->policy;
	unsigned int i, extra_max = i82576_filter_extra_max(vf->pf);
	u32 valid = 0;

	lockdep_assert_held(&vf->pf->lock);
	if (policy->ready && vf->rest != I82576_STOPPED)
		valid = RAH_AV | RAH_POOL(vf->index);
	rar_write(vf->pf, vf->index, policy->mac, valid);
	for (i = 0; i < extra_max; i++)
		rar_write(vf->pf, rar_of(vf, i), policy->extra[i],
			  i < policy->extra_count ? valid : 0);
}

/**
 * i82576_filter_accept - write what else a VF's pool takes in (VMOLR)
 * @vf: virtual function; the lock of its PF is held
 */
void i82576_filter_accept(struct i82576_vf *vf)
{
	struct i82576_policy *policy = &vf->policy;
	u32 vmolr = VMOLR_STRVLAN | VMOLR_STRCRC | VMOLR_LPE;

	lockdep_assert_held(&vf->pf->lock);
	vmolr |= policy->max_frame + VLAN_HLEN;
	if (policy->ready)
		vmolr |= VMOLR_AUPE | VMOLR_BAM;
	if (policy->ready && policy->hash_count)
		vmolr |= VMOLR_ROMPE;
	if (policy->ready && policy->all_multicast)
		vmolr |= VMOLR_MPE;
	i82576_write(vf->pf, REG_VMOLR(vf->index), vmolr);
	i82576_write(vf->pf, REG_VMVIR(vf->index), 0);
}

/**
 * i82576_filter_multicast - write the multicast table
 * @pf: physical function; its lock is held
 *
 * There is one table for all VFs: a VF may see frames that another one asked
 * for, as it would on any network.
 */
void i82576_filter_multicast(struct i82576_pf *pf)
{
	u32 table[MTA_WORDS] = {};
	unsigned int i, n;

	lockdep_assert_held(&pf->lock);
	for (n = 0; n < pf->num_vfs; n++) {
		struct i82576_policy *policy = &pf->vf[n].policy;

		for (i = 0; i < policy->hash_count; i++)
			table[policy->hashes[i] / 32] |=
				BIT(policy->hashes[i] % 32);
	}
	for (i = 0; i < MTA_WORDS; i++)
		i82576_write(pf, REG_MTA(i), table[i]);
}

static void vlvf_write(struct i82576_pf *pf, unsigned int entry)
{
	u16 vid = pf->vlvf_vid[entry];
	u8 pools = pf->vlvf_pools[entry];

	i82576_write(pf, REG_VLVF(entry),
		     pools ? VLVF_ENABLE | FIELD_PREP(VLVF_POOLS, pools) | vid :
			     0);
	if (pools)
		i82576_modify(pf, REG_VFTA(vid / 32), 0, BIT(vid % 32));
	else
		i82576_modify(pf, REG_VFTA(vid / 32), BIT(vid % 32), 0);
}

/* The entry of a VLAN, else a free one, else -ENOSPC. */
static int vlvf_find(struct i82576_pf *pf, u16 vid)
{
	int i, spare = -ENOSPC;

	for (i = 0; i < VLVF_COUNT; i++) {
		if (!pf->vlvf_pools[i])
			spare = i;
		else if (pf->vlvf_vid[i] == vid)
			return i;
	}
	return spare;
}

static int vlan_slot(struct i82576_policy *policy, u16 vid)
{
	int i;

	for (i = 0; i < policy->vlan_count; i++) {
		if (policy->vlans[i] == vid)
			return i;
	}
	return -ENOENT;
}

/**
 * i82576_filter_vlan_add - let a VF into a VLAN
 * @vf: virtual function; the lock of its PF is held
 * @vid: VLAN
 *
 * Return: 0, also if it is in already, or -ENOSPC if its share is used up.
 */
int i82576_filter_vlan_add(struct i82576_vf *vf, u16 vid)
{
	struct i82576_policy *policy = &vf->policy;
	struct i82576_pf *pf = vf->pf;
	int entry;

	lockdep_assert_held(&pf->lock);
	if (vlan_slot(policy, vid) >= 0)
		return 0;
	if (policy->vlan_count >= VLVF_COUNT / pf->num_vfs)
		return -ENOSPC;
	entry = vlvf_find(pf, vid);
	if (entry < 0)
		return entry;

	policy->vlans[policy->vlan_count++] = vid;
	pf->vlvf_vid[entry] = vid;
	pf->vlvf_pools[entry] |= BIT(vf->index);
	vlvf_write(pf, entry);
	return 0;
}

/**
 * i82576_filter_vlan_remove - take a VF out of a VLAN that it may be in
 * @vf: virtual function; the lock of its PF is held
 * @vid: VLAN
 */
void i82576_filter_vlan_remove(struct i82576_vf *vf, u16 vid)
{
	struct i82576_policy *policy = &vf->policy;
	int slot = vlan_slot(policy, vid);
	int entry;

	lockdep_assert_held(&vf->pf->lock);
	if (slot < 0)
		return;
	policy->vlans[slot] = policy->vlans[--policy->vlan_count];
	entry = vlvf_find(vf->pf, vid);
	vf->pf->vlvf_pools[entry] &= ~BIT(vf->index);
	vlvf_write(vf->pf, entry);
}

/**
 * i82576_filter_vlan_clear - take a VF out of all its VLANs
 * @vf: virtual function; the lock of its PF is held
 */
void i82576_filter_vlan_clear(struct i82576_vf *vf)
{
	lockdep_assert_held(&vf->pf->lock);
	while (vf->policy.vlan_count)
		i82576_filter_vlan_remove(vf, vf->policy.vlans[0]);
}

/**
 * i82576_filter_restore - write all tables of a device that was just reset
 * @pf: physical function; its lock is held
 */
void i82576_filter_restore(struct i82576_pf *pf)
{
	static const u8 none[ETH_ALEN];
	unsigned int i;

	lockdep_assert_held(&pf->lock);
	for (i = 0; i < RAR_COUNT; i++)
		rar_write(pf, i, none, 0);
	for (i = 0; i < VFTA_WORDS; i++)
		i82576_write(pf, REG_VFTA(i), 0);
	for (i = 0; i < UTA_WORDS; i++)
		i82576_write(pf, REG_UTA(i), 0);
	for (i = 0; i < VLVF_COUNT; i++)
		vlvf_write(pf, i);
	for (i = 0; i < pf->num_vfs; i++) {
		i82576_filter_mac(&pf->vf[i]);
		i82576_filter_accept(&pf->vf[i]);
	}
	i82576_filter_multicast(pf);
}
EXPORT_SYMBOL_IF_KUNIT(i82576_filter_restore);
