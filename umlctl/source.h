/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The source of a new guest's tree. Every kind becomes input for umld-image: an open file, or the
 * output of a program. */

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

        /* The input for umld-image: */
        Job producer;  /* a program that writes an archive, if its argv is not empty */
        int input;     /* else this descriptor is read */
        uint64_t size; /* bytes to be read; 0: unknown */
        bool keep_top; /* a single directory at the top belongs to the tree */
        ImageWishes wishes;
} Source;

void source_done(Source *s);

/* Prepares the input: downloads and verifies it. Returns 0 or the exit code, after an error
 * message. */
int source_open(Source *s);

/* Reports the failure of a job; returns the exit code. */
int source_failed(const Source *s, int r, const char *why);
