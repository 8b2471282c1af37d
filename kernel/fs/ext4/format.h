/* SPDX-License-Identifier: MIT */
/*
 * format.h - ext4 as it lies on the disk
 *
 * Everything is little endian, as are we; the journal (journal_format.h) is
 * big endian. Numbers with a low and a high part have the high part only where
 * a feature says so.
 * Source: "ext4 Data Structures and Algorithms" of the Linux kernel's
 * documentation.
 */
#pragma once

#include "kernel/lib/compiler.h"

#define EXT4_MAGIC        0xef53u
#define EXT4_SUPER_OFFSET 1024u
#define EXT4_SUPER_SIZE   1024u

#define EXT4_ROOT_INO    2u
#define EXT4_JOURNAL_INO 8u

/* super.state */
#define EXT4_STATE_VALID   1u
#define EXT4_STATE_ERROR   2u
#define EXT4_STATE_ORPHANS 4u

/* super.errors */
#define EXT4_ERRORS_CONTINUE 1u
#define EXT4_ERRORS_RO       2u
#define EXT4_ERRORS_PANIC    3u

/* super.flags */
#define EXT4_HASH_SIGNED   1u
#define EXT4_HASH_UNSIGNED 2u

/* Features one may ignore. */
#define COMPAT_HAS_JOURNAL   0x4u
#define COMPAT_EXT_ATTR      0x8u
#define COMPAT_RESIZE_INODE  0x10u
#define COMPAT_DIR_INDEX     0x20u
#define COMPAT_SPARSE_SUPER2 0x200u
#define COMPAT_FAST_COMMIT   0x400u
#define COMPAT_ORPHAN_FILE   0x1000u
/* Features without which nothing can be read. */
#define INCOMPAT_FILETYPE    0x2u
#define INCOMPAT_RECOVER     0x4u
#define INCOMPAT_JOURNAL_DEV 0x8u
#define INCOMPAT_META_BG     0x10u
#define INCOMPAT_EXTENTS     0x40u
#define INCOMPAT_64BIT       0x80u
#define INCOMPAT_FLEX_BG     0x200u
#define INCOMPAT_CSUM_SEED   0x2000u
/* Features without which one must not write. */
#define RO_SPARSE_SUPER   0x1u
#define RO_LARGE_FILE     0x2u
#define RO_HUGE_FILE      0x8u
#define RO_GDT_CSUM       0x10u
#define RO_DIR_NLINK      0x20u
#define RO_EXTRA_ISIZE    0x40u
#define RO_BIGALLOC       0x200u
#define RO_METADATA_CSUM  0x400u
#define RO_READONLY       0x1000u
#define RO_ORPHAN_PRESENT 0x10000u

struct ext4_super {
	uint32_t inodes_count;
	uint32_t blocks_count_lo;
	uint32_t r_blocks_count_lo;
	uint32_t free_blocks_lo;
	uint32_t free_inodes;
	uint32_t first_data_block;
	uint32_t log_block_size;
	uint32_t log_cluster_size;
	uint32_t blocks_per_group;
	uint32_t clusters_per_group;
	uint32_t inodes_per_group;
	uint32_t mtime;
	uint32_t wtime;
	uint16_t mnt_count;
	uint16_t max_mnt_count;
	uint16_t magic;
	uint16_t state;
	uint16_t errors;
	uint16_t minor_rev;
	uint32_t lastcheck;
	uint32_t checkinterval;
	uint32_t creator_os;
	uint32_t rev_level;
	uint16_t def_resuid;
	uint16_t def_resgid;
	uint32_t first_ino;
	uint16_t inode_size;
	uint16_t block_group_nr;
	uint32_t compat;
	uint32_t incompat;
	uint32_t ro_compat;
	uint8_t uuid[16];
	char volume_name[16];
	char last_mounted[64];
	uint32_t algorithm_usage;
	uint8_t prealloc_blocks;
	uint8_t prealloc_dir_blocks;
	uint16_t reserved_gdt_blocks;
	uint8_t journal_uuid[16];
	uint32_t journal_inum;
	uint32_t journal_dev;
	uint32_t last_orphan;
	uint32_t hash_seed[4];
	uint8_t def_hash_version;
	uint8_t jnl_backup_type;
	uint16_t desc_size;
	uint32_t default_mount_opts;
	uint32_t first_meta_bg;
	uint32_t mkfs_time;
	uint32_t jnl_blocks[17];
	uint32_t blocks_count_hi;
	uint32_t r_blocks_count_hi;
	uint32_t free_blocks_hi;
	uint16_t min_extra_isize;
	uint16_t want_extra_isize;
	uint32_t flags;
	uint16_t raid_stride;
	uint16_t mmp_interval;
	uint64_t mmp_block;
	uint32_t raid_stripe_width;
	uint8_t log_groups_per_flex;
	uint8_t checksum_type;
	uint16_t pad;
	uint64_t kbytes_written;
	uint32_t snapshot_inum;
	uint32_t snapshot_id;
	uint64_t snapshot_r_blocks;
	uint32_t snapshot_list;
	uint32_t error_count;
	uint32_t first_error_time;
	uint32_t first_error_ino;
	uint64_t first_error_block;
	uint8_t first_error_func[32];
	uint32_t first_error_line;
	uint32_t last_error_time;
	uint32_t last_error_ino;
	uint32_t last_error_line;
	uint64_t last_error_block;
	uint8_t last_error_func[32];
	uint8_t mount_opts[64];
	uint32_t usr_quota_inum;
	uint32_t grp_quota_inum;
	uint32_t overhead_blocks;
	uint32_t backup_bgs[2];
	uint8_t encrypt_algos[4];
	uint8_t encrypt_salt[16];
	uint32_t lpf_ino;
	uint32_t prj_quota_inum;
	uint32_t checksum_seed;
	uint8_t times_hi[8];
	uint16_t encoding;
	uint16_t encoding_flags;
	uint32_t orphan_file_inum;
	uint32_t reserved[94];
	uint32_t checksum;
};
_Static_assert(sizeof(struct ext4_super) == EXT4_SUPER_SIZE, "super");
_Static_assert(offsetof(struct ext4_super, compat) == 0x5c, "super");
_Static_assert(offsetof(struct ext4_super, desc_size) == 0xfe, "super");
_Static_assert(offsetof(struct ext4_super, mmp_block) == 0x168, "super");
_Static_assert(offsetof(struct ext4_super, checksum_seed) == 0x270, "super");

/* group_desc.flags */
#define GROUP_INODE_UNINIT 1u /* the inode bitmap was never written */
#define GROUP_BLOCK_UNINIT 2u /* nor the block bitmap */
#define GROUP_ITABLE_ZERO  4u /* the inode table is zeroed */

#define GROUP_DESC_SIZE_MIN 32u
#define GROUP_DESC_SIZE_64  64u

struct ext4_group_desc {
	uint32_t block_bitmap_lo;
	uint32_t inode_bitmap_lo;
	uint32_t inode_table_lo;
	uint16_t free_blocks_lo;
	uint16_t free_inodes_lo;
	uint16_t used_dirs_lo;
	uint16_t flags;
	uint32_t exclude_bitmap_lo;
	uint16_t block_bitmap_csum_lo;
	uint16_t inode_bitmap_csum_lo;
	uint16_t itable_unused_lo;
	uint16_t checksum;
	/* Only if super.desc_size says so. */
	uint32_t block_bitmap_hi;
	uint32_t inode_bitmap_hi;
	uint32_t inode_table_hi;
	uint16_t free_blocks_hi;
	uint16_t free_inodes_hi;
	uint16_t used_dirs_hi;
	uint16_t itable_unused_hi;
	uint32_t exclude_bitmap_hi;
	uint16_t block_bitmap_csum_hi;
	uint16_t inode_bitmap_csum_hi;
	uint32_t reserved;
};
_Static_assert(sizeof(struct ext4_group_desc) == 64, "group");

/* inode.flags */
#define INODE_SYNC        0x8u
#define INODE_IMMUTABLE   0x10u
#define INODE_APPEND      0x20u
#define INODE_INDEX       0x1000u  /* directory with a hash tree */
#define INODE_HUGE_FILE   0x40000u /* blocks counts blocks, not sectors */
#define INODE_EXTENTS     0x80000u
#define INODE_EA_INODE    0x200000u
#define INODE_INLINE_DATA 0x10000000u
#define INODE_ENCRYPT     0x800u
#define INODE_CASEFOLD    0x40000000u
/* What a new file takes over from its directory. */
#define INODE_INHERITED    0x300000edu
#define INODE_USER_VISIBLE 0x705bdfffu
#define INODE_USER_MODIFY  0x604bc0ffu

#define EXT4_NUM_BLOCKS 15u /* i_block: 12 direct, then 3 trees */
#define EXT4_NUM_DIRECT 12u
#define EXT4_OLD_INODE  128u
#define EXT4_MAX_LINKS  65000u

struct ext4_disk_inode {
	uint16_t mode;
	uint16_t uid_lo;
	uint32_t size_lo;
	uint32_t atime;
	uint32_t ctime;
	uint32_t mtime;
	uint32_t dtime; /* also the next inode of the orphan list */
	uint16_t gid_lo;
	uint16_t links;
	uint32_t blocks_lo;
	uint32_t flags;
	uint32_t version;
	uint32_t block[EXT4_NUM_BLOCKS];
	uint32_t generation;
	uint32_t file_acl_lo;
	uint32_t size_hi;
	uint32_t obso_faddr;
	uint16_t blocks_hi;
	uint16_t file_acl_hi;
	uint16_t uid_hi;
	uint16_t gid_hi;
	uint16_t checksum_lo;
	uint16_t reserved;
	/* Beyond 128 bytes: as far as extra_isize goes. */
	uint16_t extra_isize;
	uint16_t checksum_hi;
	uint32_t ctime_extra;
	uint32_t mtime_extra;
	uint32_t atime_extra;
	uint32_t crtime;
	uint32_t crtime_extra;
	uint32_t version_hi;
	uint32_t projid;
};
_Static_assert(offsetof(struct ext4_disk_inode, extra_isize) == 0x80, "inode");
_Static_assert(sizeof(struct ext4_disk_inode) == 0xa0, "inode");

/* ---- Extents ---- */

#define EXTENT_MAGIC     0xf30au
#define EXTENT_MAX_DEPTH 5u
/* Longest; one that is not written to has its length plus this. */
#define EXTENT_MAX_LEN    32768u
#define EXTENT_MAX_UNINIT 32767u

struct ext4_extent_header {
	uint16_t magic;
	uint16_t entries;
	uint16_t max;
	uint16_t depth; /* 0: extents follow, else index entries */
	uint32_t generation;
};

struct ext4_extent {
	uint32_t block; /* first in the file */
	uint16_t len;
	uint16_t start_hi;
	uint32_t start_lo;
};

struct ext4_extent_index {
	uint32_t block; /* first in the file */
	uint32_t leaf_lo;
	uint16_t leaf_hi;
	uint16_t unused;
};
_Static_assert(sizeof(struct ext4_extent) == 12, "extent");
_Static_assert(sizeof(struct ext4_extent_index) == 12, "extent");

/* ---- Directories ---- */

#define DIRENT_HEADER  8u
#define DIRENT_FT_CSUM 0xdeu

struct ext4_dirent {
	uint32_t ino; /* 0: empty */
	uint16_t rec_len;
	uint8_t name_len;
	uint8_t file_type; /* with INCOMPAT_FILETYPE */
	char name[];
};

/* The last 12 bytes of a directory block: looks like an empty entry. */
struct ext4_dirent_tail {
	uint32_t zero;
	uint16_t rec_len; /* 12 */
	uint8_t zero2;
	uint8_t file_type; /* DIRENT_FT_CSUM */
	uint32_t checksum;
};

#define HASH_LEGACY        0u
#define HASH_HALF_MD4      1u
#define HASH_TEA           2u
#define HASH_UNSIGNED_FROM 3u /* the same three for unsigned char */

struct ext4_dx_entry {
	uint32_t hash; /* of the first: limit (low 16), count (high 16) */
	uint32_t block;
};

/* Behind the entries "." and ".." of block 0 of an indexed directory. */
struct ext4_dx_info {
	uint32_t zero;
	uint8_t hash_version;
	uint8_t info_length; /* 8 */
	uint8_t indirect_levels;
	uint8_t flags;
};

struct ext4_dx_tail {
	uint32_t reserved;
	uint32_t checksum;
};

/* ---- Extended attributes ---- */

#define XATTR_MAGIC 0xea020000u

struct ext4_xattr_header {
	uint32_t magic;
	uint32_t refcount;
	uint32_t blocks;
	uint32_t hash;
	uint32_t checksum;
	uint32_t reserved[3];
};

struct ext4_xattr_entry {
	uint8_t name_len;
	uint8_t name_index;
	uint16_t value_offset;
	uint32_t value_inum;
	uint32_t value_size;
	uint32_t hash;
	char name[];
};
_Static_assert(sizeof(struct ext4_xattr_header) == 32, "xattr");
_Static_assert(sizeof(struct ext4_xattr_entry) == 16, "xattr");

/* ---- Orphan file ---- */

#define ORPHAN_MAGIC 0x0b10ca04u

/* The last 8 bytes of each of its blocks. */
struct ext4_orphan_tail {
	uint32_t magic;
	uint32_t checksum;
};
