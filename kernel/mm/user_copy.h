/* SPDX-License-Identifier: MIT */
/*
 * user_copy.h - the one way to the memory of the running program
 *
 * Idea: walk the program's page table in software and reach the frame through
 * the direct map, page by page, under the page-table lock; a page that is
 * missing or read-only goes through the same fault handler as an access by the
 * program itself. So sstatus.SUM is never set, a wild pointer is a plain
 * -EFAULT found by a walk, and an emulator that empties its TLB at each SUM
 * change (QEMU 7.2) has no reason to.
 *
 * Context: thread, may sleep; the current thread's address space. Never with
 * a spinlock or a vm_space lock held (see sync/lock_order.h).
 */
#pragma once

#include <arch/page_table.h>
#include "kernel/abi/errno.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"
#include "kernel/sync/spinlock.h"

struct vm_space;

/* 0, or -EFAULT (part may have been copied). */
int copy_from_user(void *to, const void __user *from, size_t size) __must_check;
int copy_to_user(void __user *to, const void *from, size_t size) __must_check;
int clear_user(void __user *to, size_t size) __must_check;

/*
 * As much as possible; returns bytes copied (less than @size: the next byte
 * faults).
 */
size_t copy_from_user_partial(void *to, const void __user *from, size_t size);
size_t copy_to_user_partial(void __user *to, const void *from, size_t size);

/*
 * Copy a string with its NUL. Returns its length without the NUL; -EFAULT;
 * -ENAMETOOLONG when no NUL is found in @size bytes.
 */
ssize_t copy_string_from_user(char *to, const char __user *from, size_t size);

/* One value; 0 or -EFAULT. Aligned 32-bit accesses are atomic. */
int get_user_u32(uint32_t *value, const void __user *from) __must_check;
int put_user_u32(void __user *to, uint32_t value) __must_check;
int get_user_u64(uint64_t *value, const void __user *from) __must_check;
int put_user_u64(void __user *to, uint64_t value) __must_check;
/*
 * Atomic compare and exchange on an aligned word: *@seen is what was there.
 * 0, -EFAULT.
 */
int cmpxchg_user_u32(void __user *at, uint32_t expected, uint32_t desired,
		     uint32_t *seen) __must_check;
/* Atomic read-modify-write for FUTEX_WAKE_OP; @op as in futex(2). */
int futex_op_user_u32(void __user *at, int op, uint32_t arg,
		      uint32_t *old) __must_check;
/*
 * A window: up to a page of the program's memory, held in place while several
 * things are copied to or from it, for one look at the page table instead of
 * one for each. Between open and close the page-table lock is held: nothing
 * but copying may happen. Nearly always the window is one piece of memory,
 * used as such; otherwise it is reached by put and get.
 */
struct user_window {
	char *whole;   /* all of it, word aligned; or NULL: in parts */
	char *part[2]; /* those; the second begins with a page */
	size_t first;  /* bytes of part[0] */
	struct spinlock *lock;
};
/*
 * @size at most a page; the current thread runs a program.
 * 0, or -EFAULT: not open.
 */
int user_window_open(struct user_window *window, vaddr_t start, size_t size,
		     bool write) __must_check;
static inline void
user_window_close(struct user_window *window) UNCHECKED_LOCKING
{
	spin_unlock(window->lock);
}
/*
 * @window is in parts; @offset + @size within what was asked for, and to be
 * written if that was.
 */
void user_window_put(struct user_window *window, size_t offset,
		     const void *from, size_t size);
void user_window_get(const struct user_window *window, size_t offset, void *to,
		     size_t size);

/*
 * Small structures, as copy_from_user() and copy_to_user() but inline: @size a
 * constant, in whole words; kernel memory word aligned. For system calls only.
 */
static force_inline int __must_check struct_from_user(void *to,
						      const void __user *from,
						      size_t size)
{
	struct user_window window;

	if (user_window_open(&window, (vaddr_t)from, size, false))
		return -EFAULT;
	if (likely(window.whole))
		copy_words(to, (const uint64_t *)(void *)window.whole, size);
	else
		user_window_get(&window, 0, to, size);
	user_window_close(&window);
	return 0;
}

static force_inline int __must_check struct_to_user(void __user *to,
						    const void *from,
						    size_t size)
{
	struct user_window window;

	if (user_window_open(&window, (vaddr_t)to, size, true))
		return -EFAULT;
	if (likely(window.whole))
		copy_words((uint64_t *)(void *)window.whole, from, size);
	else
		user_window_put(&window, 0, from, size);
	user_window_close(&window);
	return 0;
}

/* [@p, @p + @size) lies in the user half (says nothing about mappings). */
static inline bool user_range_ok(const void __user *p, size_t size)
{
	vaddr_t start = (vaddr_t)p;

	return size <= USER_SPACE_END && start <= USER_SPACE_END - size;
}
