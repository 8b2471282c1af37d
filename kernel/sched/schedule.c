/* SPDX-License-Identifier: MIT */
/*
 * schedule.c - giving the hart from one thread to the next
 *
 * Idea: a thread gives its hart away by calling schedule(): by itself when it
 * must wait (cooperatively), or because the timer said that its quantum is
 * used up (preemptively; WORK_RESCHEDULE, seen on the way out of the trap).
 * schedule() asks the run queue for the next thread and exchanges kernel
 * stacks and registers; when it "returns", this thread was chosen again.
 *
 * The run queue's lock is held across the switch, taken by the thread that
 * leaves and released by the one that arrives (finish_switch()). So who holds
 * the lock sees a thread either on its hart or completely off it, never in
 * between, and no thread can be started on a second hart before its registers
 * are saved.
 *
 * Tickless: while a thread is alone, nothing interrupts it. The timer is armed
 * when a second thread becomes ready. It is not moved at each switch (programming
 * it is a call to the firmware on many machines) unless this one's quantum ends
 * sooner: when it comes early, it is armed again for the true end of the quantum.
 *
 * Invariants: R1-R4 of run_queue.c, and
 *   S1  sched.on_hart is set exactly while the thread's registers are on the
 *       hart sched.hart; the thread is then RUNNING or about to sleep.
 *   S2  The page table in use is that of current, or rq->borrowed, or the
 *       kernel's own.
 *
 * Read: OSTEP ch. 6 (limited direct execution), ch. 7.
 */
#include <arch/hart.h>
#include <arch/thread.h>
#include "kernel/abi/sched.h"
#include "kernel/arch_entry.h"
#include "kernel/lib/boot_args.h"
#include "kernel/lib/string.h"
#include "kernel/mm/vm_space.h"
#include "kernel/sched/hand_off.h"
#include "kernel/sched/run_queue.h"
#include "kernel/sched/sched.h"
#include "kernel/sync/deferred.h"
#include "kernel/time/clock.h"
#include "kernel/time/timer.h"
#include "kernel/trace/trace.h"

/*
 * False (boot argument preempt=user): a thread in the kernel goes on until it
 * returns or sleeps, so that on one hart the kernel is not entered twice.
 */
static bool kernel_preemptive = true;

/* ---- Interrupting other harts -------------------------------------------- */

/*
 * Interrupts owed to other harts, bit h for hart h. Who is interrupted wants at
 * once the locks under which we woke somebody there, and sending it takes long
 * (a call of the firmware); so it is sent when this hart has released its last
 * spinlock. Own hart, interrupts off.
 */
static struct hart_owes {
	uint64_t harts;
} __aligned(64) owes[MAX_HARTS];

static void send_ipis(uint64_t harts)
{
	for (; harts; harts &= harts - 1) {
		unsigned int hart = (unsigned int)__builtin_ctzl(harts);

		hand_off_ipi_goes(run_queue_of(hart));
		arch_send_ipi(hart);
	}
}

static void owe_ipis(uint64_t harts)
{
	struct thread_irq *irq = current_irq();

	debug_assert(irq->depth > 0);
	if (!harts)
		return;
	owes[arch_hart_index()].harts |= harts;
	WRITE_ONCE(irq->owed.ipis, true);
}

void interrupts_off_pay(void)
{
	struct thread_irq *irq = current_irq();
	struct hart_owes *mine;
	bool turn_on;

	/* While something is owed interrupts are put off even now, so we are
	 * still on the hart that owes. */
	if (irq->depth > 0)
		return;
	turn_on = arch_interrupts_save() || irq->owed.interrupts;
	if (irq->owed.stay_off)
		turn_on = false;
	irq->owed.any = 0;
	mine = &owes[arch_hart_index()];
	send_ipis(mine->harts);
	mine->harts = 0;
	if (turn_on)
		arch_interrupts_on();
}

/* ---- The quantum --------------------------------------------------------- */

static uint64_t quantum_end(const struct run_queue *rq,
			    const struct thread *thread, uint64_t now_ns)
{
	uint64_t quantum_ns = run_queue_quantum(rq, thread);

	return quantum_ns ? now_ns + quantum_ns : UINT64_MAX;
}

/* Have the timer stop the running thread, if there is a reason to. */
static void arm_quantum(struct run_queue *rq)
{
	struct sched_entity *running = &rq->current->sched;

	if (rq->quantum_armed_ns <= running->quantum_end_ns ||
	    rq->current == rq->idle)
		return;
	if (rq->num_ready == 0 || !sched_preemptive)
		return;
	rq->quantum_armed_ns = running->quantum_end_ns;
	timers_set_quantum_end(rq->quantum_armed_ns);
}

void sched_tick(uint64_t now_ns)
{
	struct run_queue *rq = this_run_queue();
	struct thread *me = current();

	spin_lock(&rq->lock);
	rq->quantum_armed_ns = UINT64_MAX;
	account_run_time(rq, me, now_ns,
			 arch_trap_from_user() ? CPU_USER : CPU_SYSTEM);
	if (now_ns >= me->sched.quantum_end_ns && me != rq->idle) {
		me->sched.leaving = ADD_TURN_OVER;
		me->sched.quantum_end_ns = quantum_end(rq, me, now_ns);
		if (rq->num_ready > 0 && sched_preemptive)
			thread_set_work(me, WORK_RESCHEDULE);
	}
	if (unlikely(me->sched.handed_off))
		owe_ipis(hand_off_failed(rq, me));
	balance(rq, now_ns);
	arm_quantum(rq);
	spin_unlock(&rq->lock);
}

/* ---- The switch ---------------------------------------------------------- */

/*
 * Kernel threads borrow the page table they find (S2). But an idle hart is not to
 * be woken only to be fenced, or to give the table back.
 */
static void switch_space(struct run_queue *rq, struct thread *prev,
			 struct thread *next)
{
	struct vm_space *loaded = prev->space ? prev->space : rq->borrowed;

	if (!next->space) {
		if (sched_other_harts && next == rq->idle && loaded) {
			page_table_switch(&kernel_page_table);
			loaded = NULL;
		}
		rq->borrowed = loaded;
		return;
	}
	if (next->space != loaded)
		page_table_switch(&next->space->page_table);
	rq->borrowed = NULL;
}

/* In the lectures: switch(A, B). Returns in B; in A when it is chosen again. */
static void switch_to(struct run_queue *rq, struct thread *prev,
		      struct thread *next, uint64_t now_ns) UNCHECKED_LOCKING
{
	next->state = THREAD_RUNNING;
	next->sched.on_hart = true;
	next->sched.started_ns = now_ns;
	next->sched.quantum_end_ns = quantum_end(rq, next, now_ns);
	rq->current = next;
	rq->left = prev;
	rq->num_switches++;
	arm_quantum(rq);

	arch_thread_leave(prev);
	switch_space(rq, prev, next);
	if (CONFIG_DEBUG) /* the lock changes hands, see finish_switch() */
		lock_check_release(&rq->lock, rq->lock.rank);
	TRACE_STEP_HERE(CALL_SWITCH);
	arch_switch(&prev->arch.context, &next->arch.context);
	finish_switch();
}

/* What the hart owes is the next thread's to pay. */
static void take_debts(struct thread *prev)
{
	struct thread_irq *mine = current_irq();

	if (prev->irq.owed.interrupts)
		WRITE_ONCE(mine->owed.interrupts, true);
	if (prev->irq.owed.ipis)
		WRITE_ONCE(mine->owed.ipis, true);
	prev->irq.owed.interrupts = prev->irq.owed.ipis = false;
}

/*
 * On the new thread's stack: the old one is off the hart now. It may be dead:
 * then this was the last that is heard of it.
 */
void finish_switch(void) UNCHECKED_LOCKING
{
	struct run_queue *rq = this_run_queue();
	struct thread *prev = rq->left;
	bool dead = prev->state == THREAD_DEAD;

	if (CONFIG_DEBUG)
		lock_check_acquire(&rq->lock, rq->lock.rank);
	if (unlikely(READ_ONCE(trace_mask)))
		sched_trace_switch(rq, prev);
	arch_thread_arrive(current());
	if (unlikely(prev->irq.owed.any))
		take_debts(prev);
	prev->sched.on_hart = false;
	if (prev->state == THREAD_READY && !prev->sched.queue &&
	    prev != rq->idle)
		sched_place(rq, prev, ADD_MOVED); /* may not stay here */
	else
		run_queue_unlock(rq);
	interrupts_off_leave();
	if (dead) {
		/* A zombie may remain for long: its stack need not. */
		arch_thread_destroy(&prev->arch);
		thread_put(prev);
	}
}

/* Who runs after @prev, which goes to sleep. */
static struct thread *next_after_sleeper(struct run_queue *rq,
					 struct thread *prev, uint64_t ran_ns)
{
	struct thread *next = run_queue_pick(rq);

	prev->sched.switches_voluntary++;
	if (prev->sched.woke)
		hand_off_slept(prev, ran_ns);
	if (unlikely(prev == rq->idle)) /* boot code that waits */
		prev->state = THREAD_READY;
	return next ? next : rq->idle;
}

/* RUNNING -> READY. Who runs after @prev; it may be @prev again. */
static struct thread *next_after_ready(struct run_queue *rq,
				       struct thread *prev)
{
	struct thread *next;

	prev->sched.switches_forced++;
	prev->state = THREAD_READY;
	if (unlikely(prev->sched.handed_off))
		owe_ipis(hand_off_failed(rq, prev));
	if (likely(run_queue_can_exchange(rq, prev)))
		return run_queue_exchange(rq, prev);
	if (prev != rq->idle && run_queue_allows(rq, prev))
		run_queue_add(rq, prev, prev->sched.leaving);
	next = run_queue_pick(rq);
	return next ? next : rq->idle;
}

void schedule(void) UNCHECKED_LOCKING
{
	TRACE_STEP_HERE(CHOOSE);
	struct thread *prev = current();
	struct thread *next;
	struct run_queue *rq;
	uint64_t now_ns, ran_ns;

	assert(prev->irq.depth == 0);
	debug_assert(prev->irq.reading == 0);
	interrupts_off_enter(); /* from here on we stay on this hart */
	rq = this_run_queue();
	spin_lock(&rq->lock);

	now_ns = clock_now_ns();
	ran_ns = account_run_time(rq, prev, now_ns, CPU_USER);
	if (thread_has_work(prev, WORK_RESCHEDULE))
		thread_clear_work(prev, WORK_RESCHEDULE);

	if (READ_ONCE(prev->state) == THREAD_RUNNING)
		next = next_after_ready(rq, prev);
	else
		next = next_after_sleeper(rq, prev, ran_ns);
	if (next != prev) {
		switch_to(rq, prev, next, now_ns);
		return;
	}
	prev->state = THREAD_RUNNING;
	if (unlikely(READ_ONCE(trace_mask)))
		sched_trace_decision(rq, prev, prev);
	prev->sched.quantum_end_ns = quantum_end(rq, prev, now_ns);
	arm_quantum(rq);
	run_queue_unlock(rq);
	interrupts_off_leave();
}

void sched_yield(void)
{
	current()->sched.leaving = ADD_YIELDED;
	schedule();
}

void sched_return_to_user(void)
{
	current()->sched.at_user = true;
	schedule();
	current()->sched.at_user = false;
}

/* Is the thread that is running, in the kernel, to be preempted? */
static bool preemption_is_due(struct thread *me)
{
	if (!kernel_preemptive)
		return false;
	if (me->irq.reading) {
		me->irq.preempt_late = true;
		return false;
	}
	/* Who is about to sleep gives the hart away by itself very soon. */
	return thread_has_work(me, WORK_RESCHEDULE) &&
	       me->state == THREAD_RUNNING;
}

void sched_preempt(void)
{
	struct thread *me = current();

	if (!preemption_is_due(me))
		return;
	/* Off in the hart now: on for who runs next, off when we are back. */
	me->irq.owed.interrupts = me->irq.owed.stay_off = true;
	schedule();
}

void read_left_late(void)
{
	struct thread *me = current();

	me->irq.preempt_late = false;
	if (me->irq.depth == 0 && preemption_is_due(me))
		schedule();
}

/* The lock: whatever the hart's threads read before they left it, they read
 * before we look. */
uint64_t sched_quiet_count(unsigned int hart)
{
	struct run_queue *rq = run_queue_of(hart);
	uint64_t count;

	spin_lock(&rq->lock);
	count = rq->current == rq->idle || !rq->current
			? SCHED_QUIET_NOW
			: rq->num_switches + rq->num_quiet;
	spin_unlock(&rq->lock);
	return count;
}

/* ---- Making threads ready ------------------------------------------------ */

/*
 * @thread is ready on @rq: see that its hart notices. Returns the harts (bits)
 * to interrupt.
 */
static uint64_t tell_hart(struct run_queue *rq, struct thread *thread)
{
	struct thread *running = rq->current;
	bool here = rq == this_run_queue();
	uint64_t harts;

	if (running == rq->idle) {
		/* idle_loop() looks after every interrupt. Who put the first
		 * thread there has told it. */
		return !here && rq->num_ready == 1 ? BIT(rq->hart_index) : 0;
	}
	harts = sched_other_harts ? sched_offer(thread) : 0;
	if (!sched_preemptive)
		return harts;
	if (run_queue_is_better(rq, thread, running))
		thread_set_work(running, WORK_RESCHEDULE);
	else if (rq->quantum_armed_ns <= running->sched.quantum_end_ns)
		return harts;
	if (here)
		arm_quantum(rq);
	else
		harts |= BIT(rq->hart_index);
	return harts;
}

/*
 * No timer stops the one that runs on @rq, perhaps for long: count that before
 * another thread takes its place beside it.
 */
static __noinline void account_who_is_alone(struct run_queue *rq)
{
	if (rq->current != rq->idle)
		account_run_time(rq, rq->current, clock_now_ns(), CPU_USER);
}

/* @thread is READY, and @target's from now on; @rq is unlocked for it. */
static inline struct run_queue *carry(struct run_queue *target,
				      struct run_queue *rq,
				      struct thread *thread,
				      enum add_reason reason) UNCHECKED_LOCKING
{
	if (unlikely(READ_ONCE(trace_mask)))
		sched_trace_wake(target, thread, reason);
	thread->state = THREAD_READY;
	while (target != rq) {
		/* From here on target's lock guards it (R2). */
		run_queue_adopt(target, thread);
		run_queue_unlock(rq);
		rq = target;
		spin_lock(&rq->lock);
		if (unlikely(!rq->online)) /* it went meanwhile */
			target = run_queue_choose(rq, thread);
	}
	if (rq->quantum_armed_ns == UINT64_MAX)
		account_who_is_alone(rq);
	run_queue_add(rq, thread, reason);
	return rq;
}

static inline void place(struct run_queue *target, struct run_queue *rq,
			 struct thread *thread,
			 enum add_reason reason) UNCHECKED_LOCKING
{
	uint64_t harts;

	rq = carry(target, rq, thread, reason);
	harts = tell_hart(rq, thread);
	if (unlikely(harts))
		owe_ipis(harts);
	run_queue_unlock(rq);
}

void sched_place(struct run_queue *rq, struct thread *thread,
		 enum add_reason reason) UNCHECKED_LOCKING
{
	place(run_queue_choose(rq, thread), rq, thread, reason);
}

void sched_place_on(struct run_queue *target, struct run_queue *rq,
		    struct thread *thread, enum add_reason reason)
{
	place(target, rq, thread, reason);
}

void sched_start(struct thread *thread) UNCHECKED_LOCKING
{
	struct run_queue *rq;

	assert(thread->state == THREAD_NEW);
	interrupts_off_enter();
	rq = this_run_queue();
	run_queue_adopt(rq, thread);
	spin_lock(&rq->lock);
	sched_place(rq, thread, ADD_NEW);
	interrupts_off_leave();
}

/*
 * Still on its hart: take back its decision to sleep. By compare and exchange,
 * because the thread itself writes its state without the lock.
 */
static bool call_back(struct thread *thread, unsigned int states)
{
	unsigned int seen = READ_ONCE(thread->state);

	while (seen & states) {
		if (__atomic_compare_exchange_n(
			    &thread->state, &seen, THREAD_RUNNING, false,
			    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			return true;
	}
	return false;
}

/*
 * If the waker is about to sleep, have @thread wait for that, and tell nobody.
 * @rq (locked) guards it, and is unlocked if so.
 */
static bool hand_off(struct run_queue *rq,
		     struct thread *thread) UNCHECKED_LOCKING
{
	struct run_queue *here = this_run_queue();
	struct thread *me = current();

	if (!hand_off_wanted(here, me, thread))
		return false;
	interrupts_off_enter(); /* so that we stay here */
	me->sched.handed_off = true;
	rq = carry(here, rq, thread, ADD_WOKEN);
	if (likely(rq == here))
		arm_quantum(rq);
	else /* this hart goes offline */
		owe_ipis(tell_hart(rq, thread));
	run_queue_unlock(rq);
	interrupts_off_leave();
	return true;
}

bool sched_wake(struct thread *thread, unsigned int states) UNCHECKED_LOCKING
{
	struct run_queue *rq;
	bool woken;

	/* What we announce before the state; pairs with set_state() of wait.c
	 * and whoever else announces a sleep. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!(READ_ONCE(thread->state) & states))
		return false;

	rq = run_queue_lock_of(thread);
	if (thread->sched.on_hart) {
		woken = call_back(thread, states);
	} else if (thread->state & states) {
		if (!sched_other_harts || !hand_off(rq, thread))
			sched_place(rq, thread, ADD_WOKEN);
		if (sched_other_harts)
			current()->sched.woke = true;
		return true;
	} else {
		woken = false;
	}
	run_queue_unlock(rq);
	return woken;
}

/*
 * The lock decides the race with a switch to @thread: either it is on its hart
 * already, or it will see the work that was set before this call.
 */
void sched_kick(struct thread *thread)
{
	struct run_queue *rq;

	if (!sched_other_harts || thread == current())
		return;
	rq = run_queue_lock_of(thread);
	if (thread->sched.on_hart)
		owe_ipis(BIT(rq->hart_index));
	run_queue_unlock(rq);
}

/* Another hart made a thread of ours ready, or wants a page table back. */
void handle_ipi(void)
{
	struct run_queue *rq = this_run_queue();

	hand_off_ipi_came(rq);
	timers_look();
	if (unlikely(!READ_ONCE(rq->online)))
		sched_hart_drain(rq);
	spin_lock(&rq->lock);
	arm_quantum(rq);
	rq->num_ipis++;
	if (!current_irq()->reading)
		rq->num_quiet++;
	if (rq->drop_borrowed) {
		rq->drop_borrowed = false;
		if (!current()->space)
			page_table_switch(&kernel_page_table);
		WRITE_ONCE(rq->borrowed, NULL);
	}
	spin_unlock(&rq->lock);
}

/* Have the hart of @rq give up @space, if it still borrows it. */
static void ask_to_drop(struct run_queue *rq, const struct vm_space *space)
{
	spin_lock(&rq->lock);
	if (rq->borrowed == space) {
		rq->drop_borrowed = true;
		arch_send_ipi(rq->hart_index);
	}
	spin_unlock(&rq->lock);
}

void sched_forget_space(struct vm_space *space)
{
	/* Who borrows it has it loaded; most often nobody does. */
	if (!page_table_is_loaded(&space->page_table))
		return;
	for (unsigned int i = 0; i < arch_num_harts(); i++) {
		struct run_queue *rq = run_queue_of(i);

		if (READ_ONCE(rq->borrowed) != space)
			continue;
		ask_to_drop(rq, space);
		while (READ_ONCE(rq->borrowed) == space)
			arch_spin_hint();
	}
}

/* ---- Sleeping ------------------------------------------------------------ */

struct sleep_timer {
	struct timer timer;
	struct thread *thread;
};

static void sleep_is_over(struct timer *timer)
{
	struct sleep_timer *sleep =
		container_of(timer, struct sleep_timer, timer);

	sched_wake(sleep->thread, THREAD_ANY_SLEEP);
}

bool sched_sleep_until(uint64_t deadline_ns)
{
	struct sleep_timer sleep = { .thread = current() };

	if (deadline_ns <= clock_now_ns()) {
		WRITE_ONCE(current()->state, THREAD_RUNNING);
		return true;
	}
	timer_init(&sleep.timer, sleep_is_over);
	timer_start(&sleep.timer, deadline_ns);
	schedule();
	return !timer_cancel_sync(&sleep.timer);
}

void sched_sleep_ns(uint64_t duration_ns)
{
	uint64_t deadline_ns = clock_now_ns() + duration_ns;

	do {
		WRITE_ONCE(current()->state, THREAD_SLEEPING);
	} while (!sched_sleep_until(deadline_ns));
}

/* ---- Boot and idling ----------------------------------------------------- */

void sched_init(void)
{
	struct thread *idle = current();
	const char *preempt = boot_arg("preempt");

	sched_preemptive = !preempt || strcmp(preempt, "none") != 0;
	kernel_preemptive = !preempt || strcmp(preempt, "user") != 0;
	sched_boot_hart = arch_hart_index();
	threads_init();
	for (unsigned int i = 0; i < MAX_HARTS; i++)
		run_queue_init(i);
	idle->sched.affinity = UINT64_MAX;
	refcount_init(&idle->refs, 1);
	strcopy(idle->name, "idle", sizeof(idle->name));
	run_queue_adopt(run_queue_of(sched_boot_hart), idle);
	run_queue_of(sched_boot_hart)->idle = idle;
	sched_hart_comes(run_queue_of(sched_boot_hart));
}

static void idle_loop(struct run_queue *rq) __noreturn;
static void idle_loop(struct run_queue *rq)
{
	for (;;) {
		if (sched_other_harts)
			sched_look_for_work(rq);
		arch_interrupts_off();
		if (unlikely(!rq->online) && READ_ONCE(rq->num_ready) == 0)
			sched_hart_leaves(rq);
		/* Waits for a pending interrupt even while they are off, so
		 * one that comes just now is not slept over. */
		if (READ_ONCE(rq->num_ready) == 0)
			arch_wait_for_interrupt();
		arch_interrupts_on();
		if (READ_ONCE(rq->num_ready) == 0)
			continue;
		if (sched_other_harts)
			sched_found_work(rq);
		schedule();
	}
}

void sched_idle(void)
{
	assert(current() == this_run_queue()->idle);
	load_start();
	idle_loop(this_run_queue());
}

void sched_idle_secondary(void)
{
	struct run_queue *rq = this_run_queue();

	sched_hart_comes(rq);
	idle_loop(rq);
}
