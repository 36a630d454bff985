/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Messages of umlctl, apart from its actual output, and making foreign text safe for a terminal. */

#include <stdarg.h>

#include "basic/macro.h"

/* Suppresses note(); for --quiet. */
void say_set_quiet(bool quiet);

/* Prints "umlctl: …" to standard error and returns code, so that `return fail_with(EXIT_NO_GUEST,
 * …)` is one line. The whole message is made safe for a terminal. */
int fail_with(int code, const char *format, ...) _printf_(2, 3);

/* The same for information that is not an error. */
void note(const char *format, ...) _printf_(1, 2);

/* Copies text for a terminal: printable ASCII and "…" are kept (including the backslash: umld has
 * already escaped what the guest printed), every other byte becomes \xNN. At most max bytes, plus
 * "…" if it was cut. NULL: out of memory. The caller frees it. */
char *safe_text(const char *s, size_t max);
