/* SPDX-License-Identifier: MIT */
/*
 * cred.c - system calls: users, groups and capabilities
 *
 * Each call that changes something copies the thread's credentials, changes
 * the copy and puts it in place with commit(). Capabilities follow the user
 * ids: who gives up being root loses them (capabilities(7), "Effect of user ID
 * changes on capabilities").
 */
#include "kernel/vfs/cred.h"
#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/user_copy.h"
#include "kernel/proc/process.h"
#include "kernel/syscall/args.h"
#include "kernel/syscall/table.h"

/* "Leave as it is", and no valid id. */
#define NO_ID UINT32_MAX

/* Capabilities that go with the file-system user id. */
#define FS_CAPABILITIES                                                        \
	(BIT(CAP_CHOWN) | BIT(CAP_MKNOD) | BIT(CAP_DAC_OVERRIDE) |             \
	 BIT(CAP_DAC_READ_SEARCH) | BIT(CAP_FOWNER) | BIT(CAP_FSETID) |        \
	 BIT(CAP_LINUX_IMMUTABLE) | BIT(CAP_MAC_OVERRIDE))

/* ---- Replacing credentials ----------------------------------------------- */

/* What the process is now must not be looked into with the old rights. */
static void commit(struct cred *cred)
{
	const struct cred *old = current()->cred;

	if (cred->euid != old->euid || cred->egid != old->egid ||
	    cred->fsuid != old->fsuid || cred->fsgid != old->fsgid ||
	    (cred->cap_permitted & ~old->cap_permitted)) {
		current_process()->dumpable = false;
		current()->pdeath_signal = 0;
	}
	cred_use(cred);
}

static bool has_root(const struct cred *cred)
{
	return cred->uid == 0 || cred->euid == 0 || cred->suid == 0;
}

static void follow_user_ids(struct cred *cred, const struct cred *old)
{
	if (cred->securebits & SECBIT_NO_SETUID_FIXUP)
		return;
	if (has_root(old) && !has_root(cred)) {
		if (!(cred->securebits & SECBIT_KEEP_CAPS)) {
			cred->cap_permitted = 0;
			cred->cap_effective = 0;
		}
		cred->cap_ambient = 0;
	}
	if (old->euid == 0 && cred->euid != 0)
		cred->cap_effective = 0;
	if (old->euid != 0 && cred->euid == 0)
		cred->cap_effective = cred->cap_permitted;
}

/* Real, effective and saved ids; NO_ID leaves one. The fs id follows. */
static long use_user_ids(uint32_t uid, uint32_t euid, uint32_t suid)
{
	const struct cred *old = current()->cred;
	struct cred *cred = cred_copy(old);

	if (!cred)
		return -ENOMEM;
	if (uid != NO_ID && cred_set_uid(cred, uid)) {
		cred_put(cred);
		return -EAGAIN;
	}
	if (euid != NO_ID)
		cred->euid = euid;
	if (suid != NO_ID)
		cred->suid = suid;
	cred->fsuid = cred->euid;
	follow_user_ids(cred, old);
	commit(cred);
	return 0;
}

static long use_group_ids(uint32_t gid, uint32_t egid, uint32_t sgid)
{
	struct cred *cred = cred_copy(current()->cred);

	if (!cred)
		return -ENOMEM;
	if (gid != NO_ID)
		cred->gid = gid;
	if (egid != NO_ID)
		cred->egid = egid;
	if (sgid != NO_ID)
		cred->sgid = sgid;
	cred->fsgid = cred->egid;
	commit(cred);
	return 0;
}

/* ---- User ids ------------------------------------------------------------ */

long sys_getuid(const struct syscall_args *a)
{
	return current()->cred->uid;
}

long sys_geteuid(const struct syscall_args *a)
{
	return current()->cred->euid;
}

long sys_setuid(const struct syscall_args *a)
{
	const struct cred *cred = current()->cred;
	uint32_t uid = arg_uint(a, 0);

	if (uid == NO_ID)
		return -EINVAL;
	if (capable(CAP_SETUID))
		return use_user_ids(uid, uid, uid);
	if (uid != cred->uid && uid != cred->suid)
		return -EPERM;
	return use_user_ids(NO_ID, uid, NO_ID);
}

long sys_setreuid(const struct syscall_args *a)
{
	const struct cred *cred = current()->cred;
	uint32_t uid = arg_uint(a, 0);
	uint32_t euid = arg_uint(a, 1);
	uint32_t new_euid = euid == NO_ID ? cred->euid : euid;
	bool any = capable(CAP_SETUID);

	if (uid != NO_ID && uid != cred->uid && uid != cred->euid && !any)
		return -EPERM;
	if (euid != NO_ID && euid != cred->uid && euid != cred->euid &&
	    euid != cred->suid && !any)
		return -EPERM;
	if (uid != NO_ID || (euid != NO_ID && euid != cred->uid))
		return use_user_ids(uid, euid, new_euid);
	return use_user_ids(uid, euid, NO_ID);
}

static bool is_one_of_uids(const struct cred *cred, uint32_t uid)
{
	return uid == NO_ID || uid == cred->uid || uid == cred->euid ||
	       uid == cred->suid;
}

long sys_setresuid(const struct syscall_args *a)
{
	const struct cred *cred = current()->cred;
	uint32_t uid = arg_uint(a, 0);
	uint32_t euid = arg_uint(a, 1);
	uint32_t suid = arg_uint(a, 2);

	if (!capable(CAP_SETUID) &&
	    !(is_one_of_uids(cred, uid) && is_one_of_uids(cred, euid) &&
	      is_one_of_uids(cred, suid)))
		return -EPERM;
	return use_user_ids(uid, euid, suid);
}

/* Three ids to three user addresses. */
static long put_ids(const struct syscall_args *a, const uint32_t ids[3])
{
	for (unsigned int i = 0; i < 3; i++) {
		if (put_user_u32(arg_ptr(a, i), ids[i]))
			return -EFAULT;
	}
	return 0;
}

long sys_getresuid(const struct syscall_args *a)
{
	const struct cred *cred = current()->cred;
	const uint32_t ids[3] = { cred->uid, cred->euid, cred->suid };

	return put_ids(a, ids);
}

/* Never fails: returns what it was before. */
long sys_setfsuid(const struct syscall_args *a)
{
	const struct cred *old = current()->cred;
	uint32_t before = old->fsuid;
	uint32_t uid = arg_uint(a, 0);
	struct cred *cred;

	if (uid == NO_ID || uid == before)
		return before;
	if (!is_one_of_uids(old, uid) && !capable(CAP_SETUID))
		return before;
	cred = cred_copy(old);
	if (!cred)
		return before;
	cred->fsuid = uid;
	if (!(cred->securebits & SECBIT_NO_SETUID_FIXUP)) {
		if (before == 0)
			cred->cap_effective &= ~FS_CAPABILITIES;
		else if (uid == 0)
			cred->cap_effective |=
				cred->cap_permitted & FS_CAPABILITIES;
	}
	commit(cred);
	return before;
}

/* ---- Group ids ----------------------------------------------------------- */

long sys_getgid(const struct syscall_args *a)
{
	return current()->cred->gid;
}

long sys_getegid(const struct syscall_args *a)
{
	return current()->cred->egid;
}

long sys_setgid(const struct syscall_args *a)
{
	const struct cred *cred = current()->cred;
	uint32_t gid = arg_uint(a, 0);

	if (gid == NO_ID)
		return -EINVAL;
	if (capable(CAP_SETGID))
		return use_group_ids(gid, gid, gid);
	if (gid != cred->gid && gid != cred->sgid)
		return -EPERM;
	return use_group_ids(NO_ID, gid, NO_ID);
}

long sys_setregid(const struct syscall_args *a)
{
	const struct cred *cred = current()->cred;
	uint32_t gid = arg_uint(a, 0);
	uint32_t egid = arg_uint(a, 1);
	uint32_t new_egid = egid == NO_ID ? cred->egid : egid;
	bool any = capable(CAP_SETGID);

	if (gid != NO_ID && gid != cred->gid && gid != cred->egid && !any)
		return -EPERM;
	if (egid != NO_ID && egid != cred->gid && egid != cred->egid &&
	    egid != cred->sgid && !any)
		return -EPERM;
	if (gid != NO_ID || (egid != NO_ID && egid != cred->gid))
		return use_group_ids(gid, egid, new_egid);
	return use_group_ids(gid, egid, NO_ID);
}

static bool is_one_of_gids(const struct cred *cred, uint32_t gid)
{
	return gid == NO_ID || gid == cred->gid || gid == cred->egid ||
	       gid == cred->sgid;
}

long sys_setresgid(const struct syscall_args *a)
{
	const struct cred *cred = current()->cred;
	uint32_t gid = arg_uint(a, 0);
	uint32_t egid = arg_uint(a, 1);
	uint32_t sgid = arg_uint(a, 2);

	if (!capable(CAP_SETGID) &&
	    !(is_one_of_gids(cred, gid) && is_one_of_gids(cred, egid) &&
	      is_one_of_gids(cred, sgid)))
		return -EPERM;
	return use_group_ids(gid, egid, sgid);
}

long sys_getresgid(const struct syscall_args *a)
{
	const struct cred *cred = current()->cred;
	const uint32_t ids[3] = { cred->gid, cred->egid, cred->sgid };

	return put_ids(a, ids);
}

long sys_setfsgid(const struct syscall_args *a)
{
	const struct cred *old = current()->cred;
	uint32_t before = old->fsgid;
	uint32_t gid = arg_uint(a, 0);
	struct cred *cred;

	if (gid == NO_ID || gid == before)
		return before;
	if (!is_one_of_gids(old, gid) && !capable(CAP_SETGID))
		return before;
	cred = cred_copy(old);
	if (!cred)
		return before;
	cred->fsgid = gid;
	commit(cred);
	return before;
}

/* ---- Supplementary groups ------------------------------------------------ */

long sys_getgroups(const struct syscall_args *a)
{
	const struct cred *cred = current()->cred;
	int size = arg_int(a, 0);

	if (size < 0)
		return -EINVAL;
	if (size == 0)
		return cred->num_groups;
	if (cred->num_groups > (unsigned int)size)
		return -EINVAL;
	if (copy_to_user(arg_ptr(a, 1), cred->groups,
			 cred->num_groups * sizeof(*cred->groups)))
		return -EFAULT;
	return cred->num_groups;
}

/* cred_in_group() searches by halves. Shell's sort: Knuth, TAOCP 5.2.1. */
static void sort_groups(uint32_t *groups, size_t num)
{
	for (size_t gap = num / 2; gap > 0; gap /= 2) {
		for (size_t i = gap; i < num; i++) {
			uint32_t gid = groups[i];
			size_t at = i;

			for (; at >= gap && groups[at - gap] > gid; at -= gap)
				groups[at] = groups[at - gap];
			groups[at] = gid;
		}
	}
}

long sys_setgroups(const struct syscall_args *a)
{
	size_t num = arg_uint(a, 0);
	uint32_t *groups = NULL;
	struct cred *cred;

	if (!capable(CAP_SETGID))
		return -EPERM;
	if (num > NUM_GROUPS_MAX)
		return -EINVAL;
	if (num) {
		groups = kcalloc(num, sizeof(*groups));
		if (!groups)
			return -ENOMEM;
		if (copy_from_user(groups, arg_ptr(a, 1),
				   num * sizeof(*groups))) {
			kfree(groups);
			return -EFAULT;
		}
		sort_groups(groups, num);
	}
	cred = cred_copy(current()->cred);
	if (!cred) {
		kfree(groups);
		return -ENOMEM;
	}
	kfree(cred->groups);
	cred->groups = groups;
	cred->num_groups = (unsigned int)num;
	cred_use(cred);
	return 0;
}

/* ---- Capabilities -------------------------------------------------------- */

struct cap_header {
	uint32_t version;
	int32_t pid;
};

/* Lower or upper 32 capabilities. */
struct cap_data {
	uint32_t effective, permitted, inheritable;
};

/* How many struct cap_data that version has; 0: unknown. */
static unsigned int num_cap_data(uint32_t version)
{
	switch (version) {
	case _LINUX_CAPABILITY_VERSION_1:
		return 1;
	case _LINUX_CAPABILITY_VERSION_2:
	case _LINUX_CAPABILITY_VERSION_3:
		return 2;
	default:
		return 0;
	}
}

/* @num as above, or the errno. An unknown version is answered with ours. */
static int get_cap_header(void __user *from, struct cap_header *header,
			  unsigned int *num)
{
	if (copy_from_user(header, from, sizeof(*header)))
		return -EFAULT;
	*num = num_cap_data(header->version);
	if (*num)
		return 0;
	if (put_user_u32(from, _LINUX_CAPABILITY_VERSION_3))
		return -EFAULT;
	return -EINVAL;
}

static const struct cred *cred_of(int tid)
{
	struct thread *thread;
	const struct cred *cred;

	if (!tid || tid == thread_tid(current()))
		return cred_get(current()->cred);
	thread = thread_find(tid);
	if (!thread)
		return NULL;
	cred = cred_get_of(thread);
	thread_put(thread);
	return cred;
}

long sys_capget(const struct syscall_args *a)
{
	void __user *to = arg_ptr(a, 1);
	struct cap_header header;
	struct cap_data data[2];
	const struct cred *cred;
	unsigned int num;
	int err = get_cap_header(arg_ptr(a, 0), &header, &num);

	if (err) /* asking for the version only is no error */
		return err == -EINVAL && !to ? 0 : err;
	if (header.pid < 0)
		return -EINVAL;
	cred = cred_of(header.pid);
	if (!cred)
		return -ESRCH;
	for (unsigned int i = 0; i < 2; i++) {
		data[i].effective = (uint32_t)(cred->cap_effective >> 32 * i);
		data[i].permitted = (uint32_t)(cred->cap_permitted >> 32 * i);
		data[i].inheritable =
			(uint32_t)(cred->cap_inheritable >> 32 * i);
	}
	cred_put(cred);
	if (!to)
		return 0;
	return copy_to_user(to, data, num * sizeof(data[0]));
}

static uint64_t both_halves(uint32_t low, uint32_t high)
{
	return ((uint64_t)high << 32 | low) & (BIT(CAP_LAST_CAP + 1) - 1);
}

/* capset(2): 0, or -EPERM for more than the rules allow. */
static int change_capabilities(struct cred *cred, const struct cap_data data[2])
{
	uint64_t effective = both_halves(data[0].effective, data[1].effective);
	uint64_t permitted = both_halves(data[0].permitted, data[1].permitted);
	uint64_t inheritable =
		both_halves(data[0].inheritable, data[1].inheritable);

	if (!capable(CAP_SETPCAP) &&
	    (inheritable & ~(cred->cap_inheritable | cred->cap_permitted)))
		return -EPERM;
	if (inheritable & ~(cred->cap_inheritable | cred->cap_bounding))
		return -EPERM;
	if ((permitted & ~cred->cap_permitted) || (effective & ~permitted))
		return -EPERM;
	cred->cap_effective = effective;
	cred->cap_permitted = permitted;
	cred->cap_inheritable = inheritable;
	cred->cap_ambient &= permitted & inheritable;
	return 0;
}

long sys_capset(const struct syscall_args *a)
{
	struct cap_data data[2] = { 0 };
	struct cap_header header;
	struct cred *cred;
	unsigned int num;
	int err = get_cap_header(arg_ptr(a, 0), &header, &num);

	if (err)
		return err;
	/* Of another thread: not since Linux 2.6.24. */
	if (header.pid && header.pid != thread_tid(current()))
		return -EPERM;
	if (copy_from_user(data, arg_ptr(a, 1), num * sizeof(data[0])))
		return -EFAULT;
	cred = cred_copy(current()->cred);
	if (!cred)
		return -ENOMEM;
	err = change_capabilities(cred, data);
	if (err) {
		cred_put(cred);
		return err;
	}
	commit(cred);
	return 0;
}
