/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The users of an image, from its own files: a static program has no part in the image's C library
 * and its ways of finding them. */

#include <sys/types.h>

#include "basic/string-util.h"

enum {
        USER_GROUPS_MAX = 64,
};

typedef struct User {
        uid_t uid;
        gid_t gid;
        gid_t groups[USER_GROUPS_MAX];
        size_t n_groups;
        char home[256];
} User;

/* By "NAME", "UID", "NAME:GROUP" … with names or numbers; NULL or "": root. -ENOENT: there is none
 * of that name. */
int user_find(const char *wanted, const char *passwd, const char *group, User *ret);

/* For good. Returns -1 and errno on failure. */
int user_become(const User *user);
