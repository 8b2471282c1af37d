/* SPDX-License-Identifier: MIT */
/*
 * events.h - the steps of the protocol: what each event is called and means
 *
 * Idea: one event is recorded where software sees one thing happen. The tables
 * of the lectures (OSTEP ch. 6) are finer: what a trap does is three rows of
 * their hardware column. So each event stands for a list of rows, in the
 * lecture's words and order. On RISC-V software saves and restores the register
 * file: rows where the lecture says "hardware" and trap.S does it are marked.
 *
 * Everything here is also in /proc/creance/trace/format, so that no tool needs a
 * copy of these tables.
 */
#pragma once

/*
 * X(kind, name, arguments): arguments are "name:type" in the order recorded.
 * Types: x hexadecimal, u unsigned, d signed, b yes or no, ns nanoseconds, pid,
 * tid; any other is a domain of TRACE_NAMES.
 * Numbers follow from the order: tools read them from "format".
 */
/* clang-format off */
#define TRACE_EVENTS(X) \
	/* About the trace itself. */ \
	X(PAD, "pad", "") \
	X(LOST, "lost", "events:u") \
	X(MARK, "mark", "") \
	/* Boot; always kept, in "boot". */ \
	X(TRAP_TABLE, "trap_table", "stvec:x hartid:u") \
	X(TIMER_START, "timer_start", "in:ns at:ns") \
	/* A process begins. */ \
	X(PROCESS_CREATE, "process_create", "child:pid child_thread:tid is_thread:b") \
	X(MEMORY_CREATE, "memory_create", "space:x page_table:x") \
	X(MEMORY_COPY, "memory_copy", "child:pid space:x page_table:x") \
	X(PROGRAM_LOAD, "program_load", "start:x end:x entry:x") \
	X(USER_STACK, "user_stack", "sp:x argc:u top:x") \
	X(KERNEL_STACK, "kernel_stack", "frame:x pc:x sp:x") \
	X(CHILD_FRAME, "child_frame", "child_thread:tid frame:x pc:x sp:x") \
	/* Traps: what the hart did, seen first thing in the handler. */ \
	X(TRAP_SYSCALL, "trap_syscall", "pc:x sp:x frame:x cause:cause") \
	X(TRAP_FAULT, "trap_fault", "pc:x sp:x frame:x cause:cause address:x") \
	X(TRAP_TIMER, "trap_timer", "pc:x sp:x frame:x cause:cause") \
	X(TRAP_DEVICE, "trap_device", "pc:x sp:x frame:x cause:cause") \
	/* What the kernel does about it. */ \
	X(SYSCALL, "syscall", "number:syscall a0:x a1:x a2:x a3:x a4:x a5:x") \
	X(SYSCALL_DONE, "syscall_done", "number:syscall result:d") \
	X(FAULT, "fault", "address:x access:access result:fault") \
	X(TIMER, "timer", "now:ns quantum_over:b") \
	X(DEVICE, "device", "irq:u") \
	/* Return-from-trap: recorded last thing before sret. */ \
	X(RETURN_PROGRAM, "return_program", "pc:x sp:x frame:x switched:b") \
	X(RETURN_CHILD, "return_child", "pc:x sp:x frame:x switched:b") \
	X(RETURN_SYSCALL, "return_syscall", "pc:x sp:x frame:x switched:b") \
	X(RETURN_FAULT, "return_fault", "pc:x sp:x frame:x switched:b") \
	X(RETURN_TIMER, "return_timer", "pc:x sp:x frame:x switched:b") \
	X(RETURN_DEVICE, "return_device", "pc:x sp:x frame:x switched:b") \
	X(RETURN_KERNEL, "return_kernel", "pc:x sp:x frame:x switched:b") \
	/* Who runs. */ \
	X(DECISION, "decision", "chosen:tid ready:u why:why before:tid") \
	X(SWITCH, "switch", "from:tid to:tid from_sp:x from_ra:x to_sp:x to_ra:x from_stack:x to_stack:x") \
	X(WAKE, "wake", "thread:tid process:pid on_hart:u new:b") \
	X(SIGNAL, "signal", "signal:signal process:pid thread:tid") \
	X(SIGNAL_DELIVER, "signal_deliver", "signal:signal handler:x") \
	/* A process ends. */ \
	X(EXIT, "exit", "code:x last:b") \
	X(MEMORY_FREE, "memory_free", "space:x") \
	X(PROCESS_REMOVE, "process_remove", "gone:pid")

/*
 * X(kind, column, table, words, place): the rows that an event stands for, in
 * order. @table: which lecture table has the row in these words: SYSCALL_CALL,
 * TIMER_INTERRUPT, BOTH, or NONE (not in the lectures). @place: where in the
 * assembly it is done; EVENT: where the event is recorded.
 */
#define TRACE_ROWS(X) \
	X(TRAP_TABLE, OS, BOTH, "initialize trap table", BOOT) \
	X(TRAP_TABLE, HARDWARE, SYSCALL_CALL, "remember address of syscall handler", ENTRY) \
	X(TRAP_TABLE, HARDWARE, TIMER_INTERRUPT, "remember addresses of syscall handler and timer handler", ENTRY) \
	X(TIMER_START, OS, TIMER_INTERRUPT, "start interrupt timer", EVENT) \
	X(TIMER_START, HARDWARE, TIMER_INTERRUPT, "start timer; interrupt CPU in X ms", EVENT) \
	\
	X(PROCESS_CREATE, OS, SYSCALL_CALL, "create entry for process list", PROCESS_ENTRY) \
	X(MEMORY_CREATE, OS, SYSCALL_CALL, "allocate memory for program", ADDRESS_SPACE) \
	X(MEMORY_COPY, OS, NONE, "copy memory of the parent, page by page when written", EVENT) \
	X(PROGRAM_LOAD, OS, SYSCALL_CALL, "load program into memory", LOAD) \
	X(USER_STACK, OS, SYSCALL_CALL, "set up user stack with argv", EVENT) \
	X(KERNEL_STACK, OS, SYSCALL_CALL, "fill kernel stack with registers and PC", FIRST_FRAME) \
	X(CHILD_FRAME, OS, NONE, "copy registers of the parent to the child's kernel stack", EVENT) \
	\
	X(RETURN_PROGRAM, OS, SYSCALL_CALL, "return-from-trap", RETURN) \
	X(RETURN_PROGRAM, HARDWARE, SYSCALL_CALL, "restore registers from kernel stack", RESTORE) \
	X(RETURN_PROGRAM, HARDWARE, SYSCALL_CALL, "move to user mode", SRET) \
	X(RETURN_PROGRAM, HARDWARE, SYSCALL_CALL, "jump to main", SRET) \
	X(RETURN_PROGRAM, PROGRAM, SYSCALL_CALL, "run main()", EVENT) \
	\
	X(TRAP_SYSCALL, PROGRAM, SYSCALL_CALL, "call system call", EVENT) \
	X(TRAP_SYSCALL, PROGRAM, SYSCALL_CALL, "trap into OS", EVENT) \
	X(TRAP_SYSCALL, HARDWARE, SYSCALL_CALL, "save registers to kernel stack", SAVE) \
	X(TRAP_SYSCALL, HARDWARE, SYSCALL_CALL, "move to kernel mode", ENTRY) \
	X(TRAP_SYSCALL, HARDWARE, SYSCALL_CALL, "jump to trap handler", ENTRY) \
	X(SYSCALL, OS, SYSCALL_CALL, "handle trap", HANDLE_CALL) \
	X(SYSCALL, OS, SYSCALL_CALL, "do work of syscall", EVENT) \
	X(RETURN_SYSCALL, OS, SYSCALL_CALL, "return-from-trap", RETURN) \
	X(RETURN_SYSCALL, HARDWARE, SYSCALL_CALL, "restore registers from kernel stack", RESTORE) \
	X(RETURN_SYSCALL, HARDWARE, SYSCALL_CALL, "move to user mode", SRET) \
	X(RETURN_SYSCALL, HARDWARE, SYSCALL_CALL, "jump to PC after trap", SRET) \
	\
	X(TRAP_TIMER, PROGRAM, TIMER_INTERRUPT, "process A runs", EVENT) \
	X(TRAP_TIMER, HARDWARE, TIMER_INTERRUPT, "timer interrupt", ENTRY) \
	X(TRAP_TIMER, HARDWARE, TIMER_INTERRUPT, "save regs(A) to k-stack(A)", SAVE) \
	X(TRAP_TIMER, HARDWARE, TIMER_INTERRUPT, "move to kernel mode", ENTRY) \
	X(TRAP_TIMER, HARDWARE, TIMER_INTERRUPT, "jump to trap handler", HANDLER) \
	X(TIMER, OS, TIMER_INTERRUPT, "handle the trap", HANDLE_TIMER) \
	X(DECISION, OS, NONE, "choose who runs next", CHOOSE) \
	X(SWITCH, OS, TIMER_INTERRUPT, "call switch()", CALL_SWITCH) \
	X(SWITCH, OS, TIMER_INTERRUPT, "save regs(A) to proc-struct(A)", SWITCH_SAVE) \
	X(SWITCH, OS, TIMER_INTERRUPT, "restore regs(B) from proc-struct(B)", SWITCH_LOAD) \
	X(SWITCH, OS, TIMER_INTERRUPT, "switch to k-stack(B)", SWITCH_STACK) \
	X(RETURN_TIMER, OS, TIMER_INTERRUPT, "return-from-trap (into B)", RETURN) \
	X(RETURN_TIMER, HARDWARE, TIMER_INTERRUPT, "restore regs(B) from k-stack(B)", RESTORE) \
	X(RETURN_TIMER, HARDWARE, TIMER_INTERRUPT, "move to user mode", SRET) \
	X(RETURN_TIMER, HARDWARE, TIMER_INTERRUPT, "jump to B's PC", SRET) \
	X(RETURN_TIMER, PROGRAM, TIMER_INTERRUPT, "process B runs", EVENT) \
	\
	X(TRAP_FAULT, PROGRAM, NONE, "execute an instruction that cannot be completed", EVENT) \
	X(TRAP_FAULT, HARDWARE, NONE, "save registers to kernel stack", SAVE) \
	X(TRAP_FAULT, HARDWARE, NONE, "move to kernel mode", ENTRY) \
	X(TRAP_FAULT, HARDWARE, NONE, "jump to trap handler", HANDLER) \
	X(FAULT, OS, NONE, "handle the page fault", HANDLE_FAULT) \
	X(RETURN_FAULT, OS, NONE, "return-from-trap", RETURN) \
	X(RETURN_FAULT, HARDWARE, NONE, "restore registers from kernel stack", RESTORE) \
	X(RETURN_FAULT, HARDWARE, NONE, "move to user mode", SRET) \
	X(RETURN_FAULT, HARDWARE, NONE, "jump to the instruction again", SRET) \
	\
	X(TRAP_DEVICE, HARDWARE, NONE, "interrupt from a device or another hart", ENTRY) \
	X(TRAP_DEVICE, HARDWARE, NONE, "save registers to kernel stack", SAVE) \
	X(TRAP_DEVICE, HARDWARE, NONE, "move to kernel mode", ENTRY) \
	X(TRAP_DEVICE, HARDWARE, NONE, "jump to trap handler", HANDLER) \
	X(DEVICE, OS, NONE, "handle the device's interrupt", EVENT) \
	X(RETURN_DEVICE, OS, NONE, "return-from-trap", RETURN) \
	X(RETURN_DEVICE, HARDWARE, NONE, "restore registers from kernel stack", RESTORE) \
	X(RETURN_DEVICE, HARDWARE, NONE, "move to user mode", SRET) \
	X(RETURN_DEVICE, HARDWARE, NONE, "jump to the PC that was interrupted", SRET) \
	X(RETURN_KERNEL, OS, NONE, "return-from-trap to interrupted kernel code", RETURN_KERNEL) \
	X(RETURN_CHILD, OS, NONE, "return-from-trap", RETURN) \
	X(RETURN_CHILD, HARDWARE, NONE, "restore registers from kernel stack", RESTORE) \
	X(RETURN_CHILD, HARDWARE, NONE, "move to user mode", SRET) \
	X(RETURN_CHILD, HARDWARE, NONE, "jump to PC after the parent's trap", SRET) \
	\
	X(WAKE, OS, NONE, "make a thread ready", EVENT) \
	X(SIGNAL, OS, NONE, "send a signal", EVENT) \
	X(SIGNAL_DELIVER, OS, NONE, "make the program call its signal handler", EVENT) \
	X(EXIT, PROGRAM, SYSCALL_CALL, "return from main", EVENT) \
	X(EXIT, PROGRAM, SYSCALL_CALL, "trap (via exit())", EVENT) \
	X(MEMORY_FREE, OS, SYSCALL_CALL, "free memory of process", EVENT) \
	X(PROCESS_REMOVE, OS, SYSCALL_CALL, "remove from process list", EVENT)
/* clang-format on */
