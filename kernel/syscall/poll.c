/* SPDX-License-Identifier: MIT */
/*
 * poll.c - system calls: waiting for one of many descriptors
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/poll.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/user_copy.h"
#include "kernel/proc/process.h"
#include "kernel/syscall/args.h"
#include "kernel/syscall/fd_give.h"
#include "kernel/syscall/table.h"
#include "kernel/syscall/timeout.h"
#include "kernel/vfs/epoll.h"
#include "kernel/vfs/poll.h"

#include <linux/resource.h>

/* ---- A signal mask for the length of a call ------------------------------ */

/* @mask NULL: keep the mask, *@changed is false. 0, -EINVAL, -EFAULT. */
static int mask_begin(const void __user *mask, size_t size, bool *changed)
{
	uint64_t set;

	*changed = mask != NULL;
	if (!mask)
		return 0;
	if (size != sizeof(set))
		return -EINVAL;
	if (get_user_u64(&set, mask))
		return -EFAULT;
	signal_set_temporary_mask(set);
	return 0;
}

static void mask_end(bool changed, bool interrupted)
{
	if (changed)
		signal_end_temporary_mask(interrupted);
}

/*
 * The end of ppoll and pselect6: mask back, remaining time to the program.
 * Interrupted, they start again only if no handler ran; that needs the
 * remaining time to have arrived.
 */
static long finish_wait(long result, bool mask_changed, void __user *timeout,
			uint64_t deadline_ns)
{
	bool interrupted = result == -ERESTARTSYS;
	int err;

	mask_end(mask_changed, interrupted);
	err = deadline_to_user(timeout, deadline_ns);
	if (!interrupted)
		return result;
	return err ? -EINTR : -ERESTARTNOHAND;
}

/* ---- ppoll --------------------------------------------------------------- */

#define POLL_ON_STACK 16u /* struct pollfd; more are allocated */

static int revents_to_user(struct pollfd __user *to, const struct pollfd *from,
			   unsigned int num_fds)
{
	unsigned int i;

	for (i = 0; i < num_fds; i++) {
		if (copy_to_user(&to[i].revents, &from[i].revents,
				 sizeof(from[i].revents)))
			return -EFAULT;
	}
	return 0;
}

static long poll_user_fds(struct pollfd __user *ufds, struct pollfd *fds,
			  unsigned int num_fds, uint64_t deadline_ns)
{
	long result;

	if (copy_from_user(fds, ufds, num_fds * sizeof(*fds)))
		return -EFAULT;
	result = poll_files(fds, num_fds, deadline_ns);
	if (result >= 0 && revents_to_user(ufds, fds, num_fds))
		return -EFAULT;
	return result;
}

static long poll_few(struct pollfd __user *ufds, unsigned int num_fds,
		     uint64_t deadline_ns)
{
	struct pollfd fds[POLL_ON_STACK];

	return poll_user_fds(ufds, fds, num_fds, deadline_ns);
}

static long poll_many(struct pollfd __user *ufds, unsigned int num_fds,
		      uint64_t deadline_ns)
{
	struct pollfd *fds = kcalloc(num_fds, sizeof(*fds));
	long result;

	if (!fds)
		return -ENOMEM;
	result = poll_user_fds(ufds, fds, num_fds, deadline_ns);
	kfree(fds);
	return result;
}

long sys_ppoll(const struct syscall_args *a)
{
	struct pollfd __user *fds = arg_ptr(a, 0);
	unsigned int num_fds = arg_uint(a, 1);
	void __user *timeout = arg_ptr(a, 2);
	const void __user *mask = arg_ptr(a, 3);
	size_t mask_size = arg_size(a, 4);
	uint64_t deadline_ns;
	bool mask_changed;
	long result;
	int err;

	err = deadline_from_user(timeout, &deadline_ns);
	if (err)
		return err;
	err = mask_begin(mask, mask_size, &mask_changed);
	if (err)
		return err;

	if (num_fds > process_limit(current_process(), RLIMIT_NOFILE))
		result = -EINVAL;
	else if (num_fds <= POLL_ON_STACK)
		result = poll_few(fds, num_fds, deadline_ns);
	else
		result = poll_many(fds, num_fds, deadline_ns);
	return finish_wait(result, mask_changed, timeout, deadline_ns);
}

/* ---- pselect6 ------------------------------------------------------------ */

#define SELECT_ON_STACK 2u /* words of each set: 128 descriptors */

/* Sizes of the sets in the program: whole words, cut to @num_fds bits. */
static int select_copy_in(uint64_t *to, const void __user *from,
			  unsigned int num_fds)
{
	size_t size = DIV_ROUND_UP(num_fds, 64u) * sizeof(*to);

	if (!from)
		return 0; /* cleared already */
	if (copy_from_user(to, from, size))
		return -EFAULT;
	if (num_fds % 64)
		to[num_fds / 64] &= BIT(num_fds % 64) - 1;
	return 0;
}

/* @words: six cleared sets in a row. */
static long select_user_sets(void __user *const usets[SELECT_SETS],
			     unsigned int num_fds, uint64_t *words,
			     uint64_t deadline_ns)
{
	size_t num_words = DIV_ROUND_UP(num_fds, 64u);
	struct select_sets sets = { .num_fds = num_fds };
	unsigned int i;
	long result;

	for (i = 0; i < SELECT_SETS; i++) {
		sets.wanted[i] = words + i * num_words;
		sets.ready[i] = words + (SELECT_SETS + i) * num_words;
		if (select_copy_in(sets.wanted[i], usets[i], num_fds))
			return -EFAULT;
	}
	result = select_files(&sets, deadline_ns);
	for (i = 0; i < SELECT_SETS && result >= 0; i++) {
		if (usets[i] && copy_to_user(usets[i], sets.ready[i],
					     num_words * sizeof(uint64_t)))
			result = -EFAULT;
	}
	return result;
}

static long select_few(void __user *const usets[SELECT_SETS],
		       unsigned int num_fds, uint64_t deadline_ns)
{
	uint64_t words[2 * SELECT_SETS * SELECT_ON_STACK] = { 0 };

	return select_user_sets(usets, num_fds, words, deadline_ns);
}

static long select_many(void __user *const usets[SELECT_SETS],
			unsigned int num_fds, uint64_t deadline_ns)
{
	uint64_t *words = kcalloc((size_t)2 * SELECT_SETS,
				  DIV_ROUND_UP(num_fds, 64u) * sizeof(*words));
	long result;

	if (!words)
		return -ENOMEM;
	result = select_user_sets(usets, num_fds, words, deadline_ns);
	kfree(words);
	return result;
}

/* The 6th argument of pselect6 is a pointer to these two: select(2), NOTES. */
struct mask_argument {
	uint64_t mask; /* a pointer */
	uint64_t size;
};

long sys_pselect6(const struct syscall_args *a)
{
	int nfds = arg_int(a, 0);
	void __user *const sets[SELECT_SETS] = { arg_ptr(a, 1), arg_ptr(a, 2),
						 arg_ptr(a, 3) };
	void __user *timeout = arg_ptr(a, 4);
	const void __user *mask_pointer = arg_ptr(a, 5);
	struct mask_argument mask = { 0 };
	unsigned int num_fds;
	uint64_t deadline_ns;
	bool mask_changed;
	long result;
	int err;

	if (mask_pointer && copy_from_user(&mask, mask_pointer, sizeof(mask)))
		return -EFAULT;
	err = deadline_from_user(timeout, &deadline_ns);
	if (err)
		return err;
	err = mask_begin((const void __user *)mask.mask, mask.size,
			 &mask_changed);
	if (err)
		return err;

	/* Bits beyond the descriptor table name nothing, and are ignored. */
	num_fds = MIN((unsigned int)nfds, READ_ONCE(current()->files->size));
	if (nfds < 0)
		result = -EINVAL;
	else if (num_fds <= SELECT_ON_STACK * 64)
		result = select_few(sets, num_fds, deadline_ns);
	else
		result = select_many(sets, num_fds, deadline_ns);
	return finish_wait(result, mask_changed, timeout, deadline_ns);
}

/* ---- epoll --------------------------------------------------------------- */

long sys_epoll_create1(const struct syscall_args *a)
{
	unsigned int flags = arg_uint(a, 0);
	struct file *file;
	int err;

	if (flags & ~(unsigned int)EPOLL_CLOEXEC)
		return -EINVAL;
	err = epoll_create(0, &file);
	if (err)
		return err;
	return fd_give(file, flags);
}

long sys_epoll_ctl(const struct syscall_args *a)
{
	int epfd = arg_int(a, 0);
	int op = arg_int(a, 1);
	int fd = arg_int(a, 2);
	const void __user *uevent = arg_ptr(a, 3);
	struct epoll_event event = { 0 };
	struct file *epoll, *file;
	int err;

	if (op != EPOLL_CTL_DEL &&
	    copy_from_user(&event, uevent, sizeof(event)))
		return -EFAULT;
	epoll = fd_get(epfd);
	if (!epoll)
		return -EBADF;
	file = fd_get(fd);
	if (file) {
		err = epoll_control(epoll, op, file, fd, &event);
		file_put(file);
	} else {
		err = -EBADF;
	}
	file_put(epoll);
	return err;
}

/* Both waits, once their different timeouts are a deadline. */
static long epoll_wait_masked(const struct syscall_args *a,
			      uint64_t deadline_ns)
{
	int epfd = arg_int(a, 0);
	struct epoll_event __user *events = arg_ptr(a, 1);
	int max = arg_int(a, 2);
	const void __user *mask = arg_ptr(a, 4);
	size_t mask_size = arg_size(a, 5);
	struct file *epoll;
	bool mask_changed;
	long result;
	int err;

	err = mask_begin(mask, mask_size, &mask_changed);
	if (err)
		return err;
	epoll = fd_get(epfd);
	if (epoll) {
		result = epoll_wait(epoll, events, max, deadline_ns);
		file_put(epoll);
	} else {
		result = -EBADF;
	}
	mask_end(mask_changed, result == -EINTR);
	return result;
}

long sys_epoll_pwait(const struct syscall_args *a)
{
	int timeout_ms = arg_int(a, 3);
	uint64_t deadline_ns = WAIT_FOREVER;

	if (timeout_ms >= 0)
		deadline_ns = deadline_after_ms((unsigned int)timeout_ms);
	return epoll_wait_masked(a, deadline_ns);
}

long sys_epoll_pwait2(const struct syscall_args *a)
{
	const void __user *timeout = arg_ptr(a, 3);
	uint64_t deadline_ns;
	int err = deadline_from_user(timeout, &deadline_ns);

	return err ? err : epoll_wait_masked(a, deadline_ns);
}
