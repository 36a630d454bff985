/* SPDX-License-Identifier: GPL-2.0-or-later */
/* disks.c - the guest's images: they exist, are locked while umld manages the guest, and belong to
 * its user. */

#include "daemon/host/disks.h"
#include "basic/file-util.h"
#include "basic/process.h"
#include "daemon/host/disk-cow.h"
#include "daemon/host/disk-owner.h"
#include "daemon/host/disk-swap.h"
#include "daemon/host/host.h"
#include "host/distant.h"
#include "host/image-kind.h"
#include "host/lock.h"

/* The type of the open image; the name may refer to another file by now. */
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

/* Will the kernel mount its root from the first disk as a whole? */
static bool boots_from_first_disk(const Config *c) {
        const char *word;

        if (c->root_dir)
                return false;
        for (size_t i = 0; (word = config_argument(c, i)); i++)
                if (startswith(word, "root=") || startswith(word, "initrd="))
                        return false;
        return true;
}

/* A kernel that finds no file system there only says that it cannot mount it. */
static int check_root(const Host *h, const Disk *d, int fd, Fault *f) {
        ImageKind kind;
        int r;

        if (d != &h->config->disks[0] || !boots_from_first_disk(h->config))
                return 0;
        r = image_kind(fd, &kind);
        if (r < 0)
                return fault_set(f, VERDICT_DISK, true, r, "Disk=%s: cannot be read: %m", d->path);
        if (!kind.what)
                return 0;
        if (kind.partition > 0)
                return fault_set(f, VERDICT_DISK, false, -EINVAL,
                                 "Disk=%s: is %s; boot from one of its partitions (the largest: "
                                 "Append=root=/dev/ubda%u)",
                                 d->path, kind.what, kind.partition);
        return fault_set(f, VERDICT_DISK, false, -EINVAL, "Disk=%s: is %s; %s", d->path, kind.what,
                         kind.remedy);
}

/* A check beside the guest's own umld finds its images taken by that one. */
static int look_at_own(const Host *h, const char *path) {
        _cleanup_free_ char *lock = strfmt("%s/lock", h->directory);

        return lock ? image_look(path, lock) : -ENOMEM;
}

/* Of a file that the sandbox of umld's unit hides until systemd has read its configuration. */
static const char *unit_remedy(const char *path) {
        static const char *const hidden[] = { "/home/", "/root/", "/run/user/", "/tmp/",
                                              "/var/tmp/" };

        FOREACH_ELEMENT (h, hidden)
                if (startswith(path, *h) && getenv("INVOCATION_ID"))
                        return "; if it is there, systemctl daemon-reload shows it to umld";
        return "";
}

/* The lock also keeps the file open, for fdatasync(). */
static int lock_image(const Host *h, const char *path, bool shared, int *fd, Fault *f) {
        char comm[16];
        pid_t holder = 0;
        int r = *fd = image_lock(path, shared, &holder);

        if (r >= 0 && h->quiet)
                image_unlock(*fd); /* nobody's start fails because of a check */
        else if (r == -EEXIST && h->quiet)
                r = *fd = look_at_own(h, path);
        if (r == -EEXIST)
                return fault_set(f, VERDICT_DISK, false, r,
                                 "Disk=%s: another guest's umld uses this image; give each guest "
                                 "an image of its own, or share it with ,ro or ,cow=FILE",
                                 path);
        if (r == -EBUSY)
                return fault_set(f, VERDICT_DISK, true, r,
                                 "Disk=%s: in use by pid %d (%s), which is not managed by umld; "
                                 "end it first",
                                 path, holder, process_comm(holder, comm));
        if (r == -ENOENT)
                return fault_set(f, VERDICT_DISK, false, r,
                                 "Disk=%s: no such image; create it or correct the path%s", path,
                                 unit_remedy(path));
        if (r < 0)
                return fault_set(f, VERDICT_DISK, false, r, "Disk=%s: cannot be opened%s: %m", path,
                                 shared ? "" : " for writing");
        return 0;
}

/* The open file; the name may refer to another one by now. */
static int check_opened(const Host *h, const Disk *d, const char *path, int fd, Fault *f) {
        struct stat st;
        int r;

        if (fstat(fd, &st) < 0)
                return fault_set(f, VERDICT_DISK, true, -errno, "Disk=%s: %m", path);
        r = check_kind(&st, path, f);
        return r >= 0 && streq(path, d->path) ? check_root(h, d, fd, f) : r;
}

/* Opens, locks and checks an image that is not open yet, or that has been replaced by another file.
 */
static int open_image(Host *h, const Disk *d, const char *path, bool shared, int *fd, Fault *f) {
        _cleanup_close_ int opened = -EBADF;
        struct stat st;
        int r;

        if (*fd >= 0 && file_is_at(*fd, path))
                return 0;
        if (*fd >=
            0) { /* replaced, for example by a backup: the recorded owner is that of the old one */
                ledger_forget_owner(&h->ledger, path);
                *fd = safe_close(*fd);
        }
        r = stat(path, &st) >= 0 ? check_kind(&st, path, f) : 0; /* what else cannot be opened */
        if (r >= 0)
                r = lock_image(h, path, shared, &opened, f);
        if (r >= 0)
                r = check_opened(h, d, path, opened, f);
        if (r < 0)
                return r;
        h->disk_distant[fd - h->disk_fds] = file_is_distant(opened);
        *fd = TAKE_FD(opened);
        jail_drop_mount_ns(&h->jail); /* it may have the file before */
        return 0;
}

static int take_image(Host *h, const Disk *d, const char *path, bool shared, int *fd, Fault *f) {
        int r = open_image(h, d, path, shared, fd, f);

        if (r < 0)
                return r;
        return shared ? disk_check_readable(h, path, *fd, f) : disk_give(h, d, path, *fd, f);
}

/* Of two guests that name one file, the second must not replace what the first swaps to. */
static int prepare_swap(Host *h, const Disk *d, int *fd, Fault *f) {
        SwapWork work;
        int r = disk_swap_check(d, &work, f);

        if (r < 0 || work == SWAP_LEFT || h->quiet)
                return r;
        if (work == SWAP_REPLACED)
                do /* until it was not replaced before it was locked */
                        r = open_image(h, d, d->path, false, fd, f);
                while (r >= 0 && !file_is_at(*fd, d->path));
        return r < 0 ? r : disk_swap_make(d, f);
}

static int take_disk(Host *h, const Disk *d, int fds[static 2], Fault *f) {
        int r = d->swap ? prepare_swap(h, d, &fds[0], f) : 0;

        if (r < 0 || (d->swap && h->quiet && access(d->path, F_OK) < 0))
                return r;
        r = take_image(h, d, d->path, d->read_only || d->cow, &fds[0], f);
        if (r < 0 || !d->cow)
                return r;
        r = disk_cow_prepare(h, d, fds[0], f);
        if (r < 0 || (h->quiet && access(d->cow, F_OK) < 0))
                return r;
        return take_image(h, d, d->cow, false, &fds[1], f);
}

int disks_up(Host *h, Fault *f) {
        const Config *c = h->config;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < c->n_disks; i++)
                r = take_disk(h, &c->disks[i], &h->disk_fds[2 * i], f);
        return r;
}

/* A guest's fsync never reaches the host (UML-measured), so what it wrote is synced here. */
static int sync_disks(const Host *h, Fault *f) {
        int fd, r = h->flush ? h->flush(h->flush_userdata, &fd) : 0;

        if (r == -EAGAIN)
                return fault_wait(f, fd < 0 ? VERDICT_EXIT : VERDICT_DISK, fd,
                                  "the sync of the guest's disks");
        return r;
}

int disks_down(Host *h, Fault *f) {
        int r = sync_disks(h, f);

        if (r == -EAGAIN)
                return r;
        return disks_return(h, f);
}
