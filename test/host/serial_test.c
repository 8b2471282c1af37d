/* SPDX-License-Identifier: MIT */
/*
 * serial_test.c - the 16550 driver against a model of Synopsys' dw-apb-uart
 *
 * No emulator at hand has that chip's peculiarities, so they are modelled here
 * from its databook: registers four bytes apart and 32 bits wide, "busy detect"
 * interrupts that only reading USR ends, and a receive timeout that stays
 * raised over an empty FIFO until RBR is read. What the model proves is that
 * the driver follows this description, not that silicon does.
 */
#include <arch/machine.h>
#include <arch/mmio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/abi/errno.h"
#include "kernel/debug/ktest.h"
#include "kernel/debug/log.h"
#include "kernel/dev/device_tree.h"
#include "kernel/dev/driver.h"
#include "kernel/dev/serial.h"
#include "test/host/host.h"

enum { RBR_THR = 0, IER = 1, IIR_FCR = 2, LCR = 3, MCR = 4, LSR = 5, USR = 31 };

struct dw_uart {
	struct host_device device;
	char line_in[64], line_out[256]; /* the other end of the cable */
	unsigned int in_begin, in_end, out_end;
	unsigned int fifo; /* bytes waiting to be sent */
	uint8_t ier;
	bool busy_detect, stuck_timeout;
	unsigned int wrong_accesses;
};

static uint32_t dw_cause(struct dw_uart *uart)
{
	if (uart->busy_detect)
		return 7;
	if ((uart->ier & 1) && (uart->in_begin < uart->in_end))
		return 4;
	if ((uart->ier & 1) && uart->stuck_timeout)
		return 12;
	if ((uart->ier & 2) && uart->fifo == 0)
		return 2;
	return 1;
}

static uint32_t dw_read(struct host_device *device, uintptr_t offset,
			unsigned int width)
{
	struct dw_uart *uart = (struct dw_uart *)device;

	if (width != 4 || offset % 4)
		uart->wrong_accesses++;
	switch (offset / 4) {
	case RBR_THR:
		uart->stuck_timeout = false;
		if (uart->in_begin < uart->in_end)
			return (uint8_t)uart->line_in[uart->in_begin++];
		return 0;
	case IIR_FCR:
		return dw_cause(uart);
	case LSR:
		return (uart->in_begin < uart->in_end ? 1 : 0) |
		       (uart->fifo == 0 ? 0x60 : 0);
	case USR:
		uart->busy_detect = false;
		return 0;
	default:
		return 0;
	}
}

static void dw_write(struct host_device *device, uintptr_t offset,
		     unsigned int width, uint32_t value)
{
	struct dw_uart *uart = (struct dw_uart *)device;

	if (width != 4 || offset % 4)
		uart->wrong_accesses++;
	switch (offset / 4) {
	case RBR_THR:
		KTEST_TRUE(uart->fifo < 16); /* else a byte is lost */
		uart->fifo++;
		uart->line_out[uart->out_end++] = (char)value;
		break;
	case IER:
		uart->ier = (uint8_t)value;
		break;
	case LCR:
		KTEST_TRUE(!"the firmware's line settings are kept");
		break;
	default:
		break;
	}
}

static char registers[0x10000];
static struct dw_uart model = {
	.device = { .read = dw_read,
		    .write = dw_write,
		    .registers = registers },
};

/* What dev/ would do for the driver. */
static void (*irq_handler)(void *arg);
static void *irq_arg;

int device_map_registers(struct device *dev, unsigned int i,
			 volatile void **regs)
{
	*regs = registers;
	return 0;
}

int device_attach_irq(struct device *dev, unsigned int i,
		      void (*handler)(void *arg), void *arg)
{
	irq_handler = handler;
	irq_arg = arg;
	return 0;
}

extern const struct driver *const drivers_start[], *const drivers_end[];

static const struct driver *driver_named(const char *name)
{
	for (const struct driver *const *d = drivers_start; d < drivers_end;
	     d++) {
		if (!strcmp((*d)->name, name))
			return *d;
	}
	return NULL;
}

/* The port of a VisionFive 2, as its tree describes it. */
static struct serial_port *start_port(void)
{
	static struct serial_port *port;
	static struct device dev;
	size_t size;

	if (!port) {
		dt_init(host_read_file("test/data/dtb/linux/"
				       "jh7110-starfive-visionfive-2-v1.3b.dtb",
				       &size));
		host_device = &model.device;
		dev.node = dt_stdout();
		KTEST_EQUAL(driver_named("ns16550")->probe(&dev), 0);
		port = serial_console();
		log_set_console(arch_console_write); /* it took over */
	}
	model.in_begin = model.in_end = model.out_end = model.fifo = 0;
	port->receive = NULL;
	port->transmit_ready = NULL;
	return port;
}

static char received[64];
static size_t num_received;

static void receive(struct serial_port *port, const char *bytes, size_t size)
{
	memcpy(received + num_received, bytes, size);
	num_received += size;
}

/* The interrupt line is a level: it is raised while there is a cause. */
static unsigned int interrupts_until_quiet(void)
{
	unsigned int n = 0;

	while (dw_cause(&model) != 1 && n < 100) {
		irq_handler(irq_arg);
		n++;
	}
	return n;
}

KTEST(dw_uart_is_written_in_fifos_full_and_in_words)
{
	struct serial_port *port = start_port();
	const char *text = "0123456789abcdefghij";

	KTEST_EQUAL(port->ops->write(port, text, 20), 16);
	KTEST_EQUAL(port->ops->write(port, text, 20), 0);
	model.fifo = 0;
	KTEST_EQUAL(port->ops->write(port, text + 16, 4), 4);
	KTEST_EQUAL(memcmp(model.line_out, text, 20), 0);
	KTEST_EQUAL(model.wrong_accesses, 0);
}

KTEST(dw_uart_receives_what_arrives)
{
	struct serial_port *port = start_port();

	port->receive = receive;
	num_received = 0;
	model.in_end = 40;
	memset(model.line_in, 'x', 40);
	KTEST_TRUE(interrupts_until_quiet() < 3);
	KTEST_EQUAL(num_received, 40);
}

KTEST(dw_uart_busy_detect_and_stuck_timeout_end)
{
	start_port();
	model.busy_detect = true;
	model.stuck_timeout = true;
	KTEST_TRUE(interrupts_until_quiet() < 3);
}

static void send_rest(struct serial_port *port)
{
	size_t *left = port->user_data;

	*left -= port->ops->write(port, "................", *left);
	if (*left == 0)
		port->ops->want_transmit(port, false);
}

KTEST(dw_uart_asks_for_more_when_the_fifo_is_empty)
{
	struct serial_port *port = start_port();
	size_t left = 40;

	port->user_data = &left;
	port->transmit_ready = send_rest;
	port->ops->want_transmit(port, true);
	for (int i = 0; i < 3; i++) {
		KTEST_TRUE(interrupts_until_quiet() < 3);
		model.fifo = 0;
	}
	KTEST_EQUAL(left, 0);
	KTEST_EQUAL(model.out_end, 40);
	KTEST_EQUAL(interrupts_until_quiet(), 0);
}
