/* SPDX-License-Identifier: MIT */
/*
 * sifive_test.c - the register through which a virtual machine ends
 *
 * QEMU's "sifive,test1": a write ends the emulator with a status of our
 * choice. Firmware could do it (SBI SRST), but OpenSBI 1.1 and 1.5 drop the
 * status of a failure, and a test suite must see a panic as one.
 *
 * Source: QEMU hw/misc/sifive_test.c (register values). Ran on: QEMU virt.
 */
#include <arch/machine.h>
#include "kernel/dev/driver.h"

#define TEST_FAIL 0x3333u /* status in the upper half */
#define TEST_PASS 0x5555u

#define STATUS_FAILED 1u

/* One machine ends once: the only state is where the register is. */
static volatile void *test_register;

static void test_power_off(bool failed)
{
	mmio_write32(test_register,
		     failed ? TEST_FAIL | STATUS_FAILED << 16 : TEST_PASS);
}

static int test_probe(struct device *dev)
{
	int err = device_map_registers(dev, 0, &test_register);

	if (err)
		return err;
	arch_set_power_off(test_power_off);
	return 0;
}

static const struct dt_match test_match[] = {
	{ .compatible = "sifive,test1" },
	{},
};

DRIVER(sifive_test) = {
	.name = "sifive_test",
	.class = CLASS_RESET,
	.match = test_match,
	.probe = test_probe,
};
