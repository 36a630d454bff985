/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The file system that holds a guest's memory file: measured, and remounted to fit. */

#include "basic/macro.h"

typedef struct MemFs {
        /* Bytes; size 0 = unlimited (used is not known then). size - used is what an ordinary user
         * may still write, so used counts what a file system keeps for root. */
        uint64_t size, used;
        bool tmpfs;
        bool noexec, read_only;
} MemFs;

/* Looks at the file system mounted at or holding path. */
int memfs_measure(const char *path, MemFs *ret);

/* Remounts the tmpfs at path with this size (0 = unlimited) and with or without noexec, keeping its
 * other options; where both are so already nothing is done. -EINVAL: path is no tmpfs's mount
 * point, or an unlimited one, which cannot be limited afterwards. -EPERM: the host does not allow
 * it. -EBUSY: more is in use than size. -EROFS: it is read-only. */
int memfs_remount(const char *path, uint64_t size, bool noexec);
