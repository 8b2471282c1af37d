/* SPDX-License-Identifier: MIT */
/*
 * epoll.c - a lasting set of files to wait for
 *
 * Idea: each watched file is an item with a waiter on every queue of that
 * file. A wake-up puts the item on the set's ready list; epoll_wait() takes
 * the ready list and asks only those files what holds. So waiting costs by
 * what happens, not by how much is watched.
 *
 * Invariants
 *   E1  An item holds no reference to its file; the file's last put takes it
 *       out of the set before the file goes (epoll_forget()).
 *   E2  item->ready_node is on a list (ready, or the batch of a thread in
 *       collect()) exactly while the item is thought to have events.
 *   E3  Sets that watch sets form no loop and no chain longer than MAX_NESTS.
 *
 * Locks: nest_lock (links to sets) > epoll.lock > [the file's locks and its
 * queue's lock] > ready_lock. links_lock guards file->epoll_items alone.
 * Source: epoll(7), epoll_ctl(2).
 */
#include "kernel/vfs/epoll_internal.h"

#include "kernel/abi/errno.h"
#include "kernel/lib/format.h"
#include "kernel/mm/slab.h"
#include "kernel/vfs/anonymous.h"
#include "kernel/vfs/file.h"
#include "kernel/vfs/poll.h"

#define MAX_NESTS 5u

/* What may go with EPOLLEXCLUSIVE: epoll_ctl(2). */
#define EXCLUSIVE_BITS                                                         \
	(EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET |    \
	 EPOLLEXCLUSIVE)

/* Registers an item with its file: a poll table that knows the item. */
struct item_table {
	struct poll_table table;
	struct epoll_item *item;
	int error;
};

static struct mutex nest_lock = MUTEX_INIT(nest_lock, LOCK_EPOLL);
static struct spinlock links_lock = SPINLOCK_INIT(LOCK_SPIN_MISC);

static void epoll_put(struct epoll *epoll)
{
	if (refcount_put(&epoll->refs))
		kfree(epoll);
}

/* ---- Items --------------------------------------------------------------- */

static void item_hook_up(struct poll_table *table, struct wait_queue *queue)
{
	struct item_table *registering =
		container_of(table, struct item_table, table);
	struct epoll_item *item = registering->item;
	struct hook *hook = &item->first_hook;

	if (item->hooks)
		hook = kmalloc(sizeof(*hook));
	if (!hook) {
		registering->error = -ENOMEM;
		return;
	}
	hook->queue = queue;
	hook->item = item;
	hook->next = item->hooks;
	item->hooks = hook;
	waiter_init_callback(&hook->waiter, epoll_item_wake);
	hook->waiter.exclusive = item->event.events & EPOLLEXCLUSIVE;
	wait_add(queue, &hook->waiter);
}

/* After this no wake-up finds the item any more. */
static void item_unhook(struct epoll_item *item)
{
	while (item->hooks) {
		struct hook *hook = item->hooks;

		item->hooks = hook->next;
		wait_remove(hook->queue, &hook->waiter);
		if (hook != &item->first_hook)
			kfree(hook);
	}
}

static int item_compare(const struct epoll_item *item, const struct file *file,
			int fd)
{
	if (item->file != file)
		return (uintptr_t)file < (uintptr_t)item->file ? -1 : 1;
	return fd < item->fd ? -1 : fd > item->fd;
}

static struct epoll_item *item_find(struct epoll *epoll,
				    const struct file *file, int fd)
	MUST_HOLD(epoll->lock)
{
	struct rb_node *node = epoll->items.node;

	while (node) {
		struct epoll_item *item =
			rb_entry(node, struct epoll_item, node);
		int order = item_compare(item, file, fd);

		if (!order)
			return item;
		node = order < 0 ? node->left : node->right;
	}
	return NULL;
}

static void item_insert(struct epoll_item *item) MUST_HOLD(item->epoll->lock)
{
	struct rb_node **link = &item->epoll->items.node;
	struct rb_node *parent = NULL;

	while (*link) {
		struct epoll_item *other =
			rb_entry(*link, struct epoll_item, node);

		parent = *link;
		if (item_compare(other, item->file, item->fd) < 0)
			link = &parent->left;
		else
			link = &parent->right;
	}
	rb_insert(&item->epoll->items, &item->node, parent, link);

	spin_lock(&links_lock);
	list_push_back(&item->file->epoll_items, &item->file_node);
	spin_unlock(&links_lock);
}

static void item_remove(struct epoll_item *item) MUST_HOLD(item->epoll->lock)
{
	struct epoll *epoll = item->epoll;

	item_unhook(item);

	spin_lock(&epoll->ready_lock);
	list_remove(&item->ready_node);
	spin_unlock(&epoll->ready_lock);

	spin_lock(&links_lock);
	list_remove(&item->file_node);
	spin_unlock(&links_lock);

	rb_remove(&epoll->items, &item->node);
	kfree(item);
}

/* ---- Sets that watch sets (E3) ------------------------------------------- */

/* The longest chain of sets from @epoll down, itself included. */
static unsigned int chain_below(struct epoll *epoll, unsigned int depth)
	MUST_HOLD(nest_lock)
{
	struct rb_node *node;
	unsigned int longest = 0;

	if (depth > MAX_NESTS)
		return 1;
	mutex_lock(&epoll->lock);
	for (node = rb_first(&epoll->items); node; node = rb_next(node)) {
		struct epoll_item *item =
			rb_entry(node, struct epoll_item, node);

		if (epoll_is_set(item->file))
			longest = MAX(longest,
				      chain_below(item->file->data, depth + 1));
	}
	mutex_unlock(&epoll->lock);
	return longest + 1;
}

/*
 * May a chain of @length hang below @epoll? Not if @target is above it, or
 * anything above gets too long a chain.
 */
static bool may_hang_below(struct epoll *epoll, struct epoll *target,
			   unsigned int length) MUST_HOLD(nest_lock)
{
	struct epoll_item *item;

	if (epoll == target || length >= MAX_NESTS)
		return false;
	list_for_each (item, &epoll->file->epoll_items, file_node) {
		if (!may_hang_below(item->epoll, target, length + 1))
			return false;
	}
	return true;
}

static int check_nesting(struct epoll *epoll, struct epoll *target)
	MUST_HOLD(nest_lock)
{
	unsigned int length = chain_below(target, 1);

	return may_hang_below(epoll, target, length) ? 0 : -ELOOP;
}

/* ---- epoll_ctl ----------------------------------------------------------- */

static int control_add(struct epoll *epoll, struct file *file, int fd,
		       const struct epoll_event *event) MUST_HOLD(epoll->lock)
{
	struct item_table registering = { .table.add = item_hook_up };
	struct epoll_item *item;
	unsigned int events;

	if ((event->events & EPOLLEXCLUSIVE) &&
	    (epoll_is_set(file) || (event->events & ~EXCLUSIVE_BITS)))
		return -EINVAL;
	if (item_find(epoll, file, fd))
		return -EEXIST;
	item = kzalloc(sizeof(*item));
	if (!item)
		return -ENOMEM;

	item->epoll = epoll;
	item->file = file;
	item->fd = fd;
	item->event = *event;
	item->event.events |= EPOLLERR | EPOLLHUP;
	list_init(&item->file_node);
	list_init(&item->ready_node);
	item_insert(item);

	registering.item = item;
	events = epoll_item_events(item, &registering.table);
	if (registering.error) {
		item_remove(item);
		return registering.error;
	}
	if (events) {
		epoll_make_ready(item);
		epoll_announce(epoll);
	}
	return 0;
}

static int control_modify(struct epoll *epoll, struct file *file, int fd,
			  const struct epoll_event *event)
	MUST_HOLD(epoll->lock)
{
	struct epoll_item *item = item_find(epoll, file, fd);

	if (!item)
		return -ENOENT;
	if ((event->events | item->event.events) & EPOLLEXCLUSIVE)
		return -EINVAL;
	item->event.data = event->data;
	WRITE_ONCE(item->event.events, event->events | EPOLLERR | EPOLLHUP);
	/* A wake-up before this saw the old events; we look ourselves. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (epoll_item_events(item, NULL)) {
		epoll_make_ready(item);
		epoll_announce(epoll);
	}
	return 0;
}

static int control_remove(struct epoll *epoll, struct file *file, int fd)
	MUST_HOLD(epoll->lock)
{
	struct epoll_item *item = item_find(epoll, file, fd);

	if (!item)
		return -ENOENT;
	item_remove(item);
	return 0;
}

static int control(struct epoll *epoll, int op, struct file *file, int fd,
		   const struct epoll_event *event)
{
	int err;

	mutex_lock(&epoll->lock);
	switch (op) {
	case EPOLL_CTL_ADD:
		err = control_add(epoll, file, fd, event);
		break;
	case EPOLL_CTL_MOD:
		err = control_modify(epoll, file, fd, event);
		break;
	case EPOLL_CTL_DEL:
		err = control_remove(epoll, file, fd);
		break;
	default:
		err = -EINVAL;
	}
	mutex_unlock(&epoll->lock);
	return err;
}

int epoll_control(struct file *epoll_file, int op, struct file *file, int fd,
		  const struct epoll_event *event)
{
	struct epoll *epoll = epoll_file->data;
	int err = 0;

	if (!file->ops->poll)
		return -EPERM;
	if (!epoll_is_set(epoll_file) || file == epoll_file)
		return -EINVAL;
	if (!epoll_is_set(file))
		return control(epoll, op, file, fd, event);

	mutex_lock(&nest_lock);
	if (op == EPOLL_CTL_ADD)
		err = check_nesting(epoll, file->data);
	if (!err)
		err = control(epoll, op, file, fd, event);
	mutex_unlock(&nest_lock);
	return err;
}

/* ---- The file ------------------------------------------------------------ */

static void epoll_release(struct file *file)
{
	struct epoll *epoll = file->data;
	struct rb_node *node;

	mutex_lock(&nest_lock);
	mutex_lock(&epoll->lock);
	while ((node = rb_first(&epoll->items)))
		item_remove(rb_entry(node, struct epoll_item, node));
	mutex_unlock(&epoll->lock);
	mutex_unlock(&nest_lock);
	epoll_put(epoll);
}

static void epoll_show_fdinfo(struct file *file, char *buf, size_t size)
{
	struct epoll *epoll = file->data;
	struct rb_node *node;
	size_t used = 0;

	mutex_lock(&epoll->lock);
	for (node = rb_first(&epoll->items); node && used < size;
	     node = rb_next(node)) {
		struct epoll_item *item =
			rb_entry(node, struct epoll_item, node);

		used += (size_t)format_string(
			buf + used, size - used,
			"tfd: %8d events: %8x data: %16llx\n", item->fd,
			item->event.events, item->event.data);
	}
	mutex_unlock(&epoll->lock);
}

static const struct file_ops epoll_file_ops = {
	.release = epoll_release,
	.poll = epoll_poll,
	.show_fdinfo = epoll_show_fdinfo,
	.stream = true,
};

bool epoll_is_set(const struct file *file)
{
	return file->ops == &epoll_file_ops;
}

int epoll_create(unsigned int flags, struct file **out)
{
	struct epoll *epoll = kzalloc(sizeof(*epoll));
	int err;

	if (!epoll)
		return -ENOMEM;
	refcount_init(&epoll->refs, 1);
	mutex_init(&epoll->lock, LOCK_EPOLL);
	spin_init(&epoll->ready_lock, LOCK_EPOLL_READY);
	list_init(&epoll->ready);
	wait_queue_init(&epoll->waiters);
	wait_queue_init(&epoll->watchers);

	err = anonymous_file_create("anon_inode:[eventpoll]", &epoll_file_ops,
				    flags, epoll, out);
	if (err) {
		kfree(epoll);
		return err;
	}
	epoll->file = *out;
	return 0;
}

/* ---- A watched file goes ------------------------------------------------- */

/* The set of the first item that watches @file, with a reference; or NULL. */
static struct epoll *first_watcher(struct file *file)
{
	struct epoll *epoll = NULL;

	spin_lock(&links_lock);
	if (!list_empty(&file->epoll_items)) {
		epoll = list_first(&file->epoll_items, struct epoll_item,
				   file_node)
				->epoll;
		refcount_get(&epoll->refs); /* an item in it is linked */
	}
	spin_unlock(&links_lock);
	return epoll;
}

/* @epoll's item for @file, unless it went meanwhile. */
static struct epoll_item *item_of_file(struct epoll *epoll, struct file *file)
	MUST_HOLD(epoll->lock)
{
	struct epoll_item *item, *found = NULL;

	spin_lock(&links_lock);
	list_for_each (item, &file->epoll_items, file_node) {
		if (item->epoll == epoll) {
			found = item;
			break;
		}
	}
	spin_unlock(&links_lock);
	return found;
}

static void forget_in(struct epoll *epoll, struct file *file)
{
	struct epoll_item *item;

	mutex_lock(&epoll->lock);
	while ((item = item_of_file(epoll, file)))
		item_remove(item);
	mutex_unlock(&epoll->lock);
}

static void forget_everywhere(struct file *file)
{
	struct epoll *epoll;

	while ((epoll = first_watcher(file))) {
		forget_in(epoll, file);
		epoll_put(epoll);
	}
}

void epoll_forget(struct file *file)
{
	if (epoll_is_set(file)) {
		mutex_lock(&nest_lock);
		forget_everywhere(file);
		mutex_unlock(&nest_lock);
	} else {
		forget_everywhere(file);
	}
}
