/* SPDX-License-Identifier: MIT */
/*
 * abi/mman.h - PROT_*, MAP_*, MADV_*, MREMAP_*, MS_*, MCL_*
 */
#pragma once

#include <linux/mman.h>
