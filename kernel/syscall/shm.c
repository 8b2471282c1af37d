/* SPDX-License-Identifier: MIT */
/*
 * shm.c - System V shared memory
 *
 * Source: shmget(2), shmat(2), shmctl(2).
 */
#include "kernel/fs/tmpfs/sysv_shm.h"
#include "kernel/mm/user_copy.h"
#include "kernel/syscall/args.h"
#include "kernel/syscall/table.h"

long sys_shmget(const struct syscall_args *a)
{
	return shm_get(arg_int(a, 0), arg_size(a, 1), arg_int(a, 2));
}

long sys_shmat(const struct syscall_args *a)
{
	vaddr_t start;
	int err = shm_attach(arg_int(a, 0), a->arg[1], arg_int(a, 2), &start);

	return err ? err : (long)start;
}

long sys_shmdt(const struct syscall_args *a)
{
	return shm_detach(a->arg[0]);
}

static long stat_to_user(int number, enum shm_stat_by by, void __user *buf)
{
	struct shmid64_ds ds;
	int result = shm_stat(number, by, &ds);

	if (result >= 0 && copy_to_user(buf, &ds, sizeof(ds)))
		return -EFAULT;
	return result;
}

static long set_from_user(int id, const void __user *buf)
{
	struct shmid64_ds ds;

	if (copy_from_user(&ds, buf, sizeof(ds)))
		return -EFAULT;
	return shm_set(id, &ds);
}

/* IPC_INFO: the limits. */
static long limits_to_user(void __user *buf)
{
	struct shminfo64 limits = {
		.shmmax = SHMMAX,
		.shmmin = SHMMIN,
		.shmmni = SHMMNI,
		.shmseg = SHMMNI,
		.shmall = SHMALL,
	};
	struct shm_info info;
	int highest = shm_sums(&info);

	return copy_to_user(buf, &limits, sizeof(limits)) ? -EFAULT : highest;
}

static long sums_to_user(void __user *buf)
{
	struct shm_info info;
	int highest = shm_sums(&info);

	return copy_to_user(buf, &info, sizeof(info)) ? -EFAULT : highest;
}

long sys_shmctl(const struct syscall_args *a)
{
	int id = arg_int(a, 0);
	int command = arg_int(a, 1);
	void __user *buf = arg_ptr(a, 2);

	switch (command & ~IPC_64) {
	case IPC_STAT:
		return stat_to_user(id, SHM_BY_ID, buf);
	case SHM_STAT:
		return stat_to_user(id, SHM_BY_INDEX, buf);
	case SHM_STAT_ANY:
		return stat_to_user(id, SHM_BY_INDEX_ANY, buf);
	case IPC_SET:
		return set_from_user(id, buf);
	case IPC_RMID:
		return shm_remove(id);
	case SHM_LOCK:
	case SHM_UNLOCK:
		return shm_set_locked(id, command == SHM_LOCK);
	case IPC_INFO:
		return limits_to_user(buf);
	case SHM_INFO:
		return sums_to_user(buf);
	default:
		return -EINVAL;
	}
}
