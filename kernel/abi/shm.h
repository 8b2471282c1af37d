/* SPDX-License-Identifier: MIT */
/*
 * abi/shm.h - System V shared memory: shmget(2), shmat(2), shmctl(2)
 *
 * <linux/shm.h> wants a C library's <unistd.h>, so what it defines beyond
 * <asm/shmbuf.h> is defined here.
 */
#pragma once

#include <linux/posix_types.h>
#include <linux/ipc.h>
#include <asm/shmbuf.h>

#define SHMMIN 1
#define SHMMNI 4096
#define SHMMAX (UINT64_MAX - (1UL << 24))
#define SHMALL (UINT64_MAX - (1UL << 24))

/* shmget(2) */
#define SHM_HUGETLB   04000
#define SHM_NORESERVE 010000

/* shmat(2) */
#define SHM_RDONLY 010000
#define SHM_RND    020000
#define SHM_REMAP  040000
#define SHM_EXEC   0100000

/* shm_perm.mode, beside the permissions */
#define SHM_DEST   01000
#define SHM_LOCKED 02000

/* shmctl(2) */
#define SHM_LOCK     11
#define SHM_UNLOCK   12
#define SHM_STAT     13
#define SHM_INFO     14
#define SHM_STAT_ANY 15

struct shm_info {
	int used_ids;
	unsigned long shm_tot;
	unsigned long shm_rss;
	unsigned long shm_swp;
	unsigned long swap_attempts;
	unsigned long swap_successes;
};
