/* SPDX-License-Identifier: MIT */
/*
 * process.c - claims about processes: clone, exit, wait, groups, credentials
 *
 * Runs as root, on Creance and on Linux alike. Every claim is made in a child
 * of its own, so that one cannot spoil the next.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <linux/sched.h>
#include <time.h>
#include <unistd.h>
#include "check.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

/* The call failed with @err. */
#define fails(call, err) (errno = 0, (call) == -1 && errno == (err))

static void sleep_ms(int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&ts, NULL);
}

/* Bytes through a pipe; what came is seen from what they say. */
static void tell(int fd, const void *what, size_t size)
{
	if (write(fd, what, size) != (ssize_t)size)
		perror("write");
}

static void hear(int fd, void *what, size_t size)
{
	if (read(fd, what, size) < 0)
		perror("read");
}

/* fork() a child that runs @body and leaves. */
#define in_child(body)                                                         \
	({                                                                     \
		pid_t pid_ = fork();                                           \
		if (pid_ == 0) {                                               \
			body;                                                  \
			_exit(0);                                              \
		}                                                              \
		pid_;                                                          \
	})

/* A claim that is computed in a child: its exit status is 0 if it holds. */
#define check_in_child(holds, ...)                                             \
	({                                                                     \
		int status_ = -1;                                              \
		pid_t pid_ = in_child(_exit((holds) ? 0 : 1));                 \
		waitpid(pid_, &status_, 0);                                    \
		check(status_ == 0, __VA_ARGS__);                              \
	})

/* ---- exit and wait ------------------------------------------------------- */

static void test_status(void)
{
	int status;
	pid_t pid = in_child(_exit(0x1234));

	check(waitpid(pid, &status, 0) == pid, "wait returns the child");
	check(WIFEXITED(status) && WEXITSTATUS(status) == 0x34,
	      "exit status is eight bits");
	pid = in_child(raise(SIGKILL));
	waitpid(pid, &status, 0);
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
	      "death by signal shows in the status");
	check(fails(waitpid(pid, &status, 0), ECHILD),
	      "a child is waited for once");
	check(fails(wait(NULL), ECHILD), "no children: ECHILD");
	check(fails(waitpid(1, NULL, 0), ECHILD), "not my child: ECHILD");
	check(fails(waitpid(-1, NULL, 0x40), EINVAL), "wait4 unknown option");
	check(fails(waitpid(INT32_MIN, NULL, 0), ESRCH), "wait4 of INT_MIN");
}

static void test_nohang(void)
{
	int pipefd[2], status = 0;
	char byte;
	pid_t pid;

	if (pipe(pipefd))
		return;
	pid = in_child(close(pipefd[1]); hear(pipefd[0], &byte, 1));
	check(waitpid(pid, &status, WNOHANG) == 0, "WNOHANG: not yet");
	close(pipefd[1]);
	check(waitpid(pid, &status, 0) == pid, "wait after WNOHANG");
	close(pipefd[0]);
}

static void test_waitid(void)
{
	siginfo_t info;
	pid_t pid = in_child(_exit(7));

	memset(&info, 0x55, sizeof(info));
	check(waitid(P_PID, pid, &info, WEXITED | WNOWAIT) == 0 &&
		      info.si_pid == pid && info.si_code == CLD_EXITED &&
		      info.si_status == 7 && info.si_signo == SIGCHLD &&
		      info.si_uid == getuid(),
	      "waitid fills in siginfo");
	check(waitid(P_ALL, 0, &info, WEXITED) == 0 && info.si_pid == pid,
	      "WNOWAIT left the child");
	check(fails(waitid(P_ALL, 0, &info, WEXITED), ECHILD),
	      "waitid: ECHILD");
	check(fails(waitid(P_ALL, 0, &info, 0), EINVAL),
	      "waitid: nothing to wait for");
	check(fails(waitid(9, 0, &info, WEXITED), EINVAL),
	      "waitid: unknown type");
	check(fails(waitid(P_PID, 0, &info, WEXITED), EINVAL),
	      "waitid: P_PID 0");
	pid = in_child(pause());
	memset(&info, 0x55, sizeof(info));
	check(waitid(P_PID, pid, &info, WEXITED | WNOHANG) == 0 &&
		      info.si_pid == 0 && info.si_signo == 0,
	      "waitid WNOHANG: zeros");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void test_stop_and_continue(void)
{
	int status;
	pid_t pid = in_child(for (;;) pause());

	kill(pid, SIGSTOP);
	check(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status) &&
		      WSTOPSIG(status) == SIGSTOP,
	      "a stop is reported");
	check(waitpid(pid, &status, WUNTRACED | WNOHANG) == 0,
	      "a stop is reported once");
	kill(pid, SIGCONT);
	check(waitpid(pid, &status, WCONTINUED) == pid && WIFCONTINUED(status),
	      "going on is reported");
	check(waitpid(pid, &status, WCONTINUED | WNOHANG) == 0,
	      "going on is reported once");
	kill(pid, SIGSTOP);
	waitpid(pid, &status, WUNTRACED);
	kill(pid, SIGKILL);
	check(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status),
	      "SIGKILL ends a stopped process");
}

static void test_ignored_sigchld(void)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct sigaction no_wait = { .sa_handler = SIG_DFL,
				     .sa_flags = SA_NOCLDWAIT };
	struct sigaction usual = { .sa_handler = SIG_DFL };
	pid_t pid;

	sigaction(SIGCHLD, &ignore, NULL);
	pid = in_child(sleep_ms(20));
	check(fails(waitpid(pid, NULL, 0), ECHILD),
	      "SIGCHLD ignored: wait ends with ECHILD");
	check(fails(kill(pid, 0), ESRCH), "and nothing is left");
	sigaction(SIGCHLD, &no_wait, NULL);
	pid = in_child(sleep_ms(20));
	check(fails(waitpid(pid, NULL, 0), ECHILD), "SA_NOCLDWAIT as well");
	sigaction(SIGCHLD, &usual, NULL);
}

static void test_zombie(void)
{
	pid_t pid = in_child();
	siginfo_t info;

	waitid(P_PID, pid, &info, WEXITED | WNOWAIT);
	check(kill(pid, 0) == 0, "a zombie can be signalled");
	check(getpgid(pid) == getpgrp(), "and has a group");
	waitpid(pid, NULL, 0);
	check(fails(kill(pid, 0), ESRCH), "until it was waited for");
}

/* The grandchild tells its parent's number before and after. */
static void test_orphan(int subreaper)
{
	int pipefd[2], seen[2], status;
	pid_t middle, parents[2], heir = subreaper ? getpid() : 1;

	if (pipe(pipefd) || pipe(seen))
		return;
	prctl(PR_SET_CHILD_SUBREAPER, subreaper);
	middle = in_child(in_child({
				  parents[0] = getppid();
				  tell(seen[1], parents, sizeof(parents[0]));
				  while (getppid() == parents[0])
					  sleep_ms(1);
				  parents[1] = getppid();
				  tell(pipefd[1], parents, sizeof(parents));
			  });
			  hear(seen[0], parents, sizeof(parents[0])));
	waitpid(middle, &status, 0);
	hear(pipefd[0], parents, sizeof(parents));
	check(parents[0] == middle && parents[1] == heir,
	      "an orphan goes to %s",
	      subreaper ? "the subreaper" : "the first process");
	if (subreaper)
		check(wait(NULL) > 0, "who can wait for it");
	prctl(PR_SET_CHILD_SUBREAPER, 0);
	for (int i = 0; i < 2; i++) {
		close(pipefd[i]);
		close(seen[i]);
	}
}

static volatile sig_atomic_t got_signal;

static void note_signal(int signo)
{
	got_signal = signo;
}

static void test_parent_death_signal(void)
{
	int pipefd[2], ready[2];
	pid_t middle;
	int seen = 0;

	if (pipe(pipefd) || pipe(ready))
		return;
	middle =
		in_child(in_child({
				 signal(SIGUSR1, note_signal);
				 prctl(PR_SET_PDEATHSIG, SIGUSR1);
				 tell(ready[1], &seen, sizeof(seen));
				 for (int i = 0; i < 200000 && !got_signal; i++)
					 sleep_ms(1);
				 seen = got_signal;
				 tell(pipefd[1], &seen, sizeof(seen));
			 });
			 hear(ready[0], &seen, sizeof(seen)));
	waitpid(middle, NULL, 0);
	hear(pipefd[0], &seen, sizeof(seen));
	check(seen == SIGUSR1, "PR_SET_PDEATHSIG is delivered");
	for (int i = 0; i < 2; i++) {
		close(pipefd[i]);
		close(ready[i]);
	}
}

static void burn_cpu_ms(long ms)
{
	struct timespec used;

	do
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	while (used.tv_sec * 1000 + used.tv_nsec / 1000000 < ms);
}

static long used_us(const struct rusage *usage)
{
	return (usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1000000 +
	       usage->ru_utime.tv_usec + usage->ru_stime.tv_usec;
}

static void test_usage(void)
{
	struct rusage usage;
	pid_t pid = in_child(burn_cpu_ms(40));

	wait4(pid, NULL, 0, &usage);
	check(used_us(&usage) > 5000, "wait4 tells the CPU time used");
	check(usage.ru_maxrss > 0, "and the largest resident size");
	getrusage(RUSAGE_CHILDREN, &usage);
	check(used_us(&usage) > 5000, "RUSAGE_CHILDREN has it as well");
	check(fails(getrusage(5, &usage), EINVAL), "getrusage: EINVAL");
}

/* ---- clone --------------------------------------------------------------- */

static long raw_clone(unsigned long flags, void *stack, int *parent_tid,
		      int *child_tid)
{
#ifdef __riscv
	return syscall(SYS_clone, flags, stack, parent_tid, 0, child_tid);
#else
	return syscall(SYS_clone, flags, stack, parent_tid, child_tid, 0);
#endif
}

static void test_clone_flags(void)
{
	check(fails(raw_clone(CLONE_SIGHAND | SIGCHLD, 0, 0, 0), EINVAL),
	      "CLONE_SIGHAND needs CLONE_VM");
	check(fails(raw_clone(CLONE_THREAD | CLONE_VM, 0, 0, 0), EINVAL),
	      "CLONE_THREAD needs CLONE_SIGHAND");
}

static void test_clone_tids(void)
{
	int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	long pid = raw_clone(CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | SIGCHLD,
			     NULL, &shared[0], &shared[1]);

	if (pid == 0)
		_exit(shared[1] == getpid() ? 0 : 1);
	int status;

	waitpid((pid_t)pid, &status, 0);
	check(shared[0] == pid, "CLONE_PARENT_SETTID");
	check(status == 0, "CLONE_CHILD_SETTID");
	munmap(shared, 4096);
}

static void test_exit_signal(void)
{
	int status;
	long pid;

	signal(SIGUSR2, note_signal);
	got_signal = 0;
	pid = raw_clone(SIGUSR2, NULL, NULL, NULL);
	if (pid == 0)
		_exit(3);
	sleep_ms(30);
	check(fails(waitpid((pid_t)pid, &status, 0), ECHILD),
	      "a child with another exit signal needs __WALL");
	check(waitpid((pid_t)pid, &status, __WALL) == pid, "__WALL finds it");
	check(got_signal == SIGUSR2, "its exit signal was sent");
	pid = raw_clone(0, NULL, NULL, NULL);
	if (pid == 0)
		_exit(3);
	check(waitpid((pid_t)pid, &status, __WCLONE) == pid,
	      "__WCLONE waits for a child without one");
	signal(SIGUSR2, SIG_DFL);
}

static void test_clone_parent(void)
{
	int status;
	pid_t middle = in_child({
		if (raw_clone(CLONE_PARENT | SIGCHLD, NULL, NULL, NULL) == 0)
			_exit(9);
		_exit(fails(wait(NULL), ECHILD) ? 0 : 1);
	});

	waitpid(middle, &status, 0);
	check(status == 0, "CLONE_PARENT: not the caller's child");
	check(wait(&status) > 0 && WEXITSTATUS(status) == 9,
	      "CLONE_PARENT: but its parent's");
}

static void test_vfork(void)
{
	volatile int written = 0;
	pid_t pid = vfork();

	if (pid == 0) {
		written = 1;
		_exit(0);
	}
	check(written == 1, "vfork shares memory and waits");
	waitpid(pid, NULL, 0);
	written = 0;
	pid = vfork();
	if (pid == 0) {
		written = 1;
		execl("/proc/self/exe", "process", "exit0", NULL);
		_exit(1);
	}
	check(written == 1, "vfork waits until exec");
	int status;

	waitpid(pid, &status, 0);
	check(status == 0, "vfork and exec");
}

static long raw_clone3(struct clone_args *args, size_t size)
{
	return syscall(SYS_clone3, args, size);
}

static void test_clone3(void)
{
	struct clone_args args = { .exit_signal = SIGCHLD };
	char large[sizeof(args) + 8];
	int pidfd = -1;
	long pid;

	check(fails(raw_clone3(&args, 32), EINVAL), "clone3: too small");
	check(fails(raw_clone3(&args, 100000), E2BIG), "clone3: too large");
	check(fails(raw_clone3((void *)1, sizeof(args)), EFAULT),
	      "clone3: bad address");
	memset(large, 0, sizeof(large));
	memcpy(large, &args, sizeof(args));
	large[sizeof(large) - 1] = 1;
	if (sizeof(args) >= 88)
		check(fails(raw_clone3((void *)large, sizeof(large)), E2BIG),
		      "clone3: an unknown field is set");
	args.exit_signal = 100;
	check(fails(raw_clone3(&args, sizeof(args)), EINVAL),
	      "clone3: no such signal");
	args.exit_signal = SIGCHLD;
	args.stack = 4096;
	check(fails(raw_clone3(&args, sizeof(args)), EINVAL),
	      "clone3: a stack without a size");
	args.stack = 0;
	args.flags = CLONE_PIDFD;
	args.pidfd = (uintptr_t)&pidfd;
	pid = raw_clone3(&args, sizeof(args));
	if (pid == 0)
		_exit(5);
	check(pidfd >= 0, "clone3 gives a pidfd");
	struct pollfd poll_one = { .fd = pidfd, .events = POLLIN };

	check(poll(&poll_one, 1, -1) == 1 && poll_one.revents & POLLIN,
	      "a pidfd is readable when the process has ended");
	siginfo_t info;

	check(waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED) == 0 &&
		      info.si_status == 5,
	      "waitid takes a pidfd");
	check(fails(syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0), ESRCH),
	      "pidfd_send_signal to nobody");
	close(pidfd);
}

/* A child with that number, which waits to be killed. */
static pid_t child_with_number(pid_t number)
{
	struct clone_args args = { .exit_signal = SIGCHLD,
				   .set_tid = (uintptr_t)&number,
				   .set_tid_size = 1 };
	long pid = raw_clone3(&args, sizeof(args));

	if (pid != 0)
		return (pid_t)pid;
	while (getpid() == number)
		pause();
	_exit(1);
}

/* The number was freed just now. Who bore it may be on its last steps on another
 * hart, even though it was waited for. */
static pid_t child_with_freed(pid_t number)
{
	pid_t pid;

	do
		pid = child_with_number(number);
	while (pid < 0 && errno == EEXIST);
	return pid;
}

/* It was there and could be killed; its number is free again after that. */
static bool is_ended(pid_t pid)
{
	int status;

	return pid > 0 && kill(pid, SIGKILL) == 0 &&
	       waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) &&
	       fails(kill(pid, 0), ESRCH);
}

static void test_numbers(void)
{
	enum { MANY = 200, FAR = 20000 };
	pid_t pids[MANY], number;
	bool good = true;

	check(fails(child_with_number(0), EINVAL), "set_tid: 0");
	check(fails(child_with_number(4194304), EINVAL), "set_tid: too large");
	check(fails(child_with_number(getpid()), EEXIST), "set_tid: in use");
	for (number = FAR; number < FAR + 2; number++) {
		pids[0] = child_with_number(number);
		check(pids[0] == number, "set_tid: %d", number);
		check(fails(child_with_number(number), EEXIST), "only once");
		pids[1] = child_with_number(number + 100);
		check(is_ended(pids[1]) && is_ended(number), "both are gone");
		check(is_ended(child_with_freed(number)), "and again");
	}
	for (int i = 0; i < MANY; i++) {
		number = in_child(_exit(0));
		waitpid(number, NULL, 0);
		good &= is_ended(child_with_freed(number));
	}
	check(good, "set_tid: numbers that were just freed");
	for (int i = 0; i < MANY; i++) {
		pids[i] = in_child(pause());
		for (int j = 0; j < i; j++)
			good &= pids[i] > 0 && pids[i] != pids[j];
	}
	check(good, "no two have the same number");
	for (int i = MANY - 1; i >= 0; i--)
		good &= is_ended(pids[i * 7 % MANY]);
	check(good, "each is found by its own");
}

static void test_pidfd(void)
{
	pid_t pid = in_child(pause());
	int fd = (int)syscall(SYS_pidfd_open, pid, 0), status;

	check(fd >= 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC),
	      "pidfd_open, close-on-exec");
	check(fails(syscall(SYS_pidfd_open, 0, 0), EINVAL), "pidfd_open of 0");
	check(fails(syscall(SYS_pidfd_open, 4000000, 0), ESRCH),
	      "pidfd_open of nobody");
	check(fails(syscall(SYS_pidfd_open, pid, 1), EINVAL),
	      "pidfd_open with an unknown flag");
	check(fails(syscall(SYS_pidfd_send_signal, 0, 0, NULL, 0), EBADF),
	      "pidfd_send_signal to a file");
	check(syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) == 0,
	      "pidfd_send_signal");
	waitpid(pid, &status, 0);
	check(WIFSIGNALED(status), "has killed it");
	close(fd);
}

static void test_unshare(void)
{
	check_in_child(unshare(CLONE_FILES | CLONE_FS) == 0,
		       "unshare files and directory");
	check_in_child(fails(unshare(0x1), EINVAL), "unshare: unknown flag");
}

/* ---- Threads ------------------------------------------------------------- */

static void *thread_exits_process(void *arg)
{
	(void)arg;
	exit(11);
}

static void *thread_execs(void *arg)
{
	(void)arg;
	execl("/proc/self/exe", "process", "pid", NULL);
	return NULL;
}

static void *thread_sleeps(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static void *thread_returns_tid(void *arg)
{
	*(pid_t *)arg = (pid_t)syscall(SYS_gettid);
	return NULL;
}

static void *thread_outlives(void *arg)
{
	(void)arg;
	sleep_ms(50);
	exit(12);
}

static void test_threads(void)
{
	pthread_t thread;
	pid_t tid = 0, pid;
	int status;

	pthread_create(&thread, NULL, thread_returns_tid, &tid);
	pthread_join(thread, NULL);
	check(tid != 0 && tid != getpid(), "a thread has a number of its own");

	pid = in_child({
		pthread_create(&thread, NULL, thread_exits_process, NULL);
		for (;;)
			pause();
	});
	waitpid(pid, &status, 0);
	check(WIFEXITED(status) && WEXITSTATUS(status) == 11,
	      "exit in a thread ends the process");

	pid = in_child({
		for (int i = 0; i < 4; i++)
			pthread_create(&thread, NULL, thread_sleeps, NULL);
		pthread_create(&thread, NULL, thread_execs, NULL);
		for (;;)
			pause();
	});
	waitpid(pid, &status, 0);
	check(WIFEXITED(status) && WEXITSTATUS(status) == (pid & 0xff),
	      "exec in a thread keeps the process's number");

	pid = in_child({
		pthread_create(&thread, NULL, thread_outlives, NULL);
		syscall(SYS_exit, 0);
	});
	waitpid(pid, &status, 0);
	check(WIFEXITED(status) && WEXITSTATUS(status) == 12,
	      "a process goes on after its first thread");

	pid = in_child({
		for (int i = 0; i < 8; i++)
			pthread_create(&thread, NULL, thread_sleeps, NULL);
		kill(getpid(), SIGTERM);
		for (;;)
			pause();
	});
	waitpid(pid, &status, 0);
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM,
	      "a fatal signal ends all threads");
}

/* ---- Groups and sessions ------------------------------------------------- */

static void test_groups(void)
{
	int status, pipefd[2];
	char byte;
	pid_t pid;

	check_in_child(setpgid(0, 0) == 0 && getpgrp() == getpid(),
		       "setpgid(0, 0) founds a group");
	check(fails(setpgid(0, -1), EINVAL), "setpgid: negative");
	check(fails(setpgid(4000000, 0), ESRCH), "setpgid of nobody");
	check_in_child(fails(setpgid(0, 4000000), EPERM),
		       "setpgid to no group");
	check_in_child(setsid() == getpid() && getsid(0) == getpid() &&
			       getpgrp() == getpid(),
		       "setsid founds session and group");
	check_in_child(setpgid(0, 0) == 0 && fails(setsid(), EPERM),
		       "setsid of a group leader");
	check_in_child(setsid() > 0 && fails(setpgid(0, 0), EPERM),
		       "setpgid of a session leader");
	check(fails(getpgid(4000000), ESRCH), "getpgid of nobody");
	check(fails(getsid(4000000), ESRCH), "getsid of nobody");

	if (pipe(pipefd))
		return;
	pid = in_child({
		close(pipefd[0]);
		fcntl(pipefd[1], F_SETFD, FD_CLOEXEC);
		execl("/proc/self/exe", "process", "pause", NULL);
	});
	close(pipefd[1]);
	hear(pipefd[0], &byte, 1); /* until exec */
	check(fails(setpgid(pid, pid), EACCES),
	      "setpgid of a child that did exec");
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	close(pipefd[0]);

	pid = in_child(pause());
	setpgid(pid, pid);
	check(waitpid(-pid, &status, WNOHANG) == 0, "wait for a group");
	check(waitpid(0, &status, WNOHANG) == -1 && errno == ECHILD,
	      "wait for the own group only");
	kill(-pid, SIGKILL);
	check(waitpid(-pid, &status, 0) == pid, "kill and wait for a group");
}

/* A stopped member of a group that becomes orphaned is woken by SIGHUP. */
static void test_orphaned_group(void)
{
	int pipefd[2], seen = 0;
	pid_t middle;

	if (pipe(pipefd))
		return;
	middle = in_child({
		setsid();
		pid_t stopped = in_child({
			signal(SIGHUP, note_signal);
			setpgid(0, 0);
			raise(SIGSTOP);
			seen = got_signal;
			tell(pipefd[1], &seen, sizeof(seen));
		});
		waitpid(stopped, NULL, WUNTRACED);
	});
	waitpid(middle, NULL, 0);
	close(pipefd[1]);
	hear(pipefd[0], &seen, sizeof(seen));
	check(seen == SIGHUP, "an orphaned stopped group gets SIGHUP, SIGCONT");
	close(pipefd[0]);
}

/* ---- Credentials --------------------------------------------------------- */

static bool gives_up_root(void)
{
	uid_t r, e, s;

	return setresgid(100, 100, 100) == 0 && setgroups(0, NULL) == 0 &&
	       setresuid(100, 100, 100) == 0 && getresuid(&r, &e, &s) == 0 &&
	       r == 100 && e == 100 && s == 100 && fails(setuid(0), EPERM) &&
	       fails(setresuid(-1, 0, -1), EPERM) &&
	       fails(setgroups(0, NULL), EPERM) && fails(setgid(0), EPERM);
}

static bool goes_and_comes_back(void)
{
	return seteuid(100) == 0 && geteuid() == 100 && getuid() == 0 &&
	       fails(setgroups(0, NULL), EPERM) && seteuid(0) == 0 &&
	       setgroups(0, NULL) == 0;
}

static bool keeps_capabilities(void)
{
	return prctl(PR_SET_KEEPCAPS, 1) == 0 && setresuid(5, 5, 5) == 0 &&
	       prctl(PR_GET_KEEPCAPS) == 1;
}

static bool has_sorted_groups(void)
{
	gid_t set[4] = { 30, 10, 20, 5 }, got[4];

	return setgroups(4, set) == 0 && getgroups(0, NULL) == 4 &&
	       getgroups(4, got) == 4 && got[0] == 5 && got[3] == 30 &&
	       fails(getgroups(2, got), EINVAL) &&
	       fails(syscall(SYS_getgroups, -1, got), EINVAL);
}

static bool cannot_signal_others(pid_t root_process)
{
	return setresuid(100, 100, 100) == 0 &&
	       fails(kill(root_process, 0), EPERM) &&
	       fails(kill(root_process, SIGTERM), EPERM);
}

static void test_credentials(void)
{
	check_in_child(gives_up_root(), "setresuid gives root up for good");
	check_in_child(goes_and_comes_back(), "seteuid goes and comes back");
	check_in_child(keeps_capabilities(), "PR_SET_KEEPCAPS");
	check_in_child(has_sorted_groups(), "setgroups and getgroups");
	check_in_child(cannot_signal_others(1), "kill needs the same user");
	check_in_child(syscall(SYS_setfsuid, 7) == 0 &&
			       syscall(SYS_setfsuid, -1) == 7,
		       "setfsuid returns the one before");
	check(prctl(PR_CAPBSET_READ, 40, 0, 0, 0) >= 0 &&
		      fails(prctl(PR_CAPBSET_READ, 64, 0, 0, 0), EINVAL),
	      "PR_CAPBSET_READ ends");
}

/* ---- Limits, scheduling, settings ---------------------------------------- */

static void test_limits(void)
{
	struct rlimit limit = { 100, 50 }, old;

	check(fails(setrlimit(RLIMIT_CORE, &limit), EINVAL),
	      "setrlimit: soft above hard");
	check(fails(getrlimit(99, &old), EINVAL), "getrlimit: EINVAL");
	check(getrlimit(RLIMIT_STACK, &old) == 0 && old.rlim_cur == 8 << 20,
	      "the stack may grow to 8 MiB");
	limit.rlim_cur = 50;
	check_in_child(setrlimit(RLIMIT_NOFILE, &limit) == 0 &&
			       setresuid(9, 9, 9) == 0 &&
			       (limit.rlim_max = 51,
				fails(setrlimit(RLIMIT_NOFILE, &limit), EPERM)),
		       "only root raises a hard limit");
	check(fails(prlimit(4000000, RLIMIT_CORE, NULL, &old), ESRCH),
	      "prlimit of nobody");
	limit = (struct rlimit){ 0, 0 };
	check_in_child(setresuid(12345, 12345, 12345) == 0 &&
			       setrlimit(RLIMIT_NPROC, &limit) == 0 &&
			       fails(fork(), EAGAIN),
		       "RLIMIT_NPROC refuses a fork");
}

static void test_scheduling(void)
{
	struct sched_param param = { 0 };
	struct timespec interval;
	cpu_set_t set;

	check(sched_getscheduler(0) == SCHED_OTHER, "SCHED_OTHER at first");
	check(fails(sched_getscheduler(-1), EINVAL), "sched_getscheduler(-1)");
	check(fails(sched_getscheduler(4000000), ESRCH), "... of nobody");
	check(sched_get_priority_max(SCHED_FIFO) == 99 &&
		      sched_get_priority_min(SCHED_RR) == 1 &&
		      sched_get_priority_max(SCHED_OTHER) == 0,
	      "priorities");
	check(fails(sched_get_priority_max(77), EINVAL), "of no policy");
	param.sched_priority = 5;
	check(fails(sched_setscheduler(0, SCHED_OTHER, &param), EINVAL),
	      "SCHED_OTHER has no priority");
	check_in_child(sched_setscheduler(0, SCHED_FIFO, &param) == 0 &&
			       sched_getscheduler(0) == SCHED_FIFO &&
			       sched_getparam(0, &param) == 0 &&
			       param.sched_priority == 5,
		       "SCHED_FIFO");
	check(sched_rr_get_interval(0, &interval) == 0, "a quantum");
	check(syscall(SYS_sched_getaffinity, 0, sizeof(set), &set) >= 8,
	      "sched_getaffinity returns bytes");
	check(fails(syscall(SYS_sched_getaffinity, 0, 7, &set), EINVAL),
	      "sched_getaffinity: odd size");
	CPU_ZERO(&set);
	check(fails(sched_setaffinity(0, sizeof(set), &set), EINVAL),
	      "sched_setaffinity: nowhere");
	check_in_child(nice(5) == 5 && getpriority(PRIO_PROCESS, 0) == 5 &&
			       syscall(SYS_getpriority, PRIO_PROCESS, 0) == 15,
		       "nice values, raw: 20 - nice");
	check_in_child(setresuid(9, 9, 9) == 0 &&
			       fails(setpriority(PRIO_PROCESS, 0, -5), EACCES),
		       "not better without privilege");
	check(fails(getpriority(9, 0), EINVAL), "getpriority: EINVAL");
	check(fails(getpriority(PRIO_PROCESS, 4000000), ESRCH),
	      "getpriority of nobody");
	check(sched_yield() == 0, "sched_yield");
}

static void test_settings(void)
{
	char name[17] = { 0 };

	prctl(PR_SET_NAME, "a name longer than fifteen");
	prctl(PR_GET_NAME, name);
	check(strcmp(name, "a name longer t") == 0, "PR_SET_NAME cuts");
	check(prctl(PR_GET_DUMPABLE) == 1, "PR_GET_DUMPABLE");
	check(fails(prctl(PR_SET_DUMPABLE, 7), EINVAL), "PR_SET_DUMPABLE");
	check(fails(prctl(PR_SET_PDEATHSIG, 100), EINVAL), "PR_SET_PDEATHSIG");
	check(fails(prctl(9999), EINVAL), "prctl: unknown");
	check_in_child(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
			       prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1,
		       "PR_SET_NO_NEW_PRIVS");
	check(fails(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0), EINVAL),
	      "which cannot be undone");
}

/* What the program does when it is run by itself, above. */
static int helper(const char *what)
{
	if (strcmp(what, "pid") == 0)
		return getpid() & 0xff;
	if (strcmp(what, "pause") == 0)
		for (;;)
			pause();
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return helper(argv[1]);
	test_status();
	test_nohang();
	test_waitid();
	test_stop_and_continue();
	test_ignored_sigchld();
	test_zombie();
	test_orphan(1);
	test_parent_death_signal();
	test_usage();
	test_clone_flags();
	test_clone_tids();
	test_exit_signal();
	test_clone_parent();
	test_vfork();
	test_clone3();
	test_numbers();
	test_pidfd();
	test_unshare();
	test_threads();
	test_groups();
	test_orphaned_group();
	test_credentials();
	test_limits();
	test_scheduling();
	test_settings();
	return check_status();
}
