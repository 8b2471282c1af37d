/* SPDX-License-Identifier: MIT */
/*
 * fs.c - the kernel's FAT and vfs/ over a disk that is an array
 *
 * Stands for the block layer: buffers, page_io, and the device itself.
 */
#include "test/host/fat/fat.h"

#include "kernel/block/buffer.h"
#include "kernel/block/page_io.h"
#include "kernel/block/queue.h"
#include "kernel/debug/log.h"
#include "kernel/debug/panic.h"
#include "kernel/fs/fat/fat.h"
#include "kernel/fs/tmpfs/tmpfs.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/writeback.h"
#include "kernel/vfs/attributes.h"
#include "kernel/vfs/block_file.h"
#include "kernel/vfs/internal.h"

unsigned char *fat_image;
size_t fat_image_size;

void *krealloc(void *old, size_t old_size, size_t new_size)
{
	void *new = kmalloc(new_size);

	if (old)
		memcpy(new, old, old_size);
	kfree(old);
	return new;
}

/* ---- The device ---- */

static struct block_queue queue;
static struct block_device device = { .name = "image", .queue = &queue };

static bool is_inside(uint64_t pos, size_t size)
{
	return pos <= fat_image_size && size <= fat_image_size - pos;
}

int block_read(struct block_device *bdev, uint64_t pos, void *buf, size_t size)
{
	if (!is_inside(pos, size))
		return -EIO;
	memcpy(buf, fat_image + pos, size);
	return 0;
}

int block_flush(struct block_device *bdev)
{
	return 0;
}

int block_device_sync(struct block_device *bdev)
{
	return 0;
}

/* Nobody may hold a buffer any more, nor have one to write. */
void block_device_invalidate(struct block_device *bdev)
{
	struct buffer *buffer;
	uint64_t block = 0;

	while ((buffer = radix_next(&bdev->buffers, &block))) {
		assert(refcount_read(&buffer->refs) == 1);
		assert(!buffer_has(buffer, BUFFER_JOURNALED));
		radix_remove(&bdev->buffers, block++);
		kfree(buffer->data);
		kfree(buffer);
	}
}

int block_set_size(struct block_device *bdev, unsigned int size)
{
	block_device_invalidate(bdev);
	bdev->block_size = size;
	return 0;
}

int block_open_source(const char *source, unsigned int flags, void *holder,
		      struct block_device **out)
{
	device.num_sectors = fat_image_size / BLOCK_SECTOR_SIZE;
	device.logical_block_size = BLOCK_SECTOR_SIZE;
	*out = &device;
	return 0;
}

int block_device_open_name(const char *name, unsigned int flags, void *holder,
			   struct block_device **out)
{
	return block_open_source(name, flags, holder, out);
}

void block_device_close(struct block_device *bdev, void *holder)
{
}

void block_plug_begin(struct block_plug *plug)
{
}

void block_plug_end(struct block_plug *plug)
{
}

/* ---- Buffers ---- */

int buffer_get(struct block_device *bdev, uint64_t block, struct buffer **out)
{
	struct buffer *buffer = radix_get(&bdev->buffers, block);
	uint64_t pos = block * bdev->block_size;

	if (!is_inside(pos, bdev->block_size))
		return -EIO;
	if (!buffer) {
		buffer = kzalloc(sizeof(*buffer));
		buffer->data = kmalloc(bdev->block_size);
		memcpy(buffer->data, fat_image + pos, bdev->block_size);
		refcount_init(&buffer->refs, 1);
		buffer->bdev = bdev;
		buffer->block = block;
		buffer->size = bdev->block_size;
		list_init(&buffer->journal_node);
		assert(!radix_insert(&bdev->buffers, block, buffer));
	}
	refcount_get(&buffer->refs);
	*out = buffer;
	return 0;
}

int buffer_read(struct block_device *bdev, uint64_t block, struct buffer **out)
{
	return buffer_get(bdev, block, out);
}

void buffer_put(struct buffer *buffer)
{
	if (buffer)
		assert(!refcount_put(&buffer->refs));
}

void buffer_set(struct buffer *buffer, unsigned int flags)
{
	buffer->flags |= flags;
}

void buffer_clear(struct buffer *buffer, unsigned int flags)
{
	buffer->flags &= ~flags;
}

int buffer_write(struct buffer *buffer, unsigned int flags)
{
	assert(!buffer_has(buffer, BUFFER_JOURNALED));
	memcpy(fat_image + buffer->block * buffer->size, buffer->data,
	       buffer->size);
	buffer->flags &= ~BUFFER_DIRTY;
	return 0;
}

void buffer_start_write(struct buffer *buffer, struct block_plug *plug)
{
	buffer_write(buffer, 0);
}

int buffer_wait(struct buffer *buffer)
{
	return 0;
}

/* ---- Pages ---- */

struct page_io *page_io_create(struct page_cache *cache,
			       struct block_device *bdev, enum block_op op)
{
	struct page_io *io = kzalloc(sizeof(*io));

	io->cache = cache;
	io->bdev = bdev;
	io->op = op;
	return io;
}

bool page_io_is_full(const struct page_io *io)
{
	return io->num_pages == PAGE_IO_MAX_PAGES;
}

bool page_io_begin_page(struct page_io *io, struct page *page)
{
	assert(!page_io_is_full(io));
	io->pages[io->num_pages++] = page;
	return true;
}

int page_io_add(struct page_io *io, uint64_t sector, struct page *page,
		uint32_t offset, uint32_t size)
{
	uint64_t pos = sector << BLOCK_SECTOR_SHIFT;
	char *at = (char *)page_address(page) + offset;

	assert(offset + size <= PAGE_SIZE);
	if (!is_inside(pos, size))
		io->error = -EIO;
	else if (io->op == BLOCK_READ)
		memcpy(at, fat_image + pos, size);
	else
		memcpy(fat_image + pos, at, size);
	return 0;
}

void page_io_end_page(struct page_io *io)
{
}

void page_io_submit(struct page_io *io)
{
	for (unsigned int i = 0; i < io->num_pages; i++) {
		if (io->op == BLOCK_READ)
			page_cache_end_read(io->cache, io->pages[i], io->error);
		else
			page_cache_end_write(io->cache, io->pages[i],
					     io->error);
	}
	kfree(io);
}

/* ---- Mounting ---- */

void fat_start(void)
{
	log_set_console_level(0);
	inode_cache_init();
	dentry_cache_init();
	file_cache_init();
	anonymous_init();
	inode_dirty_init();
	page_wait_init();
	radix_init(&device.buffers);
	tmpfs_init();
	fat_init();
	current()->cred = cred_root();
	assert(!vfs_mount_root(&tmpfs_type, ""));
	current()->fs = fs_context_create();
	assert(current()->fs);
	assert(!vfs_mkdir((struct fs_name){ NULL, "/mnt" }, 0755));
}

int fat_mount(void)
{
	return vfs_mount("/image", "/mnt", "vfat", 0, "");
}

int fat_unmount(void)
{
	int err = vfs_unmount("/mnt", 0);

	assert(!radix_get(&device.buffers, 0));
	return err;
}

/* ---- Walking ---- */

enum { MAX_NAMES = 40, MAX_DEPTH = 5, MAX_PATH = 2000, READ_SIZE = 16384 };

struct names {
	struct dir_emitter emitter;
	unsigned int count;
	char name[MAX_NAMES][NAME_MAX + 1];
};

static bool emit(struct dir_emitter *emitter, const char *name, size_t len,
		 uint64_t ino, unsigned int type, loff_t next)
{
	struct names *names = container_of(emitter, struct names, emitter);

	assert(len && len <= NAME_MAX);
	if (name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.')))
		return true;
	if (names->count == MAX_NAMES)
		return false;
	memcpy(names->name[names->count], name, len);
	names->name[names->count++][len] = '\0';
	return true;
}

static void list(const char *path, struct names *names)
{
	struct file *file;

	names->emitter.emit = emit;
	names->count = 0;
	if (file_open(NULL, path, O_RDONLY | O_DIRECTORY, 0, &file))
		return;
	file_readdir(file, &names->emitter);
	file_put(file);
}

static void read_file(const char *path)
{
	char *buf = kmalloc(READ_SIZE);
	struct file *file;

	if (!file_open(NULL, path, O_RDONLY, 0, &file)) {
		for (loff_t at = 0; at < 8 * READ_SIZE; at += READ_SIZE) {
			if (file_read_kernel(file, buf, READ_SIZE, at) <= 0)
				break;
		}
		file_read_kernel(file, buf, READ_SIZE, 3000000000l);
		file_put(file);
	}
	kfree(buf);
}

static unsigned int walk(const char *top, unsigned int depth)
{
	struct names *names = kmalloc(sizeof(*names));
	char *path = kmalloc(MAX_PATH);
	unsigned int count = 0;

	list(top, names);
	for (unsigned int i = 0; i < names->count; i++) {
		struct path found;

		format_string(path, MAX_PATH, "%s/%s", top, names->name[i]);
		count++;
		if (path_lookup(NULL, path, 0, &found, NULL))
			continue;
		if (S_ISDIR(found.dentry->inode->mode) && depth < MAX_DEPTH)
			count += walk(path, depth + 1);
		else if (S_ISREG(found.dentry->inode->mode))
			read_file(path);
		path_put(&found);
	}
	kfree(path);
	kfree(names);
	return count;
}

unsigned int fat_walk(void)
{
	return walk("/mnt", 0);
}

/* ---- Changing ---- */

static struct fs_name here(const char *name)
{
	return (struct fs_name){ NULL, name };
}

static void write_file(const char *path, loff_t at, size_t size)
{
	char *buf = kzalloc(size);
	struct file *file;

	if (!file_open(NULL, path, O_RDWR | O_CREAT, 0644, &file)) {
		file_write_kernel(file, buf, size, at);
		file_sync(file, false);
		file_put(file);
	}
	kfree(buf);
}

static void cut(const char *path, uint64_t size)
{
	struct path found;

	if (path_lookup(NULL, path, 0, &found, NULL))
		return;
	vfs_truncate(&found, size);
	path_put(&found);
}

/* What is there already: each in another way. */
static void change_one(const char *path, unsigned int i)
{
	char moved[64];

	format_string(moved, sizeof(moved), "/mnt/new/moved to here %u", i);
	switch (i % 5) {
	case 0:
		write_file(path, 100, 9000);
		break;
	case 1:
		cut(path, i * 700);
		break;
	case 2:
		vfs_rename(here(path), here(moved), 0);
		break;
	case 3:
		vfs_rename(here("/mnt/new/file 1"), here(path), 0);
		break;
	default:
		if (vfs_unlink(here(path)))
			vfs_rmdir(here(path));
		break;
	}
}

void fat_change(void)
{
	struct names *names = kmalloc(sizeof(*names));
	struct statfs_info info;
	struct path root;
	char path[300];

	list("/mnt", names);
	vfs_mkdir(here("/mnt/new"), 0755);
	for (unsigned int i = 0; i < 12; i++) {
		format_string(path, sizeof(path), "/mnt/new/file %u", i);
		write_file(path, i * 300, 5000);
	}
	for (unsigned int i = 0; i < names->count; i++) {
		format_string(path, sizeof(path), "/mnt/%s", names->name[i]);
		change_one(path, i);
	}
	for (unsigned int i = 0; i < 12; i += 3) {
		format_string(path, sizeof(path), "/mnt/new/FILE %u", i);
		vfs_unlink(here(path));
	}
	vfs_rename(here("/mnt/new"), here("/mnt/another name"), 0);
	if (!path_lookup(NULL, "/mnt", LOOKUP_FOLLOW, &root, NULL)) {
		vfs_statfs(&root, &info);
		super_block_sync(root.dentry->sb);
		path_put(&root);
	}
	kfree(names);
}
