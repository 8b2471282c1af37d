/* SPDX-License-Identifier: MIT */
/*
 * csr.h - control and status registers, by their names in the specification
 */
#pragma once

#include "arch/riscv/asm.h"
#include "kernel/lib/types.h"

#define csr_read(name)                                                         \
	({                                                                     \
		uint64_t csr_value_;                                           \
		__asm__ volatile("csrr %0, " #name                             \
				 : "=r"(csr_value_)                            \
				 :                                             \
				 : "memory");                                  \
		csr_value_;                                                    \
	})

#define csr_write(name, value)                                                 \
	__asm__ volatile("csrw " #name ", %0"                                  \
			 :                                                     \
			 : "rK"((uint64_t)(value))                             \
			 : "memory")

#define csr_set(name, bits)                                                    \
	__asm__ volatile("csrs " #name ", %0"                                  \
			 :                                                     \
			 : "rK"((uint64_t)(bits))                              \
			 : "memory")

#define csr_clear(name, bits)                                                  \
	__asm__ volatile("csrc " #name ", %0"                                  \
			 :                                                     \
			 : "rK"((uint64_t)(bits))                              \
			 : "memory")
