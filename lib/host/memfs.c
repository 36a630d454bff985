/* SPDX-License-Identifier: GPL-2.0-or-later */
/* memfs.c - measures and remounts the file system of a guest's memory file. */

#include <linux/magic.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

#include "basic/cleanup.h"
#include "basic/mountinfo.h"
#include "host/memfs.h"

#ifndef MS_NOSYMFOLLOW
        #define MS_NOSYMFOLLOW 256 /* glibc 2.31 does not know it yet */
#endif
#ifndef MS_LAZYTIME
        #define MS_LAZYTIME (1 << 25)
#endif

int memfs_measure(const char *path, MemFs *ret) {
        struct statvfs vfs;
        struct statfs fs;

        if (statfs(path, &fs) < 0 || statvfs(path, &vfs) < 0)
                return -errno;
        *ret = (MemFs){
                .size = (uint64_t) fs.f_blocks * (uint64_t) fs.f_bsize,
                /* Blocks reserved for root are not available to guests. */
                .used = (uint64_t) (fs.f_blocks - MIN(fs.f_bavail, fs.f_blocks)) *
                        (uint64_t) fs.f_bsize,
                .tmpfs = (uint32_t) fs.f_type == TMPFS_MAGIC,
                .noexec = (vfs.f_flag & ST_NOEXEC) != 0,
                .read_only = (vfs.f_flag & ST_RDONLY) != 0,
        };
        return 0;
}

/* The flags for mount(2) that keep what the mount and its file system have now. A remount sets or
 * clears each of them; options that are not flags (nr_inodes=, mode=, uid= …) are kept by the
 * kernel if they are not given. */
static unsigned long remount_flags(const char *mount_options, const char *super_options) {
        static const struct {
                const char *word;
                unsigned long flag;
        } of_mount[] = {
                { "ro", MS_RDONLY },           { "nosuid", MS_NOSUID },
                { "nodev", MS_NODEV },         { "noexec", MS_NOEXEC },
                { "noatime", MS_NOATIME },     { "nodiratime", MS_NODIRATIME },
                { "relatime", MS_RELATIME },   { "nosymfollow", MS_NOSYMFOLLOW },
        }, of_super[] = {
                { "sync", MS_SYNCHRONOUS },
                { "dirsync", MS_DIRSYNC },
                { "mand", MS_MANDLOCK },
                { "lazytime", MS_LAZYTIME },
        };
        unsigned long flags = 0;

        FOREACH_ELEMENT (o, of_mount)
                flags |= mount_has_option(mount_options, o->word) ? o->flag : 0;
        FOREACH_ELEMENT (o, of_super)
                flags |= mount_has_option(super_options, o->word) ? o->flag : 0;
        return flags & (MS_RELATIME | MS_NOATIME) ? flags : flags | MS_STRICTATIME;
}

/* Finds the tmpfs mounted at path; the last one, because the topmost counts. */
static int find_mount(const char *path, unsigned long *ret_flags) {
        _cleanup_free_ char *real = realpath(path, NULL), *line = NULL;
        _cleanup_fclose_ FILE *f = NULL;
        size_t room = 0;
        int r = -EINVAL;

        if (!real)
                return -errno;
        f = fopen("/proc/self/mountinfo", "re");
        if (!f)
                return -errno;
        while (getline(&line, &room, f) >= 0) {
                MountLine m;

                line[strcspn(line, "\n")] = '\0';
                if (!mountinfo_parse(line, &m) || !streq(m.point, real))
                        continue;
                r = streq(m.type, "tmpfs") ? 0 : -EINVAL;
                if (r >= 0)
                        *ret_flags = remount_flags(m.options, m.super_options);
        }
        return ferror(f) ? -EIO : r;
}

/* Why the kernel returned EINVAL, or another error unchanged. */
static int remount_error(int error, const char *path, uint64_t size) {
        MemFs fs = {};

        if (error == -EACCES) /* the error that AppArmor returns */
                return -EPERM;
        if (error == -EINVAL && size > 0 && memfs_measure(path, &fs) >= 0 && fs.used > size)
                return -EBUSY;
        return error;
}

int memfs_remount(const char *path, uint64_t size, bool noexec) {
        char data[sizeof("size=") + 20];
        unsigned long flags = 0, page = (unsigned long) sysconf(_SC_PAGESIZE);
        bool resize;
        MemFs fs = {};
        int r;

        r = memfs_measure(path, &fs);
        if (r < 0)
                return r;
        r = find_mount(path, &flags);
        if (r < 0)
                return r;
        if (size > UINT64_MAX - page)
                return -EINVAL;
        resize = (size + page - 1) / page * page != fs.size;
        if (!resize && fs.noexec == noexec)
                return 0;
        if (flags & MS_RDONLY)
                return -EROFS;
        flags = noexec ? flags | MS_NOEXEC : flags & ~(unsigned long) MS_NOEXEC;
        /* noexec is a flag of this mount only. A host may allow changing it, but not the file
         * system itself, of which other mounts may exist. */
        if (!resize)
                return remount_error(
                        RET_NERRNO(mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | flags, NULL)),
                        path, 0);
        if (size > 0 && size < fs.used)
                return -EBUSY;
        snprintf(data, sizeof(data), "size=%ju", (uintmax_t) size);
        return remount_error(RET_NERRNO(mount(NULL, path, NULL, MS_REMOUNT | flags, data)), path,
                             size);
}
