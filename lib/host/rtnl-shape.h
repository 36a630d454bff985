/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Limits how many bytes pass an interface: a tbf qdisc for what is sent to it, a policer at its
 * ingress for what comes from it (tc-tbf(8), tc-police(8)). They vanish with the interface. */

#include "host/rtnl.h"

/* Bytes a second, at most SHAPE_RATE_MAX. What exceeds the rate waits up to 50 ms, and is then
 * dropped. -ENOENT or -EOPNOTSUPP: the kernel has no tbf. */
#define SHAPE_RATE_MAX UINT32_MAX
int net_shape_to(Rtnl *rtnl, int index, uint32_t rate);

/* What exceeds the rate is dropped. -ENOENT or -EOPNOTSUPP: the kernel has no ingress qdisc, no
 * classifier for everything (matchall, u32) or no policer; then nothing is left of it. */
int net_shape_from(Rtnl *rtnl, int index, uint32_t rate);

/* Removes the limits of both directions. */
void net_unshape(Rtnl *rtnl, int index);
