/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The files of an export, by their names in it. */

#include "umlctl/cow-disk.h"
#include "umlctl/jobs.h"

enum {
        EXPORT_FILES_MAX = 16,
};

typedef struct ExportFile {
        char name[24];
        int fd;
        bool image;   /* of a disk */
        CowDisk *cow; /* what is exported is fd with these changes; NULL: there are none */
} ExportFile;

typedef struct ExportFiles {
        ExportFile v[EXPORT_FILES_MAX];
        size_t n;
} ExportFiles;

void export_files_done(ExportFiles *f);

/* Takes over the descriptor, also on failure. */
int export_files_add(ExportFiles *f, const char *name, int fd);

/* Opens a regular file of the host; a locked one is used by nobody else meanwhile. -EBUSY: it is.
 */
int export_files_open(ExportFiles *f, const char *name, const char *path, bool locked);

/* A descriptor of its own of that file; -ENOENT. */
int export_files_get(const ExportFiles *f, const char *name);

uint64_t export_files_size(const ExportFiles *f); /* on the host's disk */
