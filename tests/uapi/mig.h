/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Migration: states, streams, and the registers by which a state is known
 *
 * For a VF of the 82576 and for edu, of which the tests know some registers.
 */
#ifndef UAPI_MIG_H
#define UAPI_MIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/vfio.h>

#define MAX_STREAM	65536

enum {
	ERROR = VFIO_DEVICE_STATE_ERROR,
	STOP = VFIO_DEVICE_STATE_STOP,
	RUNNING = VFIO_DEVICE_STATE_RUNNING,
	STOP_COPY = VFIO_DEVICE_STATE_STOP_COPY,
	RESUMING = VFIO_DEVICE_STATE_RESUMING,
	RUNNING_P2P = VFIO_DEVICE_STATE_RUNNING_P2P,
	PRE_COPY = VFIO_DEVICE_STATE_PRE_COPY,
	PRE_COPY_P2P = VFIO_DEVICE_STATE_PRE_COPY_P2P,
	STATES,
};

struct stream {
	uint8_t data[MAX_STREAM];
	size_t len;
};

struct vfio;

int get_state(struct vfio *d);

/* A data fd, -1 if there is none to the state, or below that an errno - 1 */
int set_state(struct vfio *d, int state);

#define REFUSED(err)	(-(err) - 1)
#define NO_FD		(-1)

/* VFIO_MIGRATION_ flags, 0 if the device does not migrate */
unsigned int mig_flags(struct vfio *d);

void mig_reset(struct vfio *d);

/* The device under test, just reset; skips the test if it does not migrate */
struct vfio *mig_fresh(void);

ssize_t read_fd(int fd, void *buf, size_t len);
ssize_t write_fd(int fd, const void *buf, size_t len);

/* Read a stream to its end. */
void drain(int fd, struct stream *s);

/* The state of the device as a stream; it stays in STOP_COPY. */
void save(struct vfio *d, struct stream *s);

/* True if all of it was taken, by the file. */
bool write_stream(int fd, const void *data, size_t len);

/* True if the device took it; in STOP then, else in ERROR. */
bool load(struct vfio *d, const void *data, size_t len);

/*
 * What a VMM asks of a device that it cannot reach any more, and whose session of a
 * PRE_COPY is behind @fd: it stops its guest, finds the stream broken, goes on, and may
 * be told to stop and to go on again. All of that at once.
 */
void break_off(struct vfio *d, int fd);

/* Put values into registers, all of which a state has. */
void program(struct vfio *d);

/* As after power on */
void wipe(struct vfio *d);

bool is_programmed(struct vfio *d);
bool is_wiped(struct vfio *d);

#endif
