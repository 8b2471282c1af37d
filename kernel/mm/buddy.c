/* SPDX-License-Identifier: MIT */
/*
 * buddy.c - free frames, in blocks of powers of two
 *
 * Idea: a free block of 2^k frames begins at a frame number divisible by 2^k,
 * so it has exactly one buddy: the block whose number differs in bit k only.
 * Too large a block is split into two buddies; a freed block whose buddy is
 * free too merges with it, and so on upward. One list of blocks per k.
 * In front of it each hart keeps a few single frames, so that the common case
 * (one frame, taken or given back) takes no lock; and a few that are known to
 * be all zeros (page tables come back like that), which saves clearing them.
 *
 * Harts take their frames from regions of their own (2 MiB), as long as there
 * are some, and a frame goes back to the region's hart, its home, whoever frees
 * it. A hart that goes through a page has its cache fetch the lines behind it
 * ahead of time, beyond the page's end: where frames of two harts lie side by
 * side they take lines from each other that neither of them shares
 * (docs/contention.md, "Neighbours").
 *
 * Invariants
 *   B1  PAGE_FLAG_FREE is set exactly on the first page of a block on a list,
 *	 and its order is the list's.
 *   B2  No two buddies are both free (they would have been merged).
 *   B3  free_pages is the number of frames on the lists (not the harts').
 *   B4  A free block smaller than a region is on the lists of its region's home;
 *	 others, and whole regions, are nobody's.
 *
 * Who may have the last frames: programs stop at `reserve`, the kernel's own
 * structures at a quarter of it, and the rest is for those who cannot wait.
 * So programs never starve the kernel.
 *
 * Locks: frames_lock for the lists; a hart's frames: that hart, interrupts
 * off. Read: OSTEP ch. 17 (buddy allocation); Knuth, TAOCP 2.5.
 */
#include <arch/machine.h>
#include "kernel/mm/page.h"
#include "kernel/mm/internal.h"
#include "kernel/sync/mutex.h"

/* Frames a hart may keep at least, and at most if there is memory: what a
 * program gives back and wants again is then still in the hart's cache. */
#define HART_FRAMES     64u
#define HART_FRAMES_MAX ((unsigned int)(PAGE_SIZE / sizeof(struct page *)))
/* How many of all frames the harts may keep together: one in so many. */
#define HARTS_SHARE 128u
/* How many move to or from the lists at once. */
#define HART_BATCH_ORDER 4u
#define HART_BATCH       (1u << HART_BATCH_ORDER)
/* Of zeros; enough for the tables of two small programs. */
#define HART_ZEROED 16u

/* Whose a region is (page.home): a hart's index + 1, or */
#define NOBODY 0u
_Static_assert(MAX_HARTS < UINT8_MAX, "page.home");

#define RESERVE_MIN 64u
#define RESERVE_MAX 1024u
/* With one in so many free, there is plenty. */
#define PLENTY_SHARE 16u

/* Times a program's allocation waits for a victim before it fails. */
#define VICTIM_TRIES 100u
/* Times the kernel's own gives up pages of files before it fails. */
#define RECLAIM_TRIES 8u

static struct spinlock frames_lock = SPINLOCK_INIT(LOCK_FRAMES);

/* Under frames_lock. By home. */
static struct list_head free_blocks[1 + MAX_HARTS][MAX_ORDER + 1];
static uint64_t free_pages;
static uint64_t managed_pages;
static bool lists_ready;

/* Fixed after boot. */
static uint64_t reserve;
static uint64_t plenty;

/* This hart only, interrupts off. */
static struct hart_frames {
	unsigned int count, num_zeroed, num_foreign;
	unsigned int limit;        /* of count; 0: never used so far */
	struct page **frames;      /* first, or a page full of pointers */
	uint64_t allocated, freed; /* pages since boot; read by others */
	struct page *zeroed[HART_ZEROED];
	struct page *foreign[HART_BATCH]; /* freed here, other harts' */
	struct page *first[HART_FRAMES];
} __aligned(64) hart_frames[MAX_HARTS];

/* ---- Regions --------------------------------------------------------------- */

/* Said in each page of the array of structs: @page's is at hand for who frees it. */
static force_inline unsigned int home_of(const struct page *page)
{
	const struct page *first =
		(const struct page *)ALIGN_DOWN((uintptr_t)page, PAGE_SIZE);

	return READ_ONCE(first->home);
}

/* The first page of @page's region. */
static struct page *region_of(const struct page *page)
{
	return phys_to_page(ALIGN_DOWN(page_to_phys(page), REGION_SIZE));
}

/* frames_lock held. */
static void set_home(struct page *page, unsigned int home)
{
	struct page *first = region_of(page);

	for (size_t i = 0; i < BIT(REGION_ORDER);
	     i += PAGE_SIZE / sizeof(*page))
		WRITE_ONCE(first[i].home, (uint8_t)home);
}

static force_inline unsigned int home_of_hart(unsigned int hart)
{
	return hart + 1;
}

/* Interrupts off. */
static force_inline unsigned int home_here(void)
{
	return home_of_hart(arch_hart_index());
}

/* ---- The lists; frames_lock held ---------------------------------------- */

/* Where free blocks of 2^@order frames at @page are listed (B4). */
static struct list_head *list_of(struct page *page, unsigned int order)
{
	unsigned int home = order < REGION_ORDER ? home_of(page) : NOBODY;

	return &free_blocks[home][order];
}

static void push_block(struct page *page, unsigned int order)
{
	page->flags = PAGE_FLAG_FREE;
	page->order = (uint8_t)order;
	list_push_front(list_of(page, order), &page->node);
	free_pages += 1UL << order;
}

static void remove_block(struct page *page)
{
	list_remove(&page->node);
	page->flags = 0;
	free_pages -= 1UL << page->order;
}

/* The free buddy of the block at @page, or NULL. */
static struct page *free_buddy(struct page *page, unsigned int order)
{
	paddr_t pa = page_to_phys(page) ^ (PAGE_SIZE << order);
	struct page *buddy = phys_to_page(pa);

	/* Where a region has no RAM at all there are no structs; in one that
	 * has some, what is no RAM is not free either. */
	if (order >= REGION_ORDER && !phys_is_ram(pa))
		return NULL;
	if (!(buddy->flags & PAGE_FLAG_FREE) || buddy->order != order)
		return NULL;
	return buddy;
}

static void free_block(struct page *page, unsigned int order)
{
	for (; order < MAX_ORDER; order++) {
		struct page *buddy = free_buddy(page, order);

		if (!buddy)
			break;
		remove_block(buddy);
		page = MIN(page, buddy);
		/* All of it is free: whoever needs one may have it. */
		if (order + 1 == REGION_ORDER)
			set_home(page, NOBODY);
	}
	push_block(page, order);
}

/* The region of which @page is a part was nobody's, and is @home's now: so are its
 * free blocks (B4). */
static void claim_parts(struct page *page, unsigned int home)
{
	struct page *first = region_of(page);
	unsigned int i = 0;

	set_home(page, home);
	while (i < BIT(REGION_ORDER)) {
		struct page *block = first + i;
		unsigned int order = 0;

		if (block->flags & PAGE_FLAG_FREE) {
			order = block->order;
			list_remove(&block->node);
			list_push_front(list_of(block, order), &block->node);
		}
		i += (unsigned int)BIT(order);
	}
}

/* A block from the lists of @from, for @home. NULL: none is large enough. */
static struct page *take_from(unsigned int from, unsigned int order,
			      unsigned int home)
{
	struct list_head *lists = free_blocks[from];
	unsigned int k = order;
	struct page *page;

	while (list_empty(&lists[k])) {
		if (++k > MAX_ORDER)
			return NULL;
	}
	page = list_first(&lists[k], struct page, node);
	remove_block(page);
	if (k < REGION_ORDER && from == NOBODY)
		claim_parts(page, home);
	/* Give the upper halves back until the rest fits. */
	while (k > order) {
		if (k == REGION_ORDER)
			set_home(page, home);
		k--;
		push_block(page + BIT(k), k);
	}
	return page;
}

/* NULL: no block is large enough. Interrupts off. */
static struct page *take_block(unsigned int order)
{
	unsigned int home = home_here();
	struct page *page = take_from(home, order, home);
	unsigned int other = home_of_hart(0);

	if (!page)
		page = take_from(NOBODY, order, home);
	/* Better a neighbour than nothing. */
	for (; !page && other < ARRAY_SIZE(free_blocks); other++)
		page = take_from(other, order, other);
	return page;
}

/* May an allocation with @flags take 2^@order frames? */
static bool above_reserve(unsigned int order, unsigned int flags)
{
	uint64_t keep = reserve / 4;

	if (flags & ALLOC_USER)
		keep = reserve;
	else if (flags & ALLOC_ATOMIC)
		keep = 0;
	return free_pages >= keep + BIT(order);
}

/* ---- A hart's own frames; interrupts off --------------------------------- */

static void use_table(struct hart_frames *mine, struct page **frames,
		      unsigned int limit)
{
	for (unsigned int i = 0; i < mine->count; i++)
		frames[i] = mine->frames[i];
	mine->frames = frames;
	mine->limit = limit;
}

static void give_back_foreign(struct hart_frames *mine)
{
	while (mine->num_foreign > 0)
		free_block(mine->foreign[--mine->num_foreign], 0);
}

/* Of at most a batch: the largest blocks this hart's lists have. */
static unsigned int refill_order(void)
{
	const struct list_head *lists = free_blocks[home_here()];
	unsigned int order = HART_BATCH_ORDER;

	while (order > 0 && list_empty(&lists[order]))
		order--;
	/* None: part of a larger one. */
	return list_empty(&lists[order]) ? HART_BATCH_ORDER : order;
}

/* Neighbours, if there are some: one block is found faster than its frames. */
static void refill(struct hart_frames *mine, unsigned int flags)
{
	struct page *block = NULL;
	unsigned int order;

	if (unlikely(mine->limit == 0))
		use_table(mine, mine->first, HART_FRAMES);
	spin_lock(&frames_lock);
	order = refill_order();
	/* When it gets tight take just the one, so that what the kernel may
	 * have does not end up with a program; and what we hoard counts. */
	if (free_pages <= 2 * reserve) {
		order = 0;
		give_back_foreign(mine);
		while (mine->num_zeroed > 0)
			free_block(mine->zeroed[--mine->num_zeroed], 0);
	}
	if (above_reserve(order, flags))
		block = take_block(order);
	if (!block && order > 0) {
		order = 0;
		if (above_reserve(order, flags))
			block = take_block(order);
	}
	spin_unlock(&frames_lock);
	/* The lowest on top: memory is handed out in order. */
	for (unsigned int i = BIT(order); block && i > 0; i--)
		mine->frames[mine->count++] = block + i - 1;
}

/* Back to the lists, until @keep are left; with 0, all others, too. */
static void spill(struct hart_frames *mine, unsigned int keep)
{
	spin_lock(&frames_lock);
	if (keep == 0)
		give_back_foreign(mine);
	while (mine->count > keep)
		free_block(mine->frames[--mine->count], 0);
	while (keep == 0 && mine->num_zeroed > 0)
		free_block(mine->zeroed[--mine->num_zeroed], 0);
	spin_unlock(&frames_lock);
}

/* How many frames a hart may keep, of so many that there are. */
static unsigned int hart_share(void)
{
	uint64_t share = managed_pages / HARTS_SHARE / arch_num_harts();

	return (unsigned int)MIN(share, (uint64_t)HART_FRAMES_MAX);
}

/* The hart may not keep one more. */
static __noinline void make_room(struct hart_frames *mine)
{
	struct page *table = NULL;

	if (mine->limit == 0) {
		use_table(mine, mine->first, HART_FRAMES);
		return;
	}
	if (mine->frames == mine->first && hart_share() > HART_FRAMES) {
		spin_lock(&frames_lock);
		if (above_reserve(0, ALLOC_USER))
			table = take_block(0);
		spin_unlock(&frames_lock);
	}
	if (table)
		use_table(mine, page_address(table), hart_share());
	else
		spill(mine, mine->limit - HART_BATCH);
}

/* Keep a free frame that is another hart's until there is a batch of them. */
static __noinline void put_foreign(struct hart_frames *mine, struct page *page)
{
	mine->foreign[mine->num_foreign++] = page;
	if (mine->num_foreign < HART_BATCH)
		return;
	spin_lock(&frames_lock);
	give_back_foreign(mine);
	spin_unlock(&frames_lock);
}

/* Keep a free frame. */
static force_inline void put_frame(struct hart_frames *mine, struct page *page)
{
	if (unlikely(home_of(page) != home_here())) {
		put_foreign(mine, page);
		return;
	}
	if (unlikely(mine->count == mine->limit))
		make_room(mine);
	mine->frames[mine->count++] = page;
}

/* One frame that the hart has; NULL: it has none. ALLOC_ZERO is taken out of
 * *@flags if it is clear already. */
static force_inline struct page *take_frame(unsigned int *flags)
{
	struct hart_frames *mine;
	struct page *page = NULL;

	interrupts_off_enter();
	mine = &hart_frames[arch_hart_index()];
	if ((*flags & ALLOC_ZERO) && mine->num_zeroed > 0) {
		page = mine->zeroed[--mine->num_zeroed];
		*flags &= ~ALLOC_ZERO;
		mine->allocated++;
	} else if (likely(mine->count > 0)) {
		page = mine->frames[--mine->count];
		mine->allocated++;
	}
	interrupts_off_leave();
	return page;
}

/* The same, from the lists if it has none. */
static struct page *alloc_frame(unsigned int *flags)
{
	struct page *page;

	interrupts_off_enter();
	page = take_frame(flags);
	if (!page) {
		refill(&hart_frames[arch_hart_index()], *flags);
		page = take_frame(flags);
	}
	interrupts_off_leave();
	return page;
}

static struct page *alloc_block(unsigned int order, unsigned int flags)
{
	struct hart_frames *mine;
	struct page *page = NULL;

	interrupts_off_enter();
	mine = &hart_frames[arch_hart_index()];
	spin_lock(&frames_lock);
	if (above_reserve(order, flags))
		page = take_block(order);
	spin_unlock(&frames_lock);
	if (!page && mine->count + mine->num_zeroed + mine->num_foreign > 0) {
		/* Our own frames may be what keeps buddies apart. */
		spill(mine, 0);
		spin_lock(&frames_lock);
		if (above_reserve(order, flags))
			page = take_block(order);
		spin_unlock(&frames_lock);
	}
	if (page)
		mine->allocated += BIT(order);
	interrupts_off_leave();
	return page;
}

/* ---- Public --------------------------------------------------------------- */

static struct page *try_alloc(unsigned int order, unsigned int *flags)
{
	return order == 0 ? alloc_frame(flags) : alloc_block(order, *flags);
}

/* Memory is out, for a program: somebody has to go. */
static struct page *alloc_after_kill(unsigned int order, unsigned int *flags)
{
	unsigned int tries;

	for (tries = 0; tries < VICTIM_TRIES; tries++) {
		struct page *page;

		if (!memory_wait_for_victim())
			return NULL;
		page = try_alloc(order, flags);
		if (page)
			return page;
	}
	return NULL;
}

/* Memory is out for the kernel itself: nobody dies, but files' pages may go,
 * and with enough of them free blocks side by side become one. */
static struct page *alloc_after_reclaim(unsigned int order, unsigned int *flags)
{
	struct page *page = NULL;

	for (unsigned int tries = 0; !page && tries < RECLAIM_TRIES; tries++) {
		if (!memory_reclaim_for_kernel(order))
			break;
		page = try_alloc(order, flags);
	}
	return page;
}

static void begin_use(struct page *page, unsigned int order)
{
	debug_assert(refcount_read(&page->refs) == 0);
	page->flags = 0;
	page->order = (uint8_t)order;
	page->refs_and_maps = 1;
}

/* What is more than one frame, or is not in the hart's cache. */
static __noinline struct page *alloc_from_lists(unsigned int order,
						unsigned int flags)
{
	struct page *page;

	if (order > MAX_ORDER)
		return NULL;
	page = try_alloc(order, &flags);
	if (unlikely(!page)) {
		if (flags & ALLOC_ATOMIC)
			return NULL;
		page = flags & ALLOC_USER ? alloc_after_kill(order, &flags)
					  : alloc_after_reclaim(order, &flags);
		if (!page)
			return NULL;
	}
	begin_use(page, order);
	if (flags & ALLOC_ZERO) {
		char *memory = page_address(page);

		for (size_t i = 0; i < BIT(order); i++)
			arch_clear_page(memory + i * PAGE_SIZE);
	}
	return page;
}

struct page *page_alloc(unsigned int order, unsigned int flags)
{
	struct page *page = likely(order == 0) ? take_frame(&flags) : NULL;

	if (unlikely(!page))
		return alloc_from_lists(order, flags);
	begin_use(page, 0);
	if (flags & ALLOC_ZERO)
		arch_clear_page(page_address(page));
	return page;
}

unsigned int page_alloc_batch(struct page *pages[], unsigned int count)
{
	struct hart_frames *mine;
	unsigned int taken = 0;

	interrupts_off_enter();
	mine = &hart_frames[arch_hart_index()];
	while (taken < count) {
		if (mine->count == 0)
			refill(mine, ALLOC_USER);
		if (mine->count == 0)
			break;
		pages[taken++] = mine->frames[--mine->count];
	}
	mine->allocated += taken;
	interrupts_off_leave();
	for (unsigned int i = 0; i < taken; i++) {
		begin_use(pages[i], 0);
		arch_clear_page(page_address(pages[i]));
	}
	return taken;
}

static void assert_zeroed(const uint64_t *words)
{
	for (size_t i = 0; i < PAGE_SIZE / sizeof(*words); i++)
		assert(words[i] == 0);
}

void page_free(struct page *page)
{
	unsigned int order = page->order;
	struct hart_frames *mine;

	debug_assert(!(page->flags & (PAGE_FLAG_FREE | PAGE_FLAG_RESERVED)));
	if (page->flags & PAGE_FLAG_ANON)
		memory_count(COUNT_ANONYMOUS, -1);
	page->flags = 0;
	interrupts_off_enter();
	mine = &hart_frames[arch_hart_index()];
	mine->freed += BIT(order);
	if (likely(order == 0)) {
		put_frame(mine, page);
	} else {
		spin_lock(&frames_lock);
		free_block(page, order);
		spin_unlock(&frames_lock);
	}
	interrupts_off_leave();
}

void page_free_batch(struct page *const pages[], unsigned int count)
{
	struct hart_frames *mine;
	int anonymous = 0;

	if (count == 0)
		return;
	interrupts_off_enter();
	mine = &hart_frames[arch_hart_index()];
	mine->freed += count;
	for (unsigned int i = 0; i < count; i++) {
		struct page *page = pages[i];

		debug_assert(page->order == 0);
		anonymous += (page->flags & PAGE_FLAG_ANON) != 0;
		page->flags = 0;
		put_frame(mine, page);
	}
	memory_count(COUNT_ANONYMOUS, -anonymous);
	interrupts_off_leave();
}

void page_free_zeroed(struct page *page)
{
	struct hart_frames *mine;

	debug_assert(page->order == 0);
	if (CONFIG_DEBUG)
		assert_zeroed(page_address(page));
	page->flags = 0;
	interrupts_off_enter();
	mine = &hart_frames[arch_hart_index()];
	if (likely(mine->num_zeroed < HART_ZEROED &&
		   home_of(page) == home_here())) {
		mine->zeroed[mine->num_zeroed++] = page;
		mine->freed++;
	} else {
		page_free(page);
	}
	interrupts_off_leave();
}

void page_put(struct page *page)
{
	if (refcount_put(&page->refs))
		page_free(page);
}

/* ---- Boot and reports ------------------------------------------------------ */

void buddy_add(struct page *page, uint64_t count)
{
	uint64_t frame = page_to_phys(page) >> PAGE_SHIFT;

	spin_lock(&frames_lock);
	if (!lists_ready) {
		for (size_t home = 0; home < ARRAY_SIZE(free_blocks); home++) {
			for (unsigned int k = 0; k <= MAX_ORDER; k++)
				list_init(&free_blocks[home][k]);
		}
		lists_ready = true;
	}
	managed_pages += count;
	while (count > 0) {
		/* The largest block that begins here and fits. */
		unsigned int order = MAX_ORDER;

		while (!IS_ALIGNED(frame, BIT(order)) || BIT(order) > count)
			order--;
		free_block(page, order);
		page += BIT(order);
		frame += BIT(order);
		count -= BIT(order);
	}
	spin_unlock(&frames_lock);
}

void buddy_ready(void)
{
	reserve = managed_pages / 64;
	reserve = MAX(reserve, (uint64_t)RESERVE_MIN);
	reserve = MIN(reserve, (uint64_t)RESERVE_MAX);
	plenty = MAX(managed_pages / PLENTY_SHARE, 4 * reserve);
}

uint64_t buddy_free_pages(void)
{
	uint64_t pages = READ_ONCE(free_pages);
	unsigned int i;

	for (i = 0; i < MAX_HARTS; i++)
		pages += READ_ONCE(hart_frames[i].count) +
			 READ_ONCE(hart_frames[i].num_zeroed) +
			 READ_ONCE(hart_frames[i].num_foreign);
	return pages;
}

bool memory_is_plenty(void)
{
	return READ_ONCE(free_pages) >= plenty;
}

uint64_t buddy_managed_pages(void)
{
	return READ_ONCE(managed_pages);
}

void buddy_get_traffic(uint64_t *allocated, uint64_t *freed)
{
	unsigned int i;

	*allocated = 0;
	*freed = 0;
	for (i = 0; i < MAX_HARTS; i++) {
		*allocated += READ_ONCE(hart_frames[i].allocated);
		*freed += READ_ONCE(hart_frames[i].freed);
	}
}
