/* SPDX-License-Identifier: MIT */
/*
 * vm_file.h - references to files, whose inside mm/ does not know
 */
#pragma once

struct file;

/* @file may be NULL for the first two. */
void vm_file_get(struct file *file);
void vm_file_put(struct file *file);
/* 0 or -EIO. */
int vm_file_sync(struct file *file);
