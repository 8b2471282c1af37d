/* SPDX-License-Identifier: MIT */
/*
 * device.c - which driver a device node means
 *
 * Idea: a short list of number ranges. Few drivers register, and only open()
 * asks, so a list does.
 *
 * Locks: ranges_lock. A range that is taken away must not be opened any more
 * by then; its ops are static.
 */
#include "kernel/vfs/device.h"

#include "kernel/mm/slab.h"
#include "kernel/vfs/internal.h"

struct device_range {
	struct list_head node;
	uint32_t type; /* S_IFCHR or S_IFBLK */
	unsigned int major, first, count;
	const struct file_ops *ops;
};

static struct spinlock ranges_lock = SPINLOCK_INIT(LOCK_SPIN_MISC);
static struct list_head ranges = LIST_HEAD_INIT(ranges);

/* The first range of that type with a number in [@first, @first + @count). */
static struct device_range *find(uint32_t mode, unsigned int major,
				 unsigned int first, unsigned int count)
	MUST_HOLD(ranges_lock)
{
	struct device_range *range;

	list_for_each (range, &ranges, node) {
		if (range->type == (mode & S_IFMT) && range->major == major &&
		    first < range->first + range->count &&
		    range->first < first + count)
			return range;
	}
	return NULL;
}

int device_register(uint32_t mode, uint64_t first, unsigned int count,
		    const struct file_ops *ops)
{
	struct device_range *range = kmalloc(sizeof(*range));
	int err = 0;

	if (!range)
		return -ENOMEM;
	range->type = mode & S_IFMT;
	range->major = device_major(first);
	range->first = device_minor(first);
	range->count = count;
	range->ops = ops;
	spin_lock(&ranges_lock);
	if (find(mode, range->major, range->first, count))
		err = -EBUSY;
	else
		list_push_back(&ranges, &range->node);
	spin_unlock(&ranges_lock);
	if (err)
		kfree(range);
	return err;
}

void device_unregister(uint32_t mode, uint64_t first)
{
	struct device_range *range;

	spin_lock(&ranges_lock);
	range = find(mode, device_major(first), device_minor(first), 1);
	if (range)
		list_remove(&range->node);
	spin_unlock(&ranges_lock);
	kfree(range);
}

const struct file_ops *device_file_ops(uint32_t mode, uint64_t rdev)
{
	const struct file_ops *ops = NULL;
	struct device_range *range;

	spin_lock(&ranges_lock);
	range = find(mode, device_major(rdev), device_minor(rdev), 1);
	if (range)
		ops = range->ops;
	spin_unlock(&ranges_lock);
	return ops;
}
