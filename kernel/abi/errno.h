/* SPDX-License-Identifier: MIT */
/*
 * errno.h - error numbers of the Linux ABI, and the kernel's inner ones
 */
#pragma once

#include <asm/errno.h>

/*
 * Never seen by programs: what becomes of an interrupted call is decided
 * when a signal is delivered (signal(7), "Interruption of system calls").
 */
#define ERESTARTSYS           512 /* restart if SA_RESTART, else EINTR */
#define ERESTARTNOINTR        513 /* always restart */
#define ERESTARTNOHAND        514 /* restart only if no handler ran */
#define ERESTART_RESTARTBLOCK 516 /* via restart_syscall(2) */
