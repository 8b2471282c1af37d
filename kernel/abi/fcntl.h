/* SPDX-License-Identifier: MIT */
/*
 * abi/fcntl.h - open flags, AT_*, modes, locks
 */
#pragma once

#include <linux/fcntl.h>
#include <linux/stat.h>
