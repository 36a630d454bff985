/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* FNV-1a: detects accidental changes, not forged data. */

#include "basic/macro.h"

#define HASH_BASIS UINT64_C(0xcbf29ce484222325)

/* Continues a hash with these bytes. */
static inline uint64_t hash_bytes(uint64_t hash, const void *data, size_t size) {
        for (const unsigned char *c = data; size > 0; c++, size--)
                hash = (hash ^ *c) * UINT64_C(0x100000001b3);
        return hash;
}
