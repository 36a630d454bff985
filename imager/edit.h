/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Changes to lines of a text. *ret is the new text, which the caller frees; 0 = the text is right
 * as it is, and *ret untouched; 1 = it was changed. */

#include "basic/macro.h"

/* Adds a line at the end, or at the beginning, unless the text has it already. */
int edit_append(const char *text, const char *line, char **ret);
int edit_prepend(const char *text, const char *line, char **ret);

/* Puts a line in the place of each that matches an extended regular expression. In it \0 … \9 stand
 * for what the expression and its groups have matched. */
int edit_replace(const char *text, const char *regex, const char *line, char **ret);

/* Removes each line that matches. */
int edit_delete(const char *text, const char *regex, char **ret);

/* Does a line match? 1 = yes. */
int edit_contains(const char *text, const char *regex);
