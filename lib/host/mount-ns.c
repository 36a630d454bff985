/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mount-ns.c - the mount namespace of a guest's kernel. */

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "basic/cleanup.h"
#include "basic/spawn.h"
#include "host/mount-ns.h"
#include "host/private-memfs.h"

enum {
        TUN_MAJOR = 10, /* Documentation/networking/tuntap.rst */
        TUN_MINOR = 200,
};

/* Descriptors of the child that makes it. */
enum {
        FD_OLD = 3, /* the namespace to add to */
        FD_PARENT,
        FDS,
};

/* What to add. */
typedef struct Addition {
        bool join; /* else a new namespace is made */
        int (*mount)(const struct Addition *a);
        uid_t owner;
        const char *directory;
        uint64_t size;
        const MountTree *tree;
} Addition;

static int mount_tun(const Addition *a) {
        if (mount("tmpfs", "/dev/net", "tmpfs", MS_NOSUID | MS_NOEXEC,
                  "mode=0755,size=4k,nr_inodes=4") < 0)
                return -errno;
        if (mknod("/dev/net/tun", S_IFCHR | 0600, makedev(TUN_MAJOR, TUN_MINOR)) < 0)
                return -errno;
        return RET_NERRNO(chown("/dev/net/tun", a->owner, a->owner));
}

static int mount_memory(const Addition *a) {
        return private_memfs_mount(a->directory, a->owner, a->size);
}

static int mount_tree(const Addition *a) {
        return mount_tree_enter(a->tree);
}

/* setns() leads to the root of the namespace, which in a chroot is not our root directory, and ours
 * need not be a mount. So the namespace gets our root directory as its root. */
static int pivot_to(const char *root) {
        if (mount(".", ".", NULL, MS_BIND | MS_REC, NULL) < 0 || chdir(root) < 0 ||
            syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0)
                return -errno;
        return 0;
}

static int new_namespace(void) {
        _cleanup_close_ int ours = -EBADF, namespace = -EBADF;
        char root[PATH_MAX];

        if (unshare(CLONE_NEWNS) < 0)
                return -errno;
        ours = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        namespace = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
        if (ours < 0 || namespace < 0 || setns(namespace, CLONE_NEWNS) < 0 ||
            mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 || fchdir(ours) < 0 ||
            !getcwd(root, sizeof(root)))
                return -errno;
        return streq(root, "/") ? 0 : pivot_to(root);
}

static int enter_namespace(bool join) {
        return join ? RET_NERRNO(setns(FD_OLD, CLONE_NEWNS)) : new_namespace();
}

/* In a child, whose namespace we open while it waits: unshare() would also move us. */
static int run_child(void *userdata) {
        const Addition *a = userdata;
        int r = enter_namespace(a->join);
        char c;

        if (r >= 0)
                r = a->mount(a);
        (void) !write(FD_PARENT, &r, sizeof(r));
        (void) !read(FD_PARENT, &c, 1);
        return 0;
}

static int open_namespace(pid_t child, int fd) {
        char path[32];
        int r;

        if (read(fd, &r, sizeof(r)) != sizeof(r))
                return -EIO;
        if (r < 0)
                return r;
        snprintf(path, sizeof(path), "/proc/%d/ns/mnt", child);
        return RET_NERRNO(open(path, O_RDONLY | O_CLOEXEC));
}

/* Returns a descriptor of the namespace with the addition. */
static int make(int old, Addition *a) {
        _cleanup_close_ int ours = -EBADF, theirs = -EBADF;
        int fds[FDS], pair[2], r;
        pid_t child;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        ours = pair[0];
        theirs = pair[1];
        a->join = old >= 0;
        for (size_t i = 0; i < FDS; i++) /* not our own 0, 1 and 2: one of them may be `ours` */
                fds[i] = i == FD_OLD && a->join ? old : theirs;
        r = spawn(&(const Spawn){ .run = run_child, .userdata = a, .fds = fds, .n_fds = FDS },
                  &child);
        if (r < 0)
                return r;
        theirs = safe_close(theirs);
        r = open_namespace(child, ours);
        ours = safe_close(ours); /* lets the child exit */
        (void) spawn_wait(child);
        return r;
}

static int add(int *fd, Addition *a) {
        int made = make(*fd, a);

        if (made < 0)
                return made;
        safe_close(*fd);
        *fd = made;
        return 0;
}

int mount_ns_add_tun(int *fd, uid_t owner) {
        return add(fd, &(Addition){ .mount = mount_tun, .owner = owner });
}

int mount_ns_add_memory(int *fd, const char *directory, uid_t owner, uint64_t size) {
        return add(fd, &(Addition){ .mount = mount_memory,
                                    .owner = owner,
                                    .directory = directory,
                                    .size = size });
}

int mount_ns_add_tree(int *fd, const MountTree *tree) {
        return add(fd, &(Addition){ .mount = mount_tree, .tree = tree });
}
