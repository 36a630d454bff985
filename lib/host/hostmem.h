/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* How much memory the host still has for a guest, by everything that may limit it: its RAM, the
 * control groups we are in, and what OpenVZ allows the container. */

#include "basic/macro.h"

typedef struct MemInfo {
        uint64_t total, available, swap_free; /* bytes */
} MemInfo;

/* Reads a meminfo file (normally /proc/meminfo). -ENODATA or -EBADMSG: it does not tell. */
int meminfo_read(const char *path, MemInfo *ret);

/* Pure: the value of a line "NAME:   N kB" in a meminfo text, in bytes. -ENODATA: no such line;
 * -EBADMSG: one of another form. */
int meminfo_field(const char *text, const char *name, uint64_t *ret);

/* Only what is available. */
int meminfo_available(const char *path, uint64_t *ret);

typedef struct MemoryLimit {
        char name[96];  /* what sets it, for people: "MemAvailable", "memory.max of /a/b" … */
        uint64_t limit; /* bytes in all */
        uint64_t left;  /* … of which this may still be used */
        uint64_t swap;  /* beyond that, at the price of swapping */
} MemoryLimit;

enum {
        MEMORY_LIMITS_MAX = 6,
};

typedef struct HostMemorySources {
        const char *meminfo, *cgroup, *mountinfo, *beancounters;
} HostMemorySources;

extern const HostMemorySources host_memory_sources; /* those below /proc */

/* Every limit there is, in ret[]; returns how many. A source that is not there limits nothing. Of a
 * tree of control groups the tightest counts. */
size_t host_memory_limits(const HostMemorySources *s, MemoryLimit ret[static MEMORY_LIMITS_MAX]);

/* The one with the least left, NULL for none. */
const MemoryLimit *host_memory_tightest(const MemoryLimit limits[], size_t n);

/* Pure: where the control group of this process lies that accounts for memory, from the texts of
 * /proc/self/mountinfo and /proc/self/cgroup. *ret_top is the mount point, *ret_directory the group
 * itself, at or below it; both are the caller's to free(). 2 or 1 = version of the hierarchy, 0 =
 * there is none. Where a version 1 hierarchy has the controller, that is the one in force. */
int memory_cgroup_find(const char *mountinfo, const char *cgroup, char **ret_top,
                       char **ret_directory);
