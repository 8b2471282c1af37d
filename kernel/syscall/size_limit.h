/* SPDX-License-Identifier: MIT */
/*
 * size_limit.h - a file may not become that long
 */
#pragma once

/*
 * @result of a call that would make a file longer, handed back; with -EFBIG
 * and a limit (RLIMIT_FSIZE) the caller gets SIGXFSZ as well. In read_write.c.
 */
long signal_if_too_big(long result);
