// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a destination refuses, it refuses while the source still runs
 *
 * Arguments: a VF, and another one that cannot have the state of the first, since the
 * administrator has given it another address.
 */
#include "mig.h"
#include "pci.h"
#include "test.h"
#include "vfio.h"

TEST(early, "what comes in pre-copy is enough to refuse")
{
	struct vfio *d = mig_fresh();
	static struct stream s;
	struct vfio other;
	int from, to;
	ssize_t n;

	from = set_state(d, PRE_COPY);
	ASSERT(from >= 0);
	while ((n = read_fd(from, s.data + s.len, MAX_STREAM - s.len)) > 0)
		s.len += n;
	EXPECT_EQ(n, -ENOMSG);
	EXPECT_EQ(get_state(d), PRE_COPY);

	ASSERT_EQ(vfio_open_with(&other, args.bdf[1], NULL, args.token), 0);
	to = set_state(&other, RESUMING);
	ASSERT(to >= 0);
	/* Nothing is known before the last byte of it is there. */
	EXPECT_EQ(write_fd(to, s.data, s.len - 1), s.len - 1);
	EXPECT_EQ(write_fd(to, s.data + s.len - 1, 1), -EOPNOTSUPP);
	EXPECT_EQ(set_state(&other, RUNNING), REFUSED(EOPNOTSUPP));
	EXPECT_EQ(get_state(&other), ERROR);
	close(to);
	vfio_close(&other);

	EXPECT_EQ(set_state(d, RUNNING), NO_FD);
	close(from);
}
