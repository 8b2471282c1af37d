/* SPDX-License-Identifier: MIT */
/*
 * shm.c - System V shared memory (not there yet)
 */
#include "kernel/syscall/args.h"
#include "kernel/syscall/table.h"

long sys_shmget(const struct syscall_args *a)
{
	return -ENOSYS;
}

long sys_shmat(const struct syscall_args *a)
{
	return -ENOSYS;
}

long sys_shmdt(const struct syscall_args *a)
{
	return -ENOSYS;
}

long sys_shmctl(const struct syscall_args *a)
{
	return -ENOSYS;
}
