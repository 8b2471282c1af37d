/* SPDX-License-Identifier: MIT */
/*
 * flight.h - descriptors that are in messages, and nowhere else
 *
 * Two sockets may carry each other's last descriptor in their queues; nobody
 * could ever close them. flight_collect() finds such rings.
 */
#pragma once

#include "kernel/lib/compiler.h"

struct file_list;

/*
 * Before a message with @files is queued: count them. 0 with the flight lock
 * held until flight_commit() or flight_abort(); -ETOOMANYREFS, -ENOMEM.
 */
int flight_begin(struct file_list *files);
void flight_commit(void);
void flight_abort(struct file_list *files);

/* The message has been received or dropped; @files are not put. */
void flight_land(struct file_list *files);

/*
 * Another list with the same files (MSG_PEEK), or NULL: no memory. Before the
 * files are used: flight_barrier(), with no lock held. A collection that has
 * already counted their references is then over.
 */
struct file_list *flight_duplicate(const struct file_list *files);
void flight_barrier(void);

/* After a socket was closed: free rings of sockets that nobody can reach. */
void flight_collect(void);
