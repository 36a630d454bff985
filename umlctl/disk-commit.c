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

/* ---- a commit that was interrupted ---- */

/* In its last step: the changes are in the backing file, and the guest may have made new ones. */
static bool commit_is_complete(const CowDisk *c) {
        uint32_t noted;
        CowHeader h;

        return commit_note_time(c->disk->cow, &noted) >= 0 && c->cow >= 0 &&
               cow_read(c->cow, &h) >= 0 && h.mtime != noted && cow_disk_fits(c, c->cow);
}

static bool can_be_completed(const CowDisk *c) {
        return c->cow >= 0 && cow_disk_whole(c) != 0;
}

int disk_check_reset(const CowDisk *c, bool to_snapshot) {
        if (!commit_note_exists(c->disk->cow) || commit_is_complete(c))
                return 0;
        if (can_be_completed(c))
                return fail_with(EXIT_FAILED,
                                 "%s: a commit into %s was interrupted, so the backing file is of "
                                 "no use without the changes; complete it first: umlctl disk %s "
                                 "commit",
                                 c->guest, c->disk->path, c->guest);
        if (to_snapshot)
                return fail_with(EXIT_FAILED,
                                 "%s: part of the changes in %s was written into %s, so the "
                                 "snapshot is of no use; reset without it: umlctl disk %s reset",
                                 c->guest, c->disk->cow, c->disk->path, c->guest);
        note("%s: a commit into %s was interrupted, and the end of %s is missing; what it has "
             "written stays there, so check the file system: e2fsck -f %s",
             c->guest, c->disk->path, c->disk->cow, c->disk->path);
        return 0;
}

/* ---- reset ---- */

/* Other copy-on-write files on top of the backing file must not take it for what it was, even if
 * all of this happens within one second. */
static int renew_time(CowDisk *c) {
        uint32_t now = (uint32_t) time(NULL), next = c->header.mtime + 1;
        int r;

        c->header.mtime = now > next ? now : next;
        r = commit_set_time(c->base, c->header.mtime);
        return r < 0 ? r : RET_NERRNO(fsync(c->base));
}

int disk_forget_commit(const CowDisk *c) {
        int r = commit_note_remove(c->disk->cow);

        return r < 0 ? fail(c, r, "remove the note of a commit of") : 0;
}

int disk_reset(CowDisk *c) {
        bool given_up = commit_note_exists(c->disk->cow) && !commit_is_complete(c);
        int r = given_up ? renew_time(c) : 0;

        if (r >= 0 && c->cow >= 0)
                r = make_empty(c);
        return r < 0 ? fail(c, r, "reset") : disk_forget_commit(c);
}

/* ---- commit ---- */

static int check_changes(const CowDisk *c) {
        int r = cow_disk_check_whole(c);

        return r == 0 ? cow_disk_check_space(c, c->base) : r;
}

static int renew(CowDisk *c) {
        int r = renew_time(c);

        return r < 0 ? r : make_empty(c);
}

static int write_changes(CowDisk *c, Progress *progress) {
        uint32_t before = c->header.mtime;
        int r = check_changes(c);

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

        return r == 0 ? disk_forget_commit(c) : r;
}
