/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The guest's firewall rules.
 *
 * Ours stand in chains of our own, one set for each guest, and the host's own chains hold nothing
 * of us but jumps to them. So an administrator's rules and those of other programs are never
 * rewritten, all that is one guest's can be told by its name and removed as a whole, and what a
 * killed umld left is found by the next one without any note of it.
 *
 * Rules follow from more than the configuration: from the uplinks and their addresses, from the
 * ports that the host itself must keep (the guard), from the backend. When one of these has changed
 * the rules are stale: what stands in the tables is right for a host that is no more. Stale rules
 * are set again as soon as the lock of the tables can be had, and stay stale until that has
 * succeeded.
 *
 * Rules that are not stale may still have drifted: somebody reloaded a firewall or removed a chain.
 * Nobody is told of that, so the tables are compared with the plan every few seconds
 * (daemon/net/watch.c; lib/nat/xt-check.c says how thoroughly), behind each restart of the guest's
 * kernel, and when somebody asks. Drift is repaired at once and logged; a repair puts back ours,
 * and leaves alone whatever else has changed. While the uplink is gone there is nothing to follow,
 * and the last rules stay, which do no harm. */

#include "daemon/net/net.h"

/* The step. */
int net_rules_up(Net *net, Fault *f);
int net_rules_down(Net *net, Fault *f);

/* Checks whether the guest's rules are still there, and whether what they are derived from has
 * changed: the uplink, its addresses, the guarded ports. If so, sets them again: 1, else 0.
 * -EAGAIN: it cannot be done now, and *f says what it waits for. */
int net_rules_follow(Net *net, Fault *f);

/* Are the rules still as we set them, 1, or not, 0? The kernel returns each table as a whole, so
 * this needs no lock: a process that holds it only matters if there is something to repair. */
int net_rules_compare(Net *net, Fault *f);

/* Reads the uplinks and their addresses, for an answer that must not be older than the question;
 * the check that an event has ordered may still be ahead. If they have changed, the rules are
 * stale. */
void net_rules_refresh(Net *net);

/* About the guest's rules as they are now: */
int net_rules_right(Net *net); /* 1 = correct, 0 = not */
/* how many connections the rule for that port has counted */
int net_rules_packets(Net *net, const Forward *port, uint64_t *ret);
