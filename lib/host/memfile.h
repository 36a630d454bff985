/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The file that is a UML kernel's RAM: it is unlinked at once, so it can only be found among the
 * descriptors of the kernel's main process. Where they are not visible (process_is_hidden()), what
 * that process has mapped tells how much memory the file uses. */

#include <sys/types.h>

#include "basic/macro.h"

typedef struct MemFile {
        char path[40];          /* /proc/PID/fd/N, usable for statfs() and the like */
        int number;             /* that N */
        uint64_t device, inode; /* 0: not visible, and so are path, number and size */
        uint64_t size;          /* apparent size: the file is sparse */
        uint64_t charged;       /* bytes of the host's memory that it uses */
} MemFile;

/* Finds it: the largest unlinked file. -ENOENT: there is none (yet), or no such process. */
int memfile_find(pid_t pid, MemFile *ret);

/* How much memory the memory file of that inode uses, which was that process's. -ENOENT: it is not
 * any more. inode 0: whatever that process has mapped. Takes one look where kernels are all alike
 * and so have it at the same descriptor. */
int memfile_charged(pid_t pid, uint64_t device, uint64_t inode, uint64_t *ret);
