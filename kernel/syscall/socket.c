/* SPDX-License-Identifier: MIT */
/*
 * socket.c - system calls: sockets
 *
 * Addresses, option values, iovecs and control messages are brought into the
 * kernel here; net/ sees no user pointer but those inside a struct io_buf.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/abi/socket.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/user_copy.h"
#include "kernel/net/ancillary.h"
#include "kernel/net/socket.h"
#include "kernel/proc/process.h"
#include "kernel/syscall/args.h"
#include "kernel/syscall/table.h"
#include "kernel/syscall/timeout.h"
#include "kernel/vfs/file.h"
#include "kernel/vfs/io_buf.h"

#define IOV_ON_STACK 8u
#define IOV_MAX      1024u
/* The most one call moves: read(2), NOTES. */
#define TRANSFER_MAX 0x7ffff000u
/* Control messages: net.core.optmem_max; and what a receiver can get. */
#define CONTROL_SEND_MAX    20480u
#define CONTROL_RECEIVE_MAX 2048u
#define OPTION_MAX          256u

/* ---- Descriptors and addresses ------------------------------------------- */

/* The file of socket @fd, with a reference. 0, -EBADF, -ENOTSOCK. */
static int socket_get(int fd, struct file **file, struct socket **socket)
{
	*file = fd_get(fd);
	if (!*file)
		return -EBADF;
	*socket = socket_of(*file);
	if (*socket)
		return 0;
	file_put(*file);
	return -ENOTSOCK;
}

static int address_from_user(struct socket_address *address,
			     const void __user *from, int size)
{
	memset(address, 0, sizeof(*address));
	if (size < 0 || (size_t)size > sizeof(address->storage))
		return -EINVAL;
	address->size = (unsigned int)size;
	return copy_from_user(&address->storage, from, (size_t)size);
}

/* As much as the program has room for; it learns the whole size. */
static int address_to_user(const struct socket_address *address,
			   void __user *to, void __user *usize)
{
	uint32_t room;

	if (get_user_u32(&room, usize))
		return -EFAULT;
	if ((int)room < 0)
		return -EINVAL;
	if (copy_to_user(to, &address->storage,
			 MIN(room, (uint32_t)address->size)))
		return -EFAULT;
	return put_user_u32(usize, address->size);
}

/* A new descriptor for @socket, which is consumed in any case. */
static long give_socket(struct socket *socket, unsigned int flags)
{
	struct file *file;
	int err, fd;

	err = socket_file_create(socket, flags & O_NONBLOCK, &file);
	if (err)
		return err;
	fd = fd_install(file, 0, flags & O_CLOEXEC);
	if (fd < 0)
		file_put(file);
	return fd;
}

/* ---- Making and joining -------------------------------------------------- */

/* The type argument holds flags as well. */
static int split_type(int argument, unsigned int *type, unsigned int *flags)
{
	*type = (unsigned int)argument & SOCK_TYPE_MASK;
	*flags = (unsigned int)argument & ~SOCK_TYPE_MASK;
	return *flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK) ? -EINVAL : 0;
}

long sys_socket(const struct syscall_args *a)
{
	int domain = arg_int(a, 0);
	int protocol = arg_int(a, 2);
	struct socket *socket;
	unsigned int type, flags;
	int err;

	err = split_type(arg_int(a, 1), &type, &flags);
	if (err)
		return err;
	err = socket_create(domain, type, protocol, &socket);
	return err ? err : give_socket(socket, flags);
}

long sys_socketpair(const struct syscall_args *a)
{
	int domain = arg_int(a, 0);
	int protocol = arg_int(a, 2);
	int __user *ufds = arg_ptr(a, 3);
	struct socket *pair[2];
	unsigned int type, flags;
	int fds[2];
	int err;

	err = split_type(arg_int(a, 1), &type, &flags);
	if (err)
		return err;
	err = socket_create_pair(domain, type, protocol, pair);
	if (err)
		return err;
	fds[0] = (int)give_socket(pair[0], flags);
	fds[1] = (int)give_socket(pair[1], flags);
	err = MIN(fds[0], fds[1]);
	if (err >= 0 && !copy_to_user(ufds, fds, sizeof(fds)))
		return 0;

	if (fds[0] >= 0)
		fd_close(fds[0]);
	if (fds[1] >= 0)
		fd_close(fds[1]);
	return err < 0 ? err : -EFAULT;
}

long sys_bind(const struct syscall_args *a)
{
	int fd = arg_int(a, 0);
	const void __user *uaddress = arg_ptr(a, 1);
	int size = arg_int(a, 2);
	struct socket_address address;
	struct socket *socket;
	struct file *file;
	int err;

	err = socket_get(fd, &file, &socket);
	if (err)
		return err;
	err = address_from_user(&address, uaddress, size);
	if (!err)
		err = socket->ops->bind(socket, &address);
	file_put(file);
	return err;
}

long sys_listen(const struct syscall_args *a)
{
	int fd = arg_int(a, 0);
	int backlog = arg_int(a, 1);
	struct socket *socket;
	struct file *file;
	int err;

	err = socket_get(fd, &file, &socket);
	if (err)
		return err;
	err = socket->ops->listen(socket, backlog);
	file_put(file);
	return err;
}

/* The peer's name of the accepted @socket goes to the program. */
static int peer_to_user(struct socket *socket, void __user *uaddress,
			void __user *usize)
{
	struct socket_address address = { 0 };

	if (!uaddress)
		return 0;
	if (socket->ops->get_name(socket, true, &address))
		return -ECONNABORTED;
	return address_to_user(&address, uaddress, usize);
}

static long accept_connection(struct file *file, struct socket *socket,
			      void __user *uaddress, void __user *usize,
			      unsigned int flags)
{
	struct socket *accepted;
	int err;

	err = socket->ops->accept(socket, READ_ONCE(file->flags) & O_NONBLOCK,
				  &accepted);
	if (err)
		return err;
	err = peer_to_user(accepted, uaddress, usize);
	if (err) {
		accepted->ops->destroy(accepted);
		return err;
	}
	return give_socket(accepted, flags);
}

static long do_accept(const struct syscall_args *a, unsigned int flags)
{
	int fd = arg_int(a, 0);
	void __user *uaddress = arg_ptr(a, 1);
	void __user *usize = arg_ptr(a, 2);
	struct socket *socket;
	struct file *file;
	long result;

	if (flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK))
		return -EINVAL;
	result = socket_get(fd, &file, &socket);
	if (result)
		return result;
	result = accept_connection(file, socket, uaddress, usize, flags);
	file_put(file);
	return result;
}

long sys_accept(const struct syscall_args *a)
{
	return do_accept(a, 0);
}

long sys_accept4(const struct syscall_args *a)
{
	return do_accept(a, arg_uint(a, 3));
}

long sys_connect(const struct syscall_args *a)
{
	int fd = arg_int(a, 0);
	const void __user *uaddress = arg_ptr(a, 1);
	int size = arg_int(a, 2);
	struct socket_address address;
	struct socket *socket;
	struct file *file;
	int err;

	err = socket_get(fd, &file, &socket);
	if (err)
		return err;
	err = address_from_user(&address, uaddress, size);
	if (!err)
		err = socket->ops->connect(socket, &address,
					   READ_ONCE(file->flags) & O_NONBLOCK);
	file_put(file);
	return err;
}

static long get_name(const struct syscall_args *a, bool peer)
{
	int fd = arg_int(a, 0);
	void __user *uaddress = arg_ptr(a, 1);
	void __user *usize = arg_ptr(a, 2);
	struct socket_address address = { 0 };
	struct socket *socket;
	struct file *file;
	int err;

	err = socket_get(fd, &file, &socket);
	if (err)
		return err;
	err = socket->ops->get_name(socket, peer, &address);
	if (!err)
		err = address_to_user(&address, uaddress, usize);
	file_put(file);
	return err;
}

long sys_getsockname(const struct syscall_args *a)
{
	return get_name(a, false);
}

long sys_getpeername(const struct syscall_args *a)
{
	return get_name(a, true);
}

long sys_shutdown(const struct syscall_args *a)
{
	int fd = arg_int(a, 0);
	int how = arg_int(a, 1);
	struct socket *socket;
	struct file *file;
	int err;

	err = socket_get(fd, &file, &socket);
	if (err)
		return err;
	if (how < SHUT_RD || how > SHUT_RDWR)
		err = -EINVAL;
	else
		err = socket->ops->shutdown(socket, how);
	file_put(file);
	return err;
}

/* ---- Options ------------------------------------------------------------- */

long sys_setsockopt(const struct syscall_args *a)
{
	int fd = arg_int(a, 0);
	int level = arg_int(a, 1);
	int name = arg_int(a, 2);
	const void __user *uvalue = arg_ptr(a, 3);
	int size = arg_int(a, 4);
	char value[OPTION_MAX];
	struct socket *socket;
	struct file *file;
	size_t used;
	int err;

	err = socket_get(fd, &file, &socket);
	if (err)
		return err;
	used = MIN((size_t)size, sizeof(value));
	if (size < 0)
		err = -EINVAL;
	else if (copy_from_user(value, uvalue, used))
		err = -EFAULT;
	else
		err = socket_set_option(socket, level, name, value, used);
	file_put(file);
	return err;
}

static int option_to_user(struct socket *socket, int level, int name,
			  void __user *uvalue, void __user *usize)
{
	char value[OPTION_MAX];
	uint32_t room;
	size_t size;
	int err;

	if (get_user_u32(&room, usize))
		return -EFAULT;
	if ((int)room < 0)
		return -EINVAL;
	size = MIN((size_t)room, sizeof(value));
	err = socket_get_option(socket, level, name, value, &size);
	if (err)
		return err;
	if (copy_to_user(uvalue, value, size))
		return -EFAULT;
	return put_user_u32(usize, (uint32_t)size);
}

long sys_getsockopt(const struct syscall_args *a)
{
	int fd = arg_int(a, 0);
	int level = arg_int(a, 1);
	int name = arg_int(a, 2);
	void __user *uvalue = arg_ptr(a, 3);
	void __user *usize = arg_ptr(a, 4);
	struct socket *socket;
	struct file *file;
	int err;

	err = socket_get(fd, &file, &socket);
	if (err)
		return err;
	err = option_to_user(socket, level, name, uvalue, usize);
	file_put(file);
	return err;
}

/* ---- Sending and receiving: the common part ------------------------------ */

/* A broken stream is a signal as well, unless the program said no. */
static ssize_t finish_send(struct socket *socket,
			   const struct socket_message *message, ssize_t done)
{
	if (done == -EPIPE && socket->type == SOCK_STREAM &&
	    !(message->flags & MSG_NOSIGNAL))
		signal_send_thread(current(), SIGPIPE, NULL);
	return done;
}

static void set_nonblock(struct socket_message *message,
			 const struct file *file)
{
	message->nonblock = (message->flags & MSG_DONTWAIT) ||
			    (READ_ONCE(file->flags) & O_NONBLOCK);
}

static ssize_t send_message(struct file *file, struct socket *socket,
			    struct socket_message *message)
{
	set_nonblock(message, file);
	return finish_send(socket, message, socket_send(socket, message));
}

static ssize_t receive_message(struct file *file, struct socket *socket,
			       struct socket_message *message)
{
	message->out_flags = 0;
	set_nonblock(message, file);
	return socket_receive(socket, message);
}

long sys_sendto(const struct syscall_args *a)
{
	int fd = arg_int(a, 0);
	void __user *buf = arg_ptr(a, 1);
	size_t size = MIN(arg_size(a, 2), (size_t)TRANSFER_MAX);
	const void __user *uaddress = arg_ptr(a, 4);
	int address_size = arg_int(a, 5);
	struct socket_message message = { .flags = arg_uint(a, 3) };
	struct socket_address address;
	struct socket *socket;
	struct io_buf io;
	struct file *file;
	long result;

	if (!user_range_ok(buf, size))
		return -EFAULT;
	result = socket_get(fd, &file, &socket);
	if (result)
		return result;
	io_buf_user(&io, buf, size);
	message.io = &io;
	if (uaddress) {
		result = address_from_user(&address, uaddress, address_size);
		message.address = &address;
	}
	if (!result)
		result = send_message(file, socket, &message);
	file_put(file);
	return result;
}

long sys_recvfrom(const struct syscall_args *a)
{
	int fd = arg_int(a, 0);
	void __user *buf = arg_ptr(a, 1);
	size_t size = MIN(arg_size(a, 2), (size_t)TRANSFER_MAX);
	void __user *uaddress = arg_ptr(a, 4);
	void __user *usize = arg_ptr(a, 5);
	struct socket_message message = { .flags = arg_uint(a, 3) };
	struct socket_address address;
	struct socket *socket;
	struct io_buf io;
	struct file *file;
	long result;
	int err = 0;

	if (!user_range_ok(buf, size))
		return -EFAULT;
	result = socket_get(fd, &file, &socket);
	if (result)
		return result;
	io_buf_user(&io, buf, size);
	message.io = &io;
	address.size = 0;
	message.address = uaddress ? &address : NULL;
	result = receive_message(file, socket, &message);
	if (result >= 0 && uaddress)
		err = address_to_user(&address, uaddress, usize);
	file_put(file);
	return err ? err : result;
}

/* ---- sendmsg and recvmsg ------------------------------------------------- */

/* A struct msghdr of the program, with its vectors, brought into the kernel. */
struct user_message {
	struct abi_msghdr header;
	struct io_vec *vec; /* few, or allocated */
	struct io_vec few[IOV_ON_STACK];
	struct io_buf io;
};

/* The total may not pass TRANSFER_MAX; the last vectors are cut then. */
static int check_vectors(struct io_vec *vec, unsigned int count)
{
	size_t left = TRANSFER_MAX;
	unsigned int i;

	for (i = 0; i < count; i++) {
		if ((ssize_t)vec[i].size < 0)
			return -EINVAL;
		if (!user_range_ok((const void __user *)vec[i].base,
				   vec[i].size))
			return -EFAULT;
		vec[i].size = MIN(vec[i].size, left);
		left -= vec[i].size;
	}
	return 0;
}

static int import_vectors(struct user_message *message)
{
	const void __user *from = (const void __user *)message->header.iov;
	unsigned int count = (unsigned int)message->header.iov_count;
	int err = -EFAULT;

	if (message->header.iov_count > IOV_MAX)
		return -EMSGSIZE;
	message->vec = message->few;
	if (count > IOV_ON_STACK)
		message->vec = kcalloc(count, sizeof(*message->vec));
	if (!message->vec)
		return -ENOMEM;
	/* struct iovec and struct io_vec are laid out alike. */
	if (!copy_from_user(message->vec, from, count * sizeof(struct io_vec)))
		err = check_vectors(message->vec, count);
	if (err) {
		if (message->vec != message->few)
			kfree(message->vec);
		return err;
	}
	io_buf_vec(&message->io, message->vec, count);
	return 0;
}

static int import_message(struct user_message *message, const void __user *from)
{
	if (copy_from_user(&message->header, from, sizeof(message->header)))
		return -EFAULT;
	return import_vectors(message);
}

static void release_message(struct user_message *message)
{
	if (message->vec != message->few)
		kfree(message->vec);
}

/* The control messages of @header, parsed. */
static int import_control(const struct abi_msghdr *header,
			  struct ancillary *ancillary)
{
	size_t size = header->control_size;
	void *control;
	int err;

	if (size > CONTROL_SEND_MAX)
		return -ENOBUFS;
	control = kmalloc(size);
	if (!control)
		return -ENOMEM;
	err = copy_from_user(control, (const void __user *)header->control,
			     size);
	if (!err)
		err = ancillary_parse(ancillary, control, size);
	kfree(control);
	return err;
}

static ssize_t send_imported(struct file *file, struct socket *socket,
			     struct user_message *imported, unsigned int flags)
{
	const struct abi_msghdr *header = &imported->header;
	struct socket_message message = { .io = &imported->io, .flags = flags };
	struct ancillary ancillary = { 0 };
	struct socket_address address;
	ssize_t done;
	int err = 0;

	if (header->name && header->name_size) {
		message.address = &address;
		err = address_from_user(
			&address, (const void __user *)header->name,
			MIN(header->name_size, (int)sizeof(address.storage)));
	}
	if (!err && header->control && header->control_size) {
		message.ancillary = &ancillary;
		err = import_control(header, &ancillary);
	}
	if (err)
		return err;
	done = send_message(file, socket, &message);
	ancillary_destroy(&ancillary);
	return done;
}

static ssize_t send_one(struct file *file, struct socket *socket,
			const void __user *umessage, unsigned int flags)
{
	struct user_message imported;
	ssize_t done;
	int err = import_message(&imported, umessage);

	if (err)
		return err;
	done = send_imported(file, socket, &imported, flags);
	release_message(&imported);
	return done;
}

/*
 * Control messages for the program at @to, into a buffer of @room bytes.
 * *@used of them are written; MSG_CTRUNC goes to *@out_flags.
 */
static int deliver_control(struct ancillary *ancillary, void __user *to,
			   size_t room, bool close_on_exec, size_t *used,
			   unsigned int *out_flags)
{
	size_t size = MIN(room, (size_t)CONTROL_RECEIVE_MAX);
	char *control;
	int err = 0;

	*used = 0;
	if (!ancillary->files && !ancillary->has_creds)
		return 0;
	control = kzalloc(MAX(size, (size_t)1));
	if (!control) {
		ancillary_destroy(ancillary);
		return -ENOMEM;
	}
	*out_flags |=
		ancillary_deliver(ancillary, control, &size, close_on_exec);
	if (copy_to_user(to, control, size))
		err = -EFAULT;
	kfree(control);
	*used = size;
	return err;
}

static ssize_t receive_imported(struct file *file, struct socket *socket,
				struct user_message *imported,
				void __user *umessage, unsigned int flags)
{
	struct abi_msghdr *header = &imported->header;
	struct abi_msghdr __user *out = umessage;
	struct ancillary ancillary = { 0 };
	struct socket_address address = { 0 };
	struct socket_message message = {
		.io = &imported->io,
		.flags = flags & ~MSG_CMSG_CLOEXEC,
		.address = header->name ? &address : NULL,
		.ancillary = &ancillary,
	};
	size_t room = header->control ? header->control_size : 0;
	size_t used;
	ssize_t done;
	int err;

	done = receive_message(file, socket, &message);
	if (done < 0)
		return done;
	err = deliver_control(&ancillary, (void __user *)header->control, room,
			      flags & MSG_CMSG_CLOEXEC, &used,
			      &message.out_flags);
	if (!err && header->name)
		err = address_to_user(&address, (void __user *)header->name,
				      &out->name_size);
	if (err)
		return err;
	if (put_user_u32(&out->flags,
			 message.out_flags | (flags & MSG_CMSG_CLOEXEC)) ||
	    put_user_u64(&out->control_size, used))
		return -EFAULT;
	return done;
}

static ssize_t receive_one(struct file *file, struct socket *socket,
			   void __user *umessage, unsigned int flags)
{
	struct user_message imported;
	ssize_t done;
	int err = import_message(&imported, umessage);

	if (err)
		return err;
	done = receive_imported(file, socket, &imported, umessage, flags);
	release_message(&imported);
	return done;
}

long sys_sendmsg(const struct syscall_args *a)
{
	int fd = arg_int(a, 0);
	const void __user *message = arg_ptr(a, 1);
	unsigned int flags = arg_uint(a, 2);
	struct socket *socket;
	struct file *file;
	long result;

	result = socket_get(fd, &file, &socket);
	if (result)
		return result;
	result = send_one(file, socket, message, flags);
	file_put(file);
	return result;
}

long sys_recvmsg(const struct syscall_args *a)
{
	int fd = arg_int(a, 0);
	void __user *message = arg_ptr(a, 1);
	unsigned int flags = arg_uint(a, 2);
	struct socket *socket;
	struct file *file;
	long result;

	result = socket_get(fd, &file, &socket);
	if (result)
		return result;
	result = receive_one(file, socket, message, flags);
	file_put(file);
	return result;
}

/* ---- Several messages at once -------------------------------------------- */

long sys_sendmmsg(const struct syscall_args *a)
{
	int fd = arg_int(a, 0);
	struct abi_mmsghdr __user *messages = arg_ptr(a, 1);
	unsigned int i, count = MIN(arg_uint(a, 2), IOV_MAX);
	unsigned int flags = arg_uint(a, 3);
	struct socket *socket;
	struct file *file;
	ssize_t done = 0;
	int err;

	err = socket_get(fd, &file, &socket);
	if (err)
		return err;
	for (i = 0; i < count; i++) {
		done = send_one(file, socket, &messages[i].header, flags);
		if (done >= 0 &&
		    put_user_u32(&messages[i].done, (uint32_t)done))
			done = -EFAULT;
		if (done < 0)
			break;
	}
	file_put(file);
	return i ? (long)i : done;
}

long sys_recvmmsg(const struct syscall_args *a)
{
	int fd = arg_int(a, 0);
	struct abi_mmsghdr __user *messages = arg_ptr(a, 1);
	unsigned int i, count = MIN(arg_uint(a, 2), IOV_MAX);
	unsigned int flags = arg_uint(a, 3);
	void __user *timeout = arg_ptr(a, 4);
	struct socket *socket;
	uint64_t deadline_ns;
	struct file *file;
	ssize_t done = 0;
	int err;

	err = deadline_from_user(timeout, &deadline_ns);
	if (!err)
		err = socket_get(fd, &file, &socket);
	if (err)
		return err;
	for (i = 0; i < count;) {
		done = receive_one(file, socket, &messages[i].header,
				   flags & ~MSG_WAITFORONE);
		if (done >= 0 &&
		    put_user_u32(&messages[i].done, (uint32_t)done))
			done = -EFAULT;
		if (done < 0)
			break;
		i++;
		if (flags & MSG_WAITFORONE)
			flags |= MSG_DONTWAIT;
		/* Only looked at between messages: recvmmsg(2), BUGS. */
		if (clock_now_ns() >= deadline_ns)
			break;
	}
	file_put(file);
	if (i && deadline_to_user(timeout, deadline_ns))
		return -EFAULT;
	return i ? (long)i : done;
}
