/* SPDX-License-Identifier: GPL-2.0-or-later */
/* file-util.c - whole files and whole directories. */

#include <fcntl.h>
#include <sys/stat.h>

#include "basic/cleanup.h"
#include "basic/fd-util.h"
#include "basic/file-util.h"
#include "basic/string-util.h"
#include "basic/time-util.h"

enum {
        CLEAR_PASSES_MAX = 100 * 1000, /* each reduces the depth by one */
};

ssize_t read_file(const char *path, size_t max, char **ret) {
        /* A FIFO in its place must not make us wait. */
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        _cleanup_free_ char *buf = NULL;
        size_t size = 0, room = MIN(max, (size_t) 4096);
        ssize_t n;

        if (fd < 0)
                return -errno;
        for (;;) {
                char *grown = realloc(buf, room + 1);

                if (!grown)
                        return -ENOMEM;
                buf = grown;
                n = read_all(fd, buf + size, room - size);
                if (n < 0)
                        return n;
                size += (size_t) n;
                if (size < room || room == max)
                        break;
                room = MIN(max, room * 2);
        }
        buf[size] = '\0';
        *ret = TAKE_PTR(buf);
        return (ssize_t) size;
}

ssize_t read_small_file(const char *path, size_t max, char **ret) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        size_t room = MIN(max, (size_t) 4096);
        _cleanup_free_ char *buf = malloc(room + 1);
        ssize_t n;

        if (fd < 0)
                return -errno;
        if (!buf)
                return -ENOMEM;
        n = read(fd, buf, room);
        if (n < 0)
                return -errno;
        if ((size_t) n == room && room < max)
                return read_file(path, max, ret);
        buf[n] = '\0';
        *ret = TAKE_PTR(buf);
        return n;
}

int read_first_line(const char *path, char **ret) {
        ssize_t n = read_file(path, 4096, ret);

        if (n < 0)
                return (int) n;
        (*ret)[strcspn(*ret, "\n")] = '\0';
        return 0;
}

int write_existing(const char *path, const char *text) {
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

        return fd < 0 ? -errno : write_all(fd, text, strlen(text));
}

int fill_file_atomic(const char *path, int (*fill)(int fd, const void *what), const void *what) {
        _cleanup_free_ char *temp = strfmt("%s.new", path);
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (!temp)
                return -ENOMEM;
        (void) unlink(temp);
        fd = open(temp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        r = fill(fd, what);
        if (r >= 0)
                r = RET_NERRNO(rename(temp, path));
        if (r < 0)
                (void) unlink(temp);
        return r;
}

typedef struct Content {
        const void *data;
        size_t size;
        mode_t mode;
} Content;

static int write_content(int fd, const void *what) {
        const Content *c = what;
        int r = write_all(fd, c->data, c->size);

        return r < 0 ? r : RET_NERRNO(fchmod(fd, c->mode));
}

int write_file_atomic(const char *path, const void *data, size_t size, mode_t mode) {
        return fill_file_atomic(path, write_content, &(const Content){ data, size, mode });
}

int fsync_entry(const char *path) {
        const char *slash = strrchr(path, '/');
        _cleanup_free_ char *dir =
                slash ? strndup(path, MAX((size_t) (slash - path), (size_t) 1)) : strdup(".");
        _cleanup_close_ int fd = dir ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -EBADF;

        if (fd < 0)
                return dir ? -errno : -ENOMEM;
        return RET_NERRNO(fsync(fd));
}

bool others_may_write(const struct stat *st) {
        bool own = st->st_uid == 0 || st->st_uid == geteuid(),
             own_group = st->st_gid == 0 || st->st_gid == getegid();

        return !own || (st->st_mode & S_IWOTH) || ((st->st_mode & S_IWGRP) && !own_group);
}

bool file_is_at(int fd, const char *path) {
        struct stat a, b;

        return fstat(fd, &a) >= 0 && stat(path, &b) >= 0 && a.st_dev == b.st_dev &&
               a.st_ino == b.st_ino;
}

int memstream_close(FILE *f, char *const *text) {
        bool whole = !ferror(f);

        return fclose(f) == 0 && whole && *text ? 0 : -ENOMEM;
}

static int open_part(int parent, const char *name) {
        int fd = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        struct stat st;

        if (fd >= 0)
                return fd;
        if (errno == ENOTDIR && fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) >= 0)
                return S_ISLNK(st.st_mode) ? -ELOOP : -ENOTDIR;
        return -errno;
}

int open_plain_directory(const char *path) {
        int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        char name[NAME_MAX + 1];

        while (fd >= 0 && *(path += strspn(path, "/"))) {
                size_t n = strcspn(path, "/");
                int next;

                if (n > NAME_MAX)
                        next = -ENAMETOOLONG;
                else {
                        memcpy(name, path, n);
                        name[n] = '\0';
                        next = open_part(fd, name);
                }
                safe_close(fd);
                fd = next;
                path += n;
        }
        return fd;
}

int mkdir_p(const char *path, mode_t mode) {
        _cleanup_free_ char *copy = strdup(path);
        struct stat st;

        if (!copy)
                return -ENOMEM;
        if (isempty(copy))
                return -ENOENT;
        if (stat(path, &st) >= 0) /* as it mostly is */
                return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
        for (char *p = copy + 1;; p++) {
                char c = *p;

                if (c != '/' && c != '\0')
                        continue;
                *p = '\0';
                if (mkdir(copy, mode) >= 0) {
                        if (chmod(copy, mode) < 0) /* regardless of the umask */
                                return -errno;
                } else if (errno != EEXIST)
                        return -errno;
                if (c == '\0')
                        break;
                *p = c;
        }
        if (stat(path, &st) < 0)
                return -errno;
        return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

/* ---- removal of directories that an attacker may write to ----
 *
 * Every step names an entry of an open directory and follows no link, so that swapping a directory
 * for a link meanwhile gains nothing. Deep entries are moved to the top before they are removed:
 * two descriptors are enough for any depth. */

typedef struct Removal {
        DIR *top;
        dev_t dev;
        unsigned serial; /* of an entry that was moved up */
        usec_t deadline; /* CLOCK_MONOTONIC */
} Removal;

static bool is_over(const Removal *r) {
        return r->deadline != USEC_INFINITY && now_usec(CLOCK_MONOTONIC) >= r->deadline;
}

static DIR *open_directory(int at, const char *name) {
        _cleanup_close_ int fd =
                openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
        DIR *d = fd < 0 ? NULL : fdopendir(fd);

        if (d)
                TAKE_FD(fd);
        return d;
}

/* 1 = a directory that is not empty, 0 = removed. */
static int remove_entry(int at, const char *name) {
        int error;

        if (unlinkat(at, name, 0) >= 0 || errno == ENOENT)
                return 0;
        error = errno;
        if (error != EISDIR && error != EPERM)
                return -error;
        if (unlinkat(at, name, AT_REMOVEDIR) >= 0 || errno == ENOENT)
                return 0;
        if (errno == ENOTEMPTY || errno == EEXIST)
                return 1;
        return errno == ENOTDIR ? -error : -errno;
}

static bool is_dots(const char *name) {
        return streq(name, ".") || streq(name, "..");
}

/* Moves what is left below a subdirectory to the top. */
static int lift(Removal *r, const char *name) {
        _cleanup_closedir_ DIR *d = open_directory(dirfd(r->top), name);
        struct dirent *de;
        struct stat st;

        if (!d)
                return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? 0 : -errno;
        if (fstat(dirfd(d), &st) < 0)
                return -errno;
        if (st.st_dev != r->dev)
                return -EBUSY;
        while ((de = readdir(d))) {
                char up[32];
                int q;

                if (is_dots(de->d_name))
                        continue;
                if (is_over(r))
                        return -EAGAIN;
                q = remove_entry(dirfd(d), de->d_name);
                if (q < 0)
                        return q;
                snprintf(up, sizeof(up), ".umld-removed.%u", r->serial++);
                if (q > 0 && renameat(dirfd(d), de->d_name, dirfd(r->top), up) < 0 &&
                    errno != ENOENT && errno != ENOTEMPTY && errno != EEXIST && errno != ENOTDIR)
                        return -errno;
        }
        return 0;
}

/* One pass over the top. Returns how many entries it found. */
static int clear_once(Removal *r, const char *keep) {
        struct dirent *de;
        int met = 0;

        rewinddir(r->top);
        while ((de = readdir(r->top))) {
                int q;

                if (is_dots(de->d_name) || (keep && streq(de->d_name, keep)))
                        continue;
                if (is_over(r))
                        return -EAGAIN;
                q = remove_entry(dirfd(r->top), de->d_name);
                if (q > 0)
                        q = lift(r, de->d_name);
                if (q < 0)
                        return q;
                met++;
        }
        return met;
}

static int clear_until(const char *path, const char *keep, usec_t deadline) {
        _cleanup_closedir_ DIR *d = open_directory(AT_FDCWD, path);
        Removal r = { .top = d, .deadline = deadline };
        struct stat st;
        int met = 1;

        if (!d)
                return errno == ENOENT ? 0 : -errno;
        if (fstat(dirfd(d), &st) < 0)
                return -errno;
        r.dev = st.st_dev;
        for (int i = 0; met > 0; i++) {
                if (i >= CLEAR_PASSES_MAX) /* it is filled as fast as we can empty it */
                        return -EBUSY;
                met = clear_once(&r, keep);
        }
        return met;
}

int clear_directory(const char *path, const char *keep) {
        return clear_until(path, keep, USEC_INFINITY);
}

static int remove_until(const char *path, usec_t deadline) {
        int r = remove_entry(AT_FDCWD, path);

        if (r > 0)
                r = clear_until(path, NULL, deadline);
        if (r < 0)
                return r;
        return rmdir(path) < 0 && errno != ENOENT ? -errno : 0;
}

int rm_rf(const char *path) {
        return remove_until(path, USEC_INFINITY);
}

int rm_rf_for(const char *path, usec_t limit) {
        return remove_until(path, usec_add(now_usec(CLOCK_MONOTONIC), limit));
}

int unlink_quiet(const char *path) {
        if (unlink(path) < 0)
                return errno == ENOENT ? 0 : -errno;
        return 1;
}
