/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hostmem.c - the limits of this host's memory, from all sources of the kernel. */

#include <stdio.h>

#include "basic/cleanup.h"
#include "basic/file-util.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "host/beancounters.h"
#include "host/cgroup-find.h"
#include "host/hostmem.h"

enum {
        PROC_FILE_MAX = 1024 * 1024,
        UNLIMITED_FROM = 62, /* bits: version 1 represents "unlimited" by a number near 2^63 */
};

const HostMemorySources host_memory_sources = {
        .meminfo = "/proc/meminfo",
        .cgroup = "/proc/self/cgroup",
        .mountinfo = "/proc/self/mountinfo",
        .beancounters = "/proc/user_beancounters",
};

/* ---- /proc/meminfo ---- */

int meminfo_field(const char *text, const char *name, uint64_t *ret) {
        size_t n = strlen(name);

        for (const char *p = text; p; p = strchr(p, '\n')) {
                char number[24], unit[4];
                uint64_t kb;

                p += *p == '\n';
                if (strncmp(p, name, n) != 0 || p[n] != ':')
                        continue;
                if (sscanf(p + n + 1, " %23[0-9] %3s", number, unit) != 2 || !streq(unit, "kB") ||
                    parse_unsigned(number, 0, UINT64_MAX / 1024, &kb) < 0)
                        return -EBADMSG;
                *ret = kb * 1024;
                return 0;
        }
        return -ENODATA;
}

/* Kernels before 3.14, including OpenVZ's 2.6.32, leave the sum to the reader. */
static int sum_available(const char *text, uint64_t *ret) {
        uint64_t free_pages, cached, shmem;
        int r;

        if ((r = meminfo_field(text, "MemFree", &free_pages)) < 0 ||
            (r = meminfo_field(text, "Cached", &cached)) < 0 ||
            (r = meminfo_field(text, "Shmem", &shmem)) < 0)
                return r;
        *ret = free_pages + (cached - MIN(shmem, cached));
        return 0;
}

int meminfo_read(const char *path, MemInfo *ret) {
        _cleanup_free_ char *text = NULL;
        ssize_t n = read_file(path, PROC_FILE_MAX, &text);
        MemInfo m = {};
        int r;

        if (n < 0)
                return (int) n;
        r = meminfo_field(text, "MemAvailable", &m.available);
        if (r == -ENODATA)
                r = sum_available(text, &m.available);
        if (r < 0)
                return r;
        if (meminfo_field(text, "MemTotal", &m.total) < 0)
                m.total = m.available;
        (void) meminfo_field(text, "SwapFree", &m.swap_free);
        *ret = m;
        return 0;
}

/* ---- control groups ---- */

typedef struct CgroupFiles {
        const char *limits[2]; /* whichever is less */
        const char *usage, *cache;
} CgroupFiles;

static const CgroupFiles cgroup_files[] = {
        [1] = { { "memory.limit_in_bytes", NULL }, "memory.usage_in_bytes", "total_inactive_file" },
        [2] = { { "memory.max", "memory.high" }, "memory.current", "inactive_file" },
};

int memory_cgroup_find(const char *mountinfo, const char *cgroup, char **ret_top,
                       char **ret_directory) {
        int r = cgroup_find("memory", mountinfo, cgroup, 1, ret_top, ret_directory);

        return r != 0 ? r : cgroup_find("memory", mountinfo, cgroup, 2, ret_top, ret_directory);
}

static int read_number(const char *directory, const char *file, uint64_t *ret) {
        _cleanup_free_ char *path = strfmt("%s/%s", directory, file), *text = NULL;
        int r = path ? read_first_line(path, &text) : -ENOMEM;

        return r < 0 ? r : parse_unsigned(text, 0, UINT64_MAX, ret); /* "max" is unlimited */
}

/* Page cache that the group would drop before it runs out: files that have not been used lately. */
static uint64_t reclaimable(const char *directory, const char *field) {
        _cleanup_free_ char *path = strfmt("%s/memory.stat", directory), *text = NULL;
        size_t n = strlen(field);

        if (!path || read_file(path, PROC_FILE_MAX, &text) < 0)
                return 0;
        for (const char *p = text; p; p = strchr(p, '\n')) {
                char number[24];
                uint64_t v;

                p += *p == '\n';
                if (strncmp(p, field, n) == 0 && p[n] == ' ' &&
                    sscanf(p + n, " %23[0-9]", number) == 1 &&
                    parse_unsigned(number, 0, UINT64_MAX, &v) >= 0)
                        return v;
        }
        return 0;
}

/* Checks one group; updates *ret if it is tighter. */
static void look_at_group(const char *directory, const char *top, const CgroupFiles *files,
                          MemoryLimit *ret) {
        uint64_t usage, cache;

        if (read_number(directory, files->usage, &usage) < 0)
                return;
        cache = reclaimable(directory, files->cache);
        usage -= MIN(cache, usage);
        FOREACH_ELEMENT (f, files->limits) {
                uint64_t limit, left;
                int n;

                if (!*f || read_number(directory, *f, &limit) < 0 || limit >> UNLIMITED_FROM)
                        continue;
                left = limit - MIN(usage, limit);
                if (left >= ret->left)
                        continue;
                n = snprintf(ret->name, sizeof(ret->name), "%s of control group %s", *f,
                             directory[strlen(top)] ? directory + strlen(top) : "/");
                if (n >= (int) sizeof(ret->name))
                        snprintf(ret->name, sizeof(ret->name), "%s of a control group", *f);
                ret->limit = limit;
                ret->left = left;
        }
}

static bool cgroup_limit(const HostMemorySources *s, MemoryLimit *ret) {
        _cleanup_free_ char *mountinfo = NULL, *cgroup = NULL, *top = NULL, *directory = NULL;
        MemoryLimit tightest = { .left = UINT64_MAX };
        char *slash;
        int version;

        if (read_file(s->mountinfo, PROC_FILE_MAX, &mountinfo) < 0 ||
            read_file(s->cgroup, PROC_FILE_MAX, &cgroup) < 0)
                return false;
        version = memory_cgroup_find(mountinfo, cgroup, &top, &directory);
        if (version <= 0)
                return false;
        for (;;) {
                look_at_group(directory, top, &cgroup_files[version], &tightest);
                slash = strrchr(directory, '/');
                if (!slash || strlen(directory) <= strlen(top))
                        break;
                *slash = '\0';
        }
        if (tightest.left == UINT64_MAX)
                return false;
        *ret = tightest;
        return true;
}

/* ---- all sources ---- */

static bool ram_limit(const HostMemorySources *s, MemoryLimit *ret) {
        MemInfo m;

        if (meminfo_read(s->meminfo, &m) < 0)
                return false;
        *ret = (MemoryLimit){
                .name = "MemAvailable", .limit = m.total, .left = m.available, .swap = m.swap_free
        };
        return true;
}

static size_t beancounter_limits(const HostMemorySources *s, MemoryLimit ret[static 2]) {
        static const char *const resources[] = { "privvmpages", "shmpages" };
        uint64_t page = (uint64_t) sysconf(_SC_PAGESIZE);
        _cleanup_free_ char *text = NULL;
        size_t n = 0;

        if (read_file(s->beancounters, PROC_FILE_MAX, &text) < 0)
                return 0;
        FOREACH_ELEMENT (resource, resources) {
                MemoryLimit *l = &ret[n];
                Beancounter b;

                *l = (MemoryLimit){};
                if (beancounter_find(text, *resource, &b) < 0)
                        continue;
                l->left = beancounter_left(&b, page, &l->limit);
                snprintf(l->name, sizeof(l->name), "OpenVZ's %s", *resource);
                n += l->left != UINT64_MAX;
        }
        return n;
}

size_t host_memory_limits(const HostMemorySources *s, MemoryLimit ret[static MEMORY_LIMITS_MAX]) {
        size_t n = 0;

        n += ram_limit(s, &ret[n]);
        n += cgroup_limit(s, &ret[n]);
        n += beancounter_limits(s, &ret[n]);
        return n;
}

const MemoryLimit *host_memory_tightest(const MemoryLimit limits[], size_t n) {
        const MemoryLimit *tightest = NULL;

        for (size_t i = 0; i < n; i++)
                if (!tightest || limits[i].left < tightest->left)
                        tightest = &limits[i];
        return tightest;
}
