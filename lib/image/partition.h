/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Finds the partition that holds the root file system in the partition table of a disk image: the
 * table of a PC (MBR) or a GUID partition table. The image comes from a stranger. */

#include "basic/macro.h"

typedef struct Partition {
        unsigned number;       /* from 1 */
        uint64_t offset, size; /* bytes */
} Partition;

enum {
        PARTITION_HEAD_SIZE = 68 * 1024, /* how much of the image is looked at */
};

/* head is the beginning of the image. Of several partitions for Linux the one that is marked as a
 * root file system is chosen, else the largest. -ENOENT: there is none; -EMEDIUMTYPE: there is no
 * partition table. */
int partition_find(const void *head, size_t size, Partition *ret);
