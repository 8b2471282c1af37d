/* SPDX-License-Identifier: MIT */
/*
 * unix_datagram.c - whole messages: datagram and seqpacket sockets
 *
 * A message goes whole into the receiver's queue or not at all; a receive
 * takes one and drops what it has no room for. Seqpacket sockets are connected
 * like streams, datagram sockets may send to anyone by name, unless the
 * receiver is itself connected to somebody else.
 *
 * Locks: the receiving socket's. Source: unix(7), send(2), recv(2).
 */
#include "kernel/net/internal.h"

#include "kernel/net/ancillary.h"
#include "kernel/net/flight.h"
#include "kernel/vfs/io_buf.h"
#include "kernel/vfs/poll.h"

/* Linux keeps this much of SO_SNDBUF for itself. */
#define OVERHEAD 32u

/* ---- Sending ------------------------------------------------------------- */

/* Whom @request is for, with a reference. */
static int find_target(struct unix_socket *self,
		       const struct socket_message *request,
		       struct unix_socket **out)
{
	if (request->address && is_datagram(self))
		return unix_find(request->address, self->socket.type, out);
	*out = unix_get_peer(self);
	return *out ? 0 : -ENOTCONN;
}

/* Why @self cannot send to @target at all, or 0. */
static int check_target(const struct unix_socket *self,
			const struct unix_socket *target)
{
	const struct unix_socket *its_peer = READ_ONCE(target->peer);

	if (READ_ONCE(self->shutdown) & NO_SEND)
		return -EPIPE;
	if (READ_ONCE(target->dead))
		return is_datagram(self) ? -ECONNREFUSED : -EPIPE;
	if (its_peer && its_peer != self)
		return -EPERM;
	if (READ_ONCE(target->shutdown) & NO_RECEIVE)
		return -EPIPE;
	return 0;
}

/* One try: 0; -EAGAIN when there is no room; or why it is refused. */
static int try_queue(struct unix_socket *self, struct unix_socket *target,
		     struct unix_message *message)
{
	int err;

	mutex_lock(&target->lock);
	err = check_target(self, target);
	if (!err && target != self && !unix_has_room(self, target))
		err = -EAGAIN;
	if (!err)
		unix_message_push(target, message);
	mutex_unlock(&target->lock);
	return err;
}

static int try_queue_files(struct unix_socket *self, struct unix_socket *target,
			   struct unix_message *message,
			   struct file_list *files)
{
	int err;

	if (!files)
		return try_queue(self, target, message);
	err = flight_begin(files);
	if (err)
		return err;
	message->files = files;
	err = try_queue(self, target, message);
	if (err) {
		message->files = NULL;
		flight_abort(files);
	} else {
		flight_commit();
	}
	return err;
}

static int wait_for_room(struct unix_socket *self, struct unix_socket *target)
{
	uint64_t timeout_ns = self->socket.send_timeout_ns;
	int err = WAIT_EVENT_DEADLINE(
		&target->room_wait,
		unix_has_room(self, target) || check_target(self, target),
		WAIT_INTERRUPTIBLE, socket_deadline(timeout_ns));

	return socket_wait_error(err, timeout_ns);
}

static int queue_message(struct unix_socket *self, struct unix_socket *target,
			 struct unix_message *message,
			 struct socket_message *request)
{
	struct ancillary *ancillary = request->ancillary;
	struct file_list *files = ancillary ? ancillary->files : NULL;
	int err;

	do {
		err = try_queue_files(self, target, message, files);
		if (err != -EAGAIN || request->nonblock)
			break;
		err = wait_for_room(self, target);
	} while (!err);
	if (!err && files)
		ancillary->files = NULL; /* the message has them */
	return err;
}

/* The peer of a connected datagram socket was closed: forget it. */
static void forget_dead_peer(struct unix_socket *self,
			     struct unix_socket *target)
{
	if (is_datagram(self) && READ_ONCE(self->peer) == target)
		unix_set_peer(self, NULL);
}

static ssize_t send_to(struct unix_socket *self, struct unix_socket *target,
		       struct socket_message *request)
{
	size_t size = request->io->left;
	struct unix_message *message;
	int err;

	err = check_target(self, target);
	if (!err)
		err = unix_message_create(request->io, size, &message);
	if (err)
		return err;
	if (request->ancillary && request->ancillary->has_creds)
		message->creds = request->ancillary->creds;
	mutex_lock(&self->lock);
	message->from = unix_name_get(self->name);
	mutex_unlock(&self->lock);

	err = queue_message(self, target, message, request);
	if (err) {
		unix_message_free(message);
		return err;
	}
	wake_all_events(&target->read_wait, EPOLLIN | EPOLLRDNORM);
	return (ssize_t)size;
}

ssize_t unix_datagram_send(struct socket *socket,
			   struct socket_message *request)
{
	struct unix_socket *self = unix_of(socket), *target;
	ssize_t done;
	int err;

	if (request->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (!is_datagram(self) && self->state != UNIX_CONNECTED)
		return -ENOTCONN;
	if (is_datagram(self) && socket_is_on(socket, SO_PASSCRED)) {
		err = unix_bind_auto(self);
		if (err)
			return err;
	}
	err = find_target(self, request, &target);
	if (err)
		return err;
	if (request->io->left > socket->send_limit - OVERHEAD)
		done = -EMSGSIZE;
	else
		done = send_to(self, target, request);
	if (done == -ECONNREFUSED)
		forget_dead_peer(self, target);
	unix_put(target);
	return done;
}

/* ---- Receiving ----------------------------------------------------------- */

static bool may_receive(struct unix_socket *self)
{
	return !list_empty(&self->queue) || READ_ONCE(self->socket.error) ||
	       (READ_ONCE(self->shutdown) & NO_RECEIVE);
}

/* With the lock held and a message there: 1; at the end: 0; or an error. */
static int wait_for_message(struct unix_socket *self, bool nonblock)
	MUST_HOLD(self->lock)
{
	uint64_t timeout_ns = self->socket.receive_timeout_ns;
	uint64_t deadline_ns = socket_deadline(timeout_ns);
	int err;

	while (list_empty(&self->queue)) {
		err = socket_take_error(&self->socket);
		if (err)
			return err;
		if (self->shutdown & NO_RECEIVE)
			return 0;
		if (nonblock)
			return -EAGAIN;
		mutex_unlock(&self->lock);
		err = WAIT_EVENT_DEADLINE(&self->read_wait, may_receive(self),
					  WAIT_INTERRUPTIBLE, deadline_ns);
		mutex_lock(&self->lock);
		if (err)
			return socket_wait_error(err, timeout_ns);
	}
	return 1;
}

/* What goes with the bytes: the sender's name, credentials, descriptors. */
static int give_extras(struct unix_socket *self, struct unix_message *message,
		       struct socket_message *request)
{
	struct ancillary *ancillary = request->ancillary;

	if (request->address && message->from)
		unix_name_copy(message->from, request->address);
	if (!ancillary)
		return 0;
	ancillary->has_creds = socket_is_on(&self->socket, SO_PASSCRED);
	ancillary->creds = message->creds;
	if (!message->files)
		return 0;
	if (request->flags & MSG_PEEK) {
		ancillary->files = flight_duplicate(message->files);
		return ancillary->files ? 0 : -ENOMEM;
	}
	flight_land(message->files);
	ancillary->files = message->files;
	message->files = NULL;
	return 0;
}

/* The bytes of @message, as far as there is room. What recv(2) returns. */
static ssize_t give_bytes(const struct unix_message *message,
			  struct socket_message *request)
{
	size_t size = MIN((size_t)message->size, request->io->left);

	if (unix_message_copy(message, 0, request->io, size) < size)
		return -EFAULT;
	if (size < message->size)
		request->out_flags |= MSG_TRUNC;
	if (request->flags & MSG_TRUNC)
		return message->size;
	return (ssize_t)size;
}

/* Look at the first message and leave it there. */
static ssize_t peek(struct unix_socket *self, struct socket_message *request)
	MUST_HOLD(self->lock)
{
	struct unix_message *message = unix_first(self);
	ssize_t done = give_bytes(message, request);
	int err = done < 0 ? 0 : give_extras(self, message, request);

	return err ? err : done;
}

static struct unix_message *take_first(struct unix_socket *self)
	MUST_HOLD(self->lock)
{
	struct unix_message *message = unix_first(self);

	unix_message_pop(self, message);
	return message;
}

ssize_t unix_datagram_receive(struct socket *socket,
			      struct socket_message *request)
{
	struct unix_socket *self = unix_of(socket);
	struct unix_message *message = NULL;
	ssize_t done;

	if (request->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (!is_datagram(self) && self->state != UNIX_CONNECTED)
		return -ENOTCONN;

	mutex_lock(&self->lock);
	done = wait_for_message(self, request->nonblock);
	if (done == 1 && (request->flags & MSG_PEEK))
		done = peek(self, request);
	else if (done == 1)
		message = take_first(self);
	mutex_unlock(&self->lock);

	if (!message && request->ancillary && request->ancillary->files)
		flight_barrier();
	if (message) {
		done = give_bytes(message, request);
		give_extras(self, message, request);
		unix_message_free(message);
	}
	return done;
}
