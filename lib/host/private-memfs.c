/* SPDX-License-Identifier: GPL-2.0-or-later */
/* private-memfs.c - mounts a tmpfs that holds one guest's memory file and nothing else. */

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>

#include "basic/cleanup.h"
#include "host/private-memfs.h"

enum {
        TRY_SIZE = 4096,
};

/* Creates an unnamed file if the file system can; Linux 2.6.32 has no tmpfs that can. */
static int open_unnamed(const char *directory) {
        int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        char path[4096];

        if (fd >= 0 || (errno != EISDIR && errno != EOPNOTSUPP && errno != EINVAL))
                return RET_NERRNO(fd);
        if (snprintf(path, sizeof(path), "%s/umld.XXXXXX", directory) >= (int) sizeof(path))
                return -ENAMETOOLONG;
        fd = RET_NERRNO(mkostemp(path, O_CLOEXEC));
        if (fd >= 0)
                (void) unlink(path);
        return fd;
}

int memfs_check_exec(const char *directory) {
        _cleanup_close_ int fd = open_unnamed(directory);
        void *p;

        if (fd < 0)
                return fd;
        if (ftruncate(fd, TRY_SIZE) < 0)
                return -errno;
        p = mmap(NULL, TRY_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_SHARED, fd, 0);
        if (p == MAP_FAILED)
                return -errno;
        (void) munmap(p, TRY_SIZE);
        return 0;
}

int private_memfs_mount(const char *directory, uid_t uid, uint64_t size) {
        char data[128];
        int r;

        snprintf(data, sizeof(data), "mode=0700,uid=%u,gid=%u,size=%" PRIu64 ",nr_inodes=16",
                 (unsigned) uid, (unsigned) uid, size);
        if (mount("umld", directory, "tmpfs", MS_NOSUID | MS_NODEV, data) < 0)
                return -errno;
        r = memfs_check_exec(directory);
        if (r < 0)
                (void) umount2(directory, MNT_DETACH);
        return r;
}
