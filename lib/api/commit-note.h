/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* While umlctl writes the changes of a copy-on-write file into its backing file, COW.commit says
 * so. Meanwhile both files together show the guest the same as before. So after an interruption the
 * guest can go on, once the modification time of the backing file, by which kernels recognise it,
 * has been restored; but until the commit has been completed, the backing file is of use only
 * together with its copy-on-write file. */

#include <stdbool.h>
#include <stdint.h>

/* The backing file and its time before. Durable when it returns. */
int commit_note_write(const char *cow, const char *base, uint32_t mtime);

bool commit_note_exists(const char *cow);

/* The time in it, whatever the backing file. -ENOENT: there is no note. */
int commit_note_time(const char *cow, uint32_t *ret);

/* Was it begun for this backing file, of that time? */
bool commit_note_matches(const char *cow, const char *base, uint32_t mtime);

int commit_note_remove(const char *cow);

/* Sets the time of an open backing file. */
int commit_set_time(int fd, uint32_t mtime);
