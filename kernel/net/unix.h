/* SPDX-License-Identifier: MIT */
/*
 * unix.h - sockets between programs of this machine (AF_UNIX)
 *
 * Source: unix(7).
 */
#pragma once

#include "kernel/net/socket.h"

extern const struct socket_family unix_family;
