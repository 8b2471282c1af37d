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
#include "kernel/syscall/table.h"

typedef long (*syscall_fn)(const struct syscall_args *args);

#define HANDLER(name, args) [__NR_##name] = sys_##name,
static const syscall_fn handlers[NUM_SYSCALLS] = { SYSCALL_TABLE(HANDLER) };
#undef HANDLER

_Static_assert(sizeof(struct syscall_args) <=
		       sizeof(((struct trap_frame *)NULL)->a),
	       "the arguments are the first six of a0..a7");

void handle_syscall(struct trap_frame *tf)
{
	uint64_t number = tf->a[7];
	long result = -ENOSYS;

	if (likely(number < NUM_SYSCALLS) && likely(handlers[number]))
		result = handlers[number]((const struct syscall_args *)tf->a);
	tf_set_result(tf, result);
}
