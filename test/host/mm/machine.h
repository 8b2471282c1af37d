/* SPDX-License-Identifier: MIT */
/*
 * machine.h - the hart of mm/'s unit tests: it has a TLB and runs "programs"
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "kernel/lib/types.h"

struct vm_space;

/* Tell mm about the machine's two banks, and what is reserved in them. */
void machine_start(void);

/*
 * A program in @space reads or writes the word at @va, as a hart does it:
 * what the TLB remembers is used without a look at the page table; otherwise a
 * walk, and a fault if that finds no right. False: the program would have got
 * a signal.
 */
bool machine_load(struct vm_space *space, vaddr_t va, uint64_t *word);
bool machine_store(struct vm_space *space, vaddr_t va, uint64_t word);

/* The thread the kernel takes for the current one runs in @space. */
void machine_run_in(struct vm_space *space);
/* It is being killed, or not. */
void machine_kill_current(bool killed);

/* How often a fence was asked for. */
extern unsigned int machine_flushes;

/* Take frames until only @left are free; give them back. */
void machine_use_up_frames(uint64_t left);
void machine_give_frames_back(void);
