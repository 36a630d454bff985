/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdarg.h>

#include "basic/cleanup.h"
#include "basic/macro.h"

/* asprintf() that returns the new string, or NULL if out of memory. */
char *strfmt(const char *format, ...) _printf_(1, 2);
char *strfmtv(const char *format, va_list ap) _printf_(1, 0);

/* Replaces *s by a copy of value (NULL clears it). */
int free_and_strdup(char **s, const char *value);

/* Strips white space at both ends, in place; returns the new start. */
char *strstrip(char *s);

/* Cuts the remedy off a message, in place, and returns it: what follows the last "; ", or "". */
const char *split_remedy(char *message);

/* Copies len bytes of untrusted text (of a guest or another program) for display and logging:
 * printable ASCII is kept, control characters, backslashes and everything else become \xNN, NULs
 * and newlines at the end are dropped. The result is at most max bytes long plus "…" if it was cut.
 * NULL: out of memory. */
char *escape_text(const void *data, size_t len, size_t max);

/* A NULL-terminated vector of strings that owns its members; {} is empty. */
typedef struct Strv {
        char **v;
        size_t n;
} Strv;

void strv_done(Strv *s);
int strv_push(Strv *s, const char *value); /* copies value */
int strv_pushf(Strv *s, const char *format, ...) _printf_(2, 3);
int strv_copy(Strv *dst, const Strv *src); /* appends */
bool strv_holds(const Strv *s, const char *value);
bool strv_equal(const Strv *a, const Strv *b);

#define _cleanup_strv_ _cleanup_(strv_done)

/* Splits into words like a shell, with quotes and backslashes but without expansion, and appends
 * them to s. -EINVAL for an unterminated quote or a backslash at the end. */
int strv_split_shell(Strv *s, const char *text);
