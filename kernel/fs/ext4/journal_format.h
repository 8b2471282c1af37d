/* SPDX-License-Identifier: MIT */
/*
 * journal_format.h - the journal (JBD2) as it lies on the disk
 *
 * Everything is big endian. The log is a ring of blocks; a transaction is
 * descriptor blocks with the blocks they describe behind each, revoke blocks,
 * and one commit block, all with the transaction's number.
 * Source: "Journal (jbd2)" of the Linux kernel's ext4 documentation.
 */
#pragma once

#include "kernel/lib/compiler.h"

#define JOURNAL_MAGIC 0xc03b3998u

/* header.type */
#define JOURNAL_DESCRIPTOR 1u
#define JOURNAL_COMMIT     2u
#define JOURNAL_SUPER_V1   3u
#define JOURNAL_SUPER_V2   4u
#define JOURNAL_REVOKE     5u

#define JOURNAL_COMPAT_CHECKSUM 1u

#define JOURNAL_REVOKES      1u
#define JOURNAL_64BIT        2u
#define JOURNAL_ASYNC_COMMIT 4u
#define JOURNAL_CSUM_V2      8u
#define JOURNAL_CSUM_V3      16u
#define JOURNAL_FAST_COMMIT  32u
#define JOURNAL_KNOWN        31u

/* Flags of a tag. */
#define TAG_ESCAPED   1u /* its first word was the magic number */
#define TAG_SAME_UUID 2u
#define TAG_DELETED   4u
#define TAG_LAST      8u

#define JOURNAL_CRC32C 4u /* super.checksum_type */

struct journal_header {
	uint32_t magic;
	uint32_t type;
	uint32_t sequence;
};

struct journal_super {
	struct journal_header header;
	uint32_t block_size;
	uint32_t max_len;
	uint32_t first;
	uint32_t sequence; /* of the first transaction in the log */
	uint32_t start;    /* its block; 0: the log is empty */
	uint32_t error;
	uint32_t compat;
	uint32_t incompat;
	uint32_t ro_compat;
	uint8_t uuid[16];
	uint32_t num_users;
	uint32_t dynsuper;
	uint32_t max_transaction;
	uint32_t max_trans_data;
	uint8_t checksum_type;
	uint8_t pad[3];
	uint32_t num_fc_blocks;
	uint32_t head;
	uint32_t padding[40];
	uint32_t checksum;
	uint8_t users[768];
};
_Static_assert(sizeof(struct journal_super) == 1024, "journal super");
_Static_assert(offsetof(struct journal_super, checksum) == 0xfc, "journal");

/* With CSUM_V3. Without: checksum and flags are 16 bits each, 4 to 7. */
struct journal_tag3 {
	uint32_t block_lo;
	uint32_t flags;
	uint32_t block_hi;
	uint32_t checksum;
};

struct journal_tag {
	uint32_t block_lo;
	uint16_t checksum;
	uint16_t flags;
	uint32_t block_hi; /* with 64BIT */
};

struct journal_revoke {
	struct journal_header header;
	uint32_t size; /* bytes used, with this header */
};

struct journal_commit {
	struct journal_header header;
	uint8_t checksum_type;
	uint8_t checksum_size;
	uint8_t pad[2];
	uint32_t checksum[8];
	uint64_t seconds;
	uint32_t nanoseconds;
};

static inline uint32_t be32(uint32_t x)
{
	return (x << 24) | ((x & 0xff00u) << 8) | ((x >> 8) & 0xff00u) |
	       (x >> 24);
}

static inline uint16_t be16(uint16_t x)
{
	return (uint16_t)((x << 8) | (x >> 8));
}

static inline uint64_t be64(uint64_t x)
{
	return ((uint64_t)be32((uint32_t)x) << 32) | be32((uint32_t)(x >> 32));
}
