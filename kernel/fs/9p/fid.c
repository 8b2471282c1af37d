/* SPDX-License-Identifier: MIT */
/*
 * fid.c - our numbers for the host's files
 *
 * Idea: numbers that are free again are used before new ones. Giving one up
 * means a message to the host, for which one sleeps; who may not (an inode that
 * goes because memory is short) leaves the fid on a list, and the next message
 * of anybody takes it along.
 *
 * Locks: p9.lock.
 */
#include "kernel/fs/9p/call.h"

#include "kernel/abi/errno.h"
#include "kernel/mm/slab.h"

/* One of the free ones, or NULL. */
static struct p9_fid *reuse(struct p9 *p9)
{
	struct p9_fid *fid = NULL;

	spin_lock(&p9->lock);
	if (!list_empty(&p9->free_fids)) {
		fid = list_first(&p9->free_fids, struct p9_fid, node);
		list_remove(&fid->node);
	}
	spin_unlock(&p9->lock);
	return fid;
}

struct p9_fid *p9_fid_create(struct p9 *p9)
{
	struct p9_fid *fid = reuse(p9);

	if (!fid) {
		fid = kmalloc(sizeof(*fid));
		if (!fid)
			return NULL;
		list_init(&fid->node);
		spin_lock(&p9->lock);
		fid->number = p9->next_number++;
		spin_unlock(&p9->lock);
	}
	refcount_init(&fid->refs, 1);
	return fid;
}

void p9_fid_recycle(struct p9 *p9, struct p9_fid *fid)
{
	spin_lock(&p9->lock);
	list_push_front(&p9->free_fids, &fid->node);
	spin_unlock(&p9->lock);
}

struct p9_fid *p9_fid_get(struct p9_fid *fid)
{
	refcount_get(&fid->refs);
	return fid;
}

int p9_clunk(struct p9 *p9, struct p9_fid *fid)
{
	struct p9_call *call = p9_call_begin(p9, P9_TCLUNK, 0);
	int err;

	if (!call) {
		/* Later, then. */
		spin_lock(&p9->lock);
		list_push_back(&p9->doomed_fids, &fid->node);
		spin_unlock(&p9->lock);
		return -ENOMEM;
	}
	p9_put_u32(call, fid->number);
	err = p9_call_finish(call);
	/* Also when the host complains the number is free. */
	p9_fid_recycle(p9, fid);
	return err;
}

void p9_fid_put(struct p9 *p9, struct p9_fid *fid)
{
	if (fid && refcount_put(&fid->refs))
		p9_clunk(p9, fid);
}

void p9_fid_put_later(struct p9 *p9, struct p9_fid *fid)
{
	if (!fid || !refcount_put(&fid->refs))
		return;
	spin_lock(&p9->lock);
	list_push_back(&p9->doomed_fids, &fid->node);
	spin_unlock(&p9->lock);
}

static struct p9_fid *take_doomed(struct p9 *p9)
{
	struct p9_fid *fid = NULL;

	spin_lock(&p9->lock);
	if (!list_empty(&p9->doomed_fids)) {
		fid = list_first(&p9->doomed_fids, struct p9_fid, node);
		list_remove(&fid->node);
	}
	spin_unlock(&p9->lock);
	return fid;
}

void p9_clunk_doomed(struct p9 *p9)
{
	struct p9_fid *fid;

	while ((fid = take_doomed(p9))) {
		if (p9_clunk(p9, fid) == -ENOMEM)
			break; /* it is on the list again */
	}
}

void p9_disconnect(struct p9 *p9)
{
	struct p9_fid *fid;

	p9_clunk_doomed(p9);
	while ((fid = take_doomed(p9)))
		kfree(fid);
	while ((fid = reuse(p9)))
		kfree(fid);
}
