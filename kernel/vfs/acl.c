/* SPDX-License-Identifier: MIT */
/*
 * acl.c - access control lists: who may do what beyond owner, group, others
 */
#include "kernel/vfs/acl.h"

#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/vfs/internal.h"

#define PROGRAM_VERSION 2u

static struct acl_entry *find(struct acl *acl, unsigned int tag)
{
	for (unsigned int i = 0; i < acl->count; i++)
		if (acl->entry[i].tag == tag)
			return &acl->entry[i];
	return NULL;
}

/* ---- The form of programs ---- */

/* Sorted by kind, one of each basic kind, a mask if needed. */
int acl_parse(struct acl *acl, const void *value, size_t size)
{
	unsigned int named = 0, seen = 0, last = 0;
	const char *p = value;
	uint32_t version;

	if (size < 4 || (size - 4) % 8 || (size - 4) / 8 > ACL_MAX_ENTRIES)
		return -EINVAL;
	memcpy(&version, p, 4);
	if (version != PROGRAM_VERSION)
		return -EOPNOTSUPP;
	acl->count = (unsigned int)(size - 4) / 8;
	for (unsigned int i = 0; i < acl->count; i++) {
		struct acl_entry *e = &acl->entry[i];

		memcpy(e, p + 4 + 8UL * i, 8);
		if (e->tag < last || e->perm > 7 || e->tag > ACL_OTHER ||
		    (e->tag & (e->tag - 1)) || !e->tag ||
		    (seen & e->tag && !acl_has_id(e->tag)))
			return -EINVAL;
		last = e->tag;
		seen |= e->tag;
		named += acl_has_id(e->tag);
	}
	if (!(seen & ACL_USER_OBJ) || !(seen & ACL_GROUP_OBJ) ||
	    !(seen & ACL_OTHER) || (named && !(seen & ACL_MASK)))
		return -EINVAL;
	return 0;
}

size_t acl_size(const struct acl *acl)
{
	return 4 + 8ul * acl->count;
}

void acl_make_value(const struct acl *acl, void *to)
{
	uint32_t version = PROGRAM_VERSION;

	memcpy(to, &version, 4);
	for (unsigned int i = 0; i < acl->count; i++) {
		struct acl_entry e = acl->entry[i];

		if (!acl_has_id(e.tag))
			e.id = UINT32_MAX;
		memcpy((char *)to + 4 + 8UL * i, &e, 8);
	}
}

/* ---- The mode ---- */

bool acl_is_more_than_mode(const struct acl *acl)
{
	return acl->count > 3;
}

/* The three entries that the mode shows. */
static bool find_mode(struct acl *acl, struct acl_entry **user,
		      struct acl_entry **group, struct acl_entry **other)
{
	*user = find(acl, ACL_USER_OBJ);
	*group = find(acl, ACL_MASK);
	*other = find(acl, ACL_OTHER);
	if (!*group)
		*group = find(acl, ACL_GROUP_OBJ);
	return *user && *group && *other;
}

bool acl_get_mode(struct acl *acl, uint32_t *mode)
{
	struct acl_entry *user, *group, *other;

	if (!find_mode(acl, &user, &group, &other))
		return false;
	*mode = (user->perm & 7u) << 6 | (group->perm & 7u) << 3 |
		(other->perm & 7u);
	return true;
}

bool acl_set_mode(struct acl *acl, uint32_t mode)
{
	struct acl_entry *user, *group, *other;

	if (!find_mode(acl, &user, &group, &other))
		return false;
	user->perm = mode >> 6 & 7;
	group->perm = mode >> 3 & 7;
	other->perm = mode & 7;
	return true;
}

/* ---- Asking ---- */

int inode_acl_make(const struct acl *acl, struct inode_acl **out)
{
	unsigned int count = acl ? acl->count : 0;
	size_t size = count * sizeof(struct acl_entry);

	*out = kmalloc(sizeof(**out) + size);
	if (!*out)
		return -ENOMEM;
	(*out)->count = count;
	if (count)
		memcpy((*out)->entry, acl->entry, size);
	return 0;
}

static void free_acl(struct deferred *deferred)
{
	kfree(container_of(deferred, struct inode_acl, deferred));
}

void inode_acl_use(struct inode *inode, struct inode_acl *acl)
{
	/* Its entries are there for who finds it: inode_acl_allows(). */
	struct inode_acl *old =
		__atomic_exchange_n(&inode->acl, acl, __ATOMIC_ACQ_REL);

	if (old)
		deferred_call(&old->deferred, free_acl);
}

/* Named entries and the group's allow no more than the mask does. */
static bool mask_allows(const struct inode_acl *acl, unsigned int may)
{
	for (unsigned int i = 0; i < acl->count; i++)
		if (acl->entry[i].tag == ACL_MASK)
			return !(may & ~acl->entry[i].perm);
	return true;
}

/* acl(5), "Access check algorithm", from the named users on. */
static bool allows(const struct inode_acl *acl, const struct inode *inode,
		   const struct cred *cred, unsigned int may)
{
	bool in_group = false;

	for (unsigned int i = 0; i < acl->count; i++) {
		const struct acl_entry *e = &acl->entry[i];
		bool enough = !(may & ~(unsigned int)e->perm);

		if (e->tag == ACL_USER && e->id == cred->fsuid)
			return enough && mask_allows(acl, may);
		if (e->tag == ACL_OTHER)
			return enough && !in_group;
		if ((e->tag == ACL_GROUP_OBJ &&
		     cred_in_group(cred, inode->gid)) ||
		    (e->tag == ACL_GROUP && cred_in_group(cred, e->id))) {
			in_group = true;
			if (enough)
				return mask_allows(acl, may);
		}
	}
	return false;
}

bool inode_acl_allows(const struct inode *inode, const struct cred *cred,
		      unsigned int may)
{
	const struct inode_acl *acl;
	bool result;

	read_enter();
	/* Pairs with the exchange in inode_acl_use(). */
	acl = __atomic_load_n(&inode->acl, __ATOMIC_ACQUIRE);
	result = acl && allows(acl, inode, cred, may & 7);
	read_leave();
	return result;
}
