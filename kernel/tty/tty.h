/* SPDX-License-Identifier: MIT */
/*
 * tty.h - terminals: the device a program believes it has for itself
 *
 * Idea: a terminal is a line discipline (editing, echo, signals: n_tty.c)
 * between programs and something that moves bytes (a serial port, or the other
 * side of a pty). Programs never see the UART. Source: termios(3), tty_ioctl(4).
 *
 * Programs come through their device numbers (vfs/device.h), processes through
 * process_tty_ops; so little is left to be called by name.
 */
#pragma once

#include "kernel/lib/compiler.h"

struct session;
struct tty;

/*
 * Boot, after the drivers: a terminal on every serial port; the device numbers
 * of ttyS*, console, tty, ptmx and pty slaves; the file system "devpts".
 */
void tty_init(void);

/* The session leader exits: hang up its terminal. */
void tty_disassociate(struct session *session);
/* vhangup(2): hang up the current session's terminal. */
void tty_vhangup(void);
/* Before the machine stops: send what programs have written, by polling. */
void tty_flush_all(void);

void tty_get(struct tty *tty);
void tty_put(struct tty *tty);
