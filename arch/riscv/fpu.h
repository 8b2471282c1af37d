/* SPDX-License-Identifier: MIT */
/*
 * fpu.h - lazy floating-point state; see fpu.c
 */
#pragma once

#include <stdbool.h>

struct fpu_state;
struct thread;
struct trap_frame;

/* fpu_registers.S */
void fpu_registers_save(struct fpu_state *state);
void fpu_registers_load(const struct fpu_state *state);

void fpu_leave(struct thread *thread);
void fpu_arrive(struct thread *thread);
/* An illegal instruction with the unit off: turn it on; true if it was off. */
bool fpu_turn_on(struct thread *thread, struct trap_frame *tf);
