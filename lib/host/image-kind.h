/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a file that is to be a disk holds, by its first bytes. A UML kernel takes any file for a
 * disk, and says of one that holds no file system only that it cannot mount it. */

#include "basic/macro.h"

typedef struct ImageKind {
        const char *what;   /* "a qcow2 image"; NULL: a file system, or nothing that is known */
        const char *remedy; /* what to do about it */
        unsigned partition; /* the largest one, counted from 1, where it is a partitioned disk */
} ImageKind;

/* All of *ret is static text. A file that cannot be read is an error. */
int image_kind(int fd, ImageKind *ret);
