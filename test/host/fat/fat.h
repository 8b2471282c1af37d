/* SPDX-License-Identifier: MIT */
/*
 * fat.h - the kernel's FAT over an image in memory
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* The disk: what fat_mount() mounts. */
extern unsigned char *fat_image;
extern size_t fat_image_size;

void fat_start(void);
int fat_mount(void);
/* Read all there is; how many files and directories were met. */
unsigned int fat_walk(void);
/* Make, write, move, cut and remove; whatever fails, fails. */
void fat_change(void);
/* 0; everything must have been let go. */
int fat_unmount(void);
