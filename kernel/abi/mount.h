/* SPDX-License-Identifier: MIT */
/*
 * abi/mount.h - flags of mount(2) and umount2(2)
 */
#pragma once

#include <linux/mount.h>
