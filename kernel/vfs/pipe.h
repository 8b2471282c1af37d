/* SPDX-License-Identifier: MIT */
/*
 * pipe.h - bytes from one program to another: pipes and fifos
 *
 * Source: pipe(7), fifo(7), fcntl(2) F_SETPIPE_SZ. Read: OSTEP ch. 30 (the
 * bounded buffer).
 */
#pragma once

#include "kernel/lib/compiler.h"

struct file;
struct file_ops;
struct inode;
struct page;
struct pipe;

/* pipe2(2): out[0] reads, out[1] writes. 0, -ENOMEM. */
int pipe_create(unsigned int flags, struct file *out[2]);

/* For inodes of type S_IFIFO: open() makes or finds the pipe. */
extern const struct file_ops fifo_file_ops;

/* The pipe behind @file, or NULL if it is something else. */
struct pipe *pipe_of(const struct file *file);

/* fcntl(2): capacity in bytes. Set: the new one, -EINVAL, -EBUSY, -EPERM. */
size_t pipe_capacity(const struct pipe *pipe);
long pipe_set_capacity(struct pipe *pipe, size_t size_bytes);

/*
 * For splice(2) and sendfile(2): bytes as parts of pages, without a copy.
 * Each piece holds one reference to its page.
 */
struct pipe_piece {
	struct page *page;
	unsigned int offset, size;
};

/*
 * Take up to @max bytes, all from one page, out of @pipe; its place stays
 * reserved until pipe_finish_piece(). 1; 0 at the end (no writer is left);
 * -EAGAIN, -ERESTARTSYS. Waits unless @nonblock.
 */
int pipe_take_piece(struct pipe *pipe, size_t max, bool nonblock,
		    struct pipe_piece *piece);
/* @used bytes of @piece are done; the rest goes back to the front. */
void pipe_finish_piece(struct pipe *pipe, const struct pipe_piece *piece,
		       size_t used);
/*
 * Append; the page's reference is taken over on success. 0; -EPIPE (no
 * reader), -EAGAIN, -ERESTARTSYS.
 */
int pipe_add_piece(struct pipe *pipe, const struct pipe_piece *piece,
		   bool nonblock);
/* tee(2): the bytes stay in @from. Bytes duplicated, or an error. */
ssize_t pipe_tee(struct pipe *from, struct pipe *to, size_t size,
		 bool nonblock);
