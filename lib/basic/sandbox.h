/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a helper process of root's gives up before it reads what a stranger or a guest has written:
 * its user, its capabilities, the network, writing to any file that it was not given, system calls
 * that it does not need, and most of the host's resources. Each kind of helper has a user of its
 * own, so that one that was taken over can do nothing to a guest, nor to a helper of another kind.
 *
 * Only system calls: it is used between fork and exec. */

#include <sys/types.h>

#include "basic/macro.h"

/* The users of helpers, below those of guests (host/guest-uid.h). They are in no database. */
enum {
        TRIAL_UID = 60795,      /* a kernel that umlctl doctor boots */
        PROBE_UID = 60796,      /* a kernel that is asked for its features */
        IMAGE_UID = 60797,      /* umld-image */
        DISK_CHECK_UID = 60798, /* e2fsck before a start */
        RELAY_UID = 60799,      /* relays of ports */
};

typedef struct Sandbox {
        uid_t uid;          /* and its only group */
        uint64_t files;     /* descriptors */
        uint64_t file_size; /* bytes it may make a file grow to; UINT64_MAX = not limited */
        uint64_t memory;    /* of its address space; 0 = not limited */
} Sandbox;

/* For spawn(): a helper that begins so sees no process but its own descendants. */
#define SANDBOX_NAMESPACES CLONE_NEWPID

/* Irrevocable. What a host refuses of it is left out; 1 = it has not even a user to become (a
 * container with few of them). Without root only no_new_privs and the limits are left to be done.
 */
int sandbox_enter(const Sandbox *s);

/* Part of it: all mounts become read-only for this process. own_pids: it is in a PID namespace of
 * its own, which /proc shows from now on. -EPERM etc.: not on this host. */
int sandbox_mounts(bool own_pids);
