/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The SSH host key of a new guest: made here rather than by the guest, so that `umlctl ssh` knows
 * it before the first login. Its files are in the workspace, and umld-image puts them into the
 * tree if that has an SSH server. */

#include "umlctl/progress.h"
#include "umlctl/workspace.h"

#define HOST_KEY_FILE   "host-key"
#define HOST_KEY_PUBLIC "host-key.pub"

/* 1 = it is there. 0: this host has no ssh-keygen, so the guest makes its key itself. */
int host_key_make(const Workspace *w, Progress *progress, char **ret_why);

/* Writes the known_hosts of this guest there. */
int host_key_remember(const Workspace *w, const char *guest);
