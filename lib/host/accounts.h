/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The host's users and groups, asked for in a child: the name service may take its time, and what
 * it loads for that (nss_systemd and others, measured: 0.6 MiB) would otherwise stay for as long as
 * we do. */

#include <sys/types.h>

#include "basic/child.h"

/* Asks who that user is. */
int account_ask_user(const char *name, Child *ret);

/* Asks for the lowest of first … last for which taken[uid - first] is not set and which no user
 * has. */
int account_ask_free_uid(uid_t first, uid_t last, const bool *taken, Child *ret);

/* The answer, after which the child is done with; -EAGAIN: there is none yet. -ENOENT: there is no
 * such user; -EUSERS: none is free; -ETIMEDOUT: the name service does not answer. */
int account_answer(Child *c, uid_t *ret);

/* Group umld, which may read consoles and status; (gid_t) -1 where the host has none. Looked up
 * once: in /etc/group, where sysusers.d(5) puts it, and where it is not there for a moment in all
 * that the name service knows. */
gid_t account_readers(void);
