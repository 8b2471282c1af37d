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
 * Most processes are of their parent's group, and come and go on all harts at
 * once. So that they need not write to anything the group has in common, not
 * even a count, a group lists only those who are not found through their parent:
 *
 *   G1  A process in the tree is in group->group, or is not and its parent is of
 *       the same group. The members are those listed, their children that are
 *       not listed, theirs, and so on; where nobody is listed, there are none.
 *   G2  Who is listed has a reference to the group and to its session. Who is not
 *       uses those of the ancestor that is: that one cannot leave the tree or
 *       the group before its children are listed (or given to another of the
 *       same group), and that takes all of the tree's lock.
 *   G3  A process that has left the tree has its references still, or NULL.
 *
 * Locks: the tree's (process_tree.h), all of it but to look at a number or to
 * enlist; pid_lock for the lists.
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
	int number = -ESRCH;

	process_tree_enter();
	pid_hold(process->pid);
	if (process->pid->process) /* in the tree, so it has one (G2) */
		number = process->session->leader->number;
	pid_release(process->pid);
	process_tree_leave();
	return number;
}

int process_group_number(struct process *process)
{
	int number = -ESRCH;

	process_tree_enter();
	pid_hold(process->pid);
	if (process->pid->process)
		number = process->group->number;
	pid_release(process->pid);
	process_tree_leave();
	return number;
}

/* ---- Members ------------------------------------------------------------- */

static bool is_listed(const struct process *process)
{
	return !list_empty(&process->group_node);
}

void group_enlist(struct process *process)
{
	if (is_listed(process))
		return;
	pid_get(process->group);
	session_get(process->session);
	spin_lock(&pid_lock);
	list_push_back(&process->group->group, &process->group_node);
	spin_unlock(&pid_lock);
}

void group_leave(struct process *process)
{
	if (is_listed(process)) {
		spin_lock(&pid_lock);
		list_remove(&process->group_node);
		spin_unlock(&pid_lock);
	} else {
		process->group = NULL; /* G3 */
		process->session = NULL;
	}
}

/* From @node on in a row of children: the first that is not listed, or NULL. */
static struct process *find_unlisted(struct list_head *node,
				     const struct list_head *row)
{
	for (; node != row; node = node->next) {
		struct process *child =
			list_entry(node, struct process, sibling);

		if (!is_listed(child))
			return child;
	}
	return NULL;
}

static struct process *first_below(struct process *process)
	MUST_HOLD(process_tree)
{
	struct process *child =
		find_unlisted(process->children.next, &process->children);

	if (child)
		return child;
	return find_unlisted(process->dead_children.next,
			     &process->dead_children);
}

/* The next unlisted one of the same parent: the living first, then the dead. */
static struct process *next_beside(struct process *process)
	MUST_HOLD(process_tree)
{
	struct process *parent = process->parent;
	struct list_head *node = process->sibling.next;

	if (!process->zombie) {
		struct process *child = find_unlisted(node, &parent->children);

		if (child)
			return child;
		node = parent->dead_children.next;
	}
	return find_unlisted(node, &parent->dead_children);
}

struct process *group_first(const struct pid *group)
{
	return list_empty(&group->group)
		       ? NULL
		       : list_first(&group->group, struct process, group_node);
}

struct process *group_next(const struct pid *group, struct process *member)
{
	struct process *next = first_below(member);

	/* Up again, to the one that is listed. */
	for (; !next && !is_listed(member); member = member->parent)
		next = next_beside(member);
	if (next)
		return next;
	return member->group_node.next == &group->group
		       ? NULL
		       : list_first(&member->group_node, struct process,
				    group_node);
}

/* Its children, who may be members through it, are so by themselves. */
static void enlist_family(struct process *process) MUST_HOLD(process_tree)
{
	struct process *child;

	group_enlist(process);
	list_for_each (child, &process->children, sibling)
		group_enlist(child);
	list_for_each (child, &process->dead_children, sibling)
		group_enlist(child);
}

/* ---- Changing sessions and groups ---------------------------------------- */

static bool leads_session(const struct process *process)
{
	return process->session->leader == process->pid;
}

/* Into @group; the reference to the group left is handed back. */
static struct pid *move_to_group(struct process *process, struct pid *group)
	MUST_HOLD(process_tree)
{
	struct pid *old = process->group;

	enlist_family(process);
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
	process_tree_lock();
	/* Not with our number on a group: it would be in two sessions. */
	if (!list_empty(&me->pid->group) || leads_session(me))
		goto unlock;

	old_group = move_to_group(me, me->pid);
	old_session = me->session;
	me->session = session;
	process_tree_unlock();

	pid_put(old_group);
	session_put(old_session);
	return process_pid(me);

unlock:
	process_tree_unlock();
	session_put(session);
	return err;
}

/* May the current process move @target? 0 or the error of setpgid(2). */
static int may_move(const struct process *target) MUST_HOLD(process_tree)
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

/* May @target join @group: its own, or an existing one of the session? */
static bool may_join(const struct process *target, const struct pid *group)
	MUST_HOLD(process_tree)
{
	const struct process *member;

	if (group == target->pid)
		return true;
	if (!group || list_empty(&group->group))
		return false;
	member = list_first(&group->group, struct process, group_node);
	return member->session == current_process()->session;
}

int process_set_group(int pid, int number)
{
	struct process *target;
	struct pid *group, *old = NULL;
	int err;

	if (number < 0)
		return -EINVAL;
	if (!pid)
		pid = process_pid(current_process());
	if (!number)
		number = pid;

	group = pid_find(number);
	process_tree_lock();
	target = process_look_up(pid);
	err = target ? may_move(target) : -ESRCH;
	if (!err && !may_join(target, group))
		err = -EPERM;
	if (!err && group != target->group)
		old = move_to_group(target, group);
	process_tree_unlock();
	pid_put(old);
	pid_put(group);
	return err;
}

/* ---- Orphaned groups ----------------------------------------------------- */

/* @ignored is about to leave the group; it may be NULL. */
static bool is_orphaned(struct pid *group, const struct process *ignored)
	MUST_HOLD(process_tree)
{
	struct process *member;

	group_for_each (member, group) {
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

static bool has_stopped_member(struct pid *group) MUST_HOLD(process_tree)
{
	struct process *member;

	group_for_each (member, group) {
		if (READ_ONCE(member->stopped))
			return true;
	}
	return false;
}

static bool links(const struct process *parent, const struct process *child)
{
	return parent && parent->group != child->group &&
	       parent->session == child->session;
}

bool group_is_linked_by(const struct process *process)
{
	return links(process->parent, process);
}

void group_check_orphaned(struct process *process, struct process *old_parent)
{
	struct process *parent = old_parent ? old_parent : process->parent;
	struct process *ignored = old_parent ? NULL : process;
	struct pid *group = process->group;
	struct process *member;

	if (!links(parent, process))
		return; /* it was not the link to the session */
	if (!is_orphaned(group, ignored) || !has_stopped_member(group))
		return;
	group_for_each (member, group) {
		signal_send_process(member, SIGHUP, NULL);
		signal_send_process(member, SIGCONT, NULL);
	}
}
