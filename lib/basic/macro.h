/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Small language helpers that every other file may use. */

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* gcc tells with a macro of its own whether it builds with the address sanitizer, clang otherwise.
 */
#if defined(__SANITIZE_ADDRESS__)
        #define WITH_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
        #if __has_feature(address_sanitizer)
                #define WITH_ADDRESS_SANITIZER 1
        #endif
#endif

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define FOREACH_ELEMENT(p, array)                                                                  \
        for (typeof(&(array)[0]) p = (array); p < (array) + ARRAY_SIZE(array); p++)

#define MIN(a, b)                                                                                  \
        ({                                                                                         \
                typeof(a) _a = (a);                                                                \
                typeof(b) _b = (b);                                                                \
                _a < _b ? _a : _b;                                                                 \
        })
#define MAX(a, b)                                                                                  \
        ({                                                                                         \
                typeof(a) _a = (a);                                                                \
                typeof(b) _b = (b);                                                                \
                _a > _b ? _a : _b;                                                                 \
        })

#define _printf_(a, b) __attribute__((format(printf, a, b)))
#define _noreturn_     __attribute__((noreturn))

static inline bool streq(const char *a, const char *b) {
        return strcmp(a, b) == 0;
}

static inline bool isempty(const char *s) {
        return !s || !*s;
}

/* Returns the text after the prefix, or NULL if s does not start with it. */
static inline const char *startswith(const char *s, const char *prefix) {
        size_t n = strlen(prefix);

        return strncmp(s, prefix, n) == 0 ? s + n : NULL;
}

/* Converts libc's -1 and errno to one negative errno: int fd = RET_NERRNO(open(…)). */
static inline int RET_NERRNO(int r) {
        return r < 0 ? -errno : r;
}
