/* SPDX-License-Identifier: MIT */
/*
 * fs.h - the kernel's ext4 and vfs/ as functions of a program
 *
 * Between programs, which see the C library's headers, and fs.c, which sees the
 * kernel's. Results are 0 (or bytes) or a negative errno, as from a system call.
 * The file system is mounted at "/mnt".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct image;

/* Once. */
void fs_start(void);
int fs_mount(struct image *image, bool read_only, const char *options);
int fs_unmount(void);
/* The machine's clock from now on; each look at it is a microsecond later, but
 * its hand for times of files moves once in @tick_ns. */
void fs_set_clock(uint64_t now_ns, uint64_t tick_ns);
/* The kernel's messages are not wanted. */
void fs_be_quiet(void);
/* Where the blocks of the journal are. */
void fs_each_log_block(void (*each)(void *arg, uint64_t pos, unsigned int size),
		       void *arg);
/* sync(2). */
int fs_sync(void);
/* Write-back as its thread would do it, without a commit. */
void fs_write_back(void);
/* Names nobody uses are forgotten: inodes have to be read again. */
void fs_forget(void);

struct fs_stat {
	uint64_t ino, size, blocks_512, mtime, btime, rdev;
	uint32_t generation; /* an inode number is used again, this is not */
	uint32_t mode, nlink, uid, gid;
};

int fs_mkdir(const char *name);
int fs_rmdir(const char *name);
int fs_unlink(const char *name);
int fs_link(const char *old, const char *new);
int fs_symlink(const char *target, const char *name);
int fs_rename(const char *old, const char *new, unsigned int flags);
int fs_truncate(const char *name, uint64_t size);
int fs_create(const char *name);
int fs_mknod(const char *name, uint32_t mode, uint64_t rdev);
int fs_chmod(const char *name, uint32_t mode);
int fs_stat(const char *name, struct fs_stat *st);
long fs_readlink(const char *name, char *buf, size_t size);
/* @name is created by a write if it is not there. */
long fs_write(const char *name, uint64_t pos, const void *data, size_t size);
long fs_read(const char *name, uint64_t pos, void *data, size_t size);
int fs_fsync(const char *name, bool data_only);
int fs_fallocate(const char *name, int mode, uint64_t offset, uint64_t size);
/* An unnamed file in @dir, with @size bytes of @data, linked as @name if that
 * is not NULL. */
int fs_tmpfile(const char *dir, const void *data, size_t size,
	       const char *name);
int fs_list(const char *name, void (*each)(void *arg, const char *entry),
	    void *arg);
/* A directory is read in pieces: at most @room entries. Their number, 0: the end.
 * @next: what fs_seek_dir() needs to go on behind it. */
struct file;
int fs_open_dir(const char *name, struct file **file);
int fs_read_dir(struct file *file, unsigned int room,
		void (*each)(void *arg, const char *entry, int64_t next),
		void *arg);
int fs_seek_dir(struct file *file, int64_t pos);
/* From now on these bits of the hash of a name are 0. */
void fs_weaken_hash(uint32_t major, uint32_t minor);
int fs_set_xattr(const char *name, const char *key, const void *value,
		 size_t size);
long fs_get_xattr(const char *name, const char *key, void *value, size_t size);
long fs_list_xattr(const char *name, char *list, size_t size);
int fs_statfs(uint64_t *free_blocks, uint64_t *free_inodes);
/* An open file that outlives its name. */
int fs_open(const char *name, struct file **file);
void fs_close(struct file *file);
