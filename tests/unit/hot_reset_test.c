// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hot reset: which functions one hits, and what a user is told of them
 */
#include <compat/kunit.h>
#include <kunit/test.h>
#include <linux/pci.h>

#include "../../drivers/vfio/pci/hot_reset.h"

#define ROOM		4
#define NOT_OWNED	((u32)VFIO_PCI_DEVID_NOT_OWNED)

/*
 * Buses below each other, without hardware: on root there are a and bridge, in a
 * slot each; behind bridge, on below, there are b and inner; behind that, on deep,
 * there is c.
 */
struct topology {
	struct pci_bus root, below, deep;
	struct pci_slot slot_a, slot_bridge, slot_inner;
	struct pci_dev a, bridge, b, inner, c;
};

static struct topology *make(struct kunit *test)
{
	struct topology *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->a.bus = &t->root;
	t->a.slot = &t->slot_a;
	t->bridge.bus = &t->root;
	t->bridge.slot = &t->slot_bridge;
	t->below.self = &t->bridge;
	t->b.bus = &t->below;
	t->inner.bus = &t->below;
	t->inner.slot = &t->slot_inner;
	t->deep.self = &t->inner;
	t->c.bus = &t->deep;
	return t;
}

static void a_bus_reset_hits_all_below(struct kunit *test)
{
	struct topology *t = make(test);

	KUNIT_EXPECT_TRUE(test, vpc_reset_hits(&t->a, &t->root, NULL));
	KUNIT_EXPECT_TRUE(test, vpc_reset_hits(&t->bridge, &t->root, NULL));
	KUNIT_EXPECT_TRUE(test, vpc_reset_hits(&t->b, &t->root, NULL));
	KUNIT_EXPECT_TRUE(test, vpc_reset_hits(&t->c, &t->root, NULL));
	KUNIT_EXPECT_TRUE(test, vpc_reset_hits(&t->c, &t->deep, NULL));
	/* and nothing above or beside */
	KUNIT_EXPECT_FALSE(test, vpc_reset_hits(&t->a, &t->below, NULL));
	KUNIT_EXPECT_FALSE(test, vpc_reset_hits(&t->b, &t->deep, NULL));
}

static void a_slot_reset_hits_what_is_in_it(struct kunit *test)
{
	struct topology *t = make(test);

	KUNIT_EXPECT_TRUE(test, vpc_reset_hits(&t->a, &t->root, &t->slot_a));
	KUNIT_EXPECT_FALSE(test, vpc_reset_hits(&t->bridge, &t->root, &t->slot_a));
	KUNIT_EXPECT_FALSE(test, vpc_reset_hits(&t->c, &t->root, &t->slot_a));

	/* behind bridges too, whatever slots there are on the way */
	KUNIT_EXPECT_TRUE(test, vpc_reset_hits(&t->b, &t->root, &t->slot_bridge));
	KUNIT_EXPECT_TRUE(test, vpc_reset_hits(&t->inner, &t->root,
					       &t->slot_bridge));
	KUNIT_EXPECT_TRUE(test, vpc_reset_hits(&t->c, &t->root, &t->slot_bridge));
	KUNIT_EXPECT_FALSE(test, vpc_reset_hits(&t->b, &t->below,
						&t->slot_inner));
	KUNIT_EXPECT_TRUE(test, vpc_reset_hits(&t->c, &t->below,
					       &t->slot_inner));
}

static void ids_say_who_owns(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, vpc_reset_devid(true, 7), 7U);
	KUNIT_EXPECT_EQ(test, vpc_reset_devid(true, INT_MAX), (u32)INT_MAX);
	KUNIT_EXPECT_EQ(test, vpc_reset_devid(true, -ENOENT), 0U);
	KUNIT_EXPECT_EQ(test, vpc_reset_devid(true, 0), NOT_OWNED);
	KUNIT_EXPECT_EQ(test, vpc_reset_devid(true, -ENODEV), NOT_OWNED);
	/* what no VFIO driver has cannot be reset, whoever may own it */
	KUNIT_EXPECT_EQ(test, vpc_reset_devid(false, -ENOENT), NOT_OWNED);
	KUNIT_EXPECT_EQ(test, vpc_reset_devid(false, 7), NOT_OWNED);
}

static struct vpc_reset_list *list_new(struct kunit *test, bool by_devid)
{
	struct vpc_reset_list *list = kunit_kzalloc(test, sizeof(*list), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, list);
	/* One more than said, to see that it is left alone. */
	list->devices = kunit_kcalloc(test, ROOM + 1, sizeof(*list->devices),
				      GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, list->devices);
	list->max = ROOM;
	list->by_devid = by_devid;
	list->owned = true;
	return list;
}

static void entries_name_functions(struct kunit *test)
{
	struct vpc_reset_list *list = list_new(test, false);

	/* a group may have any number */
	vpc_reset_list_add(list, 0xabcd, 0xef, PCI_DEVFN(4, 1), NOT_OWNED);
	vpc_reset_list_add(list, 0, 2, 0, 0);
	KUNIT_EXPECT_EQ(test, list->count, 2U);
	KUNIT_EXPECT_EQ(test, list->devices[0].segment, 0xabcd);
	KUNIT_EXPECT_EQ(test, list->devices[0].bus, 0xef);
	KUNIT_EXPECT_EQ(test, list->devices[0].devfn, 0x21);
	KUNIT_EXPECT_EQ(test, list->devices[0].group_id, NOT_OWNED);
	KUNIT_EXPECT_EQ(test, list->devices[1].bus, 2);
	KUNIT_EXPECT_EQ(test, list->devices[1].group_id, 0U);
	KUNIT_EXPECT_TRUE(test, list->owned);
}

static void one_of_others_spoils_all(struct kunit *test)
{
	struct vpc_reset_list *list = list_new(test, true);

	vpc_reset_list_add(list, 0, 1, 0, 5);
	vpc_reset_list_add(list, 0, 1, 1, VFIO_PCI_DEVID_OWNED);
	KUNIT_EXPECT_TRUE(test, list->owned);
	vpc_reset_list_add(list, 0, 1, 2, NOT_OWNED);
	vpc_reset_list_add(list, 0, 1, 3, 6);
	KUNIT_EXPECT_FALSE(test, list->owned);
	KUNIT_EXPECT_EQ(test, list->devices[0].devid, 5U);
	KUNIT_EXPECT_EQ(test, list->devices[1].devid, 0U);
	KUNIT_EXPECT_EQ(test, list->devices[2].devid, NOT_OWNED);
	KUNIT_EXPECT_EQ(test, list->devices[3].devid, 6U);
}

static void answers(struct kunit *test)
{
	const u32 by_id = VFIO_PCI_HOT_RESET_FLAG_DEV_ID;
	const u32 owned = VFIO_PCI_HOT_RESET_FLAG_DEV_ID_OWNED;
	struct vfio_pci_hot_reset_info hdr = { .argsz = U32_MAX, .flags = U32_MAX };
	struct vpc_reset_list list = { .max = ROOM, .count = 2, .owned = true };

	KUNIT_EXPECT_EQ(test, vpc_reset_list_answer(&list, &hdr), 0);
	KUNIT_EXPECT_EQ(test, hdr.flags, 0U);
	KUNIT_EXPECT_EQ(test, hdr.count, 2U);
	list.by_devid = true;
	KUNIT_EXPECT_EQ(test, vpc_reset_list_answer(&list, &hdr), 0);
	KUNIT_EXPECT_EQ(test, hdr.flags, by_id | owned);
	list.owned = false;
	KUNIT_EXPECT_EQ(test, vpc_reset_list_answer(&list, &hdr), 0);
	KUNIT_EXPECT_EQ(test, hdr.flags, by_id);
}

static void answers_need_room(struct kunit *test)
{
	struct vpc_reset_list list = { .max = ROOM, .count = 3 };
	struct vfio_pci_hot_reset_info hdr;
	const u32 enough = sizeof(hdr) + 3 * sizeof(hdr.devices[0]);

	for (u32 argsz = sizeof(hdr); argsz < enough; argsz++) {
		hdr = (struct vfio_pci_hot_reset_info) { .argsz = argsz };
		KUNIT_EXPECT_EQ(test, vpc_reset_list_answer(&list, &hdr), -ENOSPC);
		/* but it is said how many there are */
		KUNIT_EXPECT_EQ(test, hdr.count, 3U);
	}
	hdr.argsz = enough;
	KUNIT_EXPECT_EQ(test, vpc_reset_list_answer(&list, &hdr), 0);
}

static void devices_may_appear_meanwhile(struct kunit *test)
{
	struct vpc_reset_list *list = list_new(test, true);
	struct vfio_pci_hot_reset_info hdr = { .argsz = U32_MAX };

	for (unsigned int i = 0; i < ROOM; i++)
		vpc_reset_list_add(list, 0, 1, i, i);
	KUNIT_EXPECT_EQ(test, vpc_reset_list_answer(list, &hdr), 0);
	vpc_reset_list_add(list, 0, 3, 9, 9);
	KUNIT_EXPECT_EQ(test, list->devices[ROOM].bus, 0);
	KUNIT_EXPECT_EQ(test, list->devices[ROOM].devid, 0U);
	KUNIT_EXPECT_EQ(test, vpc_reset_list_answer(list, &hdr), -EAGAIN);
}

static struct kunit_case hot_reset_cases[] = {
	KUNIT_CASE(a_bus_reset_hits_all_below),
	KUNIT_CASE(a_slot_reset_hits_what_is_in_it),
	KUNIT_CASE(ids_say_who_owns),
	KUNIT_CASE(entries_name_functions),
	KUNIT_CASE(one_of_others_spoils_all),
	KUNIT_CASE(answers),
	KUNIT_CASE(answers_need_room),
	KUNIT_CASE(devices_may_appear_meanwhile),
	{ }
};

static struct kunit_suite hot_reset_suite = {
	.name = "vpc_hot_reset",
	.test_cases = hot_reset_cases,
};

kunit_test_suite(hot_reset_suite);

MODULE_IMPORT_NS(COMPAT_KUNIT_NS);
MODULE_DESCRIPTION("Unit tests of vfio-pci-core: hot reset");
MODULE_LICENSE("GPL");
