/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Changes single settings in the text of a configuration file, and keeps all else as the user wrote
 * it: comments, order and spacing. Pure. */

#include "conf/settings.h"

/* How many lines of the text are about this key; those without a value only count if `empty`. */
unsigned config_text_count(const char *text, const Setting *s, bool empty);

/* Is this value in the text: as the value of a line or, for lists of ports, as a word of it? */
bool config_text_has(const char *text, const Setting *s, const char *value);

/* Each returns the new text in *ret, which the caller frees. */

/* The key has exactly these values; none: all its lines are removed. */
int config_text_set(const char *text, const Setting *s, const Strv *values, char **ret);

/* One value more, after the others. */
int config_text_add(const char *text, const Setting *s, const char *value, char **ret);

/* Without this value, as found by config_text_has(). */
int config_text_remove(const char *text, const Setting *s, const char *value, char **ret);
