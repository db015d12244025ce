/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef BENCH_MEMORY_H
#define BENCH_MEMORY_H

/*
 * Bytes that the kernel allocates for what @run does and still holds when it
 * returns; the test is left on failure
 */
long memory_kept(void (*run)(void));

#endif
