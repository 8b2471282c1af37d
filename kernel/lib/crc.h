/* SPDX-License-Identifier: MIT */
/*
 * crc.h - cyclic redundancy checks, as file systems use them
 *
 * Raw update steps: the caller gives the start value and inverts if its format
 * says so. A checksum of parts is the checksum of the whole.
 */
#pragma once

#include "kernel/lib/compiler.h"

/* CRC-32C (Castagnoli), bits reversed: iSCSI, ext4, Btrfs. */
uint32_t crc32c(uint32_t crc, const void *data, size_t size);
/* CRC-16 (polynomial 0x8005), bits reversed: ext4 group descriptors. */
uint16_t crc16(uint16_t crc, const void *data, size_t size);
/* CRC-32 (IEEE 802.3), bits reversed: GPT and others. */
uint32_t crc32(uint32_t crc, const void *data, size_t size);

/*
 * @count > 0 words at once. @quotient is floor(x^95 / P) for the polynomial P,
 * both with their bits reversed.
 */
typedef uint32_t crc_words_fn(uint32_t crc, const uint64_t *words, size_t count,
			      uint64_t quotient, uint32_t polynomial);
/* Boot: the hart has a better way than tables for the CRCs of 32 bits. */
void crc_use_words(crc_words_fn *words);
