/* SPDX-License-Identifier: GPL-2.0-or-later */
/* launch.c - starts the guest's kernel, by the umld-init on standby if it matches. */

#include <sys/stat.h>

#include "basic/log.h"
#include "daemon/boot/cmdline.h"
#include "daemon/guest/parts.h"
#include "daemon/host/hostfs.h"
#include "daemon/host/jail-tree.h"
#include "daemon/host/limits.h"

static char *notify_path(const Guest *g) {
        return strfmt("%s/notify", g->setup->host->sockets);
}

/* The command line and environment for the next boot. 1 = the arguments of FastNetwork= did not
 * fit. */
static int build_command(const Guest *g, Strv *ret_argv, Strv *ret_environment) {
        _cleanup_free_ char *notify = notify_path(g);
        const Host *h = g->setup->host;
        const Net *net = g->setup->net;
        const GuestPaths paths = { .umid = g->config->name,
                                   .uml_dir = h->uml_dir,
                                   .notify = notify,
                                   .hostfs = hostfs_is_on(h) ? TREE_SHARES : NULL };
        const GuestNet guest_net = { .mtu = net->mtu, .ipv6 = net_has_ipv6(net) };
        const GuestEnvironment environment = {
                .memory = h->jail.has_tree ? TREE_MEMORY : h->memory.path,
                .objects = h->jail.has_tree ? TREE_OBJECTS : NULL,
                .tunables = getenv("GLIBC_TUNABLES"),
                .dumpable = !layer_wanted(h, CONFINE_NOT_DUMPABLE),
                .preload = { h->jail.net_ns_fd >= 0 ? h->kernel.tun_fix : NULL, h->kernel.cpu_fix,
                             jail_has_pid_namespace(h) ? h->kernel.console_fix : NULL },
        };
        int r, left_out;

        if (!notify)
                return -ENOMEM;
        left_out = guest_cmdline(g->config, h->kernel.uml, &guest_net, &paths, ret_argv);
        if (left_out < 0)
                return left_out;
        r = guest_environment(&environment, ret_environment);
        return r < 0 ? r : left_out;
}

bool guest_has_one_cpu(const Guest *g) {
        const UmlKernel *k = g->setup->host->kernel.uml;

        return g->config->cpu_affinity == CPU_AFFINITY_AUTO &&
               (g->config->cpus == 1 || (k && !k->smp));
}

static Launch describe_launch(const Guest *g, const Strv *argv, const Strv *environment) {
        static const ConfineLayer limits[CGROUP_RESOURCES] = {
                [CGROUP_MEMORY] = CONFINE_MEMORY, [CGROUP_CPU] = CONFINE_CPU
        };
        const Host *h = g->setup->host;
        Launch l = {
                .init = g->init,
                .argv = argv,
                .environment = environment,
                .uid = h->jail.uid,
                .directory = h->uml_dir,
                .cgroup_fd = h->jail.cgroup_fd,
                .mount_ns_fd = h->jail.mount_ns_fd,
                .net_ns_fd = h->jail.net_ns_fd,
                .tap = g->config->tap,
                .layers = layers_in_force(h),
                .required = h->config->required,
                .limits = limits_of(h),
                .seccomp_log = h->config->seccomp == SECCOMP_LOG,
                .shared_memory = h->memory.backing != BACKING_PRIVATE,
                .one_cpu = guest_has_one_cpu(g),
                .over_files = hostfs_is_roots(h),
                .store = g->keep.path,
        };

        for (int i = 0; i < CGROUP_RESOURCES; i++)
                if (h->jail.limit_fds[i] >= 0)
                        l.more_cgroups[l.n_more_cgroups++] =
                                (struct LaunchGroup){ limits[i], h->jail.limit_fds[i] };
        return l;
}

static ino_t namespace_id(int fd) {
        struct stat st;

        return fd >= 0 && fstat(fd, &st) >= 0 ? st.st_ino : 0;
}

void guest_drop_standby(Guest *g) {
        if (g->standby.launched.init > 0 && g->keep.init == g->standby.launched.init)
                guest_end_keep(g);
        launch_cancel(&g->standby.launched);
        strv_done(&g->standby.argv);
        strv_done(&g->standby.environment);
}

int guest_make_standby(Guest *g) {
        Launch l = describe_launch(g, &g->standby.argv, &g->standby.environment);
        int r;

        guest_drop_standby(g);
        /* What is left of a guest is then ended by killing all our children. */
        if (!jail_has_pid_namespace(g->setup->host) || !g->setup->host->kernel.uml)
                return 0;
        r = build_command(g, &g->standby.argv, &g->standby.environment);
        g->standby.limits = l.limits;
        g->standby.mount_ns = namespace_id(l.mount_ns_fd);
        g->standby.net_ns = namespace_id(l.net_ns_fd);
        return r < 0 ? r : launch_prepare(&l, &g->standby.launched);
}

static int fault_console(int error, Fault *f) {
        return fault_set(f, VERDICT_EXIT, true, error, "cannot create the guest's console: %m%s",
                         error == -ENOSPC || error == -EIO
                                 ? "; no pseudo-terminal is free: raise kernel.pty.max, or end "
                                   "processes that use them"
                                 : "");
}

static int fault_start(const Guest *g, int error, Fault *f) {
        if (error == -E2BIG)
                return fault_set(
                        f, VERDICT_USAGE, false, error,
                        "Append= is too long: a kernel's command line is limited to 4 KiB; "
                        "shorten it");
        return fault_set(f, VERDICT_EXIT, error != -ENOENT, error, "cannot start %s: %m",
                         config_kernel(g->config));
}

int guest_launch(Guest *g, const GuestProcessListener *listener, Fault *f) {
        const Host *h = g->setup->host;
        _cleanup_free_ char *notify = notify_path(g);
        _cleanup_strv_ Strv argv = {}, environment = {};
        _cleanup_close_ int terminal = -EBADF, output = -EBADF;
        const Launch l = describe_launch(g, &argv, &environment);
        const GuestSockets sockets = { .notify = notify,
                                       .clients = h->sockets,
                                       .uml_dir = h->uml_dir };
        int r = notify ? build_command(g, &argv, &environment) : -ENOMEM;

        if (r < 0)
                return fault_start(g, r, f);
        limits_say(g->setup->host);
        if (r > 0)
                log_warning("FastNetwork=yes: no room for its arguments on the kernel's command "
                            "line, leaving them out; shorten Append= or set FastNetwork=no");
        r = console_open(g->console, jail_has_pid_namespace(h), h->jail.uid, &terminal, &output);
        if (r < 0)
                return fault_console(r, f);
        console_note_boot(g->console, h->kernel.uml->release);
        if (!strv_equal(&argv, &g->standby.argv) ||
            !strv_equal(&environment, &g->standby.environment) ||
            memcmp(&l.limits, &g->standby.limits, sizeof(l.limits)) != 0 ||
            namespace_id(l.mount_ns_fd) != g->standby.mount_ns ||
            namespace_id(l.net_ns_fd) != g->standby.net_ns)
                guest_drop_standby(g);
        if (guest_forgo_keep(g) < 0)
                guest_drop_standby(g);
        r = guest_process_start(g->event, &l, &g->standby.launched, output, terminal, &sockets,
                                listener, &g->boot.process);
        guest_drop_standby(g);
        if (r >= 0)
                return r;
        guest_end_keep(g); /* that of the one on standby, which was used up */
        return fault_start(g, r, f);
}
