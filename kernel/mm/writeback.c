/* SPDX-License-Identifier: MIT */
/*
 * writeback.c - dirty pages go to the disk, sooner or later
 *
 * Idea: writing a file only makes pages dirty. A thread writes them when they
 * are old enough, or when there are too many; fsync(2) does not wait for it.
 * Who makes more dirty pages than the disk can take has to wait for the disk:
 * with more than a tenth of memory dirty the thread starts writing at once,
 * with more than a fifth the writers wait.
 *
 * A shared mapping's store makes its page dirty by a fault: pages are mapped
 * read-only until then, and again when they are taken for writing.
 *
 * Invariants
 *   W1  A cache with dirty pages is on the list, and its owner is held for it.
 *   W2  Between page_cache_take_dirty() and its end a page has
 *	 PAGE_FLAG_WRITEBACK, and is counted in num_writing and in num_busy.
 *   W3  While a write makes a file larger (growing_to), pages behind its old end
 *	 are not taken: until the size has grown, their bytes are nobody's, and
 *	 would be dropped. The page that the end is in is taken by who syncs
 *	 (what is before the end was there earlier), as it is, and is dirty
 *	 again afterwards.
 *
 * Locks: round_lock over one round of all files; list_lock for the list; a cache's pages: its own lock, taken first.
 * Read: OSTEP ch. 40 (write buffering), ch. 42 (what fsync is for).
 */
#include "kernel/mm/writeback.h"

#include "kernel/abi/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/internal.h"
#include "kernel/sched/sched.h"
#include "kernel/sync/wait.h"
#include "kernel/time/clock.h"

/* The thread looks so often; pages older than the second are written. */
#define PERIOD_NS (5 * NSEC_PER_SEC)
#define EXPIRE_NS (30 * NSEC_PER_SEC)
/* Pages of one file at a time, so that others get their turn. */
#define FILE_BUDGET 2048u

static struct spinlock list_lock = SPINLOCK_INIT(LOCK_SPIN_MISC);

/* Under list_lock. */
static struct list_head dirty_caches = LIST_HEAD_INIT(dirty_caches);
static struct list_head hooks = LIST_HEAD_INIT(hooks);

/* Atomic, in pages. */
static uint64_t num_dirty, num_busy;

static struct wait_queue thread_queue = WAIT_QUEUE_INIT(thread_queue);
static struct wait_queue progress = WAIT_QUEUE_INIT(progress);
static unsigned int wanted; /* the thread is to write now; atomic */
static bool later;    /* a hook has something to do in some seconds; atomic */
static uint64_t fine; /* pages: background_limit() some seconds ago; atomic */
static bool running;  /* fixed after boot */
static struct thread *writer; /* the same */

/* Pages that could be dirty: free ones, and those of files. */
static uint64_t dirtyable(void)
{
	struct memory_info info;

	memory_get_info(&info);
	return info.free + info.cached - MIN(info.cached, info.shared);
}

static uint64_t background_limit(void)
{
	return dirtyable() / 10;
}

static uint64_t hard_limit(void)
{
	return dirtyable() / 5;
}

static uint64_t pending(void)
{
	return __atomic_load_n(&num_dirty, __ATOMIC_RELAXED) +
	       __atomic_load_n(&num_busy, __ATOMIC_RELAXED);
}

void writeback_get_counts(uint64_t *dirty, uint64_t *writing)
{
	*dirty = __atomic_load_n(&num_dirty, __ATOMIC_RELAXED);
	*writing = __atomic_load_n(&num_busy, __ATOMIC_RELAXED);
}

/* ---- Errors, told once to everyone ------------------------------------------------ */

#define ERROR_MASK 0xfffu
#define ERROR_SEEN 0x1000u
#define ERROR_ONE  0x2000u /* one step of the count above */

uint32_t error_sequence_sample(struct error_sequence *errors)
{
	uint32_t now = __atomic_load_n(&errors->value, __ATOMIC_ACQUIRE);

	/* Nobody has been told: the new one will be. */
	return now & ERROR_SEEN ? now : 0;
}

void error_sequence_set(struct error_sequence *errors, int error)
{
	uint32_t old = __atomic_load_n(&errors->value, __ATOMIC_RELAXED), new;

	do {
		new = (old & ~(ERROR_MASK | ERROR_SEEN)) | (uint32_t)-error;
		if (old & ERROR_SEEN)
			new += ERROR_ONE;
	} while (!__atomic_compare_exchange_n(&errors->value, &old, new, false,
					      __ATOMIC_RELEASE,
					      __ATOMIC_RELAXED));
}

int error_sequence_check(struct error_sequence *errors, uint32_t *seen)
{
	uint32_t now = __atomic_load_n(&errors->value, __ATOMIC_ACQUIRE);

	if (likely(now == *seen))
		return 0;
	if (!(now & ERROR_SEEN))
		now = __atomic_or_fetch(&errors->value, ERROR_SEEN,
					__ATOMIC_ACQ_REL);
	if (now == *seen)
		return 0;
	*seen = now;
	return -(int)(now & ERROR_MASK);
}

/* ---- Becoming dirty ------------------------------------------------------------------- */

static bool can_be_dirty(const struct page_cache *cache)
{
	return cache->ops && cache->ops->write_pages;
}

static void wake_thread(void)
{
	STORE_RELEASE(wanted, 1);
	wake_all(&thread_queue);
}

/* W1. @cache->lock held, so nobody else lists it at the same time. */
static void list_cache(struct page_cache *cache)
{
	bool first = false;

	spin_lock(&list_lock);
	if (list_empty(&cache->dirty_node)) {
		first = list_empty(&dirty_caches);
		if (cache->ops->hold)
			cache->ops->hold(cache);
		cache->dirtied_ns = clock_now_ns();
		list_push_back(&dirty_caches, &cache->dirty_node);
	}
	spin_unlock(&list_lock);
	/* It sleeps without an end while nothing is dirty. */
	if (first)
		wake_all(&thread_queue);
}

void writeback_count(struct page_cache *cache, int64_t delta)
{
	cache->num_dirty += (uint64_t)delta;
	__atomic_fetch_add(&num_dirty, (uint64_t)delta, __ATOMIC_RELAXED);
	if (delta > 0 && list_empty(&cache->dirty_node))
		list_cache(cache);
}

void writeback_mark_locked(struct page_cache *cache, struct page *page)
{
	if (page->flags & PAGE_FLAG_CODE)
		page_clear_flags(page, PAGE_FLAG_CODE);
	if (page->flags & PAGE_FLAG_DIRTY || !can_be_dirty(cache))
		return;
	page_set_flags(page, PAGE_FLAG_DIRTY);
	radix_set_tag(&cache->pages, page->index);
	writeback_count(cache, 1);
}

void page_cache_mark_written(struct page_cache *cache, struct page *page)
{
	/* Harts that fetched instructions from it have old ones. */
	if (unlikely(page->flags & PAGE_FLAG_CODE))
		page_clear_flags(page, PAGE_FLAG_CODE);
	if (cache->flags & PAGE_CACHE_MEMORY)
		return;
	/* The bytes, then the look: who takes the page clears the bit, then reads
	 * the bytes (pairs with the barriers of the disk's driver). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (READ_ONCE(page->flags) & PAGE_FLAG_DIRTY)
		return;
	mutex_lock(&cache->lock);
	if (page->cache == cache)
		writeback_mark_locked(cache, page);
	mutex_unlock(&cache->lock);
}

/* ---- Being written --------------------------------------------------------------------- */

/* The end of the file is in the middle of @page: the disk gets zeros behind. */
static void clear_behind_end(struct page_cache *cache, struct page *page)
{
	uint64_t start = page->index << PAGE_SHIFT;
	size_t used;

	if (start + PAGE_SIZE <= cache->size_bytes)
		return;
	if (cache->growing_to > start) { /* W3 */
		cache->edge_taken = true;
		return;
	}
	used = cache->size_bytes > start ? (size_t)(cache->size_bytes - start)
					 : 0;
	memset((char *)page_address(page) + used, 0, PAGE_SIZE - used);
}

/* Dirty -> being written (W2). cache->lock held. */
static void take(struct page_cache *cache, struct page *page)
{
	radix_clear_tag(&cache->pages, page->index);
	page_set_flags(page, PAGE_FLAG_WRITEBACK);
	page_clear_flags(page, PAGE_FLAG_DIRTY);
	__atomic_fetch_add(&cache->num_writing, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&num_busy, 1, __ATOMIC_RELAXED);
	writeback_count(cache, -1);
	page_get(page);
	/* A store from now on makes it dirty again. */
	page_cache_protect(cache, page->index);
	clear_behind_end(cache, page);
}

/* W3: may page @index, and those after it, be taken now? */
static bool is_growing(const struct page_cache *cache, uint64_t index,
		       bool sync)
{
	uint64_t start = index << PAGE_SHIFT;

	if (likely(!cache->growing_to) ||
	    start + PAGE_SIZE <= cache->size_bytes)
		return false;
	return start >= cache->size_bytes || !sync;
}

struct page *page_cache_take_dirty(struct page_cache *cache,
				   struct writeback *wb, uint64_t *index)
{
	struct page *page = NULL;

	if (!cache->num_dirty || !wb->budget)
		return NULL;
	*index = MAX(*index, wb->first);
	mutex_lock(&cache->lock);
	while ((page = radix_next_tagged(&cache->pages, index)) &&
	       *index <= wb->last) {
		if (is_growing(cache, *index, wb->sync)) {
			page = NULL;
			break;
		}
		if (wb->backed_only && !(page->flags & PAGE_FLAG_BACKED)) {
			++*index;
			continue;
		}
		if (!(page->flags & PAGE_FLAG_WRITEBACK)) {
			take(cache, page);
			wb->budget--;
			break;
		}
		if (!wb->sync) {
			++*index;
			continue;
		}
		page_get(page);
		mutex_unlock(&cache->lock);
		page_wait(page, PAGE_FLAG_WRITEBACK);
		page_put(page);
		mutex_lock(&cache->lock);
	}
	if (page && *index > wb->last)
		page = NULL;
	mutex_unlock(&cache->lock);
	return page;
}

/* W2, the other way. */
static void untake(struct page_cache *cache, struct page *page)
{
	page_finish(page, PAGE_FLAG_WRITEBACK);
	page_put(page);
	__atomic_fetch_sub(&num_busy, 1, __ATOMIC_RELAXED);
	/* The cache may be gone as soon as this is 0; release pairs with the
	 * acquire in is_idle(). */
	__atomic_fetch_sub(&cache->num_writing, 1, __ATOMIC_RELEASE);
	wake_all(&progress);
}

void page_cache_end_write(struct page_cache *cache, struct page *page,
			  int error)
{
	if (unlikely(error)) {
		error_sequence_set(&cache->errors, error);
		if (cache->group_errors)
			error_sequence_set(cache->group_errors, error);
	}
	untake(cache, page);
}

void page_cache_redirty(struct page_cache *cache, struct page *page)
{
	mutex_lock(&cache->lock);
	if (page->cache == cache)
		writeback_mark_locked(cache, page);
	mutex_unlock(&cache->lock);
	untake(cache, page);
}

static bool is_idle(const struct page_cache *cache)
{
	return !__atomic_load_n(&cache->num_writing, __ATOMIC_ACQUIRE);
}

void writeback_wait_idle(struct page_cache *cache)
{
	WAIT_EVENT(&progress, is_idle(cache));
}

/* ---- One file ---------------------------------------------------------------------------- */

static int write_range(struct page_cache *cache, uint64_t first, uint64_t last,
		       uint64_t budget, bool sync)
{
	struct writeback wb = {
		.first = first,
		.last = last,
		.budget = budget,
		.sync = sync,
	};

	if (!can_be_dirty(cache) || !READ_ONCE(cache->num_dirty))
		return 0;
	return cache->ops->write_pages(cache, &wb);
}

int page_cache_start_write(struct page_cache *cache, uint64_t first,
			   uint64_t last)
{
	return write_range(cache, first >> PAGE_SHIFT, last >> PAGE_SHIFT,
			   UINT64_MAX, false);
}

/*
 * Waits for all of the file's pages that are under way, in the range or not:
 * simpler than to look for them, and they are all wanted soon.
 */
void page_cache_wait_written(struct page_cache *cache, uint64_t first,
			     uint64_t last)
{
	if (!is_idle(cache))
		writeback_wait_idle(cache);
}

int page_cache_sync(struct page_cache *cache, uint64_t first, uint64_t last)
{
	int err = write_range(cache, first >> PAGE_SHIFT, last >> PAGE_SHIFT,
			      UINT64_MAX, true);

	page_cache_wait_written(cache, first, last);
	return err;
}

/* ---- All files ---------------------------------------------------------------------------- */

/* One round at a time, so that each cache is met once in it. */
static struct mutex round_lock = MUTEX_INIT(round_lock, LOCK_WRITEBACK);
static uint64_t round; /* under round_lock */

/* Clean again: off the list. The owner's reference is then the caller's. */
static bool unlist_if_clean(struct page_cache *cache)
{
	bool was_listed;

	mutex_lock(&cache->lock);
	spin_lock(&list_lock);
	was_listed = !cache->num_dirty && is_idle(cache) &&
		     !list_empty(&cache->dirty_node);
	if (was_listed)
		list_remove(&cache->dirty_node);
	spin_unlock(&list_lock);
	mutex_unlock(&cache->lock);
	return was_listed;
}

static void release(struct page_cache *cache)
{
	if (cache->ops->release)
		cache->ops->release(cache);
}

/*
 * The next cache of this round that belongs to @group (NULL: any); its owner is
 * held once more for the caller. NULL: that was all.
 */
static struct page_cache *next_cache(const void *group) MUST_HOLD(round_lock)
{
	struct page_cache *cache, *found = NULL;

	spin_lock(&list_lock);
	list_for_each (cache, &dirty_caches, dirty_node) {
		if (cache->round == round || (group && cache->group != group))
			continue;
		cache->round = round;
		if (cache->ops->hold)
			cache->ops->hold(cache);
		found = cache;
		break;
	}
	spin_unlock(&list_lock);
	return found;
}

/* Start writing what became dirty before @before_ns, and forget who is clean. */
static int write_caches(const void *group, uint64_t before_ns, uint64_t budget,
			bool sync)
{
	struct page_cache *cache;
	int result = 0;

	mutex_lock(&round_lock);
	round++;
	while ((cache = next_cache(group))) {
		int err = 0;

		if (cache->dirtied_ns <= before_ns)
			err = write_range(cache, 0, UINT64_MAX, budget, sync);
		if (err && !result)
			result = err;
		if (unlist_if_clean(cache))
			release(cache);
		release(cache);
	}
	mutex_unlock(&round_lock);
	return result;
}

static void wait_caches(const void *group)
{
	struct page_cache *cache;

	mutex_lock(&round_lock);
	round++;
	while ((cache = next_cache(group))) {
		writeback_wait_idle(cache);
		if (unlist_if_clean(cache))
			release(cache);
		release(cache);
	}
	mutex_unlock(&round_lock);
}

int writeback_sync_group(void *group, bool wait)
{
	int err = write_caches(group, UINT64_MAX, UINT64_MAX, wait);

	if (wait)
		wait_caches(group);
	return err;
}

bool page_cache_cancel_writeback(struct page_cache *cache)
{
	bool was_listed;

	spin_lock(&list_lock);
	was_listed = !list_empty(&cache->dirty_node);
	if (was_listed)
		list_remove(&cache->dirty_node);
	spin_unlock(&list_lock);
	return was_listed;
}

/* ---- Too many ------------------------------------------------------------------------------ */

void writeback_throttle(struct page_cache *cache)
{
	/* Not worth the sums: it was fine a moment ago. */
	if (likely(pending() <= READ_ONCE(fine)))
		return;
	WRITE_ONCE(fine, background_limit());
	if (pending() <= READ_ONCE(fine))
		return;
	/* A kernel's thread writes for others (loop devices): they wait. */
	if (!running || !can_be_dirty(cache) || !current()->process)
		return;
	wake_thread();
	while (pending() > hard_limit()) {
		/* Own pages first: that is what made it so many. */
		write_range(cache, 0, UINT64_MAX, FILE_BUDGET, false);
		if (pending() <= hard_limit())
			break;
		wake_thread();
		WAIT_EVENT_DEADLINE(&progress, pending() <= hard_limit(),
				    WAIT_KILLABLE,
				    clock_now_ns() + 100 * NSEC_PER_MSEC);
		if (thread_has_work(current(), WORK_KILL))
			break;
	}
}

bool writeback_hurry(uint64_t deadline_ns)
{
	uint64_t before = pending();

	/* The thread cannot wait for itself. */
	if (!running || !before || current() == writer)
		return false;
	wake_thread();
	WAIT_EVENT_DEADLINE(&progress, pending() < before, WAIT_KILLABLE,
			    deadline_ns);
	return pending() < before;
}

/* ---- The thread ------------------------------------------------------------------------------ */

void writeback_add_hook(struct writeback_hook *hook)
{
	spin_lock(&list_lock);
	list_push_back(&hooks, &hook->node);
	spin_unlock(&list_lock);
}

void writeback_run_hooks_later(void)
{
	if (READ_ONCE(later))
		return;
	WRITE_ONCE(later, true);
	wake_all(&thread_queue);
}

static void run_hooks(void)
{
	struct writeback_hook *hook;

	/* They come at boot and stay. */
	list_for_each (hook, &hooks, node)
		hook->run(hook);
}

static void write_some(void)
{
	bool hurry = __atomic_exchange_n(&wanted, 0, __ATOMIC_ACQUIRE);
	uint64_t now = clock_now_ns();

	WRITE_ONCE(fine, 0);
	if (hurry || pending() > background_limit())
		write_caches(NULL, UINT64_MAX, FILE_BUDGET, false);
	else
		write_caches(NULL, now > EXPIRE_NS ? now - EXPIRE_NS : 0,
			     FILE_BUDGET, false);
	WRITE_ONCE(later, false);
	run_hooks();
}

static void thread_main(void *unused)
{
	for (;;) {
		/* Nothing to do: not even a timer. */
		WAIT_EVENT(&thread_queue, !list_empty(&dirty_caches) ||
						  READ_ONCE(later) ||
						  READ_ONCE(wanted));
		WAIT_EVENT_DEADLINE(&thread_queue, READ_ONCE(wanted), 0,
				    clock_now_ns() + PERIOD_NS);
		write_some();
	}
}

void writeback_init(void)
{
	struct thread *thread =
		thread_create_kernel("writeback", thread_main, NULL);

	page_wait_init();
	if (!thread)
		return;
	writer = thread;
	running = true;
	sched_start(thread);
}
