/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log-files.c - console.log, console.log.1 and so on. */

#include <fcntl.h>
#include <sys/stat.h>

#include "basic/cleanup.h"
#include "basic/string-util.h"
#include "umlctl/log-files.h"

static bool same_file(const struct stat *a, const struct stat *b) {
        return a->st_ino == b->st_ino && a->st_dev == b->st_dev;
}

static bool have_file(const LogFiles *f, const struct stat *st) {
        for (size_t i = 0; i < f->n; i++) {
                struct stat ours;

                if (fstat(f->fds[i], &ours) >= 0 && same_file(&ours, st))
                        return true;
        }
        return false;
}

static void reverse(LogFiles *f) {
        for (size_t i = 0; i < f->n / 2; i++) {
                int fd = f->fds[i];

                f->fds[i] = f->fds[f->n - 1 - i];
                f->fds[f->n - 1 - i] = fd;
        }
}

void log_files_close(LogFiles *f) {
        for (size_t i = 0; i < f->n; i++)
                safe_close(f->fds[i]);
        f->n = 0;
        free(f->path);
        f->path = NULL;
}

/* Opens the newest first: a file that is renamed meanwhile is then met twice instead of missed.
 * Stops at the file `last` if it is met. */
static int open_all(LogFiles *f, const struct stat *last, bool *ret_met) {
        for (unsigned i = 0; i <= LOG_FILES_MAX && f->n < LOG_FILES_MAX; i++) {
                _cleanup_free_ char *path = i == 0 ? strdup(f->path) : strfmt("%s.%u", f->path, i);
                _cleanup_close_ int fd = -EBADF;
                struct stat st;

                if (!path)
                        return -ENOMEM;
                fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
                if (fd < 0 && errno == ENOENT && i == 0)
                        continue; /* it is just being renamed, or does not exist */
                if (fd < 0 && errno == ENOENT)
                        break;
                if (fd < 0 || fstat(fd, &st) < 0)
                        return -errno;
                if (!S_ISREG(st.st_mode))
                        return -EBADF;
                if (last && same_file(&st, last)) {
                        *ret_met = true;
                        break;
                }
                if (!have_file(f, &st))
                        f->fds[f->n++] = TAKE_FD(fd);
        }
        return 0;
}

int log_files_open(const char *path, LogFiles *ret) {
        LogFiles f = { .path = strdup(path) };
        int r = f.path ? open_all(&f, NULL, NULL) : -ENOMEM;

        if (r >= 0 && f.n == 0)
                r = -ENOENT;
        if (r < 0) {
                log_files_close(&f);
                return r;
        }
        reverse(&f);
        *ret = f;
        return 0;
}

bool log_files_current(const LogFiles *f) {
        struct stat ours, st;

        /* A missing file is one between two renames. */
        return fstat(f->fds[f->n - 1], &ours) < 0 || stat(f->path, &st) < 0 ||
               same_file(&ours, &st);
}

int log_files_renew(LogFiles *f) {
        LogFiles newer = { .path = f->path };
        bool met = false;
        struct stat ours;
        int r;

        if (fstat(f->fds[f->n - 1], &ours) < 0)
                return -errno;
        r = open_all(&newer, &ours, &met);
        if (r >= 0 && newer.n < LOG_FILES_MAX)
                newer.fds[newer.n++] = TAKE_FD(f->fds[f->n - 1]);
        reverse(&newer);
        f->path = NULL;
        log_files_close(f);
        *f = newer;
        return r < 0 ? r : met;
}
