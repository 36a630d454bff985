/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cgroup.c - one cgroup2 directory for a guest. */

#include <stdio.h>
#include <sys/stat.h>

#include "basic/cleanup.h"
#include "basic/file-util.h"
#include "basic/mountinfo.h"
#include "basic/string-util.h"
#include "host/cgroup-find.h"
#include "host/cgroup.h"

enum {
        PROC_FILE_MAX = 1024 * 1024,
};

/* Returns the mount point of the hierarchy, as far as it is shown from its root on. */
static char *find_mount(const char *mountinfo) {
        for (const char *line = mountinfo; line && *line;
             line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
                _cleanup_free_ char *copy = strndup(line, strcspn(line, "\n"));
                MountLine m;

                if (!copy)
                        return NULL;
                if (mountinfo_parse(copy, &m) && streq(m.type, "cgroup2") && streq(m.root, "/") &&
                    !mountinfo_is_hidden(mountinfo, &m))
                        return strdup(m.point);
        }
        return NULL;
}

char *cgroup_own_directory(const char *mountinfo, const char *cgroup) {
        _cleanup_free_ char *mount = find_mount(mountinfo);

        if (!mount)
                return NULL;
        for (const char *line = cgroup; line && *line;
             line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
                const char *place = startswith(line, "0::/");

                if (place)
                        return strfmt("%s/%.*s", mount, (int) strcspn(place, "\n"), place);
        }
        return NULL;
}

static int own_directory(char **ret) {
        _cleanup_free_ char *mountinfo = NULL, *cgroup = NULL;
        ssize_t n;

        if ((n = read_file("/proc/self/mountinfo", PROC_FILE_MAX, &mountinfo)) < 0 ||
            (n = read_file("/proc/self/cgroup", PROC_FILE_MAX, &cgroup)) < 0)
                return (int) n;
        *ret = cgroup_own_directory(mountinfo, cgroup);
        if (!*ret)
                return -EOPNOTSUPP;
        cgroup_leave_inner(*ret);
        return 0;
}

int cgroup_path(const char *name, char **ret_path) {
        _cleanup_free_ char *own = NULL;
        int r = own_directory(&own);

        if (r < 0)
                return r;
        *ret_path = strfmt("%s/%s", own, name);
        return *ret_path ? 0 : -ENOMEM;
}

int cgroup_create(const char *path) {
        _cleanup_free_ char *file = strfmt("%s/cgroup.kill", path);

        if (!file)
                return -ENOMEM;
        if (mkdir(path, 0755) < 0 && errno != EEXIST)
                return -errno;
        if (access(file, W_OK) < 0) {
                (void) rmdir(path);
                return -EOPNOTSUPP;
        }
        return 0;
}

int cgroup_kill(const char *path) {
        _cleanup_free_ char *file = strfmt("%s/cgroup.kill", path);
        int r = file ? write_existing(file, "1") : -ENOMEM;

        return r == -ENOENT ? 0 : r;
}

int cgroup_remove(const char *path) {
        if (rmdir(path) >= 0)
                return 1;
        /* In a hierarchy that is mounted read-only this is what is said of one that never was, too.
         */
        if (errno == EROFS && access(path, F_OK) >= 0)
                return -EROFS;
        return errno == ENOENT ? 0 : -errno;
}
