/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The copy-on-write file of a UML disk: a header that names the backing file, a bitmap of the
 * sectors that were written, and the sectors. The kernel makes one itself where it may create a
 * file; a guest's user may not, so umld makes it. All numbers in it are big-endian. */

#include <stdint.h>
#include <sys/types.h>

#include "basic/macro.h"

enum {
        COW_PATH_MAX = 4096, /* of the backing file, with its NUL */
};

typedef struct CowHeader {
        char backing[COW_PATH_MAX]; /* as it was given to the kernel: absolute */
        uint32_t mtime;             /* of the backing file, seconds; the lower 32 bits */
        uint64_t size;              /* of the backing file, and of the disk, in bytes */
} CowHeader;

/* Reads the header of the file. -EBADMSG: it is not a copy-on-write file. -EPROTONOSUPPORT: its
 * version is older than 3, which kernels read but no longer write. */
int cow_read(int fd, CowHeader *ret);

/* Makes an empty file into one that kernels from 5.10 to 7.2 take for their own: sparse, with no
 * sector written. -ENAMETOOLONG: the path of the backing file does not fit. */
int cow_write(int fd, const CowHeader *header);
