/* SPDX-License-Identifier: MIT */
/*
 * sifive.c - the serial port of SiFive's chips
 *
 * Idea: two FIFOs of eight bytes, each behind one register whose top bit says
 * "full" or "empty". Interrupts are levels: they stand while a FIFO is beyond
 * its watermark, so there is nothing to acknowledge.
 *
 * Reading rxdata takes a byte out: the test and the byte are one access. The
 * firmware has set the line up; its divisor is kept.
 *
 * Locks: lock, a raw one since the log writes here with any lock held (see
 * debug/raw_lock.h). Calls upward are made without it.
 * Source: SiFive FU540-C000 Manual, "Universal Asynchronous Receiver/
 * Transmitter (UART)". Ran on: QEMU sifive_u.
 */
#include "kernel/abi/errno.h"
#include "kernel/debug/log.h"
#include "kernel/debug/raw_lock.h"
#include "kernel/dev/driver.h"
#include "kernel/dev/serial.h"
#include "kernel/mm/slab.h"

enum {
	TXDATA = 0x00,
	RXDATA = 0x04,
	TXCTRL = 0x08,
	RXCTRL = 0x0c,
	IE = 0x10,
	IP = 0x14,
};

#define TXDATA_FULL  (1u << 31)
#define RXDATA_EMPTY (1u << 31)

enum {
	CTRL_ENABLE = 1,
	CTRL_WATERMARK_SHIFT = 16,
	INTERRUPT_TRANSMIT = 1, /* fewer bytes than the watermark */
	INTERRUPT_RECEIVE = 2,  /* more bytes than the watermark */
};

enum {
	FIFO_SIZE = 8,
	MAX_POLLS = 1 << 22, /* waiting for a port that may be dead */
};

struct uart {
	struct raw_lock lock;
	struct serial_port port;

	/* Under lock. */
	uint32_t enabled; /* what IE holds */

	/* Fixed after probe. */
	volatile char *regs;
};

static size_t uart_write(struct serial_port *port, const char *text,
			 size_t size)
{
	struct uart *uart = port->driver_data;
	struct raw_lock_state state = raw_lock_enter(&uart->lock);
	size_t taken = 0;

	while (taken < size &&
	       !(mmio_read32(uart->regs + TXDATA) & TXDATA_FULL))
		mmio_write32(uart->regs + TXDATA, (uint8_t)text[taken++]);
	raw_lock_leave(&uart->lock, state);
	return taken;
}

/* The chip does not tell when the last byte is out: until its FIFO is empty. */
static void uart_flush(struct serial_port *port)
{
	struct uart *uart = port->driver_data;

	for (int i = 0; i < MAX_POLLS; i++) {
		if (mmio_read32(uart->regs + IP) & INTERRUPT_TRANSMIT)
			return;
	}
}

static void set_enabled(struct uart *uart, uint32_t bit, bool on)
{
	struct raw_lock_state state = raw_lock_enter(&uart->lock);

	if (on)
		uart->enabled |= bit;
	else
		uart->enabled &= ~bit;
	mmio_write32(uart->regs + IE, uart->enabled);
	raw_lock_leave(&uart->lock, state);
}

static void uart_want_transmit(struct serial_port *port, bool on)
{
	set_enabled(port->driver_data, INTERRUPT_TRANSMIT, on);
}

static int uart_poll_byte(struct serial_port *port)
{
	struct uart *uart = port->driver_data;
	uint32_t data = mmio_read32(uart->regs + RXDATA);

	return data & RXDATA_EMPTY ? -1 : (int)(data & 0xff);
}

static const struct serial_ops uart_ops = {
	.write = uart_write,
	.flush = uart_flush,
	.want_transmit = uart_want_transmit,
	.poll_byte = uart_poll_byte,
};

static void receive(struct uart *uart)
{
	struct serial_port *port = &uart->port;
	char bytes[2 * FIFO_SIZE];
	size_t n = 0;
	int byte;

	while (n < sizeof(bytes) && (byte = uart_poll_byte(port)) >= 0)
		bytes[n++] = (char)byte;
	if (n && port->receive)
		port->receive(port, bytes, n);
}

static void uart_interrupt(void *arg)
{
	struct uart *uart = arg;
	struct serial_port *port = &uart->port;
	uint32_t pending = mmio_read32(uart->regs + IP) & uart->enabled;

	if (pending & INTERRUPT_RECEIVE)
		receive(uart);
	if (!(pending & INTERRUPT_TRANSMIT))
		return;
	if (port->transmit_ready)
		port->transmit_ready(port);
	else
		uart_want_transmit(port, false);
}

static void start(struct uart *uart)
{
	mmio_write32(uart->regs + IE, 0);
	/* Transmit interrupt: FIFO empty. Receive interrupt: one byte. */
	mmio_write32(uart->regs + TXCTRL,
		     CTRL_ENABLE | 1u << CTRL_WATERMARK_SHIFT);
	mmio_write32(uart->regs + RXCTRL, CTRL_ENABLE);
}

static int uart_probe(struct device *dev)
{
	struct uart *uart = kzalloc(sizeof(*uart));
	volatile void *regs;
	int err;

	if (!uart)
		return -ENOMEM;
	err = device_map_registers(dev, 0, &regs);
	if (err)
		goto free_uart;
	uart->regs = regs;
	uart->port.ops = &uart_ops;
	uart->port.driver_data = uart;
	uart->port.node = dev->node;
	start(uart);
	err = serial_register(&uart->port);
	if (err)
		goto free_uart;
	dev->data = uart;

	err = device_attach_irq(dev, 0, uart_interrupt, uart);
	if (err) {
		log_error("%s: no interrupt (error %d): polling", dev->name,
			  -err);
		uart->port.polled = true;
		return 0;
	}
	set_enabled(uart, INTERRUPT_RECEIVE, true);
	return 0;

free_uart:
	kfree(uart);
	return err;
}

static const struct dt_match uart_match[] = {
	{ .compatible = "sifive,uart0" },
	{},
};

DRIVER(sifive_uart) = {
	.name = "sifive-uart",
	.class = CLASS_SERIAL,
	.match = uart_match,
	.probe = uart_probe,
};
