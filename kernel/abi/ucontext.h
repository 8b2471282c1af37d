/* SPDX-License-Identifier: MIT */
/*
 * abi/ucontext.h - what a signal handler's third argument points to
 */
#pragma once

#include "kernel/abi/signal.h"
#include <asm/sigcontext.h>
#include <asm/ucontext.h>
