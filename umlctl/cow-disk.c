/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cow-disk.c - the two files of a disk with a copy-on-write file. */

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "api/commit-note.h"
#include "api/exit-codes.h"
#include "basic/fd-util.h"
#include "basic/file-util.h"
#include "umlctl/cow-disk.h"
#include "umlctl/guest-image.h"
#include "umlctl/interrupt.h"
#include "umlctl/say.h"
#include "umlctl/status-value.h"

enum {
        CHUNK = 256 * 1024,
        BLOCK = 4096,
        KEEP_FREE = 16 * 1024 * 1024, /* on the host's disk */
};

void cow_disk_done(CowDisk *c) {
        c->base = safe_close(c->base);
        c->cow = safe_close(c->cow);
}

static int fail_file(const CowDisk *c, int error, const char *path) {
        if (error == -EBUSY)
                return fail_with(EXIT_FAILED,
                                 "%s: %s is in use by another process; see fuser -v %s", c->guest,
                                 path, path);
        return fail_with(error == -EACCES || error == -EPERM ? EXIT_NOT_PERMITTED : EXIT_FAILED,
                         "%s: cannot open %s: %s", c->guest, path, strerror(-error));
}

/* ---- opening ---- */

/* Only a regular file can be an image. */
static int open_file(const char *path, int flags, int *ret, struct stat *st) {
        _cleanup_close_ int fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);

        if (fd < 0 || fstat(fd, st) < 0)
                return -errno;
        if (!S_ISREG(st->st_mode))
                return -EINVAL;
        *ret = TAKE_FD(fd);
        return 0;
}

static int open_base(CowDisk *c, CowUse use) {
        struct stat st;
        int r = open_file(c->disk->path, use == COW_COMMIT ? O_RDWR : O_RDONLY, &c->base, &st);

        if (r >= 0)
                r = use == COW_COMMIT ? guest_image_lock(c->base) : guest_image_share(c->base);
        if (r >= 0 && strlen(c->disk->path) >= sizeof(c->header.backing))
                r = -ENAMETOOLONG;
        if (r < 0)
                return fail_file(c, r, c->disk->path);
        c->header.size = (uint64_t) st.st_size;
        c->header.mtime = (uint32_t) st.st_mtime;
        strcpy(c->header.backing, c->disk->path);
        return 0;
}

static bool belongs(const CowDisk *c, const CowHeader *h) {
        return h->size == c->header.size && h->mtime == c->header.mtime &&
               (streq(h->backing, c->disk->path) || file_is_at(c->base, h->backing));
}

bool cow_disk_fits(const CowDisk *c, int fd) {
        CowHeader h;

        return cow_read(fd, &h) >= 0 && belongs(c, &h);
}

/* An interrupted commit is taken up again from its beginning. */
static int check_pair(CowDisk *c) {
        CowHeader h;
        int r = cow_read(c->cow, &h);

        if (r < 0)
                return fail_with(EXIT_FAILED,
                                 "%s: %s is not a copy-on-write file, or of an unknown version; "
                                 "correct cow=",
                                 c->guest, c->disk->cow);
        if (commit_note_matches(c->disk->cow, c->disk->path, h.mtime))
                c->header.mtime = h.mtime;
        if (belongs(c, &h))
                return 0;
        return fail_with(
                EXIT_FAILED,
                "%s: %s has been modified since %s was created on top of it, or is another "
                "file; `umlctl check %s` says what differs",
                c->guest, c->disk->path, c->disk->cow, c->guest);
}

static int open_cow(CowDisk *c, CowUse use) {
        struct stat st;
        int r = open_file(c->disk->cow, use == COW_READ ? O_RDONLY : O_RDWR, &c->cow, &st);

        if (r == -ENOENT)
                return 0;
        if (r >= 0 && use != COW_READ)
                r = guest_image_lock(c->cow);
        if (r < 0)
                return fail_file(c, r, c->disk->cow);
        if (st.st_size == 0) {
                c->cow = safe_close(c->cow);
                return 0;
        }
        return use == COW_REPLACE ? 0 : check_pair(c);
}

int cow_disk_open(CowDisk *c, const char *guest, const Disk *disk, CowUse use) {
        int r;

        c->guest = guest;
        c->disk = disk;
        r = open_base(c, use);
        return r == 0 ? open_cow(c, use) : r;
}

/* ---- space ---- */

int cow_disk_count(const CowDisk *c, uint64_t *ret) {
        uint64_t begin, end, sum = 0;
        CowRuns runs;
        int r = 1;

        cow_runs_begin(&runs, c->cow, c->header.size);
        while (c->cow >= 0 && (r = cow_runs_next(&runs, &begin, &end)) > 0)
                sum += end - begin;
        if (r < 0)
                return fail_with(EXIT_FAILED, "%s: cannot read %s: %s", c->guest, c->disk->cow,
                                 strerror(-r));
        *ret = sum;
        return 0;
}

int cow_disk_whole(const CowDisk *c) {
        uint64_t begin, end, last = 0;
        struct stat st;
        CowHeader h;
        CowRuns runs;
        int r;

        if (fstat(c->cow, &st) < 0)
                return -errno;
        r = cow_read(c->cow, &h);
        if (r < 0)
                return r == -EBADMSG ? 0 : r;
        cow_runs_begin(&runs, c->cow, c->header.size);
        while ((r = cow_runs_next(&runs, &begin, &end)) > 0)
                last = runs.data + MIN(end, c->header.size);
        if (r < 0)
                return r == -EIO ? 0 : r;
        return (uint64_t) st.st_size >= last;
}

int cow_disk_check_whole(const CowDisk *c) {
        int r = c->cow < 0 ? 1 : cow_disk_whole(c);

        if (r > 0)
                return 0;
        if (r < 0)
                return fail_file(c, r, c->disk->cow);
        return fail_with(EXIT_FAILED,
                         "%s: the end of %s is missing, and with it some of the changes (nothing "
                         "was changed); restore that file, or give up what is in it: umlctl disk "
                         "%s reset",
                         c->guest, c->disk->cow, c->guest);
}

/* How much of this range has no blocks yet. */
static uint64_t holes_in(int fd, uint64_t begin, uint64_t end) {
        uint64_t sum = 0;

        while (begin < end) {
                off_t data = lseek(fd, (off_t) begin, SEEK_DATA), hole;
                uint64_t next = data < 0 ? end : MIN((uint64_t) data, end);

                sum += next - begin;
                if (next == end || (hole = lseek(fd, data, SEEK_HOLE)) < 0)
                        break;
                begin = (uint64_t) hole;
        }
        return sum;
}

int cow_disk_check_space(const CowDisk *c, int to) {
        uint64_t begin, end, needed = KEEP_FREE, left;
        struct statvfs st;
        CowRuns runs;

        if (fstatvfs(to, &st) < 0)
                return 0;
        left = (uint64_t) st.f_bavail * st.f_frsize;
        cow_runs_begin(&runs, c->cow, c->header.size);
        while (cow_runs_next(&runs, &begin, &end) > 0)
                needed += holes_in(to, begin, end);
        if (needed <= left)
                return 0;
        return fail_with(EXIT_FAILED,
                         "%s: the changes in %s need up to %s more on the host's disk, which has "
                         "%s left; free some space (nothing was changed)",
                         c->guest, c->disk->cow, FORMAT_SIZE(needed), FORMAT_SIZE(left));
}

/* ---- writing ---- */

static bool all_zero(const char *data, size_t n) {
        return n == 0 || (data[0] == 0 && memcmp(data, data + 1, n - 1) == 0);
}

static int put_block(int fd, const char *data, size_t n, uint64_t at) {
        ssize_t written;

        if (n == BLOCK && all_zero(data, n) &&
            fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t) at, BLOCK) >= 0)
                return 0;
        for (; n > 0; n -= (size_t) written, data += written, at += (uint64_t) written) {
                written = pwrite(fd, data, n, (off_t) at);
                if (written < 0)
                        return -errno;
        }
        return 0;
}

/* In blocks of the image, whose first and last may be parts of one. */
static int put(int fd, const char *data, size_t size, uint64_t at) {
        int r = 0;

        while (r >= 0 && size > 0) {
                size_t n = MIN(size, (size_t) (BLOCK - at % BLOCK));

                r = put_block(fd, data, n, at);
                data += n;
                size -= n;
                at += n;
        }
        return r;
}

static int copy_run(const CowRuns *runs, int to, char *buf, uint64_t begin, uint64_t end) {
        int r = 0;

        while (r >= 0 && begin < end) {
                size_t n = (size_t) MIN(end - begin, (uint64_t) CHUNK);
                ssize_t got = pread(runs->fd, buf, n, (off_t) (runs->data + begin));

                if (got <= 0)
                        return got < 0 ? -errno : -EIO;
                r = put(to, buf, (size_t) got, begin);
                begin += (uint64_t) got;
                if (interrupt_get())
                        return -EINTR;
        }
        return r;
}

static int copy_runs(const CowDisk *c, int to, uint64_t total, Progress *progress) {
        _cleanup_free_ char *buf = malloc(CHUNK);
        uint64_t begin, end, done = 0;
        CowRuns runs;
        int r = buf ? 1 : -ENOMEM;

        cow_runs_begin(&runs, c->cow, c->header.size);
        while (r >= 0 && (r = cow_runs_next(&runs, &begin, &end)) > 0) {
                end = MIN(end, c->header.size);
                r = copy_run(&runs, to, buf, begin, end);
                progress_set_amount(progress, done += end - begin, total);
                progress_draw(progress);
        }
        return r < 0 ? r : RET_NERRNO(fsync(to));
}

int cow_disk_apply(const CowDisk *c, int to, Progress *progress) {
        uint64_t total;
        int r;

        if (c->cow < 0)
                return 0;
        r = cow_disk_count(c, &total);
        if (r != 0)
                return r;
        r = copy_runs(c, to, total, progress);
        progress_wipe(progress);
        if (r == -EINTR)
                return fail_with(EXIT_FAILED, "%s: interrupted", c->guest);
        return r < 0 ? fail_with(EXIT_FAILED, "%s: cannot write the changes in %s: %s", c->guest,
                                 c->disk->cow, strerror(-r))
                     : 0;
}
