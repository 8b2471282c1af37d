/* SPDX-License-Identifier: MIT */
/*
 * process.c - the record of a process, and its place in the tree
 *
 * Idea: a process is what its threads have in common. Each of its threads
 * holds a reference to it, and so does the tree while the process is in it:
 * from clone() until its parent has waited for it. What others may want to
 * know of a dead process (its leader's name and credentials) stays until the
 * last reference goes.
 *
 * Invariants
 *   T1  A process is in its parent's children (or dead_children, if it is a
 *       zombie), and in its group (group.c) exactly while pid->process
 *       points to it.
 *   T2  process.threads holds the threads that have not ended; process.leader
 *       has a reference of its own and may have ended before the others.
 *   T3  A zombie has no threads, no children and no address space.
 *
 * Locks: the tree's (process_tree.h), process.lock for one process.
 */
#include "kernel/proc/process.h"
#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/resource.h"
#include "kernel/abi/signal.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/vm_space.h"
#include "kernel/proc/internal.h"
#include "kernel/proc/itimer.h"
#include "kernel/sched/sched.h"
#include "kernel/time/clock.h"
#include "kernel/trace/trace.h"
#include "kernel/vfs/cred.h"
#include "kernel/vfs/file.h"

/*
 * How many threads and processes memory allows: a thread's stack is to take a
 * quarter of its share at most; a process needs page tables and pages of its
 * own, some 70 KiB for the smallest. So there may be 10,000 and more of them in
 * 2 GiB. The first number can be changed: /proc/sys/kernel/threads-max.
 */
#define THREAD_SHARE  (4UL * KERNEL_STACK_SIZE)
#define PROCESS_SHARE (8UL * KERNEL_STACK_SIZE)
#define MIN_THREADS   64u
#define LEAST_THREADS 20u /* that may be asked for, as on Linux */

struct process *init_process;

static struct slab_cache *process_cache;
static unsigned int max_threads, max_processes;

/*
 * How many there are. Each fork and exit changes them, on all harts: so each hart
 * counts by itself, and adds to what all have in common when there is some more:
 * OSTEP's approximate counter. The exact number is the sum of all.
 */
#define COUNTED_ALONE 16
enum { PROCESSES, LIVING, THREADS, FORKS, NUM_COUNTS };
static struct counts {
	long n[NUM_COUNTS]; /* atomic */
} __aligned(64) common_counts, hart_counts[MAX_HARTS];

/* ---- Limits -------------------------------------------------------------- */

static void set_limit(struct process *process, int resource, uint64_t soft,
		      uint64_t hard)
{
	process->rlimits[resource].soft = soft;
	process->rlimits[resource].hard = hard;
}

/* Of the first process; as Linux has them. */
static void default_limits(struct process *process)
{
	uint64_t threads = max_threads / 2;

	for (int i = 0; i < NUM_RLIMITS; i++)
		set_limit(process, i, RLIM_INFINITY, RLIM_INFINITY);
	set_limit(process, RLIMIT_STACK, 8 << 20, RLIM_INFINITY);
	set_limit(process, RLIMIT_CORE, 0, RLIM_INFINITY);
	set_limit(process, RLIMIT_NPROC, threads, threads);
	set_limit(process, RLIMIT_NOFILE, 1024, 4096);
	set_limit(process, RLIMIT_MEMLOCK, 8 << 20, 8 << 20);
	set_limit(process, RLIMIT_SIGPENDING, threads, threads);
	set_limit(process, RLIMIT_MSGQUEUE, 819200, 819200);
	set_limit(process, RLIMIT_NICE, 0, 0);
	set_limit(process, RLIMIT_RTPRIO, 0, 0);
}

uint64_t process_limit(const struct process *process, int resource)
{
	return READ_ONCE(process->rlimits[resource].soft);
}

static uint64_t descriptor_limit(void)
{
	const struct process *process = current_process();

	return process ? process_limit(process, RLIMIT_NOFILE) : 1024;
}

static uint64_t file_size_limit(void)
{
	const struct process *process = current_process();

	return process ? process_limit(process, RLIMIT_FSIZE) : RLIM_INFINITY;
}

unsigned int process_max_threads(void)
{
	return READ_ONCE(max_threads);
}

int process_set_max_threads(uint64_t number)
{
	if (number < LEAST_THREADS || number > PID_MAX)
		return -EINVAL;
	WRITE_ONCE(max_threads, (unsigned int)number);
	return 0;
}

/* ---- Counts -------------------------------------------------------------- */

static void count(int what, long change)
{
	long *alone = &hart_counts[arch_hart_index()].n[what];
	long n = __atomic_add_fetch(alone, change, __ATOMIC_RELAXED);

	if (likely(n < COUNTED_ALONE && n > -COUNTED_ALONE))
		return;
	__atomic_fetch_sub(alone, n, __ATOMIC_RELAXED);
	__atomic_fetch_add(&common_counts.n[what], n, __ATOMIC_RELAXED);
}

static unsigned long count_exactly(int what)
{
	long sum = READ_ONCE(common_counts.n[what]);

	for (unsigned int i = 0; i < arch_num_harts(); i++)
		sum += READ_ONCE(hart_counts[i].n[what]);
	return (unsigned long)MAX(sum, 0);
}

/* The harts are asked only if what they count alone could matter. */
static bool is_below(int what, unsigned int limit)
{
	long alone = COUNTED_ALONE * (long)arch_num_harts();

	return READ_ONCE(common_counts.n[what]) + alone < (long)limit ||
	       count_exactly(what) < limit;
}

bool process_is_room(void)
{
	return is_below(THREADS, READ_ONCE(max_threads)) &&
	       is_below(LIVING, max_processes);
}

void process_count_thread(struct thread *thread)
{
	count(THREADS, 1);
	cred_count_thread(thread->cred, 1);
}

void process_uncount_thread(struct thread *thread)
{
	count(THREADS, -1);
	cred_count_thread(thread->cred, -1);
}

unsigned int process_count_threads(void)
{
	return (unsigned int)count_exactly(THREADS);
}

void process_count_fork(void)
{
	count(FORKS, 1);
}

uint64_t process_forks(void)
{
	return count_exactly(FORKS);
}

unsigned int process_count(void)
{
	return (unsigned int)count_exactly(PROCESSES);
}

/* ---- Making and freeing -------------------------------------------------- */

static unsigned int share_of_memory(uint64_t pages, uint64_t share)
{
	uint64_t number = pages * PAGE_SIZE / share;

	return (unsigned int)MIN(MAX(number, (uint64_t)MIN_THREADS),
				 (uint64_t)PID_MAX);
}

void process_init(void)
{
	struct memory_info memory;

	memory_get_info(&memory);
	max_threads = share_of_memory(memory.managed, THREAD_SHARE);
	max_processes = share_of_memory(memory.managed, PROCESS_SHARE);
	process_cache = slab_cache_create("process", sizeof(struct process), 0);
	pids_init();
	fd_set_limit_fn(descriptor_limit);
	file_set_size_limit_fn(file_size_limit);
	memory_set_killer(oom_kill_one);
	/* Boot acts as root until the first process is made. */
	current()->cred = cred_root();
}

/* What a child has from its parent; @parent may be NULL (the first). */
static void inherit(struct process *process, struct process *parent)
{
	if (!parent) {
		default_limits(process);
		process->dumpable = true;
		return;
	}
	spin_lock(&parent->lock);
	for (int i = 0; i < NUM_RLIMITS; i++)
		process->rlimits[i] = parent->rlimits[i];
	process->dumpable = parent->dumpable;
	process->oom_score_adj = parent->oom_score_adj;
	process->io_priority = parent->io_priority;
	spin_unlock(&parent->lock);
}

struct process *process_create(struct pid *pid)
{
	struct process *process = slab_alloc_zero(process_cache);

	if (!process)
		return NULL;
	refcount_init(&process->refs, 1);
	spin_init(&process->lock, LOCK_PROCESS);
	spin_init(&process->children_lock, LOCK_CHILDREN);
	process->pid = pid;
	list_init(&process->children);
	list_init(&process->dead_children);
	list_init(&process->sibling);
	list_init(&process->group_node);
	list_init(&process->threads);
	list_init(&process->shared_pending.queue);
	list_init(&process->posix_timers);
	wait_queue_init(&process->shared_pending.watchers);
	wait_queue_init(&process->child_wait);
	wait_queue_init(&process->exit_wait);
	process->exit_signal = SIGCHLD;
	process->start_time_ns = clock_now_ns();
	process_timers_init(process);
	inherit(process, current_process());
	return process;
}

void process_get(struct process *process)
{
	refcount_get(&process->refs);
}

void process_put(struct process *process)
{
	if (!refcount_put(&process->refs))
		return;
	if (process->leader) {
		cred_drop(process->leader);
		thread_put(process->leader);
	}
	if (process->actions)
		signal_actions_put(process->actions);
	session_put(process->session);
	pid_put(process->group);
	pid_put(process->pid);
	kfree(process->spare_signal);
	slab_free(process_cache, process);
}

/* ---- The tree ------------------------------------------------------------ */

void process_set_parent(struct process *process, struct process *parent)
{
	process->parent = parent;
	WRITE_ONCE(process->parent_pid, process_pid(parent));
	list_push_back(process->zombie ? &parent->dead_children
				       : &parent->children,
		       &process->sibling);
	parent->child_stopped |= process->stop_event;
	parent->child_continued |= process->continued_event;
	if (parent->group != process->group)
		group_enlist(process);
}

void process_link(struct process *process, struct process *parent,
		  struct process *like)
{
	process->group = like->group;
	process->session = like->session;
	process_set_parent(process, parent);
	process_get(process);
	pid_set_process(process->pid, process);
	count(PROCESSES, 1);
	count(LIVING, 1);
}

void process_set_zombie(struct process *process)
{
	process->zombie = true;
	if (process->parent) {
		list_remove(&process->sibling);
		list_push_back(&process->parent->dead_children,
			       &process->sibling);
	}
	count(LIVING, -1);
}

void process_unlink(struct process *process)
{
	assert(process->zombie && list_empty(&process->children) &&
	       list_empty(&process->dead_children));
	TRACE_ABOUT(&process->leader->trace, PROCESS_REMOVE,
		    (uint64_t)process->pid->number);
	list_remove(&process->sibling);
	pid_forget_process(process->pid);
	group_leave(process);
	count(PROCESSES, -1);
	/* The leader counts until here, so that zombies count. */
	process_uncount_thread(process->leader);
}

static void nobody_cares(int pid)
{
}

static void (*process_gone)(int pid) = nobody_cares;

void process_set_gone_hook(void (*gone)(int pid))
{
	process_gone = gone;
}

void process_forget(struct process *process)
{
	if (READ_ONCE(process->pid->is_remembered))
		process_gone(process_pid(process));
	process_put(process);
}

struct process *process_find_or_current(int number)
{
	if (number)
		return process_find_any(number);
	process_get(current_process());
	return current_process();
}

/* ---- What a process used ------------------------------------------------- */

void usage_add(struct usage *sum, const struct usage *more)
{
	sum->user_ns += more->user_ns;
	sum->system_ns += more->system_ns;
	sum->min_faults += more->min_faults;
	sum->maj_faults += more->maj_faults;
	sum->switches_voluntary += more->switches_voluntary;
	sum->switches_forced += more->switches_forced;
	sum->max_resident_kib =
		MAX(sum->max_resident_kib, more->max_resident_kib);
}

/* The peak, kept by mm/ at unmapping, or what it is now. */
uint64_t process_peak_kib(const struct vm_space *space)
{
	uint64_t pages =
		MAX(READ_ONCE(space->peak_resident), vm_resident_pages(space));

	return pages * (PAGE_SIZE / 1024);
}

void thread_usage(struct thread *thread, struct usage *usage)
{
	sched_cpu_time(thread, &usage->user_ns, &usage->system_ns);
	usage->min_faults = READ_ONCE(thread->min_faults);
	usage->maj_faults = READ_ONCE(thread->maj_faults);
	usage->switches_voluntary = READ_ONCE(thread->sched.switches_voluntary);
	usage->switches_forced = READ_ONCE(thread->sched.switches_forced);
	usage->max_resident_kib =
		thread->space ? process_peak_kib(thread->space) : 0;
}

void process_usage(struct process *process, struct usage *usage)
{
	struct thread *thread;

	*usage = process->dead_threads_usage;
	list_for_each (thread, &process->threads, process_node) {
		struct usage one;

		thread_usage(thread, &one);
		usage_add(usage, &one);
	}
}

/* ---- For others to look into --------------------------------------------- */

struct vm_space *process_vm_get(struct process *process)
{
	struct vm_space *space = NULL;
	struct thread *thread;

	spin_lock(&process->lock);
	list_for_each (thread, &process->threads, process_node) {
		space = thread->space;
		if (space) {
			vm_space_get(space);
			break;
		}
	}
	spin_unlock(&process->lock);
	return space;
}

struct fd_table *process_files_get(struct process *process)
{
	struct fd_table *files = NULL;
	struct thread *thread;

	spin_lock(&process->lock);
	list_for_each (thread, &process->threads, process_node) {
		files = thread->files;
		if (files) {
			refcount_get(&files->refs);
			break;
		}
	}
	spin_unlock(&process->lock);
	return files;
}

struct fs_context *process_fs_get(struct process *process)
{
	struct fs_context *fs = NULL;
	struct thread *thread;

	spin_lock(&process->lock);
	list_for_each (thread, &process->threads, process_node) {
		fs = thread->fs;
		if (fs) {
			refcount_get(&fs->refs);
			break;
		}
	}
	spin_unlock(&process->lock);
	return fs;
}

const struct cred *process_cred_get(struct process *process)
{
	const struct cred *cred;

	/* The leader's stay until the process is freed. */
	spin_lock(&process->lock);
	cred = cred_get_of(process->leader);
	spin_unlock(&process->lock);
	return cred;
}

/* ptrace(2), "Ptrace access mode checking", with the file-system ids. */
static bool same_user(const struct cred *mine, const struct cred *its)
{
	return mine->fsuid == its->euid && mine->fsuid == its->suid &&
	       mine->fsuid == its->uid && mine->fsgid == its->egid &&
	       mine->fsgid == its->sgid && mine->fsgid == its->gid;
}

bool process_may_access(struct process *process)
{
	const struct cred *its;
	bool may;

	if (process == current_process() || capable(CAP_SYS_PTRACE))
		return true;
	its = process_cred_get(process);
	if (!its)
		return false;
	may = same_user(current()->cred, its) && READ_ONCE(process->dumpable) &&
	      !(its->cap_permitted & ~current()->cred->cap_permitted);
	cred_put(its);
	return may;
}

char thread_state_letter(const struct thread *thread)
{
	switch (READ_ONCE(thread->state)) {
	case THREAD_INTERRUPTIBLE:
		return 'S';
	case THREAD_SLEEPING:
	case THREAD_KILLABLE:
		return 'D';
	case THREAD_STOPPED:
		return 'T';
	case THREAD_DEAD:
		return 'Z';
	default:
		return 'R';
	}
}
