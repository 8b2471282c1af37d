/* SPDX-License-Identifier: MIT */
/*
 * queue.c - from requests to what a driver is given, and back
 *
 * Idea: requests wait in a list of heads; one that continues a waiting head on
 * the disk is hung behind it and travels with it as one operation of the
 * device. Heads go to the driver in the order of arrival until it says that the
 * device is full; the next completion goes on.
 *
 * A write with BLOCK_PREFLUSH or BLOCK_FUA takes up to three steps: a flush,
 * the write, a flush. Each is handed to the driver only when the one before has
 * completed, which is what orders them; a device that can do FUA itself is
 * spared the last.
 *
 * Invariants
 *   Q1  A request is in exactly one place: its submitter's, waiting as or
 *       behind a head, or at the driver as or behind a head.
 *   Q2  Only heads whose `now` is BLOCK_READ or BLOCK_WRITE have others behind
 *       them; all of a head's requests have the same `now` and flags.
 *
 * Locks: queue->lock; the driver's own comes inside. done() is called without.
 * Read: OSTEP ch. 37 (merging), ch. 42 (flush and order).
 */
#include "kernel/block/internal.h"

#include <arch/hart.h>
#include "kernel/abi/errno.h"
#include "kernel/debug/log.h"
#include "kernel/debug/panic.h"
#include "kernel/mm/slab.h"
#include "kernel/sched/sched.h"
#include "kernel/sync/wait.h"

/* Submitters wait while so many heads do. */
#define MAX_WAITING 512u
/* How many heads are looked at for one to merge with. */
#define MERGE_LOOKS 8u

enum { STEP_PREFLUSH, STEP_DATA, STEP_POSTFLUSH, STEP_DONE };

/* ---- Making a queue ---------------------------------------------------------- */

static struct block_request *first_waiting(struct block_queue *queue)
	MUST_HOLD(queue->lock)
{
	if (list_empty(&queue->waiting))
		return NULL;
	return list_first(&queue->waiting, struct block_request, node);
}

/* For queues whose driver may sleep: carries the heads out, one by one. */
static void worker_main(void *arg)
{
	struct block_queue *queue = arg;
	struct block_request *head;

	for (;;) {
		WAIT_EVENT(&queue->work, READ_ONCE(queue->num_waiting));
		spin_lock(&queue->lock);
		head = first_waiting(queue);
		if (head) {
			list_remove(&head->node);
			queue->num_waiting--;
		}
		spin_unlock(&queue->lock);
		if (head)
			block_queue_complete(head,
					     queue->ops->perform(queue, head));
	}
}

/* At the first request: most loop devices never get one. */
static int need_worker(struct block_queue *queue)
{
	struct thread *worker;

	if (likely(!queue->ops->perform || READ_ONCE(queue->has_worker)))
		return 0;
	if (__atomic_exchange_n(&queue->has_worker, 1, __ATOMIC_RELAXED))
		return 0;
	worker = thread_create_kernel("block", worker_main, queue);
	if (!worker) {
		WRITE_ONCE(queue->has_worker, 0);
		return -ENOMEM;
	}
	sched_start(worker);
	return 0;
}

struct block_queue *block_queue_create(const struct block_queue_ops *ops,
				       const struct block_limits *limits,
				       void *data)
{
	struct block_queue *queue = kzalloc(sizeof(*queue));

	if (!queue)
		return NULL;
	spin_init(&queue->lock, LOCK_BLOCK_QUEUE);
	list_init(&queue->waiting);
	queue->ops = ops;
	queue->limits = *limits;
	queue->data = data;
	wait_queue_init(&queue->room);
	wait_queue_init(&queue->work);
	return queue;
}

/* ---- Steps of a request ---------------------------------------------------------- */

static bool has_data(const struct block_request *request)
{
	return request->op != BLOCK_FLUSH && request->num_sectors > 0;
}

static bool step_is_needed(const struct block_request *request,
			   unsigned int step)
{
	const struct block_limits *limits = &request->queue->limits;

	switch (step) {
	case STEP_PREFLUSH:
		return limits->can_flush && (request->op == BLOCK_FLUSH ||
					     request->flags & BLOCK_PREFLUSH);
	case STEP_DATA:
		return has_data(request);
	case STEP_POSTFLUSH:
		return limits->can_flush && !limits->can_fua &&
		       has_data(request) && request->flags & BLOCK_FUA;
	default:
		return true;
	}
}

/* Go on to the first step from @step on that has something to do. */
static void set_step(struct block_request *request, unsigned int step)
{
	while (!step_is_needed(request, step))
		step++;
	request->step = step;
	request->now = step == STEP_DATA ? request->op : BLOCK_FLUSH;
}

static void finish(struct block_request *request)
{
	interrupts_off_enter();
	request->done(request);
	interrupts_off_leave();
}

static void fail(struct block_request *request, int error)
{
	request->error = error;
	finish(request);
}

/* The last segment of a head and those behind it. */
static const struct block_segment *
last_segment(const struct block_request *head)
{
	const struct block_request *last = head;

	if (!list_empty(&head->chain))
		last = list_last(&head->chain, struct block_request, node);
	return &last->segments[last->num_segments - 1];
}

/* ---- Counting (stats.h); queue->lock held ------------------------------------------- */

/* The first that counts it; its disk comes next. */
static struct block_device *counts(const struct block_request *head)
{
	struct block_device *bdev = head->bdev;

	return head->now == BLOCK_FLUSH && bdev->disk ? bdev->disk : bdev;
}

static uint64_t one_in_flight(const struct block_request *head)
{
	return head->now == BLOCK_READ ? BLOCK_ONE_READ : BLOCK_ONE_OTHER;
}

static void count_begin(struct block_request *head)
{
	struct block_device *bdev = counts(head);

	head->begin = arch_time_ticks();
	for (; bdev; bdev = bdev->disk) {
		if (!bdev->stats.in_flight)
			bdev->stats.busy_since = head->begin;
		bdev->stats.in_flight += one_in_flight(head);
	}
}

static void count_end(const struct block_request *head)
{
	struct block_device *bdev = counts(head);
	uint64_t now = arch_time_ticks();

	for (; bdev; bdev = bdev->disk) {
		struct block_stats *stats = &bdev->stats;
		struct block_op_stats *of = &stats->of[head->now];

		of->done++;
		of->sectors += head->chain_sectors;
		of->ticks += now - head->begin;
		stats->in_flight -= one_in_flight(head);
		if (!stats->in_flight)
			stats->busy_ticks += now - stats->busy_since;
	}
}

static void count_merge(const struct block_request *head)
{
	struct block_device *bdev = counts(head);

	for (; bdev; bdev = bdev->disk)
		bdev->stats.of[head->now].merged++;
}

/* ---- Merging; queue->lock held ----------------------------------------------------- */

static bool may_merge(const struct block_queue *queue,
		      const struct block_request *head,
		      const struct block_request *request)
{
	const struct block_limits *limits = &queue->limits;

	return head->now == request->now && head->op == request->op &&
	       head->flags == request->flags &&
	       head->disk_sector + head->chain_sectors ==
		       request->disk_sector &&
	       head->chain_sectors + request->num_sectors <=
		       limits->max_sectors &&
	       head->chain_segments + request->num_segments <=
		       limits->max_segments &&
	       block_may_follow(limits, last_segment(head),
				request->segments[0].offset);
}

/* Hang @request behind a waiting head that it continues. */
static bool merge(struct block_queue *queue, struct block_request *request)
{
	struct list_head *at = queue->waiting.prev;

	if (request->now != BLOCK_READ && request->now != BLOCK_WRITE)
		return false;
	for (unsigned int i = 0; i < MERGE_LOOKS && at != &queue->waiting;
	     i++, at = at->prev) {
		struct block_request *head =
			list_entry(at, struct block_request, node);

		if (!may_merge(queue, head, request))
			continue;
		list_push_back(&head->chain, &request->node);
		head->chain_sectors += request->num_sectors;
		head->chain_segments += request->num_segments;
		count_merge(head);
		return true;
	}
	return false;
}

static void enqueue(struct block_queue *queue, struct block_request *request)
	MUST_HOLD(queue->lock)
{
	list_init(&request->chain);
	request->chain_sectors = request->num_sectors;
	request->chain_segments = request->num_segments;
	if (merge(queue, request))
		return;
	list_push_back(&queue->waiting, &request->node);
	queue->num_waiting++;
	count_begin(request);
}

/* ---- To the driver ------------------------------------------------------------------ */

/* Offer waiting heads; those the driver refuses for good go to @failed. */
static void start_heads(struct block_queue *queue, struct list_head *failed)
	MUST_HOLD(queue->lock)
{
	struct block_request *head;
	bool any = false;
	int err;

	while (!queue->stopped && (head = first_waiting(queue))) {
		list_remove(&head->node);
		err = queue->ops->start(queue, head);
		if (err == -EBUSY) {
			list_push_front(&queue->waiting, &head->node);
			queue->stopped = true;
			break;
		}
		queue->num_waiting--;
		if (err) {
			head->error = err;
			list_push_back(failed, &head->node);
		} else {
			any = true;
		}
	}
	if (any && queue->ops->kick)
		queue->ops->kick(queue);
}

void queue_run(struct block_queue *queue)
{
	struct list_head failed = LIST_HEAD_INIT(failed);

	if (queue->ops->perform) {
		wake_all(&queue->work);
		return;
	}
	spin_lock(&queue->lock);
	start_heads(queue, &failed);
	spin_unlock(&queue->lock);
	while (!list_empty(&failed)) {
		struct block_request *head =
			list_first(&failed, struct block_request, node);

		list_remove(&head->node);
		block_queue_complete(head, head->error);
	}
}

/* ---- From the driver ------------------------------------------------------------------ */

static void log_error_of(const struct block_request *head, int error)
{
	static const char *const names[] = { "read", "write", "flush",
					     "discard", "write zeroes" };

	if (head->flags & BLOCK_AHEAD || error == -EOPNOTSUPP)
		return;
	log_error("%s: %s of %lu sectors at %lu failed, error %d",
		  head->bdev->name, names[head->now], head->chain_sectors,
		  head->disk_sector, -error);
}

/* One step of @request is done: on to the next. True: it was the last. */
static bool advance(struct block_queue *queue, struct block_request *request,
		    int error)
{
	request->error = error;
	set_step(request, error ? STEP_DONE : request->step + 1);
	if (request->step == STEP_DONE)
		return true;
	spin_lock(&queue->lock);
	enqueue(queue, request);
	spin_unlock(&queue->lock);
	return false;
}

void block_queue_complete(struct block_request *head, int error)
{
	struct block_queue *queue = head->queue;
	struct list_head chain = LIST_HEAD_INIT(chain);

	if (unlikely(error))
		log_error_of(head, error);
	spin_lock(&queue->lock);
	count_end(head);
	queue->stopped = false;
	spin_unlock(&queue->lock);
	/* The head may be gone before its followers. */
	list_splice_back(&chain, &head->chain);
	if (advance(queue, head, error))
		finish(head);
	while (!list_empty(&chain)) {
		struct block_request *request =
			list_first(&chain, struct block_request, node);

		list_remove(&request->node);
		if (advance(queue, request, error))
			finish(request);
	}
	queue_run(queue);
	wake_all(&queue->room);
}

void block_queue_restart(struct block_queue *queue)
{
	spin_lock(&queue->lock);
	queue->stopped = false;
	spin_unlock(&queue->lock);
	queue_run(queue);
}

/* ---- Submitting --------------------------------------------------------------------- */

/* 0 if the request can be carried out at all. */
static int check(const struct block_request *request)
{
	const struct block_device *bdev = request->bdev;
	const struct block_limits *limits = &bdev->queue->limits;
	uint64_t most = limits->max_sectors;

	if (READ_ONCE(bdev->gone))
		return -EIO;
	if (request->op != BLOCK_READ && request->op != BLOCK_FLUSH &&
	    (bdev->read_only || limits->read_only))
		return -EROFS;
	if (request->op == BLOCK_DISCARD)
		most = limits->max_discard_sectors;
	else if (request->op == BLOCK_WRITE_ZEROES)
		most = limits->max_zeroes_sectors;
	if (!most)
		return -EOPNOTSUPP;
	if (request->num_sectors > most ||
	    request->num_segments > limits->max_segments)
		return -EINVAL;
	if (request->num_sectors > bdev->num_sectors ||
	    request->sector > bdev->num_sectors - request->num_sectors)
		return -EIO;
	if (((request->sector + bdev->start) | request->num_sectors) &
	    ((limits->logical_block_size >> BLOCK_SECTOR_SHIFT) - 1))
		return -EINVAL;
	return 0;
}

bool queue_insert(struct block_request *request)
{
	struct block_device *bdev = request->bdev;
	struct block_queue *queue = bdev->queue;
	int err = check(request);

	if (!err)
		err = need_worker(queue);
	if (err) {
		fail(request, err);
		return false;
	}
	request->queue = queue;
	request->disk_sector = request->sector + bdev->start;
	request->error = 0;
	set_step(request, STEP_PREFLUSH);
	if (request->step == STEP_DONE) {
		finish(request);
		return false;
	}
	WAIT_EVENT(&queue->room, READ_ONCE(queue->num_waiting) < MAX_WAITING);
	spin_lock(&queue->lock);
	enqueue(queue, request);
	spin_unlock(&queue->lock);
	return true;
}

void block_submit(struct block_request *request)
{
	struct block_queue *queue = request->bdev->queue;

	if (queue_insert(request))
		queue_run(queue);
}

/* ---- Plugging ------------------------------------------------------------------------- */

void block_plug_begin(struct block_plug *plug)
{
	list_init(&plug->requests);
	plug->count = 0;
}

/* Requests of one disk side by side, those in order of their sectors. */
static bool comes_before(const struct block_request *a,
			 const struct block_request *b)
{
	const struct block_queue *queue = a->bdev->queue;

	if (queue != b->bdev->queue)
		return (uintptr_t)queue < (uintptr_t)b->bdev->queue;
	return a->sector + a->bdev->start < b->sector + b->bdev->start;
}

void block_plug_add(struct block_plug *plug, struct block_request *request)
{
	struct list_head *at = plug->requests.prev;

	/* From the end: most come in order. */
	while (at != &plug->requests &&
	       comes_before(request,
			    list_entry(at, struct block_request, node)))
		at = at->prev;
	list_push_front(at, &request->node);
	plug->count++;
}

void block_plug_end(struct block_plug *plug)
{
	struct block_queue *queue = NULL;

	while (!list_empty(&plug->requests)) {
		struct block_request *request =
			list_first(&plug->requests, struct block_request, node);
		struct block_queue *its = request->bdev->queue;

		list_remove(&request->node);
		if (queue && its != queue)
			queue_run(queue);
		queue = its;
		/* Who waits for room needs the ones before to make progress. */
		if (READ_ONCE(queue->num_waiting) >= MAX_WAITING)
			queue_run(queue);
		queue_insert(request);
	}
	if (queue)
		queue_run(queue);
	plug->count = 0;
}

/* ---- What a driver sees of a head -------------------------------------------------------- */

void block_segments_begin(struct block_segment_iter *iter,
			  const struct block_request *head)
{
	iter->head = head;
	iter->request = head;
	iter->i = 0;
}

const struct block_segment *block_segments_next(struct block_segment_iter *iter)
{
	const struct list_head *next;

	while (iter->i >= iter->request->num_segments) {
		next = iter->request == iter->head ? iter->head->chain.next
						   : iter->request->node.next;
		if (next == &iter->head->chain)
			return NULL;
		iter->request = list_entry(next, struct block_request, node);
		iter->i = 0;
	}
	return &iter->request->segments[iter->i++];
}
