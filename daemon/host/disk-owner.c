/* SPDX-License-Identifier: GPL-2.0-or-later */
/* disk-owner.c - ownership of the images: which may be given to the guest's user, and how they are
 * returned. */

#include <fcntl.h>
#include <sys/stat.h>

#include "api/dirs.h"
#include "basic/log.h"
#include "daemon/host/disk-owner.h"
#include "daemon/host/host.h"

/* May the guest's user replace an entry in one of the directories on the path? */
static bool way_is_guests(const char *path, uid_t uid) {
        _cleanup_free_ char *way = strdup(path);

        for (char *slash = way ? strrchr(way, '/') : NULL; slash; slash = strrchr(way, '/')) {
                struct stat st;

                *(slash == way ? slash + 1 : slash) = '\0';
                if (stat(way, &st) >= 0 && ((st.st_uid == uid && (st.st_mode & S_IWUSR)) ||
                                            ((st.st_mode & S_IWOTH) && !(st.st_mode & S_ISVTX)) ||
                                            (st.st_gid == uid && (st.st_mode & S_IWGRP))))
                        return true;
                if (slash == way)
                        return false;
        }
        return !way;
}

static bool is_below_state(const char *real) {
        _cleanup_free_ char *state = realpath(umld_dir(DIR_STATE), NULL);
        const char *rest = state ? startswith(real, state) : NULL;

        return rest && rest[0] == '/';
}

/* Checks of the file itself, independent of its path. */
static int check_names(const char *path, const struct stat *st, Fault *f) {
        struct stat link;

        if (lstat(path, &link) >= 0 && S_ISLNK(link.st_mode))
                return fault_set(f, VERDICT_DISK, false, -ELOOP,
                                 "Disk=%s: is a symbolic link, whose target is not given to the "
                                 "guest's user; use the path of the image itself",
                                 path);
        if (S_ISREG(st->st_mode) && st->st_nlink > 1)
                return fault_set(f, VERDICT_DISK, false, -EMLINK,
                                 "Disk=%s: the file has %ju names (hard links), and would change "
                                 "its owner under all of them; use a copy of it",
                                 path, (uintmax_t) st->st_nlink);
        return 0;
}

static int check_way(const Host *h, const Disk *d, const char *path, Fault *f) {
        _cleanup_free_ char *real = realpath(path, NULL);

        if (!real)
                return fault_set(f, VERDICT_DISK, true, -errno, "Disk=%s: %m", path);
        if (way_is_guests(path, h->jail.uid) && !streq(real, path))
                return fault_set(f, VERDICT_DISK, false, -ELOOP,
                                 "Disk=%s: its path has a link in a directory that the guest's "
                                 "user %u can write to; move the image to where only root can",
                                 path, (unsigned) h->jail.uid);
        if (d->adopt || is_below_state(real))
                return 0;
        return fault_set(
                f, VERDICT_DISK, false, -EPERM,
                "Disk=%s: is outside %s and does not belong to the guest's user; add ,adopt to let "
                "umld change its owner while the guest runs, or move it to %s/%s/",
                path, umld_dir(DIR_STATE), umld_dir(DIR_STATE), h->config->name);
}

/* A check does not allocate the guest's user: it may be anybody but root. */
static bool has_it_already(const Host *h, const struct stat *st) {
        if (h->quiet)
                return streq(h->config->user, "root") || streq(h->config->user, "0");
        return h->jail.uid == 0 || st->st_uid == h->jail.uid;
}

int disk_give(Host *h, const Disk *d, const char *path, int fd, Fault *f) {
        struct stat st;
        int r;

        if (fstat(fd, &st) < 0)
                return fault_set(f, VERDICT_DISK, true, -errno, "Disk=%s: %m", path);
        if (has_it_already(h, &st))
                return 0;
        r = check_names(path, &st, f);
        if (r >= 0)
                r = check_way(h, d, path, f);
        if (r < 0 || h->quiet)
                return r;
        r = ledger_note_owner(&h->ledger, path, st.st_uid, st.st_gid);
        if (r >= 0)
                r = RET_NERRNO(fchown(fd, h->jail.uid, st.st_gid));
        if (r < 0)
                return fault_set(f, VERDICT_DISK, false, r,
                                 "Disk=%s: cannot be given to the guest's user %u: %m", path,
                                 (unsigned) h->jail.uid);
        log_info("Disk=%s: owner changed from user %u to the guest's user %u", path,
                 (unsigned) st.st_uid, (unsigned) h->jail.uid);
        h->jail.reachable = false;
        return 0;
}

int disk_check_readable(const Host *h, const char *path, int fd, Fault *f) {
        struct stat st;

        if (fstat(fd, &st) < 0)
                return fault_set(f, VERDICT_DISK, true, -errno, "Disk=%s: %m", path);
        if (has_it_already(h, &st) || (st.st_mode & S_IROTH))
                return 0;
        return fault_set(f, VERDICT_DISK, false, -EACCES,
                         "Disk=%s: the guest's user %u cannot read it, and a read-only image keeps "
                         "its owner; allow it: chmod o+r %s",
                         path, (unsigned) h->jail.uid, path);
}

/* What is to be done at the end, in a thread. */
typedef struct Return {
        uid_t guest;
        size_t n;
        LedgerOwner owners[LEDGER_OWNERS_MAX];
        int errors[LEDGER_OWNERS_MAX];
        int fds[2 * CONFIG_DISKS_MAX];
} Return;

static void return_free(void *data) {
        Return *t = data;

        for (size_t i = 0; i < t->n; i++)
                free(t->owners[i].path);
        FOREACH_ELEMENT (fd, t->fds)
                safe_close(*fd); /* only of one that did not run */
        free(t);
}

/* The owner may have been changed by a predecessor with another configuration. */
static int give_back(const LedgerOwner *o, uid_t guest) {
        _cleanup_close_ int fd = open(o->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
        struct stat st;

        if (fd < 0) /* ENOENT, ELOOP: the file has been replaced */
                return errno == ENOENT || errno == ELOOP ? 0 : -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (st.st_uid != guest) /* somebody else has changed its owner */
                return 0;
        return RET_NERRNO(fchown(fd, o->uid, o->gid));
}

static void run(void *data) {
        Return *t = data;

        for (size_t i = 0; i < t->n; i++)
                t->errors[i] = give_back(&t->owners[i], t->guest);
        FOREACH_ELEMENT (fd, t->fds)
                *fd = safe_close(*fd);
}

/* From here on they are the thread's. 0 = there is nothing to do. */
static int begin_return(Host *h) {
        Return *t = calloc(1, sizeof(*t));
        int open = 0;

        if (!t)
                return -ENOMEM;
        t->guest = h->ledger.user;
        FOREACH_ELEMENT (fd, t->fds)
                *fd = -EBADF;
        for (size_t i = 0; i < h->ledger.n_owners; i++) {
                t->owners[i] = h->ledger.owners[i];
                t->owners[i].path = strdup(h->ledger.owners[i].path);
                t->n++;
                if (!t->owners[i].path) {
                        return_free(t);
                        return -ENOMEM;
                }
        }
        for (size_t i = 0; i < ARRAY_SIZE(h->disk_fds); i++) {
                open += h->disk_fds[i] >= 0;
                t->fds[i] = h->disk_fds[i];
                h->disk_fds[i] = -EBADF;
        }
        if (t->n == 0 && open == 0) {
                return_free(t);
                return 0;
        }
        return job_start(run, return_free, t, &h->returning);
}

static int end_return(const Return *t) {
        int r = 0;

        for (size_t i = 0; i < t->n; i++) {
                if (t->errors[i] < 0)
                        log_warning_errno(t->errors[i],
                                          "%s: cannot restore its owner, ignoring: %m",
                                          t->owners[i].path);
                r = MIN(t->errors[i], r);
        }
        return r;
}

int disks_return(Host *h, Fault *f) {
        int r = h->returning ? 0 : begin_return(h);

        if (r < 0)
                return log_warning_errno(r, "cannot restore the owners of the disks: %m");
        if (!h->returning)
                return 0;
        if (!job_done(h->returning))
                return fault_wait(f, VERDICT_EXIT, job_fd(h->returning),
                                  "the file system of the guest's disks");
        r = end_return(job_data(h->returning));
        h->returning = job_free(h->returning);
        return r;
}
