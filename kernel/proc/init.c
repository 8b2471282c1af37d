/* SPDX-License-Identifier: MIT */
/*
 * init.c - the first process
 *
 * Idea: all processes come from clone() but one. That one is made here by
 * hand, out of the kernel thread that booted the system: it is given what a
 * process has, then executes a program and so leaves to user mode.
 * Read: OSTEP ch. 6, the "OS @ run" rows of the first protocol table.
 */
#include <arch/thread.h>
#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/debug/log.h"
#include "kernel/debug/panic.h"
#include "kernel/lib/boot_args.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/exec.h"
#include "kernel/proc/internal.h"
#include "kernel/trace/trace.h"
#include "kernel/vfs/cred.h"
#include "kernel/vfs/file.h"

#define MAX_INIT_ARGS 16u

/* Group and session 0: so the first process may still found its own. */
static struct pid pid_zero = {
	.refs = { 1 },
	.group = LIST_HEAD_INIT(pid_zero.group),
};

static const char *const init_environment[] = { "HOME=/", "TERM=linux", NULL };

/* Into the tree, as its root. */
static void plant(struct process *process, struct session *session)
{
	struct thread *me = current();

	process_tree_lock();
	pid_get(&pid_zero);
	process->group = &pid_zero;
	list_push_back(&pid_zero.group, &process->group_node);
	process->session = session;
	process_get(process);
	pid_set_process(process->pid, process);
	list_push_back(&process->threads, &me->process_node);
	process->num_threads = 1;
	process_tree_unlock();
	init_process = process;
}

static void become_process(void)
{
	struct thread *me = current();
	struct session *session = session_create(&pid_zero);
	struct process *process;

	if (!session || pid_alloc(0, &me->pid))
		goto no_memory;
	me->tid = me->pid->number;
	me->trace.pid = me->trace.tid = me->tid;
	TRACE(PROCESS_CREATE, (uint64_t)me->tid, (uint64_t)me->tid, false);
	pid_get(me->pid);
	process = process_create(me->pid);
	if (!process)
		goto no_memory;
	process->actions = signal_actions_create();
	me->files = fd_table_create();
	if (!me->fs)
		me->fs = fs_context_create();
	if (!process->actions || !me->files || !me->fs)
		goto no_memory;
	me->process = process;
	process->leader = me;
	thread_get(me);
	process_count_thread(me);
	plant(process, session);
	return;

no_memory:
	halt_machine("no memory for the first process");
}

/* Descriptors 0, 1 and 2. */
static void open_console(void)
{
	struct file *file;
	int err = file_open(NULL, "/dev/console", O_RDWR, 0, &file);

	if (err) {
		log_warning("no /dev/console for init: error %d", -err);
		return;
	}
	for (int fd = 0; fd < 3; fd++) {
		if (fd_install(file_get(file), 0, false) < 0)
			file_put(file);
	}
	file_put(file);
}

/* The words after "--" on the kernel's command line go to init. */
static unsigned int add_boot_words(char *line, const char *args[],
				   unsigned int num)
{
	char *word = strstr(line, " -- ");

	if (!word)
		return num;
	for (word += 4; *word && num < MAX_INIT_ARGS; word++) {
		if (*word == ' ')
			continue;
		args[num++] = word;
		word = strchr(word, ' ');
		if (!word)
			break;
		*word = '\0';
	}
	return num;
}

/* Comes back only if @path cannot be run, with the reason. */
static int try_init(const char *path)
{
	const char *args[MAX_INIT_ARGS + 1] = { path };
	char *line = kstrdup(boot_args_line());
	unsigned int num = 1;
	int err;

	if (line)
		num = add_boot_words(line, args, num);
	args[num] = NULL;
	err = exec_kernel(path, args, init_environment);
	kfree(line);
	if (err)
		return err;
	log_info("init: %s is process %d", path,
		 process_pid(current_process()));
	arch_enter_user();
}

void process_start_init(const char *wanted)
{
	static const char *const usual[] = { "/init", "/sbin/init", "/etc/init",
					     "/bin/init", "/bin/sh" };

	become_process();
	open_console();
	if (wanted && *wanted) {
		int err = try_init(wanted);

		halt_machine("init=%s cannot be run: error %d", wanted, -err);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(usual); i++) {
		int err = try_init(usual[i]);

		if (err != -ENOENT)
			log_error("init: %s cannot be run: error %d", usual[i],
				  -err);
	}
	halt_machine(
		"no init found: tried /init, /sbin/init, /etc/init, /bin/init "
		"and /bin/sh");
}
