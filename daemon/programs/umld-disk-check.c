/* SPDX-License-Identifier: GPL-2.0-or-later */
/* umld-disk-check.c - umld-disk-check: undoes a change of an image by umlctl that was interrupted,
 * prints the errors recorded in its file system, and runs e2fsck to repair it.
 *
 * The contents of an image were written by the guest, so it is not umld that reads it, but this
 * program, in a sandbox, as a user of its own. The image stays the guest's: it comes as an open
 * descriptor, and an object that is preloaded into e2fsck lets that use it. */

#include <ext2fs/ext2fs.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/image-undo.h"
#include "basic/cleanup.h"
#include "basic/sandbox.h"
#include "basic/string-util.h"
#include "host/disk-check-protocol.h"

/* Enough for e2fsck on some terabytes. */
#define MEMORY_MAX (UINT64_C(2) << 30)

enum {
        FILES_MAX = 64,
};

#define IMAGE "/proc/self/fd/3"
static_assert(DISK_CHECK_FD == 3, "IMAGE's number");

/* It neither grows nor shrinks an image. */
static int enter_sandbox(void) {
        struct stat st;

        if (fstat(DISK_CHECK_FD, &st) < 0)
                return -errno;
        return sandbox_enter(&(const Sandbox){
                .uid = DISK_CHECK_UID,
                .files = FILES_MAX,
                .file_size = S_ISREG(st.st_mode) ? (uint64_t) st.st_size : UINT64_MAX,
                .memory = MEMORY_MAX });
}

/* A superblock that the library rejects is a matter for e2fsck. */
static bool tell_errors(void) {
        const struct ext2_super_block *s;
        ext2_filsys fs;
        int own = fcntl(DISK_CHECK_FD, F_DUPFD_CLOEXEC, DISK_CHECK_FD + 1);
        char number[16];
        errcode_t e;
        bool errors;

        snprintf(number, sizeof(number), "%d", own); /* the library closes it */
        e = ext2fs_open(number, EXT2_FLAG_64BITS | EXT2_FLAG_SOFTSUPP_FEATURES, 0, 0,
                        unixfd_io_manager, &fs);
        if (e != 0) {
                printf("superblock: %s\n", error_message(e));
                return true;
        }
        s = fs->super;
        errors = (s->s_state & EXT2_ERROR_FS) || s->s_error_count != 0;
        if (s->s_error_count != 0)
                printf("%u errors recorded, the first in %.*s, the last in %.*s\n",
                       s->s_error_count, (int) sizeof(s->s_first_error_func),
                       (const char *) s->s_first_error_func, (int) sizeof(s->s_last_error_func),
                       (const char *) s->s_last_error_func);
        ext2fs_free(fs);
        return errors;
}

/* The PATH set by systemd or a login shell may lack the sbin directories. */
static int set_path(void) {
        _cleanup_free_ char *path =
                strfmt("%s:/usr/sbin:/sbin:/usr/bin:/bin", getenv("PATH") ?: "");

        return path ? RET_NERRNO(setenv("PATH", path + (path[0] == ':'), 1)) : -ENOMEM;
}

/* By its descriptor, since its path may lead through directories of root's. */
static int preload(const char *object) {
        char path[32];
        int fd = open(object, O_RDONLY); /* stays open in e2fsck */

        if (fd < 0)
                return -errno;
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        return RET_NERRNO(setenv("LD_PRELOAD", path, 1));
}

/* Its errors are no matter of this guest's. */
static bool is_read_only(void) {
        return (fcntl(DISK_CHECK_FD, F_GETFL) & O_ACCMODE) == O_RDONLY;
}

/* Before the sandbox, which sees no more of the host's files: bytes are copied, and none of them is
 * looked at. */
static int undo(uid_t owner) {
        int fd = is_read_only() ? open(IMAGE, O_RDWR | O_CLOEXEC) : DISK_CHECK_FD,
            r = fd < 0 ? -errno : image_undo_apply_of(fd, owner);

        if (r < 0)
                fprintf(stderr, "an interrupted change cannot be undone: %s\n", image_undo_why(r));
        else if (r == IMAGE_UNDO_DONE)
                puts("a change by umlctl was interrupted, and has been undone");
        else if (r == IMAGE_UNDO_COMPLETE)
                puts("a change by umlctl was interrupted when it was complete, so nothing was "
                     "undone");
        else if (r == IMAGE_UNDO_REPLACED)
                puts("a change by umlctl was interrupted, and the image has been replaced since, "
                     "so nothing was undone");
        return r;
}

int main(int argc, char *argv[]) {
        int r;

        if (argc != 3) {
                fputs("umld-disk-check is run by umld(8) and is of no use by itself\n", stderr);
                return DISK_CHECK_FAILED;
        }
        if (undo((uid_t) strtoul(argv[2], NULL, 10)) < 0)
                return DISK_CHECK_NOT_UNDONE;
        if (is_read_only())
                return 0;
        if ((r = preload(argv[1])) < 0 || (r = enter_sandbox()) < 0 || (r = set_path()) < 0) {
                fprintf(stderr, "umld-disk-check: %s\n", strerror(-r));
                return DISK_CHECK_FAILED;
        }
        if (!tell_errors())
                return 0;
        (void) fflush(stdout);
        (void) execlp("e2fsck", "e2fsck", "-p", "-f", IMAGE, (char *) NULL);
        fprintf(stderr, "e2fsck: %s\n", strerror(errno));
        return errno == ENOENT ? DISK_CHECK_NO_E2FSCK : DISK_CHECK_FAILED;
}
