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
                found.number = (int) number;
                snprintf(found.path, sizeof(found.path), "/proc/%d/fd/%u", pid, (unsigned) number);
        }
        if (found.size == 0)
                return -ENOENT;
        *ret = found;
        return 0;
}

static bool charged_at(pid_t pid, int number, uint64_t device, uint64_t inode, uint64_t *ret) {
        char path[40];
        struct stat st;

        snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, number);
        if (pid <= 0 || stat(path, &st) < 0 || st.st_dev != device || st.st_ino != inode)
                return false;
        *ret = (uint64_t) st.st_blocks * 512;
        return true;
}

int memfile_charged(pid_t pid, uint64_t device, uint64_t inode, uint64_t *ret) {
        static int usual = 3; /* the descriptor where the last one was */
        MemFile file;
        int r;

        if (charged_at(pid, usual, device, inode, ret))
                return 0;
        r = memfile_find(pid, &file);
        if (r < 0)
                return r;
        if (file.device != device || file.inode != inode)
                return -ENOENT;
        usual = file.number;
        *ret = file.charged;
        return 0;
}
