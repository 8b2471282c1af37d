/* SPDX-License-Identifier: MIT */
/*
 * goldfish.c - the real-time clock of emulators
 *
 * Two registers hold ns since 1970; reading the low half keeps the high half
 * of the same moment for the next read.
 *
 * Source: Android goldfish virtual hardware, "Goldfish RTC". Ran on: QEMU virt.
 */
#include "kernel/abi/errno.h"
#include "kernel/dev/driver.h"
#include "kernel/dev/rtc.h"

enum { TIME_LOW = 0x0, TIME_HIGH = 0x4 };

static uint64_t goldfish_read_ns(void *data)
{
	struct device *dev = data;
	volatile char *regs = dev->data;
	uint32_t low = mmio_read32(regs + TIME_LOW);
	uint32_t high = mmio_read32(regs + TIME_HIGH);

	return (uint64_t)high << 32 | low;
}

static int goldfish_probe(struct device *dev)
{
	volatile void *regs;
	int err = device_map_registers(dev, 0, &regs);

	if (err)
		return err;
	dev->data = (void *)(uintptr_t)regs;
	rtc_register(goldfish_read_ns, dev);
	return 0;
}

static const struct dt_match goldfish_match[] = {
	{ .compatible = "google,goldfish-rtc" },
	{},
};

DRIVER(goldfish) = {
	.name = "goldfish-rtc",
	.class = CLASS_RTC,
	.match = goldfish_match,
	.probe = goldfish_probe,
};
