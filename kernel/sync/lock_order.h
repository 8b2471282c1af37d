/* SPDX-License-Identifier: MIT */
/*
 * lock_order.h - the one order in which locks may be taken
 *
 * From outermost to innermost: with a lock held, only locks of a larger rank
 * may be taken. Two locks of the same rank need the rule written beside the
 * rank. Debug builds keep each thread's held ranks and panic at the first
 * wrong order, naming both locks.
 */
#pragma once

enum lock_rank {
	/* ---- Sleeping locks (mutex); may be held across a sleep. ---- */

	/* An open file's offset: held over the whole read or write. Two files
	 * (copy): by address. */
	LOCK_FILE = 1,
	/* Changing the scheduling policy; takes nothing but run queues. */
	LOCK_SCHED_POLICY,
	/* One per file system: directory moves; before inodes. */
	LOCK_RENAME,
	/* The mount tree; a mount looks up inside. */
	LOCK_MOUNT_TABLE,
	/* Parent directory before child; else by address. */
	LOCK_INODE,
	/* An epoll set, which polls pipes, terminals, sockets. Nested sets:
	 * outer first. */
	LOCK_EPOLL,
	/* A pipe's buffer; two pipes (splice): by address. */
	LOCK_PIPE,
	/* A terminal's line and settings; pty pair: master first. */
	LOCK_TTY,
	/* Descriptors in messages; looks into socket queues. */
	LOCK_FLIGHT,
	/* One socket; a pair: by address. */
	LOCK_SOCKET,
	/* A round of write-back over all files. */
	LOCK_WRITEBACK,
	/* Harts that start and stop; asked for by writing a file. */
	LOCK_HARTS,
	/* An address space's areas; faults take it, so user memory is never
	 * touched with a later lock held. */
	LOCK_VM_SPACE,
	/* A file system's own, in the order of their use. Faults come here
	 * with a vm_space locked, so user memory is never touched under one of
	 * them. A journal handle (an operation) is begun after the first two
	 * kinds and before the others; who commits waits for all handles. */
	/* The list of mounted ones, while each is committed. */
	LOCK_EXT4_MOUNTED,
	/* One file's pages on their way to its blocks. */
	LOCK_EXT4_WRITE,
	/* One commit at a time; one writer of blocks to their places. */
	LOCK_JOURNAL_COMMIT,
	LOCK_JOURNAL_CHECKPOINT,
	/* The chain of inodes a crash must not leave behind. */
	LOCK_EXT4_ORPHAN,
	/* A file's map of blocks. */
	LOCK_FILE_MAP,
	/* The bitmaps of free blocks and inodes. */
	LOCK_FS_ALLOC,
	/* A block of metadata is being read in. */
	LOCK_EXT4_READ,
	/* The table of block devices, opening and closing them. */
	LOCK_BLOCK_DEVICE,
	/* A file's pages; a device's pages and buffers. */
	LOCK_PAGE_CACHE,
	/* Some of the areas that show a file. Memory is not allocated under it:
	 * reclaim wants to know who maps what. */
	LOCK_AREA_ROW,
	/* A grace period is waited for (deferred.c); frees memory. */
	LOCK_DEFERRED,

	/* ---- Spinlocks: interrupts off, never across a sleep. ---- */

	/* Parents, children, groups, sessions: a hart's share of the tree's
	 * lock; all of them by the harts' indices. */
	LOCK_PROCESS_TREE,
	/* The children of one process; parent's before child's. */
	LOCK_CHILDREN,
	/* One process: signals, threads, timers; parent first. */
	LOCK_PROCESS,
	/* The table of pids, groups' lists; and the numbers of a block of the
	 * table, with who bears them. */
	LOCK_PID,
	LOCK_PID_BLOCK,
	/* One descriptor table. */
	LOCK_FD_TABLE,
	/* The dentry tree and its hash. */
	LOCK_DENTRY,
	/* Leaf-like locks of one object: fs, tty rings, ... */
	LOCK_SPIN_MISC,
	/* Requests for one disk; the driver's own lock comes after. */
	LOCK_BLOCK_QUEUE,
	/* A futex hash bucket; two: by address. */
	LOCK_FUTEX,
	/* One address space's page table; fork: parent's before child's. */
	LOCK_PAGE_TABLE,
	/* A hart's timer queue. */
	LOCK_TIMER,
	/* Who waits; waking takes the run queue. A watched file's queue before
	 * that of its watcher (epoll). */
	LOCK_WAIT_QUEUE,
	/* An epoll set's ready list, from a wake-up. */
	LOCK_EPOLL_READY,
	/* A hart's run queue; nobody needs two at once. */
	LOCK_RUN_QUEUE,
	/* A device's registers, also in its interrupt. */
	LOCK_DEVICE,
	/* A slab cache. */
	LOCK_SLAB,
	/* The buddy allocator. */
	LOCK_FRAMES,
	/* Takes nothing inside. */
	LOCK_LEAF,
	NUM_LOCK_RANKS,
};
