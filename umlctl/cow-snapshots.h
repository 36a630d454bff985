/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Snapshots of a copy-on-write file: copies of it beside it, FILE.snapshot-NAME. */

#include "basic/string-util.h"
#include "umlctl/progress.h"

bool snapshot_name_valid(const char *name);

/* The path of one; the caller frees it. */
char *snapshot_path(const char *cow, const char *name);

/* Appends the names of those there are, sorted. */
int snapshots_find(const char *cow, Strv *ret);

/* Copies an open file, with its holes and by sharing blocks where the file system can, to a
 * temporary file beside `to`, which then replaces that: it is there as a whole or not at all. It
 * belongs to whom the old one belonged, whose descriptor is owner (-1: to us). Returns 0 or the
 * exit code, after an error message. */
int snapshot_copy(const char *guest, int from, const char *to, int owner, Progress *progress);

/* Copies that were not completed because umlctl was killed. For the holder of the file's lock. */
void snapshots_sweep(const char *cow);
