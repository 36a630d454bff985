/* SPDX-License-Identifier: GPL-2.0-or-later */
/* disk-commit.c - throws the changes of a disk away, or writes them into its backing file. */

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "api/commit-note.h"
#include "api/exit-codes.h"
#include "basic/file-util.h"
#include "umlctl/disk-commit.h"
#include "umlctl/say.h"

static int fail(const CowDisk *c, int error, const char *what) {
        return fail_with(error == -EACCES || error == -EPERM ? EXIT_NOT_PERMITTED : EXIT_FAILED,
                         "%s: cannot %s %s: %s", c->guest, what, c->disk->cow, strerror(-error));
}

/* ---- a copy-on-write file without changes ---- */

static int take_owner(int fd, int from) {
        struct stat st;

        if (fstat(from, &st) < 0 || fchmod(fd, st.st_mode & 07777) < 0 ||
            (geteuid() == 0 && fchown(fd, st.st_uid, st.st_gid) < 0))
                return -errno;
        return 0;
}

static int fill(int fd, const void *what) {
        const CowDisk *c = what;
        int r = cow_write(fd, &c->header);

        if (r >= 0)
                r = take_owner(fd, c->cow);
        return r < 0 ? r : RET_NERRNO(fsync(fd));
}

static int make_empty(const CowDisk *c) {
        int r = fill_file_atomic(c->disk->cow, fill, c);

        return r < 0 ? r : fsync_entry(c->disk->cow);
}

int disk_check_reset(const CowDisk *c) {
        if (!commit_note_exists(c->disk->cow))
                return 0;
        return fail_with(EXIT_FAILED,
                         "%s: a commit into %s was interrupted, so the backing file is of no use "
                         "without the changes; complete it first: umlctl disk %s commit",
                         c->guest, c->disk->path, c->guest);
}

int disk_reset(const CowDisk *c) {
        int r = c->cow < 0 ? 0 : make_empty(c);

        return r < 0 ? fail(c, r, "reset") : 0;
}

/* ---- commit ---- */

/* Other copy-on-write files on top of it must not take it for what it was, even if all of this
 * happens within one second. */
static int renew(CowDisk *c) {
        uint32_t now = (uint32_t) time(NULL), next = c->header.mtime + 1;
        int r;

        c->header.mtime = now > next ? now : next;
        r = commit_set_time(c->base, c->header.mtime);
        if (r >= 0)
                r = RET_NERRNO(fsync(c->base));
        return r < 0 ? r : make_empty(c);
}

static int write_changes(CowDisk *c, Progress *progress) {
        uint32_t before = c->header.mtime;
        int r = cow_disk_check_space(c, c->base);

        if (r != 0)
                return r;
        r = commit_note_write(c->disk->cow, c->disk->path, before);
        if (r < 0)
                return fail(c, r, "commit");
        r = cow_disk_apply(c, c->base, progress);
        if (r != 0) { /* the guest can go on with what it has */
                (void) commit_set_time(c->base, before);
                return r;
        }
        r = renew(c);
        return r < 0 ? fail(c, r, "commit") : 0;
}

int disk_commit(CowDisk *c, Progress *progress) {
        int r = c->cow < 0 ? 0 : write_changes(c, progress);

        if (r != 0)
                return r;
        r = commit_note_remove(c->disk->cow);
        return r < 0 ? fail(c, r, "commit") : 0;
}
