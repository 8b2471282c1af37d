/* SPDX-License-Identifier: MIT */
/*
 * mount.c - file systems, and where their trees hang in the one tree
 *
 * Idea: a mount says "here, in that mount, the tree continues with this
 * dentry". The walk finds it by (mount, dentry) in a small hash; a flag in the
 * dentry spares the question everywhere else. A bind mount is the same with a
 * dentry of a file system that hangs elsewhere already.
 *
 * Invariants
 *   M1  A mount in the table has one reference for it; a mount with a parent
 *       holds one to it. So a mount without children and users has refs 1.
 *       Its references are spread over the harts only while it is in the table.
 *   M2  dentry.mount_point is set exactly while some mount in the table hangs
 *       on the dentry; the mount holds a reference to it.
 *   M3  The table is in the order of mounting: /proc/mounts.
 *
 * Locks: mount_table_lock for the table and all changes; who changes where a
 * mount hangs holds dentry_lock too and writes to dentry_seq, so the walk needs
 * only one of these. A mount is freed when all readers are done.
 * Source: mount(2), umount(2), mount_namespaces(7) (one namespace here;
 * propagation types are accepted and mean nothing).
 */
#include "kernel/vfs/path.h"

#include "kernel/debug/panic.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/vfs/internal.h"

#define MAX_FILE_SYSTEMS 24
#define NUM_BUCKETS      64u

/* Flags that belong to one mount; the others are the super block's. */
#define MOUNT_FLAGS                                                            \
	(MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME |           \
	 MS_NODIRATIME | MS_RELATIME)
#define SUPER_FLAGS       (MS_RDONLY | MS_SYNCHRONOUS | MS_DIRSYNC)
#define PROPAGATION_FLAGS (MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE)

struct mutex mount_table_lock = MUTEX_INIT(mount_table_lock, LOCK_MOUNT_TABLE);

/* Under mount_table_lock. */
static struct list_head mounts = LIST_HEAD_INIT(mounts);
static const struct file_system_type *types[MAX_FILE_SYSTEMS];
static int next_id = 1;

static struct chain buckets[NUM_BUCKETS]; /* with dentry_lock too */
static struct path root_path;             /* fixed after boot */

/* ---- Types ---- */

void file_system_register(const struct file_system_type *type)
{
	mutex_lock(&mount_table_lock);
	for (unsigned int i = 0; i < MAX_FILE_SYSTEMS; i++) {
		if (!types[i]) {
			types[i] = type;
			break;
		}
	}
	mutex_unlock(&mount_table_lock);
}

const struct file_system_type *file_system_at(unsigned int i)
{
	return i < MAX_FILE_SYSTEMS ? types[i] : NULL;
}

static const struct file_system_type *find_type(const char *name)
{
	const struct file_system_type *type;

	for (unsigned int i = 0; (type = file_system_at(i)); i++)
		if (strcmp(type->name, name) == 0)
			return type;
	return NULL;
}

/* ---- One mount ---- */

/* A mount of @root, in no table; refs is 1. NULL: no memory. */
static struct mount *mount_create(struct dentry *root, struct super_block *sb,
				  const char *source, unsigned int flags)
{
	struct mount *mount = kzalloc(sizeof(*mount));

	if (!mount)
		return NULL;
	mount->source = kstrdup(source);
	if (!mount->source) {
		kfree(mount);
		return NULL;
	}
	hart_refs_init(&mount->refs);
	refcount_get(&sb->refs);
	mount->sb = sb;
	mount->root = dentry_get(root);
	mount->flags = flags & MOUNT_FLAGS;
	if (!(flags & (MS_NOATIME | MS_STRICTATIME)))
		mount->flags |= MS_RELATIME;
	list_init(&mount->node);
	return mount;
}

void mount_get(struct mount *mount)
{
	hart_refs_get(&mount->refs);
}

static void free_memory(struct deferred *deferred)
{
	struct mount *mount = container_of(deferred, struct mount, deferred);

	hart_refs_destroy(&mount->refs);
	kfree(mount->source);
	kfree(mount);
}

void mount_put(struct mount *mount)
{
	struct super_block *sb;

	if (!mount || !hart_refs_put(&mount->refs))
		return;
	sb = mount->sb;
	super_block_sync(sb);
	dentry_put(mount->root);
	deferred_call(&mount->deferred, free_memory);
	super_block_put(sb);
}

const struct path *mount_root_path(void)
{
	return &root_path;
}

int path_may_write(const struct path *path)
{
	if (path->dentry->sb->flags & MS_RDONLY ||
	    (path->mount && path->mount->flags & MS_RDONLY))
		return -EROFS;
	return 0;
}

/* ---- The table ---- */

static struct chain *bucket_of(const struct mount *parent,
			       const struct dentry *dentry)
{
	uintptr_t mixed = ((uintptr_t)parent >> 5) ^ ((uintptr_t)dentry >> 6);

	return &buckets[(mixed ^ (mixed >> 6)) % NUM_BUCKETS];
}

struct mount *mount_find(const struct mount *parent,
			 const struct dentry *dentry)
{
	struct chain_node *node;

	chain_for_each(node, bucket_of(parent, dentry))
	{
		struct mount *mount =
			container_of(node, struct mount, hash_node);

		if (READ_ONCE(mount->parent) == parent &&
		    READ_ONCE(mount->mount_point) == dentry)
			return mount;
	}
	return NULL;
}

/* Hang @mount on @at; takes references to @at. */
static void attach(struct mount *mount, const struct path *at)
	MUST_HOLD(mount_table_lock)
{
	path_get(at);
	spin_lock(&dentry_lock);
	seq_write_begin(&dentry_seq);
	WRITE_ONCE(mount->parent, at->mount);
	WRITE_ONCE(mount->mount_point, at->dentry);
	WRITE_ONCE(at->dentry->mount_point, true);
	chain_push(bucket_of(at->mount, at->dentry), &mount->hash_node);
	seq_write_end(&dentry_seq);
	spin_unlock(&dentry_lock);
}

/* Does any mount hang on @dentry? (M2) */
static bool is_mount_point(const struct dentry *dentry)
	MUST_HOLD(mount_table_lock)
{
	struct mount *mount;

	list_for_each (mount, &mounts, node) {
		if (mount->mount_point == dentry)
			return true;
	}
	return false;
}

/* The opposite of attach; the references come back in @from. */
static void detach(struct mount *mount, struct path *from)
	MUST_HOLD(mount_table_lock)
{
	spin_lock(&dentry_lock);
	from->mount = mount->parent;
	from->dentry = mount->mount_point;
	seq_write_begin(&dentry_seq);
	chain_remove(&mount->hash_node);
	WRITE_ONCE(mount->parent, NULL);
	WRITE_ONCE(mount->mount_point, NULL);
	seq_write_end(&dentry_seq);
	spin_unlock(&dentry_lock);
	if (is_mount_point(from->dentry))
		return;
	spin_lock(&dentry_lock);
	WRITE_ONCE(from->dentry->mount_point, false);
	spin_unlock(&dentry_lock);
}

static void table_add(struct mount *mount) MUST_HOLD(mount_table_lock)
{
	mount->id = next_id++;
	list_push_back(&mounts, &mount->node);
	hart_refs_spread(&mount->refs);
}

static struct mount *first_child(const struct mount *parent)
	MUST_HOLD(mount_table_lock)
{
	struct mount *mount;

	list_for_each (mount, &mounts, node) {
		if (mount->parent == parent)
			return mount;
	}
	return NULL;
}

void mount_for_each(void (*fn)(struct mount *mount, void *arg), void *arg)
{
	struct mount *mount;

	mutex_lock(&mount_table_lock);
	list_for_each (mount, &mounts, node)
		fn(mount, arg);
	mutex_unlock(&mount_table_lock);
}

/* Is @path the root of a mount, and one that can be taken away? */
static bool is_mount_root(const struct path *path)
{
	return path->mount && path->dentry == path->mount->root;
}

/* ---- mount(2) ---- */

/*
 * Is the disk @source mounted already? Then its super block, with a reference,
 * hangs at one more place. 0, with *@out NULL if not; -EBUSY: it is, but not
 * with the same MS_RDONLY.
 */
static int find_mounted(const struct file_system_type *type, const char *source,
			unsigned int flags, struct super_block **out)
{
	struct mount *mount;
	struct path path;
	int err = 0;

	*out = NULL;
	/* What is wrong with a source is for type->mount() to say. */
	if (!type->needs_device || source[0] != '/' ||
	    path_lookup(NULL, source, LOOKUP_FOLLOW, &path, NULL))
		return 0;
	mutex_lock(&mount_table_lock);
	list_for_each (mount, &mounts, node) {
		struct super_block *sb = mount->sb;

		if (!S_ISBLK(path.dentry->inode->mode) || sb->type != type ||
		    !sb->bdev || sb->dev != path.dentry->inode->rdev)
			continue;
		if ((sb->flags ^ flags) & MS_RDONLY) {
			err = -EBUSY;
		} else {
			refcount_get(&sb->refs);
			*out = sb;
		}
		break;
	}
	mutex_unlock(&mount_table_lock);
	path_put(&path);
	return err;
}

static int get_super(const struct file_system_type *type, const char *source,
		     unsigned int flags, const char *options,
		     struct super_block **out)
{
	int err = find_mounted(type, source, flags, out);

	if (err || *out)
		return err;
	err = type->mount(type, source, flags & SUPER_FLAGS, options, out);
	if (!err)
		(*out)->flags |= flags & SUPER_FLAGS;
	return err;
}

static int mount_new(const char *source, const struct path *at,
		     const char *type_name, unsigned int flags,
		     const char *options)
{
	const struct file_system_type *type = find_type(type_name);
	struct super_block *sb;
	struct mount *mount;
	int err;

	if (!type)
		return -ENODEV;
	err = get_super(type, source, flags, options, &sb);
	if (err)
		return err;
	err = -ENOTDIR;
	if (S_ISDIR(sb->root->inode->mode) != S_ISDIR(at->dentry->inode->mode))
		goto put_super;
	err = -EBUSY; /* the very same thing is mounted here already */
	if (sb == at->mount->sb && is_mount_root(at))
		goto put_super;
	err = -ENOMEM;
	mount = mount_create(sb->root, sb, source, flags);
	if (!mount)
		goto put_super;

	mutex_lock(&mount_table_lock);
	attach(mount, at);
	table_add(mount);
	mutex_unlock(&mount_table_lock);
	err = 0;
put_super: /* the mount has a reference of its own */
	super_block_put(sb);
	return err;
}

static int remount_super(struct super_block *sb, unsigned int flags,
			 const char *options) MUST_HOLD(mount_table_lock)
{
	unsigned int old = sb->flags;
	int err = 0;

	if (flags & MS_RDONLY && !(old & MS_RDONLY)) {
		/* From now on nobody opens anything for writing: claim_write(). */
		__atomic_fetch_or(&sb->flags, MS_RDONLY, __ATOMIC_SEQ_CST);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (hart_count_sum(&sb->writers))
			err = -EBUSY;
	}
	if (!err && sb->ops->remount)
		err = sb->ops->remount(sb, flags, options);
	WRITE_ONCE(sb->flags, err ? old
				  : (old & ~(unsigned int)SUPER_FLAGS) |
					      (flags & SUPER_FLAGS));
	return err;
}

static int remount(const struct path *at, unsigned long flags,
		   const char *options)
{
	unsigned int new_flags = (unsigned int)flags & MOUNT_FLAGS;
	int err = 0;

	if (!is_mount_root(at))
		return -EINVAL;
	if (!(new_flags & MS_NOATIME))
		new_flags |= MS_RELATIME;
	mutex_lock(&mount_table_lock);
	if (!(flags & MS_BIND))
		err = remount_super(at->mount->sb, (unsigned int)flags,
				    options);
	if (!err)
		WRITE_ONCE(at->mount->flags, new_flags);
	mutex_unlock(&mount_table_lock);
	return err;
}

/* A second mount of the tree that @mount shows from @root on. */
static struct mount *mount_clone(const struct mount *mount, struct dentry *root)
{
	return mount_create(root, mount->sb, mount->source, mount->flags);
}

/*
 * With MS_REC: what is mounted below @from is mounted below @copy as well.
 * Copies are added behind @last, the end of the table before: not looked at.
 */
static int clone_children(const struct mount *from, struct mount *copy,
			  const struct mount *last) MUST_HOLD(mount_table_lock)
{
	struct mount *child, *child_copy;
	int err = 0;

	list_for_each (child, &mounts, node) {
		struct path at = { copy, child->mount_point };

		if (child->parent == from &&
		    dentry_is_below(child->mount_point, copy->root)) {
			child_copy = mount_clone(child, child->root);
			if (!child_copy)
				return -ENOMEM;
			attach(child_copy, &at);
			table_add(child_copy);
			err = clone_children(child, child_copy, last);
		}
		if (err || child == last)
			break;
	}
	return err;
}

static int mount_bind(const struct path *from, const struct path *at,
		      bool recursive)
{
	struct mount *copy, *last;
	int err = 0;

	if (S_ISDIR(from->dentry->inode->mode) !=
	    S_ISDIR(at->dentry->inode->mode))
		return -ENOTDIR;
	if (!from->mount)
		return -EINVAL;
	copy = mount_clone(from->mount, from->dentry);
	if (!copy)
		return -ENOMEM;
	mutex_lock(&mount_table_lock);
	last = list_last(&mounts, struct mount, node);
	attach(copy, at);
	table_add(copy);
	if (recursive)
		err = clone_children(from->mount, copy, last);
	mutex_unlock(&mount_table_lock);
	return err;
}

/* Is @mount @ancestor or mounted somewhere below it? */
static bool mount_is_below(const struct mount *mount,
			   const struct mount *ancestor)
	MUST_HOLD(mount_table_lock)
{
	while (mount && mount != ancestor)
		mount = mount->parent;
	return mount == ancestor;
}

static int mount_move(const struct path *from, const struct path *at)
{
	struct path old = { NULL, NULL };
	int err = 0;

	if (!is_mount_root(from))
		return -EINVAL;
	if (S_ISDIR(from->dentry->inode->mode) !=
	    S_ISDIR(at->dentry->inode->mode))
		return -ENOTDIR;
	mutex_lock(&mount_table_lock);
	if (!from->mount->parent)
		err = -EINVAL;
	else if (mount_is_below(at->mount, from->mount))
		err = -ELOOP;
	if (!err) {
		detach(from->mount, &old);
		attach(from->mount, at);
	}
	mutex_unlock(&mount_table_lock);
	if (old.dentry)
		path_put(&old);
	return err;
}

static int mount_from_path(const char *source, const struct path *at,
			   unsigned long flags)
{
	struct path from;
	int err;

	if (!*source)
		return -EINVAL;
	err = path_lookup(NULL, source, LOOKUP_FOLLOW, &from, NULL);
	if (err)
		return err;
	if (flags & MS_MOVE)
		err = mount_move(&from, at);
	else
		err = mount_bind(&from, at, flags & MS_REC);
	path_put(&from);
	return err;
}

int vfs_mount(const char *source, const char *target, const char *type,
	      unsigned long flags, const char *options)
{
	struct path at;
	int err;

	if ((flags & MS_MGC_MSK) == MS_MGC_VAL)
		flags &= ~(unsigned long)MS_MGC_MSK;
	err = path_lookup(NULL, target, LOOKUP_FOLLOW, &at, NULL);
	if (err)
		return err;
	if (!cred_capable(vfs_cred(), CAP_SYS_ADMIN))
		err = -EPERM;
	else if (!at.mount)
		err = -EINVAL;
	else if (flags & MS_REMOUNT)
		err = remount(&at, flags, options);
	else if (flags & (MS_BIND | MS_MOVE))
		err = mount_from_path(source, &at, flags);
	else if (flags & PROPAGATION_FLAGS)
		err = is_mount_root(&at) ? 0 : -EINVAL;
	else
		err = mount_new(source, &at, type, (unsigned int)flags,
				options);
	path_put(&at);
	return err;
}

/* ---- umount(2) ---- */

/* Take @mount and all below it out of the tree; the table's references go to
 * the list @gone. */
static void unhang_tree(struct mount *mount, struct list_head *gone)
	MUST_HOLD(mount_table_lock)
{
	struct mount *child;
	struct path from;

	while ((child = first_child(mount)))
		unhang_tree(child, gone);
	detach(mount, &from);
	path_put(&from);
	list_remove(&mount->node);
	list_push_back(gone, &mount->node);
}

static void put_mounts(struct list_head *gone)
{
	while (!list_empty(gone)) {
		struct mount *mount = list_first(gone, struct mount, node);

		list_remove(&mount->node);
		hart_refs_gather(&mount->refs);
		mount_put(mount);
	}
}

/* Beside the caller, who has a reference. If not, its references are gathered. */
static bool is_busy(struct mount *mount) MUST_HOLD(mount_table_lock)
{
	if (first_child(mount))
		return true;
	if (hart_refs_gather(&mount->refs) <= 2)
		return false;
	hart_refs_spread(&mount->refs);
	return true;
}

/* @mount is kept alive by one reference of the caller. */
static int unmount(struct mount *mount, int flags)
{
	struct list_head gone = LIST_HEAD_INIT(gone);
	int err = 0;

	mutex_lock(&mount_table_lock);
	if (mount == root_path.mount)
		err = -EBUSY;
	else if (!mount->parent) /* somebody was faster */
		err = -EINVAL;
	else if (!(flags & MNT_DETACH) && is_busy(mount))
		err = -EBUSY;
	else if (flags & MNT_EXPIRE && !mount->expiring) {
		/* The second time. That somebody used it in between is not
		 * noticed: every walk across it would have to say so. */
		mount->expiring = true;
		hart_refs_spread(&mount->refs);
		err = -EAGAIN;
	} else
		unhang_tree(mount, &gone);
	mutex_unlock(&mount_table_lock);
	put_mounts(&gone);
	return err;
}

int vfs_unmount(const char *target, int flags)
{
	struct path at;
	int err;

	if (flags & ~(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW))
		return -EINVAL;
	if (flags & MNT_EXPIRE && flags & (MNT_FORCE | MNT_DETACH))
		return -EINVAL;
	err = path_lookup(NULL, target,
			  flags & UMOUNT_NOFOLLOW ? 0 : LOOKUP_FOLLOW, &at,
			  NULL);
	if (err)
		return err;
	if (!cred_capable(vfs_cred(), CAP_SYS_ADMIN))
		err = -EPERM;
	else if (!is_mount_root(&at))
		err = -EINVAL;
	else
		err = unmount(at.mount, flags);
	path_put(&at);
	return err;
}

/* ---- The root ---- */

/* Mount @source with one of the types that live on disks. */
static int try_types(const char *source, const char *wanted, unsigned int flags,
		     const char *options)
{
	const struct file_system_type *type;
	int err = -ENODEV;

	for (unsigned int i = 0; (type = file_system_at(i)); i++) {
		if (!type->needs_device ||
		    (wanted && strcmp(type->name, wanted) != 0))
			continue;
		err = mount_new(source, &root_path, type->name, flags, options);
		/* Another may know better. */
		if (err != -EINVAL)
			break;
	}
	return err;
}

/* What hung below the old root is gone with it, but for the new one. */
static void replace_root(struct mount *mount, struct list_head *gone,
			 struct path *from) MUST_HOLD(mount_table_lock)
{
	struct mount *old = root_path.mount, *child;

	detach(mount, from);
	while ((child = first_child(old)))
		unhang_tree(child, gone);
	list_remove(&old->node);
	list_push_back(gone, &old->node);
	spin_lock(&dentry_lock);
	mount_get(mount);
	root_path.mount = mount;
	root_path.dentry = dentry_get(mount->root);
	spin_unlock(&dentry_lock);
}

int vfs_mount_disk_root(const char *source, const char *type,
			unsigned int flags, const char *options)
{
	struct list_head gone = LIST_HEAD_INIT(gone);
	struct path old = root_path, from = { NULL, NULL };
	int err = try_types(source, type, flags, options);
	struct mount *mount;

	if (err)
		return err;
	mutex_lock(&mount_table_lock);
	spin_lock(&dentry_lock);
	mount = mount_find(root_path.mount, root_path.dentry);
	spin_unlock(&dentry_lock);
	if (mount)
		replace_root(mount, &gone, &from);
	mutex_unlock(&mount_table_lock);
	if (!mount)
		return -EINVAL;
	path_put(&from);
	path_put(&old);
	put_mounts(&gone);
	return 0;
}

int vfs_mount_root(const struct file_system_type *type, const char *options)
{
	struct super_block *sb;
	int err;

	err = type->mount(type, type->name, 0, options, &sb);
	if (err)
		return err;
	root_path.mount = mount_create(sb->root, sb, "rootfs", 0);
	if (!root_path.mount)
		return -ENOMEM;
	super_block_put(sb);
	root_path.dentry = dentry_get(root_path.mount->root);
	mutex_lock(&mount_table_lock);
	table_add(root_path.mount);
	mutex_unlock(&mount_table_lock);
	return 0;
}
