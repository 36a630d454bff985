/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What an archive calls its entries, made a path in the tree: "./usr//bin/" is "usr/bin", and what
 * is no place in a tree at all is told from it. The names come from strangers. */

#include "basic/macro.h"

enum {
        ENTRY_NAME_MAX = 255, /* of one component, as ext4 has it */
        ENTRY_PATH_MAX = 4095,
};

/* Writes the path into buf, which has room for ENTRY_PATH_MAX + 1 bytes: its components with one
 * slash between them, no slash at either end, "" for the root of the tree. On failure -EINVAL (an
 * absolute name, or one with a component ".."), -ENAMETOOLONG, or -ENOENT for a name of no bytes;
 * *ret_why is a few words that say which ("has '..' in it"), static. */
int entry_path_parse(const char *name, char buf[static ENTRY_PATH_MAX + 1], const char **ret_why);
