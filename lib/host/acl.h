/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Who may read and write a file: its mode and its access control list (acl(5)) as one value. */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "basic/macro.h"

enum {
        ACL_ENTRIES_MAX = 160,
        ACL_TEXT_MAX = 24 * ACL_ENTRIES_MAX, /* of acl_format(), with its NUL */
};

typedef struct AclEntry {
        uint16_t tag, permissions; /* linux/posix_acl.h */
        uint32_t id;               /* of a user or group that is named */
} AclEntry;

typedef struct Acl {
        size_t n;
        AclEntry entries[ACL_ENTRIES_MAX];
} Acl;

/* -EOPNOTSUPP from acl_set(): it names users, and the file system has no lists. */
int acl_get(const char *path, Acl *ret);
int acl_set(const char *path, const Acl *a);

/* Lets one more user read and write. -EBUSY: the list has a mask, and what it hides from others
 * would be theirs as well. */
int acl_add_user(Acl *a, uid_t uid);
/* The inverse; a list that no longer names anybody is what it was without names. */
void acl_remove_user(Acl *a, uid_t uid);
/* Is it named, and let read and write? */
bool acl_has_user(const Acl *a, uid_t uid);
/* Lets everybody read and write, as mode 0666 does. */
void acl_add_all(Acl *a);
/* Is everybody let? */
bool acl_has_all(const Acl *a);

/* As one line of text, and back: -EINVAL. */
const char *acl_format(const Acl *a, char ret[static ACL_TEXT_MAX]);
int acl_parse(const char *text, Acl *ret);
