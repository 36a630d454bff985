/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What umld-init tells umld over the SOCK_SEQPACKET pair it was started with: one message a packet.
 * Both come from one build and one boot of a guest, so the layout has no version. */

#include <stdint.h>

typedef enum InitMessageType {
        INIT_STARTING, /* sent by the kernel's process itself, with its credentials, just before its
                          exec */
        INIT_FAILED,   /* a step before or at the exec failed; nothing of the guest ran */
        INIT_EXITED,   /* the kernel's main process ended with this wait status */
} InitMessageType;

typedef struct InitMessage {
        uint32_t type;
        int32_t error;  /* INIT_FAILED: errno */
        int32_t status; /* INIT_EXITED: as of waitpid() */
        char step[36];  /* INIT_FAILED: what was tried */
} InitMessage;

/* Descriptors of the guest's kernel; umld-init has its status socket behind them. */
enum {
        GUEST_FD_TERMINAL = 3, /* what its console reads; it prints to standard output */
        INIT_FD_STATUS = 4,
        INIT_FD_MOUNT_NS = 5, /* only with --mount-ns */
        INIT_FD_MAX = 5,
        /* Passed with the one byte that starts the kernel: standard output, terminal, and maybe one
         * whose close by the exec tells of that. */
        INIT_GO_FDS = 2,
        INIT_GO_FDS_MAX = 3,
};
