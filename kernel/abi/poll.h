/* SPDX-License-Identifier: MIT */
/*
 * abi/poll.h - event bits of poll(2) and epoll(7)
 */
#pragma once

#include <asm/poll.h>
#include <linux/eventpoll.h>
