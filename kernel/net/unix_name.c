/* SPDX-License-Identifier: MIT */
/*
 * unix_name.c - names of AF_UNIX sockets, and who bears them
 *
 * A name is a path (its inode says who is bound), or abstract: any bytes after
 * a NUL, known to a hash table only, gone with the socket.
 *
 * Locks: name_lock for the table, for inode->socket and for self->path. The
 * path itself is made and looked up with no lock held.
 * Source: unix(7), "Address format".
 */
#include "kernel/net/internal.h"

#include "kernel/abi/fcntl.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/vfs/inode.h"

#define NUM_BUCKETS 64u
/* Names that bind(2) invents: a NUL and five hexadecimal digits. */
#define AUTO_NAMES 0x100000u

static struct spinlock name_lock = SPINLOCK_INIT(LOCK_SPIN_MISC);
/* Singly headed by first use: an empty bucket has next NULL. */
static struct list_head buckets[NUM_BUCKETS]; /* name_lock */

/* ---- Names --------------------------------------------------------------- */

void unix_name_put(struct unix_name *name)
{
	if (name && refcount_put(&name->refs))
		kfree(name);
}

void unix_name_copy(const struct unix_name *name,
		    struct socket_address *address)
{
	if (!name) {
		address->size = sizeof(address->family);
		address->family = AF_UNIX;
		return;
	}
	address->size = name->size;
	memcpy(&address->storage, &name->family, name->size);
}

static bool is_abstract(const struct unix_name *name)
{
	return name->path[0] == '\0';
}

/* A name of @path_size bytes; NULL: no memory. */
static struct unix_name *name_create(const char *path, size_t path_size)
{
	struct unix_name *name = kzalloc(sizeof(*name));

	if (!name)
		return NULL;
	refcount_init(&name->refs, 1);
	name->family = AF_UNIX;
	memcpy(name->path, path, path_size);
	/* A path counts with its NUL, wherever the program ended it. */
	if (!is_abstract(name))
		path_size = strlen(name->path) + 1;
	name->size = (unsigned int)(UNIX_PATH_OFFSET + path_size);
	return name;
}

static int check_address(const struct socket_address *address)
{
	if (address->size <= UNIX_PATH_OFFSET ||
	    address->size > sizeof(struct sockaddr_un) ||
	    address->family != AF_UNIX)
		return -EINVAL;
	return 0;
}

static int name_from_address(const struct socket_address *address,
			     struct unix_name **out)
{
	int err = check_address(address);

	if (err)
		return err;
	*out = name_create(address->un.sun_path,
			   address->size - UNIX_PATH_OFFSET);
	return *out ? 0 : -ENOMEM;
}

/* ---- The table of abstract names ----------------------------------------- */

static struct list_head *bucket_of(const struct unix_name *name,
				   unsigned int type) MUST_HOLD(name_lock)
{
	uint32_t hash = type;
	unsigned int i;
	struct list_head *bucket;

	for (i = 0; i < name->size - UNIX_PATH_OFFSET; i++)
		hash = hash * 31 + (unsigned char)name->path[i];
	bucket = &buckets[hash % NUM_BUCKETS];
	if (!bucket->next)
		list_init(bucket);
	return bucket;
}

static struct unix_socket *find_abstract(const struct unix_name *name,
					 unsigned int type) MUST_HOLD(name_lock)
{
	struct unix_socket *self;

	list_for_each (self, bucket_of(name, type), name_node) {
		if (self->socket.type == type &&
		    self->name->size == name->size &&
		    !memcmp(self->name->path, name->path,
			    name->size - UNIX_PATH_OFFSET))
			return self;
	}
	return NULL;
}

/* @self, locked and without a name, gets @name (taken over if it works). */
static int take_abstract(struct unix_socket *self, struct unix_name *name)
	MUST_HOLD(self->lock)
{
	int err = -EADDRINUSE;

	spin_lock(&name_lock);
	if (!find_abstract(name, self->socket.type)) {
		self->name = name;
		list_push_back(bucket_of(name, self->socket.type),
			       &self->name_node);
		err = 0;
	}
	spin_unlock(&name_lock);
	return err;
}

/* ---- Binding ------------------------------------------------------------- */

static int bind_abstract(struct unix_socket *self, struct unix_name *name)
{
	int err = -EINVAL;

	mutex_lock(&self->lock);
	if (!self->name)
		err = take_abstract(self, name);
	mutex_unlock(&self->lock);
	return err;
}

static int bind_path(struct unix_socket *self, struct unix_name *name)
{
	struct path path;
	int err = vfs_make_socket(name->path, 0777, &path);

	if (err)
		return err;
	mutex_lock(&self->lock);
	if (self->name) {
		err = -EINVAL; /* two threads at once; the node stays */
	} else {
		spin_lock(&name_lock);
		self->name = name;
		self->path = path;
		path.dentry->inode->socket = self;
		spin_unlock(&name_lock);
	}
	mutex_unlock(&self->lock);
	if (err)
		path_put(&path);
	return err;
}

int unix_bind(struct unix_socket *self, const struct socket_address *address)
{
	struct unix_name *name;
	int err;

	if (address->size == UNIX_PATH_OFFSET && address->family == AF_UNIX)
		return unix_bind_auto(self);
	err = name_from_address(address, &name);
	if (err)
		return err;
	if (READ_ONCE(self->name))
		err = -EINVAL;
	else if (is_abstract(name))
		err = bind_abstract(self, name);
	else
		err = bind_path(self, name);
	if (err)
		unix_name_put(name);
	return err;
}

int unix_bind_auto(struct unix_socket *self)
{
	static unsigned int next; /* a hint where to look */
	unsigned int tries;
	int err = -EADDRINUSE;

	mutex_lock(&self->lock);
	if (self->name)
		err = 0;
	for (tries = 0; tries < AUTO_NAMES && err == -EADDRINUSE; tries++) {
		unsigned int number =
			__atomic_fetch_add(&next, 1, __ATOMIC_RELAXED);
		struct unix_name *name;
		char text[8];

		format_string(text, sizeof(text), "%c%05x", 0,
			      number % AUTO_NAMES);
		name = name_create(text, 6);
		if (!name) {
			err = -ENOMEM;
			break;
		}
		err = take_abstract(self, name);
		if (err)
			unix_name_put(name);
	}
	mutex_unlock(&self->lock);
	return err == -EADDRINUSE ? -ENOSPC : err;
}

void unix_unbind(struct unix_socket *self)
{
	struct path path;

	spin_lock(&name_lock);
	path = self->path;
	self->path = (struct path){ 0 };
	if (path.dentry && path.dentry->inode->socket == self)
		path.dentry->inode->socket = NULL;
	list_remove(&self->name_node);
	spin_unlock(&name_lock);
	if (path.dentry)
		path_put(&path);
}

/* ---- Finding ------------------------------------------------------------- */

static int find_by_path(const struct unix_name *name, unsigned int type,
			struct unix_socket **out)
{
	struct unix_socket *found;
	struct inode *inode;
	struct path path;
	int err;

	err = path_lookup(NULL, name->path, LOOKUP_FOLLOW, &path, NULL);
	if (err)
		return err;
	inode = path.dentry->inode;
	err = inode_permission(inode, MAY_WRITE);
	if (err)
		goto put_path;

	spin_lock(&name_lock);
	found = inode->socket; /* NULL as well if it is no socket */
	if (!found)
		err = -ECONNREFUSED;
	else if (found->socket.type != type)
		err = -EPROTOTYPE;
	else
		*out = unix_get(found);
	spin_unlock(&name_lock);
put_path:
	path_put(&path);
	return err;
}

static int find_by_abstract(const struct unix_name *name, unsigned int type,
			    struct unix_socket **out)
{
	struct unix_socket *found;

	spin_lock(&name_lock);
	found = find_abstract(name, type);
	if (found)
		*out = unix_get(found);
	spin_unlock(&name_lock);
	return found ? 0 : -ECONNREFUSED;
}

int unix_find(const struct socket_address *address, unsigned int type,
	      struct unix_socket **out)
{
	struct unix_name *name;
	int err = name_from_address(address, &name);

	if (err)
		return err;
	if (is_abstract(name))
		err = find_by_abstract(name, type, out);
	else
		err = find_by_path(name, type, out);
	unix_name_put(name);
	return err;
}
