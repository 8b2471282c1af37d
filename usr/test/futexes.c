/* SPDX-License-Identifier: MIT */
/*
 * futexes.c - what futex(2) promises, and what the C library builds on it
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "asleep.h"
#include "check.h"

static long futex(volatile uint32_t *word, int op, uint32_t value,
		  const void *timeout, volatile uint32_t *word2, uint32_t val3)
{
	return syscall(SYS_futex, word, op, value, timeout, word2, val3);
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

static void nothing(int signo)
{
	(void)signo;
}

/* ---- One thread: errors and timeouts ------------------------------------- */

static void test_errors(void)
{
	volatile uint32_t word = 1;
	struct timespec ts = { 0, 50000000 }, bad = { 0, 1000000000 };
	struct timespec negative = { -1, 0 };

	check(futex(&word, FUTEX_WAIT, 2, NULL, NULL, 0) == -1 &&
		      errno == EAGAIN,
	      "another value: EAGAIN");
	check(futex((uint32_t *)((char *)&word + 1), FUTEX_WAIT, 1, &ts, NULL,
		    0) == -1 &&
		      errno == EINVAL,
	      "not aligned: EINVAL");
	check(futex((uint32_t *)8, FUTEX_WAIT, 1, &ts, NULL, 0) == -1 &&
		      errno == EFAULT,
	      "nothing there: EFAULT");
	check(futex(&word, FUTEX_WAIT, 1, &bad, NULL, 0) == -1 &&
		      errno == EINVAL,
	      "no such time: EINVAL");
	check(futex(&word, FUTEX_WAIT, 1, &negative, NULL, 0) == -1 &&
		      errno == EINVAL,
	      "negative time: EINVAL");
	check(futex(&word, FUTEX_WAIT, 1, (void *)8, NULL, 0) == -1 &&
		      errno == EFAULT,
	      "time not readable: EFAULT");
	check(futex(&word, FUTEX_WAIT_BITSET, 1, NULL, NULL, 0) == -1 &&
		      errno == EINVAL,
	      "no bits: EINVAL");
	check(futex(&word, 77, 1, NULL, NULL, 0) == -1 && errno == ENOSYS,
	      "no such operation: ENOSYS");
	check(futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0) == 0,
	      "nobody to wake");
	check(futex((uint32_t *)8, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL,
		    NULL, 0) == 0,
	      "a private wake looks at no memory");
}

/* Wait in vain, until @deadline or for so long; that is how many ms (-1: it
 * ended otherwise). */
static long long wait_in_vain(int op, const struct timespec *deadline)
{
	volatile uint32_t word = 1;
	long long before = now_ms();
	long result = futex(&word, op, 1, deadline, NULL, ~0u);

	return result == -1 && errno == ETIMEDOUT ? now_ms() - before : -1;
}

static void test_timeouts(void)
{
	struct timespec ts = { 0, 100000000 };
	long long took = 0, uptime = 0, begin;

	for (int i = 0; i < TRIES; i++) {
		took = wait_in_vain(FUTEX_WAIT, &ts);
		if (took < 2000)
			break;
	}
	check(took != -1, "FUTEX_WAIT times out");
	check(took >= 99 && took < 2000, "when it should");
	for (int i = 0; i < TRIES; i++) {
		uptime = now_ms(); /* for so long, if it were a span */
		clock_gettime(CLOCK_MONOTONIC, &ts);
		took = wait_in_vain(FUTEX_WAIT_BITSET, &ts);
		if (took < uptime / 2)
			break;
	}
	check(took != -1 && took < uptime / 2,
	      "FUTEX_WAIT_BITSET takes a point in time");
	for (int i = 0; i < TRIES; i++) {
		begin = now_ms();
		clock_gettime(CLOCK_REALTIME, &ts);
		ts.tv_sec++;
		took = wait_in_vain(FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME,
				    &ts);
		if (took != -1)
			took = now_ms() - begin;
		if (took < 3000)
			break;
	}
	check(took != -1, "also of the wall clock");
	check(took >= 990 && took < 3000, "when it should");
}

/* ---- Waking -------------------------------------------------------------- */

struct sleeper {
	pthread_t thread;
	volatile pid_t tid;
	volatile uint32_t *word;
	uint32_t bits;
	volatile long result;
	volatile bool done;
};

static void *wait_on_word(void *arg)
{
	struct sleeper *me = arg;

	me->tid = gettid();
	me->result = futex(me->word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG,
			   *me->word, NULL, NULL, me->bits);
	me->done = true;
	return NULL;
}

#define NUM_SLEEPERS 6

static void start(struct sleeper *sleepers, volatile uint32_t *word)
{
	for (int i = 0; i < NUM_SLEEPERS; i++) {
		sleepers[i] = (struct sleeper){ .word = word, .bits = 1u << i };
		pthread_create(&sleepers[i].thread, NULL, wait_on_word,
			       &sleepers[i]);
	}
	for (int i = 0; i < NUM_SLEEPERS; i++) {
		while (!sleepers[i].tid)
			sleep_ms(1);
		until_asleep(getpid(), sleepers[i].tid);
	}
}

static int num_done_now(const struct sleeper *sleepers)
{
	int count = 0;

	for (int i = 0; i < NUM_SLEEPERS; i++)
		count += sleepers[i].done;
	return count;
}

/* How many have been woken: waits for @expected, and whether more come. */
static int num_done(const struct sleeper *sleepers, int expected)
{
	for (int i = 0; i < 200000 && num_done_now(sleepers) < expected; i++)
		sleep_ms(1);
	sleep_ms(100);
	return num_done_now(sleepers);
}

static void join(struct sleeper *sleepers)
{
	for (int i = 0; i < NUM_SLEEPERS; i++)
		pthread_join(sleepers[i].thread, NULL);
}

static void test_wake(void)
{
	struct sleeper sleepers[NUM_SLEEPERS];
	volatile uint32_t word = 5, other = 0;
	int wake = FUTEX_WAKE | FUTEX_PRIVATE_FLAG;

	start(sleepers, &word);
	check(futex(&word, wake, 2, NULL, NULL, 0) == 2 &&
		      num_done(sleepers, 2) == 2,
	      "two of six");
	check(futex(&word, FUTEX_WAKE_BITSET | FUTEX_PRIVATE_FLAG, 9, NULL,
		    NULL, 1u << 5 | 1u << 4) >= 0,
	      "FUTEX_WAKE_BITSET");
	check(sleepers[5].done || sleepers[4].done ||
		      num_done(sleepers, 2) >= 2,
	      "by their bits");
	futex(&word, wake, 99, NULL, NULL, 0);
	join(sleepers);
	check(num_done_now(sleepers) == NUM_SLEEPERS, "and the rest");

	start(sleepers, &word);
	check(futex(&word, FUTEX_CMP_REQUEUE | FUTEX_PRIVATE_FLAG, 1,
		    (void *)2L, &other, 6) == -1 &&
		      errno == EAGAIN,
	      "FUTEX_CMP_REQUEUE: another value");
	check(futex(&word, FUTEX_CMP_REQUEUE | FUTEX_PRIVATE_FLAG, 1,
		    (void *)2L, &other, 5) == 3 &&
		      num_done(sleepers, 1) == 1,
	      "one woken, two moved");
	check(futex(&other, wake, 99, NULL, NULL, 0) == 2, "the two are there");
	check(futex(&word, wake, 99, NULL, NULL, 0) == 3, "three stayed");
	join(sleepers);

	start(sleepers, &word);
	other = 10;
	check(futex(&word, FUTEX_WAKE_OP | FUTEX_PRIVATE_FLAG, 99, (void *)1L,
		    &other,
		    FUTEX_OP(FUTEX_OP_ADD, 7, FUTEX_OP_CMP_EQ, 10)) == 6 &&
		      other == 17,
	      "FUTEX_WAKE_OP changes a word and wakes");
	join(sleepers);
}

static pthread_t main_thread;

static void *signal_main(void *arg)
{
	(void)arg;
	until_asleep(getpid(), getpid());
	pthread_kill(main_thread, SIGUSR1);
	return NULL;
}

static void test_signals(void)
{
	struct sigaction action = { .sa_handler = nothing };
	struct timespec ts = { 600, 0 };
	volatile uint32_t word = 1;
	pthread_t thread;

	sigaction(SIGUSR1, &action, NULL);
	main_thread = pthread_self();
	pthread_create(&thread, NULL, signal_main, NULL);
	check(futex(&word, FUTEX_WAIT, 1, NULL, NULL, 0) == -1 &&
		      errno == EINTR,
	      "a signal interrupts the wait");
	pthread_join(thread, NULL);
	action.sa_flags = SA_RESTART;
	sigaction(SIGUSR1, &action, NULL);
	pthread_create(&thread, NULL, signal_main, NULL);
	check(futex(&word, FUTEX_WAIT, 1, &ts, NULL, 0) == -1 && errno == EINTR,
	      "one with a timeout even with SA_RESTART");
	pthread_join(thread, NULL);
}

/* ---- Between processes --------------------------------------------------- */

static void test_shared(void)
{
	volatile uint32_t *word = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(futex(word, FUTEX_WAIT, 0, NULL, NULL, 0) == 0 ? 0 : 1);
	until_asleep(pid, pid);
	check(futex(word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0) ==
		      0,
	      "a private wake does not reach another process");
	check(futex(word, FUTEX_WAKE, 1, NULL, NULL, 0) == 1,
	      "a shared one does");
	waitpid(pid, &status, 0);
	check(status == 0, "which goes on");
	munmap((void *)word, 4096);
}

/* ---- Locks that survive their owners ------------------------------------- */

struct shared_locks {
	pthread_mutex_t robust;
	pthread_mutex_t inherit;
	sem_t semaphore;
};

static void make_locks(struct shared_locks *locks)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(&locks->inherit, &attr);
	pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_NONE);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&locks->robust, &attr);
	sem_init(&locks->semaphore, 1, 0);
}

static void test_owner_dies(void)
{
	struct shared_locks *locks =
		mmap(NULL, sizeof(*locks), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	make_locks(locks);
	pid = fork();
	if (pid == 0) {
		pthread_mutex_lock(&locks->robust);
		sem_post(&locks->semaphore);
		sleep_ms(200);
		_exit(0);
	}
	sem_wait(&locks->semaphore);
	check(pthread_mutex_lock(&locks->robust) == EOWNERDEAD,
	      "the owner of a robust mutex exits: EOWNERDEAD");
	check(pthread_mutex_consistent(&locks->robust) == 0 &&
		      pthread_mutex_unlock(&locks->robust) == 0 &&
		      pthread_mutex_lock(&locks->robust) == 0,
	      "and it can be used again");
	pthread_mutex_unlock(&locks->robust);
	waitpid(pid, NULL, 0);

	pid = fork();
	if (pid == 0) {
		pthread_mutex_lock(&locks->robust);
		sem_post(&locks->semaphore);
		for (;;)
			pause();
	}
	sem_wait(&locks->semaphore);
	kill(pid, SIGKILL);
	check(pthread_mutex_lock(&locks->robust) == EOWNERDEAD,
	      "also when it is killed");
	pthread_mutex_consistent(&locks->robust);
	pthread_mutex_unlock(&locks->robust);
	waitpid(pid, NULL, 0);

	pid = fork();
	if (pid == 0) {
		pthread_mutex_lock(&locks->inherit);
		sem_post(&locks->semaphore);
		until_asleep(getppid(), getppid());
		pthread_mutex_unlock(&locks->inherit);
		_exit(0);
	}
	sem_wait(&locks->semaphore);
	check(pthread_mutex_trylock(&locks->inherit) == EBUSY &&
		      pthread_mutex_lock(&locks->inherit) == 0,
	      "a PI mutex is handed from process to process");
	pthread_mutex_unlock(&locks->inherit);
	waitpid(pid, NULL, 0);
}

/* ---- Priority inheritance ------------------------------------------------ */

static volatile uint32_t pi_word;
static volatile long pi_counter;
static int pi_refused; /* errno of a lock that was not */

static void *lock_pi_often(void *arg)
{
	uint32_t me = (uint32_t)gettid();
	int rounds = *(int *)arg;

	for (int i = 0; i < rounds; i++) {
		uint32_t free = 0;

		if (!__atomic_compare_exchange_n(&pi_word, &free, me, false,
						 __ATOMIC_SEQ_CST,
						 __ATOMIC_SEQ_CST) &&
		    futex(&pi_word, FUTEX_LOCK_PI, 0, NULL, NULL, 0))
			pi_refused = errno;
		long seen = pi_counter;
		if (i % 16 == 0)
			sched_yield();
		pi_counter = seen + 1;
		free = me;
		if (!__atomic_compare_exchange_n(&pi_word, &free, 0, false,
						 __ATOMIC_SEQ_CST,
						 __ATOMIC_SEQ_CST))
			futex(&pi_word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0);
	}
	return NULL;
}

static void test_pi(void)
{
	pthread_t threads[4];
	int rounds = 2000;
	struct timespec ts;

	pi_word = (uint32_t)gettid();
	check(futex(&pi_word, FUTEX_LOCK_PI, 0, NULL, NULL, 0) == -1 &&
		      errno == EDEADLK,
	      "FUTEX_LOCK_PI: EDEADLK");
	pi_word = 0x3ffffff;
	check(futex(&pi_word, FUTEX_LOCK_PI, 0, NULL, NULL, 0) == -1 &&
		      errno == ESRCH,
	      "owner is no thread: ESRCH");
	check(futex(&pi_word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0) == -1 &&
		      errno == EPERM,
	      "not the owner: EPERM");
	pi_word = (uint32_t)getppid();
	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_nsec += 50000000;
	if (ts.tv_nsec >= 1000000000) {
		ts.tv_nsec -= 1000000000;
		ts.tv_sec++;
	}
	check(futex(&pi_word, FUTEX_LOCK_PI, 0, &ts, NULL, 0) == -1 &&
		      errno == ETIMEDOUT && (pi_word & FUTEX_WAITERS),
	      "FUTEX_LOCK_PI times out, and said that it waits");
	check(futex(&pi_word, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0) == -1 &&
		      errno == EAGAIN,
	      "FUTEX_TRYLOCK_PI: EAGAIN");
	pi_word = 0;
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, lock_pi_often, &rounds);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	check(pi_refused == 0, "a PI lock is to be had: %d", pi_refused);
	check(pi_counter == 4 * rounds && pi_word == 0,
	      "a PI lock excludes: %ld", pi_counter);
}

/* ---- Many threads -------------------------------------------------------- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int turn, rounds_done;

#define NUM_PLAYERS 8
#define NUM_ROUNDS  200

static void *play(void *arg)
{
	int me = (int)(intptr_t)arg;

	for (int i = 0; i < NUM_ROUNDS; i++) {
		pthread_mutex_lock(&mutex);
		while (turn != me)
			pthread_cond_wait(&changed, &mutex);
		turn = (turn + 1) % NUM_PLAYERS;
		rounds_done++;
		pthread_cond_broadcast(&changed);
		pthread_mutex_unlock(&mutex);
	}
	return NULL;
}

static void test_condition(void)
{
	pthread_t threads[NUM_PLAYERS];
	struct timespec ts;

	for (long i = 0; i < NUM_PLAYERS; i++)
		pthread_create(&threads[i], NULL, play, (void *)i);
	for (int i = 0; i < NUM_PLAYERS; i++)
		pthread_join(threads[i], NULL);
	check(rounds_done == NUM_PLAYERS * NUM_ROUNDS,
	      "eight threads take turns 200 times");
	clock_gettime(CLOCK_REALTIME, &ts);
	pthread_mutex_lock(&mutex);
	check(pthread_cond_timedwait(&changed, &mutex, &ts) == ETIMEDOUT,
	      "pthread_cond_timedwait times out");
	pthread_mutex_unlock(&mutex);
}

int main(void)
{
	test_errors();
	test_timeouts();
	test_wake();
	test_signals();
	test_shared();
	test_owner_dies();
	test_pi();
	test_condition();
	return check_status();
}
