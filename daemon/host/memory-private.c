/* SPDX-License-Identifier: GPL-2.0-or-later */
/* memory-private.c - a tmpfs for one guest's memory file only, of exactly the maximum size: nobody
 * else can fill it. Preferably in the guest's own mount namespace, with which it vanishes; if the
 * host does not support that, in the guest's runtime directory. */

#include <sys/mount.h>

#include "basic/file-util.h"
#include "basic/log.h"
#include "basic/string-util.h"
#include "daemon/host/host.h"
#include "host/memfs.h"
#include "host/mount-ns.h"
#include "host/private-memfs.h"

static char *directory_of(const Host *h) {
        return strfmt("%s/memory", h->directory);
}

/* Removes our mounts there, however many, and the directory. */
static int remove_mount(const char *path, bool mounted) {
        while (mounted)
                if (umount2(path, MNT_DETACH) < 0) {
                        if (errno != EINVAL && errno != ENOENT)
                                return -errno;
                        mounted = false;
                }
        return rmdir(path) < 0 && errno != ENOENT ? -errno : 0;
}

static int mount_for_all_to_see(Host *h, const char *path) {
        int r = ledger_note_mount(&h->ledger, path);

        return r < 0 ? r : private_memfs_mount(path, h->jail.uid, h->memory.need);
}

static int make_directory(const Host *h, const char *path) {
        int r = mkdir_p(path, 0700);

        return r < 0 ? r : RET_NERRNO(chown(path, h->jail.uid, h->jail.uid));
}

static int private_down(Host *h);

static int private_up(Host *h, Fault *f) {
        _cleanup_free_ char *path = directory_of(h);
        int r, in_namespace;

        if (!path)
                return -ENOMEM;
        if (h->quiet) {
                h->memory.path = TAKE_PTR(path);
                return 0;
        }
        r = make_directory(h, path);
        if (r < 0)
                return fault_set(f, VERDICT_MEMORY, true, r,
                                 "%s: cannot create the directory for the guest's memory: %m",
                                 path);
        if (h->jail.has_tree) /* nothing can be added to it */
                jail_drop_mount_ns(&h->jail);
        in_namespace = r = mount_ns_add(&h->jail.making_mount, &h->jail.mount_ns_fd,
                                        &(const MountWish){ .what = MOUNT_MEMORY,
                                                            .owner = h->jail.uid,
                                                            .directory = path,
                                                            .size = h->memory.need });
        if (r == -EAGAIN)
                return jail_wait_for_namespace(&h->jail.making_mount, VERDICT_MEMORY, f);
        if (r < 0)
                r = mount_for_all_to_see(h, path);
        if (r < 0) {
                (void) private_down(h);
                return fault_set(f, VERDICT_MEMORY, false, r,
                                 "the host refuses a tmpfs of the guest's own (%s in a mount "
                                 "namespace, %s at %s); it needs CAP_SYS_ADMIN for that",
                                 strerror(-in_namespace), strerror(-r), path);
        }
        h->memory.in_namespace = in_namespace >= 0;
        if (!h->memory.in_namespace)
                log_notice("no private mounts on this host (%s), the guest's memory is mounted at "
                           "%s",
                           strerror(-in_namespace), path);
        h->memory.path = TAKE_PTR(path);
        return 0;
}

static bool private_holds(Host *h) {
        MemFs fs;

        if (h->memory.in_namespace) /* where nobody else can change it */
                return h->jail.mount_ns_fd >= 0;
        return memfs_measure(h->memory.path, &fs) >= 0 && fs.tmpfs && !fs.noexec && !fs.read_only &&
               fs.size >= h->memory.need;
}

static int private_down(Host *h) {
        _cleanup_free_ char *path = directory_of(h);
        int r;

        if (h->memory.in_namespace)
                jail_drop_mount_ns(&h->jail);
        r = path ? remove_mount(h->ledger.mount ?: path, h->ledger.mount != NULL) : -ENOMEM;
        if (r < 0)
                log_warning_errno(r, "%s: cannot be unmounted and removed, ignoring: %m",
                                  path ?: h->directory);
        return r;
}

const BackingOps backing_private = { .up = private_up,
                                     .holds = private_holds,
                                     .down = private_down };
