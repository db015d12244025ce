// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests: what a reader of migration streams takes, and what it refuses
 */
#include <compat/kunit.h>
#include <compat/kunit.h>
#include <kunit/test.h>
#include <linux/crc32.h>
#include <linux/unaligned.h>

#include "../../drivers/vfio/pci/stream.h"

#define SIZE		512
#define STATE_LENGTH	100
#define EARLY_LENGTH	20
#define LIMIT		4096

struct stream {
	u8 buf[SIZE];
	size_t len;
};

static void add(struct kunit *test, struct vpc_stream_writer *w, u16 kind,
		size_t length)
{
	u8 *at = vpc_stream_open_section(w, kind, length);

	KUNIT_ASSERT_NOT_NULL(test, at);
	for (size_t i = 0; i < length; i++)
		at[i] = kind * 16 + i;
	vpc_stream_close_section(w, length);
}

static void begin(struct kunit *test, struct vpc_stream_writer *w,
		  struct stream *s, u64 id)
{
	memset(s, 0, sizeof(*s));
	KUNIT_ASSERT_EQ(test, vpc_stream_start(w, s->buf, SIZE, id), 0);
}

/* A stream with all sections that there are */
static void make(struct kunit *test, struct stream *s, u64 id)
{
	struct vpc_stream_writer w;

	begin(test, &w, s, id);
	add(test, &w, VPC_STREAM_IDENTITY, sizeof(struct vpc_stream_identity));
	add(test, &w, VPC_STREAM_EARLY, EARLY_LENGTH);
	add(test, &w, VPC_STREAM_STATE, STATE_LENGTH);
	add(test, &w, VPC_STREAM_END, 0);
	s->len = w.len;
}

static int read_all(const struct stream *s, struct vpc_stream_reader *r)
{
	const char *why = "?";

	*r = (struct vpc_stream_reader) { .limit = LIMIT };
	return vpc_stream_feed(r, s->buf, s->len, &why);
}

/* Refused at once, or never complete, which is refused at the end */
static bool refused(const struct stream *s)
{
	struct vpc_stream_reader r;

	return read_all(s, &r) || !r.ended;
}

static void whole_stream(struct kunit *test)
{
	struct vpc_stream_reader r;
	struct stream s;

	make(test, &s, 1);
	KUNIT_EXPECT_EQ(test, read_all(&s, &r), 0);
	KUNIT_EXPECT_TRUE(test, r.ended);
	KUNIT_EXPECT_EQ(test, r.part[VPC_STREAM_STATE].length, STATE_LENGTH);
	KUNIT_EXPECT_EQ(test, s.buf[r.part[VPC_STREAM_STATE].offset],
			VPC_STREAM_STATE * 16);
	KUNIT_EXPECT_EQ(test, r.part[VPC_STREAM_EARLY].length, EARLY_LENGTH);
}

static void byte_by_byte(struct kunit *test)
{
	struct vpc_stream_reader r = { .limit = LIMIT };
	const char *why = "?";
	struct stream s;

	make(test, &s, 2);
	for (size_t len = 0; len <= s.len; len++) {
		KUNIT_ASSERT_EQ(test, vpc_stream_feed(&r, s.buf, len, &why), 0);
		KUNIT_ASSERT_EQ(test, r.ended, len == s.len);
	}
}

static void every_truncation(struct kunit *test)
{
	struct stream s;
	size_t whole;

	make(test, &s, 3);
	whole = s.len;
	for (s.len = 0; s.len < whole; s.len++)
		KUNIT_EXPECT_TRUE(test, refused(&s));
}

static void every_corruption(struct kunit *test)
{
	struct stream s;

	make(test, &s, 4);
	for (size_t at = 0; at < s.len; at++) {
		for (unsigned int change = 1; change < 256; change++) {
			s.buf[at] ^= change;
			KUNIT_EXPECT_TRUE_MSG(test, refused(&s),
					      "byte %zu, change %#x", at, change);
			s.buf[at] ^= change;
		}
	}
}

static void more_behind_the_end(struct kunit *test)
{
	struct vpc_stream_reader r;
	struct stream s;

	make(test, &s, 5);
	s.len++;
	KUNIT_EXPECT_EQ(test, read_all(&s, &r), -EINVAL);
}

static void too_long(struct kunit *test)
{
	struct vpc_stream_reader r = { .limit = 200 };
	const char *why = "?";
	struct stream s;

	make(test, &s, 6);
	/* Refused by what the section says of itself, long before it is there. */
	KUNIT_EXPECT_EQ(test, vpc_stream_feed(&r, s.buf, 190, &why), -EFBIG);
	r = (struct vpc_stream_reader) { .limit = 20 };
	KUNIT_EXPECT_EQ(test, vpc_stream_feed(&r, s.buf, 21, &why), -EFBIG);
}

/* Kinds of the sections of a stream whose checksums and numbers are all right */
static int read_kinds(struct kunit *test, const u16 *kinds, unsigned int count,
		      struct vpc_stream_reader *r)
{
	struct vpc_stream_writer w;
	struct stream s;

	begin(test, &w, &s, 7);
	for (unsigned int i = 0; i < count; i++)
		add(test, &w, kinds[i], kinds[i] == VPC_STREAM_END ? 0 : 8);
	s.len = w.len;
	return read_all(&s, r);
}

#define EXPECT_KINDS(expected, ...)					\
do {									\
	static const u16 kinds[] = { __VA_ARGS__ };			\
	struct vpc_stream_reader reader;				\
									\
	KUNIT_EXPECT_EQ(test, read_kinds(test, kinds, ARRAY_SIZE(kinds),	\
					 &reader), expected);		\
} while (0)

static void order_of_sections(struct kunit *test)
{
	EXPECT_KINDS(0, VPC_STREAM_IDENTITY, VPC_STREAM_STATE, VPC_STREAM_END);
	EXPECT_KINDS(-EINVAL, VPC_STREAM_STATE, VPC_STREAM_END);
	EXPECT_KINDS(-EINVAL, VPC_STREAM_END);
	EXPECT_KINDS(-EINVAL, VPC_STREAM_IDENTITY, VPC_STREAM_END);
	EXPECT_KINDS(-EINVAL, VPC_STREAM_IDENTITY, VPC_STREAM_IDENTITY);
	EXPECT_KINDS(-EINVAL, VPC_STREAM_IDENTITY, VPC_STREAM_STATE,
		     VPC_STREAM_EARLY);
	EXPECT_KINDS(-EINVAL, VPC_STREAM_IDENTITY, VPC_STREAM_STATE,
		     VPC_STREAM_STATE);
	EXPECT_KINDS(-EINVAL, VPC_STREAM_IDENTITY, VPC_STREAM_EARLY,
		     VPC_STREAM_END);
	EXPECT_KINDS(-EINVAL, VPC_STREAM_IDENTITY, 0, VPC_STREAM_STATE);
	/* Of this minor version, everything is known. */
	EXPECT_KINDS(-EINVAL, VPC_STREAM_IDENTITY, 77, VPC_STREAM_STATE);
}

/* Sections of one stream, moved within it or into another one */
static void shuffled(struct kunit *test)
{
	const size_t id = sizeof(struct vpc_stream_header);
	const size_t early = id + sizeof(struct vpc_stream_section) +
			     sizeof(struct vpc_stream_identity);
	const size_t early_len = sizeof(struct vpc_stream_section) + EARLY_LENGTH;
	const size_t state = early + early_len;
	const size_t state_len = sizeof(struct vpc_stream_section) + STATE_LENGTH;
	static struct stream s, other, mix;

	make(test, &s, 8);
	make(test, &other, 9);

	mix = s;
	memcpy(mix.buf + state, other.buf + state, state_len);
	KUNIT_EXPECT_TRUE(test, refused(&mix));

	mix = s;
	memcpy(mix.buf + early, s.buf + state, state_len);
	memcpy(mix.buf + early + state_len, s.buf + early, early_len);
	KUNIT_EXPECT_TRUE(test, refused(&mix));

	/* One left out */
	mix = s;
	memmove(mix.buf + early, mix.buf + state, s.len - state);
	mix.len -= early_len;
	KUNIT_EXPECT_TRUE(test, refused(&mix));
}

/* What a later version might write */
static int read_future(struct kunit *test, u16 major, u16 minor, u16 flags)
{
	const size_t head = sizeof(struct vpc_stream_header);
	struct vpc_stream_section *section;
	struct vpc_stream_writer w;
	struct vpc_stream_reader r;
	struct stream s;
	u32 sum;
	u8 *at;

	begin(test, &w, &s, 10);
	put_unaligned_le16(major, s.buf + 4);
	put_unaligned_le16(minor, s.buf + 6);
	w.seed = crc32_le(~0U, s.buf, head);
	add(test, &w, VPC_STREAM_IDENTITY, 8);

	at = s.buf + w.len;
	add(test, &w, 77, 8);
	section = (struct vpc_stream_section *)at;
	section->flags = cpu_to_le16(flags);
	sum = crc32_le(w.seed, at, 12);
	sum = crc32_le(sum, at + 16, 8);
	section->checksum = cpu_to_le32(sum);

	add(test, &w, VPC_STREAM_STATE, 8);
	add(test, &w, VPC_STREAM_END, 0);
	s.len = w.len;
	return read_all(&s, &r) ?: !r.ended;
}

static void future_versions(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, 0, read_future(test, VPC_STREAM_MAJOR,
					     VPC_STREAM_MINOR + 1,
					     VPC_STREAM_OPTIONAL));
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP,
			read_future(test, VPC_STREAM_MAJOR,
				    VPC_STREAM_MINOR + 1, 0));
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP,
			read_future(test, VPC_STREAM_MAJOR,
				    VPC_STREAM_MINOR + 1,
				    VPC_STREAM_OPTIONAL | 2));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			read_future(test, VPC_STREAM_MAJOR, VPC_STREAM_MINOR,
				    VPC_STREAM_OPTIONAL));
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP,
			read_future(test, VPC_STREAM_MAJOR + 1, 0,
				    VPC_STREAM_OPTIONAL));
}

static void identities(struct kunit *test)
{
	const struct vpc_stream_identity ours = {
		.vendor = cpu_to_le16(0x8086), .device = cpu_to_le16(0x10ca),
		.driver = "a driver", .source = "0000:01:10.0",
	};
	struct vpc_stream_identity theirs = ours;
	const char *why;

	strscpy_pad(theirs.source, "0000:02:10.6");
	KUNIT_EXPECT_EQ(test, vpc_stream_compare(&theirs, &ours, &why), 0);
	theirs.device = cpu_to_le16(0x10cb);
	KUNIT_EXPECT_EQ(test, vpc_stream_compare(&theirs, &ours, &why),
			-EOPNOTSUPP);
	theirs = ours;
	theirs.subdevice = cpu_to_le16(1);
	KUNIT_EXPECT_EQ(test, vpc_stream_compare(&theirs, &ours, &why),
			-EOPNOTSUPP);
	theirs = ours;
	theirs.driver[sizeof(theirs.driver) - 1] = 'x';
	KUNIT_EXPECT_EQ(test, vpc_stream_compare(&theirs, &ours, &why),
			-EOPNOTSUPP);
}

static void no_room(struct kunit *test)
{
	struct vpc_stream_writer w;
	u8 buf[40];

	KUNIT_EXPECT_EQ(test, vpc_stream_start(&w, buf, 15, 1), -ENOSPC);
	KUNIT_ASSERT_EQ(test, vpc_stream_start(&w, buf, sizeof(buf), 1), 0);
	KUNIT_EXPECT_NULL(test, vpc_stream_open_section(&w, 1, 9));
	KUNIT_EXPECT_NOT_NULL(test, vpc_stream_open_section(&w, 1, 8));
	vpc_stream_close_section(&w, 8);
	KUNIT_EXPECT_NULL(test, vpc_stream_open_section(&w, 2, 0));
}

static struct kunit_case stream_cases[] = {
	KUNIT_CASE(whole_stream),
	KUNIT_CASE(byte_by_byte),
	KUNIT_CASE(every_truncation),
	KUNIT_CASE(every_corruption),
	KUNIT_CASE(more_behind_the_end),
	KUNIT_CASE(too_long),
	KUNIT_CASE(order_of_sections),
	KUNIT_CASE(shuffled),
	KUNIT_CASE(future_versions),
	KUNIT_CASE(identities),
	KUNIT_CASE(no_room),
	{ }
};

static struct kunit_suite stream_suite = {
	.name = "vpc_stream",
	.test_cases = stream_cases,
};

kunit_test_suite(stream_suite);

MODULE_IMPORT_NS(COMPAT_KUNIT_NS);
MODULE_DESCRIPTION("Unit tests of the migration stream");
MODULE_LICENSE("GPL");
