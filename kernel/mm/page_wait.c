/* SPDX-License-Identifier: MIT */
/*
 * page_wait.c - waiting for a page that a device is busy with
 *
 * Idea: few pages are waited for at a time, so struct page has no queue of its
 * own; a small table of queues, chosen by the page's address, serves all. Who
 * is woken for another's page looks again and sleeps on.
 *
 * Locks: the queues'.
 */
#include "kernel/mm/writeback.h"

#include "kernel/mm/internal.h"
#include "kernel/sync/wait.h"

enum { NUM_QUEUES = 64 };
static struct wait_queue queues[NUM_QUEUES];

static struct wait_queue *queue_of(const struct page *page)
{
	return &queues[((uintptr_t)page / sizeof(*page)) % NUM_QUEUES];
}

void page_wait_init(void)
{
	for (unsigned int i = 0; i < NUM_QUEUES; i++)
		wait_queue_init(&queues[i]);
}

static bool is_free_of(const struct page *page, unsigned int flags)
{
	/* pairs with the release in page_finish() */
	return !(__atomic_load_n(&page->flags, __ATOMIC_ACQUIRE) & flags);
}

void page_wait(const struct page *page, unsigned int flags)
{
	WAIT_EVENT(queue_of(page), is_free_of(page, flags));
}

void page_finish(struct page *page, unsigned int flag)
{
	/* pairs with the acquire in is_free_of() */
	__atomic_fetch_and(&page->flags, ~flag, __ATOMIC_RELEASE);
	wake_all(queue_of(page));
}
