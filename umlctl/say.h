/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What umlctl says beside its real output, and how text that came from elsewhere is made harmless.
 */

#include <stdarg.h>

#include "basic/macro.h"

/* No note() is printed any more; for --quiet. */
void say_set_quiet(bool quiet);

/* "umlctl: …" on standard error; returns code, so that `return fail_with(EXIT_NO_GUEST, …)` is one
 * line. What is printed is made safe for a terminal as a whole. */
int fail_with(int code, const char *format, ...) _printf_(2, 3);

/* The same for what is worth knowing but no failure. */
void note(const char *format, ...) _printf_(1, 2);

/* Copies text for a terminal: printable ASCII and "…" stay (also the backslash: umld has escaped
 * the guest's words once already), every other byte becomes \xNN. At most max bytes, plus "…" where
 * it was cut. NULL: no memory. The caller's to free(). */
char *safe_text(const char *s, size_t max);
