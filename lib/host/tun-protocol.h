/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* How the guest's kernel gets its tap: one packet for each question and each answer, over
 * GUEST_FD_TUN. Both ends are of the same build, so the format has no version. */

#include <net/if.h>
#include <stdint.h>

typedef struct TunRequest {
        char name[IFNAMSIZ]; /* as in TUNSETIFF */
        uint32_t flags;
} TunRequest;

typedef struct TunAnswer {
        int32_t error; /* 0: a descriptor comes with it, attached to the interface */
} TunAnswer;
