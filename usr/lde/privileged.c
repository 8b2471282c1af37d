/* SPDX-License-Identifier: MIT */
/*
 * privileged.c - what a program must not do, tried one by one
 *
 * Each act runs in a child of its own, so that what becomes of it can be told
 * by the parent, who still runs. The hart refuses, not the kernel: in user mode
 * these instructions and addresses trap, and the kernel's only part is to turn
 * the trap into a signal. OSTEP ch. 6, "Restricted Operations".
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Sv39's upper half belongs to the kernel; a UART on many boards. */
#define KERNEL_ADDRESS 0xffffffff80200000UL
#define DEVICE_ADDRESS 0x10000000UL

static void write_stvec(void)
{
	__asm__ volatile("csrw stvec, %0" ::"r"(write_stvec));
}

static void read_stvec(void)
{
	uintptr_t value;

	__asm__ volatile("csrr %0, stvec" : "=r"(value));
	printf("stvec is %#lx\n", value);
}

static void write_satp(void)
{
	__asm__ volatile("csrw satp, zero");
}

static void disable_interrupts(void)
{
	__asm__ volatile("csrci sstatus, 2");
}

static void return_from_trap(void)
{
	__asm__ volatile("sret");
}

static void flush_tlb(void)
{
	__asm__ volatile("sfence.vma");
}

static void wait_for_interrupt(void)
{
	__asm__ volatile("wfi");
}

static void machine_mode(void)
{
	uintptr_t value;

	__asm__ volatile("csrr %0, mstatus" : "=r"(value));
	printf("mstatus is %#lx\n", value);
}

static void load(uintptr_t address)
{
	char value;

	__asm__ volatile("lb %0, (%1)" : "=r"(value) : "r"(address));
	printf("the byte there is %d\n", value);
}

static void load_kernel(void)
{
	load(KERNEL_ADDRESS);
}

static void load_device(void)
{
	load(DEVICE_ADDRESS);
}

static void store_device(void)
{
	__asm__ volatile("sb %0, (%1)" ::"r"('!'), "r"(DEVICE_ADDRESS));
}

static void jump_kernel(void)
{
	__asm__ volatile("jr %0" ::"r"(KERNEL_ADDRESS));
}

static void system_call(void)
{
	(void)getppid();
}

static const struct act {
	const char *what;
	void (*go)(void);
} acts[] = {
	{ "csrw stvec      (a trap table of my own)", write_stvec },
	{ "csrr stvec      (just looking)", read_stvec },
	{ "csrw satp       (other page tables)", write_satp },
	{ "csrci sstatus   (interrupts off)", disable_interrupts },
	{ "sret            (return from a trap)", return_from_trap },
	{ "sfence.vma      (empty the TLB)", flush_tlb },
	{ "wfi             (let the hart sleep)", wait_for_interrupt },
	{ "csrr mstatus    (the firmware's mode)", machine_mode },
	{ "lb kernel       (read the kernel's memory)", load_kernel },
	{ "jr kernel       (jump into the kernel)", jump_kernel },
	{ "lb device       (read the UART)", load_device },
	{ "sb device       (write to the UART)", store_device },
	{ "ecall           (ask the kernel)", system_call },
};

int main(void)
{
	printf("%-46s %s\n", "in user mode", "what became of it");
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		int status;
		pid_t child;

		fflush(stdout);
		child = fork();
		if (child == 0) {
			acts[i].go();
			_exit(0);
		}
		waitpid(child, &status, 0);
		printf("%-46s %s\n", acts[i].what,
		       WIFSIGNALED(status) ? strsignal(WTERMSIG(status))
					   : "done");
	}
	return 0;
}
