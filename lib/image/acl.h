/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Access control lists of an archive's entry, as the attributes that Linux keeps them in. */

#include "basic/macro.h"

struct archive_entry;

enum {
        ACL_ENTRIES_MAX = 500, /* more do not fit into a block either */
        ACL_SIZE_MAX = 4 + 8 * ACL_ENTRIES_MAX,
};

/* Writes the value of system.posix_acl_access or, with def, of system.posix_acl_default into buf.
 * Returns its size; 0 where the entry has none beyond its mode, or one that names users without
 * their numbers, which are not to be had; -E2BIG where it is too long. */
int acl_to_xattr(struct archive_entry *e, bool def, unsigned char buf[static ACL_SIZE_MAX]);
