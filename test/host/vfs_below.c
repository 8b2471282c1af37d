/* SPDX-License-Identifier: MIT */
/*
 * vfs_below.c - what vfs/ stands on, for unit tests: locks, slabs, pages
 *
 * There is one thread, so a mutex that would have to wait is a mistake and ends
 * the program. Files have sizes, but no contents.
 */
#include "kernel/debug/panic.h"
#include "kernel/lib/string.h"
#include "kernel/mm/page.h"
#include "kernel/mm/page_cache.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/user_copy.h"
#include "kernel/mm/vm_space.h"
#include "kernel/sync/mutex.h"
#include "kernel/vfs/epoll.h"
#include "kernel/vfs/file.h"
#include "kernel/vfs/io_buf.h"
#include "kernel/vfs/notify.h"
#include "kernel/vfs/pipe.h"

/* ---- sync ---- */

void mutex_init(struct mutex *mutex, enum lock_rank rank)
{
	mutex->owner = NULL;
	mutex->rank = rank;
}

void mutex_lock(struct mutex *mutex)
{
	assert(!mutex->owner);
	assert(current_irq()->depth == 0); /* no spinlock is held */
	mutex->owner = current();
}

void mutex_unlock(struct mutex *mutex)
{
	assert(mutex->owner);
	mutex->owner = NULL;
}

void wait_queue_init(struct wait_queue *queue)
{
	spin_init(&queue->lock, LOCK_WAIT_QUEUE);
	list_init(&queue->waiters);
}

void wake_all(struct wait_queue *queue)
{
	assert(wait_queue_idle(queue));
}

void waiter_init(struct waiter *waiter)
{
}

void wait_begin(struct wait_queue *queue, struct waiter *waiter,
		unsigned int flags)
{
	panic("one thread cannot wait");
}

int wait_sleep(unsigned int flags, uint64_t deadline_ns)
{
	return -1;
}

void wait_end(struct wait_queue *queue, struct waiter *waiter)
{
}

/* ---- slabs ---- */

struct slab_cache {
	size_t size;
};

struct slab_cache *slab_cache_create(const char *name, size_t size,
				     size_t align)
{
	struct slab_cache *cache = kmalloc(sizeof(*cache));

	cache->size = size;
	return cache;
}

void *slab_alloc(struct slab_cache *cache)
{
	void *object = kmalloc(cache->size);

	if (object)
		memset(object, 0xa5, cache->size);
	return object;
}

void *slab_alloc_zero(struct slab_cache *cache)
{
	return kzalloc(cache->size);
}

void slab_free(struct slab_cache *cache, void *object)
{
	kfree(object);
}

char *kstrdup(const char *s)
{
	char *copy = kmalloc(strlen(s) + 1);

	if (copy)
		memcpy(copy, s, strlen(s) + 1);
	return copy;
}

void *kcalloc(size_t count, size_t size)
{
	return kzalloc(count * size);
}

/* ---- mm ---- */

void memory_get_info(struct memory_info *info)
{
	memset(info, 0, sizeof(*info));
	info->total = info->managed = info->free = 4096; /* 16 MiB */
}

void vm_set_file_ops(const struct vm_file_ops *ops)
{
}

/* Nobody maps files here. */
bool page_cache_look_at_areas(struct page_cache *cache,
			      bool (*look)(struct vm_area *area, void *data),
			      void *data)
{
	return false;
}

void page_cache_init(struct page_cache *cache, const struct page_cache_ops *ops,
		     unsigned int flags)
{
	mutex_init(&cache->lock, LOCK_PAGE_CACHE);
	radix_init(&cache->pages);
	list_init(&cache->areas);
	list_init(&cache->dirty_node);
	cache->num_pages = 0;
	cache->ops = ops;
	cache->size_bytes = 0;
	cache->flags = flags;
}

void page_cache_destroy(struct page_cache *cache)
{
}

int page_cache_truncate(struct page_cache *cache, uint64_t size_bytes)
{
	cache->size_bytes = size_bytes;
	return 0;
}

ssize_t page_cache_read_file(struct page_cache *cache, struct read_ahead *ahead,
			     struct io_buf *io, loff_t pos)
{
	uint64_t at = (uint64_t)pos;

	if (at >= cache->size_bytes)
		return 0;
	return (ssize_t)io_clear(io, MIN(io->left, cache->size_bytes - at));
}

ssize_t page_cache_write(struct page_cache *cache, struct io_buf *io,
			 loff_t pos)
{
	uint64_t end = (uint64_t)pos + io->left;

	cache->size_bytes = MAX(cache->size_bytes, end);
	return (ssize_t)io->left;
}

int page_cache_sync(struct page_cache *cache, uint64_t first, uint64_t last)
{
	return 0;
}

int writeback_sync_group(void *group, bool wait)
{
	return 0;
}

void writeback_add_hook(struct writeback_hook *hook)
{
}

void writeback_run_hooks_later(void)
{
}

bool page_cache_cancel_writeback(struct page_cache *cache)
{
	return false;
}

uint32_t error_sequence_sample(struct error_sequence *errors)
{
	return 0;
}

void error_sequence_set(struct error_sequence *errors, int error)
{
}

int error_sequence_check(struct error_sequence *errors, uint32_t *seen)
{
	return 0;
}

int page_cache_get(struct page_cache *cache, uint64_t index, bool create,
		   struct page **page)
{
	panic("files have no contents here");
}

void page_cache_punch(struct page_cache *cache, uint64_t first, uint64_t last)
{
}

void page_put(struct page *page)
{
}

size_t copy_to_user_partial(void __user *to, const void *from, size_t size)
{
	return 0;
}

size_t copy_from_user_partial(void *to, const void __user *from, size_t size)
{
	return 0;
}

int clear_user(void __user *to, size_t size)
{
	return -1;
}

/* ---- Beside us in vfs/ ---- */

unsigned int notify_num_watches;
const struct file_ops fifo_file_ops;

void notify_send(struct inode *inode, uint32_t mask, uint32_t cookie,
		 const char *name)
{
}

void notify_send_dentry(struct dentry *dentry, uint32_t mask)
{
}

uint32_t notify_new_cookie(void)
{
	return 1;
}

void notify_send_unlinked(struct inode *inode, bool directory)
{
}

void epoll_forget(struct file *file)
{
}

void notify_inode_gone(struct inode *inode, uint32_t mask)
{
}
