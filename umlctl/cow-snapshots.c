/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cow-snapshots.c - copies of a copy-on-write file. */

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/exit-codes.h"
#include "basic/fd-util.h"
#include "basic/file-util.h"
#include "umlctl/copy-file.h"
#include "umlctl/cow-snapshots.h"
#include "umlctl/say.h"

#define INFIX  ".snapshot-"
#define SUFFIX ".new"

enum {
        NAME_SIZE_MAX = 40,
};

bool snapshot_name_valid(const char *name) {
        size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");

        return n > 0 && n <= NAME_SIZE_MAX && name[n] == '\0';
}

char *snapshot_path(const char *cow, const char *name) {
        return strfmt("%s" INFIX "%s", cow, name);
}

static int compare(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

/* Calls take for each file in the directory of path whose name begins with its own and the infix.
 */
static int for_each(const char *cow,
                    int (*take)(const char *dir, const char *file, const char *name,
                                void *userdata),
                    void *userdata) {
        const char *slash = strrchr(cow, '/'), *base = slash ? slash + 1 : cow;
        _cleanup_free_ char *dir = slash ? strndup(cow, (size_t) (slash - cow)) : NULL,
                            *prefix = strfmt("%s" INFIX, base);
        _cleanup_closedir_ DIR *d = dir && prefix ? opendir(*dir ? dir : "/") : NULL;
        int r = 0;

        if (!dir || !prefix)
                return -ENOMEM;
        if (!d)
                return errno == ENOENT ? 0 : -errno;
        for (struct dirent *e; r >= 0 && (e = readdir(d));) {
                const char *name = startswith(e->d_name, prefix);

                if (name)
                        r = take(dir, e->d_name, name, userdata);
        }
        return r;
}

static int add(const char *dir, const char *file, const char *name, void *userdata) {
        return snapshot_name_valid(name) ? strv_push(userdata, name) : 0;
}

int snapshots_find(const char *cow, Strv *ret) {
        int r = for_each(cow, add, ret);

        if (ret->n > 1)
                qsort(ret->v, ret->n, sizeof(*ret->v), compare);
        return r;
}

/* ---- copying ---- */

/* The temporary file is locked while it is written. */
static int open_new(const char *path) {
        _cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        int r;

        if (fd < 0)
                return -errno;
        if (flock(fd, LOCK_EX | LOCK_NB) < 0)
                return errno == EWOULDBLOCK ? -EBUSY : -errno;
        if (ftruncate(fd, 0) >= 0)
                return TAKE_FD(fd);
        r = -errno;
        (void) unlink(path);
        return r;
}

static int take_owner(int fd, int owner) {
        struct stat st;

        if (owner < 0)
                return 0;
        if (fstat(owner, &st) < 0 || fchmod(fd, st.st_mode & 07777) < 0 ||
            (geteuid() == 0 && fchown(fd, st.st_uid, st.st_gid) < 0))
                return -errno;
        return 0;
}

static int put_in_place(int fd, const char *new, const char *to, int owner) {
        int r = take_owner(fd, owner);

        if (r >= 0)
                r = RET_NERRNO(fsync(fd));
        if (r >= 0)
                r = RET_NERRNO(rename(new, to));
        if (r < 0)
                return r;
        r = fsync_entry(to);
        if (r < 0 && owner < 0) /* it has replaced nothing */
                (void) unlink(to);
        return r;
}

int snapshot_copy(const char *guest, int from, const char *to, int owner, Progress *progress) {
        _cleanup_free_ char *new = strfmt("%s" SUFFIX, to), *why = NULL;
        _cleanup_close_ int fd = new ? open_new(new) : -ENOMEM;
        int r = fd < 0 ? fd : copy_file(from, fd, progress, &why);

        if (r >= 0)
                r = put_in_place(fd, new, to, owner);
        if (r >= 0)
                return 0;
        if (fd >= 0)
                (void) unlink(new);
        return fail_with(r == -EACCES || r == -EPERM ? EXIT_NOT_PERMITTED : EXIT_FAILED,
                         "%s: cannot write %s: %s", guest, to, why ?: strerror(-r));
}

static int remove_new(const char *dir, const char *file, const char *name, void *userdata) {
        const char *dot = strrchr(name, '.');
        _cleanup_free_ char *path = strfmt("%s/%s", dir, file);
        _cleanup_close_ int fd =
                path && dot && streq(dot, SUFFIX)
                        ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
                        : -EBADF;

        if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) >= 0)
                (void) unlink(path);
        return 0;
}

void snapshots_sweep(const char *cow) {
        _cleanup_free_ char *new = strfmt("%s" SUFFIX, cow);

        if (new)
                (void) unlink_quiet(new);
        (void) for_each(cow, remove_new, NULL);
}
