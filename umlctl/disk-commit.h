/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What changes the files of a disk with a copy-on-write file. All functions return 0 or the exit
 * code, after an error message. */

#include "umlctl/cow-disk.h"

/* May they be thrown away? Not after an interrupted commit. */
int disk_check_reset(const CowDisk *c);

/* Throws the changes away: the guest sees its backing file again. */
int disk_reset(const CowDisk *c);

/* Writes the changes into the backing file, after which there are none. Whenever it is interrupted,
 * the guest sees the same disk as before. */
int disk_commit(CowDisk *c, Progress *progress);
