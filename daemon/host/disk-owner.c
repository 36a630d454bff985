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

/* The owner may have been changed by a predecessor with another configuration. */
static int give_back(const LedgerOwner *o, uid_t guest) {
        _cleanup_close_ int fd = open(o->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
        struct stat st;
        int r;

        if (fd < 0 && (errno == ENOENT || errno == ELOOP)) /* the file has been replaced */
                return 0;
        r = fd < 0 ? -errno : RET_NERRNO(fstat(fd, &st));
        if (r >= 0 && st.st_uid != guest) /* somebody else has changed its owner */
                return 0;
        if (r >= 0)
                r = RET_NERRNO(fchown(fd, o->uid, o->gid));
        if (r < 0)
                log_warning_errno(r, "%s: cannot restore its owner, ignoring: %m", o->path);
        return r;
}

int disk_give_back(Host *h) {
        int r = 0;

        for (size_t i = 0; i < h->ledger.n_owners; i++)
                r = MIN(give_back(&h->ledger.owners[i], h->ledger.user), r);
        return r;
}
