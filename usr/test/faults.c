/* SPDX-License-Identifier: MIT */
/*
 * faults.c - what becomes of a program that does what it must not
 *
 * Each forbidden act runs in a child of its own, with a handler on an
 * alternate stack that reports signal, si_code and si_addr; the parent
 * compares. Acts: privileged instructions, addresses of the kernel and of
 * devices, null pointer, writing to code, jumping into data, stack overflow,
 * odd jump targets, ebreak. Afterwards the parent still runs.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "check.h"

#define KERNEL_IMAGE  0xffffffff80000000UL
#define KERNEL_MEMORY 0xffffffc000200000UL
#define UART_PHYSICAL 0x10000000UL
#define NOT_CANONICAL 0x0100000000000000UL

struct report {
	int signo;
	int code;
	uintptr_t address;
};

static int report_fd;

static void on_signal(int signo, siginfo_t *info, void *context)
{
	struct report report = { signo, info->si_code,
				 (uintptr_t)info->si_addr };

	(void)context;
	if (write(report_fd, &report, sizeof(report)) != sizeof(report))
		_exit(3);
	_exit(0);
}

static void install_handlers(void)
{
	static const int signals[] = { SIGILL, SIGSEGV, SIGBUS, SIGTRAP,
				       SIGFPE };
	static char alternate[65536];
	stack_t stack = { .ss_sp = alternate, .ss_size = sizeof(alternate) };
	struct sigaction action = { .sa_sigaction = on_signal,
				    .sa_flags = SA_SIGINFO | SA_ONSTACK };

	sigaltstack(&stack, NULL);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigaction(signals[i], &action, NULL);
}

/* Run @act(@arg) in a child; its report, or signo 0 if nothing happened. */
static struct report run(void (*act)(uintptr_t), uintptr_t arg)
{
	struct report report = { 0, 0, 0 };
	int fds[2], status;
	pid_t child;

	if (pipe(fds))
		exit(2);
	child = fork();
	if (child == 0) {
		report_fd = fds[1];
		install_handlers();
		act(arg);
		_exit(0);
	}
	close(fds[1]);
	if (read(fds[0], &report, sizeof(report)) < 0)
		exit(2);
	close(fds[0]);
	waitpid(child, &status, 0);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		report.signo = -1;
	return report;
}

/* Without a handler: the signal that ended the child, 0 if none. */
static int run_bare(void (*act)(uintptr_t), uintptr_t arg)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		act(arg);
		_exit(0);
	}
	waitpid(child, &status, 0);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void read_sstatus(uintptr_t unused)
{
	(void)unused;
	__asm__ volatile("csrr t0, sstatus" : : : "t0");
}
static void write_stvec(uintptr_t unused)
{
	(void)unused;
	__asm__ volatile("csrw stvec, zero");
}
static void write_satp(uintptr_t unused)
{
	(void)unused;
	__asm__ volatile("csrw satp, zero");
}
static void do_sret(uintptr_t unused)
{
	(void)unused;
	__asm__ volatile("sret");
}
static void do_mret(uintptr_t unused)
{
	(void)unused;
	__asm__ volatile(".word 0x30200073");
}
static void do_wfi(uintptr_t unused)
{
	(void)unused;
	__asm__ volatile("wfi");
}
static void do_sfence(uintptr_t unused)
{
	(void)unused;
	__asm__ volatile("sfence.vma");
}
static void all_zero_instruction(uintptr_t unused)
{
	(void)unused;
	__asm__ volatile(".half 0");
}
static void do_ebreak(uintptr_t unused)
{
	(void)unused;
	__asm__ volatile("ebreak");
}
static void load(uintptr_t address)
{
	__asm__ volatile("lb t0, 0(%0)" : : "r"(address) : "t0", "memory");
}
static void store(uintptr_t address)
{
	__asm__ volatile("sb zero, 0(%0)" : : "r"(address) : "memory");
}
static void jump(uintptr_t address)
{
	__asm__ volatile("jalr %0" : : "r"(address) : "ra", "memory");
}

static void nothing(void)
{
	/* Called through an odd address: bit 0 is dropped (unprivileged ISA,
	 * JALR), so it simply runs. */
}

static void jump_odd(uintptr_t unused)
{
	(void)unused;
	jump((uintptr_t)nothing | 1);
}

static void load_misaligned(uintptr_t unused)
{
	static const uint64_t words[2] = { 0x1122334455667788,
					   0x99aabbccddeeff00 };
	uint64_t value;

	(void)unused;
	__asm__ volatile("ld %0, 3(%1)" : "=r"(value) : "r"(words) : "memory");
	if (value != 0xeeff001122334455)
		_exit(4);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winfinite-recursion"
static int recurse(volatile char *before)
{
	volatile char here[4096];

	here[0] = before ? before[0] : 1;
	return recurse(here) + here[0];
}
#pragma GCC diagnostic pop

static void overflow_stack(uintptr_t unused)
{
	(void)unused;
	recurse(NULL);
}

static void expect(const char *name, void (*act)(uintptr_t), uintptr_t arg,
		   int signo, int code)
{
	struct report got = run(act, arg);

	check(got.signo == signo && got.code == code,
	      "%s: signal %d code %d (want %d, %d)", name, got.signo, got.code,
	      signo, code);
}

/* The same, and si_addr is the address touched. */
static void expect_at(const char *name, void (*act)(uintptr_t), uintptr_t arg,
		      int code)
{
	struct report got = run(act, arg);

	check(got.signo == SIGSEGV && got.code == code && got.address == arg,
	      "%s: signal %d code %d at %#lx (want %d, %d, %#lx)", name,
	      got.signo, got.code, (unsigned long)got.address, SIGSEGV, code,
	      (unsigned long)arg);
}

static void privileged_instructions(void)
{
	struct report got;

	expect("csrr sstatus", read_sstatus, 0, SIGILL, ILL_ILLOPC);
	expect("csrw stvec", write_stvec, 0, SIGILL, ILL_ILLOPC);
	expect("csrw satp", write_satp, 0, SIGILL, ILL_ILLOPC);
	expect("sret", do_sret, 0, SIGILL, ILL_ILLOPC);
	expect("mret", do_mret, 0, SIGILL, ILL_ILLOPC);
	expect("sfence.vma", do_sfence, 0, SIGILL, ILL_ILLOPC);
	expect("an instruction of zeros", all_zero_instruction, 0, SIGILL,
	       ILL_ILLOPC);
	/* A hart may also let wfi return at once in user mode. */
	got = run(do_wfi, 0);
	check(got.signo == 0 || got.signo == SIGILL, "wfi: signal %d",
	      got.signo);
	expect("ebreak", do_ebreak, 0, SIGTRAP, TRAP_BRKPT);
}

static void forbidden_addresses(void)
{
	static const struct {
		const char *name;
		uintptr_t address;
	} places[] = {
		{ "null", 0 },
		{ "kernel image", KERNEL_IMAGE },
		{ "kernel memory", KERNEL_MEMORY },
		{ "device", UART_PHYSICAL + 4 * 4096 * 1024UL },
		{ "top", ~0UL & ~7UL },
	};
	char name[64];

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		uintptr_t at = places[i].address;

		snprintf(name, sizeof(name), "load %s", places[i].name);
		expect_at(name, load, at, SEGV_MAPERR);
		snprintf(name, sizeof(name), "store %s", places[i].name);
		expect_at(name, store, at, SEGV_MAPERR);
		snprintf(name, sizeof(name), "jump %s", places[i].name);
		expect_at(name, jump, at, SEGV_MAPERR);
	}
	check(run(load, NOT_CANONICAL).signo == SIGSEGV,
	      "load at an address that is not canonical");
}

static void protected_memory(void)
{
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *none =
		mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	page[0] = 1;
	expect_at("write to text", store, (uintptr_t)nothing & ~1UL,
		  SEGV_ACCERR);
	expect_at("jump to data", jump, (uintptr_t)page, SEGV_ACCERR);
	expect_at("load without rights", load, (uintptr_t)none, SEGV_ACCERR);
	mprotect(page, 4096, PROT_READ);
	expect_at("store to read-only", store, (uintptr_t)page, SEGV_ACCERR);
	munmap(page, 4096);
	expect_at("load after munmap", load, (uintptr_t)page, SEGV_MAPERR);
}

int main(void)
{
	privileged_instructions();
	forbidden_addresses();
	protected_memory();
	check(run(overflow_stack, 0).signo == SIGSEGV,
	      "stack overflow, handler on an alternate stack");
	check(run_bare(overflow_stack, 0) == SIGSEGV,
	      "stack overflow without a handler");
	check(run_bare(read_sstatus, 0) == SIGILL, "csrr without a handler");
	check(run_bare(store, KERNEL_IMAGE) == SIGSEGV,
	      "kernel address without a handler");
	check(run(jump_odd, 0).signo == 0, "a jump to an odd address");
	check(run(load_misaligned, 0).signo == 0, "a misaligned load works");
	return check_status();
}
