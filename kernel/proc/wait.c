/* SPDX-License-Identifier: MIT */
/*
 * wait.c - waiting for children: wait4(2), waitid(2)
 *
 * Idea: look at the children; the first with something to tell is taken. If
 * none has, but one might later, sleep until a child announces a change
 * (notify.c) and look again. A zombie that is taken leaves the tree: now its
 * number may be used again.
 * The dead are kept apart, so that ten thousand living children do not make
 * it longer to find one; the living are gone through only if one of them may
 * have been stopped or continued.
 *
 * Locks: during each look the tree entered, and the children_lock of who waits.
 */
#include "kernel/proc/wait.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/wait.h"
#include "kernel/proc/internal.h"

/* What a look at the children found. */
enum look { LOOK_NOBODY, LOOK_NOTHING_YET, LOOK_FOUND };

static bool is_wanted(const struct wait_request *request,
		      const struct process *child)
{
	bool is_clone = child->exit_signal != SIGCHLD;

	switch (request->which) {
	case P_PID:
		if (process_pid(child) != request->number)
			return false;
		break;
	case P_PGID:
		if (child->group->number != request->number)
			return false;
		break;
	case P_PIDFD:
		if (child != request->process)
			return false;
		break;
	default:
		break;
	}
	/* Children that end without SIGCHLD are waited for only by request. */
	if (request->options & __WALL)
		return true;
	return is_clone == !!(request->options & __WCLONE);
}

static void describe(struct process *child, int code, int detail, int status,
		     struct wait_event *event)
{
	process_child_info(child, code, detail, &event->info);
	event->pid = process_pid(child);
	event->status = status;
	spin_lock(&child->lock);
	process_usage(child, &event->usage);
	spin_unlock(&child->lock);
	usage_add(&event->usage, &child->children_usage);
}

/* True if @child is to be forgotten when the lock is free. */
static bool take_zombie(struct process *child, unsigned int options,
			struct wait_event *event) MUST_HOLD(process_tree)
{
	int detail;
	int code = process_exit_info(child->exit_code, &detail);

	describe(child, code, detail, child->exit_code, event);
	if (options & WNOWAIT)
		return false;
	usage_add(&current_process()->children_usage, &event->usage);
	process_unlink(child);
	return true;
}

static bool take_stopped(struct process *child, unsigned int options,
			 struct wait_event *event)
{
	int signo = child->stop_signal;

	if (!READ_ONCE(child->stopped) || !child->stop_event)
		return false;
	describe(child, CLD_STOPPED, signo, signo << 8 | 0x7f, event);
	if (!(options & WNOWAIT))
		child->stop_event = false;
	return true;
}

static bool take_continued(struct process *child, unsigned int options,
			   struct wait_event *event)
{
	if (!child->continued_event)
		return false;
	describe(child, CLD_CONTINUED, SIGCONT, 0xffff, event);
	if (!(options & WNOWAIT))
		child->continued_event = false;
	return true;
}

/* A living child, and wanted: has it something to tell? */
static enum look look_at_living(struct process *child, unsigned int options,
				struct wait_event *event)
{
	if (((options & WSTOPPED) && take_stopped(child, options, event)) ||
	    ((options & WCONTINUED) && take_continued(child, options, event)))
		return LOOK_FOUND;
	return LOOK_NOTHING_YET;
}

/* One that is wanted and dead; *@reaped is set if it is to be forgotten. */
static enum look look_at_dead(struct process *child, unsigned int options,
			      struct wait_event *event, struct process **reaped)
	MUST_HOLD(process_tree)
{
	if (!(options & WEXITED))
		return LOOK_NOBODY;
	if (take_zombie(child, options, event))
		*reaped = child;
	return LOOK_FOUND;
}

/* The child with that number, or NULL. Mostly there is but one, and then the table
 * of numbers, which all harts want, need not be asked. */
static struct process *find_child(struct process *me, int number)
	MUST_HOLD(process_tree)
{
	struct list_head *rows[] = { &me->dead_children, &me->children };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct process *first;

		if (list_empty(rows[i]))
			continue;
		first = list_first(rows[i], struct process, sibling);
		if (process_pid(first) == number)
			return first;
	}
	return process_find_child(me, number);
}

/* The one that is named: found at once, however many there are. */
static enum look look_at_one(const struct wait_request *request,
			     struct wait_event *event, struct process **reaped)
	MUST_HOLD(process_tree)
{
	struct process *child = request->process;
	int number = request->which == P_PIDFD ? process_pid(child)
					       : request->number;
	struct process *found = find_child(current_process(), number);

	/* A pidfd may be of one that has been waited for already. */
	if (request->which == P_PIDFD && found != child)
		return LOOK_NOBODY;
	child = found;
	if (!child || !is_wanted(request, child))
		return LOOK_NOBODY;
	if (child->zombie)
		return look_at_dead(child, request->options, event, reaped);
	return look_at_living(child, request->options, event);
}

/* Is it worth looking at more than one living child that is wanted? */
static bool some_may_tell(const struct process *me, unsigned int options)
{
	return ((options & WSTOPPED) && me->child_stopped) ||
	       ((options & WCONTINUED) && me->child_continued);
}

static enum look look_at_all(const struct wait_request *request,
			     struct wait_event *event, struct process **reaped)
	MUST_HOLD(process_tree)
{
	struct process *me = current_process();
	enum look look = LOOK_NOBODY;
	struct process *child;
	bool all = true;

	list_for_each (child, &me->dead_children, sibling) {
		if (!is_wanted(request, child))
			continue;
		look = look_at_dead(child, request->options, event, reaped);
		if (look == LOOK_FOUND)
			return look;
	}
	list_for_each (child, &me->children, sibling) {
		if (!is_wanted(request, child)) {
			all = false;
			continue;
		}
		look = look_at_living(child, request->options, event);
		if (look == LOOK_FOUND || !some_may_tell(me, request->options))
			return look;
	}
	/* Nobody had anything to tell. */
	if (all && (request->options & WSTOPPED))
		me->child_stopped = false;
	if (all && (request->options & WCONTINUED))
		me->child_continued = false;
	return look;
}

static enum look look_at_children(const struct wait_request *request,
				  struct wait_event *event)
{
	struct process *me = current_process();
	struct process *reaped = NULL;
	enum look look;

	process_tree_enter();
	spin_lock(&me->children_lock);
	if (request->which == P_PID || request->which == P_PIDFD)
		look = look_at_one(request, event, &reaped);
	else
		look = look_at_all(request, event, &reaped);
	spin_unlock(&me->children_lock);
	process_tree_leave();
	if (reaped)
		process_forget(reaped);
	return look;
}

int process_wait(const struct wait_request *request, struct wait_event *event)
{
	enum look look;
	int err = 0;

	if (request->options & WNOHANG)
		look = look_at_children(request, event);
	else
		err = WAIT_EVENT_INTERRUPTIBLE(
			&current_process()->child_wait,
			(look = look_at_children(request, event)) !=
				LOOK_NOTHING_YET);
	if (err)
		return err;
	if (look == LOOK_NOBODY)
		return -ECHILD;
	return look == LOOK_FOUND ? event->pid : 0;
}
