/* SPDX-License-Identifier: GPL-2.0-or-later */
/* disk-cow.c - creates copy-on-write files, and checks them against their backing files. */

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/commit-note.h"
#include "api/image-undo.h"
#include "basic/file-util.h"
#include "basic/log.h"
#include "daemon/host/disk-cow.h"
#include "uml/cow.h"

static int describe_backing(const Disk *d, int fd, CowHeader *ret, Fault *f) {
        struct stat st;
        off_t size;

        if (fstat(fd, &st) < 0 || (size = lseek(fd, 0, SEEK_END)) < 0)
                return fault_set(f, VERDICT_DISK, true, -errno, "Disk=%s: %m", d->path);
        if (strlen(d->path) >= sizeof(ret->backing))
                return fault_set(f, VERDICT_DISK, false, -ENAMETOOLONG,
                                 "Disk=%s: the path is too long for a backing file", d->path);
        strcpy(ret->backing, d->path);
        ret->mtime = (uint32_t) st.st_mtime;
        ret->size = (uint64_t) size;
        return 0;
}

static int fill(int fd, const void *header) {
        return cow_write(fd, header);
}

static int make(const Disk *d, const CowHeader *header, Fault *f) {
        int r = fill_file_atomic(d->cow, fill, header);

        return r >= 0 ? 0
                      : fault_set(f, VERDICT_DISK, false, r,
                                  "Disk=%s: cannot create the copy-on-write file %s: %m", d->path,
                                  d->cow);
}

static bool same_file(const char *a, const char *b) {
        struct stat x, y;

        return streq(a, b) || (stat(a, &x) >= 0 && stat(b, &y) >= 0 && x.st_dev == y.st_dev &&
                               x.st_ino == y.st_ino);
}

static int compare(const Disk *d, const CowHeader *was, const CowHeader *is, Fault *f) {
        if (!same_file(was->backing, d->path)) {
                _cleanup_free_ char *safe = escape_text(was->backing, strlen(was->backing), 500);

                return fault_set(f, VERDICT_DISK, false, -EINVAL,
                                 "Disk=%s,cow=%s: the backing file of the copy-on-write file is "
                                 "%s; use that one, or another file in cow=",
                                 d->path, d->cow, safe ?: "another one");
        }
        if (was->size != is->size)
                return fault_set(f, VERDICT_DISK, false, -EINVAL,
                                 "Disk=%s: had %ju bytes when %s was created on top of it and has "
                                 "%ju now; restore it, or delete %s and lose the changes in it",
                                 d->path, (uintmax_t) was->size, d->cow, (uintmax_t) is->size,
                                 d->cow);
        if (was->mtime != is->mtime)
                return fault_set(f, VERDICT_DISK, false, -ESTALE,
                                 "Disk=%s: has been modified since %s was created on top of it; "
                                 "restore it (if only its time has changed: touch -d @%u %s), or "
                                 "delete %s and lose the changes in it",
                                 d->path, d->cow, was->mtime, d->path, d->cow);
        return 0;
}

/* An interrupted `umlctl disk commit` has written into the backing file what the copy-on-write file
 * holds, so a guest that uses both sees the same as before. */
static int undo_commit(const Host *h, const Disk *d, int backing, const CowHeader *was,
                       CowHeader *is, Fault *f) {
        int r;

        if (was->mtime == is->mtime || !commit_note_matches(d->cow, d->path, was->mtime))
                return 0;
        is->mtime = was->mtime;
        if (h->quiet)
                return 0;
        log_notice("Disk=%s: `umlctl disk %s commit` was interrupted; nothing is lost; run it "
                   "again when the guest is stopped",
                   d->path, h->config->name);
        r = commit_set_time(backing, was->mtime);
        return r >= 0 ? 0
                      : fault_set(f, VERDICT_DISK, false, r,
                                  "Disk=%s: cannot restore its modification time after an "
                                  "interrupted `umlctl disk commit`: %m",
                                  d->path);
}

int disk_cow_prepare(const Host *h, const Disk *d, int backing, Fault *f) {
        _cleanup_close_ int fd = open(d->cow, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        CowHeader is, was;
        struct stat st;
        int r;

        if (fd < 0 && errno != ENOENT)
                return fault_set(f, VERDICT_DISK, false, -errno,
                                 "Disk=%s: cannot open the copy-on-write file %s: %m", d->path,
                                 d->cow);
        if (image_undo_pending(backing))
                return fault_set(f, VERDICT_DISK, false, -EUCLEAN,
                                 "Disk=%s: a change of it by umlctl was interrupted; start a "
                                 "guest that has it without cow=, which undoes the change",
                                 d->path);
        r = describe_backing(d, backing, &is, f);
        if (r < 0)
                return r;
        if (fd < 0 || (fstat(fd, &st) >= 0 && S_ISREG(st.st_mode) && st.st_size == 0))
                return h->quiet ? 0 : make(d, &is, f);
        r = cow_read(fd, &was);
        if (r == -EPROTONOSUPPORT) /* the kernel can compare those itself */
                return 0;
        if (r < 0)
                return fault_set(f, VERDICT_DISK, false, r,
                                 "Disk=%s: %s is not a copy-on-write file; use another one in "
                                 "cow=, which umld will create",
                                 d->path, d->cow);
        r = undo_commit(h, d, backing, &was, &is, f);
        return r < 0 ? r : compare(d, &was, &is, f);
}
