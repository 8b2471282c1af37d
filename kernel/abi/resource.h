/* SPDX-License-Identifier: MIT */
/*
 * abi/resource.h - RLIMIT_*, struct rlimit, struct rusage, PRIO_*
 */
#pragma once

#include <linux/resource.h>
