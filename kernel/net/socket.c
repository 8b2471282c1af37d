/* SPDX-License-Identifier: MIT */
/*
 * socket.c - what all sockets have in common: the file, options, time limits
 *
 * Locks: none. Options are single words which setsockopt writes and the
 * families read whole.
 * Source: socket(2), socket(7).
 */
#include "kernel/net/socket.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/abi/time.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/net/unix.h"
#include "kernel/time/clock.h"
#include "kernel/vfs/cred.h"
#include "kernel/vfs/file.h"
#include "kernel/vfs/poll.h"

#include <linux/capability.h>

/* net.core.[rw]mem_default and _max; limits are kept doubled: socket(7). */
#define BUFFER_DEFAULT     212992u
#define BUFFER_MAX         212992u
#define SEND_BUFFER_MIN    4608u
#define RECEIVE_BUFFER_MIN 2304u
#define FORCED_BUFFER_MAX  0x3fffffffu

static const struct socket_family *const families[] = {
	&unix_family,
};

static const struct file_ops socket_file_ops;

/* ---- Making -------------------------------------------------------------- */

static int find_family(int domain, unsigned int type,
		       const struct socket_family **out)
{
	size_t i;

	if (domain < 0 || domain >= AF_MAX)
		return -EAFNOSUPPORT;
	if (type > SOCK_PACKET)
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(families); i++) {
		if (families[i]->domain == domain) {
			*out = families[i];
			return 0;
		}
	}
	return -EAFNOSUPPORT;
}

int socket_create(int domain, unsigned int type, int protocol,
		  struct socket **out)
{
	const struct socket_family *family;
	int err = find_family(domain, type, &family);

	return err ? err : family->create(type, protocol, out);
}

int socket_create_pair(int domain, unsigned int type, int protocol,
		       struct socket *out[2])
{
	const struct socket_family *family;
	int err = find_family(domain, type, &family);

	if (err)
		return err;
	if (!family->create_pair)
		return -EOPNOTSUPP;
	return family->create_pair(type, protocol, out);
}

void socket_init(struct socket *socket, const struct socket_ops *ops,
		 int domain, unsigned int type, int protocol)
{
	socket->ops = ops;
	socket->domain = domain;
	socket->type = type;
	socket->protocol = protocol;
	socket->send_limit = BUFFER_DEFAULT;
	socket->receive_limit = BUFFER_DEFAULT;
	socket->receive_low = 1;
	socket->send_timeout_ns = WAIT_FOREVER;
	socket->receive_timeout_ns = WAIT_FOREVER;
	socket->switches = 0;
	socket->linger = (struct abi_linger){ 0 };
	socket->priority = 0;
	socket->mark = 0;
	socket->error = 0;
}

int socket_file_create(struct socket *socket, unsigned int flags,
		       struct file **out)
{
	struct inode *inode = inode_create_anonymous(S_IFSOCK | 0777);
	int err = -ENOMEM;
	char name[32];

	if (inode) {
		format_string(name, sizeof(name), "socket:[%lu]", inode->ino);
		err = file_create_anonymous(inode, name, &socket_file_ops,
					    flags | O_RDWR, socket, out);
	}
	if (err)
		socket->ops->destroy(socket);
	return err;
}

struct socket *socket_of(const struct file *file)
{
	return file->ops == &socket_file_ops ? file->data : NULL;
}

/* ---- Waiting ------------------------------------------------------------- */

int socket_take_error(struct socket *socket)
{
	if (!READ_ONCE(socket->error))
		return 0;
	return -(int)__atomic_exchange_n(&socket->error, 0, __ATOMIC_RELAXED);
}

uint64_t socket_deadline(uint64_t timeout_ns)
{
	uint64_t deadline_ns;

	if (timeout_ns == WAIT_FOREVER ||
	    __builtin_add_overflow(clock_now_ns(), timeout_ns, &deadline_ns))
		return WAIT_FOREVER;
	return deadline_ns;
}

int socket_wait_error(int err, uint64_t timeout_ns)
{
	if (err == -ETIMEDOUT)
		return -EAGAIN;
	if (err == -ERESTARTSYS && timeout_ns != WAIT_FOREVER)
		return -EINTR;
	return err;
}

/* ---- The file ------------------------------------------------------------ */

ssize_t socket_send(struct socket *socket, struct socket_message *message)
{
	return socket->ops->send(socket, message);
}

ssize_t socket_receive(struct socket *socket, struct socket_message *message)
{
	return socket->ops->receive(socket, message);
}

static ssize_t socket_read(struct file *file, struct io_buf *io, loff_t *pos)
{
	struct socket *socket = file->data;
	struct socket_message message = {
		.io = io,
		.nonblock = io->nonblock,
	};

	if (!io->left) /* unlike recv(2), which waits */
		return 0;
	return socket->ops->receive(socket, &message);
}

static ssize_t socket_write(struct file *file, struct io_buf *io, loff_t *pos)
{
	struct socket *socket = file->data;
	struct socket_message message = {
		.io = io,
		.nonblock = io->nonblock,
	};

	return socket->ops->send(socket, &message);
}

static unsigned int socket_poll(struct file *file, struct poll_table *table)
{
	struct socket *socket = file->data;

	return socket->ops->poll(socket, table);
}

static long socket_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct socket *socket = file->data;

	if (!socket->ops->ioctl)
		return -ENOTTY;
	return socket->ops->ioctl(socket, cmd, arg);
}

static void socket_release(struct file *file)
{
	struct socket *socket = file->data;

	socket->ops->destroy(socket);
}

static const struct file_ops socket_file_ops = {
	.release = socket_release,
	.read = socket_read,
	.write = socket_write,
	.poll = socket_poll,
	.ioctl = socket_ioctl,
	.stream = true,
};

/* ---- Options ------------------------------------------------------------- */

/* Options that are on or off and no more; some mean nothing to some families. */
static const unsigned char switch_options[] = {
	SO_REUSEADDR,       SO_DONTROUTE,     SO_BROADCAST, SO_KEEPALIVE,
	SO_OOBINLINE,       SO_NO_CHECK,      SO_BSDCOMPAT, SO_REUSEPORT,
	SO_PASSCRED,        SO_PASSSEC,       SO_RXQ_OVFL,  SO_TIMESTAMP_OLD,
	SO_TIMESTAMPNS_OLD, SO_TIMESTAMP_NEW,
};

static bool is_switch(int name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(switch_options); i++) {
		if (switch_options[i] == name)
			return true;
	}
	return false;
}

static void set_switch(struct socket *socket, int name, bool on)
{
	uint64_t bit = 1UL << name;

	if (on)
		__atomic_fetch_or(&socket->switches, bit, __ATOMIC_RELAXED);
	else
		__atomic_fetch_and(&socket->switches, ~bit, __ATOMIC_RELAXED);
}

/* Doubled, to leave room for bookkeeping as programs expect: socket(7). */
static unsigned int buffer_limit(unsigned int wanted, unsigned int max,
				 unsigned int min)
{
	return MAX(MIN(wanted, max) * 2, min);
}

/* SO_RCVTIMEO, SO_SNDTIMEO: zero is no limit. 0, -EINVAL, -EDOM. */
static int parse_timeout(const void *value, size_t size, uint64_t *timeout_ns)
{
	struct __kernel_old_timeval time;

	if (size < sizeof(time))
		return -EINVAL;
	memcpy(&time, value, sizeof(time));
	if (time.tv_usec < 0 || time.tv_usec >= 1000000)
		return -EDOM;
	*timeout_ns = WAIT_FOREVER;
	if (time.tv_sec < 0)
		*timeout_ns = 0;
	else if ((time.tv_sec || time.tv_usec) &&
		 (uint64_t)time.tv_sec < INT64_MAX / NSEC_PER_SEC)
		*timeout_ns = (uint64_t)time.tv_sec * NSEC_PER_SEC +
			      (uint64_t)time.tv_usec * NSEC_PER_USEC;
	return 0;
}

static int set_linger(struct socket *socket, const void *value, size_t size)
{
	if (size < sizeof(socket->linger))
		return -EINVAL;
	memcpy(&socket->linger, value, sizeof(socket->linger));
	return 0;
}

static int set_number(struct socket *socket, int name, int number)
{
	unsigned int positive = (unsigned int)MAX(number, 0);

	switch (name) {
	case SO_SNDBUFFORCE:
	case SO_RCVBUFFORCE:
	case SO_MARK:
		if (!capable(CAP_NET_ADMIN))
			return -EPERM;
		break;
	case SO_DEBUG:
		if (number && !capable(CAP_NET_ADMIN))
			return -EACCES;
		break;
	case SO_PRIORITY:
		if ((number < 0 || number > 6) && !capable(CAP_NET_ADMIN))
			return -EPERM;
		break;
	}

	switch (name) {
	case SO_SNDBUF:
		socket->send_limit = buffer_limit((unsigned int)number,
						  BUFFER_MAX, SEND_BUFFER_MIN);
		return 0;
	case SO_SNDBUFFORCE:
		socket->send_limit = buffer_limit(positive, FORCED_BUFFER_MAX,
						  SEND_BUFFER_MIN);
		return 0;
	case SO_RCVBUF:
		socket->receive_limit = buffer_limit(
			(unsigned int)number, BUFFER_MAX, RECEIVE_BUFFER_MIN);
		return 0;
	case SO_RCVBUFFORCE:
		socket->receive_limit = buffer_limit(
			positive, FORCED_BUFFER_MAX, RECEIVE_BUFFER_MIN);
		return 0;
	case SO_RCVLOWAT:
		socket->receive_low =
			number < 0 ? INT32_MAX : MAX(positive, 1u);
		return 0;
	case SO_PRIORITY:
		socket->priority = number;
		return 0;
	case SO_MARK:
		socket->mark = number;
		return 0;
	case SO_DEBUG:
		set_switch(socket, name, number);
		return 0;
	}
	if (!is_switch(name))
		return -ENOPROTOOPT;
	set_switch(socket, name, number);
	return 0;
}

static int set_common(struct socket *socket, int name, const void *value,
		      size_t size)
{
	int number;

	if (size < sizeof(number))
		return -EINVAL;
	memcpy(&number, value, sizeof(number));

	switch (name) {
	case SO_LINGER:
		return set_linger(socket, value, size);
	case SO_RCVTIMEO_OLD:
	case SO_RCVTIMEO_NEW:
		return parse_timeout(value, size, &socket->receive_timeout_ns);
	case SO_SNDTIMEO_OLD:
	case SO_SNDTIMEO_NEW:
		return parse_timeout(value, size, &socket->send_timeout_ns);
	}
	return set_number(socket, name, number);
}

int socket_set_option(struct socket *socket, int level, int name,
		      const void *value, size_t size)
{
	int err = -ENOPROTOOPT;

	if (level == SOL_SOCKET)
		err = set_common(socket, name, value, size);
	else if (!socket->ops->set_option)
		return -EOPNOTSUPP;
	if (err == -ENOPROTOOPT && socket->ops->set_option)
		err = socket->ops->set_option(socket, level, name, value, size);
	return err;
}

static struct __kernel_old_timeval timeout_to_timeval(uint64_t timeout_ns)
{
	struct __kernel_old_timeval time = { 0 };

	if (timeout_ns != WAIT_FOREVER) {
		time.tv_sec = (long)(timeout_ns / NSEC_PER_SEC);
		time.tv_usec =
			(long)(timeout_ns % NSEC_PER_SEC / NSEC_PER_USEC);
	}
	return time;
}

static int get_number(struct socket *socket, int name, int *number)
{
	switch (name) {
	case SO_TYPE:
		*number = (int)socket->type;
		return 0;
	case SO_DOMAIN:
		*number = socket->domain;
		return 0;
	case SO_PROTOCOL:
		*number = socket->protocol;
		return 0;
	case SO_ERROR:
		*number = -socket_take_error(socket);
		return 0;
	case SO_SNDBUF:
		*number = (int)socket->send_limit;
		return 0;
	case SO_RCVBUF:
		*number = (int)socket->receive_limit;
		return 0;
	case SO_RCVLOWAT:
		*number = (int)socket->receive_low;
		return 0;
	case SO_SNDLOWAT:
		*number = 1;
		return 0;
	case SO_PRIORITY:
		*number = socket->priority;
		return 0;
	case SO_MARK:
		*number = socket->mark;
		return 0;
	}
	if (name != SO_DEBUG && !is_switch(name))
		return -ENOPROTOOPT;
	*number = socket_is_on(socket, name);
	return 0;
}

static void give_value(void *to, size_t *size, const void *from, size_t max)
{
	*size = MIN(*size, max);
	memcpy(to, from, *size);
}

static int get_common(struct socket *socket, int name, void *value,
		      size_t *size)
{
	struct __kernel_old_timeval time;
	int number;
	int err;

	switch (name) {
	case SO_LINGER:
		give_value(value, size, &socket->linger,
			   sizeof(socket->linger));
		return 0;
	case SO_RCVTIMEO_OLD:
	case SO_RCVTIMEO_NEW:
		time = timeout_to_timeval(socket->receive_timeout_ns);
		give_value(value, size, &time, sizeof(time));
		return 0;
	case SO_SNDTIMEO_OLD:
	case SO_SNDTIMEO_NEW:
		time = timeout_to_timeval(socket->send_timeout_ns);
		give_value(value, size, &time, sizeof(time));
		return 0;
	}
	err = get_number(socket, name, &number);
	if (!err)
		give_value(value, size, &number, sizeof(number));
	return err;
}

int socket_get_option(struct socket *socket, int level, int name, void *value,
		      size_t *size)
{
	int err = -ENOPROTOOPT;

	if (level == SOL_SOCKET)
		err = get_common(socket, name, value, size);
	else if (!socket->ops->get_option)
		return -EOPNOTSUPP;
	if (err == -ENOPROTOOPT && socket->ops->get_option)
		err = socket->ops->get_option(socket, level, name, value, size);
	return err;
}
