/* SPDX-License-Identifier: GPL-2.0-or-later */
/* user.c - the users of an image. */

#include <grp.h>
#include <stdio.h>
#include <unistd.h>

#include "basic/file-util.h"
#include "basic/parse-util.h"
#include "guest/user.h"

enum {
        FILE_MAX_SIZE = 1024 * 1024,
        FIELDS_MAX = 7,
};

/* Splits "a:b:c" in place; what is not there is "". */
static void split(char *line, char *fields[static FIELDS_MAX]) {
        static char nothing[] = "";

        for (size_t i = 0; i < FIELDS_MAX; i++) {
                char *field = line ? strsep(&line, ":") : NULL;

                fields[i] = field ?: nothing;
        }
}

static bool is_id(const char *text, unsigned *ret) {
        uint64_t n;

        if (parse_unsigned(text, 0, UINT32_MAX - 1, &n) < 0)
                return false;
        *ret = (unsigned) n;
        return true;
}

/* The line of a user: by name, or by number. */
static int find_passwd(const char *path, const char *wanted, char *name, size_t size, User *ret) {
        _cleanup_free_ char *text = NULL;
        char *save = NULL;
        unsigned number;
        bool by_number = is_id(wanted, &number);

        if (read_file(path, FILE_MAX_SIZE, &text) < 0)
                return -ENOENT;
        for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                char *f[FIELDS_MAX];
                unsigned uid, gid;

                split(line, f);
                if (!is_id(f[2], &uid) || !is_id(f[3], &gid) ||
                    (by_number ? uid != number : !streq(f[0], wanted)))
                        continue;
                ret->uid = uid;
                ret->gid = gid;
                snprintf(ret->home, sizeof(ret->home), "%s", *f[5] ? f[5] : "/");
                snprintf(name, size, "%s", f[0]);
                return 0;
        }
        return -ENOENT;
}

static bool is_member(char *members, const char *name) {
        for (char *m = strsep(&members, ","); m; m = strsep(&members, ","))
                if (streq(m, name))
                        return true;
        return false;
}

/* The group of that name, or those that have the user as a member. */
static int read_groups(const char *path, const char *wanted, const char *name, User *ret) {
        _cleanup_free_ char *text = NULL;
        char *save = NULL;
        int r = -ENOENT;

        if (read_file(path, FILE_MAX_SIZE, &text) < 0)
                return r;
        for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                char *f[FIELDS_MAX];
                unsigned gid;

                split(line, f);
                if (!is_id(f[2], &gid))
                        continue;
                if (wanted && streq(f[0], wanted)) {
                        ret->gid = gid;
                        r = 0;
                }
                if (!wanted && *name && ret->n_groups < USER_GROUPS_MAX && is_member(f[3], name))
                        ret->groups[ret->n_groups++] = gid;
        }
        return r;
}

static int find_group(const char *path, const char *wanted, User *ret) {
        unsigned gid;

        if (!is_id(wanted, &gid))
                return read_groups(path, wanted, "", ret);
        ret->gid = gid;
        return 0;
}

int user_find(const char *wanted, const char *passwd, const char *group, User *ret) {
        _cleanup_free_ char *copy = strdup(isempty(wanted) ? "0" : wanted);
        char name[64] = "", *colon = copy ? strchr(copy, ':') : NULL;
        User u = { .home = "/" };
        unsigned uid;
        int r;

        if (!copy)
                return -ENOMEM;
        if (colon)
                *colon++ = '\0';
        r = find_passwd(passwd, copy, name, sizeof(name), &u);
        if (r < 0 && !is_id(copy, &uid))
                return r;
        if (r < 0) /* a number need not stand for anybody */
                u.uid = uid;
        if (!isempty(colon))
                r = find_group(group, colon, &u);
        else {
                u.groups[u.n_groups++] = u.gid;
                (void) read_groups(group, NULL, name, &u);
                r = 0;
        }
        if (r >= 0)
                *ret = u;
        return r;
}

int user_become(const User *user) {
        if (setgroups(user->n_groups, user->groups) < 0 ||
            setresgid(user->gid, user->gid, user->gid) < 0)
                return -1;
        return setresuid(user->uid, user->uid, user->uid);
}
