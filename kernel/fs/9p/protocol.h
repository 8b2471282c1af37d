/* SPDX-License-Identifier: MIT */
/*
 * protocol.h - the numbers of 9P2000.L
 *
 * Every message is size[4] type[1] tag[2] and then what its type says; all
 * numbers are little endian, texts are length[2] and bytes. A reply's type is
 * the request's plus one, or P9_RLERROR.
 *
 * Source: "9P2000.L Protocol" (diod's protocol.md); Plan 9's manual, section 5.
 */
#pragma once

#include "kernel/lib/compiler.h"

enum p9_type {
	P9_RLERROR = 7,
	P9_TSTATFS = 8,
	P9_TLOPEN = 12,
	P9_TLCREATE = 14,
	P9_TSYMLINK = 16,
	P9_TMKNOD = 18,
	P9_TREADLINK = 22,
	P9_TGETATTR = 24,
	P9_TSETATTR = 26,
	P9_TXATTRWALK = 30,
	P9_TXATTRCREATE = 32,
	P9_TREADDIR = 40,
	P9_TFSYNC = 50,
	P9_TLINK = 70,
	P9_TMKDIR = 72,
	P9_TRENAMEAT = 74,
	P9_TUNLINKAT = 76,
	P9_TVERSION = 100,
	P9_TATTACH = 104,
	P9_TWALK = 110,
	P9_TREAD = 116,
	P9_TWRITE = 118,
	P9_TCLUNK = 120,
};

enum {
	P9_HEADER = 7, /* size, type, tag */
	P9_NO_TAG = 0xffff,
	/* What stands around the data of a read or write, and some room. */
	P9_IO_HEADER = 24,
	/* Of Treaddir's entries: qid, offset, type, length of the name. */
	P9_DIRENT = 13 + 8 + 1 + 2,
	P9_UNLINK_DIR = 0x200,
};
#define P9_NO_FID 0xffffffffu

/* P9_TGETATTR: all but generation and data version. */
#define P9_GETATTR_ALL 0xfffu

/* P9_TSETATTR: which fields are to be set. */
#define P9_SET_MODE     1u
#define P9_SET_UID      2u
#define P9_SET_GID      4u
#define P9_SET_SIZE     8u
#define P9_SET_ATIME    0x10u
#define P9_SET_MTIME    0x20u
#define P9_SET_ATIME_TO 0x80u /* to the given time, not to now */
#define P9_SET_MTIME_TO 0x100u

/* Which file it is (path), and which version of its contents. */
struct p9_qid {
	uint8_t type;
	uint32_t version;
	uint64_t path;
};
