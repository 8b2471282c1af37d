/* SPDX-License-Identifier: MIT */
/*
 * thread.h - what the kernel remembers of one flow of control
 *
 * The lectures' "process control block" is two things here, because a process
 * may have several threads: a struct process (kernel/proc/process.h) owns the
 * address space, files, credentials, signal actions and children; a struct
 * thread owns a kernel stack, a trap frame, a saved context and a place in the
 * scheduler. The table of both is the pid table (kernel/proc/pid.h).
 *
 * States, and who takes each arrow:
 *   NEW      -> READY    sched_start()
 *   READY    -> RUNNING  schedule()           chosen by the policy
 *   RUNNING  -> READY    schedule()           quantum used up, or yield
 *   RUNNING  -> SLEEPING wait_begin() + schedule()
 *   SLEEPING -> READY    sched_wake()
 *   RUNNING  -> STOPPED  proc/signal.c + schedule()
 *   STOPPED  -> READY    sched_wake()
 *   RUNNING  -> DEAD     thread_exit()        freed after the switch away
 */
#pragma once

#include <arch/thread.h>
#include "kernel/lib/list.h"
#include "kernel/lib/rbtree.h"
#include "kernel/lib/refcount.h"
#include "kernel/sched/current.h"
#include "kernel/sched/policy.h"
#include "kernel/sync/spinlock.h"
#include "kernel/trace/thread.h"

struct cred;
struct fd_table;
struct fs_context;
struct pid;
struct process;
struct trap_frame;
struct vm_space;

/* Bits, so that a wake-up can name several. */
enum thread_state {
	THREAD_NEW = 1,
	THREAD_READY = 2,
	THREAD_RUNNING = 4,
	THREAD_SLEEPING = 8,       /* until woken */
	THREAD_INTERRUPTIBLE = 16, /* until woken or signalled */
	THREAD_KILLABLE = 32,      /* until woken or killed */
	THREAD_STOPPED = 64,       /* job control or ptrace */
	THREAD_DEAD = 128,
};
#define THREAD_ANY_SLEEP                                                       \
	(THREAD_SLEEPING | THREAD_INTERRUPTIBLE | THREAD_KILLABLE)

/*
 * Work to do before returning to user mode; bits in thread.work, set
 * atomically by anyone, tested by the trap path in one load.
 */
#define WORK_RESCHEDULE 1u /* the quantum is used up, or someone better came */
#define WORK_SIGNAL     2u /* a signal may have to be delivered */
#define WORK_KILL       4u /* the process is dying: exit now */
#define WORK_TRACE      8u /* the return to user mode is to be recorded */

#define THREAD_NAME_SIZE 16 /* TASK_COMM_LEN: prctl(2) PR_SET_NAME */

/* On which of a hart's queues a READY thread is. */
enum ready_queue {
	QUEUE_NONE,
	QUEUE_REALTIME,   /* SCHED_FIFO and SCHED_RR: first */
	QUEUE_POLICY,     /* kept in order by rq->policy */
	QUEUE_BACKGROUND, /* SCHED_IDLE: when nobody else is ready */
};

/* The scheduler's view; fields under the run queue's lock. */
struct sched_entity {
	struct list_head node; /* on a run queue while READY */
	unsigned int hart;     /* whose queue; also a hint when sleeping */
	int policy;            /* SCHED_*: sched(7) */
	int rt_priority;       /* 1..99 under SCHED_FIFO/RR, else 0 */
	int nice;              /* -20..19 */
	unsigned int weight;   /* what nice and policy mean: weight.c */
	bool reset_on_fork;    /* children get the defaults: sched(7) */
	uint64_t affinity;     /* bit h: may run on hart_index h */
	uint64_t quantum_end_ns;
	uint64_t rr_used_ns; /* SCHED_RR: of its quantum, when pushed aside */
	uint64_t started_ns; /* when it got the hart */
	uint64_t run_ns;     /* all it ever ran */
	uint64_t switches_voluntary;
	uint64_t switches_forced;
	enum ready_queue queue;  /* where it is while READY */
	enum add_reason leaving; /* how it will give the hart away */
	bool at_user; /* was on its way to user mode, holding nothing */
	bool on_hart; /* registers live on a hart, not in the context */

	/* hand_off.c; its own hart only. */
	unsigned int hand_offs; /* points for short turns that woke somebody */
	bool woke;              /* somebody, since it slept */
	bool handed_off;        /* somebody waits for it to sleep */

	/* The policy's own, all 0 when it sees the thread first (P1). */
	const struct sched_policy *kept_by; /* whose data this is */
	union policy_thread data;
};

struct thread {
	/* Known to assembly and to current.h by place: keep first. */
	struct arch_thread arch;
	struct thread_irq irq; /* this thread only */

	/* Atomic. */
	unsigned int work;  /* WORK_* */
	unsigned int state; /* enum thread_state; written under run queue lock
			       except RUNNING -> about to sleep, by itself */

	struct trace_thread trace; /* known by place, too; trace/thread.h */

	/* This thread only, or fixed while it lives. */
	struct vm_space *space;  /* NULL: kernel thread */
	struct process *process; /* NULL: kernel thread */
	struct fd_table *files;
	struct fs_context *fs;
	const struct cred *cred;   /* replaced whole; see vfs/cred.h */
	struct spinlock cred_lock; /* rank LOCK_LEAF; for others' references */
	void *journal_handle;      /* the operation it is inside: fs/ext4 */
	struct refcount refs;
	char name[THREAD_NAME_SIZE];

	struct sched_entity sched;

	/* Threads of the kernel's own: what they run. */
	void (*kernel_fn)(void *arg);
	void *kernel_arg;

	/* proc/: this thread only unless said otherwise. */
	int tid;                       /* gettid(2); fixed but for exec */
	struct pid *pid;               /* NULL once it ended; tree lock */
	struct list_head process_node; /* process.threads, process.lock */
	uint64_t signal_blocked;       /* written under process.lock */
	uint64_t signal_saved_mask;    /* to restore after *suspend calls */
	bool signal_restore_mask;
	bool leaving;                  /* its process; process.lock */
	uint64_t signal_pending;       /* set of signals, process.lock */
	struct list_head signal_queue; /* struct signal_info, process.lock */
	uint64_t signal_wanted;        /* sigtimedwait's set, process.lock */
	struct {
		vaddr_t base;
		size_t size;
		int flags;
	} alt_stack;             /* sigaltstack(2) */
	vaddr_t clear_child_tid; /* set_tid_address(2) */
	vaddr_t robust_list;     /* set_robust_list(2) */
	bool futex_gone; /* owns no futex any more; proc/futex_pi.c, atomic */
	struct {
		/* restart_syscall(2) */
		long (*call)(struct thread *thread);
		uint64_t arg[5];
	} restart;
	int exit_code; /* wait(2) encoding */
	uint64_t start_time_ns;
	uint64_t user_ns;   /* CPU time in user mode, as far as accounted */
	uint64_t system_ns; /* and in the kernel */
	uint64_t min_faults, maj_faults;
	struct vfork_wait *vfork; /* parent waits: wake at exec or exit */
	unsigned int personality;
	uint64_t timer_slack_ns;
	int pdeath_signal;

	/* sync/: debug builds. */
	unsigned int locks_held;
	struct {
		const void *lock;
		unsigned int rank;
	} held[16];

	/* mm/: who asked for memory while memory is out. */
	bool oom_victim;

	struct list_head all_node; /* all threads; sched */
	unsigned int made_on;      /* hart: whose list that is; fixed */
};

_Static_assert(offsetof(struct thread, arch) == 0, "tp points at arch");
_Static_assert(offsetof(struct thread, irq) == sizeof(struct arch_thread),
	       "current_irq() finds it there");
_Static_assert(offsetof(struct thread, trace) == TRACE_THREAD_OFFSET,
	       "current_trace() finds it there");

static inline void thread_set_work(struct thread *thread, unsigned int bits)
{
	__atomic_fetch_or(&thread->work, bits, __ATOMIC_RELEASE);
}

static inline void thread_clear_work(struct thread *thread, unsigned int bits)
{
	__atomic_fetch_and(&thread->work, ~bits, __ATOMIC_ACQ_REL);
}

static inline bool thread_has_work(const struct thread *thread,
				   unsigned int bits)
{
	return READ_ONCE(thread->work) & bits;
}

/*
 * A thread of the kernel's own: runs fn(arg), then exits. Not started.
 * NULL: no memory.
 */
struct thread *thread_create_kernel(const char *name, void (*fn)(void *),
				    void *arg);

/*
 * A thread that will leave to user mode through its trap frame (zeroed here,
 * filled by the caller; arch_thread_frame()). Not started. NULL: no memory.
 * The proc/ fields are initialised to "nothing"; refs is 1.
 */
struct thread *thread_create_user(const char *name);

void thread_get(struct thread *thread);
/* The last put frees the stack and the struct; never on its own stack. */
void thread_put(struct thread *thread);

/* Leave the hart for good. Drops the reference of "it runs". */
void thread_exit(void) __noreturn;
