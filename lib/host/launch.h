/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Starts a guest's kernel contained: under umld-init in a pid namespace and a cgroup, where the
 * host has them, so that ending it ends every process it ever made.
 *
 * In two steps, since most of a start's time goes into namespaces and the exec of umld-init:
 * launch_prepare() makes an umld-init that waits, launch_go() lets it start the kernel. Between the
 * two may lie days: an umld-init that stands by makes a restart quick. */

#include <sys/types.h>

#include "basic/string-util.h"

typedef struct Launch {
        const char *init;        /* path of umld-init */
        const Strv *argv;        /* the kernel's path and arguments */
        const Strv *environment; /* NAME=VALUE of the kernel; it gets nothing else */
        uid_t uid;               /* of the kernel's process, also its only group */
        const char *directory;   /* its working directory */
        int cgroup_fd;           /* open directory of the cgroup to start in, or -EBADF */
        int mount_ns_fd;         /* mount namespace for it to enter, or -EBADF */
        bool no_pid_namespace;   /* do not even try */
        bool one_cpu;            /* keep it to one CPU (cpus.h) */
        bool service;            /* no kernel: GUEST_FD_TERMINAL is a socket for sd_listen_fds(3) */
} Launch;

typedef struct Launched {
        pid_t init; /* umld-init; its end is the end of the whole guest. 0 = nothing was launched */
        int status_fd;      /* InitMessages arrive here */
        bool pid_namespace; /* else umld-init collects descendants as a child subreaper */
        bool cgroup;        /* started inside cgroup_fd */
} Launched;

/* Makes an umld-init that waits for launch_go(). */
int launch_prepare(const Launch *launch, Launched *ret);

/* Lets it start the kernel with this standard output and error (its input is /dev/null) and this
 * descriptor as GUEST_FD_TERMINAL. Returns after the kernel's exec, or a few milliseconds later.
 * Everything else arrives as InitMessage. -EPIPE: it is dead. */
int launch_go(const Launched *launched, int output_fd, int terminal_fd);

/* Ends an umld-init that nobody watches, with all that is below it, and reaps it. */
void launch_cancel(Launched *launched);

/* Does the host let us make pid namespaces? Found out by making one. */
bool launch_has_pid_namespaces(void);

/* Reads one InitMessage without blocking. INIT_STARTING: *ret_pid is the kernel's main process as
 * this pid namespace numbers it. 1 = one was read, 0 = none is there, -ECONNRESET = the other end
 * is gone. */
struct InitMessage;
int launch_receive(int status_fd, struct InitMessage *ret, pid_t *ret_pid);
