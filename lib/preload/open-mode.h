/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* For a file that is preloaded and defines open(): its last argument, which is there with some
 * flags only. Include it after <fcntl.h>. */

#include <stdarg.h>

#define MODE(flags)                                                                                \
        ({                                                                                         \
                mode_t _mode = 0;                                                                  \
                if ((flags) & (O_CREAT | __O_TMPFILE)) {                                           \
                        va_list _ap;                                                               \
                        va_start(_ap, flags);                                                      \
                        _mode = va_arg(_ap, mode_t);                                               \
                        va_end(_ap);                                                               \
                }                                                                                  \
                _mode;                                                                             \
        })
