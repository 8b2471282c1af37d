/* SPDX-License-Identifier: MIT */
/*
 * partitions.c - partitions become devices; devices are found by name
 *
 * Locks: none of its own; device.c's table.
 */
#include "kernel/block/internal.h"
#include "kernel/block/partition_table.h"

#include "kernel/abi/errno.h"
#include "kernel/debug/log.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"

static int read_device(void *data, uint64_t pos, void *buf, size_t size)
{
	return block_read(data, pos, buf, size);
}

static struct partition_source source_of(struct block_device *bdev)
{
	return (struct partition_source){
		.read = read_device,
		.data = bdev,
		.size_bytes = block_device_size(bdev),
		.block_size = bdev->logical_block_size,
	};
}

/* "vda" and 1: "vda1"; "nvme0n1" and 1: "nvme0n1p1". */
static void name_partition(char *out, size_t size,
			   const struct block_device *disk, unsigned int number)
{
	char last = disk->name[strlen(disk->name) - 1];

	format_string(out, size, last >= '0' && last <= '9' ? "%sp%u" : "%s%u",
		      disk->name, number);
}

static int add_partition(struct block_device *disk,
			 const struct partition *part)
{
	char name[BLOCK_NAME_SIZE];
	struct block_device *bdev;
	int err;

	name_partition(name, sizeof(name), disk, part->number);
	bdev = block_device_create(
		disk->queue, name,
		(disk->partition_dev ? disk->partition_dev : disk->dev) +
			part->number);
	if (!bdev)
		return -ENOMEM;
	bdev->disk = block_device_get(disk);
	bdev->partition = part->number;
	bdev->start = part->start;
	bdev->num_sectors = part->sectors;
	bdev->cache.size_bytes = part->sectors << BLOCK_SECTOR_SHIFT;
	bdev->read_only = disk->read_only;
	strcopy(bdev->part_uuid, part->uuid, sizeof(bdev->part_uuid));
	strcopy(bdev->part_label, part->label, sizeof(bdev->part_label));
	err = block_device_publish(bdev);
	block_device_put(bdev);
	return err;
}

int partitions_scan(struct block_device *disk)
{
	struct partition_source source = source_of(disk);
	struct partition *parts;
	int count, err = 0;

	if (!disk->max_partitions || !disk->num_sectors)
		return 0;
	parts = kcalloc(PARTITIONS_MAX, sizeof(*parts));
	if (!parts)
		return -ENOMEM;
	count = partition_table_read(&source, parts, PARTITIONS_MAX);
	if (count < 0) {
		log_error("%s: its partition table cannot be read, error %d",
			  disk->name, -count);
		err = count;
	}
	for (int i = 0; i < count && !err; i++) {
		if (parts[i].number > disk->max_partitions)
			log_warning("%s: no number left for partition %u",
				    disk->name, parts[i].number);
		else
			err = add_partition(disk, &parts[i]);
	}
	if (count > 0)
		log_info("%s: %d partition%s", disk->name, count,
			 count == 1 ? "" : "s");
	kfree(parts);
	return err;
}

/* ---- By hand ---------------------------------------------------------------------------- */

static int check_range(const struct block_device *disk, unsigned int number,
		       uint64_t start, uint64_t sectors)
{
	struct block_device *other;

	if (disk->partition || !number || number > disk->max_partitions ||
	    !sectors || start > disk->num_sectors ||
	    sectors > disk->num_sectors - start)
		return -EINVAL;
	other = block_partition_find(disk, number, start, sectors);
	block_device_put(other);
	return other ? -EBUSY : 0;
}

int block_partition_add(struct block_device *disk, unsigned int number,
			uint64_t start, uint64_t sectors)
{
	struct partition *part;
	int err = check_range(disk, number, start, sectors);

	if (err)
		return err;
	part = kzalloc(sizeof(*part));
	if (!part)
		return -ENOMEM;
	part->number = number;
	part->start = start;
	part->sectors = sectors;
	err = add_partition(disk, part);
	kfree(part);
	return err;
}

int block_partition_delete(struct block_device *disk, unsigned int number)
{
	struct block_device *bdev = block_partition_find(disk, number, 0, 0);
	int err;

	if (!bdev || !number) {
		block_device_put(bdev);
		return -ENXIO;
	}
	err = block_partition_forget(bdev);
	block_device_put(bdev);
	return err;
}

int block_partition_resize(struct block_device *disk, unsigned int number,
			   uint64_t start, uint64_t sectors)
{
	int err = check_range(disk, number, start, sectors);
	struct block_device *bdev;

	if (err)
		return err;
	bdev = block_partition_find(disk, number, 0, 0);
	if (!bdev)
		return -ENXIO;
	if (bdev->start == start)
		block_partition_set_size(bdev, sectors);
	else
		err = -EINVAL;
	block_device_put(bdev);
	return err;
}

/* ---- By name -------------------------------------------------------------------------- */

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool same_ignoring_case(const char *a, const char *b)
{
	while (*a && lower(*a) == lower(*b)) {
		a++;
		b++;
	}
	return lower(*a) == lower(*b);
}

/* Does @name with @prefix say what @value is? */
static bool names(const char *name, const char *prefix, const char *value)
{
	size_t len = strlen(prefix);

	return strncmp(name, prefix, len) == 0 && *value &&
	       same_ignoring_case(name + len, value);
}

static bool is_volume(struct block_device *bdev, const char *name)
{
	struct partition_source source = source_of(bdev);
	struct volume_names volume;

	if ((strncmp(name, "UUID=", 5) != 0 &&
	     strncmp(name, "LABEL=", 6) != 0) ||
	    volume_names_read(&source, &volume))
		return false;
	return names(name, "UUID=", volume.uuid) ||
	       names(name, "LABEL=", volume.label);
}

static bool is_named(struct block_device *bdev, const char *name)
{
	char number[24];

	format_string(number, sizeof(number), "%lu:%lu", bdev->dev >> 8 & 0xfff,
		      (bdev->dev & 0xff) | (bdev->dev >> 12 & ~0xfful));
	return strcmp(name, bdev->name) == 0 ||
	       names(name, "/dev/", bdev->name) || strcmp(name, number) == 0 ||
	       names(name, "PARTUUID=", bdev->part_uuid) ||
	       names(name, "PARTLABEL=", bdev->part_label) ||
	       is_volume(bdev, name);
}

int block_device_open_name(const char *name, unsigned int flags, void *holder,
			   struct block_device **out)
{
	struct block_device *bdev;

	for (unsigned int i = 0; (bdev = block_device_at(i)); i++) {
		uint64_t dev = bdev->dev;
		bool found = is_named(bdev, name);

		block_device_put(bdev);
		if (found)
			return block_device_open(dev, flags, holder, out);
	}
	return -ENXIO;
}
