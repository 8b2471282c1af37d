/* SPDX-License-Identifier: MIT */
/*
 * partition_table.c - what a disk says about its partitions
 *
 * Idea: two ways of writing it down. A GUID partition table has checksums, and
 * a copy of itself at the end of the disk for when the first is damaged. A
 * master boot record has four entries, one of which may begin a chain of
 * further ones. A GPT disk has an MBR with one entry of type 0xee, so that old
 * tools keep away.
 *
 * Everything read here is checked before it is used: sizes, sums that overflow,
 * chains that run in circles.
 *
 * Source: UEFI Specification 2.10, "GUID Partition Table (GPT) Disk Layout",
 * "MBR Partition Table"; Linux, Documentation/filesystems/ext4/super.rst;
 * Microsoft, FAT32 File System Specification.
 */
#include "kernel/block/partition_table.h"

#include "kernel/abi/errno.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"

#define SECTOR_SIZE 512u

/* ---- Numbers as they stand on disks: little endian, anywhere -------------------- */

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t get32(const uint8_t *p)
{
	return get16(p) | (uint32_t)get16(p + 2) << 16;
}

static uint64_t get64(const uint8_t *p)
{
	return get32(p) | (uint64_t)get32(p + 4) << 32;
}

/* CRC-32 as in Ethernet and GPT (reflected 0x04c11db7). */
static uint32_t crc32_of(uint32_t crc, const uint8_t *p, size_t size)
{
	while (size--) {
		crc ^= *p++;
		for (unsigned int i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return crc;
}

static bool is_zero(const uint8_t *p, size_t size)
{
	while (size--) {
		if (*p++)
			return false;
	}
	return true;
}

/* A GUID: its first three fields are little-endian numbers. */
static void format_guid(char *out, size_t size, const uint8_t *p)
{
	format_string(out, size,
		      "%08x-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		      get32(p), get16(p + 4), get16(p + 6), p[8], p[9], p[10],
		      p[11], p[12], p[13], p[14], p[15]);
}

/* A UUID as most others write it: in the order of its bytes. */
static void format_uuid(char *out, size_t size, const uint8_t *p)
{
	format_string(out, size,
		      "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
		      "%02x%02x%02x%02x%02x%02x",
		      p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7], p[8],
		      p[9], p[10], p[11], p[12], p[13], p[14], p[15]);
}

/* ---- GPT ---------------------------------------------------------------------------- */

enum {
	GPT_HEADER_MIN = 92,
	GPT_ENTRY_MIN = 128,
	GPT_ENTRY_MAX = 4096,
	GPT_TABLE_MAX = 512 * 1024,
	GPT_NAME_CHARS = 36,
};

/* What we need of a header that has been checked. */
struct gpt {
	uint64_t entries_pos; /* bytes */
	uint32_t num_entries, entry_size, entries_crc;
	uint64_t first_lba, last_lba; /* usable */
};

static bool parse_gpt_header(const struct partition_source *source,
			     uint8_t *block, uint64_t lba, struct gpt *gpt)
{
	uint64_t num_lbas = source->size_bytes / source->block_size;
	uint32_t size = get32(block + 12), crc = get32(block + 16);
	uint64_t entries_lba = get64(block + 72);

	if (memcmp(block, "EFI PART", 8) != 0 || size < GPT_HEADER_MIN ||
	    size > source->block_size || get64(block + 24) != lba)
		return false;
	memset(block + 16, 0, 4);
	if (~crc32_of(UINT32_MAX, block, size) != crc)
		return false;
	gpt->first_lba = get64(block + 40);
	gpt->last_lba = get64(block + 48);
	gpt->num_entries = get32(block + 80);
	gpt->entry_size = get32(block + 84);
	gpt->entries_crc = get32(block + 88);
	if (entries_lba >= num_lbas || gpt->last_lba >= num_lbas ||
	    gpt->first_lba > gpt->last_lba || gpt->entry_size < GPT_ENTRY_MIN ||
	    gpt->entry_size > GPT_ENTRY_MAX || gpt->entry_size % 8 ||
	    gpt->num_entries == 0 ||
	    gpt->num_entries > GPT_TABLE_MAX / gpt->entry_size)
		return false;
	gpt->entries_pos = entries_lba * source->block_size;
	return true;
}

/* Names are UTF-16; letters of other alphabets become "?". */
static void copy_gpt_name(char *out, size_t size, const uint8_t *name)
{
	size_t n = 0;

	for (unsigned int i = 0; i < GPT_NAME_CHARS && n + 1 < size; i++) {
		uint16_t c = get16(name + 2UL * i);

		if (!c)
			break;
		out[n++] = c >= 0x20 && c < 0x7f ? (char)c : '?';
	}
	out[n] = '\0';
}

static bool parse_gpt_entry(const struct partition_source *source,
			    const struct gpt *gpt, const uint8_t *entry,
			    struct partition *part)
{
	uint64_t first = get64(entry + 32), last = get64(entry + 40);
	unsigned int scale = source->block_size / SECTOR_SIZE;

	if (is_zero(entry, 16) || first < gpt->first_lba || last < first ||
	    last > gpt->last_lba)
		return false;
	part->start = first * scale;
	part->sectors = (last - first + 1) * scale;
	format_guid(part->uuid, sizeof(part->uuid), entry + 16);
	copy_gpt_name(part->label, sizeof(part->label), entry + 56);
	return true;
}

/* The table of entries is there and undamaged: how many partitions, or -errno
 * (-EINVAL: damaged). */
static int read_gpt_entries(const struct partition_source *source,
			    const struct gpt *gpt, struct partition *out,
			    unsigned int max)
{
	size_t bytes = (size_t)gpt->num_entries * gpt->entry_size;
	size_t whole = ALIGN_UP(bytes, (size_t)source->block_size);
	unsigned int count = 0;
	uint8_t *table;
	int err = -EINVAL;

	if (whole > source->size_bytes - gpt->entries_pos)
		return -EINVAL;
	table = kmalloc(whole);
	if (!table)
		return -ENOMEM;
	if (source->read(source->data, gpt->entries_pos, table, whole)) {
		err = -EIO;
		goto free_table;
	}
	if (~crc32_of(UINT32_MAX, table, bytes) != gpt->entries_crc)
		goto free_table;
	for (uint32_t i = 0; i < gpt->num_entries && count < max; i++) {
		out[count].number = i + 1;
		if (parse_gpt_entry(source, gpt,
				    table + (size_t)i * gpt->entry_size,
				    &out[count]))
			count++;
	}
	err = (int)count;
free_table:
	kfree(table);
	return err;
}

/* The header at @lba and what it says; -EINVAL: no good. */
static int read_gpt_at(const struct partition_source *source, uint64_t lba,
		       uint8_t *block, struct partition *out, unsigned int max)
{
	struct gpt gpt;

	if (source->read(source->data, lba * source->block_size, block,
			 source->block_size))
		return -EIO;
	if (!parse_gpt_header(source, block, lba, &gpt))
		return -EINVAL;
	return read_gpt_entries(source, &gpt, out, max);
}

static int read_gpt(const struct partition_source *source, uint8_t *block,
		    struct partition *out, unsigned int max)
{
	uint64_t last = source->size_bytes / source->block_size;
	int count;

	if (last < 3)
		return 0;
	count = read_gpt_at(source, 1, block, out, max);
	if (count < 0)
		count = read_gpt_at(source, last - 1, block, out, max);
	return count == -EINVAL ? 0 : count;
}

/* ---- MBR ---------------------------------------------------------------------------- */

enum {
	MBR_SIGNATURE = 440,
	MBR_ENTRIES = 446,
	MBR_ENTRY_SIZE = 16,
	MBR_MAGIC = 510,
	TYPE_GPT = 0xee,
	FIRST_LOGICAL = 5,
	LOGICAL_MAX = 60,
};

struct mbr_entry {
	uint8_t status, type;
	uint32_t start, sectors;
};

static struct mbr_entry mbr_entry_at(const uint8_t *block, unsigned int i)
{
	const uint8_t *p = block + MBR_ENTRIES + (size_t)i * MBR_ENTRY_SIZE;

	return (struct mbr_entry){ p[0], p[4], get32(p + 8), get32(p + 12) };
}

/* Not just the code of a boot sector. */
static bool is_mbr(const uint8_t *block)
{
	if (get16(block + MBR_MAGIC) != 0xaa55)
		return false;
	for (unsigned int i = 0; i < 4; i++) {
		if (mbr_entry_at(block, i).status & 0x7f)
			return false;
	}
	return true;
}

static bool is_extended(const struct mbr_entry *entry)
{
	return entry->type == 0x05 || entry->type == 0x0f ||
	       entry->type == 0x85;
}

/* @start in blocks of the disk. False: it does not lie on the disk. */
static bool set_mbr_partition(const struct partition_source *source,
			      struct partition *part, unsigned int number,
			      uint64_t start, uint64_t sectors, uint32_t disk)
{
	unsigned int scale = source->block_size / SECTOR_SIZE;
	uint64_t disk_sectors = source->size_bytes / SECTOR_SIZE;

	part->start = start * scale;
	part->sectors = sectors * scale;
	if (!sectors || part->start >= disk_sectors)
		return false;
	/* Images are often shorter than they were meant to be. */
	part->sectors = MIN(part->sectors, disk_sectors - part->start);
	part->number = number;
	part->label[0] = '\0';
	format_string(part->uuid, sizeof(part->uuid), "%08x-%02x", disk,
		      number);
	return true;
}

/*
 * Logical partitions: each sits behind a table of its own, whose second entry
 * leads to the next; both are relative, the first to that table, the second to
 * the extended partition.
 */
static int read_logical(const struct partition_source *source, uint8_t *block,
			const struct mbr_entry *extended, uint32_t disk,
			struct partition *out, unsigned int max)
{
	unsigned int number = FIRST_LOGICAL, count = 0;
	uint64_t at = extended->start;

	while (count < max && number < FIRST_LOGICAL + LOGICAL_MAX) {
		struct mbr_entry entry, next;

		if ((at + 1) * source->block_size > source->size_bytes)
			break;
		if (source->read(source->data, at * source->block_size, block,
				 source->block_size))
			return -EIO;
		if (!is_mbr(block))
			break;
		entry = mbr_entry_at(block, 0);
		next = mbr_entry_at(block, 1);
		if (entry.type &&
		    set_mbr_partition(source, &out[count], number,
				      at + entry.start, entry.sectors, disk))
			count++;
		number++;
		if (!is_extended(&next) || !next.start)
			break;
		at = (uint64_t)extended->start + next.start;
	}
	return (int)count;
}

static int read_mbr(const struct partition_source *source, uint8_t *block,
		    struct partition *out, unsigned int max)
{
	uint32_t disk = get32(block + MBR_SIGNATURE);
	struct mbr_entry entries[4], *extended = NULL;
	unsigned int count = 0;
	int more;

	for (unsigned int i = 0; i < 4; i++)
		entries[i] = mbr_entry_at(block, i);
	for (unsigned int i = 0; i < 4 && count < max; i++) {
		if (is_extended(&entries[i]) && !extended)
			extended = &entries[i];
		else if (entries[i].type &&
			 set_mbr_partition(source, &out[count], i + 1,
					   entries[i].start, entries[i].sectors,
					   disk))
			count++;
	}
	if (!extended)
		return (int)count;
	more = read_logical(source, block, extended, disk, out + count,
			    max - count);
	return more < 0 ? more : (int)count + more;
}

/* ---- Both --------------------------------------------------------------------------- */

static int read_table(const struct partition_source *source, uint8_t *block,
		      struct partition *out, unsigned int max)
{
	if (source->read(source->data, 0, block, source->block_size))
		return -EIO;
	if (!is_mbr(block))
		return 0;
	for (unsigned int i = 0; i < 4; i++) {
		if (mbr_entry_at(block, i).type == TYPE_GPT)
			return read_gpt(source, block, out, max);
	}
	return read_mbr(source, block, out, max);
}

int partition_table_read(const struct partition_source *source,
			 struct partition *out, unsigned int max)
{
	uint8_t *block;
	int count;

	if (source->block_size < SECTOR_SIZE ||
	    source->size_bytes < source->block_size)
		return 0;
	block = kmalloc(source->block_size);
	if (!block)
		return -ENOMEM;
	count = read_table(source, block, out, max);
	kfree(block);
	return count;
}

/* ---- Names of file systems ------------------------------------------------------------ */

enum { LOOK_SIZE = 4096, EXT_SUPER = 1024 };

static void copy_label(char *out, size_t out_size, const uint8_t *p,
		       size_t size)
{
	size_t n = 0;

	while (n < size && n + 1 < out_size && p[n])
		n++;
	while (n > 0 && p[n - 1] == ' ')
		n--;
	memcpy(out, p, n);
	out[n] = '\0';
}

static bool look_for_ext(const uint8_t *start, struct volume_names *names)
{
	const uint8_t *super = start + EXT_SUPER;

	if (get16(super + 56) != 0xef53)
		return false;
	strcopy(names->type, "ext4", sizeof(names->type));
	format_uuid(names->uuid, sizeof(names->uuid), super + 104);
	copy_label(names->label, sizeof(names->label), super + 120, 16);
	return true;
}

static bool look_for_fat(const uint8_t *start, struct volume_names *names)
{
	bool is_fat32 = !memcmp(start + 82, "FAT32   ", 8);
	const uint8_t *id = start + (is_fat32 ? 67 : 39);

	if (get16(start + 510) != 0xaa55 ||
	    (!is_fat32 && memcmp(start + 54, "FAT1", 4) != 0))
		return false;
	strcopy(names->type, "vfat", sizeof(names->type));
	format_string(names->uuid, sizeof(names->uuid), "%04X-%04X",
		      get16(id + 2), get16(id));
	copy_label(names->label, sizeof(names->label), id + 4, 11);
	return true;
}

int volume_names_read(const struct partition_source *source,
		      struct volume_names *names)
{
	uint8_t *start;
	int err;

	memset(names, 0, sizeof(*names));
	if (source->size_bytes < LOOK_SIZE)
		return 0;
	start = kmalloc(LOOK_SIZE);
	if (!start)
		return -ENOMEM;
	err = source->read(source->data, 0, start, LOOK_SIZE);
	if (!err && !look_for_ext(start, names))
		look_for_fat(start, names);
	kfree(start);
	return err;
}
