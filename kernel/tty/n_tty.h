/* SPDX-License-Identifier: MIT */
/*
 * n_tty.h - the line discipline: what happens between keyboard and program
 *
 * Idea: a state machine without locks, sleeping or devices, so that it can be
 * tested on any machine. Bytes from the keyboard go in at n_tty_receive(),
 * which edits the line, echoes, and notes what it cannot do itself (signals,
 * "someone can read now") in @events. Bytes from the program go in at
 * n_tty_write(). What is to be shown, echo and output in their order, comes out
 * at n_tty_output_peek().
 *
 * Invariants
 *   N1  tail <= line_head <= head, and head - tail <= N_TTY_SIZE (the indices
 *       run freely; their place in input[] is the remainder).
 *   N2  In canonical mode [tail, line_head) is whole lines and the last byte of
 *       each has its bit in line_end; [line_head, head) is still being typed.
 *   N3  A bit in end_of_file marks a place that is no data, only VEOF.
 *   N4  One place of input[] is kept free for the end of the line, so a line
 *       that is too long can still be ended.
 *
 * Locks: the owner's (struct tty: lock).
 * Source: termios(3); POSIX.1-2017, "General Terminal Interface".
 */
#pragma once

#include "kernel/abi/termios.h"
#include "kernel/lib/compiler.h"

#define N_TTY_SIZE 4096u /* longest line, its end included: termios(3) */
/* Room in the output that only echo may use: a program that writes without
 * pause must not make the keyboard seem dead. */
#define N_TTY_ECHO_RESERVE 256u

/* n_tty.events: what the owner has to do; it clears the bits. */
#define N_TTY_INTERRUPT    1u  /* SIGINT to the foreground group */
#define N_TTY_QUIT         2u  /* SIGQUIT */
#define N_TTY_SUSPEND      4u  /* SIGTSTP */
#define N_TTY_READABLE     8u  /* a reader may find something now */
#define N_TTY_FLUSH_INPUT  16u /* for packet mode: tty_ioctl(4), TIOCPKT */
#define N_TTY_FLUSH_OUTPUT 32u
#define N_TTY_STOPPED      64u
#define N_TTY_STARTED      128u
#define N_TTY_FLOW_USUAL   256u /* now IXON with ^S and ^Q */
#define N_TTY_FLOW_OTHER   512u /* not any more */
#define N_TTY_SIGNALS      (N_TTY_INTERRUPT | N_TTY_QUIT | N_TTY_SUSPEND)

/* n_tty.stopped: who stopped the output and must start it again. */
#define N_TTY_BY_KEY  1u /* VSTOP */
#define N_TTY_BY_CALL 2u /* tcflow(3), TCOOFF */

struct n_tty {
	struct termios2 termios;
	unsigned int events; /* N_TTY_* */

	/* Input. */
	uint32_t head, line_head, tail;
	uint32_t line_column; /* of the output, where the typed line began */
	bool literal_next;    /* VLNEXT came: the next byte is plain data */
	bool throttled;       /* IXOFF: the other side was told to stop */

	/* Output. */
	uint32_t out_head, out_tail;
	uint32_t column;      /* of the cursor, for tabs and for erasing them */
	unsigned int stopped; /* N_TTY_BY_*: nothing is to be sent */

	char input[N_TTY_SIZE];
	uint8_t line_end[N_TTY_SIZE / 8];
	uint8_t end_of_file[N_TTY_SIZE / 8];
	char output[N_TTY_SIZE];
};

/* Canonical mode with echo, signals, NL to CR-NL: what "stty sane" sets. */
void n_tty_init(struct n_tty *n);
void n_tty_set_termios(struct n_tty *n, const struct termios2 *termios);
static inline bool n_tty_is_canonical(const struct n_tty *n)
{
	return n->termios.c_lflag & ICANON;
}

/*
 * Bytes arrive. What does not fit is dropped (with a bell under IMAXBEL), but
 * bytes that mean a signal or flow control always work.
 */
void n_tty_receive(struct n_tty *n, const char *bytes, size_t size);
/* How many bytes n_tty_receive() can take now without dropping any. */
size_t n_tty_receive_room(const struct n_tty *n);

/* Is there a line (canonical), or are there @minimum bytes (raw)? */
bool n_tty_readable(const struct n_tty *n, size_t minimum);
/*
 * Take up to @size bytes out. In canonical mode it stops behind the end of a
 * line, and then sets *@line_done; 0 bytes with it means end of file. An end of
 * file right behind the last byte taken belongs to this read.
 */
size_t n_tty_read(struct n_tty *n, char *to, size_t size, bool *line_done);
/* Bytes that a read could get: FIONREAD. */
size_t n_tty_input_count(const struct n_tty *n);

/* A program writes: returns how many of the bytes were taken. */
size_t n_tty_write(struct n_tty *n, const char *bytes, size_t size);
/* Bytes that a program can write now, at least. */
size_t n_tty_write_room(const struct n_tty *n);
size_t n_tty_output_count(const struct n_tty *n);
/* What to send next: a piece in one place; 0 while stopped. */
size_t n_tty_output_peek(const struct n_tty *n, const char **bytes);
void n_tty_output_advance(struct n_tty *n, size_t size);

void n_tty_flush_input(struct n_tty *n);
void n_tty_flush_output(struct n_tty *n);
void n_tty_stop(struct n_tty *n, unsigned int by);
void n_tty_start(struct n_tty *n, unsigned int by);
/* Send VSTOP or VSTART to the other side: tcflow(3), TCIOFF and TCION. */
void n_tty_send_stop(struct n_tty *n);
void n_tty_send_start(struct n_tty *n);
