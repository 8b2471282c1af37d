/* SPDX-License-Identifier: MIT */
/*
 * exec_cred.h - on whose behalf a new program runs
 */
#pragma once

#include "kernel/lib/compiler.h"

struct cred;
struct file;

/*
 * The credentials that running @file gives: set-user-ID bits and capabilities
 * (capabilities(7), "Transformation of capabilities during execve()").
 * *@secure: it gains rights that its caller does not have (AT_SECURE).
 * NULL: no memory.
 */
struct cred *exec_cred(const struct file *file, bool *secure);
