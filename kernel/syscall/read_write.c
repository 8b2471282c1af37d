/* SPDX-License-Identifier: MIT */
/*
 * read_write.c - system calls: bytes of open files
 */
#include "kernel/abi/fcntl.h"
#include "kernel/abi/fs.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/user_copy.h"
#include "kernel/proc/process.h"
#include "kernel/proc/signal.h"
#include "kernel/syscall/size_limit.h"
#include "kernel/syscall/table.h"
#include "kernel/vfs/file.h"
#include "kernel/vfs/pipe.h"
#include "kernel/vfs/transfer.h"

#include <linux/resource.h>
#include <linux/uio.h>

/* The most that one call moves; as Linux: read(2), NOTES. */
#define MAX_BYTES 0x7ffff000ul
/* Vectors up to this long need no memory of their own. */
#define SHORT_VEC 8u

/* ---- read, write ---- */

long signal_if_too_big(long result)
{
	if (unlikely(result == -EFBIG) &&
	    process_limit(current_process(), RLIMIT_FSIZE) != RLIM_INFINITY)
		signal_send_thread(current(), SIGXFSZ, NULL);
	return result;
}

/* What failed writes do to the writer beside the error. */
static ssize_t after_write(ssize_t done)
{
	if (likely(done >= 0))
		return done;
	if (done == -EPIPE)
		signal_send_thread(current(), SIGPIPE, NULL);
	return signal_if_too_big(done);
}

static force_inline ssize_t read_file(struct file *file, void __user *buf,
				      size_t count, loff_t *pos)
{
	struct io_buf io;

	/* file_read() checks the access; here it only decides which error. */
	if (unlikely(!user_range_ok(buf, count)))
		return file_is_readable(file) ? -EFAULT : -EBADF;
	io_buf_user(&io, buf, MIN(count, MAX_BYTES));
	return file_read(file, &io, pos);
}

static force_inline ssize_t write_file(struct file *file, void __user *buf,
				       size_t count, loff_t *pos)
{
	struct io_buf io;

	if (unlikely(!user_range_ok(buf, count)))
		return file_is_writable(file) ? -EFAULT : -EBADF;
	io_buf_user(&io, buf, MIN(count, MAX_BYTES));
	return after_write(file_write(file, &io, pos));
}

long sys_read(const struct syscall_args *a)
{
	struct file *file = fd_get(arg_int(a, 0));
	void __user *buf = arg_ptr(a, 1);
	size_t count = arg_size(a, 2);
	ssize_t done;

	if (unlikely(!file))
		return -EBADF;
	done = read_file(file, buf, count, NULL);
	file_put(file);
	return done;
}

long sys_write(const struct syscall_args *a)
{
	struct file *file = fd_get(arg_int(a, 0));
	void __user *buf = arg_ptr(a, 1);
	size_t count = arg_size(a, 2);
	ssize_t done;

	if (unlikely(!file))
		return -EBADF;
	done = write_file(file, buf, count, NULL);
	file_put(file);
	return done;
}

long sys_pread64(const struct syscall_args *a)
{
	void __user *buf = arg_ptr(a, 1);
	size_t count = arg_size(a, 2);
	loff_t pos = arg_long(a, 3);
	struct file *file;
	ssize_t done;

	if (pos < 0)
		return -EINVAL;
	file = fd_get(arg_int(a, 0));
	if (!file)
		return -EBADF;
	done = file_takes_positions(file) ? read_file(file, buf, count, &pos)
					  : -ESPIPE;
	file_put(file);
	return done;
}

long sys_pwrite64(const struct syscall_args *a)
{
	void __user *buf = arg_ptr(a, 1);
	size_t count = arg_size(a, 2);
	loff_t pos = arg_long(a, 3);
	struct file *file;
	ssize_t done;

	if (pos < 0)
		return -EINVAL;
	file = fd_get(arg_int(a, 0));
	if (!file)
		return -EBADF;
	done = file_takes_positions(file) ? write_file(file, buf, count, &pos)
					  : -ESPIPE;
	file_put(file);
	return done;
}

/* ---- Vectors ---- */

_Static_assert(sizeof(struct io_vec) == sizeof(struct iovec) &&
		       offsetof(struct io_vec, size) ==
			       offsetof(struct iovec, iov_len),
	       "vectors are copied in as they are");

struct vec {
	struct io_vec *vec; /* short_vec or allocated */
	unsigned int count;
	struct io_vec short_vec[SHORT_VEC];
};

/* Every piece in the user half; in all no more than one call may move. */
static int check_vec(struct vec *vec)
{
	size_t left = MAX_BYTES;

	for (unsigned int i = 0; i < vec->count; i++) {
		struct io_vec *piece = &vec->vec[i];

		if ((ssize_t)piece->size < 0)
			return -EINVAL;
		if (!user_range_ok((void __user *)piece->base, piece->size))
			return -EFAULT;
		piece->size = MIN(piece->size, left);
		left -= piece->size;
	}
	return 0;
}

/* Put it in any case. */
static int vec_get(struct vec *vec, const void __user *from,
		   unsigned long count)
{
	vec->vec = vec->short_vec;
	vec->count = 0;
	if (count > UIO_MAXIOV)
		return -EINVAL;
	if (count > SHORT_VEC) {
		vec->vec = kmalloc(count * sizeof(*vec->vec));
		if (!vec->vec)
			return -ENOMEM;
	}
	if (copy_from_user(vec->vec, from, count * sizeof(*vec->vec)))
		return -EFAULT;
	vec->count = (unsigned int)count;
	return check_vec(vec);
}

static void vec_put(struct vec *vec)
{
	if (vec->vec != vec->short_vec)
		kfree(vec->vec);
}

static int check_rw_flags(unsigned int flags)
{
	const unsigned int known =
		RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND;

	return flags & ~known ? -EOPNOTSUPP : 0;
}

/* RWF_APPEND: at the end, whatever the position. */
static ssize_t vec_write(struct file *file, struct io_buf *io, loff_t *pos,
			 unsigned int flags)
{
	loff_t end;

	if (!(flags & RWF_APPEND) || file->ops->stream)
		return file_write(file, io, pos);
	end = (loff_t)inode_size(file->inode);
	return file_write(file, io, &end);
}

static ssize_t move_vec(struct file *file, const struct syscall_args *a,
			loff_t *pos, bool write, unsigned int flags)
{
	struct io_buf io;
	struct vec vec;
	ssize_t done;

	done = vec_get(&vec, arg_ptr(a, 1), arg_u64(a, 2));
	if (!done)
		done = check_rw_flags(flags);
	if (!done) {
		io_buf_vec(&io, vec.vec, vec.count);
		io.nonblock = flags & RWF_NOWAIT;
		done = write ? after_write(vec_write(file, &io, pos, flags))
			     : file_read(file, &io, pos);
	}
	vec_put(&vec);
	return done;
}

static long vec_call(const struct syscall_args *a, bool write)
{
	struct file *file = fd_get(arg_int(a, 0));
	ssize_t done;

	if (!file)
		return -EBADF;
	done = move_vec(file, a, NULL, write, 0);
	file_put(file);
	return done;
}

long sys_readv(const struct syscall_args *a)
{
	return vec_call(a, false);
}

long sys_writev(const struct syscall_args *a)
{
	return vec_call(a, true);
}

static long vec_call_at(const struct syscall_args *a, bool write,
			unsigned int flags)
{
	loff_t pos = arg_long(a, 3);
	struct file *file;
	ssize_t done;

	if (pos < 0)
		return -EINVAL;
	file = fd_get(arg_int(a, 0));
	if (!file)
		return -EBADF;
	done = file_takes_positions(file)
		       ? move_vec(file, a, &pos, write, flags)
		       : -ESPIPE;
	file_put(file);
	return done;
}

long sys_preadv(const struct syscall_args *a)
{
	return vec_call_at(a, false, 0);
}

long sys_pwritev(const struct syscall_args *a)
{
	return vec_call_at(a, true, 0);
}

/* The offset -1 means the file's own position. */
static long vec_call_flags(const struct syscall_args *a, bool write)
{
	unsigned int flags = arg_uint(a, 5);
	struct file *file;
	ssize_t done;

	if (arg_long(a, 3) != -1)
		return vec_call_at(a, write, flags);
	file = fd_get(arg_int(a, 0));
	if (!file)
		return -EBADF;
	done = move_vec(file, a, NULL, write, flags);
	file_put(file);
	return done;
}

long sys_preadv2(const struct syscall_args *a)
{
	return vec_call_flags(a, false);
}

long sys_pwritev2(const struct syscall_args *a)
{
	return vec_call_flags(a, true);
}

long sys_lseek(const struct syscall_args *a)
{
	struct file *file = fd_get(arg_int(a, 0));
	loff_t offset = arg_long(a, 1);
	int whence = arg_int(a, 2);
	loff_t pos;

	if (!file)
		return -EBADF;
	pos = file_seek(file, offset, whence);
	file_put(file);
	return pos;
}

/* ---- Directories ---- */

/* struct linux_dirent64 of getdents(2); aligned to 8 bytes. */
struct dirent {
	uint64_t ino;
	int64_t next;
	uint16_t size; /* of all, a multiple of 8 */
	uint8_t type;
	char name[]; /* with its NUL */
};
#define DIRENT_HEAD offsetof(struct dirent, name)
_Static_assert(DIRENT_HEAD == 19, "getdents(2)");

/* Records are gathered in kernel memory and copied out a buffer at a time. */
struct dirent_writer {
	struct dir_emitter emitter;
	char *buffer; /* of PAGE_SIZE */
	size_t used;
	char __user *to;
	size_t left; /* at @to, less what is in the buffer */
	int err;     /* why it stopped */
};

static int dirents_flush(struct dirent_writer *writer)
{
	if (copy_to_user(writer->to, writer->buffer, writer->used))
		return -EFAULT;
	writer->to += writer->used;
	writer->used = 0;
	return 0;
}

/* A name is short: to call memcpy() would take longer than to copy. */
static force_inline void copy_name(char *to, const char *from, size_t len)
{
	const char *end = from + len;

	for (; end - from >= 4; from += 4, to += 4) {
		char a = from[0], b = from[1], c = from[2], d = from[3];

		to[0] = a, to[1] = b, to[2] = c, to[3] = d;
	}
	for (; from != end; from++, to++) {
		*to = *from;
		compiler_barrier();
	}
}

static bool emit_dirent(struct dir_emitter *emitter, const char *name,
			size_t len, uint64_t ino, unsigned int type,
			loff_t next)
{
	struct dirent_writer *writer =
		container_of(emitter, struct dirent_writer, emitter);
	size_t size = ALIGN_UP(DIRENT_HEAD + len + 1, 8);
	struct dirent *record;

	if (unlikely(len > NAME_MAX))
		writer->err = -EIO;
	else if (size > writer->left)
		writer->err = -EINVAL;
	else if (size > PAGE_SIZE - writer->used)
		writer->err = dirents_flush(writer);
	if (unlikely(writer->err))
		return false;

	record = (struct dirent *)(void *)(writer->buffer + writer->used);
	*((uint64_t *)(void *)record + size / 8 - 1) = 0; /* NUL and padding */
	record->ino = ino;
	record->next = next;
	record->size = (uint16_t)size;
	record->type = (uint8_t)type;
	copy_name(record->name, name, len);
	writer->used += size;
	writer->left -= size;
	return true;
}

/* Bytes written, or an error if not one record was. */
static long read_dirents(struct file *file, struct dirent_writer *writer,
			 size_t count)
{
	long done;

	writer->buffer = kmalloc(PAGE_SIZE);
	if (!writer->buffer)
		return -ENOMEM;
	done = file_readdir(file, &writer->emitter);
	if (writer->used && dirents_flush(writer))
		writer->err = -EFAULT;
	kfree(writer->buffer);
	if (writer->err == -EFAULT)
		return -EFAULT;
	if (writer->left < count)
		return (long)(count - writer->left);
	return done ? done : writer->err;
}

long sys_getdents64(const struct syscall_args *a)
{
	struct file *file = fd_get(arg_int(a, 0));
	size_t count = arg_uint(a, 2);
	struct dirent_writer writer = { .emitter = { emit_dirent },
					.to = arg_ptr(a, 1),
					.left = count };
	long done;

	if (!file)
		return -EBADF;
	done = read_dirents(file, &writer, count);
	file_put(file);
	return done;
}

/* ---- From file to file ---- */

/* Offsets that come from the program and go back to it. */
static int get_offset(loff_t *offset, const void __user *from)
{
	uint64_t value;

	if (get_user_u64(&value, from))
		return -EFAULT;
	*offset = (loff_t)value;
	return *offset < 0 ? -EINVAL : 0;
}

static int put_offset(void __user *to, loff_t offset)
{
	return put_user_u64(to, (uint64_t)offset);
}

/* Two files, each with an offset that may be missing. */
struct two_files {
	struct file *in, *out;
	void __user *in_user, *out_user;
	loff_t in_value, out_value;
};

static int two_files_get(struct two_files *two, int in, int out)
{
	two->in = fd_get(in);
	two->out = fd_get(out);
	if (two->in && two->out)
		return 0;
	return -EBADF;
}

static void two_files_put(struct two_files *two)
{
	if (two->in)
		file_put(two->in);
	if (two->out)
		file_put(two->out);
}

static int offsets_get(struct two_files *two)
{
	int err = 0;

	if (two->in_user)
		err = get_offset(&two->in_value, two->in_user);
	if (!err && two->out_user)
		err = get_offset(&two->out_value, two->out_user);
	return err;
}

static ssize_t offsets_put(struct two_files *two, ssize_t done)
{
	if (two->in_user && put_offset(two->in_user, two->in_value))
		return -EFAULT;
	if (two->out_user && put_offset(two->out_user, two->out_value))
		return -EFAULT;
	return done;
}

static loff_t *in_offset(struct two_files *two)
{
	return two->in_user ? &two->in_value : NULL;
}

static loff_t *out_offset(struct two_files *two)
{
	return two->out_user ? &two->out_value : NULL;
}

static ssize_t do_sendfile(struct two_files *two, size_t count)
{
	ssize_t done;

	if (!file_is_readable(two->in) || !file_is_writable(two->out))
		return -EBADF;
	if (two->in_user && two->in->ops->stream)
		return -ESPIPE;
	if (READ_ONCE(two->out->flags) & O_APPEND || (ssize_t)count < 0)
		return -EINVAL;
	done = offsets_get(two);
	if (done)
		return done;
	done = file_transfer(two->in, in_offset(two), two->out, NULL, count);
	return offsets_put(two, after_write(done));
}

long sys_sendfile(const struct syscall_args *a)
{
	struct two_files two = { .in_user = arg_ptr(a, 2) };
	ssize_t done;

	done = two_files_get(&two, arg_int(a, 1), arg_int(a, 0));
	if (!done)
		done = do_sendfile(&two, arg_size(a, 3));
	two_files_put(&two);
	return done;
}

/* Are there such offsets, and would a copy within one file not read what it
 * writes? */
static int check_ranges(const struct two_files *two, size_t count)
{
	loff_t in = two->in_user ? two->in_value : READ_ONCE(two->in->pos);
	loff_t out = two->out_user ? two->out_value : READ_ONCE(two->out->pos);
	uint64_t distance =
		in < out ? (uint64_t)(out - in) : (uint64_t)(in - out);

	if ((uint64_t)in + count < (uint64_t)in ||
	    (uint64_t)out + count < (uint64_t)out)
		return -EOVERFLOW;
	if (out == INT64_MAX)
		return -EFBIG;
	if (two->in->inode == two->out->inode && distance < count)
		return -EINVAL;
	return two->in->inode->sb == two->out->inode->sb ? 0 : -EXDEV;
}

static ssize_t do_copy_range(struct two_files *two, size_t count)
{
	uint32_t in_mode = two->in->inode->mode;
	uint32_t out_mode = two->out->inode->mode;
	ssize_t done;

	if (S_ISDIR(in_mode) || S_ISDIR(out_mode))
		return -EISDIR;
	if (!S_ISREG(in_mode) || !S_ISREG(out_mode))
		return -EINVAL;
	if (!file_is_readable(two->in) || !file_is_writable(two->out) ||
	    READ_ONCE(two->out->flags) & O_APPEND)
		return -EBADF;
	done = offsets_get(two);
	if (done) /* a negative one, taken for a large one, and the count */
		return done == -EINVAL ? -EOVERFLOW : done;
	done = check_ranges(two, count);
	if (done)
		return done;
	done = file_transfer(two->in, in_offset(two), two->out, out_offset(two),
			     count);
	return offsets_put(two, after_write(done));
}

long sys_copy_file_range(const struct syscall_args *a)
{
	struct two_files two = { .in_user = arg_ptr(a, 1),
				 .out_user = arg_ptr(a, 3) };
	ssize_t done;

	done = two_files_get(&two, arg_int(a, 0), arg_int(a, 2));
	if (!done && arg_uint(a, 5))
		done = -EINVAL;
	if (!done)
		done = do_copy_range(&two, arg_size(a, 4));
	two_files_put(&two);
	return done;
}

/* ---- Pipes ---- */

#ifndef SPLICE_F_NONBLOCK
#define SPLICE_F_NONBLOCK 2u
#endif
#define SPLICE_FLAGS 15u /* MOVE, NONBLOCK, MORE, GIFT */

static ssize_t do_splice(struct two_files *two, size_t count, bool nonblock)
{
	ssize_t done;

	/* Before the offsets are looked at: pipes have none. */
	if ((two->in_user && pipe_of(two->in)) ||
	    (two->out_user && pipe_of(two->out)))
		return -ESPIPE;
	done = offsets_get(two);
	if (done)
		return done;
	done = file_splice(two->in, in_offset(two), two->out, out_offset(two),
			   count, nonblock);
	return offsets_put(two, after_write(done));
}

long sys_splice(const struct syscall_args *a)
{
	struct two_files two = { .in_user = arg_ptr(a, 1),
				 .out_user = arg_ptr(a, 3) };
	size_t count = arg_size(a, 4);
	unsigned int flags = arg_uint(a, 5);
	ssize_t done;

	if (!count)
		return 0;
	if (flags & ~SPLICE_FLAGS)
		return -EINVAL;
	done = two_files_get(&two, arg_int(a, 0), arg_int(a, 2));
	if (!done)
		done = do_splice(&two, count, flags & SPLICE_F_NONBLOCK);
	two_files_put(&two);
	return done;
}

static ssize_t do_tee(const struct two_files *two, size_t count, bool nonblock)
{
	struct pipe *from = pipe_of(two->in), *to = pipe_of(two->out);

	if (!file_is_readable(two->in) || !file_is_writable(two->out))
		return -EBADF;
	if (!from || !to || from == to)
		return -EINVAL;
	return after_write(pipe_tee(from, to, MIN(count, MAX_BYTES), nonblock));
}

long sys_tee(const struct syscall_args *a)
{
	size_t count = arg_size(a, 2);
	unsigned int flags = arg_uint(a, 3);
	struct two_files two = { .in = NULL };
	ssize_t done;

	if (flags & ~SPLICE_FLAGS)
		return -EINVAL;
	if (!count)
		return 0;
	done = two_files_get(&two, arg_int(a, 0), arg_int(a, 1));
	if (!done)
		done = do_tee(&two, count, flags & SPLICE_F_NONBLOCK);
	two_files_put(&two);
	return done;
}

/* Pages are copied, not given: what the program may not rely on anyway. */
long sys_vmsplice(const struct syscall_args *a)
{
	unsigned int flags = arg_uint(a, 3);
	struct file *file;
	ssize_t done;

	if (flags & ~SPLICE_FLAGS)
		return -EINVAL;
	file = fd_get(arg_int(a, 0));
	if (!file)
		return -EBADF;
	if (!pipe_of(file))
		done = -EBADF;
	else
		done = move_vec(file, a, NULL, file_is_writable(file),
				flags & SPLICE_F_NONBLOCK ? RWF_NOWAIT : 0);
	file_put(file);
	return done;
}
