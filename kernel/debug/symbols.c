/* SPDX-License-Identifier: MIT */
/*
 * symbols.c - which function an address lies in
 *
 * Idea: scripts/symbols.py makes a table of all functions from the first
 * link, sorted by address; the second link puts it in. Searching it is a
 * bisection. Without it (first link) there are no names, only numbers.
 */
#include "kernel/debug/panic.h"

/* From linker.ld. */
extern const char kernel_start[], text_start[], text_end[];
extern const uint32_t symbols_start[], symbols_end[];

/*
 * The table: a count n, n offsets of functions from kernel_start, n offsets of
 * their names from the end of these, the names.
 */
static uint32_t num_symbols(void)
{
	bool absent = &symbols_start[0] == &symbols_end[0];

	return absent ? 0 : symbols_start[0];
}

/* The last of the functions that begin at or before @at; n > 0. */
static uint32_t bisect(const uint32_t *functions, uint32_t n, uint32_t at)
{
	uint32_t low = 0, high = n;

	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (functions[middle] <= at)
			low = middle;
		else
			high = middle;
	}
	return low;
}

const char *symbol_find(vaddr_t address, size_t *offset)
{
	uint32_t n = num_symbols();
	const uint32_t *functions = symbols_start + 1;
	const uint32_t *names = functions + n;
	uint32_t at, i;

	if (!n || address < (vaddr_t)text_start || address >= (vaddr_t)text_end)
		return NULL;
	at = (uint32_t)(address - (vaddr_t)kernel_start);
	i = bisect(functions, n, at);
	if (functions[i] > at)
		return NULL;
	*offset = at - functions[i];
	return (const char *)(names + n) + names[i];
}
