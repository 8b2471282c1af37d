/* SPDX-License-Identifier: MIT */
/*
 * dispatch.c - from the number in a7 to the handler
 *
 * Idea: the border post. trap.S has saved the registers; the number picks a
 * handler from the table, which reads its arguments where they lie in the trap
 * frame; its result goes into a0. What else may have to be done before the
 * program goes on (signals, another thread) is found by trap.S in thread.work.
 * Read: OSTEP ch. 6, the system-call rows of the first protocol table.
 */
#include <arch/trap_frame.h>
#include "kernel/abi/errno.h"
#include "kernel/abi/syscall.h"
#include "kernel/arch_entry.h"
#include "kernel/syscall/args.h"
#include "kernel/syscall/dispatch.h"
#include "kernel/syscall/table.h"
#include "kernel/trace/trace.h"

#define HANDLER(name, args) [__NR_##name] = sys_##name,
const syscall_fn syscall_handlers[NUM_SYSCALLS] = { SYSCALL_TABLE(HANDLER) };
#undef HANDLER

/*
 * syscall_handlers, or while tracing is on a table whose every entry is
 * traced_syscall(): so it costs nothing while it is off. Atomic.
 */
static const syscall_fn *handlers = syscall_handlers;

void syscall_use_handlers(const syscall_fn *table)
{
	WRITE_ONCE(handlers, table);
}

_Static_assert(sizeof(struct syscall_args) <=
		       sizeof(((struct trap_frame *)NULL)->a),
	       "the arguments are the first six of a0..a7");

void handle_syscall(struct trap_frame *tf)
{
	TRACE_STEP_HERE(HANDLE_CALL);
	uint64_t number = tf->a[7];
	long result = -ENOSYS;

	if (likely(number < NUM_SYSCALLS)) {
		syscall_fn handler = READ_ONCE(handlers)[number];

		if (likely(handler))
			result = handler((const struct syscall_args *)tf->a);
	}
	tf_set_result(tf, result);
}
