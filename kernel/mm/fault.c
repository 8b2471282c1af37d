/* SPDX-License-Identifier: MIT */
/*
 * fault.c - a page is touched that the page table does not show (like this)
 *
 * Idea: the area says what should be there; this file makes the page table
 * follow. Each kind of page has one function:
 *
 *   anonymous, read	 the page of zeros, read-only
 *   anonymous, write	 a cleared page of its own; more behind it for who
 *			 writes page after page
 *   file, read		 the page cache's page, and its neighbours if cached
 *   file, write, shared the page cache's page, writable, now dirty
 *   file, write, private a copy of it
 *   present, read-only	 copy-on-write: a copy, or the page itself if nobody
 *			 else has it
 *
 * Invariants
 *   F1  In a private area an entry is writable only if its page is anonymous
 *	 and nobody else has it (one reference).
 *   F2  In a shared area of a file with a home on disk an entry is writable
 *	 only if its page is marked dirty.
 *   F3  An entry holds one reference and one map_count of its page (but not
 *	 of zero_page).
 *
 * Locks: space->lock throughout, so entries change under our feet only by a
 * truncation of the file. The lock of the file's cache is held while one of
 * its pages is entered, so a truncation sees either no page or our entry; or
 * the file is open to faults (page_cache.c, C5), and a truncation waits for us.
 * Read: OSTEP ch. 21 (page faults), ch. 23 (demand zeroing, copy-on-write).
 */
#include "kernel/mm/internal.h"
#include <arch/hart.h>
#include "kernel/abi/errno.h"
#include "kernel/lib/string.h"
#include "kernel/sched/thread.h"

/* Pages around a file fault that are entered if they are in memory anyway. */
#define AROUND_PAGES 16u
/* In a child of fork, which most often soon calls exec or ends: not much that it
 * would have to give back, and take from others' caches. */
#define FORKED_AROUND_PAGES 2u

/* Who has written so many pages one after the other gets some ahead from then on ... */
#define AHEAD_AFTER 8u
/* ... and so many at most. */
#define AHEAD_PAGES 128u
/* So long a run was a stream, and the next is expected to be one from its second
 * page on. */
#define STREAM_PAGES 64u
/* Where nobody does: what says no to Linux's larger pages, and where pages are
 * wanted as they are: a stack's (it grows the other way), memory that is locked
 * (all of it is there) or to be code. */
#define VM_ONE_AT_A_FAULT                                                      \
	(VM_NO_HUGE | VM_RANDOM | VM_LOCKED | VM_GROWS_DOWN | PAGE_EXEC)
/* What one array of entries covers. */
#define ARRAY_SPAN (PAGE_SIZE << PTE_INDEX_BITS)

struct page *zero_page;

/* What the functions below need to know of one fault. */
struct fault {
	struct vm_space *space;
	struct vm_area *area;
	vaddr_t va; /* page aligned */
	pte_t *pte; /* where its entry is or will be */
	bool write;
	bool may_write; /* the program may; false: only we, by force */
	bool trap;      /* the program is at it: this may go on */
	bool major;     /* a disk had to be read */
};

unsigned int area_page_bits(const struct vm_area *area, bool writable)
{
	unsigned int bits = PAGE_USER | (area->flags & (PAGE_READ | PAGE_EXEC));

	if (area->flags & PAGE_WRITE) {
		bits |= PAGE_READ;
		if (writable)
			bits |= PAGE_WRITE;
	}
	return bits;
}

static bool access_allowed(const struct vm_area *area, enum access access)
{
	static const unsigned int enough[] = {
		[ACCESS_READ] = PAGE_READ | PAGE_WRITE,
		[ACCESS_WRITE] = PAGE_WRITE,
		[ACCESS_EXEC] = PAGE_EXEC,
	};

	return area->flags & enough[access];
}

/* ---- Entering pages ----------------------------------------------------------- */

/* Harts may have other bytes in mind for a page that becomes code. */
static void sync_code(struct vm_space *space, struct page *page)
{
	if (page->flags & PAGE_FLAG_CODE) {
		code_mapped(&space->page_table);
		return;
	}
	code_written(&space->page_table);
	page_set_flags(page, PAGE_FLAG_CODE);
}

/* Point an empty entry at a file's page or one of the kernel's (F3).
 * page_table_lock held. */
static force_inline void enter_shared(struct vm_space *space, pte_t *pte,
				      struct page *page, unsigned int bits)
{
	page_map(page);
	space->resident[0]++;
	pte_enter(pte, pte_make(page_to_phys(page), bits));
}

/* A page for the program alone, not cleared unless @flags say so; or NULL. */
static struct page *alloc_private(unsigned int flags)
{
	struct page *page = page_alloc(0, ALLOC_USER | flags);

	if (page) {
		page->flags = PAGE_FLAG_ANON;
		memory_count(COUNT_ANONYMOUS, 1);
	}
	return page;
}

/* The entry no longer points at @old; page_table_lock is free again. */
static void leave_old_page(struct page *old)
{
	if (old == zero_page)
		return;
	__atomic_thread_fence(__ATOMIC_RELEASE); /* page_unmap() */
	if (page_unmap(old))
		page_free(old);
}

/*
 * Put @page where @fault->pte points at @old (or nothing: 0), unless that has
 * changed meanwhile. The reference of @page is used up in any case.
 */
static void enter_private(struct fault *fault, pte_t old, struct page *page)
{
	struct vm_space *space = fault->space;
	struct page *old_page = old ? pte_page(old) : NULL;
	unsigned int bits = area_page_bits(fault->area, fault->may_write);

	if (bits & PAGE_EXEC)
		sync_code(space, page);
	if (fault->area->cache)
		fault->area->flags |= VM_HAS_COPIES;
	spin_lock(&space->page_table_lock);
	if (unlikely(*fault->pte != old)) {
		spin_unlock(&space->page_table_lock);
		page_put(page);
		return;
	}
	page->map_count = 1; /* nobody else knows it yet */
	space->resident[1]++;
	space->num_written++;
	if (old && old_page != zero_page)
		space->resident[(old_page->flags & PAGE_FLAG_ANON) != 0]--;
	pte_enter(fault->pte, pte_make(page_to_phys(page), bits));
	/* The old page goes only when no hart can write to it any more. */
	if (old)
		tlb_flush_page(&space->page_table, fault->va);
	spin_unlock(&space->page_table_lock);
	if (old)
		leave_old_page(old_page);
}

/* ---- Anonymous memory ----------------------------------------------------------- */

/*
 * How many pages the program will want behind the @run that it has come to the end
 * of, if it goes on as it did: half as many, so that little is cleared in vain; or a
 * quarter of the last stream, and each time that is presumed the stream counts half.
 * Of a stream's length no more is remembered than can be made use of, so that a
 * wrong guess counts at once.
 */
static unsigned int pages_expected(struct vm_space *space, unsigned int run)
{
	unsigned int before = space->stream_pages;

	if (run <= AHEAD_AFTER)
		space->stream_pages = before / 2;
	else if (run >= STREAM_PAGES)
		space->stream_pages = MIN(run, 4 * AHEAD_PAGES);
	return MIN(MAX(run / 2, before / 4), AHEAD_PAGES);
}

/*
 * Enter cleared pages behind @fault's. As far as nothing is there, the area, and
 * the array of entries go.
 */
static __noinline void enter_ahead(struct fault *fault)
{
	struct vm_area *area = fault->area;
	struct vm_space *space = fault->space;
	unsigned int bits = area_page_bits(area, true);
	vaddr_t start = fault->va + PAGE_SIZE;
	vaddr_t end = MIN(ALIGN_UP(start, ARRAY_SPAN), area->end);
	size_t room = (end - start) / PAGE_SIZE;
	struct page *pages[AHEAD_PAGES];
	unsigned int wanted, count, i;

	if (READ_ONCE(space->no_huge) || !memory_is_plenty())
		return;
	wanted = pages_expected(space, area->run_pages);
	wanted = (unsigned int)MIN((size_t)wanted, room);
	for (i = 1; i <= wanted; i++) {
		if (READ_ONCE(fault->pte[i]))
			wanted = i - 1;
	}
	/* Entries of anonymous memory change under space->lock only. */
	count = page_alloc_batch(pages, wanted);
	spin_lock(&space->page_table_lock);
	for (i = 0; i < count; i++) {
		pages[i]->flags = PAGE_FLAG_ANON;
		pages[i]->map_count = 1;
		pte_enter(&fault->pte[i + 1],
			  pte_make(page_to_phys(pages[i]), bits));
	}
	space->resident[1] += count;
	spin_unlock(&space->page_table_lock);
	memory_count(COUNT_ANONYMOUS, count);
	area->run_pages += count;
	area->run_next += count * PAGE_SIZE;
}

/* May a run of so many pages be one that goes on? */
static force_inline bool goes_on(const struct vm_space *space, unsigned int run)
{
	return run > (space->stream_pages ? 1 : AHEAD_AFTER);
}

/* The program wrote to a new page of @area, at @va. Returns the length of the run
 * of such pages that ends there. */
static force_inline unsigned int note_run(struct vm_area *area, vaddr_t va)
{
	unsigned int run = area->run_next == va ? area->run_pages + 1 : 1;

	area->run_pages = run;
	area->run_next = va + PAGE_SIZE;
	return run;
}

static enum vm_fault_result anonymous_fault(struct fault *fault)
{
	struct vm_space *space = fault->space;
	struct page *page;

	if (!fault->write) {
		spin_lock(&space->page_table_lock);
		pte_enter(fault->pte,
			  pte_make(page_to_phys(zero_page),
				   area_page_bits(fault->area, false)));
		spin_unlock(&space->page_table_lock);
		return VM_FAULT_OK;
	}
	page = alloc_private(ALLOC_ZERO);
	if (!page)
		return VM_FAULT_NO_MEMORY;
	enter_private(fault, 0, page);
	if (fault->trap && !(fault->area->flags & VM_ONE_AT_A_FAULT) &&
	    unlikely(goes_on(space, note_run(fault->area, fault->va))))
		enter_ahead(fault);
	return VM_FAULT_OK;
}

/* ---- Files ------------------------------------------------------------------------ */

static enum vm_fault_result result_of(int err)
{
	if (err == 0)
		return VM_FAULT_OK;
	return err == -ENOMEM ? VM_FAULT_NO_MEMORY : VM_FAULT_BUS;
}

/* May pages of @area be writable before they are written? Only if nobody
 * needs to know which are dirty (F1, F2). */
static bool enters_writable(const struct vm_area *area)
{
	return (area->flags & VM_SHARED) &&
	       (area->cache->flags & PAGE_CACHE_MEMORY);
}

/*
 * A page that lacks a flag of those its neighbour, which faulted, has. False: do
 * not enter it. Only a file with a home on a disk has pages in the tree that are
 * still being read. That others are code was heard of with the first.
 */
static __noinline bool make_enterable(struct fault *fault, struct page *page)
{
	if (!(page->flags & PAGE_FLAG_UPTODATE))
		return false;
	sync_code(fault->space, page);
	return true;
}

/*
 * Enter those of the @count pages of the file from @index on that are in
 * memory, and not entered yet, at @pte and behind it.
 */
static void enter_run(struct fault *fault, pte_t *pte, uint64_t index,
		      size_t count, unsigned int bits)
{
	const struct page_cache *cache = fault->area->cache;
	unsigned int needed = 0;

	if (!(cache->flags & PAGE_CACHE_MEMORY))
		needed |= PAGE_FLAG_UPTODATE;
	if (bits & PAGE_EXEC)
		needed |= PAGE_FLAG_CODE;
	while (count > 0) {
		size_t run = count;
		/* A node at a time: one look-up for many pages. */
		void *const *slots = radix_slots(&cache->pages, index, &run);

		for (size_t i = 0; slots && i < run; i++) {
			struct page *page = slots[i];

			if (!page || pte[i])
				continue;
			if (needed && (page->flags & needed) != needed &&
			    !make_enterable(fault, page))
				continue;
			enter_shared(fault->space, &pte[i], page, bits);
		}
		pte += run;
		index += run;
		count -= run;
	}
}

/*
 * Enter the page and those neighbours that are in memory already, as far as
 * they lie in the area and in the same array of entries (an aligned window
 * always does). Holds the cache's lock and the page table's.
 */
static void enter_around(struct fault *fault, unsigned int bits)
{
	const struct vm_area *area = fault->area;
	uint64_t num_pages = DIV_ROUND_UP(area->cache->size_bytes, PAGE_SIZE);
	size_t size = PAGE_SIZE * (fault->space->forked ? FORKED_AROUND_PAGES
							: AROUND_PAGES);
	vaddr_t window = ALIGN_DOWN(fault->va, size);
	vaddr_t end = MIN(window + size, area->end);
	vaddr_t va = MAX(window, area->start);
	uint64_t index = area_index(area, va);
	size_t count = (end - va) / PAGE_SIZE;

	/* The page itself is there: index < num_pages. */
	enter_run(fault, fault->pte - (fault->va - va) / PAGE_SIZE, index,
		  MIN(count, num_pages - index), bits);
}

/*
 * Most faults for reading find the page in memory, in a file that does not
 * change: then nothing is locked that others may want. False: look properly.
 */
static bool enter_at_once(struct fault *fault, unsigned int bits)
{
	struct page_cache *cache = fault->area->cache;
	uint64_t index = area_index(fault->area, fault->va);
	struct page *page = NULL;

	if (!cache_look_begin(cache))
		return false;
	if (index < DIV_ROUND_UP(cache->size_bytes, PAGE_SIZE))
		page = radix_get(&cache->pages, index);
	/* Not one that the clock of reclaim has passed: it is to be marked. */
	if (page && (page->flags & PAGE_READY) == PAGE_READY) {
		if (bits & PAGE_EXEC)
			sync_code(fault->space, page);
		spin_lock(&fault->space->page_table_lock);
		enter_around(fault, bits);
		spin_unlock(&fault->space->page_table_lock);
	} else {
		page = NULL;
	}
	cache_look_end();
	return page;
}

/* The cache's own page, shared with everyone. */
static enum vm_fault_result shared_page_fault(struct fault *fault)
{
	struct vm_area *area = fault->area;
	struct page_cache *cache = area->cache;
	struct vm_space *space = fault->space;
	bool writable = fault->write || enters_writable(area);
	unsigned int bits = area_page_bits(area, writable);
	struct page *page;
	int err;

	if (!fault->write && enter_at_once(fault, bits))
		return VM_FAULT_OK;
	mutex_lock(&cache->lock);
	err = fault->write
		      ? page_cache_find_to_write(cache,
						 area_index(area, fault->va),
						 &page, &fault->major)
		      : page_cache_find(cache, area_index(area, fault->va),
					&page, &fault->major);
	if (err)
		goto unlock;
	if (!fault->write)
		cache_note_calm(cache);
	if (bits & PAGE_EXEC)
		sync_code(space, page);
	spin_lock(&space->page_table_lock);
	if (!fault->write || enters_writable(area))
		enter_around(fault, bits);
	else if (!*fault->pte)
		enter_shared(space, fault->pte, page, bits);
	spin_unlock(&space->page_table_lock);
unlock:
	mutex_unlock(&cache->lock);
	return result_of(err);
}

/* A private copy of the file's page, to write to. */
static enum vm_fault_result private_page_fault(struct fault *fault)
{
	struct page_cache *cache = fault->area->cache;
	struct page *copy = alloc_private(0);
	struct page *page;
	int err;

	if (!copy)
		return VM_FAULT_NO_MEMORY;
	mutex_lock(&cache->lock);
	err = page_cache_find(cache, area_index(fault->area, fault->va), &page,
			      &fault->major);
	if (!err)
		page_get(page);
	mutex_unlock(&cache->lock);
	if (err) {
		page_put(copy);
		return result_of(err);
	}
	copy_page(page_address(copy), page_address(page));
	page_put(page);
	memory_count(COUNT_COW_COPIES, 1);
	enter_private(fault, 0, copy);
	return VM_FAULT_OK;
}

/* The kernel's own pages: vDSO and its data. */
static enum vm_fault_result special_fault(struct fault *fault)
{
	const struct vm_area *area = fault->area;
	struct vm_space *space = fault->space;
	struct page *page =
		area->special_pages[(fault->va - area->start) >> PAGE_SHIFT];

	if (!page)
		return VM_FAULT_BUS;
	spin_lock(&space->page_table_lock);
	enter_shared(space, fault->pte, page, area_page_bits(area, true));
	spin_unlock(&space->page_table_lock);
	return VM_FAULT_OK;
}

static enum vm_fault_result missing_fault(struct fault *fault)
{
	const struct vm_area *area = fault->area;

	if (area->flags & VM_SPECIAL)
		return special_fault(fault);
	if (!area->cache)
		return anonymous_fault(fault);
	if (fault->write && !(area->flags & VM_SHARED))
		return private_page_fault(fault);
	return shared_page_fault(fault);
}

/* ---- Present, but not writable ------------------------------------------------------ */

/* Give the entry the right to write; its page is ours, or is the file's. */
static void make_writable(struct fault *fault, pte_t old)
{
	pte_t new = pte_make(pte_frame(old),
			     area_page_bits(fault->area, fault->may_write));

	spin_lock(&fault->space->page_table_lock);
	if (*fault->pte == old)
		pte_set(fault->pte, new);
	fault->space->num_written++;
	spin_unlock(&fault->space->page_table_lock);
}

/* Copy-on-write: @page is shared with others (or is the file's). */
static enum vm_fault_result copy_fault(struct fault *fault, pte_t old,
				       struct page *page)
{
	struct page *copy;

	if (page == zero_page) {
		copy = alloc_private(ALLOC_ZERO);
		if (!copy)
			return VM_FAULT_NO_MEMORY;
		enter_private(fault, old, copy);
		return VM_FAULT_OK;
	}
	copy = alloc_private(0);
	if (!copy)
		return VM_FAULT_NO_MEMORY;
	copy_page(page_address(copy), page_address(page));
	memory_count(COUNT_COW_COPIES, 1);
	enter_private(fault, old, copy);
	return VM_FAULT_OK;
}

/* The first store to a shared page since it was clean: now it is dirty (F2). */
static enum vm_fault_result store_fault(struct fault *fault, pte_t old,
					struct page *page)
{
	const struct vm_area *area = fault->area;
	struct page_cache *cache = area->cache;
	struct page *now;
	int err;

	mutex_lock(&cache->lock);
	err = page_cache_find_to_write(cache, area_index(area, fault->va), &now,
				       &fault->major);
	/* Another page by now: truncated, the entry is gone. Fault again. */
	if (!err && now == page)
		make_writable(fault, old);
	mutex_unlock(&cache->lock);
	return result_of(err);
}

/*
 * The page that @fault->pte shows and the entry, with a reference if it could
 * go away while we copy it: only a truncation takes pages without space->lock.
 * NULL: it did just now.
 */
static struct page *hold_old_page(struct fault *fault, pte_t *old, bool *held)
{
	struct page *page = NULL;

	*held = false;
	if (!fault->area->cache) {
		*old = *fault->pte;
		return pte_page(*old);
	}
	spin_lock(&fault->space->page_table_lock);
	*old = *fault->pte;
	if (*old) {
		page = pte_page(*old);
		page_get(page);
		*held = true;
	}
	spin_unlock(&fault->space->page_table_lock);
	return page;
}

static enum vm_fault_result write_fault(struct fault *fault)
{
	enum vm_fault_result result = VM_FAULT_OK;
	struct page *page;
	pte_t old;
	bool held;

	page = hold_old_page(fault, &old, &held);
	if (!page)
		return VM_FAULT_OK; /* truncated: fault again */

	if (fault->area->flags & VM_SHARED) {
		result = store_fault(fault, old, page);
	} else if ((page->flags & PAGE_FLAG_ANON) &&
		   refcount_read(&page->refs) == 1u + held) {
		/* The entry's reference is the only one. */
		make_writable(fault, old);
	} else {
		result = copy_fault(fault, old, page);
	}
	if (held)
		page_put(page);
	return result;
}

/* Everything seems to be in place: a hart has an older entry in mind. */
static enum vm_fault_result spurious_fault(struct fault *fault)
{
	tlb_flush_page(&fault->space->page_table, fault->va);
	return VM_FAULT_OK;
}

/* ---- The areas' part ------------------------------------------------------------------ */

/* Let the stack @area grow down to @va, if it may. */
static bool grow_stack(struct vm_space *space, struct vm_area *area, vaddr_t va)
	MUST_HOLD(space->lock)
{
	vaddr_t start = ALIGN_DOWN(va, PAGE_SIZE);
	struct vm_area *below = area_below(area);

	if (area->end - start > space->stack_limit || start < USER_SPACE_START)
		return false;
	/* Memory that can be touched must stay at a distance. */
	if (below && start - below->end < STACK_GUARD_SIZE &&
	    (below->flags & (PAGE_READ | PAGE_WRITE | PAGE_EXEC)) &&
	    !(below->flags & VM_GROWS_DOWN))
		return false;
	area_set_bounds(space, area, start, area->end);
	return true;
}

static struct vm_area *find_area(struct vm_space *space, vaddr_t va)
	MUST_HOLD(space->lock)
{
	struct vm_area *area;

	area = space->last_found;
	if (likely(area && area_holds(area, va)))
		return area;
	if (unlikely(va >= USER_SPACE_END))
		return NULL;
	area = vm_area_find(space, va);
	if (!area || va >= area->start)
		return area;
	if ((area->flags & VM_GROWS_DOWN) && grow_stack(space, area, va))
		return area;
	return NULL;
}

/* @force: write to what the program may only read, in a copy of its own. */
static bool allowed(const struct vm_area *area, enum access access, bool force)
{
	if (likely(access_allowed(area, access)))
		return true;
	if (!force || (area->flags & VM_SPECIAL))
		return false;
	return access == ACCESS_READ || !(area->flags & VM_SHARED);
}

enum vm_fault_result fault_locked(struct vm_space *space, vaddr_t va,
				  enum access access, enum fault_reason reason)
{
	struct fault fault = {
		.space = space,
		.va = ALIGN_DOWN(va, PAGE_SIZE),
		.write = access == ACCESS_WRITE,
		.trap = reason == FAULT_TRAP,
	};
	enum vm_fault_result result;
	pte_t entry;

	fault.area = find_area(space, va);
	if (!fault.area)
		return VM_FAULT_NO_AREA;
	if (!allowed(fault.area, access, reason == FAULT_FORCED))
		return VM_FAULT_NO_ACCESS;
	fault.may_write = fault.area->flags & PAGE_WRITE;

	/* Tables are added under space->lock only, and never go before the
	 * space does; who changes the entry looks again under its lock. */
	fault.pte = page_table_entry(&space->page_table, fault.va, true);
	if (unlikely(!fault.pte))
		result = VM_FAULT_NO_MEMORY;
	else if (!(entry = READ_ONCE(*fault.pte)))
		result = missing_fault(&fault);
	else if (fault.write && !(pte_bits(entry) & PAGE_WRITE))
		result = write_fault(&fault);
	else
		result = spurious_fault(&fault);
	if (fault.major) {
		current()->maj_faults++;
		memory_count(COUNT_MAJOR_FAULTS, 1);
	} else {
		current()->min_faults++;
	}
	return result;
}

enum vm_fault_result vm_fault(struct vm_space *space, vaddr_t va,
			      enum access access)
{
	enum vm_fault_result result;

	mutex_lock(&space->lock);
	result = fault_locked(space, va, access, FAULT_TRAP);
	mutex_unlock(&space->lock);
	memory_count(COUNT_FAULTS, 1);
	/* No page for a table: those do not call the killer themselves. */
	if (unlikely(result == VM_FAULT_NO_MEMORY))
		memory_wait_for_victim();
	return result;
}
