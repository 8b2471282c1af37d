/* SPDX-License-Identifier: MIT */
/*
 * socket.c - system calls: sockets, their names, connections and options
 *
 * Addresses, option values, iovecs and control messages are brought into the
 * kernel here and in socket_message.c; net/ sees no user pointer but those
 * inside a struct io_buf.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/abi/socket.h"
#include "kernel/lib/string.h"
#include "kernel/mm/user_copy.h"
#include "kernel/net/socket.h"
#include "kernel/syscall/args.h"
#include "kernel/syscall/socket_args.h"
#include "kernel/syscall/table.h"
#include "kernel/vfs/file.h"

#define OPTION_MAX 256u

/* ---- Descriptors and addresses ------------------------------------------- */

int socket_get(int fd, struct file **file, struct socket **socket)
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

int socket_address_from_user(struct socket_address *address,
			     const void __user *from, int size)
{
	memset(address, 0, sizeof(*address));
	if (size < 0 || (size_t)size > sizeof(address->storage))
		return -EINVAL;
	address->size = (unsigned int)size;
	return copy_from_user(&address->storage, from, (size_t)size);
}

int socket_address_to_user(const struct socket_address *address,
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
	err = socket_address_from_user(&address, uaddress, size);
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
	return socket_address_to_user(&address, uaddress, usize);
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
	err = socket_address_from_user(&address, uaddress, size);
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
		err = socket_address_to_user(&address, uaddress, usize);
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
