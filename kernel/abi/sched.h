/* SPDX-License-Identifier: MIT */
/*
 * abi/sched.h - CLONE_*, SCHED_*, struct clone_args and sched_attr
 */
#pragma once

#include <linux/sched.h>
#include <linux/sched/types.h>
