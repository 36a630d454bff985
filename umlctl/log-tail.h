/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The last lines of a console log. */

#include <stdio.h>

#include "basic/macro.h"

/* Prints what the guest printed last in its latest boot, at most max lines, safe for a terminal,
 * each behind prefix. A log that cannot be read has none. */
void log_tail_print(FILE *f, const char *path, size_t max, const char *prefix, bool utf8);
