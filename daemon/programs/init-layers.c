/* SPDX-License-Identifier: GPL-2.0-or-later */
/* init-layers.c - confines the process that becomes the guest's kernel, or a relay. */

#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "basic/capabilities.h"
#include "basic/confine.h"
#include "basic/helper-filter.h"
#include "basic/sandbox.h"
#include "daemon/programs/init-layers.h"
#include "daemon/programs/syscall-filter.h"
#include "host/cpus.h"

enum {
        SERVICE_FILES_MAX = 4096, /* descriptors: 256 connections use 6 each */
};

void init_report(InitMessageType type, int error, int status, const char *step) {
        InitMessage m = { .type = type, .error = error, .status = status };

        snprintf(m.step, sizeof(m.step), "%s", step);
        (void) !send(INIT_FD_STATUS, &m, sizeof(m), MSG_NOSIGNAL);
}

/* ---- layers, from those that need root to those that do not ---- */

/* The namespace created by umld, with mounts that only the guest may see. */
static int layer_mount_namespace(const InitOptions *o) {
        return o->mount_ns ? RET_NERRNO(setns(INIT_FD_MOUNT_NS, CLONE_NEWNS)) : 0;
}

static int layer_network_namespace(const InitOptions *o) {
        if (!o->tap)
                return 0;
        if (setns(INIT_FD_NET_NS, CLONE_NEWNET) < 0)
                return -errno;
        /* What had this number is of no use to the kernel. */
        return dup2(o->tun_fd, GUEST_FD_TUN) < 0 ? -errno : 0;
}

/* A kernel has its own root directory instead. A host that refuses it lets the relay run. */
static int layer_service_mounts(const InitOptions *o) {
        if (o->service)
                (void) sandbox_mounts(o->layers & CONFINE_BIT(CONFINE_PID_NAMESPACE));
        return 0;
}

/* The kernel tells its guest the name of its host. */
static int layer_host_name(const InitOptions *o) {
        static const char name[] = "umld";

        if (o->service)
                return 0;
        if (unshare(CLONE_NEWUTS) < 0)
                return -errno;
        return RET_NERRNO(sethostname(name, sizeof(name) - 1));
}

static int layer_limits(const InitOptions *o) {
        const struct rlimit no_core = { 0, 0 };
        struct rlimit files;

        if (o->service) {
                if (getrlimit(RLIMIT_NOFILE, &files) < 0)
                        return -errno;
                files.rlim_max = MIN(files.rlim_max, (rlim_t) SERVICE_FILES_MAX);
                files.rlim_cur = files.rlim_max;
                if (setrlimit(RLIMIT_NOFILE, &files) < 0)
                        return -errno;
        }
        return RET_NERRNO(setrlimit(RLIMIT_CORE, &no_core));
}

static int layer_guest_limits(const InitOptions *o) {
        return guest_limits_apply(&o->limits);
}

/* What root needs to install a system into a directory. There are no devices in what its mounts
 * show, whatever nodes it makes. */
#define CAPABILITIES_OVER_FILES                                                                    \
        (UINT64_C(1) << CAP_CHOWN | UINT64_C(1) << CAP_DAC_OVERRIDE | UINT64_C(1) << CAP_FOWNER |  \
         UINT64_C(1) << CAP_FSETID | UINT64_C(1) << CAP_MKNOD)

static int leave_groups(void) {
        return getgroups(0, NULL) == 0 ? 0 : RET_NERRNO(setgroups(0, NULL));
}

/* Drops the privileges that a child could inherit. Our own capabilities go with the change of user.
 */
static int layer_capabilities(const InitOptions *o) {
        int r;

        if (!o->over_files)
                return capabilities_keep(0);
        /* Not even to leave its groups will it have one. */
        r = leave_groups();
        return r < 0 ? r : capabilities_keep(CAPABILITIES_OVER_FILES);
}

static int layer_user(const InitOptions *o) {
        if (leave_groups() < 0 || setresgid(o->uid, o->uid, o->uid) < 0 ||
            setresuid(o->uid, o->uid, o->uid) < 0)
                return -errno;
        return 0;
}

static int layer_no_new_privileges(const InitOptions *o) {
        (void) o;
        return RET_NERRNO(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

/* Not before the change of user, which clears it. */
static int layer_parent_death(const InitOptions *o) {
        (void) o;
        return RET_NERRNO(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0));
}

/* 6.x kernels enlarge the memory file by up to 1 GB if addresses are randomised, and later ones
 * would re-exec themselves through /proc to disable that. */
static int layer_fixed_addresses(const InitOptions *o) {
        if (o->service)
                return 0;
        return RET_NERRNO(personality(PER_LINUX | ADDR_NO_RANDOMIZE));
}

typedef struct Layer {
        const char *step;
        int (*apply)(const InitOptions *o);
        ConfineLayer confine; /* it can be switched off, and the host may refuse it; 0 = it must
                                 succeed */
} Layer;

static const Layer layers[] = {
        { "limits of the guest", layer_guest_limits, CONFINE_LIMITS }, /* needs /proc */
        { "host name", layer_host_name, CONFINE_UTS_NAMESPACE },
        { "network namespace", layer_network_namespace },
        { "mount namespace", layer_mount_namespace },
        { "mounts", layer_service_mounts },
        { "resource limits", layer_limits },
        { "capabilities", layer_capabilities, CONFINE_CAPABILITIES },
        { "change of user", layer_user }, /* needs its capabilities */
        { "no_new_privs", layer_no_new_privileges, CONFINE_NO_NEW_PRIVILEGES },
        { "parent-death signal", layer_parent_death },
        { "fixed addresses", layer_fixed_addresses },
};
static_assert(CONFINE_USER == 0, "the one layer that is never left out here");

/* ---- steps that have to wait for the go-ahead of umld ---- */

/* This is not confinement: on a host that refuses it the guest is only slower. */
static int layer_one_cpu(const InitOptions *o) {
        if (o->one_cpu)
                (void) cpu_stay();
        return 0;
}

/* umld creates it again for each boot. */
static int layer_directory(const InitOptions *o) {
        return RET_NERRNO(chdir(o->directory));
}

/* Such a kernel shares some memory with a process by which it tries whether it can do that. */
static bool uses_seccomp(char *const *argv) {
        for (; *argv; argv++)
                if (streq(*argv, "seccomp=on") || streq(*argv, "seccomp=auto"))
                        return true;
        return false;
}

/* Nothing but the report and the exec follows, so that the list is the kernel's own. */
static int layer_filter(const InitOptions *o) {
        bool shared = o->shared_memory || uses_seccomp(o->argv);
        const struct sock_fprog *filter = &syscall_filters[o->seccomp_log][shared];

        if (o->service)
                return helper_filter_apply(HELPER_SOCKETS | HELPER_PROGRAMS);
        return filter->len > 0 ? filter_apply(filter) : -EOPNOTSUPP;
}

static const Layer last_layers[] = {
        { "change of directory", layer_directory },
        { "CPU", layer_one_cpu },
        { "filter of system calls", layer_filter, CONFINE_SECCOMP },
};

/* ---- how they are applied ---- */

_noreturn_ void init_fail(int error, const char *step) {
        init_report(INIT_FAILED, error, -1, step);
        _exit(126);
}

/* Never leaves out what is required, and nothing silently. */
static void give_up_layer(const InitOptions *o, const Layer *l, int error) {
        if (l->confine == 0)
                init_fail(error, l->step);
        if (!(o->required & CONFINE_BIT(l->confine))) {
                init_report(INIT_LAYER, error, (int) l->confine, l->step);
                return;
        }
        init_report(INIT_FAILED, error, (int) l->confine, l->step);
        _exit(126);
}

static void apply_layers(const InitOptions *o, const Layer *l, size_t n) {
        for (const Layer *end = l + n; l < end; l++) {
                int r = 0;

                if (l->confine == 0 || (o->layers & CONFINE_BIT(l->confine)))
                        r = l->apply(o);
                if (r < 0)
                        give_up_layer(o, l, -r);
        }
}

void init_layers_apply(const InitOptions *o) {
        apply_layers(o, layers, ARRAY_SIZE(layers));
}

void init_last_layers_apply(const InitOptions *o) {
        apply_layers(o, last_layers, ARRAY_SIZE(last_layers));
}
