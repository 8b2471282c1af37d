/* SPDX-License-Identifier: MIT */
/*
 * abi/elf.h - the ELF structures, and the auxiliary vector's numbers
 */
#pragma once

#include <linux/auxvec.h>
#include <linux/elf.h>
