/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The host as one guest needs it, except for the network (daemon/net/net.h).
 *
 * The host is set up in steps (daemon/setup/setup.h has their table). A step checks first, changes
 * only what differs, and may be repeated at any time: after a restart it costs a check, and if
 * somebody else has changed something it repairs just that. Each step has an undo, for which
 * "already gone" is success.
 *
 * umld may be killed between any two of these changes. So every change that cannot be derived from
 * the guest's name alone is first recorded in the ledger; the next umld of that guest reads the
 * ledger, undoes what is recorded there, and removes it only when nothing is left. Settings that
 * guests share are recorded in a common directory (shared), with the guests that need them.
 *
 * umld --check uses the same steps: with `quiet` set they check, plan and refuse as usual, and
 * change nothing. */

#include "basic/job.h"
#include "conf/config.h"
#include "daemon/base/fault.h"
#include "daemon/host/jail.h"
#include "daemon/host/kernel.h"
#include "daemon/host/layers.h"
#include "daemon/host/ledger.h"
#include "daemon/host/memory.h"

/* What the steps share. Kernel, Jail and HostMemory belong to the steps that their own headers
 * name. */
typedef struct Host {
        Config *config; /* borrowed. The guest replaces it at a start, after an undo if settings of
                           the host differ; a reload changes what it points to, and the step
                           "network" fills in what is "auto" */

        /* Written once, by host_new(). */
        char *runtime;   /* RUNTIME: one directory for each guest */
        char *directory; /* RUNTIME/NAME */
        char *shared;    /* RUNTIME/.shared: settings of the host that guests have in common */
        char *uml_dir;   /* the guest's own directory for its sockets */
        char *sockets;   /* RUNTIME/NAME/sockets: ours that the guest sends to */

        LockWait shared_wait; /* for the lock of that directory; written by daemon/setup */

        /* Written by each step before it changes something, and by its undo. */
        Ledger ledger;

        /* Written by daemon/setup only. */
        bool quiet;         /* only check and plan, change nothing */
        bool programs_said; /* hostfs.c: the warning of set-user-ID programs */
        bool is_up;         /* all steps have succeeded, and none was undone since */

        /* Set by the guest: syncs its disks. 0 = done; -EAGAIN: not yet, and *ret_fd is the
         * descriptor for fault_wait(). NULL: nothing has been written to them. */
        int (*flush)(void *userdata, int *ret_fd);
        void *flush_userdata;

        Kernel kernel;
        Jail jail;
        Layers layers; /* written through layer_set_on() and layer_set_refused() */
        int disk_fds[2 *
                     CONFIG_DISKS_MAX]; /* locks, -EBADF where there is none; each disk, then its
                                           copy-on-write file. Written by the step "disks" */
        bool disk_distant[2 * CONFIG_DISKS_MAX]; /* it is on a network file system or FUSE */
        Job *returning; /* the images, to their owners; of the undo of that step */
        HostMemory memory;

        /* Written by the step "files". */
        Child look;   /* at what the configuration names */
        bool distant; /* some of that is on a network file system or FUSE (host/distant.h) */
        bool silent;  /* and that did not respond */
} Host;

/* config is borrowed; runtime is RUNTIME. Loads the ledger of a previous umld. */
int host_new(Config *config, const char *runtime, Host **ret);
/* Frees; undoes nothing. */
Host *host_free(Host *h);
DEFINE_CLEANUP(Host *, host_free)

/* Is the umld of that guest alive? userdata: RUNTIME. */
bool host_guest_alive(const char *name, void *userdata);
