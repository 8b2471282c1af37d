/* SPDX-License-Identifier: MIT */
/*
 * fd_table.c - descriptors: the small numbers a process knows its files by
 *
 * Idea: an array of files with two bitmaps, "used" and "close on exec". The
 * lowest free number is found by words, starting at a hint.
 *
 * Invariants
 *   F1  Bit fd of used is set exactly while files[fd] is not NULL.
 *   F2  No free descriptor is below next_free.
 *   F3  size is a multiple of 64.
 *
 * Locks: table.lock. A thread that is alone with its table (refs is 1) reads
 * it without: nobody else can change it. /proc takes a reference first and
 * only reads, under the lock.
 * Source: open(2), dup(2), close(2), fcntl(2).
 */
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/vfs/internal.h"

#define INITIAL_SIZE 64u
#define WORD_BITS    64u

static uint64_t (*limit_fn)(void); /* RLIMIT_NOFILE; fixed after boot */

void fd_set_limit_fn(uint64_t (*limit)(void))
{
	limit_fn = limit;
}

static unsigned int fd_limit(void)
{
	uint64_t limit = limit_fn ? limit_fn() : FD_TABLE_MAX;

	return (unsigned int)MIN(limit, (uint64_t)FD_TABLE_MAX);
}

static bool bit_test(const uint64_t *map, unsigned int i)
{
	return (map[i / WORD_BITS] >> (i % WORD_BITS)) & 1;
}

static void bit_set(uint64_t *map, unsigned int i, bool on)
{
	uint64_t bit = 1ULL << (i % WORD_BITS);

	if (on)
		map[i / WORD_BITS] |= bit;
	else
		map[i / WORD_BITS] &= ~bit;
}

/* The first @i >= @from with the bit set (or, @set false, clear); else @size. */
static unsigned int bit_next(const uint64_t *map, unsigned int size,
			     unsigned int from, bool set)
{
	while (from < size) {
		uint64_t word =
			set ? map[from / WORD_BITS] : ~map[from / WORD_BITS];

		word >>= from % WORD_BITS;
		if (word)
			return from + (unsigned int)__builtin_ctzll(word);
		from = ALIGN_DOWN(from, WORD_BITS) + WORD_BITS;
	}
	return size;
}

/* ---- Life ---- */

/* The arrays of a table are one piece of memory. */
static void *arrays_alloc(unsigned int size)
{
	size_t bitmaps = 2 * (size_t)size / 8;

	return kzalloc(size * sizeof(struct file *) + bitmaps);
}

static void arrays_set(struct fd_table *table, void *memory, unsigned int size)
{
	table->files = memory;
	table->used = (uint64_t *)(table->files + size);
	table->close_on_exec = table->used + size / WORD_BITS;
	table->size = size;
}

static struct fd_table *table_alloc(unsigned int size)
{
	/* A cache line of its own: other harts run other processes. */
	struct fd_table *table = kzalloc(ALIGN_UP(sizeof(*table), 64));
	void *memory = arrays_alloc(size);

	if (!table || !memory) {
		kfree(table);
		kfree(memory);
		return NULL;
	}
	refcount_init(&table->refs, 1);
	spin_init(&table->lock, LOCK_FD_TABLE);
	arrays_set(table, memory, size);
	return table;
}

struct fd_table *fd_table_create(void)
{
	return table_alloc(INITIAL_SIZE);
}

/* One more than the highest word of used descriptors, in descriptors. */
static unsigned int size_needed(const struct fd_table *table)
{
	unsigned int words = table->size / WORD_BITS;

	while (words > 1 && !table->used[words - 1])
		words--;
	return words * WORD_BITS;
}

struct fd_table *fd_table_copy(struct fd_table *table)
{
	struct fd_table *copy = NULL;
	unsigned int size;

	for (;;) {
		size = size_needed(table);
		copy = table_alloc(size);
		if (!copy)
			return NULL;
		spin_lock(&table->lock);
		if (size_needed(table) <= size)
			break;
		spin_unlock(&table->lock); /* it grew meanwhile */
		kfree(copy->files);
		kfree(copy);
	}
	size = MIN(size, table->size);
	for (unsigned int fd = 0; fd < size; fd++) {
		fd = bit_next(table->used, size, fd, true);
		if (fd < size && table->files[fd])
			copy->files[fd] = file_get(table->files[fd]);
	}
	memcpy(copy->used, table->used, size / 8);
	memcpy(copy->close_on_exec, table->close_on_exec, size / 8);
	copy->next_free = table->next_free;
	spin_unlock(&table->lock);
	return copy;
}

/* What close(2) means for @file, whose descriptor is gone from @table. */
static void close_file(struct fd_table *table, struct file *file)
{
	if (unlikely(file->inode->locks))
		file_lock_release_owner(file, table);
	if (file->ops->flush)
		file->ops->flush(file);
	file_put(file);
}

void fd_table_put(struct fd_table *table)
{
	if (!table || !refcount_put(&table->refs))
		return;
	for (unsigned int fd = 0; fd < table->size; fd++) {
		fd = bit_next(table->used, table->size, fd, true);
		if (fd < table->size && table->files[fd])
			close_file(table, table->files[fd]);
	}
	kfree(table->files);
	kfree(table);
}

/* ---- Looking up ---- */

static struct file *table_get(struct fd_table *table, unsigned int fd)
{
	struct file *file = NULL;

	spin_lock(&table->lock);
	if (fd < table->size && table->files[fd])
		file = file_get(table->files[fd]);
	spin_unlock(&table->lock);
	return file;
}

/* A table that only we have needs no lock: nobody else could change it. */
static force_inline struct file *get_any(int fd)
{
	struct fd_table *table = current()->files;
	struct file *file;

	if (unlikely(refcount_read(&table->refs) != 1))
		return table_get(table, (unsigned int)fd);
	if (unlikely((unsigned int)fd >= table->size))
		return NULL;
	file = table->files[fd];
	if (likely(file))
		refcount_get(&file->refs);
	return file;
}

struct file *fd_get_any(int fd)
{
	return get_any(fd);
}

struct file *fd_get(int fd)
{
	struct file *file = get_any(fd);

	if (likely(file) && unlikely(file->flags & O_PATH)) {
		file_put(file);
		return NULL;
	}
	return file;
}

struct file *fd_table_get(struct fd_table *table, unsigned int fd)
{
	return table_get(table, fd);
}

int fd_table_next(struct fd_table *table, unsigned int fd)
{
	int next = -1;

	spin_lock(&table->lock);
	if (fd < table->size) {
		fd = bit_next(table->used, table->size, fd, true);
		if (fd < table->size)
			next = (int)fd;
	}
	spin_unlock(&table->lock);
	return next;
}

unsigned int fd_table_count(struct fd_table *table)
{
	unsigned int count = 0;

	spin_lock(&table->lock);
	for (unsigned int i = 0; i < table->size / WORD_BITS; i++) {
		for (uint64_t word = table->used[i]; word; word &= word - 1)
			count++;
	}
	spin_unlock(&table->lock);
	return count;
}

/* ---- Giving out and taking back ---- */

/*
 * Make room for @fd. The lock is held, but released meanwhile: the caller
 * looks again. 0, -ENOMEM.
 */
static int table_grow(struct fd_table *table, unsigned int fd)
	MUST_HOLD(table->lock) UNCHECKED_LOCKING
{
	unsigned int size = table->size, old_size;
	struct file **old;
	uint64_t *old_used, *old_close;
	void *memory;

	while (size <= fd)
		size *= 2;
	spin_unlock(&table->lock);
	memory = arrays_alloc(size);
	spin_lock(&table->lock);
	if (!memory)
		return -ENOMEM;
	if (table->size >= size) { /* another thread was faster */
		kfree(memory);
		return 0;
	}
	old_size = table->size;
	old = table->files;
	old_used = table->used;
	old_close = table->close_on_exec;
	arrays_set(table, memory, size);
	memcpy(table->files, old, old_size * sizeof(struct file *));
	memcpy(table->used, old_used, old_size / 8);
	memcpy(table->close_on_exec, old_close, old_size / 8);
	kfree(old);
	return 0;
}

/* The lowest free one >= @min, marked used; -EMFILE, -ENOMEM. */
static int take_lowest(struct fd_table *table, unsigned int min)
	MUST_HOLD(table->lock)
{
	unsigned int limit = fd_limit(), fd;
	int err;

	for (;;) {
		fd = MAX(min, table->next_free);
		if (fd < table->size)
			fd = bit_next(table->used, table->size, fd, false);
		if (fd >= limit)
			return -EMFILE;
		if (fd < table->size)
			break;
		err = table_grow(table, fd);
		if (err)
			return err;
	}
	bit_set(table->used, fd, true);
	if (min <= table->next_free)
		table->next_free = fd + 1;
	return (int)fd;
}

int fd_install(struct file *file, int min, bool close_on_exec)
{
	struct fd_table *table = current()->files;
	int fd;

	spin_lock(&table->lock);
	fd = take_lowest(table, (unsigned int)min);
	if (fd >= 0) {
		table->files[fd] = file;
		bit_set(table->close_on_exec, (unsigned int)fd, close_on_exec);
	}
	spin_unlock(&table->lock);
	return fd;
}

/* Take @fd out of the table; NULL: it was free. */
static struct file *take_out(struct fd_table *table, unsigned int fd)
	MUST_HOLD(table->lock)
{
	struct file *file;

	if (fd >= table->size || !table->files[fd])
		return NULL;
	file = table->files[fd];
	table->files[fd] = NULL;
	bit_set(table->used, fd, false);
	bit_set(table->close_on_exec, fd, false);
	if (fd < table->next_free)
		table->next_free = fd;
	return file;
}

int fd_close(int fd)
{
	struct fd_table *table = current()->files;
	struct file *file;

	spin_lock(&table->lock);
	file = take_out(table, (unsigned int)fd);
	spin_unlock(&table->lock);
	if (!file)
		return -EBADF;
	close_file(table, file);
	return 0;
}

int fd_replace(int fd, struct file *file, bool close_on_exec)
{
	struct fd_table *table = current()->files;
	unsigned int at = (unsigned int)fd;
	struct file *old;
	int err = 0;

	if (at >= fd_limit()) {
		file_put(file);
		return -EBADF;
	}
	spin_lock(&table->lock);
	if (at >= table->size)
		err = table_grow(table, at);
	if (err) {
		spin_unlock(&table->lock);
		file_put(file);
		return err;
	}
	old = take_out(table, at);
	table->files[at] = file;
	bit_set(table->used, at, true);
	bit_set(table->close_on_exec, at, close_on_exec);
	if (table->next_free == at)
		table->next_free = at + 1;
	spin_unlock(&table->lock);
	if (old)
		close_file(table, old);
	return fd;
}

void fd_close_range(unsigned int first, unsigned int last, bool cloexec)
{
	struct fd_table *table = current()->files;

	spin_lock(&table->lock);
	for (;;) {
		struct file *file;

		if (first < table->size)
			first = bit_next(table->used, table->size, first, true);
		if (first >= table->size || first > last)
			break;
		if (cloexec) {
			bit_set(table->close_on_exec, first, true);
		} else {
			file = take_out(table, first);
			spin_unlock(&table->lock);
			if (file)
				close_file(table, file);
			spin_lock(&table->lock);
		}
		first++;
	}
	spin_unlock(&table->lock);
}

/* ---- Close on exec ---- */

void fd_table_close_on_exec(struct fd_table *table)
{
	unsigned int fd = 0;

	for (;;) {
		struct file *file = NULL;

		spin_lock(&table->lock);
		if (fd < table->size)
			fd = bit_next(table->close_on_exec, table->size, fd,
				      true);
		if (fd < table->size)
			file = take_out(table, fd);
		spin_unlock(&table->lock);
		if (!file)
			return;
		close_file(table, file);
		fd++;
	}
}

int fd_get_close_on_exec(int fd)
{
	struct fd_table *table = current()->files;
	unsigned int at = (unsigned int)fd;
	int on = -EBADF;

	spin_lock(&table->lock);
	if (at < table->size && table->files[at])
		on = bit_test(table->close_on_exec, at);
	spin_unlock(&table->lock);
	return on;
}

int fd_set_close_on_exec(int fd, bool on)
{
	struct fd_table *table = current()->files;
	unsigned int at = (unsigned int)fd;
	int err = -EBADF;

	spin_lock(&table->lock);
	if (at < table->size && table->files[at]) {
		bit_set(table->close_on_exec, at, on);
		err = 0;
	}
	spin_unlock(&table->lock);
	return err;
}
