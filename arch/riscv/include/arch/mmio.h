/* SPDX-License-Identifier: MIT */
/*
 * arch/mmio.h - device registers in memory
 *
 * Ordered among themselves, as they are volatile and the memory is mapped as a
 * device's. Against ordinary memory mmio_barrier() orders them. Unit tests put
 * a model of a device behind the same functions.
 */
#pragma once

#include <stdint.h>

static inline uint32_t mmio_read32(const volatile void *at)
{
	return *(const volatile uint32_t *)at;
}

static inline void mmio_write32(volatile void *at, uint32_t value)
{
	*(volatile uint32_t *)at = value;
}

static inline uint8_t mmio_read8(const volatile void *at)
{
	return *(const volatile uint8_t *)at;
}

static inline void mmio_write8(volatile void *at, uint8_t value)
{
	*(volatile uint8_t *)at = value;
}

static inline uint16_t mmio_read16(const volatile void *at)
{
	return *(const volatile uint16_t *)at;
}

static inline void mmio_write16(volatile void *at, uint16_t value)
{
	*(volatile uint16_t *)at = value;
}
