/* SPDX-License-Identifier: MIT */
/*
 * ancillary.h - what travels beside the bytes: descriptors, credentials
 *
 * Source: cmsg(3), unix(7) "Ancillary messages".
 */
#pragma once

#include "kernel/abi/socket.h"
#include "kernel/lib/list.h"

struct file;

/* Open files in a message; each a reference. */
struct file_list {
	struct list_head node; /* on the list of those to be put */
	unsigned int count;
	bool in_flight; /* counted; see flight.h */
	uint32_t uid;   /* whose they are counted as */
	struct file *files[];
};

struct ancillary {
	struct file_list *files; /* owned; or NULL */
	bool has_creds;
	struct abi_ucred creds;
};

/*
 * Sending: read the control messages in @control (kernel memory). 0; -EINVAL,
 * -EBADF, -EPERM, -ENOMEM, -ETOOMANYREFS with nothing held.
 */
int ancillary_parse(struct ancillary *ancillary, const void *control,
		    size_t size);

/*
 * Receiving: put what came into @control (kernel memory, *@size bytes) as
 * control messages; descriptors are installed in the current process.
 * *@size is then what was used. Returns MSG_CTRUNC if something did not fit.
 */
unsigned int ancillary_deliver(struct ancillary *ancillary, void *control,
			       size_t *size, bool close_on_exec);

/* Drop what was not used. */
void ancillary_destroy(struct ancillary *ancillary);

/* Put the files of @list, later if that could recurse, and free it. */
void file_list_put(struct file_list *list);
