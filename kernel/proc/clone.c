/* SPDX-License-Identifier: MIT */
/*
 * clone.c - a new thread, in this process or in one of its own: fork and kin
 *
 * Idea: fork(2), vfork(2), pthread_create(3) and posix_spawn(3) are one call,
 * clone(2): its flags say for each thing a thread has (memory, descriptors,
 * directory, signal actions, process) whether the new thread shares it or gets
 * a copy. The new thread gets a kernel stack with a trap frame like the
 * caller's, except that the call returns 0 there: so the one call returns twice.
 *
 * Until the child is attached to the tree it is ours alone; whatever fails
 * before, discard() gives back what the child has already.
 *
 * Read: OSTEP ch. 5 (process API), ch. 27 (thread API); clone(2).
 */
#include <arch/trap_frame.h>
#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/resource.h"
#include "kernel/abi/sched.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/user_copy.h"
#include "kernel/mm/vm_space.h"
#include "kernel/proc/internal.h"
#include "kernel/proc/itimer.h"
#include "kernel/proc/pidfd.h"
#include "kernel/sched/sched.h"
#include "kernel/trace/trace.h"
#include "kernel/vfs/cred.h"
#include "kernel/vfs/file.h"

#define CLONE_NAMESPACES                                                       \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |         \
	 CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

/* ---- vfork --------------------------------------------------------------- */

/* The parent sleeps until the child leaves the memory it borrowed. */
struct vfork_wait {
	struct refcount refs; /* parent and child */
	bool done;
	struct wait_queue queue;
};

static struct vfork_wait *vfork_wait_create(void)
{
	struct vfork_wait *wait = kmalloc(sizeof(*wait));

	if (!wait)
		return NULL;
	refcount_init(&wait->refs, 2);
	wait->done = false;
	wait_queue_init(&wait->queue);
	return wait;
}

static void vfork_wait_put(struct vfork_wait *wait)
{
	if (refcount_put(&wait->refs))
		kfree(wait);
}

void process_vfork_done(void)
{
	struct vfork_wait *wait = current()->vfork;

	if (!wait)
		return;
	current()->vfork = NULL;
	WRITE_ONCE(wait->done, true);
	wake_all(&wait->queue);
	vfork_wait_put(wait);
}

/* ---- May it be? ---------------------------------------------------------- */

static int check_flags(uint64_t flags)
{
	if ((flags & CLONE_SIGHAND) && !(flags & CLONE_VM))
		return -EINVAL;
	if ((flags & CLONE_THREAD) && !(flags & CLONE_SIGHAND))
		return -EINVAL;
	if ((flags & CLONE_SIGHAND) && (flags & CLONE_CLEAR_SIGHAND))
		return -EINVAL;
	if ((flags & CLONE_PIDFD) && (flags & CLONE_THREAD))
		return -EINVAL;
	/* There is only one namespace of each kind. */
	if (flags & CLONE_NAMESPACES)
		return capable(CAP_SYS_ADMIN) ? -EINVAL : -EPERM;
	/* The first process may have no siblings: nobody would wait for them. */
	if ((flags & CLONE_PARENT) && current_process() == init_process)
		return -EINVAL;
	return 0;
}

static int check_limits(void)
{
	const struct cred *cred = current()->cred;

	if (!process_is_room())
		return -EAGAIN;
	if (cred->uid != 0 && !capable(CAP_SYS_RESOURCE) &&
	    !capable(CAP_SYS_ADMIN) &&
	    cred_user_threads(cred) >=
		    process_limit(current_process(), RLIMIT_NPROC))
		return -EAGAIN;
	return 0;
}

/* ---- For the trace ------------------------------------------------------- */

/* Who it is, for the trace; and whether somebody wants to know. */
static void give_trace(struct thread *child, uint64_t flags)
{
	const struct trace_thread *me = &current()->trace;
	bool is_thread = flags & CLONE_THREAD;

	child->trace.tid = child->tid;
	child->trace.pid = is_thread ? me->pid : child->tid;
	child->trace.traced = me->traced || me->follow;
	TRACE_ABOUT(&child->trace, PROCESS_CREATE, (uint64_t)child->trace.pid,
		    (uint64_t)child->tid, is_thread);
}

/* The child's first return to user mode is to be seen, too. */
static void trace_first_return(struct thread *child)
{
	const struct trap_frame *tf = arch_thread_frame(child);

	if (!trace_wants_thread(&child->trace))
		return;
	child->trace.way_back = TRACE_RETURN_CHILD;
	thread_set_work(child, WORK_TRACE);
	TRACE_ABOUT(&child->trace, CHILD_FRAME, (uint64_t)child->tid,
		    (uint64_t)tf, tf_pc(tf), tf_user_sp(tf));
}

/* ---- What the child shares and what it copies ---------------------------- */

static int give_files(struct thread *child, uint64_t flags)
{
	struct fd_table *files = current()->files;

	if (flags & CLONE_FILES) {
		refcount_get(&files->refs);
		child->files = files;
	} else {
		child->files = fd_table_copy(files);
	}
	return child->files ? 0 : -ENOMEM;
}

static int give_fs(struct thread *child, uint64_t flags)
{
	struct fs_context *fs = current()->fs;

	if (flags & CLONE_FS) {
		refcount_get(&fs->refs);
		child->fs = fs;
	} else {
		child->fs = fs_context_copy(fs);
	}
	return child->fs ? 0 : -ENOMEM;
}

static int give_memory(struct thread *child, uint64_t flags)
{
	struct vm_space *space = current()->space;
	int err;

	if (flags & CLONE_VM) {
		vm_space_get(space);
		child->space = space;
		return 0;
	}
	err = vm_space_fork(space, &child->space);
	if (!err)
		TRACE_ABOUT(&child->trace, MEMORY_COPY,
			    (uint64_t)child->trace.pid, (uint64_t)child->space,
			    (uint64_t)child->space->page_table.root);
	return err;
}

static int give_process(struct thread *child,
			const struct clone_args_kernel *args)
{
	struct process *parent = current_process();
	struct process *process;

	if (args->flags & CLONE_THREAD) {
		process_get(parent);
		child->process = parent;
		return 0;
	}
	pid_get(child->pid);
	process = process_create(child->pid);
	if (!process) {
		pid_put(child->pid);
		return -ENOMEM;
	}
	child->process = process;
	process->leader = child;
	thread_get(child);
	process->exit_signal = args->flags & CLONE_PARENT ? parent->exit_signal
							  : args->exit_signal;
	if (args->flags & CLONE_SIGHAND) {
		refcount_get(&parent->actions->refs);
		process->actions = parent->actions;
		return 0;
	}
	process->actions = signal_actions_copy(parent);
	if (!process->actions)
		return -ENOMEM;
	if (args->flags & CLONE_CLEAR_SIGHAND)
		signal_actions_reset(process);
	return 0;
}

static void give_settings(struct thread *child, uint64_t flags)
{
	struct thread *me = current();

	sched_inherit(child, me);
	child->signal_blocked = me->signal_blocked;
	/* A stack can serve only one handler at a time. */
	if ((flags & (CLONE_VM | CLONE_VFORK)) != CLONE_VM)
		child->alt_stack = me->alt_stack;
	child->personality = me->personality;
	child->timer_slack_ns = me->timer_slack_ns;
}

/* The child goes on where its parent is, with the same registers. */
static void give_registers(struct thread *child,
			   const struct clone_args_kernel *args)
{
	struct thread *me = current();

	arch_fpu_save(me);
	child->arch.fpu = me->arch.fpu;
	child->arch.fpu_live = me->arch.fpu_live;
	tf_start_child(arch_thread_frame(child), arch_thread_frame(me),
		       args->stack, args->set_tls, args->tls);
	if (unlikely(READ_ONCE(trace_mask)))
		trace_first_return(child);
}

/* ---- The tree ------------------------------------------------------------ */

static void link_child(struct process *child, struct process *parent)
	MUST_HOLD(process_tree)
{
	spin_lock(&parent->children_lock);
	process_link(child, parent, current_process());
	spin_unlock(&parent->children_lock);
}

/*
 * Attach the child, unless a signal has come: one sent to a whole group must
 * reach parent and child or come before the call (which is then made again).
 */
static int attach(struct thread *child, uint64_t flags)
{
	struct process *mine = current_process();
	struct process *process = child->process;
	int err = 0;

	process_tree_enter();
	spin_lock(&mine->lock);
	if (thread_has_work(current(), WORK_SIGNAL | WORK_KILL))
		err = -ERESTARTNOINTR;
	spin_unlock(&mine->lock);
	if (err)
		goto unlock;

	spin_lock(&process->lock);
	list_push_back(&process->threads, &child->process_node);
	process->num_threads++;
	/* Killed since we looked: then the child is to die as well. */
	if (process->exiting || process->exec_thread)
		thread_set_work(child, WORK_KILL);
	spin_unlock(&process->lock);
	/* From here on it can be found by its number. */
	if (flags & CLONE_THREAD)
		pid_set_thread(child->pid, child);
	else
		link_child(process, flags & CLONE_PARENT ? mine->parent : mine);
unlock:
	process_tree_leave();
	return err;
}

static void discard(struct thread *child)
{
	if (child->process)
		process_put(child->process);
	if (child->space)
		vm_space_put(child->space);
	if (child->fs)
		fs_context_put(child->fs);
	if (child->files)
		fd_table_put(child->files);
	kfree(child->vfork); /* nobody has waited yet */
	pid_put(child->pid);
	cred_drop(child);
	thread_put(child);
}

/* ---- clone --------------------------------------------------------------- */

static int give_cred(struct thread *child, uint64_t flags)
{
	const struct cred *mine = current()->cred;

	child->cred = flags & CLONE_THREAD ? cred_get(mine) : cred_copy(mine);
	return child->cred ? 0 : -ENOMEM;
}

/* Everything the child needs, but not yet known to anybody. */
static int build(struct thread *child, const struct clone_args_kernel *args)
{
	int err = pid_alloc(args->set_tid, &child->pid);

	if (err)
		return err;
	child->tid = child->pid->number;
	give_trace(child, args->flags);
	err = give_cred(child, args->flags);
	if (!err)
		err = give_files(child, args->flags);
	if (!err)
		err = give_fs(child, args->flags);
	if (!err)
		err = give_memory(child, args->flags);
	if (!err)
		err = give_process(child, args);
	if (err)
		return err;
	if (args->flags & CLONE_VFORK) {
		child->vfork = vfork_wait_create();
		if (!child->vfork)
			return -ENOMEM;
	}
	give_settings(child, args->flags);
	give_registers(child, args);
	return 0;
}

/* CLONE_PIDFD: *@fd is -1 if none is wanted. */
static int open_pidfd(struct thread *child,
		      const struct clone_args_kernel *args, int *fd)
{
	int err;

	*fd = -1;
	if (!(args->flags & CLONE_PIDFD))
		return 0;
	*fd = pidfd_open(child->process, 0);
	if (*fd < 0)
		return *fd;
	err = put_user_u32((void __user *)args->pidfd, (uint32_t)*fd);
	if (err)
		fd_close(*fd);
	return err;
}

/* As on Linux, a bad address here is no error: the child exists. */
static void write_tids(struct thread *child,
		       const struct clone_args_kernel *args)
{
	uint32_t tid = (uint32_t)child->tid;

	if (args->flags & CLONE_PARENT_SETTID)
		(void)!put_user_u32((void __user *)args->parent_tid, tid);
	if (args->flags & CLONE_CHILD_SETTID)
		vm_space_access(child->space, args->child_tid, &tid,
				sizeof(tid), true, false);
	if (args->flags & CLONE_CHILD_CLEARTID)
		child->clear_child_tid = args->child_tid;
}

static void wait_for_vfork(struct vfork_wait *wait)
{
	(void)WAIT_EVENT_DEADLINE(&wait->queue, READ_ONCE(wait->done),
				  WAIT_KILLABLE, WAIT_FOREVER);
	vfork_wait_put(wait);
}

long process_clone(const struct clone_args_kernel *args)
{
	struct vfork_wait *wait;
	struct thread *child;
	int err, pidfd, tid;

	err = check_flags(args->flags);
	if (!err)
		err = check_limits();
	if (err)
		return err;
	/* Attaching would find it too, but after all the work. */
	if (thread_has_work(current(), WORK_SIGNAL | WORK_KILL))
		return -ERESTARTNOINTR;

	child = thread_create_user(current()->name);
	if (!child)
		return -ENOMEM;
	err = build(child, args);
	if (err)
		goto discard_child;
	err = open_pidfd(child, args, &pidfd);
	if (err)
		goto discard_child;
	tid = child->tid;
	wait = child->vfork;
	write_tids(child, args);
	err = attach(child, args->flags);
	if (err)
		goto close_pidfd;

	process_count_thread(child);
	process_count_fork();
	if (!(args->flags & CLONE_THREAD))
		itimer_limit_changed(child->process);
	sched_start(child); /* it may have ended after this */
	if (wait)
		wait_for_vfork(wait);
	return tid;

close_pidfd:
	if (pidfd >= 0)
		fd_close(pidfd);
discard_child:
	discard(child);
	return err;
}
