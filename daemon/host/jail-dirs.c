/* SPDX-License-Identifier: GPL-2.0-or-later */
/* jail-dirs.c - the directories that umld and the guest's kernel have in common: the kernel's own,
 * for its sockets, and one of umld's, for the sockets that the kernel sends to.
 *
 * The kernel's own is a small tmpfs, as part of its root directory, where the host allows that: a
 * guest that fills it fills nothing else, and there is never much to remove. */

#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "basic/cleanup.h"
#include "basic/file-util.h"
#include "basic/log.h"
#include "daemon/host/host.h"

#define REMOVAL_MAX (50 * USEC_PER_MSEC) /* at a time */

/* A directory, the number of the kernel's process, its socket, and some to spare. */
#define UML_DIR_OPTIONS "mode=0700,size=64k,nr_inodes=16"

/* A directory that is not a tmpfs may have been filled by a hostile guest. */
static int wait_for_removal(const Host *h, Fault *f) {
        return fault_wait(f, VERDICT_DISK, -EBADF, "the removal of what the guest has left in %s",
                          h->uml_dir);
}

static bool is_mounted(const Host *h) {
        struct stat own, parent;

        return lstat(h->uml_dir, &own) >= 0 && stat(h->directory, &parent) >= 0 &&
               own.st_dev != parent.st_dev;
}

/* There may be several mounts: one for each umld that was killed between mounting and the next
 * step. */
static int unmount(const Host *h) {
        while (is_mounted(h))
                if (umount2(h->uml_dir, MNT_DETACH) < 0)
                        return -errno;
        return 0;
}

static int mount_small(const Host *h) {
        char options[sizeof(UML_DIR_OPTIONS) + 32];

        snprintf(options, sizeof(options), UML_DIR_OPTIONS ",uid=%u,gid=%u", (unsigned) h->jail.uid,
                 (unsigned) h->jail.uid);
        return RET_NERRNO(
                mount("umld", h->uml_dir, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, options));
}

static int make_uml_dir(Host *h) {
        int r = unmount(h);

        if (r >= 0)
                r = rm_rf_for(h->uml_dir, REMOVAL_MAX);
        if (r >= 0)
                r = RET_NERRNO(mkdir(h->uml_dir, 0700));
        if (r >= 0)
                r = RET_NERRNO(chown(h->uml_dir, h->jail.uid, h->jail.uid));
        if (r < 0)
                return r;
        if (!layer_wanted(h, CONFINE_ROOT))
                return 0;
        r = mount_small(h);
        if (r < 0)
                log_debug_errno(r, "%s: cannot be a tmpfs of its own, continuing: %m", h->uml_dir);
        else
                jail_drop_mount_ns(&h->jail); /* it contains the previous mount */
        return 0;
}

static int make_sockets(const Host *h) {
        int r = mkdir_p(h->sockets, 0711);

        return r < 0 ? r : clear_directory(h->sockets, NULL);
}

/* Empty at each start: a stale umid makes the kernel choose another name. */
int jail_dirs_up(Host *h, Fault *f) {
        int r = mkdir_p(h->directory, 0711); /* it may have been deleted */

        if (r >= 0)
                r = h->is_up && is_mounted(h) ? clear_directory(h->uml_dir, NULL) : make_uml_dir(h);
        if (r == -EAGAIN)
                return wait_for_removal(h, f);
        if (r >= 0)
                r = make_sockets(h);
        if (r < 0)
                return fault_set(f, VERDICT_DISK, true, r,
                                 "%s: cannot create the guest's runtime directory: %m", h->uml_dir);
        return 0;
}

int jail_dirs_down(Host *h, Fault *f) {
        int r = unmount(h);

        if (r >= 0)
                r = rm_rf_for(h->uml_dir, REMOVAL_MAX);
        if (r == -EAGAIN)
                return wait_for_removal(h, f);
        if (r >= 0)
                r = rm_rf_for(h->sockets, REMOVAL_MAX);
        if (r < 0)
                log_warning_errno(r, "%s: cannot remove, ignoring: %m", h->uml_dir);
        return MIN(r, 0);
}
