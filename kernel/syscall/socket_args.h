/* SPDX-License-Identifier: MIT */
/*
 * socket_args.h - arguments that the socket calls have in common
 */
#pragma once

#include "kernel/net/socket.h"

/* The file of socket @fd, with a reference. 0, -EBADF, -ENOTSOCK. */
int socket_get(int fd, struct file **file, struct socket **socket);

int socket_address_from_user(struct socket_address *address,
			     const void __user *from, int size);
/*
 * As much as the program has room for (the int at @usize); it learns the whole
 * size there.
 */
int socket_address_to_user(const struct socket_address *address,
			   void __user *to, void __user *usize);
