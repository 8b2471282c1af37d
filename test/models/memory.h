/* SPDX-License-Identifier: MIT */
/*
 * memory.h - what the models share: locks, and stores that others see late
 *
 * Promela's variables are seen by everybody at once; a hart's are not: a store
 * may wait in the hart's store buffer while later loads go ahead. That one
 * reordering is what the fences of these protocols are for, so it is modelled,
 * for the variables that need it: BUFFERED(x) is a variable x with a place for
 * one store that waits, DRAINED(x) says that none does. A process of its own,
 * memory(), lets stores arrive at any time.
 *
 * A spinlock's release comes after all stores before it (RELEASE in C11, "fence
 * rw,w"), so unlock() waits for them; so does a full fence.
 */
#define LOCK(l)   atomic { l == 0 -> l = 1 }
#define UNLOCK(l) l = 0
