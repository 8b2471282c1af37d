/* SPDX-License-Identifier: MIT */
/*
 * abi/loop.h - what losetup(8) asks of loop devices
 */
#pragma once

#include <linux/loop.h>
