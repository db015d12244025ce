/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints of vfio_pci_core: events/vfio_pci_core in tracefs
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM vfio_pci_core

#if !defined(VPC_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define VPC_TRACE_H

#include <linux/pci.h>
#include <linux/tracepoint.h>
#include <linux/vfio.h>

/* Something was tried on a device, and this came of it. */
DECLARE_EVENT_CLASS(vpc_result,
	TP_PROTO(struct pci_dev *pdev, int ret),
	TP_ARGS(pdev, ret),
	TP_STRUCT__entry(
		__string(name, pci_name(pdev))
		__field(int, ret)
	),
	TP_fast_assign(
		__assign_str(name);
		__entry->ret = ret;
	),
	TP_printk("%s ret=%d", __get_str(name), __entry->ret)
);

DEFINE_EVENT(vpc_result, vpc_open,
	TP_PROTO(struct pci_dev *pdev, int ret), TP_ARGS(pdev, ret));
DEFINE_EVENT(vpc_result, vpc_close,
	TP_PROTO(struct pci_dev *pdev, int ret), TP_ARGS(pdev, ret));
DEFINE_EVENT(vpc_result, vpc_reset,
	TP_PROTO(struct pci_dev *pdev, int ret), TP_ARGS(pdev, ret));
DEFINE_EVENT(vpc_result, vpc_hot_reset,
	TP_PROTO(struct pci_dev *pdev, int ret), TP_ARGS(pdev, ret));

/* VFIO_DEVICE_SET_IRQS, with its arguments. */
TRACE_EVENT(vpc_set_irqs,
	TP_PROTO(struct pci_dev *pdev, u32 index, u32 flags, u32 start,
		 u32 count, int ret),
	TP_ARGS(pdev, index, flags, start, count, ret),
	TP_STRUCT__entry(
		__string(name, pci_name(pdev))
		__field(u32, index)
		__field(u32, flags)
		__field(u32, start)
		__field(u32, count)
		__field(int, ret)
	),
	TP_fast_assign(
		__assign_str(name);
		__entry->index = index;
		__entry->flags = flags;
		__entry->start = start;
		__entry->count = count;
		__entry->ret = ret;
	),
	TP_printk("%s index=%u flags=%#x start=%u count=%u ret=%d",
		  __get_str(name), __entry->index, __entry->flags,
		  __entry->start, __entry->count, __entry->ret)
);

/* The gate gives another answer than before. */
TRACE_EVENT(vpc_gate,
	TP_PROTO(struct pci_dev *pdev, bool memory_on, unsigned int resets,
		 unsigned int asleep, bool inert),
	TP_ARGS(pdev, memory_on, resets, asleep, inert),
	TP_STRUCT__entry(
		__string(name, pci_name(pdev))
		__field(bool, memory_on)
		__field(unsigned int, resets)
		__field(unsigned int, asleep)
		__field(bool, inert)
	),
	TP_fast_assign(
		__assign_str(name);
		__entry->memory_on = memory_on;
		__entry->resets = resets;
		__entry->asleep = asleep;
		__entry->inert = inert;
	),
	TP_printk("%s memory=%d resets=%u asleep=%#x inert=%d",
		  __get_str(name), __entry->memory_on, __entry->resets,
		  __entry->asleep, __entry->inert)
);

/* A dma-buf of the function was given out, taken back or given back. */
TRACE_EVENT(vpc_dmabuf,
	TP_PROTO(struct pci_dev *pdev, size_t size, bool revoked),
	TP_ARGS(pdev, size, revoked),
	TP_STRUCT__entry(
		__string(name, pci_name(pdev))
		__field(size_t, size)
		__field(bool, revoked)
	),
	TP_fast_assign(
		__assign_str(name);
		__entry->size = size;
		__entry->revoked = revoked;
	),
	TP_printk("%s size=%#zx revoked=%d",
		  __get_str(name), __entry->size, __entry->revoked)
);

#define show_mig_state(state)						\
	__print_symbolic(state,						\
		{ VFIO_DEVICE_STATE_ERROR,	  "error" },		\
		{ VFIO_DEVICE_STATE_STOP,	  "stop" },		\
		{ VFIO_DEVICE_STATE_RUNNING,	  "running" },		\
		{ VFIO_DEVICE_STATE_STOP_COPY,	  "stop-copy" },	\
		{ VFIO_DEVICE_STATE_RESUMING,	  "resuming" },		\
		{ VFIO_DEVICE_STATE_RUNNING_P2P,  "running-p2p" },	\
		{ VFIO_DEVICE_STATE_PRE_COPY,	  "pre-copy" },		\
		{ VFIO_DEVICE_STATE_PRE_COPY_P2P, "pre-copy-p2p" })

/* The state of migration was to change, by one arc or by a reset. */
TRACE_EVENT(vpc_mig_state,
	TP_PROTO(struct pci_dev *pdev, unsigned int from, unsigned int to,
		 int ret),
	TP_ARGS(pdev, from, to, ret),
	TP_STRUCT__entry(
		__string(name, pci_name(pdev))
		__field(unsigned int, from)
		__field(unsigned int, to)
		__field(int, ret)
	),
	TP_fast_assign(
		__assign_str(name);
		__entry->from = from;
		__entry->to = to;
		__entry->ret = ret;
	),
	TP_printk("%s %s -> %s ret=%d", __get_str(name),
		  show_mig_state(__entry->from), show_mig_state(__entry->to),
		  __entry->ret)
);

/* read(), write() or a page fault could not reach a region. */
TRACE_EVENT(vpc_region_fault,
	TP_PROTO(struct pci_dev *pdev, unsigned int index, u64 offset,
		 bool write, int ret),
	TP_ARGS(pdev, index, offset, write, ret),
	TP_STRUCT__entry(
		__string(name, pci_name(pdev))
		__field(unsigned int, index)
		__field(u64, offset)
		__field(bool, write)
		__field(int, ret)
	),
	TP_fast_assign(
		__assign_str(name);
		__entry->index = index;
		__entry->offset = offset;
		__entry->write = write;
		__entry->ret = ret;
	),
	TP_printk("%s region=%u offset=%#llx %s ret=%d", __get_str(name),
		  __entry->index, __entry->offset,
		  __entry->write ? "write" : "read", __entry->ret)
);

#endif /* VPC_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
