/* SPDX-License-Identifier: GPL-2.0-or-later */
/* distant.c - which files are on a file system with a server.
 *
 * statfs() would tell, and is a question to that server. The mount is known without it. */

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "basic/cleanup.h"
#include "basic/string-util.h"
#include "host/distant.h"

/* Everything else needs a server or another process, or could need one. */
static const char *const local_types[] = {
        "ext4",  "xfs",   "btrfs",    "tmpfs", "overlay",  "ext3",    "ext2",     "f2fs",
        "zfs",   "jfs",   "bcachefs", "ramfs", "rootfs",   "nilfs2",  "reiserfs", "squashfs",
        "erofs", "ntfs3", "exfat",    "vfat",  "devtmpfs", "iso9660", "udf",      "hugetlbfs",
};

static bool is_local(const char *type) {
        FOREACH_ELEMENT (local, local_types)
                if (streq(type, *local))
                        return true;
        return false;
}

/* The number of the mount that an open file is on. */
static int mount_of(int fd, uint64_t *ret) {
        _cleanup_free_ char *path = strfmt("/proc/self/fdinfo/%d", fd), *line = NULL;
        _cleanup_fclose_ FILE *f = path ? fopen(path, "re") : NULL;
        size_t room = 0;

        while (f && getline(&line, &room, f) >= 0)
                if (sscanf(line, "mnt_id: %" SCNu64, ret) == 1)
                        return 0;
        return -ENODATA;
}

/* "36 35 98:0 / /mnt rw,noatime shared:1 - ext3 /dev/sda1 rw": the word behind the hyphen */
static bool type_in(const char *line, char type[static 32]) {
        const char *hyphen = strstr(line, " - ");

        return hyphen && sscanf(hyphen + 3, "%31s", type) == 1;
}

bool file_is_distant(int fd) {
        _cleanup_fclose_ FILE *f = fopen("/proc/self/mountinfo", "re");
        _cleanup_free_ char *line = NULL;
        uint64_t wanted, id;
        size_t room = 0;
        char type[32];

        if (mount_of(fd, &wanted) < 0)
                return true;
        while (f && getline(&line, &room, f) >= 0)
                if (sscanf(line, "%" SCNu64, &id) == 1 && id == wanted)
                        return !type_in(line, type) || !is_local(type);
        return true; /* a mount of another namespace */
}

static int open_nearest(const char *path) {
        _cleanup_free_ char *above = strdup(path);
        int fd = open(path, O_PATH | O_CLOEXEC);
        char *slash;

        while (fd < 0 && errno == ENOENT && above && (slash = strrchr(above, '/'))) {
                *slash = '\0';
                fd = open(*above ? above : "/", O_PATH | O_CLOEXEC);
        }
        return fd;
}

/* What the kernel remembers of a file does not tell whether its server is still there. */
bool path_is_distant(const char *path) {
        _cleanup_close_ int fd = open_nearest(path);
        struct statx stx;

        if (fd < 0 || !file_is_distant(fd))
                return false;
        (void) statx(fd, "", AT_EMPTY_PATH | AT_STATX_FORCE_SYNC, STATX_BASIC_STATS, &stx);
        return true;
}
