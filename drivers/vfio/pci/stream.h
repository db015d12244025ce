/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Format of a migration stream
 *
 * Pure functions of their arguments: no device, no locks, no memory of their own.
 */
#ifndef VPC_STREAM_H
#define VPC_STREAM_H

#include <linux/build_bug.h>
#include <linux/types.h>

/**
 * DOC: migration stream
 *
 * A stream is a header and a number of sections, all little-endian, without
 * padding::
 *
 *	+--------+----------+-------+-----+-------+-----+
 *	| header | IDENTITY | EARLY | ... | STATE | END |
 *	+--------+----------+-------+-----+-------+-----+
 *
 *	header   magic (4), major (2), minor (2), id (8)
 *	section  kind (2), flags (2), sequence (4), length (4), checksum (4), payload
 *
 * IDENTITY says what was saved and comes first, so that the destination can
 * refuse before the source has stopped. EARLY, which is optional, is what a driver
 * sends while the device still runs. STATE is the device's state. END is empty and
 * last: a stream without it is incomplete.
 *
 * The checksum is a CRC-32 of the section, without the checksum, which goes on
 * from that of the header. The header's id is random, so a section that is moved
 * into another stream does not fit there, and the sequence number, which counts
 * from 0, keeps it at its place in its own.
 *
 * Versions: a reader takes its own major version only. A newer minor version may
 * add kinds of sections. Those marked optional are skipped; others make the stream
 * one that this reader cannot take.
 */

#define VPC_STREAM_MAGIC	0x4d435056	/* "VPCM" */
#define VPC_STREAM_MAJOR	1
#define VPC_STREAM_MINOR	0

/* Kinds of sections, in the order in which they stand in a stream */
#define VPC_STREAM_IDENTITY	1
#define VPC_STREAM_EARLY	2
#define VPC_STREAM_STATE	3
#define VPC_STREAM_END		0xffff

/* One entry each of the kinds that have a payload, by number */
#define VPC_STREAM_KINDS	4

/* Section flag: a reader that does not know the kind skips it */
#define VPC_STREAM_OPTIONAL	0x0001

struct vpc_stream_header {
	__le32 magic;
	__le16 major;
	__le16 minor;
	__le64 id;
};

static_assert(sizeof(struct vpc_stream_header) == 16);

struct vpc_stream_section {
	__le16 kind;
	__le16 flags;
	__le32 sequence;
	__le32 length;
	__le32 checksum;
};

static_assert(sizeof(struct vpc_stream_section) == 16);

/**
 * struct vpc_stream_identity - payload of the section IDENTITY
 * @vendor: PCI vendor
 * @device: PCI device
 * @subvendor: PCI subsystem vendor
 * @subdevice: PCI subsystem device
 * @driver: VFIO driver that wrote @source's state, padded with NUL
 * @source: PCI address of what was saved, padded with NUL; for messages only
 */
struct vpc_stream_identity {
	__le16 vendor;
	__le16 device;
	__le16 subvendor;
	__le16 subdevice;
	char driver[32];
	char source[24];
};

static_assert(sizeof(struct vpc_stream_identity) == 64);

/**
 * struct vpc_stream_writer - a stream in the making
 * @buf: where it goes
 * @size: bytes there
 * @len: of those, written
 * @open: offset of the section that is being written, or 0
 * @seed: checksum of the header
 * @sequence: number of the next section
 */
struct vpc_stream_writer {
	u8 *buf;
	size_t size;
	size_t len;
	size_t open;
	u32 seed;
	u32 sequence;
};

/**
 * struct vpc_stream_reader - what is known of a stream that is coming in
 * @limit: longest stream that is taken
 * @done: bytes that are checked
 * @seed: checksum of the header
 * @sequence: number of the next section
 * @last: kind of the last known section
 * @newer: the writer has a newer minor version
 * @ended: the stream is complete
 * @part: where the payload of each known kind is; length 0 where there is none
 * @part.offset: from the beginning of the stream
 * @part.length: in bytes
 *
 * Zeroed but for @limit before the first use.
 */
struct vpc_stream_reader {
	size_t limit;
	size_t done;
	u32 seed;
	u32 sequence;
	u16 last;
	bool newer;
	bool ended;
	struct {
		size_t offset;
		u32 length;
	} part[VPC_STREAM_KINDS];
};

/* Bytes that a stream needs beyond its payloads, of which there are @n */
static inline size_t vpc_stream_overhead(unsigned int n)
{
	return sizeof(struct vpc_stream_header) +
	       (n + 1) * sizeof(struct vpc_stream_section);
}

int vpc_stream_start(struct vpc_stream_writer *w, u8 *buf, size_t size, u64 id);
void *vpc_stream_open_section(struct vpc_stream_writer *w, u16 kind,
			      size_t length);
void vpc_stream_close_section(struct vpc_stream_writer *w, size_t length);

int vpc_stream_feed(struct vpc_stream_reader *r, const u8 *buf, size_t len,
		    const char **why);
int vpc_stream_compare(const struct vpc_stream_identity *theirs,
		       const struct vpc_stream_identity *ours,
		       const char **why);

#endif /* VPC_STREAM_H */
