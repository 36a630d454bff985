/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What umld-init does to the process that becomes the guest's kernel, or a relay: layers of
 * confinement, each of which the configuration may switch off and the host refuse. */

#include <sys/types.h>

#include "basic/macro.h"
#include "daemon/programs/guest-limits.h"
#include "host/init-protocol.h"

enum {
        ENVIRONMENT_MAX = 16,
};

typedef struct InitOptions {
        uid_t uid;
        const char *directory;
        bool mount_ns, one_cpu, seccomp_log, shared_memory;
        bool over_files; /* a root that may do what it likes with files that it reaches */
        bool service;    /* not a kernel, but a program that gets a listening socket */
        bool outlive; /* umld may end before us, if others have the other end of INIT_FD_STATUS */
        const char *tap;           /* its network namespace is empty, and this is its interface */
        int tun_fd;                /* with that: the kernel's end of the socket to the broker */
        const char *store;         /* where the next umld connects; NULL: we end with this one */
        uint64_t layers, required; /* CONFINE_BIT()s: to apply, and those that must not fail */
        char *environment[ENVIRONMENT_MAX + 2 + 1]; /* including what announce_socket() adds */
        size_t n_environment;
        char **argv; /* of the kernel */
        LaunchLimits limits;
} InitOptions;

/* Tells umld. */
void init_report(InitMessageType type, int error, int status, const char *step);
_noreturn_ void init_fail(int error, const char *step);

/* Those that need no go-ahead, from those that need root to those that do not. A layer that is
 * required and refused ends the process, one that is not is reported. */
void init_layers_apply(const InitOptions *o);

/* Those that have to wait for the go-ahead of umld; nothing but a report and the exec follows. */
void init_last_layers_apply(const InitOptions *o);
