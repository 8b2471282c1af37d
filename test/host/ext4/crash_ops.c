/* SPDX-License-Identifier: MIT */
/*
 * crash_ops.c - the steps of which crash.c makes sequences
 *
 * Few names, so that two operations often meet on one: A/foo (8192 bytes) and
 * B/bar (5000 bytes), which are there from the start, C, which is empty, and
 * what the operations make.
 */
#include "test/host/ext4/crash.h"

#include <string.h>

static uint8_t letters[40000];

int crash_write(const char *name, uint64_t pos, size_t size, uint8_t letter)
{
	long done;

	memset(letters, letter, size);
	done = fs_write(name, pos, letters, size);
	return done < 0 ? (int)done : 0;
}

static int set_attribute(const char *name)
{
	memset(letters, 'x', 300);
	return fs_set_xattr(name, "user.a", letters, 300);
}

#define OP(id, call)                                                           \
	static int id(void)                                                    \
	{                                                                      \
		return call;                                                   \
	}
OP(creat_new, fs_create("/mnt/A/new"))
OP(mkdir_dir, fs_mkdir("/mnt/A/dir"))
OP(overwrite, crash_write("/mnt/A/foo", 0, 4096, 'O'))
OP(overwrite_more, crash_write("/mnt/A/foo", 2000, 5000, 'Q'))
OP(append, crash_write("/mnt/A/foo", 8192, 5000, 'P'))
OP(write_new, crash_write("/mnt/A/new", 0, 6000, 'N'))
OP(write_far, crash_write("/mnt/A/foo", 30000, 3000, 'F'))
OP(cut, fs_truncate("/mnt/A/foo", 3000))
OP(grow, fs_truncate("/mnt/A/foo", 20000))
OP(unlink_foo, fs_unlink("/mnt/A/foo"))
OP(unlink_bar, fs_unlink("/mnt/B/bar"))
OP(link_foo, fs_link("/mnt/A/foo", "/mnt/B/lnk"))
OP(rename_new, fs_rename("/mnt/A/foo", "/mnt/A/moved", 0))
OP(rename_over, fs_rename("/mnt/A/foo", "/mnt/B/bar", 0))
OP(rename_swap, fs_rename("/mnt/A/foo", "/mnt/B/bar", 2))
OP(rename_dir, fs_rename("/mnt/B", "/mnt/A/B", 0))
OP(symlink_new, fs_symlink("A/foo", "/mnt/B/sym"))
OP(allocate, fs_fallocate("/mnt/A/foo", 0, 8192, 9000))
OP(punch, fs_fallocate("/mnt/A/foo", 3, 1024, 4096))
OP(collapse, fs_fallocate("/mnt/A/foo", 8, 0, 4096))
OP(insert, fs_fallocate("/mnt/A/foo", 32, 4096, 4096))
OP(attribute, set_attribute("/mnt/A/foo"))
OP(remove_dir, fs_rmdir("/mnt/C"))
OP(sync_foo, fs_fsync("/mnt/A/foo", false))
OP(data_foo, fs_fsync("/mnt/A/foo", true))
OP(sync_new, fs_fsync("/mnt/A/new", false))
OP(sync_bar, fs_fsync("/mnt/B/bar", false))
OP(sync_all, fs_sync())
OP(sync_dir, fs_fsync("/mnt/A", false))

const struct op crash_ops[] = {
	{ "creat", creat_new, NULL, false },
	{ "mkdir", mkdir_dir, NULL, false },
	{ "overwrite", overwrite, NULL, false },
	{ "overwrite-more", overwrite_more, NULL, false },
	{ "append", append, NULL, false },
	{ "write-new", write_new, NULL, false },
	{ "write-far", write_far, NULL, false },
	{ "cut", cut, NULL, false },
	{ "grow", grow, NULL, false },
	{ "unlink-foo", unlink_foo, NULL, false },
	{ "unlink-bar", unlink_bar, NULL, false },
	{ "link", link_foo, NULL, false },
	{ "rename", rename_new, NULL, false },
	{ "rename-over", rename_over, NULL, false },
	{ "rename-swap", rename_swap, NULL, false },
	{ "rename-dir", rename_dir, NULL, false },
	{ "symlink", symlink_new, NULL, false },
	{ "fallocate", allocate, NULL, false },
	{ "punch", punch, NULL, false },
	{ "setxattr", attribute, NULL, false },
	{ "rmdir", remove_dir, NULL, false },
	{ "collapse", collapse, NULL, false },
	{ "insert", insert, NULL, false },
};

const struct op crash_calls[] = {
	{ "", NULL, NULL, false },
	{ "fsync-foo", sync_foo, "/mnt/A/foo", false },
	{ "fdatasync-foo", data_foo, "/mnt/A/foo", false },
	{ "fsync-new", sync_new, "/mnt/A/new", false },
	{ "fsync-bar", sync_bar, "/mnt/B/bar", false },
	{ "sync", sync_all, NULL, true },
	{ "fsync-dir", sync_dir, "/mnt/A", false },
};

_Static_assert(sizeof(crash_ops) / sizeof(crash_ops[0]) == CRASH_NUM_OPS, "");
_Static_assert(sizeof(crash_calls) / sizeof(crash_calls[0]) == CRASH_NUM_CALLS,
	       "");
