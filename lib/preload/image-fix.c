/* SPDX-License-Identifier: GPL-2.0-or-later */
/* image-fix.c - lets the programs of e2fsprogs have an image that they got as descriptor 3, and
 * records what they overwrite in it, by which time is that of the change.
 *
 * They open it by name, as /proc/self/fd/3, and the host's kernel then asks whether their user may
 * open that file. It may not: the image belongs to its guest. So this open() returns a duplicate.
 * Positions are common to all duplicates, but e2fsprogs reads and writes with pread() and pwrite()
 * or seeks before each access.
 *
 * e2fsprogs can write undo files itself, but does so through a cache, which is lost if it is
 * killed, while the image has been changed. */

#undef _FILE_OFFSET_BITS /* it would make open() another name for open64() */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "basic/macro.h"
#include "basic/undo-record.h"
#include "preload/open-mode.h"

#define IMAGE "/proc/self/fd/3"

/* Those of <bits/fcntl2.h>, which programs built with _FORTIFY_SOURCE call. */
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);

static int open_file(const char *path, int flags, mode_t mode) {
        if (strcmp(path, IMAGE) == 0)
                return fcntl(3, F_DUPFD_CLOEXEC, 4);
        return (int) syscall(SYS_openat, AT_FDCWD, path, flags | O_LARGEFILE, mode);
}

int open(const char *path, int flags, ...) {
        return open_file(path, flags, MODE(flags));
}

int open64(const char *path, int flags, ...) {
        return open_file(path, flags, MODE(flags));
}

int __open_2(const char *path, int flags) {
        return open_file(path, flags, 0);
}

int __open64_2(const char *path, int flags) {
        return open_file(path, flags, 0);
}

/* ---- what they overwrite ---- */

enum {
        EXIT_STATUS = 8, /* of e2fsck: "operational error" */
};

__attribute__((constructor)) static void begin(void) {
        static const char *const times[] = { "SOURCE_DATE_EPOCH", "E2FSPROGS_FAKE_TIME",
                                             "E2FSCK_TIME" };
        const char *undo = getenv(IMAGE_UNDO_VARIABLE);

        if (!undo)
                return;
        FOREACH_ELEMENT (name, times)
                (void) unsetenv(*name);
        if (undo_record_begin(3, atoi(undo)) >= 0)
                return;
        fputs("cannot read the undo file of the image\n", stderr);
        _exit(EXIT_STATUS);
}

/* false: it must not be written there, with errno set. */
static bool may_write(int fd, off64_t offset, size_t size) {
        int r = undo_record_is_image(fd) ? undo_record((uint64_t) offset, size) : 0;

        errno = r < 0 ? -r : errno;
        return r >= 0;
}

#define NEXT(name) ((__typeof__(&name)) dlsym(RTLD_NEXT, #name))

/* What they write into the superblock. */
time_t time(time_t *ret) {
        struct timespec now;
        time_t t = undo_record_time();

        if (undo_record_fd() < 0 && clock_gettime(CLOCK_REALTIME, &now) >= 0)
                t = now.tv_sec;
        if (ret)
                *ret = t;
        return t;
}

/* resize2fs would cut off what is behind the file system: the mark of the change. umlctl gives the
 * image its size. */
int ftruncate(int fd, off_t size) {
        return undo_record_is_image(fd) ? 0 : NEXT(ftruncate)(fd, size);
}

int ftruncate64(int fd, off64_t size) {
        return undo_record_is_image(fd) ? 0 : NEXT(ftruncate64)(fd, size);
}

ssize_t write(int fd, const void *data, size_t size) {
        off64_t offset = undo_record_is_image(fd) ? lseek64(fd, 0, SEEK_CUR) : 0;

        return may_write(fd, offset, size) ? NEXT(write)(fd, data, size) : -1;
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) {
        return may_write(fd, offset, size) ? NEXT(pwrite)(fd, data, size, offset) : -1;
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) {
        return may_write(fd, offset, size) ? NEXT(pwrite64)(fd, data, size, offset) : -1;
}

int fallocate(int fd, int mode, off_t offset, off_t size) {
        return may_write(fd, offset, (size_t) size) ? NEXT(fallocate)(fd, mode, offset, size) : -1;
}

int fallocate64(int fd, int mode, off64_t offset, off64_t size) {
        return may_write(fd, offset, (size_t) size) ? NEXT(fallocate64)(fd, mode, offset, size)
                                                    : -1;
}
