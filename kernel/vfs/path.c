/* SPDX-License-Identifier: MIT */
/*
 * path.c - the walk along a path, name by name
 *
 * Idea: almost every name is in the dentry cache, so the walk runs along as far
 * as the cache goes, inside a read section: without a lock, and taking no
 * reference on its way: only where it ends. If a rename or a mount came between
 * (dentry_seq), or what it found is on its way out, it goes the same way again
 * with dentry_lock held. What needs a sleep (a name not in the cache, a symbolic
 * link, a file system that computes its files) is a slow step: take a reference
 * on where we are, leave the cache, do it, go on.
 *
 * Invariants
 *   W1  In the cache walk.at is kept alive by the lock or the read section, by
 *       walk.held, or by who owns the start (a thread's own fs_context, the
 *       open file of a dirfd).
 *   W2  walk.at is a positive dentry whenever we are not in the cache, or hold
 *       the lock there.
 *   W3  Not in the cache, walk.at is held or owned as the start is.
 *
 * A symbolic link replaces the rest of the path by its text and the rest
 * behind it; so links nest to any depth without recursion, and 40 of them are
 * the end (ELOOP).
 *
 * Locks: none, or dentry_lock; in slow steps the directory's inode lock.
 * Source: path_resolution(7), symlink(7). Read: OSTEP ch. 40 (path traversal).
 */
#include "kernel/vfs/path.h"

#include "kernel/debug/panic.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/sched/sched.h"
#include "kernel/vfs/internal.h"

#define MAX_LINKS 40u

/* What a step of the cached walk came to, beside 0 and errors. */
enum {
	STEP_SLOW = 1, /* nothing was done yet; walk->link, if any, is met */
	STEP_LOST = 2, /* without the lock: something changed just now */
};

struct component {
	const char *name;
	size_t len;
	uint32_t hash;
	const char *next; /* behind the slashes that follow */
	bool slash;       /* there were some */
	bool is_last;
};

/* ---- References ---- */

void path_get(const struct path *path)
{
	if (path->mount)
		mount_get(path->mount);
	if (path->dentry)
		dentry_get(path->dentry);
}

void path_put(const struct path *path)
{
	dentry_put(path->dentry);
	mount_put(path->mount);
}

static const struct path no_path;

/* Exchange what keeps walk->at alive; the lock is not held. */
static void walk_hold(struct walk *walk, const struct path *path)
{
	struct path old = walk->held;

	walk->held = *path;
	if (old.dentry)
		path_put(&old);
}

/* ---- Start and end ---- */

/*
 * The thread's root or cwd into @out. If no one else can change it meanwhile
 * it is borrowed, else @held gets references.
 */
static void borrow_from_context(const struct path *of, struct path *out,
				struct path *held)
{
	struct fs_context *fs = current()->fs;

	if (likely(refcount_read(&fs->refs) == 1)) {
		*out = *of;
		return;
	}
	spin_lock(&fs->lock);
	*out = *of;
	path_get(out);
	spin_unlock(&fs->lock);
	*held = *out;
}

/* The boundary of "..", and the start of absolute names. */
static void find_root(struct walk *walk)
{
	if (walk->root.dentry)
		return;
	if (current()->fs)
		borrow_from_context(&current()->fs->root, &walk->root,
				    &walk->held_root);
	else
		walk->root = *mount_root_path();
}

/* Continue at the root: the name began with a slash. */
static int walk_to_root(struct walk *walk)
{
	if (walk->flags & LOOKUP_BENEATH)
		return -EXDEV;
	find_root(walk);
	if (walk->flags & LOOKUP_NO_XDEV &&
	    walk->start_mount != walk->root.mount)
		return -EXDEV;
	walk->at = walk->root;
	return 0;
}

static void skip_slashes(struct walk *walk)
{
	while (*walk->rest == '/')
		walk->rest++;
}

int walk_start(struct walk *walk, const struct path *start, const char *name,
	       unsigned int flags)
{
	int err = 0;

	walk->held = walk->root = walk->held_root = no_path;
	walk->buffer = NULL;
	walk->flags = flags;
	walk->num_links = 0;
	walk->cred = vfs_cred();
	walk->rest = name;
	walk->last = (struct path_last){ name, 0, false };

	if (start)
		walk->at = *start;
	else if (current()->fs)
		borrow_from_context(&current()->fs->cwd, &walk->at,
				    &walk->held);
	else
		walk->at = *mount_root_path();
	walk->start_mount = walk->at.mount;
	if (flags & (LOOKUP_IN_ROOT | LOOKUP_BENEATH)) {
		walk->root = walk->held_root = walk->at;
		path_get(&walk->root);
	}
	if (!*name)
		return flags & LOOKUP_EMPTY ? 0 : -ENOENT;
	if (*name == '/') {
		err = walk_to_root(walk);
		skip_slashes(walk);
	}
	return err;
}

void walk_end(struct walk *walk)
{
	if (walk->held.dentry)
		path_put(&walk->held);
	if (walk->held_root.dentry)
		path_put(&walk->held_root);
	kfree(walk->buffer);
}

void walk_result(struct walk *walk, struct path *out)
{
	/* What is held is exactly the result: hand it over. */
	if (walk->held.dentry == walk->at.dentry &&
	    walk->held.mount == walk->at.mount) {
		walk->held = no_path;
	} else {
		path_get(&walk->at);
	}
	*out = walk->at;
}

/* ---- Steps through the cache; dentry_lock held, or in a read section ---- */

static void cross_mounts(struct path *path)
{
	struct mount *mount;

	while (unlikely(READ_ONCE(path->dentry->mount_point))) {
		mount = mount_find(path->mount, path->dentry);
		if (!mount)
			return;
		path->mount = mount;
		path->dentry = mount->root;
	}
}

static bool same_path(const struct path *a, const struct path *b)
{
	return a->dentry == b->dentry && a->mount == b->mount;
}

/* "..": up one, never above the root, across the edge of a mount. */
static int step_up(struct walk *walk)
{
	struct path at = walk->at, up;

	for (;;) {
		if (same_path(&at, &walk->root))
			return walk->flags & LOOKUP_BENEATH ? -EXDEV : 0;
		if (at.dentry != at.mount->root) {
			at.dentry = READ_ONCE(at.dentry->parent);
			break;
		}
		up.mount = READ_ONCE(at.mount->parent);
		up.dentry = READ_ONCE(at.mount->mount_point);
		if (!up.mount)
			return 0; /* the top of everything */
		if (unlikely(!up.dentry))
			return STEP_LOST;
		at = up;
	}
	cross_mounts(&at);
	if (walk->flags & LOOKUP_NO_XDEV && at.mount != walk->at.mount)
		return -EXDEV;
	walk->at = at;
	return 0;
}

static bool is_dot(const struct component *c)
{
	return c->len == 1 && c->name[0] == '.';
}

static bool is_dot_dot(const struct component *c)
{
	return c->len == 2 && c->name[0] == '.' && c->name[1] == '.';
}

/* Is the link at @c to be followed? Always on the way, else as asked. */
static bool wants_follow(const struct walk *walk, const struct component *c)
{
	return !c->is_last || c->slash || walk->flags & LOOKUP_FOLLOW;
}

static int step_to(struct walk *walk, struct dentry *child)
{
	struct mount *from = walk->at.mount;

	walk->at.dentry = child;
	cross_mounts(&walk->at);
	if (unlikely(walk->flags & LOOKUP_NO_XDEV) && walk->at.mount != from)
		return -EXDEV;
	return 0;
}

/* May the walk step from where it is, in the cache? As step_cached(). */
static force_inline int may_step(const struct walk *walk)
{
	struct inode *dir = READ_ONCE(walk->at.dentry->inode);

	if (unlikely(!dir))
		return STEP_LOST;
	if (unlikely(!S_ISDIR(dir->mode)))
		return -ENOTDIR;
	if (unlikely(dir->ops->refresh || dir->ops->still_valid))
		return STEP_SLOW;
	return likely(inode_may_search(walk->cred, dir)) ? 0 : -EACCES;
}

/* 0, an error, or one of STEP_*. */
static int step_cached(struct walk *walk, const struct component *c)
{
	struct dentry *child;
	struct inode *inode;
	int err = may_step(walk);

	if (unlikely(err))
		return err;
	if (c->name[0] == '.') {
		if (is_dot(c))
			return 0;
		if (is_dot_dot(c)) {
			find_root(walk);
			return step_up(walk);
		}
	}
	child = dentry_find(walk->at.dentry, c->name, c->len, c->hash);
	if (!child)
		return STEP_SLOW;
	inode = READ_ONCE(child->inode);
	if (!inode)
		return -ENOENT;
	if (unlikely(S_ISLNK(inode->mode)) && wants_follow(walk, c)) {
		if (!refcount_get_unless_zero(&child->refs))
			return STEP_LOST;
		walk->link = child;
		return STEP_SLOW;
	}
	return step_to(walk, child);
}

/*
 * LOOKUP_IF_THERE: to the last component, which is most often in the cache, and
 * no link to be followed. False: we are where we were.
 */
static bool step_to_last(struct walk *walk, const struct component *c)
{
	const struct path from = walk->at;
	const struct inode *inode;
	struct dentry *child;

	if (c->slash || is_dot(c) || is_dot_dot(c) || may_step(walk))
		return false;
	child = dentry_find(from.dentry, c->name, c->len, c->hash);
	inode = child ? READ_ONCE(child->inode) : NULL;
	if (!inode || (S_ISLNK(inode->mode) && walk->flags & LOOKUP_FOLLOW))
		return false;
	walk->arrived = !step_to(walk, child);
	if (!walk->arrived)
		walk->at = from;
	return walk->arrived;
}

/* ---- Slow steps; dentry_lock not held, walk->at is ---- */

/*
 * Continue with @text, then with what was left of the path. That may lie in
 * walk->small, where short ones are put together.
 */
static int replace_rest(struct walk *walk, const char *text, size_t len)
{
	size_t rest_len = strlen(walk->rest);
	/* A slash also when nothing follows but a slash did: "link/". */
	size_t slash = rest_len || walk->last.slash;
	char *buffer = NULL, *to = walk->small;

	if (len + slash + rest_len >= WALK_SMALL) {
		to = buffer = kmalloc(len + slash + rest_len + 1);
		if (!buffer)
			return -ENOMEM;
	}
	memmove(to + len + slash, walk->rest, rest_len + 1);
	memcpy(to, text, len);
	if (slash)
		to[len] = '/';
	kfree(walk->buffer);
	walk->buffer = buffer;
	walk->rest = to;
	if (*to == '/') {
		skip_slashes(walk);
		return walk_to_root(walk);
	}
	return 0;
}

/* The text of a link into @text; its length, which may fill all of @size. */
static ssize_t read_text(struct inode *inode, char *text, size_t size)
{
	ssize_t len = -EINVAL;

	if (inode->ops->readlink)
		len = inode->ops->readlink(inode, text, size);
	return len ? len : -ENOENT;
}

static int follow_long_text(struct walk *walk, struct inode *inode)
{
	char *text = kmalloc(PATH_MAX);
	ssize_t len;
	int err;

	if (!text)
		return -ENOMEM;
	len = read_text(inode, text, PATH_MAX - 1);
	err = len < 0 ? (int)len : replace_rest(walk, text, (size_t)len);
	kfree(text);
	return err;
}

static int follow_text(struct walk *walk, struct inode *inode)
{
	char text[WALK_SMALL];
	ssize_t len = read_text(inode, text, sizeof(text));

	if (len < 0)
		return (int)len;
	if (len == sizeof(text)) /* it may have been cut */
		return follow_long_text(walk, inode);
	return replace_rest(walk, text, (size_t)len);
}

static int follow_jump(struct walk *walk, struct inode *inode)
{
	struct path target;
	int err;

	if (walk->flags & LOOKUP_NO_MAGIC)
		return -ELOOP;
	if (walk->flags & (LOOKUP_BENEATH | LOOKUP_IN_ROOT))
		return -EXDEV;
	err = inode->ops->jump(inode, &target);
	if (err)
		return err;
	walk->at = target;
	walk_hold(walk, &target);
	return 0;
}

int walk_follow(struct walk *walk, struct dentry *link)
{
	struct inode *inode = link->inode;

	if (walk->flags & LOOKUP_NO_LINKS || ++walk->num_links > MAX_LINKS)
		return -ELOOP;
	inode_touch_atime(inode);
	if (inode->ops->jump)
		return follow_jump(walk, inode);
	return follow_text(walk, inode);
}

void walk_step_to(struct walk *walk, struct dentry *child, struct path *out)
{
	out->mount = walk->at.mount;
	out->dentry = child;
	if (likely(!READ_ONCE(child->mount_point))) {
		path_get(out);
		return;
	}
	spin_lock(&dentry_lock);
	cross_mounts(out);
	path_get(out);
	spin_unlock(&dentry_lock);
}

/*
 * In a directory where anybody may put a link for others to fall over (sticky
 * and writable by all, like /tmp), only one's own are followed, and those of
 * the directory's owner (fs.protected_symlinks of proc(5)).
 */
int walk_may_follow(const struct walk *walk, const struct inode *link)
{
	const struct inode *dir = walk->at.dentry->inode;
	const uint32_t both = S_ISVTX | S_IWOTH;

	if (likely((dir->mode & both) != both) ||
	    walk->cred->fsuid == link->uid || dir->uid == link->uid)
		return 0;
	return -EACCES;
}

/* Follow @link, met as @c. walk->at is held (W3). */
static int step_link(struct walk *walk, const struct component *c,
		     struct dentry *link)
{
	int err = c->is_last ? walk_may_follow(walk, link->inode) : 0;

	walk->last.slash = c->slash;
	return err ? err : walk_follow(walk, link);
}

/* Follow walk->link. */
static int step_cached_link(struct walk *walk, const struct component *c)
{
	int err = step_link(walk, c, walk->link);

	dentry_put(walk->link);
	return err;
}

/* One step of any kind. walk->at is held (W3). */
static int step_slow(struct walk *walk, const struct component *c)
{
	struct path at = { walk->at.mount, NULL };
	struct inode *dir = walk->at.dentry->inode;
	int err;

	err = inode_permission(dir, MAY_EXEC);
	if (err)
		return err;
	find_root(walk);
	if (is_dot(c))
		return 0;
	if (is_dot_dot(c)) {
		spin_lock(&dentry_lock);
		err = step_up(walk);
		at = walk->at;
		path_get(&at);
		spin_unlock(&dentry_lock);
		walk_hold(walk, &at);
		return err;
	}

	err = dentry_lookup(walk->at.dentry, c->name, c->len, c->hash,
			    &at.dentry);
	if (err)
		return err;
	if (!at.dentry->inode) {
		err = -ENOENT;
	} else if (S_ISLNK(at.dentry->inode->mode) && wants_follow(walk, c)) {
		err = step_link(walk, c, at.dentry);
	} else {
		struct dentry *child = at.dentry;

		spin_lock(&dentry_lock);
		err = step_to(walk, child);
		at = walk->at;
		path_get(&at);
		spin_unlock(&dentry_lock);
		walk_hold(walk, &at);
		dentry_put(child);
		return err;
	}
	dentry_put(at.dentry);
	return err;
}

/* ---- The walk ---- */

/* The component at @rest, hashed; -ENAMETOOLONG. */
static int next_component(const char *rest, struct component *c)
{
	const char *p = rest;
	uint32_t hash = NAME_HASH_START;

	while (*p && *p != '/')
		hash = name_hash_step(hash, *p++);
	c->name = rest;
	c->len = (size_t)(p - rest);
	c->hash = hash;
	c->slash = *p == '/';
	while (*p == '/')
		p++;
	c->next = p;
	c->is_last = !*p;
	return unlikely(c->len > NAME_MAX) ? -ENAMETOOLONG : 0;
}

/* Is what the walk came to what was asked for? */
static int check_end(const struct walk *walk, bool slash)
{
	const struct inode *inode = walk->at.dentry->inode;

	if ((slash || walk->flags & LOOKUP_DIRECTORY) && !S_ISDIR(inode->mode))
		return -ENOTDIR;
	return 0;
}

/* In LOOKUP_PARENT mode: note the last component, stay in its directory. */
static int stop_before(struct walk *walk, const struct component *c)
{
	const struct inode *inode = READ_ONCE(walk->at.dentry->inode);

	walk->last = (struct path_last){ c->name, c->len, c->slash };
	walk->last_hash = c->hash;
	walk->rest = c->next;
	if (unlikely(!inode))
		return STEP_LOST;
	return S_ISDIR(inode->mode) ? 0 : -ENOTDIR;
}

/* As far as the cache goes: 0 (done), an error, or one of STEP_*. */
static force_inline int run_cached(struct walk *walk, struct component *c)
{
	while (*walk->rest) {
		int err = next_component(walk->rest, c);

		if (err)
			return err;
		if (c->is_last && walk->flags & LOOKUP_PARENT) {
			if (walk->flags & LOOKUP_IF_THERE &&
			    step_to_last(walk, c))
				return 0;
			return stop_before(walk, c);
		}
		err = step_cached(walk, c);
		if (err)
			return err;
		walk->rest = c->next;
	}
	return 0;
}

/*
 * References on @at, which was found without a lock; false: it is on its way
 * out, and *@got says what we have.
 */
static force_inline bool get_unless_gone(const struct path *at,
					 struct path *got)
{
	if (!sched_other_harts) { /* nobody can be on the way out now */
		*got = *at;
		path_get(got);
		return true;
	}
	/* A pipe that /proc led to is in no mount. */
	if (at->mount && !hart_refs_get_unless_zero(&at->mount->refs))
		return false;
	got->mount = at->mount;
	if (!refcount_get_unless_zero(&at->dentry->refs))
		return false;
	got->dentry = at->dentry;
	return READ_ONCE(at->dentry->inode); /* D5: and so it remains */
}

static bool is_link(const struct dentry *dentry)
{
	const struct inode *inode = dentry->inode;

	return inode && S_ISLNK(inode->mode);
}

/* Something came between: back to where the run began. */
static __noinline int run_lost(struct walk *walk, const struct path *start,
			       const char *rest, const struct path *got)
{
	path_put(got);
	if (walk->link)
		dentry_put(walk->link);
	walk->at = *start;
	walk->rest = rest;
	return STEP_LOST;
}

/*
 * run_cached(), and references on where it ends: in a read section, which may
 * fail with STEP_LOST, or with the lock.
 */
static force_inline int run(struct walk *walk, struct component *c,
			    bool locked) UNCHECKED_LOCKING
{
	const struct path start = walk->at;
	const char *rest = walk->rest;
	struct path got = { NULL, NULL };
	unsigned int seq = 0;
	bool good = true;
	int err;

	walk->link = NULL;
	walk->arrived = false;
	if (unlikely(locked)) {
		spin_lock(&dentry_lock);
	} else {
		read_enter();
		seq = seq_begin(&dentry_seq);
	}
	err = run_cached(walk, c);
	if (unlikely(err == STEP_LOST))
		good = false;
	else if (err >= 0 && !same_path(&walk->at, &walk->held))
		good = get_unless_gone(&walk->at, &got);
	if (unlikely(locked)) {
		spin_unlock(&dentry_lock);
	} else {
		good = good && !seq_retry(&dentry_seq, seq);
		read_leave();
	}
	/* Before we had a reference, its name may have been removed, and even
	 * been given to something else. From now on D5 holds. */
	if (unlikely(walk->link) && good)
		good = is_link(walk->link);
	if (unlikely(!good))
		return run_lost(walk, &start, rest, &got);
	if (got.dentry)
		walk_hold(walk, &got);
	return err;
}

int walk_run(struct walk *walk)
{
	struct component c = { .slash = false };
	bool locked = false;
	int err;

	walk->last.len = 0;
	for (;;) {
		err = run(walk, &c, locked);
		if (unlikely(err == STEP_LOST)) {
			locked = true;
			continue;
		}
		if (err <= 0)
			break;
		locked = false;
		walk->rest = c.next;
		if (walk->link)
			err = step_cached_link(walk, &c);
		else
			err = walk->flags & LOOKUP_CACHED ? -EAGAIN
							  : step_slow(walk, &c);
		if (err)
			break;
	}
	if (!err && !(walk->flags & LOOKUP_PARENT))
		err = check_end(walk, c.slash);
	return err;
}

int path_lookup(const struct path *start, const char *name, unsigned int flags,
		struct path *out, struct path_last *last)
{
	struct walk walk;
	int err;

	err = walk_start(&walk, start, name, flags);
	if (!err)
		err = walk_run(&walk);
	if (!err) {
		walk_result(&walk, out);
		if (last) {
			/* The end of the rest is the end of @name, also when
			   links put something before it; point into @name,
			   which outlives the walk. */
			const char *end = name + strlen(name);

			*last = walk.last;
			last->name = end - strlen(walk.last.name);
		}
	}
	walk_end(&walk);
	return err;
}

/* ---- Names of paths ---- */

/* A name built from its end towards the front of a buffer. */
struct name_builder {
	char *start, *at;
	bool full;
};

static void put_before(struct name_builder *b, const char *text, size_t len)
{
	if ((size_t)(b->at - b->start) < len) {
		b->full = true;
		return;
	}
	b->at -= len;
	memcpy(b->at, text, len);
}

/* From @path up to @root, or to the top of the tree; true: it was @root. */
static bool build_name(struct name_builder *b, struct path path,
		       const struct path *root) MUST_HOLD(dentry_lock)
{
	while (!same_path(&path, root)) {
		if (path.dentry == path.mount->root) {
			if (!path.mount->parent)
				return false;
			path.dentry = path.mount->mount_point;
			path.mount = path.mount->parent;
			continue;
		}
		if (path.dentry->parent == path.dentry)
			return false; /* bind mount of what was moved away */
		put_before(b, path.dentry->name, path.dentry->name_len);
		put_before(b, "/", 1);
		path.dentry = path.dentry->parent;
	}
	return true;
}

int path_name(const struct path *path, const struct path *root, char *buf,
	      size_t size, char **out)
{
	struct name_builder b = { buf, buf + size, false };
	const struct dentry *dentry = path->dentry;
	/* "pipe:[42]": in no tree. */
	bool is_anonymous =
		dentry->parent == dentry && dentry != dentry->sb->root;
	bool reached = true;

	put_before(&b, "", 1);
	spin_lock(&dentry_lock);
	if (is_anonymous) {
		put_before(&b, dentry->name, dentry->name_len);
	} else {
		if (!dentry->hashed && dentry->parent != dentry)
			put_before(&b, " (deleted)", 10);
		reached = build_name(&b, *path, root);
		if (*b.at != '/')
			put_before(&b, "/", 1);
	}
	spin_unlock(&dentry_lock);

	*out = b.at;
	if (b.full)
		return -ENAMETOOLONG;
	return reached ? 0 : -ENOENT;
}
