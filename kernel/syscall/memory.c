/* SPDX-License-Identifier: MIT */
/*
 * memory.c - system calls on the address space
 *
 * Here arguments are checked as Linux does it and in its order (the order
 * decides which error a wrong call gets); mm/ does the work.
 * Source: mmap(2), mprotect(2), mremap(2), mlock(2), membarrier(2), ...
 */
#include <linux/capability.h>
#include <linux/membarrier.h>
#include <linux/resource.h>
#include <arch/hart.h>
#include "kernel/abi/fcntl.h"
#include "kernel/abi/mman.h"
#include "kernel/abi/mount.h"
#include "kernel/fs/tmpfs/tmpfs.h"
#include "kernel/mm/user_copy.h"
#include "kernel/mm/vm_space.h"
#include "kernel/proc/process.h"
#include "kernel/syscall/args.h"
#include "kernel/syscall/table.h"
#include "kernel/vfs/cred.h"
#include "kernel/vfs/file.h"

/* MAP_* that old programs may set though nobody looks (mmap(2)). */
#define MAP_OLD_FLAGS                                                          \
	(MAP_SHARED | MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS |                \
	 MAP_DENYWRITE | MAP_EXECUTABLE | MAP_UNINITIALIZED | MAP_GROWSDOWN |  \
	 MAP_LOCKED | MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK |            \
	 MAP_STACK | MAP_HUGETLB)
#ifndef MAP_DENYWRITE
#define MAP_DENYWRITE 0x0800
#endif
#ifndef MAP_EXECUTABLE
#define MAP_EXECUTABLE 0x1000
#endif

static struct vm_space *current_space(void)
{
	return current()->space;
}

/* A limit in pages; 0: none. */
static uint64_t limit_in_pages(int resource)
{
	uint64_t limit = process_limit(current_process(), resource);

	if (limit == UINT64_MAX)
		return 0;
	/* 0 means "none" here; no program fits into one page either. */
	return MAX(limit >> PAGE_SHIFT, 1UL);
}

/* ---- brk ------------------------------------------------------------------------ */

long sys_brk(const struct syscall_args *a)
{
	vaddr_t wanted = a->arg[0];
	struct vm_space *space = current_space();
	uint64_t limit = limit_in_pages(RLIMIT_AS);
	vaddr_t brk = READ_ONCE(space->brk);

	if (limit && wanted > brk &&
	    space->total_pages + ((wanted - brk) >> PAGE_SHIFT) > limit)
		return (long)brk;
	return (long)vm_brk(space, wanted,
			    process_limit(current_process(), RLIMIT_DATA));
}

/* ---- mmap ------------------------------------------------------------------------- */

/* One mmap call, as the program wants it. */
struct mmap_call {
	vaddr_t hint;
	size_t size;
	int prot, flags;
	uint64_t offset;
	struct file *file; /* a reference; NULL: anonymous */
};

static bool is_shared(const struct mmap_call *call)
{
	return (call->flags & MAP_TYPE) != MAP_PRIVATE;
}

static int check_mmap_type(const struct mmap_call *call)
{
	switch (call->flags & MAP_TYPE) {
	case MAP_PRIVATE:
	case MAP_SHARED:
		return 0;
	case MAP_SHARED_VALIDATE:
		if (!call->file)
			return -EINVAL;
		if (call->flags & ~(MAP_OLD_FLAGS | MAP_SHARED_VALIDATE))
			return -EOPNOTSUPP;
		return 0;
	default:
		return -EINVAL;
	}
}

static int check_mmap_file(const struct mmap_call *call)
{
	const struct file *file = call->file;

	if (is_shared(call) && (call->prot & PROT_WRITE) &&
	    !file_is_writable(file))
		return -EACCES;
	if (!file_is_readable(file))
		return -EACCES;
	if ((call->prot & PROT_EXEC) && file->path.mount &&
	    (file->path.mount->flags & MS_NOEXEC))
		return -EPERM;
	if (!file->ops->mmap && (file->inode->mode & S_IFMT) != S_IFREG)
		return -ENODEV;
	if (call->flags & MAP_GROWSDOWN)
		return -EINVAL;
	return 0;
}

/* RLIMIT_DATA counts private writable mappings too: getrlimit(2). */
static int check_data_limit(const struct mmap_call *call)
{
	uint64_t limit;

	if (is_shared(call) || !(call->prot & PROT_WRITE) ||
	    (call->flags & MAP_GROWSDOWN))
		return 0;
	limit = process_limit(current_process(), RLIMIT_DATA);
	if (limit == UINT64_MAX)
		return 0;
	if (current_space()->data_pages + (call->size >> PAGE_SHIFT) > limit >>
	    PAGE_SHIFT)
		return -ENOMEM;
	return 0;
}

/* May @pages more be locked? @denied is the error if not. */
static int check_lock_limit(uint64_t pages, int denied)
{
	uint64_t limit = process_limit(current_process(), RLIMIT_MEMLOCK);

	if (limit == UINT64_MAX || capable(CAP_IPC_LOCK))
		return 0;
	if (limit == 0)
		return -EPERM;
	if (current_space()->locked_pages + pages > limit >> PAGE_SHIFT)
		return denied;
	return 0;
}

static int check_mmap(const struct mmap_call *call)
{
	size_t size = ALIGN_UP(call->size, PAGE_SIZE);
	int err;

	if (call->size == 0)
		return -EINVAL;
	if (size == 0 || size > USER_SPACE_END)
		return -ENOMEM;
	if (call->offset + size < call->offset)
		return -EOVERFLOW;
	err = check_mmap_type(call);
	if (!err && call->file)
		err = check_mmap_file(call);
	else if (!err && is_shared(call) && (call->flags & MAP_GROWSDOWN))
		err = -EINVAL;
	if (!err)
		err = check_data_limit(call);
	if (!err && (call->flags & MAP_LOCKED))
		err = check_lock_limit(size >> PAGE_SHIFT, -EAGAIN);
	return err;
}

/* PROT_* of the ABI as PAGE_* of the page table. */
static unsigned int page_bits_of(uint64_t prot)
{
	unsigned int bits = 0;

	if (prot & PROT_READ)
		bits |= PAGE_READ;
	if (prot & PROT_WRITE)
		bits |= PAGE_WRITE;
	if (prot & PROT_EXEC)
		bits |= PAGE_EXEC;
	return bits;
}

static unsigned int vm_flags_of(const struct mmap_call *call)
{
	unsigned int flags = page_bits_of((uint64_t)call->prot);

	if (is_shared(call))
		flags |= VM_SHARED;
	if (!is_shared(call) || !call->file || file_is_writable(call->file))
		flags |= VM_MAY_WRITE;
	if (call->flags & MAP_GROWSDOWN)
		flags |= VM_GROWS_DOWN;
	if (call->flags & MAP_NORESERVE)
		flags |= VM_NO_RESERVE;
	if (call->flags & MAP_LOCKED)
		flags |= VM_LOCKED;
	return flags;
}

/* Shared memory without a file of its own: an unnamed one holds the pages. */
static int use_unnamed_file(struct mmap_call *call, struct vm_map_args *args)
{
	struct file *file;
	int err;

	err = tmpfs_create_unnamed("dev/zero", ALIGN_UP(call->size, PAGE_SIZE),
				   &file);
	if (err)
		return err;
	if (call->file)
		file_put(call->file);
	call->file = file;
	args->file = file;
	args->cache = &file->inode->cache;
	args->page_offset = 0;
	return 0;
}

/* What stands behind the mapping: cache, special pages, or nothing. */
static int find_backing(struct mmap_call *call, struct vm_map_args *args)
{
	int err = 0;

	if (call->file && call->file->ops->mmap)
		err = call->file->ops->mmap(call->file, args);
	else if (call->file)
		args->cache = &call->file->inode->cache;
	if (err)
		return err;
	if (!args->cache && !args->special_pages && is_shared(call))
		return use_unnamed_file(call, args);
	return 0;
}

static long do_mmap(struct mmap_call *call)
{
	struct vm_map_args args = {
		.hint = call->hint,
		.size = call->size,
		.fixed = call->flags & (MAP_FIXED | MAP_FIXED_NOREPLACE),
		.no_replace = call->flags & MAP_FIXED_NOREPLACE,
		.file = call->file,
		.page_offset = call->offset >> PAGE_SHIFT,
		.limit_pages = limit_in_pages(RLIMIT_AS),
	};
	vaddr_t start;
	int err;

	err = check_mmap(call);
	if (err)
		return err;
	args.flags = vm_flags_of(call);
	err = find_backing(call, &args);
	if (!err)
		err = vm_map(current_space(), &args, &start);
	if (err)
		return err;
	if (call->file && args.cache == &call->file->inode->cache)
		file_touch_atime(call->file);
	if ((call->flags & MAP_LOCKED) ||
	    (call->flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE)
		vm_populate(current_space(), start, call->size);
	return (long)start;
}

long sys_mmap(const struct syscall_args *a)
{
	struct mmap_call call = {
		.hint = a->arg[0],
		.size = arg_size(a, 1),
		.prot = arg_int(a, 2),
		.flags = arg_int(a, 3),
		.offset = a->arg[5],
	};
	int fd = arg_int(a, 4);
	long result;

	if (!IS_ALIGNED(call.offset, PAGE_SIZE))
		return -EINVAL;
	if (!(call.flags & MAP_ANONYMOUS)) {
		call.file = fd_get(fd);
		if (!call.file)
			return -EBADF;
		/* There are no files of huge pages here. */
		if (call.flags & MAP_HUGETLB) {
			file_put(call.file);
			return -EINVAL;
		}
	} else if (call.flags & MAP_HUGETLB) {
		return -ENOMEM; /* the pool of huge pages is empty */
	} else {
		call.offset = 0;
	}
	result = do_mmap(&call);
	if (call.file)
		file_put(call.file);
	return result;
}

long sys_munmap(const struct syscall_args *a)
{
	return vm_unmap(current_space(), a->arg[0], arg_size(a, 1));
}

long sys_mremap(const struct syscall_args *a)
{
	size_t old_size = arg_size(a, 1), new_size = arg_size(a, 2);
	struct vm_space *space = current_space();
	uint64_t limit = limit_in_pages(RLIMIT_AS);
	vaddr_t start;
	int err;

	if (limit && new_size > old_size &&
	    space->total_pages + ((new_size - old_size) >> PAGE_SHIFT) > limit)
		return -ENOMEM;
	err = vm_remap(space, a->arg[0], old_size, new_size, arg_uint(a, 3),
		       a->arg[4], &start);
	return err ? err : (long)start;
}

/* ---- mprotect --------------------------------------------------------------------- */

/* PROT_GROWSDOWN: from the start of the stack area that holds @start. */
static int extend_to_area(struct vm_space *space, vaddr_t *start, size_t *size)
{
	struct vm_area *area;
	int err = 0;

	mutex_lock(&space->lock);
	area = vm_area_find(space, *start);
	if (!area || area->start >= *start + *size) {
		err = -ENOMEM;
	} else if (!(area->flags & VM_GROWS_DOWN)) {
		err = -EINVAL;
	} else {
		*size += *start - area->start;
		*start = area->start;
	}
	mutex_unlock(&space->lock);
	return err;
}

long sys_mprotect(const struct syscall_args *a)
{
	vaddr_t start = a->arg[0];
	size_t size = arg_size(a, 1);
	unsigned int prot = arg_uint(a, 2);
	const unsigned int grows = PROT_GROWSDOWN | PROT_GROWSUP;
	int err;

	if ((prot & grows) == grows || !IS_ALIGNED(start, PAGE_SIZE))
		return -EINVAL;
	if (size == 0)
		return 0;
	if (size > USER_SPACE_END || start > USER_SPACE_END - size)
		return -ENOMEM;
	if (prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM | grows))
		return -EINVAL;
	if (prot & PROT_GROWSUP)
		return -EINVAL; /* stacks grow down here */
	if (prot & PROT_GROWSDOWN) {
		err = extend_to_area(current_space(), &start, &size);
		if (err)
			return err;
	}
	return vm_protect(current_space(), start, size, page_bits_of(prot));
}

/* ---- Advice and knowledge ------------------------------------------------------------ */

long sys_madvise(const struct syscall_args *a)
{
	return vm_advise(current_space(), a->arg[0], arg_size(a, 1),
			 arg_int(a, 2));
}

long sys_msync(const struct syscall_args *a)
{
	return vm_sync(current_space(), a->arg[0], arg_size(a, 1),
		       arg_int(a, 2));
}

long sys_mincore(const struct syscall_args *a)
{
	vaddr_t start = a->arg[0];
	size_t size = arg_size(a, 1);
	char __user *vec = arg_ptr(a, 2);
	size_t pages = DIV_ROUND_UP(size, PAGE_SIZE);
	unsigned char resident[256];

	if (!IS_ALIGNED(start, PAGE_SIZE))
		return -EINVAL;
	if (size > USER_SPACE_END || start > USER_SPACE_END - size)
		return -ENOMEM;
	if (!user_range_ok(vec, pages))
		return -EFAULT;
	while (pages > 0) {
		size_t part = MIN(pages, sizeof(resident));
		int err = vm_resident(current_space(), start, part, resident);

		if (err)
			return err;
		if (copy_to_user(vec, resident, part))
			return -EFAULT;
		vec += part;
		start += part * PAGE_SIZE;
		pages -= part;
	}
	return 0;
}

/* ---- mlock ----------------------------------------------------------------------------- */

static long lock_range(vaddr_t start, size_t size)
{
	vaddr_t first = ALIGN_DOWN(start, PAGE_SIZE);
	size_t whole = ALIGN_UP(start + size, PAGE_SIZE) - first;
	int err = check_lock_limit(whole >> PAGE_SHIFT, -ENOMEM);

	return err ? err : vm_lock(current_space(), start, size, true);
}

long sys_mlock(const struct syscall_args *a)
{
	return lock_range(a->arg[0], arg_size(a, 1));
}

long sys_mlock2(const struct syscall_args *a)
{
	/* Pages stay once they are there, so "on fault" needs no more. */
	if (arg_uint(a, 2) & ~(unsigned int)MLOCK_ONFAULT)
		return -EINVAL;
	return lock_range(a->arg[0], arg_size(a, 1));
}

long sys_munlock(const struct syscall_args *a)
{
	return vm_lock(current_space(), a->arg[0], arg_size(a, 1), false);
}

long sys_mlockall(const struct syscall_args *a)
{
	unsigned int flags = arg_uint(a, 0);
	struct vm_space *space = current_space();
	int err;

	if (flags == 0 || flags == MCL_ONFAULT ||
	    flags & ~(unsigned int)(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT))
		return -EINVAL;
	err = check_lock_limit(flags & MCL_CURRENT ? space->total_pages -
							     space->locked_pages
						   : 0,
			       -ENOMEM);
	if (err)
		return err;
	return vm_lock_all(space, flags & MCL_CURRENT, flags & MCL_FUTURE);
}

long sys_munlockall(const struct syscall_args *a)
{
	return vm_lock_all(current_space(), false, false);
}

/* ---- Between harts ------------------------------------------------------------------------ */

#define MEMBARRIER_KNOWN                                                       \
	(MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_GLOBAL_EXPEDITED |             \
	 MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED |                            \
	 MEMBARRIER_CMD_PRIVATE_EXPEDITED |                                    \
	 MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED |                           \
	 MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE |                          \
	 MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE)

/*
 * Each register command is its barrier's bit moved left by one. The barrier
 * itself interrupts the harts that run the program (or all) and has them
 * synchronise their instruction streams, which is more than most ask for.
 */
long sys_membarrier(const struct syscall_args *a)
{
	int command = arg_int(a, 0);
	struct vm_space *space = current_space();

	if (arg_uint(a, 1))
		return -EINVAL;
	switch (command) {
	case MEMBARRIER_CMD_QUERY:
		return MEMBARRIER_KNOWN;
	case MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED:
	case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED:
	case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE:
		__atomic_fetch_or(&space->membarriers, command >> 1,
				  __ATOMIC_RELAXED);
		return 0;
	case MEMBARRIER_CMD_PRIVATE_EXPEDITED:
	case MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE:
		if (!(READ_ONCE(space->membarriers) & (unsigned int)command))
			return -EPERM;
		code_written(&space->page_table);
		return 0;
	case MEMBARRIER_CMD_GLOBAL:
	case MEMBARRIER_CMD_GLOBAL_EXPEDITED:
		arch_fence_all_harts();
		return 0;
	default:
		return -EINVAL;
	}
}

long sys_riscv_flush_icache(const struct syscall_args *a)
{
	const uint64_t local_only = 1;

	if (a->arg[2] & ~local_only)
		return -EINVAL;
	/* A thread may be moved to another hart at any time: all of them. */
	code_written(&current()->space->page_table);
	return 0;
}
