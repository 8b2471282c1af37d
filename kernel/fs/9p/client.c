/* SPDX-License-Identifier: MIT */
/*
 * client.c - the messages of 9P2000.L, one function each
 *
 * Each is: put the fields, run the call, get the fields.
 * Source: "9P2000.L Protocol" (diod's protocol.md).
 */
#include "kernel/fs/9p/call.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/fs.h"
#include "kernel/lib/string.h"
#include "kernel/mm/page.h"
#include "kernel/time/clock.h"
#include "kernel/vfs/device.h"

#define VERSION "9P2000.L"
/* Smaller messages are not worth speaking. */
#define MIN_SIZE 4096u
/* More seconds than this do not fit into 64 bits of ns. */
#define MAX_SECONDS (INT64_MAX / (int64_t)NSEC_PER_SEC - 1)

static void put_name(struct p9_call *call, const struct p9_name *name)
{
	p9_put_text(call, name->text, name->len);
}

/* A request about @name in @dir, which come first; NULL: no memory. */
static struct p9_call *begin_in(struct p9 *p9, enum p9_type type, size_t more,
				const struct p9_fid *dir,
				const struct p9_name *name)
{
	struct p9_call *call = p9_call_begin(p9, type, more);

	if (call) {
		p9_put_u32(call, dir->number);
		put_name(call, name);
	}
	return call;
}

/* ---- The connection ---- */

static int speak_version(struct p9 *p9, uint32_t max_size)
{
	struct p9_call *call = p9_call_begin(p9, P9_TVERSION, 0);
	char version[16];
	uint32_t size;
	size_t len;
	int err;

	if (!call)
		return -ENOMEM;
	p9_put_u32(call, max_size);
	p9_put_text(call, VERSION, strlen(VERSION));
	err = p9_call_run(call);
	size = p9_get_u32(call);
	len = p9_get_text(call, version, sizeof(version));
	err = p9_call_end(call, err);
	if (err)
		return err;
	if (len != strlen(VERSION) || memcmp(version, VERSION, len) != 0)
		return -EINVAL;
	if (size < MIN_SIZE || size > max_size)
		return -EIO;
	p9->max_size = size;
	return 0;
}

static int attach(struct p9 *p9, struct p9_fid *root, uint32_t uid,
		  const char *tree)
{
	struct p9_call *call = p9_call_begin(p9, P9_TATTACH, 0);

	if (!call)
		return -ENOMEM;
	p9_put_u32(call, root->number);
	p9_put_u32(call, P9_NO_FID);
	p9_put_text(call, "", 0);
	p9_put_text(call, tree, strlen(tree));
	p9_put_u32(call, uid);
	return p9_call_finish(call);
}

int p9_connect(struct p9 *p9, struct share *share, uint32_t max_size,
	       uint32_t uid, const char *tree, struct p9_fid **out)
{
	struct p9_fid *root;
	int err;

	p9->share = share;
	wait_queue_init(&p9->tag_freed);
	spin_init(&p9->lock, LOCK_SPIN_MISC);
	list_init(&p9->free_fids);
	list_init(&p9->doomed_fids);
	root = p9_fid_create(p9);
	if (!root)
		return -ENOMEM;
	err = speak_version(p9, max_size);
	if (!err)
		err = attach(p9, root, uid, tree);
	if (err) {
		p9_fid_recycle(p9, root);
		p9_disconnect(p9);
		return err;
	}
	*out = root;
	return 0;
}

/* ---- Files ---- */

int p9_walk(struct p9 *p9, const struct p9_fid *from,
	    const struct p9_name *name, struct p9_fid **out, struct p9_qid *qid)
{
	struct p9_fid *fid = p9_fid_create(p9);
	struct p9_call *call = fid ? p9_call_begin(p9, P9_TWALK, 0) : NULL;
	uint16_t count;
	int err = -ENOMEM;

	if (!call)
		goto recycle;
	p9_put_u32(call, from->number);
	p9_put_u32(call, fid->number);
	p9_put_u16(call, name ? 1 : 0);
	if (name)
		put_name(call, name);
	err = p9_call_run(call);
	count = p9_get_u16(call);
	if (!err && count != (name ? 1 : 0))
		err = -EIO;
	if (!err && name)
		p9_get_qid(call, qid);
	err = p9_call_end(call, err);
	if (err)
		goto recycle;
	*out = fid;
	return 0;
recycle:
	if (fid)
		p9_fid_recycle(p9, fid);
	return err;
}

static uint64_t get_time(struct p9_call *call)
{
	int64_t seconds = (int64_t)p9_get_u64(call);
	uint64_t ns = p9_get_u64(call);

	seconds = MAX(MIN(seconds, MAX_SECONDS), -MAX_SECONDS);
	return (uint64_t)(seconds * (int64_t)NSEC_PER_SEC) +
	       MIN(ns, NSEC_PER_SEC - 1);
}

/* The host's dev_t, 32 bits of it, as the protocol has it: ours is the same. */
static void get_attributes(struct p9_call *call, struct p9_attributes *out)
{
	p9_get_u64(call); /* which are valid: all that we use always are */
	p9_get_qid(call, &out->qid);
	out->mode = p9_get_u32(call);
	out->uid = p9_get_u32(call);
	out->gid = p9_get_u32(call);
	out->nlink = p9_get_u64(call);
	out->rdev = p9_get_u64(call) & UINT32_MAX;
	out->size = p9_get_u64(call);
	p9_get_u64(call); /* block size */
	out->blocks_512 = p9_get_u64(call);
	out->atime = get_time(call);
	out->mtime = get_time(call);
	out->ctime = get_time(call);
	out->btime = get_time(call);
	p9_get_u64(call); /* generation */
	p9_get_u64(call); /* data version */
}

int p9_getattr(struct p9 *p9, const struct p9_fid *fid,
	       struct p9_attributes *out)
{
	struct p9_call *call = p9_call_begin(p9, P9_TGETATTR, 0);
	int err;

	if (!call)
		return -ENOMEM;
	p9_put_u32(call, fid->number);
	p9_put_u64(call, P9_GETATTR_ALL);
	err = p9_call_run(call);
	if (!err)
		get_attributes(call, out);
	err = p9_call_end(call, err);
	return !err && out->size > INT64_MAX ? -EIO : err;
}

static void put_time(struct p9_call *call, uint64_t ns)
{
	p9_put_u64(call, ns / NSEC_PER_SEC);
	p9_put_u64(call, ns % NSEC_PER_SEC);
}

int p9_setattr(struct p9 *p9, const struct p9_fid *fid,
	       const struct p9_change *change)
{
	struct p9_call *call = p9_call_begin(p9, P9_TSETATTR, 0);

	if (!call)
		return -ENOMEM;
	p9_put_u32(call, fid->number);
	p9_put_u32(call, change->valid);
	p9_put_u32(call, change->mode);
	p9_put_u32(call, change->uid);
	p9_put_u32(call, change->gid);
	p9_put_u64(call, change->size);
	put_time(call, change->atime);
	put_time(call, change->mtime);
	return p9_call_finish(call);
}

int p9_statfs(struct p9 *p9, const struct p9_fid *fid, struct p9_statfs *out)
{
	struct p9_call *call = p9_call_begin(p9, P9_TSTATFS, 0);
	int err;

	if (!call)
		return -ENOMEM;
	p9_put_u32(call, fid->number);
	err = p9_call_run(call);
	if (!err) {
		p9_get_u32(call); /* type */
		out->block_size = p9_get_u32(call);
		out->blocks = p9_get_u64(call);
		p9_get_u64(call); /* free, also for root alone */
		out->blocks_free = p9_get_u64(call);
		out->files = p9_get_u64(call);
		out->files_free = p9_get_u64(call);
		p9_get_u64(call); /* id */
		out->max_name = p9_get_u32(call);
	}
	return p9_call_end(call, err);
}

/* ---- Open files ---- */

int p9_open(struct p9 *p9, const struct p9_fid *fid, uint32_t flags)
{
	struct p9_call *call = p9_call_begin(p9, P9_TLOPEN, 0);

	if (!call)
		return -ENOMEM;
	p9_put_u32(call, fid->number);
	p9_put_u32(call, flags);
	return p9_call_finish(call);
}

int p9_create(struct p9 *p9, const struct p9_fid *dir,
	      const struct p9_name *name, uint32_t flags, uint32_t mode,
	      uint32_t gid)
{
	struct p9_call *call = begin_in(p9, P9_TLCREATE, 0, dir, name);

	if (!call)
		return -ENOMEM;
	p9_put_u32(call, flags);
	p9_put_u32(call, mode);
	p9_put_u32(call, gid);
	return p9_call_finish(call);
}

int p9_fsync(struct p9 *p9, const struct p9_fid *fid, bool data_only)
{
	struct p9_call *call = p9_call_begin(p9, P9_TFSYNC, 0);

	if (!call)
		return -ENOMEM;
	p9_put_u32(call, fid->number);
	p9_put_u32(call, data_only);
	return p9_call_finish(call);
}

/* A read or write of @pieces, @size bytes in all. */
struct transfer {
	const struct p9_fid *fid;
	uint64_t offset;
	const struct share_piece *pieces;
	unsigned int num_pieces;
	size_t size;
};

/* Reads put count[4] before the bytes: what stands there, header included. */
#define READ_HEAD (P9_HEADER + 4)

static ssize_t transfer_in(struct p9 *p9, enum p9_type type,
			   const struct transfer *t)
{
	struct p9_call *call = p9_call_begin(p9, type, 0);
	uint32_t count;
	int err;

	if (!call)
		return -ENOMEM;
	p9_put_u32(call, t->fid->number);
	p9_put_u64(call, t->offset);
	p9_put_u32(call, (uint32_t)t->size);
	call->data = t->pieces;
	call->num_data = t->num_pieces;
	call->data_in = true;
	/* An Rlerror is as long as what stands before the bytes. */
	call->in_max = READ_HEAD;
	err = p9_call_run(call);
	count = p9_get_u32(call);
	if (!err && (count > t->size || count > call->data_size))
		err = -EIO;
	err = p9_call_end(call, err);
	return err ? err : (ssize_t)count;
}

static ssize_t transfer_out(struct p9 *p9, const struct transfer *t)
{
	struct p9_call *call = p9_call_begin(p9, P9_TWRITE, 0);
	uint32_t count;
	int err;

	if (!call)
		return -ENOMEM;
	p9_put_u32(call, t->fid->number);
	p9_put_u64(call, t->offset);
	p9_put_u32(call, (uint32_t)t->size);
	call->data = t->pieces;
	call->num_data = t->num_pieces;
	err = p9_call_run(call);
	count = p9_get_u32(call);
	err = p9_call_end(call, err);
	if (!err && (count > t->size || (!count && t->size)))
		err = -EIO;
	return err ? err : (ssize_t)count;
}

static size_t clip(const struct p9 *p9, size_t size)
{
	return MIN(size, (size_t)p9->max_size - P9_IO_HEADER);
}

ssize_t p9_read(struct p9 *p9, const struct p9_fid *fid, uint64_t offset,
		void *to, size_t size)
{
	struct share_piece piece = { to, clip(p9, size) };
	struct transfer t = { fid, offset, &piece, 1, piece.size };

	return transfer_in(p9, P9_TREAD, &t);
}

ssize_t p9_readdir(struct p9 *p9, const struct p9_fid *fid, uint64_t offset,
		   void *to, size_t size)
{
	struct share_piece piece = { to, clip(p9, size) };
	struct transfer t = { fid, offset, &piece, 1, piece.size };

	return transfer_in(p9, P9_TREADDIR, &t);
}

ssize_t p9_write(struct p9 *p9, const struct p9_fid *fid, uint64_t offset,
		 const void *from, size_t size)
{
	/* The device only reads what goes out. */
	struct share_piece piece = { (void *)(uintptr_t)from, clip(p9, size) };
	struct transfer t = { fid, offset, &piece, 1, piece.size };

	return transfer_out(p9, &t);
}

/* @size bytes of @pages, as pieces; fewer if a message is not that long. */
static void add_pages(const struct p9 *p9, struct transfer *t,
		      struct share_piece *pieces, struct page **pages,
		      size_t size)
{
	size = clip(p9, MIN(size, (size_t)P9_MAX_PAGES * PAGE_SIZE));
	t->pieces = pieces;
	t->size = size;
	t->num_pieces = 0;
	while (size) {
		size_t part = MIN(size, (size_t)PAGE_SIZE);

		pieces[t->num_pieces] = (struct share_piece){
			page_address(pages[t->num_pieces]), part
		};
		t->num_pieces++;
		size -= part;
	}
}

ssize_t p9_read_pages(struct p9 *p9, const struct p9_fid *fid, uint64_t offset,
		      struct page **pages, size_t size)
{
	struct share_piece pieces[P9_MAX_PAGES];
	struct transfer t = { .fid = fid, .offset = offset };

	add_pages(p9, &t, pieces, pages, size);
	return transfer_in(p9, P9_TREAD, &t);
}

ssize_t p9_write_pages(struct p9 *p9, const struct p9_fid *fid, uint64_t offset,
		       struct page **pages, size_t size)
{
	struct share_piece pieces[P9_MAX_PAGES];
	struct transfer t = { .fid = fid, .offset = offset };

	add_pages(p9, &t, pieces, pages, size);
	return transfer_out(p9, &t);
}

/* ---- Directories ---- */

static uint64_t number_at(const uint8_t *from, unsigned int size)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < size; i++)
		value |= (uint64_t)from[i] << (8 * i);
	return value;
}

bool p9_next_entry(const void *entries, size_t size, size_t *at,
		   struct p9_entry *out)
{
	const uint8_t *from = (const uint8_t *)entries + *at;
	size_t len;

	if (size - *at < P9_DIRENT)
		return false;
	out->qid.type = from[0];
	out->qid.version = (uint32_t)number_at(from + 1, 4);
	out->qid.path = number_at(from + 5, 8);
	out->next = number_at(from + 13, 8);
	out->type = from[21];
	len = number_at(from + 22, 2);
	if (len > size - *at - P9_DIRENT)
		return false;
	out->name.text = (const char *)from + P9_DIRENT;
	out->name.len = len;
	*at += P9_DIRENT + len;
	return true;
}

int p9_mkdir(struct p9 *p9, const struct p9_fid *dir,
	     const struct p9_name *name, uint32_t mode, uint32_t gid)
{
	struct p9_call *call = begin_in(p9, P9_TMKDIR, 0, dir, name);

	if (!call)
		return -ENOMEM;
	p9_put_u32(call, mode);
	p9_put_u32(call, gid);
	return p9_call_finish(call);
}

int p9_mknod(struct p9 *p9, const struct p9_fid *dir,
	     const struct p9_name *name, uint32_t mode, uint64_t rdev,
	     uint32_t gid)
{
	struct p9_call *call = begin_in(p9, P9_TMKNOD, 0, dir, name);

	if (!call)
		return -ENOMEM;
	p9_put_u32(call, mode);
	p9_put_u32(call, device_major(rdev));
	p9_put_u32(call, device_minor(rdev));
	p9_put_u32(call, gid);
	return p9_call_finish(call);
}

int p9_symlink(struct p9 *p9, const struct p9_fid *dir,
	       const struct p9_name *name, const char *target, uint32_t gid)
{
	struct p9_call *call = begin_in(p9, P9_TSYMLINK, PATH_MAX, dir, name);

	if (!call)
		return -ENOMEM;
	p9_put_text(call, target, strlen(target));
	p9_put_u32(call, gid);
	return p9_call_finish(call);
}

ssize_t p9_readlink(struct p9 *p9, const struct p9_fid *fid, char *to,
		    size_t size)
{
	struct p9_call *call = p9_call_begin(p9, P9_TREADLINK, PATH_MAX);
	size_t len = 0;
	int err;

	if (!call)
		return -ENOMEM;
	p9_put_u32(call, fid->number);
	err = p9_call_run(call);
	if (!err)
		len = p9_get_text(call, to, size);
	err = p9_call_end(call, err);
	return err ? err : (ssize_t)len;
}

int p9_link(struct p9 *p9, const struct p9_fid *dir, const struct p9_name *name,
	    const struct p9_fid *file)
{
	struct p9_call *call = p9_call_begin(p9, P9_TLINK, 0);

	if (!call)
		return -ENOMEM;
	p9_put_u32(call, dir->number);
	p9_put_u32(call, file->number);
	put_name(call, name);
	return p9_call_finish(call);
}

int p9_rename(struct p9 *p9, const struct p9_fid *old_dir,
	      const struct p9_name *old_name, const struct p9_fid *new_dir,
	      const struct p9_name *new_name)
{
	struct p9_call *call = p9_call_begin(p9, P9_TRENAMEAT, 0);

	if (!call)
		return -ENOMEM;
	p9_put_u32(call, old_dir->number);
	put_name(call, old_name);
	p9_put_u32(call, new_dir->number);
	put_name(call, new_name);
	return p9_call_finish(call);
}

int p9_unlink(struct p9 *p9, const struct p9_fid *dir,
	      const struct p9_name *name, uint32_t flags)
{
	struct p9_call *call = begin_in(p9, P9_TUNLINKAT, 0, dir, name);

	if (!call)
		return -ENOMEM;
	p9_put_u32(call, flags);
	return p9_call_finish(call);
}

/* ---- Extended attributes ---- */

int p9_xattr_walk(struct p9 *p9, const struct p9_fid *from, const char *name,
		  struct p9_fid **out, uint64_t *size)
{
	struct p9_fid *fid = p9_fid_create(p9);
	struct p9_call *call = fid ? p9_call_begin(p9, P9_TXATTRWALK, 0) : NULL;
	int err = -ENOMEM;

	if (!call)
		goto recycle;
	p9_put_u32(call, from->number);
	p9_put_u32(call, fid->number);
	p9_put_text(call, name, strlen(name));
	err = p9_call_run(call);
	*size = p9_get_u64(call);
	err = p9_call_end(call, err);
	if (err)
		goto recycle;
	*out = fid;
	return 0;
recycle:
	if (fid)
		p9_fid_recycle(p9, fid);
	return err;
}

int p9_xattr_create(struct p9 *p9, const struct p9_fid *fid, const char *name,
		    uint64_t size, uint32_t flags)
{
	struct p9_call *call = p9_call_begin(p9, P9_TXATTRCREATE, 0);

	if (!call)
		return -ENOMEM;
	p9_put_u32(call, fid->number);
	p9_put_text(call, name, strlen(name));
	p9_put_u64(call, size);
	p9_put_u32(call, flags);
	return p9_call_finish(call);
}
