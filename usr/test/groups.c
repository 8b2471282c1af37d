/* SPDX-License-Identifier: MIT */
/*
 * groups.c - who belongs to which process group, whatever a family does
 *
 * Idea: some processes fork (children and siblings), change groups and sessions,
 * end, and are waited for, in a random order that is the same each time; a record
 * of them here says what each call has to answer. Then a group is named: all its
 * members get another nice value (setpriority(2) of a group), nobody else, and it
 * is there (kill(2) with signal 0) as long as one member has not been waited for.
 *
 * One at a time does one thing: who asks leaves the request in shared memory and
 * sleeps until it is done. The first process inherits all orphans.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

enum { MEMBERS = 16, STEPS = 3000 };

enum request { NOTHING, FORK, SIBLING, SET_GROUP, SET_SESSION, WAIT, END };

/* How one is asked; shared. */
static struct desk {
	uint32_t request; /* futex: back to NOTHING when done */
	int a, b;         /* what for */
	int answer;       /* or -errno */
} * desks;

/* What is known of each: the first is the one that asks. */
static struct member {
	bool used, dead;
	pid_t pid, group, session;
	int parent, nice;
} members[MEMBERS];

static int cases[END + 1], refused[END + 1];

/* ---- Asking -------------------------------------------------------------- */

static void sleep_while(uint32_t *word, uint32_t value)
{
	while (__atomic_load_n(word, __ATOMIC_SEQ_CST) == value)
		syscall(SYS_futex, word, FUTEX_WAIT, value, NULL, NULL, 0);
}

static void set_and_wake(uint32_t *word, uint32_t value)
{
	__atomic_store_n(word, value, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void work_at(int slot);

static int answer(enum request request, int a, int b)
{
	unsigned long flags = request == SIBLING ? CLONE_PARENT : 0;
	siginfo_t info;
	long result;

	switch (request) {
	case FORK:
	case SIBLING:
		result = syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
		if (result == 0)
			work_at(a);
		break;
	case SET_GROUP:
		result = setpgid(a, b);
		break;
	case SET_SESSION:
		result = setsid();
		break;
	case WAIT:
		result = waitid(P_PID, (id_t)a, &info, b);
		break;
	default:
		result = 0;
		break;
	}
	return result < 0 ? -errno : (int)result;
}

/* What each does, until it is to end. */
static void work_at(int slot)
{
	struct desk *desk = &desks[slot];

	for (;;) {
		sleep_while(&desk->request, NOTHING);
		if (desk->request == END)
			_exit(0);
		desk->answer = answer(desk->request, desk->a, desk->b);
		set_and_wake(&desk->request, NOTHING);
	}
}

static int ask(int slot, enum request request, int a, int b)
{
	struct desk *desk = &desks[slot];

	cases[request]++;
	if (slot == 0)
		return answer(request, a, b);
	desk->a = a;
	desk->b = b;
	set_and_wake(&desk->request, request);
	if (request == END)
		return 0;
	sleep_while(&desk->request, request);
	return desk->answer;
}

/* ---- The record ---------------------------------------------------------- */

static uint64_t seed = 88172645463325252;

static int random_below(int limit)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (int)(seed >> 20 & 0xffffff) % limit;
}

/* Somebody who is (not) dead; -1: nobody. */
static int choose(bool dead)
{
	for (int tries = 0; tries < 100; tries++) {
		int i = random_below(MEMBERS);

		if (members[i].used && members[i].dead == dead)
			return i;
	}
	return -1;
}

static int free_slot(void)
{
	for (int i = 0; i < MEMBERS; i++) {
		if (!members[i].used)
			return i;
	}
	return -1;
}

/* A member of @group; its session is that of all. NULL: there is no such group. */
static const struct member *find_in(pid_t group)
{
	for (int i = 0; i < MEMBERS; i++) {
		if (members[i].used && members[i].group == group)
			return &members[i];
	}
	return NULL;
}

/* ---- What is tried ------------------------------------------------------- */

static bool right(enum request request, int answer, int expected)
{
	refused[request] += expected < 0;
	if (answer == expected)
		return true;
	check(false, "request %d: %d, not %d", (int)request, answer, expected);
	return false;
}

static bool try_fork(int who)
{
	enum request request = who && random_below(3) == 0 ? SIBLING : FORK;
	int slot = free_slot();
	struct member *child = &members[slot];

	if (slot < 0)
		return true;
	desks[slot].request = NOTHING;
	*child = members[who];
	child->pid = ask(who, request, slot, 0);
	if (request == FORK)
		child->parent = who;
	if (child->pid > 0)
		return true;
	child->used = false;
	return check(false, "fork: %d", child->pid);
}

static int expected_of_group(int who, int target, pid_t group)
{
	const struct member *other = find_in(group);
	const struct member *t = &members[target];

	if (t->session != members[who].session || t->session == t->pid)
		return -EPERM;
	if (group == t->pid)
		return 0;
	return other && other->session == members[who].session ? 0 : -EPERM;
}

/* Of itself, or of a living child. */
static bool try_group(int who)
{
	int target = choose(false), expected, other = random_below(MEMBERS);
	pid_t group;

	if (members[target].parent != who || target == 0)
		target = who;
	group = members[random_below(3) ? other : target].pid;
	if (!group)
		return true;
	expected = expected_of_group(who, target, group);
	if (!right(SET_GROUP, ask(who, SET_GROUP, members[target].pid, group),
		   expected))
		return false;
	if (expected == 0)
		members[target].group = group;
	return true;
}

static bool try_session(int who)
{
	struct member *m = &members[who];
	int expected = find_in(m->pid) ? -EPERM : m->pid;

	if (!right(SET_SESSION, ask(who, SET_SESSION, 0, 0), expected))
		return false;
	if (expected > 0)
		m->group = m->session = m->pid;
	return true;
}

/* Wait for a dead one, at last. */
static bool try_wait(int dead)
{
	struct member *m = &members[dead];

	m->used = false;
	return right(WAIT, ask(m->parent, WAIT, m->pid, WEXITED), 0);
}

/* Its parent sees it end, but leaves it as a zombie. */
static bool try_end(int who)
{
	struct member *m = &members[who];

	ask(who, END, 0, 0);
	m->dead = true;
	for (int i = 1; i < MEMBERS; i++) {
		if (members[i].used && members[i].parent == who)
			members[i].parent = 0;
	}
	return right(WAIT, ask(m->parent, WAIT, m->pid, WEXITED | WNOWAIT), 0);
}

/* ---- What must be -------------------------------------------------------- */

static bool try_nice(pid_t group)
{
	static int nice;
	bool alive = false;

	nice = (nice + 1) % 20;
	for (int i = 0; i < MEMBERS; i++) {
		struct member *m = &members[i];

		if (m->used && !m->dead && m->group == group) {
			m->nice = nice;
			alive = true;
		}
	}
	if (alive && setpriority(PRIO_PGRP, (id_t)group, nice))
		return check(false, "setpriority: %s", strerror(errno));
	for (int i = 0; i < MEMBERS; i++) {
		const struct member *m = &members[i];
		int found;

		if (!m->used || m->dead)
			continue;
		found = getpriority(PRIO_PROCESS, (id_t)m->pid);
		if (found != m->nice)
			return check(false, "nice of %d is %d, not %d", m->pid,
				     found, m->nice);
	}
	return true;
}

static bool try_name(int somebody)
{
	pid_t group = random_below(2) ? members[somebody].pid
				      : members[somebody].group;
	int expected = find_in(group) ? 0 : -ESRCH;
	int found;

	if (!group) /* nobody had this place yet */
		return true;
	found = kill(-group, 0) ? -errno : 0;
	if (found != expected)
		return check(false, "group %d: %d, not %d", group, found,
			     expected);
	for (int i = 0; i < MEMBERS; i++) {
		const struct member *m = &members[i];

		if (m->used && !m->dead &&
		    (getpgid(m->pid) != m->group ||
		     getsid(m->pid) != m->session))
			return check(false, "group or session of %d", m->pid);
	}
	return expected || try_nice(group);
}

static bool step(void)
{
	int who = choose(false), dead = choose(true);

	switch (random_below(8)) {
	case 0:
	case 1:
	case 2:
		return try_fork(who);
	case 3:
	case 4:
		return try_group(who);
	case 5:
		return random_below(4) || who == 0 || try_session(who);
	case 6:
		return who == 0 || try_end(who);
	default:
		return dead < 0 || try_wait(dead);
	}
}

static int test_all(void)
{
	int steps = 0;

	if (setsid() < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)) {
		perror("groups");
		return 1;
	}
	members[0] = (struct member){ .used = true,
				      .pid = getpid(),
				      .group = getpid(),
				      .session = getpid() };
	members[0].nice = getpriority(PRIO_PROCESS, 0);
	while (steps < STEPS && step() && try_name(random_below(MEMBERS)))
		steps++;
	check(steps == STEPS, "members are what they should be for %d steps",
	      STEPS);
	check(cases[SIBLING] > 20 && cases[SET_SESSION] > 20 &&
		      cases[END] > 100 && refused[SET_GROUP] > 50 &&
		      refused[SET_SESSION] > 5,
	      "some siblings, sessions, ends, and errors");
	for (int i = 1; i < MEMBERS; i++) {
		if (members[i].used && !members[i].dead)
			kill(members[i].pid, SIGKILL);
	}
	return check_status();
}

int main(void)
{
	int status;

	desks = mmap(NULL, MEMBERS * sizeof(*desks), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (desks == MAP_FAILED)
		return 1;
	/* In a session of its own: who started us is none of its business. */
	if (fork() == 0)
		_exit(test_all());
	return wait(&status) > 0 && status == 0 ? 0 : 1;
}
