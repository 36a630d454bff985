/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The file that is a UML kernel's RAM: unlinked at once, so it shows only among the descriptors of
 * the kernel's main process. */

#include <sys/types.h>

#include "basic/macro.h"

typedef struct MemFile {
        char path[40]; /* /proc/PID/fd/N, good for statfs() and the like */
        uint64_t device, inode;
        uint64_t size;    /* as it looks: the file is sparse */
        uint64_t charged; /* bytes that it takes from the host */
} MemFile;

/* Finds it: the largest file without a name. -ENOENT: there is none (yet), or no such process. */
int memfile_find(pid_t pid, MemFile *ret);
