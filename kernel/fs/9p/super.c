/* SPDX-License-Identifier: MIT */
/*
 * super.c - mounting a folder of the host
 *
 * mount -t 9p -o trans=virtio,version=9p2000.L TAG DIR, as on Linux. Further
 * options: msize=BYTES, aname=TREE. Others are accepted and mean nothing:
 * there is one way of caching here, and one user for the host.
 *
 * Source: "v9fs: Plan 9 Resource Sharing for Linux" of the Linux kernel's
 * documentation (the options' names).
 */
#include "kernel/fs/9p/9p.h"
#include "kernel/fs/9p/internal.h"
#include "kernel/lib/format.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"

#define MIN_MSIZE     4096u
#define DEFAULT_MSIZE (P9_MAX_PAGES * PAGE_SIZE + PAGE_SIZE)
#define MAX_TREE      64u

struct options {
	uint32_t msize;
	char tree[MAX_TREE];
};

/* ---- Options ---- */

static bool is_word(const char *text, size_t len, const char *word)
{
	return len == strlen(word) && strncmp(text, word, len) == 0;
}

static int parse_option(struct options *options, const char *text, size_t len)
{
	const char *end;
	uint64_t size;

	if (starts_with(text, "trans="))
		return is_word(text, len, "trans=virtio") ? 0 : -EINVAL;
	if (starts_with(text, "version="))
		return is_word(text, len, "version=9p2000.L") ? 0 : -EINVAL;
	if (starts_with(text, "msize=")) {
		size = parse_u64(text + strlen("msize="), &end);
		if (end != text + len || size < MIN_MSIZE)
			return -EINVAL;
		options->msize = (uint32_t)MIN(size, (uint64_t)DEFAULT_MSIZE);
	}
	if (starts_with(text, "aname=")) {
		len -= strlen("aname=");
		if (len >= MAX_TREE)
			return -EINVAL;
		memcpy(options->tree, text + strlen("aname="), len);
		options->tree[len] = '\0';
	}
	return 0;
}

static int parse_options(struct options *options, const char *text)
{
	*options = (struct options){ .msize = DEFAULT_MSIZE };
	while (*text) {
		const char *comma = strchr(text, ',');
		size_t len = comma ? (size_t)(comma - text) : strlen(text);
		int err = parse_option(options, text, len);

		if (err)
			return err;
		text += len + (comma != NULL);
	}
	return 0;
}

/* ---- The super block ---- */

static int statfs(struct super_block *sb, struct statfs_info *info)
{
	struct inode *root = sb->root->inode;
	struct p9_fid *fid = p9_inode_fid(root);
	struct p9_statfs host;
	int err;

	err = p9_statfs(p9_of(root), fid, &host);
	p9_fid_put(p9_of(root), fid);
	if (err)
		return err;
	*info = (struct statfs_info){
		.block_size = host.block_size,
		.blocks = host.blocks,
		.blocks_free = host.blocks_free,
		.files = host.files,
		.files_free = host.files_free,
		.max_name = MIN(host.max_name, (uint32_t)NAME_MAX),
	};
	return 0;
}

/* Pages have been written; what the host does with them it was told by fsync. */
static int sync(struct super_block *sb)
{
	return 0;
}

static void show_options(struct super_block *sb, char *buf, size_t size)
{
	const struct p9_mount *mount = sb->data;

	format_string(buf, size, "access=any,msize=%u,trans=virtio",
		      mount->p9.max_size);
}

/* All inodes are gone. */
static void destroy(struct super_block *sb)
{
	struct p9_mount *mount = sb->data;

	p9_disconnect(&mount->p9);
	share_release(mount->p9.share);
	kfree(mount);
}

static const struct super_ops super_ops = {
	.destroy_inode = p9_destroy_inode,
	.statfs = statfs,
	.sync = sync,
	.show_options = show_options,
	.destroy = destroy,
};

/* ---- Mounting ---- */

/* Speak with the host; *@root becomes a fid of the folder itself. */
static int connect(struct p9_mount *mount, const char *tag,
		   const struct options *options, struct p9_fid **root)
{
	struct share *share;
	int err;

	err = share_claim(tag, &share);
	if (err)
		return err;
	err = p9_connect(&mount->p9, share, options->msize, 0, options->tree,
			 root);
	if (err)
		share_release(share);
	return err;
}

static struct p9_mount *mount_alloc(void)
{
	struct p9_mount *mount = kzalloc(sizeof(*mount));

	if (!mount)
		return NULL;
	spin_init(&mount->table_lock, LOCK_SPIN_MISC);
	for (unsigned int i = 0; i < P9_BUCKETS; i++)
		list_init(&mount->nodes[i]);
	return mount;
}

static int make_root(struct super_block *sb, struct p9_fid *fid)
{
	struct inode *inode;
	int err;

	err = p9_inode_get(sb, fid, 0, &inode);
	if (err)
		return err;
	if (S_ISDIR(inode->mode))
		return dentry_make_root(sb, inode) ? 0 : -ENOMEM;
	inode_put(inode);
	return -ENOTDIR;
}

static int p9_mount(const struct file_system_type *type, const char *source,
		    unsigned int flags, const char *text,
		    struct super_block **out)
{
	struct options *options = kmalloc(sizeof(*options));
	struct p9_mount *mount = mount_alloc();
	struct super_block *sb;
	struct p9_fid *root;
	int err = -ENOMEM;

	if (!options || !mount)
		goto free_mount;
	err = parse_options(options, text);
	if (!err)
		err = connect(mount, source, options, &root);
	if (err)
		goto free_mount;
	err = -ENOMEM;
	sb = super_block_create(type, &super_ops, V9FS_MAGIC);
	if (!sb)
		goto disconnect;
	mount->sb = sb;
	sb->data = mount;
	err = make_root(sb, root);
	if (err)
		super_block_put(sb); /* frees the mount */
	else
		*out = sb;
	kfree(options);
	return err;

disconnect:
	p9_fid_put(&mount->p9, root);
	p9_disconnect(&mount->p9);
	share_release(mount->p9.share);
free_mount:
	kfree(mount);
	kfree(options);
	return err;
}

void p9_init(void)
{
	static const struct file_system_type type = {
		.name = "9p",
		.mount = p9_mount,
	};

	file_system_register(&type);
}
