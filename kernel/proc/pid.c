/* SPDX-License-Identifier: MIT */
/*
 * pid.c - the process table: numbers, and who bears them
 *
 * Idea: a tree from number to struct pid. Numbers are given out upwards and
 * start again at the bottom, so that one is not reused soon after its bearer
 * is gone.
 * All harts fork and exit at once. So the tree's leaves are blocks of 64 numbers
 * with a lock each, and each hart gives out the numbers of a block of its own,
 * until it needs the next: what it writes to no other hart wants.
 *
 * Invariants
 *   P1  A struct pid is in its block until its last reference goes.
 *   P2  pid.thread and pid.process are live: who ends clears them first.
 *   P3  A block is in the tree while a number of it is in use or a hart gives out
 *       from it. Who ends the last use frees it, unless both locks, taken anew,
 *       say otherwise. Who has no use of it reaches it through the tree only.
 *
 * Locks: pid_lock for the tree, and inside it a block's lock for its numbers and
 * their bearers.
 */
#include "kernel/proc/pid.h"
#include "kernel/abi/errno.h"
#include "kernel/lib/bits.h"
#include "kernel/lib/radix_tree.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/internal.h"
#include "kernel/proc/process.h"
#include "kernel/trace/trace.h"

enum {
	BLOCK_SIZE = 64,
	NUM_BLOCKS = PID_MAX / BLOCK_SIZE,
	/* After the first round the low numbers stay with the system's first. */
	FIRST_REUSED = 5,
};

struct pid_block {
	struct spinlock lock; /* rank LOCK_PID_BLOCK */
	int index; /* fixed: its numbers from index * BLOCK_SIZE on */
	/* Under lock. */
	uint64_t used; /* bit i: number i of the block is in use */
	int next;      /* where its hart looks for a free number */
	bool is_given; /* a hart has it */
	struct pid *pids[BLOCK_SIZE];
};

static struct slab_cache *pid_cache, *block_cache;

struct spinlock pid_lock __aligned(64) = SPINLOCK_INIT(LOCK_PID);
/* Under pid_lock: blocks by index. */
static struct radix_tree pid_table;
static int last_given;

/* Changed by the hart itself, with interrupts off. */
static struct {
	struct pid_block *block; /* it gives out from; or NULL */
} __aligned(64) of_hart[MAX_HARTS];

void pids_init(void)
{
	pid_cache = slab_cache_create("pid", sizeof(struct pid), 64);
	block_cache =
		slab_cache_create("pid_block", sizeof(struct pid_block), 64);
	radix_init(&pid_table);
	last_given = -1;
}

/* ---- Blocks -------------------------------------------------------------- */

static bool is_unused(const struct pid_block *block)
{
	return !block->used && !block->is_given;
}

/* The block of @number, locked; NULL: none of its numbers is in use. */
static struct pid_block *lock_block(int number) UNCHECKED_LOCKING
{
	struct pid_block *block = NULL;

	if (number <= 0)
		return NULL;
	spin_lock(&pid_lock);
	block = radix_get(&pid_table, (uint64_t)(number / BLOCK_SIZE));
	if (block)
		spin_lock(&block->lock);
	spin_unlock(&pid_lock);
	return block;
}

static void unlock_block(struct pid_block *block) UNCHECKED_LOCKING
{
	if (block)
		spin_unlock(&block->lock);
}

/* Block @index, made if it is not there; NULL: no memory. */
static struct pid_block *make_block(int index) MUST_HOLD(pid_lock)
{
	struct pid_block *block = radix_get(&pid_table, (uint64_t)index);

	if (block)
		return block;
	block = slab_alloc_zero(block_cache);
	if (!block)
		return NULL;
	spin_init(&block->lock, LOCK_PID_BLOCK);
	block->index = index;
	block->used = index == 0; /* there is no number 0 */
	if (!radix_insert(&pid_table, (uint64_t)index, block))
		return block;
	slab_free(block_cache, block);
	return NULL;
}

/* Block @index was unused a moment ago: free it if it still is. */
static void drop_block(int index)
{
	struct pid_block *block;

	spin_lock(&pid_lock);
	block = radix_get(&pid_table, (uint64_t)index);
	if (block) {
		bool unused;

		spin_lock(&block->lock);
		unused = is_unused(block);
		spin_unlock(&block->lock);
		if (unused)
			radix_remove(&pid_table, (uint64_t)index);
		else
			block = NULL;
	}
	spin_unlock(&pid_lock);
	if (block)
		slab_free(block_cache, block);
}

static void use_number(struct pid_block *block, unsigned int i, struct pid *pid)
	MUST_HOLD(block->lock)
{
	block->used |= BIT(i);
	block->pids[i] = pid;
	pid->number = block->index * BLOCK_SIZE + (int)i;
	pid->block = block;
}

/* ---- Giving out ---------------------------------------------------------- */

/* Take block @index for a hart. 0; -ENOMEM; -EAGAIN: it is of no use. */
static int give_block(int index, struct pid_block **out) MUST_HOLD(pid_lock)
{
	struct pid_block *block = make_block(index);
	int err = -EAGAIN;

	if (!block)
		return -ENOMEM;
	spin_lock(&block->lock);
	if (!block->is_given && ~block->used) {
		block->is_given = true;
		block->next = 0;
		*out = block;
		err = 0;
	}
	spin_unlock(&block->lock);
	return err;
}

/* The hart has a block after this. 0; -ENOMEM; -EAGAIN: all are full, or others'. */
static int find_block(void)
{
	struct pid_block **mine;
	int err = -EAGAIN;

	spin_lock(&pid_lock);
	mine = &of_hart[arch_hart_index()].block;
	if (*mine) /* another thread was first */
		err = 0;
	for (int i = 0; i < NUM_BLOCKS && err == -EAGAIN; i++) {
		if (++last_given >= NUM_BLOCKS)
			last_given = FIRST_REUSED;
		err = give_block(last_given, mine);
	}
	spin_unlock(&pid_lock);
	return err;
}

/* The hart's block, locked; NULL: it has none. */
static struct pid_block *lock_own_block(void) UNCHECKED_LOCKING
{
	struct pid_block *block;

	interrupts_off_enter();
	block = of_hart[arch_hart_index()].block;
	if (block)
		spin_lock(&block->lock);
	interrupts_off_leave();
	return block;
}

/* Give @pid the next number of the hart's block. False: it has no more. */
static bool give_number(struct pid_block *block, struct pid *pid)
	MUST_HOLD(block->lock)
{
	uint64_t free = 0;

	if (block->next < BLOCK_SIZE)
		free = ~block->used >> block->next << block->next;
	if (!free) {
		of_hart[arch_hart_index()].block = NULL;
		block->is_given = false;
		return false;
	}
	block->next = (int)bit_lowest(free) + 1;
	use_number(block, bit_lowest(free), pid);
	return true;
}

/* Give @pid the next number that is free. 0, -ENOMEM, -EAGAIN. */
static int give_next(struct pid *pid) UNCHECKED_LOCKING
{
	int err = 0;

	while (!err) {
		struct pid_block *block = lock_own_block();
		bool given, unused;
		int index;

		if (!block) {
			err = find_block();
			continue;
		}
		given = give_number(block, pid);
		unused = is_unused(block);
		index = block->index;
		unlock_block(block);
		if (given)
			return 0;
		if (unused)
			drop_block(index);
	}
	return err;
}

static int give_wanted(struct pid *pid, int number)
{
	unsigned int i = (unsigned int)number % BLOCK_SIZE;
	struct pid_block *block;
	int err = -EEXIST;

	spin_lock(&pid_lock);
	block = make_block(number / BLOCK_SIZE);
	if (!block) {
		spin_unlock(&pid_lock);
		return -ENOMEM;
	}
	spin_lock(&block->lock);
	if (!(block->used & BIT(i))) {
		use_number(block, i, pid);
		err = 0;
	}
	spin_unlock(&block->lock);
	spin_unlock(&pid_lock);
	return err;
}

int pid_alloc(int wanted, struct pid **out)
{
	TRACE_STEP_HERE(PROCESS_ENTRY);
	struct pid *pid = slab_alloc_zero(pid_cache);
	int err;

	if (!pid)
		return -ENOMEM;
	refcount_init(&pid->refs, 1);
	list_init(&pid->group);

	err = wanted ? give_wanted(pid, wanted) : give_next(pid);
	if (err) {
		slab_free(pid_cache, pid);
		return err;
	}
	*out = pid;
	return 0;
}

void pid_get(struct pid *pid)
{
	refcount_get(&pid->refs);
}

void pid_put(struct pid *pid)
{
	struct pid_block *block;
	unsigned int i;
	bool unused;
	int index;

	if (!pid || !refcount_put(&pid->refs))
		return;
	block = pid->block;
	index = block->index;
	i = (unsigned int)pid->number % BLOCK_SIZE;
	spin_lock(&block->lock);
	block->pids[i] = NULL;
	block->used &= ~BIT(i);
	unused = is_unused(block);
	spin_unlock(&block->lock);
	slab_free(pid_cache, pid);
	if (unused)
		drop_block(index);
}

/* ---- Bearers ------------------------------------------------------------- */

void pid_hold(struct pid *pid) UNCHECKED_LOCKING
{
	spin_lock(&pid->block->lock);
}

void pid_release(struct pid *pid) UNCHECKED_LOCKING
{
	spin_unlock(&pid->block->lock);
}

void pid_set_thread(struct pid *pid, struct thread *thread)
{
	pid_hold(pid);
	pid->thread = thread;
	pid_release(pid);
}

void pid_forget_thread(struct thread *thread)
{
	pid_set_thread(thread->pid, NULL);
	thread->pid = NULL;
}

void pid_set_process(struct pid *pid, struct process *process)
{
	pid_hold(pid);
	pid->process = process;
	pid->thread = process->leader;
	pid_release(pid);
}

void pid_forget_process(struct pid *pid)
{
	pid_hold(pid);
	pid->process = NULL;
	pid_release(pid);
}

/* ---- Looking up ---------------------------------------------------------- */

/* For the numbers of @block, which is locked or NULL. */
static struct pid *look_up(const struct pid_block *block, int number)
{
	return block ? block->pids[number % BLOCK_SIZE] : NULL;
}

static struct process *process_of(const struct pid *pid)
{
	return pid ? pid->process : NULL;
}

struct pid *pid_find(int number)
{
	struct pid_block *block = lock_block(number);
	struct pid *pid = look_up(block, number);

	/* 0: somebody is just about to take it out of the table. */
	if (pid && !refcount_get_unless_zero(&pid->refs))
		pid = NULL;
	unlock_block(block);
	return pid;
}

struct thread *thread_find(int tid)
{
	struct pid_block *block = lock_block(tid);
	const struct pid *pid = look_up(block, tid);
	struct thread *thread = pid ? pid->thread : NULL;

	if (thread)
		thread_get(thread);
	unlock_block(block);
	return thread;
}

/* The process of @thread if it bears @tid, reference taken. */
static struct process *process_of_bearer(const struct thread *thread, int tid)
{
	struct pid_block *block = lock_block(tid);
	const struct pid *pid = look_up(block, tid);
	struct process *process = NULL;

	/* Who has a number has a process: exit takes the number first. */
	if (pid && pid->thread == thread) {
		process = thread->process;
		process_get(process);
	}
	unlock_block(block);
	return process;
}

struct process *thread_process_get(struct thread *thread)
{
	struct process *process;
	int tid;

	do { /* exec may change the number */
		tid = READ_ONCE(thread->tid);
		process = process_of_bearer(thread, tid);
	} while (!process && tid != READ_ONCE(thread->tid));
	return process;
}

struct process *process_find(int number)
{
	struct pid_block *block = lock_block(number);
	struct process *process = process_of(look_up(block, number));

	if (process)
		process_get(process);
	unlock_block(block);
	return process;
}

struct process *process_find_any(int tid)
{
	struct pid_block *block = lock_block(tid);
	const struct pid *pid = look_up(block, tid);
	struct process *process = process_of(pid);

	if (!process && pid && pid->thread)
		process = pid->thread->process;
	if (process)
		process_get(process);
	unlock_block(block);
	return process;
}

struct process *process_find_child(const struct process *parent, int number)
{
	struct pid_block *block = lock_block(number);
	struct process *process = process_of(look_up(block, number));

	/* While we hold this it is there, whosever child; and then, if it is
	 * @parent's, nobody else may wait for it. */
	if (process && process->parent != parent)
		process = NULL;
	unlock_block(block);
	return process;
}

struct thread *thread_look_up(int tid)
{
	struct pid_block *block = lock_block(tid);
	const struct pid *pid = look_up(block, tid);
	struct thread *thread = pid ? pid->thread : NULL;

	unlock_block(block);
	return thread;
}

struct process *process_look_up(int number)
{
	struct pid_block *block = lock_block(number);
	struct process *process = process_of(look_up(block, number));

	unlock_block(block);
	return process;
}

/* The first process in @block from @number on, which is set; or NULL. */
static struct process *next_in_block(struct pid_block *block, int *number)
{
	struct process *process = NULL;
	int first = block->index * BLOCK_SIZE;

	spin_lock(&block->lock);
	for (int i = MAX(*number - first, 0); i < BLOCK_SIZE && !process; i++) {
		process = process_of(block->pids[i]);
		if (process) {
			process_get(process);
			*number = first + i;
		}
	}
	spin_unlock(&block->lock);
	return process;
}

struct process *process_next(int *number)
{
	uint64_t index = (uint64_t)MAX(*number, 0) / BLOCK_SIZE;
	struct process *process = NULL;
	struct pid_block *block;

	spin_lock(&pid_lock);
	for (; (block = radix_next(&pid_table, &index)); index++) {
		process = next_in_block(block, number);
		if (process)
			break;
	}
	spin_unlock(&pid_lock);
	return process;
}
