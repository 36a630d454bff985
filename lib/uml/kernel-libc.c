/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kernel-libc.c - finds out which version of glibc a kernel needs. */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "uml/kernel-libc.h"

/* Each version of symbols that a program needs is a string of its own: "GLIBC_2.34". */
#define MARK "\0GLIBC_"

enum {
        MARK_LENGTH = sizeof(MARK) - 1,
        NUMBER_MAX = 1000,
        TEXT_MAX = 32, /* what follows the mark, as far as it is read */
        PART = 64 * 1024,
};

typedef struct Version {
        unsigned major, minor;
} Version;

/* The next number in the text, which is moved behind it. */
static bool take_number(const char **p, const char *end, unsigned *ret) {
        const char *begin = *p;

        for (*ret = 0; *p < end && **p >= '0' && **p <= '9' && *ret < NUMBER_MAX; (*p)++)
                *ret = *ret * 10 + (unsigned) (**p - '0');
        return *p > begin;
}

static void consider(const char *p, const char *end, Version *newest) {
        Version v;

        if (!take_number(&p, end, &v.major) || p >= end || *p++ != '.' ||
            !take_number(&p, end, &v.minor) || p >= end || (*p != '\0' && *p != '.'))
                return;
        if (v.major > newest->major || (v.major == newest->major && v.minor > newest->minor))
                *newest = v;
}

static void search(const char *data, size_t n, Version *newest) {
        const char *p = data, *end = data + n;

        while ((p = memmem(p, (size_t) (end - p), MARK, MARK_LENGTH))) {
                p += MARK_LENGTH;
                consider(p, end, newest);
        }
}

/* Part by part, for a file that is truncated meanwhile must not end us. They overlap. */
int kernel_libc_wanted(int fd, unsigned *ret_major, unsigned *ret_minor) {
        enum { OVERLAP = MARK_LENGTH + TEXT_MAX };
        char part[PART];
        Version newest = {};
        off_t at = 0;

        for (;;) {
                ssize_t n = pread(fd, part, sizeof(part), at);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                search(part, (size_t) n, &newest);
                if (n <= OVERLAP)
                        break;
                at += n - OVERLAP;
        }
        *ret_major = newest.major;
        *ret_minor = newest.minor;
        return 0;
}
