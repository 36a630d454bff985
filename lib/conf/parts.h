/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A configuration of several files: NAME.conf, and its drop-ins NAME.conf.d/FILE.conf in the order
 * of their names.
 *
 * They are kept as one text, so that it can be compared, recorded and moved as a whole: that of
 * NAME.conf, then for each drop-in a line of a form feed and its path, and its text. No file of
 * ours contains a form feed, because ini-file.h refuses control characters. */

#include "basic/macro.h"

#define CONFIG_PART_MARK '\f'

typedef struct ConfigPart {
        const char *file; /* the path of a drop-in, not terminated; NULL: it is NAME.conf itself */
        size_t file_size;
        const char *text;
        size_t size;
        unsigned before; /* number of lines of the whole before its first one */
} ConfigPart;

/* Finds the part after *part, which is {} at first. */
bool config_part_next(const char *text, size_t size, ConfigPart *part);

/* Where a line of the whole is: the part and the line in it. Line 0 is in NAME.conf, as 0. */
void config_part_find(const char *text, size_t size, unsigned line, ConfigPart *ret_part,
                      unsigned *ret_line);

/* The directory of the drop-ins of NAME.conf; the caller frees it. */
char *config_dropin_directory(const char *file);

/* May a drop-in have this name? */
bool config_dropin_valid(const char *name);

/* Reads NAME.conf and its drop-ins. On failure *ret_file is the file at fault, *ret_line its line
 * (0: the whole file) and *ret_why a sentence; the caller frees both texts. */
int config_parts_read(const char *file, char **ret, size_t *ret_size, char **ret_file,
                      unsigned *ret_line, char **ret_why);
