/* SPDX-License-Identifier: MIT */
/*
 * epoll_internal.h - a set and its items: what epoll.c and epoll_wait.c share
 */
#pragma once

#include "kernel/lib/rbtree.h"
#include "kernel/lib/refcount.h"
#include "kernel/sync/mutex.h"
#include "kernel/vfs/epoll.h"

struct poll_table;

/* Bits of epoll_event.events that are not events. */
#define EPOLL_MODE_BITS (EPOLLET | EPOLLONESHOT | EPOLLEXCLUSIVE | EPOLLWAKEUP)
struct epoll {
	struct refcount refs; /* the file; epoll_forget() while it looks */
	struct file *file;    /* fixed; not a reference */
	struct mutex lock;    /* rank LOCK_EPOLL */
	struct rb_root items; /* by file, then descriptor; under lock */

	struct spinlock ready_lock; /* rank LOCK_EPOLL_READY */
	struct list_head ready;     /* under ready_lock */

	struct wait_queue waiters;  /* threads in epoll_wait() */
	struct wait_queue watchers; /* who polls the set itself */
};

/* A waiter on one of the file's queues. */
struct hook {
	struct waiter waiter;
	struct wait_queue *queue;
	struct epoll_item *item;
	struct hook *next;
};

struct epoll_item {
	struct rb_node node; /* epoll->lock */
	struct epoll *epoll; /* fixed, as file and fd */
	struct file *file;
	int fd;
	struct epoll_event event;    /* epoll->lock; wake-ups read events */
	struct list_head file_node;  /* links_lock, for sets also nest_lock */
	struct list_head ready_node; /* epoll->ready_lock (E2) */
	struct hook *hooks;          /* epoll->lock */
	struct hook first_hook;      /* most files have one queue */
};

/* ---- epoll.c ---- */

bool epoll_is_set(const struct file *file);

/* ---- epoll_wait.c ---- */

/* @item may have events: on the ready list, unless it is there. */
void epoll_make_ready(struct epoll_item *item);
/* The ready list has something: wake who waits for the set. */
void epoll_announce(struct epoll *epoll);
/* Something happened at the file; its queue's lock is held. */
bool epoll_item_wake(struct waiter *waiter, unsigned int events);
/* What holds now of what the item wants. */
unsigned int epoll_item_events(struct epoll_item *item,
			       struct poll_table *table)
	MUST_HOLD(item->epoll->lock);
unsigned int epoll_poll(struct file *file, struct poll_table *table);
