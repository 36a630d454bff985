/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cgroup-limit.c - limits the memory and CPU time of a control group. */

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "basic/cleanup.h"
#include "basic/fd-util.h"
#include "basic/file-util.h"
#include "basic/process.h"
#include "basic/string-util.h"
#include "host/cgroup-find.h"
#include "host/cgroup-limit.h"

enum {
        FILE_MAX = 1024 * 1024,
        QUOTA_PERIOD = 100000, /* µs */
        MOVES_MAX = 4,         /* of those that were started meanwhile */
};

static const struct {
        const char *controller;
        const char *file[2]; /* that limits it, by version */
} resources[CGROUP_RESOURCES] = {
        [CGROUP_MEMORY] = { "memory", { "memory.limit_in_bytes", "memory.max" } },
        [CGROUP_CPU] = { "cpu", { "cpu.shares", "cpu.weight" } },
};

void cgroup_place_done(CgroupPlace *p) {
        free(p->path);
        *p = (CgroupPlace){};
}

static int write_in(const char *directory, const char *file, const char *text) {
        _cleanup_free_ char *path = strfmt("%s/%s", directory, file);

        return path ? write_existing(path, text) : -ENOMEM;
}

static int write_number(const char *directory, const char *file, uint64_t value) {
        char text[32];

        snprintf(text, sizeof(text), "%" PRIu64, value);
        return write_in(directory, file, text);
}

/* ---- the processes of our own group ---- */

static bool has_word(const char *text, const char *word) {
        size_t n = strlen(word);

        for (const char *p = text; (p = strstr(p, word)); p += n)
                if ((p == text || p[-1] == ' ') && strchr(" \n", p[n]))
                        return true;
        return false;
}

static bool file_has_word(const char *directory, const char *file, const char *word) {
        _cleanup_free_ char *path = strfmt("%s/%s", directory, file), *text = NULL;

        return path && read_file(path, FILE_MAX, &text) >= 0 && has_word(text, word);
}

static bool is_ours(pid_t pid, const pid_t *list, int n) {
        if (pid == getpid())
                return true;
        for (int i = 0; i < n; i++)
                if (list[i] == pid)
                        return true;
        return false;
}

/* Children have children, such as the command of [Notify]. */
static void move_ours(const char *from, const char *to) {
        _cleanup_free_ char *path = strfmt("%s/cgroup.procs", from), *text = NULL;
        _cleanup_free_ pid_t *list = NULL;
        char *state = NULL;
        int n;

        if (!path || read_file(path, FILE_MAX, &text) < 0)
                return;
        n = process_descendants(getpid(), &list);
        for (char *line = strtok_r(text, "\n", &state); line; line = strtok_r(NULL, "\n", &state))
                if (is_ours(atoi(line), list, n))
                        (void) write_in(to, "cgroup.procs", line);
}

/* Enables a controller for the groups below `own`, the directory of our group. */
static int cgroup_enable(const char *own, CgroupResource resource) {
        _cleanup_free_ char *inner = strfmt("%s/" CGROUP_INNER, own),
                            *word = strfmt("+%s", resources[resource].controller);
        int r;

        if (!inner || !word)
                return -ENOMEM;
        if (!file_has_word(own, "cgroup.controllers", word + 1))
                return -EOPNOTSUPP;
        if (file_has_word(own, "cgroup.subtree_control", word + 1))
                return 0;
        r = write_in(own, "cgroup.subtree_control", word);
        if (r != -EBUSY)
                return r;
        if (mkdir(inner, 0755) < 0 && errno != EEXIST)
                return -errno;
        for (int i = 0; r == -EBUSY && i < MOVES_MAX; i++) {
                move_ours(own, inner);
                r = write_in(own, "cgroup.subtree_control", word);
        }
        if (r < 0) {
                move_ours(inner, own);
                (void) rmdir(inner);
        }
        return r;
}

/* ---- where a group can be ---- */

typedef struct Words {
        char *mountinfo, *cgroup;
} Words;

static void words_done(Words *w) {
        free(w->mountinfo);
        free(w->cgroup);
}

static int read_words(Words *ret) {
        ssize_t n = read_file("/proc/self/mountinfo", FILE_MAX, &ret->mountinfo);

        if (n >= 0)
                n = read_file("/proc/self/cgroup", FILE_MAX, &ret->cgroup);
        return (int) MIN(n, 0);
}

static int find_own(const Words *w, const char *controller, int version, char **ret) {
        _cleanup_free_ char *top = NULL, *directory = NULL;
        int r = cgroup_find(controller, w->mountinfo, w->cgroup, version, &top, &directory);

        if (r <= 0)
                return r < 0 ? r : -EOPNOTSUPP;
        if (version == 2)
                cgroup_leave_inner(directory);
        *ret = TAKE_PTR(directory);
        return 0;
}

int cgroup_limit_place(CgroupResource resource, const char *name, CgroupPlace *ret) {
        const char *controller = resources[resource].controller;
        _cleanup_(words_done) Words w = {};
        _cleanup_free_ char *unified = NULL, *own = NULL;
        int r = read_words(&w), r2;

        if (r < 0)
                return r;
        r = find_own(&w, controller, 1, &own);
        if (r < 0 && r != -EOPNOTSUPP)
                return r;
        r2 = r < 0 ? find_own(&w, controller, 2, &unified) : -EOPNOTSUPP;
        if (r2 >= 0)
                r2 = cgroup_enable(unified, resource);
        if (r < 0 && r2 < 0)
                return r2;
        ret->unified = r < 0;
        ret->path = strfmt("%s/%s", ret->unified ? unified : own, name);
        return ret->path ? 0 : -ENOMEM;
}

/* Does another umld limit a group beside ours? Without controllers its limits would be gone. */
static bool has_other_groups(const char *own) {
        DIR *dir = opendir(own);
        struct dirent *e;
        bool found = false;

        while (dir && !found && (e = readdir(dir))) {
                struct stat st;

                found = e->d_name[0] != '.' && !streq(e->d_name, CGROUP_INNER) &&
                        fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) >= 0 &&
                        S_ISDIR(st.st_mode);
        }
        if (dir)
                closedir(dir);
        return found;
}

void cgroup_return(bool force) {
        _cleanup_(words_done) Words w = {};
        _cleanup_free_ char *own = NULL, *inner = NULL;

        if (read_words(&w) < 0 || find_own(&w, "", 2, &own) < 0 ||
            !(inner = strfmt("%s/" CGROUP_INNER, own)) || access(inner, F_OK) < 0 ||
            (!force && has_other_groups(own)))
                return;
        FOREACH_ELEMENT (r, resources) {
                _cleanup_free_ char *word = strfmt("-%s", r->controller);

                if (word && file_has_word(own, "cgroup.subtree_control", r->controller))
                        (void) write_in(own, "cgroup.subtree_control", word);
        }
        move_ours(inner, own);
        (void) rmdir(inner);
}

/* ---- the limits ---- */

/* A host may not count swap. */
static int limit_memory(const CgroupPlace *p, const CgroupLimits *l) {
        int r = write_number(p->path, resources[CGROUP_MEMORY].file[p->unified], l->memory);

        if (r >= 0)
                (void) write_number(p->path,
                                    p->unified ? "memory.swap.max" : "memory.memsw.limit_in_bytes",
                                    p->unified ? l->memory : 2 * l->memory);
        return r;
}

/* The default weight of version 1 is 1024. */
static int limit_cpu(const CgroupPlace *p, const CgroupLimits *l) {
        uint64_t weight = l->cpu_weight, quota = (uint64_t) l->cpu_quota * (QUOTA_PERIOD / 100);
        char text[48];
        int r = 0;

        if (weight > 0)
                r = write_number(p->path, resources[CGROUP_CPU].file[p->unified],
                                 p->unified ? weight : MAX(weight * 1024 / 100, UINT64_C(2)));
        if (r < 0 || quota == 0)
                return r;
        snprintf(text, sizeof(text), "%" PRIu64 " %d", quota, QUOTA_PERIOD);
        if (p->unified)
                return write_in(p->path, "cpu.max", text);
        r = write_number(p->path, "cpu.cfs_period_us", QUOTA_PERIOD);
        return r < 0 ? r : write_number(p->path, "cpu.cfs_quota_us", quota);
}

int cgroup_limit_set(CgroupResource resource, const CgroupPlace *place,
                     const CgroupLimits *limits) {
        bool made = mkdir(place->path, 0755) >= 0;
        int r = made || errno == EEXIST ? 0 : -errno;

        if (r >= 0)
                r = resource == CGROUP_MEMORY ? limit_memory(place, limits)
                                              : limit_cpu(place, limits);
        if (r < 0 && made)
                (void) rmdir(place->path);
        return r == -ENOENT ? -EOPNOTSUPP : r;
}

int cgroup_limit_again(CgroupResource resource, const char *path, const CgroupLimits *limits) {
        _cleanup_free_ char *file = strfmt("%s/%s", path, resources[resource].file[1]),
                            *own = strndup(path, (size_t) (strrchr(path, '/') - path)),
                            *inner = own ? strfmt("%s/" CGROUP_INNER, own) : NULL;
        int r;

        if (!file || !inner)
                return -ENOMEM;
        if (access(file, F_OK) >= 0)
                return 0;
        if (mkdir(inner, 0755) < 0 && errno != EEXIST) /* for cgroup_return() */
                return -errno;
        r = cgroup_enable(own, resource);
        return r < 0 ? r
                     : cgroup_limit_set(resource,
                                        &(CgroupPlace){ .path = (char *) path, .unified = true },
                                        limits);
}

int cgroup_enter(int directory_fd) {
        _cleanup_close_ int fd = openat(directory_fd, "tasks", O_WRONLY | O_CLOEXEC);

        if (fd < 0 && errno == ENOENT)
                fd = openat(directory_fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);
        return fd < 0 || write(fd, "0", 1) < 0 ? -errno : 0;
}
