/* SPDX-License-Identifier: MIT */
/*
 * unix_stream.c - bytes through a connected pair of stream sockets
 *
 * A send becomes one message, or several when it is large; a receive takes
 * from as many messages as it has room for, but goes no further than one that
 * carries descriptors, and never mixes the credentials of two senders. One
 * message wakes the receiver once.
 *
 * Locks: the receiving socket's, also while bytes are copied out of it. Copies
 * into a message are made before it is queued, with no lock held.
 * Source: unix(7), send(2), recv(2).
 */
#include "kernel/net/internal.h"

#include "kernel/lib/string.h"
#include "kernel/net/ancillary.h"
#include "kernel/net/flight.h"
#include "kernel/vfs/io_buf.h"
#include "kernel/vfs/poll.h"

/* The most that one message carries; half the buffer if that is less. */
#define CHUNK_MAX 32768u

/* ---- Sending ------------------------------------------------------------- */

static bool cannot_send(const struct unix_socket *self,
			const struct unix_socket *peer)
{
	return (READ_ONCE(self->shutdown) & NO_SEND) ||
	       (READ_ONCE(peer->shutdown) & NO_RECEIVE) ||
	       READ_ONCE(peer->dead);
}

/* Until there is room, or no sense in sending. 0, -EAGAIN, -ERESTARTSYS... */
static int wait_for_room(struct unix_socket *self, struct unix_socket *peer,
			 bool nonblock)
{
	uint64_t timeout_ns = self->socket.send_timeout_ns;
	int err;

	if (unix_has_room(self, peer) || cannot_send(self, peer))
		return 0;
	if (nonblock)
		return -EAGAIN;
	err = WAIT_EVENT_DEADLINE(
		&peer->room_wait,
		unix_has_room(self, peer) || cannot_send(self, peer),
		WAIT_INTERRUPTIBLE, socket_deadline(timeout_ns));
	return socket_wait_error(err, timeout_ns);
}

static int queue_message(struct unix_socket *self, struct unix_socket *peer,
			 struct unix_message *message)
{
	int err = 0;

	mutex_lock(&peer->lock);
	if (cannot_send(self, peer))
		err = -EPIPE;
	else
		unix_message_push(peer, message);
	mutex_unlock(&peer->lock);
	return err;
}

/* The same, with descriptors: they take off before anyone can see them. */
static int queue_with_files(struct unix_socket *self, struct unix_socket *peer,
			    struct unix_message *message,
			    struct file_list *files)
{
	int err = flight_begin(files);

	if (err)
		return err;
	message->files = files;
	err = queue_message(self, peer, message);
	if (err) {
		message->files = NULL;
		flight_abort(files);
	} else {
		flight_commit();
	}
	return err;
}

/* One message with the next bytes: their number, or why not. */
static ssize_t send_chunk(struct unix_socket *self, struct unix_socket *peer,
			  struct socket_message *request)
{
	struct ancillary *ancillary = request->ancillary;
	unsigned int most = MIN(CHUNK_MAX, self->socket.send_limit / 2);
	size_t size = MIN(request->io->left, (size_t)most);
	struct unix_message *message;
	int err;

	err = wait_for_room(self, peer, request->nonblock);
	if (err)
		return err;
	err = unix_message_create(request->io, size, &message);
	if (err)
		return err;
	if (ancillary && ancillary->has_creds)
		message->creds = ancillary->creds;

	if (ancillary && ancillary->files) {
		err = queue_with_files(self, peer, message, ancillary->files);
		if (!err)
			ancillary->files = NULL; /* the message has them */
	} else {
		err = queue_message(self, peer, message);
	}
	if (err) {
		unix_message_free(message);
		return err;
	}
	wake_all_events(&peer->read_wait, EPOLLIN | EPOLLRDNORM);
	return (ssize_t)size;
}

ssize_t unix_stream_send(struct socket *socket, struct socket_message *request)
{
	struct unix_socket *self = unix_of(socket);
	bool connected = __atomic_load_n(&self->state, __ATOMIC_ACQUIRE) ==
			 UNIX_CONNECTED;
	ssize_t done = 0, step = 0;

	if (request->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (request->address)
		return connected ? -EISCONN : -EOPNOTSUPP;
	if (!connected)
		return -ENOTCONN;
	if (cannot_send(self, self->peer))
		return -EPIPE;
	while (request->io->left) {
		step = send_chunk(self, self->peer, request);
		if (step < 0)
			break;
		done += step;
	}
	return done ? done : step;
}

/* ---- Receiving ----------------------------------------------------------- */

/* One receive under way. */
struct receiving {
	struct unix_socket *self;
	struct socket_message *request;
	bool peek;
	bool want_creds; /* SO_PASSCRED */
	bool have_creds; /* of the first message; later ones must match */
	struct abi_ucred creds;
	struct file_list *files; /* came with the last message */
	size_t done;
};

static bool same_creds(const struct abi_ucred *a, const struct abi_ucred *b)
{
	return a->pid == b->pid && a->uid == b->uid && a->gid == b->gid;
}

/* A message's files become the receiver's; peeking makes a second list. */
static int take_files(struct receiving *receiving, struct unix_message *message)
{
	if (!message->files)
		return 0;
	if (receiving->peek) {
		receiving->files = flight_duplicate(message->files);
		return receiving->files ? 0 : -ENOMEM;
	}
	receiving->files = message->files;
	message->files = NULL;
	return 0;
}

/*
 * Take from @message. Returns 1 to go on with the next, 0 to stop, or an error
 * if nothing has been received.
 */
static int take_from(struct receiving *receiving, struct unix_message *message)
	MUST_HOLD(receiving->self->lock)
{
	struct io_buf *io = receiving->request->io;
	size_t size = MIN((size_t)(message->size - message->done), io->left);
	size_t copied;

	if (receiving->have_creds &&
	    !same_creds(&receiving->creds, &message->creds))
		return 0;
	copied = unix_message_copy(message, message->done, io, size);
	if (!copied)
		return receiving->done ? 0 : -EFAULT;
	receiving->done += copied;
	if (receiving->want_creds && !receiving->have_creds) {
		receiving->creds = message->creds;
		receiving->have_creds = true;
	}
	if (take_files(receiving, message))
		return -ENOMEM;
	if (!receiving->peek)
		message->done += (unsigned int)copied;
	return copied == size && !receiving->files;
}

/*
 * Take what is there. Messages that are used up go to @used, to be freed when
 * the lock is released. 1: there is room for more; 0: stop; or an error.
 */
static int take_available(struct receiving *receiving, struct list_head *used)
	MUST_HOLD(receiving->self->lock)
{
	struct unix_socket *self = receiving->self;
	struct unix_message *message, *next;

	list_for_each_safe (message, next, &self->queue, node) {
		int result;

		if (!receiving->request->io->left)
			return 0;
		result = take_from(receiving, message);
		if (message->done == message->size) {
			unix_message_pop(self, message);
			list_push_back(used, &message->node);
		}
		if (result != 1)
			return result;
	}
	return 1;
}

static bool may_receive(struct unix_socket *self)
{
	return !list_empty(&self->queue) || READ_ONCE(self->socket.error) ||
	       (READ_ONCE(self->shutdown) & NO_RECEIVE);
}

/* Nothing is there: 1 when that has changed, 0 at the end, or an error. */
static int wait_for_bytes(struct unix_socket *self, bool nonblock,
			  uint64_t deadline_ns)
{
	int err = socket_take_error(&self->socket);

	if (err)
		return err;
	if (READ_ONCE(self->shutdown) & NO_RECEIVE)
		return !list_empty(&self->queue);
	if (nonblock)
		return -EAGAIN;
	err = WAIT_EVENT_DEADLINE(&self->read_wait, may_receive(self),
				  WAIT_INTERRUPTIBLE, deadline_ns);
	return err ? socket_wait_error(err, self->socket.receive_timeout_ns)
		   : 1;
}

static void free_used(struct list_head *used)
{
	while (!list_empty(used)) {
		struct unix_message *message =
			list_first(used, struct unix_message, node);

		list_remove(&message->node);
		unix_message_free(message);
	}
}

/* Bytes until @target are there or cannot come. 0 or an error. */
static int receive_bytes(struct receiving *receiving, size_t target)
{
	struct unix_socket *self = receiving->self;
	uint64_t deadline_ns = socket_deadline(self->socket.receive_timeout_ns);
	struct list_head used;
	int result;

	list_init(&used);
	for (;;) {
		mutex_lock(&self->lock);
		result = take_available(receiving, &used);
		mutex_unlock(&self->lock);
		free_used(&used);
		if (result != 1 || receiving->done >= target)
			break;
		result = wait_for_bytes(self, receiving->request->nonblock,
					deadline_ns);
		if (result != 1)
			break;
	}
	return MIN(result, 0);
}

/* Hand over what came beside the bytes. */
static void finish_ancillary(struct receiving *receiving)
{
	struct ancillary *ancillary = receiving->request->ancillary;

	if (receiving->files && receiving->peek)
		flight_barrier();
	else if (receiving->files)
		flight_land(receiving->files);
	if (ancillary) {
		ancillary->has_creds = receiving->have_creds;
		ancillary->creds = receiving->creds;
		ancillary->files = receiving->files;
	} else if (receiving->files) {
		file_list_put(receiving->files);
	}
}

static void give_sender(struct unix_socket *self,
			struct socket_address *address)
{
	struct unix_socket *peer = self->peer;

	mutex_lock(&peer->lock);
	if (peer->name)
		unix_name_copy(peer->name, address);
	mutex_unlock(&peer->lock);
}

ssize_t unix_stream_receive(struct socket *socket,
			    struct socket_message *request)
{
	struct unix_socket *self = unix_of(socket);
	struct receiving receiving = {
		.self = self,
		.request = request,
		.peek = request->flags & MSG_PEEK,
		.want_creds = socket_is_on(socket, SO_PASSCRED),
	};
	size_t target = MIN(request->io->left, (size_t)socket->receive_low);
	int err;

	if (__atomic_load_n(&self->state, __ATOMIC_ACQUIRE) != UNIX_CONNECTED)
		return -EINVAL;
	if (request->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if ((request->flags & MSG_WAITALL) && !receiving.peek)
		target = request->io->left;
	target = MAX(target, (size_t)1); /* no room: still wait for bytes */

	err = receive_bytes(&receiving, target);
	finish_ancillary(&receiving);
	if (receiving.done && request->address)
		give_sender(self, request->address);
	return receiving.done ? (ssize_t)receiving.done : err;
}
