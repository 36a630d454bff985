/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Messages to standard error: with "<N>" level prefixes if that is the journal, with a time stamp
 * if it is a file, plain on a terminal. lib/ logs at debug level only; the caller that knows the
 * purpose logs once. */

#include <stdarg.h>
#include <syslog.h>

#include "basic/macro.h"

/* ident (borrowed, for the lifetime of the process) precedes each message; NULL for none. */
void log_open(const char *ident);
void log_set_max_level(int level);
int log_get_max_level(void);

/* From now on a message that would block, because a pipe or the journal is full or a terminal is
 * stopped, is dropped, and the number of dropped messages is reported as soon as possible. For a
 * program that must not block. */
void log_never_wait(void);

/* Passes a copy of each message at LOG_ERR or above to hook, e.g. for sd_notify's STATUS. NULL
 * removes it. */
void log_set_error_hook(void (*hook)(const char *message));

/* Formats with %m as strerror(|error|); returns error as a negative number, so that
 * `return log_error_errno(r, "…: %m")` reports and returns in one line. */
int log_internal(int level, int error, const char *format, ...) _printf_(3, 4);

#define log_full_errno(level, error, ...)                                                          \
        ({                                                                                         \
                int _l = (level), _e = (error);                                                    \
                _l <= log_get_max_level() ? log_internal(_l, _e, __VA_ARGS__)                      \
                                          : (_e < 0 ? _e : -_e);                                   \
        })

#define log_full(level, ...)          ((void) log_full_errno(level, 0, __VA_ARGS__))
#define log_debug(...)                log_full(LOG_DEBUG, __VA_ARGS__)
#define log_info(...)                 log_full(LOG_INFO, __VA_ARGS__)
#define log_notice(...)               log_full(LOG_NOTICE, __VA_ARGS__)
#define log_warning(...)              log_full(LOG_WARNING, __VA_ARGS__)
#define log_error(...)                log_full(LOG_ERR, __VA_ARGS__)
#define log_debug_errno(error, ...)   log_full_errno(LOG_DEBUG, error, __VA_ARGS__)
#define log_info_errno(error, ...)    log_full_errno(LOG_INFO, error, __VA_ARGS__)
#define log_notice_errno(error, ...)  log_full_errno(LOG_NOTICE, error, __VA_ARGS__)
#define log_warning_errno(error, ...) log_full_errno(LOG_WARNING, error, __VA_ARGS__)
#define log_error_errno(error, ...)   log_full_errno(LOG_ERR, error, __VA_ARGS__)
#define log_oom()                     log_full_errno(LOG_ERR, -ENOMEM, "out of memory")
