/* SPDX-License-Identifier: MIT */
/*
 * unix_message.c - the bytes on their way, and how many may be on it
 *
 * Small messages lie behind their header in one allocation, larger ones in
 * single pages, so that no large piece of memory is ever needed.
 *
 * How much may be queued: between two that are connected to each other, the
 * sender's SO_SNDBUF in bytes; for a datagram socket that anyone sends to,
 * a number of messages. A sender that found no room is woken when a good part
 * has been received, not at every message.
 */
#include "kernel/net/internal.h"

#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"
#include "kernel/net/ancillary.h"
#include "kernel/net/flight.h"
#include "kernel/vfs/io_buf.h"
#include "kernel/vfs/poll.h"

/* Together with the header: half a page, a size that slabs pack well. */
#define INLINE_MAX (PAGE_SIZE / 2 - sizeof(struct unix_message))
/* net.unix.max_dgram_qlen */
#define MAX_DATAGRAMS 10u

static unsigned int num_pages(const struct unix_message *message)
{
	return (unsigned int)DIV_ROUND_UP(message->size, PAGE_SIZE);
}

static void free_bytes(struct unix_message *message)
{
	unsigned int i;

	if (message->in_pages) {
		for (i = 0; i < num_pages(message) && message->pages[i]; i++)
			page_put(message->pages[i]);
	}
	kfree(message);
}

/* Where the bytes from @offset on are; *@size is cut to what is in one piece. */
static char *piece_at(const struct unix_message *message, unsigned int offset,
		      size_t *size)
{
	unsigned int in_page = offset & (PAGE_SIZE - 1);
	char *page;

	if (!message->in_pages)
		return (char *)message->bytes + offset;
	page = page_address(message->pages[offset / PAGE_SIZE]);
	*size = MIN(*size, PAGE_SIZE - in_page);
	return page + in_page;
}

static int fill_pages(struct unix_message *message, struct io_buf *io)
{
	unsigned int i, left = message->size;

	for (i = 0; i < num_pages(message); i++) {
		size_t part = MIN((size_t)left, PAGE_SIZE);

		message->pages[i] = page_alloc(0, ALLOC_USER);
		if (!message->pages[i])
			return -ENOMEM;
		if (io_copy_from(io, page_address(message->pages[i]), part) !=
		    part)
			return -EFAULT;
		left -= (unsigned int)part;
	}
	return 0;
}

static int fill_inline(struct unix_message *message, struct io_buf *io)
{
	if (io_copy_from(io, message->bytes, message->size) != message->size)
		return -EFAULT;
	return 0;
}

int unix_message_create(struct io_buf *io, size_t size,
			struct unix_message **out)
{
	bool in_pages = size > INLINE_MAX;
	size_t behind = size;
	struct unix_message *message;
	int err;

	if (in_pages)
		behind = DIV_ROUND_UP(size, PAGE_SIZE) * sizeof(struct page *);
	message = in_pages ? kzalloc(sizeof(*message) + behind)
			   : kmalloc(sizeof(*message) + behind);
	if (!message)
		return -ENOMEM;
	message->from = NULL;
	message->files = NULL;
	message->creds = unix_current_creds(false);
	message->size = (unsigned int)size;
	message->done = 0;
	message->charge = (unsigned int)(sizeof(*message) + size);
	message->in_pages = in_pages;

	err = in_pages ? fill_pages(message, io) : fill_inline(message, io);
	if (err) {
		free_bytes(message);
		return err;
	}
	*out = message;
	return 0;
}

void unix_message_free(struct unix_message *message)
{
	if (message->files) {
		flight_land(message->files);
		file_list_put(message->files);
	}
	if (message->from)
		unix_name_put(message->from);
	free_bytes(message);
}

size_t unix_message_copy(const struct unix_message *message,
			 unsigned int offset, struct io_buf *io, size_t size)
{
	size_t done = 0;

	while (done < size) {
		size_t part = size - done;
		char *bytes =
			piece_at(message, offset + (unsigned int)done, &part);
		size_t copied = io_copy_to(io, bytes, part);

		done += copied;
		if (copied < part)
			break;
	}
	return done;
}

/* ---- Queues -------------------------------------------------------------- */

/* Is @to only reached by @self, so that bytes are counted? */
static bool is_pair(const struct unix_socket *self,
		    const struct unix_socket *to)
{
	return READ_ONCE(to->peer) == self;
}

bool unix_has_room(const struct unix_socket *self, const struct unix_socket *to)
{
	if (is_pair(self, to))
		return READ_ONCE(to->queue_charge) < self->socket.send_limit;
	return READ_ONCE(to->queue_length) <= MAX_DATAGRAMS;
}

bool unix_is_writable(const struct unix_socket *self)
{
	const struct unix_socket *to = READ_ONCE(self->peer);

	if (!to)
		return true;
	if (is_pair(self, to))
		return READ_ONCE(to->queue_charge) <=
		       self->socket.send_limit / 4;
	return READ_ONCE(to->queue_length) <= MAX_DATAGRAMS;
}

void unix_message_push(struct unix_socket *to, struct unix_message *message)
{
	list_push_back(&to->queue, &message->node);
	WRITE_ONCE(to->queue_length, to->queue_length + 1);
	WRITE_ONCE(to->queue_charge, to->queue_charge + message->charge);
}

static void wake_senders(struct unix_socket *self)
{
	struct unix_socket *client;

	wake_all(&self->room_wait);
	if (self->peer)
		wake_all_events(&self->peer->write_wait,
				EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND);
	list_for_each (client, &self->clients, client_node)
		wake_all_events(&client->write_wait,
				EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND);
}

void unix_message_pop(struct unix_socket *self, struct unix_message *message)
{
	unsigned int before = self->queue_charge;
	unsigned int after = before - message->charge;
	bool room;

	list_remove(&message->node);
	if (self->peer) {
		unsigned int enough = self->peer->socket.send_limit / 4;

		room = before > enough && after <= enough;
	} else {
		room = self->queue_length > MAX_DATAGRAMS;
	}
	WRITE_ONCE(self->queue_length, self->queue_length - 1);
	WRITE_ONCE(self->queue_charge, after);
	if (room)
		wake_senders(self);
}
