/* SPDX-License-Identifier: GPL-2.0-or-later */
/* entry-path.c - the names of an archive's entries as paths in the tree. */

#include "image/entry-path.h"

static int refuse(int error, const char *why, const char **ret_why) {
        *ret_why = why;
        return error;
}

int entry_path_parse(const char *name, char buf[static ENTRY_PATH_MAX + 1], const char **ret_why) {
        size_t size = 0;

        if (isempty(name))
                return refuse(-ENOENT, "has no name", ret_why);
        if (name[0] == '/')
                return refuse(-EINVAL, "has an absolute name", ret_why);
        for (const char *p = name; *p;) {
                size_t n = strcspn(p, "/");

                if (n == 2 && p[0] == '.' && p[1] == '.')
                        return refuse(-EINVAL, "has '..' in its name", ret_why);
                if (n > ENTRY_NAME_MAX)
                        return refuse(-ENAMETOOLONG, "has a name of more than 255 bytes", ret_why);
                if (n > 0 && !(n == 1 && p[0] == '.')) {
                        if (size + n + 1 > ENTRY_PATH_MAX)
                                return refuse(-ENAMETOOLONG, "has a path of more than 4095 bytes",
                                              ret_why);
                        if (size > 0)
                                buf[size++] = '/';
                        memcpy(buf + size, p, n);
                        size += n;
                }
                p += n;
                p += strspn(p, "/");
        }
        buf[size] = '\0';
        return 0;
}
