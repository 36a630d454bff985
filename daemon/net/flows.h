/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Makes the host forget the guest's flows that contradict its rules (nat/flow.h).
 *
 * There may be hundreds of thousands of flows to look through, so that goes on in slices, each some
 * milliseconds at most, between which umld does everything else. */

#include "daemon/net/net.h"

/* The rules are those of today's plan now, or are gone. changed: flows may meet something else than
 * before, and the search begins. */
void net_flows_follow(Net *net, bool changed);

/* Goes on with it: 0 = it is over, or there is none; -EAGAIN: *f says what it waits for. */
int net_flows_step(Net *net, Fault *f);

void net_flows_end(Net *net);
