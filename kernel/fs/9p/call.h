/* SPDX-License-Identifier: MIT */
/*
 * call.h - one request and its reply
 *
 * p9_call_begin(), p9_put_*() for the request, p9_call_run(), p9_get_*() for the
 * reply, p9_call_end(). Putting too much or getting what is not there is
 * remembered: the call fails then, and all that was got is 0.
 */
#pragma once

#include "kernel/fs/9p/client.h"

struct p9_call {
	struct p9 *p9;
	uint8_t type;
	uint16_t tag;
	bool bad;
	size_t out_at, out_max; /* bytes put; room */
	size_t in_at, in_max;   /* bytes got; room, then the reply's size */
	uint8_t *out, *in;
	/* Data that goes out behind the rest, or comes in so (a read). */
	const struct share_piece *data;
	unsigned int num_data;
	bool data_in;
	size_t data_size; /* in: what of it the reply filled */
	uint8_t memory[];
};

/* @more: bytes of room for long texts, in both directions. NULL: no memory. */
struct p9_call *p9_call_begin(struct p9 *p9, enum p9_type type, size_t more);
/* 0, the host's error, -EIO. */
int p9_call_run(struct p9_call *call);
/* Free it. @err, or -EIO if the reply was too short for what was got. */
int p9_call_end(struct p9_call *call, int err);
/* Both, for a request whose reply says only that it was done. */
int p9_call_finish(struct p9_call *call);

void p9_put_u8(struct p9_call *call, uint8_t value);
void p9_put_u16(struct p9_call *call, uint16_t value);
void p9_put_u32(struct p9_call *call, uint32_t value);
void p9_put_u64(struct p9_call *call, uint64_t value);
void p9_put_text(struct p9_call *call, const char *text, size_t len);
uint8_t p9_get_u8(struct p9_call *call);
uint16_t p9_get_u16(struct p9_call *call);
uint32_t p9_get_u32(struct p9_call *call);
uint64_t p9_get_u64(struct p9_call *call);
void p9_get_qid(struct p9_call *call, struct p9_qid *qid);
/* A text of at most @size bytes, without NUL; its length. */
size_t p9_get_text(struct p9_call *call, char *to, size_t size);

/* ---- fids (fid.c) ---- */

/* A number the host does not know yet; refs 1. NULL: no memory. */
struct p9_fid *p9_fid_create(struct p9 *p9);
/* The host does not know it: it can be used anew. */
void p9_fid_recycle(struct p9 *p9, struct p9_fid *fid);
/* Tell the host about fids that were put when nobody could sleep. */
void p9_clunk_doomed(struct p9 *p9);
