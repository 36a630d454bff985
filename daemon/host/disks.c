/* SPDX-License-Identifier: GPL-2.0-or-later */
/* disks.c - the guest's images: there, locked for as long as umld manages the guest, and its
 * user's. */

#include <fcntl.h>

#include "basic/log.h"
#include "basic/process.h"
#include "daemon/host/disks.h"
#include "daemon/host/host.h"
#include "host/lock.h"

static bool same_file(int fd, const char *path) {
        struct stat a, b;

        return fstat(fd, &a) >= 0 && stat(path, &b) >= 0 && a.st_dev == b.st_dev &&
               a.st_ino == b.st_ino;
}

/* What the image is, whatever its name says by now. */
static int check_kind(const struct stat *st, const char *path, Fault *f) {
        if (!S_ISREG(st->st_mode) && !S_ISBLK(st->st_mode))
                return fault_set(f, VERDICT_DISK, false, -EINVAL,
                                 "Disk=%s: neither a file nor a block device", path);
        if (S_ISREG(st->st_mode) && st->st_size == 0)
                return fault_set(f, VERDICT_DISK, false, -EINVAL,
                                 "Disk=%s: the image is empty; make a file system in it first",
                                 path);
        return 0;
}

/* May the guest's user put another entry into one of the directories on the way? */
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

/* What is opened will be given to the guest's user. Where that user has been able to choose what
 * lies under that name, it must not be a link to a file of somebody else's. */
static int check_way(const Host *h, const char *path, const struct stat *opened, Fault *f) {
        _cleanup_free_ char *real = NULL;

        if (h->jail.uid == 0 || opened->st_uid == h->jail.uid || !way_is_guests(path, h->jail.uid))
                return 0;
        real = realpath(path, NULL);
        if (real && streq(real, path) && (S_ISBLK(opened->st_mode) || opened->st_nlink == 1))
                return 0;
        return fault_set(f, VERDICT_DISK, false, -ELOOP,
                         "Disk=%s: is a link in a directory that the guest's user %u can write to; "
                         "put the image where only root can",
                         path, (unsigned) h->jail.uid);
}

static int check_opened(const Host *h, const char *path, int fd, Fault *f) {
        struct stat st;
        int r;

        if (fstat(fd, &st) < 0)
                return fault_set(f, VERDICT_DISK, true, -errno, "Disk=%s: %m", path);
        r = check_kind(&st, path, f);
        return r < 0 ? r : check_way(h, path, &st, f);
}

/* The lock also keeps the file open, for fdatasync(). */
static int lock_image(Host *h, const char *path, bool shared, int *fd, Fault *f) {
        _cleanup_close_ int opened = -EBADF;
        char comm[16];
        pid_t holder = 0;
        int r;

        if (*fd >= 0 && same_file(*fd, path))
                return 0;
        if (*fd >= 0) { /* replaced, by a backup, say: the owner noted is the old one's */
                ledger_forget_owner(&h->ledger, path);
                *fd = safe_close(*fd);
        }
        r = opened = image_lock(path, shared, &holder);
        if (r == -EEXIST)
                return fault_set(f, VERDICT_DISK, false, r,
                                 "Disk=%s: another guest's umld uses this image; give each guest "
                                 "an image of its own, or share it with ,ro or ,cow=FILE",
                                 path);
        if (r == -EBUSY)
                return fault_set(
                        f, VERDICT_DISK, true, r,
                        "Disk=%s: in use by pid %d (%s), which no umld supervises; end it first",
                        path, holder, process_comm(holder, comm));
        if (r == -ENOENT)
                return fault_set(f, VERDICT_DISK, false, r,
                                 "Disk=%s: there is no such image; make one or correct the path",
                                 path);
        if (r < 0)
                return fault_set(f, VERDICT_DISK, false, r, "Disk=%s: cannot be opened%s: %m", path,
                                 shared ? "" : " for writing");
        r = check_opened(h, path, opened, f);
        if (r >= 0 && !h->quiet)
                *fd = TAKE_FD(opened);
        return MIN(r, 0);
}

/* The guest's user must be able to open it by name. Its owner comes back at the end. */
static int give_to_guest(Host *h, const char *path, int fd, bool read_only, Fault *f) {
        struct stat st;
        int r;

        if (h->jail.uid == 0 || h->quiet)
                return 0;
        if (fstat(fd, &st) < 0)
                return fault_set(f, VERDICT_DISK, true, -errno, "Disk=%s: %m", path);
        if (st.st_uid == h->jail.uid || (read_only && (st.st_mode & S_IROTH)))
                return 0;
        r = ledger_note_owner(&h->ledger, path, st.st_uid, st.st_gid);
        if (r >= 0)
                r = RET_NERRNO(fchown(fd, h->jail.uid, st.st_gid));
        if (r < 0)
                return fault_set(f, VERDICT_DISK, false, r,
                                 "Disk=%s: cannot be given to the guest's user %u: %m", path,
                                 (unsigned) h->jail.uid);
        h->jail.reachable = false;
        return 0;
}

static int take_image(Host *h, const char *path, bool read_only, int *fd, Fault *f) {
        struct stat st;
        int r = stat(path, &st) >= 0 ? check_kind(&st, path, f) : 0; /* what else is not opened */

        if (r < 0)
                return r;
        r = lock_image(h, path, read_only, fd, f);
        return r < 0 ? r : give_to_guest(h, path, *fd, read_only, f);
}

int disks_up(Host *h, Fault *f) {
        const Config *c = h->config;

        for (size_t i = 0; i < c->n_disks; i++) {
                const Disk *d = &c->disks[i];
                int r = take_image(h, d->path, d->read_only || d->cow, &h->disk_fds[2 * i], f);

                /* The kernel makes a missing copy-on-write file itself. */
                if (r >= 0 && d->cow && access(d->cow, F_OK) >= 0)
                        r = take_image(h, d->cow, false, &h->disk_fds[2 * i + 1], f);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* A guest's fsync never reaches the host (UML-measured): what it wrote is made durable here. */
static void sync_disks(Host *h) {
        for (size_t i = 0; i < ARRAY_SIZE(h->disk_fds); i++)
                if (h->disk_fds[i] >= 0 && fdatasync(h->disk_fds[i]) < 0 && errno != EINVAL &&
                    errno != EROFS)
                        log_warning_errno(errno,
                                          "cannot make a disk of the guest durable, ignoring: %m");
}

/* By the ledger, since the owner may have been changed by a predecessor with another configuration.
 */
static int give_back(const LedgerOwner *o, uid_t guest) {
        _cleanup_close_ int fd = open(o->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        struct stat st;
        int r;

        if (fd < 0 && errno == ENOENT)
                return 0;
        r = fd < 0 ? -errno : RET_NERRNO(fstat(fd, &st));
        if (r >= 0 && st.st_uid != guest) /* given to somebody else meanwhile */
                return 0;
        if (r >= 0)
                r = RET_NERRNO(fchown(fd, o->uid, o->gid));
        if (r < 0)
                log_warning_errno(r, "%s: cannot give it back to its owner, ignoring: %m", o->path);
        return r;
}

int disks_down(Host *h) {
        int r = 0;

        sync_disks(h);
        for (size_t i = 0; i < h->ledger.n_owners; i++)
                r = MIN(give_back(&h->ledger.owners[i], h->ledger.user), r);
        for (size_t i = 0; i < ARRAY_SIZE(h->disk_fds); i++)
                h->disk_fds[i] = safe_close(h->disk_fds[i]);
        return r;
}
