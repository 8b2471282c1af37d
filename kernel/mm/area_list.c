/* SPDX-License-Identifier: MIT */
/*
 * area_list.c - which areas show a file
 *
 * Idea: who takes a page away from a file looks for it in all programs that have
 * it mapped, so each cache keeps a list of areas. That is seldom asked, but each
 * fork, exec and exit changes it, and programs on all harts run the same files.
 * So a file that more than one area shows gets a list, and a lock, for each hart
 * (a row): an area joins that of the hart it is made on. Who looks goes through
 * all of them.
 *
 * Invariants
 *   L1  area->row is chosen before the area is listed and stays while it is.
 *   L2  cache->rows is set once, and freed with the cache, when no area is left.
 *
 * Locks: an area's list changes under the row's lock, or for cache->areas under
 * cache->lock; who looks holds cache->lock and takes the rows' one by one.
 */
#include "kernel/mm/internal.h"
#include <arch/hart.h>
#include "kernel/mm/page_cache.h"
#include "kernel/mm/slab.h"

/* One row for each hart, empty, or NULL. */
static struct area_row *create_rows(void)
{
	struct area_row *rows = kcalloc(arch_num_harts(), sizeof(*rows));

	for (unsigned int i = 0; rows && i < arch_num_harts(); i++) {
		mutex_init(&rows[i].lock, LOCK_AREA_ROW);
		list_init(&rows[i].areas);
	}
	return rows;
}

/* The rows of @cache; NULL: one list will do, or there is no memory. */
static struct area_row *rows_of(struct page_cache *cache)
{
	struct area_row *rows, *others = NULL;

	/* pairs with the release below */
	rows = __atomic_load_n(&cache->rows, __ATOMIC_ACQUIRE);
	if (likely(rows) || list_empty(&cache->areas) || arch_num_harts() == 1)
		return rows;
	rows = create_rows();
	if (!rows ||
	    __atomic_compare_exchange_n(&cache->rows, &others, rows, false,
					__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return rows;
	kfree(rows);
	return others;
}

void area_choose_row(struct vm_area *area)
{
	struct area_row *rows = area->cache ? rows_of(area->cache) : NULL;

	/* If the thread moves to another hart now, this row is as right. */
	area->row = rows ? &rows[arch_hart_index()] : NULL;
}

/* ---- Listing --------------------------------------------------------------- */

/* What guards the list that @area is on, or will be; NULL: none. */
static struct mutex *list_lock(const struct vm_area *area)
{
	if (!area->cache)
		return NULL;
	return area->row ? &area->row->lock : &area->cache->lock;
}

/*
 * Have @wanted locked instead of @held (either may be NULL); returns @wanted.
 * Neighbours often show the same file, which then is locked once for them.
 */
static struct mutex *lock_instead(struct mutex *held,
				  struct mutex *wanted) UNCHECKED_LOCKING
{
	if (wanted == held)
		return held;
	if (held)
		mutex_unlock(held);
	if (wanted)
		mutex_lock(wanted);
	return wanted;
}

static void push(struct vm_area *area)
{
	list_push_back(area->row ? &area->row->areas : &area->cache->areas,
		       &area->cache_node);
}

static void pull(struct vm_area *area)
{
	list_remove(&area->cache_node);
}

/* push() or pull() @area, under its list's lock. */
static force_inline void change(struct vm_area *area,
				void (*how)(struct vm_area *)) UNCHECKED_LOCKING
{
	struct mutex *lock = list_lock(area);

	if (!lock)
		return;
	mutex_lock(lock);
	how(area);
	mutex_unlock(lock);
}

static force_inline void
change_all(struct vm_space *space,
	   void (*how)(struct vm_area *)) UNCHECKED_LOCKING
{
	struct vm_area *area = vm_area_first(space);
	struct mutex *lock = NULL;

	for (; area; area = vm_area_next(area)) {
		lock = lock_instead(lock, list_lock(area));
		if (lock)
			how(area);
	}
	lock_instead(lock, NULL);
}

void area_list(struct vm_area *area)
{
	change(area, push);
}

void area_unlist(struct vm_area *area)
{
	change(area, pull);
}

void area_list_all(struct vm_space *space)
{
	change_all(space, push);
}

void area_unlist_all(struct vm_space *space)
{
	change_all(space, pull);
}

/* ---- Looking --------------------------------------------------------------- */

static bool look_at_list(struct list_head *areas,
			 bool (*look)(struct vm_area *area, void *data),
			 void *data)
{
	struct vm_area *area;

	list_for_each (area, areas, cache_node) {
		if (look(area, data))
			return true;
	}
	return false;
}

bool page_cache_look_at_areas(struct page_cache *cache,
			      bool (*look)(struct vm_area *area, void *data),
			      void *data)
{
	struct area_row *rows = __atomic_load_n(&cache->rows, __ATOMIC_ACQUIRE);
	bool found = look_at_list(&cache->areas, look, data);

	for (unsigned int i = 0; rows && !found && i < arch_num_harts(); i++) {
		mutex_lock(&rows[i].lock);
		found = look_at_list(&rows[i].areas, look, data);
		mutex_unlock(&rows[i].lock);
	}
	return found;
}
