/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A physical function of the 82576 whose registers are memory: what is written stays,
 * and nobody answers. For the parts of the vendor driver that need no more.
 */
#ifndef FAKE_PF_H
#define FAKE_PF_H

#include <kunit/test.h>
#include <linux/cleanup.h>

#include "../../drivers/vendor/i82576/i82576.h"

static inline void fake_service(struct work_struct *work)
{
}

static inline void fake_pf_rest(void *pf)
{
	cancel_delayed_work_sync(&((struct i82576_pf *)pf)->service);
}

/* Freed at the end of the test. */
static inline struct i82576_pf *fake_pf(struct kunit *test, unsigned int num_vfs)
{
	static const u8 mac[ETH_ALEN] = { 0x02, 0, 0, 0, 0, 0x01 };
	struct i82576_pf *pf = kunit_kzalloc(test, sizeof(*pf), GFP_KERNEL);
	void *regs = kunit_kzalloc(test, SZ_128K, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, pf);
	KUNIT_ASSERT_NOT_NULL(test, regs);
	pf->pdev = kunit_kzalloc(test, sizeof(*pf->pdev), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, pf->pdev);
	pf->pdev->dev.init_name = "fake 82576";
	pf->regs = (void __force __iomem *)regs;
	ether_addr_copy(pf->perm_mac, mac);
	mutex_init(&pf->lock);
	INIT_DELAYED_WORK(&pf->service, fake_service);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, fake_pf_rest, pf), 0);

	guard(mutex)(&pf->lock);
	pf->num_vfs = num_vfs;
	for (unsigned int n = 0; n < num_vfs; n++)
		i82576_vf_init(pf, n);
	return pf;
}

static inline int fake_ask(struct i82576_pf *pf, unsigned int n,
			   struct i82576_request req)
{
	guard(mutex)(&pf->lock);
	return i82576_vf_request(&pf->vf[n], &req);
}

static inline int fake_reset(struct i82576_pf *pf, unsigned int n)
{
	return fake_ask(pf, n, (struct i82576_request){ I82576_REQ_RESET });
}

static inline int fake_mac(struct i82576_pf *pf, unsigned int n,
			   enum i82576_request_kind kind, u8 last)
{
	return fake_ask(pf, n, (struct i82576_request){
			.kind = kind, .mac = { 0x06, 0, 0, 0, 0, last } });
}

static inline int fake_own_mac(struct i82576_pf *pf, unsigned int n, const u8 *mac)
{
	struct i82576_request req = { .kind = I82576_REQ_SET_MAC };

	ether_addr_copy(req.mac, mac);
	return fake_ask(pf, n, req);
}

/* The hardware says that VF @n was reset. */
static inline void fake_was_reset(struct i82576_pf *pf, unsigned int n)
{
	guard(mutex)(&pf->lock);
	i82576_write(pf, REG_MBVFICR, 0);
	i82576_write(pf, REG_VFLRE, BIT(n));
	i82576_mbox_collect(pf);
}

static inline int fake_vlan(struct i82576_pf *pf, unsigned int n, u16 vid, bool add)
{
	return fake_ask(pf, n, (struct i82576_request){
			.kind = I82576_REQ_SET_VLAN, .vid = vid, .vlan_add = add });
}

/* What an administrator sets */
static inline void fake_admin_mac(struct i82576_pf *pf, unsigned int n, u8 last)
{
	const u8 mac[ETH_ALEN] = { 0x06, 0, 0, 0, 0, last };

	guard(mutex)(&pf->lock);
	i82576_vf_set_admin_mac(&pf->vf[n], mac);
}

#endif /* FAKE_PF_H */
