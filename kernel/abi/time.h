/* SPDX-License-Identifier: MIT */
/*
 * abi/time.h - struct __kernel_timespec, clock numbers, itimers
 */
#pragma once

#include <linux/time.h>
#include <linux/time_types.h>
