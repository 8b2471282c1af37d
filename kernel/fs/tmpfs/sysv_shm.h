/* SPDX-License-Identifier: MIT */
/*
 * sysv_shm.h - System V shared memory segments
 *
 * Source: sysvipc(7), shmget(2), shmat(2), shmdt(2), shmctl(2).
 */
#pragma once

#include "kernel/abi/shm.h"
#include "kernel/lib/compiler.h"

/* The id of the segment with @key; or an error of shmget(2). */
int shm_get(int key, size_t size, int flags);
/* Into the current address space; 0 and *@start, or an error of shmat(2). */
int shm_attach(int id, vaddr_t hint, int flags, vaddr_t *start);
/* 0 or -EINVAL. */
int shm_detach(vaddr_t start);

/* How shm_stat() understands its number. */
enum shm_stat_by { SHM_BY_ID, SHM_BY_INDEX, SHM_BY_INDEX_ANY };
/* 0 (by id) or the id (by index); -EINVAL, -EACCES. */
int shm_stat(int number, enum shm_stat_by by, struct shmid64_ds *out);
/* IPC_SET: owner and permissions of @wanted. 0, -EINVAL, -EPERM. */
int shm_set(int id, const struct shmid64_ds *wanted);
/* IPC_RMID: gone with the last detach. 0, -EINVAL, -EPERM. */
int shm_remove(int id);
/* SHM_LOCK, SHM_UNLOCK. 0, -EINVAL, -EPERM. */
int shm_set_locked(int id, bool locked);
/* Sums over all; the highest index in use, for ipcs(1). */
int shm_sums(struct shm_info *out);
