/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What changes the files of a disk with a copy-on-write file. All functions return 0 or the exit
 * code, after an error message. */

#include "umlctl/cow-disk.h"

/* May the changes be thrown away? Not after an interrupted commit, unless it can no longer be
 * completed; then there is no way to a snapshot either. */
int disk_check_reset(const CowDisk *c, bool to_snapshot);

/* Throws the changes away: the guest sees its backing file again. */
int disk_reset(CowDisk *c);

/* Removes the note of a commit, when there is nothing left to complete. */
int disk_forget_commit(const CowDisk *c);

/* Writes the changes into the backing file, after which there are none. Whenever it is interrupted,
 * the guest sees the same disk as before. */
int disk_commit(CowDisk *c, Progress *progress);
