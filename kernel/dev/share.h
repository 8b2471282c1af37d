/* SPDX-License-Identifier: MIT */
/*
 * share.h - the class of folders that the host lends to the machine
 *
 * Idea: such a device carries messages: a request goes out, its reply comes
 * back. What the messages mean (9P) is fs/9p's business; which folder it is,
 * the tag says, that mount(2) is given as source.
 */
#pragma once

#include "kernel/lib/compiler.h"
#include "kernel/lib/list.h"

/* Pieces that one request, or its reply, may consist of. */
#define SHARE_MAX_PIECES 36u

/* Memory from kmalloc or a page: physically in one piece. */
struct share_piece {
	void *at;
	size_t size;
};

struct share_message {
	const struct share_piece *out, *in;
	unsigned int num_out, num_in;
};

struct share;

struct share_ops {
	/*
	 * Send @message->out, sleep until the reply is in @message->in. Bytes
	 * that the device says it wrote, never more than there is room for; or
	 * -EIO, -EINVAL (too many pieces).
	 */
	ssize_t (*call)(struct share *share,
			const struct share_message *message);
};

/* Fixed after share_add() but for in_use. */
struct share {
	char tag[64];
	const struct share_ops *ops;
	struct list_head node; /* share.c's lock */
	bool in_use;           /* the same: somebody talks to it */
};

/* By a driver, at boot: there is such a folder. */
void share_add(struct share *share);
/* Folder @i (0..), or NULL. */
const struct share *share_at(unsigned int i);
/*
 * The folder called @tag, for the caller alone until share_release().
 * 0; -ENOENT; -EBUSY: somebody has it.
 */
int share_claim(const char *tag, struct share **out);
void share_release(struct share *share);
