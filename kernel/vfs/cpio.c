/* SPDX-License-Identifier: MIT */
/*
 * cpio.c - reading archives in the "newc" format of cpio
 *
 * Idea: an archive is a row of members; each is a header of 110 characters (a
 * magic number and 13 fields of 8 hexadecimal digits), the name with its NUL,
 * and the data; name and data are padded to multiples of 4. The last member is
 * called "TRAILER!!!". Zeros may lie between archives.
 *
 * No number of the archive is believed before it was held against the bytes
 * that are there.
 */
#include "kernel/vfs/cpio.h"

#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"

#define HEADER_SIZE 110u
#define MAGIC_SIZE  6u
#define FIELD_SIZE  8u
#define NUM_FIELDS  13u
#define NAME_LIMIT  4096u /* PATH_MAX */

/* The order of the fields. */
enum {
	FIELD_INO,
	FIELD_MODE,
	FIELD_UID,
	FIELD_GID,
	FIELD_NLINK,
	FIELD_MTIME,
	FIELD_FILE_SIZE,
	FIELD_DEV_MAJOR,
	FIELD_DEV_MINOR,
	FIELD_RDEV_MAJOR,
	FIELD_RDEV_MINOR,
	FIELD_NAME_SIZE,
	FIELD_CHECK, /* a sum in format 070702; not looked at */
};

void cpio_open(struct cpio_reader *reader, const void *data, size_t size)
{
	reader->data = data;
	reader->size = size;
	reader->at = 0;
	reader->error = NULL;
}

static enum cpio_result broken(struct cpio_reader *reader, const char *error)
{
	reader->error = error;
	return CPIO_BROKEN;
}

/* Eight hexadecimal digits; false if they are not. */
static bool parse_field(const char *digits, uint32_t *value)
{
	*value = 0;
	for (unsigned int i = 0; i < FIELD_SIZE; i++) {
		char c = digits[i];
		unsigned int digit;

		if (c >= '0' && c <= '9')
			digit = (unsigned int)(c - '0');
		else if (c >= 'a' && c <= 'f')
			digit = (unsigned int)(c - 'a') + 10;
		else if (c >= 'A' && c <= 'F')
			digit = (unsigned int)(c - 'A') + 10;
		else
			return false;
		*value = *value << 4 | digit;
	}
	return true;
}

static bool parse_header(const char *header, uint32_t field[NUM_FIELDS])
{
	if (memcmp(header, "070701", MAGIC_SIZE) != 0 &&
	    memcmp(header, "070702", MAGIC_SIZE) != 0)
		return false;
	for (unsigned int i = 0; i < NUM_FIELDS; i++) {
		if (!parse_field(header + MAGIC_SIZE + (size_t)i * FIELD_SIZE,
				 &field[i]))
			return false;
	}
	return true;
}

static void fill_entry(struct cpio_entry *entry,
		       const uint32_t field[NUM_FIELDS])
{
	entry->ino = field[FIELD_INO];
	entry->mode = field[FIELD_MODE];
	entry->uid = field[FIELD_UID];
	entry->gid = field[FIELD_GID];
	entry->nlink = field[FIELD_NLINK];
	entry->mtime = field[FIELD_MTIME];
	entry->size = field[FIELD_FILE_SIZE];
	entry->dev_major = field[FIELD_DEV_MAJOR];
	entry->dev_minor = field[FIELD_DEV_MINOR];
	entry->rdev_major = field[FIELD_RDEV_MAJOR];
	entry->rdev_minor = field[FIELD_RDEV_MINOR];
	entry->name_len = field[FIELD_NAME_SIZE];
}

static size_t pad4(size_t n)
{
	return (n + 3) & ~(size_t)3;
}

/* What may stand before a header: the padding between archives. */
static void skip_zeros(struct cpio_reader *reader)
{
	while (reader->at < reader->size && reader->data[reader->at] == '\0')
		reader->at++;
}

static bool is_name_sound(const char *name, size_t size)
{
	return size >= 2 && size <= NAME_LIMIT && name[size - 1] == '\0' &&
	       !memchr(name, '\0', size - 1);
}

enum cpio_result cpio_next(struct cpio_reader *reader, struct cpio_entry *entry)
{
	uint32_t field[NUM_FIELDS];
	const char *header;
	size_t left, name_end, data_end;

	skip_zeros(reader);
	header = reader->data + reader->at;
	left = reader->size - reader->at;
	if (left == 0)
		return CPIO_END;
	if (left < HEADER_SIZE)
		return broken(reader, "cut short in a header");
	if (!parse_header(header, field))
		return broken(reader, "no cpio header (newc) found");
	fill_entry(entry, field);

	/* All sums stay far below 2^64: the fields have 32 bits. */
	name_end = HEADER_SIZE + entry->name_len;
	if (name_end > left)
		return broken(reader, "cut short in a name");
	entry->name = header + HEADER_SIZE;
	if (!is_name_sound(entry->name, entry->name_len))
		return broken(reader, "name without end");
	entry->name_len--;
	data_end = pad4(name_end) + entry->size;
	if (data_end > left)
		return broken(reader, "cut short in a file's contents");
	entry->data = header + pad4(name_end);
	reader->at += MIN(pad4(data_end), left);
	return strcmp(entry->name, "TRAILER!!!") ? CPIO_ENTRY : CPIO_TRAILER;
}
