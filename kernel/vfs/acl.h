/* SPDX-License-Identifier: MIT */
/*
 * acl.h - access control lists: who may do what beyond owner, group, others
 *
 * Idea: a list is entries of a kind, permissions, and for named users and groups
 * their number. The owner's, the others', and the mask's (or, without a mask, the
 * group's) permissions are the mode's as well: whoever changes one changes the
 * other. A list that says no more than the mode is not kept. File systems store
 * lists; what is asked at each access, inode->acl, is a copy in memory.
 *
 * Locks: inode->lock to change inode->acl; it is read without (sync/deferred.h).
 * Source: acl(5); POSIX 1003.1e draft 17.
 */
#pragma once

#include "kernel/sync/deferred.h"

struct cred;
struct inode;

#define ACL_MAX_ENTRIES 128u
/* Bytes of the form that programs see (xattr(7)). */
#define ACL_MAX_SIZE (4 + 8 * ACL_MAX_ENTRIES)

#define ACL_NAME_PREFIX  "system.posix_acl_"
#define ACL_NAME_ACCESS  "system.posix_acl_access"
#define ACL_NAME_DEFAULT "system.posix_acl_default"

enum acl_tag {
	ACL_USER_OBJ = 1,
	ACL_USER = 2,
	ACL_GROUP_OBJ = 4,
	ACL_GROUP = 8,
	ACL_MASK = 16,
	ACL_OTHER = 32,
};

struct acl_entry {
	uint16_t tag, perm;
	uint32_t id;
};

/* To work with; too large for a stack. */
struct acl {
	unsigned int count;
	struct acl_entry entry[ACL_MAX_ENTRIES];
};

/* inode->acl; fixed. */
struct inode_acl {
	struct deferred deferred;
	unsigned int count; /* 0: could not be read, allows nobody */
	struct acl_entry entry[];
};

static inline bool acl_has_id(unsigned int tag)
{
	return tag == ACL_USER || tag == ACL_GROUP;
}

/* From the form of programs. 0, -EINVAL, -EOPNOTSUPP. */
int acl_parse(struct acl *acl, const void *value, size_t size);
size_t acl_size(const struct acl *acl);
/* @to has acl_size() bytes. */
void acl_make_value(const struct acl *acl, void *to);

/* Does the list say more than a mode can? */
bool acl_is_more_than_mode(const struct acl *acl);
/* Its permissions as those of a mode. False: a broken list. */
bool acl_get_mode(struct acl *acl, uint32_t *mode);
/* They become @mode's. False: a broken list. */
bool acl_set_mode(struct acl *acl, uint32_t mode);

/* A copy to be asked; @acl NULL: one that allows nobody. 0, -ENOMEM. */
int inode_acl_make(const struct acl *acl, struct inode_acl **out);
/* @inode has @acl (or NULL) from now on, and owns it. */
void inode_acl_use(struct inode *inode, struct inode_acl *acl);
/* Would inode->acl let @cred, who is not the owner, do all of @may (MAY_*)? */
bool inode_acl_allows(const struct inode *inode, const struct cred *cred,
		      unsigned int may);
