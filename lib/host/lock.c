/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lock.c - one umld per guest, one guest per image. */

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "basic/cleanup.h"
#include "basic/fd-util.h"
#include "basic/file-util.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "host/file-lock.h"
#include "host/lock.h"

enum {
        LOCK_TRIES = 20, /* of 1 ms */
};

static pid_t read_pid(int fd) {
        char buf[16] = "";
        uint64_t pid;

        if (pread(fd, buf, sizeof(buf) - 1, 0) <= 0)
                return 0;
        buf[strcspn(buf, "\n")] = '\0';
        return parse_unsigned(buf, 1, INT32_MAX, &pid) < 0 ? 0 : (pid_t) pid;
}

/* A process that only looks (are we alive? is the image free?) also holds the lock for a moment. */
static int lock_patiently(int fd, int operation) {
        for (int i = 0; flock(fd, operation | LOCK_NB) < 0; i++) {
                if (errno != EWOULDBLOCK || i >= LOCK_TRIES)
                        return -errno;
                (void) usleep(1000);
        }
        return 0;
}

/* Over the pid of before, which ends with its line: there is no moment without one, and on a full
 * file system its block is still there. */
int pid_lock_renew(int fd) {
        char buf[16];
        int n = snprintf(buf, sizeof(buf), "%d\n", getpid());

        errno = EIO;
        return pwrite(fd, buf, (size_t) n, 0) != n || ftruncate(fd, n) < 0 ? -errno : 0;
}

int pid_lock(const char *path, pid_t *ret_holder) {
        for (;;) {
                _cleanup_close_ int fd =
                        open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
                int r;

                if (fd < 0)
                        return -errno;
                (void) fchmod(fd, 0644); /* whatever our umask: umlctl asks who has the lock */
                r = lock_patiently(fd, LOCK_EX);
                if (r < 0) {
                        if (r != -EWOULDBLOCK)
                                return r;
                        *ret_holder = read_pid(fd);
                        return -EEXIST;
                }
                if (!file_is_at(fd, path)) /* the previous holder may have removed it */
                        continue;
                r = pid_lock_renew(fd);
                if (r < 0) {
                        (void) unlink(path); /* useless without the pid, and only we know of it */
                        return r;
                }
                return TAKE_FD(fd);
        }
}

bool pid_lock_held(const char *path) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

        if (fd < 0)
                return errno != ENOENT && errno != ENOTDIR;
        return flock(fd, LOCK_SH | LOCK_NB) < 0;
}

int image_lock(const char *path, bool shared, pid_t *ret_holder) {
        /* Opening a FIFO that was put there must not block. */
        _cleanup_close_ int fd =
                open(path, (shared ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        struct flock lock = { .l_type = shared ? F_RDLCK : F_WRLCK, .l_whence = SEEK_SET };
        int r;

        if (fd < 0)
                return -errno;
        r = lock_patiently(fd, shared ? LOCK_SH : LOCK_EX);
        if (r < 0)
                return r == -EWOULDBLOCK ? -EEXIST : r;
        if (fcntl(fd, F_GETLK, &lock) < 0)
                return -errno;
        if (lock.l_type != F_UNLCK) {
                *ret_holder = lock.l_pid;
                return -EBUSY;
        }
        return TAKE_FD(fd);
}

/* The umld that holds that lock file; 0 = none. */
static pid_t holder_of(const char *lock) {
        _cleanup_close_ int fd = open(lock, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

        return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 ? read_pid(fd) : 0;
}

void image_unlock(int fd) {
        (void) flock(fd, LOCK_UN);
}

int image_look(const char *path, const char *lock) {
        _cleanup_free_ char *real = realpath(path, NULL);
        pid_t holder = holder_of(lock);
        struct stat st;

        if (holder <= 0 || !real || stat(real, &st) < 0 || !file_is_open(holder, real, &st))
                return -EEXIST;
        return RET_NERRNO(open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
}

static bool has_socket(pid_t pid, uint64_t inode) {
        _cleanup_free_ char *name = strfmt("/proc/%d/fd", pid),
                            *socket = strfmt("socket:[%" PRIu64 "]", inode);
        _cleanup_closedir_ DIR *dir = name && socket ? opendir(name) : NULL;
        const struct dirent *e;
        char target[64];

        while (dir && (e = readdir(dir))) {
                ssize_t n = readlinkat(dirfd(dir), e->d_name, target, sizeof(target));

                if (n == (ssize_t) strlen(socket) && memcmp(target, socket, (size_t) n) == 0)
                        return true;
        }
        return false;
}

bool pid_lock_has_socket(const char *lock, uint64_t inode) {
        pid_t holder = holder_of(lock);

        return holder > 0 && has_socket(holder, inode);
}
