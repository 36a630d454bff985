/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* SHA-256 (FIPS 180-4). */

#include "basic/macro.h"

enum {
        SHA256_SIZE = 32,
        SHA256_TEXT = 64, /* hexadecimal digits */
};

typedef struct Sha256 {
        uint32_t state[8];
        uint64_t size; /* bytes so far */
        unsigned char block[64];
} Sha256;

void sha256_init(Sha256 *s);
void sha256_add(Sha256 *s, const void *data, size_t size);

/* The digest of all that was added, as small hexadecimal digits. */
void sha256_text(Sha256 *s, char buf[static SHA256_TEXT + 1]);

/* Of a file from its current position to its end. */
int sha256_fd(int fd, char buf[static SHA256_TEXT + 1]);

/* Writes 64 hexadecimal digits in small letters to buf; false: the text is something else. */
bool sha256_parse(const char *text, char buf[static SHA256_TEXT + 1]);
