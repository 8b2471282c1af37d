/* SPDX-License-Identifier: MIT */
/*
 * ancillary.c - control messages: descriptors and credentials
 *
 * Source: cmsg(3), unix(7) "Ancillary messages".
 */
#include "kernel/net/ancillary.h"

#include "kernel/abi/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/net/flight.h"
#include "kernel/proc/process.h"
#include "kernel/vfs/cred.h"
#include "kernel/vfs/file.h"

#include <linux/capability.h>

#define CONTROL_HEADER sizeof(struct abi_cmsghdr)
/* Each control message starts at such a multiple: CMSG_ALIGN(). */
#define CONTROL_ALIGN sizeof(uint64_t)

/* ---- Lists of files ------------------------------------------------------ */

static struct spinlock doomed_lock = SPINLOCK_INIT(LOCK_SPIN_MISC);
static struct list_head doomed = LIST_HEAD_INIT(doomed); /* doomed_lock */
static bool putting;                                     /* doomed_lock */

static struct file_list *next_doomed(void)
{
	struct file_list *list = NULL;

	spin_lock(&doomed_lock);
	if (list_empty(&doomed)) {
		putting = false;
	} else {
		list = list_first(&doomed, struct file_list, node);
		list_remove(&list->node);
	}
	spin_unlock(&doomed_lock);
	return list;
}

/*
 * The last reference to a socket frees its queue, whose messages may hold the
 * last reference to another socket, and so on: a chain as long as a program
 * likes. So lists that are given here while one is being put wait their turn.
 */
void file_list_put(struct file_list *list)
{
	bool busy;
	unsigned int i;

	spin_lock(&doomed_lock);
	list_push_back(&doomed, &list->node);
	busy = putting;
	putting = true;
	spin_unlock(&doomed_lock);
	if (busy)
		return;

	while ((list = next_doomed())) {
		for (i = 0; i < list->count; i++)
			file_put(list->files[i]);
		kfree(list);
	}
}

/* ---- Sending ------------------------------------------------------------- */

static int parse_rights(struct ancillary *ancillary, const char *data,
			size_t size)
{
	struct file_list *list = ancillary->files;
	size_t i, count = size / sizeof(int);

	if (!list) {
		list = kmalloc(sizeof(*list) +
			       SCM_MAX_FD * sizeof(struct file *));
		if (!list)
			return -ENOMEM;
		list->count = 0;
		ancillary->files = list;
	}
	if (list->count + count > SCM_MAX_FD)
		return -EINVAL;
	for (i = 0; i < count; i++) {
		struct file *file;
		int fd;

		memcpy(&fd, data + i * sizeof(fd), sizeof(fd));
		file = fd_get_any(fd);
		if (!file)
			return -EBADF;
		list->files[list->count++] = file;
	}
	return 0;
}

/* May the current thread say that it is @creds? */
static int check_creds(const struct abi_ucred *creds)
{
	const struct cred *cred = current()->cred;
	bool pid_ok = creds->pid == process_pid(current_process());
	bool uid_ok = creds->uid == cred->uid || creds->uid == cred->euid ||
		      creds->uid == cred->suid;
	bool gid_ok = creds->gid == cred->gid || creds->gid == cred->egid ||
		      creds->gid == cred->sgid;

	if ((pid_ok || capable(CAP_SYS_ADMIN)) &&
	    (uid_ok || capable(CAP_SETUID)) && (gid_ok || capable(CAP_SETGID)))
		return 0;
	return -EPERM;
}

static int check_pid(int number)
{
	struct process *process = process_find(number);

	if (!process)
		return -ESRCH;
	process_put(process);
	return 0;
}

static int parse_creds(struct ancillary *ancillary, const char *data,
		       size_t size)
{
	int err;

	if (size != sizeof(ancillary->creds))
		return -EINVAL;
	memcpy(&ancillary->creds, data, size);
	err = check_creds(&ancillary->creds);
	if (!err)
		err = check_pid(ancillary->creds.pid);
	ancillary->has_creds = !err;
	return err;
}

static int parse_one(struct ancillary *ancillary,
		     const struct abi_cmsghdr *header, const char *data)
{
	size_t size = header->size - CONTROL_HEADER;

	if (header->level != SOL_SOCKET)
		return 0;
	if (header->type == SCM_RIGHTS)
		return parse_rights(ancillary, data, size);
	if (header->type == SCM_CREDENTIALS)
		return parse_creds(ancillary, data, size);
	return -EINVAL;
}

int ancillary_parse(struct ancillary *ancillary, const void *control,
		    size_t size)
{
	const char *at = control;
	int err = 0;

	*ancillary = (struct ancillary){ 0 };
	while (size >= CONTROL_HEADER && !err) {
		struct abi_cmsghdr header;
		size_t step;

		memcpy(&header, at, sizeof(header));
		if (header.size < CONTROL_HEADER || header.size > size) {
			err = -EINVAL;
			break;
		}
		err = parse_one(ancillary, &header, at + CONTROL_HEADER);
		step = MIN(ALIGN_UP((size_t)header.size, CONTROL_ALIGN), size);
		at += step;
		size -= step;
	}
	if (!err && ancillary->files && !ancillary->files->count) {
		kfree(ancillary->files);
		ancillary->files = NULL;
	}
	if (err)
		ancillary_destroy(ancillary);
	return err;
}

void ancillary_destroy(struct ancillary *ancillary)
{
	if (ancillary->files)
		file_list_put(ancillary->files);
	ancillary->files = NULL;
}

/* ---- Receiving ----------------------------------------------------------- */

/* The control buffer while it is filled. */
struct control_writer {
	char *at;
	size_t left;
	unsigned int flags; /* MSG_CTRUNC when something did not fit */
};

/* A header for @data_size bytes at writer->at; moves behind the data. */
static void write_header(struct control_writer *writer, int type,
			 size_t data_size)
{
	struct abi_cmsghdr header = {
		.size = CONTROL_HEADER + data_size,
		.level = SOL_SOCKET,
		.type = type,
	};
	size_t space = ALIGN_UP(CONTROL_HEADER + data_size, CONTROL_ALIGN);

	memcpy(writer->at, &header, sizeof(header));
	space = MIN(space, writer->left);
	writer->at += space;
	writer->left -= space;
}

static void deliver_creds(struct control_writer *writer,
			  const struct abi_ucred *creds)
{
	size_t size = sizeof(*creds);

	if (writer->left < CONTROL_HEADER + size)
		writer->flags |= MSG_CTRUNC;
	if (writer->left < CONTROL_HEADER)
		return;
	size = MIN(size, writer->left - CONTROL_HEADER);
	memcpy(writer->at + CONTROL_HEADER, creds, size);
	write_header(writer, SCM_CREDENTIALS, size);
}

/* Install as many files as there is room for; the rest is dropped. */
static void deliver_files(struct control_writer *writer, struct file_list *list,
			  bool close_on_exec)
{
	size_t room = 0;
	unsigned int i;

	if (writer->left > CONTROL_HEADER)
		room = (writer->left - CONTROL_HEADER) / sizeof(int);
	for (i = 0; i < list->count && i < room; i++) {
		int fd = fd_install(file_get(list->files[i]), 0, close_on_exec);

		if (fd < 0) {
			file_put(list->files[i]);
			break;
		}
		memcpy(writer->at + CONTROL_HEADER + i * sizeof(fd), &fd,
		       sizeof(fd));
	}
	if (i < list->count)
		writer->flags |= MSG_CTRUNC;
	if (i)
		write_header(writer, SCM_RIGHTS, i * sizeof(int));
}

unsigned int ancillary_deliver(struct ancillary *ancillary, void *control,
			       size_t *size, bool close_on_exec)
{
	struct control_writer writer = { .at = control, .left = *size };

	if (ancillary->has_creds)
		deliver_creds(&writer, &ancillary->creds);
	if (ancillary->files)
		deliver_files(&writer, ancillary->files, close_on_exec);
	ancillary_destroy(ancillary);
	*size -= writer.left;
	return writer.flags;
}
