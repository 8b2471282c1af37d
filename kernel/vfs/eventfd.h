/* SPDX-License-Identifier: MIT */
/*
 * eventfd.h - a counter behind a descriptor: eventfd(2)
 */
#pragma once

#include "kernel/lib/compiler.h"

struct file;

/*
 * A file with count @initial. @flags: O_NONBLOCK; @semaphore: each read takes
 * one instead of all. 0, -ENOMEM.
 */
int eventfd_create(unsigned int initial, bool semaphore, unsigned int flags,
		   struct file **out);
