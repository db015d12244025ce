// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the tracepoints of vfio_pci_core are made
 */
#define CREATE_TRACE_POINTS
#include "trace.h"
