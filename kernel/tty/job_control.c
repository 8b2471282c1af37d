/* SPDX-License-Identifier: MIT */
/*
 * job_control.c - which session has a terminal, which of its groups may use it
 *
 * Idea: a session has at most one controlling terminal, and that terminal one
 * foreground process group: it gets the signals of the keys. Who is in another
 * group of the session is stopped when it tries to read (SIGTTIN) or to change
 * settings (SIGTTOU), so that the shell can bring it to the foreground.
 *
 * Invariants
 *   J1  session->tty == tty exactly while tty->session == session; both change
 *       with the process tree locked. session->tty holds a reference to the tty.
 *   J2  tty->foreground (under tty->lock) holds a reference to the group.
 * The tree's lock is taken before tty->lock.
 *
 * Deliberately simple: giving a terminal up (TIOCNOTTY) by a process that does
 * not lead its session does nothing; Linux takes it from that process only.
 *
 * Source: POSIX.1-2017, "Job Control"; tty_ioctl(4), setsid(2), credentials(7).
 */
#include "kernel/tty/internal.h"

#include "kernel/abi/fcntl.h"
#include "kernel/mm/user_copy.h"
#include "kernel/proc/process.h"
#include "kernel/vfs/cred.h"
#include "kernel/vfs/file.h"

#include <linux/capability.h>

static bool is_session_leader(const struct process *process)
{
	return process->session->leader == process->pid;
}

/* Make @group (a reference is taken; NULL: none) the foreground group. The old
 * one is the caller's to put, without the tree's lock. */
static struct pid *set_foreground(struct tty *tty, struct pid *group)
{
	struct pid *old;

	if (group)
		pid_get(group);
	spin_lock(&tty->lock);
	old = tty->foreground;
	tty->foreground = group;
	spin_unlock(&tty->lock);
	return old;
}

static void put_group(struct pid *group)
{
	if (group)
		pid_put(group);
}

/* With a reference, or NULL. */
static struct pid *get_foreground(struct tty *tty)
{
	struct pid *group;

	spin_lock(&tty->lock);
	group = tty->foreground;
	if (group)
		pid_get(group);
	spin_unlock(&tty->lock);
	return group;
}

/* Both sides forget each other (J1). The reference of the session is the
 * caller's to drop when the lock is released. */
static bool unlink_session(struct tty *tty) MUST_HOLD(process_tree)
{
	if (!tty->session)
		return false;
	tty->session->tty = NULL;
	tty->session = NULL;
	return true;
}

void tty_leave_session(struct tty *tty)
{
	bool had_session;

	process_tree_lock();
	had_session = unlink_session(tty);
	process_tree_unlock();
	put_group(set_foreground(tty, NULL));
	if (had_session)
		tty_put(tty);
}

/* The current process's session takes @tty, which has none. Returns the old
 * foreground group as set_foreground() does. */
static struct pid *link_session(struct tty *tty) MUST_HOLD(process_tree)
{
	struct process *process = current_process();

	tty_get(tty);
	tty->session = process->session;
	process->session->tty = tty;
	return set_foreground(tty, process->group);
}

void tty_acquire(struct tty *tty)
{
	struct process *process = current_process();
	struct pid *old = NULL;

	process_tree_lock();
	if (is_session_leader(process) && !process->session->tty &&
	    !tty->session)
		old = link_session(tty);
	process_tree_unlock();
	put_group(old);
}

struct tty *tty_of_session(void)
{
	struct tty *tty;

	process_tree_enter();
	tty = current_process()->session->tty;
	if (tty)
		tty_get(tty);
	process_tree_leave();
	return tty;
}

/* TIOCSCTTY: 0, or -EPERM. */
long tty_ioctl_set_controlling(struct tty *tty, struct file *file, bool steal)
{
	struct process *process = current_process();
	bool can_read = (file->flags & O_ACCMODE) != O_WRONLY;
	struct pid *old = NULL;
	bool stolen = false;
	long err = -EPERM;

	process_tree_lock();
	if (is_session_leader(process) && tty->session == process->session) {
		err = 0;
		goto unlock;
	}
	if (!is_session_leader(process) || process->session->tty)
		goto unlock;
	if (tty->session && !(steal && capable(CAP_SYS_ADMIN)))
		goto unlock;
	if (!can_read && !capable(CAP_SYS_ADMIN))
		goto unlock;
	stolen = unlink_session(tty);
	old = link_session(tty);
	err = 0;
unlock:
	process_tree_unlock();
	put_group(old);
	if (stolen)
		tty_put(tty);
	return err;
}

static void signal_group(struct pid *group, int signo)
{
	signal_send_group(group, signo, NULL);
}

/* TIOCNOTTY. */
long tty_ioctl_give_up(struct tty *tty)
{
	struct pid *group;
	bool is_ours, is_leader;

	process_tree_lock();
	is_ours = current_process()->session->tty == tty;
	is_leader = is_session_leader(current_process());
	process_tree_unlock();
	if (!is_ours)
		return -ENOTTY;
	if (!is_leader)
		return 0;

	group = get_foreground(tty);
	tty_leave_session(tty);
	if (group) {
		signal_group(group, SIGHUP);
		signal_group(group, SIGCONT);
		pid_put(group);
	}
	return 0;
}

static void signal_leader_of_hung_up(struct tty *tty)
{
	struct process *leader = NULL;

	process_tree_lock();
	if (tty->session)
		leader = tty->session->leader->process;
	if (leader)
		process_get(leader);
	process_tree_unlock();
	if (!leader)
		return;
	signal_send_process(leader, SIGHUP, NULL);
	signal_send_process(leader, SIGCONT, NULL);
	process_put(leader);
}

/* The session keeps @group (reference taken over) for its leader's exit. */
static void remember_hung_up_group(struct tty *tty, struct pid *group)
{
	struct pid *old = group;

	process_tree_lock();
	if (tty->session) {
		old = tty->session->hung_up_group;
		tty->session->hung_up_group = group;
	}
	process_tree_unlock();
	put_group(old);
}

void tty_signal_hang_up(struct tty *tty, bool session_ends)
{
	struct pid *group = get_foreground(tty);

	signal_leader_of_hung_up(tty);
	if (!group)
		return;
	if (session_ends) {
		signal_group(group, SIGHUP);
		pid_put(group);
	} else {
		remember_hung_up_group(tty, group);
	}
}

/* Its terminal was hung up earlier: now what was in the foreground goes. */
static void hang_up_remembered(struct session *session)
{
	struct pid *group;

	process_tree_lock();
	group = session->hung_up_group;
	session->hung_up_group = NULL;
	process_tree_unlock();
	if (!group)
		return;
	signal_group(group, SIGHUP);
	signal_group(group, SIGCONT);
	pid_put(group);
}

void tty_disassociate(struct session *session)
{
	struct pid *group;
	struct tty *tty;

	process_tree_lock();
	tty = session->tty;
	if (tty)
		tty_get(tty);
	process_tree_unlock();
	if (!tty) {
		hang_up_remembered(session);
		return;
	}
	if (tty->below->is_pty) {
		group = get_foreground(tty);
		tty_leave_session(tty);
		if (group) {
			signal_group(group, SIGHUP);
			pid_put(group);
		}
	} else {
		tty_hang_up(tty, true);
	}
	tty_put(tty);
}

void tty_vhangup(void)
{
	struct tty *tty = tty_of_session();

	if (!tty)
		return;
	tty_hang_up(tty, false);
	tty_put(tty);
}

/* The tree is locked. */
static void describe(struct session *session, uint64_t *rdev, int *group)
{
	struct tty *tty = session->tty;

	*rdev = 0;
	*group = -1;
	if (!tty)
		return;
	*rdev = tty->rdev;
	spin_lock(&tty->lock);
	if (tty->foreground)
		*group = tty->foreground->number;
	spin_unlock(&tty->lock);
}

/* The foreground group, and who asks. */

static bool is_blocked_or_ignored(int signo)
{
	return (current()->signal_blocked & SIGNAL_BIT(signo)) ||
	       signal_is_ignored(current_process(), signo);
}

int tty_check_foreground(struct tty *tty, int signo)
{
	struct process *process = current_process();
	struct pid *group = NULL;
	bool is_foreground, is_orphaned;

	process_tree_enter();
	spin_lock(&tty->lock);
	is_foreground = process->session->tty != tty || !tty->foreground ||
			tty->foreground == process->group;
	spin_unlock(&tty->lock);
	if (!is_foreground) {
		group = process->group;
		pid_get(group);
	}
	process_tree_leave();
	if (is_foreground)
		return 0;

	process_tree_lock();
	is_orphaned = process_group_is_orphaned(group);
	process_tree_unlock();
	if (is_blocked_or_ignored(signo)) {
		pid_put(group);
		return signo == SIGTTIN ? -EIO : 0;
	}
	if (!is_orphaned)
		signal_group(group, signo);
	pid_put(group);
	return is_orphaned ? -EIO : -ERESTARTSYS;
}

static bool is_controlling(struct tty *tty) MUST_HOLD(process_tree)
{
	return current_process()->session->tty == tty;
}

/* TIOCGPGRP; the master side of a pty need not control it. */
long tty_ioctl_get_group(struct tty *tty, bool from_master, unsigned long arg)
{
	int number = 0;
	bool allowed;

	process_tree_lock();
	allowed = from_master || is_controlling(tty);
	spin_lock(&tty->lock);
	if (tty->foreground)
		number = tty->foreground->number;
	spin_unlock(&tty->lock);
	process_tree_unlock();
	if (!allowed)
		return -ENOTTY;
	return put_user_u32((void __user *)arg, (uint32_t)number);
}

/* Is @group one of the current session? 0, -ESRCH, -EPERM. */
static int check_group_of_session(struct pid *group) MUST_HOLD(process_tree)
{
	struct process *member;

	member = group_first(group);
	if (!member)
		return -ESRCH;
	return member->session == current_process()->session ? 0 : -EPERM;
}

/* TIOCSPGRP. */
long tty_ioctl_set_group(struct tty *tty, unsigned long arg)
{
	struct pid *group, *old = NULL;
	uint32_t number;
	int err;

	err = tty_check_foreground(tty, SIGTTOU);
	if (err)
		return err == -EIO ? -ENOTTY : err;
	if (get_user_u32(&number, (void __user *)arg))
		return -EFAULT;
	if ((int)number < 0)
		return -EINVAL;

	group = pid_find((int)number);
	process_tree_lock();
	if (!is_controlling(tty))
		err = -ENOTTY;
	else if (!group)
		err = -ESRCH;
	else
		err = check_group_of_session(group);
	if (!err)
		old = set_foreground(tty, group);
	process_tree_unlock();
	put_group(old);
	put_group(group);
	return err;
}

/* TIOCGSID. */
long tty_ioctl_get_session(struct tty *tty, bool from_master, unsigned long arg)
{
	int number = 0;

	process_tree_lock();
	if (tty->session && (from_master || is_controlling(tty)))
		number = tty->session->leader->number;
	process_tree_unlock();
	if (!number)
		return -ENOTTY;
	return put_user_u32((void __user *)arg, (uint32_t)number);
}

void job_control_init(void)
{
	process_tty_ops.disassociate = tty_disassociate;
	process_tty_ops.describe = describe;
}
