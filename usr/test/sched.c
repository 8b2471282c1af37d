/* SPDX-License-Identifier: MIT */
/*
 * sched.c - what sched(7) promises: errors, and who runs before whom
 *
 * The processes that are compared are bound to one hart; the one that compares
 * has a higher real-time priority than they.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "expect.h"

#define NOBODY 65534
#define GONE   999999 /* no such thread */

struct attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
	uint32_t util_min, util_max;
};
#define ATTR_SIZE 48

static struct {
	volatile unsigned long count[2];
	volatile int go;
} * shared;

static struct sched_param param(int priority)
{
	struct sched_param p = { .sched_priority = priority };

	return p;
}

static int set(int pid, int policy, int priority)
{
	struct sched_param p = param(priority);

	return sched_setscheduler(pid, policy, &p);
}

static long set_attr(const struct attr *attr, unsigned int flags)
{
	return syscall(SYS_sched_setattr, 0, attr, flags);
}

/* ---- Errors ---- */

static void test_scheduler_errors(void)
{
	struct sched_param p;

	FAILS(sched_setscheduler(0, SCHED_FIFO, NULL), EINVAL);
	FAILS(set(-1, SCHED_OTHER, 0), EINVAL);
	FAILS(set(GONE, SCHED_OTHER, 0), ESRCH);
	FAILS(set(0, -1, 0), EINVAL);
	FAILS(set(0, 99, 0), EINVAL);
	FAILS(set(0, SCHED_FIFO, 0), EINVAL);
	FAILS(set(0, SCHED_RR, 100), EINVAL);
	FAILS(set(0, SCHED_OTHER, 1), EINVAL);
	FAILS(set(0, SCHED_BATCH, 1), EINVAL);
	FAILS(set(0, SCHED_IDLE, 1), EINVAL);
	FAILS(sched_getscheduler(-1), EINVAL);
	FAILS(sched_getscheduler(GONE), ESRCH);
	FAILS(sched_getparam(GONE, &p), ESRCH);
	FAILS(sched_getparam(0, NULL), EINVAL);
	FAILS(sched_get_priority_max(77), EINVAL);
	for (int policy = SCHED_OTHER; policy <= SCHED_BATCH; policy++) {
		int priority = policy == SCHED_FIFO || policy == SCHED_RR;

		WORKS(set(0, policy, priority));
		GIVES(sched_getscheduler(0), policy);
	}
	WORKS(set(0, SCHED_IDLE, 0));
	GIVES(sched_getscheduler(0), SCHED_IDLE);
	WORKS(set(0, SCHED_OTHER, 0));
}

static void test_attr(void)
{
	struct attr attr = { .size = ATTR_SIZE, .nice = 7 }, got = { 0 };

	FAILS(set_attr(NULL, 0), EINVAL);
	FAILS(set_attr(&attr, 1), EINVAL);
	attr.size = ATTR_SIZE - 1;
	FAILS(set_attr(&attr, 0), E2BIG);
	attr.size = ATTR_SIZE;
	attr.flags = 1ull << 40;
	FAILS(set_attr(&attr, 0), EINVAL);
	attr.flags = 0;
	attr.policy = SCHED_FIFO;
	FAILS(set_attr(&attr, 0), EINVAL);
	attr.policy = SCHED_OTHER;
	WORKS(set_attr(&attr, 0));
	FAILS(syscall(SYS_sched_getattr, 0, NULL, 56, 0), EINVAL);
	FAILS(syscall(SYS_sched_getattr, 0, &got, ATTR_SIZE - 1, 0), EINVAL);
	FAILS(syscall(SYS_sched_getattr, 0, &got, 56, 1), EINVAL);
	FAILS(syscall(SYS_sched_getattr, GONE, &got, 56, 0), ESRCH);
	WORKS(syscall(SYS_sched_getattr, 0, &got, 56, 0));
	check(got.nice == 7 && got.policy == SCHED_OTHER && got.size == 56,
	      "sched_getattr tells what was set");
	attr.nice = 0;
	WORKS(set_attr(&attr, 0));
}

static void test_priorities(void)
{
	FAILS(setpriority(9, 0, 0), EINVAL);
	FAILS(setpriority(PRIO_PROCESS, GONE, 0), ESRCH);
	FAILS(getpriority(PRIO_PROCESS, GONE), ESRCH);
	WORKS(setpriority(PRIO_PROCESS, 0, 100));
	GIVES(getpriority(PRIO_PROCESS, 0), 19);
	WORKS(setpriority(PRIO_PROCESS, 0, -100));
	GIVES(getpriority(PRIO_PROCESS, 0), -20);
	WORKS(setpriority(PRIO_PROCESS, 0, 0));
}

static void test_intervals(void)
{
	struct timespec t = { 1, 1 };

	FAILS(sched_rr_get_interval(-1, &t), EINVAL);
	FAILS(sched_rr_get_interval(GONE, &t), ESRCH);
	/* Linux says 0 for SCHED_OTHER while the hart has nothing else to do. */
	WORKS(sched_rr_get_interval(0, &t));
	check(t.tv_sec == 0, "the quantum of SCHED_OTHER is below a second");
	WORKS(set(0, SCHED_FIFO, 1));
	WORKS(sched_rr_get_interval(0, &t));
	check(t.tv_sec == 0 && t.tv_nsec == 0, "SCHED_FIFO has none");
	WORKS(set(0, SCHED_RR, 1));
	WORKS(sched_rr_get_interval(0, &t));
	check(t.tv_sec == 0 && t.tv_nsec == 100000000,
	      "SCHED_RR's is 100 ms (%ld ns)", t.tv_nsec);
	WORKS(set(0, SCHED_OTHER, 0));
}

/* As nobody, in a process of its own. */
static void without_rights(void)
{
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_NICE, &none);
	setrlimit(RLIMIT_RTPRIO, &none);
	if (setgid(NOBODY) || setuid(NOBODY))
		_exit(2);
	FAILS(set(0, SCHED_FIFO, 1), EPERM);
	FAILS(set(1, SCHED_OTHER, 0), EPERM);
	FAILS(setpriority(PRIO_PROCESS, 0, -1), EACCES);
	FAILS(setpriority(PRIO_PROCESS, 1, 5), EPERM);
	WORKS(setpriority(PRIO_PROCESS, 0, 5));
	FAILS(setpriority(PRIO_PROCESS, 0, 4), EACCES);
	WORKS(set(0, SCHED_BATCH, 0));
	WORKS(set(0, SCHED_IDLE, 0));
	FAILS(set(0, SCHED_OTHER, 0), EPERM);
	_exit(check_failed);
}

static void test_rights(void)
{
	int status;

	fflush(stdout);
	if (fork() == 0)
		without_rights();
	wait(&status);
	check(WIFEXITED(status) && WEXITSTATUS(status) == 0,
	      "the errors of who has no rights");
}

static void test_affinity(void)
{
	cpu_set_t harts;

	CPU_ZERO(&harts);
	FAILS(sched_setaffinity(0, sizeof(harts), &harts), EINVAL);
	CPU_SET(0, &harts);
	FAILS(sched_setaffinity(GONE, sizeof(harts), &harts), ESRCH);
	WORKS(sched_setaffinity(0, sizeof(harts), &harts));
	GIVES(sched_getcpu(), 0);
	WORKS(sched_getaffinity(0, sizeof(harts), &harts));
	GIVES(CPU_COUNT(&harts), 1);
}

/* ---- Who runs; from here on everybody is bound to hart 0 ---- */

static void pause_ms(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

/* A process that counts, scheduled like that. */
static pid_t counter(int which, int policy, int priority)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	if (set(0, policy, priority))
		_exit(1);
	while (!shared->go)
		sched_yield();
	for (;;)
		shared->count[which]++;
}

static void count_two(int policy_a, int priority_a, int policy_b,
		      int priority_b, pid_t pids[2])
{
	shared->count[0] = shared->count[1] = 0;
	shared->go = 1;
	pids[0] = counter(0, policy_a, priority_a);
	pids[1] = counter(1, policy_b, priority_b);
}

static void stop(pid_t pids[2])
{
	/* Both, before waiting: one may be kept from dying by the other. */
	kill(pids[0], SIGKILL);
	kill(pids[1], SIGKILL);
	waitpid(pids[0], NULL, 0);
	waitpid(pids[1], NULL, 0);
}

static void test_fifo_keeps_the_hart(void)
{
	pid_t pids[2];

	count_two(SCHED_FIFO, 5, SCHED_FIFO, 5, pids);
	while (!shared->count[0] && !shared->count[1])
		pause_ms(10);
	pause_ms(300);
	check(!shared->count[0] || !shared->count[1],
	      "one of two SCHED_FIFO threads runs (%lu, %lu)", shared->count[0],
	      shared->count[1]);
	stop(pids);
}

static void test_rr_takes_turns(void)
{
	pid_t pids[2];

	count_two(SCHED_RR, 5, SCHED_RR, 5, pids);
	for (int i = 0; i < 20000 && !(shared->count[0] && shared->count[1]);
	     i++)
		pause_ms(10);
	check(shared->count[0] && shared->count[1],
	      "two SCHED_RR threads take turns");
	stop(pids);
}

static void test_better_priority_wins(void)
{
	unsigned long before;
	pid_t pids[2];

	count_two(SCHED_RR, 5, SCHED_RR, 6, pids);
	while (!shared->count[1])
		pause_ms(10);
	before = shared->count[0];
	pause_ms(300);
	check(shared->count[0] == before,
	      "a priority that is better by 1 keeps the hart");
	stop(pids);
}

/* What both count in half a second. */
static void count_for_a_while(unsigned long counted[2])
{
	unsigned long before[2] = { shared->count[0], shared->count[1] };

	pause_ms(500);
	for (int i = 0; i < 2; i++)
		counted[i] = shared->count[i] - before[i];
}

static void test_idle_gets_the_rest(void)
{
	unsigned long before, counted[2];
	pid_t pids[2];

	count_two(SCHED_OTHER, 0, SCHED_IDLE, 0, pids);
	while (!shared->count[0])
		pause_ms(10);
	pause_ms(50);
	/* Who has the hart while it stands still has had that time. */
	for (int i = 0; i < TRIES; i++) {
		count_for_a_while(counted);
		if (counted[0] && counted[1] * 50 <= counted[0])
			break;
	}
	check(counted[0] && counted[1] * 50 <= counted[0],
	      "SCHED_IDLE gets (nearly) nothing beside others (%lu, %lu)",
	      counted[0], counted[1]);
	kill(pids[0], SIGSTOP);
	before = shared->count[1];
	for (int i = 0; i < 20000 && shared->count[1] == before; i++)
		pause_ms(10);
	check(shared->count[1] > before, "but all when nobody else runs");
	kill(pids[0], SIGCONT);
	stop(pids);
}

/* A thread of no priority wakes us: we run before it goes on. */
static void test_fifo_preempts_at_once(void)
{
	int fds[2], early = 0;
	char byte = 'x';

	if (pipe(fds))
		return;
	shared->count[0] = 0;
	if (fork() == 0) {
		set(0, SCHED_OTHER, 0);
		for (int i = 0; i < 100; i++) {
			if (write(fds[1], &byte, 1) != 1)
				_exit(1);
			shared->count[0]++;
		}
		_exit(0);
	}
	for (unsigned long i = 0; i < 100; i++) {
		if (read(fds[0], &byte, 1) != 1)
			break;
		early += shared->count[0] == i;
	}
	wait(NULL);
	check(early == 100, "SCHED_FIFO runs at once when woken (%d of 100)",
	      early);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	test_scheduler_errors();
	test_attr();
	test_priorities();
	test_intervals();
	test_rights();
	test_affinity();
	WORKS(set(0, SCHED_FIFO, 50));
	test_fifo_keeps_the_hart();
	test_rr_takes_turns();
	test_better_priority_wins();
	test_idle_gets_the_rest();
	test_fifo_preempts_at_once();
	return check_status();
}
