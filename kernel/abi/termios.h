/* SPDX-License-Identifier: MIT */
/*
 * abi/termios.h - struct termios, its bits, and the ioctl numbers of terminals
 */
#pragma once

#include <asm/termios.h>
