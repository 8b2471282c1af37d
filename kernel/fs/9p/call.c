/* SPDX-License-Identifier: MIT */
/*
 * call.c - one request and its reply: putting together, sending, checking
 *
 * Idea: a call owns the memory of both messages. Nothing in a reply is
 * believed: its size must fit what the device wrote and what there was room
 * for, its tag must be ours, its type the request's plus one; then every field
 * is taken out through a cursor that stops at the end.
 *
 * Locks: p9.lock for the tags.
 * Source: "9P2000.L Protocol".
 */
#include "kernel/fs/9p/call.h"

#include "kernel/abi/errno.h"
#include "kernel/debug/log.h"
#include "kernel/lib/bits.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"

/* Two names of 255 bytes and some numbers; Rgetattr is 160 bytes. */
#define OUT_SIZE 640u
#define IN_SIZE  192u
#define MAX_TAGS 64u
/* Errors beyond this are no errno. */
#define MAX_ERRNO 4095u

/* ---- Tags ---- */

static bool take_tag(struct p9 *p9, uint16_t *tag)
{
	bool found = false;

	spin_lock(&p9->lock);
	for (unsigned int i = 0; !found && i < MAX_TAGS; i++) {
		if (p9->tags & BIT(i))
			continue;
		p9->tags |= BIT(i);
		*tag = (uint16_t)i;
		found = true;
	}
	spin_unlock(&p9->lock);
	return found;
}

static void free_tag(struct p9 *p9, uint16_t tag)
{
	spin_lock(&p9->lock);
	p9->tags &= ~BIT(tag);
	spin_unlock(&p9->lock);
	wake_all(&p9->tag_freed);
}

static bool has_tag(struct p9 *p9)
{
	bool has;

	spin_lock(&p9->lock);
	has = ~p9->tags != 0;
	spin_unlock(&p9->lock);
	return has;
}

/* ---- Putting ---- */

static void put_number(struct p9_call *call, uint64_t value, unsigned int size)
{
	if (size > call->out_max - call->out_at) {
		call->bad = true;
		return;
	}
	for (unsigned int i = 0; i < size; i++)
		call->out[call->out_at++] = (uint8_t)(value >> (8 * i));
}

void p9_put_u8(struct p9_call *call, uint8_t value)
{
	put_number(call, value, 1);
}

void p9_put_u16(struct p9_call *call, uint16_t value)
{
	put_number(call, value, 2);
}

void p9_put_u32(struct p9_call *call, uint32_t value)
{
	put_number(call, value, 4);
}

void p9_put_u64(struct p9_call *call, uint64_t value)
{
	put_number(call, value, 8);
}

void p9_put_text(struct p9_call *call, const char *text, size_t len)
{
	if (len > UINT16_MAX || len + 2 > call->out_max - call->out_at) {
		call->bad = true;
		return;
	}
	p9_put_u16(call, (uint16_t)len);
	memcpy(call->out + call->out_at, text, len);
	call->out_at += len;
}

/* ---- Getting ---- */

static uint64_t get_number(struct p9_call *call, unsigned int size)
{
	uint64_t value = 0;

	if (call->bad || size > call->in_max - call->in_at) {
		call->bad = true;
		return 0;
	}
	for (unsigned int i = 0; i < size; i++)
		value |= (uint64_t)call->in[call->in_at++] << (8 * i);
	return value;
}

uint8_t p9_get_u8(struct p9_call *call)
{
	return (uint8_t)get_number(call, 1);
}

uint16_t p9_get_u16(struct p9_call *call)
{
	return (uint16_t)get_number(call, 2);
}

uint32_t p9_get_u32(struct p9_call *call)
{
	return (uint32_t)get_number(call, 4);
}

uint64_t p9_get_u64(struct p9_call *call)
{
	return get_number(call, 8);
}

void p9_get_qid(struct p9_call *call, struct p9_qid *qid)
{
	qid->type = p9_get_u8(call);
	qid->version = p9_get_u32(call);
	qid->path = p9_get_u64(call);
}

size_t p9_get_text(struct p9_call *call, char *to, size_t size)
{
	size_t len = p9_get_u16(call);

	if (call->bad || len > call->in_max - call->in_at) {
		call->bad = true;
		return 0;
	}
	len = MIN(len, size);
	memcpy(to, call->in + call->in_at, len);
	call->in_at += len;
	return len;
}

/* ---- Calling ---- */

struct p9_call *p9_call_begin(struct p9 *p9, enum p9_type type, size_t more)
{
	size_t out_max = OUT_SIZE + more, in_max = IN_SIZE + more;
	struct p9_call *call = kmalloc(sizeof(*call) + out_max + in_max);

	if (!call)
		return NULL;
	memset(call, 0, sizeof(*call));
	call->p9 = p9;
	call->type = (uint8_t)type;
	call->out = call->memory;
	call->in = call->memory + out_max;
	call->out_max = out_max;
	call->in_max = in_max;
	call->out_at = P9_HEADER;
	if (type != P9_TCLUNK)
		p9_clunk_doomed(p9);
	return call;
}

static size_t size_of_data(const struct p9_call *call)
{
	size_t size = 0;

	for (unsigned int i = 0; i < call->num_data; i++)
		size += call->data[i].size;
	return size;
}

static void put_header(struct p9_call *call)
{
	size_t size = call->out_at;

	if (!call->data_in)
		size += size_of_data(call);
	call->out_at = 0;
	p9_put_u32(call, (uint32_t)size);
	p9_put_u8(call, call->type);
	p9_put_u16(call, call->tag);
}

/* The message's memory, then the data's. */
static unsigned int add_pieces(struct share_piece *pieces, void *message,
			       size_t size, const struct p9_call *call,
			       bool with_data)
{
	unsigned int count = 1;

	pieces[0] = (struct share_piece){ message, size };
	for (unsigned int i = 0; with_data && i < call->num_data; i++)
		pieces[count++] = call->data[i];
	return count;
}

/* There and back. Bytes the device wrote. */
static ssize_t send(struct p9_call *call)
{
	struct share_piece pieces[SHARE_MAX_PIECES];
	struct share_message message = { .out = pieces };
	size_t out_size = call->out_at;

	if (call->num_data + 2 > SHARE_MAX_PIECES)
		return -EINVAL;
	put_header(call);
	message.num_out =
		add_pieces(pieces, call->out, out_size, call, !call->data_in);
	message.in = pieces + message.num_out;
	message.num_in = add_pieces(pieces + message.num_out, call->in,
				    call->in_max, call, call->data_in);
	return call->p9->share->ops->call(call->p9->share, &message);
}

static int complain(const struct p9_call *call, const char *what, uint64_t got)
{
	log_error("9p: %s: message %u was answered with a wrong %s (%lu)",
		  call->p9->share->tag, call->type, what, (unsigned long)got);
	return -EIO;
}

static int host_error(struct p9_call *call)
{
	uint32_t number = p9_get_u32(call);

	if (call->bad || !number || number > MAX_ERRNO)
		return complain(call, "error", number);
	return -(int)number;
}

/* Is what came a reply to this? The cursor is behind its header then. */
static int check_reply(struct p9_call *call, size_t written)
{
	size_t size;
	uint8_t type;
	uint16_t tag;

	call->in_max = MIN(call->in_max, written);
	size = p9_get_u32(call);
	type = p9_get_u8(call);
	tag = p9_get_u16(call);
	if (call->bad || size < P9_HEADER || size > written)
		return complain(call, "size", call->bad ? written : size);
	if (tag != call->tag)
		return complain(call, "tag", tag);
	call->data_size = size > call->in_max ? size - call->in_max : 0;
	call->in_max = MIN(call->in_max, size);
	if (type == P9_RLERROR)
		return host_error(call);
	if (type != call->type + 1)
		return complain(call, "type", type);
	return 0;
}

int p9_call_run(struct p9_call *call)
{
	struct p9 *p9 = call->p9;
	bool tagged = call->type != P9_TVERSION;
	ssize_t written;

	if (call->bad)
		return -ENAMETOOLONG;
	call->tag = P9_NO_TAG;
	while (tagged && !take_tag(p9, &call->tag))
		WAIT_EVENT(&p9->tag_freed, has_tag(p9));
	written = send(call);
	if (tagged)
		free_tag(p9, call->tag);
	return written < 0 ? (int)written : check_reply(call, (size_t)written);
}

int p9_call_end(struct p9_call *call, int err)
{
	if (!err && call->bad)
		err = complain(call, "length", call->in_max);
	kfree(call);
	return err;
}

int p9_call_finish(struct p9_call *call)
{
	return p9_call_end(call, p9_call_run(call));
}
