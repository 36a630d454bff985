/* SPDX-License-Identifier: GPL-2.0-or-later */
/* jail-cgroup.c - the cgroup of all processes of a guest, if the host allows us to create one. */

#include <fcntl.h>

#include "basic/log.h"
#include "basic/string-util.h"
#include "daemon/host/host.h"
#include "host/cgroup.h"

/* One layer of several: without it the pid namespace, or umld-init as subreaper, has the same
 * effect. */
int jail_cgroup_up(Host *h, Fault *f) {
        _cleanup_free_ char *name = strfmt("umld-%s.%d", h->config->name, getpid()), *path = NULL;
        int r;

        (void) f;
        if (h->jail.cgroup_fd >= 0 || !layer_wanted(h, CONFINE_CGROUP))
                return 0;
        if (!name)
                return -ENOMEM;
        r = cgroup_path(name, &path);
        if (r >= 0)
                r = ledger_note_cgroup(&h->ledger, path);
        if (r >= 0)
                r = cgroup_create(path);
        if (r >= 0)
                h->jail.cgroup_fd = RET_NERRNO(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (r >= 0)
                r = MIN(h->jail.cgroup_fd, 0);
        if (r < 0)
                layer_set_refused(h, CONFINE_CGROUP, r, NULL);
        else
                layer_set_on(h, CONFINE_CGROUP, NULL);
        return 0;
}

/* Processes killed a moment ago may not have left it yet. */
int jail_cgroup_down(Host *h, Fault *f) {
        const char *path = h->ledger.cgroup;
        int r;

        h->jail.cgroup_fd = safe_close(h->jail.cgroup_fd);
        if (!path)
                return 0;
        r = cgroup_kill(path);
        if (r >= 0 || r == -EOPNOTSUPP)
                r = cgroup_remove(path);
        if (r == -EBUSY)
                return fault_wait(f, VERDICT_EXIT, -EBADF,
                                  "the processes in the control group %s to end", path);
        if (r < 0)
                log_warning_errno(r, "%s: cannot be removed, ignoring: %m", path);
        return MIN(r, 0);
}
