/* SPDX-License-Identifier: GPL-2.0-or-later */
/* jail.c - the descriptors that hold the guest's namespaces and its cgroup. */

#include "daemon/host/jail.h"
#include "basic/cleanup.h"
#include "daemon/host/host.h"
#include "host/filter-order.h"
#include "host/launch.h"

void jail_init(Jail *j) {
        *j = (Jail){ .mount_ns_fd = -EBADF,
                     .net_ns_fd = -EBADF,
                     .cgroup_fd = -EBADF,
                     .limit_fds = { -EBADF, -EBADF },
                     .seccomp_refused = filter_order_check() };
        if (launch_try_namespaces(CONFINE_BIT(CONFINE_PID_NAMESPACE) |
                                  CONFINE_BIT(CONFINE_IPC_NAMESPACE)) >= 0)
                return;
        j->pid_refused = launch_try_namespaces(CONFINE_BIT(CONFINE_PID_NAMESPACE));
        j->ipc_refused = launch_try_namespaces(CONFINE_BIT(CONFINE_IPC_NAMESPACE));
}

static void say(Host *h, ConfineLayer layer, int refused, const char *instead) {
        if (!layer_wanted(h, layer))
                return;
        if (refused < 0)
                layer_set_refused(h, layer, refused, instead);
        else
                layer_set_on(h, layer, NULL);
}

static void say_seccomp(Host *h) {
        if (!layer_wanted(h, CONFINE_SECCOMP))
                return;
        if (h->jail.seccomp_refused < 0)
                layer_set_refused(h, CONFINE_SECCOMP, h->jail.seccomp_refused,
                                  h->jail.seccomp_refused == -EOPNOTSUPP
                                          ? "it would apply to the guest's programs, too"
                                          : NULL);
        else
                layer_set_on(h, CONFINE_SECCOMP,
                             h->config->seccomp == SECCOMP_LOG ? "but only logs" : NULL);
}

int jail_layers_up(Host *h, Fault *f) {
        layers_begin(h);
        say(h, CONFINE_PID_NAMESPACE, h->jail.pid_refused, "child subreaper instead");
        say(h, CONFINE_IPC_NAMESPACE, h->jail.ipc_refused, NULL);
        say_seccomp(h);
        return 0;
}

/* Both of these objects see to it. */
int jail_dumpable_up(Host *h, Fault *f) {
        bool can = h->jail.net_ns_fd >= 0 || (h->kernel.console_fix && jail_has_pid_namespace(h));

        if (!layer_wanted(h, CONFINE_NOT_DUMPABLE))
                return 0;
        if (can)
                layer_set_on(h, CONFINE_NOT_DUMPABLE, NULL);
        else
                layer_set_refused(h, CONFINE_NOT_DUMPABLE, -EOPNOTSUPP,
                                  h->kernel.uml->static_linked
                                          ? "nothing can be preloaded into a static kernel"
                                          : "nothing is preloaded into the kernel");
        return 0;
}

int jail_wait_for_namespace(const NsJob *making, Verdict verdict, Fault *f) {
        return fault_wait(f, verdict, ns_job_wake_fd(making),
                          "a namespace of the guest's, which is being made");
}

bool jail_has_pid_namespace(const Host *h) {
        return h->jail.pid_refused == 0 && layer_wanted(h, CONFINE_PID_NAMESPACE);
}

void jail_done(Jail *j) {
        child_done(&j->question);
        child_done(&j->reach);
        child_done(&j->tun);
        ns_job_done(&j->making_mount);
        ns_job_done(&j->making_net);
        jail_drop_cgroups(j);
        j->net_ns_fd = safe_close(j->net_ns_fd);
        j->mount_ns_fd = safe_close(j->mount_ns_fd);
}

void jail_drop_net_ns(Jail *j) {
        ns_job_done(&j->making_net);
        j->net_ns_fd = safe_close(j->net_ns_fd);
        if (j->tun_access == TUN_BROKER)
                j->tun_access = TUN_UNKNOWN;
}

void jail_drop_mount_ns(Jail *j) {
        child_done(&j->tun);
        ns_job_done(&j->making_mount);
        j->has_tree = false;
        j->mount_ns_fd = safe_close(j->mount_ns_fd);
        if (j->tun_access == TUN_OWN_NODE)
                j->tun_access = TUN_UNKNOWN;
}
