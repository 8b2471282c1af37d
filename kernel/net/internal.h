/* SPDX-License-Identifier: MIT */
/*
 * internal.h - the parts of AF_UNIX: sockets, names, messages
 */
#pragma once

#include "kernel/abi/errno.h"
#include "kernel/lib/list.h"
#include "kernel/lib/refcount.h"
#include "kernel/net/socket.h"
#include "kernel/sync/mutex.h"
#include "kernel/vfs/path.h"

struct file;
struct file_list;
struct inode;

/* ---- Names: unix_name.c -------------------------------------------------- */

/* Immutable; shared by the sockets and messages that bear it. */
struct unix_name {
	struct refcount refs;
	unsigned int size; /* of what follows, as programs see it */
	unsigned short family;
	char path[UNIX_PATH_MAX + 1]; /* begins with NUL: abstract */
};
#define UNIX_PATH_OFFSET offsetof(struct sockaddr_un, sun_path)

void unix_name_put(struct unix_name *name);
static inline struct unix_name *unix_name_get(struct unix_name *name)
{
	if (name)
		refcount_get(&name->refs);
	return name;
}
void unix_name_copy(const struct unix_name *name,
		    struct socket_address *address);

/* ---- Sockets: unix.c ----------------------------------------------------- */

enum unix_state {
	UNIX_UNCONNECTED, /* also a datagram socket with a peer */
	UNIX_LISTENING,
	UNIX_CONNECTED, /* stream and seqpacket, for good */
};

/* Bits of unix_socket.shutdown. */
#define NO_RECEIVE 1u
#define NO_SEND    2u
#define NO_TRAFFIC 3u

struct unix_socket {
	struct socket socket; /* first */
	struct refcount refs; /* its file or accept queue, peers, borrowers */
	struct mutex lock;    /* rank LOCK_SOCKET; two: by address */

	/* Under lock; single words are read without it by poll and sleepers. */
	enum unix_state state;
	unsigned int shutdown; /* NO_* */
	bool dead;             /* closed; nothing is queued any more */
	/* A reference. Once CONNECTED it never changes: read freely then. */
	struct unix_socket *peer;
	struct unix_name *name; /* or NULL; set once */
	struct list_head queue; /* struct unix_message */
	unsigned int queue_length;
	unsigned int queue_charge;   /* bytes, bookkeeping included */
	struct abi_ucred peer_creds; /* SO_PEERCRED */
	unsigned int backlog;        /* listening: most that may be pending */
	unsigned int num_pending;
	struct list_head pending;      /* connections nobody accepted yet */
	struct list_head pending_node; /* in the listener's */
	/* Datagram sockets connected here, and our place in the peer's. */
	struct list_head clients, client_node;

	struct wait_queue read_wait;  /* messages, connections */
	struct wait_queue write_wait; /* who polls us to write */
	struct wait_queue room_wait;  /* who sleeps to send or connect to us */

	/* Under the lock of the name table. */
	struct list_head name_node;
	struct path path; /* bound in the file system: references */

	/* Descriptors in flight: flight.c, under its lock. */
	struct list_head flight_node;
	struct file *flight_file; /* ours, while flights > 0 */
	unsigned int flights;     /* messages that carry our file */
	unsigned int unaccounted;
	bool candidate;
};

static inline struct unix_socket *unix_of(struct socket *socket)
{
	return container_of(socket, struct unix_socket, socket);
}

static inline bool is_datagram(const struct unix_socket *self)
{
	return self->socket.type == SOCK_DGRAM;
}

static inline struct unix_socket *unix_get(struct unix_socket *self)
{
	refcount_get(&self->refs);
	return self;
}
void unix_put(struct unix_socket *self);

/* A socket by itself, refs 1; NULL: no memory. */
struct unix_socket *unix_alloc(const struct socket_ops *ops, unsigned int type);
/* Two fresh sockets are connected from now on; both locked or private. */
void unix_join(struct unix_socket *a, struct unix_socket *b);

void unix_lock_two(struct unix_socket *a, struct unix_socket *b);
void unix_unlock_two(struct unix_socket *a, struct unix_socket *b);

/* The current thread's: @effective as SO_PEERCRED, else as in messages. */
struct abi_ucred unix_current_creds(bool effective);

/* A reference to the peer, or NULL. */
struct unix_socket *unix_get_peer(struct unix_socket *self);
/* A datagram socket's peer becomes @peer (or NULL); drops the old one. */
void unix_set_peer(struct unix_socket *self, struct unix_socket *peer);

/* ---- Names and who bears them: unix_name.c ------------------------------- */

int unix_bind(struct unix_socket *self, const struct socket_address *address);
/* Give @self an abstract name if it has none. */
int unix_bind_auto(struct unix_socket *self);
void unix_unbind(struct unix_socket *self);
/* Who is bound to @address, with a reference. -ECONNREFUSED, -EPROTOTYPE,
 * -EINVAL, or what looking up the path says. */
int unix_find(const struct socket_address *address, unsigned int type,
	      struct unix_socket **out);

/* ---- Connections: unix_connect.c ------------------------------------------ */

int unix_listen(struct socket *socket, int backlog);
int unix_accept(struct socket *socket, bool nonblock, struct socket **out);
int unix_stream_connect(struct socket *socket,
			const struct socket_address *address, bool nonblock);
int unix_datagram_connect(struct socket *socket,
			  const struct socket_address *address, bool nonblock);

/* ---- Messages: unix_message.c -------------------------------------------- */

struct unix_message {
	struct list_head node;   /* in a queue */
	struct unix_name *from;  /* datagrams: the sender's; may be NULL */
	struct file_list *files; /* owned; or NULL */
	struct abi_ucred creds;  /* the sender's */
	unsigned int size;       /* bytes */
	unsigned int done;       /* of these, received already (streams) */
	unsigned int charge;     /* what it counts for in queue_charge */
	bool in_pages;
	union {
		char bytes[0];
		struct page *pages[0];
	};
};

/* @size bytes from @io. 0, -ENOMEM, -EFAULT. */
int unix_message_create(struct io_buf *io, size_t size,
			struct unix_message **out);
/* Frees the bytes, and puts files and names. No locks held. */
void unix_message_free(struct unix_message *message);
/* Bytes copied from @offset on; fewer than @size: the program's fault. */
size_t unix_message_copy(const struct unix_message *message,
			 unsigned int offset, struct io_buf *io, size_t size);

/* Queue @message for @to; its files are in flight already. */
void unix_message_push(struct unix_socket *to, struct unix_message *message)
	MUST_HOLD(to->lock);
/* Take @message off; who waits for room is told. */
void unix_message_pop(struct unix_socket *from, struct unix_message *message)
	MUST_HOLD(from->lock);

static inline struct unix_message *unix_first(struct unix_socket *self)
{
	if (list_empty(&self->queue))
		return NULL;
	return list_first(&self->queue, struct unix_message, node);
}

/* ---- Traffic: unix_stream.c, unix_datagram.c ----------------------------- */

ssize_t unix_stream_send(struct socket *socket, struct socket_message *message);
ssize_t unix_stream_receive(struct socket *socket,
			    struct socket_message *message);
ssize_t unix_datagram_send(struct socket *socket,
			   struct socket_message *message);
ssize_t unix_datagram_receive(struct socket *socket,
			      struct socket_message *message);
/* May @self send to @to now without waiting? A hint. */
bool unix_has_room(const struct unix_socket *self,
		   const struct unix_socket *to);
/* For poll: is there so much room that it is worth waking a sender? */
bool unix_is_writable(const struct unix_socket *self);
