/* SPDX-License-Identifier: MIT */
/*
 * client.h - our end of a 9P connection: one function for each message
 *
 * A fid is our number for a file of the host's. Functions that need one borrow
 * it. All sleep until the host has answered, take no lock that sleeps, and
 * return 0 (or bytes), the host's errno, -ENOMEM, or -EIO when the reply makes
 * no sense.
 */
#pragma once

#include "kernel/dev/share.h"
#include "kernel/fs/9p/protocol.h"
#include "kernel/lib/refcount.h"
#include "kernel/sync/wait.h"

/* Pages that one read or write carries at most. */
#define P9_MAX_PAGES 32u

struct page;

/* One connection. */
struct p9 {
	/* Fixed after p9_connect(). */
	struct share *share;
	uint32_t max_size; /* of a message, bytes */

	struct wait_queue tag_freed;
	struct spinlock lock; /* rank LOCK_SPIN_MISC */
	/* Under lock. */
	uint64_t tags; /* bit: in use */
	uint32_t next_number;
	struct list_head free_fids;   /* numbers the host does not know */
	struct list_head doomed_fids; /* to be given up when we may sleep */
};

struct p9_fid {
	uint32_t number;
	struct refcount refs;
	struct list_head node; /* in one of p9's lists */
};

struct p9_attributes {
	struct p9_qid qid;
	uint32_t mode, uid, gid;
	uint64_t nlink, rdev, size, blocks_512;
	uint64_t atime, mtime, ctime, btime; /* ns */
};

struct p9_change {
	uint32_t valid; /* P9_SET_* */
	uint32_t mode, uid, gid;
	uint64_t size;
	uint64_t atime, mtime; /* ns */
};

struct p9_statfs {
	uint32_t block_size, max_name;
	uint64_t blocks, blocks_free, files, files_free;
};

/* A name, not ended by NUL. */
struct p9_name {
	const char *text;
	size_t len;
};

/*
 * Begin to speak: agree on the version and (at most @max_size) the size of
 * messages; *@root becomes the root of @tree. 0, -EINVAL: the host does not
 * speak 9P2000.L, or an error as above.
 */
int p9_connect(struct p9 *p9, struct share *share, uint32_t max_size,
	       uint32_t uid, const char *tree, struct p9_fid **root);
/* No fid is in use any more. */
void p9_disconnect(struct p9 *p9);

struct p9_fid *p9_fid_get(struct p9_fid *fid);
/* NULL is allowed. The last put tells the host. */
void p9_fid_put(struct p9 *p9, struct p9_fid *fid);
/* The same without sleeping: the host is told with the next message. */
void p9_fid_put_later(struct p9 *p9, struct p9_fid *fid);

/* @name in @from, or (NULL) another fid of @from itself. */
int p9_walk(struct p9 *p9, const struct p9_fid *from,
	    const struct p9_name *name, struct p9_fid **out,
	    struct p9_qid *qid);
int p9_getattr(struct p9 *p9, const struct p9_fid *fid,
	       struct p9_attributes *out);
int p9_setattr(struct p9 *p9, const struct p9_fid *fid,
	       const struct p9_change *change);
int p9_statfs(struct p9 *p9, const struct p9_fid *fid, struct p9_statfs *out);

/* @flags: O_* of open(2). Open fids cannot be walked from. */
int p9_open(struct p9 *p9, const struct p9_fid *fid, uint32_t flags);
/* @dir becomes the new file, open. */
int p9_create(struct p9 *p9, const struct p9_fid *dir,
	      const struct p9_name *name, uint32_t flags, uint32_t mode,
	      uint32_t gid);
int p9_fsync(struct p9 *p9, const struct p9_fid *fid, bool data_only);

/*
 * Bytes at @offset from or to memory; as many as one message carries at most.
 * Fewer only at the end of the file (read), 0 there.
 */
ssize_t p9_read(struct p9 *p9, const struct p9_fid *fid, uint64_t offset,
		void *to, size_t size);
ssize_t p9_write(struct p9 *p9, const struct p9_fid *fid, uint64_t offset,
		 const void *from, size_t size);
/* The same for whole pages; @size: bytes of them. */
ssize_t p9_read_pages(struct p9 *p9, const struct p9_fid *fid, uint64_t offset,
		      struct page **pages, size_t size);
ssize_t p9_write_pages(struct p9 *p9, const struct p9_fid *fid, uint64_t offset,
		       struct page **pages, size_t size);
/* Entries from @offset on, raw: p9_next_entry() reads them. */
ssize_t p9_readdir(struct p9 *p9, const struct p9_fid *fid, uint64_t offset,
		   void *to, size_t size);

struct p9_entry {
	struct p9_qid qid;
	uint64_t next; /* the offset behind it */
	uint8_t type;  /* DT_* */
	struct p9_name name;
};
/* The entry at *@at, which moves on, of @size bytes; false: no (whole) one. */
bool p9_next_entry(const void *entries, size_t size, size_t *at,
		   struct p9_entry *out);

int p9_mkdir(struct p9 *p9, const struct p9_fid *dir,
	     const struct p9_name *name, uint32_t mode, uint32_t gid);
int p9_mknod(struct p9 *p9, const struct p9_fid *dir,
	     const struct p9_name *name, uint32_t mode, uint64_t rdev,
	     uint32_t gid);
int p9_symlink(struct p9 *p9, const struct p9_fid *dir,
	       const struct p9_name *name, const char *target, uint32_t gid);
ssize_t p9_readlink(struct p9 *p9, const struct p9_fid *fid, char *to,
		    size_t size);
int p9_link(struct p9 *p9, const struct p9_fid *dir, const struct p9_name *name,
	    const struct p9_fid *file);
int p9_rename(struct p9 *p9, const struct p9_fid *old_dir,
	      const struct p9_name *old_name, const struct p9_fid *new_dir,
	      const struct p9_name *new_name);
/* @flags: 0 or P9_UNLINK_DIR. */
int p9_unlink(struct p9 *p9, const struct p9_fid *dir,
	      const struct p9_name *name, uint32_t flags);

/* A fid to read attribute @name ("": the list of names) of @fid from. */
int p9_xattr_walk(struct p9 *p9, const struct p9_fid *fid, const char *name,
		  struct p9_fid **out, uint64_t *size);
/* @fid becomes one to write @size bytes to; the end of it sets them. */
int p9_xattr_create(struct p9 *p9, const struct p9_fid *fid, const char *name,
		    uint64_t size, uint32_t flags);
/* Give an own fid up and hear how that went (attributes are set by it). */
int p9_clunk(struct p9 *p9, struct p9_fid *fid);
