/* SPDX-License-Identifier: MIT */
/*
 * abi/wait.h - options of wait4(2) and waitid(2), P_*
 */
#pragma once

#include <linux/wait.h>
