/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Where the tree of a new guest comes from. Whatever it is, it ends as input for umld-image: an
 * open file, or the output of a program. */

#include "umlctl/jobs.h"
#include "umlctl/new-config.h"
#include "umlctl/workspace.h"

typedef struct Source {
        const char *given; /* --from, borrowed; NULL: not given */
        char *shown;       /* for messages */
        const CreateOptions *options;
        const char *guest;
        Workspace *workspace;
        Progress *progress;

        /* What umld-image gets */
        Job producer;  /* writes an archive; unless its argv is empty */
        int input;     /* else this is read */
        uint64_t size; /* bytes to be read; 0: unknown */
        bool keep_top; /* a single directory at the top belongs to the tree */
        ImageWishes wishes;
} Source;

void source_done(Source *s);

/* Gets everything ready for reading: downloads, checks. Returns 0 or the exit code, after an error
 * message. */
int source_open(Source *s);

/* The failure of a job as an exit code, after an error message. */
int source_failed(const Source *s, int r, const char *why);
