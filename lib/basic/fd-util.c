/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fd-util.c - descriptor flags, reads and writes that complete, and passing descriptors on. */

#include <fcntl.h>
#include <limits.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "basic/cleanup.h"
#include "basic/fd-util.h"
#include "basic/parse-util.h"

enum {
        NUMBERS_MAX = 64 * 1024, /* tried one by one, for lack of anything better */
};

static int fd_set_flag(int fd, int get, int set, int flag, bool on) {
        int flags = fcntl(fd, get, 0);

        if (flags < 0)
                return -errno;
        if (((flags & flag) != 0) == on)
                return 0;
        return RET_NERRNO(fcntl(fd, set, on ? flags | flag : flags & ~flag));
}

int fd_nonblock(int fd, bool nonblock) {
        return fd_set_flag(fd, F_GETFL, F_SETFL, O_NONBLOCK, nonblock);
}

int fd_cloexec(int fd, bool cloexec) {
        return fd_set_flag(fd, F_GETFD, F_SETFD, FD_CLOEXEC, cloexec);
}

int fd_above_stdio(int fd) {
        int copy, r;

        if (fd < 0 || fd > STDERR_FILENO)
                return fd;
        copy = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        r = RET_NERRNO(copy);
        safe_close(fd);
        return r;
}

static bool is_among(int fd, const int *list, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (list[i] == fd)
                        return true;
        return false;
}

#ifndef SYS_close_range
        #define SYS_close_range 436
#endif

/* Closes the range from one kept descriptor to the next. Linux 5.9. */
static bool close_ranges(const int *keep, size_t n) {
        unsigned first = STDERR_FILENO + 1;

        for (;;) {
                unsigned last = UINT_MAX;

                for (size_t i = 0; i < n; i++)
                        if (keep[i] >= 0 && (unsigned) keep[i] >= first)
                                last = MIN(last, (unsigned) keep[i]);
                if (last == UINT_MAX)
                        return syscall(SYS_close_range, first, UINT_MAX, 0) >= 0;
                if (last > first && syscall(SYS_close_range, first, last - 1, 0) < 0)
                        return false;
                first = last + 1;
        }
}

/* As getdents64(2) fills it in. */
typedef struct Entry {
        uint64_t inode;
        int64_t offset;
        uint16_t size;
        uint8_t type;
        char name[];
} Entry;

static void close_entries(const char *buf, long size, int dir, const int *keep, size_t n) {
        const Entry *e;
        uint64_t fd;

        for (long at = 0; at < size; at += e->size) {
                e = (const void *) (buf + at);
                if (parse_unsigned(e->name, STDERR_FILENO + 1, INT32_MAX, &fd) >= 0 &&
                    (int) fd != dir && !is_among((int) fd, keep, n))
                        (void) close((int) fd);
        }
}

/* Closes what /proc lists, which continues by number whatever is closed meanwhile. Between fork()
 * and exec() nothing may allocate memory, as opendir() does. */
static bool close_listed(const int *keep, size_t n) {
        _cleanup_close_ int dir = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _Alignas(Entry) char buf[1024];
        long size;

        if (dir < 0)
                return false;
        while ((size = syscall(SYS_getdents64, dir, buf, sizeof(buf))) > 0)
                close_entries(buf, size, dir, keep, n);
        return size == 0;
}

/* Without /proc only the limit is known. A service without a limit would take minutes for all of
 * these numbers, few of which are open. */
static int numbers_end(void) {
        long max = sysconf(_SC_OPEN_MAX);

        return max < 0 || max > NUMBERS_MAX ? NUMBERS_MAX : (int) max;
}

void fd_close_all_but(const int *keep, size_t n) {
        if (close_ranges(keep, n) || close_listed(keep, n))
                return;
        for (int fd = STDERR_FILENO + 1, end = numbers_end(); fd < end; fd++)
                if (!is_among(fd, keep, n))
                        (void) close(fd);
}

static int cloexec_all(int first) {
        _cleanup_closedir_ DIR *d = opendir("/proc/self/fd");
        int end = d ? 0 : numbers_end();
        struct dirent *de;

        for (int fd = first; fd < end; fd++)
                (void) fd_cloexec(fd, true);
        while (d && (de = readdir(d))) {
                uint64_t fd;
                int r;

                if (parse_unsigned(de->d_name, (uint64_t) first, INT32_MAX, &fd) < 0)
                        continue;
                r = fd_cloexec((int) fd, true);
                if (r < 0)
                        return r;
        }
        return 0;
}

int fd_tidy_inherited(void) {
        int fd;

        do {
                fd = open("/dev/null", O_RDWR);
                if (fd < 0)
                        return -errno;
        } while (fd <= STDERR_FILENO);
        safe_close(fd);
        return cloexec_all(STDERR_FILENO + 1);
}

int fd_stat(int fd, struct stat *ret) {
        struct statx stx;

        /* Kernels before 4.11 do not have it. */
        if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_BASIC_STATS, &stx) < 0)
                return errno == ENOSYS ? RET_NERRNO(fstat(fd, ret)) : -errno;
        *ret = (struct stat){ .st_dev = makedev(stx.stx_dev_major, stx.stx_dev_minor),
                              .st_ino = stx.stx_ino,
                              .st_mode = stx.stx_mode,
                              .st_uid = stx.stx_uid,
                              .st_gid = stx.stx_gid,
                              .st_size = (off_t) stx.stx_size,
                              .st_blocks = (blkcnt_t) stx.stx_blocks };
        return 0;
}

ssize_t read_all(int fd, void *buf, size_t size) {
        size_t done = 0;

        while (done < size) {
                ssize_t n = read(fd, (char *) buf + done, size - done);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                done += (size_t) n;
        }
        return (ssize_t) done;
}

int write_all(int fd, const void *buf, size_t size) {
        size_t done = 0;

        while (done < size) {
                ssize_t n = write(fd, (const char *) buf + done, size - done);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                done += (size_t) n;
        }
        return 0;
}

int fds_send(int socket, const void *message, size_t size, const int *fds, size_t n) {
        union {
                struct cmsghdr align;
                char buf[CMSG_SPACE(FDS_SEND_MAX * sizeof(int))];
        } control = {};
        struct iovec iov = { .iov_base = (void *) message, .iov_len = size };
        struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };

        if (n > FDS_SEND_MAX)
                return -EINVAL;
        if (n > 0) {
                struct cmsghdr *c;

                mh.msg_control = &control;
                mh.msg_controllen = CMSG_SPACE(n * sizeof(int));
                c = CMSG_FIRSTHDR(&mh);
                c->cmsg_level = SOL_SOCKET;
                c->cmsg_type = SCM_RIGHTS;
                c->cmsg_len = CMSG_LEN(n * sizeof(int));
                memcpy(CMSG_DATA(c), fds, n * sizeof(int));
        }
        return sendmsg(socket, &mh, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}
