/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What umld-image gets for recipes: an archive of them, of what lies beside them, and of what
 * create was told about the new guest. */

#include "umlctl/jobs.h"
#include "umlctl/options.h"
#include "umlctl/workspace.h"

typedef struct RecipesIn {
        const CreateOptions *options;
        const char *guest;
        const Workspace *workspace;
        Progress *progress;
        bool host_key; /* is in the workspace (umlctl/host-key.h) */
        int archive;   /* out: to be read from its beginning */
} RecipesIn;

/* Reads the password where that was asked for, and makes the archive. Returns 0 or the exit code,
 * after an error message. */
int recipes_pack(RecipesIn *in, const char *program);

/* Appends the options of umld-image that belong to it. */
int recipes_argv(const RecipesIn *in, Strv *argv);
