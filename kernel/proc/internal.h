/* SPDX-License-Identifier: MIT */
/*
 * internal.h - what the files about processes share (proc/ only)
 */
#pragma once

#include "kernel/proc/process.h"

/* pid.c */
void pids_init(void);

/* process.c */
/* A copy of @parent's limits and settings, in no tree yet, refs 1; @pid's
 * reference is taken over on success. NULL: no memory. */
struct process *process_create(struct pid *pid);
/* May there be another thread, and a process for it? */
bool process_is_room(void);
/* One more or less thread in the system, and of its user's. */
void process_count_thread(struct thread *thread);
void process_uncount_thread(struct thread *thread);
void process_count_fork(void);

/* Into @parent's children; it is in nobody's. Here and below: the tree is
 * entered and the parent's children_lock held, or the tree is locked. */
void process_set_parent(struct process *process, struct process *parent)
	MUST_HOLD(process_tree);
/* It has given back all but its record. */
void process_set_zombie(struct process *process) MUST_HOLD(process_tree);
/*
 * Take a dead process out of the tree, for good: nobody finds it any more.
 * The caller then calls process_forget(), without the tree's lock.
 */
void process_unlink(struct process *process) MUST_HOLD(process_tree);
/* After process_unlink(): drop the tree's reference, tell the hook. */
void process_forget(struct process *process);
/* Into the tree, which takes a reference, as a child of @parent, in the group
 * and session of @like; its leader bears its number from now on. */
void process_link(struct process *process, struct process *parent,
		  struct process *like) MUST_HOLD(process_tree);

/* notify.c: tell the parent that @process became a zombie. True: nobody will
 * wait for it, so it is to be unlinked. */
bool process_announce_exit(struct process *process) MUST_HOLD(process_tree);
/* The siginfo of SIGCHLD and waitid(2) about @process. */
void process_child_info(struct process *process, int code, int status,
			struct short_siginfo *info);
/* CLD_* and si_status from wait(2)'s encoding of an exit. */
int process_exit_info(int exit_code, int *status);

/* process.c: highest resident size, KiB. */
uint64_t process_peak_kib(const struct vm_space *space);

/* group.c: might @process be what links its group to its session? Only then
 * has the next function something to do. */
bool group_is_linked_by(const struct process *process) MUST_HOLD(process_tree);
/* Groups that @process leaves without a link to their session get SIGHUP and
 * SIGCONT if something in them is stopped. The tree is locked. */
void group_check_orphaned(struct process *process, struct process *parent)
	MUST_HOLD(process_tree);
/* @process is of its group by itself from now on, not through its parent. */
void group_enlist(struct process *process) MUST_HOLD(process_tree);
/* It is out of the tree: its number is not its own any more. */
void group_leave(struct process *process) MUST_HOLD(process_tree);
struct session *session_create(struct pid *leader);
void session_get(struct session *session);
void session_put(struct session *session);

/* oom.c */
bool oom_kill_one(void);
