/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Errors that the device under test, or a VF's physical function, has not made. The
 * test is skipped where the kernel cannot inject any.
 */
#ifndef UAPI_INJECT_H
#define UAPI_INJECT_H

void inject_correctable(void);
void inject_nonfatal(void);
void inject_fatal(void);

#endif
