/* SPDX-License-Identifier: MIT */
/*
 * abi/block.h - what programs ask of block devices, beyond <linux/fs.h>
 */
#pragma once

#include <linux/blkpg.h>
#include <linux/fs.h>
#include <linux/hdreg.h>

/* Not in the headers of programs, but in their code (util-linux). */
#ifndef BLKDISCARDZEROES
#define BLKDISCARDZEROES _IO(0x12, 124)
#endif
