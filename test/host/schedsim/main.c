/* SPDX-License-Identifier: MIT */
/*
 * main.c - the kernel's scheduling policies over a simulated clock
 *
 * Idea: the run queues, the policies and the balancing are the kernel's own
 * files. What schedule.c does with them is done here by a loop over events: a
 * job arrives, its I/O is complete, a hart comes to the end of a burst or of a
 * quantum. Events of the same moment are all handled before anybody is chosen,
 * arrivals before quanta that end. Switching costs nothing.
 *
 * scripts/schedsim writes the input (one line each, all times in ns) and reads
 * the output:
 *
 *	harts N                       1..512
 *	policy NAME                   of all queues
 *	mlfq BOOST QUANTUM:ALLOTMENT...  from the topmost level
 *	trace 0|1                     print each stretch
 *	until NS                      stop then
 *	job NAME ARRIVE CLASS VALUE HARTS BURST...
 *		CLASS is nice, tickets, fifo, rr, batch or idle; HARTS the bits
 *		of those it may run on, 0: all; BURST is CPU:IO
 *
 *	run HART NAME FROM TO LEVEL   a stretch without a switch
 *	job NAME ARRIVE FIRST FINISH RAN SWITCHES MOVES     -1: never
 *	total SWITCHES STEALS MOVES NOW
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arch/hart.h>
#include "kernel/abi/sched.h"
#include "kernel/sched/run_queue.h"
#include "kernel/sched/sched.h"
#include "test/host/schedsim/sim.h"

static const struct sched_policy *const policies[] = {
	&fair_policy,    &round_robin_policy, &mlfq_policy, &stride_policy,
	&lottery_policy, &sjf_policy,         &stcf_policy,
};

enum event_kind { ARRIVES, IO_DONE, HART_STOPS }; /* in this order */

struct event {
	uint64_t at_ns;
	enum event_kind kind;
	uint64_t number; /* in order of planning, among equals */
	struct job *job;
	unsigned int hart;
	uint64_t plan; /* HART_STOPS: void unless the hart's is the same */
};

struct sim_hart {
	struct thread idle;
	bool choose; /* before time goes on */
	uint64_t plan;
	uint64_t since_ns;  /* the present stretch */
	unsigned int level; /* ... and its level of MLFQ */
};

static struct {
	uint64_t now_ns, until_ns;
	unsigned int num_harts, num_jobs, num_left;
	const struct sched_policy *policy;
	bool trace;
	struct job **jobs;
	struct sim_hart harts[MAX_HARTS];
	struct event *heap;
	size_t num_events, room;
	uint64_t num_planned;
	uint64_t switches, steals, moves;
} sim = { .num_harts = 1, .policy = &fair_policy, .until_ns = UINT64_MAX };

static void die(const char *what)
{
	fprintf(stderr, "schedsim: %s\n", what);
	exit(2);
}

/* ---- What the kernel's files ask for ---- */

struct host_hart host_hart;

struct thread *arch_current(void)
{
	static struct thread nobody;

	return &nobody;
}

/* The one that simulates all others. */
unsigned int arch_hart_index(void)
{
	return 0;
}

unsigned int arch_num_harts(void)
{
	return sim.num_harts;
}

uint64_t clock_now_ns(void)
{
	return sim.now_ns;
}

const struct sched_policy *sched_first_policy(void)
{
	return sim.policy;
}

void lock_check_acquire(const void *lock, unsigned int rank)
{
}

void lock_check_release(const void *lock, unsigned int rank)
{
}

void lock_stats_count(unsigned int rank, bool waited, uint64_t spins)
{
}

void lock_stats_moved(unsigned int rank)
{
}

/* ---- Events: a binary heap ---- */

static bool is_before(const struct event *a, const struct event *b)
{
	if (a->at_ns != b->at_ns)
		return a->at_ns < b->at_ns;
	if (a->kind != b->kind)
		return a->kind < b->kind;
	return a->number < b->number;
}

static void plan(struct event event)
{
	size_t i = sim.num_events++;

	if (sim.num_events > sim.room) {
		sim.room = sim.room ? 2 * sim.room : 64;
		sim.heap = realloc(sim.heap, sim.room * sizeof(event));
		if (!sim.heap)
			die("out of memory");
	}
	event.number = sim.num_planned++;
	for (; i > 0 && is_before(&event, &sim.heap[(i - 1) / 2]);
	     i = (i - 1) / 2)
		sim.heap[i] = sim.heap[(i - 1) / 2];
	sim.heap[i] = event;
}

static struct event next_event(void)
{
	struct event first = sim.heap[0], last = sim.heap[--sim.num_events];
	size_t i = 0;

	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= sim.num_events)
			break;
		if (child + 1 < sim.num_events &&
		    is_before(&sim.heap[child + 1], &sim.heap[child]))
			child++;
		if (!is_before(&sim.heap[child], &last))
			break;
		sim.heap[i] = sim.heap[child];
		i = child;
	}
	sim.heap[i] = last;
	return first;
}

/* ---- A hart ---- */

static struct sim_hart *hart_of(const struct run_queue *rq)
{
	return &sim.harts[rq->hart_index];
}

/* The same as in account.c, and what is left of the burst. */
uint64_t account_run_time(struct run_queue *rq, struct thread *thread,
			  uint64_t now_ns, enum cpu_mode mode)
{
	uint64_t ran_ns = now_ns - thread->sched.started_ns;

	thread->sched.started_ns = now_ns;
	thread->sched.run_ns += ran_ns;
	if (thread != rq->idle)
		job_of(thread)->left_ns -= ran_ns;
	if (thread->sched.kept_by == rq->policy)
		rq->policy->account(rq, thread, ran_ns);
	return ran_ns;
}

static uint64_t quantum_end(const struct run_queue *rq,
			    const struct thread *thread)
{
	uint64_t quantum_ns = run_queue_quantum(rq, thread);

	return quantum_ns ? sim.now_ns + quantum_ns : UINT64_MAX;
}

/* When does the hart have to look again? */
static void plan_stop(struct run_queue *rq)
{
	struct sched_entity *running = &rq->current->sched;
	struct event event = { .kind = HART_STOPS, .hart = rq->hart_index };

	event.plan = ++hart_of(rq)->plan;
	if (rq->current == rq->idle)
		return;
	event.at_ns = running->started_ns + job_of(rq->current)->left_ns;
	if ((rq->num_ready > 0 || rq->policy == &mlfq_policy) &&
	    running->quantum_end_ns < event.at_ns)
		event.at_ns = MAX(running->quantum_end_ns, sim.now_ns);
	plan(event);
}

static unsigned int level_of(const struct run_queue *rq)
{
	return rq->current->sched.kept_by == &mlfq_policy
		       ? rq->current->sched.data.mlfq.level
		       : 0;
}

static void end_stretch(struct run_queue *rq)
{
	struct sim_hart *hart = hart_of(rq);

	if (sim.trace && rq->current != rq->idle && sim.now_ns > hart->since_ns)
		printf("run %u %s %lu %lu %u\n", rq->hart_index,
		       job_of(rq->current)->name, hart->since_ns, sim.now_ns,
		       hart->level);
}

static void begin_stretch(struct run_queue *rq)
{
	hart_of(rq)->since_ns = sim.now_ns;
	hart_of(rq)->level = level_of(rq);
}

static bool steal(struct run_queue *rq)
{
	struct run_queue *victim = NULL;
	struct thread *thread;

	for (unsigned int i = 0; i < sim.num_harts; i++) {
		struct run_queue *other = run_queue_of(i);

		if (other->num_ready > (victim ? victim->num_ready : 0))
			victim = other;
	}
	thread = victim ? run_queue_spare(victim, rq->hart_bit) : NULL;
	if (!thread)
		return false;
	run_queue_remove(victim, thread);
	plan_stop(victim);
	thread->sched.hart = rq->hart_index;
	run_queue_add(rq, thread, ADD_MOVED);
	sim.steals++;
	job_of(thread)->moves++;
	return true;
}

/* sched_look_for_work(), sched_found_work() */
static void note_idle(const struct run_queue *rq, bool is_idle)
{
	if (is_idle)
		sched_idle_harts |= rq->hart_bit;
	else
		sched_idle_harts &= ~rq->hart_bit;
}

/* schedule() */
static void choose(struct run_queue *rq)
{
	struct thread *prev = rq->current, *next;

	account_run_time(rq, prev, sim.now_ns, CPU_USER);
	if (prev != rq->idle && prev->state == THREAD_RUNNING) {
		prev->sched.at_user = true;
		prev->state = THREAD_READY;
		run_queue_add(rq, prev, prev->sched.leaving);
	}
	if (rq->num_ready == 0)
		steal(rq);
	next = run_queue_pick(rq);
	if (!next)
		next = rq->idle;
	note_idle(rq, next == rq->idle);
	if (next != prev && next != rq->idle)
		sim.switches++;
	if (next != prev)
		prev->sched.switches_forced++;
	if (next != prev || level_of(rq) != hart_of(rq)->level) {
		end_stretch(rq);
		rq->current = next;
		begin_stretch(rq);
	}
	next->state = THREAD_RUNNING;
	next->sched.started_ns = sim.now_ns;
	next->sched.quantum_end_ns = quantum_end(rq, next);
	if (next != rq->idle && !job_of(next)->began) {
		job_of(next)->began = true;
		job_of(next)->first_ns = sim.now_ns;
	}
	plan_stop(rq);
}

static bool burst_is_over(struct run_queue *rq, struct job *job)
{
	struct burst *burst = &job->bursts[job->burst];

	if (job->left_ns > 0)
		return false;
	job->thread.state = THREAD_SLEEPING;
	if (++job->burst == job->num_bursts) {
		job->thread.state = THREAD_DEAD;
		job->finished = true;
		job->finish_ns = sim.now_ns;
		sim.num_left--;
	} else {
		plan((struct event){ .kind = IO_DONE,
				     .at_ns = sim.now_ns + burst->io_ns,
				     .job = job });
	}
	return true;
}

/* sched_tick(), or the end of a burst */
static void hart_stops(struct run_queue *rq)
{
	struct thread *running = rq->current;

	account_run_time(rq, running, sim.now_ns, CPU_USER);
	if (burst_is_over(rq, job_of(running))) {
		hart_of(rq)->choose = true;
		return;
	}
	if (sim.now_ns >= running->sched.quantum_end_ns) {
		running->sched.leaving = ADD_TURN_OVER;
		running->sched.quantum_end_ns = quantum_end(rq, running);
		hart_of(rq)->choose = rq->num_ready > 0;
	}
	spin_lock(&rq->lock);
	balance(rq, sim.now_ns);
	spin_unlock(&rq->lock);
	if (level_of(rq) != hart_of(rq)->level) {
		end_stretch(rq);
		begin_stretch(rq);
	}
	plan_stop(rq);
}

/* ---- Threads become ready ---- */

void sched_place_on(struct run_queue *target, struct run_queue *rq,
		    struct thread *thread, enum add_reason reason)
{
	struct thread *running = target->current;

	if (target != rq && reason != ADD_NEW) {
		sim.moves++;
		job_of(thread)->moves++;
	}
	account_run_time(target, running, sim.now_ns, CPU_USER);
	thread->state = THREAD_READY;
	thread->sched.hart = target->hart_index;
	run_queue_add(target, thread, reason);
	if (running == target->idle ||
	    run_queue_is_better(target, thread, running))
		hart_of(target)->choose = true;
	plan_stop(target);
	spin_unlock(&rq->lock);
}

static bool is_free(const struct run_queue *rq)
{
	return rq->current == rq->idle && rq->num_ready == 0;
}

/*
 * As the kernel does. Its idle harts are the bits of a word; with more harts:
 * where it was, if that hart is free or none is; new ones: the emptiest.
 */
static struct run_queue *choose_hart(struct job *job, bool is_new)
{
	struct run_queue *best = run_queue_of(job->thread.sched.hart);

	if (sim.num_harts <= 64)
		return run_queue_choose(best, &job->thread);
	for (unsigned int i = 0; i < sim.num_harts && !is_free(best); i++) {
		struct run_queue *rq = run_queue_of(i);

		if (is_free(rq) || (is_new && rq->num_ready < best->num_ready))
			best = rq;
	}
	return best;
}

static void becomes_ready(struct job *job, enum add_reason reason)
{
	struct run_queue *rq = choose_hart(job, reason == ADD_NEW);

	job->left_ns = job->bursts[job->burst].cpu_ns;
	spin_lock(&rq->lock);
	sched_place_on(rq, rq, &job->thread, reason);
}

/* ---- Input and output ---- */

static uint64_t number(const char *text, char **end)
{
	uint64_t n;

	errno = 0;
	n = strtoull(text, end, 10);
	if (errno || *end == text)
		die("not a number");
	return n;
}

static void set_class(struct sched_entity *entity, const char *class, int value)
{
	entity->policy = SCHED_NORMAL;
	if (!strcmp(class, "nice"))
		entity->nice = value;
	else if (!strcmp(class, "fifo") || !strcmp(class, "rr"))
		entity->rt_priority = value;
	else if (strcmp(class, "tickets") != 0 && strcmp(class, "batch") != 0 &&
		 strcmp(class, "idle") != 0)
		die("no such class");
	if (!strcmp(class, "fifo"))
		entity->policy = SCHED_FIFO;
	else if (!strcmp(class, "rr"))
		entity->policy = SCHED_RR;
	else if (!strcmp(class, "batch"))
		entity->policy = SCHED_BATCH;
	else if (!strcmp(class, "idle"))
		entity->policy = SCHED_IDLE;
	sched_update_weight(entity);
	if (!strcmp(class, "tickets"))
		entity->weight = (unsigned int)value;
}

/* "NAME ARRIVE CLASS VALUE HARTS CPU:IO CPU:IO ..." */
static void read_job(char *line)
{
	struct job *job = calloc(1, sizeof(*job));
	char *end, *name = strtok(line, " \n"), *arrive = strtok(NULL, " \n"),
		   *class = strtok(NULL, " \n"), *value = strtok(NULL, " \n"),
		   *harts = strtok(NULL, " \n");

	if (!job || !harts)
		die("job NAME ARRIVE CLASS VALUE HARTS BURST...");
	job->name = strdup(name);
	job->arrive_ns = number(arrive, &end);
	job->thread.sched.affinity = number(harts, &end);
	if (!job->thread.sched.affinity)
		job->thread.sched.affinity = UINT64_MAX;
	list_init(&job->thread.sched.node);
	set_class(&job->thread.sched, class, atoi(value));
	for (char *word; (word = strtok(NULL, " \n"));) {
		struct burst burst = { .cpu_ns = number(word, &end) };

		if (*end == ':')
			burst.io_ns = number(end + 1, &end);
		job->bursts = realloc(job->bursts,
				      (job->num_bursts + 1) * sizeof(burst));
		job->bursts[job->num_bursts++] = burst;
	}
	if (!job->num_bursts)
		die("a job without bursts");
	sim.jobs = realloc(sim.jobs, (sim.num_jobs + 1) * sizeof(struct job *));
	sim.jobs[sim.num_jobs++] = job;
	plan((struct event){
		.kind = ARRIVES, .at_ns = job->arrive_ns, .job = job });
}

static void read_mlfq(char *line)
{
	char *end;

	mlfq_settings.num_levels = 0;
	mlfq_settings.boost_ns = number(strtok(line, " \n"), &end);
	for (char *word; (word = strtok(NULL, " \n"));) {
		unsigned int level = mlfq_settings.num_levels++;

		if (level >= MLFQ_MAX_LEVELS)
			die("too many levels");
		mlfq_settings.quantum_ns[level] = number(word, &end);
		mlfq_settings.allotment_ns[level] = number(end + 1, &end);
	}
}

static void read_policy(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		if (!strcmp(policies[i]->name, name)) {
			sim.policy = policies[i];
			return;
		}
	}
	die("no such policy");
}

static void read_input(void)
{
	char *line = NULL, *end;
	size_t size = 0;

	while (getline(&line, &size, stdin) > 0) {
		char *rest = line + strcspn(line, " \n");

		*rest++ = '\0';
		rest[strcspn(rest, "\n")] = '\0';
		if (!strcmp(line, "harts"))
			sim.num_harts = (unsigned int)number(rest, &end);
		else if (!strcmp(line, "policy"))
			read_policy(rest);
		else if (!strcmp(line, "mlfq"))
			read_mlfq(rest);
		else if (!strcmp(line, "trace"))
			sim.trace = *rest == '1';
		else if (!strcmp(line, "until"))
			sim.until_ns = number(rest, &end);
		else if (!strcmp(line, "job"))
			read_job(rest);
		else
			die("what is this line?");
	}
	free(line);
	if (sim.num_harts < 1 || sim.num_harts > MAX_HARTS)
		die("too many harts");
}

static void print_results(void)
{
	for (unsigned int i = 0; i < sim.num_jobs; i++) {
		struct job *job = sim.jobs[i];

		printf("job %s %lu %ld %ld %lu %lu %u\n", job->name,
		       job->arrive_ns, job->began ? (long)job->first_ns : -1,
		       job->finished ? (long)job->finish_ns : -1,
		       job->thread.sched.run_ns,
		       job->thread.sched.switches_forced, job->moves);
	}
	printf("total %lu %lu %lu %lu\n", sim.switches, sim.steals, sim.moves,
	       sim.now_ns);
}

/* ---- Time goes by ---- */

static void handle(const struct event *event)
{
	struct run_queue *rq = run_queue_of(event->hart);

	if (event->kind == ARRIVES)
		becomes_ready(event->job, ADD_NEW);
	else if (event->kind == IO_DONE)
		becomes_ready(event->job, ADD_WOKEN);
	else if (event->plan == hart_of(rq)->plan)
		hart_stops(rq);
}

static bool chose_somewhere(void)
{
	bool any = false;

	for (unsigned int i = 0; i < sim.num_harts; i++) {
		if (!sim.harts[i].choose)
			continue;
		sim.harts[i].choose = false;
		choose(run_queue_of(i));
		any = true;
	}
	return any;
}

static void start_harts(void)
{
	for (unsigned int i = 0; i < sim.num_harts; i++) {
		struct thread *idle = &sim.harts[i].idle;

		idle->state = THREAD_RUNNING;
		idle->sched.affinity = UINT64_MAX;
		idle->sched.hart = i;
		run_queue_init(i);
		run_queue_of(i)->idle = idle;
		run_queue_of(i)->current = idle;
		run_queue_of(i)->online = true;
		note_idle(run_queue_of(i), true);
	}
	sched_other_harts = sim.num_harts > 1;
}

int main(void)
{
	read_input();
	start_harts();
	sim.num_left = sim.num_jobs;
	while (sim.num_left && sim.num_events) {
		struct event event = next_event();

		if (event.at_ns > sim.until_ns)
			break;
		sim.now_ns = event.at_ns;
		handle(&event);
		while (sim.num_events && sim.heap[0].at_ns == sim.now_ns) {
			event = next_event();
			handle(&event);
		}
		while (chose_somewhere())
			;
	}
	if (sim.until_ns != UINT64_MAX && sim.num_left)
		sim.now_ns = sim.until_ns;
	for (unsigned int i = 0; i < sim.num_harts; i++) {
		struct run_queue *rq = run_queue_of(i);

		account_run_time(rq, rq->current, sim.now_ns, CPU_USER);
		end_stretch(rq);
	}
	print_results();
	return 0;
}
