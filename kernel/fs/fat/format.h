/* SPDX-License-Identifier: MIT */
/*
 * format.h - FAT on the disk: boot sector, FSInfo, directory entries
 *
 * All numbers are little endian, as the machine is.
 * Source: "Microsoft FAT Specification" (2005): "Boot Sector and BPB", "FAT",
 * "Directory Structure", "Long File Names".
 */
#pragma once

#include "kernel/lib/compiler.h"

struct __attribute__((packed)) fat_boot {
	uint8_t jump[3];
	char oem[8];
	uint16_t sector_size;
	uint8_t sectors_per_cluster;
	uint16_t reserved;
	uint8_t num_fats;
	uint16_t root_entries; /* 0: FAT32 */
	uint16_t sectors_16;
	uint8_t media;
	uint16_t fat_sectors_16;
	uint16_t sectors_per_track, heads;
	uint32_t hidden, sectors_32;
	union {
		struct __attribute__((packed)) {
			uint8_t drive, state; /* state: FAT_STATE_* */
			uint8_t signature;
			uint32_t serial;
			char label[11], type[8];
		} old;
		struct __attribute__((packed)) {
			uint32_t fat_sectors;
			uint16_t flags; /* FAT_NO_MIRROR, which one is used */
			uint16_t version;
			uint32_t root_cluster;
			uint16_t info_sector, backup;
			uint8_t unused[12];
			uint8_t drive, state;
			uint8_t signature;
			uint32_t serial;
			char label[11], type[8];
		} fat32;
	};
};
_Static_assert(sizeof(struct fat_boot) == 90, "FAT32's boot sector");

#define FAT_STATE_DIRTY 1u
#define FAT_NO_MIRROR   0x80u
#define FAT_ACTIVE_MASK 0xfu

struct __attribute__((packed)) fat_info {
	uint32_t signature1;
	uint8_t unused[480];
	uint32_t signature2;
	uint32_t free, next; /* clusters; all ones: unknown */
	uint8_t unused2[12];
	uint32_t signature3;
};
_Static_assert(sizeof(struct fat_info) == 512, "FSInfo");
#define FAT_INFO_SIGNATURE1 0x41615252u
#define FAT_INFO_SIGNATURE2 0x61417272u

struct fat_entry {
	char name[11];    /* 8.3, padded with blanks */
	uint8_t attr;     /* FAT_ATTR_* */
	uint8_t lcase;    /* FAT_LOWER_*: how the name is shown */
	uint8_t ctime_cs; /* of the creation: 1/100 s, 0 to 199 */
	uint16_t ctime, cdate, adate, start_high, time, date, start;
	uint32_t size;
};

/* Before an entry: its long name, last part first. */
struct __attribute__((packed)) fat_slot {
	uint8_t number; /* 1.., FAT_SLOT_LAST on the first of them */
	uint16_t name0_4[5];
	uint8_t attr; /* FAT_ATTR_LONG */
	uint8_t reserved, checksum;
	uint16_t name5_10[6];
	uint16_t start; /* 0 */
	uint16_t name11_12[2];
};
_Static_assert(sizeof(struct fat_entry) == 32 && sizeof(struct fat_slot) == 32,
	       "directory entries");

#define FAT_ENTRY_SIZE 32u
#define FAT_SLOT_LAST  0x40u
#define FAT_SLOT_CHARS 13u
#define FAT_FREE       0xe5u /* first byte of the name: not in use */
#define FAT_IS_E5      0x05u /* the first byte is 0xe5 */

#define FAT_ATTR_READ_ONLY 1u
#define FAT_ATTR_HIDDEN    2u
#define FAT_ATTR_SYSTEM    4u
#define FAT_ATTR_VOLUME    8u
#define FAT_ATTR_DIR       16u
#define FAT_ATTR_ARCHIVE   32u
#define FAT_ATTR_LONG      15u
#define FAT_LOWER_BASE     8u
#define FAT_LOWER_EXT      16u

/* What a FAT entry says, whatever its width. */
#define FAT_FREE_CLUSTER 0u
#define FAT_BAD_CLUSTER  0x0ffffff7u
#define FAT_END          0x0fffffffu

/* Most clusters that have 12, 16 bits; of FAT32. */
#define FAT12_MAX    4084u
#define FAT16_MAX    65524u
#define FAT32_MAX    0x0ffffff4u
#define FAT_MAX_SIZE UINT32_MAX
/* A directory is never longer (65536 entries). */
#define FAT_MAX_DIR 0x200000u
