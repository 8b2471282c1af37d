/* SPDX-License-Identifier: MIT */
/*
 * poll.c - waiting for one of many files: the core of ppoll and pselect
 *
 * Idea: scan the files once, putting a waiter on every queue that announces
 * changes; if nothing is ready, sleep until any of them is woken, then scan
 * again, this time without registering. The waiters stay until the end.
 *
 * Invariants
 *   P1  An entry on a queue holds a reference to the file the queue belongs
 *       to, so the queue lives as long as the entry.
 *   P2  A wake-up sets triggered before it wakes; the sleeper clears it before
 *       it scans. So a change after the scan is never slept through.
 *
 * Locks: none of its own; wake-ups come under the lock of some wait queue.
 * Source: poll(2), select(2).
 */
#include "kernel/vfs/poll.h"

#include "kernel/abi/errno.h"
#include "kernel/mm/page.h"
#include "kernel/sched/sched.h"
#include "kernel/vfs/file.h"

/* Enough for a shell, an editor, a small server; more go to pages. */
#define NUM_INLINE_ENTRIES 6u

struct poll_sleeper;

struct poll_entry {
	struct waiter waiter; /* on queue */
	struct wait_queue *queue;
	struct poll_sleeper *sleeper;
	struct file *file; /* a reference (P1) */
};

struct poll_chunk {
	struct poll_chunk *next;
	struct page *page; /* this one */
	unsigned int used;
	struct poll_entry entries[];
};

#define ENTRIES_PER_CHUNK                                                      \
	((PAGE_SIZE - sizeof(struct poll_chunk)) / sizeof(struct poll_entry))

struct poll_sleeper {
	struct poll_table table;
	struct thread *thread;
	struct file *file;     /* whose poll() is being called */
	int error;             /* -ENOMEM: an entry is missing */
	bool triggered;        /* P2; set under other locks than it is read */
	struct wait_queue own; /* what wait_begin() needs; nobody wakes it */

	unsigned int num_inline;
	struct poll_entry inline_entries[NUM_INLINE_ENTRIES];
	struct poll_chunk *chunks;
};

/*
 * Looks at all files of @request. Returns how many are ready, or an error;
 * registers with @table unless NULL.
 */
typedef long (*scan_fn)(void *request, struct poll_sleeper *sleeper);

/* ---- Registering --------------------------------------------------------- */

static bool poll_wake(struct waiter *waiter, unsigned int events)
{
	struct poll_entry *entry =
		container_of(waiter, struct poll_entry, waiter);
	struct poll_sleeper *sleeper = entry->sleeper;

	/* pairs with the barrier of wait_begin() in poll_sleep() */
	__atomic_store_n(&sleeper->triggered, true, __ATOMIC_SEQ_CST);
	return sched_wake(sleeper->thread, THREAD_ANY_SLEEP);
}

static struct poll_chunk *chunk_with_room(struct poll_sleeper *sleeper)
{
	struct poll_chunk *chunk = sleeper->chunks;
	struct page *page;

	if (chunk && chunk->used < ENTRIES_PER_CHUNK)
		return chunk;
	page = page_alloc(0, 0);
	if (!page)
		return NULL;
	chunk = page_address(page);
	chunk->page = page;
	chunk->used = 0;
	chunk->next = sleeper->chunks;
	sleeper->chunks = chunk;
	return chunk;
}

static struct poll_entry *entry_alloc(struct poll_sleeper *sleeper)
{
	struct poll_chunk *chunk;

	if (sleeper->num_inline < NUM_INLINE_ENTRIES)
		return &sleeper->inline_entries[sleeper->num_inline++];
	chunk = chunk_with_room(sleeper);
	return chunk ? &chunk->entries[chunk->used++] : NULL;
}

static void sleeper_add(struct poll_table *table, struct wait_queue *queue)
{
	struct poll_sleeper *sleeper =
		container_of(table, struct poll_sleeper, table);
	struct poll_entry *entry = entry_alloc(sleeper);

	if (!entry) {
		sleeper->error = -ENOMEM;
		return;
	}
	entry->queue = queue;
	entry->sleeper = sleeper;
	entry->file = file_get(sleeper->file);
	waiter_init_callback(&entry->waiter, poll_wake);
	wait_add(queue, &entry->waiter);
}

static void entries_remove(struct poll_entry *entries, unsigned int num)
{
	unsigned int i;

	for (i = 0; i < num; i++) {
		wait_remove(entries[i].queue, &entries[i].waiter);
		file_put(entries[i].file);
	}
}

static void sleeper_init(struct poll_sleeper *sleeper)
{
	sleeper->table.add = sleeper_add;
	sleeper->thread = current();
	sleeper->error = 0;
	sleeper->triggered = false;
	sleeper->num_inline = 0;
	sleeper->chunks = NULL;
	wait_queue_init(&sleeper->own);
}

static void sleeper_destroy(struct poll_sleeper *sleeper)
{
	entries_remove(sleeper->inline_entries, sleeper->num_inline);
	while (sleeper->chunks) {
		struct poll_chunk *chunk = sleeper->chunks;

		sleeper->chunks = chunk->next;
		entries_remove(chunk->entries, chunk->used);
		page_put(chunk->page);
	}
}

/* ---- Sleeping ------------------------------------------------------------ */

/* Until a wake-up: 0, -ETIMEDOUT, -ERESTARTSYS. */
static int poll_sleep(struct poll_sleeper *sleeper, uint64_t deadline_ns)
{
	struct waiter waiter;
	int err = 0;

	waiter_init(&waiter);
	wait_begin(&sleeper->own, &waiter, WAIT_INTERRUPTIBLE);
	while (!READ_ONCE(sleeper->triggered) && !err)
		err = wait_sleep(WAIT_INTERRUPTIBLE, deadline_ns);
	wait_end(&sleeper->own, &waiter);

	/* Before the scan that follows (P2). */
	__atomic_store_n(&sleeper->triggered, false, __ATOMIC_SEQ_CST);
	return err;
}

static long poll_loop(scan_fn scan, void *request, uint64_t deadline_ns)
{
	struct poll_sleeper sleeper;
	long ready;
	int err = 0;

	sleeper_init(&sleeper);
	ready = scan(request, &sleeper);
	if (!ready)
		ready = sleeper.error;
	while (!ready && !err) {
		err = poll_sleep(&sleeper, deadline_ns);
		ready = scan(request, NULL);
	}
	sleeper_destroy(&sleeper);

	if (ready)
		return ready;
	return err == -ETIMEDOUT ? 0 : err;
}

/* Most calls need no sleeper, which is large. */
static long poll_or_wait(scan_fn scan, void *request, uint64_t deadline_ns)
{
	if (deadline_ns == POLL_NO_WAIT)
		return scan(request, NULL);
	return poll_loop(scan, request, deadline_ns);
}

/* What holds for @file now; registers if there is a @sleeper. */
static unsigned int look(struct file *file, struct poll_sleeper *sleeper)
{
	if (!sleeper)
		return file_poll(file, NULL);
	sleeper->file = file;
	return file_poll(file, &sleeper->table);
}

/* ---- poll ---------------------------------------------------------------- */

struct poll_request {
	struct pollfd *fds;
	unsigned int num_fds;
};

static unsigned int poll_one(const struct pollfd *pollfd,
			     struct poll_sleeper *sleeper)
{
	unsigned int events;
	struct file *file;

	if (pollfd->fd < 0)
		return 0;
	file = fd_get(pollfd->fd);
	if (!file)
		return POLLNVAL;
	events = look(file, sleeper);
	file_put(file);
	return events & ((unsigned short)pollfd->events | POLLERR | POLLHUP);
}

static long poll_scan(void *arg, struct poll_sleeper *sleeper)
{
	struct poll_request *request = arg;
	unsigned int i;
	long ready = 0;

	for (i = 0; i < request->num_fds; i++) {
		struct pollfd *pollfd = &request->fds[i];

		/* Once something is ready nobody will sleep. */
		pollfd->revents =
			(short)poll_one(pollfd, ready ? NULL : sleeper);
		if (pollfd->revents)
			ready++;
	}
	return ready;
}

long poll_files(struct pollfd *fds, unsigned int num_fds, uint64_t deadline_ns)
{
	struct poll_request request = { .fds = fds, .num_fds = num_fds };

	return poll_or_wait(poll_scan, &request, deadline_ns);
}

/* ---- select -------------------------------------------------------------- */

/* What makes a descriptor count as ready in each set: select(2), NOTES. */
static const unsigned int select_events[SELECT_SETS] = {
	POLLIN | POLLRDNORM | POLLRDBAND | POLLHUP | POLLERR,
	POLLOUT | POLLWRNORM | POLLWRBAND | POLLERR,
	POLLPRI,
};

static bool bit_test(const uint64_t *map, unsigned int bit)
{
	return (map[bit / 64] >> (bit % 64)) & 1;
}

/* The bits of @fd in the three results. How many were set, or -EBADF. */
static long select_one(struct select_sets *sets, unsigned int fd,
		       struct poll_sleeper *sleeper)
{
	struct file *file = fd_get((int)fd);
	unsigned int events, i;
	long ready = 0;

	if (!file)
		return -EBADF;
	events = look(file, sleeper);
	file_put(file);

	for (i = 0; i < SELECT_SETS; i++) {
		if (bit_test(sets->wanted[i], fd) &&
		    (events & select_events[i])) {
			sets->ready[i][fd / 64] |= 1UL << (fd % 64);
			ready++;
		}
	}
	return ready;
}

static long select_scan(void *arg, struct poll_sleeper *sleeper)
{
	struct select_sets *sets = arg;
	unsigned int fd;
	long ready = 0;

	for (fd = 0; fd < sets->num_fds; fd++) {
		long one;

		if (!bit_test(sets->wanted[0], fd) &&
		    !bit_test(sets->wanted[1], fd) &&
		    !bit_test(sets->wanted[2], fd))
			continue;
		one = select_one(sets, fd, ready ? NULL : sleeper);
		if (one < 0)
			return one;
		ready += one;
	}
	return ready;
}

long select_files(struct select_sets *sets, uint64_t deadline_ns)
{
	return poll_or_wait(select_scan, sets, deadline_ns);
}
