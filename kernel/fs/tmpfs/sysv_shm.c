/* SPDX-License-Identifier: MIT */
/*
 * sysv_shm.c - System V shared memory segments
 *
 * Idea: a segment is an unnamed file of tmpfs, and attaching it is mapping the
 * file. The table holds one reference to the file, each mapping another; a
 * segment that is removed loses the table's, so that it goes with the last
 * mapping, whichever way that ends (shmdt, munmap, exec, exit). Until then
 * its id still works, as on Linux.
 *
 * An id is (sequence << 15 | index), so that an old id does not name a new
 * segment.
 *
 * Locks: table_lock for the table and what a segment remembers. Its last
 * reference may go at any moment, so the table's entry is followed only with
 * the lock held, to take a reference (find_*).
 * Source: sysvipc(7); Linux for what the manual pages leave open.
 */
#include "kernel/fs/tmpfs/sysv_shm.h"
#include <linux/capability.h>
#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/fs/tmpfs/tmpfs.h"
#include "kernel/lib/format.h"
#include "kernel/lib/radix_tree.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/vm_space.h"
#include "kernel/proc/process.h"
#include "kernel/time/clock.h"
#include "kernel/vfs/cred.h"
#include "kernel/vfs/file.h"

#define INDEX_BITS   15
#define INDEX_MASK   ((1 << INDEX_BITS) - 1)
#define MAX_SEQUENCE 0x7fff

struct segment {
	/* Fixed. */
	struct file *file; /* its data is this; no reference */
	uint64_t size;
	int index, sequence;
	int creator;
	uint32_t creator_uid, creator_gid;

	/* Under table_lock. */
	int key;
	uint32_t uid, gid;
	uint32_t mode; /* permissions, SHM_DEST, SHM_LOCKED */
	int last_user;
	uint64_t attach_time, detach_time, change_time; /* seconds */
};

static struct spinlock table_lock = SPINLOCK_INIT(LOCK_SPIN_MISC);
static struct radix_tree table; /* struct segment * by index */
static unsigned int num_segments;
static int next_sequence;

static uint64_t now_seconds(void)
{
	return clock_realtime_ns() / NSEC_PER_SEC;
}

static struct segment *segment_of(const struct file *file)
{
	return file->data;
}

static int id_of(const struct segment *segment)
{
	return segment->sequence << INDEX_BITS | segment->index;
}

/* The last mapping of a removed segment is gone; or it never got an id. */
static void release(struct file *file)
{
	struct segment *segment = segment_of(file);

	spin_lock(&table_lock);
	if (segment->index >= 0) {
		radix_remove(&table, (uint64_t)segment->index);
		num_segments--;
	}
	spin_unlock(&table_lock);
	kfree(segment);
}

static const struct file_ops segment_ops = { .release = release };

/* ---- Finding; the file comes with a reference ------------------------------------- */

static struct file *find_index(int index)
{
	struct segment *segment;
	struct file *file = NULL;

	spin_lock(&table_lock);
	segment = radix_get(&table, (uint64_t)index);
	if (segment && refcount_get_unless_zero(&segment->file->refs))
		file = segment->file;
	spin_unlock(&table_lock);
	return file;
}

static struct file *find_id(int id)
{
	struct file *file;

	if (id < 0)
		return NULL;
	file = find_index(id & INDEX_MASK);
	if (file && id_of(segment_of(file)) != id) {
		file_put(file);
		return NULL;
	}
	return file;
}

/* Not those that have been removed; table_lock held, no reference taken. */
static struct segment *find_key(int key)
{
	struct segment *segment;
	uint64_t index;

	for (index = 0; (segment = radix_next(&table, &index)); index++) {
		if (segment->key == key && !(segment->mode & SHM_DEST))
			return segment;
	}
	return NULL;
}

/* ---- Permissions ---------------------------------------------------------------------- */

/* @wanted: S_IRUGO and the like, of which one third counts. */
static int check_access(const struct segment *segment, uint32_t wanted)
{
	const struct cred *cred = current()->cred;
	uint32_t granted = segment->mode;

	if (cred->euid == segment->uid || cred->euid == segment->creator_uid)
		granted >>= 6;
	else if (cred_in_group(cred, segment->gid) ||
		 cred_in_group(cred, segment->creator_gid))
		granted >>= 3;
	wanted = (wanted >> 6 | wanted >> 3 | wanted) & 7;
	if (!(wanted & ~granted) || capable(CAP_IPC_OWNER))
		return 0;
	return -EACCES;
}

static int check_owner(const struct segment *segment)
{
	uint32_t euid = current()->cred->euid;

	if (euid == segment->uid || euid == segment->creator_uid ||
	    capable(CAP_SYS_ADMIN))
		return 0;
	return -EPERM;
}

/* ---- shmget ---------------------------------------------------------------------------- */

/* The file behind @segment; *@out is what the table keeps. */
static int create_file(struct segment *segment, struct file **out)
{
	struct file *memory;
	struct inode *inode;
	char name[32];
	int err;

	format_string(name, sizeof(name), "SYSV%08x",
		      (unsigned int)segment->key);
	err = tmpfs_create_unnamed(name, ALIGN_UP(segment->size, PAGE_SIZE),
				   &memory);
	if (err)
		return err;
	inode = inode_get(memory->inode);
	format_string(name, sizeof(name), "/SYSV%08x (deleted)",
		      (unsigned int)segment->key);
	err = file_create_anonymous(inode, name, &segment_ops, O_RDWR, segment,
				    out);
	file_put(memory);
	return err;
}

static struct segment *create_segment(int key, size_t size, int flags)
{
	const struct cred *cred = current()->cred;
	struct segment *segment = kzalloc(sizeof(*segment));

	if (!segment)
		return NULL;
	segment->index = -1;
	segment->key = key;
	segment->size = size;
	segment->mode = (uint32_t)flags & 0777;
	segment->uid = segment->creator_uid = cred->euid;
	segment->gid = segment->creator_gid = cred->egid;
	segment->creator = process_pid(current_process());
	segment->change_time = now_seconds();
	return segment;
}

/* Give @segment an id. Returns it; -ENOSPC, -ENOMEM; -EEXIST: the key is
 * taken. From here on it may be removed by others at any moment. */
static int add_to_table(struct segment *segment)
{
	uint64_t index = 0, used = 0;
	int result;

	spin_lock(&table_lock);
	if (segment->key != IPC_PRIVATE && find_key(segment->key)) {
		result = -EEXIST;
	} else if (num_segments >= SHMMNI) {
		result = -ENOSPC;
	} else {
		/* The first gap in the indices in use. */
		while (radix_next(&table, &used) && used == index)
			used = ++index;
		result = radix_insert(&table, index, segment);
	}
	if (!result) {
		segment->index = (int)index;
		segment->sequence = next_sequence;
		next_sequence = (next_sequence + 1) % (MAX_SEQUENCE + 1);
		num_segments++;
		result = id_of(segment);
	}
	spin_unlock(&table_lock);
	return result;
}

static int get_new(int key, size_t size, int flags)
{
	struct memory_info memory;
	struct segment *segment;
	int err, id;

	if (size < SHMMIN || size > SHMMAX)
		return -EINVAL;
	memory_get_info(&memory);
	if (!(flags & SHM_NORESERVE) && size >> PAGE_SHIFT > memory.managed)
		return -ENOMEM;
	if (flags & SHM_HUGETLB)
		return -ENOMEM; /* the pool of huge pages is empty */
	segment = create_segment(key, size, flags);
	if (!segment)
		return -ENOMEM;
	err = create_file(segment, &segment->file);
	if (err) {
		kfree(segment);
		return err;
	}
	id = add_to_table(segment);
	if (id < 0)
		file_put(segment->file); /* and with it the segment */
	return id;
}

int shm_get(int key, size_t size, int flags)
{
	struct segment *segment;
	int result = -ENOENT;

	if (key == IPC_PRIVATE)
		return get_new(key, size, flags);
	for (;;) {
		spin_lock(&table_lock);
		segment = find_key(key);
		if (segment) {
			result = check_access(segment, (uint32_t)flags & 0777);
			if ((flags & IPC_CREAT) && (flags & IPC_EXCL))
				result = -EEXIST;
			else if (size > segment->size)
				result = -EINVAL;
			else if (!result)
				result = id_of(segment);
		}
		spin_unlock(&table_lock);
		if (segment || !(flags & IPC_CREAT))
			return result;
		result = get_new(key, size, flags);
		if (result != -EEXIST)
			return result;
	}
}

/* ---- shmat, shmdt ----------------------------------------------------------------------- */

static void note_use(struct segment *segment, uint64_t *time)
{
	spin_lock(&table_lock);
	*time = now_seconds();
	segment->last_user = process_pid(current_process());
	spin_unlock(&table_lock);
}

static int map_segment(struct file *file, vaddr_t hint, int flags,
		       vaddr_t *start)
{
	struct segment *segment = segment_of(file);
	uint32_t wanted = S_IRUSR;
	struct vm_map_args args = {
		.hint = hint,
		.size = segment->size,
		.flags = PAGE_READ | VM_SHARED,
		.fixed = hint != 0,
		.no_replace = !(flags & SHM_REMAP),
		.file = file,
		.cache = &file->inode->cache,
	};
	int err;

	if (!(flags & SHM_RDONLY)) {
		wanted |= S_IWUSR;
		args.flags |= PAGE_WRITE | VM_MAY_WRITE;
	}
	if (flags & SHM_EXEC) {
		wanted |= S_IXUSR;
		args.flags |= PAGE_EXEC;
	}
	err = check_access(segment, wanted);
	if (!err)
		err = vm_map(current()->space, &args, start);
	if (!err)
		note_use(segment, &segment->attach_time);
	return err == -EEXIST || err == -EPERM ? -EINVAL : err;
}

int shm_attach(int id, vaddr_t hint, int flags, vaddr_t *start)
{
	struct file *file;
	int err;

	if (flags & SHM_RND)
		hint = ALIGN_DOWN(hint, PAGE_SIZE);
	if (!IS_ALIGNED(hint, PAGE_SIZE) || (!hint && (flags & SHM_REMAP)))
		return -EINVAL;
	file = find_id(id);
	if (!file)
		return -EINVAL;
	err = map_segment(file, hint, flags, start);
	file_put(file);
	return err;
}

/* The file of the segment attached at @start, with a reference; or NULL. */
static struct file *attached_at(struct vm_space *space, vaddr_t start)
{
	struct file *file = NULL;
	struct vm_area *area;

	mutex_lock(&space->lock);
	area = vm_area_find(space, start);
	if (area && area->start == start && area->file &&
	    area->file->ops == &segment_ops && area->page_offset == 0)
		file = file_get(area->file);
	mutex_unlock(&space->lock);
	return file;
}

/* The end of the piece of @file's mapping that begins at or after *@va, which
 * is moved to its start; 0: there is none before @end. */
static vaddr_t next_piece(struct vm_space *space, const struct file *file,
			  vaddr_t *va, vaddr_t end)
{
	struct vm_area *area;
	vaddr_t piece_end = 0;

	mutex_lock(&space->lock);
	area = vm_area_find(space, *va);
	while (area && area->start < end && area->file != file)
		area = vm_area_next(area);
	if (area && area->start < end) {
		*va = MAX(*va, area->start);
		piece_end = MIN(area->end, end);
	}
	mutex_unlock(&space->lock);
	return piece_end;
}

int shm_detach(vaddr_t start)
{
	struct vm_space *space = current()->space;
	struct file *file;
	vaddr_t va = start, end, stop;

	if (!IS_ALIGNED(start, PAGE_SIZE) || start >= USER_SPACE_END)
		return -EINVAL;
	file = attached_at(space, start);
	if (!file)
		return -EINVAL;
	/* The program may have cut holes into it. */
	end = start + ALIGN_UP(segment_of(file)->size, PAGE_SIZE);
	while ((stop = next_piece(space, file, &va, end))) {
		vm_unmap(space, va, stop - va);
		va = stop;
	}
	note_use(segment_of(file), &segment_of(file)->detach_time);
	file_put(file);
	return 0;
}

/* ---- shmctl ------------------------------------------------------------------------------- */

/* Each attachment begins with the file's first page. */
static bool count_attachment(struct vm_area *area, void *count)
{
	*(unsigned long *)count += area->page_offset == 0;
	return false;
}

static unsigned long count_attached(struct page_cache *cache)
{
	unsigned long count = 0;

	mutex_lock(&cache->lock);
	page_cache_look_at_areas(cache, count_attachment, &count);
	mutex_unlock(&cache->lock);
	return count;
}

static void describe(struct segment *segment, struct shmid64_ds *out)
{
	*out = (struct shmid64_ds){
		.shm_segsz = segment->size,
		.shm_nattch = count_attached(&segment->file->inode->cache),
		.shm_cpid = segment->creator,
	};
	spin_lock(&table_lock);
	out->shm_perm.key = segment->key;
	out->shm_perm.uid = segment->uid;
	out->shm_perm.gid = segment->gid;
	out->shm_perm.cuid = segment->creator_uid;
	out->shm_perm.cgid = segment->creator_gid;
	out->shm_perm.mode = segment->mode;
	out->shm_perm.seq = (unsigned short)segment->sequence;
	out->shm_atime = (long)segment->attach_time;
	out->shm_dtime = (long)segment->detach_time;
	out->shm_ctime = (long)segment->change_time;
	out->shm_lpid = segment->last_user;
	spin_unlock(&table_lock);
}

int shm_stat(int number, enum shm_stat_by by, struct shmid64_ds *out)
{
	struct file *file = NULL;
	int result = 0;

	if (by == SHM_BY_ID)
		file = find_id(number);
	else if (number >= 0)
		file = find_index(number & INDEX_MASK);
	if (!file)
		return -EINVAL;
	if (by != SHM_BY_INDEX_ANY)
		result = check_access(segment_of(file), S_IRUSR);
	if (!result) {
		describe(segment_of(file), out);
		if (by != SHM_BY_ID)
			result = id_of(segment_of(file));
	}
	file_put(file);
	return result;
}

int shm_set(int id, const struct shmid64_ds *wanted)
{
	struct file *file = find_id(id);
	struct segment *segment;
	int err;

	if (!file)
		return -EINVAL;
	segment = segment_of(file);
	err = check_owner(segment);
	if (!err) {
		spin_lock(&table_lock);
		segment->uid = wanted->shm_perm.uid;
		segment->gid = wanted->shm_perm.gid;
		segment->mode = (segment->mode & ~0777u) |
				(wanted->shm_perm.mode & 0777);
		segment->change_time = now_seconds();
		spin_unlock(&table_lock);
	}
	file_put(file);
	return err;
}

int shm_remove(int id)
{
	struct file *file = find_id(id);
	struct segment *segment;
	bool was_removed;
	int err;

	if (!file)
		return -EINVAL;
	segment = segment_of(file);
	err = check_owner(segment);
	if (!err) {
		spin_lock(&table_lock);
		was_removed = segment->mode & SHM_DEST;
		segment->mode |= SHM_DEST;
		segment->key = IPC_PRIVATE;
		spin_unlock(&table_lock);
		if (!was_removed)
			file_put(file); /* the table's */
	}
	file_put(file);
	return err;
}

int shm_set_locked(int id, bool locked)
{
	struct file *file = find_id(id);
	struct segment *segment;
	int err;

	if (!file)
		return -EINVAL;
	segment = segment_of(file);
	err = capable(CAP_IPC_LOCK) ? 0 : check_owner(segment);
	if (!err) {
		/* Memory is never taken away here: a mark is all there is. */
		spin_lock(&table_lock);
		segment->mode = locked ? segment->mode | SHM_LOCKED
				       : segment->mode & ~(uint32_t)SHM_LOCKED;
		spin_unlock(&table_lock);
	}
	file_put(file);
	return err;
}

int shm_sums(struct shm_info *out)
{
	struct segment *segment;
	uint64_t index;
	int highest = 0;

	*out = (struct shm_info){};
	spin_lock(&table_lock);
	for (index = 0; (segment = radix_next(&table, &index)); index++) {
		out->used_ids++;
		out->shm_tot += DIV_ROUND_UP(segment->size, PAGE_SIZE);
		out->shm_rss +=
			READ_ONCE(segment->file->inode->cache.num_pages);
		highest = segment->index;
	}
	spin_unlock(&table_lock);
	return highest;
}
