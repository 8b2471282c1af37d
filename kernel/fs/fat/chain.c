/* SPDX-License-Identifier: MIT */
/*
 * chain.c - the clusters of one file
 *
 * Idea: the table knows only what follows a cluster, so cluster number n of a
 * file is n steps away. Every FAT_MARK-th is remembered, which makes it fewer
 * than FAT_MARK steps from the nearest mark.
 *
 * Locks: fs->lock.
 */
#include "kernel/fs/fat/internal.h"

#include "kernel/mm/slab.h"

uint64_t fat_sector_of(const struct fat *fs, uint32_t cluster)
{
	return fs->data_start + ((uint64_t)(cluster - 2)
				 << (fs->cluster_bits - fs->sector_bits));
}

void fat_forget_chain(struct fat_node *node)
{
	node->num_marks = 0;
	node->num_clusters = UINT32_MAX;
	node->last = 0;
}

/* Without memory it is only slower. */
static void add_mark(struct fat_node *node, uint32_t cluster)
{
	uint32_t max = node->max_marks ? node->max_marks * 2 : 16;
	uint32_t *marks;

	if (node->num_marks == node->max_marks) {
		marks = krealloc(node->marks, node->max_marks * sizeof(*marks),
				 max * sizeof(*marks));
		if (!marks)
			return;
		node->marks = marks;
		node->max_marks = max;
	}
	node->marks[node->num_marks++] = cluster;
}

/* From the nearest mark at or before @index; *@at is its number. */
static uint32_t nearest(const struct fat_node *node, uint32_t index,
			uint32_t *at)
{
	uint32_t mark = MIN(index / FAT_MARK, node->num_marks - 1);

	*at = mark * FAT_MARK;
	return node->marks[mark];
}

int fat_map(struct inode *inode, uint32_t index, uint32_t *cluster)
{
	struct fat *fs = fat_of(inode);
	struct fat_node *node = fat_node(inode);
	uint32_t here = node->start, at = 0, next;
	int err;

	if (!node->start)
		return -ENOENT;
	if (index >= fs->num_clusters)
		return node->num_clusters <= index ? -ENOENT : -EIO;
	if (node->num_marks)
		here = nearest(node, index, &at);
	else if (fat_is_valid(fs, here))
		add_mark(node, here);
	for (; at < index; at++) {
		err = fat_get(fs, here, &next);
		if (err)
			return err;
		if (next == FAT_END)
			return -ENOENT;
		if (!fat_is_valid(fs, next))
			return fat_error(fs, "a broken chain");
		here = next;
		if ((at + 1) / FAT_MARK == node->num_marks &&
		    (at + 1) % FAT_MARK == 0)
			add_mark(node, here);
	}
	if (!fat_is_valid(fs, here))
		return fat_error(fs, "a file begins outside the volume");
	*cluster = here;
	return 0;
}

int fat_count_clusters(struct inode *inode)
{
	struct fat *fs = fat_of(inode);
	struct fat_node *node = fat_node(inode);
	uint32_t at = node->start, next, count = 0;

	if (node->num_clusters != UINT32_MAX)
		return 0;
	while (at) {
		int err = fat_get(fs, at, &next);

		if (err)
			return err;
		if (++count > fs->num_clusters)
			return fat_error(fs, "a chain without an end");
		node->last = at;
		if (next == FAT_END)
			break;
		if (!fat_is_valid(fs, next))
			return fat_error(fs, "a broken chain");
		at = next;
	}
	node->num_clusters = count;
	return 0;
}

static void set_blocks(struct inode *inode)
{
	inode->blocks_512 = (uint64_t)fat_node(inode)->num_clusters
			    << (fat_of(inode)->cluster_bits - 9);
}

/* One more at the end. */
static int append(struct inode *inode) MUST_HOLD(fat_of(inode)->lock)
{
	struct fat *fs = fat_of(inode);
	struct fat_node *node = fat_node(inode);
	uint32_t cluster;
	int err;

	if (node->last && !fat_is_valid(fs, fs->next))
		fs->next = node->last + 1;
	err = fat_allocate(fs, &cluster);
	if (err)
		return err;
	if (node->start)
		err = fat_put(fs, node->last, cluster);
	else
		node->start = cluster;
	if (err)
		return err;
	node->last = cluster;
	if (node->num_clusters % FAT_MARK == 0 &&
	    node->num_clusters / FAT_MARK == node->num_marks)
		add_mark(node, cluster);
	node->num_clusters++;
	return 0;
}

int fat_grow(struct inode *inode, uint32_t count)
{
	struct fat_node *node = fat_node(inode);
	int err = 0;

	if (node->num_clusters != UINT32_MAX && node->num_clusters >= count)
		return 0;
	if (fat_of(inode)->read_only)
		return -EROFS;
	err = fat_count_clusters(inode);
	while (!err && node->num_clusters < count)
		err = append(inode);
	if (node->num_clusters != UINT32_MAX)
		set_blocks(inode);
	return err;
}

/* All of it: the chain is freed when the directory does not name it. */
static int cut_all(struct inode *inode) MUST_HOLD(fat_of(inode)->lock)
{
	struct fat_node *node = fat_node(inode);
	struct fat_doomed *doom = kmalloc(sizeof(*doom));

	if (!doom)
		return -ENOMEM;
	fat_doom(fat_of(inode), doom, node->start);
	node->start = 0;
	fat_forget_chain(node);
	node->num_clusters = 0;
	return 0;
}

int fat_cut(struct inode *inode, uint32_t count)
{
	struct fat *fs = fat_of(inode);
	struct fat_node *node = fat_node(inode);
	uint32_t last = 0, next = 0;
	int err;

	err = fat_count_clusters(inode);
	if (err || node->num_clusters <= count)
		return err;
	if (count == 0) {
		err = cut_all(inode);
	} else {
		err = fat_map(inode, count - 1, &last);
		if (!err)
			err = fat_get(fs, last, &next);
		if (!err)
			err = fat_put(fs, last, FAT_END);
		if (!err)
			err = fat_free_chain(fs, next);
		if (err)
			return err;
		node->num_marks =
			MIN(node->num_marks, DIV_ROUND_UP(count, FAT_MARK));
		node->num_clusters = count;
		node->last = last;
	}
	if (!err)
		set_blocks(inode);
	return err;
}
