/* SPDX-License-Identifier: MIT */
/*
 * tree.c - a tree of many files of all kinds, and what one number says of it
 *
 *	tree make DIR FILES [SEED]    the same tree each time
 *	tree sum DIR                  files, bytes, and a checksum of it all
 *
 * Idea: two kernels agree on a disk if each gets the same number from what the
 * other has made. The number covers names, modes, owners, sizes, modification
 * times, link counts, targets, extended attributes and every byte, and does not
 * depend on the order in which a directory lists its names.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { PAGE = 4096 };

static uint64_t seed = 1;
static unsigned char buffer[1 << 16];

static uint32_t next(void)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (uint32_t)((seed * 2685821657736338717ull) >> 32);
}

static uint32_t below(uint32_t n)
{
	return next() % n;
}

static _Noreturn void fail(const char *what, const char *name)
{
	printf("not ok tree: %s %s: %s\n", what, name, strerror(errno));
	exit(1);
}

/* ---- Making ---- */

static void write_at(int fd, const char *name, size_t size, off_t at)
{
	for (size_t i = 0; i < size; i += sizeof(uint32_t))
		memcpy(buffer + i, &(uint32_t){ next() }, sizeof(uint32_t));
	if (pwrite(fd, buffer, size, at) != (ssize_t)size)
		fail("write", name);
}

/* Most files are small; some are large, some have holes. */
static void make_file(const char *name)
{
	int fd = open(name, O_CREAT | O_EXCL | O_WRONLY, 0600 | below(0100));

	if (fd < 0)
		fail("create", name);
	switch (below(20)) {
	case 0: /* empty */
		break;
	case 1: /* holes */
		for (int i = 0; i < 4; i++)
			write_at(fd, name, 1 + below(3000),
				 (off_t)below(1 << 18));
		break;
	case 2:
		write_at(fd, name, 1 + below(60000), 0);
		break;
	case 3: /* nothing but a hole */
		if (ftruncate(fd, below(1 << 19)))
			fail("truncate", name);
		break;
	default:
		write_at(fd, name, 1 + below(3000), 0);
	}
	close(fd);
}

static void set_attributes(const char *name)
{
	char value[400];
	struct timespec times[2] = { { (time_t)next(), below(1000000000) },
				     { (time_t)next(), below(1000000000) } };

	memset(value, 'a' + (int)below(26), sizeof(value));
	if (!below(10) && setxattr(name, "user.one", value, 1 + below(40), 0))
		fail("setxattr", name);
	if (!below(40) && setxattr(name, "user.two", value, 1 + below(400), 0))
		fail("setxattr", name);
	if (!below(20) && lchown(name, below(70000), below(70000)))
		fail("chown", name);
	if (utimensat(AT_FDCWD, name, times, AT_SYMLINK_NOFOLLOW))
		fail("utimensat", name);
}

/* A name for number @i: short, long, or very long. */
static void make_name(char *to, size_t size, const char *dir, unsigned int i)
{
	static const char letters[] =
		"the-quick-brown-fox-jumps-over-the-lazy-dog-";
	unsigned int len = below(20) ? below(20) : below(220);
	int used = snprintf(to, size, "%s/%x", dir, i);

	for (unsigned int k = 0; k < len && (size_t)used + 1 < size; k++)
		to[used++] = letters[(i + k) % (sizeof(letters) - 1)];
	to[used] = '\0';
}

static void make_entry(const char *dir, unsigned int i)
{
	static char last[PATH_MAX];
	char name[PATH_MAX], target[1010];
	struct stat st;

	make_name(name, sizeof(name), dir, i);
	switch (below(40)) {
	case 0:
	case 1:
		memset(target, 't', sizeof(target));
		target[1 + (below(5) ? below(100) : below(900))] = '\0';
		if (symlink(target, name))
			fail("symlink", name);
		break;
	case 2:
		if (*last && !stat(last, &st) && !link(last, name))
			return;
		make_file(name);
		break;
	case 3:
		if (mknod(name, S_IFIFO | 0640, 0))
			fail("mknod", name);
		break;
	default:
		make_file(name);
		strcpy(last, name);
		set_attributes(name);
	}
}

/* Directories: one with a tenth of all, a deep one, and the rest. */
static void make_tree(const char *top, unsigned int files)
{
	char deep[PATH_MAX], dir[PATH_MAX];
	unsigned int made = 0, large = files / 10;

	snprintf(dir, sizeof(dir), "%s/large", top);
	if (mkdir(dir, 0755))
		fail("mkdir", dir);
	for (; made < large; made++)
		make_entry(dir, made);
	snprintf(deep, sizeof(deep), "%s/deep", top);
	for (int i = 0; i < 60; i++, made++) {
		if (mkdir(deep, 0755))
			fail("mkdir", deep);
		make_entry(deep, made);
		snprintf(deep + strlen(deep), sizeof(deep) - strlen(deep),
			 "/down-%d", i);
	}
	for (unsigned int d = 0; made < files; d++) {
		unsigned int here = 1 + below(120);

		snprintf(dir, sizeof(dir), "%s/dir-%u", top, d % 7 * 1000 + d);
		if (mkdir(dir, 0755))
			fail("mkdir", dir);
		for (; here && made < files; here--, made++)
			make_entry(dir, made);
	}
	sync();
}

/* ---- Summing ---- */

static unsigned long num_files, num_bytes;

static uint64_t mix(uint64_t h, const void *data, size_t size)
{
	const unsigned char *p = data;

	for (; size >= 8; size -= 8, p += 8) {
		uint64_t word;

		memcpy(&word, p, 8);
		h = (h ^ word) * 0x9e3779b97f4a7c15ull;
		h ^= h >> 29;
	}
	for (; size; size--)
		h = (h ^ *p++) * 1099511628211ull;
	return h;
}

static uint64_t sum_contents(uint64_t h, const char *name,
			     const struct stat *st)
{
	char text[PAGE];
	ssize_t n = 0;
	int fd;

	if (S_ISLNK(st->st_mode)) {
		n = readlink(name, text, sizeof(text));
		return mix(h, text, n > 0 ? (size_t)n : 0);
	}
	if (!S_ISREG(st->st_mode))
		return h;
	fd = open(name, O_RDONLY);
	if (fd < 0)
		fail("open", name);
	while ((n = read(fd, buffer, sizeof(buffer))) > 0) {
		h = mix(h, buffer, (size_t)n);
		num_bytes += (unsigned long)n;
	}
	if (n < 0)
		fail("read", name);
	close(fd);
	return h;
}

/* Attributes in any order. */
static uint64_t sum_xattrs(const char *name)
{
	char list[PAGE], value[PAGE];
	ssize_t size = llistxattr(name, list, sizeof(list));
	uint64_t sum = 0;

	for (char *p = list; size > 0 && p < list + size; p += strlen(p) + 1) {
		ssize_t n = lgetxattr(name, p, value, sizeof(value));

		sum += mix(mix(5, p, strlen(p)), value, n > 0 ? (size_t)n : 0);
	}
	return sum;
}

static uint64_t sum_entry(const char *name, size_t skip)
{
	struct stat st;
	uint64_t h = 14695981039346656037ull, fields[8];

	if (lstat(name, &st))
		fail("lstat", name);
	num_files++;
	fields[0] = st.st_mode;
	fields[1] = st.st_uid;
	fields[2] = st.st_gid;
	fields[3] = st.st_nlink;
	fields[4] = S_ISDIR(st.st_mode) ? 0 : (uint64_t)st.st_size;
	/* Only what was set says the same on both. */
	fields[5] = S_ISREG(st.st_mode) ? (uint64_t)st.st_mtim.tv_sec : 0;
	fields[6] = S_ISREG(st.st_mode) ? (uint64_t)st.st_mtim.tv_nsec : 0;
	fields[7] = sum_xattrs(name);
	h = mix(h, name + skip, strlen(name + skip));
	h = mix(h, fields, sizeof(fields));
	return sum_contents(h, name, &st);
}

static uint64_t sum_tree(const char *dir, size_t skip)
{
	DIR *d = opendir(dir);
	char name[PATH_MAX];
	struct dirent *entry;
	uint64_t sum = 0;

	if (!d)
		fail("opendir", dir);
	while ((entry = readdir(d))) {
		struct stat st;

		if (!strcmp(entry->d_name, ".") ||
		    !strcmp(entry->d_name, "..") ||
		    !strcmp(entry->d_name, "lost+found"))
			continue;
		snprintf(name, sizeof(name), "%s/%s", dir, entry->d_name);
		sum += sum_entry(name, skip);
		if (!lstat(name, &st) && S_ISDIR(st.st_mode))
			sum += sum_tree(name, skip);
	}
	closedir(d);
	return sum;
}

int main(int argc, char **argv)
{
	umask(022);
	if (argc >= 4 && !strcmp(argv[1], "make")) {
		if (argc > 4)
			seed = strtoull(argv[4], NULL, 0);
		seed *= 0x9e3779b97f4a7c15ull;
		make_tree(argv[2], (unsigned int)atoi(argv[3]));
	} else if (argc == 3 && !strcmp(argv[1], "sum")) {
		uint64_t sum = sum_tree(argv[2], strlen(argv[2]));

		printf("%lu files, %lu bytes, %016lx\n", num_files, num_bytes,
		       sum);
	} else {
		fputs("usage: tree make DIR FILES [SEED] | sum DIR\n", stderr);
		return 2;
	}
	return 0;
}
