/* SPDX-License-Identifier: MIT */
/*
 * process_dir.c - what stands in /proc/PID and in /proc/PID/task/TID
 */
#include "kernel/fs/proc/internal.h"

#define NOBODY "4294967295" /* (uid_t)-1: not set */

static const struct proc_numbers threads;

/* Refused, as by a kernel without a security module. */
static int show_no_module(const struct proc_subject *subject, struct text *text)
{
	return -EINVAL;
}

/* Accepted where nothing else could be chosen. */
static int store_nothing(const struct proc_subject *subject, const char *text,
			 size_t size)
{
	return 0;
}

static const struct proc_entry attr_files[] = {
	{ "current", S_IFREG | 0666, .show = show_no_module },
	{ "exec", S_IFREG | 0666, .show = show_no_module },
	{ "prev", PROC_FILE, .show = show_no_module },
	{},
};

/* clang-format off */

/* What a process and each of its threads have. */
#define COMMON_FILES \
	{ "auxv", S_IFREG | 0400, .guarded = true, .show = proc_show_auxv }, \
	{ "cgroup", PROC_FILE, .constant = "0::/\n" }, \
	{ "cmdline", PROC_FILE, .show = proc_show_cmdline }, \
	{ "comm", PROC_WRITE, .show = proc_show_comm, .store = proc_store_comm }, \
	{ "cpuset", PROC_FILE, .constant = "/\n" }, \
	{ "cwd", PROC_LINK, .guarded = true, .show = proc_show_cwd, .jump = proc_jump_cwd }, \
	{ "environ", S_IFREG | 0400, .guarded = true, .show = proc_show_environ }, \
	{ "exe", PROC_LINK, .guarded = true, .show = proc_show_exe, .jump = proc_jump_exe }, \
	{ "gid_map", PROC_WRITE, .constant = "         0          0 " NOBODY "\n" }, \
	{ "io", S_IFREG | 0400, .guarded = true, \
	  .constant = "rchar: 0\nwchar: 0\nsyscr: 0\nsyscw: 0\nread_bytes: 0\n" \
		      "write_bytes: 0\ncancelled_write_bytes: 0\n" }, \
	{ "limits", PROC_FILE, .show = proc_show_limits }, \
	{ "loginuid", PROC_WRITE, .constant = NOBODY, .store = store_nothing }, \
	{ "maps", PROC_FILE, .guarded = true, .show = proc_show_maps }, \
	{ "mem", S_IFREG | 0600, .guarded = true, .file_ops = &proc_mem_ops }, \
	{ "mountinfo", PROC_FILE, .show = proc_show_mountinfo }, \
	{ "mounts", PROC_FILE, .show = proc_show_mounts }, \
	{ "oom_score", PROC_FILE, .show = proc_show_oom_score }, \
	{ "oom_score_adj", PROC_WRITE, .show = proc_show_oom_score_adj, \
	  .store = proc_store_oom_score_adj }, \
	{ "pagemap", S_IFREG | 0400, .guarded = true, .file_ops = &proc_pagemap_ops }, \
	{ "personality", S_IFREG | 0400, .guarded = true, .show = proc_show_personality }, \
	{ "root", PROC_LINK, .guarded = true, .show = proc_show_root_link, .jump = proc_jump_root }, \
	{ "schedstat", PROC_FILE, .show = proc_show_schedstat }, \
	{ "sessionid", PROC_FILE, .constant = NOBODY }, \
	{ "setgroups", PROC_WRITE, .constant = "allow\n", .store = store_nothing }, \
	{ "smaps", PROC_FILE, .guarded = true, .show = proc_show_smaps }, \
	{ "smaps_rollup", PROC_FILE, .guarded = true, .show = proc_show_smaps_rollup }, \
	{ "stack", S_IFREG | 0400, .guarded = true, .constant = "" }, \
	{ "stat", PROC_FILE, .show = proc_show_stat }, \
	{ "statm", PROC_FILE, .show = proc_show_statm }, \
	{ "status", PROC_FILE, .show = proc_show_status }, \
	{ "uid_map", PROC_WRITE, .constant = "         0          0 " NOBODY "\n" }, \
	{ "wchan", PROC_FILE, .constant = "0" }, \
	{ "attr", PROC_DIR, .children = attr_files }, \
	{ "fd", S_IFDIR | 0500, .guarded = true, .numbers = &proc_descriptors }, \
	{ "fdinfo", PROC_DIR, .guarded = true, .numbers = &proc_descriptor_infos }, \
	{ "net", PROC_DIR, .children = proc_net_files }, \
	{ "ns", S_IFDIR | 0511, .guarded = true, .children = proc_namespaces }

/* clang-format on */

static const struct proc_entry thread_files[] = { COMMON_FILES, {} };

static const struct proc_entry process_files[] = {
	COMMON_FILES,
	{ "coredump_filter", PROC_WRITE, .constant = "00000033\n",
	  .store = store_nothing },
	{ "mountstats", S_IFREG | 0400, .show = proc_show_mountstats },
	{ "timerslack_ns", S_IFREG | 0666, .constant = "50000\n" },
	{ "task", PROC_DIR, .numbers = &threads },
	{},
};

static const struct proc_entry process_entry = { "PID", PROC_DIR,
						 .children = process_files };
static const struct proc_entry thread_entry = { "TID", PROC_DIR,
						.children = thread_files };

/* ---- The processes in /proc ---- */

static bool next_process(const struct proc_node *dir, int *number)
{
	struct process *process = process_next(number);

	if (!process)
		return false;
	process_put(process);
	return true;
}

static int find_process(const struct proc_node *dir, int number,
			struct proc_node *child)
{
	struct pid *pid = pid_find(number);
	bool bears_process, bears_thread;

	if (!pid)
		return -ENOENT;
	bears_process = READ_ONCE(pid->process);
	bears_thread = READ_ONCE(pid->thread);
	if (!bears_process && !bears_thread) {
		pid_put(pid);
		return -ENOENT;
	}
	/* /proc/TID works for threads, too, though it is not listed. */
	WRITE_ONCE(pid->is_remembered, true);
	child->pid = pid;
	child->is_thread = !bears_process;
	return 0;
}

const struct proc_numbers proc_processes = {
	.next = next_process,
	.find = find_process,
	.entry = &process_entry,
};

/* ---- The threads in /proc/PID/task ---- */

/*
 * The thread behind the one of number @before, which was listed last: the list
 * is in the order of the numbers, but where these began again from below. NULL:
 * it is not there any more, or the last one, or such a place.
 */
static struct thread *thread_behind(const struct process *process, int before)
	MUST_HOLD(process_tree)
{
	struct thread *last = thread_look_up(before);
	struct thread *next;

	if (!last || last->process != process ||
	    last->process_node.next == &process->threads)
		return NULL;
	next = list_entry(last->process_node.next, struct thread, process_node);
	return thread_tid(next) > before ? next : NULL;
}

/* The least number of at least @number, or 0; looks at all. */
static int search_thread(const struct process *process, int number)
{
	struct thread *thread;
	int best = 0;

	list_for_each (thread, &process->threads, process_node) {
		int tid = thread_tid(thread);

		if (tid >= number && (!best || tid < best))
			best = tid;
	}
	return best;
}

static bool next_thread(const struct proc_node *dir, int *number)
{
	struct proc_subject subject;
	struct thread *next;

	if (proc_subject_get(dir, &subject))
		return false;
	process_tree_lock();
	spin_lock(&subject.process->lock);
	next = thread_behind(subject.process, *number - 1);
	*number = next ? thread_tid(next)
		       : search_thread(subject.process, *number);
	spin_unlock(&subject.process->lock);
	process_tree_unlock();
	proc_subject_put(&subject);
	return *number != 0;
}

static int find_thread(const struct proc_node *dir, int number,
		       struct proc_node *child)
{
	struct pid *pid = pid_find(number);
	bool is_ours;

	if (!pid)
		return -ENOENT;
	process_tree_lock();
	is_ours = pid->thread && dir->pid->process &&
		  pid->thread->process == dir->pid->process;
	process_tree_unlock();
	if (!is_ours) {
		pid_put(pid);
		return -ENOENT;
	}
	child->pid = pid;
	child->is_thread = true;
	return 0;
}

static const struct proc_numbers threads = {
	.next = next_thread,
	.find = find_thread,
	.entry = &thread_entry,
};
