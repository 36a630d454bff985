/* SPDX-License-Identifier: GPL-2.0-or-later */
/* memfile.c - finds a UML kernel's memory file, and how much memory it uses. */

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/cleanup.h"
#include "basic/file-util.h"
#include "basic/parse-util.h"
#include "basic/process.h"
#include "host/memfile.h"

#define STATUS_MAX (64 << 10) /* bytes */

/* How much of files in a tmpfs the process has mapped, which a UML kernel has of its memory file
 * alone, and all that is in it: but for what the host has swapped out. */
static int read_mapped(pid_t pid, uint64_t *ret) {
        static const char field[] = "\nRssShmem:";
        _cleanup_free_ char *text = NULL;
        const char *p;
        char path[32];
        ssize_t n;

        snprintf(path, sizeof(path), "/proc/%d/status", pid);
        n = read_file(path, STATUS_MAX, &text);
        if (n < 0)
                return (int) n;
        p = strstr(text, field);
        if (p && sscanf(p + strlen(field), " %" SCNu64, ret) == 1) {
                *ret *= 1024;
                return 0;
        }
        free(TAKE_PTR(text)); /* before Linux 4.5 */
        snprintf(path, sizeof(path), "/proc/%d/statm", pid);
        n = read_file(path, STATUS_MAX, &text);
        if (n < 0)
                return (int) n;
        if (sscanf(text, "%*u %*u %" SCNu64, ret) != 1)
                return -EBADMSG;
        *ret *= (uint64_t) sysconf(_SC_PAGESIZE);
        return 0;
}

int memfile_find(pid_t pid, MemFile *ret) {
        char directory[32];
        _cleanup_closedir_ DIR *d = NULL;
        MemFile found = {};
        struct dirent *de;

        if (pid <= 0)
                return -ENOENT;
        if (process_is_hidden(pid)) {
                int r = read_mapped(pid, &found.charged);

                if (r < 0 || found.charged == 0)
                        return r < 0 ? r : -ENOENT;
                *ret = found;
                return 0;
        }
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

        if (inode == 0 && pid > 0)
                return read_mapped(pid, ret);
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
