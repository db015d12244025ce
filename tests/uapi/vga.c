// SPDX-License-Identifier: GPL-2.0-only
/*
 * The legacy VGA region: memory at a0000h, ports around 3c0h, and whose turn it is
 *
 * Registers are those of IBM's VGA (any text on it will do). With a second address,
 * that of another VGA function, the two are used in turns.
 */
#include <pthread.h>
#include <sys/mman.h>
#include <time.h>

#include "pci.h"
#include "test.h"

#define VGA		VFIO_PCI_VGA_REGION_INDEX
#define MISC_WRITE	0x3c2
#define MISC_READ	0x3cc
#define MISC_COLOUR	0x67	/* CRTC at 3d4h, memory on */
#define SEQ		0x3c4
#define GFX		0x3ce
#define CRTC		0x3d4
#define CURSOR_LOW	0x0f
#define WINDOW		0xa0000
#define VGA_END		0xc0000

static bool offered(struct vfio *d)
{
	return d->region[VGA].size;
}

static struct vfio *vga_needed(void)
{
	struct vfio *d = dut();

	if (!offered(d))
		SKIP("no VGA region");
	return d;
}

static uint8_t in(struct vfio *d, unsigned int port)
{
	uint8_t val = 0;

	ASSERT_EQ(vfio_read(d, VGA, port, &val, 1), 1);
	return val;
}

static void out(struct vfio *d, unsigned int port, uint8_t val)
{
	ASSERT_EQ(vfio_write(d, VGA, port, &val, 1), 1);
}

/* A register behind an index, both written as one word */
static void set(struct vfio *d, unsigned int port, uint8_t index, uint8_t val)
{
	uint16_t word = index | val << 8;

	ASSERT_EQ(vfio_write(d, VGA, port, &word, 2), 2);
}

static uint8_t get(struct vfio *d, unsigned int port, uint8_t index)
{
	out(d, port, index);
	return in(d, port + 1);
}

/* Memory at a0000h as it is, 64 KB of it, and the frame buffer's first */
static void flat_memory(struct vfio *d)
{
	out(d, MISC_WRITE, MISC_COLOUR);
	set(d, SEQ, 2, 0x0f);	/* all planes */
	set(d, SEQ, 4, 0x0e);	/* chained, more than 64 KB */
	set(d, GFX, 5, 0x40);
	set(d, GFX, 6, 0x05);	/* 64 KB at a0000h */
	set(d, GFX, 8, 0xff);
}

TEST(info, "the region reaches from 0 to c0000h, to be read and written")
{
	struct vfio *d = vga_needed();

	EXPECT_EQ(d->region[VGA].size, VGA_END);
	EXPECT_EQ(d->region[VGA].flags,
		  VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE);
	EXPECT(vfio_mmap(d, VGA, WINDOW, 4096) == MAP_FAILED && errno == EINVAL);
}

TEST(without, "where no region is offered, none can be accessed")
{
	struct vfio *d = dut();
	uint32_t val = 0;

	if (offered(d))
		SKIP("there is a VGA region");
	d->region[VGA].offset = (uint64_t)VGA << 40;
	EXPECT_EQ(vfio_read(d, VGA, WINDOW, &val, 4), -EINVAL);
	EXPECT_EQ(vfio_write(d, VGA, WINDOW, &val, 4), -EINVAL);
	EXPECT_EQ(vfio_read(d, VGA, CRTC, &val, 1), -EINVAL);
}

TEST(ports, "ports keep what is written, bytes and words")
{
	struct vfio *d = vga_needed();

	out(d, MISC_WRITE, MISC_COLOUR);
	EXPECT_EQ(in(d, MISC_READ), MISC_COLOUR);
	for (unsigned int val = 0; val < 256; val += 51) {
		set(d, CRTC, CURSOR_LOW, val);
		EXPECT_EQ(get(d, CRTC, CURSOR_LOW), val);
	}
}

TEST(memory, "memory at a0000h is the function's frame buffer")
{
	struct vfio *d = vga_needed();
	uint8_t buf[256], got[256];

	flat_memory(d);
	for (unsigned int i = 0; i < 4096; i += 4) {
		uint32_t val = i * 0x01010101;

		ASSERT_EQ(vfio_write(d, VGA, WINDOW + i, &val, 4), 4);
	}
	for (unsigned int i = 0; i < 4096; i += 252) {
		uint32_t val = 0;

		ASSERT_EQ(vfio_read(d, VGA, WINDOW + i, &val, 4), 4);
		EXPECT_EQ(val, i * 0x01010101);
		EXPECT_EQ(bar_read32(d, 0, i), i * 0x01010101);
	}

	/* many bytes at once, and not aligned */
	for (unsigned int i = 0; i < sizeof(buf); i++)
		buf[i] = ~i;
	ASSERT_EQ(vfio_write(d, VGA, WINDOW + 0x1001, buf, sizeof(buf)), sizeof(buf));
	ASSERT_EQ(vfio_read(d, VGA, WINDOW + 0x1001, got, sizeof(got)), sizeof(got));
	EXPECT_EQ(memcmp(buf, got, sizeof(buf)), 0);
	ASSERT_EQ(vfio_read(d, 0, 0x1001, got, sizeof(got)), sizeof(got));
	EXPECT_EQ(memcmp(buf, got, sizeof(buf)), 0);
}

TEST(bounds, "what is no VGA range is refused, and ranges are cut at their ends")
{
	static const uint32_t outside[] = {
		0, 0x60, 0x3af, 0x3bc, 0x3bf, 0x3e0, 0x9ffff, VGA_END, 0x100000,
	};
	struct vfio *d = vga_needed();
	uint8_t buf[16] = {};

	for (unsigned int i = 0; i < ARRAY_SIZE(outside); i++) {
		EXPECT_EQ(vfio_read(d, VGA, outside[i], buf, 1), -EINVAL);
		EXPECT_EQ(vfio_write(d, VGA, outside[i], buf, 1), -EINVAL);
	}
	EXPECT_EQ(vfio_read(d, VGA, 0x3bb, buf, 16), 1);
	EXPECT_EQ(vfio_read(d, VGA, 0x3df, buf, 16), 1);
	EXPECT_EQ(vfio_read(d, VGA, VGA_END - 4, buf, 16), 4);
}

TEST(memory_off, "memory off does not hurt, on again gives all back")
{
	struct vfio *d = vga_needed();
	uint32_t val = 0x12345678;
	ssize_t ret;

	flat_memory(d);
	ASSERT_EQ(vfio_write(d, VGA, WINDOW, &val, 4), 4);
	cfg_command(d, 0, PCI_COMMAND_MEMORY);
	/* Whether memory enable concerns the legacy ranges is open. */
	ret = vfio_read(d, VGA, WINDOW, &val, 4);
	EXPECT(ret == -EIO || ret == 4);
	cfg_command(d, PCI_COMMAND_MEMORY, 0);
	ASSERT_EQ(vfio_read(d, VGA, WINDOW, &val, 4), 4);
	EXPECT_EQ(val, 0x12345678);
}

/* The other function, or the test is skipped */
static struct vfio *second(struct vfio *first)
{
	static struct vfio other = { .fd = -1 };

	if (args.nbdf < 2)
		SKIP("there is one VGA function");
	if (other.fd < 0) {
		ASSERT_EQ(vfio_open_with(&other, args.bdf[1], first, NULL), 0);
		cfg_command(&other, PCI_COMMAND_MEMORY | PCI_COMMAND_IO, 0);
	}
	ASSERT(offered(&other));
	return &other;
}

TEST(turns, "two functions at the same addresses keep their own contents")
{
	struct vfio *d[2] = { vga_needed() };
	uint32_t val;

	d[1] = second(d[0]);
	flat_memory(d[0]);
	flat_memory(d[1]);
	for (uint32_t n = 0; n < 64; n++) {
		for (uint32_t i = 0; i < 2; i++) {
			val = n << 8 | i;
			set(d[i], CRTC, CURSOR_LOW, 2 * n + i);
			ASSERT_EQ(vfio_write(d[i], VGA, WINDOW + 4 * n, &val, 4), 4);
		}
		for (uint32_t i = 0; i < 2; i++) {
			EXPECT_EQ(get(d[i], CRTC, CURSOR_LOW), 2 * n + i);
			EXPECT_EQ(bar_read32(d[i], 0, 4 * n), n << 8 | i);
		}
	}
}

struct user {
	struct vfio *d;
	uint32_t id;
	time_t end;
	unsigned int rounds, wrong;
};

static void *use(void *arg)
{
	struct user *u = arg;
	uint32_t val, got;

	while (time(NULL) < u->end) {
		val = u->rounds++ << 1 | u->id;
		got = ~val;
		if (vfio_write(u->d, VGA, WINDOW + 64, &val, 4) != 4 ||
		    vfio_read(u->d, VGA, WINDOW + 64, &got, 4) != 4 || got != val)
			u->wrong++;
	}
	return NULL;
}

TEST(at_once, "two users of two functions do not see each other")
{
	struct user users[2] = { { .d = vga_needed() }, { .id = 1 } };
	pthread_t thread[2];

	users[1].d = second(users[0].d);
	for (int i = 0; i < 2; i++) {
		flat_memory(users[i].d);
		users[i].end = time(NULL) + args.seconds;
	}
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(pthread_create(&thread[i], NULL, use, &users[i]), 0);
	for (int i = 0; i < 2; i++) {
		pthread_join(thread[i], NULL);
		EXPECT(users[i].rounds > 10);
		EXPECT_EQ(users[i].wrong, 0);
	}
	test_note("%u and %u rounds", users[0].rounds, users[1].rounds);
}
