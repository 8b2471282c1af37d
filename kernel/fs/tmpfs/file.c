/* SPDX-License-Identifier: MIT */
/*
 * file.c - contents in memory: regular files, links, seals
 *
 * Idea: the page cache is the file. A page that is not there reads as zeros,
 * and counts against the limit of the mount from when it is there.
 * Source: fallocate(2), memfd_create(2), fcntl(2) "File Sealing".
 */
#include "kernel/fs/tmpfs/internal.h"
#include "kernel/vfs/attributes.h"
#include "kernel/lib/string.h"
#include "kernel/mm/page.h"
#include "kernel/mm/vm_space.h"

/* ---- Accounting ---- */

static struct tmpfs *tmpfs_of_cache(const struct page_cache *cache)
{
	return tmpfs_of(container_of(cache, struct inode, cache)->sb);
}

static int charge(struct page_cache *cache, uint64_t pages)
{
	struct tmpfs *fs = tmpfs_of_cache(cache);
	uint64_t used =
		__atomic_add_fetch(&fs->used_pages, pages, __ATOMIC_RELAXED);

	if (!fs->max_pages || used <= fs->max_pages)
		return 0;
	__atomic_sub_fetch(&fs->used_pages, pages, __ATOMIC_RELAXED);
	return -ENOSPC;
}

static void uncharge(struct page_cache *cache, uint64_t pages)
{
	__atomic_sub_fetch(&tmpfs_of_cache(cache)->used_pages, pages,
			   __ATOMIC_RELAXED);
}

const struct page_cache_ops tmpfs_cache_ops = {
	.charge = charge,
	.uncharge = uncharge,
};

/* ---- Seals ---- */

static bool is_tmpfs_file(const struct file *file)
{
	return file->inode->ops == &tmpfs_file_ops;
}

void tmpfs_allow_seals(struct file *file)
{
	tmpfs_node(file->inode)->seals = 0;
}

long tmpfs_get_seals(struct file *file)
{
	return is_tmpfs_file(file) ? (long)tmpfs_node(file->inode)->seals
				   : -EINVAL;
}

static bool is_for_writing(struct vm_area *area, void *unused)
{
	return area->flags & VM_SHARED &&
	       area->flags & (PAGE_WRITE | VM_MAY_WRITE);
}

/* Could a program still write through a mapping of its own? */
static bool is_mapped_for_writing(struct page_cache *cache)
{
	bool found;

	mutex_lock(&cache->lock);
	found = page_cache_look_at_areas(cache, is_for_writing, NULL);
	mutex_unlock(&cache->lock);
	return found;
}

long tmpfs_add_seals(struct file *file, unsigned int seals)
{
	const unsigned int known = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW |
				   F_SEAL_WRITE | F_SEAL_FUTURE_WRITE;
	struct inode *inode = file->inode;
	long err = 0;

	if (!is_tmpfs_file(file))
		return -EINVAL;
	if (!file_is_writable(file))
		return -EPERM;
	if (seals & ~known)
		return -EINVAL;
	mutex_lock(&inode->lock);
	if (tmpfs_node(inode)->seals & F_SEAL_SEAL)
		err = -EPERM;
	else if (seals & ~tmpfs_node(inode)->seals & F_SEAL_WRITE &&
		 is_mapped_for_writing(&inode->cache))
		err = -EBUSY;
	else
		tmpfs_node(inode)->seals |= seals;
	mutex_unlock(&inode->lock);
	return err;
}

static bool is_sealed(const struct inode *inode, unsigned int seals)
{
	return READ_ONCE(tmpfs_node(inode)->seals) & seals;
}

/* ---- Writing and sizes ---- */

static ssize_t write(struct file *file, struct io_buf *io, loff_t *pos)
{
	const struct inode *inode = file->inode;
	uint64_t size = inode_size(inode);

	if (unlikely(is_sealed(inode, F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)))
		return -EPERM;
	if (unlikely(is_sealed(inode, F_SEAL_GROW))) {
		/* What still fits may be written. */
		if ((uint64_t)*pos >= size)
			return io->left ? -EPERM : 0;
		io->left = MIN(io->left, size - (uint64_t)*pos);
	}
	return generic_file_write(file, io, pos);
}

static int set_size(struct inode *inode, uint64_t size)
{
	uint64_t old = inode_size(inode);

	if ((size < old && is_sealed(inode, F_SEAL_SHRINK)) ||
	    (size > old && is_sealed(inode, F_SEAL_GROW)))
		return -EPERM;
	return page_cache_truncate(&inode->cache, size);
}

static int map(struct file *file, struct vm_map_args *args)
{
	struct inode *inode = file->inode;

	if (args->flags & VM_SHARED &&
	    is_sealed(inode, F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) {
		if (args->flags & PAGE_WRITE)
			return -EPERM;
		args->flags &= ~VM_MAY_WRITE;
	}
	args->cache = &inode->cache;
	return 0;
}

/* ---- fallocate(2) ---- */

/* Clear bytes within pages that exist. */
static int clear_bytes(struct page_cache *cache, uint64_t start, uint64_t end)
{
	while (start < end) {
		uint64_t in_page = start & (PAGE_SIZE - 1);
		uint64_t part = MIN(end - start, PAGE_SIZE - in_page);
		struct page *page;
		int err;

		err = page_cache_get(cache, start >> PAGE_SHIFT, false, &page);
		if (err)
			return err;
		if (page) {
			memset((char *)page_address(page) + in_page, 0, part);
			page_put(page);
		}
		start += part;
	}
	return 0;
}

/* Whole pages in [start, end) go, the ends of the range are cleared. */
static int punch_hole(struct page_cache *cache, uint64_t start, uint64_t end)
{
	uint64_t first = ALIGN_UP(start, PAGE_SIZE);
	uint64_t last = ALIGN_DOWN(end, PAGE_SIZE);
	int err;

	if (first >= last)
		return clear_bytes(cache, start, end);
	err = clear_bytes(cache, start, first);
	if (!err)
		err = clear_bytes(cache, last, end);
	if (!err)
		page_cache_punch(cache, first >> PAGE_SHIFT,
				 (last >> PAGE_SHIFT) - 1);
	return err;
}

/* Pages for all of [start, end). */
static int reserve(struct page_cache *cache, uint64_t start, uint64_t end)
{
	uint64_t last = (end - 1) >> PAGE_SHIFT;

	for (uint64_t i = start >> PAGE_SHIFT; i <= last; i++) {
		struct page *page;
		int err = page_cache_get(cache, i, true, &page);

		if (err)
			return err;
		page_put(page);
	}
	return 0;
}

/* Would it be more than the mount may hold? Then nothing is begun. */
static bool has_room(const struct inode *inode, uint64_t start, uint64_t end)
{
	const struct tmpfs *fs = tmpfs_of(inode->sb);
	uint64_t pages = DIV_ROUND_UP(end, PAGE_SIZE) - (start >> PAGE_SHIFT);

	return !fs->max_pages || pages <= fs->max_pages;
}

static int allocate_locked(struct inode *inode, int mode, uint64_t start,
			   uint64_t end)
{
	int err;

	if (mode & FALLOC_FL_PUNCH_HOLE) {
		if (is_sealed(inode, F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
			return -EPERM;
		return punch_hole(&inode->cache, start, end);
	}
	if (end > inode_size(inode) && is_sealed(inode, F_SEAL_GROW))
		return -EPERM;
	err = file_check_size_limit(inode, end);
	if (err)
		return err;
	if (!has_room(inode, start, end))
		return -ENOSPC;
	err = reserve(&inode->cache, start, end);
	if (!err && !(mode & FALLOC_FL_KEEP_SIZE) && end > inode_size(inode))
		err = page_cache_truncate(&inode->cache, end);
	return err;
}

static int allocate(struct file *file, int mode, loff_t offset, loff_t size)
{
	struct inode *inode = file->inode;
	int err;

	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE))
		return -EOPNOTSUPP;
	mutex_lock(&inode->lock);
	err = allocate_locked(inode, mode, (uint64_t)offset,
			      (uint64_t)(offset + size));
	if (!err) {
		inode_drop_set_id(inode);
		inode_touch_mtime(inode);
	}
	mutex_unlock(&inode->lock);
	return err;
}

static int sync(struct file *file, bool data_only)
{
	return 0; /* there is nothing safer than where it is */
}

const struct file_ops tmpfs_file_file_ops = {
	.read = generic_file_read,
	.write = write,
	.mmap = map,
	.fsync = sync,
	.fallocate = allocate,
};

/* ---- inode_ops ---- */

static ssize_t read_link(struct inode *inode, char *buf, size_t size)
{
	const char *target = tmpfs_node(inode)->target;
	size_t len = MIN(strlen(target), size);

	memcpy(buf, target, len); /* NOLINT: readlink(2) adds no NUL */
	return (ssize_t)len;
}

const struct inode_ops tmpfs_file_ops = {
	.truncate = set_size,
	.get_xattr = tmpfs_get_xattr,
	.set_xattr = tmpfs_set_xattr,
	.set_attributes = tmpfs_set_attributes,
	.list_xattr = tmpfs_list_xattr,
};

const struct inode_ops tmpfs_link_ops = {
	.readlink = read_link,
	.get_xattr = tmpfs_get_xattr,
	.set_xattr = tmpfs_set_xattr,
	.set_attributes = tmpfs_set_attributes,
	.list_xattr = tmpfs_list_xattr,
};

const struct inode_ops tmpfs_special_ops = {
	.get_xattr = tmpfs_get_xattr,
	.set_xattr = tmpfs_set_xattr,
	.set_attributes = tmpfs_set_attributes,
	.list_xattr = tmpfs_list_xattr,
};
