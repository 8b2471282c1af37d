/* SPDX-License-Identifier: MIT */
/*
 * cred.h - on whose behalf something is done
 *
 * Immutable once a thread uses it: to change, copy, change the copy, replace
 * the pointer (credentials(7), capabilities(7)).
 */
#pragma once

#include "kernel/lib/refcount.h"

struct thread;

#define NUM_GROUPS_MAX 65536

/*
 * What all threads of one real user have in common: how many they are
 * (RLIMIT_NPROC). One for each uid in use.
 */
struct user_account;

struct cred {
	struct refcount refs;
	struct user_account *user; /* of uid; cred_set_uid() */
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
/* Change the real uid of a private copy. 0, -ENOMEM. */
int cred_set_uid(struct cred *cred, uint32_t uid);
/* Those of another thread, with a reference; NULL: it has ended. */
const struct cred *cred_get_of(struct thread *thread);
/* Threads that @cred's user has now; and one more (fork) or less (exit). */
unsigned int cred_user_threads(const struct cred *cred);
void cred_count_thread(const struct cred *cred, int delta);
/* @thread ends: its credentials go. */
void cred_drop(struct thread *thread);
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
