/* SPDX-License-Identifier: MIT */
/*
 * group.c - process groups and sessions: who belongs to one job, one terminal
 *
 * Idea: a shell makes each pipeline a process group, so that the terminal can
 * signal it as a whole; a session is all the groups of one terminal. Groups
 * and sessions have the number of the process that founded them.
 * A group is orphaned when no member has its parent in another group of the
 * same session: then nobody could continue it once it is stopped.
 *
 * Locks: process_tree_lock.
 * Source: credentials(7), setpgid(2), setsid(2); POSIX, "Orphaned Process
 * Group".
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/signal.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/internal.h"

/* ---- Sessions ------------------------------------------------------------ */

struct session *session_create(struct pid *leader)
{
	struct session *session = kzalloc(sizeof(*session));

	if (!session)
		return NULL;
	refcount_init(&session->refs, 1);
	pid_get(leader);
	session->leader = leader;
	return session;
}

void session_get(struct session *session)
{
	refcount_get(&session->refs);
}

void session_put(struct session *session)
{
	if (!session || !refcount_put(&session->refs))
		return;
	pid_put(session->leader);
	kfree(session);
}

int process_session_number(struct process *process)
{
	int number;

	spin_lock(&process_tree_lock);
	number = process->session->leader->number;
	spin_unlock(&process_tree_lock);
	return number;
}

int process_group_number(struct process *process)
{
	int number;

	spin_lock(&process_tree_lock);
	number = process->group->number;
	spin_unlock(&process_tree_lock);
	return number;
}

static bool leads_session(const struct process *process)
{
	return process->session->leader == process->pid;
}

/* Into @group; the reference to the group left is handed back. */
static struct pid *move_to_group(struct process *process, struct pid *group)
	MUST_HOLD(process_tree_lock)
{
	struct pid *old = process->group;

	list_remove(&process->group_node);
	pid_get(group);
	process->group = group;
	list_push_back(&group->group, &process->group_node);
	return old;
}

int process_start_session(void)
{
	struct process *me = current_process();
	struct session *session = session_create(me->pid);
	struct session *old_session;
	struct pid *old_group;
	int err = -EPERM;

	if (!session)
		return -ENOMEM;
	spin_lock(&process_tree_lock);
	/* Not with our number on a group: it would be in two sessions. */
	if (!list_empty(&me->pid->group) || leads_session(me))
		goto unlock;

	old_group = move_to_group(me, me->pid);
	old_session = me->session;
	list_remove(&me->session_node);
	me->session = session;
	list_push_back(&me->pid->session, &me->session_node);
	spin_unlock(&process_tree_lock);

	pid_put(old_group);
	session_put(old_session);
	return process_pid(me);

unlock:
	spin_unlock(&process_tree_lock);
	session_put(session);
	return err;
}

/* ---- Groups -------------------------------------------------------------- */

/* May the current process move @target? 0 or the error of setpgid(2). */
static int may_move(const struct process *target) MUST_HOLD(process_tree_lock)
{
	const struct process *me = current_process();

	if (target != me) {
		if (target->parent != me)
			return -ESRCH;
		if (target->session != me->session)
			return -EPERM;
		if (target->did_exec)
			return -EACCES;
	}
	return leads_session(target) ? -EPERM : 0;
}

/* The group to join: @target's own, or an existing one of the session. */
static struct pid *find_group(const struct process *target, int number)
	MUST_HOLD(process_tree_lock)
{
	struct pid *group = pid_look_up(number);
	struct process *member;

	if (group == target->pid)
		return group;
	if (!group || list_empty(&group->group))
		return NULL;
	member = list_first(&group->group, struct process, group_node);
	return member->session == current_process()->session ? group : NULL;
}

int process_set_group(int pid, int number)
{
	struct process *target;
	struct pid *group, *named, *old = NULL;
	int err;

	if (number < 0)
		return -EINVAL;
	if (!pid)
		pid = process_pid(current_process());
	if (!number)
		number = pid;

	spin_lock(&process_tree_lock);
	named = pid_look_up(pid);
	target = named ? named->process : NULL;
	err = target ? may_move(target) : -ESRCH;
	if (err)
		goto unlock;
	group = find_group(target, number);
	if (!group)
		err = -EPERM;
	else if (group != target->group)
		old = move_to_group(target, group);
unlock:
	spin_unlock(&process_tree_lock);
	pid_put(old);
	return err;
}

/* ---- Orphaned groups ----------------------------------------------------- */

/* @ignored is about to leave the group; it may be NULL. */
static bool is_orphaned(struct pid *group, const struct process *ignored)
{
	struct process *member;

	list_for_each (member, &group->group, group_node) {
		const struct process *parent = member->parent;

		if (member == ignored || !parent || parent == init_process ||
		    (member->zombie && list_empty(&member->threads)))
			continue;
		if (parent->group != group &&
		    parent->session == member->session)
			return false;
	}
	return true;
}

bool process_group_is_orphaned(struct pid *group)
{
	return is_orphaned(group, NULL);
}

static bool has_stopped_member(struct pid *group)
{
	struct process *member;

	list_for_each (member, &group->group, group_node) {
		if (READ_ONCE(member->stopped))
			return true;
	}
	return false;
}

void group_check_orphaned(struct process *process, struct process *old_parent)
{
	struct process *parent = old_parent ? old_parent : process->parent;
	struct process *ignored = old_parent ? NULL : process;
	struct pid *group = process->group;
	struct process *member;

	if (!parent || parent->group == group ||
	    parent->session != process->session)
		return; /* it was not the link to the session */
	if (!is_orphaned(group, ignored) || !has_stopped_member(group))
		return;
	list_for_each (member, &group->group, group_node) {
		signal_send_process(member, SIGHUP, NULL);
		signal_send_process(member, SIGCONT, NULL);
	}
}
