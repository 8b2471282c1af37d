/* SPDX-License-Identifier: MIT */
/*
 * abi/syscall.h - system-call numbers of riscv64
 */
#pragma once

#include <asm/unistd.h>

/* Newer than the headers some hosts ship. */
#ifndef __NR_riscv_hwprobe
#define __NR_riscv_hwprobe 258
#endif
#ifndef __NR_fchmodat2
#define __NR_fchmodat2 452
#endif

/* Historic names of the generic table. */
#ifndef __NR_newfstatat
#define __NR_newfstatat __NR3264_fstatat
#endif

/* One more than the largest number dispatched. */
#define NUM_SYSCALLS 453
