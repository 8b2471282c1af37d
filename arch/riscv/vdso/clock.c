/* SPDX-License-Identifier: MIT */
/*
 * clock.c - telling the time without a trap (user mode, in [vdso])
 *
 * Idea: the program reads the same counter as the kernel and scales it with
 * the factors that the kernel keeps in [vvar]. What cannot be known here (CPU
 * time) is asked with the system call.
 *
 * Source: vdso(7), "riscv functions"; clock_gettime(2).
 */
#include <stddef.h>
#include "arch/riscv/vdso/vdso_data.h"

#define NSEC_PER_SEC 1000000000ULL

#define CLOCK_REALTIME         0
#define CLOCK_MONOTONIC        1
#define CLOCK_MONOTONIC_RAW    4
#define CLOCK_REALTIME_COARSE  5
#define CLOCK_MONOTONIC_COARSE 6
#define CLOCK_BOOTTIME         7
#define CLOCK_TAI              11

#define NR_getcpu             168
#define NR_clock_gettime      113
#define NR_clock_getres       114
#define NR_gettimeofday       169
#define NR_riscv_hwprobe      258
#define NR_riscv_flush_icache 259

struct timespec {
	int64_t tv_sec, tv_nsec;
};
struct timeval {
	int64_t tv_sec, tv_usec;
};

/* vdso.lds places it one page before the code. */
extern const volatile struct vdso_data vdso_data
	__attribute__((visibility("hidden")));

int __vdso_clock_gettime(int clock, struct timespec *now);
int __vdso_gettimeofday(struct timeval *now, void *zone);
int __vdso_clock_getres(int clock, struct timespec *resolution);
long __vdso_getcpu(unsigned int *cpu, unsigned int *node, void *unused);
long __vdso_flush_icache(void *start, void *end, unsigned long flags);
long __vdso_riscv_hwprobe(void *pairs, size_t pair_count, size_t cpu_count,
			  unsigned long *cpus, unsigned int flags);

static long system_call(long number, long arg0, long arg1, long arg2, long arg3,
			long arg4)
{
	register long a0 __asm__("a0") = arg0;
	register long a1 __asm__("a1") = arg1;
	register long a2 __asm__("a2") = arg2;
	register long a3 __asm__("a3") = arg3;
	register long a4 __asm__("a4") = arg4;
	register long a7 __asm__("a7") = number;

	__asm__ volatile("ecall"
			 : "+r"(a0)
			 : "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a7)
			 : "memory");
	return a0;
}

static uint64_t read_time(void)
{
	uint64_t ticks;

	__asm__ volatile("rdtime %0" : "=r"(ticks));
	return ticks;
}

/* ns on the monotonic clock, or on the wall clock. */
static inline uint64_t now_ns(int wall)
{
	uint32_t before;
	uint64_t ns;

	do {
		uint64_t ticks;

		/* Odd: never equal to what is read after. */
		before = vdso_data.sequence & ~1U;
		/* pairs with the fences in arch_vdso_update_clock() */
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		ticks = (read_time() - vdso_data.base_ticks) << vdso_data.shift;
		ns = (uint64_t)(((unsigned __int128)ticks * vdso_data.mult) >>
				64);
		if (wall)
			ns += (uint64_t)vdso_data.realtime_offset_ns;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while (before != vdso_data.sequence);
	return ns;
}

static inline int put_time(struct timespec *now, uint64_t ns)
{
	now->tv_sec = (int64_t)(ns / NSEC_PER_SEC);
	now->tv_nsec = (int64_t)(ns % NSEC_PER_SEC);
	return 0;
}

/* Apart, so that the usual ways need no stack frame. */
static __attribute__((noinline)) int ask_kernel(int clock, struct timespec *now)
{
	return (int)system_call(NR_clock_gettime, clock, (long)now, 0, 0, 0);
}

#define CLOCK_BIT(clock) (1u << (clock))
#define WALL_CLOCKS                                                            \
	(CLOCK_BIT(CLOCK_REALTIME) | CLOCK_BIT(CLOCK_REALTIME_COARSE) |        \
	 CLOCK_BIT(CLOCK_TAI))
#define STEADY_CLOCKS                                                          \
	(CLOCK_BIT(CLOCK_MONOTONIC) | CLOCK_BIT(CLOCK_MONOTONIC_RAW) |         \
	 CLOCK_BIT(CLOCK_MONOTONIC_COARSE) | CLOCK_BIT(CLOCK_BOOTTIME))

int __vdso_clock_gettime(int clock, struct timespec *now)
{
	unsigned int bit = (unsigned int)clock < 32 ? CLOCK_BIT(clock) : 0;

	if (__builtin_expect((bit & STEADY_CLOCKS) != 0, 1))
		return put_time(now, now_ns(0));
	if (bit & WALL_CLOCKS)
		return put_time(now, now_ns(1));
	return ask_kernel(clock, now);
}

int __vdso_gettimeofday(struct timeval *now, void *zone)
{
	uint64_t ns;

	if (zone)
		return (int)system_call(NR_gettimeofday, (long)now, (long)zone,
					0, 0, 0);
	if (!now)
		return 0;
	ns = now_ns(1);
	now->tv_sec = (int64_t)(ns / NSEC_PER_SEC);
	now->tv_usec = (int64_t)(ns % NSEC_PER_SEC / 1000);
	return 0;
}

int __vdso_clock_getres(int clock, struct timespec *resolution)
{
	return (int)system_call(NR_clock_getres, clock, (long)resolution, 0, 0,
				0);
}

long __vdso_getcpu(unsigned int *cpu, unsigned int *node, void *unused)
{
	(void)unused;
	return system_call(NR_getcpu, (long)cpu, (long)node, 0, 0, 0);
}

long __vdso_flush_icache(void *start, void *end, unsigned long flags)
{
	return system_call(NR_riscv_flush_icache, (long)start, (long)end,
			   (long)flags, 0, 0);
}

long __vdso_riscv_hwprobe(void *pairs, size_t pair_count, size_t cpu_count,
			  unsigned long *cpus, unsigned int flags)
{
	return system_call(NR_riscv_hwprobe, (long)pairs, (long)pair_count,
			   (long)cpu_count, (long)cpus, (long)flags);
}
