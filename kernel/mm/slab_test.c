/* SPDX-License-Identifier: MIT */
/*
 * slab_test.c - claims about kmalloc and slabs
 */
#include "kernel/debug/ktest.h"
#include "kernel/lib/string.h"
#include "kernel/mm/internal.h"
#include "kernel/mm/slab.h"

#define NUM_OBJECTS 600

KTEST(kmalloc_objects_do_not_overlap)
{
	static const size_t sizes[] = { 1,   16,  17,   100,  192,
					500, 769, 2048, 2049, 9000 };
	unsigned char *objects[ARRAY_SIZE(sizes)];
	size_t i, k, wrong = 0;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		objects[i] = kmalloc(sizes[i]);
		KTEST_TRUE(objects[i]);
		KTEST_TRUE(IS_ALIGNED((uintptr_t)objects[i], 16));
		memset(objects[i], (int)i, sizes[i]);
	}
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (k = 0; k < sizes[i]; k++)
			wrong += objects[i][k] != i;
		kfree(objects[i]);
	}
	KTEST_EQUAL(wrong, 0);
}

/* Neighbours, too: what harts count in is as long as a cache line. */
KTEST(kmalloc_aligns_whole_cache_lines)
{
	void *objects[5];
	size_t wrong = 0;

	for (size_t size = 64; size <= 4096; size += 64) {
		for (size_t i = 0; i < ARRAY_SIZE(objects); i++) {
			objects[i] = kmalloc(size);
			wrong += !IS_ALIGNED((uintptr_t)objects[i], 64);
		}
		for (size_t i = 0; i < ARRAY_SIZE(objects); i++)
			kfree(objects[i]);
	}
	KTEST_EQUAL(wrong, 0);
}

KTEST(slab_hands_out_distinct_objects)
{
	void **objects = kmalloc(NUM_OBJECTS * sizeof(void *));
	size_t i, wrong = 0;

	for (i = 0; i < NUM_OBJECTS; i++) {
		objects[i] = kmalloc(64);
		*(size_t *)objects[i] = i;
	}
	for (i = 0; i < NUM_OBJECTS; i++) {
		wrong += *(size_t *)objects[i] != i;
		kfree(objects[i]);
	}
	KTEST_EQUAL(wrong, 0);
	kfree(objects);
}

KTEST(slab_gives_empty_slabs_back)
{
	void **objects = kmalloc(NUM_OBJECTS * sizeof(void *));
	uint64_t before = buddy_free_pages();
	size_t i;

	for (i = 0; i < NUM_OBJECTS; i++)
		objects[i] = kmalloc(1024);
	KTEST_TRUE(buddy_free_pages() + NUM_OBJECTS / 8 < before);
	for (i = 0; i < NUM_OBJECTS; i++)
		kfree(objects[i]);
	/* But for a few spare slabs and what is in the magazine. */
	KTEST_TRUE(buddy_free_pages() + 16 >= before);
	kfree(objects);
}

KTEST(kzalloc_clears)
{
	unsigned char *object = kmalloc(300);
	size_t i, dirty = 0;

	memset(object, 0xff, 300);
	kfree(object);
	object = kzalloc(300);
	for (i = 0; i < 300; i++)
		dirty += object[i] != 0;
	KTEST_EQUAL(dirty, 0);
	kfree(object);
}

KTEST(kcalloc_notices_overflow)
{
	KTEST_TRUE(!kcalloc(SIZE_MAX / 2, 3));
}

KTEST(krealloc_keeps_the_bytes)
{
	char *text = kmalloc(16);

	memcpy(text, "limited direct", 15);
	text = krealloc(text, 16, 5000);
	KTEST_TRUE(text && strcmp(text, "limited direct") == 0);
	kfree(text);
}

KTEST(kfree_takes_null)
{
	kfree(NULL);
}
