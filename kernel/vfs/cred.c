/* SPDX-License-Identifier: MIT */
/*
 * cred.c - on whose behalf something is done
 *
 * Idea: credentials are never changed while anybody uses them. Who wants
 * others copies, changes the copy and replaces the thread's pointer; so an
 * open file or a running system call keeps what it began with, without a lock.
 * A process has a copy of its own, so that what counts who uses it stays with
 * the harts that run the process.
 *
 * Invariants
 *   C1  cred.user is the account of cred.uid.
 *   C2  user_account.threads counts the threads whose cred has that account; but
 *       for root's, who may have any number: all harts would want that counter.
 *
 * Locks: thread.cred_lock lets others take a reference to a thread's credentials
 * while the thread replaces them; accounts_lock guards the accounts' hash.
 * Source: credentials(7), capabilities(7).
 */
#include "kernel/vfs/cred.h"
#include "kernel/abi/errno.h"
#include "kernel/lib/list.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/sched/thread.h"

#define NUM_BUCKETS 64u

/* CAP_CHOWN ... CAP_CHECKPOINT_RESTORE: bits 0 to 40. */
#define ALL_CAPABILITIES ((1UL << 41) - 1)

struct user_account {
	struct list_head node; /* in its bucket */
	unsigned int refs;     /* one for each cred; accounts_lock */
	unsigned int threads;  /* atomic */
	uint32_t uid;          /* fixed */
};

static struct spinlock accounts_lock = SPINLOCK_INIT(LOCK_LEAF);
/* Under accounts_lock; zero until first used. */
static struct list_head buckets[NUM_BUCKETS];

static struct user_account root_account; /* always there: not counted */
/* Never freed, so its count does not matter. */
static struct cred root_cred = {
	.refs = { 1 },
	.user = &root_account,
	.cap_permitted = ALL_CAPABILITIES,
	.cap_effective = ALL_CAPABILITIES,
	.cap_bounding = ALL_CAPABILITIES,
};

/* ---- Accounts ------------------------------------------------------------ */

static struct list_head *bucket_of(uint32_t uid)
{
	struct list_head *bucket = &buckets[uid % NUM_BUCKETS];

	if (!bucket->next)
		list_init(bucket);
	return bucket;
}

/* accounts_lock held; a reference is taken. */
static struct user_account *find_account(uint32_t uid)
{
	struct user_account *account;

	list_for_each (account, bucket_of(uid), node) {
		if (account->uid == uid) {
			account->refs++;
			return account;
		}
	}
	return NULL;
}

static struct user_account *account_get(uint32_t uid)
{
	struct user_account *fresh, *account;

	if (uid == 0)
		return &root_account;
	fresh = kzalloc(sizeof(*fresh));
	if (!fresh)
		return NULL;

	spin_lock(&accounts_lock);
	account = find_account(uid);
	if (!account) {
		account = fresh;
		account->refs = 1;
		account->uid = uid;
		list_push_front(bucket_of(uid), &account->node);
		fresh = NULL;
	}
	spin_unlock(&accounts_lock);
	kfree(fresh);
	return account;
}

/* For who has a reference. */
static void account_get_again(struct user_account *account)
{
	if (account == &root_account)
		return;
	spin_lock(&accounts_lock);
	account->refs++;
	spin_unlock(&accounts_lock);
}

static void account_put(struct user_account *account)
{
	bool last;

	if (account == &root_account)
		return;
	spin_lock(&accounts_lock);
	last = --account->refs == 0;
	if (last)
		list_remove(&account->node);
	spin_unlock(&accounts_lock);
	if (last)
		kfree(account);
}

unsigned int cred_user_threads(const struct cred *cred)
{
	return READ_ONCE(cred->user->threads);
}

void cred_count_thread(const struct cred *cred, int delta)
{
	if (cred->user == &root_account)
		return;
	__atomic_fetch_add(&cred->user->threads, (unsigned int)delta,
			   __ATOMIC_RELAXED);
}

/* ---- Credentials --------------------------------------------------------- */

const struct cred *cred_get(const struct cred *cred)
{
	/* The count is the one field that changes. */
	refcount_get((struct refcount *)&cred->refs);
	return cred;
}

void cred_put(const struct cred *cred)
{
	struct cred *mine = (struct cred *)cred;

	if (!cred || cred == &root_cred || !refcount_put(&mine->refs))
		return;
	account_put(mine->user);
	kfree(mine->groups);
	kfree(mine);
}

struct cred *cred_copy(const struct cred *cred)
{
	struct cred *copy = kmalloc(sizeof(*copy));
	size_t size = cred->num_groups * sizeof(*cred->groups);

	if (!copy)
		return NULL;
	*copy = *cred;
	refcount_init(&copy->refs, 1);
	copy->groups = NULL;
	if (size) {
		copy->groups = kmalloc(size);
		if (!copy->groups) {
			kfree(copy);
			return NULL;
		}
		memcpy(copy->groups, cred->groups, size);
	}
	account_get_again(copy->user);
	return copy;
}

int cred_set_uid(struct cred *cred, uint32_t uid)
{
	struct user_account *account;

	if (cred->uid == uid)
		return 0;
	account = account_get(uid);
	if (!account)
		return -ENOMEM;
	account_put(cred->user);
	cred->user = account;
	cred->uid = uid;
	return 0;
}

static const struct cred *replace(struct thread *thread,
				  const struct cred *cred)
{
	const struct cred *old;

	spin_lock(&thread->cred_lock);
	old = thread->cred;
	thread->cred = cred;
	spin_unlock(&thread->cred_lock);
	return old;
}

void cred_use(struct cred *cred)
{
	const struct cred *old = replace(current(), cred);

	if (old->user != cred->user) {
		cred_count_thread(old, -1);
		cred_count_thread(cred, 1);
	}
	cred_put(old);
}

void cred_drop(struct thread *thread)
{
	cred_put(replace(thread, NULL));
}

const struct cred *cred_get_of(struct thread *thread)
{
	const struct cred *cred;

	spin_lock(&thread->cred_lock);
	cred = thread->cred;
	if (cred)
		cred_get(cred);
	spin_unlock(&thread->cred_lock);
	return cred;
}

const struct cred *cred_root(void)
{
	return &root_cred;
}

bool cred_in_group(const struct cred *cred, uint32_t gid)
{
	unsigned int low = 0, high = cred->num_groups;

	if (gid == cred->fsgid)
		return true;
	while (low < high) {
		unsigned int middle = low + (high - low) / 2;

		if (cred->groups[middle] == gid)
			return true;
		if (cred->groups[middle] < gid)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

bool capable(int capability)
{
	return cred_capable(current()->cred, capability);
}
