/* SPDX-License-Identifier: MIT */
/*
 * tty.h - terminals: the device a program believes it has for itself
 *
 * Idea: a terminal is a line discipline (editing, echo, signals: n_tty.c)
 * between programs and something that moves bytes (a serial port, or the other
 * side of a pty). Programs never see the UART. Source: termios(3), tty_ioctl(4).
 */
#pragma once

#include "kernel/lib/compiler.h"

struct file_ops;
struct pid;
struct process;
struct session;
struct tty;

/* Boot: a terminal on every serial port. */
void tty_init(void);
/* file_ops for devfs: /dev/ttyS0, /dev/console, /dev/tty, /dev/ptmx. */
extern const struct file_ops tty_file_ops;
extern const struct file_ops console_file_ops;
extern const struct file_ops current_tty_file_ops;
extern const struct file_ops ptmx_file_ops;

/* The session leader exits or calls TIOCNOTTY: hang up its terminal. */
void tty_disassociate(struct session *session);
/* For /proc/PID/stat: st_rdev of the terminal and its foreground group. */
void tty_describe(struct session *session, uint64_t *rdev, int *group);
void tty_get(struct tty *tty);
void tty_put(struct tty *tty);
