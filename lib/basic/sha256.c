/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sha256.c - SHA-256. */

#include <stdlib.h>

#include "basic/cleanup.h"
#include "basic/fd-util.h"
#include "basic/sha256.h"

enum {
        READ_SIZE = 256 * 1024,
};

static const uint32_t constants[64] = {
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
        0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
        0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
        0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
        0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
        0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
        0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
        0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
        0xc67178f2,
};

static uint32_t rotate(uint32_t x, int n) {
        return x >> n | x << (32 - n);
}

static uint32_t read_big(const unsigned char *p) {
        return (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16 | (uint32_t) p[2] << 8 | p[3];
}

static void expand(const unsigned char *block, uint32_t w[static 64]) {
        for (int i = 0; i < 16; i++)
                w[i] = read_big(block + i * 4);
        for (int i = 16; i < 64; i++) {
                uint32_t a = w[i - 15], b = w[i - 2];

                w[i] = w[i - 16] + (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) + w[i - 7] +
                       (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
        }
}

static void compress(Sha256 *s, const unsigned char *block) {
        uint32_t w[64], v[8];

        expand(block, w);
        memcpy(v, s->state, sizeof(v));
        for (int i = 0; i < 64; i++) {
                uint32_t e = v[4], a = v[0];
                uint32_t t1 = v[7] + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) +
                              ((e & v[5]) ^ (~e & v[6])) + constants[i] + w[i];
                uint32_t t2 = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) +
                              ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));

                memmove(v + 1, v, 7 * sizeof(*v));
                v[4] += t1;
                v[0] = t1 + t2;
        }
        for (int i = 0; i < 8; i++)
                s->state[i] += v[i];
}

void sha256_init(Sha256 *s) {
        *s = (Sha256){ .state = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f,
                                  0x9b05688c, 0x1f83d9ab, 0x5be0cd19 } };
}

void sha256_add(Sha256 *s, const void *data, size_t size) {
        const unsigned char *p = data;

        while (size > 0) {
                size_t at = s->size % sizeof(s->block), n = MIN(size, sizeof(s->block) - at);

                if (n == sizeof(s->block))
                        compress(s, p);
                else {
                        memcpy(s->block + at, p, n);
                        if (at + n == sizeof(s->block))
                                compress(s, s->block);
                }
                s->size += n;
                p += n;
                size -= n;
        }
}

void sha256_text(Sha256 *s, char buf[static SHA256_TEXT + 1]) {
        static const char digits[] = "0123456789abcdef";
        uint64_t bits = s->size * 8;
        unsigned char length[8];

        for (int i = 0; i < 8; i++)
                length[i] = (unsigned char) (bits >> (56 - 8 * i));
        sha256_add(s, "\x80", 1);
        while (s->size % sizeof(s->block) != sizeof(s->block) - sizeof(length))
                sha256_add(s, "", 1);
        sha256_add(s, length, sizeof(length));
        for (int i = 0; i < SHA256_TEXT; i++)
                buf[i] = digits[s->state[i / 8] >> (28 - 4 * (i % 8)) & 15];
        buf[SHA256_TEXT] = '\0';
}

int sha256_fd(int fd, char buf[static SHA256_TEXT + 1]) {
        _cleanup_free_ char *data = malloc(READ_SIZE);
        Sha256 s;
        ssize_t n;

        if (!data)
                return -ENOMEM;
        sha256_init(&s);
        while ((n = read_all(fd, data, READ_SIZE)) > 0)
                sha256_add(&s, data, (size_t) n);
        if (n < 0)
                return (int) n;
        sha256_text(&s, buf);
        return 0;
}

bool sha256_parse(const char *text, char buf[static SHA256_TEXT + 1]) {
        if (strlen(text) != SHA256_TEXT || strspn(text, "0123456789abcdefABCDEF") != SHA256_TEXT)
                return false;
        for (int i = 0; i <= SHA256_TEXT; i++)
                buf[i] = (char) (text[i] >= 'A' && text[i] <= 'F' ? text[i] - 'A' + 'a' : text[i]);
        return true;
}
