/* SPDX-License-Identifier: MIT */
/*
 * tty.c - open terminals: reading, writing, polling, hanging up
 *
 * Idea: everything that is typed or written goes through the line discipline
 * under one spinlock; programs sleep outside it. A hang-up does not touch open
 * files: it counts up tty->hangups, and a file opened before sees that it was
 * cut off.
 *
 * A reader's way: read_lock > take bytes under tty->lock into a small buffer >
 * copy them to the program without the lock > sleep on readers if there were
 * none. A writer's way is the mirror image.
 */
#include "kernel/tty/internal.h"

#include "kernel/abi/fcntl.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/process.h"
#include "kernel/time/clock.h"
#include "kernel/vfs/cred.h"
#include "kernel/vfs/file.h"
#include "kernel/vfs/poll.h"

#include <linux/capability.h>

/* Bytes moved at once between the line and the program. */
#define CHUNK_SIZE 256

/* Wake writers when so much room is free again, not at each byte. */
#define WRITER_ROOM (N_TTY_SIZE / 2)

struct tty *tty_create(const struct tty_below *below, void *below_data,
		       uint64_t rdev)
{
	struct tty *tty = kzalloc(sizeof(*tty));

	if (!tty)
		return NULL;
	refcount_init(&tty->refs, 1);
	tty->below = below;
	tty->below_data = below_data;
	tty->rdev = rdev;
	mutex_init(&tty->read_lock, LOCK_TTY);
	mutex_init(&tty->write_lock, LOCK_TTY);
	spin_init(&tty->lock, LOCK_SPIN_MISC);
	n_tty_init(&tty->line);
	tty->initial = tty->line.termios;
	wait_queue_init(&tty->readers);
	wait_queue_init(&tty->writers);
	return tty;
}

void tty_get(struct tty *tty)
{
	refcount_get(&tty->refs);
}

void tty_put(struct tty *tty)
{
	if (!refcount_put(&tty->refs))
		return;
	if (tty->below->destroy)
		tty->below->destroy(tty);
	kfree(tty);
}

/* Bytes that may be written now. A serial port's output waits while it is
 * stopped (^S); into a stopped pty nothing goes at all, as on Linux. */
static size_t write_room(const struct tty *tty)
{
	if (tty->below->is_pty && tty->line.stopped)
		return 0;
	return n_tty_write_room(&tty->line);
}

/* What the line wants to have done. */

static void send_signals(struct pid *group, unsigned int events)
{
	if (events & N_TTY_INTERRUPT)
		signal_send_group(group, SIGINT, NULL);
	if (events & N_TTY_QUIT)
		signal_send_group(group, SIGQUIT, NULL);
	if (events & N_TTY_SUSPEND)
		signal_send_group(group, SIGTSTP, NULL);
	pid_put(group);
}

/* May a waiting writer go on? Clears the wish to be told. */
static bool take_writer_wake_up(struct tty *tty)
{
	if (!tty->writer_waits)
		return false;
	if (write_room(tty) < WRITER_ROOM && n_tty_output_count(&tty->line))
		return false;
	tty->writer_waits = false;
	return true;
}

void tty_unlock(struct tty *tty)
{
	struct n_tty *line = &tty->line;
	struct pid *group = NULL;
	unsigned int events;
	bool wake_writers;

	if (n_tty_output_count(line))
		tty->below->send(tty);
	events = line->events;
	line->events = 0;
	if (events && tty->below->events)
		tty->below->events(tty, events);
	wake_writers = take_writer_wake_up(tty);
	if ((events & N_TTY_SIGNALS) && tty->foreground) {
		group = tty->foreground;
		pid_get(group);
	}
	spin_unlock(&tty->lock);

	if (group)
		send_signals(group, events);
	if (events & N_TTY_READABLE)
		wake_all_events(&tty->readers, EPOLLIN | EPOLLRDNORM);
	if (wake_writers)
		wake_all_events(&tty->writers, EPOLLOUT | EPOLLWRNORM);
}

/* Opening and closing. */

int tty_attach_file(struct tty *tty, struct file *file, bool is_console)
{
	struct tty_open *open = kmalloc(sizeof(*open));
	int err = 0;

	if (!open)
		return -ENOMEM;
	spin_lock(&tty->lock);
	if (tty->exclusive && !capable(CAP_SYS_ADMIN))
		err = -EBUSY;
	else if (tty->other_closed)
		err = -EIO;
	else
		tty->num_open++;
	open->hangups = tty->hangups;
	spin_unlock(&tty->lock);
	if (err) {
		kfree(open);
		return err;
	}

	tty_get(tty);
	open->tty = tty;
	open->is_console = is_console;
	file->data = open;
	if (!is_console && !(file->flags & O_NOCTTY) &&
	    (file->flags & O_ACCMODE) != O_WRONLY)
		tty_acquire(tty);
	return 0;
}

void tty_release(struct file *file)
{
	struct tty_open *open = file->data;
	struct tty *tty = open->tty;

	spin_lock(&tty->lock);
	tty->num_open--;
	if (!tty->num_open)
		tty->exclusive = false;
	if (tty->below->closed)
		tty->below->closed(tty, tty->num_open);
	spin_unlock(&tty->lock);
	kfree(open);
	tty_put(tty);
}

/* Hanging up. */

bool tty_is_hung_up(const struct tty_open *open)
{
	return !open->is_console &&
	       READ_ONCE(open->tty->hangups) != open->hangups;
}

void tty_hang_up(struct tty *tty, bool session_ends)
{
	tty_signal_hang_up(tty, session_ends);
	tty_leave_session(tty);
	tty_lock(tty);
	WRITE_ONCE(tty->hangups, tty->hangups + 1);
	n_tty_flush_input(&tty->line);
	n_tty_flush_output(&tty->line);
	n_tty_start(&tty->line, N_TTY_BY_KEY | N_TTY_BY_CALL);
	n_tty_set_termios(&tty->line, &tty->initial);
	tty_unlock(tty);
	wake_all_events(&tty->readers, EPOLLIN | EPOLLHUP);
	wake_all_events(&tty->writers, EPOLLOUT | EPOLLHUP);
}

/* Reading. */

/* How long a read waits: VMIN and VTIME of termios(3). */
struct patience {
	size_t minimum;       /* bytes after which to return */
	uint64_t deadline_ns; /* of the next byte; 0: do not wait */
	uint64_t between_ns;  /* between two bytes; 0: no limit */
};

static struct patience read_patience(struct tty *tty)
{
	struct patience patience = { .minimum = 1,
				     .deadline_ns = WAIT_FOREVER };
	uint64_t vtime_ns;
	size_t vmin;

	tty_lock(tty);
	vmin = tty->line.termios.c_cc[VMIN];
	vtime_ns = tty->line.termios.c_cc[VTIME] * (NSEC_PER_SEC / 10);
	if (n_tty_is_canonical(&tty->line)) {
		vmin = 1;
		vtime_ns = 0;
	}
	tty_unlock(tty);

	if (vmin) {
		patience.minimum = vmin;
		patience.between_ns = vtime_ns;
	} else {
		patience.deadline_ns = vtime_ns ? clock_now_ns() + vtime_ns : 0;
	}
	return patience;
}

static size_t take_chunk(struct tty *tty, char *chunk, size_t size,
			 bool *line_done)
{
	size_t taken;

	tty_lock(tty);
	taken = n_tty_read(&tty->line, chunk, size, line_done);
	if ((taken || *line_done) && tty->below->input_taken)
		tty->below->input_taken(tty);
	tty_unlock(tty);
	return taken;
}

/*
 * What is there now, to the end of a line at most. Bytes, or -EFAULT;
 * *@line_done: a line (or the end of file) was taken, so the read is over.
 */
static ssize_t read_present(struct tty *tty, struct io_buf *io, bool *line_done)
{
	char chunk[CHUNK_SIZE];
	ssize_t done = 0;

	*line_done = false;
	while (io->left && !*line_done) {
		size_t size = MIN(io->left, sizeof(chunk));
		size_t taken = take_chunk(tty, chunk, size, line_done);
		size_t copied = io_copy_to(io, chunk, taken);

		done += (ssize_t)copied;
		if (copied < taken)
			return done ? done : -EFAULT;
		if (taken < size)
			break;
	}
	return done;
}

static bool input_or_hang_up(struct tty *tty, const struct tty_open *open)
{
	bool ready;

	spin_lock(&tty->lock);
	ready = n_tty_readable(&tty->line, 1) || tty->other_closed;
	spin_unlock(&tty->lock);
	return ready || tty_is_hung_up(open);
}

/* 0: look again; 1: the read is over; or an error. */
static int wait_for_input(struct tty *tty, const struct tty_open *open,
			  bool nonblock, uint64_t deadline_ns)
{
	int err;

	if (READ_ONCE(tty->other_closed))
		return -EIO;
	if (tty_is_hung_up(open) || !deadline_ns)
		return 1;
	if (nonblock)
		return -EAGAIN;
	err = WAIT_EVENT_DEADLINE(&tty->readers, input_or_hang_up(tty, open),
				  WAIT_INTERRUPTIBLE, deadline_ns);
	return err == -ETIMEDOUT ? 1 : err;
}

static ssize_t read_line(struct tty *tty, const struct tty_open *open,
			 struct io_buf *io)
{
	struct patience patience = read_patience(tty);
	size_t done = 0;

	for (;;) {
		bool line_done;
		ssize_t got = read_present(tty, io, &line_done);
		int over;

		if (got < 0)
			return done ? (ssize_t)done : got;
		done += (size_t)got;
		if (line_done || !io->left || done >= patience.minimum)
			return (ssize_t)done;
		if (got && patience.between_ns)
			patience.deadline_ns =
				clock_now_ns() + patience.between_ns;

		over = wait_for_input(tty, open, io->nonblock,
				      patience.deadline_ns);
		if (over)
			return done || over > 0 ? (ssize_t)done : over;
	}
}

/* The lock that lets one reader (writer) in at a time. 0: it is held; Clang
 * cannot follow that, so the two callers are not checked. */
static int lock_side(struct mutex *lock, bool nonblock)
{
	if (!nonblock)
		return mutex_lock_interruptible(lock);
	return mutex_trylock(lock) ? 0 : -EAGAIN;
}

ssize_t tty_read(struct file *file, struct io_buf *io,
		 loff_t *pos) UNCHECKED_LOCKING
{
	struct tty_open *open = file->data;
	struct tty *tty = open->tty;
	ssize_t result;

	if (tty_is_hung_up(open) || !io->left)
		return 0;
	result = tty_check_foreground(tty, SIGTTIN);
	if (!result)
		result = lock_side(&tty->read_lock, io->nonblock);
	if (result)
		return result;
	result = read_line(tty, open, io);
	mutex_unlock(&tty->read_lock);
	return result;
}

/* Writing. */

static size_t put_chunk(struct tty *tty, const char *chunk, size_t size)
{
	size_t taken;

	tty_lock(tty);
	taken = write_room(tty) ? n_tty_write(&tty->line, chunk, size) : 0;
	tty_unlock(tty);
	return taken;
}

static bool room_or_hang_up(struct tty *tty, const struct tty_open *open)
{
	bool ready;

	spin_lock(&tty->lock);
	ready = write_room(tty) > 8 || tty->other_closed;
	if (!ready)
		tty->writer_waits = true;
	spin_unlock(&tty->lock);
	return ready || tty_is_hung_up(open);
}

static int check_writable(struct tty *tty, const struct tty_open *open)
{
	if (tty_is_hung_up(open) || READ_ONCE(tty->other_closed))
		return -EIO;
	return 0;
}

/* All of the chunk, sleeping for room. Bytes taken, or an error if none. */
static ssize_t write_chunk(struct tty *tty, const struct tty_open *open,
			   const char *chunk, size_t size, bool nonblock)
{
	size_t done = 0;

	for (;;) {
		int err = check_writable(tty, open);

		if (!err)
			done += put_chunk(tty, chunk + done, size - done);
		if (done == size)
			return (ssize_t)done;
		if (!err)
			err = nonblock ? -EAGAIN
				       : WAIT_EVENT_INTERRUPTIBLE(
						 &tty->writers,
						 room_or_hang_up(tty, open));
		if (err)
			return done ? (ssize_t)done : err;
	}
}

static ssize_t write_all(struct tty *tty, const struct tty_open *open,
			 struct io_buf *io)
{
	char chunk[CHUNK_SIZE];
	ssize_t done = 0;

	do {
		size_t wanted = MIN(io->left, sizeof(chunk));
		size_t size = io_copy_from(io, chunk, wanted);
		ssize_t taken;

		if (size < wanted && !size)
			return done ? done : -EFAULT;
		taken = write_chunk(tty, open, chunk, size, io->nonblock);
		if (taken < 0) {
			io_revert(io, size);
			return done ? done : taken;
		}
		done += taken;
		if ((size_t)taken < size) {
			io_revert(io, size - (size_t)taken);
			break;
		}
	} while (io->left);
	return done;
}

/* TOSTOP: output from the background stops, too. */
static int check_may_write(struct tty *tty)
{
	if (!(READ_ONCE(tty->line.termios.c_lflag) & TOSTOP))
		return 0;
	return tty_check_foreground(tty, SIGTTOU);
}

ssize_t tty_write(struct file *file, struct io_buf *io,
		  loff_t *pos) UNCHECKED_LOCKING
{
	struct tty_open *open = file->data;
	struct tty *tty = open->tty;
	ssize_t result;

	result = check_writable(tty, open);
	if (!result)
		result = check_may_write(tty);
	if (!result)
		result = lock_side(&tty->write_lock, io->nonblock);
	if (result)
		return result;
	result = write_all(tty, open, io);
	mutex_unlock(&tty->write_lock);
	return result;
}

static bool is_sent(struct tty *tty, unsigned int hangups)
{
	bool sent;

	spin_lock(&tty->lock);
	sent = !n_tty_output_count(&tty->line) || tty->hangups != hangups;
	if (!sent)
		tty->writer_waits = true;
	spin_unlock(&tty->lock);
	return sent;
}

int tty_drain(struct tty *tty)
{
	unsigned int hangups = READ_ONCE(tty->hangups);
	int err;

	if (tty->below->is_pty)
		return 0;
	err = WAIT_EVENT_INTERRUPTIBLE(&tty->writers, is_sent(tty, hangups));
	if (err)
		return err;
	return READ_ONCE(tty->hangups) == hangups ? 0 : -EIO;
}

/* Polling. */

/* Bytes after which poll() says "readable": VMIN, unless VTIME is set. */
static size_t poll_minimum(const struct n_tty *line)
{
	size_t vmin = line->termios.c_cc[VMIN];

	return vmin && !line->termios.c_cc[VTIME] ? vmin : 1;
}

unsigned int tty_poll(struct file *file, struct poll_table *table)
{
	struct tty_open *open = file->data;
	struct tty *tty = open->tty;
	unsigned int events = 0;

	poll_wait(table, &tty->readers);
	poll_wait(table, &tty->writers);
	if (tty_is_hung_up(open))
		return EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLRDNORM |
		       EPOLLWRNORM;
	spin_lock(&tty->lock);
	if (n_tty_readable(&tty->line, poll_minimum(&tty->line)))
		events |= EPOLLIN | EPOLLRDNORM;
	if (tty->other_closed)
		events |= EPOLLHUP;
	if (write_room(tty) >= WRITER_ROOM)
		events |= EPOLLOUT | EPOLLWRNORM;
	else
		tty->writer_waits = true;
	spin_unlock(&tty->lock);
	return events;
}

void tty_init(void)
{
	job_control_init();
	serial_tty_init();
	pty_init();
}
