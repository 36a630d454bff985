/* SPDX-License-Identifier: GPL-2.0-or-later */
/* memfile.c - finds a UML kernel's memory file, and how much memory it uses. */

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "basic/cleanup.h"
#include "basic/parse-util.h"
#include "host/memfile.h"

int memfile_find(pid_t pid, MemFile *ret) {
        char directory[32];
        _cleanup_closedir_ DIR *d = NULL;
        MemFile found = {};
        struct dirent *de;

        if (pid <= 0)
                return -ENOENT;
        snprintf(directory, sizeof(directory), "/proc/%d/fd", pid);
        d = opendir(directory);
        if (!d)
                return -errno;
        while ((de = readdir(d))) {
                struct stat st;
                uint64_t number;

                if (parse_unsigned(de->d_name, 0, INT32_MAX, &number) < 0 ||
                    fstatat(dirfd(d), de->d_name, &st, 0) < 0)
                        continue;
                if (!S_ISREG(st.st_mode) || st.st_nlink > 0 || (uint64_t) st.st_size <= found.size)
                        continue;
                found = (MemFile){ .device = st.st_dev,
                                   .inode = st.st_ino,
                                   .size = (uint64_t) st.st_size,
                                   .charged = (uint64_t) st.st_blocks * 512 };
                snprintf(found.path, sizeof(found.path), "/proc/%d/fd/%u", pid, (unsigned) number);
        }
        if (found.size == 0)
                return -ENOENT;
        *ret = found;
        return 0;
}
