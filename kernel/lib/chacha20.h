/* SPDX-License-Identifier: MIT */
/*
 * chacha20.h - the ChaCha20 block function
 *
 * Source: RFC 8439, "The ChaCha20 Block Function".
 */
#pragma once

#include "kernel/lib/compiler.h"

#define CHACHA20_KEY_SIZE   32
#define CHACHA20_NONCE_SIZE 12
#define CHACHA20_BLOCK_SIZE 64

/* 64 bytes of key stream: block @counter under @key and @nonce. */
void chacha20_block(const unsigned char key[CHACHA20_KEY_SIZE],
		    uint32_t counter,
		    const unsigned char nonce[CHACHA20_NONCE_SIZE],
		    unsigned char block[CHACHA20_BLOCK_SIZE]);
