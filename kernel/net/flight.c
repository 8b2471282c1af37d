/* SPDX-License-Identifier: MIT */
/*
 * flight.c - descriptors that are in messages, and nowhere else
 *
 * Idea: a message keeps the files it carries alive. If a socket's last
 * references are in messages that lie in queues of sockets of which the same
 * is true, nobody can ever receive them: they are garbage. To find it:
 *
 *   1 candidates: sockets all of whose references are in messages
 *   2 take away, from each candidate, the references that lie in queues of
 *     candidates; who has some left is reachable from outside
 *   3 what lies in the queues of reachable ones is reachable as well
 *   4 the rest is garbage: empty its queues of files
 *
 * Invariants
 *   F1  self->flights counts the messages, queued or about to be, that carry
 *       self's file; self is on flying exactly while it is not 0.
 *   F2  A message with files is queued only with the flight lock held, so a
 *       candidate's queue does not change while we look.
 *
 * A file list counts for the user who sent it: RLIMIT_NOFILE at most.
 *
 * Locks: flight_lock (LOCK_FLIGHT), then one socket's, then, for a listener,
 * its pending connections'.
 * Read: Jones & Lins, "Garbage Collection", trial deletion.
 */
#include "kernel/net/flight.h"

#include "kernel/abi/errno.h"
#include "kernel/mm/slab.h"
#include "kernel/net/ancillary.h"
#include "kernel/net/internal.h"
#include "kernel/proc/process.h"
#include "kernel/vfs/cred.h"
#include "kernel/vfs/file.h"

#include <linux/capability.h>
#include <linux/resource.h>

/* How many descriptors one user has in flight. */
struct flight_user {
	struct list_head node;
	uint32_t uid;
	uint64_t count;
};

static struct mutex flight_lock = MUTEX_INIT(flight_lock, LOCK_FLIGHT);
/* All under flight_lock. */
static struct list_head flying = LIST_HEAD_INIT(flying);
static struct list_head users = LIST_HEAD_INIT(users);

static struct unix_socket *unix_of_file(const struct file *file)
{
	struct socket *socket = socket_of(file);

	return socket && socket->domain == AF_UNIX ? unix_of(socket) : NULL;
}

/* ---- Counting ------------------------------------------------------------ */

static struct flight_user *user_find(uint32_t uid) MUST_HOLD(flight_lock)
{
	struct flight_user *user;

	list_for_each (user, &users, node) {
		if (user->uid == uid)
			return user;
	}
	return NULL;
}

/* @uid sends @count more. 0, -ETOOMANYREFS, -ENOMEM. */
static int user_charge(uint32_t uid, unsigned int count) MUST_HOLD(flight_lock)
{
	struct flight_user *user = user_find(uid);
	uint64_t limit = process_limit(current_process(), RLIMIT_NOFILE);

	if (user && user->count > limit && !capable(CAP_SYS_RESOURCE) &&
	    !capable(CAP_SYS_ADMIN))
		return -ETOOMANYREFS;
	if (!user) {
		user = kmalloc(sizeof(*user));
		if (!user)
			return -ENOMEM;
		user->uid = uid;
		user->count = 0;
		list_push_back(&users, &user->node);
	}
	user->count += count;
	return 0;
}

static void user_uncharge(uint32_t uid, unsigned int count)
	MUST_HOLD(flight_lock)
{
	struct flight_user *user = user_find(uid);

	user->count -= count;
	if (!user->count) {
		list_remove(&user->node);
		kfree(user);
	}
}

static void take_off(struct file *file) MUST_HOLD(flight_lock)
{
	struct unix_socket *self = unix_of_file(file);

	if (!self)
		return;
	if (self->flights++ == 0) {
		self->flight_file = file;
		list_push_back(&flying, &self->flight_node);
	}
}

static void touch_down(struct file *file) MUST_HOLD(flight_lock)
{
	struct unix_socket *self = unix_of_file(file);

	if (self && --self->flights == 0) {
		self->candidate = false;
		list_remove(&self->flight_node);
	}
}

/* No longer in flight; the files are still referred to. */
static void land_all(struct file_list *files) MUST_HOLD(flight_lock)
{
	unsigned int i;

	for (i = 0; i < files->count; i++)
		touch_down(files->files[i]);
	user_uncharge(files->uid, files->count);
}

/* Returns with the lock held when it works: flight.h. */
int flight_begin(struct file_list *files) UNCHECKED_LOCKING
{
	unsigned int i;
	int err;

	mutex_lock(&flight_lock);
	files->uid = current()->cred->uid;
	err = user_charge(files->uid, files->count);
	if (err) {
		mutex_unlock(&flight_lock);
		return err;
	}
	for (i = 0; i < files->count; i++)
		take_off(files->files[i]);
	return 0;
}

void flight_commit(void) UNCHECKED_LOCKING
{
	mutex_unlock(&flight_lock);
}

void flight_abort(struct file_list *files) UNCHECKED_LOCKING
{
	land_all(files);
	mutex_unlock(&flight_lock);
}

void flight_land(struct file_list *files)
{
	mutex_lock(&flight_lock);
	land_all(files);
	mutex_unlock(&flight_lock);
}

struct file_list *flight_duplicate(const struct file_list *files)
{
	struct file_list *copy;
	unsigned int i;

	copy = kmalloc(sizeof(*copy) + files->count * sizeof(struct file *));
	if (!copy)
		return NULL;
	copy->count = files->count;
	for (i = 0; i < files->count; i++)
		copy->files[i] = file_get(files->files[i]);
	return copy;
}

void flight_barrier(void)
{
	mutex_lock(&flight_lock);
	mutex_unlock(&flight_lock);
}

/* ---- Collecting ---------------------------------------------------------- */

/* What to do with each list of files in a socket's queues. */
typedef void (*list_fn)(struct unix_message *message, void *arg);

static void for_queue(struct unix_socket *self, list_fn fn, void *arg)
	MUST_HOLD(self->lock)
{
	struct unix_message *message;

	list_for_each (message, &self->queue, node) {
		if (message->files)
			fn(message, arg);
	}
}

/* The queue of @self, and of the connections that nobody has accepted. */
static void for_queues(struct unix_socket *self, list_fn fn, void *arg)
{
	struct unix_socket *child;

	mutex_lock(&self->lock);
	for_queue(self, fn, arg);
	list_for_each (child, &self->pending, pending_node) {
		mutex_lock(&child->lock);
		for_queue(child, fn, arg);
		mutex_unlock(&child->lock);
	}
	mutex_unlock(&self->lock);
}

/* Step 1: move candidates from flying to @candidates. */
static void find_candidates(struct list_head *candidates) MUST_HOLD(flight_lock)
{
	struct unix_socket *self, *next;

	list_for_each_safe (self, next, &flying, flight_node) {
		if (refcount_read(&self->flight_file->refs) != self->flights)
			continue;
		self->candidate = true;
		self->unaccounted = self->flights;
		list_remove(&self->flight_node);
		list_push_back(candidates, &self->flight_node);
	}
}

/* Step 2: these references come from a candidate. */
static void account(struct unix_message *message, void *arg)
{
	unsigned int i;

	for (i = 0; i < message->files->count; i++) {
		struct unix_socket *to = unix_of_file(message->files->files[i]);

		if (to && to->candidate)
			to->unaccounted--;
	}
}

static void mark_reachable(struct unix_socket *self,
			   struct list_head *reachable)
{
	self->candidate = false;
	list_remove(&self->flight_node);
	list_push_back(reachable, &self->flight_node);
}

/* Step 3: a reachable socket's queue carries these. */
static void reach(struct unix_message *message, void *arg)
{
	unsigned int i;

	for (i = 0; i < message->files->count; i++) {
		struct unix_socket *to = unix_of_file(message->files->files[i]);

		if (to && to->candidate)
			mark_reachable(to, arg);
	}
}

/* Step 4: its files go to the list @arg. */
static void strip(struct unix_message *message, void *arg)
	MUST_HOLD(flight_lock)
{
	struct list_head *garbage = arg;

	land_all(message->files);
	list_push_back(garbage, &message->files->node);
	message->files = NULL;
}

static void find_garbage(struct list_head *candidates,
			 struct list_head *garbage) MUST_HOLD(flight_lock)
{
	struct list_head reachable;
	struct unix_socket *self, *next;

	list_init(&reachable);
	list_for_each (self, candidates, flight_node)
		for_queues(self, account, NULL);
	list_for_each_safe (self, next, candidates, flight_node) {
		if (self->unaccounted)
			mark_reachable(self, &reachable);
	}
	while (!list_empty(&reachable)) {
		self = list_first(&reachable, struct unix_socket, flight_node);
		list_remove(&self->flight_node);
		list_push_back(&flying, &self->flight_node);
		for_queues(self, reach, &reachable);
	}

	/* One that lands here goes off the list, and is emptied by its close. */
	while (!list_empty(candidates)) {
		self = list_first(candidates, struct unix_socket, flight_node);
		self->candidate = false;
		list_remove(&self->flight_node);
		list_push_back(&flying, &self->flight_node);
		for_queues(self, strip, garbage);
	}
}

void flight_collect(void)
{
	struct list_head candidates, garbage;

	if (list_empty(&flying)) /* a hint: the last close looks again */
		return;
	list_init(&candidates);
	list_init(&garbage);
	mutex_lock(&flight_lock);
	find_candidates(&candidates);
	if (!list_empty(&candidates))
		find_garbage(&candidates, &garbage);
	mutex_unlock(&flight_lock);

	while (!list_empty(&garbage)) {
		struct file_list *files =
			list_first(&garbage, struct file_list, node);

		list_remove(&files->node);
		file_list_put(files);
	}
}
