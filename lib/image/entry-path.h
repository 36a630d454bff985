/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Converts names of an archive's entries to paths in the tree: "./usr//bin/" becomes "usr/bin".
 * Names that would lead out of the tree are rejected: they come from an untrusted archive. */

#include "basic/macro.h"

enum {
        ENTRY_NAME_MAX = 255, /* of one component, the limit of ext4 */
        ENTRY_PATH_MAX = 4095,
};

/* Writes the path into buf, which has room for ENTRY_PATH_MAX + 1 bytes: its components with one
 * slash between them, no slash at either end, "" for the root of the tree. On failure -EINVAL (an
 * absolute name, or one with a component ".."), -ENAMETOOLONG, or -ENOENT for an empty name;
 * *ret_why is a static text like "has '..' in its name". */
int entry_path_parse(const char *name, char buf[static ENTRY_PATH_MAX + 1], const char **ret_why);
