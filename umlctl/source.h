/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The source of a new guest's tree. Every kind becomes input for umld-image: an open file, or the
 * output of a program. */

#include "basic/sha256.h"
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
        int layout;    /* directory of a container image, of which the index is the input; or -1 */
        char *tag;     /* in it; NULL: it has only one */
        ImageWishes wishes;
} Source;

#define SOURCE_INIT .producer = JOB_INIT, .input = -EBADF, .layout = -EBADF

void source_done(Source *s);

/* The file of that name that umld-image asks for; a descriptor, or a negative errno. */
int source_file(const Source *s, const char *name);

/* Prepares the input: downloads and verifies it. Returns 0 or the exit code, after an error
 * message. */
int source_open(Source *s);

/* The kinds that have a file of their own; like source_open(). */
int source_open_oci(Source *s);
int source_open_url(Source *s);
int source_open_debian(Source *s);
int source_open_alpine(Source *s);
int source_open_arch(Source *s);

/* What several kinds have in common. All return 0 or the exit code, after an error message. */

/* Downloads into this file of the workspace; *ret is at its beginning. More than max bytes (0: any
 * number) are refused, and so is what does not have this checksum, unless it is NULL. */
int source_download(Source *s, const char *url, const char *file, uint64_t max, const char *sum,
                    int *ret);

/* Makes fd, which is taken over, the input. */
int source_take_file(Source *s, int fd);

/* The checksum given by --sha256, and the test of what it is about. */
int source_wanted_sum(const Source *s, char wanted[static SHA256_TEXT + 1]);
int source_check_sum(const Source *s, const char *what, int fd, const char *wanted);

int source_fail_sum(const Source *s); /* there is nothing of which --sha256 could be the checksum */
int source_fail_errno(const Source *s, int error);

/* Reports the failure of a job; returns the exit code. */
int source_failed(const Source *s, int r, const char *why);
