/* SPDX-License-Identifier: MIT */
/*
 * lde_spawn.c - run a program while it is recorded
 *
 * Idea: lde follows its children, not itself. So that the timer interrupt of
 * the lectures is seen even if the program is short, a second process computes
 * on the same hart: it and the program's process, before it becomes the
 * program, both spin for some quanta, and the timer has to take the hart from
 * the one and give it to the other. When the program begins, the other ends.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lde.h"

/* Longer than three quanta of any policy; then a round is given up. */
#define SPIN_MS     100
#define MAX_SPIN_MS 60000
#define MIN_TURNS   4
/* How often the rings are emptied while the program runs. */
#define EMPTY_MS 100

void (*before_off)(struct events *events);

/* Shared by lde and its two children. */
struct race {
	atomic_int started; /* children that spin */
	atomic_int over;    /* the program begins */
	atomic_int turn;    /* who spun last: the program, 1, or the other, 2 */
};

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t); /* the vDSO's: no system call */
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/*
 * The program (1): at least @min_ms after the other child is there, too, and some
 * turns: where a hart may stand still, time alone does not say that both ran.
 * The other (2): until the program begins.
 */
static void spin(struct race *race, int me, double min_ms)
{
	double begin = now_ms(), limit = begin + MAX_SPIN_MS;
	int turns = 0;

	atomic_fetch_add(&race->started, 1);
	while (atomic_load(&race->started) < 2 && now_ms() < limit)
		;
	begin = now_ms();
	while (now_ms() < limit) {
		turns += atomic_exchange(&race->turn, me) != me;
		if (me == 2 ? atomic_load(&race->over)
			    : turns >= MIN_TURNS && now_ms() > begin + min_ms)
			return;
	}
}

static void stay_on_this_hart(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static pid_t start_other(struct race *race)
{
	pid_t pid = fork();

	if (pid == 0) {
		spin(race, 2, 0);
		_exit(0);
	}
	return pid;
}

/* @harts, @signals: as lde found them, and so the program is to find them. */
static pid_t start(char **argv, struct race *race, const cpu_set_t *harts,
		   const sigset_t *signals)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	if (race) {
		spin(race, 1, SPIN_MS);
		sched_setaffinity(0, sizeof(*harts), harts);
		atomic_store(&race->over, 1);
	}
	sigprocmask(SIG_SETMASK, signals, NULL);
	execvp(argv[0], argv);
	fprintf(stderr, "lde: %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

/* Until all children have ended. */
static void wait_for(struct run *run, struct events *events,
		     void (*more)(struct events *events))
{
	struct timespec empty = { .tv_nsec = EMPTY_MS * 1000000 };
	sigset_t child;
	int left = run->other ? 2 : 1;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	while (left) {
		int status;
		pid_t pid = waitpid(-1, &status, WNOHANG);

		if (pid > 0) {
			left -= pid == run->pid || pid == run->other;
			if (pid == run->pid)
				run->status = status;
			continue;
		}
		if (pid < 0)
			break;
		sigtimedwait(&child, NULL, &empty);
		events_read(events, "raw");
		if (more)
			more(events);
	}
}

void run_program(char **argv, const char *commands, bool compete,
		 struct events *events, void (*more)(struct events *events),
		 struct run *run)
{
	struct race *race = NULL;
	sigset_t child, old;
	cpu_set_t harts;

	memset(run, 0, sizeof(*run));
	if (compete) {
		race = mmap(NULL, sizeof(*race), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (race == MAP_FAILED)
			race = NULL;
	}
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, &old);
	sched_getaffinity(0, sizeof(harts), &harts);
	fflush(stdout);
	trace_off();
	control("filter followed\nhide\nfollow children\n%s\non\n", commands);
	if (race) {
		stay_on_this_hart();
		run->other = start_other(race);
		if (run->other < 0)
			run->other = 0;
	}
	run->pid = start(argv, run->other ? race : NULL, &harts, &old);
	if (run->pid > 0)
		wait_for(run, events, more);
	if (race)
		sched_setaffinity(0, sizeof(harts), &harts);
	if (before_off)
		before_off(events);
	control("off\n");
	events_read(events, "raw");
	if (more)
		more(events);
	trace_off();
	sigprocmask(SIG_SETMASK, &old, NULL);
}

int run_status(const struct run *run)
{
	if (WIFSIGNALED(run->status))
		return 128 + WTERMSIG(run->status);
	return WEXITSTATUS(run->status);
}
