/* SPDX-License-Identifier: MIT */
/*
 * below.c - what ext4 and vfs/ stand on: one thread, memory of the C library
 *
 * The page cache and write-back are the kernel's own; pages, slabs and locks are
 * stand-ins. There is one thread, so a lock that is taken already, or a wait for
 * something that does not hold, is a mistake and ends the program.
 */
#include "kernel/debug/panic.h"
#include "kernel/lib/radix_tree.h"
#include "kernel/lib/string.h"
#include "kernel/mm/internal.h"
#include "kernel/mm/page.h"
#include "kernel/mm/page_cache.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/user_copy.h"
#include "kernel/mm/vm_space.h"
#include "kernel/mm/writeback.h"
#include "kernel/sched/sched.h"
#include "kernel/sync/mutex.h"
#include "kernel/time/clock.h"
#include "kernel/vfs/epoll.h"
#include "kernel/vfs/file.h"
#include "kernel/vfs/io_buf.h"
#include "kernel/vfs/notify.h"
#include "kernel/vfs/pipe.h"
#include "test/host/ext4/fs.h"

/* ---- sync: ranks are checked, as in a debug kernel ---- */

static unsigned int held[32];
static unsigned int num_held;

void mutex_init(struct mutex *mutex, enum lock_rank rank)
{
	mutex->owner = NULL;
	mutex->rank = rank;
}

void mutex_lock(struct mutex *mutex)
{
	assert(!mutex->owner);
	assert(current_irq()->depth == 0); /* no spinlock is held */
	if (num_held && held[num_held - 1] > mutex->rank)
		panic("lock of rank %u inside rank %u", mutex->rank,
		      held[num_held - 1]);
	mutex->owner = current();
	held[num_held++] = mutex->rank;
}

void mutex_unlock(struct mutex *mutex)
{
	unsigned int i = num_held;

	assert(mutex->owner);
	mutex->owner = NULL;
	while (held[--i] != mutex->rank)
		;
	num_held--;
	for (; i < num_held; i++)
		held[i] = held[i + 1];
}

void sleep_check(void)
{
	assert(current_irq()->depth == 0);
}

void wait_queue_init(struct wait_queue *queue)
{
	spin_init(&queue->lock, LOCK_WAIT_QUEUE);
	list_init(&queue->waiters);
}

void wake_all(struct wait_queue *queue)
{
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

struct thread *thread_create_kernel(const char *name, void (*fn)(void *),
				    void *arg)
{
	return NULL;
}

void sched_start(struct thread *thread)
{
}

/* ---- time: each look is a microsecond later ---- */

static uint64_t now_ns = 1700000000ULL * NSEC_PER_SEC;

static uint64_t tick_ns = 1;

void fs_set_clock(uint64_t ns, uint64_t tick)
{
	now_ns = ns;
	tick_ns = tick;
}

uint64_t clock_now_ns(void)
{
	return now_ns += NSEC_PER_USEC;
}

uint64_t clock_realtime_ns(void)
{
	now_ns += NSEC_PER_USEC;
	return now_ns - now_ns % tick_ns;
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
	size_t bytes;

	return __builtin_mul_overflow(count, size, &bytes) ? NULL
							   : kzalloc(bytes);
}

/* ---- pages ---- */

#ifdef __SANITIZE_ADDRESS__
void __asan_poison_memory_region(const volatile void *at, size_t size);
void __asan_unpoison_memory_region(const volatile void *at, size_t size);
#else
#define __asan_poison_memory_region(at, size)   ((void)(at))
#define __asan_unpoison_memory_region(at, size) ((void)(at))
#endif

struct memory_counters memory_counters[MAX_HARTS];

enum { NUM_FRAMES = HOST_RAM_SIZE / PAGE_SIZE };

char host_ram[HOST_RAM_SIZE] __attribute__((aligned(4096)));
char host_page_array[HOST_PAGE_ARRAY_SIZE] __attribute__((aligned(4096)));

static struct page *free_frames[NUM_FRAMES];
static unsigned int num_free, num_ever;

struct page *page_alloc(unsigned int order, unsigned int flags)
{
	struct page *page;

	assert(order == 0);
	if (num_free)
		page = free_frames[--num_free];
	else if (num_ever < NUM_FRAMES)
		page = phys_to_page(HOST_RAM_START + num_ever++ * PAGE_SIZE);
	else
		return NULL;
	__asan_unpoison_memory_region(page_address(page), PAGE_SIZE);
	memset(page, 0, sizeof(*page));
	memset(page_address(page), flags & ALLOC_ZERO ? 0 : 0xa5, PAGE_SIZE);
	refcount_init(&page->refs, 1);
	return page;
}

void page_put(struct page *page)
{
	if (!refcount_put(&page->refs))
		return;
	__asan_poison_memory_region(page_address(page), PAGE_SIZE);
	free_frames[num_free++] = page;
}

uint64_t buddy_managed_pages(void)
{
	return 1 << 20;
}

void memory_get_info(struct memory_info *info)
{
	memset(info, 0, sizeof(*info));
	info->total = info->managed = info->free = 1 << 20;
}

void range_unmap(struct vm_space *space, vaddr_t start, vaddr_t end,
		 bool keep_private)
{
	panic("nothing is mapped here");
}

void range_write_protect(struct vm_space *space, vaddr_t start, vaddr_t end)
{
	panic("nothing is mapped here");
}

void reclaim_add(struct page_cache *cache)
{
}

void reclaim_remove(struct page_cache *cache)
{
}

bool reclaim_drop(struct page_cache *cache, struct page *page)
{
	return false;
}

void page_cache_read_around(struct page_cache *cache, uint64_t index)
{
}

void page_cache_read_ahead(struct page_cache *cache, struct read_ahead *ahead,
			   uint64_t index, uint64_t count)
{
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
