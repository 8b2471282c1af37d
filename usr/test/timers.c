/* SPDX-License-Identifier: MIT */
/*
 * timers.c - clocks, sleeping, setitimer(2) and timer_create(2)
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "check.h"

static volatile int num_calls;
static volatile int most_overruns; /* that one signal of a timer told of */
static siginfo_t last_info;

static void note(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	(void)context;
	num_calls++;
	last_info = *info;
	if (info->si_overrun > most_overruns)
		most_overruns = info->si_overrun;
}

static void handle(int signo)
{
	struct sigaction action = { .sa_sigaction = note,
				    .sa_flags = SA_SIGINFO };

	sigaction(signo, &action, NULL);
	num_calls = 0;
}

static long long clock_ms(clockid_t clock)
{
	struct timespec ts = { 0, 0 };

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

static void sleep_ms(int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000L };

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

static void burn_ms(int ms)
{
	long long until = clock_ms(CLOCK_PROCESS_CPUTIME_ID) + ms;

	while (clock_ms(CLOCK_PROCESS_CPUTIME_ID) < until)
		;
}

/* ---- Clocks -------------------------------------------------------------- */

static long long in_ns(const struct timespec *ts)
{
	return ts->tv_sec * 1000000000LL + ts->tv_nsec;
}

static void test_clocks(void)
{
	static const clockid_t clocks[] = { CLOCK_REALTIME,
					    CLOCK_MONOTONIC,
					    CLOCK_PROCESS_CPUTIME_ID,
					    CLOCK_THREAD_CPUTIME_ID,
					    CLOCK_MONOTONIC_RAW,
					    CLOCK_REALTIME_COARSE,
					    CLOCK_MONOTONIC_COARSE,
					    CLOCK_BOOTTIME,
					    CLOCK_TAI };
	struct timespec a, b, c;
	struct timeval tv;
	clockid_t clock;

	for (size_t i = 0; i < sizeof(clocks) / sizeof(*clocks); i++) {
		bool ok = syscall(SYS_clock_gettime, clocks[i], &a) == 0 &&
			  syscall(SYS_clock_gettime, clocks[i], &b) == 0 &&
			  syscall(SYS_clock_getres, clocks[i], NULL) == 0;

		check(ok && (b.tv_sec > a.tv_sec ||
			     (b.tv_sec == a.tv_sec && b.tv_nsec >= a.tv_nsec)),
		      "clock %d does not go back", (int)clocks[i]);
	}
	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &a);
	clock_gettime(CLOCK_MONOTONIC, &b);
	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &c);
	check(in_ns(&a) <= in_ns(&b) && in_ns(&b) <= in_ns(&c),
	      "the vDSO shows the same time");
	clock_gettime(CLOCK_REALTIME, &a);
	syscall(SYS_gettimeofday, &tv, NULL);
	clock_gettime(CLOCK_REALTIME, &c);
	b = (struct timespec){ tv.tv_sec, tv.tv_usec * 1000 };
	check(in_ns(&a) < in_ns(&b) + 1000 && in_ns(&b) <= in_ns(&c),
	      "gettimeofday too");

	check(syscall(SYS_clock_gettime, 77, &a) == -1 && errno == EINVAL,
	      "no such clock");
	check(clock_getres(CLOCK_MONOTONIC, &a) == 0 && a.tv_sec == 0 &&
		      a.tv_nsec == 1,
	      "resolution");
	check(clock_getcpuclockid(0, &clock) == 0 &&
		      clock_gettime(clock, &a) == 0,
	      "the CPU-time clock of a process");
	check(clock_settime(CLOCK_MONOTONIC, &a) == -1 && errno == EINVAL,
	      "CLOCK_MONOTONIC cannot be set");
	struct timex tx = { .modes = 0 };
	check(adjtimex(&tx) >= 0 && tx.tick == 10000, "adjtimex reads");
}

static bool stands_still_asleep(void)
{
	for (int i = 0; i < TRIES; i++) {
		long long before = clock_ms(CLOCK_PROCESS_CPUTIME_ID);

		sleep_ms(200);
		if (clock_ms(CLOCK_PROCESS_CPUTIME_ID) - before < 100)
			return true;
	}
	return false;
}

static void test_cpu_clock(void)
{
	long long before;

	check(stands_still_asleep(), "asleep, CPU time stands still");
	before = clock_ms(CLOCK_THREAD_CPUTIME_ID);
	burn_ms(100);
	check(clock_ms(CLOCK_THREAD_CPUTIME_ID) - before >= 90,
	      "busy, it does not");
}

/* utime and stime of /proc/PID/stat, in ms. */
static long long stat_ms(pid_t pid)
{
	char path[32], text[512] = "";
	long user = 0, system = 0;
	const char *rest;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "r");
	if (!file || !fgets(text, sizeof(text), file))
		return -1;
	fclose(file);
	rest = strrchr(text, ')');
	sscanf(rest ? rest : "",
	       ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld", &user,
	       &system);
	return (user + system) * 1000 / sysconf(_SC_CLK_TCK);
}

struct progress {
	long long by_clock, by_stat, passed; /* ms */
};

/* What @pid's clocks say while we sleep. */
static struct progress watch(pid_t pid, clockid_t clock)
{
	struct progress seen;

	seen.passed = clock_ms(CLOCK_MONOTONIC);
	seen.by_clock = clock_ms(clock);
	seen.by_stat = stat_ms(pid);
	sleep_ms(400);
	seen.by_clock = clock_ms(clock) - seen.by_clock;
	seen.by_stat = stat_ms(pid) - seen.by_stat;
	seen.passed = clock_ms(CLOCK_MONOTONIC) - seen.passed;
	return seen;
}

/* It computes without a system call, perhaps on another hart, while we sleep. */
static void test_cpu_clock_of_another(void)
{
	struct progress seen = { 0 };
	clockid_t clock;
	pid_t pid = fork();

	if (pid == 0) {
		for (volatile int i = 0;; i++)
			;
	}
	sleep_ms(50);
	check(clock_getcpuclockid(pid, &clock) == 0, "another one's clock");
	/* When we stand still, awake, that one does not run. */
	for (int i = 0; i < TRIES; i++) {
		seen = watch(pid, clock);
		if (seen.by_clock > seen.passed + 1 ||
		    seen.by_stat > seen.passed + 20 ||
		    (seen.by_clock * 10 >= seen.passed * 7 &&
		     seen.by_stat * 10 >= seen.passed * 7 - 200))
			break;
	}
	check(seen.by_clock * 10 >= seen.passed * 7 &&
		      seen.by_clock <= seen.passed + 1,
	      "it goes on while that one runs (%lld of %lld ms)", seen.by_clock,
	      seen.passed);
	check(seen.by_stat * 10 >= seen.passed * 7 - 200 &&
		      seen.by_stat <= seen.passed + 20,
	      "so does /proc/PID/stat (%lld of %lld ms)", seen.by_stat,
	      seen.passed);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* ---- Sleeping ------------------------------------------------------------ */

static void test_sleep(void)
{
	struct timespec ts = { 0, 1000000000 }, late = { 0, 0 };
	long long before;

	check(clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL) == EINVAL,
	      "no such time");
	ts.tv_sec = -1;
	ts.tv_nsec = 0;
	check(clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL) == EINVAL,
	      "negative time");
	check(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &late, NULL) ==
		      EINVAL,
	      "not on one's own CPU time");
	check(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC_RAW, 0, &late,
		      NULL) == -1 &&
		      errno == EOPNOTSUPP,
	      "not on CLOCK_MONOTONIC_RAW");
	check(syscall(SYS_clock_nanosleep, 77, 0, &late, NULL) == -1 &&
		      errno == EINVAL,
	      "no such clock to sleep on");

	before = clock_ms(CLOCK_MONOTONIC);
	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_nsec += 100000000;
	if (ts.tv_nsec >= 1000000000) {
		ts.tv_nsec -= 1000000000;
		ts.tv_sec++;
	}
	check(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == 0 &&
		      clock_ms(CLOCK_MONOTONIC) - before >= 99,
	      "until a point in time");
	check(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &late, NULL) == 0,
	      "that may have passed");
}

/* ---- Interval timers ----------------------------------------------------- */

static void test_real(void)
{
	struct itimerval timer = { { 0, 20000 }, { 0, 50000 } }, now;
	unsigned int left;

	handle(SIGALRM);
	check(setitimer(ITIMER_REAL, &timer, NULL) == 0 &&
		      getitimer(ITIMER_REAL, &now) == 0 &&
		      now.it_value.tv_usec > 0 &&
		      now.it_value.tv_usec <= 50000 &&
		      now.it_interval.tv_usec == 20000,
	      "ITIMER_REAL is set");
	for (int i = 0; i < 100 && num_calls < 3; i++)
		sleep_ms(10);
	check(num_calls >= 3 && last_info.si_code == SI_KERNEL,
	      "it fires again and again");
	memset(&timer, 0, sizeof(timer));
	setitimer(ITIMER_REAL, &timer, &now);
	check(now.it_interval.tv_usec == 20000, "the old value comes back");
	num_calls = 0;
	sleep_ms(60);
	check(num_calls == 0, "and can be disarmed");
	timer.it_value.tv_usec = 1000000;
	check(setitimer(ITIMER_REAL, &timer, NULL) == -1 && errno == EINVAL,
	      "no such time to set");
	check(setitimer(7, &now, NULL) == -1 && errno == EINVAL,
	      "no such timer");
	alarm(1000);
	left = alarm(0);
	check(left > 900 && left <= 1000, "alarm says what was left");
}

static void test_fast_timer(void)
{
	struct itimerval timer = { { 0, 1 }, { 0, 1 } }, none = { 0 };

	handle(SIGALRM);
	setitimer(ITIMER_REAL, &timer, NULL);
	for (int i = 0; i < 1000 && num_calls < 100; i++)
		sleep_ms(1);
	setitimer(ITIMER_REAL, &none, NULL);
	check(num_calls >= 100, "a microsecond's interval harms nobody");
}

/* ---- A program goes on beside its fastest timers -------------------------- */

/*
 * A handler is entered and left, and once more: on a slow machine, that takes
 * longer than a microsecond. The program must come to do something in between.
 */
static int compute_beside(void (*start)(timer_t *))
{
	timer_t timer;

	start(&timer);
	for (volatile int i = 0; i < 20000 || !num_calls; i++)
		;
	return 0;
}

static bool goes_on_beside(void (*start)(timer_t *))
{
	long long limit = clock_ms(CLOCK_MONOTONIC) + 10000;
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(compute_beside(start));
	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (clock_ms(CLOCK_MONOTONIC) > limit)
			kill(pid, SIGKILL);
		sleep_ms(10);
	}
	return status == 0;
}

static void start_itimer(int which, int signo)
{
	struct itimerval timer = { { 0, 1 }, { 0, 1 } };

	handle(signo);
	setitimer(which, &timer, NULL);
}

static void start_real(timer_t *timer)
{
	(void)timer;
	start_itimer(ITIMER_REAL, SIGALRM);
}

static void start_prof(timer_t *timer)
{
	(void)timer;
	start_itimer(ITIMER_PROF, SIGPROF);
}

static void start_virtual(timer_t *timer)
{
	(void)timer;
	start_itimer(ITIMER_VIRTUAL, SIGVTALRM);
}

static void start_posix(clockid_t clock, timer_t *timer)
{
	struct itimerspec value = { { 0, 1 }, { 0, 1 } };

	handle(SIGALRM);
	timer_create(clock, NULL, timer);
	timer_settime(*timer, 0, &value, NULL);
}

static void start_posix_monotonic(timer_t *timer)
{
	start_posix(CLOCK_MONOTONIC, timer);
}

static void start_posix_cpu(timer_t *timer)
{
	start_posix(CLOCK_PROCESS_CPUTIME_ID, timer);
}

static void test_going_on(void)
{
	check(goes_on_beside(start_real), "beside ITIMER_REAL");
	check(goes_on_beside(start_prof), "beside ITIMER_PROF");
	check(goes_on_beside(start_virtual), "beside ITIMER_VIRTUAL");
	check(goes_on_beside(start_posix_monotonic), "beside a POSIX timer");
	check(goes_on_beside(start_posix_cpu), "beside one on CPU time");
}

/* What a timer of 50 ms of CPU time does. */
struct cpu_timer_seen {
	int while_asleep, calls; /* of its handler */
	long long used_ms;       /* until it was called */
};

static struct cpu_timer_seen see_cpu_timer(void (*start)(void))
{
	long long before = clock_ms(CLOCK_PROCESS_CPUTIME_ID);
	struct cpu_timer_seen seen;

	num_calls = 0;
	start();
	sleep_ms(100);
	seen.while_asleep = num_calls;
	while (!num_calls && clock_ms(CLOCK_PROCESS_CPUTIME_ID) < before + 5000)
		;
	seen.used_ms = clock_ms(CLOCK_PROCESS_CPUTIME_ID) - before;
	seen.calls = num_calls;
	return seen;
}

/* Not called while we sleep, once when the time is used up, and then soon. */
static void check_cpu_timer(void (*start)(void), const char *name)
{
	struct cpu_timer_seen seen = { 0 };

	for (int i = 0; i < TRIES; i++) {
		seen = see_cpu_timer(start);
		if (seen.calls != 1 || seen.used_ms < 49 ||
		    (!seen.while_asleep && seen.used_ms < 1000))
			break;
	}
	check(!seen.while_asleep, "%s stands still while we sleep", name);
	check(seen.calls == 1 && seen.used_ms >= 49 && seen.used_ms < 1000,
	      "and fires when the time is used up (%lld ms)", seen.used_ms);
}

static void start_prof_50_ms(void)
{
	struct itimerval timer = { { 0, 0 }, { 0, 50000 } };

	setitimer(ITIMER_PROF, &timer, NULL);
}

static void test_cpu_timers(void)
{
	struct itimerval timer = { { 0, 0 }, { 0, 50000 } };
	long long before;

	handle(SIGPROF);
	check_cpu_timer(start_prof_50_ms, "ITIMER_PROF");
	handle(SIGVTALRM);
	setitimer(ITIMER_VIRTUAL, &timer, NULL);
	before = clock_ms(CLOCK_PROCESS_CPUTIME_ID);
	for (volatile long i = 0; !num_calls; i++)
		if (i % 1000000 == 0 &&
		    clock_ms(CLOCK_PROCESS_CPUTIME_ID) > before + 100000)
			break;
	check(num_calls == 1, "ITIMER_VIRTUAL");
}

static int exceed_cpu_limit(void)
{
	struct rlimit limit = { 1, 300 }; /* it may stand still for a while */

	setrlimit(RLIMIT_CPU, &limit);
	burn_ms(400000);
	return 0;
}

static void test_cpu_limit(void)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(exceed_cpu_limit());
	waitpid(pid, &status, 0);
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU,
	      "RLIMIT_CPU: SIGXCPU");
}

/* ---- POSIX timers -------------------------------------------------------- */

static void test_timer(void)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL,
				  .sigev_signo = SIGRTMIN,
				  .sigev_value.sival_int = 99 };
	struct itimerspec value = { { 0, 20000000 }, { 0, 30000000 } }, now;
	sigset_t set;
	timer_t timer;

	handle(SIGRTMIN);
	check(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0,
	      "timer_create");
	check(timer_settime(timer, 0, &value, NULL) == 0 &&
		      timer_gettime(timer, &now) == 0 &&
		      now.it_value.tv_nsec > 0 &&
		      now.it_value.tv_nsec <= 30000000 &&
		      now.it_interval.tv_nsec == 20000000,
	      "timer_settime");
	for (int i = 0; i < 100 && num_calls < 3; i++)
		sleep_ms(10);
	check(num_calls >= 3 && last_info.si_code == SI_TIMER &&
		      last_info.si_value.sival_int == 99,
	      "it fires, with its value");

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	num_calls = most_overruns = 0;
	sleep_ms(300);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	/* The first has them; by now others may have come. */
	check(num_calls >= 1 && most_overruns >= 10,
	      "while its signal is blocked, overruns are counted: %d",
	      most_overruns);
	check(timer_getoverrun(timer) == last_info.si_overrun || num_calls > 1,
	      "timer_getoverrun");
	check(timer_delete(timer) == 0 && timer_delete(timer) == -1 &&
		      errno == EINVAL,
	      "timer_delete");
	num_calls = 0;
	sleep_ms(60);
	check(num_calls == 0, "a deleted timer is silent");
}

static volatile pid_t handled_by;

static void note_thread(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	(void)info;
	(void)context;
	handled_by = gettid();
	num_calls++;
}

static void *own_timer(void *arg)
{
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID,
				  .sigev_signo = SIGRTMIN + 2 };
	struct itimerspec value = { { 0, 0 }, { 0, 30000000 } };
	timer_t timer;

	event._sigev_un._tid = gettid();
	timer_create(CLOCK_REALTIME, &event, &timer);
	timer_settime(timer, 0, &value, NULL);
	for (int i = 0; i < 100 && !num_calls; i++)
		sleep_ms(5);
	*(bool *)arg = handled_by == gettid();
	timer_delete(timer);
	return NULL;
}

static timer_t cpu_timer;

static void start_cpu_timer_50_ms(void)
{
	struct itimerspec value = { { 0, 0 }, { 0, 50000000 } };

	timer_settime(cpu_timer, 0, &value, NULL);
}

static void test_timer_kinds(void)
{
	struct sigevent none = { .sigev_notify = SIGEV_NONE };
	struct sigevent bad = { .sigev_notify = SIGEV_SIGNAL,
				.sigev_signo = 99 };
	struct itimerspec value = { { 0, 0 }, { 1, 0 } }, now;
	struct sigaction action = { .sa_sigaction = note_thread,
				    .sa_flags = SA_SIGINFO };
	bool own = false;
	pthread_t thread;
	timer_t timer;

	check(timer_create(CLOCK_MONOTONIC, &bad, &timer) == -1 &&
		      errno == EINVAL,
	      "timer_create: no such signal");
	check(timer_create(77, NULL, &timer) == -1 && errno == EINVAL,
	      "timer_create: no such clock");
	check(timer_create(CLOCK_MONOTONIC_RAW, NULL, &timer) == -1 &&
		      errno == EOPNOTSUPP,
	      "timer_create: no timers on that clock");

	timer_create(CLOCK_MONOTONIC, &none, &timer);
	timer_settime(timer, 0, &value, NULL);
	sleep_ms(50);
	timer_gettime(timer, &now);
	check(now.it_value.tv_sec == 0 && now.it_value.tv_nsec < 960000000,
	      "SIGEV_NONE only counts");
	timer_delete(timer);

	num_calls = 0;
	sigaction(SIGRTMIN + 2, &action, NULL);
	pthread_create(&thread, NULL, own_timer, &own);
	pthread_join(thread, NULL);
	check(own, "SIGEV_THREAD_ID");

	handle(SIGALRM);
	timer_create(CLOCK_PROCESS_CPUTIME_ID, NULL, &cpu_timer);
	check_cpu_timer(start_cpu_timer_50_ms, "a timer on CPU time");
	check(last_info.si_code == SI_TIMER, "its signal says so");
	timer_delete(cpu_timer);

	clock_gettime(CLOCK_REALTIME, &value.it_value);
	value.it_value.tv_sec -= 5;
	num_calls = 0;
	timer_create(CLOCK_REALTIME, NULL, &timer);
	timer_settime(timer, TIMER_ABSTIME, &value, NULL);
	sleep_ms(20);
	check(num_calls == 1, "a time that has passed fires at once");
	timer_delete(timer);
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "fastest")) {
		test_going_on();
		return check_status();
	}
	test_clocks();
	test_cpu_clock();
	test_cpu_clock_of_another();
	test_sleep();
	test_real();
	test_fast_timer();
	test_cpu_timers();
	test_cpu_limit();
	test_timer();
	test_timer_kinds();
	return check_status();
}
