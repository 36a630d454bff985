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

/* Where the sectors of the disk that were written are, in order. */
typedef struct CowRuns {
        int fd;
        uint64_t sectors; /* of the disk */
        uint64_t data;    /* where the first of them would be in the file */
        uint64_t next;    /* to be looked at */
        uint64_t loaded;  /* the first one of those in `bits` */
        unsigned char bits[4096];
} CowRuns;

/* For a file whose header has this size of the disk; the data of an offset of the disk is at
 * runs->data plus that offset. */
void cow_runs_begin(CowRuns *runs, int fd, uint64_t size);

/* The next bytes of the disk that were written, in whole sectors. 1; 0: there are no more; -EIO:
 * the file ends too early. */
int cow_runs_next(CowRuns *runs, uint64_t *ret_begin, uint64_t *ret_end);
