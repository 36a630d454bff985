/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The step that gives the guest its network and the name of its tap, before anything is made of
 * them: what is "auto" is chosen, and noted in the configuration in force; what is not must be
 * free.
 *
 * Free is what nothing on the host uses (addresses, routes of all tables, gateways) and no other
 * guest has claimed. Claims are noted in the directory that all umlds share, under its lock, so
 * that of two guests that start at the same moment each gets its own. What was chosen is kept in
 * STATE/NAME/network, for the next time. */

#include <stdio.h>

#include "daemon/net/net.h"

/* -EAGAIN, with no fault set: another umld has the lock. */
int net_addresses_up(Net *net, Fault *f);
int net_addresses_down(Net *net, Fault *f);

/* What was chosen, for another configuration that wants the same. */
void net_addresses_carry(const Config *from, Config *to);

/* Checks whether the host has begun to use the guest's network otherwise. 1 = the answer has
 * changed since the last call; net_addresses_warning() has it. */
int net_addresses_look(Net *net);

/* A sentence, or nothing. */
void net_addresses_warning(const Net *net, FILE *file);

/* ---- pure ---- */

enum {
        NETWORK_CLAIM_TEXT_MAX = 64,
};

/* The claim of a guest; as text "ADDRESS/PREFIX TAP". */
typedef struct NetworkClaim {
        struct in_addr host;
        unsigned prefix;
        char tap[IFNAMSIZ];
} NetworkClaim;

void network_claim_format(const NetworkClaim *c, char buf[static NETWORK_CLAIM_TEXT_MAX]);
/* -EBADMSG: malformed. */
int network_claim_parse(const char *text, NetworkClaim *ret);
