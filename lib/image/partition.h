/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Finds the partition that holds the root file system in the partition table of a disk image: the
 * table of a PC (MBR) or a GUID partition table. The image is untrusted. */

#include "basic/macro.h"

typedef struct Partition {
        unsigned number;       /* from 1 */
        uint64_t offset, size; /* bytes */
} Partition;

enum {
        PARTITION_HEAD_SIZE = 68 * 1024, /* bytes at the beginning of the image that are examined */
};

/* head is the beginning of the image. If there are several Linux partitions, the one whose type is
 * a root file system is chosen, else the largest. -ENOENT: there is none; -EMEDIUMTYPE: there is no
 * partition table. */
int partition_find(const void *head, size_t size, Partition *ret);
