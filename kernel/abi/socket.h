/* SPDX-License-Identifier: MIT */
/*
 * abi/socket.h - families, types, flags and options of sockets; msghdr
 *
 * The UAPI headers leave out what the C library defines for itself; those
 * numbers and layouts are given here. Source: socket(2), send(2), recv(2),
 * cmsg(3), unix(7).
 */
#pragma once

#include "kernel/lib/types.h"

#include <asm/socket.h>
#include <linux/socket.h>
#include <linux/un.h>

#define AF_UNSPEC 0
#define AF_UNIX   1
#define AF_INET   2
#define AF_INET6  10
#define AF_MAX    46

#define SOCK_STREAM    1u
#define SOCK_DGRAM     2u
#define SOCK_RAW       3u
#define SOCK_RDM       4u
#define SOCK_SEQPACKET 5u
#define SOCK_PACKET    10u
#define SOCK_TYPE_MASK 0xfu
/* In the type argument; the values of O_CLOEXEC and O_NONBLOCK. */
#define SOCK_CLOEXEC  02000000u
#define SOCK_NONBLOCK 00004000u

#define SHUT_RD   0
#define SHUT_WR   1
#define SHUT_RDWR 2

#define SOMAXCONN 4096u

#define MSG_OOB          0x1u
#define MSG_PEEK         0x2u
#define MSG_CTRUNC       0x8u
#define MSG_TRUNC        0x20u
#define MSG_DONTWAIT     0x40u
#define MSG_EOR          0x80u
#define MSG_WAITALL      0x100u
#define MSG_ERRQUEUE     0x2000u
#define MSG_NOSIGNAL     0x4000u
#define MSG_WAITFORONE   0x10000u
#define MSG_CMSG_CLOEXEC 0x40000000u

#define SCM_RIGHTS      1
#define SCM_CREDENTIALS 2
/* Descriptors in one message. */
#define SCM_MAX_FD 253u

#define SOL_IP   0
#define SOL_TCP  6
#define SOL_UDP  17
#define SOL_IPV6 41

/* struct ucred of unix(7). */
struct abi_ucred {
	int32_t pid;
	uint32_t uid, gid;
};

/* struct msghdr; pointers as numbers. */
struct abi_msghdr {
	uint64_t name;
	int32_t name_size;
	uint32_t padding;
	uint64_t iov;
	uint64_t iov_count;
	uint64_t control;
	uint64_t control_size;
	uint32_t flags;
	uint32_t padding2;
};
_Static_assert(sizeof(struct abi_msghdr) == 56, "recvmsg(2)");

struct abi_mmsghdr {
	struct abi_msghdr header;
	uint32_t done;
	uint32_t padding;
};

struct abi_cmsghdr {
	uint64_t size; /* of header and data */
	int32_t level;
	int32_t type;
};

struct abi_linger {
	int32_t on, seconds;
};
