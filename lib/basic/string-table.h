/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Conversion between enums and names. An enum ends in PREFIX_MAX and has PREFIX_INVALID = -EINVAL,
 * so a failed look-up is an error code. The table is an array with designated initialisers,
 * `name##_table`. */

#include "basic/macro.h"

#define DECLARE_STRING_TABLE(name, type)                                                           \
        const char *name##_to_string(type v);                                                      \
        type name##_from_string(const char *s)

#define CHECK_STRING_TABLE(name, type, max)                                                        \
        static_assert(ARRAY_SIZE(name##_table) == (max), "a name for every " #type)

/* Of an enum that is only written. */
#define DEFINE_STRING_TABLE_TO(name, type, max)                                                    \
        CHECK_STRING_TABLE(name, type, max);                                                       \
        const char *name##_to_string(type v) {                                                     \
                return (int) v < 0 || v >= (max) ? NULL : name##_table[v];                         \
        }                                                                                          \
        struct swallow_semicolon_to_##name

#define DEFINE_STRING_TABLE(name, type, max)                                                       \
        DEFINE_STRING_TABLE_TO(name, type, max);                                                   \
        type name##_from_string(const char *s) {                                                   \
                for (int i = 0; i < (int) (max); i++)                                              \
                        if (streq(name##_table[i], s))                                             \
                                return (type) i;                                                   \
                return (type) -EINVAL;                                                             \
        }                                                                                          \
        struct swallow_semicolon_##name
