/* SPDX-License-Identifier: MIT */
/*
 * unix.c - sockets between programs of this machine: making, joining, closing
 *
 * A stream or seqpacket connection is two sockets that are each other's peer
 * (unix_connect.c). A datagram socket may have a peer too: where it sends to.
 *
 *   UNCONNECTED -> LISTENING  listen()
 *   UNCONNECTED -> CONNECTED  connect(), socketpair(), or born so (server end)
 *   CONNECTED stays so; when the peer closes, shutdown says NO_TRAFFIC.
 *
 * Invariants
 *   U1  self->peer is a reference. For CONNECTED sockets it never changes
 *       while they live, so traffic reads it without a lock.
 *   U2  Once dead is set under the lock nothing is queued any more.
 *   U3  A listener's pending sockets hold one reference, have no file, and
 *       are reached by nobody but their peer.
 *
 * Locks: one socket's; two by address. Source: unix(7), connect(2), accept(2).
 */
#include "kernel/net/unix.h"

#include "kernel/abi/ioctl.h"
#include "kernel/debug/panic.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/user_copy.h"
#include "kernel/net/ancillary.h"
#include "kernel/net/flight.h"
#include "kernel/net/internal.h"
#include "kernel/proc/process.h"
#include "kernel/vfs/cred.h"
#include "kernel/vfs/poll.h"

static const struct socket_ops stream_ops, datagram_ops, seqpacket_ops;

/* ---- Life ---------------------------------------------------------------- */

struct unix_socket *unix_alloc(const struct socket_ops *ops, unsigned int type)
{
	struct unix_socket *self = kzalloc(sizeof(*self));

	if (!self)
		return NULL;
	socket_init(&self->socket, ops, AF_UNIX, type, 0);
	refcount_init(&self->refs, 1);
	mutex_init(&self->lock, LOCK_SOCKET);
	self->state = UNIX_UNCONNECTED;
	list_init(&self->queue);
	list_init(&self->pending);
	list_init(&self->pending_node);
	list_init(&self->clients);
	list_init(&self->client_node);
	list_init(&self->name_node);
	list_init(&self->flight_node);
	wait_queue_init(&self->read_wait);
	wait_queue_init(&self->write_wait);
	wait_queue_init(&self->room_wait);
	return self;
}

static void unix_free(struct unix_socket *self)
{
	assert(list_empty(&self->queue) && list_empty(&self->clients));
	unix_name_put(self->name);
	kfree(self);
}

void unix_put(struct unix_socket *self)
{
	if (refcount_put(&self->refs))
		unix_free(self);
}

void unix_lock_two(struct unix_socket *a,
		   struct unix_socket *b) UNCHECKED_LOCKING
{
	mutex_lock(a < b ? &a->lock : &b->lock);
	if (a != b)
		mutex_lock(a < b ? &b->lock : &a->lock);
}

void unix_unlock_two(struct unix_socket *a,
		     struct unix_socket *b) UNCHECKED_LOCKING
{
	mutex_unlock(&a->lock);
	if (a != b)
		mutex_unlock(&b->lock);
}

struct abi_ucred unix_current_creds(bool effective)
{
	const struct cred *cred = current()->cred;

	return (struct abi_ucred){
		.pid = process_pid(current_process()),
		.uid = effective ? cred->euid : cred->uid,
		.gid = effective ? cred->egid : cred->gid,
	};
}

/* Something final happened to @self: everybody shall look. */
static void wake_everybody(struct unix_socket *self)
{
	wake_all(&self->read_wait);
	wake_all(&self->write_wait);
	wake_all(&self->room_wait);
}

/* ---- Peers --------------------------------------------------------------- */

struct unix_socket *unix_get_peer(struct unix_socket *self)
{
	struct unix_socket *peer;

	mutex_lock(&self->lock);
	peer = self->peer ? unix_get(self->peer) : NULL;
	mutex_unlock(&self->lock);
	return peer;
}

void unix_join(struct unix_socket *a, struct unix_socket *b)
{
	a->peer = unix_get(b);
	b->peer = unix_get(a);
	/* Who sees the state sees the peer (U1). */
	STORE_RELEASE(a->state, UNIX_CONNECTED);
	STORE_RELEASE(b->state, UNIX_CONNECTED);
}

/* A datagram socket no longer belongs to @peer's clients; put the peer. */
static void leave_peer(struct unix_socket *self, struct unix_socket *peer)
{
	mutex_lock(&peer->lock);
	list_remove(&self->client_node);
	mutex_unlock(&peer->lock);
	unix_put(peer);
}

void unix_set_peer(struct unix_socket *self, struct unix_socket *peer)
{
	struct unix_socket *old;

	mutex_lock(&self->lock);
	old = self->peer;
	self->peer = NULL;
	mutex_unlock(&self->lock);
	if (old)
		leave_peer(self, old);
	if (!peer)
		return;

	unix_lock_two(self, peer);
	old = self->peer; /* two threads at once: the first wins */
	if (!old) {
		self->peer = unix_get(peer);
		list_push_back(&peer->clients, &self->client_node);
	}
	unix_unlock_two(self, peer);
	wake_all_events(&self->write_wait, EPOLLOUT | EPOLLWRNORM);
}

/* ---- Closing ------------------------------------------------------------- */

static void free_all_messages(struct list_head *messages)
{
	while (!list_empty(messages)) {
		struct unix_message *message =
			list_first(messages, struct unix_message, node);

		list_remove(&message->node);
		unix_message_free(message);
	}
}

/* Nobody sends to us any more; what has come is dropped. */
static void forget_clients(struct unix_socket *self) MUST_HOLD(self->lock)
{
	while (!list_empty(&self->clients)) {
		struct unix_socket *client = list_first(
			&self->clients, struct unix_socket, client_node);

		/* It keeps its reference, and finds us dead when it sends. */
		list_remove(&client->client_node);
		wake_all(&client->write_wait);
	}
}

/* The other end of a connection learns that we are gone. */
static void hang_up(struct unix_socket *peer, bool unread)
{
	mutex_lock(&peer->lock);
	WRITE_ONCE(peer->shutdown, NO_TRAFFIC);
	if (unread)
		WRITE_ONCE(peer->socket.error, ECONNRESET);
	mutex_unlock(&peer->lock);
	wake_everybody(peer);
}

/*
 * The end of a socket that no file refers to any more. @refused: it waited to
 * be accepted, so its peer never had a partner.
 */
static void unix_close(struct unix_socket *self, bool refused)
{
	struct list_head messages, pending;
	struct unix_socket *peer;
	bool unread;

	list_init(&messages);
	list_init(&pending);
	unix_unbind(self);

	mutex_lock(&self->lock);
	self->dead = true;
	WRITE_ONCE(self->shutdown, NO_TRAFFIC);
	peer = self->peer;
	self->peer = NULL;
	unread = !list_empty(&self->queue) || refused;
	list_splice_back(&messages, &self->queue);
	list_splice_back(&pending, &self->pending);
	self->num_pending = 0;
	forget_clients(self);
	mutex_unlock(&self->lock);
	wake_everybody(self);

	if (peer && is_datagram(self))
		leave_peer(self, peer);
	else if (peer)
		hang_up(peer, unread);
	while (!list_empty(&pending)) {
		struct unix_socket *child =
			list_first(&pending, struct unix_socket, pending_node);

		list_remove(&child->pending_node);
		unix_close(child, true);
	}
	free_all_messages(&messages);
	if (peer && !is_datagram(self))
		unix_put(peer);
	unix_put(self);
}

static void unix_destroy(struct socket *socket)
{
	unix_close(unix_of(socket), false);
	flight_collect();
}

/* ---- Making -------------------------------------------------------------- */

static const struct socket_ops *ops_of_type(unsigned int type)
{
	switch (type) {
	case SOCK_STREAM:
		return &stream_ops;
	case SOCK_DGRAM:
		return &datagram_ops;
	case SOCK_SEQPACKET:
		return &seqpacket_ops;
	}
	return NULL;
}

static int unix_new(unsigned int type, int protocol, struct unix_socket **out)
{
	const struct socket_ops *ops;

	if (protocol && protocol != AF_UNIX)
		return -EPROTONOSUPPORT;
	if (type == SOCK_RAW) /* as on Linux */
		type = SOCK_DGRAM;
	ops = ops_of_type(type);
	if (!ops)
		return -ESOCKTNOSUPPORT;
	*out = unix_alloc(ops, type);
	return *out ? 0 : -ENOMEM;
}

static int unix_create(unsigned int type, int protocol, struct socket **out)
{
	struct unix_socket *self;
	int err = unix_new(type, protocol, &self);

	if (!err)
		*out = &self->socket;
	return err;
}

static int unix_create_pair(unsigned int type, int protocol,
			    struct socket *out[2])
{
	struct unix_socket *a, *b;
	int err;

	err = unix_new(type, protocol, &a);
	if (err)
		return err;
	err = unix_new(type, protocol, &b);
	if (err) {
		unix_put(a);
		return err;
	}
	a->peer_creds = unix_current_creds(true);
	b->peer_creds = a->peer_creds;
	if (is_datagram(a)) {
		unix_set_peer(a, b);
		unix_set_peer(b, a);
	} else {
		unix_join(a, b);
	}
	out[0] = &a->socket;
	out[1] = &b->socket;
	return 0;
}

const struct socket_family unix_family = {
	.domain = AF_UNIX,
	.create = unix_create,
	.create_pair = unix_create_pair,
};

static int unix_bind_op(struct socket *socket,
			const struct socket_address *address)
{
	return unix_bind(unix_of(socket), address);
}

/* ---- State --------------------------------------------------------------- */

static int unix_get_name(struct socket *socket, bool peer,
			 struct socket_address *address)
{
	struct unix_socket *self = unix_of(socket);
	struct unix_socket *whose = self;

	if (peer) {
		whose = unix_get_peer(self);
		if (!whose)
			return -ENOTCONN;
	}
	mutex_lock(&whose->lock);
	unix_name_copy(whose->name, address);
	mutex_unlock(&whose->lock);
	if (peer)
		unix_put(whose);
	return 0;
}

static int unix_shutdown(struct socket *socket, int how)
{
	struct unix_socket *self = unix_of(socket);
	/* SHUT_RD 0, SHUT_WR 1, SHUT_RDWR 2 become the bits 1, 2, 3. */
	unsigned int bits = (unsigned int)how + 1;
	struct unix_socket *peer;

	mutex_lock(&self->lock);
	WRITE_ONCE(self->shutdown, self->shutdown | bits);
	mutex_unlock(&self->lock);
	wake_everybody(self);

	peer = is_datagram(self) ? NULL : unix_get_peer(self);
	if (!peer)
		return 0;
	/* Our way out is the other's way in. */
	bits = (bits & NO_RECEIVE ? NO_SEND : 0) |
	       (bits & NO_SEND ? NO_RECEIVE : 0);
	mutex_lock(&peer->lock);
	WRITE_ONCE(peer->shutdown, peer->shutdown | bits);
	mutex_unlock(&peer->lock);
	wake_everybody(peer);
	unix_put(peer);
	return 0;
}

/* Its peer may go while we look at it, unlike that of a connection (U1). */
static bool datagram_is_writable(struct unix_socket *self)
{
	bool writable;

	mutex_lock(&self->lock);
	writable = unix_is_writable(self);
	mutex_unlock(&self->lock);
	return writable;
}

static unsigned int unix_poll(struct socket *socket, struct poll_table *table)
{
	struct unix_socket *self = unix_of(socket);
	unsigned int events = 0, shutdown;
	enum unix_state state;

	poll_wait(table, &self->read_wait);
	poll_wait(table, &self->write_wait);
	shutdown = READ_ONCE(self->shutdown);
	state = READ_ONCE(self->state);
	if (READ_ONCE(socket->error))
		events |= EPOLLERR;
	if (shutdown == NO_TRAFFIC)
		events |= EPOLLHUP;
	if (shutdown & NO_RECEIVE)
		events |= EPOLLRDHUP | EPOLLIN | EPOLLRDNORM;
	if (!list_empty(&self->queue) || READ_ONCE(self->num_pending))
		events |= EPOLLIN | EPOLLRDNORM;
	if (!is_datagram(self) && state == UNIX_UNCONNECTED)
		events |= EPOLLHUP;
	if (state == UNIX_LISTENING)
		return events;

	if (is_datagram(self) ? datagram_is_writable(self)
			      : unix_is_writable(self))
		events |= EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
	return events;
}

/* Bytes that a receive would find: all of a stream, the first message else. */
static unsigned int bytes_to_read(struct unix_socket *self)
{
	struct unix_message *message;
	unsigned int bytes = 0;

	mutex_lock(&self->lock);
	list_for_each (message, &self->queue, node) {
		bytes += message->size - message->done;
		if (self->socket.type == SOCK_DGRAM)
			break;
	}
	mutex_unlock(&self->lock);
	return bytes;
}

static unsigned int bytes_not_read(struct unix_socket *self)
{
	struct unix_socket *peer = unix_get_peer(self);
	unsigned int bytes;

	if (!peer)
		return 0;
	bytes = READ_ONCE(peer->queue_charge);
	unix_put(peer);
	return bytes;
}

static long unix_ioctl(struct socket *socket, unsigned int cmd,
		       unsigned long arg)
{
	struct unix_socket *self = unix_of(socket);

	if (cmd == SIOCOUTQ)
		return put_user_u32((void __user *)arg, bytes_not_read(self));
	if (cmd != SIOCINQ)
		return -ENOTTY;
	if (self->state == UNIX_LISTENING)
		return -EINVAL;
	return put_user_u32((void __user *)arg, bytes_to_read(self));
}

static int unix_get_option(struct socket *socket, int level, int name,
			   void *value, size_t *size)
{
	struct unix_socket *self = unix_of(socket);
	struct abi_ucred creds = self->peer_creds;
	int listening = READ_ONCE(self->state) == UNIX_LISTENING;

	if (level != SOL_SOCKET)
		return -EOPNOTSUPP;
	switch (name) {
	case SO_PEERCRED:
		if (!creds.pid) /* nobody */
			creds.uid = creds.gid = UINT32_MAX;
		*size = MIN(*size, sizeof(creds));
		memcpy(value, &creds, *size);
		return 0;
	case SO_ACCEPTCONN:
		*size = MIN(*size, sizeof(listening));
		memcpy(value, &listening, *size);
		return 0;
	}
	return -ENOPROTOOPT;
}

/* ---- The three types ----------------------------------------------------- */

#define COMMON_OPS                                                             \
	.destroy = unix_destroy, .bind = unix_bind_op, .listen = unix_listen,  \
	.accept = unix_accept, .get_name = unix_get_name,                      \
	.shutdown = unix_shutdown, .poll = unix_poll, .ioctl = unix_ioctl,     \
	.get_option = unix_get_option

static const struct socket_ops stream_ops = {
	COMMON_OPS,
	.connect = unix_stream_connect,
	.send = unix_stream_send,
	.receive = unix_stream_receive,
};

static const struct socket_ops datagram_ops = {
	COMMON_OPS,
	.connect = unix_datagram_connect,
	.send = unix_datagram_send,
	.receive = unix_datagram_receive,
};

static const struct socket_ops seqpacket_ops = {
	COMMON_OPS,
	.connect = unix_stream_connect,
	.send = unix_datagram_send,
	.receive = unix_datagram_receive,
};
