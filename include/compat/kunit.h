/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between the kernels that the unit tests build on
 */
#ifndef COMPAT_KUNIT_H
#define COMPAT_KUNIT_H

#include <linux/module.h>
#include <linux/version.h>

/* Where EXPORT_SYMBOL_IF_KUNIT() exports to: a string literal since 6.13. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
#define COMPAT_KUNIT_NS "EXPORTED_FOR_KUNIT_TESTING"
#else
#define COMPAT_KUNIT_NS EXPORTED_FOR_KUNIT_TESTING
#endif

#endif /* COMPAT_KUNIT_H */
