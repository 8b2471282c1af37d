/* SPDX-License-Identifier: MIT */
/*
 * abi/ioctl.h - requests of ioctl(2) that several rooms answer
 */
#pragma once

#include <asm/ioctls.h>
#include <asm/sockios.h>
#include <linux/sockios.h>
