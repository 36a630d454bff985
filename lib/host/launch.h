/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Starts a guest's kernel contained: under umld-init in a pid namespace and a cgroup, if the host
 * has them, so that killing it kills every process it ever created.
 *
 * There are two steps, because most of the time of a start is spent on namespaces and the exec of
 * umld-init: launch_prepare() starts an umld-init that waits, launch_go() lets it start the kernel.
 * Days may pass between the two: an umld-init that is standing by makes a restart quick. */

#include <sys/types.h>

#include "basic/confine.h"
#include "basic/string-util.h"

/* Of each of its processes, but the first, which is of all; 0 = not limited. */
typedef struct LaunchLimits {
        uint64_t processes, files;
        uint64_t file_size, data; /* bytes */
} LaunchLimits;

typedef struct Launch {
        const char *init;        /* path of umld-init */
        const Strv *argv;        /* path and arguments of the kernel */
        const Strv *environment; /* NAME=VALUE of the kernel; its complete environment */
        uid_t uid;               /* of the kernel's process, which also becomes its only group */
        const char *directory;   /* its working directory */
        int cgroup_fd;           /* open directory of the cgroup to start in, or -EBADF */
        struct LaunchGroup {
                ConfineLayer layer;
                int fd;
        } more_cgroups[2]; /* of version 1, for these layers: the first n_more_cgroups */
        size_t n_more_cgroups;
        int mount_ns_fd;     /* mount namespace for it to enter, or -EBADF */
        int net_ns_fd;       /* network namespace for it to enter, or -EBADF: ours */
        const char *tap;     /* with net_ns_fd: the interface of ours that it may attach to */
        uint32_t layers;     /* CONFINE_BIT()s of the layers to apply; what the host refuses is
                                reported as INIT_LAYER */
        uint32_t required;   /* of those without which it must not run */
        LaunchLimits limits; /* of CONFINE_LIMITS */
        bool seccomp_log;    /* CONFINE_SECCOMP refuses nothing, but has it logged */
        bool shared_memory; /* CONFINE_SECCOMP allows memory that is in no file: this guest's memory
                               directory is no tmpfs of its own, so that nothing of a kind is
                               bounded by it, and has no room for a file with a name */
        bool one_cpu;       /* pin it to one CPU (cpus.h) */
        bool over_files;    /* as root: it keeps the capabilities over files */
        bool service;       /* not a kernel: GUEST_FD_TERMINAL is a socket for sd_listen_fds(3) */
        bool outlives; /* without a store: it does not end with us, but when nobody has status_fd
                          or a copy of it any longer */
        const char *store; /* the path where the next umld connects to umld-init (init-store.h);
                              NULL: umld-init ends with us */
} Launch;

#define LAUNCHED_NONE ((Launched){ .status_fd = -EBADF, .store_fd = -EBADF })

typedef struct Launched {
        pid_t init;    /* umld-init; if it ends, the whole guest ends. 0 = nothing was launched */
        int status_fd; /* InitMessages arrive here */
        int store_fd;  /* to its store; -EBADF: it has none */
        bool pid_namespace; /* else umld-init collects descendants as a child subreaper */
} Launched;

/* Starts an umld-init that waits for launch_go(). */
int launch_prepare(const Launch *launch, Launched *ret);

/* Lets it start the kernel with this standard output and error (its input is /dev/null) and this
 * descriptor as GUEST_FD_TERMINAL. Returns after the kernel's exec, or a few milliseconds later.
 * Everything else arrives as InitMessage. -EPIPE: it is dead. */
int launch_go(const Launched *launched, int output_fd, int terminal_fd);

/* Ends an umld-init that nobody watches, with all that is below it: children_collect() tells when
 * they are gone. */
void launch_cancel(Launched *launched);

/* Does the host allow us to create the namespaces of these layers, all at once? Checked by creating
 * them. */
int launch_try_namespaces(uint32_t layers);

/* Reads one InitMessage without blocking. INIT_STARTING: *ret_pid is the kernel's main process as
 * numbered in this pid namespace. 1 = one was read, 0 = none is queued, -ECONNRESET = the other end
 * is closed. */
struct InitMessage;
int launch_receive(int status_fd, struct InitMessage *ret, pid_t *ret_pid);
/* A new socket for InitMessages, by whose other end umld-init sends them from now on. */
int launch_status_again(Launched *launched);
/* Tells umld-init that INIT_EXITED was taken note of: it lets go of the guest's tap. */
void launch_acknowledge(int status_fd);
