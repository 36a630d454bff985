/* SPDX-License-Identifier: GPL-2.0-or-later */
/* path-trust.c - whether others than root and we ourselves can change what a path names. */

#include <endian.h>
#include <limits.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "basic/cleanup.h"
#include "basic/file-util.h"
#include "basic/path-trust.h"
#include "basic/string-util.h"

enum {
        LINKS_MAX = 40, /* as the kernel's limit */
        ACL_ENTRIES_MAX = 64,
};

#define ACL_NAME "system.posix_acl_access"

/* An access control list (acl(5)) as the kernel gives it, little-endian. */
typedef struct AccessList {
        struct posix_acl_xattr_header head;
        struct posix_acl_xattr_entry entries[ACL_ENTRIES_MAX];
} AccessList;

/* A path on its way to what it names. */
typedef struct Way {
        char done[PATH_MAX]; /* "" = the root directory; without symbolic links */
        char rest[PATH_MAX]; /* relative to it */
        unsigned links;
} Way;

static bool owned_by_others(const struct stat *st) {
        return st->st_uid != 0 && st->st_uid != geteuid();
}

static bool is_others(const struct posix_acl_xattr_entry *e) {
        uint16_t tag = le16toh(e->e_tag);
        uint32_t id = le32toh(e->e_id);

        return (tag == ACL_USER && id != 0 && id != geteuid()) ||
               (tag == ACL_GROUP && id != 0 && id != getegid());
}

/* n: what getxattr() has returned. A list that is longer than ours has room for names others. */
static bool list_has_others(const AccessList *list, ssize_t n) {
        size_t size = n < 0 ? 0 : (size_t) n;

        if (n < 0)
                return errno == ERANGE;
        for (size_t i = 0; offsetof(AccessList, entries[i + 1]) <= size; i++)
                if (is_others(&list->entries[i]) && (le16toh(list->entries[i].e_perm) & ACL_WRITE))
                        return true;
        return false;
}

/* What a list allows to users and groups that it names is bounded by the mode's bits of the group:
 * without these nothing has to be read. */
static bool has_list(const struct stat *st) {
        return st->st_mode & S_IWGRP;
}

bool open_changed_by_others(int fd, const struct stat *st) {
        AccessList list;

        return others_may_write(st) ||
               (has_list(st) &&
                list_has_others(&list, fgetxattr(fd, ACL_NAME, &list, sizeof(list))));
}

static bool may_be_written(const char *path, const struct stat *st) {
        AccessList list;

        return others_may_write(st) ||
               (has_list(st) &&
                list_has_others(&list, lgetxattr(path, ACL_NAME, &list, sizeof(list))));
}

/* Whoever writes to a directory replaces its entries, unless those are protected by the sticky bit
 * and of another owner. A link cannot be written to. */
static bool others_may_change(const char *path, const struct stat *st) {
        if (S_ISLNK(st->st_mode) || (S_ISDIR(st->st_mode) && (st->st_mode & S_ISVTX)))
                return owned_by_others(st);
        return may_be_written(path, st);
}

static int follow(Way *w, const char *link) {
        _cleanup_free_ char *after = NULL;
        char target[PATH_MAX];
        ssize_t n = readlink(link, target, sizeof(target) - 1);

        if (n < 0)
                return -errno;
        target[n] = '\0';
        if (++w->links > LINKS_MAX)
                return -ELOOP;
        after = strdup(w->rest);
        if (!after)
                return -ENOMEM;
        if (snprintf(w->rest, sizeof(w->rest), "%s/%s", target, after) >= (int) sizeof(w->rest))
                return -ENAMETOOLONG;
        if (target[0] == '/')
                w->done[0] = '\0';
        return 0;
}

/* Takes the first name off the rest; false: there is none. */
static bool next_name(Way *w, char name[static NAME_MAX + 1]) {
        const char *begin = w->rest + strspn(w->rest, "/");
        size_t n = strcspn(begin, "/");

        if (n == 0 || n > NAME_MAX)
                return false;
        memcpy(name, begin, n);
        name[n] = '\0';
        memmove(w->rest, begin + n, strlen(begin + n) + 1);
        return true;
}

static void leave(Way *w) {
        char *slash = strrchr(w->done, '/');

        if (slash)
                *slash = '\0';
}

/* 1 = others may change what is there */
static int enter(Way *w, const char *name, char **ret_where) {
        _cleanup_free_ char *path = strfmt("%s/%s", w->done, name);
        struct stat st;

        if (!path)
                return -ENOMEM;
        if (lstat(path, &st) < 0)
                return -errno;
        if (others_may_change(path, &st)) {
                *ret_where = TAKE_PTR(path);
                return 1;
        }
        if (S_ISLNK(st.st_mode))
                return follow(w, path);
        if (snprintf(w->done, sizeof(w->done), "%s", path) >= (int) sizeof(w->done))
                return -ENAMETOOLONG;
        return 0;
}

static int begin(Way *w, const char *path) {
        _cleanup_free_ char *here = path[0] == '/' ? strdup("") : getcwd(NULL, 0);

        if (!here)
                return -errno;
        return snprintf(w->rest, sizeof(w->rest), "%s/%s", here, path) < (int) sizeof(w->rest)
                       ? 0
                       : -ENAMETOOLONG;
}

int path_changed_by_others(const char *path, char **ret_where) {
        char name[NAME_MAX + 1];
        Way w = {};
        int r = begin(&w, path);

        if (r >= 0) /* the root directory itself */
                r = enter(&w, "", ret_where);
        w.done[0] = '\0';
        while (r == 0 && next_name(&w, name))
                if (streq(name, ".."))
                        leave(&w);
                else if (!streq(name, "."))
                        r = enter(&w, name, ret_where);
        return r;
}
