/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the tests of nat/plan.c share: a guest's plan. */

#include "test.h"

#include "nat/plan.h"

#define GUEST6                                                                                     \
        {                                                                                          \
                {                                                                                  \
                        { 0xfd, [15] = 2 }                                                         \
                }                                                                                  \
        }
#define HOST6                                                                                      \
        {                                                                                          \
                {                                                                                  \
                        { 0xfd, [15] = 1 }                                                         \
                }                                                                                  \
        }

static inline NatPlan plan_with(const Forward *forwards, size_t n) {
        return (NatPlan){
                .guest = "web",
                .tap = "tap0",
                .uplink = "venet0",
                .side[NAT_IPV4].guest_address.v4 = { htonl(0x0a000002) },
                .side[NAT_IPV4].masquerade = true,
                .forwards = forwards,
                .n_forwards = n,
        };
}
