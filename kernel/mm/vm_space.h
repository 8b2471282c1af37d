/* SPDX-License-Identifier: MIT */
/*
 * vm_space.h - the address space of a process
 *
 * Idea: a balanced tree of areas says what *should* be where; the page table
 * says what *is* there now. A fault asks the areas and makes the page table
 * follow: lazily loaded programs, zero-filled memory, copy-on-write and stack
 * growth are all that one path (fault.c).
 * Read: OSTEP ch. 18-23 (paging, complete VM systems).
 */
#pragma once

#include <arch/page_table.h>
#include "kernel/arch_entry.h"
#include "kernel/lib/list.h"
#include "kernel/lib/rbtree.h"
#include "kernel/lib/refcount.h"
#include "kernel/sync/mutex.h"

struct file;
struct page;
struct page_cache;

/* Area flags beyond PAGE_READ/WRITE/EXEC (kept in the same word). */
#define VM_SHARED     0x100u  /* writes are seen by others */
#define VM_GROWS_DOWN 0x200u  /* a stack */
#define VM_DONT_FORK  0x400u  /* MADV_DONTFORK */
#define VM_WIPE_FORK  0x800u  /* MADV_WIPEONFORK */
#define VM_NO_RESERVE 0x1000u /* MAP_NORESERVE: not charged */
#define VM_LOCKED     0x2000u /* mlock(2) */
#define VM_HEAP       0x4000u
#define VM_SPECIAL    0x8000u /* vdso, vvar: fixed pages, no cache */
#define VM_DONT_DUMP  0x10000u
#define VM_MAY_WRITE  0x20000u /* mprotect may add PAGE_WRITE */
#define VM_HAS_COPIES 0x40000u /* file, private: some pages are its own now */
#define VM_RANDOM     0x80000u /* MADV_RANDOM */
#define VM_SEQUENTIAL 0x100000u
#define VM_HUGE       0x200000u /* MADV_HUGEPAGE: takes back the next */
#define VM_NO_HUGE    0x400000u /* MADV_NOHUGEPAGE: one page at a fault */

struct vm_area {
	struct rb_node node; /* in space, by start; space.lock */
	vaddr_t start, end;  /* page aligned; space.lock */
	unsigned int flags;  /* PAGE_* and VM_*; space.lock */
	/* Anonymous: so many pages were written one after the other, and this
	 * would be the next: fault.c. A hint; space.lock. */
	unsigned int run_pages;
	vaddr_t run_next;
	struct vm_space *space;
	struct page_cache *cache; /* NULL: anonymous */
	struct area_row *row; /* of cache->rows; NULL: on cache->areas; fixed */
	struct list_head cache_node; /* there, under its lock (area_list.c) */
	uint64_t page_offset;        /* of start, in pages of the file */
	struct file *file; /* keeps the cache alive; see vm_file_ops */
	struct page **special_pages; /* VM_SPECIAL */
	const char *name; /* "[heap]", "[stack]", ...; static or NULL */
};

struct vm_space {
	struct refcount users; /* threads and borrowers; last: areas go */
	struct mutex lock; /* rank LOCK_VM_SPACE; areas and the sums below */
	struct rb_root areas;
	struct vm_area *last_found; /* a hint; under lock */
	unsigned int num_areas;

	struct spinlock page_table_lock; /* rank LOCK_PAGE_TABLE */
	struct page_table page_table;    /* under page_table_lock */
	uint64_t resident[2]; /* pages: [0] file, [1] anonymous; pt lock */
	/* Private pages that the program has written to since fork made all
	 * read-only, or more: fork.c. Not those cleared ahead. Under lock. */
	uint64_t num_written;
	/* The same: forks of a forked space, up to some; pages it has got copies
	 * of by them. Under lock. */
	unsigned int num_forks, num_kept;
	/* How long the last stream of first stores was, or less; fault.c. Under
	 * lock. */
	unsigned int stream_pages;

	/* Under lock, in pages. */
	uint64_t total_pages, data_pages, stack_pages, exec_pages, locked_pages;
	uint64_t peak_pages, peak_resident;

	/* Set by exec, prctl and brk; read by /proc. Under lock. */
	vaddr_t start_code, end_code, start_data, end_data;
	vaddr_t start_brk, brk;
	vaddr_t start_stack;
	uint64_t stack_limit; /* RLIMIT_STACK in bytes, set by exec */
	vaddr_t arg_start, arg_end, env_start, env_end;
	vaddr_t mmap_top;         /* mappings are placed below, going down */
	vaddr_t search_top;       /* place.c: no hole above it ... */
	size_t hole_above;        /* ... is larger than this */
	unsigned int membarriers; /* registered for: membarrier(2); atomic */
	bool lock_future;         /* mlockall(MCL_FUTURE) */
	bool forked;              /* made by fork: fault.c; fixed */
	bool no_huge;      /* PR_SET_THP_DISABLE; see VM_NO_HUGE; atomic */
	vaddr_t vdso_code; /* where the vDSO's code is */
	uint64_t auxv[64];
	unsigned int auxv_words;
	struct file *exe; /* /proc/PID/exe; held through vm_file_ops */
	bool dumpable;
};

/* How mm/ handles the files it must not know; filled in by vfs/ at boot. */
struct vm_file_ops {
	/* @count references. */
	void (*get)(struct file *file, unsigned int count);
	void (*put)(struct file *file, unsigned int count);
	/* Bring what was written to the disk: msync(2). 0 or -EIO. */
	int (*sync)(struct file *file);
};
void vm_set_file_ops(const struct vm_file_ops *ops);

/* An empty space; users is 1. NULL: no memory. */
struct vm_space *vm_space_create(void);
void vm_space_get(struct vm_space *space);
void vm_space_put(struct vm_space *space);
/*
 * fork(2): a copy, private pages shared copy-on-write, or copied if they are
 * few. Flushes the parent's translations at most once. 0, -ENOMEM.
 */
int vm_space_fork(struct vm_space *parent, struct vm_space **child);
/* The current thread goes on in @space (exec); takes over the reference and
 * drops that of the old one. */
void vm_space_use(struct vm_space *space);

struct vm_map_args {
	vaddr_t hint;             /* wanted start, or 0 */
	size_t size;              /* bytes, rounded up to pages */
	unsigned int flags;       /* PAGE_* and VM_* */
	bool fixed;               /* exactly at hint, replacing what is there */
	bool no_replace;          /* with fixed: -EEXIST if anything is there */
	struct file *file;        /* NULL: anonymous; a reference is taken */
	struct page_cache *cache; /* the file's; NULL: anonymous */
	uint64_t page_offset;
	struct page **special_pages; /* VM_SPECIAL */
	const char *name;
	uint64_t limit_pages; /* RLIMIT_AS, in pages; 0: none */
};
/*
 * mmap(2): the start in *@out. 0, -ENOMEM, -EINVAL, -EEXIST; -EPERM: fixed
 * below USER_SPACE_START.
 */
int vm_map(struct vm_space *space, const struct vm_map_args *args,
	   vaddr_t *out);
int vm_unmap(struct vm_space *space, vaddr_t start, size_t size);
int vm_protect(struct vm_space *space, vaddr_t start, size_t size,
	       unsigned int page_bits);
int vm_remap(struct vm_space *space, vaddr_t old, size_t old_size,
	     size_t new_size, unsigned int mremap_flags, vaddr_t new_start,
	     vaddr_t *out);
int vm_advise(struct vm_space *space, vaddr_t start, size_t size, int advice);
/* brk(2): returns the break in force after it. */
vaddr_t vm_brk(struct vm_space *space, vaddr_t wanted, uint64_t data_limit);
int vm_sync(struct vm_space *space, vaddr_t start, size_t size, int flags);
/* Fault in [@start, @start + @size), as far as it goes (MAP_POPULATE). */
int vm_populate(struct vm_space *space, vaddr_t start, size_t size);
/* mlock(2), munlock(2): note it, and bring the pages in. Memory is never
 * taken away from a program here, so there is no more to it. */
int vm_lock(struct vm_space *space, vaddr_t start, size_t size, bool lock);
/* mlockall(2), munlockall(2): what is there now, what will come. */
int vm_lock_all(struct vm_space *space, bool now, bool future);
/* mincore(2): one byte a page into @vec (kernel memory). */
int vm_resident(struct vm_space *space, vaddr_t start, size_t pages,
		unsigned char *vec);

/* What a fault came to. */
enum vm_fault_result {
	VM_FAULT_OK,
	VM_FAULT_NO_AREA,   /* SIGSEGV, SEGV_MAPERR */
	VM_FAULT_NO_ACCESS, /* SIGSEGV, SEGV_ACCERR */
	VM_FAULT_BUS,       /* SIGBUS, BUS_ADRERR: past the end of the file */
	VM_FAULT_NO_MEMORY, /* the killer has been called: try again or die */
};
/*
 * Make @va accessible for @access. Context: thread, may sleep.
 */
enum vm_fault_result vm_fault(struct vm_space *space, vaddr_t va,
			      enum access access);

/* The area that holds @va, or the next above; caller holds space->lock. */
struct vm_area *vm_area_find(struct vm_space *space, vaddr_t va)
	MUST_HOLD(space->lock);
struct vm_area *vm_area_first(struct vm_space *space) MUST_HOLD(space->lock);
struct vm_area *vm_area_next(struct vm_area *area);

/*
 * Read or write another space's memory (exec's stack, /proc/PID/mem,
 * process_vm_readv). @force ignores the area's write protection (private
 * copies are made). Returns bytes done; 0: nothing there.
 */
size_t vm_space_access(struct vm_space *space, vaddr_t va, void *buf,
		       size_t size, bool write, bool force);

/* What an address space has at one page, for /proc/PID/pagemap. */
struct vm_mapped_page {
	bool present;
	bool only_here; /* in this page table once, and in no other */
	bool of_file;   /* or of shared memory */
	paddr_t frame;
};
/* The page at @va; where nothing is mapped, all is false. Any @va. */
void vm_mapped_page(struct vm_space *space, vaddr_t va,
		    struct vm_mapped_page *out);

/*
 * The key of a futex word: (space, address) for private memory, or
 * (cache, offset) for shared mappings. 0, -EFAULT.
 */
struct vm_futex_key {
	const void *object;
	uint64_t offset;
};
int vm_futex_key(struct vm_space *space, vaddr_t va, bool is_private,
		 struct vm_futex_key *key);

uint64_t vm_resident_pages(const struct vm_space *space);

/*
 * Out of memory: proc/ picks a process, says so, and kills it. Returns true if
 * one is dying now. Set at boot.
 */
void memory_set_killer(bool (*kill_one)(void));
/*
 * Before that: give back memory that only remembers something. True if there
 * was any. Called with a space and perhaps a cache locked; vfs/ sets it.
 */
void memory_set_reclaimer(bool (*reclaim)(void));
