/* SPDX-License-Identifier: GPL-2.0-or-later */
/* file-lock.c - takes locks without waiting, and finds out who holds them. */

#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "basic/cleanup.h"
#include "basic/process.h"
#include "host/file-lock.h"

enum {
        LOOKS = 3,
};

int file_lock(const char *path, int flags, mode_t mode) {
        _cleanup_close_ int fd = open(path, flags | O_CLOEXEC, mode);

        if (fd < 0)
                return -errno;
        while (flock(fd, LOCK_EX | LOCK_NB) < 0)
                if (errno != EINTR)
                        return errno == EWOULDBLOCK ? -EAGAIN : -errno;
        return TAKE_FD(fd);
}

/* The process that has locked that file according to /proc/locks; 0 = none. */
static pid_t find_in_locks(const struct stat *file) {
        _cleanup_fclose_ FILE *f = fopen("/proc/locks", "re");
        _cleanup_free_ char *line = NULL;
        size_t size = 0;

        while (f && getline(&line, &size, f) >= 0) {
                unsigned device_major, device_minor;
                uint64_t inode;
                int pid;

                /* Lines of processes that wait have an arrow before the word. */
                if (sscanf(line, "%*d: FLOCK %*s %*s %d %x:%x:%" SCNu64, &pid, &device_major,
                           &device_minor, &inode) == 4 &&
                    inode == file->st_ino && pid > 0 &&
                    makedev(device_major, device_minor) == file->st_dev)
                        return pid;
        }
        return 0;
}

/* Does the link lead to something of that name? What it leads to may be on the server of a network
 * file system that is gone, and a stat() of that would not return. */
static bool is_named(int directory, const char *link, const char *name) {
        char target[PATH_MAX], *slash;
        ssize_t n = readlinkat(directory, link, target, sizeof(target) - 1);
        size_t size = strlen(name);

        if (n < 0)
                return false;
        target[n] = '\0';
        slash = strrchr(target, '/');
        return slash && strncmp(slash + 1, name, size) == 0 &&
               (slash[1 + size] == '\0' || streq(slash + 1 + size, " (deleted)"));
}

bool file_is_open(pid_t pid, const char *path, const struct stat *file) {
        const char *name = strrchr(path, '/');
        _cleanup_closedir_ DIR *d = NULL;
        char directory[32];
        struct dirent *de;

        snprintf(directory, sizeof(directory), "/proc/%d/fd", (int) pid);
        d = opendir(directory);
        while (d && (de = readdir(d))) {
                struct stat st;

                if (name && is_named(dirfd(d), de->d_name, name + 1) &&
                    fstatat(dirfd(d), de->d_name, &st, 0) >= 0 && st.st_ino == file->st_ino &&
                    st.st_dev == file->st_dev)
                        return true;
        }
        return false;
}

/* Many may have the lock in turn, each for a moment only: one that has just released it is no
 * reason to search all processes. */
static pid_t find_listed(const char *path, const struct stat *file) {
        for (int i = 0; i < LOOKS; i++) {
                pid_t pid = find_in_locks(file);

                if (pid == 0 || process_is_hidden(pid) || file_is_open(pid, path, file))
                        return pid;
        }
        return 0;
}

/* The list is not enough: on overlayfs the lock's device is not the file's, and a lock inherited
 * from a process that has ended is listed under the pid of that process. */
static pid_t find_by_descriptors(const char *path, const struct stat *file) {
        _cleanup_closedir_ DIR *d = opendir("/proc");
        struct dirent *de;

        while (d && (de = readdir(d))) {
                pid_t pid = isdigit((unsigned char) de->d_name[0]) ? (pid_t) atoi(de->d_name) : 0;

                if (pid > 0 && pid != getpid() && file_is_open(pid, path, file))
                        return pid;
        }
        return 0;
}

int file_lock_holder(const char *path, pid_t *ret_pid, char ret_comm[static 16]) {
        _cleanup_free_ char *real = realpath(path, NULL);
        struct stat file;
        pid_t pid;

        if (!real || stat(real, &file) < 0)
                return -errno;
        pid = find_listed(real, &file);
        if (pid == 0)
                pid = find_by_descriptors(real, &file);
        if (pid == 0)
                return 0;
        process_comm(pid, ret_comm);
        for (char *c = ret_comm; *c; c++) /* any process may call itself anything */
                if (*c < ' ' || *c > '~')
                        *c = '?';
        *ret_pid = pid;
        return 1;
}
