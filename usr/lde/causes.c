/* SPDX-License-Identifier: MIT */
/*
 * causes.c - every reason for which a hart enters the kernel, provoked
 *
 * The number is what the hart writes to scause. A trap is synchronous: this
 * program's own instruction causes it, at that instruction. (An interrupt comes
 * from outside, between any two, and cannot be provoked by one instruction:
 * `lde` shows them.) Source: RISC-V Privileged Spec, table of scause.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static sigjmp_buf again;
static char *unreadable, *read_only, *data_page;

static void on_signal(int signo)
{
	siglongjmp(again, signo);
}

static void illegal(void)
{
	__asm__ volatile(".word 0");
}

static void breakpoint(void)
{
	__asm__ volatile(".option push\n.option norvc\nebreak\n.option pop");
}

static void misaligned_load(void)
{
	uint32_t value;

	__asm__ volatile("lw %0, 1(%1)" : "=r"(value) : "r"(data_page));
}

static void misaligned_store(void)
{
	__asm__ volatile("sw zero, 1(%0)" ::"r"(data_page) : "memory");
}

static void environment_call(void)
{
	(void)getppid();
}

static void jump_to_data(void)
{
	__asm__ volatile("jalr %0" ::"r"(data_page) : "ra");
}

static void load(void)
{
	__asm__ volatile("lb zero, (%0)" ::"r"(unreadable));
}

static void store(void)
{
	__asm__ volatile("sb zero, (%0)" ::"r"(read_only) : "memory");
}

static void first_touch(void)
{
	data_page[4096] = 1;
}

static const struct trap {
	int cause;
	const char *name, *how;
	void (*go)(void); /* NULL: cannot be had from a program */
} traps[] = {
	{ 0, "instruction address misaligned",
	  "cannot be: with compressed code any even pc will do", NULL },
	{ 1, "instruction access fault",
	  "cannot be: only real memory is ever mapped for code", NULL },
	{ 2, "illegal instruction", "the word 0", illegal },
	{ 3, "breakpoint", "ebreak", breakpoint },
	{ 4, "load address misaligned", "lw from an odd address",
	  misaligned_load },
	{ 5, "load access fault", "cannot be: only real memory is ever mapped",
	  NULL },
	{ 6, "store address misaligned", "sw to an odd address",
	  misaligned_store },
	{ 7, "store access fault", "cannot be: only real memory is ever mapped",
	  NULL },
	{ 8, "environment call from U-mode", "ecall: getppid()",
	  environment_call },
	{ 9, "environment call from S-mode",
	  "the kernel's own ecall: the firmware has it", NULL },
	{ 12, "instruction page fault", "jump into data", jump_to_data },
	{ 13, "load page fault", "lb from a page without rights", load },
	{ 15, "store page fault", "sb to a read-only page", store },
	{ 15, "store page fault", "the first touch of a new page",
	  first_touch },
};

static const char *outcome(const struct trap *trap)
{
	int signo = sigsetjmp(again, 1);

	if (signo)
		return strsignal(signo);
	if (!trap->go)
		return "-";
	trap->go();
	return "the program goes on";
}

int main(void)
{
	static const int signals[] = { SIGILL, SIGTRAP, SIGBUS, SIGSEGV };
	struct sigaction action = { .sa_handler = on_signal };

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &action, NULL);
	unreadable =
		mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	read_only =
		mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	data_page = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (unreadable == MAP_FAILED || read_only == MAP_FAILED ||
	    data_page == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	data_page[0] = 0;

	printf("scause  %-31s %-45s %s\n", "trap", "provoked by", "outcome");
	for (size_t i = 0; i < sizeof(traps) / sizeof(traps[0]); i++) {
		const struct trap *trap = &traps[i];

		printf("%6d  %-31s %-45s %s\n", trap->cause, trap->name,
		       trap->how, outcome(trap));
	}
	return 0;
}
