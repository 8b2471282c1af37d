/* SPDX-License-Identifier: MIT */
/*
 * internal.h - the tables that /proc is made of
 *
 * Idea: a file is one line in a table: its name, its mode, and the function
 * that writes its text. Directories are tables of such lines; those whose names
 * are numbers (processes, threads, descriptors) also have a way to list them.
 * Everything else (inodes, look-ups, reading a part of a text) is procfs.c.
 * To add a file: a line in a table and its show function.
 */
#pragma once

#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/fs/proc/text.h"
#include "kernel/lib/string.h"
#include "kernel/proc/process.h"
#include "kernel/vfs/file.h"
#include "kernel/vfs/path.h"

struct proc_entry;

/* What an inode of /proc stands for: inode->data. Fixed while it lives. */
struct proc_node {
	const struct proc_entry *entry;
	/* In and below a process's or thread's directory; a reference. It keeps
	 * the number from being given to another process. */
	struct pid *pid;
	bool is_thread; /* below task/: pid is that of a thread */
	int number;     /* below fd/ and fdinfo/: the descriptor */
};

/* Whom a file tells about, with references, for the length of one call. */
struct proc_subject {
	struct process *process; /* NULL: a file about the whole system */
	struct thread *thread;   /* the one of task/TID, or the first */
	bool whole;              /* not in task/TID: about all threads */
	int number;
	const struct proc_entry *entry;
};

/* Names that are numbers. */
struct proc_numbers {
	/* The first number in @dir at or above *@number. False: none. */
	bool (*next)(const struct proc_node *dir, int *number);
	/* Fill in pid (with a reference), is_thread, number of @child, which
	 * begins as a copy of @dir. 0, -ENOENT. */
	int (*find)(const struct proc_node *dir, int number,
		    struct proc_node *child);
	const struct proc_entry *entry; /* what each of them is */
};

struct proc_entry {
	const char *name;
	uint32_t mode; /* S_IFREG, S_IFDIR or S_IFLNK, and permissions */
	/* Only for who may trace the process: ptrace(2). */
	bool guarded;

	/* The text of a file, or of a symbolic link. */
	int (*show)(const struct proc_subject *subject, struct text *text);
	/* Text written to it, at most a page, ended by NUL. 0 or an error. */
	int (*store)(const struct proc_subject *subject, const char *text,
		     size_t size);
	/* Instead of show: always the same text. */
	const char *constant;
	/* Instead of show and store: a number that can be set. */
	struct proc_value *value;
	/* Links that lead to an object, not to a name. */
	int (*jump)(const struct proc_subject *subject, struct path *out);
	/* Permissions that depend on the object; NULL: those of mode. */
	uint32_t (*permissions)(const struct proc_subject *subject);
	/* Files that are no text. */
	const struct file_ops *file_ops;
	uint64_t data; /* for show and jump */

	/* Directories. */
	const struct proc_entry *children; /* ended by an entry without name */
	const struct proc_numbers *numbers;
};

struct proc_value {
	uint64_t value; /* atomic */
	uint64_t min, max;
};

#define PROC_FILE  (S_IFREG | 0444)
#define PROC_DIR   (S_IFDIR | 0555)
#define PROC_LINK  (S_IFLNK | 0777)
#define PROC_WRITE (S_IFREG | 0644)

#define NANOSECONDS_PER_TICK 10000000u /* USER_HZ is 100: proc(5) */

/* procfs.c */

/* The subject of @node; put it afterwards. 0, -ESRCH. */
int proc_subject_get(const struct proc_node *node,
		     struct proc_subject *subject);
void proc_subject_put(struct proc_subject *subject);
static inline const struct proc_node *proc_node_of(const struct inode *inode)
{
	return inode->data;
}
/* 0; -EACCES if @entry is guarded and the subject is not ours to trace. */
int proc_check_access(const struct proc_entry *entry,
		      const struct proc_subject *subject);
/* Add the name of @path as the current process sees it. */
void proc_add_path(struct text *text, const struct path *path, bool escaped);
/* A number, with blanks around it. 0, -EINVAL. */
int proc_parse_number(const char *text, int64_t *number);

/* The tables. */

extern const struct proc_entry proc_root;          /* root.c */
extern const struct proc_numbers proc_processes;   /* process_dir.c */
extern const struct proc_numbers proc_descriptors; /* process_files.c */
extern const struct proc_numbers proc_descriptor_infos;
extern const struct proc_numbers proc_irqs; /* interrupts.c */
extern const struct proc_entry proc_namespaces[];
int proc_namespaces_init(void);
extern const struct proc_entry proc_sys_files[]; /* sysctl.c */
extern const struct proc_entry proc_net_files[]; /* net.c */
extern const struct proc_entry proc_tty_files[]; /* devices.c */

/* Show functions, by file. */
#define PROC_SHOW(name)                                                        \
	int proc_show_##name(const struct proc_subject *subject,               \
			     struct text *text)

/* process_status.c */
PROC_SHOW(stat);
PROC_SHOW(statm);
PROC_SHOW(status);
PROC_SHOW(comm);
PROC_SHOW(limits);
PROC_SHOW(schedstat);
PROC_SHOW(oom_score);
PROC_SHOW(oom_score_adj);
PROC_SHOW(personality);
int proc_store_comm(const struct proc_subject *subject, const char *text,
		    size_t size);
int proc_store_oom_score_adj(const struct proc_subject *subject,
			     const char *text, size_t size);

/* process_memory.c */
PROC_SHOW(cmdline);
PROC_SHOW(environ);
PROC_SHOW(auxv);
PROC_SHOW(maps);
PROC_SHOW(smaps);
PROC_SHOW(smaps_rollup);
extern const struct file_ops proc_mem_ops;
extern const struct file_ops proc_pagemap_ops;

/* process_files.c */
PROC_SHOW(exe);
PROC_SHOW(cwd);
PROC_SHOW(root_link);
int proc_jump_exe(const struct proc_subject *subject, struct path *out);
int proc_jump_cwd(const struct proc_subject *subject, struct path *out);
int proc_jump_root(const struct proc_subject *subject, struct path *out);

/* mounts.c */
PROC_SHOW(mounts);
PROC_SHOW(mountinfo);
PROC_SHOW(mountstats);

/* system.c */
PROC_SHOW(meminfo);
PROC_SHOW(system_stat);
PROC_SHOW(uptime);
PROC_SHOW(loadavg);
PROC_SHOW(cpuinfo);
PROC_SHOW(version);
PROC_SHOW(cmdline_of_kernel);
PROC_SHOW(vmstat);
PROC_SHOW(interrupts);
PROC_SHOW(slabinfo);
PROC_SHOW(zoneinfo);

/* devices.c */
PROC_SHOW(devices);
PROC_SHOW(partitions); /* disks.c */
PROC_SHOW(diskstats);  /* disks.c */
PROC_SHOW(filesystems);

/* trace.c */
PROC_SHOW(trace_format);
PROC_SHOW(trace_lost);
PROC_SHOW(trace_control);
int proc_store_trace_control(const struct proc_subject *subject,
			     const char *text, size_t size);
int proc_store_trace_mark(const struct proc_subject *subject, const char *text,
			  size_t size);
extern const struct file_ops proc_trace_raw_ops, proc_trace_boot_ops;

/* creance.c */
PROC_SHOW(memory);
PROC_SHOW(locks);
int proc_store_locks(const struct proc_subject *subject, const char *text,
		     size_t size);
int proc_store_sysrq(const struct proc_subject *subject, const char *text,
		     size_t size);
