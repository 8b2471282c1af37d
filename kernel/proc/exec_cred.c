/* SPDX-License-Identifier: MIT */
/*
 * exec_cred.c - on whose behalf a new program runs
 *
 * Deliberate simplification: files carry no capabilities of their own
 * (security.capability); only set-user-ID, set-group-ID and root give any.
 */
#include "kernel/proc/exec_cred.h"
#include "kernel/abi/fcntl.h"
#include "kernel/abi/fs.h"
#include "kernel/sched/thread.h"
#include "kernel/vfs/cred.h"
#include "kernel/vfs/file.h"

#include <linux/securebits.h>

static bool may_change_ids(const struct file *file, const struct cred *cred)
{
	if (cred->no_new_privs)
		return false;
	return !file->path.mount || !(file->path.mount->flags & MS_NOSUID);
}

static void apply_mode_bits(struct cred *cred, const struct inode *inode)
{
	uint32_t mode = READ_ONCE(inode->mode);

	if (mode & S_ISUID)
		cred->euid = inode->uid;
	/* Without group execution the bit once meant mandatory locking. */
	if ((mode & S_ISGID) && (mode & S_IXGRP))
		cred->egid = inode->gid;
}

static void apply_capabilities(struct cred *cred, bool other_ids)
{
	bool root = !(cred->securebits & SECBIT_NOROOT) &&
		    (cred->uid == 0 || cred->euid == 0);

	if (other_ids)
		cred->cap_ambient = 0;
	if (root) {
		cred->cap_permitted =
			cred->cap_inheritable | cred->cap_bounding;
		cred->cap_effective = cred->euid == 0 ? cred->cap_permitted
						      : cred->cap_ambient;
	} else {
		cred->cap_permitted = cred->cap_ambient;
		cred->cap_effective = cred->cap_ambient;
	}
	cred->securebits &= ~(unsigned int)SECBIT_KEEP_CAPS;
}

struct cred *exec_cred(const struct file *file, bool *secure)
{
	const struct cred *old = current()->cred;
	struct cred *cred = cred_copy(old);

	if (!cred)
		return NULL;
	if (may_change_ids(file, old))
		apply_mode_bits(cred, file->inode);
	*secure = cred->euid != cred->uid || cred->egid != cred->gid;
	apply_capabilities(cred, *secure);
	cred->suid = cred->fsuid = cred->euid;
	cred->sgid = cred->fsgid = cred->egid;
	return cred;
}
