// SPDX-License-Identifier: GPL-2.0-only
/*
 * State of a VF of the 82576: what goes out comes in, and nothing else does
 */
#include <compat/kunit.h>

#include "fake_pf.h"

#define RING_BYTES	1024
#define SOURCE		1
#define TARGET		0

static int rest(struct i82576_pf *pf, unsigned int n,
		enum vfio_pci_aux_quiesce level)
{
	guard(mutex)(&pf->lock);
	return i82576_vf_quiesce(&pf->vf[n], level);
}

static int stop(struct i82576_pf *pf, unsigned int n)
{
	return rest(pf, n, VFIO_PCI_AUX_QUIESCE_STOP);
}

static int start(struct i82576_pf *pf, unsigned int n, bool full)
{
	guard(mutex)(&pf->lock);
	return i82576_vf_unquiesce(&pf->vf[n], full);
}

static ssize_t save(struct i82576_pf *pf, unsigned int n, void *buf, size_t size)
{
	guard(mutex)(&pf->lock);
	i82576_write(pf, REG_MBVFICR, 0);
	i82576_write(pf, REG_VFLRE, 0);
	return i82576_state_save(&pf->vf[n], buf, size);
}

static int check(struct i82576_pf *pf, unsigned int n, const void *buf, size_t size)
{
	guard(mutex)(&pf->lock);
	return i82576_state_check(&pf->vf[n], buf, size);
}

static int load(struct i82576_pf *pf, unsigned int n, const void *buf, size_t size)
{
	guard(mutex)(&pf->lock);
	return i82576_state_load(&pf->vf[n], buf, size);
}

/* What a driver does to VF @n: a ring of each kind, vectors, filters. */
static void use(struct i82576_pf *pf, unsigned int n)
{
	unsigned int q = QUEUE_OF(n, 0);

	fake_reset(pf, n);
	fake_mac(pf, n, I82576_REQ_SET_MAC, 0x11);
	fake_mac(pf, n, I82576_REQ_ADD_EXTRA_MAC, 0x12);
	fake_vlan(pf, n, 100, true);
	fake_vlan(pf, n, 200, true);
	fake_ask(pf, n, (struct i82576_request){ .kind = I82576_REQ_SET_MULTICAST,
		 .hashes = { 5, 6 }, .hash_count = 2 });
	fake_ask(pf, n, (struct i82576_request){ .kind = I82576_REQ_SET_PROMISC,
		 .multicast = true });
	i82576_write(pf, REG_RDLEN(q), RING_BYTES);
	i82576_write(pf, REG_RDH(q), 7);
	i82576_write(pf, REG_RDT(q), 3);
	i82576_write(pf, REG_RXDCTL(q), XDCTL_ENABLE);
	i82576_write(pf, REG_TDBAL(q), 0x12345000);
	i82576_write(pf, REG_TDLEN(q), RING_BYTES);
	i82576_write(pf, REG_TDH(q), 9);
	i82576_write(pf, REG_TDT(q), 9);
	i82576_write(pf, REG_TXDCTL(q), XDCTL_ENABLE | 0x10);
	i82576_write(pf, REG_EITR(VF_FIRST_VECTOR(n)), 0x88);
	i82576_write(pf, REG_EIMS, 5 << VF_FIRST_VECTOR(n));
	i82576_write(pf, REG_VTIVAR(n), 0x8081);
	i82576_write(pf, REG_VTIVAR_MISC(n), 0x82);
	i82576_write(pf, REG_V2PMAILBOX(n), V2P_PFSTS);
	i82576_write(pf, REG_VMBMEM(n) + 8, 0xabcd);
}

/* A buffer with the state of a used VF, which stays stopped */
static u8 *image_of(struct kunit *test, struct i82576_pf *pf, unsigned int n)
{
	u8 *image = kunit_kzalloc(test, i82576_state_size(), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, image);
	KUNIT_EXPECT_EQ(test, stop(pf, n), 0);
	KUNIT_EXPECT_EQ(test, save(pf, n, image, i82576_state_size()),
			(ssize_t)i82576_state_size());
	return image;
}

static void what_is_saved_is_loaded(struct kunit *test)
{
	struct i82576_pf *from = fake_pf(test, 2), *to = fake_pf(test, 2);
	size_t size = i82576_state_size();
	unsigned int q = QUEUE_OF(TARGET, 0);
	struct i82576_policy *policy = &to->vf[TARGET].policy;
	u8 *image, *again;

	use(from, SOURCE);
	image = image_of(test, from, SOURCE);
	KUNIT_EXPECT_EQ(test, stop(to, TARGET), 0);
	KUNIT_EXPECT_EQ(test, check(to, TARGET, image, size), 0);
	KUNIT_EXPECT_EQ(test, load(to, TARGET, image, size), 0);
	KUNIT_EXPECT_TRUE(test, policy->ready);
	KUNIT_EXPECT_EQ(test, policy->mac[5], 0x11);
	KUNIT_EXPECT_EQ(test, policy->extra_count, 1);
	KUNIT_EXPECT_EQ(test, policy->vlan_count, 2);
	KUNIT_EXPECT_EQ(test, to->vf[TARGET].announcements, 3);
	KUNIT_EXPECT_EQ(test, i82576_read(to, REG_RDH(q)), 7);
	KUNIT_EXPECT_EQ(test, i82576_read(to, REG_TDBAL(q)), 0x12345000);
	KUNIT_EXPECT_EQ(test, i82576_read(to, REG_VMBMEM(TARGET) + 8), 0xabcd);
	KUNIT_EXPECT_EQ(test, i82576_read(to, REG_MTA(0)), BIT(5) | BIT(6));
	/* Nothing runs yet. */
	KUNIT_EXPECT_EQ(test, i82576_read(to, REG_RXDCTL(q)), 0);
	KUNIT_EXPECT_EQ(test, i82576_read(to, REG_VFRE), 0);
	KUNIT_EXPECT_EQ(test, i82576_read(to, REG_RAH(TARGET)), 0);

	/* Saved once more, it is the same. */
	again = image_of(test, to, TARGET);
	KUNIT_EXPECT_MEMEQ(test, again, image, size);

	KUNIT_EXPECT_EQ(test, start(to, TARGET, false), 0);
	KUNIT_EXPECT_EQ(test, i82576_read(to, REG_RXDCTL(q)), XDCTL_ENABLE);
	KUNIT_EXPECT_EQ(test, i82576_read(to, REG_RDT(q)), 3);
	KUNIT_EXPECT_EQ(test, i82576_read(to, REG_TXDCTL(q)), XDCTL_ENABLE | 0x10);
	KUNIT_EXPECT_EQ(test, i82576_read(to, REG_PVTEIMS(TARGET)), 5);
	KUNIT_EXPECT_EQ(test, i82576_read(to, REG_VFRE), 0);
	KUNIT_EXPECT_EQ(test, start(to, TARGET, true), 0);
	KUNIT_EXPECT_EQ(test, i82576_read(to, REG_VFRE), BIT(TARGET));
	KUNIT_EXPECT_EQ(test, i82576_read(to, REG_VMOLR(TARGET)) & (VMOLR_ROMPE | VMOLR_MPE),
			VMOLR_ROMPE | VMOLR_MPE);
	KUNIT_EXPECT_EQ(test, i82576_read(to, REG_P2VMAILBOX(TARGET)), P2V_STS);
	KUNIT_EXPECT_TRUE(test, to->vf[TARGET].unacked);
	KUNIT_EXPECT_EQ(test, i82576_read(to, REG_PVTEICS(TARGET)), BIT(0) | BIT(1) | BIT(2));
}

static void mailbox_interrupts_with_reason(struct kunit *test)
{
	struct i82576_pf *pf = fake_pf(test, 2);

	use(pf, SOURCE);
	i82576_write(pf, REG_STATUS, STATUS_LU);
	i82576_write(pf, REG_V2PMAILBOX(SOURCE), 0);
	KUNIT_EXPECT_EQ(test, stop(pf, SOURCE), 0);
	KUNIT_EXPECT_EQ(test, start(pf, SOURCE, true), 0);
	KUNIT_EXPECT_EQ(test, i82576_read(pf, REG_P2VMAILBOX(SOURCE)), 0);
	KUNIT_EXPECT_EQ(test, i82576_read(pf, REG_PVTEICS(SOURCE)), BIT(0) | BIT(1));

	/* It has not heard that the link is gone. */
	i82576_write(pf, REG_STATUS, 0);
	KUNIT_EXPECT_EQ(test, rest(pf, SOURCE, VFIO_PCI_AUX_QUIESCE_P2P), 0);
	KUNIT_EXPECT_EQ(test, start(pf, SOURCE, true), 0);
	KUNIT_EXPECT_EQ(test, i82576_read(pf, REG_PVTEICS(SOURCE)), BIT(0) | BIT(1) | BIT(2));

	/* A driver that has one vector for everything, one that has none */
	i82576_write(pf, REG_STATUS, STATUS_LU);
	i82576_write(pf, REG_VTIVAR(SOURCE), 0x80808080);
	i82576_write(pf, REG_VTIVAR_MISC(SOURCE), 0x80);
	KUNIT_EXPECT_EQ(test, rest(pf, SOURCE, VFIO_PCI_AUX_QUIESCE_P2P), 0);
	KUNIT_EXPECT_EQ(test, start(pf, SOURCE, true), 0);
	KUNIT_EXPECT_EQ(test, i82576_read(pf, REG_PVTEICS(SOURCE)), BIT(0));
	i82576_write(pf, REG_VTIVAR(SOURCE), 0x01020102);
	KUNIT_EXPECT_EQ(test, rest(pf, SOURCE, VFIO_PCI_AUX_QUIESCE_P2P), 0);
	KUNIT_EXPECT_EQ(test, start(pf, SOURCE, true), 0);
	KUNIT_EXPECT_EQ(test, i82576_read(pf, REG_PVTEICS(SOURCE)), 0);
}

static void only_at_rest(struct kunit *test)
{
	struct i82576_pf *pf = fake_pf(test, 2);
	size_t size = i82576_state_size();
	u8 *image;

	use(pf, SOURCE);
	image = image_of(test, pf, SOURCE);
	KUNIT_EXPECT_EQ(test, save(pf, SOURCE, image, size - 1), -ENOSPC);
	KUNIT_EXPECT_EQ(test, save(pf, TARGET, image, size), -EBUSY);
	KUNIT_EXPECT_EQ(test, load(pf, TARGET, image, size), -EBUSY);

	/* Without a device there is none, */
	pf->down = true;
	KUNIT_EXPECT_EQ(test, save(pf, SOURCE, image, size), -EIO);
	KUNIT_EXPECT_EQ(test, load(pf, SOURCE, image, size), -EIO);
	/* and nothing that has to be stopped, or could be started. */
	KUNIT_EXPECT_EQ(test, stop(pf, TARGET), 0);
	KUNIT_EXPECT_EQ(test, start(pf, SOURCE, true), 0);
	KUNIT_EXPECT_EQ(test, pf->vf[TARGET].rest, I82576_RUNNING);
	KUNIT_EXPECT_EQ(test, pf->vf[SOURCE].rest, I82576_STOPPED);
	pf->down = false;
	/* A step that is done is not done again. */
	KUNIT_EXPECT_EQ(test, stop(pf, SOURCE), 0);
	KUNIT_EXPECT_EQ(test, start(pf, SOURCE, true), 0);
	KUNIT_EXPECT_EQ(test, start(pf, SOURCE, true), 0);
	KUNIT_EXPECT_EQ(test, rest(pf, SOURCE, VFIO_PCI_AUX_QUIESCE_P2P), 0);
	KUNIT_EXPECT_EQ(test, pf->vf[SOURCE].rest, I82576_GATE_CLOSED);
	KUNIT_EXPECT_EQ(test, i82576_read(pf, REG_VFRE), 0);
	KUNIT_EXPECT_EQ(test, start(pf, SOURCE, false), 0);
	KUNIT_EXPECT_EQ(test, pf->vf[SOURCE].rest, I82576_GATE_CLOSED);
}

static void heads_stay(struct kunit *test)
{
	struct i82576_pf *pf = fake_pf(test, 1);

	scoped_guard(mutex, &pf->lock)
		KUNIT_EXPECT_TRUE(test, i82576_can_restore_heads(&pf->vf[0]));
	KUNIT_EXPECT_EQ(test, i82576_read(pf, REG_RDH(0)), 0);
	KUNIT_EXPECT_EQ(test, i82576_read(pf, REG_TDH(0)), 0);
}

/* Something in a record or register that no request can bring about */
struct damage {
	const char *what;
	void (*spoil)(struct i82576_pf *pf, struct i82576_policy *policy);
};

static void spoil_frame_small(struct i82576_pf *pf, struct i82576_policy *policy)
{
	policy->max_frame = I82576_DEFAULT_FRAME - 1;
}

static void spoil_frame_large(struct i82576_pf *pf, struct i82576_policy *policy)
{
	policy->max_frame = I82576_MAX_FRAME + 1;
}

static void spoil_mac(struct i82576_pf *pf, struct i82576_policy *policy)
{
	policy->mac[0] |= 1;
}

static void spoil_admin_extra(struct i82576_pf *pf, struct i82576_policy *policy)
{
	policy->admin_mac = true;
}

static void spoil_extra(struct i82576_pf *pf, struct i82576_policy *policy)
{
	eth_zero_addr(policy->extra[0]);
}

static void spoil_vlan(struct i82576_pf *pf, struct i82576_policy *policy)
{
	policy->vlans[1] = 4095;
}

static void spoil_vlans(struct i82576_pf *pf, struct i82576_policy *policy)
{
	policy->vlans[1] = policy->vlans[0];
}

static void spoil_hash(struct i82576_pf *pf, struct i82576_policy *policy)
{
	policy->hashes[1] = 4096;
}

static void spoil_rx_length(struct i82576_pf *pf, struct i82576_policy *policy)
{
	i82576_write(pf, REG_RDLEN(QUEUE_OF(SOURCE, 0)), 0x40);
}

static void spoil_rx_head(struct i82576_pf *pf, struct i82576_policy *policy)
{
	i82576_write(pf, REG_RDH(QUEUE_OF(SOURCE, 0)), RING_BYTES / 16);
}

static void spoil_rx_tail(struct i82576_pf *pf, struct i82576_policy *policy)
{
	i82576_write(pf, REG_RDT(QUEUE_OF(SOURCE, 0)), RING_BYTES / 16);
}

static void spoil_tx_length(struct i82576_pf *pf, struct i82576_policy *policy)
{
	i82576_write(pf, REG_TDLEN(QUEUE_OF(SOURCE, 0)), 0x80080);
}

static void spoil_tx_head(struct i82576_pf *pf, struct i82576_policy *policy)
{
	i82576_write(pf, REG_TDH(QUEUE_OF(SOURCE, 0)), U32_MAX);
}

static const struct damage damages[] = {
	{ "frame too small", spoil_frame_small },
	{ "frame too large", spoil_frame_large },
	{ "address", spoil_mac },
	{ "extra address beside the administrator's", spoil_admin_extra },
	{ "extra address", spoil_extra },
	{ "VLAN", spoil_vlan },
	{ "VLAN twice", spoil_vlans },
	{ "hash", spoil_hash },
	{ "length of the receive ring", spoil_rx_length },
	{ "receive head", spoil_rx_head },
	{ "receive tail", spoil_rx_tail },
	{ "length of the transmit ring", spoil_tx_length },
	{ "transmit head", spoil_tx_head },
};

static void damage_is_refused(struct kunit *test)
{
	size_t size = i82576_state_size();

	for (unsigned int i = 0; i < ARRAY_SIZE(damages); i++) {
		struct i82576_pf *pf = fake_pf(test, 2), *to = fake_pf(test, 2);
		u8 *image;

		use(pf, SOURCE);
		damages[i].spoil(pf, &pf->vf[SOURCE].policy);
		image = image_of(test, pf, SOURCE);
		KUNIT_EXPECT_EQ_MSG(test, check(to, TARGET, image, size), -EINVAL,
				    "%s", damages[i].what);
		stop(to, TARGET);
		KUNIT_EXPECT_EQ(test, load(to, TARGET, image, size), -EINVAL);
		KUNIT_EXPECT_FALSE(test, to->vf[TARGET].policy.ready);
	}
}

/* A queue that is off may have anything in its registers. */
static void idle_rings_need_not_make_sense(struct kunit *test)
{
	struct i82576_pf *pf = fake_pf(test, 2), *to = fake_pf(test, 2);
	unsigned int q = QUEUE_OF(SOURCE, 0);
	u8 *image;

	use(pf, SOURCE);
	i82576_write(pf, REG_RXDCTL(q), 0);
	i82576_write(pf, REG_RDH(q), 0xffff);
	i82576_write(pf, REG_TDLEN(q), 0);
	image = image_of(test, pf, SOURCE);
	KUNIT_EXPECT_EQ(test, check(to, TARGET, image, i82576_state_size()), 0);
}

/* magic, version, length, flags, counts: le32, le16, le16, le32, le16, 4 bytes */
static void headers_are_looked_at(struct kunit *test)
{
	struct i82576_pf *pf = fake_pf(test, 2), *to = fake_pf(test, 2);
	static const struct {
		unsigned int at;
		u8 byte;
		int ret;
	} cases[] = {
		{ 0, 0, -EINVAL },		/* magic */
		{ 4, 2, -EOPNOTSUPP },		/* version */
		{ 6, 0, -EINVAL },		/* length */
		{ 8, 0xff, -EINVAL },		/* flags */
		{ 14, 4, -EINVAL },		/* extra addresses */
		{ 15, 33, -EINVAL },		/* VLANs */
		{ 16, 31, -EINVAL },		/* hashes */
		{ 17, 1, -EINVAL },		/* reserved */
	};
	size_t size = i82576_state_size();
	u8 *image, byte;

	use(pf, SOURCE);
	image = image_of(test, pf, SOURCE);
	KUNIT_EXPECT_EQ(test, check(to, TARGET, image, size - 1), -EINVAL);
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		byte = image[cases[i].at];
		image[cases[i].at] = cases[i].byte;
		KUNIT_EXPECT_EQ_MSG(test, check(to, TARGET, image, size), cases[i].ret,
				    "byte %u", cases[i].at);
		image[cases[i].at] = byte;
	}
	KUNIT_EXPECT_EQ(test, check(to, TARGET, image, size), 0);
}

/* A sound state that does not fit into this VF */
static void it_has_to_fit(struct kunit *test)
{
	struct i82576_pf *pf = fake_pf(test, 2), *to = fake_pf(test, 8);
	size_t size = i82576_state_size();
	u8 *image;

	use(pf, SOURCE);
	for (u16 vid = 1; vid <= 3; vid++)
		fake_vlan(pf, SOURCE, vid, true);
	image = image_of(test, pf, SOURCE);
	/* Five VLANs are more than the share of one of eight. */
	KUNIT_EXPECT_EQ(test, check(to, TARGET, image, size), -EOPNOTSUPP);

	to = fake_pf(test, 2);
	KUNIT_EXPECT_EQ(test, check(to, TARGET, image, size), 0);
	fake_admin_mac(to, TARGET, 0x55);
	KUNIT_EXPECT_EQ(test, check(to, TARGET, image, size), -EOPNOTSUPP);
	/* The administrator's is the same, but the extra one is not his. */
	fake_admin_mac(to, TARGET, 0x11);
	KUNIT_EXPECT_EQ(test, check(to, TARGET, image, size), -EOPNOTSUPP);
}

/* @last is an address that a neighbour uses already. */
static void neighbour_has(struct kunit *test, u8 last)
{
	struct i82576_pf *pf = fake_pf(test, 2), *to = fake_pf(test, 2);
	size_t size = i82576_state_size();
	u8 *image;

	use(pf, SOURCE);
	image = image_of(test, pf, SOURCE);
	fake_reset(to, SOURCE);
	fake_mac(to, SOURCE, I82576_REQ_SET_MAC, last);
	KUNIT_EXPECT_EQ(test, check(to, TARGET, image, size), -EOPNOTSUPP);
	/* When it stops, the other may come and run, but not both. */
	KUNIT_EXPECT_EQ(test, stop(to, SOURCE), 0);
	KUNIT_EXPECT_EQ(test, stop(to, TARGET), 0);
	KUNIT_EXPECT_EQ(test, load(to, TARGET, image, size), 0);
	KUNIT_EXPECT_EQ(test, start(to, TARGET, true), 0);
	KUNIT_EXPECT_EQ(test, start(to, SOURCE, true), -EADDRINUSE);
}

/* The same with an address that it has beyond its own */
static void neighbour_has_extra(struct kunit *test, u8 last)
{
	struct i82576_pf *pf = fake_pf(test, 2), *to = fake_pf(test, 2);
	size_t size = i82576_state_size();
	u8 *image;

	use(pf, SOURCE);
	image = image_of(test, pf, SOURCE);
	fake_reset(to, SOURCE);
	fake_mac(to, SOURCE, I82576_REQ_ADD_EXTRA_MAC, last);
	stop(to, SOURCE);
	stop(to, TARGET);
	KUNIT_EXPECT_EQ(test, load(to, TARGET, image, size), 0);
	KUNIT_EXPECT_EQ(test, start(to, TARGET, true), 0);
	KUNIT_EXPECT_EQ(test, start(to, SOURCE, true), -EADDRINUSE);
	KUNIT_EXPECT_EQ(test, to->vf[SOURCE].rest, I82576_STOPPED);
}

static void neighbours(struct kunit *test)
{
	neighbour_has(test, 0x11);
	neighbour_has(test, 0x12);
	neighbour_has_extra(test, 0x11);
	neighbour_has_extra(test, 0x12);
}

/* A stream is no way to the address of a VF whose guest is off, or just starting. */
static void idle_neighbours_keep_theirs(struct kunit *test)
{
	struct i82576_pf *pf = fake_pf(test, 2), *to = fake_pf(test, 2);
	struct i82576_vf *holder = &to->vf[SOURCE];
	struct i82576_assign assign = { .open = true };
	size_t size = i82576_state_size();
	u8 *image;

	use(pf, SOURCE);
	image = image_of(test, pf, SOURCE);
	fake_admin_mac(to, SOURCE, 0x11);
	KUNIT_EXPECT_EQ(test, check(to, TARGET, image, size), -EOPNOTSUPP);
	fake_reset(to, SOURCE);
	fake_was_reset(to, SOURCE);
	KUNIT_EXPECT_EQ(test, check(to, TARGET, image, size), -EOPNOTSUPP);

	/* Stopped, it may be the source. Reset then, it is only if its user goes. */
	fake_reset(to, SOURCE);
	KUNIT_EXPECT_EQ(test, stop(to, SOURCE), 0);
	KUNIT_EXPECT_EQ(test, check(to, TARGET, image, size), 0);
	holder->assign = &assign;
	fake_was_reset(to, SOURCE);
	holder->rest = I82576_RUNNING;
	KUNIT_EXPECT_EQ(test, check(to, TARGET, image, size), -EOPNOTSUPP);
	assign.open = false;
	KUNIT_EXPECT_EQ(test, check(to, TARGET, image, size), 0);

	/* What the administrator says next is for the next one. */
	fake_admin_mac(to, SOURCE, 0x11);
	KUNIT_EXPECT_EQ(test, check(to, TARGET, image, size), -EOPNOTSUPP);
	holder->moved_out = true;
	fake_reset(to, SOURCE);
	KUNIT_EXPECT_EQ(test, check(to, TARGET, image, size), -EOPNOTSUPP);
}

/* The administrator's address is brought along, and is nobody's to change. */
static void administrators_address(struct kunit *test)
{
	struct i82576_pf *pf = fake_pf(test, 2), *to = fake_pf(test, 8);
	size_t size = i82576_state_size();
	u8 *image;

	fake_admin_mac(pf, SOURCE, 0x21);
	fake_reset(pf, SOURCE);
	i82576_write(pf, REG_V2PMAILBOX(SOURCE), V2P_PFACK);
	pf->pending = BIT(SOURCE);
	image = image_of(test, pf, SOURCE);
	KUNIT_EXPECT_EQ(test, stop(to, TARGET), 0);
	KUNIT_EXPECT_EQ(test, load(to, TARGET, image, size), 0);
	KUNIT_EXPECT_TRUE(test, to->vf[TARGET].policy.carried_mac);
	KUNIT_EXPECT_EQ(test, to->pending, BIT(TARGET));
	/* Nobody is left to announce it for. */
	KUNIT_EXPECT_EQ(test, to->vf[TARGET].announcements, 0);
	KUNIT_EXPECT_EQ(test, start(to, TARGET, true), 0);
	KUNIT_EXPECT_EQ(test, i82576_read(to, REG_P2VMAILBOX(TARGET)), P2V_ACK);
	KUNIT_EXPECT_EQ(test, fake_mac(to, TARGET, I82576_REQ_SET_MAC, 1), -EPERM);
}

/* A guest without an address of the administrator's moves inside of one device. */
static void own_address_comes_along(struct kunit *test)
{
	struct i82576_pf *pf = fake_pf(test, 3);
	struct i82576_vf *left = &pf->vf[SOURCE], *here = &pf->vf[TARGET];
	size_t size = i82576_state_size();
	u8 mac[ETH_ALEN], own[ETH_ALEN], *image;

	ether_addr_copy(mac, left->policy.mac);
	ether_addr_copy(own, here->policy.mac);
	fake_reset(pf, SOURCE);
	image = image_of(test, pf, SOURCE);
	stop(pf, TARGET);
	KUNIT_EXPECT_EQ(test, load(pf, TARGET, image, size), 0);
	KUNIT_EXPECT_EQ(test, start(pf, TARGET, true), 0);

	/* Whoever has the old VF does not get it, not even while the guest is reset, */
	fake_was_reset(pf, SOURCE);
	left->rest = I82576_RUNNING;
	fake_was_reset(pf, TARGET);
	KUNIT_EXPECT_EQ(test, fake_reset(pf, SOURCE), -EADDRINUSE);
	/* which the guest may be, and may say which address it has. */
	KUNIT_EXPECT_EQ(test, fake_reset(pf, TARGET), 0);
	KUNIT_EXPECT_TRUE(test, ether_addr_equal_unaligned(here->policy.mac, mac));
	KUNIT_EXPECT_EQ(test, fake_mac(pf, TARGET, I82576_REQ_SET_MAC, 0x31), 0);
	KUNIT_EXPECT_EQ(test, fake_own_mac(pf, 2, mac), -EPROTO);
	fake_reset(pf, 2);
	KUNIT_EXPECT_EQ(test, fake_own_mac(pf, 2, mac), -EADDRINUSE);
	KUNIT_EXPECT_EQ(test, fake_own_mac(pf, TARGET, mac), 0);
	KUNIT_EXPECT_TRUE(test, ether_addr_equal_unaligned(here->policy.mac, mac));

	/* It leaves with the owner. */
	scoped_guard(mutex, &pf->lock)
		i82576_vf_disown(here);
	KUNIT_EXPECT_EQ(test, fake_reset(pf, TARGET), 0);
	KUNIT_EXPECT_TRUE(test, ether_addr_equal_unaligned(here->policy.mac, own));
	KUNIT_EXPECT_EQ(test, fake_reset(pf, SOURCE), 0);
	KUNIT_EXPECT_TRUE(test, ether_addr_equal_unaligned(left->policy.mac, mac));
}

/* The migration failed behind the point where all had arrived: the guest stays. */
static void a_destination_that_gives_up_keeps_nothing(struct kunit *test)
{
	struct i82576_pf *pf = fake_pf(test, 2);
	struct i82576_vf *here = &pf->vf[TARGET];
	u8 *image;

	fake_reset(pf, SOURCE);
	image = image_of(test, pf, SOURCE);
	stop(pf, TARGET);
	KUNIT_EXPECT_EQ(test, load(pf, TARGET, image, i82576_state_size()), 0);
	/* Reset, and not yet taken back */
	fake_was_reset(pf, TARGET);
	here->rest = I82576_RUNNING;
	KUNIT_EXPECT_EQ(test, start(pf, SOURCE, true), 0);
	/* Nor is the address that the VF had before gone with anybody. */
	KUNIT_EXPECT_TRUE(test, here->moved_out);
	scoped_guard(mutex, &pf->lock)
		i82576_vf_disown(here);
	KUNIT_EXPECT_FALSE(test, here->moved_out);
}

static struct kunit_case state_cases[] = {
	KUNIT_CASE(what_is_saved_is_loaded),
	KUNIT_CASE(mailbox_interrupts_with_reason),
	KUNIT_CASE(only_at_rest),
	KUNIT_CASE(heads_stay),
	KUNIT_CASE(damage_is_refused),
	KUNIT_CASE(idle_rings_need_not_make_sense),
	KUNIT_CASE(headers_are_looked_at),
	KUNIT_CASE(it_has_to_fit),
	KUNIT_CASE(neighbours),
	KUNIT_CASE(idle_neighbours_keep_theirs),
	KUNIT_CASE(administrators_address),
	KUNIT_CASE(own_address_comes_along),
	KUNIT_CASE(a_destination_that_gives_up_keeps_nothing),
	{ }
};

static struct kunit_suite state_suite = {
	.name = "i82576_state",
	.test_cases = state_cases,
};

kunit_test_suite(state_suite);

MODULE_IMPORT_NS(COMPAT_KUNIT_NS);
MODULE_DESCRIPTION("Unit tests of i82576: state of VFs");
MODULE_LICENSE("GPL");
