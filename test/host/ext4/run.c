/* SPDX-License-Identifier: MIT */
/*
 * run.c - commands from a script, and the listing of a tree
 *
 * A command is a line of words; the first may be followed by "=ERRNO", the
 * number that is expected. Names are below /mnt. Contents come from a seed.
 *
 *	mkdir D | rmdir D | create F | unlink F | link F F | symlink TEXT F
 *	rename F F FLAGS | truncate F SIZE | write F POS SIZE SEED | check F POS
 *	SIZE SEED | fsync F | fdatasync F | sync | writeback | forget | falloc F
 *	MODE POS SIZE | mknod F MODE RDEV | tmpfile D SIZE SEED F|- | setx F KEY
 *	SIZE SEED | getx F KEY SIZE SEED | delx F KEY | remount | chmod F MODE
 *	many D COUNT SEED (create) | fewer D COUNT SEED (unlink)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "test/host/ext4/commands.h"
#include "test/host/ext4/fs.h"
#include "test/host/ext4/image.h"
#include "test/host/host.h"

enum { MAX_ENTRIES = 200000, NAME_SIZE = 4096, CHUNK = 1 << 16 };

/* ---- The tree ---- */

struct listing {
	char **name;
	unsigned int count;
};

static void add_name(void *arg, const char *name)
{
	struct listing *list = arg;

	if (list->count % 64 == 0)
		list->name = realloc(list->name,
				     (list->count + 64) * sizeof(char *));
	if (list->count < MAX_ENTRIES)
		list->name[list->count++] = strdup(name);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static uint64_t hash_bytes(uint64_t hash, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ data[i]) * 1099511628211ULL; /* FNV-1a */
	return hash;
}

static int hash_file(const char *path, uint64_t size, uint64_t *hash)
{
	uint8_t *chunk = malloc(CHUNK);
	uint64_t at = 0;
	long done = 0;

	*hash = 14695981039346656037ULL;
	/* A sparse file of a broken image may claim to be endless. */
	while (at < size && at < (64u << 20)) {
		done = fs_read(path, at, chunk, CHUNK);
		if (done <= 0)
			break;
		*hash = hash_bytes(*hash, chunk, (size_t)done);
		at += (uint64_t)done;
	}
	free(chunk);
	return done < 0 ? (int)done : 0;
}

static uint64_t hash_xattrs(const char *path, int *err)
{
	char list[8192], value[8192];
	long size = fs_list_xattr(path, list, sizeof(list));
	uint64_t hash = 0;

	*err = size < 0 ? (int)size : 0;
	for (long at = 0; at < size; at += (long)strlen(list + at) + 1) {
		long len = fs_get_xattr(path, list + at, value, sizeof(value));
		uint64_t one = 14695981039346656037ULL;

		if (len < 0)
			*err = (int)len;
		one = hash_bytes(one, (uint8_t *)list + at, strlen(list + at));
		hash += hash_bytes(one, (uint8_t *)value,
				   len > 0 ? (size_t)len : 0);
	}
	return hash;
}

static unsigned int errors;
static bool quiet;
static unsigned int entries_left;

static void tree(const char *path, unsigned int depth);

static void tree_entry(const char *path, unsigned int depth)
{
	char text[NAME_SIZE + 1] = "";
	struct fs_stat st;
	uint64_t hash = 0, xattrs;
	long len = 0;
	int err, xattr_err;

	err = fs_stat(path, &st);
	if (err) {
		errors++;
		if (!quiet)
			printf("! %s: error %d\n", path, -err);
		return;
	}
	if (S_ISREG(st.mode))
		err = hash_file(path, st.size, &hash);
	if (S_ISLNK(st.mode))
		len = fs_readlink(path, text, NAME_SIZE);
	xattrs = hash_xattrs(path, &xattr_err);
	if (err || len < 0 || xattr_err)
		errors++;
	if (!quiet)
		printf("%06o %u:%u %u %lu %lu %016lx %016lx %s%s%s\n", st.mode,
		       st.uid, st.gid, st.nlink,
		       S_ISDIR(st.mode) ? 0 : (unsigned long)st.size,
		       (unsigned long)(st.mtime / 1000000000),
		       (unsigned long)hash, (unsigned long)xattrs, path + 4,
		       S_ISLNK(st.mode) ? " -> " : "", text);
	if (err && !quiet)
		printf("! %s: error %d\n", path, -err);
	if (S_ISDIR(st.mode))
		tree(path, depth + 1);
}

static void tree(const char *path, unsigned int depth)
{
	struct listing list = { NULL, 0 };
	char *below = malloc(strlen(path) + 300);
	int err;

	err = depth > 64 ? 0 : fs_list(path, add_name, &list);
	if (err) {
		errors++;
		if (!quiet)
			printf("! %s: error %d\n", path, -err);
	}
	if (list.count)
		qsort(list.name, list.count, sizeof(char *), by_name);
	for (unsigned int i = 0; i < list.count; i++) {
		if (entries_left && !--entries_left)
			break;
		if (strlen(path) + strlen(list.name[i]) < NAME_SIZE - 8) {
			sprintf(below, "%s/%s", path, list.name[i]);
			tree_entry(below, depth);
		}
	}
	for (unsigned int i = 0; i < list.count; i++)
		free(list.name[i]);
	free(list.name);
	free(below);
}

unsigned int walk_all(void)
{
	quiet = true;
	errors = 0;
	entries_left = 3000;
	tree_entry("/mnt", 0);
	quiet = false;
	return errors;
}

int command_tree(const char *path)
{
	struct image image;
	int err;

	image_load(&image, path);
	err = fs_mount(&image, true, "");
	if (err) {
		printf("mount: error %d\n", -err);
		return 1;
	}
	tree("/mnt", 0);
	err = fs_unmount();
	free(image.data);
	return err || errors ? 1 : 0;
}

/* ---- Commands ---- */

static struct image image;

static void fill(uint8_t *data, size_t size, uint64_t seed, uint64_t pos)
{
	/* Each byte depends on its place alone, so that parts can be checked. */
	for (size_t i = 0; i < size; i++) {
		uint64_t x = (pos + i) / 8 + seed * 0x9e3779b97f4a7c15ULL + 1;

		x ^= x >> 12;
		x *= 2685821657736338717ULL;
		data[i] = (uint8_t)(x >> (8 * ((pos + i) % 8)));
	}
}

static char *name_of(const char *word)
{
	static char names[2][NAME_SIZE];
	static unsigned int turn;
	char *name = names[turn++ % 2];

	snprintf(name, NAME_SIZE, "/mnt/%s", word);
	return name;
}

static long write_file(const char *name, uint64_t pos, uint64_t size,
		       uint64_t seed)
{
	uint8_t *data = malloc(CHUNK);
	long done = 0;

	while (size && done >= 0) {
		size_t part = size < CHUNK ? size : CHUNK;

		fill(data, part, seed, pos);
		done = fs_write(name, pos, data, part);
		if (done <= 0)
			break;
		pos += (uint64_t)done;
		size -= (uint64_t)done;
	}
	free(data);
	return done < 0 ? done : 0;
}

/* @seed 0: zeros. */
static long check_file(const char *name, uint64_t pos, uint64_t size,
		       uint64_t seed)
{
	uint8_t *found = malloc(CHUNK), *wanted = calloc(1, CHUNK);
	long result = 0;

	while (size && !result) {
		size_t part = size < CHUNK ? size : CHUNK;
		long done = fs_read(name, pos, found, part);

		if (seed)
			fill(wanted, part, seed, pos);
		if (done < 0)
			result = done;
		else if (done != (long)part)
			result = -1000;
		else if (memcmp(found, wanted, part))
			result = -1001;
		pos += part;
		size -= part;
	}
	free(found);
	free(wanted);
	return result;
}

static long many(const char *dir, uint64_t count, uint64_t seed, bool remove)
{
	char *name = malloc(NAME_SIZE);
	long err = 0;

	for (uint64_t i = 0; !err && i < count; i++) {
		snprintf(name, NAME_SIZE, "%s/file-%lu-%lu", dir,
			 (unsigned long)seed,
			 (unsigned long)((i * 7919 + seed) % count));
		err = remove ? fs_unlink(name) : fs_create(name);
	}
	free(name);
	return err;
}

static long tmpfile_of(const char *dir, uint64_t size, uint64_t seed,
		       const char *name)
{
	uint8_t *data = malloc(size + 1);
	long err;

	fill(data, size, seed, 0);
	err = fs_tmpfile(dir, data, size, name);
	free(data);
	return err;
}

static long xattr(const char *name, const char *key, size_t size, uint64_t seed,
		  bool get)
{
	uint8_t *value = malloc(size + 1), *found = malloc(size + 1);
	long err;

	fill(value, size, seed, 0);
	if (get) {
		err = fs_get_xattr(name, key, found, size);
		if (err >= 0)
			err = err == (long)size && !memcmp(value, found, size)
				      ? 0
				      : -1001;
	} else {
		err = fs_set_xattr(name, key, value, size);
	}
	free(value);
	free(found);
	return err;
}

static int remount(void)
{
	int err = fs_unmount();

	return err ? err : fs_mount(&image, false, "");
}

struct words {
	unsigned int count;
	char *word[8];
};

static uint64_t number(const struct words *w, unsigned int i)
{
	return i < w->count ? strtoull(w->word[i], NULL, 0) : 0;
}

static long run_more(const struct words *w)
{
	const char *verb = w->word[0];
	char *a = w->count > 1 ? name_of(w->word[1]) : NULL;

	if (!strcmp(verb, "falloc"))
		return fs_fallocate(a, (int)number(w, 2), number(w, 3),
				    number(w, 4));
	if (!strcmp(verb, "mknod"))
		return fs_mknod(a, (uint32_t)number(w, 2), number(w, 3));
	if (!strcmp(verb, "chmod"))
		return fs_chmod(a, (uint32_t)number(w, 2));
	if (!strcmp(verb, "many"))
		return many(a, number(w, 2), number(w, 3), false);
	if (!strcmp(verb, "fewer"))
		return many(a, number(w, 2), number(w, 3), true);
	if (!strcmp(verb, "tmpfile"))
		return tmpfile_of(a, number(w, 2), number(w, 3),
				  strcmp(w->word[4], "-") ? name_of(w->word[4])
							  : NULL);
	if (!strcmp(verb, "setx"))
		return xattr(a, w->word[2], number(w, 3), number(w, 4), false);
	if (!strcmp(verb, "getx"))
		return xattr(a, w->word[2], number(w, 3), number(w, 4), true);
	if (!strcmp(verb, "delx"))
		return fs_set_xattr(a, w->word[2], NULL, 0);
	if (!strcmp(verb, "remount"))
		return remount();
	if (!strcmp(verb, "forget"))
		return fs_forget(), 0;
	fprintf(stderr, "unknown command %s\n", verb);
	exit(2);
}

static long run_words(const struct words *w)
{
	const char *verb = w->word[0];
	char *a = w->count > 1 ? name_of(w->word[1]) : NULL;

	if (!strcmp(verb, "mkdir"))
		return fs_mkdir(a);
	if (!strcmp(verb, "rmdir"))
		return fs_rmdir(a);
	if (!strcmp(verb, "create"))
		return fs_create(a);
	if (!strcmp(verb, "unlink"))
		return fs_unlink(a);
	if (!strcmp(verb, "link"))
		return fs_link(a, name_of(w->word[2]));
	if (!strcmp(verb, "symlink"))
		return fs_symlink(w->word[1], name_of(w->word[2]));
	if (!strcmp(verb, "rename"))
		return fs_rename(a, name_of(w->word[2]),
				 (unsigned int)number(w, 3));
	if (!strcmp(verb, "truncate"))
		return fs_truncate(a, number(w, 2));
	if (!strcmp(verb, "write"))
		return write_file(a, number(w, 2), number(w, 3), number(w, 4));
	if (!strcmp(verb, "check"))
		return check_file(a, number(w, 2), number(w, 3), number(w, 4));
	if (!strcmp(verb, "fsync"))
		return fs_fsync(a, false);
	if (!strcmp(verb, "fdatasync"))
		return fs_fsync(a, true);
	if (!strcmp(verb, "sync"))
		return fs_sync();
	if (!strcmp(verb, "writeback"))
		return fs_write_back(), 0;
	return run_more(w);
}

/* One line; false: it did not do what was expected. */
static bool run_line(char *line, unsigned int number_of_line)
{
	struct words w = { 0, { NULL } };
	long wanted = 0, found;
	char *mark;

	for (char *word = strtok(line, " \n"); word && w.count < 8;
	     word = strtok(NULL, " \n"))
		w.word[w.count++] = word;
	if (!w.count || w.word[0][0] == '#')
		return true;
	mark = strchr(w.word[0], '=');
	if (mark) {
		*mark = '\0';
		wanted = -strtol(mark + 1, NULL, 10);
	}
	found = run_words(&w);
	if (found == wanted)
		return true;
	printf("line %u: %s %s: expected %ld, found %ld\n", number_of_line,
	       w.word[0], w.count > 1 ? w.word[1] : "", -wanted, -found);
	return false;
}

int command_run(const char *path)
{
	static char line[3 * NAME_SIZE];
	unsigned int n = 0;
	bool good = true;
	int err;

	image_load(&image, path);
	err = fs_mount(&image, false, "");
	if (err) {
		printf("mount: error %d\n", -err);
		return 1;
	}
	while (fgets(line, sizeof(line), stdin))
		good = run_line(line, ++n) && good;
	err = fs_unmount();
	if (err)
		printf("unmount: error %d\n", -err);
	image_save(&image, path);
	free(image.data);
	return good && !err ? 0 : 1;
}
