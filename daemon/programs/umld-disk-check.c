/* SPDX-License-Identifier: GPL-2.0-or-later */
/* umld-disk-check.c - umld-disk-check: prints the errors recorded in a file system, and runs e2fsck
 * to repair it.
 *
 * The contents of an image were written by the guest, so it is not umld that reads it, but this
 * program, as the guest's user, which owns the image at that time, and without any privileges. */

#include <ext2fs/ext2fs.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "basic/cleanup.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "daemon/programs/disk-check-protocol.h"

#define IMAGE "/proc/self/fd/3"
static_assert(DISK_CHECK_FD == 3, "IMAGE's number");

static int become(uid_t uid) {
        static const struct rlimit none = {};

        if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
                return -errno;
        (void) setrlimit(RLIMIT_CORE, &none);
        /* After the change of user our own directory in /proc is not accessible. */
        if (prctl(PR_SET_DUMPABLE, 1) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
            prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
                return -errno;
        return 0;
}

/* A superblock that the library rejects is a matter for e2fsck. */
static bool tell_errors(void) {
        const struct ext2_super_block *s;
        ext2_filsys fs;
        errcode_t e = ext2fs_open(IMAGE, EXT2_FLAG_64BITS | EXT2_FLAG_SOFTSUPP_FEATURES, 0, 0,
                                  unix_io_manager, &fs);
        bool errors;

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

int main(int argc, char *argv[]) {
        uint64_t uid;
        int r;

        if (argc != 2 || parse_unsigned(argv[1], 0, UINT32_MAX - 1, &uid) < 0) {
                fputs("umld-disk-check is run by umld(8) and is of no use by itself\n", stderr);
                return DISK_CHECK_FAILED;
        }
        if ((r = become((uid_t) uid)) < 0 || (r = set_path()) < 0) {
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
