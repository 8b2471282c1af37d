/* SPDX-License-Identifier: MIT */
/*
 * epoll_wait.c - which items of a set are ready, and reporting them
 *
 * Idea: an item on the ready list is only *thought* to have events: a wake-up
 * put it there. epoll_wait() takes the list and asks each item's file. The
 * three ways of being told differ in what happens to an item that was
 * reported:
 *
 *   level triggered   it goes back to the end of the list, and is asked again
 *                     next time
 *   EPOLLET           it does not: only a new wake-up brings it back
 *   EPOLLONESHOT      neither: its events are off until EPOLL_CTL_MOD
 *
 * Locks: epoll.lock while a file is asked; ready_lock for the list alone, also
 * in wake-ups. Source: epoll(7), epoll_wait(2).
 */
#include "kernel/abi/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/user_copy.h"
#include "kernel/vfs/epoll_internal.h"
#include "kernel/vfs/file.h"
#include "kernel/vfs/poll.h"

/* ---- Becoming ready ------------------------------------------------------ */

void epoll_announce(struct epoll *epoll)
{
	wake_one(&epoll->waiters);
	if (!wait_queue_idle(&epoll->watchers))
		wake_all_events(&epoll->watchers, EPOLLIN | EPOLLRDNORM);
}

void epoll_make_ready(struct epoll_item *item)
{
	struct epoll *epoll = item->epoll;

	spin_lock(&epoll->ready_lock);
	if (list_empty(&item->ready_node))
		list_push_back(&epoll->ready, &item->ready_node);
	spin_unlock(&epoll->ready_lock);
}

bool epoll_item_wake(struct waiter *waiter, unsigned int events)
{
	struct hook *hook = container_of(waiter, struct hook, waiter);
	struct epoll_item *item = hook->item;
	struct epoll *epoll = item->epoll;
	unsigned int wanted = READ_ONCE(item->event.events);
	bool counts;

	if (!(wanted & ~EPOLL_MODE_BITS) || (events && !(events & wanted)))
		return false;
	counts = !wait_queue_idle(&epoll->waiters);
	epoll_make_ready(item);
	epoll_announce(epoll);
	return counts;
}

unsigned int epoll_item_events(struct epoll_item *item,
			       struct poll_table *table)
{
	unsigned int wanted = item->event.events & ~EPOLL_MODE_BITS;

	return wanted ? file_poll(item->file, table) & wanted : 0;
}

/* ---- epoll_wait ---------------------------------------------------------- */

static int event_to_user(struct epoll_event __user *to,
			 const struct epoll_item *item, unsigned int events)
{
	struct epoll_event event;

	memset(&event, 0, sizeof(event)); /* its padding is seen as well */
	event.events = events;
	event.data = item->event.data;
	return copy_to_user(to, &event, sizeof(event));
}

/* @item was reported: shall we look at it again next time? */
static bool stays_ready(struct epoll_item *item) MUST_HOLD(item->epoll->lock)
{
	if (item->event.events & EPOLLONESHOT) {
		WRITE_ONCE(item->event.events,
			   item->event.events & EPOLL_MODE_BITS);
		return false;
	}
	return !(item->event.events & EPOLLET);
}

static struct epoll_item *take_first(struct epoll *epoll,
				     struct list_head *batch)
{
	struct epoll_item *item = NULL;

	spin_lock(&epoll->ready_lock);
	if (!list_empty(batch)) {
		item = list_first(batch, struct epoll_item, ready_node);
		list_remove(&item->ready_node);
	}
	spin_unlock(&epoll->ready_lock);
	return item;
}

/* Back on a list, unless a wake-up has put it on the ready list again. */
static void put_back(struct epoll *epoll, struct list_head *list,
		     struct epoll_item *item)
{
	spin_lock(&epoll->ready_lock);
	if (list_empty(&item->ready_node))
		list_push_back(list, &item->ready_node);
	spin_unlock(&epoll->ready_lock);
}

/* Report up to @max items of @batch; those to ask again go to @again. */
static long report(struct epoll *epoll, struct list_head *batch,
		   struct list_head *again, struct epoll_event __user *events,
		   int max) MUST_HOLD(epoll->lock)
{
	long count = 0;

	while (count < max) {
		struct epoll_item *item = take_first(epoll, batch);
		unsigned int now;

		if (!item)
			break;
		now = epoll_item_events(item, NULL);
		if (!now)
			continue;
		if (event_to_user(&events[count], item, now)) {
			put_back(epoll, again, item);
			return count ? count : -EFAULT;
		}
		count++;
		if (stays_ready(item))
			put_back(epoll, again, item);
	}
	return count;
}

/*
 * Take the ready list as it is now, so that each item is reported once at
 * most; what became ready meanwhile waits for the next call.
 */
static long collect(struct epoll *epoll, struct epoll_event __user *events,
		    int max)
{
	struct list_head batch, again;
	bool more;
	long count;

	list_init(&batch);
	list_init(&again);
	mutex_lock(&epoll->lock);
	spin_lock(&epoll->ready_lock);
	list_splice_back(&batch, &epoll->ready);
	spin_unlock(&epoll->ready_lock);

	count = report(epoll, &batch, &again, events, max);

	/* Not yet asked first, then what is new, then what was reported. */
	spin_lock(&epoll->ready_lock);
	list_splice_back(&batch, &epoll->ready);
	list_splice_back(&batch, &again);
	list_splice_back(&epoll->ready, &batch);
	more = !list_empty(&epoll->ready);
	spin_unlock(&epoll->ready_lock);
	mutex_unlock(&epoll->lock);

	if (more)
		wake_one(&epoll->waiters);
	return count;
}

static bool has_ready(const struct epoll *epoll)
{
	return !list_empty(&epoll->ready);
}

/* Until the ready list has something: 0, -ETIMEDOUT, -ERESTARTSYS. */
static int sleep_until_ready(struct epoll *epoll, uint64_t deadline_ns)
{
	struct waiter waiter;
	int err = 0;

	waiter_init(&waiter);
	waiter.exclusive = true;
	wait_begin(&epoll->waiters, &waiter, WAIT_INTERRUPTIBLE);
	while (!has_ready(epoll) && !err)
		err = wait_sleep(WAIT_INTERRUPTIBLE, deadline_ns);
	wait_end(&epoll->waiters, &waiter);

	/* The wake-up meant for us must not die with us. */
	if (err && has_ready(epoll))
		wake_one(&epoll->waiters);
	return err;
}

long epoll_wait(struct file *file, struct epoll_event __user *events, int max,
		uint64_t deadline_ns)
{
	struct epoll *epoll = file->data;
	long count = 0;
	int err = 0;

	if (max <= 0 || (size_t)max > INT32_MAX / sizeof(*events))
		return -EINVAL;
	if (!user_range_ok(events, (size_t)max * sizeof(*events)))
		return -EFAULT;
	if (!epoll_is_set(file))
		return -EINVAL;

	for (;;) {
		if (has_ready(epoll))
			count = collect(epoll, events, max);
		if (count)
			return count;
		if (err || deadline_ns == POLL_NO_WAIT)
			break;
		err = sleep_until_ready(epoll, deadline_ns);
	}
	return err == -ERESTARTSYS ? -EINTR : 0;
}

/* ---- Being polled -------------------------------------------------------- */

/* Readable when an item really has events; those that have not are dropped. */
unsigned int epoll_poll(struct file *file, struct poll_table *table)
{
	struct epoll *epoll = file->data;
	struct list_head batch;
	struct epoll_item *item;
	unsigned int events = 0;

	poll_wait(table, &epoll->watchers);
	if (!has_ready(epoll))
		return 0;

	list_init(&batch);
	mutex_lock(&epoll->lock);
	spin_lock(&epoll->ready_lock);
	list_splice_back(&batch, &epoll->ready);
	spin_unlock(&epoll->ready_lock);

	while (!events && (item = take_first(epoll, &batch))) {
		if (!epoll_item_events(item, NULL))
			continue;
		events = EPOLLIN | EPOLLRDNORM;
		put_back(epoll, &batch, item);
	}

	spin_lock(&epoll->ready_lock);
	list_splice_back(&epoll->ready, &batch);
	spin_unlock(&epoll->ready_lock);
	mutex_unlock(&epoll->lock);
	return events;
}
