/* SPDX-License-Identifier: MIT */
/*
 * socket_message.c - system calls: sending and receiving
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/abi/socket.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/user_copy.h"
#include "kernel/net/ancillary.h"
#include "kernel/net/socket.h"
#include "kernel/proc/process.h"
#include "kernel/syscall/args.h"
#include "kernel/syscall/socket_args.h"
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
		result = socket_address_from_user(&address, uaddress,
						  address_size);
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
		err = socket_address_to_user(&address, uaddress, usize);
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
		err = socket_address_from_user(
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
		err = socket_address_to_user(
			&address, (void __user *)header->name, &out->name_size);
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
