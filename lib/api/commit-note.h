/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* While umlctl writes the changes of a copy-on-write file into its backing file, COW.commit says
 * so. What the guest sees in both files together is the same at any time of that. So after an
 * interruption the guest can run on, once the time of the backing file has been set back, by which
 * kernels recognise it; but the backing file is of use only together with the other one until the
 * commit has been completed. */

#include <stdbool.h>
#include <stdint.h>

/* The backing file and its time before. Durable when it returns. */
int commit_note_write(const char *cow, const char *base, uint32_t mtime);

bool commit_note_exists(const char *cow);

/* Was it begun for this backing file, of that time? */
bool commit_note_matches(const char *cow, const char *base, uint32_t mtime);

int commit_note_remove(const char *cow);

/* Sets the time of an open backing file. */
int commit_set_time(int fd, uint32_t mtime);
