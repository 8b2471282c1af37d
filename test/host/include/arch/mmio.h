/* SPDX-License-Identifier: MIT */
/*
 * arch/mmio.h - device registers of unit tests: a model of the device
 *
 * The same contract as arch/riscv/include/arch/mmio.h. A driver's accesses go
 * to the functions that the test has set.
 */
#pragma once

#include <stdint.h>

struct host_device {
	/* @offset from @registers; @width in bytes. */
	uint32_t (*read)(struct host_device *model, uintptr_t offset,
			 unsigned int width);
	void (*write)(struct host_device *model, uintptr_t offset,
		      unsigned int width, uint32_t value);
	const volatile char *registers;
};
extern struct host_device *host_device;

static inline uintptr_t host_offset(const volatile void *at)
{
	return (uintptr_t)at - (uintptr_t)host_device->registers;
}

static inline uint32_t mmio_read32(const volatile void *at)
{
	return host_device->read(host_device, host_offset(at), 4);
}

static inline void mmio_write32(volatile void *at, uint32_t value)
{
	host_device->write(host_device, host_offset(at), 4, value);
}

static inline uint8_t mmio_read8(const volatile void *at)
{
	return (uint8_t)host_device->read(host_device, host_offset(at), 1);
}

static inline void mmio_write8(volatile void *at, uint8_t value)
{
	host_device->write(host_device, host_offset(at), 1, value);
}
