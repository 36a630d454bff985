/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The configuration of a guest that moves to another place: the paths of the files that move with
 * it are replaced, and all else stays as the user wrote it. Pure. */

#include "basic/string-util.h"

/* Where the files of an export seem to be; import puts its own directory there. */
#define MOVED_DIR "/umld-export"

/* In the text of a configuration with its drop-ins (conf/parts.h), replaces the paths of the Disk=
 * lines in turn, and that of Kernel= in [Guest], by these files in MOVED_DIR; kernel NULL: it
 * stays. Disk= lines that a drop-in takes back become comments. */
int moved_pack(const char *text, const Strv *disks, const char *kernel, char **ret);

/* The other way round: MOVED_DIR becomes dir, and the drop-ins are those of the directory
 * `dropins`. -EPERM: a disk is a file that is not in the export; -EBADMSG: there cannot be such
 * drop-ins. */
int moved_unpack(const char *text, const char *dir, const char *dropins, char **ret);
