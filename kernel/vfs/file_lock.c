/* SPDX-License-Identifier: MIT */
/*
 * file_lock.c - advisory locks: POSIX record locks, OFD locks, flock
 *
 * Idea: an inode that was ever locked has a list of records: a range, shared
 * or exclusive, and an owner. The owner of a POSIX lock is the process (its
 * descriptor table), of an OFD lock or flock the open file. Who finds another
 * owner's record in the way sleeps until the records change.
 *
 * Invariants
 *   L1  Records of one owner do not overlap, and those of one type do not even
 *       touch (they are merged).
 *   L2  Records of two owners overlap only if both are shared.
 *   L3  A sleeping owner is in the list of the blocked with the owner it waits
 *       for; no chain of those closes to a ring (EDEADLK).
 *
 * Locks: locks_lock, one for all: advisory locks are seldom taken.
 * Source: fcntl(2), flock(2).
 */
#include "kernel/vfs/file_lock.h"

#include "kernel/mm/slab.h"
#include "kernel/vfs/internal.h"

/* A longer chain of waiters is taken for no deadlock. */
#define MAX_CHAIN 64u

struct file_lock_list {
	/* Under locks_lock. */
	struct list_head records; /* fcntl */
	struct list_head whole;   /* flock */
	unsigned int changes;     /* grows when something is given up */
	struct wait_queue changed;
};

struct record {
	struct list_head node;
	loff_t start, end; /* both included */
	const void *owner;
	short type; /* F_RDLCK, F_WRLCK */
	int pid;
};

/* Someone who sleeps until @waits_for lets go. */
struct blocked {
	struct list_head node;
	const void *owner, *waits_for;
};

static struct spinlock locks_lock = SPINLOCK_INIT(LOCK_SPIN_MISC);
static struct list_head all_blocked = LIST_HEAD_INIT(all_blocked);

/* ---- The list of an inode ---- */

/* Made at the first lock, kept until the inode goes. NULL: no memory. */
static struct file_lock_list *list_of(struct inode *inode)
{
	struct file_lock_list *list = READ_ONCE(inode->locks);
	struct file_lock_list *none = NULL;

	if (list)
		return list;
	list = kzalloc(sizeof(*list));
	if (!list)
		return NULL;
	list_init(&list->records);
	list_init(&list->whole);
	wait_queue_init(&list->changed);
	if (__atomic_compare_exchange_n(&inode->locks, &none, list, false,
					__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return list;
	kfree(list); /* another thread was faster */
	return none;
}

void file_lock_destroy(struct inode *inode)
{
	kfree(inode->locks); /* its owners are gone, so it is empty */
}

static void note_change(struct file_lock_list *list) MUST_HOLD(locks_lock)
{
	WRITE_ONCE(list->changes, list->changes + 1);
}

/* ---- Conflicts ---- */

static bool overlaps(const struct record *a, const struct record *b)
{
	return a->start <= b->end && b->start <= a->end;
}

/* The record with the lowest start that keeps @wanted out, or NULL. */
static struct record *find_conflict(struct list_head *records,
				    const struct record *wanted)
	MUST_HOLD(locks_lock)
{
	struct record *record, *first = NULL;

	list_for_each (record, records, node) {
		if (record->owner == wanted->owner ||
		    !overlaps(record, wanted) ||
		    (record->type == F_RDLCK && wanted->type == F_RDLCK))
			continue;
		if (!first || record->start < first->start)
			first = record;
	}
	return first;
}

static const struct blocked *find_blocked(const void *owner)
	MUST_HOLD(locks_lock)
{
	const struct blocked *blocked;

	list_for_each (blocked, &all_blocked, node) {
		if (blocked->owner == owner)
			return blocked;
	}
	return NULL;
}

/* Would the ring close if @owner waited for @holder? (L3) */
static bool would_deadlock(const void *owner, const void *holder)
	MUST_HOLD(locks_lock)
{
	for (unsigned int i = 0; i < MAX_CHAIN; i++) {
		const struct blocked *next;

		if (holder == owner)
			return true;
		next = find_blocked(holder);
		if (!next)
			return false;
		holder = next->waits_for;
	}
	return false;
}

/* ---- Setting records ---- */

static void record_remove(struct record *record) MUST_HOLD(locks_lock)
{
	list_remove(&record->node);
	kfree(record);
}

/*
 * Take [wanted.start, wanted.end] away from the owner's records. One that
 * reaches over both ends becomes two: @spare is the second, then NULL.
 */
static void cut_out(struct list_head *records, const struct record *wanted,
		    struct record **spare) MUST_HOLD(locks_lock)
{
	struct record *record, *next;

	list_for_each_safe (record, next, records, node) {
		if (record->owner != wanted->owner || !overlaps(record, wanted))
			continue;
		if (record->start < wanted->start &&
		    record->end > wanted->end) {
			**spare = *record;
			(*spare)->start = wanted->end + 1;
			record->end = wanted->start - 1;
			list_push_back(records, &(*spare)->node);
			*spare = NULL;
			return; /* L1: nothing else can overlap */
		}
		if (record->start < wanted->start)
			record->end = wanted->start - 1;
		else if (record->end > wanted->end)
			record->start = wanted->end + 1;
		else
			record_remove(record);
	}
}

/* Let @new swallow the owner's records of its type that it touches (L1). */
static void merge(struct list_head *records, struct record *new)
	MUST_HOLD(locks_lock)
{
	struct record *record, *next;

	list_for_each_safe (record, next, records, node) {
		if (record->owner != new->owner || record->type != new->type)
			continue;
		if (record->end != INT64_MAX && record->end + 1 == new->start)
			new->start = record->start;
		else if (new->end != INT64_MAX &&new->end + 1 == record->start)
			new->end = record->end;
		else
			continue;
		record_remove(record);
	}
}

/* Nothing is in the way: make it so. Uses up what it needs of @fresh. */
static void apply(struct file_lock_list *list, const struct record *wanted,
		  struct record *fresh[2]) MUST_HOLD(locks_lock)
{
	cut_out(&list->records, wanted, &fresh[0]);
	if (wanted->type != F_UNLCK) {
		*fresh[1] = *wanted;
		merge(&list->records, fresh[1]);
		list_push_back(&list->records, &fresh[1]->node);
		fresh[1] = NULL;
	}
	note_change(list);
}

/* One attempt; -EAGAIN: blocked->waits_for has it. */
static int try_set(struct file_lock_list *list, const struct record *wanted,
		   struct record *fresh[2], struct blocked *blocked,
		   unsigned int *changes) MUST_HOLD(locks_lock)
{
	const struct record *conflict = NULL;

	if (wanted->type != F_UNLCK)
		conflict = find_conflict(&list->records, wanted);
	if (!conflict) {
		apply(list, wanted, fresh);
		return 0;
	}
	blocked->waits_for = conflict->owner;
	*changes = list->changes;
	return -EAGAIN;
}

static int set_record(struct file_lock_list *list, const struct record *wanted,
		      struct record *fresh[2], bool wait, bool check_deadlock)
{
	struct blocked blocked = { .owner = wanted->owner };
	unsigned int changes = 0;
	int err;

	list_init(&blocked.node);
	spin_lock(&locks_lock);
	for (;;) {
		err = try_set(list, wanted, fresh, &blocked, &changes);
		if (err != -EAGAIN || !wait)
			break;
		if (check_deadlock &&
		    would_deadlock(wanted->owner, blocked.waits_for)) {
			err = -EDEADLK;
			break;
		}
		if (list_empty(&blocked.node))
			list_push_back(&all_blocked, &blocked.node);
		spin_unlock(&locks_lock);
		err = WAIT_EVENT_INTERRUPTIBLE(
			&list->changed, READ_ONCE(list->changes) != changes);
		spin_lock(&locks_lock);
		if (err)
			break;
	}
	list_remove(&blocked.node);
	spin_unlock(&locks_lock);
	if (!err)
		wake_all(&list->changed);
	return err;
}

static const void *owner_of(const struct file *file, bool by_file)
{
	return by_file ? (const void *)file : (const void *)current()->files;
}

int file_lock_set(struct file *file, const struct record_lock *wanted,
		  bool by_file, bool wait)
{
	struct record record = { .start = wanted->start,
				 .end = wanted->end,
				 .owner = owner_of(file, by_file),
				 .type = wanted->type,
				 .pid = wanted->pid };
	struct file_lock_list *list;
	struct record *fresh[2];
	int err = -ENOLCK;

	if (wanted->type == F_UNLCK && !file->inode->locks)
		return 0;
	list = list_of(file->inode);
	fresh[0] = kmalloc(sizeof(struct record));
	fresh[1] = kmalloc(sizeof(struct record));
	if (list && fresh[0] && fresh[1])
		err = set_record(list, &record, fresh, wait, !by_file);
	kfree(fresh[0]);
	kfree(fresh[1]);
	return err;
}

int file_lock_test(struct file *file, struct record_lock *lock, bool by_file)
{
	const struct record wanted = { .start = lock->start,
				       .end = lock->end,
				       .owner = owner_of(file, by_file),
				       .type = lock->type };
	struct file_lock_list *list = READ_ONCE(file->inode->locks);
	const struct record *conflict = NULL;

	spin_lock(&locks_lock);
	if (list)
		conflict = find_conflict(&list->records, &wanted);
	if (conflict) {
		lock->type = conflict->type;
		lock->start = conflict->start;
		lock->end = conflict->end;
		lock->pid = conflict->pid;
	} else {
		lock->type = F_UNLCK;
	}
	spin_unlock(&locks_lock);
	return 0;
}

/* ---- flock(2) ---- */

/* The file's own record, or NULL. */
static struct record *find_own(struct list_head *records, const void *owner)
	MUST_HOLD(locks_lock)
{
	struct record *record;

	list_for_each (record, records, node) {
		if (record->owner == owner)
			return record;
	}
	return NULL;
}

/* Changing the type gives the old lock up first, as flock(2) says. */
static int flock_start(struct file_lock_list *list, const struct record *wanted)
{
	struct record *own;
	bool had_other = false, done;

	spin_lock(&locks_lock);
	own = find_own(&list->whole, wanted->owner);
	done = own ? own->type == wanted->type : wanted->type == F_UNLCK;
	if (own && !done) {
		record_remove(own);
		note_change(list);
		had_other = true;
		done = wanted->type == F_UNLCK;
	}
	spin_unlock(&locks_lock);
	if (had_other)
		wake_all(&list->changed);
	return done;
}

static int flock_take(struct file_lock_list *list, struct record *wanted,
		      bool wait)
{
	unsigned int changes;
	bool free;
	int err;

	for (;;) {
		spin_lock(&locks_lock);
		free = !find_conflict(&list->whole, wanted);
		if (free)
			list_push_back(&list->whole, &wanted->node);
		changes = list->changes;
		spin_unlock(&locks_lock);
		if (free)
			return 0;
		if (!wait)
			return -EWOULDBLOCK;
		err = WAIT_EVENT_INTERRUPTIBLE(
			&list->changed, READ_ONCE(list->changes) != changes);
		if (err)
			return err;
	}
}

int file_flock(struct file *file, short type, bool wait)
{
	struct file_lock_list *list = list_of(file->inode);
	struct record *wanted;
	int err;

	if (!list)
		return -ENOLCK;
	wanted = kmalloc(sizeof(*wanted));
	if (!wanted)
		return -ENOLCK;
	*wanted = (struct record){ .end = INT64_MAX,
				   .owner = file,
				   .type = type };
	if (flock_start(list, wanted)) {
		kfree(wanted);
		return 0;
	}
	err = flock_take(list, wanted, wait);
	if (err)
		kfree(wanted);
	return err;
}

/* ---- Letting go ---- */

static bool remove_owner(struct list_head *records, const void *owner)
	MUST_HOLD(locks_lock)
{
	struct record *record, *next;
	bool removed = false;

	list_for_each_safe (record, next, records, node) {
		if (record->owner == owner) {
			record_remove(record);
			removed = true;
		}
	}
	return removed;
}

static void release(struct file_lock_list *list, const void *owner)
{
	bool records, whole;

	spin_lock(&locks_lock);
	records = remove_owner(&list->records, owner);
	whole = remove_owner(&list->whole, owner);
	if (records || whole)
		note_change(list);
	spin_unlock(&locks_lock);
	if (records || whole)
		wake_all(&list->changed);
}

void file_lock_release_owner(struct file *file, const struct fd_table *table)
{
	release(file->inode->locks, table);
}

void file_lock_release_file(struct file *file)
{
	release(file->inode->locks, file);
}
