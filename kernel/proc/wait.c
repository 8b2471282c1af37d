/* SPDX-License-Identifier: MIT */
/*
 * wait.c - waiting for children: wait4(2), waitid(2)
 *
 * Idea: look at every child; the first with something to tell is taken. If
 * none has, but one might later, sleep until a child announces a change
 * (notify.c) and look again. A zombie that is taken leaves the tree: now its
 * number may be used again.
 *
 * Locks: process_tree_lock during each look.
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
			struct wait_event *event) MUST_HOLD(process_tree_lock)
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

static enum look look_at_children(const struct wait_request *request,
				  struct wait_event *event)
{
	struct process *me = current_process();
	unsigned int options = request->options;
	enum look look = LOOK_NOBODY;
	struct process *child, *reaped = NULL;

	spin_lock(&process_tree_lock);
	list_for_each (child, &me->children, sibling) {
		if (!is_wanted(request, child))
			continue;
		if (child->zombie) {
			if (!(options & WEXITED))
				continue;
			if (take_zombie(child, options, event))
				reaped = child;
			look = LOOK_FOUND;
			break;
		}
		look = LOOK_NOTHING_YET;
		if (((options & WSTOPPED) &&
		     take_stopped(child, options, event)) ||
		    ((options & WCONTINUED) &&
		     take_continued(child, options, event))) {
			look = LOOK_FOUND;
			break;
		}
	}
	spin_unlock(&process_tree_lock);
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
