/* SPDX-License-Identifier: MIT */
/*
 * ring.c - one ring of records for each hart
 *
 * Idea: positions count words for ever; the ring's memory is a table of chunks,
 * so it can be large without being in one piece. A record never crosses the end
 * of a chunk: what is left there is filled with a "pad" record. The boot hart
 * begins with one chunk of .bss, so the first events of the boot have a place.
 *
 * A full ring drops the new event, not the old ones: what was recorded stays in
 * one piece from the beginning, and the count of the rest is exact.
 *
 * Invariants
 *   T1  tail <= head <= tail + words of all chunks.
 *   T2  Between tail and head there are whole records.
 *   T3  head is written by the hart alone, with interrupts off; tail by the one
 *       reader.
 */
#include "kernel/trace/ring.h"

#include "kernel/abi/errno.h"
#include "kernel/trace/record.h"

struct ring {
	/* The reader's. */
	uint64_t tail __aligned(64);

	/* This hart only, interrupts off; read by the reader. */
	uint64_t head __aligned(64);
	uint64_t recorded, lost, reported;

	/* Changed only while nobody writes and reads. */
	unsigned int num_chunks;
	void **chunks;
} __aligned(64);

static struct ring rings[MAX_HARTS];

/* Of the hart that boots, whichever that is. */
static uint64_t first_chunk[TRACE_CHUNK_WORDS];
static void *first_chunks[1] = { first_chunk };

static uint64_t *word_at(const struct ring *ring, uint64_t position)
{
	uint64_t chunk = position / TRACE_CHUNK_WORDS % ring->num_chunks;

	return (uint64_t *)ring->chunks[chunk] + position % TRACE_CHUNK_WORDS;
}

static uint64_t room(const struct ring *ring)
{
	/* pairs with the release in ring_consume() */
	uint64_t tail = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);

	return (uint64_t)ring->num_chunks * TRACE_CHUNK_WORDS -
	       (ring->head - tail);
}

static void fill(uint64_t *words, uint64_t num)
{
	struct trace_head *head = (struct trace_head *)words;

	/* Shorter than a head: the reader looks at the field's offset only
	 * after it knows that a whole head fits (pad_words()). */
	if (num < sizeof(*head) / 8)
		return;
	*head = (struct trace_head){ .words = (uint16_t)num };
}

static unsigned int left_in_chunk(uint64_t position)
{
	return TRACE_CHUNK_WORDS - (unsigned int)(position % TRACE_CHUNK_WORDS);
}

uint64_t *ring_reserve(unsigned int hart_index, unsigned int words)
{
	struct ring *ring = &rings[hart_index];
	unsigned int left = left_in_chunk(ring->head);
	unsigned int pad = left < words ? left : 0;

	if (!ring->num_chunks || room(ring) < pad + words) {
		WRITE_ONCE(ring->lost, ring->lost + 1);
		return NULL;
	}
	if (pad) {
		fill(word_at(ring, ring->head), pad);
		/* pairs with the acquire in ring_peek() */
		STORE_RELEASE(ring->head, ring->head + pad);
	}
	return word_at(ring, ring->head);
}

void ring_commit(unsigned int hart_index, unsigned int words)
{
	struct ring *ring = &rings[hart_index];

	WRITE_ONCE(ring->recorded, ring->recorded + 1);
	/* pairs with the acquire in ring_peek() */
	STORE_RELEASE(ring->head, ring->head + words);
}

uint64_t ring_unreported(unsigned int hart_index)
{
	const struct ring *ring = &rings[hart_index];

	return ring->lost - ring->reported;
}

void ring_count_reported(unsigned int hart_index)
{
	rings[hart_index].reported = rings[hart_index].lost;
}

/* Words to skip at @position: the rest of a chunk that holds no head. */
static unsigned int rest_of_chunk(uint64_t position)
{
	unsigned int left = left_in_chunk(position);

	return left < sizeof(struct trace_head) / 8 ? left : 0;
}

const uint64_t *ring_peek(unsigned int hart_index, uint64_t max_words,
			  uint64_t *words)
{
	struct ring *ring = &rings[hart_index];
	/* pairs with the releases of the writer */
	uint64_t head = __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE);
	uint64_t start = ring->tail + rest_of_chunk(ring->tail);
	uint64_t end = start, limit;

	*words = 0;
	if (start >= head)
		return NULL;
	limit = MIN(head, start + left_in_chunk(start));
	while (end < limit && !rest_of_chunk(end)) {
		const struct trace_head *record =
			(const struct trace_head *)word_at(ring, end);

		if (end + record->words - start > max_words)
			break;
		end += record->words;
	}
	if (start != ring->tail)
		ring_consume(hart_index, start - ring->tail);
	*words = end - start;
	return word_at(ring, start);
}

void ring_consume(unsigned int hart_index, uint64_t words)
{
	struct ring *ring = &rings[hart_index];

	/* The words were read before; pairs with the acquire in room(). */
	STORE_RELEASE(ring->tail, ring->tail + words);
}

void ring_clear(unsigned int hart_index)
{
	struct ring *ring = &rings[hart_index];

	ring->head = ring->tail = 0;
	ring->recorded = ring->lost = ring->reported = 0;
}

static void free_chunks(void **chunks, unsigned int num,
			const struct trace_memory *memory)
{
	for (unsigned int i = 0; i < num; i++) {
		if (chunks[i] != first_chunk)
			memory->free(chunks[i]);
	}
	/* The table is a chunk, too. */
	if (chunks && chunks != first_chunks)
		memory->free(chunks);
}

_Static_assert(TRACE_MAX_CHUNKS * sizeof(void *) <= TRACE_CHUNK_BYTES,
	       "the table of chunks fits into one");

int ring_resize(unsigned int hart_index, unsigned int num_chunks, bool keep,
		const struct trace_memory *memory)
{
	struct ring *ring = &rings[hart_index];
	/* In a larger ring, what has wrapped would lie elsewhere. */
	bool is_kept =
		keep && ring->num_chunks == 1 && ring->head < TRACE_CHUNK_WORDS;
	void **chunks = memory->alloc();
	unsigned int have = 0;

	if (!chunks)
		return -ENOMEM;
	if (is_kept)
		chunks[have++] = ring->chunks[0];
	for (; have < num_chunks; have++) {
		chunks[have] = memory->alloc();
		if (!chunks[have])
			goto undo;
	}
	if (!is_kept) {
		free_chunks(ring->chunks, ring->num_chunks, memory);
		ring_clear(hart_index);
	}
	ring->chunks = chunks;
	ring->num_chunks = num_chunks;
	return 0;

undo:
	while (have > (is_kept ? 1u : 0u))
		memory->free(chunks[--have]);
	memory->free(chunks);
	return -ENOMEM;
}

unsigned int ring_num_chunks(unsigned int hart_index)
{
	return rings[hart_index].num_chunks;
}

void ring_get_info(unsigned int hart_index, struct trace_ring_info *info)
{
	const struct ring *ring = &rings[hart_index];

	info->recorded = READ_ONCE(ring->recorded);
	info->lost = READ_ONCE(ring->lost);
	info->words = READ_ONCE(ring->head) - READ_ONCE(ring->tail);
}

void ring_start_boot(void)
{
	rings[0].chunks = first_chunks;
	rings[0].num_chunks = 1;
}

void ring_know_hart(unsigned int hart_index)
{
	struct ring begun = rings[0];

	if (hart_index == 0)
		return;
	rings[0] = rings[hart_index];
	rings[hart_index] = begun;
}
