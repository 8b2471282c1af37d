/* SPDX-License-Identifier: MIT */
/*
 * partition_table.h - what a disk says about its partitions
 *
 * The disk is not trusted: whatever stands in its sectors, a table of sane
 * partitions or an error comes out. Builds on the host, for tests and fuzzing.
 */
#pragma once

#include "kernel/lib/compiler.h"

#define PARTITIONS_MAX 128u

struct partition {
	unsigned int number;     /* 1.. */
	uint64_t start, sectors; /* 512 bytes each, inside the disk */
	char uuid[40];           /* PARTUUID, lower case */
	char label[40];          /* PARTLABEL (GPT), what of it is ASCII */
};

struct partition_source {
	/* @size bytes at @pos, both multiples of block_size; 0 or -EIO. */
	int (*read)(void *data, uint64_t pos, void *buf, size_t size);
	void *data;
	uint64_t size_bytes;
	unsigned int block_size; /* of the disk, in bytes: 512 ... 4096 */
};

/*
 * The partitions into @out (room for @max). How many; 0: no table that we know;
 * -EIO, -ENOMEM.
 */
int partition_table_read(const struct partition_source *source,
			 struct partition *out, unsigned int max);

/* What a file system at the start of a device calls itself. */
struct volume_names {
	char type[8];  /* "ext4", "vfat"; "" unknown */
	char uuid[40]; /* lower case; FAT: "1234-ABCD" */
	char label[20];
};
/* 0 (type "" if unknown), -EIO, -ENOMEM. */
int volume_names_read(const struct partition_source *source,
		      struct volume_names *names);
