/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A disk with a copy-on-write file: both files open, locked, and checked that they belong together.
 * The functions return 0 or the exit code, after an error message. */

#include "conf/config.h"
#include "uml/cow.h"
#include "umlctl/progress.h"

typedef enum CowUse {
        COW_READ,    /* while the guest runs, or is frozen: the copy-on-write file is not locked */
        COW_COPY,    /* the copy-on-write file is locked */
        COW_REPLACE, /* and it does not matter what is in it */
        COW_COMMIT,  /* or the backing file is written to */
} CowUse;

typedef struct CowDisk {
        const char *guest;
        const Disk *disk;
        int base, cow;    /* cow: -1 = there is none yet, or it is empty */
        CowHeader header; /* of a copy-on-write file that belongs to base as it is */
} CowDisk;

#define COW_DISK_INIT                                                                              \
        { .base = -EBADF, .cow = -EBADF }

/* The guest and the disk are borrowed. */
int cow_disk_open(CowDisk *c, const char *guest, const Disk *disk, CowUse use);
void cow_disk_done(CowDisk *c);

/* Does this copy-on-write file belong to the backing file as it is now? */
bool cow_disk_fits(const CowDisk *c, int fd);

/* The size of the changes. */
int cow_disk_count(const CowDisk *c, uint64_t *ret);

/* 1 = all the changes are in the copy-on-write file, 0 = its end has been cut off, or more of it.
 * Such a file is of use to the guest, whose kernel takes what is missing for zeros. */
int cow_disk_whole(const CowDisk *c);

/* The same with an error message. */
int cow_disk_check_whole(const CowDisk *c);

/* Is there space for the changes in `to`? */
int cow_disk_check_space(const CowDisk *c, int to);

/* Writes the changes into `to`, the backing file or a copy of it: blocks of zeros become holes.
 * What is written again changes nothing, so this may be repeated after an interruption. */
int cow_disk_apply(const CowDisk *c, int to, Progress *progress);
