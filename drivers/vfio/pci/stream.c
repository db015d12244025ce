// SPDX-License-Identifier: GPL-2.0-only
/*
 * Migration stream: writing one, and checking one that is not trusted
 *
 * The format is described in stream.h. A reader looks at the bytes as they arrive
 * and at each byte once; it points into them and copies nothing.
 */
#include <kunit/visibility.h>
#include <linux/crc32.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/limits.h>
#include <linux/string.h>
#include <linux/unaligned.h>

#include "stream.h"

static u32 header_seed(const void *header)
{
	return crc32_le(~0U, header, sizeof(struct vpc_stream_header));
}

static u32 section_sum(u32 seed, const u8 *section, size_t length)
{
	const size_t head = offsetof(struct vpc_stream_section, checksum);

	seed = crc32_le(seed, section, head);
	return crc32_le(seed, section + sizeof(struct vpc_stream_section),
			length);
}

/**
 * vpc_stream_start - begin a stream
 * @w: filled in
 * @buf: where it goes
 * @size: bytes there
 * @id: random
 *
 * Return: 0, or -ENOSPC if @buf is too small even for the header.
 */
int vpc_stream_start(struct vpc_stream_writer *w, u8 *buf, size_t size, u64 id)
{
	struct vpc_stream_header header = {
		.magic = cpu_to_le32(VPC_STREAM_MAGIC),
		.major = cpu_to_le16(VPC_STREAM_MAJOR),
		.minor = cpu_to_le16(VPC_STREAM_MINOR),
		.id = cpu_to_le64(id),
	};

	if (size < sizeof(header))
		return -ENOSPC;
	memcpy(buf, &header, sizeof(header));
	*w = (struct vpc_stream_writer) {
		.buf = buf,
		.size = size,
		.len = sizeof(header),
		.seed = header_seed(buf),
	};
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vpc_stream_start);

/**
 * vpc_stream_open_section - begin a section
 * @w: stream without an open section
 * @kind: VPC_STREAM_
 * @length: most bytes that the payload can have
 *
 * Return: where the payload goes, or NULL if there is no room for it.
 */
void *vpc_stream_open_section(struct vpc_stream_writer *w, u16 kind,
			      size_t length)
{
	struct vpc_stream_section section = {
		.kind = cpu_to_le16(kind),
		.sequence = cpu_to_le32(w->sequence),
	};

	if (length > U32_MAX || w->size - w->len < sizeof(section) ||
	    w->size - w->len - sizeof(section) < length)
		return NULL;
	w->open = w->len;
	memcpy(w->buf + w->open, &section, sizeof(section));
	return w->buf + w->open + sizeof(section);
}
EXPORT_SYMBOL_IF_KUNIT(vpc_stream_open_section);

/**
 * vpc_stream_close_section - end the section that is open
 * @w: stream
 * @length: of the payload, not more than was announced
 */
void vpc_stream_close_section(struct vpc_stream_writer *w, size_t length)
{
	u8 *at = w->buf + w->open;

	put_unaligned_le32(length,
			   at + offsetof(struct vpc_stream_section, length));
	put_unaligned_le32(section_sum(w->seed, at, length),
			   at + offsetof(struct vpc_stream_section, checksum));
	w->len = w->open + sizeof(struct vpc_stream_section) + length;
	w->open = 0;
	w->sequence++;
}
EXPORT_SYMBOL_IF_KUNIT(vpc_stream_close_section);

static int read_header(struct vpc_stream_reader *r, const u8 *buf,
		       const char **why)
{
	struct vpc_stream_header header;

	memcpy(&header, buf, sizeof(header));
	if (le32_to_cpu(header.magic) != VPC_STREAM_MAGIC) {
		*why = "not a migration stream";
		return -EINVAL;
	}
	if (le16_to_cpu(header.major) != VPC_STREAM_MAJOR) {
		*why = "written in another major version of the format";
		return -EOPNOTSUPP;
	}
	r->newer = le16_to_cpu(header.minor) > VPC_STREAM_MINOR;
	r->seed = header_seed(buf);
	r->done = sizeof(header);
	return 0;
}

/* Check what a section says of itself, as soon as that is there. */
static int check_head(const struct vpc_stream_reader *r, u16 kind, u16 flags,
		      u32 sequence, u32 length, const char **why)
{
	size_t room = r->limit - r->done;

	if (sequence != r->sequence) {
		*why = "sections are missing, repeated or out of order";
		return -EINVAL;
	}
	if (room < sizeof(struct vpc_stream_section) ||
	    length > room - sizeof(struct vpc_stream_section)) {
		*why = "longer than the device's state can be";
		return -EFBIG;
	}
	if (!r->sequence && kind != VPC_STREAM_IDENTITY) {
		*why = "does not begin with what was saved";
		return -EINVAL;
	}
	if (kind == VPC_STREAM_END && (length || flags)) {
		*why = "malformed end";
		return -EINVAL;
	}
	return 0;
}

/* A kind this reader knows: each at most once, in the order of their numbers. */
static int take_known(struct vpc_stream_reader *r, u16 kind, u16 flags,
		      u32 length, const char **why)
{
	if (flags) {
		*why = "unknown section flags";
		return -EINVAL;
	}
	if (kind <= r->last) {
		*why = "sections are repeated or out of order";
		return -EINVAL;
	}
	if (kind == VPC_STREAM_END && r->last != VPC_STREAM_STATE) {
		*why = "contains no device state";
		return -EINVAL;
	}
	r->last = kind;
	r->ended = kind == VPC_STREAM_END;
	if (!r->ended) {
		r->part[kind].offset = r->done +
				       sizeof(struct vpc_stream_section);
		r->part[kind].length = length;
	}
	return 0;
}

static int skip_unknown(const struct vpc_stream_reader *r, u16 flags,
			const char **why)
{
	if (!r->newer) {
		*why = "unknown section";
		return -EINVAL;
	}
	if (flags != VPC_STREAM_OPTIONAL) {
		*why = "needs a newer version of this driver";
		return -EOPNOTSUPP;
	}
	return 0;
}

/* One section. Return: 1 if it was read, 0 if it is not all there, or an error. */
static int read_section(struct vpc_stream_reader *r, const u8 *buf, size_t len,
			const char **why)
{
	const u8 *at = buf + r->done;
	size_t there = len - r->done;
	struct vpc_stream_section head;
	u16 kind, flags;
	u32 length;
	int ret;

	if (there < sizeof(head))
		return 0;
	memcpy(&head, at, sizeof(head));
	kind = le16_to_cpu(head.kind);
	flags = le16_to_cpu(head.flags);
	length = le32_to_cpu(head.length);
	ret = check_head(r, kind, flags, le32_to_cpu(head.sequence), length,
			 why);
	if (ret)
		return ret;
	if (there - sizeof(head) < length)
		return 0;
	if (section_sum(r->seed, at, length) != le32_to_cpu(head.checksum)) {
		*why = "a checksum is wrong";
		return -EBADMSG;
	}

	if ((kind && kind < VPC_STREAM_KINDS) || kind == VPC_STREAM_END)
		ret = take_known(r, kind, flags, length, why);
	else
		ret = skip_unknown(r, flags, why);
	if (ret)
		return ret;
	r->done += sizeof(head) + length;
	r->sequence++;
	return 1;
}

/**
 * vpc_stream_feed - check what has arrived of a stream
 * @r: reader; on an error, not to be used any more
 * @buf: the stream from its beginning
 * @len: bytes that are there; not less than at the last call
 * @why: on an error, what is wrong, for the log
 *
 * Return: 0 if nothing is wrong so far (@r->ended says whether the stream is
 * complete); -EINVAL or -EBADMSG for a malformed stream, -EFBIG for one that is
 * too long, -EOPNOTSUPP for one that only a newer version can read.
 */
int vpc_stream_feed(struct vpc_stream_reader *r, const u8 *buf, size_t len,
		    const char **why)
{
	int ret;

	if (len > r->limit) {
		*why = "longer than the device's state can be";
		return -EFBIG;
	}
	if (!r->done) {
		if (len < sizeof(struct vpc_stream_header))
			return 0;
		ret = read_header(r, buf, why);
		if (ret)
			return ret;
	}
	do {
		if (r->ended && len > r->done) {
			*why = "goes on behind its end";
			return -EINVAL;
		}
		ret = r->ended ? 0 : read_section(r, buf, len, why);
	} while (ret > 0);
	return ret;
}
EXPORT_SYMBOL_IF_KUNIT(vpc_stream_feed);

/**
 * vpc_stream_compare - can a device take what another one saved?
 * @theirs: what was saved; not trusted
 * @ours: the device
 * @why: if not, what differs, for the log
 *
 * Return: 0 or -EOPNOTSUPP.
 */
int vpc_stream_compare(const struct vpc_stream_identity *theirs,
		       const struct vpc_stream_identity *ours,
		       const char **why)
{
	if (theirs->vendor != ours->vendor || theirs->device != ours->device)
		*why = "saved from another kind of device";
	else if (theirs->subvendor != ours->subvendor ||
		 theirs->subdevice != ours->subdevice)
		*why = "saved from a device with another subsystem ID";
	else if (memcmp(theirs->driver, ours->driver, sizeof(ours->driver)))
		*why = "saved by another driver";
	else
		return 0;
	return -EOPNOTSUPP;
}
EXPORT_SYMBOL_IF_KUNIT(vpc_stream_compare);
