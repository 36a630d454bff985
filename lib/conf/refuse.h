/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* How the parsers of this layer reject a value. */

#include "basic/macro.h"

/* Sets *ret_why, which the caller frees, to one sentence. Returns -EINVAL, or -ENOMEM with *ret_why
 * untouched. */
int refuse(char **ret_why, const char *format, ...) _printf_(2, 3);

/* The same, with the rejected text in front of the sentence, quoted and escaped. */
int refuse_text(char **ret_why, const char *text, const char *format, ...) _printf_(3, 4);

/* Prepends what the error r is about to its reason, as "WHAT: reason". Returns r, or -ENOMEM. */
int blame_text(int r, const char *what, char **ret_why);
