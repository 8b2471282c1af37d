/* SPDX-License-Identifier: MIT */
/*
 * sbi.c - calls to the firmware: console, timer, harts, power
 *
 * Idea: the kernel drives no M-mode device. What it needs of the machine as a
 * whole it asks the firmware for, and falls back to the oldest interface where
 * that is all there is (OpenSBI 1.1 has no DBCN; some machines no SRST).
 *
 * Source: SBI v2.0.
 */
#include "arch/riscv/sbi.h"
#include <arch/hart.h>
#include <arch/harts.h>
#include <arch/machine.h>
#include <arch/page_table.h>
#include "arch/riscv/csr.h"
#include "kernel/debug/log.h"
#include "kernel/lib/compiler.h"

#define SBI_BASE_SPEC_VERSION 0
#define SBI_BASE_IMPL_ID      1
#define SBI_BASE_IMPL_VERSION 2
#define SBI_BASE_PROBE        3
#define SBI_BASE_MVENDORID    4
#define SBI_BASE_MARCHID      5
#define SBI_BASE_MIMPID       6

#define SBI_DBCN_WRITE 0

#define SBI_SRST_SHUTDOWN       0
#define SBI_SRST_COLD_REBOOT    1
#define SBI_SRST_NO_REASON      0
#define SBI_SRST_SYSTEM_FAILURE 1

#define SBI_HSM_START         0
#define SBI_HSM_STOP          1
#define SBI_HSM_STATUS        2
#define SBI_HSM_STATE_STOPPED 1

#define SBI_RFENCE_FENCE_I    0
#define SBI_RFENCE_SFENCE_VMA 1

/* As the size of a range to fence. */
#define SBI_ALL_ADDRESSES (~0UL)

/* Fixed after sbi_init(). */
static struct {
	bool time, ipi, rfence, hsm, srst, dbcn;
} has;

struct sbi_result sbi_call(unsigned long extension, unsigned long function,
			   unsigned long arg0, unsigned long arg1,
			   unsigned long arg2, unsigned long arg3,
			   unsigned long arg4)
{
	register unsigned long a0 __asm__("a0") = arg0;
	register unsigned long a1 __asm__("a1") = arg1;
	register unsigned long a2 __asm__("a2") = arg2;
	register unsigned long a3 __asm__("a3") = arg3;
	register unsigned long a4 __asm__("a4") = arg4;
	register unsigned long a6 __asm__("a6") = function;
	register unsigned long a7 __asm__("a7") = extension;

	__asm__ volatile("ecall"
			 : "+r"(a0), "+r"(a1)
			 : "r"(a2), "r"(a3), "r"(a4), "r"(a6), "r"(a7)
			 : "memory");
	return (struct sbi_result){ .error = (long)a0, .value = (long)a1 };
}

static long base_value(unsigned long function)
{
	return sbi_call(SBI_EXT_BASE, function, 0, 0, 0, 0, 0).value;
}

bool sbi_has(unsigned long extension)
{
	struct sbi_result result =
		sbi_call(SBI_EXT_BASE, SBI_BASE_PROBE, extension, 0, 0, 0, 0);

	return result.error == 0 && result.value != 0;
}

void sbi_init(void)
{
	has.time = sbi_has(SBI_EXT_TIME);
	has.ipi = sbi_has(SBI_EXT_IPI);
	has.rfence = sbi_has(SBI_EXT_RFENCE);
	has.hsm = sbi_has(SBI_EXT_HSM);
	has.srst = sbi_has(SBI_EXT_SRST);
	has.dbcn = sbi_has(SBI_EXT_DBCN);
}

void arch_firmware_describe(void)
{
	long version = base_value(SBI_BASE_SPEC_VERSION);
	long impl = base_value(SBI_BASE_IMPL_VERSION);
	bool is_opensbi = base_value(SBI_BASE_IMPL_ID) == 1;

	log_info("firmware: SBI %ld.%ld, %s %ld.%ld", (version >> 24) & 0x7f,
		 version & 0xffffff, is_opensbi ? "OpenSBI" : "version",
		 impl >> 16, impl & 0xffff);
}

void arch_machine_ids(uint64_t ids[3])
{
	ids[0] = (uint64_t)base_value(SBI_BASE_MVENDORID);
	ids[1] = (uint64_t)base_value(SBI_BASE_MARCHID);
	ids[2] = (uint64_t)base_value(SBI_BASE_MIMPID);
}

static void put_byte(char c)
{
	sbi_call(SBI_EXT_LEGACY_PUTCHAR, 0, (unsigned char)c, 0, 0, 0, 0);
}

/*
 * DBCN wants a physical address, and the bytes together in physical memory:
 * one page at a time is safe for the direct map and the kernel image; a text
 * on a kernel stack is copied through a buffer.
 */
static void dbcn_write(const char *text, size_t size)
{
	static char buffer[128];
	size_t i = 0;

	while (i < size) {
		size_t n = MIN(size - i, sizeof(buffer));
		struct sbi_result done;

		for (size_t k = 0; k < n; k++)
			buffer[k] = text[i + k];
		done = sbi_call(SBI_EXT_DBCN, SBI_DBCN_WRITE, n,
				virt_to_phys(buffer), 0, 0, 0);
		if (done.error || done.value <= 0)
			return;
		i += (size_t)done.value;
	}
}

void arch_console_write(const char *text, size_t size)
{
	if (has.dbcn) {
		dbcn_write(text, size);
		return;
	}
	for (size_t i = 0; i < size; i++)
		put_byte(text[i]);
}

int arch_console_read(void)
{
	return (int)sbi_call(SBI_EXT_LEGACY_GETCHAR, 0, 0, 0, 0, 0, 0).error;
}

void sbi_set_timer(uint64_t ticks)
{
	unsigned long extension = has.time ? SBI_EXT_TIME : 0;

	sbi_call(extension, 0, ticks, 0, 0, 0, 0);
}

void sbi_send_ipi(uint64_t hartid)
{
	if (has.ipi)
		sbi_call(SBI_EXT_IPI, 0, 1, hartid, 0, 0, 0);
}

void sbi_remote_fence(uint64_t mask, uint64_t base)
{
	sbi_call(SBI_EXT_RFENCE, SBI_RFENCE_SFENCE_VMA, mask, base, 0,
		 SBI_ALL_ADDRESSES, 0);
}

void sbi_remote_fence_i(uint64_t mask, uint64_t base)
{
	sbi_call(SBI_EXT_RFENCE, SBI_RFENCE_FENCE_I, mask, base, 0, 0, 0);
}

bool sbi_can_run_harts(void)
{
	return has.hsm && has.ipi && has.rfence;
}

long sbi_hart_start(uint64_t hartid, uint64_t address, uint64_t argument)
{
	return sbi_call(SBI_EXT_HSM, SBI_HSM_START, hartid, address, argument,
			0, 0)
		.error;
}

long sbi_hart_stop(void)
{
	return sbi_call(SBI_EXT_HSM, SBI_HSM_STOP, 0, 0, 0, 0, 0).error;
}

bool sbi_hart_is_stopped(uint64_t hartid)
{
	struct sbi_result status =
		sbi_call(SBI_EXT_HSM, SBI_HSM_STATUS, hartid, 0, 0, 0, 0);

	return status.error == 0 && status.value == SBI_HSM_STATE_STOPPED;
}

static void halt(const char *message) __noreturn;
static void halt(const char *message)
{
	log_info("%s", message);
	arch_interrupts_off();
	for (;;)
		arch_wait_for_interrupt();
}

static void (*device_power_off)(_Bool failed); /* fixed after boot */

void arch_set_power_off(void (*power_off)(_Bool failed))
{
	device_power_off = power_off;
}

void arch_power_off(_Bool failed)
{
	if (device_power_off)
		device_power_off(failed);
	if (has.srst)
		sbi_call(SBI_EXT_SRST, 0, SBI_SRST_SHUTDOWN,
			 failed ? SBI_SRST_SYSTEM_FAILURE : SBI_SRST_NO_REASON,
			 0, 0, 0);
	else
		sbi_call(SBI_EXT_LEGACY_SHUTDOWN, 0, 0, 0, 0, 0, 0);
	/* Not every board can (HiFive Unleashed): a person must. */
	halt("system halted, you may switch off");
}

void arch_reboot(void)
{
	if (has.srst)
		sbi_call(SBI_EXT_SRST, 0, SBI_SRST_COLD_REBOOT,
			 SBI_SRST_NO_REASON, 0, 0, 0);
	halt("system halted: this machine cannot restart by itself");
}
