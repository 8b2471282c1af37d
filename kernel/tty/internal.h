/* SPDX-License-Identifier: MIT */
/*
 * internal.h - what a terminal is, for the files of tty/ only
 *
 * Idea: struct tty is the line discipline with its lock, its waiters and its
 * session; below it is something that moves bytes (struct tty_below: a serial
 * port, or the master side of a pty), above it are open files (struct
 * tty_open).
 *
 * Every change of the line is made between tty_lock() and tty_unlock(), from
 * programs and from interrupts alike. tty_unlock() then does what the line
 * asked for: hands output down, sends signals, wakes readers and writers.
 */
#pragma once

#include "kernel/abi/errno.h"
#include "kernel/lib/refcount.h"
#include "kernel/sync/mutex.h"
#include "kernel/tty/n_tty.h"
#include "kernel/tty/tty.h"

struct file;
struct inode;
struct io_buf;
struct poll_table;
struct tty;

/* Called with tty->lock held, interrupts off. */
struct tty_below {
	/* Send what n_tty_output_peek() offers, as far as possible. */
	void (*send)(struct tty *tty);
	/* Bytes were read, so there is room for new ones. May be NULL. */
	void (*input_taken)(struct tty *tty);
	/* The line's N_TTY_* @events happened (packet mode). May be NULL. */
	void (*events)(struct tty *tty, unsigned int events);
	/* An open file of the terminal is closed, @left remain. May be NULL. */
	void (*closed)(struct tty *tty, unsigned int left);
	/* No lock held; the last reference is gone. May be NULL. */
	void (*destroy)(struct tty *tty);
	/* A pseudo terminal: its session is not hung up with its leader. */
	bool is_pty;
};

struct tty {
	struct refcount refs;

	/* Fixed. */
	const struct tty_below *below;
	void *below_data;
	uint64_t rdev;

	/* Who reads or writes, one at a time; rank LOCK_TTY, never both. */
	struct mutex read_lock;
	struct mutex write_lock;

	/* The controlling terminal of; the process tree's lock. Borrowed: the session
	 * cannot go before its leader, and that hangs us up when it exits. */
	struct session *session;

	struct spinlock lock; /* rank LOCK_SPIN_MISC; also in interrupts */
	/* Under lock. */
	struct n_tty line;
	struct termios2 initial; /* after a hang-up */
	struct termios2 locked;  /* TIOCSLCKTRMIOS: bits to keep */
	struct winsize size;
	struct pid *foreground; /* process group, or NULL */
	unsigned int hangups;   /* so far; see tty_open.hangups */
	unsigned int num_open;
	bool exclusive;    /* TIOCEXCL */
	bool other_closed; /* pty: the master is gone */
	bool writer_waits; /* wake writers when there is room */

	struct wait_queue readers;
	struct wait_queue writers; /* for room, or until all is sent */
};

/* One open file on a terminal: file->data. */
struct tty_open {
	struct tty *tty;
	unsigned int hangups; /* tty->hangups when it was opened */
	bool is_console;      /* /dev/console: survives hang-ups */
};

/* tty.c */

/* A terminal that @below serves; refs is 1. NULL: no memory. */
struct tty *tty_create(const struct tty_below *below, void *below_data,
		       uint64_t rdev);
static inline void tty_lock(struct tty *tty) ACQUIRES(tty->lock)
{
	spin_lock(&tty->lock);
}
void tty_unlock(struct tty *tty) RELEASES(tty->lock);
/* Make @file (being opened) a file of @tty; takes its own reference. */
int tty_attach_file(struct tty *tty, struct file *file, bool is_console);
/* @open was cut off by a hang-up. Any context. */
bool tty_is_hung_up(const struct tty_open *open);
/*
 * Cut off everyone who has @tty open: end of file and EIO from now on. The
 * session loses it, its leader gets SIGHUP and SIGCONT.
 * @session_ends: the leader is exiting; the foreground group gets SIGHUP.
 */
void tty_hang_up(struct tty *tty, bool session_ends);
/* Wait until all output is sent (a pty: at once). 0, -ERESTARTSYS, -EIO. */
int tty_drain(struct tty *tty);
/* For all terminals, pty slaves too. */
ssize_t tty_read(struct file *file, struct io_buf *io, loff_t *pos);
ssize_t tty_write(struct file *file, struct io_buf *io, loff_t *pos);
unsigned int tty_poll(struct file *file, struct poll_table *table);
void tty_release(struct file *file);

/* ioctl.c */

long tty_ioctl(struct file *file, unsigned int cmd, unsigned long arg);
/*
 * The calls that have the same meaning from both sides of a pty. @from_master:
 * the caller is not a user of @tty but its other side.
 */
long tty_ioctl_common(struct tty *tty, bool from_master, unsigned int cmd,
		      unsigned long arg);
void tty_set_size(struct tty *tty, const struct winsize *size);

/* job_control.c */

/*
 * May the current process go on with what only the foreground may do? 0; else
 * its group was sent @signo and -ERESTARTSYS; -EIO if it cannot be stopped.
 */
int tty_check_foreground(struct tty *tty, int signo);
/* A session leader without a terminal opened @tty: it gets it. */
void tty_acquire(struct tty *tty);
/* The current session's terminal with a reference, or NULL. */
struct tty *tty_of_session(void);
/* Take @tty from its session; the foreground group is forgotten. */
void tty_leave_session(struct tty *tty);
long tty_ioctl_set_controlling(struct tty *tty, struct file *file, bool steal);
long tty_ioctl_give_up(struct tty *tty);
long tty_ioctl_get_group(struct tty *tty, bool from_master, unsigned long arg);
long tty_ioctl_set_group(struct tty *tty, unsigned long arg);
long tty_ioctl_get_session(struct tty *tty, bool from_master,
			   unsigned long arg);
/* SIGHUP and SIGCONT to the leader; @session_ends: SIGHUP to the foreground. */
void tty_signal_hang_up(struct tty *tty, bool session_ends);
void job_control_init(void);

/* serial_tty.c */

void serial_tty_init(void);
/* Terminal of serial port @index, or NULL. */
struct tty *serial_tty_at(unsigned int index);
struct tty *console_tty(void);

/* pty.c */

void pty_init(void);
