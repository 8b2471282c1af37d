/* SPDX-License-Identifier: MIT */
/*
 * host.h - what unit tests on the host share
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* A sequence that is the same in each run; *@state is not 0. */
uint64_t host_random(uint64_t *state);
/* The whole of a file, from malloc(). Ends the program when it cannot. */
void *host_read_file(const char *path, size_t *size);
