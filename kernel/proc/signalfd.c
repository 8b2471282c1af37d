/* SPDX-License-Identifier: MIT */
/*
 * signalfd.c - signals to be read from a descriptor
 *
 * Who reads takes signals that are pending for the reading thread or its
 * process; so the same descriptor means different signals after a fork.
 *
 * Idea: whoever polls must be told by *its* process, which may end before the
 * descriptor does. So the queue to wait on belongs to the descriptor, and a
 * relay for each process that ever polled wakes it: a waiter on the process's
 * queue that holds a reference to the process.
 *
 * Locks: signalfd.lock for the relays. A process's queue before ours.
 * Source: signalfd(2).
 */
#include "kernel/proc/signalfd.h"

#include "kernel/abi/errno.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/process.h"
#include "kernel/proc/signal.h"
#include "kernel/vfs/anonymous.h"
#include "kernel/vfs/file.h"
#include "kernel/vfs/poll.h"

#include <linux/signalfd.h>

struct signalfd {
	uint64_t mask; /* read and written whole */
	struct wait_queue wait;
	struct spinlock lock;    /* rank LOCK_SPIN_MISC */
	struct list_head relays; /* under lock */
};

struct relay {
	struct list_head node;
	struct waiter waiter;    /* on process->shared_pending.watchers */
	struct process *process; /* a reference */
	struct signalfd *signalfd;
};

_Static_assert(sizeof(struct signalfd_siginfo) == 128, "signalfd(2)");

static const struct file_ops signalfd_file_ops;

/* ---- Relays -------------------------------------------------------------- */

static bool relay_wake(struct waiter *waiter, unsigned int events)
{
	struct relay *relay = container_of(waiter, struct relay, waiter);

	wake_all_events(&relay->signalfd->wait, EPOLLIN);
	return true;
}

static bool has_relay(struct signalfd *signalfd, const struct process *process)
	MUST_HOLD(signalfd->lock)
{
	struct relay *relay;

	list_for_each (relay, &signalfd->relays, node) {
		if (relay->process == process)
			return true;
	}
	return false;
}

/* From now on the current process's signals are announced. */
static int add_relay(struct signalfd *signalfd)
{
	struct process *process = current_process();
	struct relay *relay;
	bool known;

	spin_lock(&signalfd->lock);
	known = has_relay(signalfd, process);
	spin_unlock(&signalfd->lock);
	if (known)
		return 0;

	relay = kmalloc(sizeof(*relay));
	if (!relay)
		return -ENOMEM;
	process_get(process);
	relay->process = process;
	relay->signalfd = signalfd;
	waiter_init_callback(&relay->waiter, relay_wake);
	wait_add(&process->shared_pending.watchers, &relay->waiter);
	/* Two threads at once make two; that does no harm. */
	spin_lock(&signalfd->lock);
	list_push_back(&signalfd->relays, &relay->node);
	spin_unlock(&signalfd->lock);
	return 0;
}

static void signalfd_release(struct file *file)
{
	struct signalfd *signalfd = file->data;

	while (!list_empty(&signalfd->relays)) {
		struct relay *relay =
			list_first(&signalfd->relays, struct relay, node);

		list_remove(&relay->node);
		wait_remove(&relay->process->shared_pending.watchers,
			    &relay->waiter);
		process_put(relay->process);
		kfree(relay);
	}
	kfree(signalfd);
}

/* ---- Reading ------------------------------------------------------------- */

static void fill_from_fault(struct signalfd_siginfo *to,
			    const struct short_siginfo *from)
{
	to->ssi_addr = (uint64_t)(uintptr_t)from->si_addr;
}

static void fill_from_child(struct signalfd_siginfo *to,
			    const struct short_siginfo *from)
{
	to->ssi_pid = (uint32_t)from->si_pid;
	to->ssi_uid = from->si_uid;
	to->ssi_status = from->si_status;
	to->ssi_utime = (uint64_t)from->si_utime;
	to->ssi_stime = (uint64_t)from->si_stime;
}

static void fill_from_timer(struct signalfd_siginfo *to,
			    const struct short_siginfo *from)
{
	to->ssi_tid = (uint32_t)from->si_tid;
	to->ssi_overrun = (uint32_t)from->si_overrun;
	to->ssi_ptr = (uint64_t)(uintptr_t)from->si_ptr;
	to->ssi_int = from->si_int;
}

static void fill_from_sender(struct signalfd_siginfo *to,
			     const struct short_siginfo *from)
{
	to->ssi_pid = (uint32_t)from->si_pid;
	to->ssi_uid = from->si_uid;
	if (from->si_code == SI_USER || from->si_code == SI_TKILL ||
	    from->si_code == SI_KERNEL)
		return;
	to->ssi_ptr = (uint64_t)(uintptr_t)from->si_ptr;
	to->ssi_int = from->si_int;
}

/* Which members mean something: sigaction(2), "The siginfo_t argument". */
static void fill(struct signalfd_siginfo *to, const struct short_siginfo *from)
{
	memset(to, 0, sizeof(*to));
	to->ssi_signo = (uint32_t)from->si_signo;
	to->ssi_errno = from->si_errno;
	to->ssi_code = from->si_code;
	if (from->si_code == SI_TIMER) {
		fill_from_timer(to, from);
		return;
	}
	if (from->si_code <= 0 || from->si_code == SI_KERNEL) {
		fill_from_sender(to, from);
		return;
	}
	switch (from->si_signo) {
	case SIGCHLD:
		fill_from_child(to, from);
		break;
	case SIGSEGV:
	case SIGBUS:
	case SIGILL:
	case SIGFPE:
	case SIGTRAP:
		fill_from_fault(to, from);
		break;
	default:
		fill_from_sender(to, from);
	}
}

/* Wait for the first one. 1 with *@info, or an error. */
static int take_waiting(struct signalfd *signalfd, struct short_siginfo *info)
{
	int taken = 0;
	int err = add_relay(signalfd);

	if (!err)
		err = WAIT_EVENT_INTERRUPTIBLE(
			&signalfd->wait,
			taken || (taken = signal_take(current(),
						      READ_ONCE(signalfd->mask),
						      info)));
	return taken ? 1 : err;
}

/* As many as there are and fit; only the first is waited for. */
static ssize_t signalfd_read(struct file *file, struct io_buf *io, loff_t *pos)
{
	struct signalfd *signalfd = file->data;
	struct signalfd_siginfo out;
	ssize_t done = 0;

	if (io->left < sizeof(out))
		return -EINVAL;
	while (io->left >= sizeof(out)) {
		struct short_siginfo info;
		int taken = signal_take(current(), READ_ONCE(signalfd->mask),
					&info);

		if (!taken && done)
			break;
		if (!taken && io->nonblock)
			return -EAGAIN;
		if (!taken)
			taken = take_waiting(signalfd, &info);
		if (taken < 0)
			return taken;
		fill(&out, &info);
		if (io_copy_to(io, &out, sizeof(out)) != sizeof(out))
			return done ? done : -EFAULT;
		done += (ssize_t)sizeof(out);
	}
	return done;
}

/* ---- The file ------------------------------------------------------------ */

static unsigned int signalfd_poll(struct file *file, struct poll_table *table)
{
	struct signalfd *signalfd = file->data;

	if (table && add_relay(signalfd))
		return EPOLLERR;
	poll_wait(table, &signalfd->wait);
	if (signal_pending_set(current()) & READ_ONCE(signalfd->mask))
		return EPOLLIN;
	return 0;
}

static void signalfd_show_fdinfo(struct file *file, char *buf, size_t size)
{
	struct signalfd *signalfd = file->data;

	format_string(buf, size, "sigmask:\t%016lx\n", signalfd->mask);
}

static const struct file_ops signalfd_file_ops = {
	.release = signalfd_release,
	.read = signalfd_read,
	.poll = signalfd_poll,
	.show_fdinfo = signalfd_show_fdinfo,
	.stream = true,
};

/* These two cannot be caught in any way. */
static uint64_t allowed(uint64_t mask)
{
	return mask & ~(SIGNAL_BIT(SIGKILL) | SIGNAL_BIT(SIGSTOP));
}

int signalfd_set_mask(struct file *file, uint64_t mask)
{
	struct signalfd *signalfd = file->data;

	if (file->ops != &signalfd_file_ops)
		return -EINVAL;
	WRITE_ONCE(signalfd->mask, allowed(mask));
	wake_all_events(&signalfd->wait, EPOLLIN);
	return 0;
}

int signalfd_create(uint64_t mask, unsigned int flags, struct file **out)
{
	struct signalfd *signalfd = kzalloc(sizeof(*signalfd));
	int err;

	if (!signalfd)
		return -ENOMEM;
	signalfd->mask = allowed(mask);
	wait_queue_init(&signalfd->wait);
	spin_init(&signalfd->lock, LOCK_SPIN_MISC);
	list_init(&signalfd->relays);
	err = anonymous_file_create("anon_inode:[signalfd]", &signalfd_file_ops,
				    flags, signalfd, out);
	if (err)
		kfree(signalfd);
	return err;
}
