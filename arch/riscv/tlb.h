/* SPDX-License-Identifier: MIT */
/*
 * tlb.h - fences, all in one file (tlb.c)
 */
#pragma once

#include <stdint.h>

/* Before another hart is started: from now on fences may have to reach it. */
void tlb_expect_other_harts(void);
/* This hart was just started, with the kernel's page table. */
void tlb_hart_starts(void);
/* It stops, with the kernel's page table. */
void tlb_hart_stops(void);
/* The kernel's page table as satp names it. */
uint64_t tlb_kernel_satp(void);
/* A kernel mapping was removed. */
void tlb_flush_kernel(void);
