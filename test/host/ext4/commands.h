/* SPDX-License-Identifier: MIT */
/*
 * commands.h - the parts of the host's ext4 program
 */
#pragma once

struct image;

void image_load(struct image *image, const char *path);
void image_save(const struct image *image, const char *path);

/* run.c */
int command_tree(const char *image);
int command_run(const char *image);
/* Everything below /mnt is read; the number of errors. */
unsigned int walk_all(void);

/* fuzz.c, listing.c, crash.c, faults.c */
int command_fuzz(int argc, char **argv);
int command_listing(int argc, char **argv);
int command_crash(int argc, char **argv);
int command_faults(int argc, char **argv);
