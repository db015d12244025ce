// SPDX-License-Identifier: GPL-2.0-only
/*
 * Migration streams that a device must not take, or must take and stay harmless
 *
 * Most of what is fed here has right checksums, since whoever can write a stream
 * can make those too. The format is described in drivers/vfio/pci/stream.h.
 */
#include "mig.h"
#include "test.h"

static void refuses(struct vfio *d, const void *data, size_t len,
		    const char *what, size_t at)
{
	wipe(d);
	if (EXPECT(!load(d, data, len)))
		EXPECT(is_wiped(d));
	else
		test_note("%s at %zu was taken", what, at);
}

/* How many of all places are tried: all of them is for the long run. */
static size_t step(size_t len)
{
	return args.seconds >= 600 ? 1 : len / 24;
}

TEST(truncated, "a stream that ends too early is refused and nothing of it applied")
{
	struct vfio *d = mig_fresh();
	static struct stream s;

	program(d);
	save(d, &s);
	for (size_t len = 0; len < s.len; len += step(s.len))
		refuses(d, s.data, len, "truncation", len);
	refuses(d, s.data, s.len - 1, "truncation", s.len - 1);
	mig_reset(d);
	EXPECT(load(d, s.data, s.len));
}

TEST(corrupted, "a stream with a wrong byte is refused and nothing of it applied")
{
	struct vfio *d = mig_fresh();
	static struct stream s;

	program(d);
	save(d, &s);
	for (size_t at = 0; at < s.len; at += step(s.len)) {
		s.data[at] ^= 1 << at % 8;
		refuses(d, s.data, s.len, "corruption", at);
		s.data[at] ^= 1 << at % 8;
	}
	mig_reset(d);
	EXPECT(load(d, s.data, s.len));
	EXPECT(is_programmed(d));
}

/* Header and heads of sections; a section's checksum is the last of its head. */
#define HEADER		16
#define MAJOR_AT	4
#define MINOR_AT	6
#define HEAD		16
#define FLAGS_AT	2
#define SEQUENCE_AT	4
#define LENGTH_AT	8
#define CHECKSUM_AT	12
#define IDENTITY	1
#define STATE		3
#define END		0xffff
#define OPTIONAL	1
#define MAX_SECTIONS	8

struct section {
	uint16_t kind;
	uint16_t flags;
	uint32_t len;
	const uint8_t *data;
};

struct sections {
	unsigned int count;
	struct section at[MAX_SECTIONS];
};

static uint32_t crc32_bytes(uint32_t crc, const void *data, size_t len)
{
	const uint8_t *p = data;

	while (len--) {
		crc ^= *p++;
		for (int i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return crc;
}

static size_t section_end(const struct stream *s, size_t at)
{
	uint32_t len;

	memcpy(&len, s->data + at + LENGTH_AT, 4);
	return at + HEAD + len;
}

/* Take a good stream apart. */
static void split(const struct stream *s, struct sections *to)
{
	to->count = 0;
	for (size_t at = HEADER; at < s->len; at = section_end(s, at)) {
		struct section *section = &to->at[to->count++];

		ASSERT(to->count <= MAX_SECTIONS);
		memcpy(&section->kind, s->data + at, 2);
		memcpy(&section->flags, s->data + at + FLAGS_AT, 2);
		memcpy(&section->len, s->data + at + LENGTH_AT, 4);
		section->data = s->data + at + HEAD;
	}
}

static void put(struct stream *s, const void *data, size_t len)
{
	ASSERT(s->len + len <= MAX_STREAM);
	memcpy(s->data + s->len, data, len);
	s->len += len;
}

/* And put one together, with right numbers and checksums. @header: of 16 bytes */
static void join(struct stream *s, const void *header,
		 const struct sections *from)
{
	uint32_t crc, seed = crc32_bytes(~0U, header, HEADER);

	s->len = 0;
	put(s, header, HEADER);
	for (uint32_t n = 0; n < from->count; n++) {
		const struct section *section = &from->at[n];
		size_t head = s->len;

		put(s, &section->kind, 2);
		put(s, &section->flags, 2);
		put(s, &n, 4);
		put(s, &section->len, 4);
		crc = crc32_bytes(seed, s->data + head, CHECKSUM_AT);
		crc = crc32_bytes(crc, section->data, section->len);
		put(s, &crc, 4);
		put(s, section->data, section->len);
	}
}

static struct section *find(struct sections *in, uint16_t kind)
{
	for (unsigned int i = 0; i < in->count; i++)
		if (in->at[i].kind == kind)
			return &in->at[i];
	ASSERT(!"the section is there");
	return NULL;
}

/* Put @what in front of number @at. */
static void insert(struct sections *into, unsigned int at,
		   const struct section *what)
{
	ASSERT(into->count < MAX_SECTIONS);
	memmove(&into->at[at + 1], &into->at[at],
		(into->count - at) * sizeof(*what));
	into->at[at] = *what;
	into->count++;
}

TEST(shuffled, "sections missing, twice, swapped or from another stream are refused")
{
	struct vfio *d = mig_fresh();
	static struct stream s, other, mix;
	size_t state, end;

	program(d);
	save(d, &s);
	mig_reset(d);
	save(d, &other);
	state = section_end(&s, HEADER);
	end = section_end(&s, state);

	/* The same state twice */
	memcpy(mix.data, s.data, end);
	memcpy(mix.data + end, s.data + state, s.len - state);
	refuses(d, mix.data, s.len + end - state, "section twice", state);
	/* No identity */
	memcpy(mix.data, s.data, HEADER);
	memcpy(mix.data + HEADER, s.data + state, s.len - state);
	refuses(d, mix.data, s.len - (state - HEADER), "no identity", HEADER);
	/* State in front of identity */
	memcpy(mix.data + HEADER, s.data + state, end - state);
	memcpy(mix.data + HEADER + end - state, s.data + HEADER, state - HEADER);
	memcpy(mix.data + end, s.data + end, s.len - end);
	refuses(d, mix.data, s.len, "swapped", HEADER);
	/* The state of one stream in another */
	memcpy(mix.data, s.data, s.len);
	memcpy(mix.data + state, other.data + state, end - state);
	refuses(d, mix.data, s.len, "foreign state", state);
	/* More behind the end, and far too much */
	memcpy(mix.data, s.data, s.len);
	refuses(d, mix.data, s.len + 1, "goes on", s.len);
	memset(mix.data, 0xa5, MAX_STREAM);
	refuses(d, mix.data, MAX_STREAM, "rubbish", 0);
	mig_reset(d);
	EXPECT(load(d, s.data, s.len));
}

/* How often something random is tried */
static unsigned int rounds(void)
{
	return args.seconds >= 600 ? 400 : 25;
}

static bool same_order(const struct sections *a, const struct sections *b)
{
	if (a->count != b->count)
		return false;
	for (unsigned int i = 0; i < a->count; i++)
		if (a->at[i].kind != b->at[i].kind)
			return false;
	return true;
}

/* Leave out, repeat and swap at random. */
static void shuffle(struct sections *of, const struct sections *from)
{
	of->count = 0;
	for (unsigned int i = 0; i < from->count; i++)
		for (int times = rand() % 3; times && of->count < MAX_SECTIONS; times--)
			of->at[of->count++] = from->at[i];
	for (unsigned int i = of->count; i > 1; i--) {
		struct section *last = &of->at[i - 1], *other = &of->at[rand() % i];
		struct section section = *last;

		*last = *other;
		*other = section;
	}
}

TEST(random_order, "sections in any other number and order are refused, with right checksums too")
{
	struct sections good, bad;
	struct vfio *d = mig_fresh();
	static struct stream s, mix;

	srand(82576);
	program(d);
	save(d, &s);
	split(&s, &good);
	join(&mix, s.data, &good);
	ASSERT_EQ(mix.len, s.len);
	ASSERT(!memcmp(mix.data, s.data, s.len));
	for (unsigned int i = 0; i < rounds(); i++) {
		do {
			shuffle(&bad, &good);
		} while (same_order(&bad, &good));
		join(&mix, s.data, &bad);
		refuses(d, mix.data, mix.len, "shuffle", i);
	}
	mig_reset(d);
	EXPECT(load(d, s.data, s.len));
	EXPECT(is_programmed(d));
}

TEST(versions, "of newer versions, what can be skipped is skipped and the rest refused")
{
	const uint8_t payload[] = "what a later version might have to say";
	struct section unknown = { 99, OPTIONAL, sizeof(payload), payload };
	struct sections good, more;
	struct vfio *d = mig_fresh();
	static struct stream s, mix;
	uint8_t header[HEADER];

	program(d);
	save(d, &s);
	split(&s, &good);
	memcpy(header, s.data, HEADER);
	for (unsigned int at = 1; at < good.count; at++) {
		more = good;
		unknown.flags = OPTIONAL;
		insert(&more, at, &unknown);
		join(&mix, header, &more);
		refuses(d, mix.data, mix.len, "unknown section of this version", at);
		header[MINOR_AT]++;
		join(&mix, header, &more);
		wipe(d);
		EXPECT(load(d, mix.data, mix.len));
		EXPECT(is_programmed(d));
		more.at[at].flags = 0;
		join(&mix, header, &more);
		refuses(d, mix.data, mix.len, "section that cannot be skipped", at);
		header[MINOR_AT]--;
	}
	header[MAJOR_AT]++;
	join(&mix, header, &good);
	refuses(d, mix.data, mix.len, "another major version", 0);
}

TEST(foreign, "a stream of another device or driver is refused, and before it is complete")
{
	struct sections good, bad;
	struct vfio *d = mig_fresh();
	static struct stream s, mix;
	uint8_t identity[256];
	struct section *id;

	program(d);
	save(d, &s);
	split(&s, &good);
	id = find(&good, IDENTITY);
	ASSERT(id->len <= sizeof(identity));
	/* Vendor, device, both subsystem IDs, the driver's name */
	for (unsigned int at = 0; at < 10; at += 2) {
		size_t end = section_end(&s, HEADER);
		int fd;

		memcpy(identity, id->data, id->len);
		identity[at] ^= 0x40;
		bad = good;
		find(&bad, IDENTITY)->data = identity;
		join(&mix, s.data, &bad);
		refuses(d, mix.data, mix.len, "foreign identity", at);
		mig_reset(d);
		fd = set_state(d, RESUMING);
		ASSERT(fd >= 0);
		EXPECT(write_fd(fd, mix.data, end) < 0);
		close(fd);
	}
	mig_reset(d);
	EXPECT(load(d, s.data, s.len));
}

TEST(any_state, "a state with wrong values and right checksums is refused or harmless")
{
	struct sections good, bad;
	struct vfio *d = mig_fresh();
	static struct stream s, mix;
	static uint8_t state[MAX_STREAM];
	unsigned int taken = 0;
	struct section *at;
	bool written;
	int fd;

	srand(82576);
	program(d);
	save(d, &s);
	split(&s, &good);
	at = find(&good, STATE);
	for (unsigned int i = 0; i < 4 * rounds(); i++) {
		memcpy(state, at->data, at->len);
		for (int n = 1 + rand() % 4; n; n--)
			state[rand() % at->len] = rand();
		bad = good;
		find(&bad, STATE)->data = state;
		/* Every eighth has another length. */
		if (i % 8 == 7)
			find(&bad, STATE)->len = rand() % (2 * at->len);
		join(&mix, s.data, &bad);
		mig_reset(d);
		fd = set_state(d, RESUMING);
		ASSERT(fd >= 0);
		/* A VMM that could write all of it takes it for loaded. */
		written = write_stream(fd, mix.data, mix.len);
		EXPECT_EQ(set_state(d, STOP) == NO_FD, written);
		close(fd);
		taken += written;
	}
	mig_reset(d);
	test_note("%u of %u were taken", taken, 4 * rounds());
	wipe(d);
	EXPECT(is_wiped(d));
	EXPECT(load(d, s.data, s.len));
	EXPECT(is_programmed(d));
}
