/* SPDX-License-Identifier: MIT */
/*
 * fpu.c - floating-point registers are a program's own: across switches, fork,
 * threads and signals, whoever else uses the unit
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#define PAGE 4096

/* All that a switch must keep. */
struct registers {
	uint64_t f[32];
	uint64_t fcsr;
};

static struct registers pattern(unsigned int seed)
{
	struct registers r;

	for (unsigned int i = 0; i < 32; i++)
		r.f[i] = (uint64_t)seed << 32 | (i + 1);
	r.fcsr = seed & 0x1f; /* the accrued exceptions */
	return r;
}

static int same(const struct registers *a, const struct registers *b)
{
	return !memcmp(a, b, sizeof(*a));
}

#define EACH_REGISTER(op)                                                      \
	op(0) op(1) op(2) op(3) op(4) op(5) op(6) op(7) op(8) op(9) op(10)     \
		op(11) op(12) op(13) op(14) op(15) op(16) op(17) op(18) op(19) \
			op(20) op(21) op(22) op(23) op(24) op(25) op(26)       \
				op(27) op(28) op(29) op(30) op(31)
#define LOAD(n)    "fld f" #n ", 8*" #n "(%[r])\n"
#define STORE(n)   "fsd f" #n ", 8*" #n "(%[r])\n"
#define CLOBBER(n) "f" #n,
#define ALL_REGISTERS                                                          \
	"f0", "f1", "f2", "f3", "f4", "f5", "f6", "f7", "f8", "f9", "f10",     \
		"f11", "f12", "f13", "f14", "f15", "f16", "f17", "f18", "f19", \
		"f20", "f21", "f22", "f23", "f24", "f25", "f26", "f27", "f28", \
		"f29", "f30", "f31"

static void load(const struct registers *r)
{
	__asm__ volatile(EACH_REGISTER(LOAD) "fscsr %[c]\n"
			 :
			 : [r] "r"(r->f), [c] "r"(r->fcsr)
			 : "memory", ALL_REGISTERS);
}

/*
 * Load all, make a system call with @a0 and @a1 @times times, store all: in
 * one piece, so that nothing else of this program touches them.
 */
static long through(struct registers *r, long nr, long arg0, long arg1,
		    long times)
{
	register long a0 __asm__("a0");
	register long a1 __asm__("a1") = arg1;
	register long a7 __asm__("a7") = nr;

	__asm__ volatile(EACH_REGISTER(LOAD) "fscsr %[c]\n"
					     "1: mv a0, %[arg]\n"
					     "ecall\n"
					     "addi %[n], %[n], -1\n"
					     "bnez %[n], 1b\n" EACH_REGISTER(
						     STORE) "frcsr %[c]\n"
			 : "=&r"(a0), [c] "+&r"(r->fcsr), [n] "+&r"(times)
			 : [r] "r"(r->f), [arg] "r"(arg0), "r"(a1), "r"(a7)
			 : "memory", ALL_REGISTERS);
	return a0;
}

/* Yield with the registers full; do they come back every time? */
static int hold(unsigned int seed, long turns)
{
	const struct registers wanted = pattern(seed);
	struct registers r = wanted;

	through(&r, SYS_sched_yield, 0, 0, turns);
	return same(&r, &wanted);
}

static void test_processes(void)
{
	int status, all = 1;

	for (unsigned int i = 1; i <= 3; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(hold(i, 500) ? 0 : 1);
	}
	all = hold(9, 500);
	for (int i = 0; i < 3; i++) {
		wait(&status);
		all = all && status == 0;
	}
	check(all, "registers survive switches between processes");
}

static void *hold_in_thread(void *arg)
{
	return (void *)(long)hold((unsigned int)(long)arg, 500);
}

static void test_threads(void)
{
	pthread_t threads[3];
	void *result;
	int all;

	for (long i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, hold_in_thread,
			       (void *)(i + 20));
	all = hold(29, 500);
	for (int i = 0; i < 3; i++) {
		pthread_join(threads[i], &result);
		all = all && result;
	}
	check(all, "and between threads");
}

static void test_fork(void)
{
	const struct registers wanted = pattern(5), other = pattern(6);
	struct registers r = wanted;
	int status;
	/* clone(SIGCHLD): a fork without the C library's. */
	long pid = through(&r, SYS_clone, SIGCHLD, 0, 1);

	if (pid == 0)
		_exit(same(&r, &wanted) ? 0 : 1);
	load(&other); /* what the child finds left on the hart */
	waitpid((pid_t)pid, &status, 0);
	check(status == 0, "a child has its parent's registers");
	check(same(&r, &wanted), "and so has the parent");
}

/* Only read since the last switch: they were not loaded before. */
static void test_reading(void)
{
	const struct registers wanted = pattern(7);
	struct registers r = wanted, zero;
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		memset(&zero, 0, sizeof(zero));
		for (int i = 0; i < 200; i++) {
			load(&zero);
			sched_yield();
		}
		_exit(0);
	}
	through(&r, SYS_sched_yield, 0, 0, 100);
	check(same(&r, &wanted), "registers that are only read come back");
	waitpid(pid, &status, 0);
}

/* ---- Signals -------------------------------------------------------------- */

static volatile int seen_signo, seen_pid;
static volatile uint64_t seen_pad;
static struct registers seen;

static void spoil(int signo, siginfo_t *info, void *context)
{
	const ucontext_t *uc = context;
	const struct registers other = pattern(30);
	uint64_t pad = 0;

	seen_signo = info->si_signo;
	seen_pid = info->si_pid;
	for (size_t i = 48; i < sizeof(*info); i++)
		pad |= ((unsigned char *)info)[i];
	seen_pad = pad;
	memcpy(seen.f, uc->uc_mcontext.__fpregs.__d.__f, sizeof(seen.f));
	seen.fcsr = uc->uc_mcontext.__fpregs.__d.__fcsr;
	load(&other);
	(void)signo;
}

static int handler_is_right(void)
{
	const struct registers wanted = pattern(11);
	struct registers r = wanted;

	memset(&seen, 0, sizeof(seen));
	seen_signo = 0;
	through(&r, SYS_kill, getpid(), SIGUSR1, 1);
	return same(&r, &wanted) && same(&seen, &wanted) &&
	       seen_signo == SIGUSR1 && seen_pid == getpid() && !seen_pad;
}

static void test_signal(void)
{
	struct sigaction action = { .sa_sigaction = spoil,
				    .sa_flags = SA_SIGINFO | SA_ONSTACK };
	char *stack = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int all = 1;

	sigaction(SIGUSR1, &action, NULL);
	check(handler_is_right(), "a handler finds and cannot spoil them");

	/* The frame at every place across the border of two pages. */
	for (int i = 0; i <= PAGE; i += 16) {
		stack_t alt = { .ss_sp = stack,
				.ss_size = (size_t)(3 * PAGE - i) };

		madvise(stack, 4 * PAGE, MADV_DONTNEED);
		sigaltstack(&alt, NULL);
		all = all && handler_is_right();
	}
	check(all, "wherever on the stack the frame is");
	sigaltstack(&(stack_t){ .ss_flags = SS_DISABLE }, NULL);
	munmap(stack, 4 * PAGE);
}

static void change(int signo, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	const struct registers changed = pattern(12), other = pattern(30);

	(void)signo;
	(void)info;
	memcpy(uc->uc_mcontext.__fpregs.__d.__f, changed.f, sizeof(changed.f));
	uc->uc_mcontext.__fpregs.__d.__fcsr = (unsigned int)changed.fcsr;
	load(&other);
	sched_yield(); /* they need not be on the hart when it returns */
}

/* A handler may set the registers; and they are then as if loaded. */
static void test_changed(void)
{
	struct sigaction action = { .sa_sigaction = change,
				    .sa_flags = SA_SIGINFO };
	const struct registers wanted = pattern(12);
	pid_t pid = fork();
	int all = 1, status;

	if (pid == 0)
		_exit(hold(40, 400) ? 0 : 1);
	sigaction(SIGUSR1, &action, NULL);
	for (int i = 0; i < 50; i++) {
		struct registers r = pattern(11);

		through(&r, SYS_kill, getpid(), SIGUSR1, 1);
		all = all && same(&r, &wanted) && hold(41, 3);
	}
	check(all, "what a handler writes into its frame is loaded");
	waitpid(pid, &status, 0);
	check(status == 0, "for this program alone");
}

/* ---- Switches at any moment ------------------------------------------------ */

static void on_first_hart(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* Often, and whatever the others are doing: spoil all registers. */
static void spoil_often(void)
{
	const struct sched_param param = { .sched_priority = 1 };
	const struct registers other = pattern(50);
	struct timespec pause = { 0 };

	sched_setscheduler(0, SCHED_FIFO, &param);
	for (unsigned int i = 0;; i++) {
		pause.tv_nsec = 20000 + i % 64 * 500;
		nanosleep(&pause, NULL);
		load(&other);
	}
}

/*
 * Who only reads the registers after a switch has them loaded then (the second
 * yield comes with registers that were not written since). It must not matter
 * that it is pushed aside meanwhile.
 */
static int read_often(unsigned int seed)
{
	const struct registers wanted = pattern(seed);
	int all = 1;

	for (int i = 0; i < 20000; i++) {
		struct registers r = wanted;

		through(&r, SYS_sched_yield, 0, 0, 2);
		all = all && same(&r, &wanted);
	}
	return all;
}

static void test_pushed_aside(void)
{
	pid_t spoiler, partner;
	int all, status;

	on_first_hart();
	spoiler = fork();
	if (spoiler == 0)
		spoil_often();
	partner = fork();
	if (partner == 0)
		_exit(read_often(51) ? 0 : 1);
	all = read_often(52);
	waitpid(partner, &status, 0);
	check(all && status == 0, "registers survive a switch while they load");
	kill(spoiler, SIGKILL);
	waitpid(spoiler, &status, 0);
}

int main(void)
{
	test_processes();
	test_threads();
	test_fork();
	test_reading();
	test_signal();
	test_changed();
	test_pushed_aside();
	return check_status();
}
