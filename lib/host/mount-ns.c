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

/* What to add; all of it is its own, since whoever wanted it may no longer be there. */
typedef struct Addition {
        int old; /* the namespace to add to; negative: a new one is made */
        uid_t owner;
        char *directory;
        uint64_t size;
        MountTree *tree;
} Addition;

static void addition_free(void *data) {
        Addition *a = data;

        safe_close(a->old);
        free(a->directory);
        mount_tree_free(a->tree);
        free(a);
}

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

static int make(Addition *a, int (*mount_it)(const Addition *a)) {
        int r = a->old >= 0 ? RET_NERRNO(setns(a->old, CLONE_NEWNS)) : new_namespace();

        a->old = safe_close(a->old);
        return r < 0 ? r : mount_it(a);
}

static int make_with_tun(void *userdata) {
        return make(userdata, mount_tun);
}

static int make_with_memory(void *userdata) {
        return make(userdata, mount_memory);
}

static int make_with_tree(void *userdata) {
        return make(userdata, mount_tree);
}

static int addition_new(int old, Addition **ret) {
        Addition *a = calloc(1, sizeof(*a));

        if (!a)
                return -ENOMEM;
        a->old = old >= 0 ? RET_NERRNO(fcntl(old, F_DUPFD_CLOEXEC, 0)) : -EBADF;
        if (old >= 0 && a->old < 0) {
                int r = a->old;

                free(a);
                return r;
        }
        *ret = a;
        return 0;
}

static int begin(NsJob *job, int (*how)(void *userdata), Addition *a) {
        return ns_job_begin(job, &(const NsWish){ .file = "mnt",
                                                  .make = how,
                                                  .userdata = a,
                                                  .free_userdata = addition_free });
}

static int take(NsJob *job, int *fd) {
        int r = ns_job_take(job);

        if (r < 0)
                return r;
        safe_close(*fd);
        *fd = r;
        return 0;
}

static int begin_tun(NsJob *job, int fd, uid_t owner) {
        Addition *a;
        int r = addition_new(fd, &a);

        if (r < 0)
                return r;
        a->owner = owner;
        return begin(job, make_with_tun, a);
}

int mount_ns_add_tun(NsJob *job, int *fd, uid_t owner) {
        int r = mount_ns_adds_tun(job) ? 0 : begin_tun(job, *fd, owner);

        return r < 0 ? r : take(job, fd);
}

static int begin_memory(NsJob *job, int fd, const char *directory, uid_t owner, uint64_t size) {
        Addition *a;
        int r = addition_new(fd, &a);

        if (r < 0)
                return r;
        a->owner = owner;
        a->size = size;
        a->directory = strdup(directory);
        if (a->directory)
                return begin(job, make_with_memory, a);
        addition_free(a);
        return -ENOMEM;
}

int mount_ns_add_memory(NsJob *job, int *fd, const char *directory, uid_t owner, uint64_t size) {
        int r = mount_ns_adds_memory(job) ? 0 : begin_memory(job, *fd, directory, owner, size);

        return r < 0 ? r : take(job, fd);
}

static int begin_tree(NsJob *job, int fd, const MountTree *tree) {
        Addition *a;
        int r = addition_new(fd, &a);

        if (r < 0)
                return r;
        a->tree = mount_tree_copy(tree);
        if (a->tree)
                return begin(job, make_with_tree, a);
        addition_free(a);
        return -ENOMEM;
}

int mount_ns_add_tree(NsJob *job, int *fd, const MountTree *tree) {
        int r = mount_ns_adds_tree(job) ? 0 : begin_tree(job, *fd, tree);

        return r < 0 ? r : take(job, fd);
}

bool mount_ns_adds_tun(const NsJob *job) {
        return ns_job_makes(job, make_with_tun);
}

bool mount_ns_adds_memory(const NsJob *job) {
        return ns_job_makes(job, make_with_memory);
}

bool mount_ns_adds_tree(const NsJob *job) {
        return ns_job_makes(job, make_with_tree);
}
