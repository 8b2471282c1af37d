/* SPDX-License-Identifier: MIT */
/*
 * shm.c - what System V shared memory promises: shmget(2), shmat(2),
 * shmctl(2)
 */
#include <errno.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define KEY 0x5eed

static void fails(long result, int expected, const char *name)
{
	int found = errno;

	check(result == -1 && found == expected, "%s: %s", name,
	      result == -1 ? strerror(found) : "no error");
}

/* How many have the segment attached; -1: there is none. */
static long attached(int id)
{
	struct shmid_ds ds;

	return shmctl(id, IPC_STAT, &ds) ? -1 : (long)ds.shm_nattch;
}

static void test_sharing(int id)
{
	char *p = shmat(id, NULL, 0), *q = shmat(id, NULL, SHM_RDONLY);
	pid_t child;

	check(p != (void *)-1 && q != (void *)-1 && p != q, "shmat, twice");
	check(attached(id) == 2, "nattch is 2");
	p[5000] = 'x';
	check(q[5000] == 'x' && p[0] == 0, "both show the same memory");
	child = fork();
	if (child == 0) {
		p[1] = attached(id) == 4 ? 'y' : 'n';
		_exit(0);
	}
	waitpid(child, NULL, 0);
	check(q[1] == 'y', "a child has them attached too");
	check(attached(id) == 2, "until it ends");
	check(shmdt(q) == 0 && attached(id) == 1, "shmdt");
	fails(shmdt(q), EINVAL, "shmdt of nothing");
	check(shmdt(p) == 0 && attached(id) == 0, "shmdt of the last");
	p = shmat(id, NULL, 0);
	check(p[5000] == 'x', "the contents stay");
	shmdt(p);
}

static void test_errors(int id)
{
	fails(shmget(KEY, 8000, IPC_CREAT | IPC_EXCL | 0600), EEXIST,
	      "IPC_EXCL, the key is taken");
	fails(shmget(KEY, 80000, 0600), EINVAL, "too large for what is there");
	fails(shmget(KEY + 1, 80, 0600), ENOENT, "no such key");
	fails(shmget(IPC_PRIVATE, 0, 0600), EINVAL, "size 0");
	fails((long)shmat(id + 1, NULL, 0), EINVAL, "no such id");
	fails((long)shmat(id, (void *)0x10000001, 0), EINVAL, "not aligned");
	fails(shmctl(id, 999, NULL), EINVAL, "no such command");
	check(shmget(KEY, 8000, 0600) == id, "the key leads to the id");
}

static void test_removal(int id)
{
	char *p = shmat(id, NULL, 0);
	struct shmid_ds ds;

	check(shmctl(id, IPC_RMID, NULL) == 0, "IPC_RMID");
	check(shmctl(id, IPC_STAT, &ds) == 0 && (ds.shm_perm.mode & SHM_DEST) &&
		      ds.shm_segsz == 8000 && ds.shm_cpid == getpid(),
	      "a segment that is attached stays, marked");
	fails(shmget(KEY, 8000, 0600), ENOENT, "its key is gone");
	p[0] = 'z';
	shmdt(p);
	fails(shmctl(id, IPC_STAT, &ds), EINVAL,
	      "with the last detach it goes");
}

int main(void)
{
	int id = shmget(KEY, 8000, IPC_CREAT | IPC_EXCL | 0600);

	check(id >= 0, "shmget");
	test_sharing(id);
	test_errors(id);
	test_removal(id);
	return check_status();
}
