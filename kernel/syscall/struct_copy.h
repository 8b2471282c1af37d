/* SPDX-License-Identifier: MIT */
/*
 * struct_copy.h - structures that grow: the caller says how large its one is
 *
 * A newer program may pass more than we know (fine if the rest is zero), an
 * older one less (the rest is zero then). Source: clone3(2), openat2(2),
 * "Extensibility".
 */
#pragma once

#include "kernel/abi/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/user_copy.h"

/* 0; -EFAULT; -E2BIG: something we do not know is not zero, or over a page. */
static inline int copy_struct_from_user(void *to, size_t size,
					const void __user *from,
					size_t user_size)
{
	size_t common = MIN(size, user_size);

	if (user_size > PAGE_SIZE)
		return -E2BIG;
	memset(to, 0, size);
	if (copy_from_user(to, from, common))
		return -EFAULT;
	for (size_t i = common; i < user_size; i++) {
		char byte;

		if (copy_from_user(&byte, (const char __user *)from + i, 1))
			return -EFAULT;
		if (byte)
			return -E2BIG;
	}
	return 0;
}
