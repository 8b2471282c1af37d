/* SPDX-License-Identifier: MIT */
/*
 * oom.c - who has to go when memory is out
 *
 * Idea: memory is promised more freely than there is (fork copies nothing,
 * mmap touches nothing), so it can run out at any page fault. Then the process
 * that gives back most is killed: the one with the largest resident size and
 * the most descriptors, shifted by what its oom_score_adj says in thousandths
 * of all memory (-1000: never). The first process goes only if it is alone, which is the end anyway.
 *
 * Only one dies at a time: while a victim is still there, its memory may be
 * about to come back.
 *
 * Context: a thread that wants memory; it may hold sleeping locks.
 */
#include "kernel/debug/log.h"
#include "kernel/mm/page.h"
#include "kernel/mm/vm_space.h"
#include "kernel/proc/internal.h"
#include "kernel/sched/sched.h"
#include "kernel/time/clock.h"
#include "kernel/vfs/file.h"

/* So long a victim has before another one is chosen. */
#define VICTIM_TIME_NS (2 * NSEC_PER_SEC)
#define NEVER_KILL     (-1000)

/* The process dying now, and since when; racy reads do no harm. */
static int victim_pid;
static uint64_t victim_since_ns;

/*
 * Descriptors stand for kernel memory that shows nowhere else (a full pipe is
 * 16 pages); taken as a page for each slot of the table.
 */
static long descriptor_pages(struct process *process)
{
	struct thread *thread;
	long pages = 0;

	spin_lock(&process->lock);
	list_for_each (thread, &process->threads, process_node) {
		if (thread->files) {
			pages = (long)READ_ONCE(thread->files->size);
			break;
		}
	}
	spin_unlock(&process->lock);
	return pages;
}

/* Pages that killing @process would bring; below 0: leave it alone. */
static long score(struct process *process)
{
	struct vm_space *space;
	struct memory_info memory;
	long pages;

	if (process->oom_score_adj == NEVER_KILL || process->zombie)
		return -1;
	space = process_vm_get(process);
	if (!space)
		return -1;
	pages = (long)vm_resident_pages(space);
	vm_space_put(space);
	pages += descriptor_pages(process);
	memory_get_info(&memory);
	pages += process->oom_score_adj * (long)memory.managed / 1000;
	return MAX(pages, 1L);
}

/* With a reference; NULL: nobody can be killed. */
static struct process *choose_victim(void)
{
	struct process *best = NULL, *process;
	long best_score = 0;

	for (int pid = 1; (process = process_next(&pid)); pid++) {
		long mine = process == init_process ? 0 : score(process);

		if (mine <= best_score) {
			process_put(process);
			continue;
		}
		if (best)
			process_put(best);
		best = process;
		best_score = mine;
	}
	return best;
}

/* Its threads may use the reserve, so that they can end. */
static void mark_victim(struct process *process)
{
	struct thread *thread;

	spin_lock(&process->lock);
	list_for_each (thread, &process->threads, process_node)
		thread->oom_victim = true;
	spin_unlock(&process->lock);
	WRITE_ONCE(victim_since_ns, clock_now_ns());
	WRITE_ONCE(victim_pid, process_pid(process));
}

static bool victim_is_dying(void)
{
	struct process *victim;
	bool dying;

	if (!victim_pid ||
	    clock_now_ns() - READ_ONCE(victim_since_ns) > VICTIM_TIME_NS)
		return false;
	victim = process_find(READ_ONCE(victim_pid));
	if (!victim)
		return false;
	dying = !READ_ONCE(victim->zombie);
	process_put(victim);
	return dying;
}

bool oom_kill_one(void)
{
	struct process *victim;

	if (victim_is_dying())
		return true;
	victim = choose_victim();
	if (!victim && current_process() == init_process && init_process) {
		victim = init_process;
		process_get(victim);
	}
	if (!victim)
		return false;
	log_error("Out of memory: killed process %d (%s)", process_pid(victim),
		  victim->leader->name);
	mark_victim(victim);
	signal_send_process(victim, SIGKILL, NULL);
	process_put(victim);
	return true;
}
