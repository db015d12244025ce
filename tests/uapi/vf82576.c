// SPDX-License-Identifier: GPL-2.0-only
/*
 * A virtual function of the Intel 82576 and what its owner may do: mailbox
 * requests, good and bad, and what the next owner finds
 *
 * Arguments: BDF, that of a second VF to which it can be migrated, if there is one, and
 * in the environment ADMIN_MAC=xx:xx:… if the administrator has set one.
 */

#include "i82576.h"
#include "mig.h"
#include "pci.h"
#include "test.h"

#define EXPECT_GRANTED(d, a, b, c) \
	EXPECT((vf_ask1(d, a, b, c) & (MSG_ACK | MSG_NACK)) == MSG_ACK)
#define EXPECT_REFUSED(d, a, b, c) \
	EXPECT((vf_ask1(d, a, b, c) & (MSG_ACK | MSG_NACK)) == MSG_NACK)

static bool parse_mac(const char *text, uint8_t *mac)
{
	return text && sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &mac[0],
			      &mac[1], &mac[2], &mac[3], &mac[4], &mac[5]) == 6;
}

TEST(first, "before VF_RESET every other request is refused")
{
	struct vfio *d = dut();

	ASSERT_EQ(vfio_ioctl(d->fd, VFIO_DEVICE_RESET, NULL), 0);
	EXPECT_REFUSED(d, MSG_LPE, 1518, 0);
	EXPECT_REFUSED(d, MSG_VLAN | INFO(1), 5, 0);
	EXPECT(vf_reset(d, NULL));
	EXPECT_GRANTED(d, MSG_LPE, 1518, 0);
}

TEST(address, "VF_RESET tells the address, and the administrator's is not changed")
{
	uint8_t mac[6], admin[6];
	struct vfio *d = dut();

	ASSERT(vf_reset(d, mac));
	EXPECT(!(mac[0] & 1));
	EXPECT(mac[0] | mac[1] | mac[2] | mac[3] | mac[4] | mac[5]);
	if (!parse_mac(getenv("ADMIN_MAC"), admin))
		SKIP("no ADMIN_MAC");
	EXPECT(!memcmp(mac, admin, 6));
	EXPECT_REFUSED(d, MSG_SET_MAC, 0x77000002, 0x7777);
	ASSERT(vf_reset(d, mac));
	EXPECT(!memcmp(mac, admin, 6));
}

TEST(good, "what a driver asks for is granted")
{
	struct vfio *d = dut();

	ASSERT(vf_reset(d, NULL));
	EXPECT_GRANTED(d, MSG_MULTICAST | INFO(2), 0x01230456, 0);
	EXPECT_GRANTED(d, MSG_VLAN | INFO(1), 100, 0);
	EXPECT_GRANTED(d, MSG_VLAN, 100, 0);
	EXPECT_GRANTED(d, MSG_LPE, 9000, 0);
	EXPECT(vf_ask1(d, MSG_LPE, 1518, 0) & MSG_CTS);
}

TEST(bad, "garbage is refused, and changes nothing")
{
	struct vfio *d = dut();
	uint32_t noise[MSG_WORDS];

	ASSERT(vf_reset(d, NULL));
	EXPECT_REFUSED(d, 0x7f, 0, 0);
	EXPECT_REFUSED(d, 0, 0, 0);
	EXPECT_REFUSED(d, MSG_SET_MAC, 0x00000001, 0);
	EXPECT_REFUSED(d, MSG_SET_MAC, 0, 0);
	EXPECT_REFUSED(d, MSG_MULTICAST | INFO(31), 0, 0);
	EXPECT_REFUSED(d, MSG_MULTICAST | INFO(0xff), 0, 0);
	EXPECT_REFUSED(d, MSG_MULTICAST | INFO(1), 0xffff, 0);
	EXPECT_REFUSED(d, MSG_VLAN | INFO(1), 4095, 0);
	EXPECT_REFUSED(d, MSG_VLAN | INFO(1), 0xffffffff, 0);
	EXPECT_REFUSED(d, MSG_LPE, 0xffffffff, 0);
	EXPECT_REFUSED(d, MSG_LPE, 0, 0);
	srand(82576);
	for (int n = 0; n < 50; n++) {
		for (int i = 0; i < MSG_WORDS; i++)
			noise[i] = (uint32_t)rand() << 1;
		noise[0] |= 0x80;
		if (!EXPECT(vf_ask(d, noise, MSG_WORDS, NULL) & MSG_NACK))
			break;
	}
	EXPECT_GRANTED(d, MSG_LPE, 1518, 0);
}

TEST(flood, "a flood of requests is survived, and answered in the end")
{
	struct vfio *d = dut();
	uint32_t msg[MSG_WORDS] = { 0x7f };

	ASSERT(vf_reset(d, NULL));
	for (int n = 0; n < 3000; n++) {
		/* Without waiting for anything, and without owning the mailbox. */
		bar_write32(d, BAR, VMBMEM, msg[0]);
		bar_write32(d, BAR, V2P, V2P_REQ);
		if (n % 3 == 0)
			bar_write32(d, BAR, V2P, V2P_VFU);
	}
	bar_write32(d, BAR, V2P, 0);
	EXPECT(WITHIN(5000, vf_reset(d, NULL)));
	EXPECT_GRANTED(d, MSG_LPE, 1518, 0);
}

/* How often the PF has interrupted */
static unsigned int interrupts(void)
{
	FILE *f = fopen("/proc/interrupts", "r");
	unsigned int count = 0;
	char line[256];

	ASSERT(f);
	while (fgets(line, sizeof(line), f)) {
		if (strstr(line, " i82576\n"))
			sscanf(line, " %*u: %u", &count);
	}
	fclose(f);
	return count;
}

/* 32 in 10 ms, and what it takes to see that they are too many */
TEST(resets, "a flood of resets keeps the host no busier than it lets it")
{
	unsigned int before, count, ms;
	uint64_t began;
	struct vfio *d = dut();

	ASSERT(vf_reset(d, NULL));
	before = interrupts();
	began = test_now_us();
	for (int n = 0; n < 3000; n++)
		bar_write32(d, BAR, CTRL, CTRL_RST);
	ms = (test_now_us() - began) / 1000;
	count = interrupts() - before;
	test_note("3000 resets in %u ms, %u interrupts", ms, count);
	EXPECT(count > 0);
	EXPECT(count <= 100 + 4 * ms);
	EXPECT(WITHIN(2000, vf_ask1(d, MSG_LPE, 1518, 0) & MSG_NACK));
	EXPECT(WITHIN(5000, vf_reset(d, NULL)));
	EXPECT_GRANTED(d, MSG_LPE, 1518, 0);
}

/* What an owner can leave behind: offset, and bits that hold what is written. */
static const struct leftover {
	const char *name;
	unsigned int offset;
	uint32_t value;
} leftovers[] = {
	{ "RDBAL", 0x2800, 0x12345680 }, { "RDBAH", 0x2804, 0xabc },
	{ "RDLEN", 0x2808, 0x1000 }, { "RDT", 0x2818, 7 },
	{ "RDBAL(1)", 0x2900, 0x22345680 },
	{ "TDBAL", 0x3800, 0x32345680 }, { "TDBAH", 0x3804, 0xdef },
	{ "TDLEN", 0x3808, 0x1000 }, { "TDWBAL", 0x3838, 0x42345680 },
	{ "TDWBAH", 0x383c, 0x123 },
	{ "EITR0", 0x1680, 0x7ff8 }, { "EITR2", 0x1688, 0x3ff8 },
	{ "IVAR", 0x1700, 0x81808180 }, { "IVAR_MISC", 0x1740, 0x82 },
	{ "VMBMEM0", 0x804, 0x5ec4e700 }, { "VMBMEM15", 0x83c, 0x5ec4e715 },
};

TEST(owner, "a new owner finds nothing of the old one")
{
	uint32_t fresh[ARRAY_SIZE(leftovers)], dirty = 0;
	struct vfio *d = dut();

	ASSERT(vf_reset(d, NULL));
	dut_close();
	d = dut();
	for (size_t i = 0; i < ARRAY_SIZE(leftovers); i++)
		fresh[i] = bar_read32(d, BAR, leftovers[i].offset);

	/* The second half of the mailbox needs its ownership. */
	WITHIN(1000, vf_mbox_own(d));
	for (size_t i = 0; i < ARRAY_SIZE(leftovers); i++)
		bar_write32(d, BAR, leftovers[i].offset, leftovers[i].value);
	for (size_t i = 0; i < ARRAY_SIZE(leftovers); i++)
		dirty += bar_read32(d, BAR, leftovers[i].offset) != fresh[i];
	/* Else the test would show nothing. */
	EXPECT(dirty >= 10);

	dut_close();
	d = dut();
	for (size_t i = 0; i < ARRAY_SIZE(leftovers); i++) {
		if (!EXPECT_EQ(bar_read32(d, BAR, leftovers[i].offset), fresh[i]))
			test_note("in %s", leftovers[i].name);
	}
}

/* QEMU raises another vector than VTIVAR_MISC says, so one of them is enough. */
static bool any_fires(const int *efds)
{
	for (int i = 0; i < VECTORS; i++)
		if (efd_count(efds[i]))
			return true;
	return false;
}

TEST(told, "who has a VF that is reset from outside is told, and who resets it is not")
{
	struct vfio *d = dut();
	int efds[VECTORS];

	ASSERT(vf_reset(d, NULL));
	EXPECT_GRANTED(d, MSG_LPE, 1518, 0);
	for (int i = 0; i < VECTORS; i++)
		efds[i] = efd_new();
	ASSERT_EQ(vfio_irq_fds(d, VFIO_PCI_MSIX_IRQ_INDEX, 0, VECTORS, efds), 0);
	cfg_command(d, PCI_COMMAND_MASTER, 0);
	bar_write32(d, BAR, VTIVAR_MISC, 0x82);
	bar_write32(d, BAR, VTEIMS, 7);

	vf_mbox_forget();
	ASSERT_EQ(sysfs_write(d->bdf, "reset", "1"), 0);
	EXPECT(WITHIN(2000, any_fires(efds)));
	EXPECT(vf_mbox_has(d, V2P_PFSTS));
	EXPECT(vf_mbox_has(d, V2P_RSTD));
	EXPECT_EQ(bar_read32(d, BAR, VMBMEM) & (MSG_ACK | MSG_NACK | MSG_CTS), MSG_NACK);
	bar_write32(d, BAR, V2P, V2P_ACK);
	EXPECT_REFUSED(d, MSG_LPE, 1518, 0);
	ASSERT(vf_reset(d, NULL));
	EXPECT_GRANTED(d, MSG_LPE, 1518, 0);

	ASSERT_EQ(vfio_ioctl(d->fd, VFIO_DEVICE_RESET, NULL), 0);
	vf_mbox_forget();
	EXPECT(!vf_mbox_has(d, V2P_PFSTS));
	EXPECT_EQ(bar_read32(d, BAR, VMBMEM), 0);
	EXPECT_EQ(bar_read32(d, BAR, VTIVAR_MISC), 0);
	/* Nor is somebody who has not got so far. */
	ASSERT_EQ(sysfs_write(d->bdf, "reset", "1"), 0);
	EXPECT(!vf_mbox_has(d, V2P_PFSTS));
	vfio_irq_off(d, VFIO_PCI_MSIX_IRQ_INDEX);
	for (int i = 0; i < VECTORS; i++)
		close(efds[i]);
}

static void reset_pf(struct vfio *d)
{
	char pf[64];

	ASSERT_EQ(sysfs_link(d->bdf, "physfn", pf, sizeof(pf)), 0);
	ASSERT_EQ(sysfs_write(pf, "reset", "1"), 0);
}

TEST(counters, "counters begin at 0 for an owner, and a reset of the PF does not turn them back")
{
	struct vf_sender s;
	uint32_t seen;
	struct vfio *d;

	dut_close();
	d = dut();
	EXPECT_EQ(bar_read32(d, BAR, SENT_PACKETS), 0);
	ASSERT(vf_sender_start(&s, d, 0x100000));
	ASSERT(vf_send(&s, 5, 100));
	seen = bar_read32(d, BAR, SENT_PACKETS);
	EXPECT_EQ(seen, 5);
	reset_pf(d);
	EXPECT_EQ(bar_read32(d, BAR, SENT_PACKETS), seen);

	/* Some that nobody has looked at when they are lost */
	ASSERT(vf_sender_start(&s, d, 0x200000));
	ASSERT(vf_send(&s, 3, 100));
	seen = bar_read32(d, BAR, SENT_PACKETS);
	EXPECT_EQ(seen, 8);
	ASSERT(vf_send(&s, 2, 100));
	reset_pf(d);
	ASSERT(vf_sender_start(&s, d, 0x300000));
	ASSERT(vf_send(&s, 1, 100));
	EXPECT(bar_read32(d, BAR, SENT_PACKETS) - seen <= 3);
	dut_close();
}

TEST(home, "a guest that moves with the address of its VF has it there after resets, too")
{
	static struct stream s;
	struct vfio *d, other;
	uint8_t was[6], is[6];

	if (args.nbdf < 2)
		SKIP("no second VF");
	d = mig_fresh();
	ASSERT(vf_reset(d, was));
	save(d, &s);
	ASSERT_EQ(vfio_open(&other, args.bdf[1]), 0);
	/* Not while the VF that has it might go on as it likes, */
	mig_reset(d);
	EXPECT(!load(&other, s.data, s.len));
	mig_reset(&other);
	ASSERT(vf_reset(d, NULL));
	save(d, &s);
	EXPECT(load(&other, s.data, s.len));
	EXPECT_EQ(set_state(&other, RUNNING), NO_FD);
	/* and then that one does not get it back. */
	dut_close();
	d = dut();
	EXPECT(!vf_reset(d, NULL));
	ASSERT(vf_reset(&other, is));
	EXPECT(!memcmp(was, is, 6));
	EXPECT_GRANTED(&other, MSG_SET_MAC, is[0] | is[1] << 8 | is[2] << 16 |
		       (uint32_t)is[3] << 24, is[4] | is[5] << 8);
	vfio_close(&other);
	ASSERT(vf_reset(d, is));
	EXPECT(!memcmp(was, is, 6));
}

/* The second VF goes on with a state that is saved. */
static void go_on(struct vfio *other, const struct stream *s)
{
	ASSERT_EQ(vfio_open(other, args.bdf[1]), 0);
	ASSERT(load(other, s->data, s->len));
	EXPECT_EQ(set_state(other, RUNNING), NO_FD);
}

TEST(move, "what a driver asked for is granted where its VF's state is loaded, too")
{
	static struct stream s;
	struct vfio *d, other;

	if (args.nbdf < 2)
		SKIP("no second VF");
	d = mig_fresh();
	ASSERT(vf_reset(d, NULL));
	EXPECT_GRANTED(d, MSG_SET_MAC, 0x33221106, 0x5544);
	EXPECT_GRANTED(d, MSG_SET_MAC | INFO(2), 0x33221106, 0x6644);
	EXPECT_GRANTED(d, MSG_VLAN | INFO(1), 5, 0);
	save(d, &s);
	dut_close();

	go_on(&other, &s);
	/* No VF_RESET: its driver does not know. */
	EXPECT_GRANTED(&other, MSG_VLAN | INFO(1), 6, 0);
	/* The PF announces its addresses meanwhile. */
	sleep(2 * test_slow());
	vfio_close(&other);
}

/* A receive ring and its buffers, in memory of their own at @iova */
static void listen_at(struct vfio *d, uint64_t iova)
{
	const unsigned int page = 4096;
	void *ring = vfio_dma_map(d, iova, (1 + VF_SLOTS) * page);

	ASSERT(ring);
	cfg_command(d, PCI_COMMAND_MASTER, 0);
	vf_receive(d, ring, iova, iova + page, VF_SLOTS - 1);
}

static bool hears(struct vfio *d, struct vf_sender *s)
{
	uint32_t before = bar_read32(d, BAR, GOOD_PACKETS);

	ASSERT(vf_send(s, 1, 100));
	return WITHIN(500, bar_read32(d, BAR, GOOD_PACKETS) != before);
}

/* Which of two groups its driver wants is what QEMU's 82576 goes by; not by VMOLR.MPE. */
TEST(groups, "a group that a driver asked for is heard where its VF's state is loaded, too")
{
	uint8_t group[6] = { 0x01, 0x00, 0x5e, 0x12, 0x34, 0x56 };
	const uint32_t hash = 0x563;
	struct vf_sender sender;
	static struct stream s;
	struct vfio *d, other;

	if (args.nbdf < 2)
		SKIP("no second VF");
	d = mig_fresh();
	ASSERT(vf_reset(d, NULL));
	EXPECT_REFUSED(d, MSG_PROMISC | INFO(1), 0, 0);
	EXPECT_REFUSED(d, MSG_PROMISC | INFO(3), 0, 0);
	EXPECT_GRANTED(d, MSG_PROMISC | INFO(2), 0, 0);
	EXPECT_GRANTED(d, MSG_SET_MAC, 0x33221106, 0x5544);
	EXPECT_GRANTED(d, MSG_MULTICAST | INFO(1), hash, 0);
	save(d, &s);
	dut_close();

	go_on(&other, &s);
	listen_at(&other, 0x400000);
	d = dut();
	ASSERT(vf_sender_start(&sender, d, 0x400000));
	/* While the PF announces its addresses, it hears nothing from beside it. */
	sleep(2 * test_slow());
	EXPECT(hears(&other, &sender));
	memcpy(sender.to, group, sizeof(group));
	EXPECT(hears(&other, &sender));
	sender.to[5]++;
	EXPECT(!hears(&other, &sender));
	vfio_close(&other);
}
