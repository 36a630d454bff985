/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What umld-init tells umld over the SOCK_SEQPACKET pair it was started with: one message per
 * packet. umld answers INIT_EXITED with a packet of one byte. Both are from the same build, but for
 * an umld that has taken over the guest of another one (host/init-store.h), which gets INIT_EXITED
 * alone: this one never changes. */

#include <stdint.h>

typedef enum InitMessageType {
        INIT_STARTING, /* sent by the kernel's process itself, with its credentials, just before its
                          exec */
        INIT_LAYER,    /* the host refuses a layer of confinement, which is not required */
        INIT_FAILED,   /* a step before or at the exec failed; nothing of the guest has run */
        INIT_EXITED,   /* the kernel's main process ended with this wait status */
        INIT_ALONE,    /* it cannot wait for another umld, and ends with this one */
} InitMessageType;

typedef struct InitMessage {
        uint32_t type;
        int32_t error;  /* INIT_FAILED, INIT_LAYER, INIT_ALONE: errno */
        int32_t status; /* INIT_EXITED: as from waitpid(); INIT_LAYER: the ConfineLayer;
                           INIT_FAILED: the same if it is required, else -1 */
        char step[36];  /* INIT_FAILED: the step that failed */
} InitMessage;

/* In the environment of the guest's kernel: what is preloaded into it leaves it dumpable. */
#define GUEST_DUMPABLE "UMLD_DUMPABLE"

/* Descriptors of the guest's kernel; umld-init's status socket follows them. */
enum {
        GUEST_FD_TERMINAL = 3, /* input of its console; it prints to standard output */
        INIT_FD_STATUS = 4,
        INIT_FD_MOUNT_NS = 5, /* only with --mount-ns */
        INIT_FD_NET_NS = 6,   /* only with --tap */
        INIT_FD_STORE = 7,    /* only with --store */
        INIT_FD_MAX = 7,
        GUEST_FD_TUN = 7, /* the kernel's, made by umld-init: host/tun-protocol.h. The store is not
                             the kernel's, which never has both */
        /* Passed with the one byte that starts the kernel: standard output, the terminal, and
           optionally a descriptor whose close by the exec reports it. */
        INIT_GO_FDS = 2,
        INIT_GO_FDS_MAX = 3,
};
