/* SPDX-License-Identifier: MIT */
/*
 * uts.h - what the system calls itself: uname(2), /proc/version
 *
 * The name and release are those of the Linux whose system-call interface this
 * is: programs compare them (glibc wants at least 4.15 here).
 */
#pragma once

#include "kernel/lib/compiler.h"

#define UTS_SYSNAME "Linux"
#define UTS_RELEASE "6.12.0-creance"
#define UTS_VERSION "#1 SMP PREEMPT Creance"
#define UTS_MACHINE "riscv64"

#define UTS_NAME_SIZE 65 /* __NEW_UTS_LEN and its NUL */

/* The names that can be changed: uname's nodename and domainname. */
enum uts_name { UTS_NODE_NAME, UTS_DOMAIN_NAME };

void uts_get_name(enum uts_name which, char name[UTS_NAME_SIZE]);
/* sethostname(2), setdomainname(2); permission is the caller's to check.
 * @name need not end with NUL. 0, -EINVAL (too long). */
int uts_set_name(enum uts_name which, const char *name, size_t size);
