/* SPDX-License-Identifier: MIT */
/*
 * ns16550.c - the PC's serial port and its descendants
 *
 * Idea: eight registers and two FIFOs of 16 bytes. The distance and width of
 * the registers differ from chip to chip and come from the device tree. The
 * firmware has set the line up; its speed is kept, so no clock has to be known.
 *
 * Synopsys' version (dw-apb-uart) has one more register, USR, and one more
 * cause of interrupts, "busy detect", that goes away only when USR is read; and
 * its receive timeout may stay raised with nothing in the FIFO until RBR is
 * read once.
 *
 * Locks: lock, a raw one since the log writes here with any lock held (see
 * debug/raw_lock.h). Calls upward are made without it.
 * Source: PC16550D data sheet (National Semiconductor, 1995), "Registers";
 * DesignWare APB UART databook, "Registers". Ran on: QEMU virt, icicle.
 */
#include "kernel/abi/errno.h"
#include "kernel/debug/log.h"
#include "kernel/debug/raw_lock.h"
#include "kernel/dev/device_tree.h"
#include "kernel/dev/driver.h"
#include "kernel/dev/serial.h"
#include "kernel/mm/slab.h"

/* Numbers of registers; the address is this shifted by reg-shift. */
enum {
	RBR = 0,  /* receive buffer, read */
	THR = 0,  /* transmit holding, write */
	IER = 1,  /* interrupt enable */
	IIR = 2,  /* interrupt identification, read */
	FCR = 2,  /* FIFO control, write */
	MCR = 4,  /* modem control */
	LSR = 5,  /* line status */
	USR = 31, /* dw-apb-uart: status */
};

enum {
	IER_RECEIVE = 1,
	IER_TRANSMIT = 2,
	IIR_CAUSE = 15,
	IIR_NONE = 1,
	IIR_BUSY = 7, /* dw-apb-uart */
	IIR_TIMEOUT = 12,
	FCR_ENABLE = 1,
	MCR_DTR = 1,
	MCR_RTS = 2,
	MCR_OUT2 = 8, /* on a PC, the gate of the interrupt line */
	LSR_DATA = 1,
	LSR_THR_EMPTY = 32, /* with FIFOs: the whole FIFO is */
	LSR_ALL_SENT = 64,
};

enum {
	FIFO_SIZE = 16,
	MAX_CAUSES = 64,     /* served by one interrupt */
	MAX_POLLS = 1 << 22, /* waiting for a port that may be dead */
};

struct uart {
	struct raw_lock lock;
	struct serial_port port;

	/* Under lock. */
	uint8_t enabled; /* what IER holds */

	/* Fixed after probe. */
	volatile char *regs;
	uint32_t shift;
	uint32_t width; /* bytes */
};

static uint32_t get(struct uart *uart, unsigned int reg)
{
	volatile char *at = uart->regs + (reg << uart->shift);

	return uart->width == 4 ? mmio_read32(at) & 0xff : mmio_read8(at);
}

static void put(struct uart *uart, unsigned int reg, uint8_t value)
{
	volatile char *at = uart->regs + (reg << uart->shift);

	if (uart->width == 4)
		mmio_write32(at, value);
	else
		mmio_write8(at, value);
}

static size_t uart_write(struct serial_port *port, const char *text,
			 size_t size)
{
	struct uart *uart = port->driver_data;
	struct raw_lock_state state = raw_lock_enter(&uart->lock);
	size_t room = get(uart, LSR) & LSR_THR_EMPTY ? FIFO_SIZE : 0;
	size_t taken = MIN(size, room);

	for (size_t i = 0; i < taken; i++)
		put(uart, THR, (uint8_t)text[i]);
	raw_lock_leave(&uart->lock, state);
	return taken;
}

static void uart_flush(struct serial_port *port)
{
	struct uart *uart = port->driver_data;

	for (int i = 0; i < MAX_POLLS; i++) {
		if (get(uart, LSR) & LSR_ALL_SENT)
			return;
	}
}

static void uart_want_transmit(struct serial_port *port, bool on)
{
	struct uart *uart = port->driver_data;
	struct raw_lock_state state = raw_lock_enter(&uart->lock);

	if (on)
		uart->enabled |= IER_TRANSMIT;
	else
		uart->enabled &= (uint8_t)~IER_TRANSMIT;
	put(uart, IER, uart->enabled);
	raw_lock_leave(&uart->lock, state);
}

static int uart_poll_byte(struct serial_port *port)
{
	struct uart *uart = port->driver_data;
	struct raw_lock_state state = raw_lock_enter(&uart->lock);
	int byte = -1;

	if (get(uart, LSR) & LSR_DATA)
		byte = (int)get(uart, RBR);
	raw_lock_leave(&uart->lock, state);
	return byte;
}

static const struct serial_ops uart_ops = {
	.write = uart_write,
	.flush = uart_flush,
	.want_transmit = uart_want_transmit,
	.poll_byte = uart_poll_byte,
};

/* Take what has arrived and pass it up. */
static void receive(struct uart *uart)
{
	struct serial_port *port = &uart->port;
	char bytes[FIFO_SIZE];
	size_t n = 0;
	int byte;

	while (n < sizeof(bytes) && (byte = uart_poll_byte(port)) >= 0)
		bytes[n++] = (char)byte;
	if (n && port->receive)
		port->receive(port, bytes, n);
}

static void transmit(struct uart *uart)
{
	struct serial_port *port = &uart->port;

	if (port->transmit_ready)
		port->transmit_ready(port);
	else
		uart_want_transmit(port, false);
}

static void uart_interrupt(void *arg)
{
	struct uart *uart = arg;

	for (int i = 0; i < MAX_CAUSES; i++) {
		uint32_t cause = get(uart, IIR) & IIR_CAUSE;
		uint32_t status;

		if (cause == IIR_NONE)
			return;
		if (cause == IIR_BUSY)
			get(uart, USR);
		status = get(uart, LSR); /* clears line errors */
		if (status & LSR_DATA)
			receive(uart);
		else if (cause == IIR_TIMEOUT)
			get(uart, RBR); /* stuck, see above */
		if (status & LSR_THR_EMPTY && uart->enabled & IER_TRANSMIT)
			transmit(uart);
	}
}

/* Where and how wide the registers are. */
static int read_layout(struct uart *uart, struct device *dev)
{
	uint32_t offset = 0;

	uart->shift = 0;
	uart->width = 1;
	dt_u32(dev->node, "reg-shift", &uart->shift);
	dt_u32(dev->node, "reg-io-width", &uart->width);
	dt_u32(dev->node, "reg-offset", &offset);
	if (uart->shift > 3 || (uart->width != 1 && uart->width != 4) ||
	    offset >= PAGE_SIZE)
		return -EINVAL;
	uart->regs += offset;
	return 0;
}

static int uart_probe(struct device *dev)
{
	struct uart *uart;
	volatile void *regs;
	int err;

	uart = kzalloc(sizeof(*uart));
	if (!uart)
		return -ENOMEM;
	err = device_map_registers(dev, 0, &regs);
	if (err)
		goto free_uart;
	uart->regs = regs;
	err = read_layout(uart, dev);
	if (err)
		goto free_uart;

	uart->port.ops = &uart_ops;
	uart->port.driver_data = uart;
	uart->port.node = dev->node;
	put(uart, IER, 0);
	uart_flush(&uart->port); /* the firmware's last words */
	put(uart, FCR, FCR_ENABLE);
	put(uart, MCR, MCR_DTR | MCR_RTS | MCR_OUT2);
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
	uart->enabled = IER_RECEIVE;
	put(uart, IER, uart->enabled);
	return 0;

free_uart:
	kfree(uart);
	return err;
}

static const struct dt_match uart_match[] = {
	{ .compatible = "ns16550a" },
	{ .compatible = "ns16550" },
	{ .compatible = "snps,dw-apb-uart" },
	{},
};

DRIVER(ns16550) = {
	.name = "ns16550",
	.class = CLASS_SERIAL,
	.match = uart_match,
	.probe = uart_probe,
};
