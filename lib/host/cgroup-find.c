/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cgroup-find.c - where this process is in the hierarchies of control groups. */

#include "host/cgroup-find.h"
#include "basic/cleanup.h"
#include "basic/mountinfo.h"
#include "basic/string-util.h"

void cgroup_leave_inner(char *directory) {
        static const char *const inner[] = { "/" CGROUP_INNER, "/.control" };
        size_t n = strlen(directory);

        FOREACH_ELEMENT (i, inner) {
                size_t length = strlen(*i);

                if (n > length && streq(directory + n - length, *i))
                        directory[n - length] = '\0';
        }
}

/* Returns the path after "N:…CONTROLLER…:" (version 1) or "0::" (version 2) in /proc/self/cgroup.
 */
static char *find_place(const char *text, int version, const char *controller) {
        for (const char *line = text; line && *line;
             line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
                _cleanup_free_ char *copy = strndup(line, strcspn(line, "\n"));
                char *rest = copy, *id, *controllers, *state = NULL;

                id = strsep(&rest, ":");
                controllers = strsep(&rest, ":");
                if (!copy || !id || !controllers || !rest || *rest != '/')
                        continue;
                if (version == 2 && streq(id, "0") && *controllers == '\0')
                        return strdup(rest);
                for (char *c = strtok_r(controllers, ",", &state); c && version == 1;
                     c = strtok_r(NULL, ",", &state))
                        if (streq(c, controller))
                                return strdup(rest);
        }
        return NULL;
}

/* Is it a mounted hierarchy of that version with the controller? */
static bool is_mount_of(const MountLine *m, int version, const char *controller) {
        if (version == 2)
                return streq(m->type, "cgroup2");
        return streq(m->type, "cgroup") && mount_has_option(m->super_options, controller);
}

/* A container may see its own group as the root of the mount, but its path from the host's root:
 * then the part above the mount is not visible here. */
static char *below_root(const char *place, const char *root) {
        const char *rest = streq(root, "/") ? place : startswith(place, root);

        if (!rest || (*rest != '/' && *rest != '\0') || streq(rest, "/"))
                rest = "";
        return strdup(rest);
}

int cgroup_find(const char *controller, const char *mountinfo, const char *cgroup, int version,
                char **ret_top, char **ret_directory) {
        _cleanup_free_ char *place = find_place(cgroup, version, controller);

        for (const char *line = place ? mountinfo : NULL; line && *line;
             line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
                _cleanup_free_ char *copy = strndup(line, strcspn(line, "\n")), *rest = NULL,
                                    *directory = NULL;
                MountLine m;

                if (!copy || !mountinfo_parse(copy, &m) || !is_mount_of(&m, version, controller) ||
                    mountinfo_is_hidden(mountinfo, &m))
                        continue;
                rest = below_root(place, m.root);
                directory = rest ? strfmt("%s%s", m.point, rest) : NULL;
                *ret_top = directory ? strdup(m.point) : NULL;
                if (!*ret_top)
                        return -ENOMEM;
                *ret_directory = TAKE_PTR(directory);
                return version;
        }
        return 0;
}
