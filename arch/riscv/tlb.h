/* SPDX-License-Identifier: MIT */
/*
 * tlb.h - fences, all in one file (tlb.c)
 */
#pragma once

#include <stdint.h>

struct page_table;
/* The root of @table is there, or another one. */
void tlb_table_made(struct page_table *table);
/* Boot, with the kernel's page table: has the hart numbers for address spaces? */
void tlb_probe_asids(void);
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
