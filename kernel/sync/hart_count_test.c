/* SPDX-License-Identifier: MIT */
/*
 * hart_count_test.c - numbers and references in parts
 */
#include "kernel/debug/ktest.h"
#include "kernel/mm/slab.h"
#include "kernel/sync/hart_count.h"

/* With parts also where there is one hart. */
static void begin(struct hart_refs *refs)
{
	*refs = (struct hart_refs){ 0 };
	hart_refs_init(refs);
	if (!refs->parts.parts)
		refs->parts.parts =
			kcalloc(arch_num_harts(), sizeof(struct hart_part));
}

KTEST(a_count_is_the_sum_of_its_parts)
{
	struct hart_count count = { 0 };
	long *part;

	hart_count_init(&count);
	hart_count_add(&count, 5);
	part = hart_count_part(&count);
	*part -= 7;
	count.alone += 10;
	KTEST_EQUAL(hart_count_sum(&count), 8);
	hart_count_destroy(&count);
}

KTEST(references_survive_being_spread_and_gathered)
{
	struct hart_refs refs;

	begin(&refs);
	hart_refs_get(&refs);
	KTEST_EQUAL(hart_refs_gather(&refs), 2);
	hart_refs_spread(&refs);
	hart_refs_get(&refs);
	KTEST_TRUE(hart_refs_get_unless_zero(&refs));
	KTEST_TRUE(!hart_refs_put(&refs)); /* of before */
	KTEST_EQUAL(hart_refs_gather(&refs), 3);
	KTEST_TRUE(!hart_refs_put(&refs));
	hart_refs_spread(&refs);
	KTEST_TRUE(!hart_refs_put(&refs));
	KTEST_EQUAL(hart_refs_gather(&refs), 1);
	KTEST_TRUE(hart_refs_put(&refs));
	hart_refs_destroy(&refs);
}

KTEST(who_drops_the_last_reference_notices)
{
	struct hart_refs refs;

	begin(&refs);
	hart_refs_spread(&refs);
	hart_refs_get(&refs); /* a user */
	hart_refs_gather(&refs);
	KTEST_TRUE(!hart_refs_put(&refs)); /* the owner's */
	KTEST_TRUE(hart_refs_put(&refs));
	KTEST_TRUE(!hart_refs_get_unless_zero(&refs));
	hart_refs_destroy(&refs);
}
