// SPDX-License-Identifier: GPL-2.0-only
/*
 * A BAR of memory that is large enough for mappings of 2 MB and of 1 GB
 *
 * How large the pages are that the kernel maps is seen by the faults that it takes
 * to touch all of them.
 */
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "pci.h"
#include "test.h"

#define PAGE	4096ull
#define MB2	(2ull << 20)
#define GB	(1024 * 1024 * 1024ull)

/* The BAR, at least 2 GB of memory at an address that is a multiple of 1 GB */
static unsigned int big_bar(struct vfio *d)
{
	struct host_resource res;

	for (unsigned int i = 0; i < 6; i++) {
		ASSERT_EQ(host_resource(d->bdf, i, &res), 0);
		if (d->region[i].flags & VFIO_REGION_INFO_FLAG_MMAP &&
		    d->region[i].size >= 2 * GB && !(res.start % GB))
			return i;
	}
	SKIP("no BAR of 2 GB");
}

/* Room for @len bytes at an address that is @rest above a multiple of 1 GB */
static char *room(size_t len, size_t rest)
{
	char *p = mmap(NULL, len + 2 * GB, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char *at;

	ASSERT(p != MAP_FAILED);
	at = (char *)(((uintptr_t)p + GB - 1) / GB * GB + rest);
	if (at > p)
		munmap(p, at - p);
	munmap(at + len, p + len + 2 * GB - (at + len));
	return at;
}

static char *map_at(struct vfio *d, unsigned int bar, uint64_t off, size_t len,
		    size_t rest)
{
	char *at = room(len, rest);

	ASSERT(mmap(at, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, d->fd,
		    d->region[bar].offset + off) == at);
	return at;
}

static uint32_t mark_of(uint64_t off)
{
	return off >> 12 ^ 0xa5000000;
}

/* Mark each @step bytes of the BAR, by write(), which no mapping is needed for */
static void mark(struct vfio *d, unsigned int bar, uint64_t len, uint64_t step)
{
	for (uint64_t off = 0; off < len; off += step)
		bar_write32(d, bar, off, mark_of(off));
}

/* Are the marks seen at @p, which is @off in the BAR? */
static bool marked(const char *p, uint64_t off, uint64_t len, uint64_t step)
{
	uint32_t val = 0;

	for (uint64_t i = 0; i < len; i += step)
		if (!peek32(p + i, &val) || val != mark_of(off + i))
			return false;
	return true;
}

static long faults(void)
{
	struct rusage use;

	getrusage(RUSAGE_SELF, &use);
	return use.ru_minflt;
}

/* Faults that it takes to touch @len bytes at @p */
static long touch(const char *p, uint64_t len, uint64_t step)
{
	long before = faults();
	uint32_t val;

	for (uint64_t i = 0; i < len; i += step)
		ASSERT(peek32(p + i, &val));
	return faults() - before;
}

TEST(gigabytes, "1 GB is mapped by one fault where address and offset agree")
{
	struct vfio *d = dut();
	unsigned int bar = big_bar(d);
	char *p = map_at(d, bar, 0, 2 * GB, 0);

	EXPECT_EQ(touch(p, 2 * GB, MB2 / 2), 2);
	munmap(p, 2 * GB);
}

TEST(megabytes, "2 MB are mapped by one fault where less agrees")
{
	struct vfio *d = dut();
	unsigned int bar = big_bar(d);
	char *p = map_at(d, bar, 0, 64 * MB2, MB2);

	EXPECT_EQ(touch(p, 64 * MB2, MB2 / 8), 64);
	munmap(p, 64 * MB2);
	/* and what is left over at both ends */
	p = map_at(d, bar, MB2 - PAGE, 4 * MB2 + 2 * PAGE, MB2 - PAGE);
	EXPECT_EQ(touch(p + PAGE, 4 * MB2, MB2 / 8), 4);
	munmap(p, 4 * MB2 + 2 * PAGE);
}

TEST(pages, "single pages are mapped where nothing agrees")
{
	struct vfio *d = dut();
	unsigned int bar = big_bar(d);
	char *p = map_at(d, bar, 0, 4 * MB2, PAGE);

	/* Far apart, so that no page is mapped in advance. */
	EXPECT_EQ(touch(p, 4 * MB2, MB2 / 8), 32);
	munmap(p, 4 * MB2);
}

TEST(same, "mappings of all sizes and read() show the same memory")
{
	struct vfio *d = dut();
	unsigned int bar = big_bar(d);
	char *large = map_at(d, bar, 0, 2 * GB, 0);
	char *medium = map_at(d, bar, GB, 8 * MB2, MB2);
	char *small = map_at(d, bar, GB, 8 * MB2, PAGE);

	mark(d, bar, 2 * GB, 32 * MB2);
	EXPECT(marked(large, 0, 2 * GB, 32 * MB2));
	for (uint64_t off = 0; off < 8 * MB2; off += MB2 / 2 + PAGE) {
		uint32_t val = 0;

		EXPECT(poke32(medium + off, off + 1));
		EXPECT(peek32(small + off, &val) && val == off + 1);
		EXPECT(peek32(large + GB + off, &val) && val == off + 1);
		EXPECT_EQ(bar_read32(d, bar, GB + off), off + 1);
	}
	munmap(large, 2 * GB);
	munmap(medium, 8 * MB2);
	munmap(small, 8 * MB2);
}

TEST(end, "the last bytes of the BAR are where they should be")
{
	struct vfio *d = dut();
	unsigned int bar = big_bar(d);
	uint64_t size = d->region[bar].size;
	char *p = map_at(d, bar, size - GB, GB, 0);
	uint32_t val = 0;

	bar_write32(d, bar, size - 4, 0x13572468);
	EXPECT(peek32(p + GB - 4, &val) && val == 0x13572468);
	EXPECT_EQ(vfio_read(d, bar, size, &val, 4), -EINVAL);
	munmap(p, GB);
}

/* Take something out of a mapping that is there in pages of 1 GB. */
static void with_hole(uint64_t start, uint64_t len)
{
	struct vfio *d = dut();
	unsigned int bar = big_bar(d);
	char *p = map_at(d, bar, 0, 2 * GB, 0);

	mark(d, bar, 2 * GB, 32 * MB2);
	bar_write32(d, bar, start + len, mark_of(start + len));
	ASSERT(marked(p, 0, 2 * GB, 32 * MB2));
	ASSERT_EQ(munmap(p + start, len), 0);
	EXPECT(marked(p, 0, start, 32 * MB2));
	EXPECT(marked(p + start + len, start + len, PAGE, PAGE));
	EXPECT(marked(p + GB, GB, GB, 32 * MB2));

	/* and what is left is still revoked, and given back */
	cfg_command(d, 0, PCI_COMMAND_MEMORY);
	EXPECT(!marked(p, 0, PAGE, PAGE));
	EXPECT(!marked(p + GB, GB, PAGE, PAGE));
	cfg_command(d, PCI_COMMAND_MEMORY, 0);
	EXPECT(marked(p, 0, start, 32 * MB2));
	EXPECT(marked(p + GB, GB, GB, 32 * MB2));
	munmap(p, 2 * GB);
}

TEST(hole_of_a_page, "a page can be unmapped in the middle of 1 GB")
{
	with_hole(GB / 2 + PAGE, PAGE);
}

TEST(hole_of_2mb, "2 MB can be unmapped in the middle of 1 GB")
{
	with_hole(GB / 2, MB2);
}

TEST(hole_at_the_end, "the end of 1 GB can be unmapped")
{
	with_hole(GB - 3 * PAGE, 3 * PAGE);
}

TEST(protected, "a page in the middle of 1 GB can be made read-only")
{
	struct vfio *d = dut();
	unsigned int bar = big_bar(d);
	char *p = map_at(d, bar, 0, 2 * GB, 0);

	mark(d, bar, 2 * GB, 32 * MB2);
	ASSERT(marked(p, 0, 2 * GB, 32 * MB2));
	ASSERT_EQ(mprotect(p + 64 * MB2, PAGE, PROT_READ), 0);
	EXPECT(marked(p, 0, 2 * GB, 32 * MB2));
	EXPECT(poke32(p + 64 * MB2 - 4, 1) && poke32(p + 64 * MB2 + PAGE, 2));
	EXPECT_EQ(bar_read32(d, bar, 64 * MB2 + PAGE), 2);
	munmap(p, 2 * GB);
}

TEST(moved, "a part of 1 GB can be moved to an address of another alignment")
{
	struct vfio *d = dut();
	unsigned int bar = big_bar(d);
	char *p = map_at(d, bar, 0, 2 * GB, 0), *to = room(64 * MB2, PAGE);

	mark(d, bar, 2 * GB, 32 * MB2);
	ASSERT(marked(p, 0, 2 * GB, 32 * MB2));
	ASSERT(mremap(p + 32 * MB2, 64 * MB2, 64 * MB2,
		      MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
	EXPECT(marked(to, 32 * MB2, 64 * MB2, 32 * MB2));
	EXPECT(marked(p, 0, 32 * MB2, 32 * MB2));
	EXPECT(marked(p + 96 * MB2, 96 * MB2, GB, 32 * MB2));
	munmap(to, 64 * MB2);

	/* all of it */
	munmap(p, 2 * GB);
	p = map_at(d, bar, 0, 2 * GB, 0);
	ASSERT(marked(p, 0, 2 * GB, 32 * MB2));
	to = room(2 * GB, MB2);
	ASSERT(mremap(p, 2 * GB, 2 * GB, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
	EXPECT(marked(to, 0, 2 * GB, 32 * MB2));
	munmap(to, 2 * GB);
}

TEST(forked, "a child's copy of 1 GB is its own to unmap")
{
	struct vfio *d = dut();
	unsigned int bar = big_bar(d);
	char *p = map_at(d, bar, 0, 2 * GB, 0);
	int status = -1;
	pid_t child;

	mark(d, bar, 2 * GB, 32 * MB2);
	ASSERT(marked(p, 0, 2 * GB, 32 * MB2));
	child = fork();
	ASSERT(child >= 0);
	if (!child) {
		bool ok = marked(p, 0, 2 * GB, 32 * MB2);

		ok = ok && !munmap(p + 32 * MB2, PAGE);
		_exit(ok && marked(p, 0, GB / 2, 64 * MB2) ? 0 : 1);
	}
	ASSERT_EQ(waitpid(child, &status, 0), child);
	EXPECT_EQ(status, 0);
	EXPECT(marked(p, 0, 2 * GB, 32 * MB2));
	munmap(p, 2 * GB);
}

TEST(grown, "a mapping does not grow beyond what was asked for")
{
	struct vfio *d = dut();
	unsigned int bar = big_bar(d);
	char *p = map_at(d, bar, 0, GB, 0);

	EXPECT(mremap(p, GB, 2 * GB, MREMAP_MAYMOVE) == MAP_FAILED);
	munmap(p, GB);
}

TEST(memory_off, "memory off revokes 1 GB at once, on gives it back")
{
	struct vfio *d = dut();
	unsigned int bar = big_bar(d);
	char *p = map_at(d, bar, 0, 2 * GB, 0);
	uint32_t val;

	mark(d, bar, 2 * GB, 32 * MB2);
	for (int i = 0; i < 3; i++) {
		ASSERT(marked(p, 0, 2 * GB, 32 * MB2));
		cfg_command(d, 0, PCI_COMMAND_MEMORY);
		for (uint64_t off = 0; off < 2 * GB; off += 128 * MB2) {
			EXPECT(!peek32(p + off, &val));
			EXPECT(!poke32(p + off + 4, 1));
		}
		cfg_command(d, PCI_COMMAND_MEMORY, 0);
	}
	EXPECT_EQ(touch(p, 2 * GB, 32 * MB2), 2);
	munmap(p, 2 * GB);
}

static volatile bool over;

static void *keep_touching(void *p)
{
	uint32_t val;

	for (unsigned int n = 1; !over; n++)
		peek32((char *)p + n * 37 % 512 * MB2, &val);
	return NULL;
}

TEST(split_under_faults, "1 GB is taken apart while others touch and revoke it")
{
	struct vfio *d = dut();
	unsigned int bar = big_bar(d);
	time_t end = time(NULL) + args.seconds;
	char *p = map_at(d, bar, 0, GB, 0);
	pthread_t thread[2];
	unsigned int n;

	over = false;
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(pthread_create(&thread[i], NULL, keep_touching, p), 0);
	for (n = 0; time(NULL) < end; n++) {
		mprotect(p + n % 512 * MB2, n & 1 ? PAGE : MB2, PROT_READ);
		mprotect(p, GB, PROT_READ | PROT_WRITE);
		if (n % 8)
			continue;
		cfg_command(d, 0, PCI_COMMAND_MEMORY);
		cfg_command(d, PCI_COMMAND_MEMORY, 0);
	}
	over = true;
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	test_note("%u rounds", n);
	mark(d, bar, GB, 32 * MB2);
	EXPECT(marked(p, 0, GB, 32 * MB2));
	munmap(p, GB);
}
