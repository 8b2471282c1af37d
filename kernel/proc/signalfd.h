/* SPDX-License-Identifier: MIT */
/*
 * signalfd.h - signals to be read from a descriptor: signalfd(2)
 */
#pragma once

#include "kernel/lib/compiler.h"

struct file;

/* Signals of @mask can be read. 0, -ENOMEM. */
int signalfd_create(uint64_t mask, unsigned int flags, struct file **out);
/* Another mask for it. 0; -EINVAL if @file is something else. */
int signalfd_set_mask(struct file *file, uint64_t mask);
