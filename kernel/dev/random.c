/* SPDX-License-Identifier: MIT */
/*
 * random.c - random numbers for programs and for the kernel
 *
 * Idea: a secret key makes a stream of ChaCha20 blocks. Of each batch the
 * first 32 bytes become the next key at once, the rest is handed out and wiped
 * as it goes: who sees the memory later cannot compute what was given out
 * before ("fast key erasure"). A large request takes one key out of the batch
 * and makes its own stream with it, without the lock.
 *
 * What comes in is mixed into the key: key = first half of block(key ^ data).
 * That never makes the key worse, wherever the data comes from.
 *
 * Invariants
 *   R1  batch[0 .. used) is zero.
 *   R2  The key that made the batch is gone.
 *
 * Locks: lock, for the key and the batch. The timing pool is without: a lost
 * update costs nothing.
 * Read: Bernstein, "Fast-key-erasure random-number generators" (2017).
 */
#include "kernel/dev/random.h"

#include <arch/hart.h>
#include "kernel/debug/log.h"
#include "kernel/debug/panic.h"
#include "kernel/dev/device_tree.h"
#include "kernel/lib/chacha20.h"
#include "kernel/lib/string.h"
#include "kernel/sync/spinlock.h"

enum {
	KEY_SIZE = CHACHA20_KEY_SIZE,
	BATCH_SIZE = 4 * CHACHA20_BLOCK_SIZE,
	SMALL_REQUEST = 64,   /* and less: straight from the batch */
	ENOUGH_TRUSTED = 16,  /* bytes that make a seed */
	EVENTS_PER_MIX = 64,  /* interrupts between two mixes */
	ENOUGH_EVENTS = 1024, /* interrupts that make a seed */
};

static struct spinlock lock = SPINLOCK_INIT(LOCK_LEAF);

/* Under lock. */
static unsigned char key[KEY_SIZE];
static unsigned char batch[BATCH_SIZE];
static size_t used = BATCH_SIZE;
static size_t trusted_bytes;

/* Atomic: set once. */
static unsigned int seeded;

/* Unlocked; see above. */
static uint64_t timing_pool[KEY_SIZE / 8];
static unsigned int num_events;

static const unsigned char no_nonce[CHACHA20_NONCE_SIZE];

static void set_seeded(const char *source)
{
	if (!__atomic_exchange_n(&seeded, 1, __ATOMIC_RELAXED))
		log_debug("random: seeded by %s", source);
}

bool random_is_seeded(void)
{
	return READ_ONCE(seeded);
}

/* Overwrite secrets; the barrier keeps the compiler from leaving it out. */
static void wipe(void *p, size_t size)
{
	memset(p, 0, size);
	compiler_barrier();
}

/* A new batch, and a new key in place of the one that made it (R2). */
static void refill(void) MUST_HOLD(lock)
{
	unsigned char *block = batch;

	for (uint32_t i = 0; block < batch + BATCH_SIZE; i++) {
		chacha20_block(key, i, no_nonce, block);
		block += CHACHA20_BLOCK_SIZE;
	}
	memcpy(key, batch, KEY_SIZE);
	wipe(batch, KEY_SIZE);
	used = KEY_SIZE;
}

/* @size <= SMALL_REQUEST. Keeps R1. */
static void take(void *to, size_t size) MUST_HOLD(lock)
{
	if (BATCH_SIZE - used < size)
		refill();
	memcpy(to, batch + used, size);
	wipe(batch + used, size);
	used += size;
}

/* A stream of its own for a large request. */
static void stream(unsigned char *to, size_t size)
{
	unsigned char own_key[KEY_SIZE], block[CHACHA20_BLOCK_SIZE];
	uint32_t counter = 0;

	spin_lock(&lock);
	take(own_key, KEY_SIZE);
	spin_unlock(&lock);
	while (size) {
		size_t part = MIN(size, sizeof(block));

		chacha20_block(own_key, counter++, no_nonce, block);
		memcpy(to, block, part);
		to += part;
		size -= part;
	}
	wipe(own_key, sizeof(own_key));
	wipe(block, sizeof(block));
}

void random_bytes(void *to, size_t size)
{
	if (size > SMALL_REQUEST) {
		stream(to, size);
		return;
	}
	spin_lock(&lock);
	take(to, size);
	spin_unlock(&lock);
}

uint64_t random_u64(void)
{
	uint64_t value;

	random_bytes(&value, sizeof(value));
	return value;
}

/*
 * The high half of (random * limit) is below limit. It is uniform if those
 * products are rejected whose low half is below 2^64 mod limit.
 * Read: Lemire, "Fast Random Integer Generation in an Interval" (2019).
 */
uint64_t random_below(uint64_t limit)
{
	unsigned __int128 product;

	assert(limit > 0);
	product = (unsigned __int128)random_u64() * limit;
	if ((uint64_t)product < limit) {
		uint64_t rejected = -limit % limit;

		while ((uint64_t)product < rejected)
			product = (unsigned __int128)random_u64() * limit;
	}
	return (uint64_t)(product >> 64);
}

/* At most KEY_SIZE bytes of @data into the key; the batch is old now. */
static void mix(const unsigned char *data, size_t size) MUST_HOLD(lock)
{
	unsigned char block[CHACHA20_BLOCK_SIZE];

	for (size_t i = 0; i < size; i++)
		key[i] ^= data[i];
	chacha20_block(key, 0, no_nonce, block);
	memcpy(key, block, KEY_SIZE);
	wipe(block, sizeof(block));
	wipe(batch, sizeof(batch));
	used = BATCH_SIZE;
}

void random_add(const void *data, size_t size, bool trusted)
{
	const unsigned char *from = data;
	size_t left = size;
	bool enough;

	spin_lock(&lock);
	while (left) {
		size_t part = MIN(left, sizeof(key));

		mix(from, part);
		from += part;
		left -= part;
	}
	if (trusted)
		trusted_bytes += size;
	enough = trusted_bytes >= ENOUGH_TRUSTED;
	spin_unlock(&lock);
	if (enough)
		set_seeded("a trusted source");
}

void random_add_timing(uint64_t value)
{
	unsigned int n = ++num_events;
	uint64_t *word = &timing_pool[n % ARRAY_SIZE(timing_pool)];

	*word = (*word << 7 | *word >> 57) ^ value;
	if (n % EVENTS_PER_MIX == 0)
		random_add(timing_pool, sizeof(timing_pool), false);
	if (n >= ENOUGH_EVENTS && !random_is_seeded())
		set_seeded("interrupt timing");
}

void random_init(void)
{
	uint64_t now = arch_time_ticks();
	int size;
	const void *seed = dt_rng_seed(&size);

	random_add(&now, sizeof(now), false);
	if (seed && size > 0)
		random_add(seed, (size_t)size, true);
	else
		log_warning("random: the firmware gives no seed");
}
