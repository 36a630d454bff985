/* SPDX-License-Identifier: GPL-2.0-or-later */
/* other-file.c - preloaded: whoever opens the file FILE gets the file OTHER_FILE instead, as one of
 * /proc that this kernel does not have. */

#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int open(const char *path, int flags, ...) {
        const char *file = getenv("FILE"), *other = getenv("OTHER_FILE");
        mode_t mode = 0;
        va_list list;

        va_start(list, flags);
        if (flags & O_CREAT)
                mode = va_arg(list, mode_t);
        va_end(list);
        if (file && other && strcmp(path, file) == 0)
                path = other;
        return (int) syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}
