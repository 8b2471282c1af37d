/* SPDX-License-Identifier: MIT */
/*
 * process.h - a running program: what its threads have in common
 *
 * The lectures' process list is the pid table (pid.h); its entry is this
 * struct with one struct thread (kernel/sched/thread.h) for each flow of
 * control.
 *
 * Life: process_fork() -> running -> (stopped <-> running) -> zombie (exited,
 * parent has not waited) -> reaped by the parent's wait, or by itself when the
 * parent ignores SIGCHLD.
 */
#pragma once

#include "kernel/lib/list.h"
#include "kernel/lib/refcount.h"
#include "kernel/proc/pid.h"
#include "kernel/proc/signal.h"
#include "kernel/sched/thread.h"
#include "kernel/sync/wait.h"
#include "kernel/time/timer.h"

struct file;
struct tty;
struct vm_space;

#define NUM_RLIMITS 16 /* RLIM_NLIMITS: getrlimit(2) */

struct rlimit_pair {
	uint64_t soft, hard;
};

struct usage {
	uint64_t user_ns, system_ns;
	uint64_t min_faults, maj_faults;
	uint64_t switches_voluntary, switches_forced;
	uint64_t max_resident_kib;
};

/* A session's terminal; shared by its processes. */
struct session {
	struct refcount refs;
	struct pid *leader;
	/* Changed with the tree locked; tty/ keeps the references. */
	struct tty *tty; /* controlling terminal or NULL */
	/* The foreground group of a terminal that was hung up: it gets SIGHUP
	 * when the leader exits. Or NULL. */
	struct pid *hung_up_group;
};

/* What proc/ and fs/ ask of terminals; tty/ fills it in at boot. */
struct process_tty_ops {
	/* The leader of @session exits: hang up its terminal, if any. Called
	 * always, before the last reference to the session goes. Context:
	 * thread, no lock held. */
	void (*disassociate)(struct session *session);
	/* /proc/PID/stat: st_rdev of the terminal (0: none) and its foreground
	 * group (-1: none). The tree is locked. */
	void (*describe)(struct session *session, uint64_t *rdev, int *group);
};
extern struct process_tty_ops process_tty_ops; /* does nothing at first */

struct process {
	struct refcount refs;
	struct spinlock lock; /* rank LOCK_PROCESS */

	/* In the process tree: see process_tree.h for what is under which. */
	struct spinlock children_lock; /* rank LOCK_CHILDREN */
	struct pid *pid;               /* fixed */
	struct process *parent;
	int parent_pid;                 /* its number; read without the lock */
	struct list_head children;      /* living ones */
	struct list_head dead_children; /* zombies, in the order they died */
	struct list_head sibling;       /* in one of parent's two lists */
	/* Hints: a child may have stopped, been continued, and not been waited
	 * for; false: none has. */
	bool child_stopped, child_continued;
	struct pid *group;
	struct session *session;     /* the group's */
	struct list_head group_node; /* in group->group; or empty (G1) */
	int exit_signal; /* sent to the parent at exit: SIGCHLD or 0 */
	bool zombie;
	bool reparent_to_me; /* PR_SET_CHILD_SUBREAPER */
	bool did_exec;       /* setpgid by the parent is too late */
	struct usage children_usage;
	/* Job control events not yet reported by wait. */
	bool stop_event, continued_event; /* to be waited for */

	/* Under lock. */
	struct list_head threads; /* struct thread.process_node */
	unsigned int num_threads; /* live ones */
	struct thread *leader;    /* first thread; stays until reaped */
	struct signal_actions *actions;
	struct signal_set_queue shared_pending; /* for any thread */
	bool exiting;                           /* exit_group under way */
	bool stopped;                           /* by a stop signal */
	int stop_signal;
	bool stop_dequeued; /* one was taken; a SIGCONT before it acts undoes it */
	bool tell_continued; /* the parent is to be told; the next thread does */
	unsigned int queued_signals; /* struct signal_info; RLIMIT_SIGPENDING */
	struct signal_info *spare_signal; /* one that is not in use; or NULL */
	int exit_code; /* wait(2) encoding, set once when exiting */
	struct thread *exec_thread; /* the one that goes on after exec */
	struct usage dead_threads_usage;

	/* Own locks, or fixed. */
	struct rlimit_pair rlimits[NUM_RLIMITS]; /* under lock */
	struct wait_queue child_wait;            /* wait(2) sleeps here */
	struct wait_queue exit_wait; /* pidfd, exec waiting for threads */
	uint64_t start_time_ns;
	bool dumpable;
	int oom_score_adj;
	unsigned int io_priority;

	/* proc/itimer.c; under lock. */
	struct itimer {
		struct timer timer;
		uint64_t due_ns; /* real_timer; it may fire later */
		uint64_t interval_ns;
		struct process *process;
	} real_timer, cpu_timer;
	uint64_t cpu_timer_ns[2], cpu_timer_interval_ns[2]; /* VIRTUAL, PROF */
	struct list_head posix_timers;
	int next_posix_timer;
};

static inline struct process *current_process(void)
{
	return current()->process;
}

/* Boot: the table of processes. The current thread acts as root from then on. */
void process_init(void);

void process_get(struct process *process);
void process_put(struct process *process);
static inline int process_pid(const struct process *process)
{
	return process->pid->number;
}
static inline int thread_tid(const struct thread *thread)
{
	return thread->tid;
}
/* The first process (pid 1), once it exists. */
extern struct process *init_process;

/* clone(2), clone3(2), fork, vfork: all the same with other flags. */
struct clone_args_kernel {
	uint64_t flags; /* CLONE_* */
	int exit_signal;
	vaddr_t stack; /* its top, or 0: share the address */
	vaddr_t parent_tid, child_tid;
	bool set_tls;
	uint64_t tls;
	vaddr_t pidfd;
	int set_tid; /* 0: any */
};
/* Returns the child's tid, or -EAGAIN, -ENOMEM, -EINVAL. */
long process_clone(const struct clone_args_kernel *args);

/* execve(2) is in proc/exec.h. Its part here: the current thread becomes the
 * only one of its process, and its leader. 0; -EAGAIN: another was first. */
int process_become_single(void);
/* The current thread leaves the memory that a vfork(2) parent lent it (exec,
 * exit): wake the parent, if there is one. */
void process_vfork_done(void);

/* Leave. @code is in the encoding of wait(2). */
void process_exit_thread(int code) __noreturn; /* exit(2) */
void process_exit_group(int code) __noreturn;  /* exit_group(2), signals */

/*
 * Job control: tell the parent (SIGCHLD unless SA_NOCLDSTOP, and wait), that
 * the current process was stopped by process->stop_signal or goes on.
 * Context: thread, no lock held.
 */
void process_notify_stopped(void);
void process_notify_continued(void);
/* Nobody outside @group in its session could restart it; the tree is locked. */
bool process_group_is_orphaned(struct pid *group) MUST_HOLD(process_tree);

/*
 * Groups and sessions, credentials(7). Numbers as in the system calls: @pid 0
 * is the current process, @group_number 0 is @pid.
 */
int process_set_group(int pid, int group_number);
int process_start_session(void);
/* By the number of any of its threads, with a reference; NULL: none. 0: the
 * current one. */
struct process *process_find_or_current(int number);
/* -ESRCH: it is in no tree any more. */
int process_group_number(struct process *process);
int process_session_number(struct process *process);
/* The members of a group, in no order; NULL: no more. */
struct process *group_first(const struct pid *group) MUST_HOLD(process_tree);
struct process *group_next(const struct pid *group, struct process *member)
	MUST_HOLD(process_tree);
#define group_for_each(member, group)                                          \
	for (member = group_first(group); member;                              \
	     member = group_next(group, member))
/* getppid(2): 0 if it has none. */
static inline int process_parent_pid(const struct process *process)
{
	return READ_ONCE(process->parent_pid);
}

/*
 * Boot: @gone(pid) is called when a process has left the table, so that what
 * others remember under its number can go; they have set pid->is_remembered.
 * Context: thread, no lock held.
 */
void process_set_gone_hook(void (*gone)(int pid));

/* Boot: make pid 1 from the first of the names that can be run; no return. */
void process_start_init(const char *init_argument);

/* Sums over live and dead threads; caller holds process->lock. */
void process_usage(struct process *process, struct usage *usage);
void thread_usage(struct thread *thread, struct usage *usage);
void usage_add(struct usage *sum, const struct usage *more);
uint64_t process_limit(const struct process *process, int resource);
/* Most threads there may be; at first from the size of memory. */
unsigned int process_max_threads(void);
int process_set_max_threads(uint64_t number); /* 0, -EINVAL */
unsigned int process_count_threads(void);
unsigned int process_count(void);
uint64_t process_forks(void); /* since boot, for /proc/stat */
/* The vm_space / fds / fs of another process with a reference, or NULL. */
struct vm_space *process_vm_get(struct process *process);
struct fd_table *process_files_get(struct process *process);
struct fs_context *process_fs_get(struct process *process);
const struct cred *process_cred_get(struct process *process);
/* May the current thread look into / trace @process? (ptrace(2)) */
bool process_may_access(struct process *process);
/* 'R', 'S', 'D', 'T', 'Z' as in proc(5). */
char thread_state_letter(const struct thread *thread);
