/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Files of [Section] and Key=value lines, read strictly. */

#include "basic/macro.h"

enum {
        INI_FILE_MAX = 1 << 20, /* bytes; a larger file is a mistake */
};

typedef struct IniEvents {
        /* A [section] line. */
        int (*section)(void *userdata, unsigned line, const char *section, char **ret_why);
        /* A Key=value line below it ("" before the first one), without the white space around
         * either. */
        int (*entry)(void *userdata, unsigned line, const char *section, const char *key,
                     const char *value, char **ret_why);
} IniEvents;

/* Reads a regular file of at most INI_FILE_MAX bytes; *ret has a NUL behind the *ret_size bytes. On
 * failure a negative errno (-EINVAL for what is no text file) and a sentence in *ret_why. */
int ini_file_read(const char *path, char **ret, size_t *ret_size, char **ret_why);

/* Calls the events for each line of a text until one of them fails, or a line is not of this form:
 * that is -EINVAL. The sentence about it is put into *ret_why, its line into *ret_line (0: all of
 * the file). */
int ini_file_parse(const char *text, size_t size, const IniEvents *events, void *userdata,
                   unsigned *ret_line, char **ret_why);
