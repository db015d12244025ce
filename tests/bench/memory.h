/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef BENCH_MEMORY_H
#define BENCH_MEMORY_H

/* Bytes that the kernel has allocated for itself; the test is left on failure */
long kernel_memory(void);

#endif
