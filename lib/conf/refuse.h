/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* How the parsers of this layer say no. */

#include "basic/macro.h"

/* Sets *ret_why, the caller's to free(), to one sentence. Returns -EINVAL, or -ENOMEM with *ret_why
 * as it was. */
int refuse(char **ret_why, const char *format, ...) _printf_(2, 3);

/* The same with the text that is refused before it, in quotes and escaped. */
int refuse_text(char **ret_why, const char *text, const char *format, ...) _printf_(3, 4);

/* Puts what it is about before the reason of error r, as "WHAT: reason". Returns r, or -ENOMEM. */
int blame_text(int r, const char *what, char **ret_why);
