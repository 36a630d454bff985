/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mounts.c - the file systems that a service needs beside its image. */

#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "basic/macro.h"
#include "guest/mounts.h"

static const struct {
        const char *what, *where, *options;
        unsigned long flags;
} mounts[] = {
        { "proc", "/proc", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC },
        { "sysfs", "/sys", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC },
        { "devtmpfs", "/dev", "mode=0755", MS_NOSUID },
        { "devpts", "/dev/pts", "newinstance,ptmxmode=0666,mode=0620,gid=5",
          MS_NOSUID | MS_NOEXEC },
        { "tmpfs", "/dev/shm", "mode=1777", MS_NOSUID | MS_NODEV },
        { "mqueue", "/dev/mqueue", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC },
        { "cgroup2", "/sys/fs/cgroup", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC },
};

static const struct {
        const char *path;
        unsigned major, minor;
        mode_t mode;
} devices[] = {
        { "/dev/console", 5, 1, 0600 }, { "/dev/tty", 5, 0, 0666 },     { "/dev/tty0", 4, 0, 0600 },
        { "/dev/null", 1, 3, 0666 },    { "/dev/zero", 1, 5, 0666 },    { "/dev/full", 1, 7, 0666 },
        { "/dev/random", 1, 8, 0666 },  { "/dev/urandom", 1, 9, 0666 },
};

static const struct {
        const char *path, *target;
} links[] = {
        { "/dev/fd", "/proc/self/fd" },       { "/dev/stdin", "/proc/self/fd/0" },
        { "/dev/stdout", "/proc/self/fd/1" }, { "/dev/stderr", "/proc/self/fd/2" },
        { "/dev/ptmx", "pts/ptmx" },
};

void mounts_make(void) {
        (void) umask(0);
        FOREACH_ELEMENT (m, mounts) {
                (void) mkdir(m->where, 0755);
                (void) mount(m->what, m->where, m->what, m->flags, m->options);
        }
        /* Those that are there already are devtmpfs's; a kernel without it has none. */
        FOREACH_ELEMENT (d, devices)
                (void) mknod(d->path, S_IFCHR | d->mode, makedev(d->major, d->minor));
        (void) unlink("/dev/ptmx");
        FOREACH_ELEMENT (l, links)
                (void) symlink(l->target, l->path);
        (void) umask(022);
}

void mounts_end(void) {
        sync();
        (void) mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY, NULL);
        sync();
}
