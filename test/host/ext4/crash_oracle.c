/* SPDX-License-Identifier: MIT */
/*
 * crash_oracle.c - is the tree that came out of a crash one that may be?
 *
 *   O1  All names together, with types, link counts and the targets of links,
 *	 are those after some step, not before the last sync(2): ext4 changes
 *	 names in one order, all or nothing.
 *   O2  A file that was fsynced has since then only names (in the directories
 *	 that they were in, wherever those are now: fsync(2) of a file says
 *	 nothing of its directory's own name), attributes and bytes that it had
 *	 after that or some later step.
 *   O3  A directory that was fsynced has the entries of that or a later step.
 *   O4  No file has a byte it never had, except that what was not written yet
 *	 may be a hole; nor a size outside of those it had. (A file that was made
 *	 since began empty, and its contents may be on the way.)
 */
#include "test/host/ext4/crash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- What a tree looks like ---- */

struct found {
	char path[64];
	uint64_t parent;
};

static struct found found[MAX_NODES];
static unsigned int num_found;
static const char *listed;
static uint64_t listed_ino;

static void note_name(void *arg, const char *name)
{
	if (num_found < MAX_NODES) {
		found[num_found].parent = listed_ino;
		snprintf(found[num_found].path, 64, "%.30s/%.30s", listed,
			 name);
	}
	num_found++;
}

static int list(const char *path)
{
	struct fs_stat st;
	int err = fs_stat(path, &st);

	if (err || !S_ISDIR(st.mode))
		return err;
	listed = path;
	listed_ino = st.ino;
	return fs_list(path, note_name, NULL);
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct found *)a)->path,
		      ((const struct found *)b)->path);
}

static uint64_t hash_bytes(uint64_t hash, const char *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ (uint8_t)data[i]) *
		       1099511628211ULL; /* FNV-1a */
	return hash;
}

static long hash_xattrs(const char *path, uint64_t *hash)
{
	static char names[1024], value[1024];
	long size = fs_list_xattr(path, names, sizeof(names));

	*hash = 1;
	for (long at = 0; at < size; at += (long)strlen(names + at) + 1) {
		long len = fs_get_xattr(path, names + at, value, sizeof(value));

		if (len < 0)
			return len;
		*hash = hash_bytes(*hash, names + at, strlen(names + at) + 1);
		*hash = hash_bytes(*hash, value, (size_t)len);
	}
	return size;
}

static long take_node(struct node *node, const struct found *from)
{
	long done;

	memset(node, 0, sizeof(*node));
	strcpy(node->path, from->path);
	node->parent = from->parent;
	done = fs_stat(node->path, &node->st);
	if (!done && S_ISLNK(node->st.mode))
		done = fs_readlink(node->path, node->text, 63);
	if (!done && S_ISREG(node->st.mode)) {
		node->data = calloc(1, node->st.size + 1);
		done = fs_read(node->path, 0, node->data, node->st.size);
		if (done >= 0 && done != (long)node->st.size)
			done = -5;
		if (done >= 0)
			done = hash_xattrs(node->path, &node->xattrs);
	}
	return done < 0 ? done : 0;
}

int snapshot_take(struct snapshot *snap)
{
	int err;

	snap->count = 0;
	num_found = 0;
	err = list("/mnt");
	for (unsigned int i = 0; !err && i < num_found; i++) {
		if (num_found > MAX_NODES)
			return -7; /* E2BIG: more than was ever made */
		err = list(found[i].path);
	}
	qsort(found, num_found, sizeof(found[0]), by_path);
	for (unsigned int i = 0; !err && i < num_found; i++)
		err = (int)take_node(&snap->node[snap->count++], &found[i]);
	return err;
}

void snapshot_free(struct snapshot *snap)
{
	for (unsigned int i = 0; i < snap->count; i++)
		free(snap->node[i].data);
	snap->count = 0;
}

/* ---- Comparing ---- */

static bool same_file(const struct node *a, const struct node *b)
{
	return a->st.ino == b->st.ino && a->st.generation == b->st.generation;
}

static bool same_names(const struct snapshot *a, const struct snapshot *b)
{
	if (a->count != b->count)
		return false;
	for (unsigned int i = 0; i < a->count; i++) {
		const struct node *x = &a->node[i], *y = &b->node[i];

		if (strcmp(x->path, y->path) || !same_file(x, y) ||
		    x->st.mode != y->st.mode || x->st.nlink != y->st.nlink ||
		    strcmp(x->text, y->text))
			return false;
	}
	return true;
}

static const char *last_name(const struct node *node)
{
	return strrchr(node->path, '/') + 1;
}

static bool is_in(const struct node *name, const struct snapshot *snap)
{
	for (unsigned int i = 0; i < snap->count; i++) {
		const struct node *other = &snap->node[i];

		if (same_file(other, name) && other->parent == name->parent &&
		    !strcmp(last_name(other), last_name(name)))
			return true;
	}
	return false;
}

/* The names that @counts says yes to are the same in both. */
static bool same_some(const struct snapshot *a, const struct snapshot *b,
		      const struct node *of,
		      bool (*counts)(const struct node *node,
				     const struct node *of))
{
	unsigned int in_a = 0, in_b = 0;

	for (unsigned int i = 0; i < b->count; i++)
		in_b += counts(&b->node[i], of);
	for (unsigned int i = 0; i < a->count; i++) {
		if (!counts(&a->node[i], of))
			continue;
		if (!is_in(&a->node[i], b))
			return false;
		in_a++;
	}
	return in_a == in_b;
}

static bool is_entry(const struct node *node, const struct node *dir)
{
	return node->parent == dir->st.ino;
}

static const struct node *find_file(const struct snapshot *snap,
				    const struct node *file)
{
	for (unsigned int i = 0; i < snap->count; i++)
		if (same_file(&snap->node[i], file))
			return &snap->node[i];
	return NULL;
}

static bool same_xattrs(const struct snapshot *a, const struct snapshot *b,
			const struct node *file)
{
	const struct node *x = find_file(a, file), *y = find_file(b, file);

	return !x || !y || x->xattrs == y->xattrs;
}

/* ---- The rules ---- */

static void (*say)(const char *what, const char *path);

/* O1 */
static void check_names(const struct history *h, const struct snapshot *now,
			unsigned int from, unsigned int to)
{
	for (unsigned int i = from; i <= to; i++)
		if (same_names(now, &h->after[i]))
			return;
	say("names that never were together", "");
}

/* O2 but for the bytes, O3 */
static void check_synced(const struct history *h, const struct snapshot *now,
			 unsigned int step, unsigned int to)
{
	const struct node *synced = &h->synced[step];
	bool dir = S_ISDIR(synced->st.mode);

	for (unsigned int j = step; j <= to; j++) {
		const struct snapshot *was = &h->after[j];

		if (dir ? same_some(now, was, synced, is_entry)
			: same_some(now, was, synced, same_file) &&
				    same_xattrs(now, was, synced))
			return;
	}
	say(dir ? "lost an entry of a synced directory:"
		: "lost a synced name or attribute:",
	    synced->path);
}

static bool had_byte(const struct history *h, const struct node *file,
		     uint64_t at, unsigned int from, unsigned int to)
{
	for (unsigned int j = from; j <= to; j++) {
		const struct node *was = find_file(&h->after[j], file);

		if (was && (at < was->st.size ? was->data[at] == file->data[at]
					      : !file->data[at]))
			return true;
	}
	return false;
}

/* Is all of @file what it was after one of steps [from, to]? The usual case. */
static bool had_bytes(const struct history *h, const struct node *file,
		      unsigned int from, unsigned int to)
{
	for (unsigned int j = from; j <= to; j++) {
		const struct node *was = find_file(&h->after[j], file);

		if (was && was->st.size == file->st.size &&
		    !memcmp(was->data, file->data, file->st.size))
			return true;
	}
	return false;
}

/* O4, O2: @file against what it was after steps [from, to]. */
static void check_bytes(const struct history *h, const struct node *file,
			unsigned int from, unsigned int to)
{
	uint64_t least = UINT64_MAX, most = 0;
	bool made_since;

	for (unsigned int j = from; j <= to; j++) {
		const struct node *was = find_file(&h->after[j], file);

		if (!was)
			continue;
		least = was->st.size < least ? was->st.size : least;
		most = was->st.size > most ? was->st.size : most;
	}
	if (least == UINT64_MAX || had_bytes(h, file, from, to))
		return; /* gone: the names say what is wrong */
	made_since = !find_file(&h->after[from], file);
	if (made_since)
		least = 0;
	if (file->st.size < least || file->st.size > most) {
		say("has a size it never had:", file->path);
		return;
	}
	for (uint64_t at = 0; at < file->st.size; at++) {
		/* It was empty for a moment, also if the step that made it
		 * wrote to it. */
		if (made_since && !file->data[at])
			continue;
		if (!had_byte(h, file, at, from, to)) {
			say("has bytes it never had:", file->path);
			return;
		}
	}
}

void oracle_check(const struct history *h, const struct snapshot *now,
		  unsigned int done, unsigned int begun,
		  void (*complain)(const char *what, const char *path))
{
	unsigned int durable = 0;

	say = complain;
	for (unsigned int i = 1; i <= done; i++)
		if (h->sync[i])
			durable = i;
	check_names(h, now, durable, begun);
	for (unsigned int i = durable + 1; i <= done; i++)
		if (h->synced[i].path[0])
			check_synced(h, now, i, begun);
	for (unsigned int n = 0; n < now->count; n++) {
		unsigned int from = durable;

		if (!S_ISREG(now->node[n].st.mode))
			continue;
		for (unsigned int i = durable + 1; i <= done; i++)
			if (h->synced[i].path[0] &&
			    same_file(&h->synced[i], &now->node[n]))
				from = i;
		check_bytes(h, &now->node[n], from, begun);
	}
}
