/* SPDX-License-Identifier: MIT */
/*
 * inotify.c - reading what happens to files
 *
 * A watch links an inode to an inotify descriptor. Whoever changes a file
 * calls notify.h; each watch of the inode that wants the event gets a copy
 * into its descriptor's queue.
 *
 * Invariants
 *   I1  A watch is on its inode's list and in its descriptor's tree, or in
 *       neither. notify_num_watches counts them.
 *   I2  While the watched inode has a name, the watch holds the path it was
 *       set through, so the inode is not dropped from memory. When the last
 *       name goes the watch lets go, and hears IN_DELETE_SELF when the last
 *       user closes the file.
 *   I3  At most QUEUE_MAX events wait, plus one that says some were lost.
 *
 * A watched directory keeps its file system mounted (Linux would send
 * IN_UNMOUNT instead).
 *
 * Locks: watch_lock for everything here. Source: inotify(7).
 */
#include "kernel/vfs/inotify.h"

#include "kernel/abi/ioctl.h"
#include "kernel/lib/radix_tree.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/user_copy.h"
#include "kernel/vfs/anonymous.h"
#include "kernel/vfs/internal.h"
#include "kernel/vfs/notify.h"
#include "kernel/vfs/poll.h"

#define QUEUE_MAX   16384u /* fs.inotify.max_queued_events */
#define WATCHES_MAX 65536u /* fs.inotify.max_user_watches */

struct inotify {
	struct wait_queue wait;
	/* Under watch_lock. */
	struct list_head queue; /* struct event */
	unsigned int num_events;
	unsigned int bytes;        /* what a read of all would give */
	struct radix_tree watches; /* by wd */
	int last_wd;
};

struct watch {
	struct list_head inode_node; /* inode->watches */
	struct inode *inode;
	struct inotify *inotify;
	int wd;
	uint32_t mask;    /* IN_*, as asked for */
	struct path path; /* references (I2), or empty */
};

/* As the program reads it: struct inotify_event without its name. */
struct event_head {
	int32_t wd;
	uint32_t mask;
	uint32_t cookie;
	uint32_t len;
};
_Static_assert(sizeof(struct event_head) == sizeof(struct inotify_event),
	       "inotify(7)");

struct event {
	struct list_head node;
	struct event_head head;
	char name[]; /* head.len bytes */
};

unsigned int notify_num_watches; /* written under watch_lock */

static struct spinlock watch_lock = SPINLOCK_INIT(LOCK_SPIN_MISC);
static const struct file_ops inotify_file_ops;

/* ---- Queues of events ---------------------------------------------------- */

static size_t event_size(const struct event *event)
{
	return sizeof(event->head) + event->head.len;
}

/* The name with its NUL, padded so that the next event is aligned. */
static uint32_t padded_length(const char *name)
{
	if (!name)
		return 0;
	return (uint32_t)ALIGN_UP(strlen(name) + 1, sizeof(struct event_head));
}

static bool is_repeated(const struct inotify *inotify,
			const struct event_head *head, const char *name)
{
	const struct event *last;

	if (list_empty(&inotify->queue))
		return false;
	last = list_last(&inotify->queue, struct event, node);
	return last->head.wd == head->wd && last->head.mask == head->mask &&
	       last->head.cookie == head->cookie &&
	       last->head.len == head->len &&
	       (!name || !strcmp(last->name, name));
}

static void append(struct inotify *inotify, const struct event_head *head,
		   const char *name) MUST_HOLD(watch_lock)
{
	struct event *event = kzalloc(sizeof(*event) + head->len);

	if (!event) /* no memory: the event is lost, as in an overflow */
		return;
	event->head = *head;
	if (name)
		memcpy(event->name, name, strlen(name));
	list_push_back(&inotify->queue, &event->node);
	inotify->num_events++;
	inotify->bytes += (unsigned int)event_size(event);
	wake_all_events(&inotify->wait, EPOLLIN | EPOLLRDNORM);
}

static void queue_event(struct watch *watch, uint32_t mask, uint32_t cookie,
			const char *name) MUST_HOLD(watch_lock)
{
	static const struct event_head overflow = {
		.wd = -1,
		.mask = IN_Q_OVERFLOW,
	};
	struct inotify *inotify = watch->inotify;
	struct event_head head = {
		.wd = watch->wd,
		.mask = mask,
		.cookie = cookie,
		.len = padded_length(name),
	};

	if (is_repeated(inotify, &head, name))
		return;
	if (inotify->num_events < QUEUE_MAX)
		append(inotify, &head, name);
	else if (inotify->num_events == QUEUE_MAX)
		append(inotify, &overflow, NULL);
}

/* ---- Watches ------------------------------------------------------------- */

/*
 * Take @watch away for good, saying so. The caller frees it and puts its path
 * when the lock is released.
 */
static void detach(struct watch *watch) MUST_HOLD(watch_lock)
{
	queue_event(watch, IN_IGNORED, 0, NULL);
	list_remove(&watch->inode_node);
	radix_remove(&watch->inotify->watches, (uint64_t)watch->wd);
	notify_num_watches--;
}

static void watch_free(struct watch *watch)
{
	if (watch->path.dentry)
		path_put(&watch->path);
	kfree(watch);
}

static struct watch *find_on_inode(const struct inotify *inotify,
				   struct inode *inode) MUST_HOLD(watch_lock)
{
	struct watch *watch;

	list_for_each (watch, &inode->watches, inode_node) {
		if (watch->inotify == inotify)
			return watch;
	}
	return NULL;
}

/* The inode is watched already: what the new mask means for that watch. */
static int change_mask(struct watch *watch, uint32_t mask) MUST_HOLD(watch_lock)
{
	if (mask & IN_MASK_CREATE)
		return -EEXIST;
	if (mask & IN_MASK_ADD)
		watch->mask |= mask;
	else
		watch->mask = mask;
	return watch->wd;
}

static int attach(struct inotify *inotify, struct watch *watch)
	MUST_HOLD(watch_lock)
{
	int err;

	if (notify_num_watches >= WATCHES_MAX)
		return -ENOSPC;
	watch->wd = inotify->last_wd + 1;
	err = radix_insert(&inotify->watches, (uint64_t)watch->wd, watch);
	if (err)
		return err;
	inotify->last_wd = watch->wd;
	list_push_back(&watch->inode->watches, &watch->inode_node);
	notify_num_watches++;
	return watch->wd;
}

int inotify_add(struct file *file, const struct path *path, uint32_t mask)
{
	struct inotify *inotify = file->data;
	struct inode *inode = path->dentry->inode;
	struct watch *watch, *old;
	int wd;

	if (file->ops != &inotify_file_ops)
		return -EINVAL;
	watch = kzalloc(sizeof(*watch));
	if (!watch)
		return -ENOMEM;
	watch->inode = inode;
	watch->inotify = inotify;
	watch->mask = mask;
	watch->path = *path;
	path_get(path);

	spin_lock(&watch_lock);
	old = find_on_inode(inotify, inode);
	wd = old ? change_mask(old, mask) : attach(inotify, watch);
	spin_unlock(&watch_lock);
	if (old || wd < 0)
		watch_free(watch);
	return wd;
}

int inotify_remove(struct file *file, int wd)
{
	struct inotify *inotify = file->data;
	struct watch *watch;

	if (file->ops != &inotify_file_ops)
		return -EINVAL;
	spin_lock(&watch_lock);
	watch = radix_get(&inotify->watches, (unsigned int)wd);
	if (watch)
		detach(watch);
	spin_unlock(&watch_lock);
	if (!watch)
		return -EINVAL;
	watch_free(watch);
	return 0;
}

/* ---- Being told (notify.h) ----------------------------------------------- */

/*
 * An event for all watches of @inode that want it. Those that wanted only one
 * go to @done. @unlinked: the name that was used is gone.
 */
static void tell(struct inode *inode, uint32_t mask, uint32_t cookie,
		 const char *name, bool unlinked, struct list_head *done)
	MUST_HOLD(watch_lock)
{
	struct watch *watch, *next;

	list_for_each_safe (watch, next, &inode->watches, inode_node) {
		if (!(watch->mask & mask & IN_ALL_EVENTS))
			continue;
		if (unlinked && name && (watch->mask & IN_EXCL_UNLINK))
			continue;
		queue_event(watch, mask, cookie, name);
		if (watch->mask & IN_ONESHOT) {
			detach(watch);
			list_push_back(done, &watch->inode_node);
		}
	}
}

static void free_all(struct list_head *watches)
{
	while (!list_empty(watches)) {
		struct watch *watch =
			list_first(watches, struct watch, inode_node);

		list_remove(&watch->inode_node);
		watch_free(watch);
	}
}

void notify_send(struct inode *inode, uint32_t mask, uint32_t cookie,
		 const char *name)
{
	struct list_head done;

	list_init(&done);
	spin_lock(&watch_lock);
	tell(inode, mask, cookie, name, false, &done);
	spin_unlock(&watch_lock);
	free_all(&done);
}

void notify_send_dentry(struct dentry *dentry, uint32_t mask)
{
	struct inode *inode = dentry->inode;
	struct list_head done;

	list_init(&done);
	if (S_ISDIR(inode->mode))
		mask |= IN_ISDIR;
	spin_lock(&dentry_lock); /* name and parent stay */
	spin_lock(&watch_lock);
	if (dentry->parent != dentry)
		tell(dentry->parent->inode, mask, 0, dentry->name,
		     !dentry->hashed, &done);
	tell(inode, mask, 0, NULL, false, &done);
	spin_unlock(&watch_lock);
	spin_unlock(&dentry_lock);
	free_all(&done);
}

/* A path that a watch of @inode holds, which no longer holds it. */
static bool take_path(struct inode *inode, struct path *path)
{
	struct watch *watch;
	bool found = false;

	spin_lock(&watch_lock);
	list_for_each (watch, &inode->watches, inode_node) {
		if (watch->path.dentry) {
			*path = watch->path;
			watch->path = (struct path){ 0 };
			found = true;
			break;
		}
	}
	spin_unlock(&watch_lock);
	return found;
}

void notify_send_unlinked(struct inode *inode, bool directory)
{
	struct path path;

	if (!directory)
		notify_send(inode, IN_ATTRIB, 0, NULL);
	if (inode->nlink && !directory)
		return;
	while (take_path(inode, &path))
		path_put(&path); /* not the last: the caller holds it too */
}

void notify_inode_gone(struct inode *inode, uint32_t mask)
{
	struct list_head done;

	list_init(&done);
	spin_lock(&watch_lock);
	while (!list_empty(&inode->watches)) {
		struct watch *watch =
			list_first(&inode->watches, struct watch, inode_node);

		if (watch->mask & mask)
			queue_event(watch, mask, 0, NULL);
		detach(watch);
		list_push_back(&done, &watch->inode_node);
	}
	spin_unlock(&watch_lock);
	free_all(&done);
}

uint32_t notify_new_cookie(void)
{
	static uint32_t last;

	return __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED);
}

/* ---- The file ------------------------------------------------------------ */

/* The first event if it fits into @room: 0, -EAGAIN, -EINVAL (too small). */
static int take_event(struct inotify *inotify, size_t room, struct event **out)
{
	struct event *event;
	int err = -EAGAIN;

	spin_lock(&watch_lock);
	if (!list_empty(&inotify->queue)) {
		event = list_first(&inotify->queue, struct event, node);
		err = event_size(event) > room ? -EINVAL : 0;
	}
	if (!err) {
		list_remove(&event->node);
		inotify->num_events--;
		inotify->bytes -= (unsigned int)event_size(event);
		*out = event;
	}
	spin_unlock(&watch_lock);
	return err;
}

static int give_event(struct inotify *inotify, struct io_buf *io)
{
	struct event *event;
	size_t size, copied;
	int err = take_event(inotify, io->left, &event);

	if (err)
		return err;
	size = event_size(event);
	copied = io_copy_to(io, &event->head, sizeof(event->head));
	copied += io_copy_to(io, event->name, event->head.len);
	kfree(event);
	return copied == size ? 0 : -EFAULT;
}

/* Whole events, as many as fit; only the first is waited for. */
static ssize_t inotify_read(struct file *file, struct io_buf *io, loff_t *pos)
{
	struct inotify *inotify = file->data;
	size_t before = io->left;
	ssize_t done = 0;
	int err;

	for (;;) {
		err = give_event(inotify, io);
		done = (ssize_t)(before - io->left);
		if (!err)
			continue;
		if (done || err != -EAGAIN || io->nonblock)
			break;
		err = WAIT_EVENT_INTERRUPTIBLE(&inotify->wait,
					       !list_empty(&inotify->queue));
		if (err)
			break;
	}
	if (err == -EFAULT)
		return err;
	return done ? done : err;
}

static unsigned int inotify_poll(struct file *file, struct poll_table *table)
{
	struct inotify *inotify = file->data;

	poll_wait(table, &inotify->wait);
	return list_empty(&inotify->queue) ? 0 : EPOLLIN | EPOLLRDNORM;
}

static long inotify_ioctl(struct file *file, unsigned int cmd,
			  unsigned long arg)
{
	struct inotify *inotify = file->data;

	if (cmd != FIONREAD)
		return -ENOTTY;
	return put_user_u32((void __user *)arg, READ_ONCE(inotify->bytes));
}

static void free_events(struct inotify *inotify)
{
	while (!list_empty(&inotify->queue)) {
		struct event *event =
			list_first(&inotify->queue, struct event, node);

		list_remove(&event->node);
		kfree(event);
	}
}

/* Any watch, taken away; NULL: none is left. */
static struct watch *detach_any(struct inotify *inotify)
{
	struct watch *watch;
	uint64_t wd = 0;

	spin_lock(&watch_lock);
	watch = radix_next(&inotify->watches, &wd);
	if (watch)
		detach(watch);
	spin_unlock(&watch_lock);
	return watch;
}

static void inotify_release(struct file *file)
{
	struct inotify *inotify = file->data;
	struct watch *watch;

	while ((watch = detach_any(inotify)))
		watch_free(watch);
	free_events(inotify);
	radix_destroy(&inotify->watches);
	kfree(inotify);
}

static const struct file_ops inotify_file_ops = {
	.release = inotify_release,
	.read = inotify_read,
	.poll = inotify_poll,
	.ioctl = inotify_ioctl,
	.stream = true,
};

int inotify_create(unsigned int flags, struct file **out)
{
	struct inotify *inotify = kzalloc(sizeof(*inotify));
	int err;

	if (!inotify)
		return -ENOMEM;
	wait_queue_init(&inotify->wait);
	list_init(&inotify->queue);
	radix_init(&inotify->watches);
	err = anonymous_file_create("anon_inode:inotify", &inotify_file_ops,
				    flags, inotify, out);
	if (err)
		kfree(inotify);
	return err;
}
