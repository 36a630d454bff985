/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The files of a guest's configuration, for the verbs that change them. A change is checked by the
 * parser that umld uses before it replaces a file, and never replaces what somebody else has
 * written meanwhile. The functions that return an exit code have printed why. */

#include "conf/config.h"
#include "conf/parts.h"

typedef struct ConfigFiles {
        const char *guest;
        char *file; /* NAME.conf */
        char *text; /* of all files (conf/parts.h) */
        size_t size;
} ConfigFiles;

void config_files_done(ConfigFiles *c);

/* Reads them all. Returns 0 or the exit code. */
int config_files_read(const char *guest, ConfigFiles *c);

/* The path of one of the files, and its text; the caller frees both. */
int config_files_copy(const ConfigFiles *c, const ConfigPart *part, char **ret_path,
                      char **ret_text);

/* Would the configuration be good with this text in one of its files, or in a new drop-in? Returns
 * 0 or the exit code. */
int config_files_check(const ConfigFiles *c, const char *path, const char *text);

/* Writes the file, if it still contains `before` (NULL: if it does not exist), keeping its mode and
 * owner. Returns 0 or the exit code. */
int config_files_write(const ConfigFiles *c, const char *path, const char *before,
                       const char *text);

/* Tells what is to be done for a change of the file to take effect. */
void config_files_say_changed(const ConfigFiles *c, const char *what);
