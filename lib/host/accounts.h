/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The host's users and groups, looked up in a short-lived child: what the name service switch loads
 * for that (nss_systemd and others, measured: 0.6 MiB) would otherwise stay in memory for as long
 * as we run. */

#include <sys/types.h>

#include "basic/macro.h"

/* -ENOENT: no such user. */
int account_user(const char *name, uid_t *ret);
int account_group(const char *name, gid_t *ret);

/* The lowest uid of first … last for which taken[uid - first] is not set and which no user has.
 * -EUSERS: there is none. */
int account_free_uid(uid_t first, uid_t last, const bool *taken, uid_t *ret);

/* Group umld, whose members may read consoles and status; (gid_t) -1 if the host does not have it.
 * Looked up once. */
gid_t account_readers(void);
