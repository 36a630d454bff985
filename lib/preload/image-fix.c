/* SPDX-License-Identifier: GPL-2.0-or-later */
/* image-fix.c - lets the programs of e2fsprogs have an image that they got as descriptor 3.
 *
 * They open it by name, as /proc/self/fd/3, and the host's kernel then asks whether their user may
 * open that file. It may not: the image belongs to its guest. So this open() returns a duplicate.
 * Positions are common to all duplicates, but e2fsprogs reads and writes with pread() and pwrite()
 * or seeks before each access. */

#undef _FILE_OFFSET_BITS /* it would make open() another name for open64() */

#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

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
