/* SPDX-License-Identifier: MIT */
/*
 * compiler.h - the attributes and small macros that C17 lacks
 */
#pragma once

#include "kernel/lib/types.h"

/*
 * __user marks a pointer into the address space of the running program.
 * Under the static check (make check) touching one is an error; otherwise it
 * is documentation. See kernel/mm/user_copy.h for the way to reach it.
 */
#ifdef CHECK_USER_POINTERS
#define __user __attribute__((noderef, address_space(1)))
#define __force
#else
#define __user
#define __force
#endif

#define __printf(fmt, args) __attribute__((format(printf, fmt, args)))
#define __noreturn          __attribute__((noreturn))
#define __packed            __attribute__((packed))
#define __aligned(n)        __attribute__((aligned(n)))
#define __must_check        __attribute__((warn_unused_result))
#define force_inline        inline __attribute__((always_inline))
#define __noinline          __attribute__((noinline))
#define __section(name)     __attribute__((section(name), used))

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define container_of(ptr, type, member)                                        \
	((type *)((uintptr_t)(ptr)-offsetof(type, member)))

/* Both arguments are evaluated once; they must have the same type. */
#define MIN(a, b)                                                              \
	({                                                                     \
		__typeof__(a) min_a_ = (a);                                    \
		__typeof__(b) min_b_ = (b);                                    \
		min_a_ < min_b_ ? min_a_ : min_b_;                             \
	})
#define MAX(a, b)                                                              \
	({                                                                     \
		__typeof__(a) max_a_ = (a);                                    \
		__typeof__(b) max_b_ = (b);                                    \
		max_a_ > max_b_ ? max_a_ : max_b_;                             \
	})

/* @n must be a power of two. */
#define ALIGN_DOWN(x, n)   ((x) & ~((__typeof__(x))(n)-1))
#define ALIGN_UP(x, n)     ALIGN_DOWN((x) + (__typeof__(x))(n)-1, n)
#define IS_ALIGNED(x, n)   (((x) & ((__typeof__(x))(n)-1)) == 0)
#define DIV_ROUND_UP(x, n) (((x) + (n)-1) / (n))
#define BIT(n)             (1UL << (n))

/* The field is read or written once, whole, by the compiler. */
#define READ_ONCE(x)     (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile __typeof__(x) *)&(x) = (v))
/*
 * A store behind all loads and stores before it; pairs with an acquire. GCC 12
 * makes an exchange out of __atomic_store_n(), which costs three times as much.
 */
#define STORE_RELEASE(x, v)                                                    \
	do {                                                                   \
		__atomic_thread_fence(__ATOMIC_RELEASE);                       \
		WRITE_ONCE(x, v);                                              \
	} while (0)

/* The compiler neither moves memory accesses across nor joins them. */
#define compiler_barrier() __asm__ volatile("" : : : "memory")

/* A debug build (make DEBUG=1) checks more; both branches always compile. */
#ifndef CONFIG_DEBUG
#define CONFIG_DEBUG 0
#endif
