/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The file system that holds a guest's memory file: measures it, and remounts it if it is too
 * small. */

#include "basic/macro.h"

typedef struct MemFs {
        /* In bytes; size 0 = unlimited (then used is not known). size - used is what an ordinary
         * user may still write, so used includes what a file system reserves for root. */
        uint64_t size, used;
        bool tmpfs;
        bool noexec, read_only;
} MemFs;

/* Measures the file system that is mounted at path or contains it. */
int memfs_measure(const char *path, MemFs *ret);

/* Remounts the tmpfs at path with this size (0 = unlimited) and with or without noexec, keeping its
 * other options; nothing is done if both are already so. -EINVAL: path is not a mount point of a
 * tmpfs, or an unlimited one, which cannot be limited afterwards. -EPERM: the host does not allow
 * it. -EBUSY: more than size is in use. -EROFS: it is read-only. */
int memfs_remount(const char *path, uint64_t size, bool noexec);
