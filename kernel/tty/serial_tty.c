/* SPDX-License-Identifier: MIT */
/*
 * serial_tty.c - terminals on serial ports, and the console among them
 *
 * Idea: a received byte goes through the line discipline in the interrupt that
 * brought it, so ^C works whatever the programs do. Output waits in the line's
 * ring; the port takes what its FIFO holds and interrupts when it wants more. A
 * port without an interrupt is asked a hundred times a second, and waited for.
 *
 * /dev/console is the terminal of the console port, but never becomes a
 * controlling terminal by being opened and survives hang-ups: the last resort
 * of process 1. (Linux also lets background jobs read from it, which then take
 * the shell's lines away; not here.) /dev/tty is the terminal of the session
 * that opens it.
 */
#include "kernel/tty/internal.h"

#include "kernel/abi/fcntl.h"
#include "kernel/debug/log.h"
#include "kernel/dev/serial.h"
#include "kernel/time/clock.h"
#include "kernel/time/timer.h"
#include "kernel/vfs/device.h"
#include "kernel/vfs/file.h"

#include <linux/major.h>

/* Linux's number of the first serial terminal: 4:64. */
#define FIRST_SERIAL_MINOR 64u
#define MAX_SERIAL_TTYS    8u
#define POLL_INTERVAL_NS   (10 * NSEC_PER_MSEC)
#define MAX_POLLED_BYTES   64u /* at a time */

static struct tty *serial_ttys[MAX_SERIAL_TTYS]; /* fixed after boot */

struct tty *serial_tty_at(unsigned int index)
{
	return index < MAX_SERIAL_TTYS ? serial_ttys[index] : NULL;
}

struct tty *console_tty(void)
{
	struct serial_port *port = serial_console();

	return port ? serial_tty_at(port->index) : NULL;
}

static void serial_send(struct tty *tty)
{
	struct serial_port *port = tty->below_data;
	const char *bytes;
	size_t size;

	while ((size = n_tty_output_peek(&tty->line, &bytes)) != 0) {
		size_t taken = size;

		if (port->polled)
			serial_write_polled(port, bytes, size);
		else
			taken = port->ops->write(port, bytes, size);
		n_tty_output_advance(&tty->line, taken);
		if (taken < size)
			break;
	}
	port->ops->want_transmit(port, size != 0);
}

static const struct tty_below serial_below = {
	.send = serial_send,
};

/* From the driver, interrupts off. */
static void serial_receive(struct serial_port *port, const char *bytes,
			   size_t size)
{
	struct tty *tty = port->user_data;

	tty_lock(tty);
	n_tty_receive(&tty->line, bytes, size);
	tty_unlock(tty);
}

/* From the driver, interrupts off: the FIFO has room. tty_unlock() fills it. */
static void serial_transmit_ready(struct serial_port *port)
{
	struct tty *tty = port->user_data;

	tty_lock(tty);
	if (!n_tty_output_count(&tty->line))
		port->ops->want_transmit(port, false);
	tty_unlock(tty);
}

/* Ports without an interrupt. */

static void poll_port(struct serial_port *port)
{
	char bytes[MAX_POLLED_BYTES];
	size_t n = 0;
	int byte;

	while (n < sizeof(bytes) && (byte = port->ops->poll_byte(port)) >= 0)
		bytes[n++] = (char)byte;
	if (n)
		serial_receive(port, bytes, n);
}

static void poll_ports(struct timer *timer)
{
	struct serial_port *port;

	for (unsigned int i = 0; (port = serial_port_at(i)) != NULL; i++) {
		if (port->polled && port->receive)
			poll_port(port);
	}
	timer_start(timer, clock_now_ns() + POLL_INTERVAL_NS);
}

static void start_polling(void)
{
	static struct timer timer;

	timer_init(&timer, poll_ports);
	timer_start(&timer, clock_now_ns() + POLL_INTERVAL_NS);
}

/* Opening. */

static int serial_open(struct inode *inode, struct file *file)
{
	struct tty *tty =
		serial_tty_at(device_minor(inode->rdev) - FIRST_SERIAL_MINOR);

	return tty ? tty_attach_file(tty, file, false) : -ENODEV;
}

static int console_open(struct inode *inode, struct file *file)
{
	struct tty *tty = console_tty();

	return tty ? tty_attach_file(tty, file, true) : -ENODEV;
}

static int current_open(struct inode *inode, struct file *file)
{
	struct tty *tty = tty_of_session();
	int err;

	if (!tty)
		return -ENXIO;
	err = tty_attach_file(tty, file, false);
	tty_put(tty);
	return err;
}

/* The three differ only in which terminal open() finds. */
static const struct file_ops serial_file_ops = {
	.open = serial_open,
	.release = tty_release,
	.read = tty_read,
	.write = tty_write,
	.poll = tty_poll,
	.ioctl = tty_ioctl,
	.stream = true,
};

static const struct file_ops console_file_ops = {
	.open = console_open,
	.release = tty_release,
	.read = tty_read,
	.write = tty_write,
	.poll = tty_poll,
	.ioctl = tty_ioctl,
	.stream = true,
};

static const struct file_ops current_tty_file_ops = {
	.open = current_open,
	.release = tty_release,
	.read = tty_read,
	.write = tty_write,
	.poll = tty_poll,
	.ioctl = tty_ioctl,
	.stream = true,
};

/* Boot. */

static int make_serial_tty(struct serial_port *port)
{
	struct tty *tty;

	tty = tty_create(
		&serial_below, port,
		device_number(TTY_MAJOR, FIRST_SERIAL_MINOR + port->index));
	if (!tty)
		return -ENOMEM;
	tty->line.termios.c_cflag = B115200 | CS8 | CREAD | HUPCL | CLOCAL;
	tty->line.termios.c_ispeed = 115200;
	tty->line.termios.c_ospeed = 115200;
	tty->initial = tty->line.termios;

	serial_ttys[port->index] = tty;
	port->user_data = tty;
	port->transmit_ready = serial_transmit_ready;
	/* Last: from now on the interrupt uses all of the above. */
	STORE_RELEASE(port->receive, serial_receive);
	return 0;
}

static void register_numbers(void)
{
	static const struct {
		unsigned int major, minor, count;
		const struct file_ops *ops;
	} nodes[] = {
		{ TTY_MAJOR, FIRST_SERIAL_MINOR, MAX_SERIAL_TTYS,
		  &serial_file_ops },
		{ TTYAUX_MAJOR, 0, 1, &current_tty_file_ops },
		{ TTYAUX_MAJOR, 1, 1, &console_file_ops },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(nodes); i++) {
		if (device_register(
			    S_IFCHR,
			    device_number(nodes[i].major, nodes[i].minor),
			    nodes[i].count, nodes[i].ops))
			log_error("tty: no device number %u:%u", nodes[i].major,
				  nodes[i].minor);
	}
}

void serial_tty_init(void)
{
	struct serial_port *port;
	bool any_polled = false;

	for (unsigned int i = 0; (port = serial_port_at(i)) != NULL; i++) {
		if (port->index >= MAX_SERIAL_TTYS || make_serial_tty(port))
			log_error("tty: no terminal for %s", port->name);
		any_polled |= port->polled;
	}
	if (any_polled)
		start_polling();
	register_numbers();
}

void tty_flush_all(void)
{
	for (unsigned int i = 0; i < MAX_SERIAL_TTYS; i++) {
		struct tty *tty = serial_ttys[i];
		struct serial_port *port = tty ? tty->below_data : NULL;
		const char *bytes;
		size_t size;

		if (!tty)
			continue;
		spin_lock(&tty->lock);
		while ((size = n_tty_output_peek(&tty->line, &bytes)) != 0) {
			serial_write_polled(port, bytes, size);
			n_tty_output_advance(&tty->line, size);
		}
		port->ops->flush(port);
		spin_unlock(&tty->lock);
	}
}
