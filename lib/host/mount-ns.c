/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mount-ns.c - the mount namespace of a guest's kernel. */

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "basic/cleanup.h"
#include "host/mount-ns.h"
#include "host/private-memfs.h"

enum {
        TUN_MAJOR = 10, /* Documentation/networking/tuntap.rst */
        TUN_MINOR = 200,
};

/* All of it is its own, since whoever wanted it may no longer be there. */
typedef struct Addition {
        int old; /* the namespace to add to; negative: a new one is made */
        MountWish wish;
        char *directory; /* what the wish points to */
        MountTree *tree;
} Addition;

static void addition_free(void *data) {
        Addition *a = data;

        safe_close(a->old);
        free(a->directory);
        mount_tree_free(a->tree);
        free(a);
}

static int mount_tun(const MountWish *w) {
        if (mount("tmpfs", "/dev/net", "tmpfs", MS_NOSUID | MS_NOEXEC,
                  "mode=0755,size=4k,nr_inodes=4") < 0)
                return -errno;
        if (mknod("/dev/net/tun", S_IFCHR | 0600, makedev(TUN_MAJOR, TUN_MINOR)) < 0)
                return -errno;
        return RET_NERRNO(chown("/dev/net/tun", w->owner, w->owner));
}

static int mount_memory(const MountWish *w) {
        return private_memfs_mount(w->directory, w->owner, w->size);
}

static int mount_tree(const MountWish *w) {
        return mount_tree_enter(w->tree);
}

static int (*const mounts[])(const MountWish *w) = {
        [MOUNT_TUN] = mount_tun,
        [MOUNT_MEMORY] = mount_memory,
        [MOUNT_TREE] = mount_tree,
};

/* setns() leads to the root of the namespace, which in a chroot is not our root directory, and ours
 * need not be a mount. So the namespace gets our root directory as its root. */
static int pivot_to(const char *root) {
        if (mount(".", ".", NULL, MS_BIND | MS_REC, NULL) < 0 || chdir(root) < 0 ||
            syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0)
                return -errno;
        return 0;
}

static int new_namespace(void) {
        _cleanup_close_ int ours = -EBADF, all = -EBADF, namespace = -EBADF;
        char root[PATH_MAX];

        if (unshare(CLONE_NEWNS) < 0)
                return -errno;
        ours = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        all = ns_open_of_thread();
        namespace = openat(all, "mnt", O_RDONLY | O_CLOEXEC);
        if (ours < 0 || namespace < 0 || setns(namespace, CLONE_NEWNS) < 0 ||
            mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 || fchdir(ours) < 0 ||
            !getcwd(root, sizeof(root)))
                return -errno;
        return streq(root, "/") ? 0 : pivot_to(root);
}

static int make(void *userdata) {
        Addition *a = userdata;
        int r = a->old >= 0 ? RET_NERRNO(setns(a->old, CLONE_NEWNS)) : new_namespace();

        a->old = safe_close(a->old);
        return r < 0 ? r : mounts[a->wish.what](&a->wish);
}

static int addition_fill(Addition *a, int old, const MountWish *w) {
        if (old >= 0 && (a->old = fcntl(old, F_DUPFD_CLOEXEC, 0)) < 0)
                return -errno;
        if (w->directory && !(a->wish.directory = a->directory = strdup(w->directory)))
                return -ENOMEM;
        if (w->tree && !(a->wish.tree = a->tree = mount_tree_copy(w->tree)))
                return -ENOMEM;
        return 0;
}

static int begin(NsJob *job, int old, const MountWish *w) {
        Addition *a = malloc(sizeof(*a));
        int r;

        if (!a)
                return -ENOMEM;
        *a = (Addition){ .old = -EBADF, .wish = *w };
        r = addition_fill(a, old, w);
        if (r < 0) {
                addition_free(a);
                return r;
        }
        return ns_job_begin(job, &(const NsWish){ .file = "mnt",
                                                  .kind = w->what,
                                                  .make = make,
                                                  .userdata = a,
                                                  .free_userdata = addition_free });
}

int mount_ns_add(NsJob *job, int *fd, const MountWish *w) {
        int r = ns_job_makes(job, w->what) ? 0 : begin(job, *fd, w);

        if (r >= 0)
                r = ns_job_take(job);
        if (r < 0)
                return r;
        safe_close(*fd);
        *fd = r;
        return 0;
}
