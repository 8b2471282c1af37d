/* SPDX-License-Identifier: MIT */
/*
 * tlb.h - fences, all in one file (tlb.c)
 */
#pragma once

#include <stdbool.h>

/* Other harts run threads: fences must reach them too. */
bool tlb_other_harts_run(void);
/* A kernel mapping was removed. */
void tlb_flush_kernel(void);
