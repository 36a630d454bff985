/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Access control lists of an archive's entry, as extended attributes in the form that Linux uses.
 */

#include "basic/macro.h"

struct archive_entry;

enum {
        ACL_ENTRIES_MAX = 500, /* more would not fit into a block either */
        ACL_SIZE_MAX = 4 + 8 * ACL_ENTRIES_MAX,
};

/* Writes the value of system.posix_acl_access or, with def, of system.posix_acl_default into buf.
 * Returns its size; 0 if the entry has no list beyond its mode, or one with names of users whose
 * numbers are unknown; -E2BIG if it is too long. */
int acl_to_xattr(struct archive_entry *e, bool def, unsigned char buf[static ACL_SIZE_MAX]);
