/* SPDX-License-Identifier: MIT */
/*
 * signal_pending.c - signals that were sent and not yet taken
 *
 * Idea: a bit for each signal, and a queue for what the bit cannot say (who
 * sent it, with which value). A standard signal is pending once; real-time
 * signals are queued as often as they are sent. A signal may be without an
 * entry in the queue: sent by the kernel, or memory or the limit was used up.
 *
 * Invariants
 *   P1  An entry of signal n is queued only while bit n is set.
 *   P2  A standard signal (below SIGRTMIN) has at most one entry, and one
 *       more for each timer that sends it.
 *   P3  process->queued_signals counts the entries that were allocated, less
 *       process->spare_signal, the one kept for the next signal.
 *
 * Locks: process.lock.
 * Source: signal(7), "Real-time signals"; sigaction(2), "The siginfo_t".
 */
#include "kernel/abi/errno.h"
#include "kernel/lib/bits.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/posix_timer.h"
#include "kernel/proc/signal_internal.h"

#include <linux/resource.h>

static struct signal_info *info_alloc(struct process *process)
{
	struct signal_info *entry;

	if (process->queued_signals >= process->rlimits[RLIMIT_SIGPENDING].soft)
		return NULL;
	entry = process->spare_signal;
	if (entry)
		process->spare_signal = NULL;
	else
		entry = kmalloc(sizeof(*entry));
	if (!entry)
		return NULL;
	entry->timer = NULL;
	process->queued_signals++;
	return entry;
}

static void info_free(struct process *process, struct signal_info *entry)
{
	list_remove(&entry->node);
	if (entry->timer)
		return; /* lies in the timer */
	process->queued_signals--;
	if (process->spare_signal)
		kfree(entry);
	else
		process->spare_signal = entry;
}

static struct signal_info *find_entry(struct pending pending, int signo)
{
	struct signal_info *entry;

	list_for_each (entry, pending.queue, node) {
		if (entry->info.si_signo == signo)
			return entry;
	}
	return NULL;
}

int pending_add(struct process *process, struct pending pending, int signo,
		const struct short_siginfo *info)
{
	struct signal_info *entry;

	if (signo < SIGRTMIN && signal_in(*pending.set, signo))
		return 0;
	if (info) {
		entry = info_alloc(process);
		if (entry) {
			entry->info = *info;
			list_push_back(pending.queue, &entry->node);
		} else if (signo >= SIGRTMIN && info->si_code != SI_USER) {
			return -EAGAIN;
		}
	}
	*pending.set |= SIGNAL_BIT(signo);
	return 0;
}

void pending_add_entry(struct pending pending, struct signal_info *entry)
{
	list_push_back(pending.queue, &entry->node);
	*pending.set |= SIGNAL_BIT(entry->info.si_signo);
}

void pending_remove_entry(struct pending pending, struct signal_info *entry)
{
	int signo = entry->info.si_signo;

	list_remove(&entry->node);
	if (!find_entry(pending, signo))
		*pending.set &= ~SIGNAL_BIT(signo);
}

/* What is told of a signal without an entry. */
static void default_info(struct short_siginfo *info, int signo)
{
	memset(info, 0, sizeof(*info));
	info->si_signo = signo;
	info->si_code = SI_KERNEL;
}

static int lowest(uint64_t set)
{
	if (set & SIGNALS_FAULT)
		set &= SIGNALS_FAULT;
	return (int)bit_lowest(set) + 1;
}

int pending_take(struct process *process, struct pending pending,
		 uint64_t wanted, struct short_siginfo *info)
{
	int signo = lowest(*pending.set & wanted);
	struct signal_info *entry;
	struct posix_timer *timer = NULL;

	entry = find_entry(pending, signo);
	if (entry) {
		*info = entry->info;
		timer = entry->timer;
		info_free(process, entry);
	} else {
		default_info(info, signo);
	}
	if (!find_entry(pending, signo))
		*pending.set &= ~SIGNAL_BIT(signo);
	if (timer)
		posix_timer_signal_taken(timer, info);
	return signo;
}

void pending_remove(struct process *process, struct pending pending,
		    uint64_t set)
{
	struct signal_info *entry, *next;

	if (!(*pending.set & set))
		return;
	*pending.set &= ~set;
	list_for_each_safe (entry, next, pending.queue, node) {
		if (signal_in(set, entry->info.si_signo))
			info_free(process, entry);
	}
}

int signal_take(struct thread *thread, uint64_t wanted,
		struct short_siginfo *info)
{
	struct process *process = thread->process;
	int signo;

	spin_lock(&process->lock);
	signo = signal_take_locked(process, thread, wanted, info);
	if (signo)
		signal_update_own_work(process);
	spin_unlock(&process->lock);
	return signo;
}

/* UNCHECKED_LOCKING: the caller's duty, which signal.h cannot express since
 * struct process is not known there. */
void signal_flush(struct process *process, struct list_head *queue,
		  uint64_t *set) UNCHECKED_LOCKING
{
	pending_remove(process, (struct pending){ set, queue }, ~0UL);
}

uint64_t signal_pending_set(struct thread *thread)
{
	return READ_ONCE(thread->signal_pending) |
	       READ_ONCE(thread->process->shared_pending.set);
}

bool signal_is_pending(const struct thread *thread)
{
	uint64_t set = READ_ONCE(thread->signal_pending) |
		       READ_ONCE(thread->process->shared_pending.set);

	return set & ~thread->signal_blocked;
}
