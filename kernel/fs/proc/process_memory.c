/* SPDX-License-Identifier: MIT */
/*
 * process_memory.c - the memory of a process: its areas, its arguments, itself
 *
 * Arguments and environment are read from the process's own memory, where it
 * may have changed them (a way to change its title). mem reads and writes any
 * of it, for debuggers; pagemap tells which frame is behind a page: ptrace(2),
 * proc(5).
 */
#include "kernel/fs/proc/internal.h"

#include "kernel/abi/capability.h"
#include "kernel/abi/fs.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/vm_space.h"
#include "kernel/vfs/cred.h"
#include "kernel/vfs/device.h"

/* The column at which the name of an area begins. */
#define NAME_COLUMN 73u

/* ---- Arguments, environment, auxiliary vector ---- */

/* Bytes [start, end) of @space; stops at the first that is not there. */
static void add_memory(struct vm_space *space, vaddr_t start, vaddr_t end,
		       struct text *text)
{
	char *page = kmalloc(PAGE_SIZE);

	if (!page) {
		text->err = -ENOMEM;
		return;
	}
	while (start < end && !text->err) {
		size_t wanted = MIN(end - start, PAGE_SIZE);
		size_t got = vm_space_access(space, start, page, wanted, false,
					     false);

		text_add_bytes(text, page, got);
		if (got < wanted)
			break;
		start += got;
	}
	kfree(page);
}

/* The places of the strings, or false if there is no memory any more. */
struct string_bounds {
	vaddr_t arg_start, arg_end, env_start, env_end;
};

static struct vm_space *get_bounds(const struct proc_subject *subject,
				   struct string_bounds *bounds)
{
	struct vm_space *space = process_vm_get(subject->process);

	if (!space)
		return NULL;
	mutex_lock(&space->lock);
	bounds->arg_start = space->arg_start;
	bounds->arg_end = space->arg_end;
	bounds->env_start = space->env_start;
	bounds->env_end = space->env_end;
	mutex_unlock(&space->lock);
	return space;
}

/* A title that was written over the end of the arguments goes on into the
 * environment, up to its NUL. */
static void add_rest_of_title(struct vm_space *space,
			      const struct string_bounds *bounds,
			      struct text *text)
{
	size_t before;
	char *end;

	if (!text->size || text->err || !text->data[text->size - 1])
		return;
	before = text->size;
	add_memory(space, bounds->env_start, bounds->env_end, text);
	if (text->err)
		return;
	end = memchr(text->data, '\0', text->size);
	if (end)
		text->size = (size_t)(end - text->data);
	if (text->size < before)
		text->size = before;
}

int proc_show_cmdline(const struct proc_subject *subject, struct text *text)
{
	struct string_bounds bounds;
	struct vm_space *space = get_bounds(subject, &bounds);

	if (!space)
		return 0;
	add_memory(space, bounds.arg_start, bounds.arg_end, text);
	if (bounds.env_start == bounds.arg_end)
		add_rest_of_title(space, &bounds, text);
	vm_space_put(space);
	return 0;
}

int proc_show_environ(const struct proc_subject *subject, struct text *text)
{
	struct string_bounds bounds;
	struct vm_space *space = get_bounds(subject, &bounds);

	if (!space)
		return 0;
	add_memory(space, bounds.env_start, bounds.env_end, text);
	vm_space_put(space);
	return 0;
}

int proc_show_auxv(const struct proc_subject *subject, struct text *text)
{
	struct vm_space *space = process_vm_get(subject->process);

	if (!space)
		return 0;
	mutex_lock(&space->lock);
	text_add_bytes(text, space->auxv,
		       space->auxv_words * sizeof(space->auxv[0]));
	mutex_unlock(&space->lock);
	vm_space_put(space);
	return 0;
}

/* ---- Areas ---- */

/* The heap and the stack have no name of their own in the table of areas. */
static const char *area_name(const struct vm_space *space,
			     const struct vm_area *area)
{
	if (area->name)
		return area->name;
	if (area->flags & VM_HEAP ||
	    (area->start <= space->brk && area->end >= space->start_brk &&
	     !area->file && space->brk > space->start_brk))
		return "[heap]";
	if (area->start <= space->start_stack &&
	    area->end >= space->start_stack)
		return "[stack]";
	return NULL;
}

/* "start-end perms offset dev inode   name": proc(5). */
static void add_area(const struct vm_space *space, const struct vm_area *area,
		     struct text *text)
{
	size_t line = text->size;
	unsigned int flags = area->flags;
	const char *name = area_name(space, area);
	uint64_t dev = area->file ? area->file->inode->sb->dev : 0;
	uint64_t ino = area->file ? area->file->inode->ino : 0;
	uint64_t offset = area->file ? area->page_offset * PAGE_SIZE : 0;

	text_add(text, "%08lx-%08lx %c%c%c%c %08lx %02x:%02x %lu ", area->start,
		 area->end, flags & PAGE_READ ? 'r' : '-',
		 flags & PAGE_WRITE ? 'w' : '-', flags & PAGE_EXEC ? 'x' : '-',
		 flags & VM_SHARED ? 's' : 'p', offset, device_major(dev),
		 device_minor(dev), ino);
	if (area->file || name)
		text_pad(text, line, NAME_COLUMN);
	if (area->file)
		proc_add_path(text, &area->file->path, true);
	else if (name)
		text_add(text, "%s", name);
	text_add(text, "\n");
}

int proc_show_maps(const struct proc_subject *subject, struct text *text)
{
	struct vm_space *space = process_vm_get(subject->process);
	struct vm_area *area;

	if (!space)
		return 0;
	mutex_lock(&space->lock);
	for (area = vm_area_first(space); area && !text->err;
	     area = vm_area_next(area))
		add_area(space, area, text);
	mutex_unlock(&space->lock);
	vm_space_put(space);
	return 0;
}

/* What of an area is in memory, in KiB. */
struct residence {
	uint64_t size, resident, shared_clean, shared_dirty, private_clean,
		private_dirty, proportional, anonymous;
};

static void count_page(struct residence *sum, pte_t pte)
{
	const uint64_t kib = PAGE_SIZE / 1024;
	struct page *page = phys_to_page(pte_frame(pte));
	unsigned int maps = READ_ONCE(page->map_count);
	bool dirty = pte_bits(pte) & PAGE_DIRTY;

	sum->resident += kib;
	sum->proportional += kib / MAX(maps, 1u);
	if (page->flags & PAGE_FLAG_ANON)
		sum->anonymous += kib;
	if (maps > 1)
		*(dirty ? &sum->shared_dirty : &sum->shared_clean) += kib;
	else
		*(dirty ? &sum->private_dirty : &sum->private_clean) += kib;
}

/* Caller holds space->lock. */
static void count_area(struct vm_space *space, const struct vm_area *area,
		       struct residence *sum)
{
	vaddr_t va = area->start;

	sum->size += (area->end - area->start) / 1024;
	while (va < area->end) {
		size_t count;
		pte_t *pte;

		spin_lock(&space->page_table_lock);
		pte = page_table_range(&space->page_table, va, false, &count);
		count = MIN(count, (area->end - va) / PAGE_SIZE);
		for (size_t i = 0; pte && i < count; i++) {
			if (pte_present(pte[i]))
				count_page(sum, pte[i]);
		}
		spin_unlock(&space->page_table_lock);
		va += MAX(count, (size_t)1) * PAGE_SIZE;
	}
}

static void add_kib(struct text *text, const char *name, uint64_t kib)
{
	text_add(text, "%-15s %8lu kB\n", name, kib);
}

static void add_residence(struct text *text, const struct residence *sum)
{
	add_kib(text, "Rss:", sum->resident);
	add_kib(text, "Pss:", sum->proportional);
	add_kib(text, "Pss_Dirty:", sum->private_dirty);
	add_kib(text, "Shared_Clean:", sum->shared_clean);
	add_kib(text, "Shared_Dirty:", sum->shared_dirty);
	add_kib(text, "Private_Clean:", sum->private_clean);
	add_kib(text, "Private_Dirty:", sum->private_dirty);
	add_kib(text, "Referenced:", sum->resident);
	add_kib(text, "Anonymous:", sum->anonymous);
	add_kib(text, "LazyFree:", 0);
	add_kib(text, "AnonHugePages:", 0);
	add_kib(text, "ShmemPmdMapped:", 0);
	add_kib(text, "FilePmdMapped:", 0);
	add_kib(text, "Shared_Hugetlb:", 0);
	add_kib(text, "Private_Hugetlb:", 0);
	add_kib(text, "Swap:", 0);
	add_kib(text, "SwapPss:", 0);
	add_kib(text, "Locked:", 0);
}

static void add_flags(struct text *text, unsigned int flags)
{
	/* In Linux's order. */
	static const struct {
		unsigned int flag;
		const char name[3];
	} flag_names[] = {
		{ PAGE_READ, "rd" },     { PAGE_WRITE, "wr" },
		{ PAGE_EXEC, "ex" },     { VM_SHARED, "sh" },
		{ VM_GROWS_DOWN, "gd" }, { VM_LOCKED, "lo" },
		{ VM_SEQUENTIAL, "sr" }, { VM_RANDOM, "rr" },
		{ VM_DONT_FORK, "dc" },  { VM_NO_RESERVE, "nr" },
		{ VM_WIPE_FORK, "wf" },  { VM_DONT_DUMP, "dd" },
		{ VM_HUGE, "hg" },       { VM_NO_HUGE, "nh" },
	};

	text_add(text, "THPeligible:    0\nVmFlags:");
	for (size_t i = 0; i < ARRAY_SIZE(flag_names); i++) {
		if (flags & flag_names[i].flag)
			text_add(text, " %s", flag_names[i].name);
	}
	text_add(text, " \n");
}

int proc_show_smaps(const struct proc_subject *subject, struct text *text)
{
	struct vm_space *space = process_vm_get(subject->process);
	struct vm_area *area;

	if (!space)
		return 0;
	mutex_lock(&space->lock);
	for (area = vm_area_first(space); area && !text->err;
	     area = vm_area_next(area)) {
		struct residence sum = { 0 };

		count_area(space, area, &sum);
		add_area(space, area, text);
		add_kib(text, "Size:", sum.size);
		add_kib(text, "KernelPageSize:", PAGE_SIZE / 1024);
		add_kib(text, "MMUPageSize:", PAGE_SIZE / 1024);
		add_residence(text, &sum);
		add_flags(text, area->flags);
	}
	mutex_unlock(&space->lock);
	vm_space_put(space);
	return 0;
}

int proc_show_smaps_rollup(const struct proc_subject *subject,
			   struct text *text)
{
	struct vm_space *space = process_vm_get(subject->process);
	struct residence sum = { 0 };
	vaddr_t start = 0, end = 0;
	struct vm_area *area;
	size_t line;

	if (!space)
		return -ESRCH;
	mutex_lock(&space->lock);
	for (area = vm_area_first(space); area; area = vm_area_next(area)) {
		count_area(space, area, &sum);
		start = start ? start : area->start;
		end = area->end;
	}
	mutex_unlock(&space->lock);
	vm_space_put(space);

	line = text->size;
	text_add(text, "%08lx-%08lx ---p 00000000 00:00 0 ", start, end);
	text_pad(text, line, NAME_COLUMN);
	text_add(text, "[rollup]\n");
	add_residence(text, &sum);
	return 0;
}

/* ---- mem ---- */

/* The space as it is at open: a later exec does not change what is read. */
static int mem_open(struct inode *inode, struct file *file)
{
	const struct proc_node *node = proc_node_of(inode);
	struct proc_subject subject;
	int err;

	err = proc_subject_get(node, &subject);
	if (err)
		return err;
	err = proc_check_access(node->entry, &subject);
	if (!err)
		file->data = process_vm_get(subject.process);
	proc_subject_put(&subject);
	return err;
}

static void mem_release(struct file *file)
{
	if (file->data)
		vm_space_put(file->data);
}

/* One page of the way; bytes moved, 0 at a hole, or an error. */
static ssize_t move_page(struct vm_space *space, struct io_buf *io, vaddr_t va,
			 char *page, bool write)
{
	size_t wanted = MIN(io->left, PAGE_SIZE);
	size_t moved, copied;

	if (write) {
		wanted = io_copy_from(io, page, wanted);
		if (!wanted)
			return -EFAULT;
		moved = vm_space_access(space, va, page, wanted, true, true);
		io_revert(io, wanted - moved);
		return (ssize_t)moved;
	}
	moved = vm_space_access(space, va, page, wanted, false, true);
	copied = io_copy_to(io, page, moved);
	return moved && !copied ? -EFAULT : (ssize_t)copied;
}

static ssize_t mem_move(struct file *file, struct io_buf *io, loff_t *pos,
			bool write)
{
	struct vm_space *space = file->data;
	ssize_t done = 0, moved;
	char *page;

	if (!space || !io->left)
		return 0;
	page = kmalloc(PAGE_SIZE);
	if (!page)
		return -ENOMEM;
	do {
		moved = move_page(space, io, (vaddr_t)*pos, page, write);
		if (moved > 0) {
			done += moved;
			*pos += moved;
		}
	} while (moved > 0 && io->left);
	kfree(page);
	if (done)
		return done;
	return moved ? moved : -EIO;
}

static ssize_t mem_read(struct file *file, struct io_buf *io, loff_t *pos)
{
	return mem_move(file, io, pos, false);
}

static ssize_t mem_write(struct file *file, struct io_buf *io, loff_t *pos)
{
	return mem_move(file, io, pos, true);
}

/* Positions are addresses; there is no end. */
static loff_t mem_seek(struct file *file, loff_t offset, int whence)
{
	if (whence == SEEK_CUR)
		offset += file->pos;
	else if (whence != SEEK_SET)
		return -EINVAL;
	if (offset < 0)
		return -EINVAL;
	file->pos = offset;
	return offset;
}

const struct file_ops proc_mem_ops = {
	.open = mem_open,
	.release = mem_release,
	.read = mem_read,
	.write = mem_write,
	.seek = mem_seek,
};

/* ---- pagemap ---- */

/* An entry's bits, beside the frame's number: admin-guide/mm/pagemap. */
#define PAGEMAP_EXCLUSIVE (1UL << 56)
#define PAGEMAP_FILE      (1UL << 61)
#define PAGEMAP_PRESENT   (1UL << 63)

/* @frames: may the reader learn them? */
static uint64_t pagemap_entry(struct vm_space *space, uint64_t page_number,
			      bool frames)
{
	struct vm_mapped_page mapped;

	vm_mapped_page(space, page_number * PAGE_SIZE, &mapped);
	return (mapped.present ? PAGEMAP_PRESENT : 0) |
	       (mapped.of_file ? PAGEMAP_FILE : 0) |
	       (mapped.only_here ? PAGEMAP_EXCLUSIVE : 0) |
	       (frames ? mapped.frame / PAGE_SIZE : 0);
}

/* Eight bytes a page of the user half; positions in between are refused. */
static ssize_t pagemap_read(struct file *file, struct io_buf *io, loff_t *pos)
{
	const loff_t end = USER_SPACE_END / PAGE_SIZE * sizeof(uint64_t);
	bool frames = capable(CAP_SYS_ADMIN);
	struct vm_space *space = file->data;
	ssize_t done = 0;

	if (!space)
		return 0;
	if (*pos % (loff_t)sizeof(uint64_t) || io->left % sizeof(uint64_t))
		return -EINVAL;
	while (io->left && *pos < end) {
		uint64_t entry = pagemap_entry(
			space, (uint64_t)*pos / sizeof(entry), frames);

		if (io_copy_to(io, &entry, sizeof(entry)) != sizeof(entry))
			return done ? done : -EFAULT;
		*pos += (loff_t)sizeof(entry);
		done += (ssize_t)sizeof(entry);
	}
	return done;
}

const struct file_ops proc_pagemap_ops = {
	.open = mem_open,
	.release = mem_release,
	.read = pagemap_read,
	.seek = mem_seek,
};
