/* SPDX-License-Identifier: MIT */
/*
 * sync.h - other harts, for unit tests of what waits for them
 */
#pragma once

#include "kernel/lib/compiler.h"

#define FAKE_HARTS 4u

struct fake_hart {
	bool idle;
	bool answers;   /* an interrupt finds it outside read sections */
	uint64_t count; /* switches and such */
	unsigned int
		looks_to_go; /* after so many looks it switches by itself */
	unsigned int looks, asked;
};
extern struct fake_hart fake_harts[FAKE_HARTS];
