/* SPDX-License-Identifier: MIT */
/*
 * cred.h - on whose behalf something is done
 *
 * Immutable once a thread uses it: to change, copy, change the copy, replace
 * the pointer (credentials(7), capabilities(7)).
 */
#pragma once

#include "kernel/lib/refcount.h"

#define NUM_GROUPS_MAX 65536

struct cred {
	struct refcount refs;
	uint32_t uid, euid, suid, fsuid;
	uint32_t gid, egid, sgid, fsgid;
	uint64_t cap_permitted, cap_effective, cap_inheritable, cap_bounding,
		cap_ambient;
	unsigned int securebits;
	bool no_new_privs;
	unsigned int num_groups;
	uint32_t *groups; /* sorted; owned */
};

const struct cred *cred_get(const struct cred *cred);
void cred_put(const struct cred *cred);
/* A private copy to change; NULL: no memory. */
struct cred *cred_copy(const struct cred *cred);
/* The current thread goes on with @cred (reference taken over). */
void cred_use(struct cred *cred);
/* Root with everything: for the first process. */
const struct cred *cred_root(void);
bool cred_in_group(const struct cred *cred, uint32_t gid);
/* @capability: CAP_* of capabilities(7). */
static inline bool cred_capable(const struct cred *cred, int capability)
{
	return (cred->cap_effective >> capability) & 1;
}
/* Of the current thread. */
bool capable(int capability);
