/* SPDX-License-Identifier: MIT */
/*
 * ioctl.c - the flags that chattr(1) shows and sets
 *
 * Source: ioctl_iflags(2).
 */
#include "kernel/fs/ext4/internal.h"

#include "kernel/mm/user_copy.h"
#include "kernel/sched/thread.h"
#include "kernel/vfs/cred.h"
#include "kernel/vfs/file.h"

#include <linux/capability.h>

/* What can be set here; the rest stays as it is. */
#define SETTABLE                                                               \
	(INODE_SYNC | INODE_IMMUTABLE | INODE_APPEND | 0x40u | 0x80u |         \
	 0x10000u | 0x1u | 0x2u)

static long set_flags(struct inode *inode, uint32_t flags)
{
	struct ext4_inode *ei = ext4_of(inode);
	const struct cred *cred = current()->cred;
	const uint32_t guarded = INODE_IMMUTABLE | INODE_APPEND;
	long err;

	if (cred->fsuid != inode->uid && !cred_capable(cred, CAP_FOWNER))
		return -EACCES;
	if ((flags ^ ei->flags) & INODE_USER_MODIFY & ~SETTABLE)
		return -EOPNOTSUPP;
	if ((flags ^ ei->flags) & guarded &&
	    !cred_capable(cred, CAP_LINUX_IMMUTABLE))
		return -EPERM;
	ei->flags = (ei->flags & ~SETTABLE) | (flags & SETTABLE);
	inode_touch_ctime(inode);
	err = ext4_inode_dirty_now(inode);
	return err;
}

static long put_word(unsigned long arg, uint32_t word)
{
	void __user *to = (void __user *)arg;

	return copy_to_user_partial(to, &word, sizeof(word)) == sizeof(word)
		       ? 0
		       : -EFAULT;
}

static long get_word(unsigned long arg, uint32_t *word)
{
	const void __user *from = (const void __user *)arg;

	return copy_from_user_partial(word, from, sizeof(*word)) ==
			       sizeof(*word)
		       ? 0
		       : -EFAULT;
}

long ext4_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct inode *inode = file->inode;
	uint32_t flags = 0;
	long err;

	switch (cmd) {
	case FS_IOC_GETFLAGS:
		return put_word(arg,
				ext4_of(inode)->flags & INODE_USER_VISIBLE);
	case FS_IOC_GETVERSION:
		return put_word(arg, ext4_of(inode)->generation);
	case FS_IOC_SETFLAGS:
		err = get_word(arg, &flags);
		if (err)
			return err;
		mutex_lock(&inode->lock);
		err = set_flags(inode, flags);
		mutex_unlock(&inode->lock);
		return err;
	default:
		return -ENOTTY;
	}
}
