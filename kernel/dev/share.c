/* SPDX-License-Identifier: MIT */
/*
 * share.c - the class of folders that the host lends to the machine
 *
 * One user at a time: both ends of such a connection count its requests and its
 * files, so two users would get in each other's way.
 *
 * Locks: shares_lock for the list and who has what.
 */
#include "kernel/dev/share.h"

#include "kernel/abi/errno.h"
#include "kernel/lib/string.h"
#include "kernel/sync/spinlock.h"

static struct spinlock shares_lock = SPINLOCK_INIT(LOCK_LEAF);
static struct list_head shares = LIST_HEAD_INIT(shares);

void share_add(struct share *share)
{
	spin_lock(&shares_lock);
	list_push_back(&shares, &share->node);
	spin_unlock(&shares_lock);
}

const struct share *share_at(unsigned int i)
{
	const struct share *share, *found = NULL;

	spin_lock(&shares_lock);
	list_for_each (share, &shares, node) {
		if (i-- == 0) {
			found = share;
			break;
		}
	}
	spin_unlock(&shares_lock);
	return found;
}

int share_claim(const char *tag, struct share **out)
{
	struct share *share;
	int err = -ENOENT;

	spin_lock(&shares_lock);
	list_for_each (share, &shares, node) {
		if (strcmp(share->tag, tag) != 0)
			continue;
		err = -EBUSY;
		if (share->in_use)
			continue;
		share->in_use = true;
		*out = share;
		err = 0;
		break;
	}
	spin_unlock(&shares_lock);
	return err;
}

void share_release(struct share *share)
{
	spin_lock(&shares_lock);
	share->in_use = false;
	spin_unlock(&shares_lock);
}
