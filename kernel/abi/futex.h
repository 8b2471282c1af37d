/* SPDX-License-Identifier: MIT */
/*
 * abi/futex.h - operations and bits of futex(2)
 */
#pragma once

#include <linux/futex.h>
