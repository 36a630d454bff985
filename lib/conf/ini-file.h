/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Strict parser for files of [Section] and Key=value lines. */

#include "basic/macro.h"

enum {
        INI_FILE_MAX = 1 << 20, /* bytes; a larger file is a mistake */
};

typedef struct IniEvents {
        /* A [section] line. */
        int (*section)(void *userdata, unsigned line, const char *section, char **ret_why);
        /* A Key=value line in it ("" before the first section), without surrounding white space. */
        int (*entry)(void *userdata, unsigned line, const char *section, const char *key,
                     const char *value, char **ret_why);
} IniEvents;

/* Reads a regular file of at most INI_FILE_MAX bytes; *ret is NUL-terminated after *ret_size bytes.
 * Returns a negative errno on failure (-EINVAL if it is not a text file) and a sentence in
 * *ret_why. */
int ini_file_read(const char *path, char **ret, size_t *ret_size, char **ret_why);

/* Calls the events for each line of a text until one of them fails, or a line has an invalid form:
 * that is -EINVAL. *ret_why is a sentence about it, *ret_line the line (0: the whole file). */
int ini_file_parse(const char *text, size_t size, const IniEvents *events, void *userdata,
                   unsigned *ret_line, char **ret_why);
