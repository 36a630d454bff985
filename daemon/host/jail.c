/* SPDX-License-Identifier: GPL-2.0-or-later */
/* jail.c - the descriptors that hold the guest's namespaces and its cgroup. */

#include "daemon/host/jail.h"
#include "basic/cleanup.h"
#include "host/launch.h"

void jail_init(Jail *j) {
        *j = (Jail){ .mount_ns_fd = -EBADF,
                     .cgroup_fd = -EBADF,
                     .pid_namespaces = launch_has_pid_namespaces() };
}

void jail_done(Jail *j) {
        child_done(&j->question);
        j->cgroup_fd = safe_close(j->cgroup_fd);
        j->mount_ns_fd = safe_close(j->mount_ns_fd);
}

void jail_drop_mount_ns(Jail *j) {
        j->mount_ns_fd = safe_close(j->mount_ns_fd);
        if (j->tun_access == TUN_OWN_NODE)
                j->tun_access = TUN_UNKNOWN;
}
