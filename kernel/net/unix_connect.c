/* SPDX-License-Identifier: MIT */
/*
 * unix_connect.c - how two AF_UNIX sockets find together
 *
 * connect() makes both ends at once and leaves the server's in the listener's
 * queue; accept() only picks it up. So a client may write before the server
 * has accepted. When the queue is full connect() waits.
 *
 * Locks: one socket's; two by address. Source: connect(2), listen(2),
 * accept(2).
 */
#include "kernel/net/internal.h"

#include "kernel/vfs/poll.h"

/* ---- Listening and accepting --------------------------------------------- */

int unix_listen(struct socket *socket, int backlog)
{
	struct unix_socket *self = unix_of(socket);
	int err = 0;

	if (is_datagram(self))
		return -EOPNOTSUPP;
	mutex_lock(&self->lock);
	if (!self->name || self->state == UNIX_CONNECTED) {
		err = -EINVAL;
	} else {
		self->backlog = MIN((unsigned int)backlog, SOMAXCONN);
		self->peer_creds = unix_current_creds(true);
		WRITE_ONCE(self->state, UNIX_LISTENING);
	}
	mutex_unlock(&self->lock);
	if (!err)
		wake_all(&self->room_wait);
	return err;
}

/* The first pending connection, or NULL; who waits to connect is woken. */
static struct unix_socket *take_pending(struct unix_socket *self)
{
	struct unix_socket *child = NULL;

	mutex_lock(&self->lock);
	if (!list_empty(&self->pending)) {
		child = list_first(&self->pending, struct unix_socket,
				   pending_node);
		list_remove(&child->pending_node);
		WRITE_ONCE(self->num_pending, self->num_pending - 1);
	}
	mutex_unlock(&self->lock);
	if (child)
		wake_all(&self->room_wait);
	return child;
}

static bool may_accept(const struct unix_socket *self)
{
	return READ_ONCE(self->num_pending) ||
	       (READ_ONCE(self->shutdown) & NO_RECEIVE);
}

int unix_accept(struct socket *socket, bool nonblock, struct socket **out)
{
	struct unix_socket *self = unix_of(socket), *child;
	uint64_t timeout_ns = socket->receive_timeout_ns;
	uint64_t deadline_ns = socket_deadline(timeout_ns);
	int err;

	if (is_datagram(self))
		return -EOPNOTSUPP;
	if (READ_ONCE(self->state) != UNIX_LISTENING)
		return -EINVAL;
	while (!(child = take_pending(self))) {
		if (self->shutdown & NO_RECEIVE)
			return -EINVAL;
		if (nonblock)
			return -EAGAIN;
		err = WAIT_EVENT_DEADLINE(&self->read_wait, may_accept(self),
					  WAIT_INTERRUPTIBLE, deadline_ns);
		if (err)
			return socket_wait_error(err, timeout_ns);
	}
	*out = &child->socket;
	return 0;
}

/* ---- Connecting ---------------------------------------------------------- */

static bool backlog_is_full(const struct unix_socket *listener)
{
	return READ_ONCE(listener->num_pending) > READ_ONCE(listener->backlog);
}

/* What a sleeping connect() waits for. */
static bool may_connect(const struct unix_socket *listener)
{
	return !backlog_is_full(listener) || READ_ONCE(listener->dead) ||
	       (READ_ONCE(listener->shutdown) & NO_RECEIVE);
}

/*
 * One try to connect @self to @listener with @child as the server's end.
 * -EAGAIN: the backlog is full.
 */
static int try_connect(struct unix_socket *self, struct unix_socket *listener,
		       struct unix_socket *child)
{
	int err = 0;

	unix_lock_two(self, listener);
	if (listener->dead || listener->state != UNIX_LISTENING ||
	    (listener->shutdown & NO_RECEIVE))
		err = -ECONNREFUSED;
	else if (backlog_is_full(listener))
		err = -EAGAIN;
	else if (self->state == UNIX_CONNECTED)
		err = -EISCONN;
	else if (self->state == UNIX_LISTENING)
		err = -EINVAL;
	if (!err) {
		child->name = unix_name_get(listener->name);
		child->peer_creds = unix_current_creds(true);
		child->socket.switches = listener->socket.switches;
		self->peer_creds = listener->peer_creds;
		unix_join(self, child);
		list_push_back(&listener->pending, &child->pending_node);
		WRITE_ONCE(listener->num_pending, listener->num_pending + 1);
	}
	unix_unlock_two(self, listener);
	return err;
}

static int connect_waiting(struct unix_socket *self,
			   struct unix_socket *listener,
			   struct unix_socket *child, bool nonblock)
{
	uint64_t timeout_ns = self->socket.send_timeout_ns;
	uint64_t deadline_ns = socket_deadline(timeout_ns);
	int err;

	for (;;) {
		err = try_connect(self, listener, child);
		if (err != -EAGAIN || nonblock)
			return err;
		err = WAIT_EVENT_DEADLINE(&listener->room_wait,
					  may_connect(listener),
					  WAIT_INTERRUPTIBLE, deadline_ns);
		if (err)
			return socket_wait_error(err, timeout_ns);
	}
}

int unix_stream_connect(struct socket *socket,
			const struct socket_address *address, bool nonblock)
{
	struct unix_socket *self = unix_of(socket), *listener, *child;
	int err;

	if (socket_is_on(socket, SO_PASSCRED)) {
		err = unix_bind_auto(self);
		if (err)
			return err;
	}
	err = unix_find(address, socket->type, &listener);
	if (err)
		return err;
	err = -ENOMEM;
	child = unix_alloc(socket->ops, socket->type);
	if (!child)
		goto put_listener;

	err = connect_waiting(self, listener, child, nonblock);
	if (err) {
		unix_put(child);
	} else {
		wake_all_events(&listener->read_wait, EPOLLIN | EPOLLRDNORM);
		wake_all_events(&self->write_wait, EPOLLOUT | EPOLLWRNORM);
	}
put_listener:
	unix_put(listener);
	return err;
}

int unix_datagram_connect(struct socket *socket,
			  const struct socket_address *address, bool nonblock)
{
	struct unix_socket *self = unix_of(socket), *peer, *its_peer;
	int err;

	if (address->size >= sizeof(address->family) &&
	    address->family == AF_UNSPEC) {
		unix_set_peer(self, NULL);
		return 0;
	}
	if (socket_is_on(socket, SO_PASSCRED)) {
		err = unix_bind_auto(self);
		if (err)
			return err;
	}
	err = unix_find(address, socket->type, &peer);
	if (err)
		return err;
	its_peer = READ_ONCE(peer->peer);
	if (its_peer && its_peer != self)
		err = -EPERM;
	else
		unix_set_peer(self, peer);
	unix_put(peer);
	return err;
}
