/* SPDX-License-Identifier: MIT */
/*
 * signals.c - what signal(7) and its relatives promise
 *
 * Handlers and their frames, masks, queues, interrupted calls, alternate
 * stacks, default actions, job control, threads.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>
#include "asleep.h"
#include "check.h"

#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1u << 31)
#endif

/* Nothing is mapped there; the compiler does not know. */
static volatile int *volatile nothing_here = (volatile int *)8;

static volatile int num_calls;
static volatile int last_signo;
static siginfo_t last_info;

static void note(int signo, siginfo_t *info, void *context)
{
	(void)context;
	num_calls++;
	last_signo = signo;
	last_info = *info;
}

static void handle_with(int signo, void (*fn)(int, siginfo_t *, void *),
			int flags)
{
	struct sigaction action = { .sa_sigaction = fn,
				    .sa_flags = SA_SIGINFO | flags };

	sigaction(signo, &action, NULL);
	num_calls = 0;
}

static void block(int how, int signo)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signo);
	sigprocmask(how, &set, NULL);
}

static bool is_blocked(int signo)
{
	sigset_t set;

	sigprocmask(SIG_BLOCK, NULL, &set);
	return sigismember(&set, signo);
}

static bool is_pending(int signo)
{
	sigset_t set;

	sigpending(&set);
	return sigismember(&set, signo);
}

static void sleep_ms(int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000L };

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

static long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* A child that runs @fn and exits with its result; its pid. */
static pid_t child(int (*fn)(void))
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(fn());
	return pid;
}

static int wait_for(pid_t pid)
{
	int status = -1;

	waitpid(pid, &status, 0);
	return status;
}

/* ---- Handlers and masks -------------------------------------------------- */

static void test_handler(void)
{
	handle_with(SIGUSR1, note, 0);
	kill(getpid(), SIGUSR1);
	check(num_calls == 1 && last_signo == SIGUSR1, "handler runs");
	check(last_info.si_code == SI_USER && last_info.si_pid == getpid() &&
		      last_info.si_uid == getuid(),
	      "kill says who sent it");
	raise(SIGUSR1);
	check(num_calls == 2 && last_info.si_code == SI_TKILL,
	      "raise is SI_TKILL");
	check(!is_blocked(SIGUSR1), "the mask comes back");
}

static volatile bool self_blocked, other_blocked;

static void look_at_mask(int signo, siginfo_t *info, void *context)
{
	(void)info;
	(void)context;
	num_calls++;
	self_blocked = is_blocked(signo);
	other_blocked = is_blocked(SIGUSR2);
}

static void test_masks(void)
{
	struct sigaction action = { .sa_sigaction = look_at_mask,
				    .sa_flags = SA_SIGINFO };

	sigaddset(&action.sa_mask, SIGUSR2);
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	check(self_blocked && other_blocked, "sa_mask and the signal itself");
	action.sa_flags |= SA_NODEFER;
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	check(!self_blocked && other_blocked, "SA_NODEFER");

	handle_with(SIGUSR1, note, SA_RESETHAND);
	raise(SIGUSR1);
	sigaction(SIGUSR1, NULL, &action);
	check(num_calls == 1 && action.sa_handler == SIG_DFL, "SA_RESETHAND");

	handle_with(SIGUSR1, note, 0);
	block(SIG_BLOCK, SIGUSR1);
	raise(SIGUSR1);
	raise(SIGUSR1);
	check(num_calls == 0 && is_pending(SIGUSR1), "blocked is pending");
	block(SIG_UNBLOCK, SIGUSR1);
	check(num_calls == 1 && !is_pending(SIGUSR1),
	      "a standard signal is pending once");

	block(SIG_BLOCK, SIGKILL);
	block(SIG_BLOCK, SIGSTOP);
	check(!is_blocked(SIGKILL) && !is_blocked(SIGSTOP),
	      "SIGKILL and SIGSTOP cannot be blocked");
	check(sigaction(SIGKILL, &action, NULL) == -1 && errno == EINVAL,
	      "SIGKILL cannot be caught");
	check(sigaction(SIGKILL, NULL, &action) == 0 &&
		      sigaction(0, NULL, &action) == -1 && errno == EINVAL,
	      "SIGKILL can be asked about, signal 0 not");
	check(syscall(SYS_rt_sigprocmask, 99, &action.sa_mask, NULL, 8) == -1 &&
		      errno == EINVAL,
	      "unknown how");
	check(syscall(SYS_rt_sigprocmask, 99, NULL, NULL, 8) == 0,
	      "unknown how without a set");
	check(syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, NULL, 4) == -1 &&
		      errno == EINVAL,
	      "wrong size of a set");
}

static volatile int order[16];
static volatile int num_order;

static void note_order(int signo, siginfo_t *info, void *context)
{
	(void)context;
	(void)signo;
	order[num_order++ % 16] = info->si_value.sival_int;
}

static void test_queue(void)
{
	int first = SIGRTMIN, second = SIGRTMIN + 1;
	union sigval value;

	handle_with(first, note_order, 0);
	handle_with(second, note_order, 0);
	/* One at a time: no frame on top of another. */
	struct sigaction action;
	sigaction(first, NULL, &action);
	sigfillset(&action.sa_mask);
	sigaction(first, &action, NULL);
	sigaction(second, &action, NULL);

	block(SIG_BLOCK, first);
	block(SIG_BLOCK, second);
	for (int i = 0; i < 3; i++) {
		value.sival_int = 10 + i;
		sigqueue(getpid(), second, value);
		value.sival_int = i;
		sigqueue(getpid(), first, value);
	}
	num_order = 0;
	block(SIG_UNBLOCK, first);
	check(num_order == 3 && order[0] == 0 && order[1] == 1 && order[2] == 2,
	      "real-time signals queue in order");
	block(SIG_UNBLOCK, second);
	check(num_order == 6 && order[3] == 10 && order[5] == 12,
	      "and each with its value");

	siginfo_t info = { .si_code = SI_USER };
	check(syscall(SYS_rt_sigqueueinfo, getppid(), 0, &info) == -1 &&
		      errno == EPERM,
	      "nobody may pose as the kernel");
}

/* ---- At once, and from the queue ------------------------------------------ */

static void test_at_once(void)
{
	siginfo_t at_once;

	handle_with(SIGUSR1, note, 0);
	kill(getpid(), SIGUSR1);
	at_once = last_info;
	block(SIG_BLOCK, SIGUSR1);
	kill(getpid(), SIGUSR1);
	memset(&last_info, 0xaa, sizeof(last_info));
	block(SIG_UNBLOCK, SIGUSR1);
	check(num_calls == 2 && !memcmp(&at_once, &last_info, sizeof(at_once)),
	      "siginfo is the same at once and after waiting");

	block(SIG_BLOCK, SIGUSR1);
	kill(getpid(), SIGUSR1);
	syscall(SYS_tgkill, getpid(), gettid(), SIGUSR1);
	kill(getpid(), SIGUSR1);
	last_info.si_code = 99;
	block(SIG_UNBLOCK, SIGUSR1);
	check(num_calls == 4 && last_info.si_code == SI_USER,
	      "pending for the thread and for the process: the thread's first");
}

static void *volatile guarded;
static volatile bool first_blocked, masked_blocked;

/* SIGSEGV, because SIGUSR1 found no stack. */
static void look_after_failure(int signo, siginfo_t *info, void *context)
{
	const ucontext_t *uc = context;

	note(signo, info, context);
	first_blocked =
		is_blocked(SIGUSR1) || sigismember(&uc->uc_sigmask, SIGUSR1);
	masked_blocked =
		is_blocked(SIGUSR2) || sigismember(&uc->uc_sigmask, SIGSEGV);
	mprotect(guarded, 65536, PROT_READ | PROT_WRITE);
}

/* A handler that cannot be called leaves no trace in the mask. */
static void test_no_frame(void)
{
	struct sigaction action = { .sa_sigaction = note,
				    .sa_flags = SA_SIGINFO | SA_ONSTACK };
	stack_t stack = { .ss_size = 65536 };

	guarded = mmap(NULL, 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0);
	stack.ss_sp = guarded;
	sigaltstack(&stack, NULL);
	sigaddset(&action.sa_mask, SIGUSR2);
	sigaddset(&action.sa_mask, SIGSEGV);
	sigaction(SIGUSR1, &action, NULL);
	handle_with(SIGSEGV, look_after_failure, 0);
	raise(SIGUSR1);
	check(num_calls == 1 && last_signo == SIGSEGV,
	      "no stack for the handler: SIGSEGV, though its mask has it");
	check(!first_blocked && !masked_blocked,
	      "which does not see that mask");
	raise(SIGUSR1);
	check(num_calls == 2 && last_signo == SIGUSR1 && !is_blocked(SIGUSR2),
	      "and there is a stack: it runs");
	stack.ss_flags = SS_DISABLE;
	sigaltstack(&stack, NULL);
	munmap(guarded, 65536);
	signal(SIGSEGV, SIG_DFL);
}

/* ---- The frame ----------------------------------------------------------- */

static void change_frame(int signo, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	volatile double noise = 1.5;

	(void)info;
	num_calls++;
	for (int i = 0; i < 50; i++)
		noise *= 1.7;
	sigaddset(&uc->uc_sigmask, SIGUSR2);
	if (signo == SIGILL)
		uc->uc_mcontext.__gregs[0] += 4; /* pc: step over it */
}

static void test_frame(void)
{
	double a = 3.25, b = 0.5;
	unsigned long in = 0x123456789abcdef, out;

	handle_with(SIGILL, change_frame, 0);
	__asm__ volatile("mv t0, %2\n\t"
			 "mv s3, %2\n\t"
			 "fmv.d fs3, %3\n\t"
			 "fmv.d ft3, %4\n\t"
			 ".word 0xffffffff\n\t"
			 "add %0, t0, s3\n\t"
			 "fadd.d %1, fs3, ft3\n\t"
			 : "=&r"(out), "=&f"(a)
			 : "r"(in), "f"(a), "f"(b)
			 : "t0", "s3", "fs3", "ft3");
	check(num_calls == 1 && out == 2 * in, "registers survive a handler");
	check(a == 3.75, "floating-point registers too");
	check(is_blocked(SIGUSR2), "the handler can change the mask");
	block(SIG_UNBLOCK, SIGUSR2);
	signal(SIGILL, SIG_DFL);
}

static sigjmp_buf jump;

static void jump_out(int signo, siginfo_t *info, void *context)
{
	(void)info;
	(void)context;
	siglongjmp(jump, signo);
}

static void test_jump(void)
{
	volatile int count = 0;

	handle_with(SIGSEGV, jump_out, 0);
	while (count < 100) {
		if (sigsetjmp(jump, 1) == 0)
			*nothing_here = 1;
		count++;
	}
	check(count == 100, "siglongjmp out of SIGSEGV, again and again");
	signal(SIGSEGV, SIG_DFL);
}

/* ---- Alternate stacks ---------------------------------------------------- */

static char alternate[65536] __attribute__((aligned(16)));
static volatile bool on_alternate;
static stack_t seen_stack;
static volatile int stack_errno;

static void look_at_stack(int signo, siginfo_t *info, void *context)
{
	char here;
	stack_t none = { .ss_flags = SS_DISABLE };

	(void)signo;
	(void)info;
	(void)context;
	on_alternate =
		&here >= alternate && &here < alternate + sizeof(alternate);
	sigaltstack(NULL, &seen_stack);
	stack_errno = sigaltstack(&none, NULL) ? errno : 0;
}

static void test_alt_stack(void)
{
	stack_t stack = { .ss_sp = alternate, .ss_size = sizeof(alternate) };
	stack_t old;

	sigaltstack(NULL, &old);
	check(old.ss_flags == SS_DISABLE, "no alternate stack at first");
	check(sigaltstack(&stack, NULL) == 0, "sigaltstack");
	handle_with(SIGUSR1, look_at_stack, SA_ONSTACK);
	raise(SIGUSR1);
	check(on_alternate && seen_stack.ss_flags == SS_ONSTACK,
	      "SA_ONSTACK runs there");
	check(stack_errno == EPERM, "it cannot be changed while in use");
	handle_with(SIGUSR1, look_at_stack, 0);
	raise(SIGUSR1);
	check(!on_alternate && stack_errno == 0, "without SA_ONSTACK not");
	sigaltstack(&stack, NULL);

	stack.ss_flags = (int)SS_AUTODISARM;
	sigaltstack(&stack, NULL);
	handle_with(SIGUSR1, look_at_stack, SA_ONSTACK);
	raise(SIGUSR1);
	check(on_alternate && (seen_stack.ss_flags & SS_DISABLE) &&
		      stack_errno == 0,
	      "SS_AUTODISARM: none while the handler runs");
	sigaltstack(NULL, &old);
	check(old.ss_size == sizeof(alternate) &&
		      old.ss_flags == (int)SS_AUTODISARM,
	      "and back after it");

	stack.ss_flags = 0;
	stack.ss_size = 100;
	check(sigaltstack(&stack, NULL) == -1 && errno == ENOMEM,
	      "too small a stack");
	stack.ss_flags = 4;
	check(sigaltstack(&stack, NULL) == -1 && errno == EINVAL,
	      "unknown stack flags");
	stack.ss_flags = SS_DISABLE;
	sigaltstack(&stack, NULL);
}

/* ---- Interrupted calls --------------------------------------------------- */

/* When it sleeps, @signo goes to @pid, and @ms later a byte to @fd. */
static pid_t disturb(pid_t pid, int signo, int ms, int fd)
{
	pid_t disturber = fork();

	if (disturber == 0) {
		until_asleep(pid, pid);
		kill(pid, signo);
		sleep_ms(ms);
		if (fd >= 0 && write(fd, "x", 1) != 1)
			_exit(1);
		_exit(0);
	}
	return disturber;
}

static void test_restart(void)
{
	int fds[2];
	char c = 0;
	pid_t pid;
	ssize_t got;

	if (pipe(fds))
		return;
	handle_with(SIGUSR1, note, SA_RESTART);
	pid = disturb(getpid(), SIGUSR1, 50, fds[1]);
	got = read(fds[0], &c, 1);
	check(got == 1 && c == 'x' && num_calls == 1,
	      "SA_RESTART: read goes on");
	wait_for(pid);

	handle_with(SIGUSR1, note, 0);
	pid = disturb(getpid(), SIGUSR1, 50, fds[1]);
	got = read(fds[0], &c, 1);
	check(got == -1 && errno == EINTR && num_calls == 1,
	      "without it: EINTR");
	got = read(fds[0], &c, 1);
	wait_for(pid);

	handle_with(SIGUSR1, note, SA_RESTART);
	pid = disturb(getpid(), SIGUSR1, 50, -1);
	struct timespec ts = { 1000, 0 }, left = { 0, 0 };
	got = nanosleep(&ts, &left);
	check(got == -1 && errno == EINTR && left.tv_sec >= 500 &&
		      left.tv_sec < 1000,
	      "nanosleep never restarts after a handler, and says what is "
	      "left");
	wait_for(pid);

	struct pollfd poll_fd = { .fd = fds[0], .events = POLLIN };
	pid = disturb(getpid(), SIGUSR1, 50, -1);
	got = poll(&poll_fd, 1, 600000);
	check(got == -1 && errno == EINTR, "poll neither");
	wait_for(pid);

	signal(SIGUSR1, SIG_IGN);
	pid = disturb(getpid(), SIGUSR1, 50, fds[1]);
	got = read(fds[0], &c, 1);
	check(got == 1, "an ignored signal interrupts nothing");
	wait_for(pid);
	close(fds[0]);
	close(fds[1]);
}

static int sleep_half_a_second(void)
{
	struct timespec ts = { 0, 500000000 };
	long long before = now_ms();
	int result = nanosleep(&ts, NULL);
	long long took = now_ms() - before;

	return result == 0 && took >= 490 && took < 5000 ? 0 : 1;
}

static int read_a_byte_fd;
static int read_a_byte(void)
{
	char c;

	return read(read_a_byte_fd, &c, 1) == 1 ? 0 : 1;
}

static void stop_and_continue(pid_t pid)
{
	int status;

	until_asleep(pid, pid);
	kill(pid, SIGSTOP);
	waitpid(pid, &status, WUNTRACED);
	kill(pid, SIGCONT);
}

static void test_stop_restart(void)
{
	int fds[2], status = -1;
	pid_t pid;

	for (int i = 0; i < TRIES && status; i++) {
		pid = child(sleep_half_a_second);
		stop_and_continue(pid);
		status = wait_for(pid);
	}
	check(status == 0, "a stopped nanosleep sleeps on");
	if (pipe(fds))
		return;
	read_a_byte_fd = fds[0];
	pid = child(read_a_byte);
	stop_and_continue(pid);
	sleep_ms(50);
	check(write(fds[1], "y", 1) == 1 && wait_for(pid) == 0,
	      "a stopped read reads on");
	close(fds[0]);
	close(fds[1]);
}

static void test_temporary_masks(void)
{
	sigset_t all_but_usr1;
	struct timespec ts = { 600, 0 };
	pid_t pid;

	handle_with(SIGUSR1, look_at_mask, 0);
	block(SIG_BLOCK, SIGUSR1);
	sigfillset(&all_but_usr1);
	sigdelset(&all_but_usr1, SIGUSR1);
	raise(SIGUSR1);
	check(sigsuspend(&all_but_usr1) == -1 && errno == EINTR &&
		      num_calls == 1 && other_blocked,
	      "sigsuspend: the handler runs with the temporary mask");
	check(is_blocked(SIGUSR1) && !is_blocked(SIGUSR2),
	      "and the old one is back");
	num_calls = 0;
	pid = disturb(getpid(), SIGUSR1, 50, -1);
	check(ppoll(NULL, 0, &ts, &all_but_usr1) == -1 && errno == EINTR &&
		      num_calls == 1 && is_blocked(SIGUSR1),
	      "ppoll: the same");
	wait_for(pid);
	block(SIG_UNBLOCK, SIGUSR1);
}

static void test_sigwait(void)
{
	struct timespec ts = { 0, 50000000 };
	union sigval value = { .sival_int = 77 };
	siginfo_t info;
	sigset_t set;
	pid_t pid;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGRTMIN + 3);
	sigprocmask(SIG_BLOCK, &set, NULL);
	handle_with(SIGUSR1, note, 0);
	check(sigtimedwait(&set, &info, &ts) == -1 && errno == EAGAIN,
	      "sigtimedwait: nothing came");
	raise(SIGUSR1);
	sigqueue(getpid(), SIGRTMIN + 3, value);
	check(sigtimedwait(&set, &info, &ts) == SIGUSR1 &&
		      info.si_pid == getpid(),
	      "sigtimedwait takes the lowest first");
	check(sigtimedwait(&set, &info, &ts) == SIGRTMIN + 3 &&
		      info.si_code == SI_QUEUE && info.si_value.sival_int == 77,
	      "then the other");
	pid = disturb(getpid(), SIGUSR1, 50, -1);
	check(sigwaitinfo(&set, &info) == SIGUSR1 && info.si_pid == pid &&
		      num_calls == 0,
	      "sigwaitinfo wakes up, no handler runs");
	wait_for(pid);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* ---- Default actions ----------------------------------------------------- */

static int default_signo;

static int die_of_it(void)
{
	signal(default_signo, SIG_DFL);
	block(SIG_UNBLOCK, default_signo);
	raise(default_signo);
	return 42;
}

static void test_defaults(void)
{
	static const int deadly[] = { SIGHUP,  SIGINT,  SIGQUIT, SIGILL,
				      SIGTRAP, SIGABRT, SIGBUS,  SIGFPE,
				      SIGKILL, SIGUSR1, SIGSEGV, SIGPIPE,
				      SIGALRM, SIGTERM, SIGXCPU, SIGSYS,
				      SIGIO };
	static const int harmless[] = { SIGCHLD, SIGURG, SIGWINCH, SIGCONT };

	for (size_t i = 0; i < sizeof(deadly) / sizeof(*deadly); i++) {
		int status;

		default_signo = deadly[i];
		status = wait_for(child(die_of_it));
		check(WIFSIGNALED(status) && WTERMSIG(status) == deadly[i],
		      "signal %d kills", deadly[i]);
	}
	for (size_t i = 0; i < sizeof(harmless) / sizeof(*harmless); i++) {
		default_signo = harmless[i];
		check(wait_for(child(die_of_it)) == 42 << 8,
		      "signal %d does nothing", harmless[i]);
	}
}

static int fault_while_blocked(void)
{
	block(SIG_BLOCK, SIGSEGV);
	handle_with(SIGSEGV, note, 0);
	*nothing_here = 1;
	return 42;
}

static int fault_while_ignored(void)
{
	signal(SIGSEGV, SIG_IGN);
	*nothing_here = 1;
	return 42;
}

static int bad_handler_stack(void)
{
	handle_with(SIGUSR1, note, 0);
	__asm__ volatile("mv s2, sp\n\t"
			 "li sp, 16\n\t"
			 "li a7, %0\n\t"
			 "mv a0, %1\n\t"
			 "li a1, %2\n\t"
			 "ecall\n\t"
			 "mv sp, s2\n\t"
			 :
			 : "i"(SYS_kill), "r"(getpid()), "i"(SIGUSR1)
			 : "a0", "a1", "a7", "s2", "memory");
	return 42;
}

static void test_forced(void)
{
	int status = wait_for(child(fault_while_blocked));

	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV,
	      "a blocked fault kills");
	status = wait_for(child(fault_while_ignored));
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV,
	      "an ignored fault kills");
	status = wait_for(child(bad_handler_stack));
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV,
	      "no stack for the handler kills");
}

/* ---- Job control --------------------------------------------------------- */

static int sleep_forever(void)
{
	while (pause())
		;
	return 0;
}

static void test_job_control(void)
{
	siginfo_t info = { 0 };
	int status;
	pid_t pid;

	handle_with(SIGCHLD, note, 0);
	pid = child(sleep_forever);
	kill(pid, SIGSTOP);
	check(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status) &&
		      WSTOPSIG(status) == SIGSTOP,
	      "WUNTRACED");
	/* The child itself sends the signal, perhaps when we know already. */
	for (int i = 0; i < 200000 && !num_calls; i++)
		sleep_ms(1);
	check(num_calls == 1 && last_info.si_code == CLD_STOPPED &&
		      last_info.si_pid == pid && last_info.si_status == SIGSTOP,
	      "SIGCHLD says CLD_STOPPED");
	check(waitpid(pid, &status, WUNTRACED | WNOHANG) == 0,
	      "a stop is reported once");
	kill(pid, SIGCONT);
	check(waitpid(pid, &status, WCONTINUED) == pid && WIFCONTINUED(status),
	      "WCONTINUED");
	/* The child itself sends it, when it runs again. */
	for (int i = 0; i < 200000 && last_info.si_code != CLD_CONTINUED; i++)
		sleep_ms(1);
	check(last_info.si_code == CLD_CONTINUED, "SIGCHLD says CLD_CONTINUED");

	kill(pid, SIGSTOP);
	waitid(P_PID, (id_t)pid, &info, WSTOPPED);
	check(info.si_code == CLD_STOPPED, "waitid WSTOPPED");
	kill(pid, SIGTERM);
	sleep_ms(50);
	check(waitpid(pid, &status, WNOHANG) == 0,
	      "a stopped process does not die of SIGTERM");
	kill(pid, SIGKILL);
	check(WTERMSIG(wait_for(pid)) == SIGKILL, "but of SIGKILL");
	check(last_info.si_code == CLD_KILLED && last_info.si_status == SIGKILL,
	      "SIGCHLD says CLD_KILLED");

	handle_with(SIGCHLD, note, SA_NOCLDSTOP);
	pid = child(sleep_forever);
	kill(pid, SIGSTOP);
	waitpid(pid, &status, WUNTRACED);
	check(num_calls == 0, "SA_NOCLDSTOP");
	kill(pid, SIGKILL);
	wait_for(pid);

	signal(SIGCHLD, SIG_IGN);
	pid = child(sleep_forever);
	kill(pid, SIGKILL);
	check(waitpid(pid, &status, 0) == -1 && errno == ECHILD,
	      "SIGCHLD ignored: no zombies");
	signal(SIGCHLD, SIG_DFL);
}

static int stop_oneself(void)
{
	raise(SIGTSTP);
	return 7;
}

static void test_stop_signals(void)
{
	int status;
	pid_t pid;

	/* In its own group and this session, so not orphaned. */
	pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		_exit(stop_oneself());
	}
	waitpid(pid, &status, WUNTRACED);
	check(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTSTP,
	      "SIGTSTP stops");
	kill(pid, SIGCONT);
	check(wait_for(pid) == 7 << 8, "SIGCONT sets it going");

	/* A session of its own: nobody could continue it. */
	pid = fork();
	if (pid == 0) {
		setsid();
		_exit(stop_oneself());
	}
	check(wait_for(pid) == 7 << 8, "an orphaned group is not stopped");
}

/* ---- Permission and errors ----------------------------------------------- */

static int kill_parent_as_nobody(void)
{
	if (geteuid() == 0 && setresuid(65534, 65534, 65534))
		return 1;
	if (getuid() != 65534)
		return 0; /* not root: nothing to test */
	return kill(getppid(), 0) == -1 && errno == EPERM ? 0 : 1;
}

static void test_errors(void)
{
	pid_t pid;

	check(kill(0x3ffffff, 0) == -1 && errno == ESRCH, "kill: ESRCH");
	check(kill(getpid(), 65) == -1 && errno == EINVAL, "kill: EINVAL");
	check(kill(0x3ffffff, 65) == -1 && errno == ESRCH,
	      "kill: who before what");
	check(kill(-0x3ffffff, 0) == -1 && errno == ESRCH, "kill: no group");
	check(kill(getpid(), 0) == 0 && kill(0, 0) == 0, "kill: signal 0 asks");
	check(syscall(SYS_tgkill, getpid() + 1, gettid(), 0) == -1 &&
		      errno == ESRCH,
	      "tgkill: not that process's thread");
	check(syscall(SYS_tgkill, -1, gettid(), 0) == -1 && errno == EINVAL,
	      "tgkill: EINVAL");
	check(wait_for(child(kill_parent_as_nobody)) == 0, "kill: EPERM");
	pid = child(sleep_half_a_second);
	kill(pid, SIGKILL);
	sleep_ms(50);
	check(kill(pid, 0) == 0, "kill finds a zombie");
	wait_for(pid);
	check(kill(pid, 0) == -1 && errno == ESRCH, "and not a ghost");
}

/* ---- fork and threads ---------------------------------------------------- */

static int has_pending(void)
{
	return is_pending(SIGUSR1) || !is_blocked(SIGUSR1);
}

static void test_fork(void)
{
	handle_with(SIGUSR1, note, 0);
	block(SIG_BLOCK, SIGUSR1);
	raise(SIGUSR1);
	check(wait_for(child(has_pending)) == 0,
	      "fork: the mask is inherited, pending signals not");
	block(SIG_UNBLOCK, SIGUSR1);
}

static volatile pid_t handled_by;

static void note_thread(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	(void)info;
	(void)context;
	handled_by = gettid();
	num_calls++; /* last: others wait for it */
}

static volatile pid_t thread_tid;
static volatile bool thread_may_end;

static void *take_signals(void *arg)
{
	(void)arg;
	block(SIG_UNBLOCK, SIGUSR1);
	thread_tid = gettid();
	while (!thread_may_end)
		sleep_ms(5);
	return NULL;
}

static volatile bool may_send;

/* Not before the creator has its signal mask back. */
static void *send_to_process(void *arg)
{
	while (!may_send)
		sleep_ms(1);
	kill(getpid(), SIGUSR1);
	return arg;
}

static void *wait_for_usr2(void *arg)
{
	sigset_t set;
	int signo = 0;

	(void)arg;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigwait(&set, &signo);
	return (void *)(intptr_t)signo;
}

static void *end_at_once(void *arg)
{
	return arg;
}

/*
 * The end of a thread is no reason for another to look at what the first one
 * has been chosen for: not even while the kernel is still busy with that end,
 * of which pthread_join() tells early.
 */
static bool first_takes_it(void)
{
	pthread_t ending, sending;

	num_calls = handled_by = 0;
	may_send = false;
	pthread_create(&ending, NULL, end_at_once, NULL);
	pthread_join(ending, NULL);
	pthread_create(&sending, NULL, send_to_process, NULL);
	may_send = true;
	pthread_join(sending, NULL);
	while (!num_calls)
		sleep_ms(1);
	return num_calls == 1 && handled_by == gettid();
}

static void test_threads(void)
{
	pthread_t thread;
	void *result = NULL;
	int rounds = 0;

	handle_with(SIGUSR1, note_thread, 0);
	block(SIG_BLOCK, SIGUSR1);
	block(SIG_BLOCK, SIGUSR2);
	pthread_create(&thread, NULL, take_signals, NULL);
	while (!thread_tid)
		sleep_ms(1);
	kill(getpid(), SIGUSR1);
	for (int i = 0; i < 200 && !num_calls; i++)
		sleep_ms(5);
	check(num_calls == 1 && handled_by == thread_tid,
	      "a thread that does not block it takes it");
	syscall(SYS_tgkill, getpid(), gettid(), SIGUSR1);
	sleep_ms(20);
	check(num_calls == 1 && is_pending(SIGUSR1),
	      "tgkill is for that thread alone");
	block(SIG_UNBLOCK, SIGUSR1);
	check(num_calls == 2 && handled_by == gettid(), "which takes it later");
	thread_may_end = true;
	pthread_join(thread, NULL);

	while (rounds < 300 && first_takes_it())
		rounds++;
	check(rounds == 300, "the first thread takes what may be anybody's");

	pthread_create(&thread, NULL, wait_for_usr2, NULL);
	sleep_ms(20);
	kill(getpid(), SIGUSR2);
	pthread_join(thread, &result);
	check((intptr_t)result == SIGUSR2, "sigwait in a thread");
	block(SIG_UNBLOCK, SIGUSR2);
}

static void *spin(void *arg)
{
	while (++*(volatile unsigned long *)arg)
		;
	return NULL;
}

static int threads_and_die(void)
{
	static unsigned long counters[3];
	pthread_t thread;

	for (int i = 0; i < 3; i++)
		pthread_create(&thread, NULL, spin, &counters[i]);
	pause();
	return 1;
}

static void test_kill_threads(void)
{
	int status;
	pid_t pid = child(threads_and_die);

	sleep_ms(100);
	kill(pid, SIGSTOP);
	waitpid(pid, &status, WUNTRACED);
	check(WIFSTOPPED(status), "all threads of a process stop");
	kill(pid, SIGCONT);
	sleep_ms(20);
	kill(pid, SIGTERM);
	status = wait_for(pid);
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM,
	      "and die together");
}

static void test_pipe(void)
{
	int fds[2];

	if (pipe(fds))
		return;
	close(fds[0]);
	handle_with(SIGPIPE, note, 0);
	check(write(fds[1], "x", 1) == -1 && errno == EPIPE && num_calls == 1,
	      "SIGPIPE and EPIPE");
	close(fds[1]);
	signal(SIGPIPE, SIG_DFL);
}

int main(void)
{
	test_handler();
	test_masks();
	test_queue();
	test_at_once();
	test_no_frame();
	test_frame();
	test_jump();
	test_alt_stack();
	test_restart();
	test_stop_restart();
	test_temporary_masks();
	test_sigwait();
	test_defaults();
	test_forced();
	test_job_control();
	test_stop_signals();
	test_errors();
	test_fork();
	test_threads();
	test_kill_threads();
	test_pipe();
	return check_status();
}
