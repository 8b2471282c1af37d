/* SPDX-License-Identifier: MIT */
/*
 * pidfd.c - a process as an open file: pidfd_open(2)
 *
 * Idea: the file holds a reference to the process, which keeps the record (not
 * the process) alive, and its number in use.
 */
#include "kernel/proc/pidfd.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/lib/format.h"
#include "kernel/proc/process.h"
#include "kernel/vfs/file.h"
#include "kernel/vfs/poll.h"

static void pidfd_release(struct file *file)
{
	process_put(file->data);
}

static unsigned int pidfd_poll(struct file *file, struct poll_table *table)
{
	struct process *process = file->data;

	poll_wait(table, &process->exit_wait);
	return READ_ONCE(process->zombie) ? EPOLLIN | EPOLLRDNORM : 0;
}

static void pidfd_show_fdinfo(struct file *file, char *buf, size_t size)
{
	struct process *process = file->data;
	int number = process_pid(process);

	/* -1 once nobody could wait for it any more. */
	if (!READ_ONCE(process->pid->process))
		number = -1;
	format_string(buf, size, "Pid:\t%d\nNSpid:\t%d\n", number, number);
}

static const struct file_ops pidfd_ops = {
	.release = pidfd_release,
	.poll = pidfd_poll,
	.show_fdinfo = pidfd_show_fdinfo,
	.stream = true,
};

int pidfd_open(struct process *process, unsigned int flags)
{
	struct inode *inode = inode_create_anonymous(S_IFREG | 0600);
	struct file *file;
	int err;

	if (!inode)
		return -ENOMEM;
	err = file_create_anonymous(inode, "anon_inode:[pidfd]", &pidfd_ops,
				    O_RDWR | flags, process, &file);
	if (err)
		return err;
	process_get(process);
	err = fd_install(file, 0, true);
	if (err < 0)
		file_put(file);
	return err;
}

struct process *pidfd_process(struct file *file)
{
	struct process *process = file->data;

	if (file->ops != &pidfd_ops)
		return NULL;
	process_get(process);
	return process;
}
