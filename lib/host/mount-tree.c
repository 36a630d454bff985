/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mount-tree.c - builds the root directory of a guest's kernel out of bind mounts. */

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

#include "basic/cleanup.h"
#include "basic/file-util.h"
#include "basic/random.h"
#include "host/mount-tree.h"

/* It holds only directories and mount points, which take up no pages. */
#define ROOT_OPTIONS "mode=0755,size=64k,nr_inodes=256"

/* Creates the directories above a path below the working directory. */
static int make_parents(const char *path) {
        char part[PATH_MAX];

        for (const char *p = strchr(path, '/'); p; p = strchr(p + 1, '/')) {
                snprintf(part, sizeof(part), "%.*s", (int) (p - path), path);
                if (mkdir(part, 0755) < 0 && errno != EEXIST)
                        return -errno;
        }
        return 0;
}

static int make_mount_point(const char *path, bool directory) {
        int r = make_parents(path), fd;

        if (r < 0)
                return r;
        if (directory)
                return mkdir(path, 0755) < 0 && errno != EEXIST ? -errno : 0;
        fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0444);
        if (fd < 0)
                return -errno;
        safe_close(fd);
        return 0;
}

/* What a remount has to repeat: some hosts do not allow a flag of theirs to be dropped. */
static unsigned long flags_of(const char *path) {
        static const struct {
                unsigned long seen, flag;
        } pairs[] = {
                { ST_RDONLY, MS_RDONLY },     { ST_NOSUID, MS_NOSUID },
                { ST_NODEV, MS_NODEV },       { ST_NOEXEC, MS_NOEXEC },
                { ST_NOATIME, MS_NOATIME },   { ST_NODIRATIME, MS_NODIRATIME },
                { ST_RELATIME, MS_RELATIME },
        };
        unsigned long flags = 0;
        struct statvfs fs;

        if (statvfs(path, &fs) < 0)
                return 0;
        FOREACH_ELEMENT (p, pairs)
                if (fs.f_flag & p->seen)
                        flags |= p->flag;
        return flags;
}

static int bind_fd(int source, const char *target) {
        char path[32];

        snprintf(path, sizeof(path), "/proc/self/fd/%d", source);
        return RET_NERRNO(mount(path, target, NULL, MS_BIND, NULL));
}

static int restrict_mount(const TreeEntry *e, const char *target) {
        unsigned long flags = flags_of(target) | MS_NOSUID;
        struct stat st;

        if (!e->writable)
                flags |= MS_RDONLY;
        if (!e->executable)
                flags |= MS_NOEXEC;
        if (stat(target, &st) >= 0 && !S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
                flags |= MS_NODEV;
        return RET_NERRNO(mount(NULL, target, NULL, MS_REMOUNT | MS_BIND | flags, NULL));
}

/* Can unnamed files be made in a directory that no longer has a name? */
static bool takes_unnamed(const char *directory) {
        int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

        safe_close(fd);
        return fd >= 0;
}

/* All users may make files in /dev/shm, so nobody must foresee the name, or get in while the
 * directory has one: it gets its owner last. Without a name it could no longer be bound. */
static int bind_new(const TreeEntry *e, int source, const char *target) {
        _cleanup_close_ int made = -EBADF;
        char name[NAME_MAX + 1];
        uint64_t random;
        int r = random_bytes(&random, sizeof(random));

        if (r < 0)
                return r;
        snprintf(name, sizeof(name), "%.200s.%016" PRIx64, e->name, random);
        if (mkdirat(source, name, 0700) < 0)
                return -errno;
        made = openat(source, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        r = made < 0 ? -errno : bind_fd(made, target);
        if (unlinkat(source, name, AT_REMOVEDIR) < 0 && r >= 0)
                r = -errno;
        return r < 0 ? r : RET_NERRNO(fchown(made, e->owner, e->owner));
}

/* Where the file system has no unnamed files, the kernel has to see the whole directory. */
static int bind_unnamed(const TreeEntry *e, int source, const char *target) {
        int r = bind_new(e, source, target);

        if (r < 0 || takes_unnamed(target))
                return r;
        (void) umount2(target, MNT_DETACH);
        return bind_fd(source, target);
}

static int mount_entry(const TreeEntry *e, int source) {
        const char *target = e->path + 1; /* below the working directory */
        int r = make_mount_point(target, e->kind != TREE_FILE);

        if (r < 0)
                return r;
        r = e->kind == TREE_UNNAMED ? bind_unnamed(e, source, target) : bind_fd(source, target);
        return r < 0 ? r : restrict_mount(e, target);
}

static int open_source(const TreeEntry *e) {
        int flags = e->kind == TREE_UNNAMED ? O_RDONLY | O_CLOEXEC : O_PATH | O_CLOEXEC;

        return e->plain ? open_plain_directory(e->source) : RET_NERRNO(open(e->source, flags));
}

/* Before anything is mounted over them. *n is the number of those that are open, also on failure.
 */
static int open_sources(const MountTree *tree, int fds[static TREE_ENTRIES_MAX], size_t *n) {
        for (*n = 0; *n < tree->n; ++*n) {
                fds[*n] = open_source(&tree->entries[*n]);
                if (fds[*n] < 0)
                        return fds[*n];
        }
        return 0;
}

static int build(const MountTree *tree, const int *fds) {
        int r = 0;

        (void) umask(022); /* ours may be narrower, but the guest's user has to get through */
        if (mount("umld", tree->base, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, ROOT_OPTIONS) <
                    0 ||
            chdir(tree->base) < 0)
                return -errno;
        for (size_t i = 0; r >= 0 && i < tree->n; i++)
                r = mount_entry(&tree->entries[i], fds[i]);
        if (r >= 0)
                r = RET_NERRNO(mount(NULL, ".", NULL,
                                     MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
                                     ROOT_OPTIONS));
        if (r >= 0)
                r = RET_NERRNO((int) syscall(SYS_pivot_root, ".", "."));
        if (r >= 0)
                return umount2(".", MNT_DETACH) < 0 || chdir("/") < 0 ? -errno : 0;
        /* The namespace may still be used, but without the tree. */
        if (chdir("/") >= 0)
                (void) umount2(tree->base, MNT_DETACH);
        return r;
}

int mount_tree_enter(const MountTree *tree) {
        int fds[TREE_ENTRIES_MAX], r;
        size_t n;

        r = open_sources(tree, fds, &n);
        if (r >= 0)
                r = build(tree, fds);
        while (n > 0)
                safe_close(fds[--n]);
        return r;
}

/* ---- copies ---- */

static size_t size_of(const char *s) {
        return s ? strlen(s) + 1 : 0;
}

/* Appends it; NULL stays NULL. */
static const char *put(char **place, const char *s) {
        char *copy = *place;

        if (!s)
                return NULL;
        *place = stpcpy(copy, s) + 1;
        return copy;
}

MountTree *mount_tree_copy(const MountTree *tree) {
        size_t size = sizeof(*tree) + size_of(tree->base);
        MountTree *copy;
        char *place;

        for (size_t i = 0; i < tree->n; i++) {
                const TreeEntry *e = &tree->entries[i];

                size += size_of(e->path) + size_of(e->source) + size_of(e->name);
        }
        copy = malloc(size);
        if (!copy)
                return NULL;
        *copy = *tree;
        place = (char *) (copy + 1);
        copy->base = put(&place, tree->base);
        for (size_t i = 0; i < tree->n; i++) {
                TreeEntry *e = &copy->entries[i];

                e->path = put(&place, e->path);
                e->source = put(&place, e->source);
                e->name = put(&place, e->name);
        }
        return copy;
}

MountTree *mount_tree_free(MountTree *tree) {
        free(tree);
        return NULL;
}
