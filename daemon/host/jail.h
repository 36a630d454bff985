/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What isolates the guest's processes from the rest of the host: a user, namespaces, a cgroup; and
 * whether that user can still access what the guest needs. */

#include <sys/types.h>

#include "basic/child.h"
#include "daemon/base/lock-wait.h"
#include "host/cgroup-limit.h"
#include "host/ns-job.h"

struct Host;

/* How the guest's user gets access to /dev/net/tun. */
typedef enum TunAccess {
        TUN_UNKNOWN,
        TUN_OPEN_TO_ALL,  /* it always had access */
        TUN_OWN_NODE,     /* one of its own, in a mount namespace */
        TUN_USER_LET_IN,  /* the host's, whose access control list has that user for now */
        TUN_MODE_CHANGED, /* the host's was opened to all, for as long as a guest needs it */
        TUN_BROKER,       /* umld-init opens it for a kernel in a network namespace of its own */
} TunAccess;

typedef struct Jail {
        uid_t likely_uid; /* of a check, which allocates none: whose rights are looked at */
        uid_t uid;        /* of the guest's processes; written by the step "user" */
        Child question;   /* the look-up of that user */
        Child reach, tun; /* may that user access what it needs, and the host's tun node? */
        NsJob making_mount, making_net; /* of the namespaces below */
        LockWait lock_wait;             /* the wait for the lock of STATE, needed to allocate it */
        bool reachable; /* its user can access everything it needs: set by "reach"; cleared by the
                           steps "kernel", "user" and "disks" when they change that */
        TunAccess tun_access; /* written by "tun", forgotten when the mount namespace is dropped */
        int mount_ns_fd; /* what only the guest sees: its tun node ("tun"), its memory ("memory");
                            -EBADF: nothing. Dropped by jail_drop_mount_ns() alone. */
        bool has_tree;   /* its root is complete ("tree"): nothing more can be added to it */
        int net_ns_fd;   /* its network namespace ("net"), -EBADF: the host's */
        int cgroup_fd;   /* of all of the guest's processes, -EBADF: none; written by "cgroup" */
        int limit_fds[CGROUP_RESOURCES]; /* the same in hierarchies of version 1 that limit them;
                                            umld-init tells whether it can move there */
        bool limited[CGROUP_RESOURCES];  /* by one of these groups */
        int seccomp_refused; /* why the host cannot filter system calls, or 0; by jail_init() */
        int pid_refused, ipc_refused; /* why the host refuses such a namespace, 0 = it does not;
                                         written once, by jail_init() */
} Jail;

void jail_init(Jail *j);
/* Closes what it holds; undoes nothing. */
void jail_done(Jail *j);

/* One of the namespaces is being made: -EAGAIN. */
int jail_wait_for_namespace(const NsJob *making, Verdict verdict, Fault *f);

/* Drops the guest's mount namespace; the steps that need it create their mounts again. */
void jail_drop_mount_ns(Jail *j);

void jail_drop_net_ns(Jail *j);
/* Closes the cgroups; they remain. */
void jail_drop_cgroups(Jail *j);

/* jail-net.c: an empty network namespace. */
int jail_net_up(struct Host *h, Fault *f);
int jail_net_down(struct Host *h, Fault *f);

/* jail-tree.c: a root directory that holds only what the kernel needs. */
int jail_tree_up(struct Host *h, Fault *f);

/* The first step: which layers are configured, and which of them the host was found to refuse when
 * it was asked at the start. */
int jail_layers_up(struct Host *h, Fault *f);
/* Will what is preloaded into the kernel make it not dumpable? A step. */
int jail_dumpable_up(struct Host *h, Fault *f);

/* Will the guest's processes be in a PID namespace? */
bool jail_has_pid_namespace(const struct Host *h);

/* jail-dirs.c: the directories that it shares with umld; part of the step "user". */
int jail_dirs_up(struct Host *h, Fault *f);
int jail_dirs_down(struct Host *h, Fault *f);

/* jail-user.c: the guest's uid. */
int jail_user_up(struct Host *h, Fault *f);
int jail_user_down(struct Host *h, Fault *f);
/* Can its user access everything it needs? In jail-user.c, too. */
int jail_reach_up(struct Host *h, Fault *f);

/* jail-tun.c: a /dev/net/tun that its user may open. */
int jail_tun_up(struct Host *h, Fault *f);
int jail_tun_down(struct Host *h, Fault *f);

/* jail-cgroup.c: a cgroup for its processes, if the host allows us to create one, and what it may
 * use of the host's memory and CPUs. */
int jail_cgroup_up(struct Host *h, Fault *f);
int jail_cgroup_down(struct Host *h, Fault *f);
/* Of a guest that runs: systemd cannot start an umld as long as groups below that of the unit have
 * limits, so they were taken away (umld --ended), and are set again. */
void jail_cgroup_adopt(struct Host *h);
