/* SPDX-License-Identifier: GPL-2.0-or-later */
/* jail-cgroup.c - the cgroup of all processes of a guest, if the host allows us to create one, and
 * what they may use of the host's memory and CPUs. */

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#include "basic/log.h"
#include "basic/string-util.h"
#include "daemon/host/host.h"
#include "host/cgroup.h"

#define MEBIBYTE UINT64_C(1048576)

/* Beside the guest's memory: what the host keeps of each of its processes, and its page cache,
 * which the host takes back before the limit ends anything. */
#define MEMORY_ROOM (256 * MEBIBYTE)

void jail_drop_cgroups(Jail *j) {
        j->cgroup_fd = safe_close(j->cgroup_fd);
        for (int i = 0; i < CGROUP_RESOURCES; i++) {
                j->limit_fds[i] = safe_close(j->limit_fds[i]);
                j->limited[i] = false;
        }
}

static int open_directory(const char *path) {
        return RET_NERRNO(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

/* One layer of several: without it the pid namespace, or umld-init as subreaper, has the same
 * effect. */
static void make_group(Host *h, const char *name) {
        _cleanup_free_ char *path = NULL;
        int r = cgroup_path(name, &path);

        if (h->jail.cgroup_fd >= 0 || !layer_wanted(h, CONFINE_CGROUP))
                return;
        if (r >= 0)
                r = ledger_note_cgroup(&h->ledger, path);
        if (r >= 0)
                r = cgroup_create(path);
        if (r >= 0)
                r = h->jail.cgroup_fd = open_directory(path);
        if (r < 0)
                layer_set_refused(h, CONFINE_CGROUP, r, NULL);
        else
                layer_set_on(h, CONFINE_CGROUP, NULL);
}

/* ---- limits ---- */

static CgroupLimits limits_for(const Config *c) {
        return (CgroupLimits){ .memory = 2 * c->memory + MEMORY_ROOM,
                               .cpu_weight = c->cpu_weight,
                               .cpu_quota = c->cpu_quota };
}

/* Its processes begin in it. That of version 1 is tried first. */
static int use(Host *h, CgroupResource resource, const CgroupPlace *place) {
        _cleanup_close_ int fd = open_directory(place->path);

        if (fd < 0)
                return fd;
        if (!place->unified)
                h->jail.limit_fds[resource] = TAKE_FD(fd);
        else if (h->jail.cgroup_fd < 0)
                h->jail.cgroup_fd = TAKE_FD(fd);
        return 0;
}

static int limit(Host *h, CgroupResource resource, const char *name, const CgroupLimits *limits) {
        _cleanup_(cgroup_place_done) CgroupPlace place = {};
        int r = cgroup_limit_place(resource, name, &place);

        if (r >= 0)
                r = ledger_note_cgroup(&h->ledger, place.path);
        if (r >= 0)
                r = cgroup_limit_set(resource, &place, limits);
        if (r >= 0)
                r = use(h, resource, &place);
        h->jail.limited[resource] = r >= 0;
        return r;
}

static void limit_memory(Host *h, const char *name) {
        const CgroupLimits limits = limits_for(h->config);
        char text[LAYER_DETAIL_MAX];
        int r;

        if (h->jail.limited[CGROUP_MEMORY] || !layer_wanted(h, CONFINE_MEMORY))
                return;
        r = limit(h, CGROUP_MEMORY, name, &limits);
        snprintf(text, sizeof(text), "%" PRIu64 "M", limits.memory / MEBIBYTE);
        if (r >= 0)
                layer_set_on(h, CONFINE_MEMORY, text);
        else
                layer_set_refused(h, CONFINE_MEMORY, r,
                                  layer_wanted(h, CONFINE_LIMITS)
                                          ? "only that of each process is limited"
                                          : NULL);
}

static void limit_cpu(Host *h, const char *name) {
        const CgroupLimits limits = limits_for(h->config);
        char weight[32] = "", quota[32] = "", text[LAYER_DETAIL_MAX];
        int r;

        if (h->jail.limited[CGROUP_CPU] || !layer_wanted(h, CONFINE_CPU))
                return;
        r = limit(h, CGROUP_CPU, name, &limits);
        if (limits.cpu_weight > 0)
                snprintf(weight, sizeof(weight), "weight %u", limits.cpu_weight);
        if (limits.cpu_quota > 0)
                snprintf(quota, sizeof(quota), "at most %u%%", limits.cpu_quota);
        snprintf(text, sizeof(text), "%s%s%s", weight, weight[0] && quota[0] ? ", " : "", quota);
        if (r >= 0)
                layer_set_on(h, CONFINE_CPU, text);
        else
                layer_set_refused(h, CONFINE_CPU, r, "CPUWeight= and CPUQuota= have no effect");
}

static void limit_again(Host *h, CgroupResource resource, ConfineLayer layer) {
        const CgroupLimits limits = limits_for(h->config);
        _cleanup_free_ char *own = NULL;

        if (!h->jail.limited[resource] || h->jail.limit_fds[resource] >= 0)
                return; /* there are none, or they are those of version 1, which has other groups */
        if (cgroup_path("", &own) < 0)
                return;
        for (size_t i = 0; i < h->ledger.cgroups.n; i++) {
                const char *path = h->ledger.cgroups.v[i];
                int r = startswith(path, own) ? cgroup_limit_again(resource, path, &limits) : 0;

                if (r < 0 && r != -EOPNOTSUPP)
                        layer_set_refused(h, layer, r, "its limits were lost when umld died");
        }
}

void jail_cgroup_adopt(Host *h) {
        limit_again(h, CGROUP_MEMORY, CONFINE_MEMORY);
        limit_again(h, CGROUP_CPU, CONFINE_CPU);
}

/* ---- the step ---- */

int jail_cgroup_up(Host *h, Fault *f) {
        _cleanup_free_ char *name = strfmt("umld-%s.%d", h->config->name, getpid());

        (void) f;
        if (!name)
                return -ENOMEM;
        make_group(h, name);
        limit_memory(h, name);
        limit_cpu(h, name);
        return 0;
}

/* Processes killed a moment ago may not have left it yet. */
static int remove_group(const char *path, Fault *f) {
        int r = cgroup_kill(path);

        if (r >= 0 || r == -EOPNOTSUPP)
                r = cgroup_remove(path);
        if (r == -EBUSY)
                return fault_wait(f, VERDICT_EXIT, -EBADF,
                                  "the processes in the control group %s to end", path);
        if (r < 0)
                log_warning_errno(r, "%s: cannot be removed, ignoring: %m", path);
        return MIN(r, 0);
}

int jail_cgroup_down(Host *h, Fault *f) {
        int left = 0;

        jail_drop_cgroups(&h->jail);
        for (size_t i = 0; i < h->ledger.cgroups.n; i++) {
                int r = remove_group(h->ledger.cgroups.v[i], f);

                if (r == -EAGAIN)
                        return r;
                left = MIN(r, left);
        }
        if (h->ledger.cgroups.n > 0)
                cgroup_return(false);
        return left;
}
