/* SPDX-License-Identifier: MIT */
/*
 * serial.h - the class of serial ports
 *
 * A driver moves bytes; the terminal above (tty/) gives them meaning. Received
 * bytes go up through @receive in interrupt context; @transmit_ready says that
 * there is room again after write() took less than offered.
 */
#pragma once

#include "kernel/lib/compiler.h"

struct serial_port;

struct serial_ops {
	/* Queue up to @size bytes to the FIFO; returns how many it took.
	 * Interrupts may be off. */
	size_t (*write)(struct serial_port *port, const char *text,
			size_t size);
	/* Wait until all is out (panic, power-off); polls. */
	void (*flush)(struct serial_port *port);
	/* Ask for transmit_ready() when there is room (interrupt). */
	void (*want_transmit)(struct serial_port *port, bool on);
	/* One received byte by polling, or -1 (before interrupts, in panic). */
	int (*poll_byte)(struct serial_port *port);
};

struct serial_port {
	const struct serial_ops *ops; /* fixed */
	void *driver_data;            /* fixed */
	const char *name;             /* "ttyS0"; set at registration */
	int node;                     /* device-tree node */
	unsigned int index;
	bool is_console; /* /chosen/stdout-path names it */
	bool polled;     /* no interrupt: who uses it asks for bytes */

	/* Set by who uses the port (tty); called with interrupts off. */
	void (*receive)(struct serial_port *port, const char *bytes,
			size_t size);
	void (*transmit_ready)(struct serial_port *port);
	void *user_data;
};

/* By a driver, in probe. The console port also becomes the log's console. */
int serial_register(struct serial_port *port);
/* Port @i (0..), or NULL. */
struct serial_port *serial_port_at(unsigned int i);
struct serial_port *serial_console(void);
/* After all drivers: if there is no port, make one of the firmware's console. */
void serial_need_console(void);
/* Write all, polling; for the log. */
void serial_write_polled(struct serial_port *port, const char *text,
			 size_t size);
