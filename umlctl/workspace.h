/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The files of a guest that is being created. They are written in a directory of their own,
 * STATE/.NAME.new-PID, and moved to their places when all are complete. Whatever a killed umlctl
 * has left is removed by the next one. */

#include "basic/cleanup.h"
#include "basic/string-util.h"

typedef struct Workspace {
        char *name;     /* of the guest */
        char *path;     /* of the directory */
        int dir;        /* that directory, locked until the workspace is closed */
        char *conf;     /* the new configuration file, in the directory of the others; or NULL */
        int conf_fd;    /* locked, too */
        char *dropins;  /* the directory of its drop-ins, likewise; or NULL */
        int dropins_fd; /* locked, too */
} Workspace;

#define WORKSPACE_INIT ((Workspace){ .dir = -EBADF, .conf_fd = -EBADF, .dropins_fd = -EBADF })

/* Cleans up after killed processes. */
void workspace_sweep(void);

int workspace_make(Workspace *w, const char *name);

/* Creates an empty file there and opens it. */
int workspace_file(const Workspace *w, const char *file);

/* Makes it that of a guest of another name. */
int workspace_rename(Workspace *w, const char *name);

/* Writes the new configuration next to the others, under a temporary name, and so its drop-ins, if
 * there are any in the text (conf/parts.h). */
int workspace_config(Workspace *w, const char *text);

/* Moves these files, a NULL-terminated list, into STATE/NAME and the configuration to its place:
 * all or, on failure, none of them. -EEXIST: one of them exists; with replace it is replaced. */
int workspace_commit(Workspace *w, const char *const *files, bool replace);

/* Removes everything that has not been moved to its place. */
void workspace_done(Workspace *w);
