/* SPDX-License-Identifier: MIT */
/*
 * abi/capability.h - CAP_*, the structures of capget(2), SECBIT_*
 */
#pragma once

#include <linux/capability.h>
#include <linux/securebits.h>
