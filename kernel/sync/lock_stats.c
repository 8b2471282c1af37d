/* SPDX-License-Identifier: MIT */
/*
 * lock_stats.c - debug builds: how often locks were taken, and waited for
 *
 * Idea: a lock that many harts want shows as acquisitions that found it taken,
 * and as looks at it in vain (spins). How often a spinlock went from one hart to
 * another (moved) says what it costs where harts have caches, even if they never
 * come at once. Counted by rank (lock_order.h), which says what a lock guards;
 * read in /proc/creance/locks, cleared by writing to it.
 *
 * A wait here is for another hart, or in the case of a mutex for another thread.
 *
 * Locks: none; the counters are atomic. They cost a debug build some contention
 * of their own, in the caches but not in the figures.
 */
#include "kernel/sync/lock_stats.h"

static struct lock_stats counts[NUM_LOCK_RANKS]; /* atomic */

static const char *const names[NUM_LOCK_RANKS] = {
	[LOCK_FILE] = "file",
	[LOCK_SCHED_POLICY] = "sched_policy",
	[LOCK_RENAME] = "rename",
	[LOCK_MOUNT_TABLE] = "mount_table",
	[LOCK_INODE] = "inode",
	[LOCK_EPOLL] = "epoll",
	[LOCK_PIPE] = "pipe",
	[LOCK_TTY] = "tty",
	[LOCK_FLIGHT] = "flight",
	[LOCK_SOCKET] = "socket",
	[LOCK_WRITEBACK] = "writeback",
	[LOCK_HARTS] = "harts",
	[LOCK_VM_SPACE] = "vm_space",
	[LOCK_EXT4_MOUNTED] = "ext4_mounted",
	[LOCK_EXT4_WRITE] = "ext4_write",
	[LOCK_JOURNAL_COMMIT] = "journal_commit",
	[LOCK_JOURNAL_CHECKPOINT] = "journal_checkpoint",
	[LOCK_EXT4_ORPHAN] = "ext4_orphan",
	[LOCK_FILE_MAP] = "file_map",
	[LOCK_FS_ALLOC] = "fs_alloc",
	[LOCK_EXT4_READ] = "ext4_read",
	[LOCK_BLOCK_DEVICE] = "block_device",
	[LOCK_PAGE_CACHE] = "page_cache",
	[LOCK_AREA_ROW] = "area_row",
	[LOCK_DEFERRED] = "deferred",
	[LOCK_PROCESS_TREE] = "process_tree",
	[LOCK_CHILDREN] = "children",
	[LOCK_PROCESS] = "process",
	[LOCK_PID] = "pid",
	[LOCK_PID_BLOCK] = "pid_block",
	[LOCK_FD_TABLE] = "fd_table",
	[LOCK_DENTRY] = "dentry",
	[LOCK_SPIN_MISC] = "spin_misc",
	[LOCK_BLOCK_QUEUE] = "block_queue",
	[LOCK_FUTEX] = "futex",
	[LOCK_PAGE_TABLE] = "page_table",
	[LOCK_TIMER] = "timer",
	[LOCK_WAIT_QUEUE] = "wait_queue",
	[LOCK_EPOLL_READY] = "epoll_ready",
	[LOCK_RUN_QUEUE] = "run_queue",
	[LOCK_DEVICE] = "device",
	[LOCK_SLAB] = "slab",
	[LOCK_FRAMES] = "frames",
	[LOCK_LEAF] = "leaf",
};

static void add(uint64_t *counter, uint64_t number)
{
	__atomic_fetch_add(counter, number, __ATOMIC_RELAXED);
}

void lock_stats_count(unsigned int rank, bool waited, uint64_t spins)
{
	struct lock_stats *stats = &counts[rank];

	add(&stats->acquired, 1);
	if (waited) {
		add(&stats->contended, 1);
		add(&stats->spins, spins);
	}
}

void lock_stats_moved(unsigned int rank)
{
	add(&counts[rank].moved, 1);
}

bool lock_stats_get(unsigned int rank, struct lock_stats *stats)
{
	if (rank >= NUM_LOCK_RANKS)
		return false;
	stats->name = names[rank] ? names[rank] : "unnamed";
	stats->acquired = READ_ONCE(counts[rank].acquired);
	stats->contended = READ_ONCE(counts[rank].contended);
	stats->spins = READ_ONCE(counts[rank].spins);
	stats->moved = READ_ONCE(counts[rank].moved);
	return true;
}

void lock_stats_clear(void)
{
	for (unsigned int i = 0; i < NUM_LOCK_RANKS; i++) {
		WRITE_ONCE(counts[i].acquired, 0);
		WRITE_ONCE(counts[i].contended, 0);
		WRITE_ONCE(counts[i].spins, 0);
		WRITE_ONCE(counts[i].moved, 0);
	}
}
