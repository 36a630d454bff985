/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* How much memory the host still has for a guest, considering everything that may limit it: its
 * RAM, the control groups that we are in, and the limits of an OpenVZ container. */

#include "basic/macro.h"

typedef struct MemInfo {
        uint64_t total, available, swap_free; /* bytes */
} MemInfo;

/* Reads a meminfo file (normally /proc/meminfo). -ENODATA or -EBADMSG: it does not say. */
int meminfo_read(const char *path, MemInfo *ret);

/* Pure: the value of a line "NAME:   N kB" in a meminfo text, in bytes. -ENODATA: no such line;
 * -EBADMSG: the line has another format. */
int meminfo_field(const char *text, const char *name, uint64_t *ret);

typedef struct MemoryLimit {
        char name[96]; /* what sets the limit, for people: "MemAvailable", "memory.max of /a/b" … */
        uint64_t limit; /* bytes in total */
        uint64_t left;  /* bytes that may still be used */
        uint64_t swap;  /* bytes beyond that, at the price of swapping */
} MemoryLimit;

enum {
        MEMORY_LIMITS_MAX = 6,
};

typedef struct HostMemorySources {
        const char *meminfo, *cgroup, *mountinfo, *beancounters;
} HostMemorySources;

extern const HostMemorySources host_memory_sources; /* paths below /proc */

/* Stores every limit that exists in ret[]; returns how many. A source that does not exist limits
 * nothing. In a tree of control groups the tightest one counts. */
size_t host_memory_limits(const HostMemorySources *s, MemoryLimit ret[static MEMORY_LIMITS_MAX]);

/* The limit with the least left, NULL if there is none. */
const MemoryLimit *host_memory_tightest(const MemoryLimit limits[], size_t n);

/* Pure: finds the control group of this process that accounts for memory, from the texts of
 * /proc/self/mountinfo and /proc/self/cgroup. *ret_top is the mount point, *ret_directory the group
 * itself, at or below it; the caller frees both. 2 or 1 = version of the hierarchy, 0 = there is
 * none. If a version 1 hierarchy has the controller, that is the one in force. */
int memory_cgroup_find(const char *mountinfo, const char *cgroup, char **ret_top,
                       char **ret_directory);
