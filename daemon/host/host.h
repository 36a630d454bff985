/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The host as one guest needs it, except for the network (daemon/net/net.h).
 *
 * What is done to the host is done in steps (daemon/setup/setup.h has their table). A step looks
 * first, changes only what differs from what it wants, and may be repeated at any time: behind a
 * restart it costs a look, and when somebody else has changed something it repairs just that. Each
 * has an undo, which takes "already gone" for success.
 *
 * An umld may be killed between any two of these changes. So whatever cannot be told from the
 * guest's name alone is written into the ledger before it is changed; the next umld of that guest
 * reads it, undoes what is noted there, and forgets the ledger only when nothing is left behind.
 * What guests have in common is noted in a directory of its own (shared), with who needs it.
 *
 * The same steps also serve umld --check: with quiet set they look, plan and refuse as they would
 * else, and change nothing. */

#include "conf/config.h"
#include "daemon/base/fault.h"
#include "daemon/host/jail.h"
#include "daemon/host/kernel.h"
#include "daemon/host/ledger.h"
#include "daemon/host/memory.h"

/* What the steps share. Each part beside belongs to the steps that its own header names. */
typedef struct Host {
        Config *config; /* borrowed. The guest replaces it at a start, after the undo where its
                           host part is another one; a reload changes what it points to, and the
                           step "network" fills in what is "auto" */

        /* Written once, by host_new(). */
        char *runtime;   /* RUNTIME: one directory for each guest */
        char *directory; /* RUNTIME/NAME */
        char *shared;    /* RUNTIME/.shared: settings of the host that guests have in common */
        char *uml_dir;   /* the guest's own directory for its sockets */

        LockWait shared_wait; /* for the lock of that; daemon/setup's */

        /* Each step notes in it what it is about to change; the undo clears it. */
        Ledger ledger;

        /* Written by daemon/setup alone. */
        bool quiet; /* look only: plan, and change nothing */
        bool is_up; /* all steps have succeeded, and none was undone since */

        /* The guest's: makes durable what is on its disks. 0 = done; -EAGAIN: not yet, and *ret_fd
         * as fault_wait() takes it. NULL: nobody has written to them. */
        int (*flush)(void *userdata, int *ret_fd);
        void *flush_userdata;

        Kernel kernel;
        Jail jail;
        int disk_fds[2 * CONFIG_DISKS_MAX]; /* locks, -EBADF where there is none; each disk, then
                                               its copy-on-write file. Written by the step "disks",
                                               read by whoever syncs or looks at them */
        HostMemory memory;
} Host;

/* config is borrowed; runtime is RUNTIME. Loads what a predecessor left noted. */
int host_new(Config *config, const char *runtime, Host **ret);
/* Frees; undoes nothing. */
Host *host_free(Host *h);
DEFINE_CLEANUP(Host *, host_free)

/* Is the umld of that guest alive? userdata: RUNTIME. */
bool host_guest_alive(const char *name, void *userdata);
