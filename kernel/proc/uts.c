/* SPDX-License-Identifier: MIT */
/*
 * uts.c - the host name and the domain name
 */
#include "kernel/proc/uts.h"

#include "kernel/abi/errno.h"
#include "kernel/lib/string.h"
#include "kernel/sync/spinlock.h"

static struct spinlock names_lock = SPINLOCK_INIT(LOCK_LEAF);

/* Under names_lock. */
static char names[2][UTS_NAME_SIZE] = {
	[UTS_NODE_NAME] = "creance",
	[UTS_DOMAIN_NAME] = "(none)",
};

void uts_get_name(enum uts_name which, char name[UTS_NAME_SIZE])
{
	spin_lock(&names_lock);
	memcpy(name, names[which], UTS_NAME_SIZE);
	spin_unlock(&names_lock);
}

int uts_set_name(enum uts_name which, const char *name, size_t size)
{
	if (size >= UTS_NAME_SIZE)
		return -EINVAL;
	spin_lock(&names_lock);
	memset(names[which], 0, UTS_NAME_SIZE);
	memcpy(names[which], name, size);
	spin_unlock(&names_lock);
	return 0;
}
