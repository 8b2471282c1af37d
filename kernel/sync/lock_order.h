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
	/* Sleeping locks (mutex); may be held across a sleep. */
	LOCK_FILE = 1,    /* an open file's offset: held over the whole read or
			     write; two files (copy): by address */
	LOCK_RENAME,      /* one per file system: directory moves; before inodes */
	LOCK_MOUNT_TABLE, /* the mount tree; a mount looks up inside */
	LOCK_INODE,       /* parent directory before child; else by address */
	LOCK_EPOLL,       /* an epoll set, which polls pipes, terminals, sockets;
			     nested sets: outer first */
	LOCK_PIPE,        /* a pipe's buffer; two pipes (splice): by address */
	LOCK_TTY,         /* a terminal's line and settings; pty pair: master first */
	LOCK_FLIGHT,      /* descriptors in messages; looks into socket queues */
	LOCK_SOCKET,      /* one socket; a pair: by address */
	LOCK_VM_SPACE,    /* an address space's areas; faults take it, so user
			     memory is never touched with a later lock held */
	LOCK_PAGE_CACHE,  /* a file's pages */

	/* Spinlocks: interrupts off, never across a sleep. */
	LOCK_PROCESS_TREE, /* parents, children, groups, sessions, pid table */
	LOCK_PROCESS,      /* one process: signals, threads, timers; parent first */
	LOCK_FD_TABLE,     /* one descriptor table */
	LOCK_DENTRY,       /* the dentry tree and its hash */
	LOCK_SPIN_MISC,    /* leaf-like locks of one object: fs, tty rings, ... */
	LOCK_FUTEX,        /* a futex hash bucket; two: by address */
	LOCK_PAGE_TABLE,   /* one address space's page table */
	LOCK_TIMER,        /* a hart's timer queue */
	LOCK_WAIT_QUEUE,   /* who waits; waking takes the run queue. A watched
			      file's queue before that of its watcher (epoll) */
	LOCK_EPOLL_READY,  /* an epoll set's ready list, from a wake-up */
	LOCK_RUN_QUEUE,    /* a hart's run queue; two: lower hart index first */
	LOCK_DEVICE,       /* a device's registers, also in its interrupt */
	LOCK_SLAB,         /* a slab cache */
	LOCK_FRAMES,       /* the buddy allocator */
	LOCK_LEAF,         /* takes nothing inside */
};
