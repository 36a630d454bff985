/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mountinfo.c - takes the lines of /proc/self/mountinfo apart. */

#include <stdlib.h>

#include "basic/cleanup.h"
#include "basic/mountinfo.h"

enum {
        DEPTH_MAX = 64, /* of mounts on each other, as far as is looked */
};

static bool is_octal(char c) {
        return c >= '0' && c <= '7';
}

void mountinfo_unescape(char *s) {
        char *to = s;

        for (; *s; s++)
                if (s[0] == '\\' && is_octal(s[1]) && is_octal(s[2]) && is_octal(s[3])) {
                        *to++ = (char) ((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
                        s += 3;
                } else
                        *to++ = *s;
        *to = '\0';
}

bool mountinfo_parse(char *line, MountLine *ret) {
        char *tail = strstr(line, " - "), *id = strsep(&line, " "), *parent = strsep(&line, " ");
        MountLine m = {};

        if (!tail || !parent || !strsep(&line, " "))
                return false;
        m.root = strsep(&line, " ");
        m.point = strsep(&line, " ");
        m.options = strsep(&line, " ");
        if (!m.options || m.options > tail)
                return false;
        tail += strlen(" - ");
        m.type = strsep(&tail, " ");
        if (!strsep(&tail, " "))
                return false;
        m.super_options = tail ?: "";
        m.id = strtoul(id, NULL, 10);
        m.parent = strtoul(parent, NULL, 10);
        mountinfo_unescape(m.root);
        mountinfo_unescape(m.point);
        *ret = m;
        return true;
}

bool mount_has_option(const char *options, const char *word) {
        size_t n = strlen(word);

        for (const char *p = options; p; p = strchr(p, ',')) {
                p += *p == ',';
                if (strncmp(p, word, n) == 0 && (p[n] == ',' || p[n] == '\0'))
                        return true;
        }
        return false;
}

static bool is_above(const char *directory, const char *path) {
        const char *rest = startswith(path, directory);

        return rest && *rest != '\0' && (*rest == '/' || streq(directory, "/"));
}

/* A mount on one above that came first would be the parent itself. */
static bool covers(const MountLine *n, const MountLine *m) {
        return (n->parent == m->id && streq(n->point, m->point)) ||
               (n->parent == m->parent && is_above(n->point, m->point));
}

/* One that covers m, except for its child on the way; false: *ret_parent says what m is mounted on,
 * with the line, which the caller frees; NULL: the root. */
static bool is_covered(const char *mountinfo, const MountLine *m, unsigned long child,
                       MountLine *ret_parent, char **ret_line) {
        for (const char *line = mountinfo; line && *line;
             line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
                _cleanup_free_ char *copy = strndup(line, strcspn(line, "\n"));
                MountLine n;

                if (!copy || !mountinfo_parse(copy, &n) || n.id == m->id || n.id == child)
                        continue;
                if (covers(&n, m))
                        return true;
                if (n.id == m->parent && !*ret_line) {
                        *ret_parent = n;
                        *ret_line = TAKE_PTR(copy);
                }
        }
        return false;
}

bool mountinfo_is_hidden(const char *mountinfo, const MountLine *m) {
        _cleanup_free_ char *line = NULL;
        MountLine here = *m;
        unsigned long child = m->id;

        for (int depth = 0; depth < DEPTH_MAX; depth++) {
                _cleanup_free_ char *above = NULL;
                MountLine parent = {};

                if (is_covered(mountinfo, &here, child, &parent, &above))
                        return true;
                if (!above)
                        break;
                child = here.id;
                here = parent;
                free(line);
                line = TAKE_PTR(above);
        }
        return false;
}
