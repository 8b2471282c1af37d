/* SPDX-License-Identifier: MIT */
/*
 * annotate.h - lock contracts that Clang's thread-safety analysis checks
 *
 * Empty under GCC. `make check` compiles everything with Clang and
 * -Wthread-safety-analysis.
 */
#pragma once

#if defined(__clang__)
#define LOCK_ATTRIBUTE(x) __attribute__((x))
#else
#define LOCK_ATTRIBUTE(x)
#endif

#define LOCKABLE          LOCK_ATTRIBUTE(capability("lock"))
#define MUST_HOLD(x)      LOCK_ATTRIBUTE(requires_capability(x))
#define MUST_NOT_HOLD(x)  LOCK_ATTRIBUTE(locks_excluded(x))
#define ACQUIRES(x)       LOCK_ATTRIBUTE(acquire_capability(x))
#define TRY_ACQUIRES(x)   LOCK_ATTRIBUTE(try_acquire_capability(true, x))
#define RELEASES(x)       LOCK_ATTRIBUTE(release_capability(x))
#define UNCHECKED_LOCKING LOCK_ATTRIBUTE(no_thread_safety_analysis)
