/* SPDX-License-Identifier: MIT */
/*
 * pty.c - pseudo terminals: a program on the other side instead of a UART
 *
 * Idea: what the slave's line discipline wants to send, the master reads; what
 * the master writes arrives at the slave's line discipline as if typed. So a
 * pty is a struct tty whose "below" (struct tty_below) is a file.
 *
 *   program  <->  slave: struct tty + n_tty  <->  master: this file  <->  xterm
 *
 * Life: opening /dev/ptmx makes the pair, its node in devpts and the master;
 * closing the master removes the node and hangs the slave up; the last user of
 * the slave's struct tty frees the pair and its number.
 *
 * Locks: pairs_lock for the table of numbers; everything else is under the
 * slave's lock. Source: pty(7), tty_ioctl(4) "Pseudoterminal ioctls".
 */
#include "kernel/tty/pty.h"

#include "kernel/abi/fcntl.h"
#include "kernel/debug/log.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/user_copy.h"
#include "kernel/proc/pid.h"
#include "kernel/proc/signal.h"
#include "kernel/vfs/device.h"
#include "kernel/vfs/file.h"
#include "kernel/vfs/poll.h"

#include <linux/major.h>

#define CHUNK_SIZE 256

static struct spinlock pairs_lock = SPINLOCK_INIT(LOCK_SPIN_MISC);
static struct pty *pairs[MAX_PTYS]; /* under pairs_lock */

static const struct tty_below pty_below;

/* ---- Numbers ---- */

struct pty *pty_find(unsigned int index)
{
	struct pty *pty = NULL;

	if (index >= MAX_PTYS)
		return NULL;
	spin_lock(&pairs_lock);
	if (pairs[index] &&
	    refcount_get_unless_zero(&pairs[index]->slave->refs))
		pty = pairs[index];
	spin_unlock(&pairs_lock);
	return pty;
}

int pty_next(unsigned int index)
{
	int found = -1;

	spin_lock(&pairs_lock);
	for (; index < MAX_PTYS && found < 0; index++) {
		if (pairs[index])
			found = (int)index;
	}
	spin_unlock(&pairs_lock);
	return found;
}

/* The lowest free number becomes that of @pty. From then on others find it, so
 * everything else must be ready. 0, -ENOSPC. */
static int take_number(struct pty *pty)
{
	int err = -ENOSPC;

	spin_lock(&pairs_lock);
	for (unsigned int i = 0; i < MAX_PTYS && err; i++) {
		if (pairs[i])
			continue;
		pty->index = i;
		pty->slave->rdev = device_number(UNIX98_PTY_SLAVE_MAJOR, i);
		pairs[i] = pty;
		err = 0;
	}
	spin_unlock(&pairs_lock);
	return err;
}

static void give_number_back(struct pty *pty)
{
	spin_lock(&pairs_lock);
	pairs[pty->index] = NULL;
	spin_unlock(&pairs_lock);
}

/* ---- Making a pair ---- */

static struct tty *make_slave(struct pty *pty)
{
	struct tty *slave = tty_create(&pty_below, pty, 0);

	if (!slave)
		return NULL;
	slave->line.termios.c_cflag = B38400 | CS8 | CREAD;
	slave->initial = slave->line.termios;
	return slave;
}

static int pty_create(struct pty **out)
{
	struct pty *pty = kzalloc(sizeof(*pty));
	int err;

	if (!pty)
		return -ENOMEM;
	pty->locked = true;
	wait_queue_init(&pty->master_readers);
	wait_queue_init(&pty->master_writers);
	pty->slave = make_slave(pty);
	err = -ENOMEM;
	if (!pty->slave)
		goto free_pty;
	err = take_number(pty);
	if (err)
		goto free_slave;
	*out = pty;
	return 0;

free_slave:
	kfree(pty->slave);
free_pty:
	kfree(pty);
	return err;
}

/* ---- Below the slave ---- */

/* What the slave sends waits in its line until the master reads it. */
static void slave_sends(struct tty *slave)
{
	struct pty *pty = slave->below_data;

	if (!slave->line.stopped)
		wake_all_events(&pty->master_readers, EPOLLIN | EPOLLRDNORM);
}

static void slave_took_input(struct tty *slave)
{
	struct pty *pty = slave->below_data;

	wake_all_events(&pty->master_writers, EPOLLOUT | EPOLLWRNORM);
}

/* Packet mode: remember what the master is to be told. */
static void slave_events(struct tty *slave, unsigned int events)
{
	struct pty *pty = slave->below_data;
	unsigned int told = pty->happened;

	if (events & N_TTY_FLUSH_INPUT)
		wake_all_events(&pty->master_writers, EPOLLOUT | EPOLLWRNORM);
	if (!pty->packet_mode)
		return;
	if (events & N_TTY_FLUSH_INPUT)
		told |= TIOCPKT_FLUSHREAD;
	if (events & N_TTY_FLUSH_OUTPUT)
		told |= TIOCPKT_FLUSHWRITE;
	if (events & N_TTY_STOPPED)
		told = (told & ~(unsigned int)TIOCPKT_START) | TIOCPKT_STOP;
	if (events & N_TTY_STARTED)
		told = (told & ~(unsigned int)TIOCPKT_STOP) | TIOCPKT_START;
	if (events & N_TTY_FLOW_USUAL)
		told = (told & ~(unsigned int)TIOCPKT_NOSTOP) | TIOCPKT_DOSTOP;
	if (events & N_TTY_FLOW_OTHER)
		told = (told & ~(unsigned int)TIOCPKT_DOSTOP) | TIOCPKT_NOSTOP;
	if (told == pty->happened)
		return;
	pty->happened = (unsigned char)told;
	wake_all_events(&pty->master_readers, EPOLLPRI | EPOLLIN);
}

static void slave_closed(struct tty *slave, unsigned int left)
{
	struct pty *pty = slave->below_data;

	if (left)
		return;
	wake_all_events(&pty->master_readers, EPOLLIN | EPOLLHUP);
	wake_all_events(&pty->master_writers, EPOLLOUT | EPOLLHUP);
}

static void slave_destroy(struct tty *slave)
{
	struct pty *pty = slave->below_data;

	give_number_back(pty);
	kfree(pty);
}

static const struct tty_below pty_below = {
	.send = slave_sends,
	.input_taken = slave_took_input,
	.events = slave_events,
	.closed = slave_closed,
	.destroy = slave_destroy,
	.is_pty = true,
};

/* ---- The master: open and close ---- */

static int master_open(struct inode *inode, struct file *file)
{
	struct pty *pty;
	int err;

	err = pty_create(&pty);
	if (err)
		return err;
	err = devpts_add(pty);
	if (err) {
		tty_put(pty->slave);
		return err;
	}
	file->data = pty;
	return 0;
}

static void master_release(struct file *file)
{
	struct pty *pty = file->data;
	struct tty *slave = pty->slave;

	tty_lock(slave);
	slave->other_closed = true;
	tty_unlock(slave);
	devpts_remove(pty);
	tty_hang_up(slave, false);
	tty_put(slave);
}

/* All slaves are closed again: slave->lock is held. */
static bool is_slave_gone(const struct pty *pty)
{
	return pty->slave_was_open && !pty->slave->num_open;
}

/* ---- The master: reading what the slave's programs write ---- */

static bool has_packet(const struct pty *pty)
{
	return pty->packet_mode && pty->happened;
}

static bool master_readable(struct pty *pty)
{
	struct tty *slave = pty->slave;
	const char *bytes;
	bool ready;

	spin_lock(&slave->lock);
	ready = n_tty_output_peek(&slave->line, &bytes) || has_packet(pty) ||
		is_slave_gone(pty);
	spin_unlock(&slave->lock);
	return ready;
}

/*
 * What there is, into @chunk; in packet mode a byte that says what it is comes
 * first. Bytes, 0: nothing now, -EIO: nothing will come.
 */
static ssize_t take_output(struct pty *pty, char *chunk, size_t size,
			   bool packet_head)
{
	struct n_tty *line = &pty->slave->line;
	const char *bytes;
	ssize_t done = 0;
	size_t piece;

	tty_lock(pty->slave);
	if (packet_head && pty->packet_mode) {
		chunk[done++] = (char)pty->happened;
		if (pty->happened) {
			pty->happened = 0;
			goto unlock;
		}
	}
	while ((size_t)done < size &&
	       (piece = n_tty_output_peek(line, &bytes)) != 0) {
		piece = MIN(piece, size - (size_t)done);
		memcpy(chunk + done, bytes, piece);
		n_tty_output_advance(line, piece);
		done += (ssize_t)piece;
	}
	if (packet_head && pty->packet_mode && done == 1)
		done = 0; /* a head without anything behind it */
	if (!done && is_slave_gone(pty))
		done = -EIO;
unlock:
	tty_unlock(pty->slave);
	return done;
}

static ssize_t master_read(struct file *file, struct io_buf *io, loff_t *pos)
{
	struct pty *pty = file->data;
	char chunk[CHUNK_SIZE];
	ssize_t done = 0;
	int err;

	while (io->left) {
		size_t size = MIN(io->left, sizeof(chunk));
		ssize_t taken = take_output(pty, chunk, size, done == 0);
		size_t copied;

		if (taken <= 0 && done)
			return done;
		if (taken < 0)
			return taken;
		if (taken) {
			copied = io_copy_to(io, chunk, (size_t)taken);
			if (copied < (size_t)taken)
				return done ? done : -EFAULT;
			done += taken;
			if ((size_t)taken < size)
				return done;
			continue;
		}
		if (io->nonblock)
			return -EAGAIN;
		err = WAIT_EVENT_INTERRUPTIBLE(&pty->master_readers,
					       master_readable(pty));
		if (err)
			return err;
	}
	return done;
}

/* ---- The master: writing what the slave's programs read ---- */

static bool slave_has_room(struct pty *pty)
{
	bool room;

	spin_lock(&pty->slave->lock);
	room = n_tty_receive_room(&pty->slave->line) != 0;
	spin_unlock(&pty->slave->lock);
	return room;
}

static size_t give_input(struct pty *pty, const char *bytes, size_t size)
{
	size_t room;

	tty_lock(pty->slave);
	room = n_tty_receive_room(&pty->slave->line);
	size = MIN(size, room);
	n_tty_receive(&pty->slave->line, bytes, size);
	tty_unlock(pty->slave);
	return size;
}

static ssize_t master_write(struct file *file, struct io_buf *io, loff_t *pos)
{
	struct pty *pty = file->data;
	char chunk[CHUNK_SIZE];
	ssize_t done = 0;

	while (io->left) {
		size_t wanted = MIN(io->left, sizeof(chunk));
		size_t size = io_copy_from(io, chunk, wanted);
		size_t given;
		int err;

		if (!size)
			return done ? done : -EFAULT;
		given = give_input(pty, chunk, size);
		io_revert(io, size - given);
		done += (ssize_t)given;
		if (given == size)
			continue;
		err = io->nonblock
			      ? -EAGAIN
			      : WAIT_EVENT_INTERRUPTIBLE(&pty->master_writers,
							 slave_has_room(pty));
		if (err)
			return done ? done : err;
	}
	return done;
}

static unsigned int master_poll(struct file *file, struct poll_table *table)
{
	struct pty *pty = file->data;
	struct tty *slave = pty->slave;
	unsigned int events = 0;
	const char *bytes;

	poll_wait(table, &pty->master_readers);
	poll_wait(table, &pty->master_writers);
	spin_lock(&slave->lock);
	if (n_tty_output_peek(&slave->line, &bytes))
		events |= EPOLLIN | EPOLLRDNORM;
	if (has_packet(pty))
		events |= EPOLLPRI | EPOLLIN | EPOLLRDNORM;
	if (is_slave_gone(pty))
		events |= EPOLLHUP;
	if (n_tty_receive_room(&slave->line))
		events |= EPOLLOUT | EPOLLWRNORM;
	spin_unlock(&slave->lock);
	return events;
}

/* ---- The master: ioctl ---- */

static long set_lock(struct pty *pty, unsigned long arg)
{
	uint32_t on;

	if (get_user_u32(&on, (void __user *)arg))
		return -EFAULT;
	spin_lock(&pty->slave->lock);
	pty->locked = on;
	spin_unlock(&pty->slave->lock);
	return 0;
}

static long set_packet_mode(struct pty *pty, unsigned long arg)
{
	uint32_t on;

	if (get_user_u32(&on, (void __user *)arg))
		return -EFAULT;
	spin_lock(&pty->slave->lock);
	if (on && !pty->packet_mode)
		pty->happened = 0;
	pty->packet_mode = on;
	spin_unlock(&pty->slave->lock);
	return 0;
}

static long send_signal(struct pty *pty, unsigned long signo)
{
	struct pid *group;

	if (signo < 1 || signo > NUM_SIGNALS)
		return -EINVAL;
	spin_lock(&pty->slave->lock);
	group = pty->slave->foreground;
	if (group)
		pid_get(group);
	spin_unlock(&pty->slave->lock);
	if (group) {
		signal_send_group(group, (int)signo, NULL);
		pid_put(group);
	}
	return 0;
}

/* TIOCGPTPEER: open the slave by its number; returns a descriptor. */
static long open_peer(struct pty *pty, unsigned long flags)
{
	struct path path;
	struct file *file;
	char name[32];
	int err;

	format_string(name, sizeof(name), "/dev/pts/%u", pty->index);
	err = path_lookup(NULL, name, LOOKUP_FOLLOW, &path, NULL);
	if (err)
		return err;
	if (path.dentry->inode->rdev == pty->slave->rdev)
		err = file_open_path(&path, (unsigned int)flags, &file);
	else
		err = -EIO;
	path_put(&path);
	if (err)
		return err;
	err = fd_install(file, 0, flags & O_CLOEXEC);
	if (err < 0)
		file_put(file);
	return err;
}

/* TCFLSH, seen from this side: what we could read is the slave's output. */
static long flush(struct pty *pty, unsigned long which)
{
	if (which > TCIOFLUSH)
		return -EINVAL;
	tty_lock(pty->slave);
	if (which != TCOFLUSH)
		n_tty_flush_output(&pty->slave->line);
	if (which != TCIFLUSH)
		n_tty_flush_input(&pty->slave->line);
	tty_unlock(pty->slave);
	return 0;
}

static long count_readable(struct pty *pty, unsigned long arg)
{
	size_t count;

	spin_lock(&pty->slave->lock);
	count = n_tty_output_count(&pty->slave->line);
	spin_unlock(&pty->slave->lock);
	return put_user_u32((void __user *)arg, (uint32_t)count);
}

static long master_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct pty *pty = file->data;
	void __user *out = (void __user *)arg;

	switch (cmd) {
	case TIOCGPTN:
		return put_user_u32(out, pty->index);
	case TIOCSPTLCK:
		return set_lock(pty, arg);
	case TIOCGPTLCK:
		return put_user_u32(out, READ_ONCE(pty->locked));
	case TIOCGPTPEER:
		return open_peer(pty, arg);
	case TIOCPKT:
		return set_packet_mode(pty, arg);
	case TIOCGPKT:
		return put_user_u32(out, READ_ONCE(pty->packet_mode));
	case TIOCSIG:
		return send_signal(pty, arg);
	case TIOCINQ:
		return count_readable(pty, arg);
	case TIOCOUTQ:
		return put_user_u32(out, 0);
	case TCFLSH:
		return flush(pty, arg);
	case TCXONC:
	case TCSBRK:
	case TCSBRKP:
		return 0;
	default:
		return tty_ioctl_common(pty->slave, true, cmd, arg);
	}
}

static const struct file_ops master_file_ops = {
	.open = master_open,
	.release = master_release,
	.read = master_read,
	.write = master_write,
	.poll = master_poll,
	.ioctl = master_ioctl,
	.stream = true,
};

/* ---- The slave: only opening it is special ---- */

static int slave_open(struct inode *inode, struct file *file)
{
	struct pty *pty = pty_find(device_minor(inode->rdev));
	bool locked;
	int err;

	if (!pty)
		return -EIO;
	spin_lock(&pty->slave->lock);
	locked = pty->locked;
	spin_unlock(&pty->slave->lock);
	err = locked ? -EIO : tty_attach_file(pty->slave, file, false);
	if (!err) {
		spin_lock(&pty->slave->lock);
		pty->slave_was_open = true;
		spin_unlock(&pty->slave->lock);
	}
	tty_put(pty->slave);
	return err;
}

static const struct file_ops slave_file_ops = {
	.open = slave_open,
	.release = tty_release,
	.read = tty_read,
	.write = tty_write,
	.poll = tty_poll,
	.ioctl = tty_ioctl,
	.stream = true,
};

void pty_init(void)
{
	uint64_t ptmx = device_number(TTYAUX_MAJOR, 2);
	uint64_t first = device_number(UNIX98_PTY_SLAVE_MAJOR, 0);

	if (device_register(S_IFCHR, ptmx, 1, &master_file_ops) ||
	    device_register(S_IFCHR, first, MAX_PTYS, &slave_file_ops) ||
	    devpts_init())
		log_error("tty: no pseudo terminals");
}
