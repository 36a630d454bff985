/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The files of a guest that is being made. They are made in a directory of their own,
 * STATE/.NAME.new-PID, and put in place when all of them are complete. What an umlctl that was
 * killed has left, wherever it was in this, is removed by the next one. */

#include "basic/cleanup.h"
#include "basic/string-util.h"

typedef struct Workspace {
        char *name;  /* of the guest */
        char *path;  /* of the directory */
        int dir;     /* that directory, locked as long as we live */
        char *conf;  /* the new configuration file, in the directory of the others; or NULL */
        int conf_fd; /* locked, too */
} Workspace;

#define WORKSPACE_INIT ((Workspace){ .dir = -EBADF, .conf_fd = -EBADF })

/* Removes what killed ones have left. */
void workspace_sweep(void);

int workspace_make(Workspace *w, const char *name);

/* Makes an empty file there and opens it. */
int workspace_file(const Workspace *w, const char *file);

/* Writes the new configuration beside the others; it is none yet. */
int workspace_config(Workspace *w, const char *text);

/* Puts these files, a NULL-terminated list, into STATE/NAME and the configuration into its place:
 * all or, on failure, none of them. -EEXIST: something has been there already; with replace it is
 * replaced. */
int workspace_commit(Workspace *w, const char *const *files, bool replace);

/* Removes all that was not put in place. */
void workspace_done(Workspace *w);
