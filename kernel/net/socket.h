/* SPDX-License-Identifier: MIT */
/*
 * socket.h - endpoints of communication, whatever the protocol
 *
 * Idea: a socket is a file whose operations go through struct socket_ops, one
 * table for each family and type. What is the same for all (options, time
 * limits, the file) is in socket.c. A new family joins with one struct
 * socket_family in the list there.
 */
#pragma once

#include "kernel/abi/socket.h"
#include "kernel/lib/compiler.h"
#include "kernel/sync/wait.h"

struct ancillary;
struct file;
struct io_buf;
struct poll_table;
struct socket;

/* An address as the program gave it or shall get it. */
struct socket_address {
	unsigned int size; /* bytes that count; 0: none */
	union {
		unsigned short family;
		struct sockaddr_un un;
		struct __kernel_sockaddr_storage storage;
	};
};

/* One send or receive. */
struct socket_message {
	struct io_buf *io;
	unsigned int flags;     /* MSG_*, in */
	unsigned int out_flags; /* MSG_TRUNC, ...: to the receiver */
	bool nonblock;          /* MSG_DONTWAIT or O_NONBLOCK */
	/* Send: where to, or NULL. Receive: gets the sender, or NULL. */
	struct socket_address *address;
	/* Descriptors, credentials; NULL: none, or not wanted. */
	struct ancillary *ancillary;
};

struct socket_ops {
	/* The last user is gone: free it. */
	void (*destroy)(struct socket *socket);
	int (*bind)(struct socket *socket,
		    const struct socket_address *address);
	int (*listen)(struct socket *socket, int backlog);
	/* A new socket in *@out. */
	int (*accept)(struct socket *socket, bool nonblock,
		      struct socket **out);
	int (*connect)(struct socket *socket,
		       const struct socket_address *address, bool nonblock);
	/* This end's name, or the other's (-ENOTCONN). */
	int (*get_name)(struct socket *socket, bool peer,
			struct socket_address *address);
	/* Bytes, or a negative errno. */
	ssize_t (*send)(struct socket *socket, struct socket_message *message);
	ssize_t (*receive)(struct socket *socket,
			   struct socket_message *message);
	/* @how SHUT_*. */
	int (*shutdown)(struct socket *socket, int how);
	unsigned int (*poll)(struct socket *socket, struct poll_table *table);
	/* -ENOTTY if unknown. May be NULL. */
	long (*ioctl)(struct socket *socket, unsigned int cmd,
		      unsigned long arg);
	/*
	 * Options that socket.c does not know: -ENOPROTOOPT. May be NULL.
	 * @value is in the kernel; get sets *@size, at most what it was.
	 */
	int (*set_option)(struct socket *socket, int level, int name,
			  const void *value, size_t size);
	int (*get_option)(struct socket *socket, int level, int name,
			  void *value, size_t *size);
};

/* What every socket has; the family's own struct begins with it. */
struct socket {
	const struct socket_ops *ops; /* fixed, as the next three */
	int domain;
	unsigned int type; /* SOCK_STREAM, ... */
	int protocol;

	/* Options: socket(7). Single words, written by setsockopt only. */
	unsigned int send_limit, receive_limit;       /* SO_SNDBUF, SO_RCVBUF */
	unsigned int receive_low;                     /* SO_RCVLOWAT */
	uint64_t send_timeout_ns, receive_timeout_ns; /* WAIT_FOREVER: none */
	uint64_t switches;                            /* bit SO_*: on */
	struct abi_linger linger;
	int priority, mark;

	unsigned int error; /* SO_ERROR: a positive errno, once; atomic */
};

struct socket_family {
	int domain;
	/* Checks @type and @protocol: -ESOCKTNOSUPPORT, -EPROTONOSUPPORT. */
	int (*create)(unsigned int type, int protocol, struct socket **out);
	/* Two that are connected; NULL: -EOPNOTSUPP. */
	int (*create_pair)(unsigned int type, int protocol,
			   struct socket *out[2]);
};

/* socket(2), socketpair(2): @type without flags. */
int socket_create(int domain, unsigned int type, int protocol,
		  struct socket **out);
int socket_create_pair(int domain, unsigned int type, int protocol,
		       struct socket *out[2]);

/* Defaults of the common part. */
void socket_init(struct socket *socket, const struct socket_ops *ops,
		 int domain, unsigned int type, int protocol);

/* A file for @socket, which it owns from now on, also when this fails. */
int socket_file_create(struct socket *socket, unsigned int flags,
		       struct file **out);
/* The socket behind @file; NULL: -ENOTSOCK. */
struct socket *socket_of(const struct file *file);

ssize_t socket_send(struct socket *socket, struct socket_message *message);
ssize_t socket_receive(struct socket *socket, struct socket_message *message);

/* Values are in kernel memory; get sets *@size, at most what it was. */
int socket_set_option(struct socket *socket, int level, int name,
		      const void *value, size_t size);
int socket_get_option(struct socket *socket, int level, int name, void *value,
		      size_t *size);

static inline bool socket_is_on(const struct socket *socket, int option)
{
	return (READ_ONCE(socket->switches) >> option) & 1;
}

/* The pending error as a negative errno, which is then no longer pending. */
int socket_take_error(struct socket *socket);

/*
 * For the families' waits: when a wait with @timeout_ns ends now + that; and
 * what a wait that ended with @err (-ETIMEDOUT, -ERESTARTSYS) returns: -EAGAIN
 * at the limit of time, -EINTR instead of a restart if there is one.
 */
uint64_t socket_deadline(uint64_t timeout_ns);
int socket_wait_error(int err, uint64_t timeout_ns);
