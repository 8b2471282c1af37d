/* SPDX-License-Identifier: MIT */
/*
 * user_copy.c - the one way to the memory of the running program
 *
 * Idea: see user_copy.h. Each function works page by page: look the page up
 * under the page-table lock and use it through the direct map; if it is not
 * there (or not writable) drop the lock, have the fault handled, look again.
 * The first look succeeds nearly always.
 *
 * Locks: space->page_table_lock while a page is in use, so that it cannot be
 * unmapped and given away meanwhile. At most a page is copied under it.
 */
#include "kernel/mm/user_copy.h"
#include "kernel/mm/vm_space.h"
#include "kernel/mm/internal.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/futex.h"
#include "kernel/lib/string.h"
#include "kernel/sched/thread.h"

/* Faults that end without memory before we take it for an answer. */
#define MEMORY_TRIES 8u

/* Have @va made accessible; false: the program has no business there. */
static __noinline bool fault_in(struct vm_space *space, vaddr_t va, bool write)
{
	unsigned int tries;

	for (tries = 0; tries < MEMORY_TRIES; tries++) {
		switch (vm_fault(space, va,
				 write ? ACCESS_WRITE : ACCESS_READ)) {
		case VM_FAULT_OK:
			return true;
		case VM_FAULT_NO_MEMORY:
			if (memory_denied())
				return false;
			break;
		default:
			return false;
		}
	}
	return false;
}

/* As user_page_lock(), for a page that was not there at the first look. */
static __noinline char *user_page_fault_lock(struct vm_space *space, vaddr_t va,
					     bool write) UNCHECKED_LOCKING
{
	while (fault_in(space, va, write)) {
		char *memory;

		spin_lock(&space->page_table_lock);
		memory = page_table_user_address(&space->page_table, va, write);
		if (likely(memory))
			return memory;
		spin_unlock(&space->page_table_lock);
	}
	return NULL;
}

/*
 * The memory at @va with the page-table lock held, or NULL without it: no such
 * memory.
 */
static force_inline char *user_page_lock(struct vm_space *space, vaddr_t va,
					 bool write) UNCHECKED_LOCKING
{
	char *memory;

	spin_lock(&space->page_table_lock);
	memory = page_table_user_address(&space->page_table, va, write);
	if (likely(memory))
		return memory;
	spin_unlock(&space->page_table_lock);
	return user_page_fault_lock(space, va, write);
}

static force_inline void
user_page_unlock(struct vm_space *space) UNCHECKED_LOCKING
{
	spin_unlock(&space->page_table_lock);
}

/* Bytes from @va to the end of its page, at most @size. */
static force_inline size_t in_page(vaddr_t va, size_t size)
{
	return MIN(size, PAGE_SIZE - (va & (PAGE_SIZE - 1)));
}

/* The space to copy from or to; NULL: kernel threads have no user memory. */
static force_inline struct vm_space *user_space_of(const void __user *p,
						   size_t size)
{
	might_sleep();
	return likely(user_range_ok(p, size)) ? current()->space : NULL;
}

/* The same for what lies within one page. */
static force_inline struct vm_space *user_space_at(const void __user *p)
{
	might_sleep();
	return likely((vaddr_t)p < USER_SPACE_END) ? current()->space : NULL;
}

/* ---- Bytes ------------------------------------------------------------------- */

/*
 * Nearly all that is copied lies within one page. The functions for a range
 * are called only for what does not (or is nothing at all).
 */
static force_inline bool in_one_page(vaddr_t va, size_t size)
{
	return size - 1 < PAGE_SIZE - (va & (PAGE_SIZE - 1));
}

static __noinline size_t copy_from_user_range(void *to, const void __user *from,
					      size_t size)
{
	struct vm_space *space = user_space_of(from, size);
	vaddr_t va = (vaddr_t)from;
	size_t done = 0;

	if (!space)
		return 0;
	while (done < size) {
		size_t part = in_page(va + done, size - done);
		char *memory = user_page_lock(space, va + done, false);

		if (!memory)
			break;
		memcpy((char *)to + done, memory, part);
		user_page_unlock(space);
		done += part;
	}
	return done;
}

static __noinline size_t copy_to_user_range(void __user *to, const void *from,
					    size_t size)
{
	struct vm_space *space = user_space_of(to, size);
	vaddr_t va = (vaddr_t)to;
	size_t done = 0;

	if (!space)
		return 0;
	while (done < size) {
		size_t part = in_page(va + done, size - done);
		char *memory = user_page_lock(space, va + done, true);

		if (!memory)
			break;
		memcpy(memory, (const char *)from + done, part);
		user_page_unlock(space);
		done += part;
	}
	return done;
}

static force_inline size_t copy_from(void *to, const void __user *from,
				     size_t size)
{
	struct vm_space *space;
	char *memory;

	if (unlikely(!in_one_page((vaddr_t)from, size)))
		return copy_from_user_range(to, from, size);
	space = user_space_at(from);
	memory = space ? user_page_lock(space, (vaddr_t)from, false) : NULL;
	if (unlikely(!memory))
		return 0;
	memcpy(to, memory, size);
	user_page_unlock(space);
	return size;
}

static force_inline size_t copy_to(void __user *to, const void *from,
				   size_t size)
{
	struct vm_space *space;
	char *memory;

	if (unlikely(!in_one_page((vaddr_t)to, size)))
		return copy_to_user_range(to, from, size);
	space = user_space_at(to);
	memory = space ? user_page_lock(space, (vaddr_t)to, true) : NULL;
	if (unlikely(!memory))
		return 0;
	memcpy(memory, from, size);
	user_page_unlock(space);
	return size;
}

size_t copy_from_user_partial(void *to, const void __user *from, size_t size)
{
	return copy_from(to, from, size);
}

size_t copy_to_user_partial(void __user *to, const void *from, size_t size)
{
	return copy_to(to, from, size);
}

int copy_from_user(void *to, const void __user *from, size_t size)
{
	return likely(copy_from(to, from, size) == size) ? 0 : -EFAULT;
}

int copy_to_user(void __user *to, const void *from, size_t size)
{
	return likely(copy_to(to, from, size) == size) ? 0 : -EFAULT;
}

static __noinline int clear_user_range(void __user *to, size_t size)
{
	struct vm_space *space = user_space_of(to, size);
	vaddr_t va = (vaddr_t)to;

	if (!space)
		return size ? -EFAULT : 0;
	while (size > 0) {
		size_t part = in_page(va, size);
		char *memory = user_page_lock(space, va, true);

		if (!memory)
			return -EFAULT;
		memset(memory, 0, part);
		user_page_unlock(space);
		va += part;
		size -= part;
	}
	return 0;
}

int clear_user(void __user *to, size_t size)
{
	struct vm_space *space;
	char *memory;

	if (unlikely(!in_one_page((vaddr_t)to, size)))
		return clear_user_range(to, size);
	space = user_space_at(to);
	memory = space ? user_page_lock(space, (vaddr_t)to, true) : NULL;
	if (unlikely(!memory))
		return -EFAULT;
	memset(memory, 0, size);
	user_page_unlock(space);
	return 0;
}

/*
 * Copy up to the NUL, which may be missing: its place, or @size. The program
 * may change the string meanwhile, so each byte is read once.
 */
static force_inline size_t copy_to_nul(char *to, const char *from, size_t size)
{
	size_t i = 0;

#define COPY_ONE(n)                                                            \
	do {                                                                   \
		char byte = READ_ONCE(from[i + (n)]);                          \
		to[i + (n)] = byte;                                            \
		if (!byte)                                                     \
			return i + (n);                                        \
	} while (0)

	for (; size - i >= 4; i += 4) {
		COPY_ONE(0);
		COPY_ONE(1);
		COPY_ONE(2);
		COPY_ONE(3);
	}
	for (; i < size; i++)
		COPY_ONE(0);
#undef COPY_ONE
	return size;
}

ssize_t copy_string_from_user(char *to, const char __user *from, size_t size)
{
	struct vm_space *space = user_space_of(from, 1);
	vaddr_t va = (vaddr_t)from;
	size_t done = 0;

	if (!space)
		return -EFAULT;
	while (done < size && va + done < USER_SPACE_END) {
		size_t part = in_page(va + done, size - done);
		char *memory = user_page_lock(space, va + done, false);
		size_t length;

		if (!memory)
			return -EFAULT;
		length = copy_to_nul(to + done, memory, part);
		user_page_unlock(space);
		done += length;
		if (length < part)
			return (ssize_t)done;
	}
	return done < size ? -EFAULT : -ENAMETOOLONG;
}

/* ---- Windows ----------------------------------------------------------------- */

static __noinline int open_in_parts(struct user_window *window, vaddr_t start,
				    size_t size, bool write) UNCHECKED_LOCKING
{
	struct vm_space *space =
		user_space_of((const void __user *)start, size);
	vaddr_t next = ALIGN_UP(start + 1, PAGE_SIZE);

	if (unlikely(!space))
		return -EFAULT;
	window->lock = &space->page_table_lock;
	window->first = next - start;
	window->whole = NULL;
	for (;;) {
		window->part[0] = user_page_lock(space, start, write);
		if (unlikely(!window->part[0]))
			return -EFAULT;
		if (likely(size <= window->first))
			return 0;
		window->part[1] = page_table_user_address(&space->page_table,
							  next, write);
		if (likely(window->part[1]))
			return 0;
		/* The lock had to go, and with it the first page may. */
		user_page_unlock(space);
		if (!fault_in(space, next, write))
			return -EFAULT;
	}
}

int user_window_open(struct user_window *window, vaddr_t start, size_t size,
		     bool write) UNCHECKED_LOCKING
{
	struct vm_space *space = current()->space;
	char *memory;

	might_sleep();
	if (unlikely(!in_one_page(start, size) ||
		     !IS_ALIGNED(start, sizeof(uint64_t)) ||
		     start >= USER_SPACE_END))
		return open_in_parts(window, start, size, write);
	spin_lock(&space->page_table_lock);
	memory = page_table_user_address(&space->page_table, start, write);
	if (unlikely(!memory)) {
		spin_unlock(&space->page_table_lock);
		return open_in_parts(window, start, size, write);
	}
	window->whole = memory;
	window->lock = &space->page_table_lock;
	return 0;
}

/* How much of @size bytes at @offset lies in the first page. */
static size_t window_part(const struct user_window *window, size_t offset,
			  size_t size)
{
	if (offset >= window->first)
		return 0;
	return MIN(size, window->first - offset);
}

void user_window_put(struct user_window *window, size_t offset,
		     const void *from, size_t size)
{
	size_t part = window_part(window, offset, size);

	if (part)
		memcpy(window->part[0] + offset, from, part);
	if (part < size)
		memcpy(window->part[1] + (offset + part - window->first),
		       (const char *)from + part, size - part);
}

void user_window_get(const struct user_window *window, size_t offset, void *to,
		     size_t size)
{
	size_t part = window_part(window, offset, size);

	if (part)
		memcpy(to, window->part[0] + offset, part);
	if (part < size)
		memcpy((char *)to + part,
		       window->part[1] + (offset + part - window->first),
		       size - part);
}

/* ---- Single values -------------------------------------------------------------- */

int get_user_u32(uint32_t *value, const void __user *from)
{
	struct vm_space *space = user_space_at(from);
	vaddr_t va = (vaddr_t)from;
	char *memory;

	if (unlikely(!IS_ALIGNED(va, sizeof(*value))))
		return copy_from_user(value, from, sizeof(*value));
	memory = space ? user_page_lock(space, va, false) : NULL;
	if (!memory)
		return -EFAULT;
	*value = __atomic_load_n((uint32_t *)(void *)memory, __ATOMIC_RELAXED);
	user_page_unlock(space);
	return 0;
}

int put_user_u32(void __user *to, uint32_t value)
{
	struct vm_space *space = user_space_at(to);
	vaddr_t va = (vaddr_t)to;
	char *memory;

	if (unlikely(!IS_ALIGNED(va, sizeof(value))))
		return copy_to_user(to, &value, sizeof(value));
	memory = space ? user_page_lock(space, va, true) : NULL;
	if (!memory)
		return -EFAULT;
	WRITE_ONCE(*(uint32_t *)(void *)memory, value);
	user_page_unlock(space);
	return 0;
}

int get_user_u64(uint64_t *value, const void __user *from)
{
	return copy_from_user(value, from, sizeof(*value));
}

int put_user_u64(void __user *to, uint64_t value)
{
	return copy_to_user(to, &value, sizeof(value));
}

/* ---- Atomic changes (futex) -------------------------------------------------------- */

/* The aligned word at @at, locked for a change; NULL: not there. */
static uint32_t *user_word_lock(void __user *at, struct vm_space **space)
{
	vaddr_t va = (vaddr_t)at;

	*space = user_space_at(at);
	if (!*space || !IS_ALIGNED(va, sizeof(uint32_t)))
		return NULL;
	return (uint32_t *)(void *)user_page_lock(*space, va, true);
}

int cmpxchg_user_u32(void __user *at, uint32_t expected, uint32_t desired,
		     uint32_t *seen)
{
	struct vm_space *space;
	uint32_t *word = user_word_lock(at, &space);

	if (!word)
		return -EFAULT;
	__atomic_compare_exchange_n(word, &expected, desired, false,
				    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	user_page_unlock(space);
	*seen = expected;
	return 0;
}

int futex_op_user_u32(void __user *at, int op, uint32_t arg, uint32_t *old)
{
	struct vm_space *space;
	uint32_t *word;

	if (op < FUTEX_OP_SET || op > FUTEX_OP_XOR)
		return -ENOSYS;
	word = user_word_lock(at, &space);
	if (!word)
		return -EFAULT;
	switch (op) {
	case FUTEX_OP_SET:
		*old = __atomic_exchange_n(word, arg, __ATOMIC_SEQ_CST);
		break;
	case FUTEX_OP_ADD:
		*old = __atomic_fetch_add(word, arg, __ATOMIC_SEQ_CST);
		break;
	case FUTEX_OP_OR:
		*old = __atomic_fetch_or(word, arg, __ATOMIC_SEQ_CST);
		break;
	case FUTEX_OP_ANDN:
		*old = __atomic_fetch_and(word, ~arg, __ATOMIC_SEQ_CST);
		break;
	default:
		*old = __atomic_fetch_xor(word, arg, __ATOMIC_SEQ_CST);
		break;
	}
	user_page_unlock(space);
	return 0;
}
