/* SPDX-License-Identifier: MIT */
/*
 * serial.c - the class of serial ports
 *
 * Locks: none; ports are registered at boot and stay.
 */
#include "kernel/dev/serial.h"

#include <arch/hart.h>
#include <arch/machine.h>
#include "kernel/abi/errno.h"
#include "kernel/debug/log.h"
#include "kernel/dev/device_tree.h"

enum { MAX_PORTS = 8 };

/* A port that takes nothing for so long is broken; some tenths of a second. */
#define MAX_SPINS (1u << 24)

static const char *const names[MAX_PORTS] = {
	"ttyS0", "ttyS1", "ttyS2", "ttyS3", "ttyS4", "ttyS5", "ttyS6", "ttyS7",
};
static struct serial_port *ports[MAX_PORTS];
static unsigned int num_ports;

void serial_write_polled(struct serial_port *port, const char *text,
			 size_t size)
{
	unsigned int spins = 0;

	while (size && spins < MAX_SPINS) {
		size_t taken = port->ops->write(port, text, size);

		if (taken) {
			text += taken;
			size -= taken;
			spins = 0;
		} else {
			spins++;
			arch_spin_hint();
		}
	}
}

static void write_to_console(const char *text, size_t size)
{
	serial_write_polled(serial_console(), text, size);
}

int serial_register(struct serial_port *port)
{
	if (num_ports == MAX_PORTS)
		return -ENOSPC;
	port->index = num_ports;
	port->name = names[num_ports];
	port->is_console = port->node == dt_stdout();
	ports[num_ports++] = port;
	if (port->is_console)
		log_set_console(write_to_console);
	return 0;
}

struct serial_port *serial_port_at(unsigned int i)
{
	return i < num_ports ? ports[i] : NULL;
}

struct serial_port *serial_console(void)
{
	for (unsigned int i = 0; i < num_ports; i++) {
		if (ports[i]->is_console)
			return ports[i];
	}
	return serial_port_at(0);
}

/* ---- The firmware's console as a port: slow, but there is always one ------ */

/*
 * OpenSBI puts a carriage return before each new line itself. A message of the
 * log may get in between: they share no lock.
 */
static size_t firmware_write(struct serial_port *port, const char *text,
			     size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (text[i] != '\r' || i + 1 == size || text[i + 1] != '\n')
			arch_console_write(&text[i], 1);
	}
	return size;
}

static void firmware_flush(struct serial_port *port)
{
}

static void firmware_want_transmit(struct serial_port *port, bool on)
{
}

static int firmware_poll_byte(struct serial_port *port)
{
	return arch_console_read();
}

static const struct serial_ops firmware_ops = {
	.write = firmware_write,
	.flush = firmware_flush,
	.want_transmit = firmware_want_transmit,
	.poll_byte = firmware_poll_byte,
};

void serial_need_console(void)
{
	static struct serial_port firmware_port = {
		.ops = &firmware_ops,
		.node = -1,
		.polled = true,
	};

	if (num_ports)
		return;
	log_warning("no serial port: going on with the firmware's console");
	serial_register(&firmware_port);
	firmware_port.is_console = true;
}
